//! Tests how the actions of two versions are matched.

use aftercall_authoring::file::read;
use aftercall_definition::Action;
use aftercall_definition::counterparts::counterparts;

fn actions(texts: &[&str]) -> Vec<Action> {
    let alerts: String = texts.iter().map(|text| format!("  - {text}\n")).collect();
    let file = format!("format: 1\nworkflow: w\ntitle: T\non_new_call:\n{alerts}");
    read(&file, None)
        .unwrap_or_else(|faults| panic!("{faults:#?}"))
        .stages
        .remove(0)
        .actions
}

#[test]
fn an_alert_is_paired_by_its_text_before_its_place() {
    let alert = |text: &str, team: &str| format!("alert: {{ text: {text}, team: {team} }}");
    let check = |older: &[(&str, &str)], newer: &[(&str, &str)], expected: &[Option<usize>]| {
        let all = |alerts: &[(&str, &str)]| {
            let all: Vec<String> = alerts
                .iter()
                .map(|(text, team)| alert(text, team))
                .collect();
            actions(&all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(
            counterparts(&all(older), &all(newer)),
            expected,
            "{older:?} {newer:?}"
        );
    };
    let (first, second, new) = (
        ("First", "care"),
        ("Second", "billing"),
        ("New", "mailroom"),
    );
    check(&[first, second], &[new, first], &[None, Some(0)]);
    check(&[first, second], &[second, first], &[Some(1), Some(0)]);
    check(&[first, second], &[second], &[Some(1)]);
    check(&[first], &[new], &[Some(0)]);
    check(
        &[first, second],
        &[("First of all", "care"), second],
        &[Some(0), Some(1)],
    );
    check(
        &[first, second],
        &[first, ("Second", "mailroom"), new],
        &[Some(0), Some(1), None],
    );
    check(
        &[first, second],
        &[new, ("First of all", "care"), second],
        &[None, Some(0), Some(1)],
    );
    check(&[first, second], &[new], &[Some(0)]);
    check(&[first, first], &[first], &[Some(0)]);
    check(
        &[first, ("First", "billing")],
        &[("First", "billing"), new],
        &[Some(1), None],
    );
}

#[test]
fn actions_are_matched_by_event_or_by_link_target() {
    let older = actions(&[
        "{ button: Go, id: go }",
        "{ timer: 1h, id: wait }",
        "link: { to: go, max: 2, else: wait }",
        "link: { to: wait, max: 2, else: go, when: visit > 1 }",
        "set-field: { field: a, to: '1' }",
    ]);
    let newer = actions(&[
        "set-field: { field: b, to: '1' }",
        "link: { to: wait, max: 3, else: go }",
        "{ timer: 2h, id: wait }",
        "{ timer: 1h, id: go }",
        "link: { to: new-call, max: 2, else: go }",
    ]);
    let conditional =
        |when: &str, due: &str| format!("alert: {{ text: Call, team: care, when: '{when}'{due} }}");
    let (vip, other) = (conditional("visit > 1", ""), conditional("visit == 1", ""));
    let amended = conditional("visit == 1", ", due: 2h");
    assert_eq!(
        counterparts(&actions(&[&vip, &other]), &actions(&[&amended])),
        [Some(1)],
        "matched by its condition"
    );
    assert_eq!(
        counterparts(&older, &newer),
        [Some(4), Some(3), Some(1), None, Some(2)]
    );
}
