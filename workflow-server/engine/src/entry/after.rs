//! An instance after an entry: the whole instance, or only the effect of a change of its call.

use std::sync::Arc;

use aftercall_definition::time::Time;

use crate::instance::{Instance, InstanceId, Status};

/// An instance after an entry.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    /// The whole instance.
    Whole(Arc<Instance>),
    /// Only the call of the instance changed; its content is in an earlier entry. Without this
    /// form, the end of a call would copy all open instances of the call into one entry, and the
    /// size of an entry is limited.
    Touched(Touched),
}

/// The effect of an entry on an instance whose call changed. Contains no personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touched {
    /// The id of the instance.
    pub id: InstanceId,
    /// The slot of the instance's call.
    pub call: u32,
    /// The workflow's place in the World's list.
    pub workflow: u32,
    /// The version, from 1.
    pub version: u32,
    /// The status of the instance.
    pub status: Status,
    /// The revision after the entry.
    pub revision: u32,
    /// The sequence of this entry.
    pub sequence: u64,
    /// The sequence of the entry that contains the whole instance.
    pub whole_at: u64,
    /// When the instance is released at the latest. The end of its call may set an earlier time.
    pub release_at: Option<Time>,
    /// When a timer fills the texts of the alerts in again; `None` if they show the present call.
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
    /// The id of the instance.
    #[must_use]
    pub fn id(&self) -> InstanceId {
        match self {
            Self::Whole(instance) => instance.id,
            Self::Touched(touched) => touched.id,
        }
    }

    /// The slot of the instance's call.
    #[must_use]
    pub fn call(&self) -> u32 {
        match self {
            Self::Whole(instance) => instance.call,
            Self::Touched(touched) => touched.call,
        }
    }

    /// The workflow's place in the World's list.
    #[must_use]
    pub fn workflow(&self) -> u32 {
        match self {
            Self::Whole(instance) => instance.workflow,
            Self::Touched(touched) => touched.workflow,
        }
    }

    /// The version, from 1.
    #[must_use]
    pub fn version(&self) -> u32 {
        match self {
            Self::Whole(instance) => instance.version,
            Self::Touched(touched) => touched.version,
        }
    }

    /// The status of the instance.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Whole(instance) => instance.status,
            Self::Touched(touched) => touched.status,
        }
    }

    /// The outcome, or the reason of the cancellation; empty while the instance is open.
    #[must_use]
    pub fn ending(&self) -> &str {
        self.whole().map_or("", |instance| &instance.ending)
    }

    /// The instance, if the entry contains it as a whole.
    #[must_use]
    pub fn whole(&self) -> Option<&Arc<Instance>> {
        match self {
            Self::Whole(instance) => Some(instance),
            Self::Touched(_) => None,
        }
    }
}
