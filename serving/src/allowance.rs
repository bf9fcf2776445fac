//! What one identity may use of a server: requests at once, and requests in a second, over all of
//! its connections.
//!
//! Promise: a request costs two atomic changes. No lock is taken for it, except once for each proof
//! that a connection shows.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aftercall_identity::{Act, Identity, Kind};
use tokio::time::Instant;

use crate::limits::{ALLOWANCES_KEPT, Limits};
use crate::refusal::Refusal;

/// The use of all identities.
#[derive(Debug)]
pub(crate) struct Allowances {
    in_flight_max: u32,
    per_second_max: u32,
    person_per_second_max: u32,
    of_subjects: Mutex<OfSubjects>,
}

#[derive(Debug, Default)]
struct OfSubjects {
    by_subject: HashMap<Arc<str>, Arc<Allowance>>,
    /// How many there may be before the unused ones are forgotten.
    kept: usize,
}

/// The use of one identity.
#[derive(Debug)]
pub(crate) struct Allowance {
    in_flight: AtomicU32,
    in_flight_max: u32,
    rate: Rate,
}

/// A request that the server works on; it counts until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Allowance>);

impl Allowances {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            in_flight_max: limits.requests_in_flight_max,
            per_second_max: limits.requests_per_second_max,
            person_per_second_max: limits.person_requests_per_second_max,
            of_subjects: Mutex::default(),
        }
    }

    /// The use of this identity.
    pub(crate) fn of(&self, identity: &Identity) -> Arc<Allowance> {
        // A script engine may have the kind of a person, where an issuer names no kinds.
        let is_program = identity.kind == Kind::Service || Act::AsAnother.check(identity).is_ok();
        let per_second = match is_program {
            true => self.per_second_max,
            false => self.person_per_second_max,
        };
        let fresh = || Arc::new(Allowance::new(self.in_flight_max, per_second));
        // A map is valid after a panic elsewhere too.
        let mut of_subjects = self
            .of_subjects
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let by_subject = &mut of_subjects.by_subject;
        let known = by_subject.get(&identity.subject);
        if let Some(known) = known.filter(|known| known.rate.per_second == per_second) {
            return Arc::clone(known);
        }
        let allowance = fresh();
        by_subject.insert(Arc::clone(&identity.subject), Arc::clone(&allowance));
        of_subjects.forget_unused();
        allowance
    }
}

impl OfSubjects {
    fn forget_unused(&mut self) {
        if self.by_subject.len() <= self.kept.max(ALLOWANCES_KEPT) {
            return;
        }
        let now = Instant::now();
        self.by_subject.retain(|_, allowance| {
            Arc::strong_count(allowance) > 1 || !allowance.rate.is_full(now)
        });
        // Twice those that are in use, so that a walk over all of them is rare.
        self.kept = 2 * self.by_subject.len();
    }
}

impl Allowance {
    fn new(in_flight_max: u32, per_second: u32) -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            in_flight_max,
            rate: Rate::new(per_second, Instant::now()),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`Refusal::InFlight`], [`Refusal::Rate`].
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Turn, Refusal> {
        let limit = self.in_flight_max;
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        // Leaves by being dropped, also when it is refused.
        let turn = Turn(Arc::clone(self));
        if before >= limit {
            return Err(Refusal::InFlight { limit });
        }
        if !self.rate.take(Instant::now()) {
            let limit = self.rate.per_second;
            return Err(Refusal::Rate { limit });
        }
        Ok(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A token bucket that holds the tokens of one second. It is kept as the moment at which it is full
/// again, so that taking a token is one atomic change.
#[derive(Debug)]
struct Rate {
    per_second: u32,
    nanos_each: u64,
    begun: Instant,
    /// Nanoseconds after `begun`.
    full_at: AtomicU64,
}

const NANOS_OF_SECOND: u64 = 1_000_000_000;

impl Rate {
    /// A full one.
    fn new(per_second: u32, now: Instant) -> Self {
        Self {
            per_second,
            nanos_each: NANOS_OF_SECOND / u64::from(per_second.max(1)),
            begun: now,
            full_at: AtomicU64::new(0),
        }
    }

    /// Takes a token, if there is one.
    fn take(&self, now: Instant) -> bool {
        let now = self.nanos(now);
        let taken = |full_at: u64| {
            let full_at = full_at.max(now) + self.nanos_each;
            (full_at - now <= NANOS_OF_SECOND).then_some(full_at)
        };
        self.full_at
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken)
            .is_ok()
    }

    fn is_full(&self, now: Instant) -> bool {
        self.full_at.load(Ordering::Relaxed) <= self.nanos(now)
    }

    /// 584 years fit.
    fn nanos(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_nanos() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn person(subject: &str) -> Identity {
        Identity {
            subject: subject.into(),
            kind: Kind::Person,
            roles: [aftercall_proto::access::v1::Role::Agent]
                .into_iter()
                .collect(),
            proof: aftercall_identity::Proof::TokenFile,
            ..Identity::local_operator()
        }
    }

    fn allowances(in_flight: u32, per_second: u32) -> Allowances {
        Allowances::new(&Limits {
            requests_in_flight_max: in_flight,
            requests_per_second_max: per_second,
            person_requests_per_second_max: per_second,
            ..Limits::default()
        })
    }

    #[test]
    fn a_rate_is_refilled_by_time_up_to_a_second() {
        let start = Instant::now();
        let rate = Rate::new(10, start);
        let taken = |after_millis| {
            let now = start + Duration::from_millis(after_millis);
            (0..100).filter(|_| rate.take(now)).count()
        };
        assert_eq!(taken(0), 10);
        assert_eq!(taken(99), 0);
        assert_eq!(taken(250), 2);
        assert_eq!(taken(60_000), 10, "never more than one second holds");
    }

    #[test]
    fn connections_of_an_identity_share_its_requests() {
        let allowances = allowances(2, 1_000);
        let of = |subject| allowances.of(&person(subject));
        let first = of("ann").enter().expect("a turn");
        let _second = of("ann").enter().expect("a turn");
        let refused = of("ann").enter().expect_err("two are under way");
        assert_eq!(refused, Refusal::InFlight { limit: 2 });
        of("ben").enter().expect("another identity");
        drop(first);
        of("ann")
            .enter()
            .expect("a turn is free, and a refusal took none");
    }

    #[test]
    fn a_person_and_a_program_have_rates_of_their_own() {
        let allowances = Allowances::new(&Limits {
            requests_per_second_max: 50,
            person_requests_per_second_max: 5,
            ..Limits::default()
        });
        let program = Identity {
            kind: Kind::Service,
            ..person("engine")
        };
        let count = |identity: &Identity| {
            let allowance = allowances.of(identity);
            (0..40).filter(|_| allowance.enter().is_ok()).count()
        };
        assert_eq!(count(&program), 40);
        assert_eq!(count(&person("ann")), 5);
    }

    #[test]
    fn identities_without_requests_are_forgotten() {
        let allowances = allowances(2, u32::MAX);
        let used = allowances.of(&person("used"));
        for number in 0..4 * ALLOWANCES_KEPT {
            allowances.of(&person(&number.to_string()));
        }
        let of_subjects = allowances.of_subjects.lock().expect("no panic");
        assert!(of_subjects.by_subject.len() <= 2 * ALLOWANCES_KEPT);
        let kept = &of_subjects.by_subject["used"];
        assert!(Arc::ptr_eq(kept, &used));
    }
}
