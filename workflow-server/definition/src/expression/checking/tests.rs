//! Tests of the errors of expressions.

use super::*;
use crate::expression::Expression;

fn declared() -> Vec<FieldDeclaration> {
    let field = |name: &str, field_type| FieldDeclaration {
        name: name.to_owned(),
        field_type,
        required: false,
        ..FieldDeclaration::default()
    };
    vec![
        field("amount", FieldType::Number),
        field("name", FieldType::Text),
        field("vip", FieldType::Bool),
        field("at", FieldType::Time),
        FieldDeclaration {
            max: Some(5.0),
            ..field("few", FieldType::Number)
        },
        FieldDeclaration {
            values: vec![Value::Text("refund".into()), Value::Text("voucher".into())],
            ..field("kind", FieldType::Text)
        },
    ]
}

/// Two forms request each of these fields.
fn of_forms() -> Vec<FieldDeclaration> {
    let field = |name: &str, field_type, value| FieldDeclaration {
        name: name.to_owned(),
        field_type,
        values: Vec::from_iter(value),
        ..FieldDeclaration::default()
    };
    vec![
        field("both", FieldType::Text, None),
        field("both", FieldType::Number, None),
        field("picked", FieldType::Text, Some(Value::Text("one".into()))),
        field("picked", FieldType::Text, Some(Value::Text("other".into()))),
    ]
}

fn faults(source: &str, wanted: Wanted) -> Vec<String> {
    let (fields, forms) = (declared(), of_forms());
    match Expression::parse(source) {
        Ok(read) => read
            .check(&Names::new(&fields, &forms), wanted)
            .into_iter()
            .map(|one| one.message)
            .collect(),
        Err(fault) => vec![fault.to_string()],
    }
}

#[test]
fn a_valid_expression_has_no_errors() {
    for source in [
        "fields.amount < 50",
        "fields.amount * 2 + 1 >= 100.5 || fields.vip",
        "has(fields.name) && fields.name.startsWith('A')",
        "fields.at > now + duration('24h')",
        "call.customer in ['Northwind', 'Tailspin']",
        "call.chargeable && visit < 3 && call.details['x'] == '1'",
        "size(fields.name) > 3 ? fields.vip : !fields.vip",
        "now.getHours('Europe/Berlin') < 12",
        "fields.amount != 0 && 100 / fields.amount > 3",
        "visit % 2 == 1 && fields.amount % 2.5 + 1 < 3",
        "size(fields.name) + 1 > 3u && int(fields.name) + visit == 2",
        "now.getHours(call.caller.time_zone) + fields.amount < 12",
        "has(fields.name) == true && has(fields.kind) != fields.vip",
        "'x' in call.details && call.details.x != 'y'",
        "fields.kind == 'voucher' || fields.kind in ['refund'] || fields.few == 5",
        "timestamp(fields.name) == fields.at && duration(fields.name) == duration('5m')",
        "form.both == 'a' || form.both == 4 || form.both < 3",
        "form.picked == 'one' || form.picked == 'other'",
    ] {
        assert_eq!(
            faults(source, Wanted::Condition),
            Vec::<String>::new(),
            "{source}"
        );
    }
    assert_eq!(
        faults("fields.name + '!'", Wanted::Field(FieldType::Text)),
        Vec::<String>::new()
    );
    assert_eq!(
        faults("size(fields.name)", Wanted::Field(FieldType::Number)),
        Vec::<String>::new()
    );
}

fn check(source: &str, expected: &str) {
    assert_eq!(
        faults(source, Wanted::Condition).join("; "),
        expected,
        "{source}"
    );
}

#[test]
fn errors_of_expressions_are_reported_in_plain_words() {
    check(
        "fields.amuont < 50",
        "names the field `fields.amuont`, which is not declared; did you mean `amount`?",
    );
    check(
        "amount < 50",
        "names `amount`, which is not known; available: fields, form, call, visit, now; a text needs quotes of its own: '\"…\"'",
    );
    check("fields.amount", "does not return true or false");
    check(
        "fields.vip && fields.name < 5",
        "cannot do `<` with text and number",
    );
    check(
        "fields.vip || (fields.amount + 'x') == 'y'",
        "cannot combine number with text",
    );
    check(
        "[1, 2].all(x, x > 0)",
        "uses `all`, `exists`, `map` or `filter`: conditions have no loops",
    );
    check(
        "fields.amount == '4'",
        "compares number with text, which are never the same; write a number without quotes",
    );
    check(
        "visit in ['4']",
        "compares number with text, which are never the same; write a number without quotes",
    );
    check(
        "fields.at != '2026-01-01'",
        "compares time with text, which are never the same; write a moment as `timestamp(\"2026-01-31T12:00:00Z\")`",
    );
    check(
        "fields.amount == fields.vip",
        "compares number with bool, which are never the same",
    );
    check(
        "fields.vip || call.details['x'] == 4 && true",
        "compares text with number, which are never the same; write a number without quotes",
    );
    check(
        "4 in call.details",
        "looks for number among the details of a call, whose names are text",
    );
    check(
        "fields.name == null",
        "compares with `null`; ask with `has(…)` whether there is a value",
    );
    check(
        "(fields.vip ? 1 : 2) == fields.vip",
        "compares number with bool, which are never the same",
    );
    check(
        "fields.kind == 'refnud'",
        "compares `fields.kind` with `refnud`, but it must be one of refund, voucher; did you mean `refund`?",
    );
    check(
        "'x' != fields.kind",
        "compares `fields.kind` with `x`, but it must be one of refund, voucher",
    );
    check(
        "fields.kind in ['refund', 'x']",
        "compares `fields.kind` with `x`, but it must be one of refund, voucher",
    );
    check(
        "fields.few == 9",
        "compares `fields.few` with `9`, but it must be at most 5",
    );
    check(
        "now > now + duration('1x')",
        "gives `duration` `1x`, which it cannot read; write hours, minutes and seconds, such as `24h` or `1h30m`",
    );
    check(
        "timestamp('2026-13-01T00:00:00Z') < now",
        "gives `timestamp` `2026-13-01T00:00:00Z`, which it cannot read; write it as `2026-01-31T12:00:00Z`",
    );
    check(
        "now.getHours('Europe/Berln') < 9",
        "gives `getHours` `Europe/Berln`, which it cannot read",
    );
    check("fields.name % 2 == 1", "cannot do `%` with text");
    check(
        "frobnicate(fields.name)",
        "names `frobnicate`, which is not known",
    );
}

#[test]
fn operators_of_other_languages_get_a_hint() {
    for (source, hint) in [
        ("fields.amount = 5", "; equal is `==`"),
        ("fields.vip and fields.amount > 5", "; and is `&&`"),
        ("fields.vip or fields.amount > 5", "; or is `||`"),
        ("not fields.vip", "; not is `!`"),
        ("fields.amount <> 5", "; not equal is `!=`"),
    ] {
        let faults = faults(source, Wanted::Condition).join("");
        assert!(
            faults.starts_with("is not an expression") && faults.ends_with(hint),
            "{source}: {faults}"
        );
    }
}

#[test]
fn a_literal_outside_the_fields_values_is_an_error() {
    let fields = declared();
    let names = Names::new(&fields, []);
    let literal_error = |source: &str, name: &str| {
        let expression = Expression::parse(source).expect("an expression");
        let field = fields
            .iter()
            .find(|field| field.name == name)
            .expect("a field");
        assert_eq!(
            expression.check(&names, Wanted::Field(field.field_type)),
            Vec::<Wrong>::new()
        );
        expression.literal_error(field, &names)
    };
    assert_eq!(
        literal_error("'refnud'", "kind").as_deref(),
        Some(
            "gives `refnud`, but `fields.kind` must be one of refund, voucher; did you mean `refund`?"
        )
    );
    assert_eq!(
        literal_error("9", "few").as_deref(),
        Some("gives `9`, but `fields.few` must be at most 5")
    );
    assert_eq!(literal_error("'voucher'", "kind"), None);
    assert_eq!(literal_error("fields.name", "kind"), None);
}
