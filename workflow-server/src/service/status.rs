//! Every status that this server answers with is made here, and nowhere else. What the client reads and what the log says
//! are different sentences: nothing of the inside goes out.

use std::collections::HashMap;
use std::time::Duration;

use aftercall_engine::definition::Fault;
use aftercall_engine::definition::builder::BuildError;
use aftercall_engine::definition::graph::NoPicture;
use aftercall_engine::instance::{Instance, Status as InstanceStatus};
use aftercall_engine::rejection::FieldFault;
use aftercall_engine::simulate::SimulationError;
use aftercall_engine::{Rejection, Root};
use aftercall_serving::UNREAD_BYTES_REFUSED;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use super::present::{facts, held, hidden_because, offered_buttons, paused, stands};
use crate::journal::JournalError;
use crate::ledger::{LedgerError, feed::FeedError, history::HistoryError};
use crate::reading::ReadError;

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "aftercall";
/// Bytes of a status' message. All of a status must stay well below the 8 KiB of headers that clients are sure to take.
const MESSAGE_BYTES: usize = 1_000;
/// Bytes of the name of a field at fault.
const FIELD_BYTES: usize = 120;
/// Bytes of what is wrong with a field.
const FAULT_BYTES: usize = 400;
/// Bytes of all fields at fault together; in base64 they take a third more.
const VIOLATIONS_BYTES: usize = 3_600;
/// When to ask again while the server cannot answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

fn status(code: Code, reason: &str, message: impl Into<String>, facts: HashMap<String, String>) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, facts);
    Status::with_error_details(code, short(&message.into(), MESSAGE_BYTES), details)
}

/// A text that fits: a status travels in headers, and a client that is sent more of them than it takes ends its connection.
fn short(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(bytes_max);
    format!("{}…", &text[..end])
}

/// As many violations as fit; the last says how many there are besides.
fn violations(faults: impl ExactSizeIterator<Item = (String, String)>) -> Vec<FieldViolation> {
    let (mut shown, mut bytes, count) = (Vec::new(), 0, faults.len());
    for (field, message) in faults {
        let (field, message) = (short(&field, FIELD_BYTES), short(&message, FAULT_BYTES));
        bytes += field.len() + message.len();
        if bytes > VIOLATIONS_BYTES {
            let message = format!("{} more are invalid: correct these first", count - shown.len());
            shown.push(FieldViolation::new("and", message));
            break;
        }
        shown.push(FieldViolation::new(field, message));
    }
    shown
}

pub(super) fn plain(code: Code, reason: &str, message: impl Into<String>) -> Status {
    status(code, reason, message, HashMap::new())
}

/// Fields at fault, all of them.
pub(super) fn invalid(faults: Vec<FieldFault>) -> Status {
    let message = match faults.as_slice() {
        [one] => format!("{}: {}", one.field, one.message),
        [first, ..] => format!("{} fields are invalid; the first: {}: {}", faults.len(), first.field, first.message),
        [] => "the request is invalid".to_owned(),
    };
    let violations = violations(faults.into_iter().map(|fault| (fault.field, fault.message)));
    let mut details = ErrorDetails::new();
    details.set_error_info("INVALID_REQUEST", DOMAIN, HashMap::new()).set_bad_request(violations);
    Status::with_error_details(Code::InvalidArgument, short(&message, MESSAGE_BYTES), details)
}

/// One field at fault.
pub(super) fn invalid_field(field: &str, message: impl Into<String>) -> Status {
    invalid(vec![FieldFault { field: field.to_owned(), message: message.into() }])
}

/// Something that was asked for does not exist.
pub(super) fn not_found(kind: &str, name: &str, message: impl Into<String>) -> Status {
    not_found_of(kind, name, message, HashMap::new())
}

/// The same, with what is known of the instance that should have it.
fn not_found_of(kind: &str, name: &str, message: impl Into<String>, facts: HashMap<String, String>) -> Status {
    let (name, message) = (short(name, FIELD_BYTES), short(&message.into(), MESSAGE_BYTES));
    let mut details = ErrorDetails::new();
    let reason = format!("NO_SUCH_{}", kind.to_uppercase());
    details.set_error_info(reason, DOMAIN, facts).set_resource_info(kind, name, "", message.clone());
    Status::with_error_details(Code::NotFound, message, details)
}

/// A fault of this server: the client gets an id to look it up by, the log all else.
pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Status {
    let id = format!("{:016x}", rand::random::<u64>());
    tracing::error!(id, error, "a request failed inside the server");
    let facts = HashMap::from([("id".to_owned(), id.clone())]);
    status(Code::Internal, "INTERNAL", format!("the server has a fault; its log tells more under {id}"), facts)
}

/// The server does not answer at the moment.
pub(super) fn unavailable(message: &str) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
    details.set_error_info("UNAVAILABLE", DOMAIN, HashMap::new());
    Status::with_error_details(Code::Unavailable, message, details)
}

/// The entry of the first answer says too little of it: it was written by an older server.
pub(super) fn answer_gone() -> Status {
    let message = "the first answer to this request is gone: ask with a new request id";
    precondition("ANSWER_GONE", message, HashMap::new())
}

/// The request took longer than any may.
pub(super) fn too_slow() -> Status {
    plain(Code::DeadlineExceeded, "REQUEST_TIME", "the request took too long; with a request id, asking again is safe")
}

pub(super) fn exhausted(name: &str, limit: u64) -> Status {
    let message = format!("the limit {name} of {limit} is reached");
    // A change that is too large for the journal stays so.
    let retry_after = (name != "ENTRY_BYTES").then_some(RETRY_AFTER);
    let mut details = retry_after.map_or_else(ErrorDetails::new, |after| ErrorDetails::with_retry_info(Some(after)));
    details
        .set_error_info(name, DOMAIN, HashMap::from([("limit".to_owned(), limit.to_string())]))
        .add_quota_failure_violation(name, message.clone());
    Status::with_error_details(Code::ResourceExhausted, message, details)
}

/// It has ended, and has left memory.
pub(super) fn archived(root: &Root, instance: &Instance) -> Status {
    let message = format!("the follow-up is {} and in the archive: nothing moves it any more", instance.status.word());
    precondition("INSTANCE_ARCHIVED", message, facts(root, instance))
}

/// Whether a request was refused for this reason.
pub(super) fn has_reason(refused: &Status, reason: &str) -> bool {
    refused.get_details_error_info().is_some_and(|info| info.reason == reason)
}

/// Why a request was refused: the stable word; empty where it has none.
pub(super) fn reason_of(refused: &Status) -> String {
    refused.get_details_error_info().map_or_else(String::new, |info| info.reason)
}

/// Call Managers do not see it.
pub(super) fn not_visible(root: &Root, instance: &Instance) -> Status {
    precondition("NOT_VISIBLE", hidden_because(root, instance), facts(root, instance))
}

/// The feed's epoch is another one.
pub(super) fn other_epoch(epoch: &str) -> Status {
    let facts = HashMap::from([("epoch".to_owned(), epoch.to_owned())]);
    precondition("OTHER_EPOCH", "this store has another epoch: take a new snapshot".to_owned(), facts)
}

fn precondition(reason: &str, message: impl Into<String>, facts: HashMap<String, String>) -> Status {
    let subject = facts.get("instance_id").cloned().unwrap_or_default();
    let message = short(&message.into(), MESSAGE_BYTES);
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, DOMAIN, facts).add_precondition_failure_violation(reason, subject, message.clone());
    Status::with_error_details(Code::FailedPrecondition, message, details)
}

/// A workflow that no picture shows.
pub(super) fn no_picture(why: NoPicture) -> Status {
    let reason = match why {
        NoPicture::TooLarge => "PICTURE_TOO_LARGE",
        NoPicture::NoLayout => "NO_LAYOUT",
    };
    precondition(reason, why.to_string(), HashMap::new())
}

/// What the ledger refused.
pub(super) fn of_ledger(error: LedgerError, root: &Root) -> Status {
    match error {
        LedgerError::Rejected(rejection) => of_rejection(*rejection, root),
        LedgerError::Unavailable(reason) => unavailable(&reason),
        LedgerError::Busy(limit) => exhausted("COMMANDS_WAITING", limit as u64),
    }
}

/// A step of building a draft cannot be done.
pub(super) fn of_build(error: &BuildError, workflow: &str) -> Status {
    let message = error.to_string();
    match error {
        BuildError::Faulty(faults) => bad_text("action", faults),
        BuildError::NoEvent { event, .. } => not_found("event", &format!("{workflow}/{event}"), message),
        BuildError::NoAction { event, action, .. } => {
            not_found("action", &format!("{workflow}/{event}/{action}"), message)
        }
        BuildError::Linked(_) => precondition("LINKED", message, HashMap::new()),
        BuildError::OtherKind => precondition("OTHER_KIND", message, HashMap::new()),
        BuildError::IntoItself => precondition("INTO_ITSELF", message, HashMap::new()),
        BuildError::OtherEvent(_) => precondition("OTHER_EVENT", message, HashMap::new()),
        BuildError::TooMany(_) | BuildError::NotAFile(_) => precondition("TOO_MANY", message, HashMap::new()),
    }
}

/// Nothing of the workflow has been published yet.
pub(super) fn only_draft(name: &str) -> Status {
    let message = format!("workflow `{}` has only a draft: publish it, or ask for the draft", short(name, 64));
    not_found("version", name, message)
}

/// There is a workflow with this name already.
pub(super) fn name_taken(name: &str) -> Status {
    let mut details = ErrorDetails::with_resource_info("workflow", name, "", "it exists");
    details.set_error_info("NAME_TAKEN", DOMAIN, HashMap::new());
    Status::with_error_details(
        Code::AlreadyExists,
        format!("there is a workflow `{}` already", short(name, 64)),
        details,
    )
}

/// Some of what should go on on another version cannot.
pub(super) fn migration_refused(count: usize, first: &str, reason: &str) -> Status {
    let message = format!(
        "{count} of them would be refused, the first {first} with {reason}: nothing was begun; a dry run says which"
    );
    precondition("MIGRATION_REFUSED", message, HashMap::from([("first_reason".to_owned(), reason.to_owned())]))
}

/// Why a workflow cannot be tried out.
pub(super) fn of_simulation(error: SimulationError, root: &Root) -> Status {
    match error {
        SimulationError::Faulty(faults) => of_rejection(Rejection::WorkflowHasFaults(faults), root),
        SimulationError::Refused(rejection) => of_rejection(*rejection, root),
        SimulationError::NotSet | SimulationError::TooBusy | SimulationError::Stopped(_) => internal(&error),
    }
}

/// A definition with faults: each with its place in the file, where there is one.
fn has_faults(mut faults: Vec<Fault>, message: String) -> Status {
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
    let mut details =
        ErrorDetails::with_precondition_failure_violation("WORKFLOW_HAS_FAULTS", "draft", message.clone());
    details.set_error_info("WORKFLOW_HAS_FAULTS", DOMAIN, HashMap::new()).set_bad_request(violations);
    Status::with_error_details(Code::FailedPrecondition, message, details)
}

/// A button that no version of the workflow has; the message and the facts list those that may be pushed.
fn no_such_button(root: &Root, instance: &Instance, button: &str) -> Status {
    let offered = offered_buttons(root, instance);
    let list = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
    let message = format!("the workflow has no button `{}`; the buttons now: {list}", short(button, FIELD_BYTES));
    let message = short(&message, MESSAGE_BYTES);
    let ids = [("buttons".to_owned(), short(&offered.join(","), MESSAGE_BYTES))];
    not_found_of("button", button, message, facts(root, instance).into_iter().chain(ids).collect())
}

/// What an author can do about a refusal.
fn remedy(reason: &str) -> &'static str {
    match reason {
        "NOT_PUBLISHED" => "publish it first",
        "NOT_THE_NEWEST_VERSION" => "look at its retention first",
        "TEAM_IN_USE" => "take it out of them, or hand the follow-ups over, first",
        _ => "its author can bring it back",
    }
}

fn no_such_stage(root: &Root, instance: &Instance, stage: u32, message: String) -> Status {
    not_found_of("stage", &stage.to_string(), message, facts(root, instance))
}

fn of_rejection(rejection: Rejection, root: &Root) -> Status {
    let (reason, message) = (rejection.reason(), rejection.to_string());
    match rejection {
        Rejection::Invalid(faults) => invalid(faults),
        Rejection::NoSuchInstance(id) => not_found("instance", &id.to_string(), message),
        Rejection::NoSuchCaller => not_found("caller", "", message),
        Rejection::ArchiveMoved
        | Rejection::CallsMoved
        | Rejection::CandidatesTaken
        | Rejection::DraftMoved
        | Rejection::TeamMoved => status(Code::Aborted, reason, format!("{message}: ask again"), HashMap::new()),
        Rejection::NoSuchTeam(name) => not_found("team", &name, message),
        Rejection::NoSuchWorkflow(name) => not_found("workflow", &name, message),
        Rejection::NoSuchVersion(name, version) => not_found("version", &format!("{name}/{version}"), message),
        Rejection::NotPublished(_)
        | Rejection::NotTheNewestVersion { .. }
        | Rejection::WorkflowArchived(_)
        | Rejection::TeamInUse { .. } => precondition(reason, format!("{message}: {}", remedy(reason)), HashMap::new()),
        Rejection::WorkflowHasFaults(faults) => has_faults(faults, message),
        Rejection::OtherRevision { present } => {
            let facts = HashMap::from([("revision".to_owned(), present.to_string())]);
            status(Code::Aborted, "OTHER_REVISION", format!("{message}: read again and decide anew"), facts)
        }
        Rejection::RequestIdReused => precondition("REQUEST_ID_REUSED", message, HashMap::new()),
        Rejection::Limit { name, limit } => exhausted(name, limit),
        Rejection::NoSuchBatch(id) => not_found("batch", &id.to_string(), message),
        Rejection::ButtonGone(instance)
        | Rejection::AlertGone(instance)
        | Rejection::AlertEscalated(instance)
        | Rejection::StaleVisit(instance)
        | Rejection::NotTheNewest(instance) => {
            precondition(reason, format!("{message}: {}", stands(root, &instance)), facts(root, &instance))
        }
        Rejection::ClaimedByAnother(instance) => {
            precondition(reason, format!("{message}: {}", held(root, &instance)), facts(root, &instance))
        }
        Rejection::PushedByAnother { instance, by } => {
            let pushed_by = [("pushed_by".to_owned(), by.to_string())];
            let facts = facts(root, &instance).into_iter().chain(pushed_by).collect();
            precondition(reason, format!("{message}: {by} pushed"), facts)
        }
        Rejection::NotVisible(instance) => not_visible(root, &instance),
        Rejection::NoSuchButton { instance, button } => no_such_button(root, &instance, &button),
        Rejection::NoSuchStage { instance, stage } => no_such_stage(root, &instance, stage, message),
        Rejection::IllegalMove { instance, happening } if instance.status == InstanceStatus::Paused => {
            precondition(reason, paused(root, &instance, happening), facts(root, &instance))
        }
        Rejection::IllegalMove { instance, .. }
        | Rejection::NotClaimed(instance)
        | Rejection::StageGone(instance)
        | Rejection::WouldBeStuck(instance)
        | Rejection::UndoTooLate(instance)
        | Rejection::AnotherRuns(instance)
        | Rejection::AlreadyRunning(instance)
        | Rejection::AlreadyWorked(instance) => precondition(reason, message, facts(root, &instance)),
    }
}

/// Adds who moved the instance last, and when, to a refusal.
pub(super) fn with_mover(refused: &Status, mover: &str, at: &str) -> Status {
    let mut details = refused.get_error_details();
    let Some(info) = details.error_info().cloned() else { return refused.clone() };
    let mut facts = info.metadata;
    facts.insert("changed_by".to_owned(), mover.to_owned());
    facts.insert("changed_at".to_owned(), at.to_owned());
    details.set_error_info(info.reason, info.domain, facts);
    let message = format!("{}; {mover} moved it at {at}", refused.message());
    Status::with_error_details(refused.code(), message, details)
}

/// What the feed cannot give.
pub(super) fn of_feed(error: &FeedError) -> Status {
    match error {
        FeedError::OutOfRange { oldest, newest } => {
            let facts = HashMap::from([
                ("oldest_sequence".to_owned(), oldest.to_string()),
                ("newest_sequence".to_owned(), newest.to_string()),
            ]);
            status(Code::OutOfRange, "FEED_RANGE", error.to_string(), facts)
        }
        FeedError::Behind { .. } | FeedError::Journal(JournalError::Unreachable { .. }) => {
            unavailable(&error.to_string())
        }
        FeedError::Journal(_) | FeedError::Record(_) => internal(error),
    }
}

/// A read that gave nothing.
pub(super) fn of_read(error: ReadError) -> Status {
    match error {
        ReadError::Full { limit } => exhausted("READS_WAITING", limit as u64),
        ReadError::Unread => exhausted("UNREAD_BYTES", UNREAD_BYTES_REFUSED as u64),
        ReadError::TimeUp => plain(Code::ResourceExhausted, "READ_TIME", format!("{error}: ask for less")),
        ReadError::Panicked => internal(&error),
    }
}

/// What the history cannot give.
pub(super) fn of_history(error: &HistoryError) -> Status {
    internal(error)
}

/// A definition file with faults: each with its place.
pub(super) fn bad_file(faults: &[Fault]) -> Status {
    bad_text("file", faults)
}

/// A text of this field has faults, each with its line and column.
fn bad_text(field: &str, faults: &[Fault]) -> Status {
    let place = |fault: &Fault| format!("{field}:{}:{}", fault.line, fault.column);
    let fields = faults.iter().map(|fault| FieldFault { field: place(fault), message: fault.message.clone() });
    invalid(fields.collect())
}
