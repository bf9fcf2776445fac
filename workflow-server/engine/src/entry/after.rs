//! An instance after an entry: whole, or only the effect of a change of its call.

use std::sync::Arc;

use aftercall_definition::time::Time;

use crate::instance::{Instance, InstanceId, Status};

/// An instance after an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// The whole instance.
    Whole(Arc<Instance>),
    /// Its content is that of an earlier entry; only its call changed. Without this form the end of
    /// a call would copy every open instance of the call into one entry, which has a limit.
    Touched(Touched),
}

/// The effect of an entry on an instance whose call changed. Holds no personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// Its id.
    pub id: InstanceId,
    /// The slot of its call.
    pub call: u32,
    /// Its workflow's place in the World's list.
    pub workflow: u32,
    /// The version, from 1.
    pub version: u32,
    /// Where it is in its life.
    pub status: Status,
    /// Its revision now.
    pub revision: u32,
    /// The sequence of this entry.
    pub sequence: u64,
    /// The sequence of the entry that holds the whole instance.
    pub whole_at: u64,
    /// When it is released at the latest; the end of its call may make that earlier.
    pub release_at: Option<Time>,
    /// When the texts of its alerts are filled in again, where the call that they show has
    /// changed.
    pub refresh_at: Option<Time>,
}

impl Touched {
    /// The effect of the entry with this sequence.
    pub(crate) fn new(
        old: &Instance,
        sequence: u64,
        release_at: Option<Time>,
        refresh_at: Option<Time>,
    ) -> Self {
        Self {
            id: old.id,
            call: old.call,
            workflow: old.workflow,
            version: old.version,
            status: old.status,
            revision: old.revision + 1,
            sequence,
            whole_at: old.whole_at,
            release_at,
            refresh_at,
        }
    }

    /// The instance after the entry. `content` is the instance after any entry from `whole_at` on.
    #[must_use]
    pub fn onto(&self, content: &Instance) -> Instance {
        let mut instance = Instance {
            revision: self.revision,
            sequence: self.sequence,
            whole_at: self.whole_at,
            release_at: self.release_at,
            ..content.clone()
        };
        instance.set_refresh_at(self.refresh_at);
        instance
    }
}

impl After {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> InstanceId {
        match self {
            Self::Whole(instance) => instance.id,
            Self::Touched(touched) => touched.id,
        }
    }

    /// The slot of its call.
    #[must_use]
    pub fn call(&self) -> u32 {
        match self {
            Self::Whole(instance) => instance.call,
            Self::Touched(touched) => touched.call,
        }
    }

    /// Its workflow's place in the World's list.
    #[must_use]
    pub fn workflow(&self) -> u32 {
        match self {
            Self::Whole(instance) => instance.workflow,
            Self::Touched(touched) => touched.workflow,
        }
    }

    /// Its version, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        match self {
            Self::Whole(instance) => instance.version,
            Self::Touched(touched) => touched.version,
        }
    }

    /// Where it is in its life.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Whole(instance) => instance.status,
            Self::Touched(touched) => touched.status,
        }
    }

    /// The outcome, or the reason why it was cancelled; empty while it is open.
    #[must_use]
    pub fn ending(&self) -> &str {
        self.whole().map_or("", |instance| &instance.ending)
    }

    /// The instance, where the entry holds all of it.
    #[must_use]
    pub fn whole(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Whole(instance) => Some(instance),
            Self::Touched(_) => None,
        }
    }
}
