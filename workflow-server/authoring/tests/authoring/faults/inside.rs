//! Errors inside of texts and conditions. Their position is that of the words, in any form of the
//! file.

use aftercall_authoring::file::{read_placed, read_to_the_end};
use aftercall_definition::expression::Expression;
use aftercall_definition::validate::{Declared, validate};
use aftercall_definition::{Definition, Fault};

use super::{shown, with_actions};

/// Every error of the file and its workflow. `care` is the only team.
fn all(text: &str) -> Vec<String> {
    let found = |definition: &Definition| {
        validate(
            definition,
            Declared::new(&|team| team == "care", &|_| false),
        )
    };
    let faults: Vec<Fault> = match read_to_the_end(text, |_| None) {
        Ok((definition, places)) => {
            let mut faults = found(&definition);
            places.put(&mut faults);
            faults
        }
        Err(unread) => unread.with_those_of_the_workflow(found),
    };
    faults
        .iter()
        .filter(|fault| !fault.warning)
        .map(shown)
        .collect()
}

/// The words of the file at the position of its one error.
fn words_at(text: &str) -> String {
    let faults = all(text);
    let [fault] = faults.as_slice() else {
        panic!("one error, not {faults:?} in {text}")
    };
    let (line, column) = fault
        .split_once(' ')
        .and_then(|(place, _)| place.split_once(':'))
        .expect("a position");
    let line = text
        .lines()
        .nth(line.parse::<usize>().expect("a line") - 1)
        .expect("the line");
    line.chars()
        .skip(column.parse::<usize>().expect("a column") - 1)
        .take(8)
        .collect()
}

fn alert(text: &str) -> String {
    with_actions(&format!(
        "\n  - alert:\n      text: {text}\n      team: care\n  - button: Go\n    then: [ {{ finish: x }} ]\n"
    ))
}

#[test]
fn an_error_in_a_text_has_its_exact_position() {
    for written in [
        "Call {{ call.customer | upcase }}",
        "\"{{ call.customer | upcase }}\"",
        "'it''s {{ call.customer | upcase }}'",
        "\"\\u00e4\\t\\\"x\\\" {{ call.customer | upcase }}\"",
        "漢字 {{ call.customer | upcase }}",
        "|\n        One line\n        {{ call.customer | upcase }}",
        ">-\n        One line, folded\n        and {{ call.customer\n        | upcase }}",
        "\"One line\n        and {{ call.customer | upcase }}\"",
        "upcase, no_upcase and upcases {{ call.customer|upcase }}",
    ] {
        for end in ["\n", "\r\n"] {
            let text = alert(written).replace('\n', end);
            assert!(
                words_at(&text).starts_with("upcase }"),
                "{text}: {:?}",
                all(&text)
            );
        }
    }
    let of_field = alert("\"fields.nam: {{ fields.name }} {{ fields.nam }}\"")
        .replace("title: T\n", "title: T\nfields: { name: { type: text } }\n");
    // Equal words outside of placeholders are skipped.
    assert!(
        words_at(&of_field).starts_with("fields.n"),
        "{:?}",
        all(&of_field)
    );
    let condition = with_actions(
        "\n  - alert: { text: a, team: care }\n  - finish: { outcome: x, when: \"visit > 1 && call.custmer == 'a'\" }\n  - button: Go\n    then: [ { finish: x } ]\n",
    );
    assert_eq!(words_at(&condition), "call.cus");
}

#[test]
fn an_invalid_text_hides_no_other_error() {
    let text = with_actions(
        "
  - alert: { text: \"{{ call.customer | upcase }}\", team: caer }
  - button: Go
    id: go
    then:
      - alert: { text: \"{{ fields.nme }}\", team: care }
      - finish: { outcome: x, when: \"visit >\" }
      - link: nowhere
",
    );
    assert_eq!(
        all(&text),
        [
            "5:40 (stage 1, action 1) BAD_VALUE texts do not have the filter `upcase`; available: default, upper, lower, title, capitalize, trim, round, length, zone",
            "5:58 (stage 1, action 1) UNKNOWN_TEAM the team `caer` is not declared: import it, or correct the name",
            "9:28 (stage 2, action 1) UNKNOWN_FIELD the text names the field `fields.nme`, which is not declared; declare it under `fields`",
            "10:44 (stage 2, action 2) BAD_VALUE `when` is not an expression: it ends too early",
            "11:9 (stage 2, action 3) ACTION_AFTER_END `link` leaves the stage at once, so its alert would never be seen: move `link` to a stage of its own",
            "11:15 (stage 2, action 3) UNKNOWN_EVENT there is no event `nowhere`; available: new-call, go",
        ]
    );
    assert!(
        read_placed(&text, |_| None).is_err_and(|faults| faults.len() == 2),
        "the file alone has two"
    );
    // If the form is wrong, the workflow is not checked, because its missing parts would cause more
    // errors.
    let broken = text.replace("id: go", "it: go");
    assert!(
        all(&broken)
            .iter()
            .all(|fault| !fault.contains("UNKNOWN_TEAM")),
        "{:?}",
        all(&broken)
    );
}

#[test]
fn an_invalid_template_gets_a_plain_message() {
    for (written, expected) in [
        (
            "\"{{ call.customer\"",
            "`{{` is not closed: write `}}` after the value",
        ),
        (
            "\"{% if call.ended\"",
            "`{%` is not closed: write `%}` after the condition",
        ),
        (
            "\"{% if call.ended %} x\"",
            "a condition is not ended: write `{% endif %}` at its end",
        ),
        (
            "\"{# note\"",
            "`{#` is not closed: write `#}` after the comment",
        ),
        ("\"{{ 'x }}\"", "a quote is not closed"),
        (
            "\"{% unless call.ended %}\"",
            "there is no `unless`; texts have `{% if … %}`, `elif`, `else` and `endif`",
        ),
        (
            "\"{{ call.customer call.caller }}\"",
            "`call` does not belong here",
        ),
        (
            "\"{{ call.customer | }}\"",
            "something is missing before `}}`",
        ),
        ("\"{{ }}\"", "something is missing before `}}`"),
    ] {
        let faults = all(&alert(written));
        let [fault] = faults.as_slice() else {
            panic!("{written}: {faults:?}")
        };
        assert!(
            fault.contains(&format!("the text is not a template: {expected}")),
            "{written}: {fault}"
        );
    }
}

#[test]
fn an_invalid_expression_gets_a_plain_message() {
    for (written, expected) in [
        ("visit >", "it ends too early"),
        (
            "visit = 1",
            "`=` at character 7 does not belong there; equal is `==`",
        ),
        (
            "visit > 1 and call.ended",
            "`and` at character 11 does not belong there; and is `&&`",
        ),
        ("(visit > 1", "it ends too early"),
        ("visit > 1)", "`)` at character 10 does not belong there"),
        ("call.customer == 'a", "a quote is not closed"),
        (
            "visit > 1 # no",
            "`#` at character 11 does not belong there",
        ),
    ] {
        let line = format!(
            "\n  - finish: {{ outcome: x, when: \"{written}\" }}\n  - button: Go\n    then: [ {{ finish: x }} ]\n"
        );
        let faults = all(&with_actions(&format!(
            "\n  - alert: {{ text: a, team: care }}{line}"
        )));
        let [fault] = faults.as_slice() else {
            panic!("{written}: {faults:?}")
        };
        assert!(
            fault.contains(&format!("`when` is not an expression: {expected}")),
            "{written}: {fault}"
        );
    }
}

/// This version does not parse an expression of an earlier version. It has no value, and checking
/// it must not panic.
#[test]
fn a_stored_expression_that_cannot_be_parsed_is_an_error() {
    let text = with_actions(
        "\n  - alert: { text: a, team: care }\n  - finish: { outcome: x, when: \"visit > 1\" }\n  - button: Go\n    then: [ { finish: x } ]\n",
    );
    let mut definition = read_placed(&text, |_| None).expect("a workflow").0;
    definition.stages[0].actions[1].when = Some(Expression::stored("visit >"));
    let faults = validate(&definition, Declared::new(&|_| true, &|_| false));
    let messages: Vec<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        messages,
        ["`when` is not an expression that this version reads"]
    );
}
