//! Reading: the World by replaying the log, the feed, the history and the archive. Any process that
//! reaches the store can do it.

pub mod archive;
pub mod archive_list;
pub mod feed;
pub(in crate::ledger) mod follow;
pub mod history;

pub(in crate::ledger) mod archive_calls;
pub(in crate::ledger) mod archive_retention;
pub(in crate::ledger) mod recover;
pub(in crate::ledger) mod snapshots;
