//! Reports this member to the store regularly, and notes what the store shows.
//!
//! Promise: runs in every role, so that members know of each other. Must not: campaign.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::standing::{Role, Sight, Standing};
use crate::journal::{Elections, JournalError, Seen};
use crate::ledger::{Clock, Condition, Conditions};
use crate::limits::{
    CLOCK_DIFFERENCE_WARNED, LEADER_MISSED_AFTER, REPORT_EVERY, REPORT_EVERY_MIN, REPORT_MAX,
};

/// What a member needs to report.
pub(super) struct Observer {
    pub(super) elections: Arc<dyn Elections>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) standing: Arc<Standing>,
    pub(super) conditions: Conditions,
}

impl Observer {
    /// Reports until `stop` is cancelled. A report that is running then is finished first.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut leader_at = self.clock.monotonic();
        let mut was_reached = true;
        while !stop.is_cancelled() {
            let looked = self.look().await;
            let mut wait = REPORT_EVERY;
            match looked {
                Ok(sight) => {
                    was_reached = true;
                    if sight.running().is_some() {
                        // At the end of the lease another member may lead.
                        wait = wait.min(sight.lease_left()).max(REPORT_EVERY_MIN);
                        leader_at = self.clock.monotonic();
                    }
                    self.note(&sight);
                    self.standing.set_sight(sight);
                }
                Err(error) => {
                    if was_reached {
                        tracing::warn!(%error, "this member cannot report to the store; it tries again");
                    }
                    was_reached = false;
                }
            }
            self.note_leader(self.clock.monotonic().saturating_sub(leader_at));
            stop.run_until_cancelled(self.clock.wait(wait)).await;
        }
    }

    async fn look(&self) -> Result<Sight, JournalError> {
        let (at, before) = (self.clock.monotonic(), self.clock.wall().0);
        let report = self.standing.report();
        let seen = timeout(REPORT_MAX, self.elections.report(&report))
            .await
            .unwrap_or_else(|_| Err(late(REPORT_MAX)))?;
        let ahead_millis = difference(&seen, before, self.clock.wall().0);
        Ok(Sight {
            seen,
            at,
            ahead_millis,
        })
    }

    fn note(&self, sight: &Sight) {
        let newest = sight.seen.members.iter().map(|other| other.report.sequence);
        let newest = newest.max().unwrap_or(0);
        let lag = newest.saturating_sub(self.standing.report().sequence);
        metrics::gauge!("aftercall_follower_lag_entries").set(lag as f64);
        let difference = Duration::from_millis(sight.ahead_millis.unsigned_abs());
        let sentence = (difference > CLOCK_DIFFERENCE_WARNED).then(|| {
            let which = if sight.ahead_millis > 0 { "ahead of" } else { "behind" };
            let leads_all_the_same = sight.is_clock_wrong() && self.standing.role() != Role::Following;
            let so = match leads_all_the_same {
                true => "This member leads all the same while no other member can take over",
                false => "A member whose clock differs by more than 30 s does not lead",
            };
            format!(
                "the wall clock of this machine is {:.1} s {which} the clock of the store: correct it. {so}",
                difference.as_secs_f64()
            )
        });
        self.conditions
            .set(Condition::ClockDifference, sentence.map(Into::into));
    }

    /// Sets the condition of a follower that knows no leader. A leader has one of its own.
    fn note_leader(&self, missed_for: Duration) {
        if self.standing.role() != Role::Following {
            return;
        }
        let sentence = (missed_for > LEADER_MISSED_AFTER).then(|| {
            let why = "no member of the cluster leads: requests are refused until one does. Check the store, and the clocks and logs of the members";
            why.into()
        });
        self.conditions.set(Condition::Leader, sentence);
    }
}

/// The error of an operation that took longer than it may.
pub(super) fn late(time_max: Duration) -> JournalError {
    JournalError::Unreachable {
        reason: format!("no answer within {:.1} s", time_max.as_secs_f64()),
    }
}

/// How far the wall clock is ahead, at least: the store has read its clock at some time in between.
fn difference(seen: &Seen, before: i64, after: i64) -> i64 {
    let now = seen.now_millis;
    if now > after {
        after - now
    } else if now < before {
        before - now
    } else {
        0
    }
}
