//! Applies an entry to the World. Live traffic and recovery use the same function.
//!
//! Must not decide anything: it evaluates no template, condition or calendar.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::OrdMap;
use thiserror::Error;

use crate::actor::ActorKind;
use crate::archive::{ArchiveChange, PurgeConfirmation};
use crate::batch::{Batch, BatchChange, BatchState};
use crate::call::Call;
use crate::desk_change::DeskChange;
use crate::entry::{After, Answer, DefinitionChange, Entry};
use crate::erasure::{Erasure, ErasureChange, ErasureState};
use crate::instance::{Instance, InstanceId};
use crate::limits;
use crate::world::erasing::Erasing;
use crate::world::{World, call_index, caller_index, urgency};

/// An entry cannot be applied to this World: the journal is damaged, or the code has a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ApplyError {
    /// The entry does not follow the newest one of this World.
    #[error("entry {found} cannot be applied: {expected} is next")]
    Sequence {
        /// The sequence that must come next.
        expected: u64,
        /// The sequence of the entry.
        found: u64,
    },
    /// An instance has a call that does not exist.
    #[error("an instance names call slot {0}, which is empty")]
    NoCall(u32),
    /// A version was published, but the workflow or its draft does not exist.
    #[error("a version was published of workflow slot {0}, which has no draft")]
    NoDraft(u32),
    /// A batch was changed, but does not exist.
    #[error("batch {0} was changed, but does not exist")]
    NoBatch(u64),
    /// A chunk was replaced, but does not exist. Or a new chunk has an old file number.
    #[error("chunk {0} of the archive cannot be replaced or stored")]
    NoChunk(u64),
    /// The list of the history's files does not allow this change.
    #[error("the list of the history cannot take the change of entry {0}")]
    NoHistory(u64),
    /// An erasure was changed, but does not exist.
    #[error("erasure {0} was changed, but does not exist")]
    NoErasure(u64),
    /// The entry repeats the content of an instance, but the instance has other content.
    #[error("an entry touches instance slot {0}, which has other content")]
    NotTouched(u32),
    /// A slot is beyond the next new one.
    #[error("slot {0} is beyond those in use")]
    SlotBeyond(u32),
}

impl World {
    /// Applies one entry.
    ///
    /// # Errors
    /// [`ApplyError`] if the entry does not fit this World. The World must not be used after that.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        let expected = self.root.sequence + 1;
        if entry.sequence != expected {
            return Err(ApplyError::Sequence {
                expected,
                found: entry.sequence,
            });
        }
        if let Some(change) = &entry.definition {
            self.apply_definition(change, entry)?;
        }
        if let Some(change) = &entry.batch {
            self.apply_batch(change, entry)?;
        }
        if let Some(change) = &entry.erasure {
            self.apply_erasure(change, entry)?;
        }
        if let Some(change) = &entry.desk {
            self.apply_desk(change, entry.at);
        }
        for change in &entry.instances {
            self.take_instance(change.after.id().slot);
        }
        if let Some(change) = &entry.call {
            if change.slot as usize > self.root.calls.len() {
                return Err(ApplyError::SlotBeyond(change.slot));
            }
            self.put_call(change.slot, change.after.clone());
            self.root.call_changes.push(entry.sequence, change.slot);
        }
        for change in &entry.instances {
            let after = self.after(&change.after)?;
            let slot = after.id.slot;
            self.put_instance(after)?;
            self.root.changes.push(entry.sequence, slot);
        }
        self.apply_to_files(entry)?;
        self.forget_retired(entry.sequence);
        if entry.at < self.root.at {
            self.go_back(entry);
        }
        if let Some(mark) = entry.mark {
            self.requests
                .remember(mark.key, mark.fingerprint, entry.sequence, entry.at);
        }
        self.requests.forget_older(entry.at);
        self.root.sequence = entry.sequence;
        self.root.at = entry.at;
        Ok(())
    }

    /// Applies the changes to the lists of files: the archive and the history.
    fn apply_to_files(&mut self, entry: &Entry) -> Result<(), ApplyError> {
        if let Some(change) = &entry.archive {
            self.apply_archive(change, entry.sequence)?;
        }
        if let Some(change) = &entry.history {
            if !self.root.history.can_take(change, entry.sequence) {
                return Err(ApplyError::NoHistory(entry.sequence));
            }
            self.root.history.take(change);
        }
        if let Answer::PurgeConfirmed(instances @ 1..) = entry.answer {
            let confirmed = PurgeConfirmation {
                sequence: entry.sequence,
                at: entry.at,
                actor: entry.actor.without_subject(),
                instances,
            };
            self.root.archive.purge_confirmed = Some(Arc::new(confirmed));
        }
        Ok(())
    }

    /// The instance after an entry. If the entry only touches it, its content is kept.
    fn after(&self, after: &After) -> Result<Arc<Instance>, ApplyError> {
        let touched = match after {
            After::Whole(instance) => return Ok(instance.clone()),
            After::Touched(touched) => touched,
        };
        let old = self
            .root
            .instance(touched.id)
            .filter(|old| old.whole_at == touched.whole_at);
        Ok(Arc::new(
            touched.onto(old.ok_or(ApplyError::NotTouched(touched.id.slot))?),
        ))
    }

    /// Handles an entry that is older than the one before. Searches by time need to know it.
    /// Request ids with a later time would be kept too long, so they get this time.
    fn go_back(&mut self, entry: &Entry) {
        let surplus =
            (self.root.time_set_back.len() + 1).saturating_sub(limits::TIMES_SET_BACK_KEPT);
        let kept = self.root.time_set_back.iter().skip(surplus).copied();
        self.root.time_set_back = kept.chain([entry.sequence]).collect();
        self.requests.go_back(entry.at);
    }

    fn apply_definition(
        &mut self,
        change: &DefinitionChange,
        entry: &Entry,
    ) -> Result<(), ApplyError> {
        match change {
            DefinitionChange::Team(place, team) => {
                Arc::make_mut(&mut self.root.teams).put(*place, team.clone());
                Ok(())
            }
            DefinitionChange::Calendar(calendar) => {
                Arc::make_mut(&mut self.root.calendars).put(calendar.clone());
                Ok(())
            }
            DefinitionChange::Draft(place, definition) => {
                Arc::make_mut(&mut self.root.workflows).put_draft(*place, definition);
                Ok(())
            }
            DefinitionChange::Archived { workflow, archived } => {
                let changed = Arc::make_mut(&mut self.root.workflows).archive(*workflow, *archived);
                changed.ok_or(ApplyError::NoDraft(*workflow))
            }
            DefinitionChange::Retention { workflow, from } => {
                let changed =
                    Arc::make_mut(&mut self.root.workflows).count_retention_from(*workflow, *from);
                changed.ok_or(ApplyError::NoDraft(*workflow))
            }
            DefinitionChange::Version {
                workflow,
                created,
                retention_from,
                ..
            } => {
                let workflows = Arc::make_mut(&mut self.root.workflows);
                let published = workflows.publish(
                    *workflow,
                    (*created, *retention_from),
                    entry.at,
                    &entry.actor,
                );
                published.ok_or(ApplyError::NoDraft(*workflow))
            }
        }
    }

    fn apply_batch(&mut self, change: &BatchChange, entry: &Entry) -> Result<(), ApplyError> {
        let batches = &mut self.root.batches;
        let change_one =
            |id: u64, batches: &mut OrdMap<u64, Arc<Batch>>, change: &dyn Fn(&mut Batch)| {
                batches
                    .get_mut(&id)
                    .map(|batch| change(Arc::make_mut(batch)))
                    .ok_or(ApplyError::NoBatch(id))
            };
        match change {
            BatchChange::Started(batch) => {
                batches.insert(batch.id, batch.clone());
                self.forget_batches();
                Ok(())
            }
            BatchChange::Stepped {
                batch,
                item,
                refused,
            } => change_one(*batch, batches, &|batch| {
                batch.stepped(*item, refused.as_deref(), entry.at);
            }),
            BatchChange::Stopped { batch } => change_one(*batch, batches, &|batch| {
                batch.end(BatchState::Stopped, entry.at);
            }),
        }
    }

    /// Removes the oldest ended batches above the limit. Those of people do not displace those of
    /// operations.
    fn forget_batches(&mut self) {
        let ended = self.root.batches.values();
        let ended = ended.filter(|batch| batch.state != BatchState::Running);
        let (of_people, of_operations): (Vec<_>, Vec<_>) =
            ended.partition(|batch| batch.actor.kind == ActorKind::Person);
        let ids = |batches: Vec<&Arc<Batch>>| {
            let over = batches.len().saturating_sub(limits::BATCHES_KEPT);
            batches[..over].iter().map(|batch| batch.id).collect()
        };
        let old: [Vec<u64>; 2] = [ids(of_people), ids(of_operations)];
        for old in old.iter().flatten() {
            self.root.batches.remove(old);
        }
    }

    fn apply_desk(&mut self, change: &DeskChange, at: Time) {
        let views = Arc::make_mut(&mut self.root.views);
        let absences = Arc::make_mut(&mut self.root.absences);
        match change {
            DeskChange::ViewSaved(view) => views.put(view.clone()),
            DeskChange::ViewsRemoved(ids) => ids.iter().for_each(|id| views.remove(*id)),
            DeskChange::AwaySet(away) => absences.put(away.clone()),
            DeskChange::AwayEnded(person) => absences.remove(person),
        }
        absences.forget_ended(at);
    }

    fn apply_archive(&mut self, change: &ArchiveChange, sequence: u64) -> Result<(), ApplyError> {
        match change {
            ArchiveChange::Stored { chunk, calls } => {
                if chunk.file <= self.root.archive.newest_file {
                    return Err(ApplyError::NoChunk(chunk.id));
                }
                for slot in calls {
                    self.remove_call(*slot, sequence)?;
                }
                self.root.archive.put(chunk.clone());
            }
            ArchiveChange::Replaced { id, new } => {
                self.root
                    .archive
                    .take(*id)
                    .ok_or(ApplyError::NoChunk(*id))?;
                if let Some(new) = new {
                    self.root.archive.put(new.clone());
                }
            }
        }
        Ok(())
    }

    fn apply_erasure(&mut self, change: &ErasureChange, entry: &Entry) -> Result<(), ApplyError> {
        let erasures = &mut self.root.erasures;
        let change_one =
            |id: u64, erasures: &mut OrdMap<u64, Arc<Erasure>>, change: &dyn Fn(&mut Erasure)| {
                erasures
                    .get_mut(&id)
                    .map(|one| change(Arc::make_mut(one)))
                    .ok_or(ApplyError::NoErasure(id))
            };
        match change {
            ErasureChange::Started(erasure) => {
                erasures.insert(erasure.id, erasure.clone());
                Arc::make_mut(&mut self.root.erasing).add(erasure);
                return Ok(());
            }
            ErasureChange::Masked { erasure, .. } => {
                change_one(*erasure, erasures, &|one| {
                    one.masked_at.push_back(entry.sequence);
                    if one.masked_at.len() >= one.calls.len() {
                        one.state = ErasureState::Scrubbing;
                    }
                })?;
                let masked = self
                    .root
                    .erasures
                    .get(erasure)
                    .and_then(|one| one.calls.get(one.masked_at.len() - 1).cloned());
                if let Some(call) = masked {
                    self.stop_forms_of(&call.instances, entry.at);
                    Arc::make_mut(&mut self.root.erasing).masked_by(&self.root.erasures, &call);
                }
                return Ok(());
            }
            ErasureChange::Ended { erasure } => change_one(*erasure, erasures, &|one| {
                one.state = ErasureState::Done;
                one.ended_at = Some(entry.at);
            })?,
        }
        self.forget_erasures();
        self.root.erasing = Arc::new(Erasing::new(&self.root.erasures));
        Ok(())
    }

    /// Stops batches that push the values of a form on one of these instances. The values may be data
    /// of its caller.
    fn stop_forms_of(&mut self, instances: &[InstanceId], at: Time) {
        let batches = self.root.batches.iter();
        let with_form = batches.filter(|(_, batch)| batch.has_form_for(instances));
        let ids: Vec<u64> = with_form.map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(batch) = self.root.batches.get_mut(&id) {
                Arc::make_mut(batch).end(BatchState::Stopped, at);
            }
        }
    }

    /// Removes the oldest ended erasures above the limit.
    fn forget_erasures(&mut self) {
        let ended = self
            .root
            .erasures
            .values()
            .filter(|one| one.state == ErasureState::Done);
        let ended: Vec<u64> = ended.map(|one| one.id).collect();
        for old in &ended[..ended.len().saturating_sub(limits::ERASURES_KEPT)] {
            self.root.erasures.remove(old);
        }
    }

    /// Removes an instance from the indexes. It stays in its slot until the new one replaces it.
    fn take_instance(&mut self, slot: u32) {
        let Some(old) = self.root.instance_at(slot).cloned() else {
            return;
        };
        self.root.counters.by_status[old.status as usize] -= 1;
        if let Some(call) = self.root.call_of(&old).cloned() {
            for key in urgency::keys(&old, &call) {
                self.root.urgency.remove(&key);
            }
        }
        self.root.counters.timers -= self.timers.disarm(&old);
    }

    /// Removes a call and its instances from memory. Older roots still contain them, so they stay
    /// in the shared indexes until no reader needs them.
    fn remove_call(&mut self, slot: u32, sequence: u64) -> Result<(), ApplyError> {
        let call = self
            .root
            .call_at(slot)
            .cloned()
            .ok_or(ApplyError::NoCall(slot))?;
        for instance in &call.instances {
            self.take_instance(*instance);
            self.root.instances.set(*instance as usize, None);
            self.free_instances.free(*instance);
        }
        self.root.calls.set(slot as usize, None);
        self.free_calls.free(slot);
        self.update_next_slots();
        let caller = caller_index::hashes(&call.caller, None);
        self.retired
            .push(sequence, slot, Some(call_index::hash(&call.key)), caller);
        Ok(())
    }

    fn forget_retired(&mut self, sequence: u64) {
        let before = sequence.saturating_sub(limits::RETIRED_SEQUENCES);
        for _ in 0..limits::RETIRED_PER_ENTRY {
            let Some(gone) = self.retired.pop_before(before) else {
                return;
            };
            if let Some(hash) = gone.call {
                self.root.call_index.remove(hash, gone.slot);
            }
            gone.caller
                .iter()
                .for_each(|hash| self.root.caller_index.remove(*hash, gone.slot));
        }
    }

    fn update_next_slots(&mut self) {
        self.root.next_instance_slot = self.free_instances.next(self.root.instances.len());
        self.root.next_call_slot = self.free_calls.next(self.root.calls.len());
    }

    pub(super) fn put_call(&mut self, slot: u32, call: Arc<Call>) {
        let place = slot as usize;
        while self.root.calls.len() <= place {
            self.free_calls.free(self.root.calls.len() as u32);
            self.root.calls.push_back(None);
        }
        self.free_calls.take(slot);
        let known = self.root.calls[place].clone();
        self.root.caller_index.add(
            &call.caller,
            known.as_ref().map(|known| &known.caller),
            slot,
        );
        if let Some(known) = &known {
            let gone = caller_index::hashes(&known.caller, Some(&call.caller));
            self.retired.push(self.root.sequence, slot, None, gone);
        }
        let key = known.is_none().then(|| call.key.clone());
        self.root.calls.set(place, Some(call));
        if let Some(key) = key {
            self.root.call_index.insert(&key, slot);
        }
        self.update_next_slots();
    }

    pub(super) fn put_instance(&mut self, instance: Arc<Instance>) -> Result<(), ApplyError> {
        let place = instance.id.slot as usize;
        let call = self
            .root
            .call_of(&instance)
            .cloned()
            .ok_or(ApplyError::NoCall(instance.call))?;
        while self.root.instances.len() <= place {
            self.free_instances.free(self.root.instances.len() as u32);
            self.root.instances.push_back(None);
        }
        self.free_instances.take(instance.id.slot);
        for key in urgency::keys(&instance, &call) {
            self.root.urgency.insert(key);
        }
        self.root.counters.by_status[instance.status as usize] += 1;
        self.root.counters.timers += self.timers.arm(&instance, &call);
        self.root.instances.set(place, Some(instance));
        self.update_next_slots();
        Ok(())
    }
}
