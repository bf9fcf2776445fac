//! Which requests ask for more than their RPC is for.
//!
//! Promise: every RPC of this server passes here before its service begins. Whether the caller may
//! do what its request asks for, [`Act`] decides.

use std::any::Any;

use aftercall_identity::{Act, Forbidden};
use aftercall_proto::attributed::Attributed;
use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::{feed, workflow};
use aftercall_serving::asked::{Asked, Caller};
use tonic::Code;

use crate::service::say::Refusal;
use crate::service::say::refusal::{Reason, plain};

/// Checks that the caller may do what its request asks for.
///
/// # Errors
/// [`Reason::RoleMissing`], [`Reason::ScopeLimited`].
pub(crate) fn check<T: Any + Attributed>(asked: &Asked<T>) -> Result<(), Refusal> {
    let Some(act) = act(&asked.request, asked.actor()) else {
        return Ok(());
    };
    act.check(asked.caller.identity()).map_err(refusal)
}

/// Whether a caller may do so, where that decides what an answer has.
pub(crate) fn may(act: Act, caller: &Caller) -> bool {
    act.check(caller.identity()).is_ok()
}

fn act(request: &dyn Any, actor: &str) -> Option<Act> {
    if let Some(undo) = request.downcast_ref::<workflow::v1::UndoPushRequest>() {
        return undo.as_supervisor.then_some(Act::UndoOfAnother);
    }
    if let Some(save) = request.downcast_ref::<workflow::v1::SaveViewRequest>() {
        return (!save.team.is_empty()).then_some(Act::ViewOfTeam);
    }
    if let Some(remove) = request.downcast_ref::<workflow::v1::RemoveViewRequest>() {
        return (!remove.team.is_empty()).then_some(Act::ViewOfTeam);
    }
    let is_another = |person: &str| !person.trim().is_empty() && person.trim() != actor;
    if let Some(set) = request.downcast_ref::<workflow::v1::SetAwayRequest>() {
        return is_another(&set.person).then_some(Act::AwayOfAnother);
    }
    if let Some(end) = request.downcast_ref::<workflow::v1::EndAwayRequest>() {
        return is_another(&end.person).then_some(Act::AwayOfAnother);
    }
    if let Some(start) = request.downcast_ref::<workflow::v1::StartBatchRequest>() {
        return start.work.as_ref()?.kind.as_ref().and_then(act_of_work);
    }
    let is_on_whole_server = request.is::<feed::v1::SnapshotRequest>()
        || request.is::<feed::v1::TailRequest>()
        || request.is::<workflow::v1::BackupRequest>()
        || request.is::<workflow::v1::AcceptClockRequest>()
        || request.is::<workflow::v1::ConfirmPurgeRequest>()
        || request.is::<workflow::v1::ConfirmRetentionRequest>()
        || request.is::<workflow::v1::StepDownRequest>();
    is_on_whole_server.then_some(Act::OnWholeServer)
}

/// What a batch is for. To hand over, pause and resume many is for everybody who may start one.
fn act_of_work(work: &Kind) -> Option<Act> {
    match work {
        Kind::Move(_) | Kind::Cancel(_) | Kind::Migrate(_) => Some(Act::LeadBatch),
        Kind::Push(_) | Kind::Snooze(_) | Kind::Claim(_) => Some(Act::DeskBatch),
        Kind::HandOver(_) | Kind::Pause(_) | Kind::Resume(_) => None,
    }
}

fn refusal(forbidden: Forbidden) -> Refusal {
    let (reason, message) = match forbidden {
        Forbidden::NeedsRole(roles) => {
            let names: Vec<&str> = roles.iter().map(|role| role.name()).collect();
            let names = names.join(" or ");
            let message = format!(
                "this request needs the role {names}, which you do not have: ask the operator of this server for it"
            );
            (Reason::RoleMissing, message)
        }
        Forbidden::NeedsWholeScope => {
            let message = "this request is about all calls of the server, and your customers or teams are limited: use an identity without a limit";
            (Reason::ScopeLimited, message.to_owned())
        }
    };
    plain(Code::PermissionDenied, reason, message)
}
