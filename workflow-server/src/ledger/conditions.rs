//! The conditions that keep the server from doing its work. Readiness, health, `GetServerInfo`,
//! metrics and the log all read this list, so that they agree.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::journal::JournalError;

/// A condition that keeps the server from doing part of its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// The store has failed: the server writes nothing any more.
    Store,
    /// The store is unreachable: callers get no answer until it is reachable again.
    Unreachable,
    /// The free space of the disk is below its reserve: the server refuses writes until there is
    /// more.
    Disk,
    /// The wall clock is not plausible: timers wait, and nothing is removed.
    Clock,
    /// The server is shutting down.
    Draining,
    /// The engine refuses the entries of some timers.
    Timers,
    /// The next step of a batch or an erasure is refused.
    Jobs,
    /// Writing snapshots fails, so the journal grows.
    Snapshots,
    /// The files of an erased caller could not be scrubbed.
    Erasing,
    /// Moving ended calls from memory to the archive fails.
    Archiving,
    /// Instances that are past their retention are not removed.
    Purging,
    /// No member of the cluster leads, or this one leads and cannot extend its lease.
    Leader,
    /// The wall clock differs from the clock of the store.
    ClockDifference,
}

impl Condition {
    /// All conditions.
    pub const ALL: [Self; 13] = [
        Self::Store,
        Self::Unreachable,
        Self::Disk,
        Self::Clock,
        Self::Draining,
        Self::Timers,
        Self::Jobs,
        Self::Snapshots,
        Self::Erasing,
        Self::Archiving,
        Self::Purging,
        Self::Leader,
        Self::ClockDifference,
    ];

    /// The name in the API, in metrics and in logs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "store",
            Self::Unreachable => "unreachable",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Draining => "draining",
            Self::Timers => "timers",
            Self::Jobs => "jobs",
            Self::Snapshots => "snapshots",
            Self::Erasing => "erasing",
            Self::Archiving => "archiving",
            Self::Purging => "purging",
            Self::Leader => "leader",
            Self::ClockDifference => "clock-difference",
        }
    }

    /// Whether the server is not ready during this condition. The other conditions need a person,
    /// but the server still serves all requests. Taking it out of service would only reduce its
    /// work.
    #[must_use]
    pub fn is_unready(self) -> bool {
        matches!(
            self,
            Self::Store
                | Self::Unreachable
                | Self::Disk
                | Self::Clock
                | Self::Draining
                | Self::Leader
        )
    }
}

/// The conditions at one moment. Each has a sentence that says what is wrong and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health(BTreeMap<Condition, Arc<str>>);

impl Health {
    /// The sentence of a condition. `None` if the condition does not exist now.
    #[must_use]
    pub fn get(&self, condition: Condition) -> Option<&Arc<str>> {
        self.0.get(&condition)
    }

    /// Why writing has stopped. `None` while the server can write.
    #[must_use]
    pub fn failure(&self) -> Option<&Arc<str>> {
        self.get(Condition::Store)
    }

    /// Whether timers wait because the wall clock is not plausible.
    #[must_use]
    pub fn is_clock_held(&self) -> bool {
        self.get(Condition::Clock).is_some()
    }

    /// All conditions, the most serious first.
    pub fn all(&self) -> impl Iterator<Item = (Condition, &Arc<str>)> {
        self.0
            .iter()
            .map(|(condition, sentence)| (*condition, sentence))
    }
}

/// The place where conditions are set. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Conditions(Arc<watch::Sender<Health>>);

impl Conditions {
    /// Sets a condition with its sentence, or ends it with `None`.
    pub fn set(&self, condition: Condition, sentence: Option<Arc<str>>) {
        self.0.send_if_modified(|health| {
            if health.0.get(&condition) == sentence.as_ref() {
                return false;
            }
            let is_there = f64::from(u8::from(sentence.is_some()));
            metrics::gauge!("aftercall_condition", "condition" => condition.name()).set(is_there);
            match &sentence {
                Some(why) if condition == Condition::Draining => {
                    tracing::info!(condition = condition.name(), "{why}");
                }
                Some(why) if condition.is_unready() => {
                    tracing::error!(condition = condition.name(), "{why}");
                }
                Some(why) => tracing::warn!(condition = condition.name(), "{why}"),
                None => tracing::info!(condition = condition.name(), "the condition has ended"),
            }
            match sentence {
                Some(sentence) => health.0.insert(condition, sentence),
                None => health.0.remove(&condition),
            };
            true
        });
    }

    /// Ends the conditions of a leader: this process follows again.
    pub(crate) fn end_those_of_a_leader(&self) {
        for condition in Condition::ALL {
            if !matches!(
                condition,
                Condition::Draining | Condition::Leader | Condition::ClockDifference
            ) {
                self.set(condition, None);
            }
        }
    }

    /// Returns a receiver that shows each change of the conditions.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Health> {
        self.0.subscribe()
    }

    /// The current conditions.
    #[must_use]
    pub fn health(&self) -> Health {
        self.0.borrow().clone()
    }

    /// The current sentence of a condition.
    #[must_use]
    pub fn get(&self, condition: Condition) -> Option<Arc<str>> {
        self.0.borrow().get(condition).cloned()
    }
}

/// The sentence of [`Condition::Disk`]. `None` for another error than a full disk.
pub(in crate::ledger) fn no_space(error: &JournalError) -> Option<Arc<str>> {
    let what = match error {
        JournalError::NoSpace { reserve_bytes, .. } => {
            let reserve = reserve_bytes >> 20;
            format!("the disk of the data directory has less than {reserve} MiB free")
        }
        JournalError::DatabaseFull => "the disk of the database is full".to_owned(),
        _ => return None,
    };
    Some(format!("{what}: writes are refused and timers wait. Free some space: nothing is lost, and writing resumes automatically").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_reported_until_it_ends() {
        let conditions = Conditions::default();
        let mut health = conditions.watch();
        conditions.set(Condition::Disk, Some("full".into()));
        assert!(health.has_changed().unwrap_or(false));
        let seen: Vec<_> = health
            .borrow_and_update()
            .all()
            .map(|(one, why)| (one.name(), why.to_string()))
            .collect();
        assert_eq!(seen, [("disk", "full".to_owned())]);
        conditions.set(Condition::Disk, Some("full".into()));
        conditions.set(Condition::Clock, None);
        assert!(!health.has_changed().unwrap_or(true));
        conditions.set(Condition::Disk, None);
        assert_eq!(conditions.health(), Health::default());
    }

    #[test]
    fn every_condition_is_listed_once() {
        let names: std::collections::BTreeSet<&str> =
            Condition::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Condition::ALL.len());
    }
}
