//! The follow-ups of `examples/`, built in, and how they come into a server.
//!
//! Promise: teams and workflows are declared over gRPC as anybody would do it; doing it again
//! changes nothing. Must not: invent calls.

use aftercall_proto::workflow::v1::{
    FieldDeclaration, FileFormat, GetWorkflowRequest, ImportWorkflowRequest, PublishWorkflowRequest,
};

use crate::authoring::{calendars, teams};
use crate::commands::workflow_files::fault_line;
use crate::commands::{calendar, team};
use crate::connect;
use crate::errors::Failure;
use crate::session::Session;

/// The example workflows: name and file.
pub(crate) const WORKFLOWS: [(&str, &str); 8] = [
    // The first to come: its first button asks for nothing, so that it can be pushed at once.
    ("refund", include_str!("../../examples/refund.yaml")),
    (
        "boiler-visit",
        include_str!("../../examples/boiler-visit.yaml"),
    ),
    ("brochure", include_str!("../../examples/brochure.yaml")),
    ("call-back", include_str!("../../examples/call-back.yaml")),
    ("complaint", include_str!("../../examples/complaint.yaml")),
    (
        "missed-delivery",
        include_str!("../../examples/missed-delivery.yaml"),
    ),
    (
        "repeat-prescription",
        include_str!("../../examples/repeat-prescription.yaml"),
    ),
    (
        "warranty-claim",
        include_str!("../../examples/warranty-claim.yaml"),
    ),
];

const TEAMS: &str = include_str!("../../examples/teams.yaml");
const CALENDARS: &str = include_str!("../../examples/calendars.yaml");

/// A workflow that is published, with what Set Workflow asks for.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    /// Its name.
    pub(crate) name: String,
    /// Its fields.
    pub(crate) fields: Vec<FieldDeclaration>,
}

/// Declares the example teams and calendars, and imports and publishes the example workflows.
pub(crate) async fn publish_all(session: &Session) -> Result<Vec<Published>, Failure> {
    for declared in teams::read("examples/teams.yaml", TEAMS)? {
        team::import_one(session, declared).await?;
    }
    for entry in calendars::read("examples/calendars.yaml", CALENDARS)? {
        calendar::declare(session, entry).await?;
    }
    let mut published = Vec::new();
    for (name, file) in WORKFLOWS {
        published.push(publish(session, name, file).await?);
    }
    Ok(published)
}

async fn publish(session: &Session, example: &str, file: &str) -> Result<Published, Failure> {
    let mut definitions = session.to.definitions().await?;
    let request = ImportWorkflowRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        file: file.to_owned(),
        format: FileFormat::Yaml.into(),
        validate_only: false,
        expected_revision: None,
    };
    let draft = definitions.import_workflow(request).await?.into_inner();
    if draft.faults.iter().any(|fault| !fault.warning) {
        let lines: Vec<_> = draft
            .faults
            .iter()
            .map(|fault| fault_line(&format!("{example}.yaml"), fault))
            .collect();
        return Err(Failure::refused(lines.join("\n")));
    }
    let workflow = draft.workflow.unwrap_or_default();
    let request = PublishWorkflowRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        name: workflow.name.clone(),
        expected_revision: None,
    };
    definitions.publish_workflow(request).await?;
    Ok(Published {
        name: workflow.name,
        fields: workflow.fields,
    })
}

/// What Set Workflow asks for, of a workflow that the server has.
pub(crate) async fn published(session: &Session, name: &str) -> Result<Published, Failure> {
    let request = GetWorkflowRequest {
        name: name.to_owned(),
        version: 0,
        draft: false,
    };
    let answer = session
        .to
        .definitions()
        .await?
        .get_workflow(request)
        .await?
        .into_inner();
    Ok(Published {
        name: name.to_owned(),
        fields: answer.workflow.unwrap_or_default().fields,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_teams_are_a_valid_file() {
        assert!(!teams::read("teams", TEAMS).unwrap().is_empty());
    }

    #[test]
    fn every_example_is_named_as_its_file() {
        for (name, file) in WORKFLOWS {
            assert!(
                file.lines()
                    .any(|line| line.trim() == format!("workflow: {name}")),
                "{name}"
            );
        }
    }
}
