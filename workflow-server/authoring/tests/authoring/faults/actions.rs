//! Errors in actions, and actions of later versions.

use super::check_actions;

#[test]
fn an_action_has_exactly_one_known_kind() {
    check_actions(
        "
  - allert: { text: a, team: care }
  - finish
  - {}
  - { button: A, timer: 4h }
  - colour: red
",
        &[
            "5:5 (stage 1, action 1) UNKNOWN_KEY unknown key `allert`; did you mean `alert`?",
            "6:5 (stage 1, action 2) BAD_VALUE an action must be a mapping, not a single value",
            "7:5 (stage 1, action 3) MISSING_KEY an action needs one of alert, button, timer, link, finish, set-field",
            "8:18 (stage 1, action 4) BAD_VALUE an action is one thing: start another with `-` for `timer`",
            "9:5 (stage 1, action 5) UNKNOWN_KEY unknown key `colour`; known here: alert, button, timer, link, finish, set-field",
        ],
    );
    check_actions(
        "
  - link: {}
    team: care
",
        &[
            "5:11 (stage 1, action 1) MISSING_KEY `link` needs `to`",
            "6:5 (stage 1, action 1) UNKNOWN_KEY unknown key `team`; `link` has no keys beside it",
        ],
    );
}

#[test]
fn alerts_are_checked() {
    check_actions(
        "
  - alert:
    text: a
    team: care
  - alert: { team: Customer Care, priority: hihg, due: soon, colour: red }
",
        &[
            "5:10 (stage 1, action 1) BAD_VALUE `alert` must be a mapping, not nothing",
            "6:5 (stage 1, action 1) UNKNOWN_KEY `text` belongs inside `alert`: indent it by two more spaces",
            "7:5 (stage 1, action 1) UNKNOWN_KEY `team` belongs inside `alert`: indent it by two more spaces",
            "8:12 (stage 1, action 2) MISSING_KEY `alert` needs `text`",
            "8:20 (stage 1, action 2) BAD_VALUE `team` must be lower-case letters, digits and hyphens and start with a letter or digit, such as `customer-care`, not `Customer Care`",
            "8:45 (stage 1, action 2) BAD_VALUE `priority` must be low, normal, high or urgent, not `hihg`",
            "8:56 (stage 1, action 2) BAD_VALUE `soon` is not a duration; write a number and s, m, h, d or wd, such as 90s, 15m, 4h, 1h30m, 3d or 5wd",
            "8:62 (stage 1, action 2) UNKNOWN_KEY unknown key `colour`; known here: text, team, priority, due, calendar, escalate, seen-for, when",
        ],
    );
    check_actions(
        r#"
  - alert: { text: "{{ fields.a", team: care }
  - alert: { text: "{% for a in fields %}x{% endfor %}", team: care }
  - alert: { text: "{{ fields.a | replace('a', 'b') }}", team: care }
  - alert: { text: "{% set a = 1 %}{{ a }}", team: care }
  - alert: { text: "{{ fields.a * 1000 }}", team: care }
"#,
        &[
            "5:21 (stage 1, action 1) BAD_VALUE the text is not a template: `{{` is not closed: write `}}` after the value",
            "6:24 (stage 1, action 2) BAD_VALUE texts do not have loops",
            "7:35 (stage 1, action 3) BAD_VALUE texts do not have the filter `replace`; available: default, upper, lower, title, capitalize, trim, round, length, zone",
            "8:24 (stage 1, action 4) BAD_VALUE texts do not have assignments",
            "9:24 (stage 1, action 5) BAD_VALUE texts do not have `*` and `**`: compute it with `set-field`",
        ],
    );
}

#[test]
fn buttons_are_checked() {
    check_actions(
        r#"
  - button: ""
    note: maybe
    confirm: []
    form: { a: { type: text, max: 3 } }
    lable: x
"#,
        &[
            "5:13 (stage 1, action 1) BAD_VALUE the button's label is empty",
            "6:11 (stage 1, action 1) BAD_VALUE `note` must be required or optional, not `maybe`",
            "7:14 (stage 1, action 1) BAD_VALUE `confirm` must be text, not a list",
            "9:5 (stage 1, action 1) UNKNOWN_KEY unknown key `lable`; known here: button, id, stage, title, when, confirm, note, form, then",
        ],
    );
}

#[test]
fn timers_are_checked() {
    check_actions(
        "
  - timer: 4x
  - timer: { after: 4h, from: noon }
  - timer: { from: start }
  - timer: []
",
        &[
            "5:12 (stage 1, action 1) BAD_VALUE `4x` is not a duration; write a number and s, m, h, d or wd, such as 90s, 15m, 4h, 1h30m, 3d or 5wd",
            "6:31 (stage 1, action 2) BAD_VALUE `from` must be stage, start or fields.NAME, not `noon`",
            "7:12 (stage 1, action 3) MISSING_KEY `timer` needs `after`",
            "8:12 (stage 1, action 4) BAD_VALUE `timer` must be a mapping, not a list",
        ],
    );
}

#[test]
fn links_and_finishes_are_checked() {
    check_actions(
        "
  - link: { to: Some Where, max: 0, else: x }
",
        &[
            "5:17 (stage 1, action 1) BAD_VALUE `to` must be lower-case letters, digits and hyphens and start with a letter or digit, such as `some-where`, not `Some Where`",
            "5:34 (stage 1, action 1) BAD_VALUE `max` must be a whole number from 1 to 1000, not `0`",
        ],
    );
    check_actions(
        "
  - link: { to: a, max: 2 }
",
        &[
            "5:11 (stage 1, action 1) MISSING_KEY `max` needs `else`: how often to go there, and where to go after that",
        ],
    );
    check_actions(
        "
  - link: { to: a, else: b }
",
        &[
            "5:11 (stage 1, action 1) MISSING_KEY `else` needs `max`: how often to go there, and where to go after that",
        ],
    );
    check_actions(
        "
  - finish: { outcom: done }
  - finish: [ done ]
",
        &[
            "5:13 (stage 1, action 1) MISSING_KEY `finish` needs `outcome`",
            "5:15 (stage 1, action 1) UNKNOWN_KEY unknown key `outcom`; did you mean `outcome`?",
            "6:13 (stage 1, action 2) BAD_VALUE `finish` must be a mapping, not a list",
        ],
    );
}

#[test]
fn conditions_are_checked() {
    check_actions(
        r#"
  - link: { to: a, when: "fields.amount <" }
  - link: { to: a, when: "fields.amount = 5" }
  - finish: { outcome: done, when: "[1].all(x, x > 0)" }
  - button: Go
    when: [ x ]
"#,
        &[
            "5:41 (stage 1, action 1) BAD_VALUE `when` is not an expression: it ends too early",
            "6:41 (stage 1, action 2) BAD_VALUE `when` is not an expression: `=` at character 15 does not belong there; equal is `==`",
            "7:36 (stage 1, action 3) BAD_VALUE `when` uses `all`, `exists`, `map` or `filter`: conditions have no loops",
            "9:11 (stage 1, action 4) BAD_VALUE `when` must be text, not a list",
        ],
    );
    check_actions(
        r#"
  - finish: done
    when: "true"
  - link: a
    when: "true"
  - alert: { text: a, team: care }
    when: "true"
"#,
        &[
            "6:5 (stage 1, action 1) UNKNOWN_KEY `when` belongs inside: write `finish: { outcome: …, when: … }`",
            "8:5 (stage 1, action 2) UNKNOWN_KEY `when` belongs inside: write `link: { to: …, when: … }`",
            "10:5 (stage 1, action 3) UNKNOWN_KEY `when` belongs inside `alert`: indent it by two more spaces",
        ],
    );
}

#[test]
fn set_fields_and_clock_times_are_checked() {
    check_actions(
        r#"
  - set-field: { a: 1 }
  - set-field: { field: 1st, to: "1 +" }
  - timer: { at: "25:00" }
  - timer: { at: "9:00 next weekday", from: fields.1st }
"#,
        &[
            "5:16 (stage 1, action 1) MISSING_KEY `set-field` needs `field`",
            "5:16 (stage 1, action 1) MISSING_KEY `set-field` needs `to`",
            "5:18 (stage 1, action 1) UNKNOWN_KEY unknown key `a`; known here: field, to, when",
            "6:25 (stage 1, action 2) BAD_VALUE the field name `1st` must be letters, digits and underscores and not start with a digit",
            "6:37 (stage 1, action 2) BAD_VALUE `to` is not an expression: it ends too early",
            "7:18 (stage 1, action 3) BAD_VALUE `at` is a time of day such as `09:00`, `09:00 next day` or `09:00 next working day`, not `25:00`",
            "8:18 (stage 1, action 4) BAD_VALUE `at` is a time of day such as `09:00`, `09:00 next day` or `09:00 next working day`, not `9:00 next weekday`",
            "8:45 (stage 1, action 4) BAD_VALUE the field name `1st` must be letters, digits and underscores and not start with a digit",
        ],
    );
}

#[test]
fn actions_of_later_versions_are_refused_by_name() {
    check_actions(
        "
  - email: { to: a }
  - webhook: x
",
        &[
            "5:5 (stage 1, action 1) NOT_SUPPORTED_YET `email` is not supported in this version",
            "6:5 (stage 1, action 2) NOT_SUPPORTED_YET `webhook` is not supported in this version",
        ],
    );
}

#[test]
fn errors_of_nested_stages_name_stage_and_action() {
    check_actions(
        "
  - button: Approve
    stage: 7
    then:
      - alert: { text: Pay, team: payments }
      - button: Paid
        then: [ { finsh: paid } ]
      - finish: Not A Name
",
        &[
            "10:19 (stage 8, action 1) UNKNOWN_KEY unknown key `finsh`; did you mean `finish`?",
            "11:17 (stage 7, action 3) BAD_VALUE `finish` must be lower-case letters, digits and hyphens and start with a letter or digit, such as `not-a-name`, not `Not A Name`",
        ],
    );
}

#[test]
fn escalation_steps_are_checked() {
    check_actions(
        "
  - alert:
      text: a
      team: care
      due: 4h
      escalate:
        - { at: 0%, priority: raise }
        - { at: 50%, after: 1h, team: care }
        - { priority: high }
        - { after: 1h }
        - { at: due, every: 1h, add-team: care }
        - { at: due, every: 1h, times: 1, priority: highest }
        - at once
        - { at: due, prority: high, team: Care }
",
        &[
            "10:17 (stage 1, action 1) BAD_VALUE `at` is `due`, or a share of the time until then such as `50%` (1% to 99%), not `0%`; write later times as `after: 2h`",
            "11:11 (stage 1, action 1) BAD_VALUE an escalation step has either `at` or `after`",
            "12:11 (stage 1, action 1) MISSING_KEY an escalation step needs `at` (`50%`, `due`) or `after` (how long after it was due)",
            "13:11 (stage 1, action 1) MISSING_KEY an escalation step changes something: give it `priority`, `team` or `add-team`",
            "14:11 (stage 1, action 1) MISSING_KEY `every` needs `times`: how often in all, and how long in between",
            "15:40 (stage 1, action 1) BAD_VALUE `times` must be a whole number from 2 to 100, not `1`",
            "15:53 (stage 1, action 1) BAD_VALUE `priority` must be raise, low, normal, high or urgent, not `highest`",
            "16:11 (stage 1, action 1) BAD_VALUE a step of `escalate` must be a mapping, not a single value",
            "17:22 (stage 1, action 1) UNKNOWN_KEY unknown key `prority`; did you mean `priority`?",
            "17:43 (stage 1, action 1) BAD_VALUE `team` must be lower-case letters, digits and hyphens and start with a letter or digit, such as `care`, not `Care`",
        ],
    );
}
