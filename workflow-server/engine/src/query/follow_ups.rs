//! The list of the Call Manager: visible follow-ups by urgency. Overdue ones are first, then the
//! order is by priority, due time and age.
//!
//! The index has one key for each team of each alert, by team, priority and due time. A list reads
//! it in blocks, one for each priority and for overdue or not. Within a block it merges the teams.
//! A follow-up with several alerts is at the place of its most urgent one.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Bound;
use std::sync::Arc;

use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;

use crate::call::Call;
use crate::filter::{Candidate, FollowUpFilter};
use crate::instance::{Alert, Instance};
use crate::query::walk::{ShouldStop, Stopped, checked};
use crate::world::Root;
use crate::world::urgency::{NO_TEAM, PAUSED, RANKS, UrgencyKey, rank, rank_and_due};

/// The place in the order of the list after which a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FollowUpCursor {
    /// 0 if overdue, 1 if not.
    pub phase: u8,
    /// The rank of the priority.
    pub rank: u8,
    /// The due time.
    pub due: Time,
    /// The sequence of the entry that made the instance.
    pub made_at: u64,
    /// The slot of the instance.
    pub slot: u32,
}

/// A row of the list.
#[derive(Clone, Debug)]
pub struct FollowUpRow {
    /// The follow-up.
    pub instance: Arc<Instance>,
    /// The most urgent alert that matches the filter, by its place among the alerts.
    pub alert: Option<usize>,
    /// When the work is due.
    pub due: Option<Time>,
    /// Whether it is overdue.
    pub overdue: bool,
    /// The place of the row. The next page can continue after it.
    pub cursor: FollowUpCursor,
}

/// A page of the list.
#[derive(Clone, Debug, Default)]
pub struct FollowUpPage {
    /// The rows in the order of the list.
    pub rows: Vec<FollowUpRow>,
    /// Where the next page continues; `None` on the last page.
    pub next: Option<FollowUpCursor>,
}

/// Lists visible follow-ups after the cursor, at most `rows_max`: those that wait, or those with a
/// snoozed alert. `as_of` decides which are overdue.
///
/// # Errors
/// [`Stopped`] if `should_stop` stops the walk.
pub fn list_follow_ups(
    root: &Root,
    filter: &FollowUpFilter,
    as_of: Time,
    (after, rows_max): (Option<FollowUpCursor>, usize),
    should_stop: ShouldStop<'_>,
) -> Result<FollowUpPage, Stopped> {
    let mut page = FollowUpPage::default();
    let mut last = None;
    let found = if filter.snoozed_only {
        Box::new(snoozed(root, filter, as_of, after, should_stop)?.into_iter())
    } else {
        candidates(root, filter, as_of, after)
    };
    for cursor in checked(found, should_stop) {
        let cursor = cursor?;
        let Some(row) = row(root, filter, as_of, cursor) else {
            continue;
        };
        if page.rows.len() == rows_max {
            page.next = last;
            break;
        }
        page.rows.push(row);
        last = Some(cursor);
    }
    Ok(page)
}

/// The follow-ups that match the filter's teams, priorities or calls, in order, after the cursor.
pub(super) fn candidates<'a>(
    root: &'a Root,
    filter: &'a FollowUpFilter,
    as_of: Time,
    after: Option<FollowUpCursor>,
) -> Box<dyn Iterator<Item = FollowUpCursor> + 'a> {
    if filter.only_unknown_teams {
        Box::new(std::iter::empty())
    } else if !filter.calls.is_empty() {
        let calls = filter.calls.iter().filter_map(|key| root.call(key));
        Box::new(of_calls(root, calls, (filter, as_of), after))
    } else if let Some(caller) = &filter.caller {
        let calls = root.calls_of(caller, "");
        Box::new(of_calls(root, calls, (filter, as_of), after))
    } else {
        Box::new(walk(root, filter, as_of, after))
    }
}

/// The follow-ups with a snoozed alert, in order, after the cursor. They are in no index, so the walk
/// is over every slot.
fn snoozed(
    root: &Root,
    filter: &FollowUpFilter,
    as_of: Time,
    after: Option<FollowUpCursor>,
    should_stop: ShouldStop<'_>,
) -> Result<Vec<FollowUpCursor>, Stopped> {
    let mut cursors = Vec::new();
    for instance in checked(root.instances.iter().flatten(), should_stop) {
        let instance = &**instance?;
        if filter.only_unknown_teams || !root.is_visible(instance) {
            continue;
        }
        let place = most_urgent(instance, filter, as_of).map(|(cursor, _)| cursor);
        cursors.extend(place.filter(|place| after.is_none_or(|after| *place > after)));
    }
    cursors.sort_unstable();
    Ok(cursors)
}

/// The row at a cursor. Returns `None` if the filter does not match, or if another alert of the
/// follow-up is more urgent.
pub(super) fn row(
    root: &Root,
    filter: &FollowUpFilter,
    as_of: Time,
    cursor: FollowUpCursor,
) -> Option<FollowUpRow> {
    let instance = root.instance_at(cursor.slot)?;
    let candidate = Candidate::of(root, instance)?;
    if !filter.matches_instance(&candidate)
        || !filter.reach.can_see_on(root, instance, candidate.call)
    {
        return None;
    }
    let (best, alert) = most_urgent(instance, filter, as_of)?;
    let overdue = is_overdue(instance, alert, as_of);
    let is_wanted =
        best == cursor && (overdue || !filter.overdue_only) && filter.matches_text(&candidate);
    is_wanted.then(|| FollowUpRow {
        instance: instance.clone(),
        alert,
        due: due(instance, alert),
        overdue,
        cursor,
    })
}

/// Whether an instance is overdue, by one of its alerts or by its deadline.
pub(super) fn is_overdue(instance: &Instance, alert: Option<usize>, as_of: Time) -> bool {
    due(instance, alert).is_some_and(|due| due <= instance.clock(as_of))
}

fn due(instance: &Instance, alert: Option<usize>) -> Option<Time> {
    alert
        .and_then(|at| instance.alerts.get(at))
        .map_or(instance.deadline, |alert| instance.due_of(alert))
}

/// The place of an instance, by its most urgent alert that matches the filter.
pub(super) fn most_urgent(
    instance: &Instance,
    filter: &FollowUpFilter,
    as_of: Time,
) -> Option<(FollowUpCursor, Option<usize>)> {
    if instance.alerts.is_empty() {
        return (!filter.needs_alert()).then_some((cursor(instance, None, as_of), None));
    }
    let rank_and_due =
        |(at, alert): (usize, &Alert)| (cursor(instance, Some(alert), as_of), Some(at));
    instance
        .alerts
        .iter()
        .enumerate()
        .filter(|(_, alert)| filter.matches_alert(alert))
        .map(rank_and_due)
        .min()
}

fn cursor(instance: &Instance, alert: Option<&Alert>, as_of: Time) -> FollowUpCursor {
    let (rank, due) = rank_and_due(instance, alert);
    let phase = u8::from(due > as_of);
    FollowUpCursor {
        phase,
        rank,
        due,
        made_at: instance.id.made_at,
        slot: instance.id.slot,
    }
}

/// All keys of the filter's teams and priorities in order, after the cursor.
fn walk<'a>(
    root: &'a Root,
    filter: &'a FollowUpFilter,
    as_of: Time,
    after: Option<FollowUpCursor>,
) -> impl Iterator<Item = FollowUpCursor> + 'a {
    let blocks = (0..2_u8).flat_map(|phase| (0..RANKS).map(move |rank| (phase, rank)));
    blocks
        .filter(move |block| after.is_none_or(|after| *block >= (after.phase, after.rank)))
        // A paused follow-up is overdue by its clock, and has no due time in the index.
        .filter(|(phase, rank)| !filter.overdue_only || *phase == 0 || *rank == PAUSED)
        .filter(|(_, wanted)| {
            // Paused follow-ups have a rank of their own, so their alerts are checked one by one.
            let is_wanted = |priority: &Priority| rank(*priority) == *wanted;
            filter.priorities.is_empty()
                || *wanted == PAUSED
                || filter.priorities.iter().any(is_wanted)
        })
        .flat_map(move |(phase, rank)| {
            // A page begins where the page before ended, not at the start of the block.
            let after = after.filter(|after| (after.phase, after.rank) == (phase, rank));
            block(root, filter, as_of, (phase, rank), after)
        })
}

/// One block. Merges the keys of its teams.
fn block<'a>(
    root: &'a Root,
    filter: &FollowUpFilter,
    as_of: Time,
    (phase, rank): (u8, u8),
    after: Option<FollowUpCursor>,
) -> impl Iterator<Item = FollowUpCursor> + 'a {
    let mut teams: Vec<u32> = if filter.teams.is_empty() {
        (0..root.teams.len() as u32).collect()
    } else {
        filter.teams.clone()
    };
    if !filter.needs_alert() {
        teams.push(NO_TEAM);
    }
    teams.sort_unstable();
    teams.dedup();
    let mut lanes: Vec<_> = teams
        .into_iter()
        .map(|team| lane(root, team, (phase, rank), as_of, after))
        .collect();
    let mut heads: BinaryHeap<Reverse<(FollowUpCursor, usize)>> = BinaryHeap::new();
    for (at, lane) in lanes.iter_mut().enumerate() {
        heads.extend(lane.next().map(|cursor| Reverse((cursor, at))));
    }
    let mut last = None;
    std::iter::from_fn(move || {
        loop {
            let Reverse((cursor, at)) = heads.pop()?;
            heads.extend(lanes[at].next().map(|next| Reverse((next, at))));
            // An alert for several teams is in the lane of each team.
            if last.replace(cursor) != Some(cursor) {
                return Some(cursor);
            }
        }
    })
}

fn lane(
    root: &Root,
    team: u32,
    (phase, rank): (u8, u8),
    as_of: Time,
    after: Option<FollowUpCursor>,
) -> impl Iterator<Item = FollowUpCursor> + '_ {
    let key = |due: Time, made_at: u64, slot: u32| UrgencyKey {
        team,
        rank,
        due,
        made_at,
        slot,
    };
    let (first, last) = if phase == 0 {
        (
            Bound::Included(key(Time(i64::MIN), 0, 0)),
            key(as_of, u64::MAX, u32::MAX),
        )
    } else {
        (
            Bound::Excluded(key(as_of, u64::MAX, u32::MAX)),
            key(Time::NEVER, u64::MAX, u32::MAX),
        )
    };
    let first = after.map_or(first, |after| {
        Bound::Excluded(key(after.due, after.made_at, after.slot))
    });
    let keys = root.urgency.range((first, Bound::Included(last)));
    keys.map(move |key| FollowUpCursor {
        phase,
        rank,
        due: key.due,
        made_at: key.made_at,
        slot: key.slot,
    })
}

/// The follow-ups of these calls, in order. They are few, so they are collected and sorted.
fn of_calls<'r>(
    root: &'r Root,
    calls: impl Iterator<Item = &'r Arc<Call>>,
    (filter, as_of): (&FollowUpFilter, Time),
    after: Option<FollowUpCursor>,
) -> std::vec::IntoIter<FollowUpCursor> {
    let mut cursors: Vec<FollowUpCursor> = calls
        .flat_map(|call| {
            call.instances
                .iter()
                .filter_map(|slot| root.instance_at(*slot))
        })
        .filter(|instance| root.is_listed(instance))
        .filter_map(|instance| most_urgent(instance, filter, as_of).map(|(cursor, _)| cursor))
        .filter(|cursor| after.is_none_or(|after| *cursor > after))
        .collect();
    cursors.sort_unstable();
    cursors.dedup();
    cursors.into_iter()
}
