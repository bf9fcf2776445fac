//! What a caller with a scope sees is exactly the part of all there is that the rule lets through.

use aftercall_definition::model::{Action, AlertAction};
use aftercall_definition::testing::{TEAMS, definitions};
use aftercall_definition::time::Time;
use aftercall_engine::alert::Alert;
use aftercall_engine::filter::FollowUpFilter;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::query::{
    Claimable, GroupBy, InstanceFilter, count_instances, held_by, list_follow_ups, list_instances,
    never, overdue_timers, stuck,
};
use aftercall_engine::testing::{Player, steps};
use aftercall_engine::world::{Keeping, Root, World};
use aftercall_engine::{Decision, Reach, decide};
use aftercall_scope::Scope;
use proptest::collection::vec;
use proptest::prelude::*;

/// The rule in its own words: a model of what `Reach` decides.
fn is_in_scope(root: &Root, instance: &Instance, customers: &[&str], teams: &[&str]) -> bool {
    let call = root.call_of(instance).unwrap();
    let of_alerts: Vec<&str> = instance
        .alerts
        .iter()
        .flat_map(Alert::teams)
        .map(|team| root.teams.at(team).unwrap().name.as_str())
        .collect();
    let definition = root.definition_of(instance).unwrap();
    let of_version: Vec<&str> = definition
        .stages
        .iter()
        .flat_map(|stage| &stage.actions)
        .filter_map(Action::alert)
        .flat_map(AlertAction::teams)
        .collect();
    let has = |names: &[&str]| names.iter().any(|name| teams.contains(name));
    let has_team = if instance.alerts.is_empty() {
        of_version.is_empty() || has(&of_version)
    } else {
        has(&of_alerts)
    };
    (customers.is_empty() || customers.contains(&&*call.customer)) && (teams.is_empty() || has_team)
}

fn scopes() -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    vec![
        (vec![], vec![]),
        (vec!["customer-1"], vec![]),
        (vec!["customer-2", "customer-0"], vec![TEAMS[0]]),
        (vec![], vec![TEAMS[0]]),
        (vec![], vec![TEAMS[2], TEAMS[1]]),
        (vec!["nobody"], vec!["no-team"]),
    ]
}

fn listed(root: &Root, reach: &Reach, now: Time, snoozed_only: bool) -> Vec<InstanceId> {
    let filter = FollowUpFilter {
        snoozed_only,
        reach: reach.clone(),
        ..FollowUpFilter::default()
    };
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = list_follow_ups(root, &filter, now, (after, 3), &never).unwrap();
        ids.extend(page.rows.iter().map(|row| row.instance.id));
        after = page.next;
        if after.is_none() {
            return ids;
        }
    }
}

fn claimable(root: &Root, reach: &Reach, now: Time) -> Vec<InstanceId> {
    let filter = FollowUpFilter {
        reach: reach.clone(),
        ..FollowUpFilter::default()
    };
    let found = Claimable::search(root, &filter, now, &never).unwrap();
    found.candidates().to_vec()
}

/// The instances of the operations desk by slot, and their count.
fn of_operations(root: &Root, reach: &Reach, now: Time) -> (Vec<InstanceId>, u64) {
    let filter = InstanceFilter {
        reach: reach.clone(),
        ..InstanceFilter::default()
    };
    let page = list_instances(root, &filter, now, (None, 1_000), &never).unwrap();
    let (_, total) = count_instances(root, &filter, GroupBy::Team, now, &never).unwrap();
    let ids = page.instances.iter().map(|instance| instance.id).collect();
    (ids, total)
}

/// What is stuck, what is late, and what somebody holds.
fn looked_for(root: &Root, reach: &Reach, now: Time) -> Vec<InstanceId> {
    let stuck = stuck(root, (reach, now), &never).unwrap();
    let (late, total) = overdue_timers(root, (reach, Time::NEVER), 1_000, &never).unwrap();
    assert_eq!(late.len() as u64, total);
    let held = held_by(root, (reach, "Ann"), now, &never).unwrap();
    let stuck = stuck.iter().map(|stuck| stuck.instance.id);
    let late = late.iter().map(|timer| timer.instance.id);
    stuck.chain(late).chain(held).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_query_is_the_unlimited_one_filtered(definitions in vec(definitions(), 1..3), steps in steps(40)) {
        let mut world = World::new(Keeping::default());
        let mut player = Player::new(definitions);
        let mut requests = player.opening();
        for step in &steps {
            for request in requests {
                if let Ok(Decision::Commit(entry)) = decide(&world, &request, player.now()) {
                    world.apply(&entry).unwrap();
                }
            }
            requests = player.requests(step, &world);
        }
        let root = world.root();
        let now = player.now().max(root.at);
        let all = Reach::EVERYTHING;
        for (customers, teams) in scopes() {
            let reach = Reach::new(&Scope::new(&customers, &teams));
            let within = |ids: Vec<InstanceId>| -> Vec<InstanceId> {
                let is_in = |id: &InstanceId| is_in_scope(root, root.instance(*id).unwrap(), &customers, &teams);
                ids.into_iter().filter(is_in).collect()
            };
            for snoozed in [false, true] {
                let everything = listed(root, &all, now, snoozed);
                prop_assert_eq!(listed(root, &reach, now, snoozed), within(everything));
            }
            prop_assert_eq!(claimable(root, &reach, now), within(claimable(root, &all, now)));
            prop_assert_eq!(looked_for(root, &reach, now), within(looked_for(root, &all, now)));
            let (ids, total) = of_operations(root, &reach, now);
            prop_assert_eq!(total, ids.len() as u64);
            prop_assert_eq!(ids, within(of_operations(root, &all, now).0));
        }
    }
}
