//! The errors of the journal, in two closed lists: errors in use, and errors at the opening.
//!
//! The sentences of [`OpenError`] are for operators. Each says what to do. Only this module writes
//! them.

use std::io;
use std::path::Path;

use super::{DatabaseError, Term};

/// An error of an operation on an open log or vault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The group does not begin right after the newest. Nothing was written.
    #[error("the group begins at {first}, but the newest entry is {newest}")]
    NotContiguous {
        /// Newest sequence of the log.
        newest: u64,
        /// First sequence of the group.
        first: u64,
    },
    /// The group's `chain_before` is not the chain hash of the newest entry. Nothing was written.
    #[error("the group does not link to the entry {sequence}: it was made from another history")]
    NotLinked {
        /// Newest sequence of the log.
        sequence: u64,
    },
    /// The group's range is empty or begins at 0. Nothing was written.
    #[error("a group cannot range from {first} to {last}")]
    Malformed {
        /// First sequence of the group.
        first: u64,
        /// Last sequence of the group.
        last: u64,
    },
    /// A size limit is exceeded. Nothing was written.
    #[error("the {what} has {bytes} bytes, the limit is {bytes_max}")]
    TooLarge {
        /// What is too large: group, frame or key.
        what: &'static str,
        /// Its size in bytes.
        bytes: usize,
        /// The limit in bytes.
        bytes_max: usize,
    },
    /// The entry is older than the oldest one in the log.
    #[error("older than the log keeps: its oldest entry is {oldest}")]
    Trimmed {
        /// The oldest sequence that can be read (newest + 1 if none).
        oldest: u64,
    },
    /// The disk is nearly full. Nothing was written. Try again when there is space.
    #[error(
        "the disk has {free_bytes} bytes free, and {reserve_bytes} are kept in reserve: free some space"
    )]
    NoSpace {
        /// Free bytes on the disk of the data directory.
        free_bytes: u64,
        /// The reserve in bytes.
        reserve_bytes: u64,
    },
    /// The disk of the database is full. Nothing was written. Try again when there is space.
    #[error("the disk of the database is full: free some space on it")]
    DatabaseFull,
    /// An earlier failure has ended all writing in this process. The reason is the first one.
    #[error("the store has failed and writes no more until the server is restarted: {reason}")]
    Failed {
        /// What happened first.
        reason: String,
    },
    /// The bytes that were read are not those that were written.
    #[error("{place} is damaged: {what}")]
    Damaged {
        /// What is wrong.
        what: String,
        /// Where.
        place: String,
    },
    /// There is no blob with this name.
    #[error("there is no blob {name}")]
    NotFound {
        /// The name.
        name: String,
    },
    /// The text is not a valid name of a blob or key.
    #[error(
        "{name:?} is no name for a blob or key: 1 to 128 letters, digits, '.', '_' or '-', not beginning with '.'"
    )]
    BadName {
        /// The name that was given.
        name: String,
    },
    /// A log that has had entries cannot start at another position.
    #[error("the log has held entries up to {newest} and cannot be started elsewhere")]
    NotEmpty {
        /// Newest sequence of the log.
        newest: u64,
    },
    /// A blob with this name exists already. Nothing was written.
    #[error("there is a blob {name} already, and none is ever replaced")]
    Exists {
        /// The name.
        name: String,
    },
    /// Another leader has begun. Nothing was written, and this term can never write again.
    #[error("a server with term {newest} leads now: this one, with term {term}, writes no more")]
    Deposed {
        /// The term of the write.
        term: Term,
        /// The newest term.
        newest: Term,
    },
    /// The store was unreachable. Nothing was written.
    #[error("the store cannot be reached: {reason}")]
    Unreachable {
        /// What the connection reported.
        reason: String,
    },
    /// The answer to a write was lost. The write may be durable, or may still become durable.
    /// Reading shows this.
    #[error(
        "the answer of the store was lost, so it is not known whether the write succeeded: {reason}"
    )]
    Unknown {
        /// What the connection reported.
        reason: String,
    },
    /// Reading failed, or writing an unfinished blob. Durable data has not changed.
    #[error("{what}: {reason}")]
    Io {
        /// The operation, with the file.
        what: String,
        /// The reason from the system.
        reason: String,
    },
}

impl JournalError {
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::Io {
            what: format!("{doing} {}", path.display()),
            reason: error.to_string(),
        }
    }
}

/// Why a store was not opened. The server then serves nothing from it. The sentence says
/// what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle, uses the directory.
    #[error(
        "another process is using the data directory {dir}: stop it, or start this one with another data directory"
    )]
    Locked {
        /// The data directory.
        dir: String,
    },
    /// A newer server wrote the directory.
    #[error(
        "the data directory {dir} has format {format}, and this server knows formats up to {known}: start the newer \
         server that wrote it, or restore a backup made by this version with `aftercall restore`"
    )]
    NewerFormat {
        /// The data directory.
        dir: String,
        /// The format of the directory.
        format: u32,
        /// The newest format that this server reads.
        known: u32,
    },
    /// A checksum or a link is wrong.
    #[error(
        "{place} is damaged ({what}): do not delete anything; copy the data directory away as it is, check the disk, \
         and restore the newest backup into an empty data directory with `aftercall restore`"
    )]
    Damaged {
        /// What is wrong.
        what: String,
        /// Where.
        place: String,
    },
    /// The log ends before the position in the head file or in the tail, which was durable. It is an
    /// older copy, or the disk lost writes.
    #[error(
        "{dir} holds entries up to {newest}, but its head file or its tail says that {head} was acknowledged: this is an older copy, \
         or the disk lost writes. Restore the newest backup with `aftercall restore`, or the directory that this was copied from. Only if neither \
         exists: start once with --rebuild-head, which accepts that the entries after {newest} are lost"
    )]
    BehindHead {
        /// The data directory.
        dir: String,
        /// The newest sequence in the head file or in the tail.
        head: u64,
        /// Newest sequence in the log.
        newest: u64,
    },
    /// The log and the head file have different histories.
    #[error(
        "{dir} and its head file disagree about entry {sequence}: files of two stores have been mixed. Restore the newest \
         backup into an empty data directory with `aftercall restore`, or bring back the files that belong together"
    )]
    OtherHistory {
        /// The data directory.
        dir: String,
        /// The entry about which they disagree.
        sequence: u64,
    },
    /// The tail file is missing. It may have had acknowledged entries.
    #[error(
        "the tail file {path} is missing, which may hold the newest acknowledged entries. Bring the file back from where the \
         directory was copied, or restore the newest backup with `aftercall restore`. Only if neither exists: start once with --rebuild-head, \
         which accepts that these entries are lost"
    )]
    TailLost {
        /// Path of the tail file.
        path: String,
    },
    /// Neither slot of the head file can be read.
    #[error(
        "the head file {path} is missing or damaged, so it cannot be known whether acknowledged entries are missing. Bring \
         the file back from where the directory was copied, or restore the newest backup with `aftercall restore`. Only if neither exists: start \
         once with --rebuild-head, which takes the log as it is, up to entry {newest}"
    )]
    HeadLost {
        /// Path of the head file.
        path: String,
        /// Newest verified sequence in the log.
        newest: u64,
    },
    /// There are files, but not the one that identifies the store.
    #[error(
        "{dir} is not empty, but has no identity file: it is not a data directory of this server, or the file was deleted. \
         Bring the file back from a copy, or name an empty directory"
    )]
    NotAStore {
        /// The directory.
        dir: String,
    },
    /// The path is a file.
    #[error(
        "{dir} is a file, and a data directory is a directory: name another one with --data-dir"
    )]
    NotADirectory {
        /// The path.
        dir: String,
    },
    /// There is no store in the directory.
    #[error("there is no store in {dir}: name the data directory of a server")]
    NoStore {
        /// The directory.
        dir: String,
    },
    /// A restore into the directory was interrupted.
    #[error(
        "a restore into {dir} was interrupted, so it is not a complete store: remove everything in it, and run `aftercall restore` again"
    )]
    HalfRestored {
        /// The directory.
        dir: String,
    },
    /// The disk is full.
    #[error("the disk is full ({what}): free some space on it and start again; nothing was lost")]
    DiskFull {
        /// The operation, with the file.
        what: String,
    },
    /// The directory is not writable.
    #[error(
        "cannot write ({what}: {reason}): mount it writable, or give the directory to the user this server runs as"
    )]
    ReadOnly {
        /// The operation, with the file.
        what: String,
        /// The reason from the system.
        reason: String,
    },
    /// Another error of the file system.
    #[error(
        "{what} failed: {reason}. If the disk is sound, start again; else restore the newest backup on another disk with `aftercall restore`"
    )]
    Io {
        /// The operation, with the file.
        what: String,
        /// The reason from the system.
        reason: String,
    },
    /// sled panicked on the content of the log.
    #[error(
        "sled gave up on {place} ({reason}): the log is damaged. Copy the data directory away as it is, check the disk, and \
         restore the newest backup into an empty data directory with `aftercall restore`"
    )]
    SledPanicked {
        /// The directory of the log.
        place: String,
        /// The message of the panic.
        reason: String,
    },
    /// Opening made no progress within the time limit. The process must end, because one of its
    /// threads cannot be stopped.
    #[error(
        "opening {place} made no progress for {seconds} s: the log is damaged or the disk does not answer. Check the disk; if \
         it is sound, restore the newest backup into an empty data directory with `aftercall restore`"
    )]
    SledHung {
        /// The directory of the log.
        place: String,
        /// The time limit in seconds.
        seconds: u64,
    },
    /// The store is a database.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// An argument is not valid.
    #[error("{what}")]
    BadArgument {
        /// The argument, and what is expected.
        what: String,
    },
}

impl OpenError {
    /// The error for operators from an error of the file system.
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        let what = format!("{doing} {}", path.display());
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { what },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly {
                what,
                reason: error.to_string(),
            },
            _ => Self::Io {
                what,
                reason: error.to_string(),
            },
        }
    }

    pub(crate) fn damaged(place: &Path, what: impl Into<String>) -> Self {
        Self::Damaged {
            what: what.into(),
            place: place.display().to_string(),
        }
    }
}
