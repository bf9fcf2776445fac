//! For any filters and changes: a view that a change concerns is found, and few others are.

use std::time::Instant;

use aftercall_proto::feed::v1::{Before, BeforeAlert, FeedEntry, InstanceChange};
use aftercall_proto::workflow::v1::{
    Alert, Call, CallRef, Claim, FollowUp, FollowUpFilter, Stage, WorkflowStage,
};
use aftercall_scope::Scope;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::cache::RingLimits;
use crate::hub::{Hub, Pace};
use crate::position::Position;

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just("c".to_owned())
    ]
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop_oneof![2 => Just(Vec::new()), 1 => vec(name(), 1..3)]
}

fn call() -> impl Strategy<Value = CallRef> {
    (name(), name()).prop_map(|(source, id)| CallRef { source, id })
}

fn filter() -> impl Strategy<Value = Filter> {
    let stages = vec(
        (name(), 1..3_u32).prop_map(|(workflow, stage)| WorkflowStage { workflow, stage }),
        0..2,
    );
    let lists = (names(), names(), names(), names());
    (
        lists,
        stages,
        vec(1..3_i32, 0..2),
        vec(call(), 0..2),
        any::<bool>(),
    )
        .prop_map(
            |((teams, customers, workflows, holders), stages, priorities, calls, unclaimed)| {
                let unclaimed = unclaimed && holders.is_empty();
                let asked = FollowUpFilter {
                    teams,
                    customers,
                    workflows,
                    stages,
                    priorities,
                    calls,
                    holders,
                    unclaimed,
                    ..FollowUpFilter::default()
                };
                Filter::new(asked).expect("a valid filter")
            },
        )
        .prop_flat_map(|filter| scope().prop_map(move |scope| filter.clone().within(&scope)))
}

fn scope() -> impl Strategy<Value = Scope> {
    (names(), names()).prop_map(|(customers, teams)| Scope::new(&customers, &teams))
}

fn alerts() -> impl Strategy<Value = Vec<(String, i32)>> {
    vec((name(), 1..3_i32), 0..3)
}

prop_compose! {
    fn follow_up()(
        workflow in name(), stage in 1..3_u32, customer in name(), call in option::of(call()), alerts in alerts(),
        holder in option::of(name()), visible in any::<bool>(),
    ) -> FollowUp {
        let alert = |(team, priority)| Alert { team, priority, ..Alert::default() };
        FollowUp {
            instance_id: "i".to_owned(),
            workflow,
            stage: Some(Stage { number: stage, ..Stage::default() }),
            call: Some(Call { r#ref: call, customer, ..Call::default() }),
            alerts: alerts.into_iter().map(alert).collect(),
            claim: holder.map(|holder| Claim { holder, ..Claim::default() }),
            visible,
            ..FollowUp::default()
        }
    }
}

prop_compose! {
    fn before()(stage in 1..3_u32, customer in name(), alerts in alerts(), holder in option::of(name())) -> Before {
        let alerts = alerts.into_iter().map(|(team, priority)| BeforeAlert { team, priority }).collect();
        Before { stage, customer, alerts, holder: holder.unwrap_or_default() }
    }
}

fn entry(sequence: u64, follow_up: FollowUp, before: Option<Before>) -> FeedEntry {
    entry_of(sequence, follow_up, before, Vec::new())
}

fn entry_of(
    sequence: u64,
    follow_up: FollowUp,
    before: Option<Before>,
    teams: Vec<String>,
) -> FeedEntry {
    let change = InstanceChange {
        follow_up: Some(follow_up),
        before,
        teams,
        ..InstanceChange::default()
    };
    FeedEntry {
        sequence,
        chain: sequence,
        changes: vec![change],
        ..FeedEntry::default()
    }
}

fn link() -> watch::Receiver<Link> {
    let second = std::time::Duration::from_secs(1);
    let pace = Pace {
        bookmark: second,
        stall: second,
        drain: second,
    };
    Hub::new(1, pace, tokio_util::sync::CancellationToken::new()).link()
}

fn cache() -> Cache {
    Cache::new(
        "e",
        1,
        Position::default(),
        1,
        RingLimits {
            entries_max: 10,
            bytes_max: 1 << 20,
        },
    )
}

fn held_by(person: usize) -> Filter {
    Filter::new(FollowUpFilter {
        holders: vec![format!("person-{person}")],
        ..FollowUpFilter::default()
    })
    .unwrap()
}

proptest! {
    #[test]
    fn concerned_views_are_found_after_others_were_forgotten(
        filters in vec((filter(), any::<bool>()), 1..12), follow_up in follow_up(), before in option::of(before()),
        teams in names(), earlier in names(),
    ) {
        let (cache, mut views) = (cache(), Views::default());
        let all: Vec<_> = filters.into_iter().map(|(filter, stays)| (views.get(filter, link(), &cache), stays)).collect();
        let kept: Vec<_> = all.into_iter().filter(|(_, stays)| *stays).map(|(view, _)| view).collect();
        let mut entry = RingEntry::new(entry_of(1, follow_up, before, teams));
        for before in entry.changes.iter_mut().filter_map(|change| change.before.as_mut()) {
            before.further_teams = Some(earlier.iter().map(|team| team.as_str().into()).collect());
        }
        for _ in 0..2 {
            let found = views.concerned([&entry]);
            for view in &kept {
                let is_sent = !view.messages(1, &entry, Position::default()).is_empty();
                let is_found = found.iter().any(|found| Arc::ptr_eq(found, view));
                prop_assert!(is_found || !is_sent, "{:?} of {:?}", view.filter(), entry);
            }
            views.present();
        }
        drop(kept);
        prop_assert!(views.present().is_empty());
        prop_assert!(views.by_filter.is_empty() && views.others.is_empty());
        prop_assert!(views.by_field.iter().all(HashMap::is_empty));
    }
}

#[test]
fn of_ten_thousand_holders_only_two_views_are_found() {
    let (cache, mut views) = (cache(), Views::default());
    let all: Vec<_> = (0..10_000)
        .map(|person| views.get(held_by(person), link(), &cache))
        .collect();
    let claim = Claim {
        holder: "person-7".to_owned(),
        ..Claim::default()
    };
    let follow_up = FollowUp {
        visible: true,
        claim: Some(claim),
        ..FollowUp::default()
    };
    let before = Before {
        holder: "person-9999".to_owned(),
        ..Before::default()
    };
    let entry = RingEntry::new(entry(1, follow_up, Some(before)));
    let found = views.concerned([&entry]);
    assert_eq!(found.len(), 2);
    assert!(
        [7, 9_999]
            .iter()
            .all(|person| found.iter().any(|view| Arc::ptr_eq(view, &all[*person])))
    );
}

#[test]
fn equal_filters_share_a_view_until_it_is_unused() {
    let (cache, mut views) = (cache(), Views::default());
    let first = views.get(held_by(1), link(), &cache);
    assert!(Arc::ptr_eq(&first, &views.get(held_by(1), link(), &cache)));
    drop(first);
    let again = views.get(held_by(1), link(), &cache);
    assert_eq!((views.len(), views.present().len()), (1, 1));
    drop(again);
    assert_eq!((views.present().len(), views.len()), (0, 0));
}

/// The figure of docs/evidence.md: `cargo test --release -p alerter-server --lib -- --ignored
/// --nocapture ten_thousand`.
#[test]
#[ignore = "it measures"]
fn publishing_to_ten_thousand_filters_costs_little_more() {
    const ENTRIES: u64 = 2_000;
    let second = std::time::Duration::from_secs(1);
    let each = |people: usize| {
        let pace = Pace {
            bookmark: second,
            stall: second,
            drain: second,
        };
        let hub = Hub::new(1, pace, tokio_util::sync::CancellationToken::new());
        let mut cache = cache();
        hub.publish(&cache, &[]);
        let views: Vec<_> = (0..people)
            .map(|person| hub.view(held_by(person), &cache))
            .collect();
        let began = Instant::now();
        for sequence in 1..=ENTRIES {
            let claim = Claim {
                holder: format!("person-{}", sequence as usize % people),
                ..Claim::default()
            };
            let follow_up = FollowUp {
                visible: true,
                claim: Some(claim),
                ..FollowUp::default()
            };
            cache
                .append(entry(sequence, follow_up, None), &mut Vec::new())
                .unwrap();
            hub.publish(&cache, &[]);
        }
        drop(views);
        began.elapsed() / ENTRIES as u32
    };
    let (of_one, of_many) = (each(1), each(10_000));
    println!("a change: beside 1 filter {of_one:?}, beside 10,000 {of_many:?}");
    assert!(of_many < of_one * 10, "{of_one:?} and {of_many:?}");
}
