//! Who leads a store that several processes share, and which processes there are.
//!
//! A leader holds a lease: until it ends, no other process can become the leader through
//! [`Elections::campaign`]. The clock of the store decides when a lease ends, so the clocks of the
//! members do not matter. The lease only decides who may try. What makes a write of an old leader
//! harmless is its term, which the store checks with each write.

use std::time::Duration;

use futures::future::BoxFuture;

use super::{JournalError, Leading, Term};

/// A process that serves the store, as the other members and clients reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Names the process. No other member has the same. A process that starts again under its name
    /// replaces its old entry in the list of members.
    pub name: String,
    /// The address of its port, such as `https://one.example.com:7401`.
    pub address: String,
}

/// What a member reports regularly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The process.
    pub member: Member,
    /// The newest sequence that it has published.
    pub sequence: u64,
    /// The version of its program.
    pub version: String,
}

/// The report of a member, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What the member reported.
    pub report: Report,
    /// How long ago it did, by the clock of the store.
    pub age: Duration,
}

/// The lease of the newest leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Its term.
    pub term: Term,
    /// The process.
    pub leader: Member,
    /// When the term began, in milliseconds since 1970, by the clock of the store.
    pub since_millis: i64,
    /// How long the lease still lasts. Zero if it has ended or was released.
    pub left: Duration,
}

/// The store at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The lease of the newest leader. `None` before the first leader.
    pub lease: Option<Lease>,
    /// The clock of the store, in milliseconds since 1970.
    pub now_millis: i64,
    /// The members that have reported recently, sorted by name.
    pub members: Vec<Reported>,
}

/// Who leads a store, for stores that several processes share.
pub trait Elections: Send + Sync {
    /// Reports the state of this member, and returns who leads. The report of a member that has not
    /// reported for [`MEMBER_KEPT`](super::MEMBER_KEPT) is forgotten.
    ///
    /// Errors: [`JournalError::Unreachable`].
    fn report(&self, report: &Report) -> BoxFuture<'_, Result<Seen, JournalError>>;

    /// Takes a member that ends out of the list of members, and ends any lease that this process
    /// has won for it, also one that it does not know of. Does nothing if it is not there.
    ///
    /// Errors: [`JournalError::Unreachable`], [`JournalError::Unknown`].
    fn leave(&self, member: &Member) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Becomes the leader with the next term, if no lease is running. Returns `None` if one is, or
    /// if another process was first. The lease begins when the store carries this out.
    ///
    /// The running lease may be that of this process and this member, as the newest report has
    /// shown it. The process then did not get the answer to an earlier campaign, and begins another
    /// term instead of waiting for the end of that lease.
    ///
    /// After a report, a campaign succeeds only if the newest term is the one that the report has
    /// shown. A campaign that the network delivers after a later term has begun changes nothing.
    ///
    /// Errors: [`JournalError::Unreachable`]. [`JournalError::Unknown`]: the answer was lost. This
    /// process may be the leader of a term that it does not know.
    fn campaign(
        &self,
        member: &Member,
        lease: Duration,
    ) -> BoxFuture<'_, Result<Option<Leading>, JournalError>>;

    /// Extends the lease of a term to this duration from now. Also succeeds after the lease has
    /// ended, if no other process has led since. Never succeeds after the lease was released, also if
    /// the network delivers it late.
    ///
    /// Errors: [`JournalError::Deposed`], [`JournalError::Unreachable`], [`JournalError::Unknown`].
    fn renew(&self, term: Term, lease: Duration) -> BoxFuture<'_, Result<(), JournalError>>;

    /// Ends the lease of a term now and for ever, so that another process can lead immediately. Does
    /// nothing if the term has ended, so it can be repeated.
    ///
    /// Errors: [`JournalError::Unreachable`], [`JournalError::Unknown`].
    fn release(&self, term: Term) -> BoxFuture<'_, Result<(), JournalError>>;
}
