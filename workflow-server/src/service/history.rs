//! Walks what happened to an instance or a call, newest first: each entry names the one before it.

use std::collections::BTreeMap;
use std::sync::Arc;

use aftercall_engine::call::Call;
use aftercall_engine::entry::InstanceChange;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::{Entry, Root};

use crate::ledger::Handle;
use crate::ledger::history::HistoryError;
use crate::limits::HISTORY_WALK_MAX;

/// The changes of one instance, newest first.
pub(super) struct Walk<'l> {
    ledger: &'l Handle,
    instance: InstanceId,
    next: u64,
}

impl<'l> Walk<'l> {
    pub(super) fn of_instance(ledger: &'l Handle, instance: &Instance) -> Self {
        Self { ledger, instance: instance.id, next: instance.sequence }
    }

    pub(super) async fn next(&mut self) -> Result<Option<(Arc<Entry>, InstanceChange)>, HistoryError> {
        if self.next == 0 {
            return Ok(None);
        }
        let entry = self.ledger.history().entry(self.next).await?;
        let change = entry.instances.iter().find(|change| change.after.id == self.instance).cloned();
        let change = change.ok_or(HistoryError::NoSuchEntry(self.next))?;
        self.next = change.before.as_ref().map_or(0, |before| before.sequence);
        Ok(Some((entry, change)))
    }
}

/// Everything that happened to one instance, by sequence.
pub(super) async fn of_instance(
    ledger: &Handle,
    instance: &Instance,
) -> Result<BTreeMap<u64, Arc<Entry>>, HistoryError> {
    let mut entries = BTreeMap::new();
    let mut walk = Walk::of_instance(ledger, instance);
    while entries.len() < HISTORY_WALK_MAX {
        let Some((entry, _)) = walk.next().await? else { break };
        entries.insert(entry.sequence, entry);
    }
    Ok(entries)
}

/// Everything that happened to a call and its instances, by sequence.
pub(super) async fn of_call(
    ledger: &Handle,
    root: &Root,
    call: &Call,
) -> Result<BTreeMap<u64, Arc<Entry>>, HistoryError> {
    let mut entries = BTreeMap::new();
    let mut next = call.sequence;
    while next != 0 && entries.len() < HISTORY_WALK_MAX {
        let entry = ledger.history().entry(next).await?;
        next = entry.call.as_ref().map_or(0, |change| change.previous);
        entries.insert(entry.sequence, entry);
    }
    for instance in call.instances.iter().filter_map(|slot| root.instance_at(*slot)) {
        entries.extend(of_instance(ledger, instance).await?);
        if entries.len() >= HISTORY_WALK_MAX {
            break;
        }
    }
    Ok(entries)
}
