//! Definitions: reading one from a file, finding one, and showing it.

use aftercall_authoring::describe::describe_action;
use aftercall_authoring::file::{self, Places};
use aftercall_definition::{Action, Definition};
use aftercall_engine::world::definitions::Workflow;
use aftercall_proto::workflow::v1 as proto;

use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::view::Names;

/// Reads a file: an event that an earlier version has keeps its number. With the places of its
/// parts in the file.
pub(crate) fn read(names: &Names, text: &str) -> Result<(Definition, Places), Refusal> {
    let earlier = |name: &str| {
        names
            .workflows()
            .named(name)
            .map(|workflow| &workflow.numbering)
    };
    let read = file::read_to_the_end(text, earlier);
    let (definition, places) = read.map_err(|unread| {
        refusal::bad_file(
            &unread.with_those_of_the_workflow(|definition| names.validate(definition)),
        )
    })?;
    file::check_written(&definition).map_err(|fault| refusal::bad_file(&[fault]))?;
    Ok((definition, places))
}

pub(crate) fn faults(names: &Names, definition: &Definition) -> Vec<proto::Fault> {
    names
        .validate(definition)
        .iter()
        .map(convert::fault)
        .collect()
}

pub(crate) fn named<'r>(names: &'r Names, name: &str) -> Result<&'r Workflow, Refusal> {
    let missing = || {
        refusal::not_found(
            Missing::Workflow,
            name,
            format!("there is no workflow `{name}`"),
        )
    };
    names.workflows().named(name).ok_or_else(missing)
}

pub(crate) fn no_version(name: &str, version: u32) -> Refusal {
    let what = if version == 0 {
        "published version or draft".to_owned()
    } else {
        format!("version {version}")
    };
    refusal::not_found(
        Missing::Version,
        name,
        format!("workflow `{name}` has no {what}"),
    )
}

pub(crate) fn pick<'r>(
    names: &'r Names,
    name: &str,
    version: u32,
    draft: bool,
) -> Result<(&'r Workflow, &'r Definition, u32), Refusal> {
    let workflow = named(names, name)?;
    if draft {
        let missing = || {
            refusal::not_found(
                Missing::Draft,
                name,
                format!("workflow `{name}` has no draft"),
            )
        };
        return Ok((workflow, workflow.draft.as_ref().ok_or_else(missing)?, 0));
    }
    let number = if version == 0 {
        workflow.newest()
    } else {
        version
    };
    let is_draft = version == 0 && workflow.draft.is_some();
    let missing = || {
        if is_draft {
            refusal::only_draft(name)
        } else {
            no_version(name, version)
        }
    };
    let found = workflow.version(number).ok_or_else(missing)?;
    Ok((workflow, &found.definition, number))
}

pub(crate) fn find_team(names: &Names, name: &str) -> Result<proto::Team, Refusal> {
    let found = names
        .teams()
        .place(name)
        .and_then(|place| names.teams().at(place));
    let missing = || refusal::not_found(Missing::Team, name, format!("there is no team `{name}`"));
    found.map(convert::team).ok_or_else(missing)
}

pub(crate) fn summary(workflow: &Workflow) -> proto::WorkflowSummary {
    proto::WorkflowSummary {
        name: workflow.name.clone(),
        title: workflow.title().to_owned(),
        newest_version: workflow.newest(),
        has_draft: workflow.draft.is_some(),
        archived: workflow.archived,
        revision: workflow.revision,
        published_at: workflow
            .versions
            .last()
            .map(|version| convert::timestamp(version.published_at)),
    }
}

pub(crate) fn describe(
    definition: &Definition,
    version: u32,
    revision: u64,
) -> proto::WorkflowDescription {
    let stages = definition
        .stages
        .iter()
        .map(|stage| proto::StageDescription {
            stage: Some(convert::stage(stage)),
            actions: stage.actions.iter().map(action).collect(),
        });
    proto::WorkflowDescription {
        name: definition.name.clone(),
        title: definition.title.clone(),
        version,
        stages: stages.collect(),
        fields: definition
            .fields
            .iter()
            .map(convert::field_declaration)
            .collect(),
        deadline: definition
            .deadline
            .map_or_else(String::new, |span| span.to_string()),
        retention: definition
            .retention
            .map_or_else(String::new, |span| span.to_string()),
        calendar: definition.calendar.clone().unwrap_or_default(),
        revision,
    }
}

fn action(action: &Action) -> proto::ActionDescription {
    let event_id = action.targets().next().map_or("", |target| target.event);
    proto::ActionDescription {
        kind: action.word().to_owned(),
        text: describe_action(action),
        event_id: event_id.to_owned(),
    }
}
