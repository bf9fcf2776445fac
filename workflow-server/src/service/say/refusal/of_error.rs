//! A refusal from each error of the inside: the engine, the builder, the simulation, the ledger and
//! its reads.

use std::collections::HashMap;

use aftercall_authoring::builder::BuildError;
use aftercall_authoring::simulate::SimulationError;
use aftercall_definition::{Fault, FieldError};
use aftercall_engine::Rejection;
use tonic::Code;

use super::rejection::of_rejection;
use super::{
    Missing, Reason, Refusal, exhausted, internal, invalid, not_found, plain, precondition,
    refusal, unavailable,
};
use crate::journal::JournalError;
use crate::ledger::LedgerError;
use crate::ledger::feed::FeedError;
use crate::ledger::history::HistoryError;
use crate::reading::ReadError;
use crate::service::view::Names;

/// From an error of the ledger.
pub(crate) fn of_ledger(error: LedgerError, names: &Names) -> Refusal {
    match error {
        LedgerError::Rejected(rejection) => of_rejection(*rejection, names),
        LedgerError::Unavailable(reason) => unavailable(&reason),
        LedgerError::Busy(limit) => exhausted(Reason::CommandsWaiting, limit as u64),
    }
}

/// From an error of a step that builds a draft.
pub(crate) fn of_build(error: &BuildError, workflow: &str) -> Refusal {
    let message = error.to_string();
    match error {
        BuildError::Faulty(faults) => bad_text("action", faults),
        BuildError::NoEvent { event, .. } => {
            not_found(Missing::Event, &format!("{workflow}/{event}"), message)
        }
        BuildError::NoAction { event, action, .. } => not_found(
            Missing::Action,
            &format!("{workflow}/{event}/{action}"),
            message,
        ),
        BuildError::Linked(_) => precondition(Reason::Linked, message, HashMap::new()),
        BuildError::OtherKind => precondition(Reason::OtherKind, message, HashMap::new()),
        BuildError::IntoItself => precondition(Reason::IntoItself, message, HashMap::new()),
        BuildError::OtherEvent(_) => precondition(Reason::OtherEvent, message, HashMap::new()),
        BuildError::TooMany(_) | BuildError::NotAFile(_) => {
            precondition(Reason::TooMany, message, HashMap::new())
        }
    }
}

/// From an error of a simulation.
pub(crate) fn of_simulation(error: SimulationError, names: &Names) -> Refusal {
    match error {
        SimulationError::Faulty(faults) => {
            of_rejection(Rejection::WorkflowHasFaults(faults), names)
        }
        SimulationError::Refused(rejection) => of_rejection(*rejection, names),
        SimulationError::NotSet | SimulationError::TooBusy | SimulationError::Stopped(_) => {
            internal(&error)
        }
    }
}

/// From an error of the feed.
pub(crate) fn of_feed(error: &FeedError) -> Refusal {
    match error {
        FeedError::OutOfRange { oldest, newest } => {
            let facts = HashMap::from([
                ("oldest_sequence".to_owned(), oldest.to_string()),
                ("newest_sequence".to_owned(), newest.to_string()),
            ]);
            refusal(
                Code::OutOfRange,
                Reason::FeedRange,
                error.to_string(),
                facts,
            )
        }
        FeedError::Behind { .. }
        | FeedError::Journal(JournalError::Unreachable { .. } | JournalError::Unknown { .. }) => {
            unavailable(&error.to_string())
        }
        FeedError::Journal(_) | FeedError::Record(_) => internal(error),
    }
}

/// From an error of a read that walks over many rows.
pub(crate) fn of_read(error: ReadError) -> Refusal {
    match error {
        ReadError::Full { limit } => exhausted(Reason::ReadsWaiting, limit as u64),
        ReadError::Unread { limit } => exhausted(Reason::UnreadBytes, limit as u64),
        ReadError::TimeUp => plain(
            Code::ResourceExhausted,
            Reason::ReadTime,
            format!("{error}: ask for less"),
        ),
        ReadError::Panicked => internal(&error),
    }
}

/// From an error of the history.
pub(crate) fn of_history(error: &HistoryError) -> Refusal {
    internal(error)
}

/// A definition file with errors, each with its place.
pub(crate) fn bad_file(faults: &[Fault]) -> Refusal {
    bad_text("file", faults)
}

/// The errors in the text of a field, each with its line and column.
fn bad_text(field: &str, faults: &[Fault]) -> Refusal {
    let place = |fault: &Fault| format!("{field}:{}:{}", fault.line, fault.column);
    let fields = faults.iter().map(|fault| FieldError {
        field: place(fault),
        message: fault.message.clone(),
    });
    invalid(fields.collect())
}
