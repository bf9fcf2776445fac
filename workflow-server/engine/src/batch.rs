//! Batches: one change of many instances. A batch is a durable job: after a crash it continues
//! where it stopped.

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use imbl::Vector;

use crate::actor::Actor;
use crate::instance::InstanceId;
use crate::limits;
use crate::recipient::Recipient;

/// What a batch does to each instance.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchWork {
    /// Move the instance to the stage with this number.
    Move {
        /// The stage's number.
        stage: u32,
    },
    /// Pause the instance.
    Pause {
        /// When the instance resumes automatically; `None` if a person must resume it.
        until: Option<Time>,
    },
    /// Migrate the instance to another version of its workflow.
    Migrate {
        /// The version.
        version: u32,
        /// The target stages for instances whose stage is not in the new version, as pairs of old
        /// and new number.
        stages: Vec<(u32, u32)>,
    },
    /// Resume the instance.
    Resume,
    /// Cancel the instance.
    Cancel,
    /// Hand the instance over to a person or a team.
    HandOver(Recipient),
    /// Push a button of the instance. The reason of the batch is the note of the push.
    Push(BatchPush),
    /// Snooze all alerts of the instance. The reason of the batch is the note of the snooze.
    Snooze {
        /// When they return.
        until: Time,
    },
    /// Claim the instance for the person who started the batch.
    Claim {
        /// For how long, in milliseconds.
        lease_millis: i64,
    },
}

/// The push of one button on many instances.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchPush {
    /// The id of the button's event.
    pub button: Box<str>,
    /// The number of the stage that the person saw.
    pub stage: u32,
    /// How often each item had entered that stage when the batch was started, in the order of the
    /// items. An item that has entered it again since, or has left it, is refused. Empty before the
    /// start.
    pub visits: Arc<[u32]>,
    /// The values of the form for each item, by field name. Empty after the end of the batch: they
    /// may be data of a caller.
    pub form: Arc<[(Box<str>, Value)]>,
}

impl BatchWork {
    /// Whether people do this at a Call Manager, and operations do not.
    #[must_use]
    pub fn is_desk_work(&self) -> bool {
        matches!(
            self,
            Self::Push(_) | Self::Snooze { .. } | Self::Claim { .. }
        )
    }
}

/// The instances of a batch. The server searches for them on a root before it sends the command.
#[derive(Clone, Debug, Default)]
pub struct BatchItems {
    /// The ids without duplicates, at most [`limits::BATCH_ITEMS_MAX`].
    pub ids: Arc<[InstanceId]>,
    /// The number of instances that matched. If there were too many, it is greater than the number
    /// of ids.
    pub matched: u64,
}

impl BatchItems {
    /// Takes these instances in this order, without duplicates.
    #[must_use]
    pub fn named(ids: impl IntoIterator<Item = InstanceId>) -> Self {
        let mut seen = HashSet::new();
        Self::from_unique(ids.into_iter().filter(|id| seen.insert(*id)).collect())
    }

    /// Takes these instances. They must not contain duplicates.
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
    /// What the batch does.
    pub work: BatchWork,
    /// The instances.
    pub items: BatchItems,
    /// The reason for the batch.
    pub reason: Box<str>,
    /// How many items may be processed in a second.
    pub per_second: u32,
}

/// The state of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BatchState {
    /// Some items are not processed yet.
    Running,
    /// A person has stopped the batch.
    Stopped,
    /// All items are done or refused.
    Done,
}

/// An item that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedItem {
    /// The place of the item.
    pub item: u32,
    /// The reason: a stable name in UPPER_SNAKE.
    pub reason: Box<str>,
}

/// One change of many instances.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The sequence of the entry that started it.
    pub id: u64,
    /// What the batch does.
    pub work: BatchWork,
    /// The actor that started the batch.
    pub actor: Actor,
    /// Whether the actor does not choose among the work of teams that share it fairly.
    pub takes_next: bool,
    /// The reason for the batch.
    pub reason: Box<str>,
    /// When the batch started.
    pub started_at: Time,
    /// When the batch was done or stopped.
    pub ended_at: Option<Time>,
    /// How many items may be processed in a second.
    pub per_second: u32,
    /// The number of instances that matched at the start. If there were too many, it is greater
    /// than the number of items.
    pub matched: u64,
    /// The instances, oldest first or in the order of the request.
    pub items: Arc<[InstanceId]>,
    /// The place of the next item.
    pub next: u32,
    /// The refused items, in order.
    pub refused: Vector<RefusedItem>,
    /// The state of the batch.
    pub state: BatchState,
}

/// The progress of a batch at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchProgress {
    /// The state of the batch.
    pub state: BatchState,
    /// The number of items that were done or refused.
    pub next: u32,
    /// The number of items that were refused.
    pub refused: u32,
    /// When the batch was done or stopped.
    pub ended_at: Option<Time>,
}

/// A change of a batch.
#[derive(Clone, Debug, PartialEq)]
pub enum BatchChange {
    /// A batch started.
    Started(Arc<Batch>),
    /// An item was done or refused.
    Stepped {
        /// The id of the batch.
        batch: u64,
        /// The place of the item.
        item: u32,
        /// Why the item was refused, a stable name; `None` if it was done.
        refused: Option<Box<str>>,
    },
    /// A person stopped a batch.
    Stopped {
        /// The id of the batch.
        batch: u64,
    },
}

impl BatchChange {
    /// The change without values of a form, which may be data of a caller.
    pub(crate) fn without_form(&self) -> Self {
        match self {
            Self::Started(batch) => {
                let mut batch = Batch::clone(batch);
                batch.forget_form();
                Self::Started(Arc::new(batch))
            }
            Self::Stepped { .. } | Self::Stopped { .. } => self.clone(),
        }
    }
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

    /// The progress of the batch.
    #[must_use]
    pub fn progress(&self) -> BatchProgress {
        BatchProgress {
            state: self.state,
            next: self.next,
            refused: self.refused.len() as u32,
            ended_at: self.ended_at,
        }
    }

    pub(crate) fn end(&mut self, state: BatchState, at: Time) {
        self.state = state;
        self.ended_at = Some(at);
        self.forget_form();
    }

    fn forget_form(&mut self) {
        if let BatchWork::Push(push) = &mut self.work {
            push.form = [].into();
        }
    }

    /// Whether the batch has values of a form, which it pushes on one of these instances too.
    pub(crate) fn has_form_for(&self, instances: &[InstanceId]) -> bool {
        let has_form = matches!(&self.work, BatchWork::Push(push) if !push.form.is_empty());
        has_form && instances.iter().any(|id| self.items.contains(id))
    }
}
