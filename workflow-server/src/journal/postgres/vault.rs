//! The vault in the database. A blob is a row, and each of its frames is a row of another table, in
//! the form that it has in a file. A key is a row.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};

use super::blob::{LiveBlobs, PostgresBlob};
use super::failure::Failure;
use super::link::Lane;
use super::shared::Shared;
use crate::journal::vault::{check_name, check_size, decode};
use crate::journal::{BlobWriter, JournalError, KEY_BYTES_MAX, Term, Vault, VaultWriter, sealed};

/// A finished blob, and its frame at an offset.
const READ_FRAME: &str = "
SELECT frame.body FROM aftercall.blob AS blob
LEFT JOIN aftercall.blob_frame AS frame ON frame.blob = blob.id AND frame.at = $2
WHERE blob.name = $1 AND blob.is_finished";

const LIST: &str = "SELECT name FROM aftercall.blob WHERE is_finished AND starts_with(name, $1)";

const GET_KEY: &str = "SELECT body FROM aftercall.key WHERE name = $1";

const LIST_KEYS: &str = "SELECT name FROM aftercall.key";

/// The number of a blob by its name. A blob that is created later has another number, so a removal
/// that the network delivers late does not meet it.
const FIND: &str = "SELECT id FROM aftercall.blob WHERE name = $1 AND is_finished";

const REMOVE: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
), removed AS (
    DELETE FROM aftercall.blob WHERE id = $3 AND EXISTS (SELECT FROM fence)
)
SELECT term FROM fence";

/// Removes the blobs that no process can finish any more.
const REMOVE_UNFINISHED: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
), removed AS (
    DELETE FROM aftercall.blob
    WHERE NOT is_finished AND id <> ALL ($3) AND EXISTS (SELECT FROM fence)
)
SELECT term FROM fence";

/// Replaces the value of a key, unless the row has the number of a later write: the network may
/// deliver a write late whose answer was lost.
const PUT_KEY: &str = "
WITH fence AS MATERIALIZED (
    SELECT term FROM aftercall.leadership WHERE term = $1 AND mark = $2 FOR KEY SHARE
)
INSERT INTO aftercall.key AS key (name, term, number, body)
SELECT $3, fence.term, $4, $5 FROM fence
ON CONFLICT (name) DO UPDATE
SET term = excluded.term, number = excluded.number, body = excluded.body
WHERE (key.term, key.number) < (excluded.term, excluded.number)
RETURNING term";

pub(super) struct PostgresVault(pub(super) Arc<Shared>);

pub(super) struct PostgresVaultWriter {
    pub(super) shared: Arc<Shared>,
    pub(super) term: Term,
    pub(super) live: Arc<LiveBlobs>,
    /// The number of the newest write of a key.
    number: AtomicI64,
    /// Whether the unfinished blobs of earlier leaders were removed.
    is_clean: AtomicBool,
}

impl PostgresVaultWriter {
    pub(super) fn new(shared: Arc<Shared>, term: Term) -> Self {
        Self {
            shared,
            term,
            live: Arc::default(),
            number: AtomicI64::new(0),
            is_clean: AtomicBool::new(false),
        }
    }

    async fn create_blob(&self, name: String) -> Result<Box<dyn BlobWriter>, JournalError> {
        check_name(&name)?;
        if !self.is_clean.load(Ordering::SeqCst) {
            self.remove_unfinished().await?;
            self.is_clean.store(true, Ordering::SeqCst);
        }
        let (shared, live) = (Arc::clone(&self.shared), Arc::clone(&self.live));
        let blob = PostgresBlob::create(shared, self.term, live, name).await?;
        Ok(Box::new(blob))
    }

    async fn remove_unfinished(&self) -> Result<(), JournalError> {
        let live = self.live.ids();
        self.change(REMOVE_UNFINISHED, &live).await
    }

    async fn remove_blob(&self, name: String) -> Result<(), JournalError> {
        check_name(&name)?;
        let found = self.shared.link.rows(Lane::Write, FIND, &[&name]).await;
        let found = found.map_err(Failure::of_read)?;
        let Some(row) = found.first() else {
            let deposed = self.shared.deposed(self.term, Lane::Write).await?;
            return deposed.map_or(Ok(()), Err);
        };
        let id: i64 = self.shared.value(row, 0)?;
        self.change(REMOVE, &id).await
    }

    /// Runs a statement with a fence that it returns.
    async fn change(
        &self,
        statement: &'static str,
        value: &(dyn tokio_postgres::types::ToSql + Sync),
    ) -> Result<(), JournalError> {
        let term = self.term.0.cast_signed();
        let values: [&(dyn tokio_postgres::types::ToSql + Sync); 3] =
            [&term, &self.shared.mark, value];
        let changed = self.shared.link.rows(Lane::Write, statement, &values).await;
        if !changed.map_err(Failure::of_write)?.is_empty() {
            return Ok(());
        }
        Err(self.no_effect().await)
    }

    async fn put(&self, name: String, value: Bytes) -> Result<(), JournalError> {
        check_name(&name)?;
        check_size("key", value.len(), KEY_BYTES_MAX)?;
        let mut body = value.to_vec();
        sealed::seal(&mut body, sealed::seed(&name, 0));
        let term = self.term.0.cast_signed();
        let number = self.number.fetch_add(1, Ordering::SeqCst) + 1;
        let put = self
            .shared
            .write(
                Lane::Write,
                PUT_KEY,
                &[&term, &self.shared.mark, &name, &number, &body],
            )
            .await;
        if !put.map_err(Failure::of_write)?.is_empty() {
            return Ok(());
        }
        match self.shared.deposed(self.term, Lane::Write).await? {
            Some(error) => Err(error),
            // A later write of the same key has replaced this one.
            None => Ok(()),
        }
    }

    /// Frees the space of removed frames and replaced keys, so that the database writes over it.
    async fn free(&self) -> Result<(), JournalError> {
        if let Some(error) = self.shared.deposed(self.term, Lane::Write).await? {
            return Err(error);
        }
        self.shared.vacuum(&["blob_frame", "blob", "key"]).await
    }

    async fn no_effect(&self) -> JournalError {
        match self.shared.deposed(self.term, Lane::Write).await {
            Ok(Some(error)) | Err(error) => error,
            Ok(None) => JournalError::Unreachable {
                reason: "the leadership has changed while the database looked at it".to_owned(),
            },
        }
    }
}

impl Shared {
    async fn read_frame(
        &self,
        name: String,
        offset: u64,
    ) -> Result<Option<(Bytes, u64)>, JournalError> {
        check_name(&name)?;
        let damaged = |what: &str| JournalError::Damaged {
            what: format!("{what} (at {offset})"),
            place: format!("the blob {name} in {}", self.location),
        };
        let at = i64::try_from(offset).unwrap_or(i64::MAX);
        let rows = self.read(Lane::Read, READ_FRAME, &[&name, &at]).await?;
        let Some(row) = rows.first() else {
            return Err(JournalError::NotFound { name });
        };
        let body: Option<Vec<u8>> = self.value(row, 0)?;
        let body = Bytes::from(body.ok_or_else(|| damaged("no frame begins there"))?);
        let frame = decode(&body, &name, offset).map_err(damaged)?;
        Ok(frame.map(|frame| (frame, offset + body.len() as u64)))
    }

    async fn names(&self, rows: Vec<tokio_postgres::Row>) -> Result<Vec<String>, JournalError> {
        let names = rows.iter().map(|row| self.value(row, 0));
        let mut names = names.collect::<Result<Vec<String>, _>>()?;
        names.sort_unstable();
        Ok(names)
    }

    async fn key(&self, name: String) -> Result<Option<Bytes>, JournalError> {
        check_name(&name)?;
        let rows = self.read(Lane::Look, GET_KEY, &[&name]).await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let body: &[u8] = self.value(row, 0)?;
        match sealed::unseal(body, sealed::seed(&name, 0)) {
            Some(value) => Ok(Some(Bytes::copy_from_slice(value))),
            None => Err(self.damaged(format!("the checksum of the key {name} does not match"))),
        }
    }
}

impl Vault for PostgresVault {
    fn read_frame(
        &self,
        name: &str,
        offset: u64,
    ) -> BoxFuture<'_, Result<Option<(Bytes, u64)>, JournalError>> {
        self.0.read_frame(name.to_owned(), offset).boxed()
    }

    fn list(&self, prefix: &str) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        let prefix = prefix.to_owned();
        async move {
            self.0
                .names(self.0.read(Lane::Look, LIST, &[&prefix]).await?)
                .await
        }
        .boxed()
    }

    fn get_key(&self, name: &str) -> BoxFuture<'_, Result<Option<Bytes>, JournalError>> {
        self.0.key(name.to_owned()).boxed()
    }

    fn list_keys(&self) -> BoxFuture<'_, Result<Vec<String>, JournalError>> {
        async move {
            let rows = self.0.read(Lane::Look, LIST_KEYS, &[]).await?;
            self.0.names(rows).await
        }
        .boxed()
    }
}

impl VaultWriter for PostgresVaultWriter {
    fn create(&self, name: &str) -> BoxFuture<'_, Result<Box<dyn BlobWriter>, JournalError>> {
        self.create_blob(name.to_owned()).boxed()
    }

    fn remove(&self, name: &str) -> BoxFuture<'_, Result<(), JournalError>> {
        self.remove_blob(name.to_owned()).boxed()
    }

    fn put_key(&self, name: &str, value: Bytes) -> BoxFuture<'_, Result<(), JournalError>> {
        self.put(name.to_owned(), value).boxed()
    }

    fn free_removed(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        self.free().boxed()
    }

    /// The free space of the database's disk is not known here. The database reports a full disk
    /// when it is written to, and the next sign of life shows that there is space again.
    fn check_space(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        let is_full = self.shared.is_full();
        async move {
            match is_full {
                true => Err(JournalError::DatabaseFull),
                false => Ok(()),
            }
        }
        .boxed()
    }
}
