//! Visible follow-ups in the order of their urgency, with one key for each team of an alert.
//!
//! An alert becomes overdue without any change, so overdue is not part of the key. Within one team
//! and priority, the keys are ordered by due time. The overdue ones are those before now. A list
//! reads such ranges.

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;

use crate::call::Call;
use crate::instance::{Alert, Instance, Status};

/// The place of "no team", for follow-ups without an alert. It is after all teams.
pub const NO_TEAM: u32 = u32::MAX;
/// The number of ranks: four priorities, no alert, and paused.
pub const RANKS: u8 = 6;
/// The rank of a follow-up without an alert.
pub const NO_ALERT: u8 = 4;
/// The rank of a paused follow-up, with or without alerts: nobody can work on it now.
pub const PAUSED: u8 = 5;

/// The place of an alert in the order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrgencyKey {
    /// The team's place, or [`NO_TEAM`].
    pub team: u32,
    /// 0 (urgent) to 3 (low); 4 without an alert; 5 during a pause.
    pub rank: u8,
    /// When the follow-up is due; [`Time::NEVER`] without a due time or during a pause.
    pub due: Time,
    /// The sequence of the entry that made the instance. It orders by age.
    pub made_at: u64,
    /// The instance's slot.
    pub slot: u32,
}

/// The rank of a priority: 0 is the most urgent.
#[must_use]
pub fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::Urgent => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
}

/// The rank and the due time of an instance, by one of its alerts or without an alert.
#[must_use]
pub fn rank_and_due(instance: &Instance, alert: Option<&Alert>) -> (u8, Time) {
    if instance.status == Status::Paused {
        return (PAUSED, Time::NEVER);
    }
    let (rank, due) = match alert {
        Some(alert) => (rank(alert.priority), instance.due_of(alert)),
        None => (NO_ALERT, instance.deadline),
    };
    (rank, due.unwrap_or(Time::NEVER))
}

/// The keys of an instance, one for each team of each alert. There are none if a Call Manager's
/// list does not contain it.
pub fn keys<'a>(instance: &'a Instance, call: &Call) -> impl Iterator<Item = UrgencyKey> + 'a {
    let is_listed = instance.is_listed(call);
    let (made_at, slot) = (instance.id.made_at, instance.id.slot);
    let key = move |team: u32, alert: Option<&Alert>| {
        let (rank, due) = rank_and_due(instance, alert);
        UrgencyKey {
            team,
            rank,
            due,
            made_at,
            slot,
        }
    };
    let awake = instance
        .alerts
        .iter()
        .filter(|alert| alert.snooze.is_none());
    let of_alerts =
        awake.flat_map(move |alert| alert.teams().map(move |team| key(team, Some(alert))));
    let without = instance.alerts.is_empty().then(|| key(NO_TEAM, None));
    of_alerts.chain(without).filter(move |_| is_listed)
}
