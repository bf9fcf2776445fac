//! What the engine rejects, as a refusal.

use std::collections::HashMap;

use aftercall_definition::Fault;
use aftercall_engine::Rejection;
use aftercall_engine::call::CallKey;
use aftercall_engine::instance::{Instance, Status as InstanceStatus};
use tonic::Code;
use tonic_types::ErrorDetails;

use super::{
    FIELD_BYTES, MESSAGE_BYTES, Missing, Reason, Refusal, exhausted, invalid, not_found,
    not_found_of, not_visible, plain, precondition, refusal, short, violations,
};
use crate::service::say::present::{current_place, facts, held, offered_buttons, paused};
use crate::service::view::Names;

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
fn no_such_button(names: &Names, instance: &Instance, button: &str) -> Refusal {
    let offered = offered_buttons(names, instance);
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
        facts(names, instance).into_iter().chain(ids).collect(),
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

fn with_remedy(reason: Reason, message: &str) -> Refusal {
    let message = format!("{message}: {}", remedy(reason));
    precondition(reason, message, HashMap::new())
}

fn is_paused(instance: &Instance) -> bool {
    instance.status == InstanceStatus::Paused
}

fn no_stage(names: &Names, instance: &Instance, stage: u32, message: String) -> Refusal {
    not_found_of(
        Missing::Stage,
        &stage.to_string(),
        message,
        facts(names, instance),
    )
}

/// Another change was faster: the same request may succeed when it is decided again.
fn aborted(reason: Reason, message: &str) -> Refusal {
    let message = format!("{message}: ask again");
    refusal(Code::Aborted, reason, message, HashMap::new())
}

fn other_revision(present: u64, message: &str) -> Refusal {
    let facts = HashMap::from([("revision".to_owned(), present.to_string())]);
    let message = format!("{message}: read it again and decide again");
    refusal(Code::Aborted, Reason::OtherRevision, message, facts)
}

fn pushed_by_another(names: &Names, instance: &Instance, by: &str, message: &str) -> Refusal {
    let mut facts = facts(names, instance);
    facts.insert("pushed_by".to_owned(), by.to_owned());
    let message = format!("{message}: {by} pushed");
    precondition(Reason::PushedByAnother, message, facts)
}

fn denied(reason: Reason, message: String) -> Refusal {
    plain(Code::PermissionDenied, reason, message)
}

/// A rejection by the engine. Where an instance is the cause, its facts are added.
pub(crate) fn of_rejection(rejection: Rejection, names: &Names) -> Refusal {
    let (reason, message) = (Reason::from(&rejection), rejection.to_string());
    let of_instance =
        |instance: &Instance, message| precondition(reason, message, facts(names, instance));
    match rejection {
        Rejection::Invalid(faults) => invalid(faults),
        Rejection::NoSuchInstance(id) => not_found(Missing::Instance, &id.to_string(), message),
        Rejection::NoSuchCall(key) => not_found(Missing::Call, &call_name(&key), message),
        Rejection::OutOfScope(_) | Rejection::NotTheAgent { .. } => denied(reason, message),
        Rejection::NoSuchCaller => not_found(Missing::Caller, "", message),
        Rejection::ArchiveMoved
        | Rejection::CallsMoved
        | Rejection::CandidatesTaken
        | Rejection::DraftMoved
        | Rejection::TeamMoved => aborted(reason, &message),
        Rejection::NoSuchTeam(name) => not_found(Missing::Team, &name, message),
        Rejection::NoSuchWorkflow(name) => not_found(Missing::Workflow, &name, message),
        Rejection::NoSuchVersion(name, version) => {
            not_found(Missing::Version, &format!("{name}/{version}"), message)
        }
        Rejection::NotPublished(_)
        | Rejection::NotTheNewestVersion { .. }
        | Rejection::WorkflowArchived(_)
        | Rejection::TeamInUse { .. } => with_remedy(reason, &message),
        Rejection::WorkflowHasFaults(faults) => has_faults(faults, &message),
        Rejection::OtherRevision { present } => other_revision(present, &message),
        Rejection::RequestIdReused => precondition(reason, message, HashMap::new()),
        Rejection::Limit { max, .. } => exhausted(reason, max),
        Rejection::NoSuchView(name) => not_found(Missing::View, &name, message),
        Rejection::NoSuchBatch(id) => not_found(Missing::Batch, &id.to_string(), message),
        Rejection::ButtonGone(instance)
        | Rejection::AlertGone(instance)
        | Rejection::AlertEscalated(instance)
        | Rejection::StaleVisit(instance)
        | Rejection::NotTheNewest(instance) => of_instance(
            &instance,
            format!("{message}: {}", current_place(names, &instance)),
        ),
        Rejection::ClaimedByAnother(instance) => claimed_by_another(names, &instance, &message),
        Rejection::PushedByAnother { instance, by } => {
            pushed_by_another(names, &instance, &by, &message)
        }
        Rejection::NotVisible(instance) => not_visible(names, &instance),
        Rejection::NoSuchButton { instance, button } => no_such_button(names, &instance, &button),
        Rejection::NoSuchStage { instance, stage } => no_stage(names, &instance, stage, message),
        Rejection::IllegalMove {
            instance,
            happening,
        } if is_paused(&instance) => of_instance(&instance, paused(names, &instance, happening)),
        Rejection::IllegalMove { instance, .. }
        | Rejection::ClaimNextOnly(instance)
        | Rejection::NotClaimed(instance)
        | Rejection::StageGone(instance)
        | Rejection::WouldBeStuck(instance)
        | Rejection::UndoTooLate(instance)
        | Rejection::AnotherRuns(instance)
        | Rejection::AlreadyRunning(instance)
        | Rejection::AlreadyWorked(instance) => of_instance(&instance, message),
    }
}
/// A call as people name it.
fn call_name(key: &CallKey) -> String {
    format!("{}/{}", key.source, key.id)
}

fn claimed_by_another(names: &Names, instance: &Instance, message: &str) -> Refusal {
    let sentence = format!("{message}: {}", held(names, instance));
    precondition(Reason::ClaimedByAnother, sentence, facts(names, instance))
}
