//! What a text can never say right is found before anybody reads it.
#![allow(clippy::unwrap_used, reason = "a test")]

use aftercall_engine::definition::file::read;
use aftercall_engine::definition::validate::{Declared, validate};

fn found(text: &str) -> Vec<String> {
    let file = format!(
        "format: 1
workflow: w
title: T
fields:
  amount: {{ type: number, min: 1, max: 9 }}
  kind: {{ type: text, values: [refund, voucher] }}
  order: {{ type: text }}
  vip: {{ type: bool }}
  ring_at: {{ type: time }}
on_new_call:
  - alert: {{ text: {}, team: care }}
  - button: Go
    form: {{ reference: {{ type: text }}, count: {{ type: number }} }}
    then: [ finish: done ]
",
        serde_json::to_string(text).unwrap()
    );
    let definition = read(&file, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let faults = validate(&definition, Declared::new(&|_| true, &|_| true));
    faults.into_iter().map(|fault| format!("{} {}: {}", fault.code.name(), fault.field, fault.message)).collect()
}

fn check(text: &str, expected: &str) {
    assert_eq!(found(text), [format!("BAD_EXPRESSION text: the text {expected}")], "{text}");
}

#[test]
fn what_is_of_two_types_cannot_be_compared_or_added() {
    check(
        "{% if fields.amount > '5' %}much{% endif %}",
        "compares `fields.amount` (a number) with a text; a number stands without quotes",
    );
    check(
        "{% if fields.vip %}{% if fields.order | trim == 5 %}a{% endif %}{% endif %}",
        "compares `fields.order` (a text) with a number; a number stands without quotes",
    );
    check(
        "{{ 'much' if fields.vip == 'yes' else 'little' }}",
        "compares `fields.vip` (a yes or no) with a text; ask for it by itself: `{% if PLACE %}`",
    );
    check(
        "{% if form.count in [1, 'two'] %}a{% endif %}",
        "compares `form.count` (a number) with a text; a number stands without quotes",
    );
    check(
        "{% if 1 < visit == call.customer %}a{% endif %}",
        "compares `visit` (a number) with `call.customer` (a text); a number stands without quotes",
    );
    check(
        "{% if fields.amount | round > 5 %}a{% endif %}",
        "compares `fields.amount`, rounded (a text) with a number; a number stands without quotes",
    );
    check(
        "{% if fields.amount | default(0) not in [1, '2'] %}a{% endif %}",
        "compares `fields.amount` (a number) with a text; a number stands without quotes",
    );
    check(
        "{{ fields.amount + fields.order }}",
        "cannot do `+` with `fields.amount` (a number) and `fields.order` (a text); `~` puts texts together",
    );
    check("{{ 1 - fields.order }}", "cannot do `-` with `fields.order` (a text)");
    check("{{ -fields.ring_at }}", "cannot do `-` with `fields.ring_at` (a text)");
    check("{{ visit / call.chargeable }}", "cannot do `/` with `call.chargeable` (a yes or no)");
}

#[test]
fn what_a_field_never_is_cannot_be_asked_for() {
    check(
        "{% if fields.kind == 'refnud' %}a{% endif %}",
        "compares `fields.kind` with `refnud`, but it must be one of refund, voucher; did you mean `refund`?",
    );
    check(
        "{% if fields.amount in [3, 12] %}a{% endif %}",
        "compares `fields.amount` with `12`, but it must be at most 9",
    );
}

#[test]
fn a_filter_is_given_what_it_takes() {
    let check = |text: &str, filter: &str, takes: &str| {
        check(text, &format!("gives the filter `{filter}` what it does not take: it takes {takes}"));
    };
    check("{{ fields.order | upper(2) }}", "upper", "nothing between brackets");
    check("{{ fields.amount | round('2') }}", "round", "a whole number of digits: `round(2)`");
    check("{{ fields.amount | round(1, 2) }}", "round", "at most one number of digits: `round(2)`");
    check("{{ fields.ring_at | zone }}", "zone", "the name of a time zone: `zone(\"Europe/Berlin\")`");
    check("{{ fields.order | default }}", "default", "what to show instead: `default(\"…\")`");
}

#[test]
fn what_can_be_said_has_no_fault() {
    for text in [
        "{% if fields.amount > 5 and fields.kind != 'refund' %}a{% elif not fields.vip %}b{% endif %}",
        "{{ fields.kind | upper }}{% if fields.kind | upper == 'REFUND' %}a{% endif %}",
        "{{ fields.amount + 1 - visit / 2 }} {{ fields.order + '-' + call.customer }} {{ fields.order ~ fields.amount }}",
        "{% if fields.order in 'a b c' or 'B-' in fields.order %}{{ fields.order | length - 2 }}{% endif %}",
        "{% if fields.ring_at > now %}{{ fields.ring_at | zone(call.caller.time_zone) | default('-', true) }}{% endif %}",
        "{% if fields.vip == call.chargeable and fields.amount | default(0) == 0 %}a{% endif %}",
        "{% if form.reference is defined and form.reference == 'x' %}{{ fields.amount | round }}{% endif %}",
    ] {
        assert_eq!(found(text), Vec::<String>::new(), "{text}");
    }
}
