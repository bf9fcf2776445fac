//! Tests the escalation of an alert.

use aftercall_definition::model::Priority;
use aftercall_engine::Rejection;
use aftercall_engine::command::{AcknowledgeAlert, ClaimInstance, Command};
use aftercall_engine::entry::ChangeKind;
use aftercall_engine::filter::FollowUpFilter;

use crate::desk::{Desk, MINUTE};
use crate::working::{BILLING, CARE, HOUR, LEADS, WORKFLOW};

#[test]
fn each_escalation_step_runs_once() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    assert_eq!(desk.alert(id), (vec![CARE], Priority::Normal, 0));
    assert_eq!(desk.pass(2 * HOUR - 1), []);
    assert_eq!(desk.pass(1), [ChangeKind::Escalated]);
    assert_eq!(desk.alert(id), (vec![CARE], Priority::High, 1));
    assert_eq!(desk.pass(2 * HOUR), [ChangeKind::Escalated]);
    assert_eq!(desk.alert(id), (vec![LEADS], Priority::Urgent, 2));
    // Steps that became due during a long absence run once each, in order.
    assert_eq!(
        desk.pass(40 * HOUR),
        [ChangeKind::Escalated, ChangeKind::Escalated]
    );
    assert_eq!(desk.alert(id), (vec![LEADS, BILLING], Priority::Urgent, 4));
    let instance = desk.instance(id);
    assert_eq!(
        (
            instance.stage,
            instance.visit(),
            instance.alerts[0].escalates_at
        ),
        (1, 1, None)
    );
    // It is once in the list of each team, and once in the list of all teams.
    for teams in [vec![LEADS], vec![BILLING], vec![LEADS, BILLING], Vec::new()] {
        assert_eq!(
            desk.listed(&FollowUpFilter {
                teams,
                ..FollowUpFilter::default()
            }),
            [id]
        );
    }
    assert_eq!(
        desk.listed(&FollowUpFilter {
            teams: vec![CARE],
            ..FollowUpFilter::default()
        }),
        []
    );
}

#[test]
fn an_escalated_alert_is_unseen_and_keeps_its_due_time() {
    let mut desk = Desk::new(WORKFLOW);
    let id = desk.set("1", true);
    let due = desk.instance(id).alerts[0].due;
    desk.ask(
        "Ann",
        Command::from(ClaimInstance {
            instance: id,
            lease_millis: 24 * HOUR,
        }),
    )
    .unwrap();
    let alert = desk.seen(id);
    desk.ask(
        "Ann",
        Command::from(AcknowledgeAlert {
            instance: id,
            alert,
        }),
    )
    .unwrap();
    assert!(desk.instance(id).alerts[0].seen.is_some());
    desk.pass(4 * HOUR);
    let instance = desk.instance(id);
    assert_eq!(
        (
            instance.alerts[0].due,
            &instance.alerts[0].seen,
            desk.holder(id)
        ),
        (due, &None, "Ann")
    );
    let refused = desk.ask(
        "Ann",
        Command::from(AcknowledgeAlert {
            instance: id,
            alert,
        }),
    );
    assert!(
        matches!(refused, Err(Rejection::AlertEscalated(_))),
        "it is not the alert that she saw"
    );
    let alert = desk.seen(id);
    assert!(alert.urgency_count > 0);
    desk.ask(
        "Ann",
        Command::from(AcknowledgeAlert {
            instance: id,
            alert,
        }),
    )
    .unwrap();
    desk.push("Ann", id, "again").unwrap();
    assert_eq!(desk.pass(30 * MINUTE), [], "the alert ends with its stage");
}
