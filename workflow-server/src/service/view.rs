//! What a caller can see of the World. Services read through a view and in no other way.
//!
//! Promise: an instance or a call that is out of the caller's scope is not found, as if it did not
//! exist. Each lookup and each query of a service is a function here, so that a scope is applied in
//! this file alone. Names of teams, definitions and figures of the server are read from the World
//! itself, to which a view dereferences.

use std::ops::Deref;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::Root;
use aftercall_engine::batch::BatchItems;
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::query::{
    self, Claimable, FollowUpCursor, FollowUpPage, Group, GroupBy, InstanceFilter, InstancePage,
    OverdueTimer, ShouldStop, Stopped, Stuck,
};
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_identity::Scope;

use crate::ledger::Handle;

/// The World at one moment, as far as one caller may see it.
#[derive(Clone)]
pub(crate) struct View {
    root: Arc<Root>,
    scope: Scope,
}

impl Deref for View {
    type Target = Root;

    fn deref(&self) -> &Root {
        &self.root
    }
}

impl View {
    /// The newest World.
    pub(crate) fn new(ledger: &Handle, scope: Scope) -> Self {
        let root = ledger.root();
        Self { root, scope }
    }

    /// Whether an instance is in scope.
    fn can_see(&self, instance: &Instance) -> bool {
        self.root
            .call_of(instance)
            .is_none_or(|call| self.has_call(call))
    }

    /// Whether a call is in scope, in memory or out of the archive.
    pub(crate) fn has_call(&self, call: &Call) -> bool {
        self.scope.has_customer(&call.customer)
    }

    /// An instance in memory.
    pub(crate) fn instance(&self, id: InstanceId) -> Option<&Arc<Instance>> {
        self.root
            .instance(id)
            .filter(|instance| self.can_see(instance))
    }

    /// A call in memory.
    pub(crate) fn call(&self, key: &CallKey) -> Option<&Arc<Call>> {
        self.root.call(key).filter(|call| self.has_call(call))
    }

    /// The calls of a caller in memory, newest first; only a customer's, where one is named.
    pub(crate) fn calls_of<'v>(
        &'v self,
        key: &'v CallerKey,
        customer: &'v str,
    ) -> impl Iterator<Item = &'v Arc<Call>> {
        let calls = self.root.calls_of(key, customer);
        calls.filter(|call| self.has_call(call))
    }

    /// The instances of a call in memory, newest first.
    pub(crate) fn instances_of<'v>(
        &'v self,
        call: &'v Call,
    ) -> impl DoubleEndedIterator<Item = &'v Arc<Instance>> {
        let slots = call.instances.iter().rev();
        slots
            .filter_map(|slot| self.root.instance_at(*slot))
            .filter(|instance| self.can_see(instance))
    }

    /// What Call Managers see, instance by instance.
    pub(crate) fn listed_instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        let instances = self.root.instances.iter().flatten();
        instances.filter(|instance| self.root.is_listed(instance) && self.can_see(instance))
    }

    /// A page of the follow-ups of a filter.
    pub(crate) fn list_follow_ups(
        &self,
        filter: &FollowUpFilter,
        as_of: Time,
        page: (Option<FollowUpCursor>, usize),
        should_stop: ShouldStop<'_>,
    ) -> Result<FollowUpPage, Stopped> {
        query::list_follow_ups(&self.root, filter, as_of, page, should_stop)
    }

    /// The follow-ups of a filter that a person may take.
    pub(crate) fn claimable(
        &self,
        filter: &FollowUpFilter,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Claimable, Stopped> {
        Claimable::search(&self.root, filter, now, should_stop)
    }

    /// What a person holds, most urgent first.
    pub(crate) fn held_by(
        &self,
        holder: &str,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<InstanceId>, Stopped> {
        query::held_by(&self.root, holder, now, should_stop)
    }

    /// A page of the instances of a filter.
    pub(crate) fn list_instances(
        &self,
        filter: &InstanceFilter,
        now: Time,
        page: (Option<u32>, usize),
        should_stop: ShouldStop<'_>,
    ) -> Result<InstancePage, Stopped> {
        query::list_instances(&self.root, filter, now, page, should_stop)
    }

    /// How many instances of a filter are in each group, and how many there are.
    pub(crate) fn count_instances(
        &self,
        filter: &InstanceFilter,
        by: GroupBy,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<(Vec<Group>, u64), Stopped> {
        query::count_instances(&self.root, filter, by, now, should_stop)
    }

    /// The open instances that are wanted.
    pub(crate) fn open_instances(
        &self,
        is_wanted: impl Fn(&Instance) -> bool,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<InstanceId>, Stopped> {
        query::open_instances(&self.root, is_wanted, should_stop)
    }

    /// The instances of a filter, for a batch.
    pub(crate) fn batch_items(
        &self,
        filter: &InstanceFilter,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<BatchItems, Stopped> {
        query::batch_items(&self.root, filter, now, should_stop)
    }

    /// Timers that are due and have not fired, and how many there are.
    pub(crate) fn overdue_timers(
        &self,
        now: Time,
        rows_max: usize,
        should_stop: ShouldStop<'_>,
    ) -> Result<(Vec<OverdueTimer>, u64), Stopped> {
        query::overdue_timers(&self.root, now, rows_max, should_stop)
    }

    /// Instances that nothing has moved since a time.
    pub(crate) fn stuck(
        &self,
        by: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<Stuck>, Stopped> {
        query::stuck(&self.root, by, should_stop)
    }
}
