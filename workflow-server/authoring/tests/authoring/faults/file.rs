//! Errors in the form of a file, its header, fields, ids and numbers.

use super::{check, check_actions, check_amended};

#[test]
fn a_retention_under_a_day_is_refused_at_its_line() {
    let file = "format: 1\nworkflow: w\ntitle: W\nretention: 12h\non_new_call: [finish: done]\n";
    check(file, &["4:12 BAD_VALUE a retention must be at least 1d"]);
}

#[test]
fn invalid_yaml_is_rejected_with_its_line_and_column() {
    check("", &["1:1 SYNTAX the file is empty"]);
    check(
        "# nothing
",
        &["1:1 SYNTAX the file is empty"],
    );
    check(
        "format: 1
  workflow: w
",
        &[
            "2:11 SYNTAX this is not YAML or JSON: mapping values are not allowed in this context; begin it in the column of the lines beside it, or put a text with `: ` in it in quotes",
        ],
    );
    check(
        r#"{"format": 1"#,
        &[
            "2:1 SYNTAX this is not YAML or JSON: while parsing a flow mapping, did not find expected ',' or '}'",
        ],
    );
    check(
        "- a
",
        &["1:1 BAD_VALUE a workflow file must be a mapping, not a list"],
    );
    check(
        "just words
",
        &["1:1 BAD_VALUE a workflow file must be a mapping, not a single value"],
    );
    check(
        r#"a: "open
"#,
        &[
            "1:4 SYNTAX this is not YAML or JSON: while scanning a quoted scalar, found unexpected end of stream",
        ],
    );
}

#[test]
fn anchors_aliases_and_tags_are_refused_by_name() {
    check_actions(
        "
  - &end { finish: done }
  - *end
",
        &[
            "5:5 SYNTAX anchors (`&name`) are not allowed; write the value out where it is needed",
            "6:5 SYNTAX aliases (`*name`) are not allowed; write the value out",
        ],
    );
    check(
        "title: *nowhere
",
        &["1:8 SYNTAX aliases (`*name`) are not allowed; write the value out"],
    );
    check_actions(
        "
  - finish: !!str done
",
        &[
            "5:13 SYNTAX tags (`!name`) are not allowed; a condition that begins with `!` needs quotes",
        ],
    );
    check(
        "format: 1
workflow: w
title: T
on_new_call:
  - finish: done
---
format: 1
",
        &["6:1 SYNTAX a file holds one document; move what follows `---` to a file of its own"],
    );
    check(
        "format: 1
workflow: w
title: T
title: Again
on_new_call: [ { finish: done } ]
",
        &["4:1 DUPLICATE the key `title` is here twice"],
    );
    check_actions(
        "
  - finish: done
    ? [ a ]
    : b
",
        &[
            "6:7 SYNTAX a key must be a word, not a list or a mapping; a text that begins with `{` or `[` needs quotes",
        ],
    );
}

#[test]
fn invisible_characters_are_refused_by_name() {
    check_actions(
        r#"
  - alert: { text: "bell \a", team: care }
"#,
        &["5:20 BAD_VALUE the control character U+0007 is not allowed; remove it"],
    );
    check(
        "title: a\u{202e}b # \u{7}\n",
        &[
            "1:9 BAD_VALUE the text-direction character U+202E is not allowed; remove it",
            "1:14 BAD_VALUE the control character U+0007 is not allowed; remove it",
        ],
    );
    check(
        "title: x\0y\n",
        &["1:9 BAD_VALUE the control character U+0000 is not allowed; remove it"],
    );
}

#[test]
fn the_header_is_checked() {
    check(
        "{}
",
        &[
            "1:1 MISSING_KEY a workflow file needs `format`",
            "1:1 MISSING_KEY a workflow file needs `workflow`",
            "1:1 MISSING_KEY a workflow file needs `title`",
            "1:1 MISSING_KEY a workflow file needs `on_new_call`",
        ],
    );
    check(
        r#"format: 2
workflow: My Flow
title: "  "
deadline: 0d
allow_unlinked_ends: yes
on_new_call: finish
"#,
        &[
            "1:9 NOT_SUPPORTED_YET format 2 is not known; this version reads format 1",
            "2:11 BAD_VALUE `workflow` must be lower-case letters, digits and hyphens and start with a letter or digit, such as `my-flow`, not `My Flow`",
            "3:8 BAD_VALUE `title` is empty",
            "4:11 BAD_VALUE a duration must be longer than zero",
            "5:22 BAD_VALUE `allow_unlinked_ends` must be true or false, not `yes`",
            "6:14 BAD_VALUE `on_new_call` must be a list, not a single value",
        ],
    );
    check(
        r#"format: "1"
workflow: [ w ]
title:
deadline: 5 days
allow_unlinked_ends: "true"
on_new_call: []
"#,
        &[
            "1:9 BAD_VALUE `format` must be a whole number from 1 to 1000, not the text `1`",
            "2:11 BAD_VALUE `workflow` must be text, not a list",
            "3:6 BAD_VALUE `title` is empty",
            "4:11 BAD_VALUE `5 days` is not a duration; write a number and s, m, h, d or wd, such as 90s, 15m, 4h, 1h30m, 3d or 5wd",
            "5:22 BAD_VALUE `allow_unlinked_ends` must be true or false, not the text `true`",
        ],
    );
}

#[test]
fn unknown_keys_are_named_with_the_nearest_known_one() {
    check(
        r#"formt: 1
workflw: w
title: "two\nlines"
deadline: 4000d
foo: bar
on_new_call: []
"#,
        &[
            "1:1 UNKNOWN_KEY unknown key `formt`; did you mean `format`?",
            "1:1 MISSING_KEY a workflow file needs `format`",
            "1:1 MISSING_KEY a workflow file needs `workflow`",
            "2:1 UNKNOWN_KEY unknown key `workflw`; did you mean `workflow`?",
            "3:8 BAD_VALUE `title` must be a single line",
            "4:11 BAD_VALUE a duration can be at most 3650d (ten years)",
            "5:1 UNKNOWN_KEY unknown key `foo`; known here: format, workflow, title, deadline, retention, calendar, fields, allow_unlinked_ends, on_new_call_title, on_new_call",
        ],
    );
}

#[test]
fn bounds_of_times_are_checked() {
    let bound = "BAD_VALUE the bound of a time counts from now: write now, or a number and s, m, h or d up to ten years, such as 90d or -1d, not";
    check(
        "format: 1
workflow: w
title: T
fields:
  a: { type: time, min: 5 }
  b: { type: time, max: 5wd }
  c: { type: time, max: --1d }
  d: { type: time, min: now, max: -1s }
  e: { type: time, min: -1d, default: 2026-11-24T09:00:00Z }
  f: { type: time, max: 90d, values: [ 2026-11-24T09:00:00Z ] }
  g: { type: time, max: 4000d }
  h: { type: number, max: 90d }
on_new_call: []
",
        &[
            &format!("5:25 {bound} `5`"),
            &format!("6:25 {bound} `5wd`"),
            &format!("7:25 {bound} `--1d`"),
            "8:25 BAD_VALUE `min` (now) is later than `max` (-1s)",
            "9:39 BAD_VALUE `default` is a fixed time, but `min` counts from now; leave one out",
            "10:38 BAD_VALUE `values` is a fixed time, but `max` counts from now; leave one out",
            &format!("11:25 {bound} `4000d`"),
            "12:27 BAD_VALUE `max` must be a number, not `90d`",
        ],
    );
}

#[test]
fn fields_are_checked() {
    check(
        "format: 1
workflow: w
title: T
fields: { 1st: { type: text }, amount: { typ: number }, b: number, c: { type: money, required: 1 }, d: { type: text, default: x, values: [ a ] } }
on_new_call: []
",
        &[
            "4:11 BAD_VALUE the field name `1st` must be letters, digits and underscores and not start with a digit",
            "4:40 MISSING_KEY a field needs `type`",
            "4:42 UNKNOWN_KEY unknown key `typ`; did you mean `type`?",
            "4:60 BAD_VALUE a field must be a mapping, not a single value",
            "4:79 BAD_VALUE `type` must be text, number, bool or time, not `money`",
            "4:96 BAD_VALUE `required` must be true or false, not `1`",
            "4:127 BAD_VALUE `default` must be one of a",
        ],
    );
    check(
        "format: 1
workflow: w
title: T
fields:
  a: { type: number, min: 5, max: 3 }
  b: { type: bool, min: 1 }
  c: { type: number, default: many, values: [ 1, 2 ] }
  d: { type: time, default: tomorrow }
  e: { type: text, max: 3, values: [ abc, abcd ] }
  f: { type: text, sensitive: maybe }
on_new_call: []
",
        &[
            "5:27 BAD_VALUE `min` (5) is more than `max` (3)",
            "6:25 BAD_VALUE `min` is for numbers, times and the length of texts, not for bool",
            "7:31 BAD_VALUE `default` must be a number, not `many`",
            "8:29 BAD_VALUE `default` must be a time such as 2026-11-24T09:00:00Z, not `tomorrow`",
            "9:36 BAD_VALUE a value of `values` must be at most 3 characters",
            "10:31 BAD_VALUE `sensitive` must be true or false, not `maybe`",
        ],
    );
    check(
        "format: 1
workflow: w
title: T
fields: [ amount ]
on_new_call: []
",
        &["4:9 BAD_VALUE `fields` must be a mapping, not a list"],
    );
}

#[test]
fn ids_and_numbers_must_be_unique() {
    check_actions(
        "
  - { button: A, id: same }
  - { button: B, id: same }
  - { button: C, id: new-call }
",
        &[
            "6:22 (stage 1, action 2) DUPLICATE another event has the id `same`; choose another one",
            "7:22 (stage 1, action 3) DUPLICATE another event has the id `new-call`; choose another one",
        ],
    );
    check_actions(
        "
  - { button: A, stage: 5 }
  - { button: B, stage: 5 }
  - { button: C, stage: 1 }
  - { button: D, stage: 0 }
  - { button: E, stage: 9999999 }
",
        &[
            "6:25 (stage 1, action 2) DUPLICATE another event has the stage number 5; leave it out to get a free one",
            "7:25 (stage 1, action 3) DUPLICATE another event has the stage number 1; leave it out to get a free one",
            "8:25 (stage 1, action 4) BAD_VALUE `stage` must be a whole number from 1 to 1000000, not `0`",
            "9:25 (stage 1, action 5) BAD_VALUE `stage` must be a whole number from 1 to 1000000, not `9999999`",
        ],
    );
}

#[test]
fn numbers_of_earlier_versions_stay_with_their_events() {
    check_amended(
        "
  - { button: A, id: a, stage: 3 }
  - { button: New, id: new, stage: 2 }
  - { button: B, stage: 4 }
",
        &[
            "5:32 (stage 1, action 1) NUMBER_USED `a` is stage 2 already and stays so; write 2 or nothing",
            "6:36 (stage 1, action 2) NUMBER_USED stage 2 was `a` in an earlier version; leave it out to get a free number",
            "7:25 (stage 1, action 3) NUMBER_USED `b` is stage 3 already and stays so; write 3 or nothing",
        ],
    );
}
