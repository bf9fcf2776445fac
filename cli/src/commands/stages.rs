//! Stages in filters, as people name them: by title, by number, by both as tables show them, or by
//! the id of their event.
//!
//! Promise: a stage that no workflow has is an error that says what was probably meant. Must not:
//! filter.

use std::collections::{BTreeMap, BTreeSet};

use aftercall_proto::workflow::v1::{
    GetWorkflowRequest, Stage, WorkflowDescription, WorkflowStage,
};
use tonic::Code;

use crate::authoring::nearest;
use crate::commands::names;
use crate::errors::{Exit, Failure};
use crate::session::Session;

/// The stages that are meant, of these workflows, or of all where none is named.
pub(crate) async fn find(
    session: &Session,
    workflows: &[String],
    named: &[String],
) -> Result<Vec<WorkflowStage>, Failure> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let of_all;
    let workflows = if workflows.is_empty() {
        of_all = names::known_workflows(session).await?;
        &of_all
    } else {
        workflows
    };
    let mut found = Found::of(named);
    let mut newest = Vec::new();
    for workflow in workflows {
        if let Some(description) = describe(session, workflow, 0).await? {
            found.look_in(&description);
            newest.push((workflow, description.version));
        }
    }
    // What runs on an older version may be in a stage that the newest no longer has.
    for (workflow, newest) in newest {
        for version in (1..newest).rev() {
            if found.is_complete() {
                break;
            }
            if let Some(description) = describe(session, workflow, version).await? {
                found.look_in(&description);
            }
        }
    }
    found.finish(workflows)
}

/// The same for a stream, which the alerter serves also while the workflow-server is away: numbers
/// are then taken as they are.
pub(crate) async fn find_for_stream(
    session: &Session,
    workflows: &[String],
    named: &[String],
) -> Result<Vec<WorkflowStage>, Failure> {
    match find(session, workflows, named).await {
        Err(failure) if failure.exit() == Exit::Unavailable && !workflows.is_empty() => {
            let numbers: Option<Vec<u32>> = named.iter().map(|name| name.parse().ok()).collect();
            let Some(numbers) = numbers else {
                return Err(failure);
            };
            let of = |workflow: &String| {
                let stage = |&stage: &u32| WorkflowStage {
                    workflow: workflow.clone(),
                    stage,
                };
                numbers.iter().map(stage).collect::<Vec<_>>()
            };
            Ok(workflows.iter().flat_map(of).collect())
        }
        found => found,
    }
}

/// Workflows and stage numbers of a filter that knows no stages by workflow.
///
/// # Errors
/// The names mean other numbers in one workflow than in another.
pub(crate) fn as_numbers(
    workflows: Vec<String>,
    named: &[String],
    found: &[WorkflowStage],
) -> Result<(Vec<String>, Vec<u32>), Failure> {
    let mut numbers: BTreeMap<&str, BTreeSet<u32>> = BTreeMap::new();
    for one in found {
        numbers.entry(&one.workflow).or_default().insert(one.stage);
    }
    let all: Vec<u32> = numbers
        .values()
        .flatten()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    if named.iter().all(|name| name.parse::<u32>().is_ok()) {
        return Ok((workflows, all));
    }
    if numbers.values().any(|of_one| of_one.len() != all.len()) {
        let of = |(workflow, stages): (&&str, &BTreeSet<u32>)| {
            let stages: Vec<String> = stages.iter().map(u32::to_string).collect();
            format!("{} in {workflow}", stages.join(" and "))
        };
        let numbers: Vec<String> = numbers.iter().map(of).collect();
        return Err(Failure::usage(format!(
            "Stage {} is {}: name one of them with --workflow.",
            named.join(", "),
            numbers.join(", ")
        )));
    }
    Ok((numbers.into_keys().map(str::to_owned).collect(), all))
}

/// The number of the one stage of a version that is meant.
pub(crate) async fn number_in(
    session: &Session,
    workflow: &str,
    version: u32,
    named: &str,
) -> Result<u32, Failure> {
    if let Ok(number) = named.parse() {
        // The server knows whether it is there, and what the instance is.
        return Ok(number);
    }
    let named = [named.to_owned()];
    let mut found = Found::of(&named);
    if let Some(description) = describe(session, workflow, version).await? {
        found.look_in(&description);
    }
    let stages = found.finish(&[workflow.to_owned()])?;
    match stages.as_slice() {
        [one] => Ok(one.stage),
        several => {
            let numbers: Vec<String> = several.iter().map(|one| one.stage.to_string()).collect();
            Err(Failure::usage(format!(
                "Several stages are called {}: give the number, {}.",
                named[0],
                numbers.join(" or ")
            )))
        }
    }
}

/// A version, or the newest one for 0; none where there is none.
async fn describe(
    session: &Session,
    workflow: &str,
    version: u32,
) -> Result<Option<WorkflowDescription>, Failure> {
    let request = GetWorkflowRequest {
        name: workflow.to_owned(),
        version,
        draft: false,
    };
    match session.to.definitions().await?.get_workflow(request).await {
        Ok(answer) => Ok(answer.into_inner().workflow),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

/// What has been found of the names.
struct Found<'n> {
    /// Each name, with the stages that it means.
    named: Vec<(&'n str, BTreeSet<(String, u32)>)>,
    /// The titles that have been seen.
    titles: BTreeSet<String>,
}

impl<'n> Found<'n> {
    fn of(named: &'n [String]) -> Self {
        Self {
            named: named
                .iter()
                .map(|name| (name.as_str(), BTreeSet::new()))
                .collect(),
            titles: BTreeSet::new(),
        }
    }

    fn is_complete(&self) -> bool {
        self.named.iter().all(|(_, stages)| !stages.is_empty())
    }

    fn look_in(&mut self, workflow: &WorkflowDescription) {
        let stages: Vec<&Stage> = workflow
            .stages
            .iter()
            .filter_map(|stage| stage.stage.as_ref())
            .collect();
        for (name, found) in &mut self.named {
            let meant = stages.iter().filter(|stage| is_called(stage, name));
            found.extend(meant.map(|stage| (workflow.name.clone(), stage.number)));
        }
        self.titles
            .extend(stages.into_iter().map(|stage| stage.title.clone()));
    }

    /// The stages of all names.
    fn finish(self, workflows: &[String]) -> Result<Vec<WorkflowStage>, Failure> {
        if let Some((name, _)) = self.named.iter().find(|(_, stages)| stages.is_empty()) {
            let meant = nearest(name, self.titles.iter().map(String::as_str));
            let meant =
                meant.map_or_else(String::new, |meant| format!(" Did you mean \"{meant}\"?"));
            let of = if workflows.len() > 3 {
                "any workflow".to_owned()
            } else {
                workflows.join(" or ")
            };
            return Err(Failure::not_found(format!(
                "There is no stage {name} in {of}.{meant}"
            )));
        }
        let all: BTreeSet<(String, u32)> = self
            .named
            .into_iter()
            .flat_map(|(_, stages)| stages)
            .collect();
        Ok(all
            .into_iter()
            .map(|(workflow, stage)| WorkflowStage { workflow, stage })
            .collect())
    }
}

/// Whether a person calls the stage so: `2`, `After Approve`, `2 After Approve`, `pay-out`.
fn is_called(stage: &Stage, name: &str) -> bool {
    let number = stage.number.to_string();
    let title = stage.title.to_lowercase();
    let name = name.trim().to_lowercase();
    let numbered = name
        .split_once(' ')
        .is_some_and(|(first, rest)| first == number && rest.trim() == title);
    name == number || name == title || numbered || name == stage.event_id
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::StageDescription;

    use super::*;

    fn workflow(name: &str, stages: &[(u32, &str, &str)]) -> WorkflowDescription {
        let stage = |&(number, title, event): &(u32, &str, &str)| {
            let stage = Stage {
                number,
                title: title.to_owned(),
                event_id: event.to_owned(),
                kind: 1,
                ..Stage::default()
            };
            StageDescription {
                stage: Some(stage),
                actions: Vec::new(),
            }
        };
        WorkflowDescription {
            name: name.to_owned(),
            stages: stages.iter().map(stage).collect(),
            ..Default::default()
        }
    }

    fn refund() -> WorkflowDescription {
        workflow(
            "refund",
            &[
                (1, "New call", "new-call"),
                (2, "After Approve", "pay-out"),
                (3, "Rejected", "reject"),
            ],
        )
    }

    fn found(named: &[&str], of: &[WorkflowDescription]) -> Result<Vec<(String, u32)>, String> {
        let named: Vec<String> = named.iter().map(ToString::to_string).collect();
        let mut found = Found::of(&named);
        of.iter().for_each(|workflow| found.look_in(workflow));
        let names: Vec<String> = of.iter().map(|workflow| workflow.name.clone()).collect();
        let stages = found
            .finish(&names)
            .map_err(|failure| failure.sentence().to_owned())?;
        Ok(stages
            .into_iter()
            .map(|one| (one.workflow, one.stage))
            .collect())
    }

    #[test]
    fn a_stage_is_found_by_title_number_or_event() {
        for name in [
            "2",
            "After Approve",
            "after approve",
            "2 After Approve",
            "pay-out",
            " After Approve ",
        ] {
            assert_eq!(
                found(&[name], &[refund()]),
                Ok(vec![("refund".to_owned(), 2)]),
                "{name}"
            );
        }
        let both = found(&["3", "New call"], &[refund()]).unwrap();
        assert_eq!(both, [("refund".to_owned(), 1), ("refund".to_owned(), 3)]);
    }

    #[test]
    fn an_unknown_stage_suggests_the_nearest() {
        let error = |name: &str| found(&["2", name], &[refund()]).unwrap_err();
        assert_eq!(
            error("After Aprove"),
            "There is no stage After Aprove in refund. Did you mean \"After Approve\"?"
        );
        assert_eq!(error("9"), "There is no stage 9 in refund.");
        assert_eq!(
            error("3 After Approve"),
            "There is no stage 3 After Approve in refund. Did you mean \"After Approve\"?"
        );
    }

    #[test]
    fn a_stage_number_selects_workflows_that_have_it() {
        let numbers = |named: &[&str], of: &[WorkflowDescription]| {
            let stages: Vec<WorkflowStage> = found(named, of)
                .unwrap()
                .into_iter()
                .map(|(workflow, stage)| WorkflowStage { workflow, stage })
                .collect();
            let named: Vec<String> = named.iter().map(ToString::to_string).collect();
            as_numbers(Vec::new(), &named, &stages).map_err(|failure| failure.sentence().to_owned())
        };
        let other = workflow(
            "brochure",
            &[(1, "New call", "new-call"), (2, "Sent", "sent")],
        );
        let moved = workflow("claim", &[(5, "After Approve", "approve")]);
        assert_eq!(
            numbers(&["After Approve"], &[refund(), other.clone()]),
            Ok((vec!["refund".to_owned()], vec![2]))
        );
        assert_eq!(
            numbers(&["2"], &[refund(), other]),
            Ok((Vec::new(), vec![2]))
        );
        assert_eq!(
            numbers(&["After Approve"], &[refund(), moved]),
            Err(
                "Stage After Approve is 5 in claim, 2 in refund: name one of them with --workflow."
                    .to_owned()
            )
        );
    }
}
