//! Errors in texts are found before a person reads the text.
use aftercall_authoring::file::read;
use aftercall_definition::validate::{Declared, validate};

fn found(text: &str) -> Vec<String> {
    found_of(text, 1)
}

/// Gives the amount a default if `defaults` says so.
fn found_of(text: &str, defaults: usize) -> Vec<String> {
    let default = ", default: 1".repeat(defaults);
    let file = format!(
        "format: 1
workflow: w
title: T
fields:
  amount: {{ type: number, min: 1, max: 9{default} }}
  kind: {{ type: text, values: [refund, voucher] }}
  order: {{ type: text }}
  vip: {{ type: bool }}
  ring_at: {{ type: time, required: true }}
on_new_call:
  - alert: {{ text: {}, team: care }}
  - button: Go
    form: {{ reference: {{ type: text }}, count: {{ type: number }} }}
    then: [ link: new-call ]
",
        serde_json::to_string(text).unwrap()
    );
    let definition = read(&file, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let faults = validate(&definition, Declared::new(&|_| true, &|_| true));
    faults
        .into_iter()
        .map(|fault| format!("{} {}: {}", fault.code.name(), fault.field, fault.message))
        .collect()
}

fn check(text: &str, expected: &str) {
    assert_eq!(
        found(text),
        [format!("BAD_EXPRESSION text: the text {expected}")],
        "{text}"
    );
}

#[test]
fn values_of_different_types_cannot_be_compared_or_added() {
    check(
        "{% if fields.amount > '5' %}much{% endif %}",
        "compares `fields.amount` (a number) with a text; write a number without quotes",
    );
    check(
        "{% if fields.vip %}{% if fields.order | trim == 5 %}a{% endif %}{% endif %}",
        "compares `fields.order` (a text) with a number; write a text in quotes",
    );
    check(
        "{{ 'much' if fields.vip == 'yes' else 'little' }}",
        "compares `fields.vip` (a yes or no) with a text; test it alone: `{% if PLACE %}`",
    );
    check(
        "{% if form.count in [1, 'two'] %}a{% endif %}",
        "compares `form.count` (a number) with a text; write a number without quotes",
    );
    check(
        "{% if 1 < visit == call.customer %}a{% endif %}",
        "compares `visit` (a number) with `call.customer` (a text)",
    );
    check(
        "{% if fields.amount | round > 5 %}a{% endif %}",
        "compares `fields.amount`, rounded (a text) with a number; write a text in quotes",
    );
    check(
        "{% if fields.amount | default(0) not in [1, '2'] %}a{% endif %}",
        "compares `fields.amount` (a number) with a text; write a number without quotes",
    );
    check(
        "{{ fields.amount + fields.order }}",
        "cannot do `+` with `fields.amount` (a number) and `fields.order` (a text); write the places beside each other",
    );
    check(
        "{{ 1 - fields.order }}",
        "cannot do `-` with `fields.order` (a text)",
    );
    check(
        "{{ -fields.ring_at }}",
        "cannot do `-` with `fields.ring_at` (a text)",
    );
    check(
        "{% if fields.order | length == 'x' %}a{% endif %}",
        "compares the length of `fields.order` (a number) with a text; write a number without quotes",
    );
    check(
        "{{ 'a' in fields.amount }}",
        "looks for something in `fields.amount` (a number)",
    );
    check(
        "{{ (visit / 2) | round(1) + 1 }}",
        "cannot do `+` with a text and a number; write the places beside each other",
    );
}

#[test]
fn a_value_that_a_field_cannot_have_is_an_error() {
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
fn a_missing_value_is_not_an_empty_text() {
    for (asked, place) in [
        ("fields.order == ''", "fields.order"),
        ("none != form.count", "form.count"),
        ("call.customer in ['']", "call.customer"),
    ] {
        check(
            &format!("{{% if {asked} %}}a{{% endif %}}"),
            &format!(
                "tests whether `{place}` is empty, but an empty place has no value: write `{{% if not {place} %}}`"
            ),
        );
    }
}

#[test]
fn a_filter_accepts_only_its_type() {
    check(
        "{{ fields.order | round(2) }}",
        "gives the filter `round` `fields.order` (a text), and it takes a number",
    );
    check(
        "{{ fields.amount | zone('UTC') }}",
        "gives the filter `zone` `fields.amount` (a number), and it takes a text",
    );
    check(
        "{{ fields.vip | length }}",
        "gives the filter `length` `fields.vip` (a yes or no), and it takes a text",
    );
}

#[test]
fn comparing_a_possibly_missing_value_causes_a_warning() {
    let warning = "BAD_VALUE text: `fields.amount` may have no value, which counts as less than everything: \
        give it a `default`, or ask `{% if fields.amount is defined and … %}`";
    assert_eq!(
        found_of("{% if fields.amount <= 5 %}small{% endif %}", 0),
        [warning]
    );
    assert_eq!(
        found_of(
            "{% if fields.amount is defined and fields.amount <= 5 %}small{% endif %}",
            0
        ),
        Vec::<String>::new()
    );
    for asked in [
        "{% if fields.amount | default(0) <= 5 %}small{% endif %}",
        "{% if fields.amount and fields.amount <= 5 %}small{% endif %}",
        "{% if fields.amount %}{{ 'small' if fields.amount <= 5 }}{% endif %}",
        "{% if fields.amount is  undefined or fields.amount > 5 %}small{% endif %}",
    ] {
        assert_eq!(found_of(asked, 0), Vec::<String>::new(), "{asked}");
    }
}

#[test]
fn many_equal_errors_get_a_short_answer() {
    let values: Vec<String> = (0..100).map(|n| format!("\"{n:0>2000}\"")).collect();
    let forms: String = (0..20)
        .map(|n| format!("  - {{ button: B{n}, form: {{ x: {{ type: number, max: {n} }} }}, then: [ finish: f ] }}\n"))
        .collect();
    let place: String = (0..16)
        .map(|n| format!("{{% if fields.k == 'z{n}' %}}{{% endif %}}"))
        .collect();
    let alerts = format!("  - alert: {{ text: \"{place}{{{{ form.x == 99 }}}}\", team: care }}\n")
        .repeat(30);
    let file = format!(
        "format: 1\nworkflow: w\ntitle: T\nfields: {{ k: {{ type: text, values: [{}] }} }}\non_new_call:\n{alerts}{forms}",
        values.join(", ")
    );
    let definition = read(&file, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let faults = validate(&definition, Declared::new(&|_| true, &|_| true));
    assert!(
        faults.len() > 100 && faults.iter().all(|fault| fault.message.len() < 2_000),
        "{}",
        faults.len()
    );
    assert!(
        faults[0].message.contains("… and 88 more"),
        "{}",
        faults[0].message
    );
}

#[test]
fn the_arguments_of_a_filter_are_checked() {
    let check = |text: &str, filter: &str, takes: &str| {
        check(
            text,
            &format!("gives the filter `{filter}` a wrong argument: it takes {takes}"),
        );
    };
    check(
        "{{ fields.order | upper(2) }}",
        "upper",
        "nothing between brackets",
    );
    check(
        "{{ fields.amount | round('2') }}",
        "round",
        "a whole number of digits: `round(2)`",
    );
    check(
        "{{ fields.amount | round(1, 2) }}",
        "round",
        "at most one number of digits: `round(2)`",
    );
    check(
        "{{ fields.ring_at | zone }}",
        "zone",
        "the name of a time zone: `zone(\"Europe/Berlin\")`",
    );
    check(
        "{{ fields.order | default(1, 2, 3) }}",
        "default",
        "what to show instead: `default(\"…\")`",
    );
}

#[test]
fn a_text_of_only_comments_is_refused() {
    for text in ["{# to do #}", " {# to #}\n{# do #} "] {
        let expected =
            "BAD_VALUE text: `text` shows nothing: it has only comments. Write what is to be done";
        assert_eq!(found(text), [expected], "{text}");
    }
    assert_eq!(found("Ring {# to do #}"), Vec::<String>::new());
}

#[test]
fn valid_texts_have_no_error() {
    for text in [
        "{% if fields.amount > 5 and fields.kind != 'refund' %}a{% elif not fields.vip %}b{% endif %}",
        "{{ fields.kind | upper }}{% if fields.kind | upper == 'REFUND' %}a{% endif %}",
        "{{ fields.amount + 1 - visit / 2 }} {{ fields.order + '-' + call.customer }} {{ fields.order ~ fields.amount }}",
        "{% if fields.order in 'a b c' or 'B-' in fields.order %}{{ fields.order | length - 2 }}{% endif %}",
        "{% if fields.ring_at > now %}{{ fields.ring_at | zone(call.caller.time_zone) | default('-', true) }}{% endif %}",
        "{% if fields.vip == call.chargeable and fields.amount | default(0) == 0 %}a{% endif %}",
        "{% if fields.amount + 1 == 10 %}{{ fields.amount | round(visit) }}{% endif %}{{ 2 - call.chargeable }}",
        "{% if fields.kind + '-x' == 'refund-x' %}a{% endif %}{% if 5 in fields.order %}b{% endif %}",
        "{{ fields.order | default }}{{ fields.order | default('x', boolean=true) }}{% if fields.vip == 1 %}a{% endif %}",
        "{% if fields.order | trim == '' %}a{% endif %}{% if '' in fields.order %}b{% endif %}",
        "{{ form.count | default(0) }}",
        "{% if fields.order | default('') == '' %}a{% endif %}{% if 'VIP ' + fields.kind != fields.kind %}b{% endif %}",
        "{% if form.reference is defined and form.reference == 'x' %}{{ fields.amount | round }}{% endif %}",
    ] {
        assert_eq!(found(text), Vec::<String>::new(), "{text}");
    }
}
