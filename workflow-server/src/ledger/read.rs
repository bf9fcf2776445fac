//! Reading: replay of the log, the feed, the history and the archive. Every process that reaches
//! the store can read.

pub mod archive;
pub mod archive_list;
pub mod feed;
pub(in crate::ledger) mod follow;
pub mod history;

pub(in crate::ledger) mod archive_calls;
pub(in crate::ledger) mod archive_retention;
pub(in crate::ledger) mod recover;
pub(in crate::ledger) mod snapshots;
