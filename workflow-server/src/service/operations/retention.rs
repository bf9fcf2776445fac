//! A shorter retention: authors are warned of it, and operations confirm it.

use aftercall_engine::command::ConfirmRetention;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::ledger::ShorterRetention;
use crate::service::ask::Asking;
use crate::service::say::refusal::Missing;
use crate::service::say::{Refusal, refusal};
use crate::service::shared::Shared;
use crate::service::view::Names;

/// What the newest version's retention would remove, if it is shorter than the one in force.
fn shorter(shared: &Shared, names: &Names, workflow: &str) -> Option<ShorterRetention> {
    let place = names.workflows().place(workflow)?;
    names.shorter_retention(shared.ledger.archive(), place, shared.ledger.now())
}

/// What publishing warns of, where the retention waits for operations.
pub(crate) fn warnings(shared: &Shared, names: &Names, workflow: &str) -> Option<proto::Fault> {
    let ShorterRetention {
        in_force,
        newest,
        instances,
        versions,
    } = shorter(shared, names, workflow)?;
    Some(proto::Fault {
        code: "RETENTION_SHORTENED".to_owned(),
        message: format!(
            "{newest} is shorter than the {in_force} in force: it would remove up to {instances} ended instances of {versions} versions, so {in_force} counts on until operations run `aftercall workflow confirm-retention {workflow}`; publishing {in_force} or more takes it back"
        ),
        field: "retention".to_owned(),
        warning: true,
        ..proto::Fault::default()
    })
}

/// Lets the newest version's retention count; or, in a dry run, shows what that would remove.
pub(crate) async fn confirm(
    shared: &Shared,
    asked: Asked<proto::ConfirmRetentionRequest>,
) -> Result<proto::ConfirmRetentionResponse, Refusal> {
    let request = &asked.request;
    let (view, workflow) = (shared.view(), request.workflow.as_str());
    if request.dry_run {
        let missing = || {
            refusal::not_found(
                Missing::Workflow,
                workflow,
                format!("there is no workflow `{workflow}`"),
            )
        };
        let version = view
            .workflows()
            .named(workflow)
            .ok_or_else(missing)?
            .newest();
        let answer = proto::ConfirmRetentionResponse {
            version,
            sequence: view.sequence(),
            ..Default::default()
        };
        return Ok(match shorter(shared, &view, workflow) {
            None => answer,
            Some(ShorterRetention {
                in_force,
                newest,
                instances,
                versions,
            }) => proto::ConfirmRetentionResponse {
                retention_in_force: in_force.to_string(),
                retention_newest: newest.to_string(),
                instances,
                versions,
                ..answer
            },
        });
    }
    let asking = Asking::of_operations(&asked);
    let command = ConfirmRetention {
        workflow: workflow.into(),
        version: request.version,
    };
    let sequence = shared.execute(asking, command).await?.sequence;
    tracing::warn!(
        actor = asked.actor(),
        workflow,
        version = request.version,
        "a retention was confirmed"
    );
    Ok(proto::ConfirmRetentionResponse {
        version: request.version,
        sequence,
        ..Default::default()
    })
}
