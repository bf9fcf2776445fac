//! Why a database was not opened as a store.
//!
//! The sentences are for operators. They contain no password: of an address only the hosts and the
//! name of the database are shown.

/// Why a database was not opened as a store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// The address is not valid.
    #[error("the address of the database is not valid: {what}")]
    Address {
        /// What is wrong, and what to write instead.
        what: String,
    },
    /// The database, or this program, refuses the connection until a person corrects something.
    #[error("the database {store} cannot be used: {reason}")]
    Refused {
        /// The address without secrets.
        store: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// The name service does not know the host.
    #[error("the host of the database {store} is unknown: {reason}. Correct its name")]
    UnknownHost {
        /// The address without secrets.
        store: String,
        /// What the name service reported.
        reason: String,
    },
    /// The database does not answer.
    #[error(
        "the database {store} cannot be reached: {reason}. Check its address, that PostgreSQL runs, and that it accepts writes"
    )]
    Unreachable {
        /// The address without secrets.
        store: String,
        /// What the connection reported.
        reason: String,
    },
    /// The database has no schema of ours.
    #[error("there is no store in {store}: create it with `aftercall store init`")]
    NoStore {
        /// The address without secrets.
        store: String,
    },
    /// The database has a schema of ours already.
    #[error(
        "there is a store in {store} already, and none is ever replaced: name another database"
    )]
    Exists {
        /// The address without secrets.
        store: String,
    },
    /// A copy into the database was interrupted.
    #[error(
        "a copy into {store} was interrupted, so it is not a complete store: run `DROP SCHEMA aftercall CASCADE` in that database, and copy again"
    )]
    Incomplete {
        /// The address without secrets.
        store: String,
    },
    /// A newer server has upgraded the schema.
    #[error(
        "the store in {store} has version {version} of its schema, and this program knows versions up to {known}: use a newer program"
    )]
    NewerSchema {
        /// The address without secrets.
        store: String,
        /// The version of the schema.
        version: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// The schema is older than this server requires.
    #[error(
        "the store in {store} has version {version} of its schema, and this program requires {known}: stop all servers on it, and run `aftercall store upgrade`"
    )]
    OlderSchema {
        /// The address without secrets.
        store: String,
        /// The version of the schema.
        version: i32,
        /// The version that this program requires.
        known: i32,
    },
    /// The database would not keep what it acknowledges, or lacks what the server needs.
    #[error("{store} cannot be used as a store: {what}")]
    Unsuitable {
        /// The address without secrets.
        store: String,
        /// What is wrong, and what to do.
        what: String,
    },
    /// Another process leads the store.
    #[error("{leader} leads the store in {store}: stop all servers on it first")]
    Led {
        /// The address without secrets.
        store: String,
        /// The name of the leader.
        leader: String,
    },
    /// What is stored is not what was written.
    #[error(
        "the store in {store} is damaged: {what}. Nothing has been changed. Restore the newest backup of the database"
    )]
    Damaged {
        /// The address without secrets.
        store: String,
        /// What is wrong.
        what: String,
    },
}
