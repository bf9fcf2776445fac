//! Tests the search for the next follow-up: on a thread of its own, and updated by the changes
//! since the last search.

use std::cell::Cell;

use aftercall_definition::model::Priority;
use aftercall_definition::testing::definitions;
use aftercall_definition::time::Time;
use aftercall_engine::command::{ClaimNext, Command};
use aftercall_engine::entry::Answer;
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::InstanceId;
use aftercall_engine::limits::CLAIM_CANDIDATES_MAX;
use aftercall_engine::query::{Claimable, Stopped, is_claimable, list_follow_ups, never};
use aftercall_engine::testing::{Player, steps};
use aftercall_engine::world::{Keeping, Root, World};
use aftercall_engine::{Decision, Rejection, Request, decide};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: Repair it, team: care, due: 4h }
  - button: Done
    then: [ finish: done ]
";

fn filters() -> Vec<FollowUpFilter> {
    let any = FollowUpFilter::default;
    vec![
        any(),
        FollowUpFilter {
            teams: vec![0],
            ..any()
        },
        FollowUpFilter {
            priorities: vec![Priority::Urgent, Priority::Normal],
            ..any()
        },
        FollowUpFilter {
            customers: vec!["nobody".into()],
            ..any()
        },
        FollowUpFilter {
            customers: vec!["customer-1".into()],
            teams: vec![1, 2],
            ..any()
        },
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// After any commands, an updated result is equal to a new search.
    #[test]
    fn an_updated_result_equals_a_new_search(definitions in vec(definitions(), 1..3), steps in steps(40)) {
        let mut world = World::new(Keeping::default());
        let mut player = Player::new(definitions);
        let opening = player.opening();
        play(&mut world, opening, player.now());
        let filters = filters();
        let mut found: Vec<Claimable> = filters.iter().map(|filter| searched(world.root(), filter, player.now())).collect();
        for step in &steps {
            let requests = player.requests(step, &world);
            play(&mut world, requests, player.now());
            let now = player.now().max(world.root().at);
            for (filter, found) in filters.iter().zip(&mut found) {
                let renewed = found.updated(world.root(), filter, now);
                *found = searched(world.root(), filter, now);
                let renewed = renewed.expect("a few changes on a few instances");
                // A jump of the clock ends a claim at once. The change of the follow-up comes with
                // the next timer.
                let has_no_claim = |id: &&InstanceId| world.root().instance(**id).is_some_and(|one| one.claim.is_none());
                let unclaimed = |found: &Claimable| found.candidates().iter().filter(has_no_claim).copied().collect::<Vec<_>>();
                prop_assert_eq!(unclaimed(&renewed), unclaimed(found));
                let free = |id: &InstanceId| is_claimable(world.root(), filter, world.root().instance(*id).unwrap(), now);
                prop_assert!(found.candidates().iter().all(free));
            }
        }
    }
}

fn searched(root: &Root, filter: &FollowUpFilter, now: Time) -> Claimable {
    Claimable::search(root, filter, now, &never).unwrap()
}

fn play(world: &mut World, requests: Vec<Request>, now: Time) {
    for request in requests {
        if let Ok(Decision::Commit(entry)) = decide(world, &request, now) {
            world.apply(&entry).unwrap();
        }
    }
}

fn crowd(count: usize) -> (Desk, Vec<InstanceId>) {
    let mut desk = Desk::new(WORKFLOW);
    let ids = (0..count)
        .map(|call| desk.set(&call.to_string(), true))
        .collect();
    (desk, ids)
}

fn next(candidates: Vec<InstanceId>) -> Command {
    Command::from(ClaimNext {
        filter: FollowUpFilter::default(),
        candidates,
        lease_millis: MINUTE,
    })
}

#[test]
fn a_decision_checks_only_a_few_candidates() {
    let (mut desk, ids) = crowd(CLAIM_CANDIDATES_MAX + 1);
    for id in &ids[..CLAIM_CANDIDATES_MAX] {
        desk.claim("Ann", *id).unwrap();
    }
    let refused = desk.ask("Ben", next(ids.clone())).unwrap_err();
    assert_eq!(
        refused,
        Rejection::CandidatesTaken,
        "the free one is after those that are checked"
    );
    let answer = desk.ask("Ben", next(ids[1..].to_vec())).unwrap();
    assert!(
        matches!(answer, Answer::Moved { instance, .. } if instance == ids[CLAIM_CANDIDATES_MAX])
    );
    assert_eq!(
        desk.ask("Cem", next(Vec::new())).unwrap(),
        Answer::Done,
        "a search that finds nothing claims nothing"
    );
}

#[test]
fn a_candidate_that_no_longer_passes_the_filter_is_skipped() {
    let (mut desk, ids) = crowd(3);
    let found = searched(desk.world.root(), &FollowUpFilter::default(), desk.now)
        .candidates()
        .to_vec();
    assert_eq!(found, ids);
    desk.push("Ann", ids[0], "done").unwrap();
    desk.claim("Ann", ids[1]).unwrap();
    assert!(
        matches!(desk.ask("Ben", next(found)).unwrap(), Answer::Moved { instance, .. } if instance == ids[2])
    );
}

/// Counts the checks of a walk. There is one every 256 rows.
fn counted<T>(walk: impl FnOnce(&dyn Fn() -> bool) -> T) -> (T, u32) {
    let checks = Cell::new(0);
    let walked = walk(&|| {
        checks.set(checks.get() + 1);
        false
    });
    (walked, checks.get())
}

#[test]
fn an_empty_result_is_updated_from_changed_rows_only() {
    let (mut desk, ids) = crowd(1_000);
    let filter = FollowUpFilter {
        customers: vec!["nobody".into()],
        ..FollowUpFilter::default()
    };
    let root = desk.world.root().clone();
    let (found, checks) =
        counted(|stop| Claimable::search(&root, &filter, desk.now, stop).unwrap());
    assert_eq!((found.candidates(), checks), (&[][..], 4), "1,000 rows");
    desk.push("Ann", ids[500], "done").unwrap();
    let renewed = found.updated(desk.world.root(), &filter, desk.now).unwrap();
    assert_eq!(renewed.candidates(), []);
    assert_eq!(
        desk.world
            .root()
            .changes
            .after(root.sequence, 10)
            .unwrap()
            .count(),
        1,
        "the update reads one row"
    );
}

#[test]
fn a_walk_can_be_stopped() {
    let (desk, _) = crowd(1_000);
    let (root, filter) = (
        desk.world.root(),
        FollowUpFilter {
            customers: vec!["nobody".into()],
            ..FollowUpFilter::default()
        },
    );
    let left = Cell::new(2);
    let stop = || {
        left.set(left.get() - 1);
        left.get() == 0
    };
    assert_eq!(
        Claimable::search(root, &filter, desk.now, &stop).unwrap_err(),
        Stopped
    );
    left.set(2);
    assert_eq!(
        list_follow_ups(root, &filter, desk.now, (None, 10), &stop).unwrap_err(),
        Stopped
    );
}

#[test]
fn a_page_begins_where_the_one_before_ended() {
    let (desk, ids) = crowd(1_000);
    let (root, filter) = (desk.world.root(), FollowUpFilter::default());
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let (page, checks) =
            counted(|stop| list_follow_ups(root, &filter, desk.now, (after, 100), stop).unwrap());
        assert_eq!(checks, 1, "no page reads the pages before it");
        listed.extend(page.rows.iter().map(|row| row.instance.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, ids);
}
