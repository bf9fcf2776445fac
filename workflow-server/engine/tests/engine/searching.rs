//! Lists by text, number, reference and overdue, and the counts of many filters.

use aftercall_definition::testing::definitions;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{CallChanges, Command, IfRunning, SetWorkflow, UpdateCall};
use aftercall_engine::entry::Answer;
use aftercall_engine::filter::{FollowUpFilter, SearchText};
use aftercall_engine::phone::Country;
use aftercall_engine::query::{FollowUpCount, count_follow_ups, list_follow_ups, never};
use aftercall_engine::testing::{Player, steps};
use aftercall_engine::world::caller_index::CallerKey;
use aftercall_engine::world::{Keeping, Root, World};
use aftercall_engine::{Decision, Reach, decide};
use aftercall_scope::Scope;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::desk::{Desk, MINUTE};

const WORKFLOW: &str = "
format: 1
workflow: repair
title: Repair
on_new_call:
  - alert: { text: 'Repair the Crate for {{ call.caller.name }}', team: care, due: 4h }
  - button: Done
    then: [ finish: done ]
";

/// The calls that a filter lists.
fn listed(root: &Root, filter: &FollowUpFilter, now: Time) -> Vec<String> {
    let page = list_follow_ups(root, filter, now, (None, 1_000), &never).unwrap();
    let calls = page
        .rows
        .iter()
        .filter_map(|row| root.call_of(&row.instance));
    let mut calls: Vec<String> = calls.map(|call| call.key.id.to_string()).collect();
    calls.sort();
    calls
}

fn caller(desk: &mut Desk, call: &str, caller: Caller, detail: &str) {
    desk.set(call, true);
    let update = UpdateCall {
        call: CallKey {
            source: "scripts".into(),
            id: call.into(),
        },
        changes: CallChanges {
            caller: Some(caller),
            customer: Some("Northwind".into()),
            details: vec![("order".into(), detail.into())],
            ..CallChanges::default()
        },
        expected: None,
    };
    desk.ask("script", Command::from(update)).unwrap();
}

fn desk() -> Desk {
    let mut desk = Desk::new(WORKFLOW);
    let ada = Caller {
        name: "Ada Müller".into(),
        phone: "+44 20 7946 0001".into(),
        reference: "C-7".into(),
        ..Caller::default()
    };
    let ben = Caller {
        name: "Ben".into(),
        phone: "020 7946 0002".into(),
        email: "ben@example.com".into(),
        ..Caller::default()
    };
    caller(&mut desk, "1001", ada, "B-20981");
    caller(&mut desk, "1002", ben, "B-30000");
    desk
}

#[test]
fn words_are_found_in_call_caller_and_alert() {
    let desk = desk();
    let root = desk.world.root();
    let gb = Country::named("GB").unwrap();
    for (text, found) in [
        ("ADA", &["1001"][..]),
        ("müller crate", &["1001"]),
        ("MÜLLER", &["1001"]),
        ("ada ben", &[]),
        ("northwind repair", &["1001", "1002"]),
        ("b-209", &["1001"]),
        ("c-7", &["1001"]),
        ("1002", &["1002"]),
        ("@example", &["1002"]),
        ("(020) 7946-0001", &["1001"]),
        ("0044 20 7946 0002", &["1002"]),
        ("020 7946 0003", &[]),
        ("nobody", &[]),
    ] {
        let filter = FollowUpFilter {
            text: SearchText::new(text, gb),
            ..FollowUpFilter::default()
        };
        assert_eq!(listed(root, &filter, desk.now), found, "{text}");
    }
    assert_eq!(SearchText::new("  ", gb), None);
}

#[test]
fn a_number_and_a_reference_find_whole_values() {
    let desk = desk();
    let root = desk.world.root();
    let by_phone = |phone: &str| {
        let caller = Caller {
            phone: phone.into(),
            ..Caller::default()
        };
        let country = Country::named("GB").unwrap();
        let filter = FollowUpFilter {
            caller: CallerKey::new(&caller, country).map(Box::new),
            ..FollowUpFilter::default()
        };
        listed(root, &filter, desk.now)
    };
    assert_eq!(by_phone("tel:+442079460002"), ["1002"]);
    assert_eq!(by_phone("020 7946 0001"), ["1001"]);
    assert_eq!(by_phone("020 7946 9999"), [""; 0]);
    let by_reference = |reference: &str| {
        let filter = FollowUpFilter {
            reference: Some(reference.into()),
            ..FollowUpFilter::default()
        };
        listed(root, &filter, desk.now)
    };
    for (reference, found) in [
        ("b-20981", &["1001"][..]),
        ("c-7", &["1001"]),
        ("1002", &["1002"]),
        ("b-2098", &[]),
    ] {
        assert_eq!(by_reference(reference), found, "{reference}");
    }
}

#[test]
fn overdue_follow_ups_are_listed_alone() {
    let mut desk = desk();
    let overdue = FollowUpFilter {
        overdue_only: true,
        ..FollowUpFilter::default()
    };
    assert_eq!(listed(desk.world.root(), &overdue, desk.now), [""; 0]);
    desk.now = Time(desk.now.0 + 241 * MINUTE);
    assert_eq!(
        listed(desk.world.root(), &overdue, desk.now),
        ["1001", "1002"]
    );
}

/// Two fields, of which the second is sensitive or not.
fn with_fields(is_sensitive: bool) -> Desk {
    let fields = format!(
        "fields:\n  order: {{ type: text }}\n  account: {{ type: text, sensitive: {is_sensitive} }}\n  pin: {{ type: number, sensitive: {is_sensitive} }}\n"
    );
    let mut desk = Desk::new(&WORKFLOW.replace("on_new_call", &format!("{fields}on_new_call")));
    let text = |name: &str, text: &str| (name.into(), Value::Text(text.into()));
    let set = SetWorkflow {
        call: CallKey {
            source: "scripts".into(),
            id: "1001".into(),
        },
        changes: CallChanges {
            chargeable: Some(true),
            ..CallChanges::default()
        },
        workflow: "repair".into(),
        version: None,
        fields: vec![
            text("order", "B-20981"),
            text("account", "DE77 1234"),
            ("pin".into(), Value::Number(4711.0)),
        ],
        release: None,
        release_within_millis: None,
        if_running: IfRunning::Refuse,
    };
    desk.ask("script", Command::from(set)).unwrap();
    desk
}

#[test]
fn no_filter_finds_a_follow_up_by_a_sensitive_value() {
    let any = FollowUpFilter::default;
    let by_text = |text: &str| FollowUpFilter {
        text: SearchText::new(text, Country::NONE),
        ..any()
    };
    let by_reference = |reference: &str| FollowUpFilter {
        reference: Some(reference.into()),
        ..any()
    };
    let filters = [
        by_text("de77"),
        by_text("b-20981 1234"),
        by_text("4711"),
        by_reference("DE77 1234"),
        by_reference("4711"),
    ];
    // The control: an unmarked field is found.
    for (is_sensitive, found) in [(true, 0), (false, 1)] {
        for filter in filters
            .iter()
            .chain([&by_text("b-209"), &by_reference("B-20981")])
        {
            let is_of_order = !filters.contains(filter);
            let found = if is_of_order { 1 } else { found };
            let mut desk = with_fields(is_sensitive);
            let root = desk.world.root();
            let counts = count_follow_ups(
                root,
                (std::slice::from_ref(filter), &Reach::EVERYTHING),
                desk.now,
                &never,
            );
            assert_eq!(counts.unwrap()[0].follow_ups, found, "{filter:?}");
            let shown = listed(root, filter, desk.now).len() as u64;
            assert_eq!(shown, found, "{filter:?}");
            let next = desk.next_of("Ann", filter.clone()).unwrap();
            let is_claimed = matches!(next, Answer::Moved { .. });
            assert_eq!(is_claimed, found == 1, "{filter:?}");
        }
    }
}

fn filters() -> Vec<FollowUpFilter> {
    let any = FollowUpFilter::default;
    let text = |text: &str| SearchText::new(text, Country::NONE);
    vec![
        any(),
        FollowUpFilter {
            teams: vec![0],
            ..any()
        },
        FollowUpFilter {
            teams: vec![1, 2],
            overdue_only: true,
            ..any()
        },
        FollowUpFilter {
            overdue_only: true,
            ..any()
        },
        FollowUpFilter {
            only_unknown_teams: true,
            ..any()
        },
        FollowUpFilter {
            unclaimed_only: true,
            customers: vec!["customer-1".into()],
            ..any()
        },
        FollowUpFilter {
            text: text("customer-1"),
            ..any()
        },
        FollowUpFilter {
            teams: vec![0, 1],
            text: text("a"),
            ..any()
        },
    ]
}

/// What lists count, filter by filter.
fn by_lists(
    root: &Root,
    filters: &[FollowUpFilter],
    reach: &Reach,
    now: Time,
) -> Vec<FollowUpCount> {
    let count = |filter: &FollowUpFilter| {
        let within = FollowUpFilter {
            reach: reach.clone(),
            ..filter.clone()
        };
        let rows = list_follow_ups(root, &within, now, (None, 10_000), &never)
            .unwrap()
            .rows;
        FollowUpCount {
            follow_ups: rows.len() as u64,
            overdue: rows.iter().filter(|row| row.overdue).count() as u64,
        }
    };
    filters.iter().map(count).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn counts_are_those_of_the_lists(definitions in vec(definitions(), 1..3), steps in steps(40)) {
        let mut world = World::new(Keeping::default());
        let mut player = Player::new(definitions);
        let mut requests = player.opening();
        let filters = filters();
        let scopes = [Reach::EVERYTHING, Reach::new(&Scope::new(&["customer-1"], &[]))];
        for step in &steps {
            for request in requests {
                if let Ok(Decision::Commit(entry)) = decide(&world, &request, player.now()) {
                    world.apply(&entry).unwrap();
                }
            }
            requests = player.requests(step, &world);
            let (root, now) = (world.root(), player.now().max(world.root().at));
            for reach in &scopes {
                // All together, and those with teams alone: the walk is then shorter.
                let expected = by_lists(root, &filters, reach, now);
                let counts = count_follow_ups(root, (&filters, reach), now, &never).unwrap();
                prop_assert_eq!(&counts, &expected);
                let counts = count_follow_ups(root, (&filters[1..3], reach), now, &never).unwrap();
                prop_assert_eq!(&counts[..], &expected[1..3]);
            }
        }
    }
}
