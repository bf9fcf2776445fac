//! The World: all state, in memory, built only by applying the journal in order.
//!
//! Readers see a [`Root`]: persistent maps that are cheap to clone. The server publishes a new one
//! after each durable commit. Only the writer sees the rest of the World (timers, request ids).
//! Each index has its own file with functions that `apply` calls. A property test compares each
//! index with one that is rebuilt from the instances.

pub mod absences;
pub mod call_index;
pub mod caller_index;
pub mod changes;
pub mod definitions;
pub mod erasing;
mod keeping;
pub mod requests;
pub mod saved_views;
pub mod timers;
pub mod urgency;

mod apply;
mod restoring;
mod slots;

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_definition::calendar::Clock;
use aftercall_definition::rules::Suggestions;
use aftercall_definition::time::Time;
use aftercall_definition::validate::{Declared, validate};
use aftercall_definition::{Definition, Fault};
pub use apply::ApplyError;
use imbl::{OrdMap, OrdSet, Vector};
use jiff::tz::TimeZone;
pub use keeping::Keeping;

use crate::archive::Archive;
use crate::batch::Batch;
use crate::call::{Call, CallKey};
use crate::erasure::Erasure;
use crate::history::History;
use crate::instance::{Instance, InstanceId, Status};
use crate::limits;
use crate::world::absences::Absences;
use crate::world::call_index::CallIndex;
use crate::world::caller_index::{CallerIndex, CallerKey};
use crate::world::changes::Changes;
use crate::world::definitions::{Calendars, Teams, Workflow, Workflows};
use crate::world::erasing::Erasing;
use crate::world::requests::Requests;
use crate::world::saved_views::SavedViews;
use crate::world::slots::{FreeSlots, Retired};
use crate::world::timers::Timers;
use crate::world::urgency::UrgencyKey;

/// The number of instances in each status, in the order of [`Status::ALL`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    by_status: [u64; Status::ALL.len()],
    timers: u64,
}

impl Counters {
    /// The number of instances with this status.
    #[must_use]
    pub fn count(&self, status: Status) -> u64 {
        self.by_status[status as usize]
    }

    /// The number of instances that have not ended.
    #[must_use]
    pub fn open(&self) -> u64 {
        Status::ALL
            .into_iter()
            .filter(|status| !status.is_ended())
            .map(|status| self.count(status))
            .sum()
    }

    /// The number of instances that have ended.
    #[must_use]
    pub fn ended(&self) -> u64 {
        Status::ALL
            .into_iter()
            .filter(|status| status.is_ended())
            .map(|status| self.count(status))
            .sum()
    }

    /// The number of running timers, including those that release follow-ups.
    #[must_use]
    pub fn timers(&self) -> u64 {
        self.timers
    }
}

/// The World at one moment, for readers. It is cheap to clone.
#[derive(Clone, Debug)]
pub struct Root {
    /// The sequence of the newest applied entry; 0 before the first.
    pub sequence: u64,
    /// The time when that entry was decided.
    pub at: Time,
    /// The sequences of the entries at which the clock was set back, ascending. Only the newest are
    /// kept. Between two of them, entries are in the order of their times.
    pub time_set_back: Arc<[u64]>,
    /// Declared teams.
    pub teams: Arc<Teams>,
    /// Declared calendars.
    pub calendars: Arc<Calendars>,
    /// Workflows with their drafts and versions.
    pub workflows: Arc<Workflows>,
    /// Instances by slot.
    pub instances: Vector<Option<Arc<Instance>>>,
    /// Calls by slot.
    pub calls: Vector<Option<Arc<Call>>>,
    /// Visible follow-ups in the order of their urgency.
    pub urgency: OrdSet<UrgencyKey>,
    /// Batches by id: all running ones, and the newest ended ones.
    pub batches: OrdMap<u64, Arc<Batch>>,
    /// The instances and calls that have moved from memory to files.
    pub archive: Archive,
    /// The files of the packed history.
    pub history: History,
    /// Erasures by id: all running ones, and the newest ended ones.
    pub erasures: OrdMap<u64, Arc<Erasure>>,
    /// The calls that readers must see masked.
    pub erasing: Arc<Erasing>,
    /// The saved views.
    pub views: Arc<SavedViews>,
    /// The people who are away.
    pub absences: Arc<Absences>,
    /// The numbers of instances and timers.
    pub counters: Counters,
    /// The most recently changed instances.
    pub changes: Changes,
    /// The most recently changed calls.
    pub call_changes: Changes,
    next_instance_slot: u32,
    next_call_slot: u32,
    call_index: Arc<CallIndex>,
    caller_index: Arc<CallerIndex>,
    default_zone: TimeZone,
}

impl Root {
    /// The sequence of the newest entry at which the clock was set back; 0 if there is none.
    #[must_use]
    pub fn time_last_set_back(&self) -> u64 {
        self.time_set_back.last().copied().unwrap_or(0)
    }

    /// The time zone to use if neither the caller nor a calendar has one. It is a setting of the
    /// server, UTC by default.
    #[must_use]
    pub fn default_zone(&self) -> &TimeZone {
        &self.default_zone
    }

    /// The instance with this id.
    #[must_use]
    pub fn instance(&self, id: InstanceId) -> Option<&Arc<Instance>> {
        self.instance_at(id.slot)
            .filter(|instance| instance.id == id)
    }

    /// The clock of an action, by the calendar that it names or the workflow's. Without a calendar
    /// it is the wall clock.
    #[must_use]
    pub fn clock(&self, definition: &Definition, own: Option<&str>) -> Clock<'_> {
        let calendar = definition
            .calendar_for(own)
            .and_then(|name| self.calendars.named(name));
        calendar.map_or(Clock::Wall, |calendar| Clock::Calendar(calendar))
    }

    /// Validates a definition with the declared teams and calendars.
    pub fn validate(&self, definition: &Definition) -> Vec<Fault> {
        let is_team = |name: &str| self.teams.place(name).is_some();
        let is_calendar = |name: &str| self.calendars.named(name).is_some();
        let like_team = |name: &str, suggestions: &Suggestions| {
            suggestions.hint(name, self.teams.by_name().map(|team| &*team.name))
        };
        let like_calendar = |name: &str, suggestions: &Suggestions| {
            suggestions.hint(
                name,
                self.calendars.by_name().map(|calendar| &*calendar.name),
            )
        };
        validate(
            definition,
            Declared::new(&is_team, &is_calendar).with_likeness(&like_team, &like_calendar),
        )
    }

    /// The instance in this slot.
    #[must_use]
    pub fn instance_at(&self, slot: u32) -> Option<&Arc<Instance>> {
        self.instances.get(slot as usize).and_then(Option::as_ref)
    }

    /// The call in this slot.
    #[must_use]
    pub fn call_at(&self, slot: u32) -> Option<&Arc<Call>> {
        self.calls.get(slot as usize).and_then(Option::as_ref)
    }

    /// The slot of the call with this key.
    #[must_use]
    pub fn call_slot(&self, key: &CallKey) -> Option<u32> {
        self.call_index.find(key, |slot| {
            self.call_at(slot).is_some_and(|call| call.key == *key)
        })
    }

    /// The call with this key.
    #[must_use]
    pub fn call(&self, key: &CallKey) -> Option<&Arc<Call>> {
        self.call_slot(key).and_then(|slot| self.call_at(slot))
    }

    /// The calls of a caller, newest first. If `customer` is not empty, only calls of that
    /// customer. Reads at most [`limits::CALLS_OF_CALLER_MAX`] calls.
    pub fn calls_of<'r>(
        &'r self,
        key: &'r CallerKey,
        customer: &'r str,
    ) -> impl Iterator<Item = &'r Arc<Call>> {
        self.calls_among(
            self.caller_index.slots(key, limits::CALLS_OF_CALLER_MAX),
            key,
            customer,
        )
    }

    /// All calls of a caller, newest first. If `customer` is not empty, only calls of that
    /// customer.
    pub fn all_calls_of<'r>(
        &'r self,
        key: &'r CallerKey,
        customer: &'r str,
    ) -> impl Iterator<Item = &'r Arc<Call>> {
        self.calls_among(self.caller_index.slots(key, usize::MAX), key, customer)
    }

    fn calls_among<'r>(
        &'r self,
        mut slots: Vec<u32>,
        key: &'r CallerKey,
        customer: &'r str,
    ) -> impl Iterator<Item = &'r Arc<Call>> {
        if key.is_in_chains() {
            slots.sort_by_key(|slot| {
                std::cmp::Reverse(self.call_at(*slot).map(|call| call.created_at))
            });
        }
        let mut seen = HashSet::new();
        let of_caller = slots
            .into_iter()
            .filter(move |slot| seen.insert(*slot))
            .filter_map(|slot| self.call_at(slot));
        of_caller.filter(move |call| {
            key.matches(&call.caller) && (customer.is_empty() || *call.customer == *customer)
        })
    }

    /// The slot for the next instance: the lowest free one.
    #[must_use]
    pub fn next_instance_slot(&self) -> u32 {
        self.next_instance_slot
    }

    /// The slot for the next call: the lowest free one.
    #[must_use]
    pub fn next_call_slot(&self) -> u32 {
        self.next_call_slot
    }

    /// The call of an instance.
    #[must_use]
    pub fn call_of(&self, instance: &Instance) -> Option<&Arc<Call>> {
        self.call_at(instance.call)
    }

    /// The workflow of an instance.
    #[must_use]
    pub fn workflow_of(&self, instance: &Instance) -> Option<&Workflow> {
        self.workflows.at(instance.workflow)
    }

    /// The definition of the version that an instance follows.
    #[must_use]
    pub fn definition_of(&self, instance: &Instance) -> Option<&Arc<Definition>> {
        self.workflow_of(instance)?
            .version(instance.version)
            .map(|version| &version.definition)
    }

    /// Whether a Call Manager's list contains this instance.
    #[must_use]
    pub fn is_listed(&self, instance: &Instance) -> bool {
        self.call_of(instance)
            .is_some_and(|call| instance.is_listed(call))
    }

    /// Whether Call Managers may work on an instance.
    #[must_use]
    pub fn is_visible(&self, instance: &Instance) -> bool {
        self.call_of(instance)
            .is_some_and(|call| instance.is_visible(call))
    }
}

/// All state, including the indexes that only the writer needs.
#[derive(Debug)]
pub struct World {
    root: Root,
    timers: Timers,
    requests: Requests,
    free_instances: FreeSlots,
    free_calls: FreeSlots,
    retired: Retired,
}

impl World {
    /// An empty World.
    #[must_use]
    pub fn new(keeping: Keeping) -> Self {
        Self {
            root: Root {
                sequence: 0,
                at: Time::default(),
                time_set_back: Arc::default(),
                teams: Arc::default(),
                calendars: Arc::default(),
                workflows: Arc::default(),
                instances: Vector::new(),
                calls: Vector::new(),
                urgency: OrdSet::new(),
                batches: OrdMap::new(),
                archive: Archive::default(),
                history: History::default(),
                erasures: OrdMap::new(),
                erasing: Arc::default(),
                views: Arc::default(),
                absences: Arc::default(),
                counters: Counters::default(),
                changes: Changes::default(),
                call_changes: Changes::default(),
                next_instance_slot: 0,
                next_call_slot: 0,
                call_index: Arc::default(),
                caller_index: Arc::default(),
                default_zone: TimeZone::UTC,
            },
            timers: Timers::default(),
            requests: Requests::new(keeping),
            free_instances: FreeSlots::default(),
            free_calls: FreeSlots::default(),
            retired: Retired::default(),
        }
    }

    /// The root with all entries that are applied so far.
    #[must_use]
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Sets the time zone to use if neither the caller nor a calendar has one. It is a setting, not
    /// state: no entry contains it, and applying entries does not depend on it.
    pub fn set_default_zone(&mut self, zone: TimeZone) {
        self.root.default_zone = zone;
    }

    /// The running timers, including those that release follow-ups.
    #[must_use]
    pub fn timers(&self) -> &Timers {
        &self.timers
    }

    /// The request ids that can still be repeated.
    #[must_use]
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The approximate number of records in a snapshot: instances, calls and request ids. Free
    /// slots count too.
    #[must_use]
    pub fn records(&self) -> usize {
        self.root.instances.len() + self.root.calls.len() + self.requests.marks().len()
    }
}
