//! What a failed statement means: whether it may have been carried out, and who must do something.
//!
//! Only proof of damage ends writing. All other errors of a database pass: a restart, a failover, a
//! full disk, too many connections.

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use super::refusal::{is_unknown_host, reason, refusal};
use crate::journal::JournalError;

/// A statement that failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// It was not sent, or the server has refused it: nothing was written.
    Unreachable(String),
    /// It was not sent, because a connection is refused until a person corrects something.
    Refused(String),
    /// It was not sent, because the name service does not know the host.
    UnknownHost(String),
    /// It was sent, and the connection ended before the answer.
    Lost(String),
    /// It was sent, and no answer came in time.
    Late(String),
    /// A row with this key exists already. Nothing was written.
    Duplicate,
    /// The disk of the database is full. Nothing was written.
    NoSpace,
    /// The database has found that its files are damaged.
    Damaged(String),
}

impl Failure {
    /// The failure of a connection that could not be opened.
    pub(super) fn of_connection(error: &Error) -> Self {
        match refusal(error) {
            Some(reason) => Self::Refused(reason),
            None if is_unknown_host(error) => Self::UnknownHost(reason(error)),
            None => Self::Unreachable(reason(error)),
        }
    }

    /// The failure of a statement that was sent.
    pub(super) fn of_statement(error: &Error) -> Self {
        match error.as_db_error() {
            Some(refusal) => Self::of_refusal(refusal, reason(error)),
            None => Self::Lost(reason(error)),
        }
    }

    fn of_refusal(refusal: &DbError, reason: String) -> Self {
        let code = refusal.code();
        match code.code() {
            // The session has ended. The commit may have happened before.
            code if code.starts_with("08") || code.starts_with("57P") => Self::Lost(reason),
            "40003" | "08007" => Self::Lost(reason),
            code if code.starts_with("XX00") && code != "XX000" => Self::Damaged(reason),
            _ if *code == SqlState::UNIQUE_VIOLATION => Self::Duplicate,
            _ if *code == SqlState::DISK_FULL => Self::NoSpace,
            _ => Self::Unreachable(reason),
        }
    }

    /// Whether the statement may have been carried out.
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::Late(_))
    }

    /// The reason, for people.
    pub(super) fn text(self) -> String {
        match self {
            Self::Unreachable(reason)
            | Self::Refused(reason)
            | Self::UnknownHost(reason)
            | Self::Lost(reason)
            | Self::Late(reason)
            | Self::Damaged(reason) => reason,
            Self::Duplicate => "a row with this key exists already".to_owned(),
            Self::NoSpace => "the disk of the database is full".to_owned(),
        }
    }

    /// For a statement that only reads.
    pub(super) fn of_read(self) -> JournalError {
        match self {
            Self::Lost(reason) | Self::Late(reason) => JournalError::Unreachable { reason },
            other => other.of_write(),
        }
    }

    /// For a statement that writes.
    pub(super) fn of_write(self) -> JournalError {
        match self {
            Self::Unreachable(reason) | Self::Refused(reason) | Self::UnknownHost(reason) => {
                JournalError::Unreachable { reason }
            }
            Self::Lost(reason) | Self::Late(reason) => JournalError::Unknown { reason },
            Self::Duplicate => JournalError::Unreachable {
                reason: "another write got in between, so the database refused this one".to_owned(),
            },
            Self::NoSpace => JournalError::DatabaseFull,
            Self::Damaged(what) => JournalError::Damaged {
                what,
                place: "the database".to_owned(),
            },
        }
    }
}

/// Whether the connection cannot be used for another statement. After a failover it may lead to a
/// server that accepts no writes, and after a change of the schema its prepared statements fail.
pub(super) fn spoils_connection(error: &Error) -> bool {
    let Some(refusal) = error.as_db_error() else {
        return true;
    };
    let code = refusal.code().code();
    ["08", "57P", "0A", "26", "XX"]
        .iter()
        .any(|class| code.starts_with(class))
        || code == "25006"
}
