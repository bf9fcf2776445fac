//! The state that the writer of the log and its readers share: the tree, and how much of it is
//! durable.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use super::tree::Tree;
use crate::journal::Bounds;

/// The state that the writer and the readers share.
pub(super) struct Shared {
    tree: RwLock<Arc<Tree>>,
    bounds: watch::Sender<Bounds>,
}

impl Shared {
    pub(super) fn new(tree: Tree, bounds: Bounds) -> Self {
        Self {
            tree: RwLock::new(Arc::new(tree)),
            bounds: watch::Sender::new(bounds),
        }
    }

    /// The current tree. A reader keeps it open until it has finished, even if a copy replaces it
    /// meanwhile.
    pub(super) fn tree(&self) -> Arc<Tree> {
        Arc::clone(&self.tree.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the tree by a copy. Only the writer calls it.
    pub(super) fn replace_tree(&self, copy: Tree) {
        *self.tree.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(copy);
    }

    pub(super) fn bounds(&self) -> Bounds {
        *self.bounds.borrow()
    }

    pub(super) fn changes(&self) -> watch::Receiver<Bounds> {
        self.bounds.subscribe()
    }

    /// Publishes a new durable range. Only the writer calls it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Bounds)) {
        self.bounds.send_modify(change);
    }
}
