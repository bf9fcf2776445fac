//! What the engine rejects, as a refusal.

use std::collections::HashMap;

use aftercall_definition::Fault;
use aftercall_engine::instance::{Instance, Status as InstanceStatus};
use aftercall_engine::{Rejection, Root};
use tonic::Code;
use tonic_types::ErrorDetails;

use super::{
    FIELD_BYTES, MESSAGE_BYTES, Missing, Reason, Refusal, exhausted, invalid, not_found,
    not_found_of, not_visible, precondition, refusal, short, violations,
};

use crate::service::say::present::{facts, held, offered_buttons, paused, stands};

/// A definition with faults: each with its place in the file, where there is one.
fn has_faults(mut faults: Vec<Fault>, message: &str) -> Refusal {
    faults.retain(|fault| !fault.warning);
    let violation = |fault: Fault| {
        let place = match (fault.line, fault.action) {
            (0, 0) => format!("stage {} {}", fault.stage, fault.field),
            (0, action) => format!("stage {} action {action} {}", fault.stage, fault.field),
            (line, _) => format!("file:{line}:{}", fault.column),
        };
        let place = place.trim_end().to_owned();
        (place, fault.message)
    };
    let violations = violations(faults.into_iter().map(violation));
    let mut details = ErrorDetails::with_precondition_failure_violation(
        Reason::WorkflowHasFaults.word(),
        "draft",
        message,
    );
    details.set_bad_request(violations);
    Refusal::new(
        Code::FailedPrecondition,
        Reason::WorkflowHasFaults,
        message,
        HashMap::new(),
        details,
    )
}

/// A button that no version of the workflow has; the message and the facts list those that may be
/// pushed.
fn no_such_button(root: &Root, instance: &Instance, button: &str) -> Refusal {
    let offered = offered_buttons(root, instance);
    let list = if offered.is_empty() {
        "none".to_owned()
    } else {
        offered.join(", ")
    };
    let message = format!(
        "the workflow has no button `{}`; the buttons now: {list}",
        short(button, FIELD_BYTES)
    );
    let message = short(&message, MESSAGE_BYTES);
    let ids = [(
        "buttons".to_owned(),
        short(&offered.join(","), MESSAGE_BYTES),
    )];
    not_found_of(
        Missing::Button,
        button,
        message,
        facts(root, instance).into_iter().chain(ids).collect(),
    )
}

/// What an author can do about a refusal.
fn remedy(reason: Reason) -> &'static str {
    match reason {
        Reason::NotPublished => "publish it first",
        Reason::NotTheNewestVersion => "look at its retention first",
        Reason::TeamInUse => "take it out of them, or hand the follow-ups over, first",
        _ => "its author can bring it back",
    }
}

fn no_such_stage(root: &Root, instance: &Instance, stage: u32, message: String) -> Refusal {
    not_found_of(
        Missing::Stage,
        &stage.to_string(),
        message,
        facts(root, instance),
    )
}

pub(crate) fn of_rejection(rejection: Rejection, root: &Root) -> Refusal {
    let (reason, message) = (Reason::from(&rejection), rejection.to_string());
    match rejection {
        Rejection::Invalid(faults) => invalid(faults),
        Rejection::NoSuchInstance(id) => not_found(Missing::Instance, &id.to_string(), message),
        Rejection::NoSuchCaller => not_found(Missing::Caller, "", message),
        Rejection::ArchiveMoved
        | Rejection::CallsMoved
        | Rejection::CandidatesTaken
        | Rejection::DraftMoved
        | Rejection::TeamMoved => refusal(
            Code::Aborted,
            reason,
            format!("{message}: ask again"),
            HashMap::new(),
        ),
        Rejection::NoSuchTeam(name) => not_found(Missing::Team, &name, message),
        Rejection::NoSuchWorkflow(name) => not_found(Missing::Workflow, &name, message),
        Rejection::NoSuchVersion(name, version) => {
            not_found(Missing::Version, &format!("{name}/{version}"), message)
        }
        Rejection::NotPublished(_)
        | Rejection::NotTheNewestVersion { .. }
        | Rejection::WorkflowArchived(_)
        | Rejection::TeamInUse { .. } => precondition(
            reason,
            format!("{message}: {}", remedy(reason)),
            HashMap::new(),
        ),
        Rejection::WorkflowHasFaults(faults) => has_faults(faults, &message),
        Rejection::OtherRevision { present } => {
            let facts = HashMap::from([("revision".to_owned(), present.to_string())]);
            refusal(
                Code::Aborted,
                Reason::OtherRevision,
                format!("{message}: read it again and decide again"),
                facts,
            )
        }
        Rejection::RequestIdReused => {
            precondition(Reason::RequestIdReused, message, HashMap::new())
        }
        Rejection::Limit { limit, .. } => exhausted(reason, limit),
        Rejection::NoSuchBatch(id) => not_found(Missing::Batch, &id.to_string(), message),
        Rejection::ButtonGone(instance)
        | Rejection::AlertGone(instance)
        | Rejection::AlertEscalated(instance)
        | Rejection::StaleVisit(instance)
        | Rejection::NotTheNewest(instance) => precondition(
            reason,
            format!("{message}: {}", stands(root, &instance)),
            facts(root, &instance),
        ),
        Rejection::ClaimedByAnother(instance) => precondition(
            reason,
            format!("{message}: {}", held(root, &instance)),
            facts(root, &instance),
        ),
        Rejection::PushedByAnother { instance, by } => {
            let pushed_by = [("pushed_by".to_owned(), by.to_string())];
            let facts = facts(root, &instance)
                .into_iter()
                .chain(pushed_by)
                .collect();
            precondition(reason, format!("{message}: {by} pushed"), facts)
        }
        Rejection::NotVisible(instance) => not_visible(root, &instance),
        Rejection::NoSuchButton { instance, button } => no_such_button(root, &instance, &button),
        Rejection::NoSuchStage { instance, stage } => {
            no_such_stage(root, &instance, stage, message)
        }
        Rejection::IllegalMove {
            instance,
            happening,
        } if instance.status == InstanceStatus::Paused => precondition(
            reason,
            paused(root, &instance, happening),
            facts(root, &instance),
        ),
        Rejection::IllegalMove { instance, .. }
        | Rejection::NotClaimed(instance)
        | Rejection::StageGone(instance)
        | Rejection::WouldBeStuck(instance)
        | Rejection::UndoTooLate(instance)
        | Rejection::AnotherRuns(instance)
        | Rejection::AlreadyRunning(instance)
        | Rejection::AlreadyWorked(instance) => {
            precondition(reason, message, facts(root, &instance))
        }
    }
}
