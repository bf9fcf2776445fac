//! Publishing: the draft is validated before the ledger is asked, because that takes tens of
//! milliseconds where it is large.

use aftercall_engine::command::{PublishWorkflow, Validated};
use aftercall_engine::entry::Answer;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::service::ask::{Answered, Asking, Prepared};
use crate::service::authors::definitions::faults;
use crate::service::authors::pictures;
use crate::service::operations::retention;
use crate::service::say::refusal::Reason;
use crate::service::say::{Refusal, refusal};
use crate::service::shared::Shared;

/// How often a draft is validated again when somebody changed it before it was published.
const PUBLISH_TRIES: usize = 3;

pub(crate) async fn publish(
    shared: &Shared,
    asked: Asked<proto::PublishWorkflowRequest>,
) -> Result<proto::PublishWorkflowResponse, Refusal> {
    let answered = validate_and_publish(shared, &asked).await?;
    let request = asked.request;
    let Answer::Published { version, created } = answered.answer else {
        return Err(refusal::answer_gone());
    };
    let archived = answered
        .view
        .workflows()
        .named(&request.name)
        .is_some_and(|workflow| workflow.archived);
    let shorter = retention::warnings(shared, &answered.view, &request.name);
    let warnings = shared.walk_afterwards(answered.view.clone(), move |names, should_stop| {
        let Some(workflow) = names.workflows().named(&request.name) else {
            return Ok(Vec::new());
        };
        let Some(published) = workflow.version(version) else {
            return Ok(Vec::new());
        };
        let mut warnings = faults(names, &published.definition);
        warnings.extend(pictures::warnings(
            names,
            workflow,
            &published.definition,
            should_stop,
        )?);
        Ok(warnings)
    });
    let (mut faults, sequence) = (warnings.await?, answered.sequence);
    faults.extend(shorter);
    Ok(proto::PublishWorkflowResponse {
        version,
        created,
        faults,
        sequence,
        archived,
    })
}

/// Validates the draft off the ledger's thread, then publishes it; again where the draft changed
/// meanwhile.
async fn validate_and_publish(
    shared: &Shared,
    asked: &Asked<proto::PublishWorkflowRequest>,
) -> Result<Answered, Refusal> {
    let mut tries = 1;
    loop {
        let asking = Asking::of_author(asked);
        match shared
            .execute_new(asking, validate(shared, &asked.request))
            .await
        {
            Err(refused) if refused.reason() == Reason::DraftMoved && tries < PUBLISH_TRIES => {
                tries += 1;
            }
            answered => return answered,
        }
    }
}

async fn validate(
    shared: &Shared,
    request: &proto::PublishWorkflowRequest,
) -> Result<Prepared, Refusal> {
    let view = shared.view();
    let draft = view
        .workflows()
        .named(&request.name)
        .and_then(|workflow| workflow.draft.clone());
    let validated = match draft {
        None => None,
        Some(draft) => {
            let looked_at = draft.clone();
            let faults = shared
                .off_thread(view, move |view| view.validate(&looked_at))
                .await?;
            Some(Box::new(Validated { draft, faults }))
        }
    };
    let (name, expected) = (request.name.as_str().into(), request.expected_revision);
    Ok(Prepared::from(PublishWorkflow {
        name,
        expected,
        validated,
    }))
}
