//! Building drafts step by step: each step is the definition as it is then, stored as an import would.

use std::sync::Arc;

use aftercall_engine::Root;
use aftercall_engine::command::Command;
use aftercall_engine::definition::builder::{self, Built};
use aftercall_engine::definition::file::read_header;
use aftercall_engine::definition::model::{Definition, Event, Stage};
use aftercall_engine::definition::numbering::Numbering;
use aftercall_engine::definition::rules;
use aftercall_engine::rejection::FieldFault;
use aftercall_proto::workflow::v1 as proto;
use prost::Message as _;
use tonic::Status;

use super::definitions::{author, describe, faults, named};
use super::operations::off_thread;
use super::{Shared, convert, status};

/// How often a step is done anew when the draft changed between reading it and deciding.
const TRIES: usize = 3;

/// Who asks for a step, and on which draft.
struct Step<'r> {
    rpc: &'static str,
    from: (&'r str, &'r str),
    bytes: Vec<u8>,
    name: &'r str,
    expected: Option<u64>,
}

/// A draft after a step.
struct Draft {
    workflow: Option<proto::WorkflowDescription>,
    faults: Vec<proto::Fault>,
    sequence: u64,
    added: Option<proto::Stage>,
}

pub(super) async fn create(
    shared: &Shared,
    request: proto::CreateWorkflowRequest,
) -> Result<proto::CreateWorkflowResponse, Status> {
    let definition = if request.file.is_empty() {
        beginning(&request.name, &request.title)?
    } else {
        read_header(&request.file).map_err(|faults| status::bad_file(&faults))?
    };
    let command = Command::ImportWorkflow { definition: Box::new(definition.clone()), expected: Some(0) };
    let asking = author("CreateWorkflow", &request.actor, &request.request_id, request.encode_to_vec());
    let answered = shared.execute(asking, command).await;
    let answered = answered.map_err(|refused| match refused.code() {
        tonic::Code::Aborted => status::name_taken(&definition.name),
        _ => refused,
    })?;
    let revision = named(&answered.root, &definition.name)?.revision;
    Ok(proto::CreateWorkflowResponse {
        workflow: Some(describe(&definition, 0, revision)),
        faults: faults(&answered.root, &definition),
        sequence: answered.sequence,
    })
}

fn beginning(name: &str, title: &str) -> Result<Definition, Status> {
    let checks = [("name", rules::name("the name", name)), ("title", rules::label("the title", title))];
    let faults: Vec<FieldFault> = checks
        .into_iter()
        .filter_map(|(field, checked)| Some(FieldFault { field: field.to_owned(), message: checked.err()?.message }))
        .collect();
    if !faults.is_empty() {
        return Err(status::invalid(faults));
    }
    Ok(Definition {
        name: name.to_owned(),
        title: title.to_owned(),
        deadline: None,
        retention: None,
        calendar: None,
        fields: Vec::new(),
        allow_unlinked_ends: false,
        stages: vec![Stage::new_call()],
    })
}

pub(super) async fn add(shared: &Shared, request: proto::AddActionRequest) -> Result<proto::AddActionResponse, Status> {
    let step = Step {
        rpc: "AddAction",
        from: (&request.actor, &request.request_id),
        bytes: request.encode_to_vec(),
        name: &request.name,
        expected: request.expected_revision,
    };
    let (event, before, text) = (request.event_id.clone(), request.before, request.action.clone());
    let add = move |draft: &Definition, earlier: &Numbering| builder::add_action(draft, earlier, &event, before, &text);
    let done = edit(shared, step, add).await?;
    let Draft { workflow, faults, sequence, added } = done;
    Ok(proto::AddActionResponse { workflow, faults, sequence, added })
}

pub(super) async fn update(
    shared: &Shared,
    request: proto::UpdateActionRequest,
) -> Result<proto::UpdateActionResponse, Status> {
    let step = Step {
        rpc: "UpdateAction",
        from: (&request.actor, &request.request_id),
        bytes: request.encode_to_vec(),
        name: &request.name,
        expected: request.expected_revision,
    };
    let (event, place, text) = (request.event_id.clone(), request.place, request.action.clone());
    let update =
        move |draft: &Definition, earlier: &Numbering| builder::update_action(draft, earlier, &event, place, &text);
    let done = edit(shared, step, update).await?;
    let Draft { workflow, faults, sequence, .. } = done;
    Ok(proto::UpdateActionResponse { workflow, faults, sequence })
}

pub(super) async fn remove(
    shared: &Shared,
    request: proto::RemoveActionRequest,
) -> Result<proto::RemoveActionResponse, Status> {
    let step = Step {
        rpc: "RemoveAction",
        from: (&request.actor, &request.request_id),
        bytes: request.encode_to_vec(),
        name: &request.name,
        expected: request.expected_revision,
    };
    let (event, place) = (request.event_id.clone(), request.place);
    let remove = move |draft: &Definition, _: &Numbering| builder::remove_action(draft, &event, place);
    let done = edit(shared, step, remove).await?;
    let Draft { workflow, faults, sequence, .. } = done;
    Ok(proto::RemoveActionResponse { workflow, faults, sequence })
}

pub(super) async fn relocate(
    shared: &Shared,
    request: proto::MoveActionRequest,
) -> Result<proto::MoveActionResponse, Status> {
    let step = Step {
        rpc: "MoveAction",
        from: (&request.actor, &request.request_id),
        bytes: request.encode_to_vec(),
        name: &request.name,
        expected: request.expected_revision,
    };
    let (from, place) = (request.event_id.clone(), request.place);
    let (to, before) = (request.to_event_id.clone(), request.before);
    let relocate = move |draft: &Definition, _: &Numbering| builder::move_action(draft, (&from, place), &to, before);
    let Draft { workflow, faults, sequence, .. } = edit(shared, step, relocate).await?;
    Ok(proto::MoveActionResponse { workflow, faults, sequence })
}

/// Does a step on the draft as it is, and once more where somebody else was faster and no revision was named.
async fn edit(
    shared: &Shared,
    step: Step<'_>,
    build: impl Fn(&Definition, &Numbering) -> Built + Send + Sync + 'static,
) -> Result<Draft, Status> {
    let build = Arc::new(build);
    for attempt in 1.. {
        let root = shared.root();
        let revision = step.expected.unwrap_or(named(&root, step.name)?.revision);
        let (build, name) = (build.clone(), step.name.to_owned());
        let step_done = move |root: &Root| done(root, &name, &*build);
        let (definition, added, refused) = off_thread(root.clone(), step_done).await??;
        // What cannot be done now may be what was done before by the same request: no draft has this revision, so that only
        // such a request is answered.
        let expected = Some(if refused.is_some() { u64::MAX } else { revision });
        let command = Command::ImportWorkflow { definition: Box::new(definition.clone()), expected };
        let asking = author(step.rpc, step.from.0, step.from.1, step.bytes.clone());
        let answered = match (shared.execute(asking, command).await, refused) {
            (Err(status), Some(refused)) if status.code() == tonic::Code::Aborted => return Err(refused),
            (Err(status), None) if is_overtaken(&status, step.expected, attempt) => continue,
            (answered, _) => answered?,
        };
        let stored = named(&answered.root, step.name)?;
        let draft = stored.draft.clone().unwrap_or_else(|| Arc::new(definition));
        let looked_through = draft.clone();
        let faults = off_thread(answered.root.clone(), move |root| faults(root, &looked_through)).await?;
        // Asked again, the event that it would add now is none of its own.
        let is_new = answered.sequence > root.sequence;
        let is_there = |(event, _): &(Event, u32)| is_new && draft.stage_of(&event.id).is_some();
        let shown = |(event, number)| convert::stage(&Stage { number, event, actions: Vec::new() });
        return Ok(Draft {
            workflow: Some(describe(&draft, 0, stored.revision)),
            faults,
            sequence: answered.sequence,
            added: added.filter(is_there).map(shown),
        });
    }
    Err(status::unavailable("the workflow is being changed by somebody else: try again"))
}

/// The draft after a step, what the step added, and why it could not be done.
type Done = (Definition, Option<(Event, u32)>, Option<Status>);

fn done(root: &Root, name: &str, build: &dyn Fn(&Definition, &Numbering) -> Built) -> Result<Done, Status> {
    let workflow = named(root, name)?;
    let newest = workflow.versions.last().map(|version| &version.definition);
    let missing = || status::not_found("draft", name, format!("workflow `{name}` has no draft"));
    let draft = workflow.draft.as_ref().or(newest).ok_or_else(missing)?;
    Ok(match build(draft, &workflow.numbering) {
        Ok((definition, added)) => (definition, added, None),
        Err(error) => (Definition::clone(draft), None, Some(status::of_build(&error, name))),
    })
}

fn is_overtaken(status: &Status, expected: Option<u64>, attempt: usize) -> bool {
    status.code() == tonic::Code::Aborted && expected.is_none() && attempt < TRIES
}
