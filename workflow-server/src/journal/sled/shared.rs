//! The state that the threads of the log and its readers share: the tree, the groups that it does
//! not have yet, and how much of the log is durable.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::watch;

use super::tree::Tree;
use crate::journal::fault::Fault;
use crate::journal::{Bounds, COPY_BATCH_BYTES, Group, JournalError, Position};

/// The groups in the tail that sled does not have, oldest first. The newest one may not be durable
/// yet.
struct Waiting {
    groups: VecDeque<Group>,
    bytes: usize,
    /// The newest position in sled.
    moved: Position,
}

/// The state that the threads of the log and its readers share.
pub(super) struct Shared {
    tree: RwLock<Arc<Tree>>,
    bounds: watch::Sender<Bounds>,
    waiting: Mutex<Waiting>,
    /// Wakes those that wait until groups are in sled, or until the store has failed.
    moved: Condvar,
}

impl Shared {
    pub(super) fn new(tree: Tree, bounds: Bounds) -> Self {
        Self {
            tree: RwLock::new(Arc::new(tree)),
            bounds: watch::Sender::new(bounds),
            waiting: Mutex::new(Waiting {
                groups: VecDeque::new(),
                bytes: 0,
                moved: bounds.newest,
            }),
            moved: Condvar::new(),
        }
    }

    /// The current tree. A reader keeps it open until it has finished, even if a copy replaces it
    /// meanwhile.
    pub(super) fn tree(&self) -> Arc<Tree> {
        Arc::clone(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the tree by a copy. Only the mover calls it.
    pub(super) fn replace_tree(&self, copy: Tree) {
        *self.tree.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(copy);
    }

    pub(super) fn bounds(&self) -> Bounds {
        *self.bounds.borrow()
    }

    pub(super) fn changes(&self) -> watch::Receiver<Bounds> {
        self.bounds.subscribe()
    }

    /// Publishes a new durable range.
    pub(super) fn change(&self, change: impl FnOnce(&mut Bounds)) {
        self.bounds.send_modify(change);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a group that sled does not have. Returns the size of the groups that waited before, and
    /// whether there were none.
    pub(super) fn add_waiting(&self, group: Group) -> (usize, bool) {
        let mut waiting = self.waiting();
        let before = (waiting.bytes, waiting.groups.is_empty());
        waiting.bytes += group.bytes.len();
        waiting.groups.push_back(group);
        before
    }

    /// The oldest groups that sled does not have, as many as one commit takes.
    pub(super) fn oldest_waiting(&self) -> Vec<Group> {
        let mut bytes = 0;
        let waiting = self.waiting();
        let fits = waiting.groups.iter().take_while(|group| {
            bytes += group.bytes.len();
            bytes <= COPY_BATCH_BYTES || bytes == group.bytes.len()
        });
        fits.cloned().collect()
    }

    /// The durable groups that sled may not have, from the oldest on. All groups before them are in
    /// sled.
    pub(super) fn durable_waiting(&self) -> (Vec<Group>, Bounds) {
        let waiting = self.waiting();
        let bounds = self.bounds();
        let is_durable = |group: &&Group| group.last <= bounds.newest.sequence;
        let groups = waiting.groups.iter().take_while(is_durable);
        (groups.cloned().collect(), bounds)
    }

    /// Notes that sled has all groups up to `moved`. Returns whether others wait.
    pub(super) fn note_moved(&self, moved: Position) -> bool {
        let mut waiting = self.waiting();
        let is_moved = |group: &Group| group.last <= moved.sequence;
        while waiting.groups.front().is_some_and(is_moved)
            && let Some(group) = waiting.groups.pop_front()
        {
            waiting.bytes -= group.bytes.len();
        }
        waiting.moved = moved;
        self.moved.notify_all();
        !waiting.groups.is_empty()
    }

    /// Wakes those that wait, so that they see the failure of the store.
    pub(super) fn note_failed(&self) {
        // With the lock, no caller is between its check for the failure and its wait.
        drop(self.waiting());
        self.moved.notify_all();
    }

    /// Waits until sled has all groups up to `upto`.
    pub(super) fn wait_moved(&self, upto: u64, fault: &Fault) -> Result<(), JournalError> {
        let mut waiting = self.waiting();
        while waiting.moved.sequence < upto {
            fault.check()?;
            let woken = self.moved.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// The newest position in sled.
    pub(super) fn newest_moved(&self) -> Position {
        self.waiting().moved
    }
}
