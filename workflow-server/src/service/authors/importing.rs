//! Importing a definition file as its workflow's draft, and taking a workflow out of use. Each
//! decision is made on the revision that was looked at, so that the revision in its answer is the
//! next one.

use std::sync::{Arc, Mutex, PoisonError};

use aftercall_authoring::file::source_of;
use aftercall_definition::Definition;
use aftercall_engine::command::{ArchiveWorkflow, ImportWorkflow};
use aftercall_engine::entry::DefinitionChange;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use aftercall_serving::log_context::LogContext;

use crate::service::ask::{Answered, Asking, Prepared, has_moved_on};
use crate::service::authors::definitions::{describe, named, read, summary};
use crate::service::authors::pictures;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

pub(crate) async fn import(
    shared: &Shared,
    asked: Asked<proto::ImportWorkflowRequest>,
) -> Result<proto::ImportWorkflowResponse, Refusal> {
    let request = &asked.request;
    let file: Arc<str> = request.file.as_str().into();
    if request.validate_only {
        let File {
            definition,
            faults,
            revision,
        } = look_through(shared, &file).await?;
        let workflow = Some(describe(&definition, 0, revision));
        return Ok(proto::ImportWorkflowResponse {
            workflow,
            faults,
            sequence: 0,
        });
    }
    for attempt in 1.. {
        let looked_through = Mutex::new(None);
        let prepare = async {
            let found = look_through(shared, &file).await?;
            // The file was read against the numbers that this revision has given; the decision must
            // see the same.
            let expected = Some(request.expected_revision.unwrap_or(found.revision));
            let command = ImportWorkflow {
                definition: Box::new(found.definition.clone()),
                expected,
            };
            *looked_through
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(found);
            Ok(Prepared::from(command))
        };
        let asking = Asking::of_author(&asked);
        match shared.execute_new(asking, prepare).await {
            Err(refused) if has_moved_on(&refused, request.expected_revision, attempt) => {}
            Err(refused) => return Err(refused),
            Ok(answered) => {
                let found = looked_through
                    .into_inner()
                    .unwrap_or_else(PoisonError::into_inner);
                return answer(shared, &answered, &file, found).await;
            }
        }
    }
    Err(refusal::unavailable(
        "the workflow is being changed by somebody else: try again",
    ))
}

/// A file that was read: its definition, what is wrong with it, and the revision of the workflow
/// that it was read against.
struct File {
    definition: Definition,
    faults: Vec<proto::Fault>,
    revision: u64,
}

async fn look_through(shared: &Shared, file: &Arc<str>) -> Result<File, Refusal> {
    let text = file.clone();
    let look = move |view: &View| -> Result<File, Refusal> {
        let (definition, places) = read(view, &text)?;
        let definition = Definition {
            source: source_of(&text, &definition),
            ..definition
        };
        let mut found = view.validate(&definition);
        places.put(&mut found);
        let revision = view
            .workflows()
            .named(&definition.name)
            .map_or(0, |workflow| workflow.revision);
        Ok(File {
            definition,
            faults: found.iter().map(convert::fault).collect(),
            revision,
        })
    };
    shared.off_thread(shared.view(), look).await?
}

/// The draft as the import left it; what is wrong with it follows from the present teams and
/// calendars.
async fn answer(
    shared: &Shared,
    answered: &Answered,
    file: &Arc<str>,
    found: Option<File>,
) -> Result<proto::ImportWorkflowResponse, Refusal> {
    let File {
        definition, faults, ..
    } = match found {
        Some(found) => found,
        None => look_through(shared, file).await?,
    };
    let draft = draft_in(answered).unwrap_or_else(|| Arc::new(definition));
    LogContext::note_made("workflow", &draft.name);
    let workflow = Some(describe(&draft, 0, answered.revision()?));
    Ok(proto::ImportWorkflowResponse {
        workflow,
        faults,
        sequence: answered.sequence,
    })
}

/// The draft that an entry stored; none where the draft was the same before.
pub(crate) fn draft_in(answered: &Answered) -> Option<Arc<Definition>> {
    match answered.entry.as_ref()?.definition.as_ref()? {
        DefinitionChange::Draft(_, draft) => Some(draft.clone()),
        _ => None,
    }
}

/// Takes a workflow out of use, or brings it back.
pub(crate) async fn archive(
    shared: &Shared,
    asked: Asked<proto::ArchiveWorkflowRequest>,
) -> Result<proto::ArchiveWorkflowResponse, Refusal> {
    let request = &asked.request;
    for attempt in 1.. {
        let prepare = async {
            let present = named(&shared.view(), &request.name)?.revision;
            let expected = Some(request.expected_revision.unwrap_or(present));
            let (name, archived) = (request.name.as_str().into(), !request.restore);
            Ok(Prepared::from(ArchiveWorkflow {
                name,
                archived,
                expected,
            }))
        };
        let asking = Asking::of_author(&asked);
        let answered = match shared.execute_new(asking, prepare).await {
            Err(refused) if has_moved_on(&refused, request.expected_revision, attempt) => continue,
            answered => answered?,
        };
        let known = summary(named(&answered.view, &request.name)?);
        let revision = answered.revision()?;
        let workflow = Some(proto::WorkflowSummary {
            archived: !request.restore,
            revision,
            ..known
        });
        let name = request.name.clone();
        let counted = shared.walk_afterwards(answered.view.clone(), move |view, should_stop| {
            pictures::open_instances(view, &name, should_stop)
        });
        let open_instances = counted.await?;
        return Ok(proto::ArchiveWorkflowResponse {
            workflow,
            open_instances,
            sequence: answered.sequence,
        });
    }
    Err(refusal::unavailable(
        "the workflow is being changed by somebody else: try again",
    ))
}
