//! What a caller can see of the World. Services read through a view and in no other way.
//!
//! Promise: an instance or a call that is out of the caller's scope is not found, as if it did not
//! exist. Each lookup and each query of a service is a function here, so that a scope is applied in
//! this file alone. What has nothing to do with a scope is in [`Names`], to which a view
//! dereferences. Nothing leads to the World itself.

mod names;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::{Actor, Subject};
use aftercall_engine::archive::{Archive, PurgeConfirmation, Tally};
use aftercall_engine::away::Away;
use aftercall_engine::batch::{Batch, BatchItems, StartBatch};
use aftercall_engine::call::{Call, CallKey};
use aftercall_engine::entry::{Before, InstanceChange};
use aftercall_engine::erasure::{ErasedCall, Erasure};
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::query::{
    self, Claimable, FollowUpCount, FollowUpCursor, FollowUpPage, Group, GroupBy, InstanceFilter,
    InstancePage, OverdueTimer, ShouldStop, Stopped, Stuck,
};
use aftercall_engine::saved_view::SavedView;
use aftercall_engine::world::Counters;
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_engine::{Entry, Reach, Rejection, Root, try_batch};

pub(crate) use self::names::Names;
use crate::ledger::{FoundCall, Handle};
use crate::report::{Only, Report};

/// The World at one moment, as far as one caller may see it.
#[derive(Clone)]
pub(crate) struct View {
    names: Names,
    reach: Reach,
    /// The caller, who finds what it has started.
    who: Who,
}

/// Who a caller is: its name, and its subject if it was proved.
#[derive(Clone)]
pub(crate) struct Who {
    pub(crate) name: Arc<str>,
    pub(crate) subject: Subject,
    /// Whether its role lets it see the batches of others.
    pub(crate) sees_batches: bool,
}

impl Deref for View {
    type Target = Names;

    fn deref(&self) -> &Names {
        &self.names
    }
}

impl View {
    /// The newest World.
    pub(crate) fn new(ledger: &Handle, (reach, who): (Reach, Who)) -> Self {
        let names = Names::of_world(ledger.root());
        Self { names, reach, who }
    }

    /// The same World without a limit: for what a change of the caller led to, which the decision
    /// has checked, and for what goes to an alerter, which applies the scopes of its clients.
    pub(crate) fn unlimited(&self) -> Self {
        self.clone().into_unlimited()
    }

    /// The same of a view that is not needed with its limit.
    pub(crate) fn into_unlimited(self) -> Self {
        Self {
            names: self.names,
            reach: Reach::EVERYTHING,
            who: Who {
                sees_batches: true,
                ..self.who
            },
        }
    }

    /// Who the caller is.
    pub(crate) fn who(&self) -> &Who {
        &self.who
    }

    /// What the caller may see and touch.
    pub(crate) fn reach(&self) -> &Reach {
        &self.reach
    }

    fn root(&self) -> &Root {
        self.names.root()
    }

    fn can_see(&self, instance: &Instance) -> bool {
        self.reach.can_see(self.root(), instance)
    }

    /// Whether an instance is in scope, with its call as it is or was.
    pub(crate) fn can_see_on(&self, instance: &Instance, call: &Call) -> bool {
        self.reach.can_see_on(self.root(), instance, call)
    }

    /// Whether calls of the customer of this call are in scope.
    pub(crate) fn has_customer_of(&self, call: &Call) -> bool {
        self.reach.has_customer(&call.customer)
    }

    fn has_call(&self, call: &Call) -> bool {
        self.reach.has_call_in_memory(self.root(), call)
    }

    /// A call out of the archive, with those of its instances that are in scope; nothing where the
    /// call is not.
    pub(crate) fn archived_call(&self, mut found: FoundCall) -> Option<FoundCall> {
        let instances = found.instances.iter();
        if !self.reach.has_call(self.root(), &found.call, instances) {
            return None;
        }
        let call = found.call.clone();
        found
            .instances
            .retain(|instance| self.can_see_on(instance, &call));
        Some(found)
    }

    /// Whether an instance was in scope before a change, as far as the change shows it.
    pub(crate) fn could_see(&self, before: &Before) -> bool {
        self.reach.could_see(self.root(), before)
    }

    /// The batches, the newest last. An agent, and a caller with a scope, finds its own alone: the
    /// scopes of others are not those of their items.
    pub(crate) fn batches(&self) -> impl DoubleEndedIterator<Item = &Arc<Batch>> {
        let batches = self.root().batches.values();
        batches.filter(|batch| self.sees_batch_of(&batch.actor))
    }

    /// A batch, by the same rule.
    pub(crate) fn batch(&self, id: u64) -> Option<&Arc<Batch>> {
        let batch = self.root().batches.get(&id);
        batch.filter(|batch| self.sees_batch_of(&batch.actor))
    }

    fn sees_batch_of(&self, starter: &Actor) -> bool {
        let Who { name, subject, .. } = &self.who;
        let is_own = !name.is_empty() && starter.owns(name, subject);
        is_own || (self.who.sees_batches && self.reach.is_everything())
    }

    /// The erasures, the newest last, by the same rule.
    pub(crate) fn erasures(&self) -> impl DoubleEndedIterator<Item = &Arc<Erasure>> {
        let erasures = self.root().erasures.values();
        erasures.filter(|erasure| self.is_own(&erasure.actor))
    }

    /// An erasure, by the same rule.
    pub(crate) fn erasure(&self, id: u64) -> Option<&Arc<Erasure>> {
        let erasure = self.root().erasures.get(&id);
        erasure.filter(|erasure| self.is_own(&erasure.actor))
    }

    fn is_own(&self, starter: &Actor) -> bool {
        let Who { name, subject, .. } = &self.who;
        self.reach.is_everything() || (!name.is_empty() && starter.owns(name, subject))
    }

    /// A filter of follow-ups that lets through only what the caller may see.
    pub(crate) fn within(&self, filter: FollowUpFilter) -> FollowUpFilter {
        FollowUpFilter {
            reach: self.reach.clone(),
            ..filter
        }
    }

    /// The same for a filter of instances.
    pub(crate) fn instances_within(&self, filter: InstanceFilter) -> InstanceFilter {
        InstanceFilter {
            reach: self.reach.clone(),
            ..filter
        }
    }

    /// An instance in memory.
    pub(crate) fn instance(&self, id: InstanceId) -> Option<&Arc<Instance>> {
        self.root()
            .instance(id)
            .filter(|instance| self.can_see(instance))
    }

    /// A call in memory.
    pub(crate) fn call(&self, key: &CallKey) -> Option<&Arc<Call>> {
        self.root().call(key).filter(|call| self.has_call(call))
    }

    /// The calls of a caller in memory, newest first; only a customer's, where one is named.
    pub(crate) fn calls_of<'v>(
        &'v self,
        key: &'v CallerKey,
        customer: &'v str,
    ) -> impl Iterator<Item = &'v Arc<Call>> {
        let calls = self.root().calls_of(key, customer);
        calls.filter(|call| self.has_call(call))
    }

    /// The counts of the whole server; all are 0 for a caller with a scope.
    pub(crate) fn counters(&self) -> Counters {
        if self.reach.is_everything() {
            self.root().counters
        } else {
            Counters::default()
        }
    }

    /// How many instances the archive holds, by the same rule.
    pub(crate) fn archived_instances(&self) -> u64 {
        self.whole_archive().map_or(0, |archive| archive.instances)
    }

    /// The counts of the archive, by the same rule.
    pub(crate) fn archive_tallies(&self) -> impl Iterator<Item = &Tally> {
        let chunks = self.whole_archive().map(|archive| archive.chunks.values());
        let chunks = chunks.into_iter().flatten();
        chunks.flat_map(|chunk| chunk.tallies.iter())
    }

    /// The newest confirmation of a purge, by the same rule.
    pub(crate) fn purge_confirmed(&self) -> Option<&PurgeConfirmation> {
        self.whole_archive()?.purge_confirmed.as_deref()
    }

    fn whole_archive(&self) -> Option<&Archive> {
        let is_whole = self.reach.is_everything();
        is_whole.then(|| &self.root().archive)
    }

    /// The newest file of the archive: what leaves memory later is in another one.
    pub(crate) fn newest_archive_file(&self) -> u64 {
        self.root().archive.newest_file
    }

    /// Whether the archive holds anything.
    pub(crate) fn has_archive(&self) -> bool {
        !self.root().archive.chunks.is_empty()
    }

    /// Whether an ended instance is of a filter.
    pub(crate) fn matches_ended(
        &self,
        filter: &InstanceFilter,
        instance: &Instance,
        call: &Call,
    ) -> bool {
        filter.matches_ended(self.root(), instance, call)
    }

    /// The changes of an entry that count in a report.
    pub(crate) fn counted<'e>(&self, only: &Only, entry: &'e Entry) -> Vec<&'e InstanceChange> {
        Report::counted(self.root(), only, entry)
    }

    /// Whether an instance as it is now counts in a report.
    pub(crate) fn lets_through_now(&self, only: &Only, instance: &Instance) -> bool {
        only.lets_through_now(self.root(), instance)
    }

    /// Tries the items of a batch as they are. Which these are was decided within a scope.
    pub(crate) fn try_batch<T>(
        &self,
        start: &StartBatch,
        (actor, now): (&Actor, Time),
        to_result: impl Fn(InstanceId, Result<&Instance, Rejection>) -> T,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<T>, Stopped> {
        let by = (actor, self.reach().takes_next(), now);
        try_batch(self.root(), start, by, to_result, should_stop)
    }

    /// The instances of a call in memory, newest first.
    pub(crate) fn instances_of<'v>(
        &'v self,
        call: &'v Call,
    ) -> impl DoubleEndedIterator<Item = &'v Arc<Instance>> {
        let slots = call.instances.iter().rev();
        slots
            .filter_map(|slot| self.root().instance_at(*slot))
            .filter(|instance| self.can_see(instance))
    }

    /// What Call Managers see, instance by instance.
    pub(crate) fn listed_instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        let instances = self.root().instances.iter().flatten();
        instances.filter(|instance| self.root().is_listed(instance) && self.can_see(instance))
    }

    /// The absences that the caller may see, each with who gets new work meanwhile.
    pub(crate) fn absences(&self, now: Time) -> impl Iterator<Item = (&Away, &str)> {
        let absences = &self.root().absences;
        let can_see = move |away: &Away| query::can_see_away(&self.reach, &self.who.name, away);
        let seen = absences.at(now).filter(move |away| can_see(away));
        seen.map(move |away| (&**away, absences.recipient(&away.person, now, can_see)))
    }

    /// The absence of a person that counts for an instance.
    pub(crate) fn away_for(&self, person: &str, instance: &Instance) -> Option<&Away> {
        let root = self.root();
        let away = root.absences.of(person, root.at).map(|away| &**away);
        away.filter(|away| query::is_away_for(root, away, instance))
    }

    /// A page of the follow-ups of a filter.
    pub(crate) fn list_follow_ups(
        &self,
        filter: FollowUpFilter,
        as_of: Time,
        page: (Option<FollowUpCursor>, usize),
        should_stop: ShouldStop<'_>,
    ) -> Result<FollowUpPage, Stopped> {
        query::list_follow_ups(self.root(), &self.within(filter), as_of, page, should_stop)
    }

    /// How many follow-ups each of these filters selects.
    pub(crate) fn count_follow_ups(
        &self,
        filters: &[FollowUpFilter],
        as_of: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<FollowUpCount>, Stopped> {
        query::count_follow_ups(self.root(), (filters, &self.reach), as_of, should_stop)
    }

    /// The views of a person, then those of the teams in scope: of these teams, or of all where none
    /// is named.
    pub(crate) fn saved_views(&self, person: &Who, teams: &[String]) -> Vec<Arc<SavedView>> {
        let root = self.root();
        let own = match &*person.name {
            "" => Vec::new(),
            name => root.views.of_person(name, &person.subject),
        };
        let is_wanted = |team: &str| {
            (teams.is_empty() || teams.iter().any(|name| name == team)) && self.reach.has_team(team)
        };
        let wanted = root.teams.by_name().filter(|team| is_wanted(&team.name));
        let places = wanted.filter_map(|team| root.teams.place(&team.name));
        let of_teams = places.flat_map(|place| root.views.of_team(place));
        own.into_iter().chain(of_teams).cloned().collect()
    }

    /// The follow-ups of a filter that a person may take.
    pub(crate) fn claimable(
        &self,
        filter: FollowUpFilter,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Claimable, Stopped> {
        Claimable::search(self.root(), &self.within(filter), now, should_stop)
    }

    /// The same after changes, from what was found before; `None` if it must be searched again.
    pub(crate) fn updated(
        &self,
        found: &Claimable,
        filter: &FollowUpFilter,
        now: Time,
    ) -> Option<Claimable> {
        found.updated(self.root(), &self.within(filter.clone()), now)
    }

    /// What a person holds, most urgent first.
    pub(crate) fn held_by(
        &self,
        holder: &str,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<InstanceId>, Stopped> {
        query::held_by(self.root(), (&self.reach, holder), now, should_stop)
    }

    /// A page of the instances of a filter.
    pub(crate) fn list_instances(
        &self,
        filter: InstanceFilter,
        now: Time,
        page: (Option<u32>, usize),
        should_stop: ShouldStop<'_>,
    ) -> Result<InstancePage, Stopped> {
        query::list_instances(
            self.root(),
            &self.instances_within(filter),
            now,
            page,
            should_stop,
        )
    }

    /// How many instances of a filter are in each group, and how many there are.
    pub(crate) fn count_instances(
        &self,
        filter: InstanceFilter,
        by: GroupBy,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<(Vec<Group>, u64), Stopped> {
        query::count_instances(
            self.root(),
            &self.instances_within(filter),
            by,
            now,
            should_stop,
        )
    }

    /// The open instances that are wanted.
    pub(crate) fn open_instances(
        &self,
        is_wanted: impl Fn(&Instance) -> bool,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<InstanceId>, Stopped> {
        let is_wanted = |instance: &Instance| is_wanted(instance) && self.can_see(instance);
        query::open_instances(self.root(), is_wanted, should_stop)
    }

    /// The follow-ups of a filter as items of a batch, in the order of the list.
    ///
    /// # Errors
    /// [`Stopped`] if `should_stop` stops the walk.
    pub(crate) fn listed_items(
        &self,
        filter: FollowUpFilter,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<BatchItems, Stopped> {
        query::listed_items(self.root(), &self.within(filter), now, should_stop)
    }

    /// The instances of a filter, for a batch.
    pub(crate) fn batch_items(
        &self,
        filter: InstanceFilter,
        now: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<BatchItems, Stopped> {
        query::batch_items(
            self.root(),
            &self.instances_within(filter),
            now,
            should_stop,
        )
    }

    /// Timers that are due and have not fired, and how many there are.
    pub(crate) fn overdue_timers(
        &self,
        now: Time,
        rows_max: usize,
        should_stop: ShouldStop<'_>,
    ) -> Result<(Vec<OverdueTimer>, u64), Stopped> {
        query::overdue_timers(self.root(), (&self.reach, now), rows_max, should_stop)
    }

    /// Instances that nothing has moved since a time.
    pub(crate) fn stuck(
        &self,
        by: Time,
        should_stop: ShouldStop<'_>,
    ) -> Result<Vec<Stuck>, Stopped> {
        query::stuck(self.root(), (&self.reach, by), should_stop)
    }

    /// How many open instances of a workflow there are, by version and stage.
    pub(crate) fn open_by_stage(
        &self,
        workflow: &str,
        should_stop: ShouldStop<'_>,
    ) -> Result<BTreeMap<(u32, u32), u64>, Stopped> {
        query::open_by_stage(self.root(), workflow, &self.reach, should_stop)
    }

    /// The calls in memory of a caller that an erasure takes, newest first.
    pub(crate) fn erasable_calls(&self, caller: &CallerKey, customer: &str) -> Vec<ErasedCall> {
        query::calls_within(self.root(), (caller, customer), &self.reach)
    }
}
