//! The wallboard that each change updates is equal to a full count.

use std::sync::Arc;
use std::time::Duration;

use aftercall_proto::feed::v1::{FeedEntry, InstanceChange};
use aftercall_proto::workflow::v1::{Alert, Claim, FollowUp};
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::cache::RingLimits;
use crate::position::Position;

const LIMITS: RingLimits = RingLimits {
    entries_max: 10,
    bytes_max: 1 << 20,
};

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn link() -> Link {
    Link {
        connected: true,
        as_of: at(0),
        heard_at: std::time::Instant::now(),
        behind: 0,
    }
}

/// Any follow-up of a few: which, whether it is seen, its workflow, stage, teams, due and start.
fn follow_ups() -> impl Strategy<Value = FollowUp> {
    let teams = vec(prop_oneof![Just("sales"), Just("care")], 0..3);
    let times = (proptest::option::of(0..100_u64), 0..100_u64);
    (
        0..6_u8,
        any::<bool>(),
        0..2_u8,
        1..3_u32,
        teams,
        times,
        any::<bool>(),
    )
        .prop_map(
            |(id, visible, workflow, stage, teams, times, is_held)| FollowUp {
                instance_id: id.to_string(),
                visible,
                workflow: workflow.to_string(),
                stage: Some(Stage {
                    number: stage,
                    title: format!("stage {stage}"),
                    ..Stage::default()
                }),
                priority: teams.len() as i32,
                alerts: teams
                    .iter()
                    .map(|team| Alert {
                        team: (*team).to_owned(),
                        ..Alert::default()
                    })
                    .collect(),
                claim: is_held.then(|| Claim {
                    holder: "Ann".to_owned(),
                    ..Claim::default()
                }),
                due: times.0.map(|due| at(due).into()),
                started_at: Some(at(times.1).into()),
                ..FollowUp::default()
            },
        )
}

/// Counts a group by looking at every follow-up.
fn counted<'a>(
    all: &'a [Arc<Shown>],
    now: u64,
    is_in: impl Fn(&Shown) -> bool + 'a,
) -> Option<WallboardCounts> {
    let those: Vec<&Arc<Shown>> = all.iter().filter(|shown| is_in(shown)).collect();
    let oldest = those.iter().map(|shown| shown.started_at).min()?;
    Some(WallboardCounts {
        open: those.len() as u64,
        overdue: those
            .iter()
            .filter(|shown| shown.due.is_some_and(|due| due <= at(now)))
            .count() as u64,
        oldest_started_at: Some(oldest.into()),
        unclaimed: those
            .iter()
            .filter(|shown| shown.facts.holder.is_empty())
            .count() as u64,
    })
}

fn check(wallboard: &Wallboard, cache: &Cache, (now, is_in_scope): (u64, impl Fn(&Shown) -> bool)) {
    let all: Vec<Arc<Shown>> = cache
        .instances_after(None)
        .map(|(_, shown)| Arc::clone(shown))
        .filter(|shown| is_in_scope(shown))
        .collect();
    let none = Some(WallboardCounts::default());
    assert_eq!(wallboard.total, counted(&all, now, |_| true).or(none));
    for workflow in ["0", "1"] {
        let row = wallboard
            .workflows
            .iter()
            .find(|row| row.workflow == workflow);
        assert_eq!(
            row.and_then(|row| row.counts),
            counted(&all, now, |shown| &*shown.facts.workflow == workflow)
        );
        for number in [1, 2] {
            let is_row = |row: &&WallboardRow| {
                row.workflow == workflow
                    && row
                        .stage
                        .as_ref()
                        .is_some_and(|stage| stage.number == number)
            };
            let is_in =
                |shown: &Shown| &*shown.facts.workflow == workflow && shown.facts.stage == number;
            let row = wallboard.stages.iter().find(is_row);
            assert_eq!(row.and_then(|row| row.counts), counted(&all, now, is_in));
            assert!(row.is_none_or(|row| {
                row.stage
                    .as_ref()
                    .is_some_and(|stage| stage.title == format!("stage {number}"))
            }));
        }
    }
    for team in ["sales", "care"] {
        let row = wallboard.teams.iter().find(|row| row.team == team);
        let is_in = |shown: &Shown| shown.facts.alerts.iter().any(|(name, _)| &**name == team);
        assert_eq!(row.and_then(|row| row.counts), counted(&all, now, is_in));
    }
    for priority in 0..3 {
        let row = wallboard
            .priorities
            .iter()
            .find(|row| row.priority == priority);
        assert_eq!(
            row.and_then(|row| row.counts),
            counted(&all, now, |shown| shown.priority == priority)
        );
    }
    assert!(wallboard.priorities.is_sorted_by_key(|row| -row.priority));
    assert_eq!(wallboard.sequence, cache.head().sequence);
}

proptest! {
    #[test]
    fn updates_give_the_same_as_a_full_count(
        snapshot in vec(follow_ups(), 0..6),
        rounds in vec((vec(follow_ups(), 0..4), -40..30_i64), 1..12),
    ) {
        let mut cache = Cache::new("e", 1, Position::default(), 1, LIMITS);
        snapshot.iter().for_each(|follow_up| cache.insert(follow_up, &[]));
        let (mut board, mut now) = (Board::default(), 0_u64);
        board.update(&cache, &[]);
        let scope = Scope::new(&[], &["sales"]);
        let mut limited = Board::count(scope.clone(), &cache);
        for (changed, seconds) in rounds {
            let mut moved = Vec::new();
            for follow_up in changed {
                let change = InstanceChange { follow_up: Some(follow_up), ..InstanceChange::default() };
                let sequence = cache.head().sequence + 1;
                let entry = FeedEntry { sequence, changes: vec![change], ..FeedEntry::default() };
                prop_assert_eq!(cache.append(entry, &mut moved), Ok(()));
            }
            board.update(&cache, &moved);
            limited.update(&cache, &moved);
            // Time goes back where the workflow-server's does.
            now = now.saturating_add_signed(seconds);
            check(&board.read(link(), at(now)), &cache, (now, |_| true));
            let is_in = |shown: &Shown| shown.facts.is_in(&scope);
            check(&limited.read(link(), at(now)), &cache, (now, is_in));
        }
    }
}
