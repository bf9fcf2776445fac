//! Writing: the one owner that decides, and appends what it has decided. Only the process that
//! leads has it.

pub(in crate::ledger) mod append;
pub(in crate::ledger) mod group;
pub(in crate::ledger) mod owner;
pub(in crate::ledger) mod refused;
pub(in crate::ledger) mod timekeeping;
