//! A blob that is being written to the database.
//!
//! Promise: readers see it only when it is finished, with all its frames. If it is dropped before,
//! or its leader is deposed, the next leader removes what was written of it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use super::failure::Failure;
use super::link::Lane;
use super::shared::Shared;
use crate::journal::vault::{check_size, encode_end, encode_frame};
use crate::journal::{BLOB_BUFFER_BYTES, BlobWriter, FRAME_BYTES_MAX, JournalError, Term};

/// Begins a blob, unless there is one with its name.
const CREATE: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
)
INSERT INTO aftercall.blob (id, name, term, is_finished)
SELECT $3, $4, fence.term, false FROM fence
WHERE NOT EXISTS (SELECT FROM aftercall.blob WHERE name = $4 AND is_finished)
RETURNING id";

const HAS_NAME: &str = "SELECT id FROM aftercall.blob WHERE name = $1 AND is_finished";

const WRITE: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
)
INSERT INTO aftercall.blob_frame (blob, at, body)
SELECT $3, frame.at, frame.body
FROM fence, unnest($4::bigint[], $5::bytea[]) AS frame (at, body)
RETURNING at";

/// Finishes a blob that has all its frames.
const FINISH: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
)
UPDATE aftercall.blob SET is_finished = true
WHERE id = $3 AND EXISTS (SELECT FROM fence)
  AND (SELECT count(*) FROM aftercall.blob_frame WHERE blob = $3) = $4
RETURNING id";

const IS_FINISHED: &str = "SELECT id FROM aftercall.blob WHERE id = $1 AND is_finished";

const REMOVE: &str = "DELETE FROM aftercall.blob WHERE id = $1 AND NOT is_finished RETURNING id";

/// The blobs that this process is writing.
#[derive(Default)]
pub(super) struct LiveBlobs(Mutex<BTreeSet<i64>>);

impl LiveBlobs {
    pub(super) fn ids(&self) -> Vec<i64> {
        self.lock().iter().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct PostgresBlob {
    shared: Arc<Shared>,
    term: Term,
    live: Arc<LiveBlobs>,
    id: i64,
    name: String,
    /// The offset of the next frame.
    offset: u64,
    /// The frames that are not in the database yet, with their offsets.
    frames: (Vec<i64>, Vec<Vec<u8>>),
    buffered_bytes: usize,
    /// The number of all frames, with the end mark.
    count: i64,
    /// Whether a write failed or was abandoned. The blob cannot continue then.
    is_broken: bool,
    is_finished: bool,
}

impl PostgresBlob {
    pub(super) async fn create(
        shared: Arc<Shared>,
        term: Term,
        live: Arc<LiveBlobs>,
        name: String,
    ) -> Result<Self, JournalError> {
        let id = rand::random();
        let blob = Self {
            shared,
            term,
            live,
            id,
            name,
            offset: 0,
            frames: Default::default(),
            buffered_bytes: 0,
            count: 0,
            is_broken: false,
            is_finished: false,
        };
        // Before the row exists, so that it is never taken for an abandoned one.
        blob.live.lock().insert(id);
        let (term, mark) = (blob.term.0.cast_signed(), blob.shared.mark);
        let link = &blob.shared.link;
        let created = link
            .rows(Lane::Write, CREATE, &[&term, &mark, &id, &blob.name])
            .await;
        if created.map_err(Failure::of_write)?.is_empty() {
            return Err(blob.refusal().await);
        }
        Ok(blob)
    }

    /// Why the database has written nothing.
    async fn refusal(&self) -> JournalError {
        match self.shared.deposed(self.term, Lane::Write).await {
            Ok(Some(error)) | Err(error) => return error,
            Ok(None) => {}
        }
        let link = &self.shared.link;
        match link.rows(Lane::Write, HAS_NAME, &[&self.name]).await {
            Err(failure) => failure.of_read(),
            Ok(rows) if rows.is_empty() => self.interrupted(),
            Ok(_) => self.exists(),
        }
    }

    fn exists(&self) -> JournalError {
        JournalError::Exists {
            name: self.name.clone(),
        }
    }

    fn interrupted(&self) -> JournalError {
        JournalError::Io {
            what: format!("writing the blob {}", self.name),
            reason: "a part of it is missing in the database, or an earlier write of it failed"
                .to_owned(),
        }
    }

    fn add(&mut self, stored: Vec<u8>) -> u64 {
        let offset = self.offset;
        self.offset += stored.len() as u64;
        self.buffered_bytes += stored.len();
        self.count += 1;
        self.frames.0.push(offset.cast_signed());
        self.frames.1.push(stored);
        offset
    }

    async fn flush(&mut self) -> Result<(), JournalError> {
        if std::mem::replace(&mut self.is_broken, true) {
            return Err(self.interrupted());
        }
        let (at, bodies) = std::mem::take(&mut self.frames);
        self.buffered_bytes = 0;
        let (term, mark) = (self.term.0.cast_signed(), self.shared.mark);
        let link = &self.shared.link;
        let written = link
            .rows(Lane::Write, WRITE, &[&term, &mark, &self.id, &at, &bodies])
            .await;
        if written.map_err(Failure::of_write)?.is_empty() {
            return Err(self.refusal().await);
        }
        self.is_broken = false;
        Ok(())
    }

    async fn write_frame(&mut self, frame: Bytes) -> Result<u64, JournalError> {
        check_size("frame", frame.len(), FRAME_BYTES_MAX)?;
        let stored = encode_frame(&frame, &self.name, self.offset);
        let offset = self.add(stored.ok_or_else(|| self.interrupted())?);
        if self.buffered_bytes >= BLOB_BUFFER_BYTES {
            self.flush().await?;
        }
        Ok(offset)
    }

    async fn finish_all(mut self) -> Result<(), JournalError> {
        let end = encode_end(&self.name, self.offset);
        self.add(end.ok_or_else(|| self.interrupted())?);
        self.flush().await?;
        let (term, mark) = (self.term.0.cast_signed(), self.shared.mark);
        let link = &self.shared.link;
        let finished = link
            .rows(Lane::Write, FINISH, &[&term, &mark, &self.id, &self.count])
            .await;
        match finished {
            Ok(rows) if rows.is_empty() => return Err(self.refusal().await),
            Ok(_) => {}
            Err(Failure::Duplicate) => return Err(self.exists()),
            Err(failure) if failure.is_unknown() => {
                // The row shows whether the statement was carried out. Only a yes is certain.
                let looked = link.rows(Lane::Write, IS_FINISHED, &[&self.id]).await;
                if !looked.is_ok_and(|rows| !rows.is_empty()) {
                    return Err(failure.of_write());
                }
            }
            Err(failure) => return Err(failure.of_write()),
        }
        self.is_finished = true;
        Ok(())
    }
}

impl BlobWriter for PostgresBlob {
    fn write(&mut self, frame: Bytes) -> BoxFuture<'_, Result<u64, JournalError>> {
        self.write_frame(frame).boxed()
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<(), JournalError>> {
        self.finish_all().boxed()
    }
}

impl Drop for PostgresBlob {
    fn drop(&mut self) {
        self.live.lock().remove(&self.id);
        if self.is_finished {
            return;
        }
        let (shared, id) = (Arc::clone(&self.shared), self.id);
        self.shared.link.runtime().spawn(async move {
            // If this fails, a leader removes the row later.
            let _ = shared.link.rows(Lane::Write, REMOVE, &[&id]).await;
        });
    }
}
