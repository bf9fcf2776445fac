//! Writing. One owner decides commands and appends the entries. Only the leading process has an
//! owner.

pub(in crate::ledger) mod append;
mod failing;
pub(in crate::ledger) mod group;
pub(in crate::ledger) mod owner;
pub(in crate::ledger) mod refused;
pub(in crate::ledger) mod timekeeping;
