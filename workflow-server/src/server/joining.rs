//! How a member joins its cluster: it opens the store and reads it.
//!
//! Promise: a database that cannot be reached yet is no error of the member, which tries again. Must
//! not: try again where a person must correct something.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercall_serving::{MemberKeys, Routes};
use futures::future::FutureExt as _;

use super::error::ServerError;
use super::opening::StorePlace;
use super::routes::Sizes;
use super::settings;
use crate::cluster::standing::Standing;
use crate::cluster::{Cluster, MadeRole, Parts, RoleParts, Switch};
use crate::config::WorkflowServerConfig;
use crate::journal::{DatabaseError, JournalError, OpenError, Storage};
use crate::ledger::{Clock, Condition, Conditions, RecoverError};
use crate::limits::{STORE_HOST_WAIT, STORE_RETRY_EVERY};
use crate::reading::Reading;
use crate::service::{Services, keep_tables};

/// What a member needs to join.
pub(super) struct Joining {
    pub(super) config: WorkflowServerConfig,
    pub(super) place: StorePlace,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) standing: Arc<Standing>,
    pub(super) switch: Switch,
    pub(super) keys: MemberKeys,
    pub(super) conditions: Conditions,
    pub(super) reading: Arc<Reading>,
}

impl Joining {
    /// Joins if the database can be reached now. `None` if it can perhaps be reached later.
    ///
    /// # Errors
    /// [`ServerError::Open`], [`ServerError::UnknownStore`], [`ServerError::Recover`].
    pub(super) async fn join_now(&self) -> Result<Option<Cluster>, ServerError> {
        match self.join().await {
            Ok(cluster) => Ok(Some(cluster)),
            Err(error) => {
                self.note(error, Duration::ZERO)?;
                Ok(None)
            }
        }
    }

    /// Joins as soon as the database can be reached.
    ///
    /// # Errors
    /// The same.
    pub(super) async fn join_later(&self) -> Result<Cluster, ServerError> {
        let begun = self.clock.monotonic();
        loop {
            self.clock.wait(STORE_RETRY_EVERY).await;
            match self.join().await {
                Ok(cluster) => {
                    self.conditions.set(Condition::Unreachable, None);
                    return Ok(cluster);
                }
                Err(error) => {
                    let waited = self.clock.monotonic().saturating_sub(begun);
                    self.note(error, waited)?;
                }
            }
        }
    }

    /// Shows why this member waits. Returns an error that does not pass.
    fn note(&self, error: ServerError, waited: Duration) -> Result<(), ServerError> {
        if !may_pass(&error, waited) {
            return Err(error);
        }
        let sentence = format!(
            "this member waits for its store, and tries again every {} s: {error}",
            STORE_RETRY_EVERY.as_secs()
        );
        self.conditions
            .set(Condition::Unreachable, Some(sentence.into()));
        Ok(())
    }

    async fn join(&self) -> Result<Cluster, ServerError> {
        let started = Instant::now();
        let (storage, elections) = self.place.open().await?;
        let cluster = Cluster::begin(Parts {
            storage: Arc::clone(&storage),
            elections,
            clock: Arc::clone(&self.clock),
            options: settings::ledger_options(&self.config),
            conditions: self.conditions.clone(),
            standing: Arc::clone(&self.standing),
            switch: self.switch.clone(),
            keys: self.keys.clone(),
            make: self.maker(&storage, started),
        })
        .await?;
        let root = cluster.follower().root();
        tracing::info!(
            store = storage.location(),
            member = self.standing.member.name,
            address = self.standing.member.address,
            sequence = root.sequence,
            open_instances = root.counters.open(),
            milliseconds = started.elapsed().as_millis() as u64,
            "the World is rebuilt"
        );
        Ok(cluster)
    }

    /// Makes the services of each role.
    fn maker(&self, storage: &Arc<dyn Storage>, started: Instant) -> Maker {
        let reading = Arc::clone(&self.reading);
        let (desk, sizes) = (settings::desk(&self.config), Sizes::of(&self.config));
        let (storage, standing) = (Arc::clone(storage), Arc::clone(&self.standing));
        let start_duration = std::sync::OnceLock::new();
        Box::new(move |RoleParts { handle, ends }| {
            let start_duration = *start_duration.get_or_init(|| started.elapsed());
            let shared = (
                desk.clone(),
                Arc::clone(&reading),
                Some(Arc::clone(&standing)),
            );
            let services =
                Services::of_member(handle, storage.as_ref(), start_duration, ends, shared);
            MadeRole {
                routes: sizes.add_services(Routes::default(), &services),
                job_started: services.job_started(),
                keep_tables: Box::new(|tables, stop| keep_tables(services, tables, stop).boxed()),
            }
        })
    }
}

type Maker = Box<dyn Fn(RoleParts) -> MadeRole + Send + Sync>;

/// Whether the database may be usable later although nobody corrects anything. A host gets its name
/// when it starts, so an unknown name may pass for a while.
fn may_pass(error: &ServerError, waited: Duration) -> bool {
    match error {
        ServerError::Open(OpenError::Database(DatabaseError::Unreachable { .. })) => true,
        ServerError::Open(OpenError::Database(DatabaseError::UnknownHost { .. })) => {
            waited < STORE_HOST_WAIT
        }
        ServerError::Recover(RecoverError::Journal(error)) => matches!(
            error,
            JournalError::Unreachable { .. } | JournalError::Unknown { .. }
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_passes_is_waited_for() {
        let (store, reason) = (String::new(), String::new());
        let unknown = DatabaseError::UnknownHost {
            store: store.clone(),
            reason: reason.clone(),
        };
        let away = DatabaseError::Unreachable {
            store: store.clone(),
            reason: reason.clone(),
        };
        let refused = DatabaseError::Refused {
            store: store.clone(),
            reason,
        };
        let missing = DatabaseError::NoStore { store };
        let hour = Duration::from_secs(3_600);
        for (error, at_first, later) in [
            (away, true, true),
            (unknown, true, false),
            (refused, false, false),
            (missing, false, false),
        ] {
            let error = ServerError::from(OpenError::from(error));
            assert_eq!(may_pass(&error, Duration::ZERO), at_first, "{error}");
            assert_eq!(may_pass(&error, hour), later, "{error}");
        }
    }
}
