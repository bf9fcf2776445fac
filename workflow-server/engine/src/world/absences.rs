//! The people who are away, by name.

use std::sync::Arc;

use aftercall_definition::time::Time;
use imbl::OrdMap;

use crate::away::Away;
use crate::limits;

/// The people who are away. May contain some who are back: see [`Absences::of`].
#[derive(Clone, Debug, Default)]
pub struct Absences(OrdMap<Box<str>, Arc<Away>>);

impl Absences {
    /// All entries in the order of their names, also of people who are back.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Away>> {
        self.0.values()
    }

    /// The people who are away at `now`, in the order of their names.
    pub fn at(&self, now: Time) -> impl Iterator<Item = &Arc<Away>> {
        self.all().filter(move |away| away.until > now)
    }

    /// The absence of a person at `now`.
    #[must_use]
    pub fn of(&self, person: &str, now: Time) -> Option<&Arc<Away>> {
        self.0.get(person).filter(|away| away.until > now)
    }

    /// The person who gets work that is meant for `person` at `now`. Only absences that count are
    /// looked at. Follows at most [`limits::AWAY_CHAIN_MAX`] people who are away themselves. If nobody
    /// of them is there, as in a circle, the person gets it.
    #[must_use]
    pub fn recipient<'a>(
        &'a self,
        person: &'a str,
        now: Time,
        counts: impl Fn(&Away) -> bool,
    ) -> &'a str {
        let mut next = person;
        for _ in 0..=limits::AWAY_CHAIN_MAX {
            match self.of(next, now).filter(|away| counts(away)) {
                None => return next,
                Some(away) if away.instead.is_empty() => return person,
                Some(away) => next = &away.instead,
            }
        }
        person
    }

    pub(super) fn put(&mut self, away: Arc<Away>) {
        self.0.insert(away.person.clone(), away);
    }

    pub(super) fn remove(&mut self, person: &str) {
        self.0.remove(person);
    }

    /// Removes the people who are back.
    pub(super) fn forget_ended(&mut self, now: Time) {
        let ended = self.all().filter(|away| away.until <= now);
        let ended: Vec<Box<str>> = ended.map(|away| away.person.clone()).collect();
        for person in &ended {
            self.0.remove(person);
        }
    }
}
