//! Counts the follow-ups of many filters in one walk, so that the counts of all saved views cost
//! little more than one list.

use std::collections::{BTreeSet, HashSet};
use std::ops::Bound;

use aftercall_definition::time::Time;

use crate::filter::{Candidate, FollowUpFilter, Texts};
use crate::instance::Instance;
use crate::query::follow_ups::{is_overdue, most_urgent};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::reach::Reach;
use crate::world::Root;
use crate::world::urgency::UrgencyKey;

/// How many follow-ups a filter selects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FollowUpCount {
    /// All of them.
    pub follow_ups: u64,
    /// Those that are overdue.
    pub overdue: u64,
}

/// Counts the listed follow-ups of each filter within reach. `as_of` decides which are overdue.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn count_follow_ups(
    root: &Root,
    (filters, reach): (&[FollowUpFilter], &Reach),
    as_of: Time,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<FollowUpCount>, Stopped> {
    let mut counts = vec![FollowUpCount::default(); filters.len()];
    let mut seen = HashSet::new();
    for key in checked(keys(root, filters), should_stop) {
        let Some(instance) = root.instance_at(key?.slot) else {
            continue;
        };
        // Only a follow-up for several teams or with several alerts has more than one key.
        if has_keys(instance) && !seen.insert(instance.id.slot) {
            continue;
        }
        count(root, (filters, reach), (instance, as_of), &mut counts);
    }
    Ok(counts)
}

fn has_keys(instance: &Instance) -> bool {
    instance.alerts.len() > 1
        || instance
            .alerts
            .iter()
            .any(|alert| !alert.added_teams.is_empty())
}

/// The keys of all follow-ups that a filter may select. Where all filters name teams, only of those.
fn keys<'r>(
    root: &'r Root,
    filters: &[FollowUpFilter],
) -> Box<dyn Iterator<Item = &'r UrgencyKey> + 'r> {
    let mut wanted = filters.iter().filter(|filter| !filter.only_unknown_teams);
    if wanted.any(|filter| filter.teams.is_empty()) {
        return Box::new(root.urgency.iter());
    }
    let teams: BTreeSet<u32> = filters
        .iter()
        .flat_map(|filter| filter.teams.iter().copied())
        .collect();
    let first = |team: u32| UrgencyKey {
        team,
        rank: 0,
        due: Time(i64::MIN),
        made_at: 0,
        slot: 0,
    };
    Box::new(teams.into_iter().flat_map(move |team| {
        let end = team
            .checked_add(1)
            .map_or(Bound::Unbounded, |next| Bound::Excluded(first(next)));
        root.urgency.range((Bound::Included(first(team)), end))
    }))
}

fn count(
    root: &Root,
    (filters, reach): (&[FollowUpFilter], &Reach),
    (instance, as_of): (&Instance, Time),
    counts: &mut [FollowUpCount],
) {
    let Some(candidate) = Candidate::of(root, instance) else {
        return;
    };
    if !reach.can_see_on(root, instance, candidate.call) {
        return;
    }
    let mut texts = None;
    for (filter, count) in filters.iter().zip(counts) {
        let is_selected = !filter.only_unknown_teams
            && filter.matches_instance(&candidate)
            && filter.text.as_ref().is_none_or(|text| {
                let texts = texts.get_or_insert_with(|| Texts::of(&candidate));
                text.is_in(texts, &candidate.call.caller)
            });
        if !is_selected {
            continue;
        }
        let Some((_, alert)) = most_urgent(instance, filter, as_of) else {
            continue;
        };
        let is_overdue = is_overdue(instance, alert, as_of);
        if is_overdue || !filter.overdue_only {
            count.follow_ups += 1;
            count.overdue += u64::from(is_overdue);
        }
    }
}
