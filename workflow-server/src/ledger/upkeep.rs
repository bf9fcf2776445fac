//! Upkeep: the leader's work beside its owner. This is snapshots, packing, trimming, archiving,
//! purging, scrubbing, backups, signs of life, and the steps of batches and erasures.

pub mod capture;

pub(in crate::ledger) mod archive_files;
pub(in crate::ledger) mod archiver;
pub(in crate::ledger) mod history_files;
pub(crate) mod job_runner;
pub(in crate::ledger) mod keep_error;
pub(in crate::ledger) mod keeper;
pub(in crate::ledger) mod last_seen;
pub(in crate::ledger) mod purger;
pub(in crate::ledger) mod scrubber;
