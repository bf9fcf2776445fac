//! Restores the World of a snapshot piece by piece.
//!
//! Promise: the same functions as in `apply` fill the indexes. Must not: read a file.

use std::sync::Arc;

use aftercall_definition::calendar::Calendar;
use aftercall_definition::time::Time;

use crate::archive::{Chunk, PurgeConfirmation};
use crate::away::Away;
use crate::batch::Batch;
use crate::call::Call;
use crate::erasure::{Erasure, ErasureState};
use crate::history::HistoryChunk;
use crate::instance::Instance;
use crate::saved_view::SavedView;
use crate::team::Team;
use crate::world::definitions::{Version, Workflow};
use crate::world::{ApplyError, World};

/// Call these in the order of the snapshot: a call before its instances.
impl World {
    /// Sets the sequence and the time of the snapshot.
    pub fn restore_position(&mut self, sequence: u64, at: Time) {
        self.root.sequence = sequence;
        self.root.at = at;
        self.root.changes.begin_after(sequence);
        self.root.call_changes.begin_after(sequence);
    }

    /// Sets the sequences of the entries at which the clock was set back.
    pub fn restore_times_set_back(&mut self, sequences: Vec<u64>) {
        self.root.time_set_back = sequences.into();
    }

    /// Restores the next team.
    pub fn restore_team(&mut self, team: Team) {
        Arc::make_mut(&mut self.root.teams).put(u32::MAX, team);
    }

    /// Restores a calendar.
    pub fn restore_calendar(&mut self, calendar: Arc<Calendar>) {
        Arc::make_mut(&mut self.root.calendars).put(calendar);
    }

    /// Restores the next workflow.
    pub fn restore_workflow(&mut self, workflow: Workflow) {
        Arc::make_mut(&mut self.root.workflows).restore(workflow);
    }

    /// Restores the next version of the workflow that was restored last.
    pub fn restore_version(&mut self, version: Version) {
        Arc::make_mut(&mut self.root.workflows).restore_version(version);
    }

    /// Restores a call in its slot.
    pub fn restore_call(&mut self, slot: u32, call: Arc<Call>) {
        self.put_call(slot, call);
    }

    /// Restores an instance in its slot.
    ///
    /// # Errors
    /// [`ApplyError`] if its call does not exist.
    pub fn restore_instance(&mut self, instance: Arc<Instance>) -> Result<(), ApplyError> {
        self.put_instance(instance)
    }

    /// Restores a batch.
    pub fn restore_batch(&mut self, batch: Batch) {
        self.root.batches.insert(batch.id, Arc::new(batch));
    }

    /// Restores a chunk of the archive.
    pub fn restore_chunk(&mut self, chunk: Chunk) {
        self.root.archive.put(Arc::new(chunk));
    }

    /// Restores a chunk of the history.
    pub fn restore_history(&mut self, chunk: HistoryChunk) {
        self.root.history.put(chunk);
    }

    /// Sets the newest file number of the archive, and the newest confirmation of a purge.
    pub fn restore_archive(
        &mut self,
        newest_file: u64,
        purge_confirmed: Option<PurgeConfirmation>,
    ) {
        self.root.archive.newest_file = self.root.archive.newest_file.max(newest_file);
        self.root.archive.purge_confirmed = purge_confirmed.map(Arc::new);
    }

    /// Restores an erasure.
    pub fn restore_erasure(&mut self, erasure: Erasure) {
        if erasure.state != ErasureState::Done {
            Arc::make_mut(&mut self.root.erasing).add(&erasure);
        }
        self.root.erasures.insert(erasure.id, Arc::new(erasure));
    }

    /// Restores the absence of a person.
    pub fn restore_away(&mut self, away: Away) {
        Arc::make_mut(&mut self.root.absences).put(Arc::new(away));
    }

    /// Restores a saved view.
    pub fn restore_view(&mut self, view: SavedView) {
        Arc::make_mut(&mut self.root.views).put(Arc::new(view));
    }

    /// Restores a request id. The oldest must come first.
    pub fn restore_mark(&mut self, key: u128, fingerprint: u64, sequence: u64, at: Time) {
        self.requests.remember(key, fingerprint, sequence, at);
    }
}
