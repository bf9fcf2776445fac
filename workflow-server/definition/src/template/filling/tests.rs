//! Tests of filled-in templates and their gaps.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::facts::CallFacts;
use crate::template::program::NAME;
use crate::template::{Template, library};
use crate::value::{FieldDeclaration, FieldType};

fn filled(source: &str) -> (String, String) {
    let filled = fill_in_example(source);
    (filled.text, filled.missing.join(", "))
}

fn fill_in_example(source: &str) -> Filled {
    let field = |name: &str, field_type| FieldDeclaration {
        name: name.into(),
        field_type,
        ..FieldDeclaration::default()
    };
    let declared = [
        field("here", FieldType::Text),
        field("gone", FieldType::Text),
        field("lost", FieldType::Number),
        field("no", FieldType::Bool),
        field("none", FieldType::Number),
        field("half", FieldType::Number),
    ];
    let values = [
        (0, Value::Text("H".into())),
        (3, Value::Bool(false)),
        (4, Value::Number(0.0)),
        (5, Value::Number(1.5)),
    ];
    let call = CallFacts {
        source: "s",
        id: "1",
        ..CallFacts::default()
    };
    let facts = Facts {
        declared: &declared,
        values: &values,
        form: &[],
        call,
        visit: 1,
        now: Time(0),
        zone: "UTC",
    };
    Template::parse(source)
        .expect("a text")
        .fill_in(4_096, &facts)
}

#[test]
fn only_gaps_that_show_are_listed() {
    for (source, text, missing) in [
        ("{{ fields.here }}{{ fields.gone }}", "H[?]", "fields.gone"),
        ("{{ fields.gone | default('-') }}", "-", ""),
        (
            "{{ fields.gone | default('-') }} {{ fields.lost }}",
            "- [?]",
            "fields.lost",
        ),
        (
            "{{ fields.gone | upper | default('-') }} {{ fields.lost | round(2) }}",
            "- [?]",
            "fields.lost",
        ),
        (
            "{% if fields.no %}{{ fields.gone }}{% else %}{{ call.customer }}{% endif %}",
            "[?]",
            "call.customer",
        ),
        (
            "{% if fields.gone %}yes{% else %}{{ call.caller.name | title }}{% endif %}",
            "[?]",
            "call.caller.name",
        ),
        (
            "{% if fields.gone is defined %}a{% endif %}{{ fields.lost | default(fields.gone) }}",
            "[?]",
            "fields.gone",
        ),
        ("{{ fields.gone or fields.lost }}", "[?]", "fields.lost"),
        (
            "{{ fields.here if fields.no }}{{ fields.here | lower }}",
            "[?]h",
            "",
        ),
        (
            "{{ fields.lost + 1 }}{{ fields.gone }}",
            "[?]",
            "fields.lost, fields.gone",
        ),
        (
            "Each {{ 100 // fields.none }} of {{ fields.here }}",
            "Each [?]",
            "",
        ),
        (
            "{{ fields.none ~ ' EUR' }} {{ fields.half ~ '!' }} {{ fields.none + fields.half }}",
            "0 EUR 1.5! 1.5",
            "",
        ),
    ] {
        assert_eq!(
            filled(source),
            (text.to_owned(), missing.to_owned()),
            "{source}"
        );
    }
    assert_eq!(
        fill_in_example("{{ 100 // fields.none }}").missing,
        [""],
        "an incomplete text is reported"
    );
    assert_eq!(
        fill_in_example("{{ fields.none ~ '' }}").missing,
        Vec::<String>::new()
    );
}

fn any_value() -> impl Strategy<Value = Option<Value>> {
    let text = prop_oneof![Just(String::new()), "[a-z{}' ]{0,9}"];
    let number = prop_oneof![
        Just(-0.0),
        any::<i32>().prop_map(f64::from),
        -1e18..1e18_f64,
        -1.0..1.0_f64
    ];
    let time = 0..4_102_444_800_000_i64;
    prop::option::of(prop_oneof![
        text.prop_map(|text| Value::Text(text.into())),
        number.prop_map(Value::Number),
        any::<bool>().prop_map(Value::Bool),
        time.prop_map(|millis| Value::Time(Time(millis))),
    ])
}

proptest! {
    #[test]
    fn a_default_without_the_library_shows_the_same(
        values in prop::collection::vec(any_value(), 3),
        customer in "[a-z]{0,3}",
        visit in 1_u32..3,
    ) {
        let source = "{{ fields.a | default('no \"a\"') }} {{ call.customer | default('') }}, \
            {{ fields.b | default('-') }} {{ fields.b }}{{ call.ended | default('?') }} {{ fields.c }} \
            {{ visit | default('-') }} {{ now | default('-') }} {{ form.x | default('-') }}";
        let template = Template::parse(source).expect("a text");
        prop_assert!(matches!(template.program, Program::Plain(_)));
        let declared = ["a", "b", "c"].map(|name| FieldDeclaration {
            name: name.into(),
            ..FieldDeclaration::default()
        });
        let values: Vec<(u16, Value)> = (0..).zip(values).filter_map(|(at, value)| Some((at, value?))).collect();
        let facts = Facts {
            declared: &declared,
            values: &values,
            form: &[],
            call: CallFacts { customer: &customer, ..CallFacts::default() },
            visit,
            now: Time(1_000),
            zone: "Europe/Berlin",
        };
        let environment = library::environment(NAME, source).expect("a text");
        let machine = Program::Machine(Arc::new(environment));
        let with_library = fill_in(&machine, &template.places, 4_096, &facts);
        prop_assert_eq!(template.fill_in(4_096, &facts), with_library);
    }
}
