//! Batches: one change of many instances, as a durable job that continues after a crash where it
//! stopped.

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::Vector;

use crate::actor::Actor;
use crate::instance::InstanceId;
use crate::limits;
use crate::recipient::Recipient;

/// What is done to each instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchWork {
    /// Move it to the stage with this number.
    Move {
        /// The stage's number.
        stage: u32,
    },
    /// Stop its clocks.
    Pause {
        /// When it continues automatically; none where a person must resume it.
        until: Option<Time>,
    },
    /// Migrate it to another version of its workflow.
    Migrate {
        /// The version.
        version: u32,
        /// The target stages of instances whose stage the version does not have: from which stage
        /// to which.
        stages: Vec<(u32, u32)>,
    },
    /// Start its clocks again.
    Resume,
    /// Cancel it.
    Cancel,
    /// Give it to a person or a team.
    HandOver(Recipient),
}

/// The instances of a batch. They are searched for before, on a root: starting a batch needs no
/// walk.
#[derive(Clone, Debug, Default)]
pub struct BatchItems {
    /// Each once, at most [`limits::BATCH_ITEMS_MAX`].
    pub ids: Arc<[InstanceId]>,
    /// How many instances matched; more than `ids` has where they are too many.
    pub matched: u64,
}

impl BatchItems {
    /// These instances, each once, in this order.
    #[must_use]
    pub fn named(ids: impl IntoIterator<Item = InstanceId>) -> Self {
        let mut seen = HashSet::new();
        Self::from_unique(ids.into_iter().filter(|id| seen.insert(*id)).collect())
    }

    /// These instances, among which there are no duplicates.
    pub(crate) fn from_unique(mut ids: Vec<InstanceId>) -> Self {
        let matched = ids.len() as u64;
        ids.truncate(limits::BATCH_ITEMS_MAX);
        Self {
            ids: ids.into(),
            matched,
        }
    }
}

/// Starts a batch.
#[derive(Clone, Debug)]
pub struct StartBatch {
    /// What is done.
    pub work: BatchWork,
    /// The instances.
    pub items: BatchItems,
    /// Why.
    pub reason: Box<str>,
    /// The most items in a second.
    pub per_second: u32,
}

/// Where a batch is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchState {
    /// Items are still to be done.
    Running,
    /// Somebody has stopped it.
    Stopped,
    /// All items have been done or refused.
    Done,
}

/// An item that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedItem {
    /// Its place among the items.
    pub item: u32,
    /// The reason: a stable word, UPPER_SNAKE.
    pub reason: Box<str>,
}

/// One change of many instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The sequence of the entry that started it.
    pub id: u64,
    /// What is done.
    pub work: BatchWork,
    /// Who asked for it.
    pub actor: Actor,
    /// Why.
    pub reason: Box<str>,
    /// When it was started.
    pub started_at: Time,
    /// When it was done or stopped.
    pub ended_at: Option<Time>,
    /// The most items in a second.
    pub per_second: u32,
    /// How many instances matched when it was started; more than it has items where they were too
    /// many.
    pub matched: u64,
    /// The instances, oldest first or in the order in which they were named.
    pub items: Arc<[InstanceId]>,
    /// The place of the next item.
    pub next: u32,
    /// The items that were refused, in order.
    pub refused: Vector<RefusedItem>,
    /// Where it is in its life.
    pub state: BatchState,
}

/// The progress of a batch at some moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchProgress {
    /// Where it was in its life.
    pub state: BatchState,
    /// How many items had been done or refused.
    pub next: u32,
    /// How many of them had been refused.
    pub refused: u32,
    /// When it was done or stopped.
    pub ended_at: Option<Time>,
}

/// A change of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BatchChange {
    /// It was started.
    Started(Arc<Batch>),
    /// One item was done, or refused.
    Stepped {
        /// Which batch.
        batch: u64,
        /// The item's place.
        item: u32,
        /// The reason why it was refused, a stable word; none where it was done.
        refused: Option<Box<str>>,
    },
    /// Somebody has stopped it.
    Stopped {
        /// Which batch.
        batch: u64,
    },
}

impl Batch {
    /// Records an item as done or refused.
    pub(crate) fn stepped(&mut self, item: u32, refused: Option<&str>, at: Time) {
        self.next = item + 1;
        if let Some(reason) = refused {
            self.refused.push_back(RefusedItem {
                item,
                reason: reason.into(),
            });
        }
        if self.next as usize >= self.items.len() {
            self.end(BatchState::Done, at);
        }
    }

    /// Its progress.
    #[must_use]
    pub fn progress(&self) -> BatchProgress {
        BatchProgress {
            state: self.state,
            next: self.next,
            refused: self.refused.len() as u32,
            ended_at: self.ended_at,
        }
    }

    /// Ends the batch.
    pub(crate) fn end(&mut self, state: BatchState, at: Time) {
        self.state = state;
        self.ended_at = Some(at);
    }
}
