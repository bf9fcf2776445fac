//! Removes instances that are past their retention, once a day: first from the chunks of the
//! archive, then from the history.
//!
//! Promise: in the first hours of a process, and while the clock is held, nothing is removed. One
//! pass removes at most a share of the archive, unless a person confirms more. A confirmation is an
//! entry of the journal, so it survives a restart. It is valid for one whole pass, and for a day at
//! most.
//!
//! The history keeps the entries of all instances and calls that the World or the archive still
//! has. It does not matter what was just removed, so the next pass completes an interrupted one.

mod known;
mod noted;

use std::collections::HashSet;
use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::archive::{Chunk, End, PurgeConfirmation};
use aftercall_engine::command::{Command, ReplaceChunk};
use aftercall_engine::{Entry, Root};
use bytes::Bytes;
use known::{DAY_MILLIS, Window};
pub(in crate::ledger) use noted::{PURGED_FOR, PURGED_ON, Purging};

use super::keep_error::KeepError;
use super::keeper::Keeper;
use crate::journal::JournalError;
use crate::ledger::read::archive::Archive;
use crate::limits::{PROCESS_SETTLES, PURGE_CONFIRMED_MILLIS, PURGE_FLOOR, PURGE_SHARE};
use crate::records::{ArchivedCall, ArchivedInstance, ChunkContent};

/// How much a pass may still remove, and how much it leaves because of this limit.
struct Budget {
    left: u64,
    waiting: u64,
}

impl Budget {
    /// A tenth of the archive, so that people notice a wrong clock or retention before all of it is
    /// gone. A confirmation adds its number.
    fn new(root: &Root, confirmed: Option<&PurgeConfirmation>) -> Self {
        let share = (root.archive.instances / PURGE_SHARE).max(PURGE_FLOOR);
        let confirmed = confirmed.map_or(0, |confirmed| confirmed.instances);
        Self {
            left: share.saturating_add(confirmed),
            waiting: 0,
        }
    }

    /// Returns whether the pass removes another instance now.
    fn may_remove_next(&mut self) -> bool {
        let takes = self.left > 0;
        self.left = self.left.saturating_sub(1);
        self.waiting += u64::from(!takes);
        takes
    }
}

impl Keeper {
    /// Purges if this has not been done today, and reports how many instances wait.
    pub(in crate::ledger) async fn purge(&mut self) -> Result<(), KeepError> {
        // While the clock is held, the age of an instance is not known. A wrong clock that the server
        // trusts is noticed in the first hours. A running backup still reads the files that a purge
        // would remove.
        if !self.is_leased()
            && self.handle.time.held().is_none()
            && self.handle.time.age() >= PROCESS_SETTLES
        {
            self.purge_by(self.handle.now()).await?;
        }
        match self.handle.purging.waiting() {
            0 => Ok(()),
            waiting => Err(KeepError::Waits(format!(
                "{waiting} ended instances are past their retention and wait: the daily pass removes at most a tenth of the archive. If the clock and the retention of every workflow are right, `aftercall server confirm-purge` removes them now"
            ))),
        }
    }

    /// The confirmation that a pass has still to carry out.
    async fn purge_confirmed(
        &self,
        now: Time,
    ) -> Result<Option<Arc<PurgeConfirmation>>, JournalError> {
        let root = self.handle.root();
        let counts = |confirmed: &&Arc<PurgeConfirmation>| {
            (0..=PURGE_CONFIRMED_MILLIS).contains(&(now.0 - confirmed.at.0))
        };
        let Some(confirmed) = root.archive.purge_confirmed.as_ref().filter(counts) else {
            return Ok(None);
        };
        let noted = self.vault.get_key(PURGED_FOR).await?;
        let done = noted
            .and_then(|noted| Some(u64::from_be_bytes(noted.as_ref().try_into().ok()?)))
            .unwrap_or(0);
        Ok((confirmed.sequence > done).then(|| confirmed.clone()))
    }

    async fn purge_by(&mut self, now: Time) -> Result<(), KeepError> {
        let confirmed = self.purge_confirmed(now).await?;
        let today = now.0.div_euclid(DAY_MILLIS);
        let is_done = |day: Option<i64>| day == Some(today) && confirmed.is_none();
        if is_done(self.purged_on) {
            return Ok(());
        }
        let noted = self.vault.get_key(PURGED_ON).await?;
        self.purged_on = noted
            .as_ref()
            .and_then(|day| Some(i64::from_be_bytes(day.as_ref().try_into().ok()?)));
        if is_done(self.purged_on) {
            return Ok(());
        }
        // An interrupted pass has noted no day. If the key does not exist, nothing was ever
        // removed.
        let mut is_due = noted.is_some() && self.purged_on.is_none();
        let root = self.handle.root();
        let mut budget = Budget::new(&root, confirmed.as_deref());
        for chunk in root.archive.chunks.values() {
            if !self.may_continue().await {
                return Ok(());
            }
            is_due |= self.purge_chunk(chunk, now, &mut budget).await?;
        }
        if is_due {
            // The journal and the snapshots may still contain removed data, if few entries were
            // written since.
            self.forget_the_past().await?;
            if !self.purge_history(now).await? {
                return Ok(());
            }
        }
        if let Some(confirmed) = confirmed {
            self.leading
                .vault()
                .put_key(PURGED_FOR, confirmed.sequence.to_be_bytes().to_vec().into())
                .await?;
        }
        self.note(today).await?;
        self.purged_on = Some(today);
        self.handle.purging.ends(budget.waiting);
        Ok(())
    }

    async fn note(&self, day: i64) -> Result<(), JournalError> {
        self.leading
            .vault()
            .put_key(PURGED_ON, day.to_be_bytes().to_vec().into())
            .await
    }

    /// Rewrites a chunk without the instances past their retention. Returns whether there were any.
    async fn purge_chunk(
        &mut self,
        chunk: &Chunk,
        now: Time,
        budget: &mut Budget,
    ) -> Result<bool, KeepError> {
        let (archive, root) = (self.handle.archive(), self.handle.root());
        let content = archive.content(chunk.file).await?;
        let left = left_of(archive, &root, &content, (now, budget));
        if left.calls.len() == content.calls.len()
            && left.instances.len() == content.instances.len()
        {
            return Ok(false);
        }
        let purged = content.instances.len() - left.instances.len();
        tracing::info!(
            chunk = chunk.id,
            purged,
            left = left.instances.len(),
            "instances past their retention were removed"
        );
        metrics::counter!("aftercall_purged_instances_total").increment(purged as u64);
        // The history now has entries of unknown instances, until it has been purged too.
        self.leading
            .vault()
            .put_key(PURGED_ON, Bytes::new())
            .await?;
        self.purged_on = None;
        self.replace_chunk(chunk, left).await
    }

    /// Replaces a chunk by the rest of its content.
    pub(in crate::ledger) async fn replace_chunk(
        &self,
        chunk: &Chunk,
        left: ChunkContent,
    ) -> Result<bool, KeepError> {
        let file = self.archive_files.next_file();
        let end = |one: &ArchivedInstance| End {
            workflow: one.workflow,
            version: one.version,
            status: one.status,
            ended_at: one.ended_at,
        };
        let new = (!left.calls.is_empty()).then(|| Chunk {
            id: chunk.id,
            file,
            calls: left.calls.len() as u32,
            oldest: chunk.oldest,
            newest: chunk.newest,
            ..Chunk::counting(left.instances.iter().map(end))
        });
        if new.is_some() {
            self.archive_files.write(file, left).await?;
        }
        let replaced = self
            .carry_out(Command::from(ReplaceChunk {
                id: chunk.id,
                new: new.map(Arc::new),
            }))
            .await?;
        if replaced {
            self.archive_files.remove(chunk.file).await?;
        }
        Ok(replaced)
    }

    /// Removes the entries that neither memory nor the archive needs from the history. Returns
    /// whether it has finished.
    ///
    /// The archive is read once for a window of history chunks, not for each chunk. The number of
    /// keys to look up limits a window.
    async fn purge_history(&mut self, now: Time) -> Result<bool, KeepError> {
        let keys = self.handle.archive().keys();
        let mut window = Window::default();
        for place in self.handle.history().places(0..=u64::MAX) {
            if !self.may_continue().await {
                return Ok(false);
            }
            window.add(
                place,
                &self.handle.history().stored(place).await?,
                (keys, now),
            );
            if window.is_full() && !self.purge_window(std::mem::take(&mut window)).await? {
                return Ok(false);
            }
        }
        self.purge_window(window).await
    }

    /// Purges the chunks of one window. Returns whether it has finished.
    async fn purge_window(&mut self, mut window: Window) -> Result<bool, KeepError> {
        let root = self.handle.root();
        let chunks: Vec<&Arc<Chunk>> = root
            .archive
            .chunks
            .values()
            .filter(|chunk| window.may_be_about(chunk))
            .collect();
        for chunk in chunks {
            if !self.may_continue().await {
                return Ok(false);
            }
            window.look_up(self.handle.archive().content(chunk.file).await?.as_ref());
        }
        let keys = self.handle.archive().keys();
        let (places, known) = window.into_known();
        let known = Arc::new(known);
        for place in places {
            if !self.may_continue().await {
                return Ok(false);
            }
            let (known, root) = (known.clone(), self.handle.root());
            let change = move |entry: Arc<Entry>| known.left_of(&root, keys, entry);
            self.rewrite_history(place, change).await?;
        }
        Ok(true)
    }
}

fn left_of(
    archive: &Archive,
    root: &Root,
    content: &ChunkContent,
    (now, budget): (Time, &mut Budget),
) -> ChunkContent {
    let mut is_outlived = archive.outlived(root, now);
    let mut is_left = |one: &&ArchivedInstance| !is_outlived(one) || !budget.may_remove_next();
    let kept: Vec<&ArchivedInstance> = content
        .instances
        .iter()
        .filter(|one| is_left(one))
        .collect();
    let had_some: HashSet<u32> = content.instances.iter().map(|one| one.call).collect();
    let has_some: HashSet<u32> = kept.iter().map(|one| one.call).collect();
    let mut is_kept = |place: u32, call: &ArchivedCall| {
        let mut is_left = || !archive.call_is_outlived(call, now) || !budget.may_remove_next();
        has_some.contains(&place) || (!had_some.contains(&place) && is_left())
    };
    let mut left = ChunkContent::default();
    let mut places = vec![0; content.calls.len()];
    for (place, call) in content
        .calls
        .iter()
        .enumerate()
        .filter(|(place, call)| is_kept(*place as u32, call))
    {
        places[place] = left.calls.len() as u32;
        left.calls.push(call.clone());
    }
    let moved = |one: &ArchivedInstance| ArchivedInstance {
        call: places[one.call as usize],
        ..one.clone()
    };
    left.instances = kept.into_iter().map(moved).collect();
    left
}
