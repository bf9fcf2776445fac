//! What filters select, refuse and hash.

use aftercall_proto::workflow::v1::{Alert, Call, FollowUp, Stage};

use super::*;

fn follow_up() -> FollowUp {
    FollowUp {
        instance_id: "i1".into(),
        workflow: "callback".into(),
        visible: true,
        stage: Some(Stage {
            number: 2,
            ..Stage::default()
        }),
        call: Some(Call {
            r#ref: Some(CallRef {
                source: "engine".into(),
                id: "1001".into(),
            }),
            customer: "acme".into(),
            ..Call::default()
        }),
        alerts: vec![
            alert("sales", Priority::High),
            alert("support", Priority::Low),
        ],
        ..FollowUp::default()
    }
}

fn alert(team: &str, priority: Priority) -> Alert {
    Alert {
        team: team.into(),
        priority: priority.into(),
        ..Alert::default()
    }
}

fn names(values: &[&str]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check(asked: FollowUpFilter, shown: bool) {
    assert_eq!(
        Filter::new(asked)
            .unwrap()
            .selects(&Facts::of(&follow_up(), &[])),
        shown
    );
}

#[test]
fn an_empty_filter_shows_everything_visible() {
    check(FollowUpFilter::default(), true);
}

#[test]
fn values_combine_with_or_and_fields_with_and() {
    check(
        FollowUpFilter {
            teams: names(&["sales", "other"]),
            ..Default::default()
        },
        true,
    );
    check(
        FollowUpFilter {
            teams: names(&["other"]),
            ..Default::default()
        },
        false,
    );
    check(
        FollowUpFilter {
            customers: names(&["acme"]),
            workflows: names(&["callback"]),
            ..Default::default()
        },
        true,
    );
    check(
        FollowUpFilter {
            customers: names(&["acme"]),
            workflows: names(&["other"]),
            ..Default::default()
        },
        false,
    );
}

#[test]
fn team_and_priority_must_meet_on_one_alert() {
    let asked = |team, priority: Priority| FollowUpFilter {
        teams: names(&[team]),
        priorities: vec![priority.into()],
        ..Default::default()
    };
    check(asked("sales", Priority::High), true);
    check(asked("sales", Priority::Low), false);
    check(asked("support", Priority::Low), true);
}

#[test]
fn what_only_lists_select_by_is_refused() {
    let refused = |asked: FollowUpFilter| Filter::new(asked).unwrap_err().remove(0).field;
    let none = FollowUpFilter::default;
    let given = [
        (
            FollowUpFilter {
                overdue: true,
                ..none()
            },
            "filter.overdue",
        ),
        (
            FollowUpFilter {
                text: "ada".into(),
                ..none()
            },
            "filter.text",
        ),
        (
            FollowUpFilter {
                phone: "204".into(),
                ..none()
            },
            "filter.phone",
        ),
        (
            FollowUpFilter {
                reference: "B-1".into(),
                ..none()
            },
            "filter.reference",
        ),
    ];
    for (asked, field) in given {
        assert_eq!(refused(asked), field);
    }
}

#[test]
fn stages_match_by_workflow_and_calls_by_source() {
    let stage = |workflow: &str, stage| FollowUpFilter {
        stages: vec![WorkflowStage {
            workflow: workflow.into(),
            stage,
        }],
        ..Default::default()
    };
    check(stage("callback", 2), true);
    check(stage("callback", 3), false);
    check(stage("other", 2), false);
    let call = |source: &str, id: &str| FollowUpFilter {
        calls: vec![CallRef {
            source: source.into(),
            id: id.into(),
        }],
        ..Default::default()
    };
    check(call("engine", "1001"), true);
    check(call("other", "1001"), false);
}

#[test]
fn the_hash_ignores_order_and_repeated_values() {
    let hash = |teams: &[&str]| {
        Filter::new(FollowUpFilter {
            teams: names(teams),
            ..Default::default()
        })
        .unwrap()
        .hash()
    };
    assert_eq!(hash(&["a", "b"]), hash(&["b", "a", "b"]));
    assert_ne!(hash(&["a", "b"]), hash(&["a"]));
    let customers = Filter::new(FollowUpFilter {
        customers: names(&["a"]),
        ..Default::default()
    })
    .unwrap()
    .hash();
    assert_ne!(hash(&["a"]), customers);
}

#[test]
fn a_scope_limits_the_filter_and_binds_its_tokens() {
    let all = || Filter::new(FollowUpFilter::default()).unwrap();
    let facts = Facts::of(&follow_up(), &[]);
    let scoped = |customers: &[&str], teams: &[&str]| all().within(&Scope::new(customers, teams));
    assert!(all().selects(&facts), "the control");
    assert!(scoped(&["acme"], &["support"]).selects(&facts));
    assert!(!scoped(&["other"], &[]).selects(&facts));
    assert!(!scoped(&["acme"], &["other"]).selects(&facts));
    let unknown = Facts {
        further_teams: None,
        ..facts
    };
    assert!(!scoped(&[], &["support"]).selects(&unknown));
    let hashes = [
        all(),
        scoped(&["acme"], &[]),
        scoped(&[], &["acme"]),
        scoped(&["acme", "other"], &[]),
    ]
    .map(|filter| filter.hash());
    let different: BTreeSet<u64> = hashes.into_iter().collect();
    assert_eq!(different.len(), hashes.len());
    assert_eq!(scoped(&[], &[]), all(), "clients without a limit share");
    assert_eq!(scoped(&["a", "b"], &[]), scoped(&["b", "a"], &[]));
}

#[test]
fn every_invalid_field_is_named() {
    let asked = FollowUpFilter {
        teams: names(&["ok", ""]),
        customers: vec!["c".into(); 101],
        workflows: vec!["w".repeat(129)],
        stages: vec![WorkflowStage {
            workflow: "w".into(),
            stage: 0,
        }],
        priorities: vec![0, 9],
        calls: vec![CallRef {
            source: "s".into(),
            id: String::new(),
        }],
        holders: names(&["Ann"]),
        unclaimed: true,
        ..FollowUpFilter::default()
    };
    let fields: Vec<String> = Filter::new(asked)
        .unwrap_err()
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    let expected = [
        "filter.teams[1]",
        "filter.customers",
        "filter.workflows[0]",
        "filter.stages[0].stage",
        "filter.priorities[0]",
        "filter.priorities[1]",
        "filter.calls[0].id",
        "filter.unclaimed",
    ];
    assert_eq!(fields, expected);
}
