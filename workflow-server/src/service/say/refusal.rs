//! Why a request is refused. What the client reads and what the log says are different sentences:
//! nothing of the inside goes out. `status.rs` makes a status of it at the edge.

mod of_error;
mod reason;
mod rejection;

use std::collections::HashMap;
use std::time::Duration;

use aftercall_authoring::graph::NoPicture;
use aftercall_definition::FieldError;
use aftercall_engine::instance::Instance;
use aftercall_engine::rejection::Limit;
use aftercall_proto::workflow::v1::Cause;
pub(crate) use of_error::{
    bad_file, of_build, of_feed, of_history, of_ledger, of_read, of_simulation,
};
pub(crate) use reason::{Missing, Reason};
pub(crate) use rejection::of_rejection;
use tonic::Code;
use tonic_types::{ErrorDetails, FieldViolation};

use crate::service::say::present::{facts, hidden_because};
use crate::service::view::Names;

/// Bytes of a status' message. All of a status must stay well below the 8 KiB of headers that
/// clients are sure to take.
const MESSAGE_BYTES: usize = 1_000;
/// Bytes of the name of an invalid field.
const FIELD_BYTES: usize = 120;
/// Bytes of what is wrong with a field.
const FAULT_BYTES: usize = 400;
/// Bytes of all invalid fields together; in base64 they take a third more.
const VIOLATIONS_BYTES: usize = 3_600;
/// When to ask again while the server cannot answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why a request is refused.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {}", .0.reason.word(), .0.message)]
pub(crate) struct Refusal(Box<Parts>);

/// What a status is made of.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) code: Code,
    pub(crate) reason: Reason,
    /// Sentence for people.
    pub(crate) message: String,
    /// What belongs to the reason, by name.
    pub(crate) facts: HashMap<String, String>,
    /// All details but the reason and its facts.
    pub(crate) details: ErrorDetails,
}

impl Refusal {
    fn new(
        code: Code,
        reason: Reason,
        message: &str,
        facts: HashMap<String, String>,
        details: ErrorDetails,
    ) -> Self {
        Self(Box::new(Parts {
            code,
            reason,
            message: short(message, MESSAGE_BYTES),
            facts,
            details,
        }))
    }

    pub(crate) fn reason(&self) -> Reason {
        self.0.reason
    }

    /// Sentence for people.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    pub(crate) fn code(&self) -> Code {
        self.0.code
    }

    pub(crate) fn into_parts(self) -> Parts {
        *self.0
    }

    /// The same, with who moved the instance last, how, and when.
    pub(crate) fn with_mover(mut self, mover: &str, at: &str, cause: &Cause) -> Self {
        let Parts { message, facts, .. } = &mut *self.0;
        for (name, fact) in [
            ("changed_by", mover),
            ("changed_at", at),
            ("changed_kind", cause.kind().as_str_name()),
            // The label of the button or timer.
            ("changed_title", &short(&cause.title, FIELD_BYTES)),
        ] {
            facts.insert(name.to_owned(), fact.to_owned());
        }
        message.push_str(&format!("; {mover} moved it at {at}"));
        self
    }
}

fn refusal(
    code: Code,
    reason: Reason,
    message: impl Into<String>,
    facts: HashMap<String, String>,
) -> Refusal {
    Refusal::new(code, reason, &message.into(), facts, ErrorDetails::new())
}

/// A text that fits: a status travels in headers, and a client that is sent more of them than it
/// takes ends its connection.
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
            let message = format!(
                "{} more are invalid: correct these first",
                count - shown.len()
            );
            shown.push(FieldViolation::new("and", message));
            break;
        }
        shown.push(FieldViolation::new(field, message));
    }
    shown
}

pub(crate) fn plain(code: Code, reason: Reason, message: impl Into<String>) -> Refusal {
    refusal(code, reason, message, HashMap::new())
}

/// Invalid fields, all of them.
pub(crate) fn invalid(faults: Vec<FieldError>) -> Refusal {
    let message = FieldError::summary(&faults);
    let violations = violations(faults.into_iter().map(|fault| (fault.field, fault.message)));
    let mut details = ErrorDetails::new();
    details.set_bad_request(violations);
    Refusal::new(
        Code::InvalidArgument,
        Reason::InvalidRequest,
        &message,
        HashMap::new(),
        details,
    )
}

/// One invalid field.
pub(crate) fn invalid_field(field: &str, message: impl Into<String>) -> Refusal {
    invalid(vec![FieldError {
        field: field.to_owned(),
        message: message.into(),
    }])
}

/// Something that was asked for does not exist.
pub(crate) fn not_found(missing: Missing, name: &str, message: impl Into<String>) -> Refusal {
    not_found_of(missing, name, message, HashMap::new())
}

/// The same, with what is known of the instance that should have it.
fn not_found_of(
    missing: Missing,
    name: &str,
    message: impl Into<String>,
    facts: HashMap<String, String>,
) -> Refusal {
    let (name, message) = (
        short(name, FIELD_BYTES),
        short(&message.into(), MESSAGE_BYTES),
    );
    let mut details = ErrorDetails::new();
    let (resource, reason) = missing.parts();
    details.set_resource_info(resource, name, "", message.clone());
    Refusal::new(Code::NotFound, reason, &message, facts, details)
}

/// An error inside this server: the client gets an id to look it up by, the log all else.
pub(crate) fn internal(error: &(dyn std::error::Error + 'static)) -> Refusal {
    let id = format!("{:016x}", rand::random::<u64>());
    tracing::error!(id, error, "a request failed inside the server");
    let facts = HashMap::from([("id".to_owned(), id.clone())]);
    refusal(
        Code::Internal,
        Reason::Internal,
        format!("an error inside the server: its log has the details under {id}"),
        facts,
    )
}

/// The server does not answer at the moment.
pub(crate) fn unavailable(message: &str) -> Refusal {
    let details = ErrorDetails::with_retry_info(Some(RETRY_AFTER));
    Refusal::new(
        Code::Unavailable,
        Reason::Unavailable,
        message,
        HashMap::new(),
        details,
    )
}

/// The entry of the first answer says too little of it: it was written by an older server.
pub(crate) fn answer_gone() -> Refusal {
    let message = "the first answer to this request is gone: ask with a new request id";
    precondition(Reason::AnswerGone, message, HashMap::new())
}

pub(crate) fn exhausted(reason: Reason, limit: u64) -> Refusal {
    let name = reason.word();
    let message = format!("the limit {name} of {limit} is reached");
    // A change that is too large for the journal stays so.
    let retry_after = (reason != Reason::Limit(Limit::EntryBytes)).then_some(RETRY_AFTER);
    let mut details = retry_after.map_or_else(ErrorDetails::new, |after| {
        ErrorDetails::with_retry_info(Some(after))
    });
    details.add_quota_failure_violation(name, message.clone());
    let facts = HashMap::from([("limit".to_owned(), limit.to_string())]);
    Refusal::new(Code::ResourceExhausted, reason, &message, facts, details)
}

/// It has ended, and has left memory.
pub(crate) fn archived(names: &Names, instance: &Instance) -> Refusal {
    let message = format!(
        "the follow-up is {} and in the archive: nothing moves it any more",
        instance.status.word()
    );
    precondition(Reason::InstanceArchived, message, facts(names, instance))
}

/// Call Managers do not see it.
pub(crate) fn not_visible(names: &Names, instance: &Instance) -> Refusal {
    precondition(
        Reason::NotVisible,
        hidden_because(names, instance),
        facts(names, instance),
    )
}

/// The feed's epoch is another one.
pub(crate) fn other_epoch(epoch: &str) -> Refusal {
    let facts = HashMap::from([("epoch".to_owned(), epoch.to_owned())]);
    precondition(
        Reason::OtherEpoch,
        "this store has another epoch: take a new snapshot".to_owned(),
        facts,
    )
}

fn precondition(
    reason: Reason,
    message: impl Into<String>,
    facts: HashMap<String, String>,
) -> Refusal {
    let subject = facts.get("instance_id").cloned().unwrap_or_default();
    let message = short(&message.into(), MESSAGE_BYTES);
    let mut details = ErrorDetails::new();
    details.add_precondition_failure_violation(reason.word(), subject, message.clone());
    Refusal::new(Code::FailedPrecondition, reason, &message, facts, details)
}

/// What only the leader of a cluster does. `leader` is its name and address, if one is known.
pub(crate) fn not_the_leader(leader: Option<(&str, &str)>) -> Refusal {
    let Some((name, address)) = leader else {
        let message = "this server does not lead its cluster, and knows no leader";
        return precondition(Reason::NotTheLeader, message, HashMap::new());
    };
    let facts = HashMap::from([
        ("leader".to_owned(), name.to_owned()),
        ("leader_address".to_owned(), address.to_owned()),
    ]);
    let message = format!("this server does not lead its cluster: ask {name} at {address}");
    precondition(Reason::NotTheLeader, message, facts)
}

/// What only a server that shares its store can do.
pub(crate) fn no_cluster() -> Refusal {
    let message = "this server alone uses its store: there is no other that could take over";
    precondition(Reason::NoCluster, message, HashMap::new())
}

/// No other member could lead.
pub(crate) fn no_successor() -> Refusal {
    let message = "no other member of the cluster has reported in the last seconds: start one, or look at its log";
    precondition(Reason::NoSuccessor, message, HashMap::new())
}

/// A workflow that no picture shows.
pub(crate) fn no_picture(why: NoPicture) -> Refusal {
    let reason = match why {
        NoPicture::TooLarge => Reason::PictureTooLarge,
        NoPicture::NoLayout => Reason::NoLayout,
    };
    precondition(reason, why.to_string(), HashMap::new())
}

/// Nothing of the workflow has been published yet.
pub(crate) fn only_draft(name: &str) -> Refusal {
    let message = format!(
        "workflow `{}` has only a draft: publish it, or ask for the draft",
        short(name, 64)
    );
    not_found(Missing::Version, name, message)
}

/// There is a workflow with this name already.
pub(crate) fn name_taken(name: &str) -> Refusal {
    let details = ErrorDetails::with_resource_info("workflow", name, "", "it exists");
    let message = format!("there is a workflow `{}` already", short(name, 64));
    Refusal::new(
        Code::AlreadyExists,
        Reason::NameTaken,
        &message,
        HashMap::new(),
        details,
    )
}

/// Some instances cannot be migrated to the other version.
pub(crate) fn migration_refused(count: usize, first: &str, reason: &str) -> Refusal {
    let message = format!(
        "{count} of them would be refused, the first {first} with {reason}: nothing was begun; a dry run says which"
    );
    precondition(
        Reason::MigrationRefused,
        message,
        HashMap::from([("first_reason".to_owned(), reason.to_owned())]),
    )
}
