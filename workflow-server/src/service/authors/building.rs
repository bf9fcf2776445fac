//! Building drafts step by step: each step is the definition as it is then, stored as an import
//! would.

use std::sync::Arc;

use aftercall_authoring::builder::{self, Built};
use aftercall_authoring::file::read_header;
use aftercall_definition::model::{Definition, Stage};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::source::Source;
use aftercall_definition::{FieldError, rules};
use aftercall_engine::command::ImportWorkflow;
use aftercall_engine::query::ShouldStop;
use aftercall_engine::world::definitions::Workflow;
use aftercall_proto::attributed::Attributed;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use prost::{Message, Name};

use crate::service::ask::{Asking, Prepared, has_moved_on};
use crate::service::authors::definitions::{describe, faults, named};
use crate::service::authors::importing::draft_in;
use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

/// Who asks for a step, and on which draft.
struct Step<'r, T> {
    asked: &'r Asked<T>,
    name: &'r str,
    expected: Option<u64>,
}

/// A draft after a step.
struct Draft {
    workflow: Option<proto::WorkflowDescription>,
    faults: Vec<proto::Fault>,
    sequence: u64,
}

pub(crate) async fn create(
    shared: &Shared,
    asked: Asked<proto::CreateWorkflowRequest>,
) -> Result<proto::CreateWorkflowResponse, Refusal> {
    let request = &asked.request;
    let beginning = || match request.file.as_str() {
        "" => beginning(&request.name, &request.title),
        file => read_header(file).map_err(|faults| refusal::bad_file(&faults)),
    };
    let prepare = async {
        let definition = Box::new(beginning()?);
        Ok(Prepared::from(ImportWorkflow {
            definition,
            expected: Some(0),
        }))
    };
    let asking = Asking::of_author(&asked);
    let answered = shared
        .execute_new(asking, prepare)
        .await
        .map_err(|refused| match (refused.code(), beginning()) {
            (tonic::Code::Aborted, Ok(definition)) => refusal::name_taken(&definition.name),
            _ => refused,
        })?;
    let definition = match draft_in(&answered) {
        Some(draft) => draft,
        None => Arc::new(beginning()?),
    };
    Ok(proto::CreateWorkflowResponse {
        workflow: Some(describe(&definition, 0, answered.revision()?)),
        faults: faults(&answered.view, &definition),
        sequence: answered.sequence,
    })
}

fn beginning(name: &str, title: &str) -> Result<Definition, Refusal> {
    let checks = [
        ("name", rules::name("the name", name)),
        ("title", rules::label("the title", title)),
    ];
    let faults: Vec<FieldError> = checks
        .into_iter()
        .filter_map(|(field, checked)| {
            Some(FieldError {
                field: field.to_owned(),
                message: checked.err()?.message,
            })
        })
        .collect();
    if !faults.is_empty() {
        return Err(refusal::invalid(faults));
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
        source: Source::default(),
    })
}

pub(crate) async fn add(
    shared: &Shared,
    asked: Asked<proto::AddActionRequest>,
) -> Result<proto::AddActionResponse, Refusal> {
    let request = &asked.request;
    let step = Step {
        asked: &asked,
        name: &request.name,
        expected: request.expected_revision,
    };
    let (event, before, text) = (
        request.event_id.clone(),
        request.before,
        request.action.clone(),
    );
    let add = move |draft: &Definition, earlier: &Numbering| {
        builder::add_action(draft, earlier, &event, before, &text)
    };
    let (
        Draft {
            workflow,
            faults,
            sequence,
        },
        draft,
    ) = edit(shared, step, add).await?;
    let added = builder::added_by(&draft, &request.event_id, request.before);
    let shown = |stage: &Stage| {
        convert::stage(&Stage {
            actions: Vec::new(),
            ..stage.clone()
        })
    };
    Ok(proto::AddActionResponse {
        workflow,
        faults,
        sequence,
        added: added.map(shown),
    })
}

pub(crate) async fn update(
    shared: &Shared,
    asked: Asked<proto::UpdateActionRequest>,
) -> Result<proto::UpdateActionResponse, Refusal> {
    let request = &asked.request;
    let step = Step {
        asked: &asked,
        name: &request.name,
        expected: request.expected_revision,
    };
    let (event, place, text) = (
        request.event_id.clone(),
        request.place,
        request.action.clone(),
    );
    let update = move |draft: &Definition, earlier: &Numbering| {
        builder::update_action(draft, earlier, &event, place, &text)
    };
    let (
        Draft {
            workflow,
            faults,
            sequence,
        },
        _,
    ) = edit(shared, step, update).await?;
    Ok(proto::UpdateActionResponse {
        workflow,
        faults,
        sequence,
    })
}

pub(crate) async fn remove(
    shared: &Shared,
    asked: Asked<proto::RemoveActionRequest>,
) -> Result<proto::RemoveActionResponse, Refusal> {
    let request = &asked.request;
    let step = Step {
        asked: &asked,
        name: &request.name,
        expected: request.expected_revision,
    };
    let (event, place) = (request.event_id.clone(), request.place);
    let remove =
        move |draft: &Definition, _: &Numbering| builder::remove_action(draft, &event, place);
    let (
        Draft {
            workflow,
            faults,
            sequence,
        },
        _,
    ) = edit(shared, step, remove).await?;
    Ok(proto::RemoveActionResponse {
        workflow,
        faults,
        sequence,
    })
}

pub(crate) async fn relocate(
    shared: &Shared,
    asked: Asked<proto::MoveActionRequest>,
) -> Result<proto::MoveActionResponse, Refusal> {
    let request = &asked.request;
    let step = Step {
        asked: &asked,
        name: &request.name,
        expected: request.expected_revision,
    };
    let (from, place) = (request.event_id.clone(), request.place);
    let (to, before) = (request.to_event_id.clone(), request.before);
    let relocate = move |draft: &Definition, _: &Numbering| {
        builder::move_action(draft, (&from, place), &to, before)
    };
    let (
        Draft {
            workflow,
            faults,
            sequence,
        },
        _,
    ) = edit(shared, step, relocate).await?;
    Ok(proto::MoveActionResponse {
        workflow,
        faults,
        sequence,
    })
}

/// Does a step on the draft as it is, and once more where somebody else was faster and no revision
/// was named. With the draft as the step left it.
async fn edit<T: Attributed + Message + Name>(
    shared: &Shared,
    step: Step<'_, T>,
    build: impl Fn(&Definition, &Numbering) -> Built + Send + Sync + 'static,
) -> Result<(Draft, Arc<Definition>), Refusal> {
    let build = Arc::new(build);
    for attempt in 1.. {
        let prepare = async {
            let view = shared.view();
            let expected = Some(step.expected.unwrap_or(named(&view, step.name)?.revision));
            let (build, name) = (build.clone(), step.name.to_owned());
            let definition = shared
                .off_thread(view, move |view| done(view, &name, &*build))
                .await??;
            Ok(Prepared::from(ImportWorkflow {
                definition: Box::new(definition),
                expected,
            }))
        };
        let asking = Asking::of_author(step.asked);
        let answered = match shared.execute_new(asking, prepare).await {
            Err(refused) if has_moved_on(&refused, step.expected, attempt) => continue,
            answered => answered?,
        };
        let stored = named(&answered.view, step.name)?;
        // A step that changed nothing stored no draft.
        let draft = draft_in(&answered)
            .or_else(|| present(stored).cloned())
            .ok_or_else(|| no_draft(step.name))?;
        let looked_through = draft.clone();
        let looked = move |view: &View, _: ShouldStop<'_>| Ok(faults(view, &looked_through));
        let faults = shared
            .walk_afterwards(answered.view.clone(), looked)
            .await?;
        let workflow = Some(describe(&draft, 0, answered.revision()?));
        return Ok((
            Draft {
                workflow,
                faults,
                sequence: answered.sequence,
            },
            draft,
        ));
    }
    Err(refusal::unavailable(
        "the workflow is being changed by somebody else: try again",
    ))
}

/// The draft after a step.
fn done(
    names: &Names,
    name: &str,
    build: &dyn Fn(&Definition, &Numbering) -> Built,
) -> Result<Definition, Refusal> {
    let workflow = named(names, name)?;
    let draft = present(workflow).ok_or_else(|| no_draft(name))?;
    let (definition, _) =
        build(draft, &workflow.numbering).map_err(|error| refusal::of_build(&error, name))?;
    // The comments of a file are about what its author wrote, and not about what a step made of it.
    let source = if definition == **draft {
        draft.source.clone()
    } else {
        Source::default()
    };
    Ok(Definition {
        source,
        ..definition
    })
}

/// What is being written: the draft, or the newest version where it is all there is.
fn present(workflow: &Workflow) -> Option<&Arc<Definition>> {
    workflow
        .draft
        .as_ref()
        .or(workflow.versions.last().map(|version| &version.definition))
}

fn no_draft(name: &str) -> Refusal {
    refusal::not_found(
        Missing::Draft,
        name,
        format!("workflow `{name}` has no draft"),
    )
}
