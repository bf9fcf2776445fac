//! Visible follow-ups in the order of their urgency, one key an alert.
//!
//! Whether something is overdue changes by itself as time goes by, so it is not in the key: within one team and priority
//! the keys go by due time, and the overdue ones are simply those before now. A list walks such ranges.

use crate::call::Call;
use crate::definition::model::Priority;
use crate::instance::Instance;
use crate::time::Time;

/// Stands for "no team", for follow-ups without an alert; after all teams.
pub const NO_TEAM: u32 = u32::MAX;
/// How many ranks there are: four priorities, and none.
pub const RANKS: u8 = 5;

/// Where an alert of a visible follow-up stands in the order of urgency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrgencyKey {
    /// The team's place, or [`NO_TEAM`].
    pub team: u32,
    /// 0 for urgent to 3 for low, 4 without an alert.
    pub rank: u8,
    /// When it should be done; [`Time::NEVER`] without.
    pub due: Time,
    /// The sequence that made the instance: its age.
    pub made_at: u64,
    /// The instance's slot.
    pub slot: u32,
}

/// The rank of a priority: the most urgent first.
#[must_use]
pub fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::Urgent => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
}

/// The keys of an instance: none where Call Managers do not see it.
pub fn keys<'a>(instance: &'a Instance, call: &Call) -> impl Iterator<Item = UrgencyKey> + 'a {
    let visible = instance.is_visible(call);
    let (made_at, slot) = (instance.id.made_at, instance.id.slot);
    let of_alerts = instance.alerts.iter().map(move |alert| UrgencyKey {
        team: alert.team,
        rank: rank(alert.priority),
        due: instance.due_of(alert).unwrap_or(Time::NEVER),
        made_at,
        slot,
    });
    let without = instance.alerts.is_empty().then(|| UrgencyKey {
        team: NO_TEAM,
        rank: RANKS - 1,
        due: instance.deadline.unwrap_or(Time::NEVER),
        made_at,
        slot,
    });
    of_alerts.chain(without).filter(move |_| visible)
}
