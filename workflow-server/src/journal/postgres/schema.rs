//! The tables, their version, and the settings that the database must have.
//!
//! Promise: the schema is created or upgraded in one transaction, and only on request. A program
//! that does not know the version of the schema changes nothing.

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Transaction};

use super::failure::Failure;
use super::refusal::reason;
use super::tables;
use crate::journal::{DatabaseError, Identity, OpenError};

/// The oldest version of PostgreSQL, as the server reports it.
const OLDEST_SERVER: i32 = 14_00_00;

/// The steps from each version of the schema to the next. A step that was released never changes.
const STEPS: [&str; 2] = [include_str!("schema/version_1.sql"), tables::CREATE];

/// The version of the schema that this program requires.
pub(super) const VERSION: i32 = STEPS.len() as i32;

const SETTINGS: &str = "
SELECT current_setting('server_version_num')::integer, current_setting('fsync'),
       current_setting('synchronous_commit'), current_setting('full_page_writes'),
       to_regclass('aftercall.identity') IS NOT NULL,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = 'aftercall')";

const IDENTITY: &str = "SELECT schema_version, is_complete, content FROM aftercall.identity";

/// The leader whose lease is running. Excludes a new one.
const LEADER: &str = "
SELECT holder FROM aftercall.leadership WHERE expires_at > clock_timestamp() FOR UPDATE";

/// A database with its schema, as it was found.
pub(super) struct Found {
    /// The version of the schema, and whether the store is complete.
    pub(super) version: i32,
    pub(super) is_complete: bool,
    pub(super) identity: Identity,
}

/// One connection to a database, for its schema.
pub(super) struct Schema<'a> {
    pub(super) client: &'a mut Client,
    /// The address without secrets.
    pub(super) location: &'a str,
}

impl Schema<'_> {
    /// Finds the store. `None` if there is none. Checks the settings of the server first.
    pub(super) async fn find(&self) -> Result<Option<Found>, OpenError> {
        let rows = self.rows(SETTINGS, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| self.damaged("the server has no settings"))?;
        self.check_settings(row)?;
        let (has_identity, has_schema): (bool, bool) = (self.value(row, 4)?, self.value(row, 5)?);
        if !has_identity {
            if has_schema {
                return Err(self.unsuitable(
                    "it has a schema aftercall that this program has not made: name another database, or remove that schema",
                ));
            }
            return Ok(None);
        }
        let rows = self.rows(IDENTITY, &[]).await?;
        let row = rows
            .first()
            .ok_or_else(|| self.damaged("it has no identity"))?;
        let content: String = self.value(row, 2)?;
        let identity = Identity::from_text(content.as_bytes());
        Ok(Some(Found {
            version: self.value(row, 0)?,
            is_complete: self.value(row, 1)?,
            identity: identity
                .ok_or_else(|| self.damaged("the checksum of its identity does not match"))?,
        }))
    }

    /// Finds a store that this program can use.
    pub(super) async fn open(&self) -> Result<Identity, OpenError> {
        let store = || self.location.to_owned();
        let found = self
            .find()
            .await?
            .ok_or_else(|| DatabaseError::NoStore { store: store() })?;
        let (version, known) = (found.version, VERSION);
        if version > known {
            return Err(DatabaseError::NewerSchema {
                store: store(),
                version,
                known,
            }
            .into());
        }
        if version < known {
            return Err(DatabaseError::OlderSchema {
                store: store(),
                version,
                known,
            }
            .into());
        }
        if !found.is_complete {
            return Err(DatabaseError::Incomplete { store: store() }.into());
        }
        Ok(found.identity)
    }

    /// Creates the tables of a new store. A store that is filled from another one is complete only
    /// after [`complete`](Self::complete).
    pub(super) async fn create(
        &mut self,
        identity: &Identity,
        is_complete: bool,
    ) -> Result<(), OpenError> {
        if self.find().await?.is_some() {
            let store = self.location.to_owned();
            return Err(DatabaseError::Exists { store }.into());
        }
        let content = identity.text();
        let location = self.location;
        let created = async {
            let transaction = self.client.transaction().await?;
            run_steps(&transaction, 0).await?;
            let insert = "INSERT INTO aftercall.identity VALUES (1, $1, $2, $3)";
            transaction
                .execute(insert, &[&VERSION, &is_complete, &content])
                .await?;
            transaction.commit().await
        };
        created.await.map_err(|error| failed(location, &error))
    }

    /// Notes that the store has all that it was to be filled with.
    pub(super) async fn complete(&self) -> Result<(), OpenError> {
        let statement = "UPDATE aftercall.identity SET is_complete = true RETURNING one";
        self.rows(statement, &[]).await.map(drop)
    }

    /// Replaces the identity.
    pub(super) async fn replace_identity(&self, identity: &Identity) -> Result<(), OpenError> {
        let content = identity.text();
        let statement = "UPDATE aftercall.identity SET content = $1 RETURNING one";
        self.rows(statement, &[&content]).await.map(drop)
    }

    /// Empties the tables for SQL.
    pub(super) async fn clear_tables(&mut self) -> Result<(), OpenError> {
        let location = self.location;
        let cleared = async {
            let transaction = self.client.transaction().await?;
            transaction.batch_execute(tables::CLEAR).await?;
            transaction.commit().await
        };
        cleared.await.map_err(|error| failed(location, &error))
    }

    /// Upgrades the tables. Returns the version that they had.
    pub(super) async fn upgrade(&mut self) -> Result<i32, OpenError> {
        let store = self.location.to_owned();
        let found = match self.find().await? {
            Some(found) => found.version,
            None => return Err(DatabaseError::NoStore { store }.into()),
        };
        if found > VERSION {
            let (version, known) = (found, VERSION);
            return Err(DatabaseError::NewerSchema {
                store,
                version,
                known,
            }
            .into());
        }
        let location = self.location;
        let upgraded = async {
            let transaction = self.client.transaction().await?;
            // No server can begin to lead until the end of the transaction.
            let leader = transaction.query_opt(LEADER, &[]).await?;
            if let Some(leader) = leader {
                return Ok(Some(leader.try_get(0)?));
            }
            run_steps(&transaction, found).await?;
            let update =
                "UPDATE aftercall.identity SET schema_version = $1 WHERE schema_version = $2";
            transaction.execute(update, &[&VERSION, &found]).await?;
            transaction.commit().await?;
            Ok(None)
        };
        match upgraded.await.map_err(|error| failed(location, &error))? {
            Some(leader) => Err(DatabaseError::Led { store, leader }.into()),
            None => Ok(found),
        }
    }

    fn check_settings(&self, row: &Row) -> Result<(), OpenError> {
        if let Some(what) = too_old(self.value(row, 0)?) {
            return Err(self.unsuitable(&what));
        }
        let [fsync, commit, pages] = [1, 2, 3].map(|column| self.value::<String>(row, column));
        if fsync? == "off" {
            return Err(self.unsuitable(
                "its server has fsync=off, so a power cut would damage it: set fsync=on and restart the server",
            ));
        }
        let commit = commit?;
        if !["on", "remote_apply"].contains(&commit.as_str()) {
            tracing::warn!(
                store = self.location,
                synchronous_commit = commit,
                "the database acknowledges a commit before it is durable everywhere: a failover could lose acknowledged changes. Set synchronous_commit=on"
            );
        }
        if pages? == "off" {
            tracing::warn!(
                store = self.location,
                "the database has full_page_writes=off: a power cut could damage it, unless its file system prevents torn pages"
            );
        }
        Ok(())
    }

    async fn rows(
        &self,
        statement: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, OpenError> {
        let rows = self.client.query(statement, values).await;
        rows.map_err(|error| failed(self.location, &error))
    }

    fn value<'a, T: tokio_postgres::types::FromSql<'a>>(
        &self,
        row: &'a Row,
        column: usize,
    ) -> Result<T, OpenError> {
        row.try_get(column)
            .map_err(|error| self.damaged(&format!("a column has another type: {error}")))
    }

    fn damaged(&self, what: &str) -> OpenError {
        let (store, what) = (self.location.to_owned(), what.to_owned());
        DatabaseError::Damaged { store, what }.into()
    }

    fn unsuitable(&self, what: &str) -> OpenError {
        let (store, what) = (self.location.to_owned(), what.to_owned());
        DatabaseError::Unsuitable { store, what }.into()
    }
}

/// Why a server of this version is refused.
fn too_old(version: i32) -> Option<String> {
    let number = version / 10_000;
    let refused = format!("its server is PostgreSQL {number}: use PostgreSQL 14 or later");
    (version < OLDEST_SERVER).then_some(refused)
}

async fn run_steps(transaction: &Transaction<'_>, from: i32) -> Result<(), tokio_postgres::Error> {
    let done = usize::try_from(from).unwrap_or_default();
    for step in &STEPS[done.min(STEPS.len())..] {
        transaction.batch_execute(step).await?;
    }
    Ok(())
}

/// The error of a statement about the schema. Often a right is missing.
fn failed(location: &str, error: &tokio_postgres::Error) -> OpenError {
    let (store, reason) = (location.to_owned(), reason(error));
    match Failure::of_statement(error) {
        Failure::Lost(_) => DatabaseError::Unreachable { store, reason }.into(),
        _ => DatabaseError::Unsuitable {
            store,
            what: reason,
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_before_version_14_are_refused() {
        for version in [9_06_24, 13_00_00, 13_00_23] {
            let refused = too_old(version).unwrap_or_default();
            assert!(refused.contains("PostgreSQL 14 or later"), "{version}");
        }
        assert!(too_old(13_00_23).is_some_and(|refused| refused.contains("PostgreSQL 13:")));
        for version in [14_00_00, 14_00_01, 17_00_06, 18_00_00] {
            assert_eq!(too_old(version), None);
        }
    }
}
