//! What the writer of the log and its readers share: the tree, and how far it is durable.

use std::sync::{PoisonError, RwLock};

use super::super::Bounds;
use super::tree::Tree;

/// What the writer and the readers share.
pub(super) struct Shared {
    pub(super) tree: Tree,
    bounds: RwLock<Bounds>,
}

impl Shared {
    pub(super) fn new(tree: Tree, bounds: Bounds) -> Self {
        Self { tree, bounds: RwLock::new(bounds) }
    }

    pub(super) fn bounds(&self) -> Bounds {
        *self.bounds.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes what is durable. Only the writer calls it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Bounds)) {
        change(&mut self.bounds.write().unwrap_or_else(PoisonError::into_inner));
    }
}
