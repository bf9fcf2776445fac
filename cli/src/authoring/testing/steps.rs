//! Doing the steps of a test.
//!
//! Promise: each error names the number of its step.

use std::collections::BTreeSet;
use std::sync::Arc;

use aftercall_authoring::simulate::{Simulation, StagePath};
use aftercall_definition::calendar::Calendar;
use aftercall_definition::model::Action;
use aftercall_definition::time::SpanUnit;
use aftercall_definition::value::{FieldDeclaration, FieldType};
use aftercall_definition::{Definition, rules};
use aftercall_engine::command::CallChanges;
use aftercall_engine::query::never;

use super::comparing::{compare, compare_refusal, offered, there_is};
use super::form::{Call, Step, Test};
use super::values::named;
use crate::authoring::files::Written;
use crate::authoring::trying;

/// When a test begins by default: a Tuesday morning.
const BEGIN: &str = "2026-11-24T09:00:00Z";

/// Runs one test. Returns its failures, and adds the paths that it walked.
pub(super) fn run(
    written: &Written,
    calendars: &[Arc<Calendar>],
    test: &Test,
    stage_paths: &mut BTreeSet<StagePath>,
) -> Vec<String> {
    let mut simulation = match begun(written, calendars, test) {
        Ok(simulation) => simulation,
        Err(fault) => return vec![fault],
    };
    let mut faults = Vec::new();
    for (number, step) in (1..).zip(&test.steps) {
        let failures = take(&mut simulation, &written.definition, step);
        faults.extend(
            failures
                .into_iter()
                .map(|fault| format!("step {number}: {fault}")),
        );
        if !faults.is_empty() {
            break;
        }
    }
    stage_paths.extend(simulation.walked().iter().cloned());
    faults
}

/// The call with the workflow set, before the first step.
fn begun(
    written: &Written,
    calendars: &[Arc<Calendar>],
    test: &Test,
) -> Result<Simulation, String> {
    let begin = test.at.as_deref().unwrap_or(BEGIN);
    let wanted = || {
        format!(
            "at must be {}, and is {}",
            trying::written_as(FieldType::Time),
            rules::quoted(begin)
        )
    };
    let now = trying::typed_moment(begin).ok_or_else(wanted)?;
    let mut simulation = written
        .simulation(calendars, now)
        .map_err(|failure| failure.sentence().to_owned())?;
    let fields = named("fields", &written.definition.fields, &test.fields)?;
    simulation
        .set(changes(&test.call), fields)
        .map_err(|error| error.to_string())?;
    Ok(simulation)
}

fn changes(call: &Call) -> CallChanges {
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    let caller = aftercall_engine::call::Caller {
        name: text(&call.caller),
        phone: text(&call.phone),
        time_zone: text(&call.time_zone),
        ..Default::default()
    };
    CallChanges {
        customer: call.customer.as_deref().map(Into::into),
        caller: Some(caller),
        chargeable: call.chargeable,
        ..CallChanges::default()
    }
}

/// Does a step and compares. Returns the failures.
fn take(simulation: &mut Simulation, definition: &Definition, step: &Step) -> Vec<String> {
    let buttons = simulation
        .instance()
        .map(|instance| offered(definition, instance))
        .unwrap_or_default();
    let refused = match act(simulation, definition, step) {
        Ok(refused) => refused,
        Err(fault) => return vec![fault],
    };
    let hint = step
        .push
        .as_deref()
        .map_or_else(String::new, |pushed| there_is(definition, pushed, &buttons));
    let failures = compare_refusal(step.refused.as_deref(), refused.as_deref());
    let mut faults: Vec<String> = failures
        .map(|failures| failures + &hint)
        .into_iter()
        .collect();
    faults.extend(compare(simulation, definition, &step.expect));
    faults
}

/// Does a step. Returns the sentence with which a server would refuse it. A mistake in the test
/// itself is an error.
fn act(
    simulation: &mut Simulation,
    definition: &Definition,
    step: &Step,
) -> Result<Option<String>, String> {
    let is_of_push = !step.form.is_empty() || step.note.is_some();
    let done = match (&step.push, &step.wait) {
        (Some(_), Some(_)) => {
            return Err("a step either pushes or waits: write two steps".to_owned());
        }
        (None, _) if is_of_push => {
            return Err("form and note belong to a push, and this step has none".to_owned());
        }
        (Some(button), None) => {
            let form = form_of(definition, button)
                .map_or(Ok(Vec::new()), |form| named("form", form, &step.form))?;
            simulation.push(button, form, step.note.as_deref().unwrap_or_default())
        }
        (None, Some(wait)) => simulation.wait(waited_millis(wait)?, &never).map(drop),
        (None, None) => Ok(()),
    };
    Ok(done.err().map(|error| error.to_string()))
}

fn waited_millis(wait: &str) -> Result<i64, String> {
    let span = rules::span(wait).map_err(|fault| format!("wait: {}", fault.message))?;
    // No calendar is read here. Days of 24 hours would differ from the working days that are
    // written.
    if span.unit == SpanUnit::WorkingDays {
        return Err(format!(
            "wait is by the wall clock, and cannot be {span}: write days or hours, such as 3d or 4h"
        ));
    }
    Ok(span.millis())
}

/// What the button asks for; nothing where no stage has it.
fn form_of<'d>(definition: &'d Definition, button: &str) -> Option<&'d [FieldDeclaration]> {
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    let mut buttons = actions.filter_map(Action::button);
    let found = buttons.find(|known| known.event == button)?;
    Some(&found.form)
}

#[cfg(test)]
mod tests {
    use crate::authoring::files;
    use crate::authoring::testing::Outcome;

    fn outcome(tests: &str) -> Outcome {
        outcome_of(&files::template("w", "W"), tests)
    }

    fn outcome_of(workflow: &str, tests: &str) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.yaml"), workflow).unwrap();
        let path = folder.path().join("w.test.yaml");
        std::fs::write(&path, format!("workflow: w.yaml\ntests:\n{tests}")).unwrap();
        crate::authoring::testing::run(&[path]).unwrap()
    }

    /// The failures of one test with these fields and steps, each on one line.
    fn failures(workflow: &str, fields: &str, steps: &str) -> Vec<String> {
        let outcome = outcome_of(
            workflow,
            &format!("  - {{ name: one, fields: {{ {fields} }}, steps: [ {steps} ] }}\n"),
        );
        outcome
            .ran
            .into_iter()
            .flat_map(|test| test.faults)
            .collect()
    }

    const FIELDS: &str = "format: 1
workflow: w
title: W
fields:
  order: { type: text }
  more: { type: text }
  amount: { type: number }
  urgent: { type: bool }
  due: { type: time }
on_new_call:
  - alert: { text: \"{{ fields.order | default('?') }}\", team: care }
  - button: Done
    form: { amount: { type: number } }
    then:
      - finish: done
";

    #[test]
    fn a_value_has_the_type_of_its_field() {
        for text in [
            "1.50",
            "12345678901234567890",
            "no",
            "yes",
            "true",
            "007",
            "2026-11-25 10:00",
            "'null'",
        ] {
            let alert = text.trim_matches('\'');
            let step =
                format!("{{ expect: {{ alerts: ['{alert}'], fields: {{ order: {text} }} }} }}");
            assert_eq!(
                failures(FIELDS, &format!("order: {text}"), &step),
                Vec::<String>::new(),
                "{text}"
            );
        }
        let others = "amount: 1.50, urgent: yes, due: '2026-06-24 09:00[Europe/London]'";
        let held = "amount: 1.5, urgent: true, due: 2026-06-24T08:00:00Z";
        assert_eq!(
            failures(
                FIELDS,
                others,
                &format!("{{ expect: {{ fields: {{ {held} }} }} }}")
            ),
            Vec::<String>::new()
        );
        let found = failures(
            FIELDS,
            "order: 1.50",
            "{ expect: { alerts: [], fields: { order: 1.5 } } }",
        );
        assert_eq!(
            found,
            [
                "step 1: order should be 1.5, and is 1.50",
                "step 1: there should be no alerts, and there are “1.50”"
            ]
        );
    }

    #[test]
    fn a_missing_value_differs_from_every_text() {
        let none = Vec::<String>::new();
        assert_eq!(
            failures(
                FIELDS,
                "order: nothing",
                "{ expect: { fields: { order: nothing, more: ~ } } }"
            ),
            none
        );
        let found = failures(
            FIELDS,
            "order: nothing",
            "{ expect: { fields: { order: ~, more: nothing } } }",
        );
        let expected = [
            "step 1: more should be nothing, and has no value",
            "step 1: order should have no value, and is nothing",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_error_in_a_test_shows_its_place() {
        let check = |fields: &str, step: &str, expected: &[&str]| {
            assert_eq!(
                failures(FIELDS, fields, &format!("{{ wait: 1m }}, {{ {step} }}")),
                expected,
                "{step}"
            );
        };
        let of_push = ["step 2: form and note belong to a push, and this step has none"];
        check("", "form: { amount: 1 }", &of_push);
        check("", "wait: 1h, note: late", &of_push);
        check(
            "",
            "push: done, wait: 1h",
            &["step 2: a step either pushes or waits: write two steps"],
        );
        let days = "step 2: wait is by the wall clock, and cannot be 5wd: write days or hours, such as 3d or 4h";
        check("", "wait: 5wd", &[days]);
        let span = "step 2: wait: `soon` is not a duration; write a number and s, m, h, d or wd, such as 90s, 15m, 4h, 1h30m, 3d or 5wd";
        check("", "wait: soon", &[span]);
        let amount = "step 2: form: there is no field `amuont`; did you mean `amount`?";
        check("", "push: done, form: { amuont: 1 }", &[amount]);
        let number = "step 2: form.amount must be a number, such as 12.5, and is `much`";
        check("", "push: done, form: { amount: much }", &[number]);
        let order = "step 2: expect.fields: there is no field `ordr`; did you mean `order`?";
        check("", "expect: { fields: { ordr: x } }", &[order]);
        check("", "expect: { fields: { ordr: ~ } }", &[order]);
        let urgent = "step 2: expect.fields.urgent must be yes or no, and is `perhaps`";
        check("", "expect: { fields: { urgent: perhaps } }", &[urgent]);
        let status = "step 2: expect.status: there is no status `done`; \
             available: waiting for the call to end, active, paused, incomplete, finished, cancelled";
        check("", "expect: { status: done }", &[status]);
        check(
            "",
            "expect: { status: finished }",
            &["step 2: the status should be finished, and is active"],
        );
        check(
            "",
            "expect: { outcome: done }",
            &["step 2: the outcome should be done, and is none"],
        );
        check(
            "ordr: x",
            "wait: 1h",
            &["fields: there is no field `ordr`; did you mean `order`?"],
        );
        check(
            "amount: x",
            "wait: 1h",
            &["fields.amount must be a number, such as 12.5, and is `x`"],
        );
        let at = outcome("  - { name: one, at: noon, steps: [] }\n");
        assert!(
            at.ran[0].faults[0].starts_with("at must be a time, such as"),
            "{:?}",
            at.ran[0].faults
        );
    }

    #[test]
    fn a_failed_expectation_names_its_step() {
        let outcome = outcome(
            "  - name: wrong
    fields: { topic: gas }
    steps:
      - expect: { stage: done, visit: 2, buttons: [done], alerts: [Ring, more], fields: { topic: oil }, warnings: 1 }
  - name: refused
    fields: { topic: gas }
    steps:
      - { push: not-reached, refused: needs a note }
      - { push: not-reached, note: nobody, expect: { stage: not-reached } }
      - { wait: 2h, expect: { stage: new-call, visit: 2 } }
      - { push: done, form: { result: well }, refused: something }
  - name: without a topic
    steps: []
",
        );
        let failures: Vec<&[String]> = outcome
            .ran
            .iter()
            .map(|test| test.faults.as_slice())
            .collect();
        assert_eq!(
            failures[0],
            [
                "step 1: the stage should be done, and is new-call",
                "step 1: the visit should be 2, and is 1",
                "step 1: the buttons should be done, and is done, not-reached, give-up",
                "step 1: the number of warnings should be 1, and is 0",
                "step 1: topic should be oil, and is gas",
                "step 1: the alerts should say “Ring”, “more”, and are “Ring the caller about gas”",
            ]
        );
        assert_eq!(
            failures[1],
            ["step 4: it should be refused with “something”, and was not"]
        );
        assert_eq!(failures[2], ["fields.topic must be given: text"]);
        assert_eq!(
            outcome.unwalked,
            [
                "w: 1 To be called → 5 After Give up (button \"Give up\")",
                "w: 4 After 2h → 5 After Give up (link, else)",
                "w: 5 After Give up → given-up (finish)"
            ]
        );
    }

    #[test]
    fn a_missing_button_lists_the_others() {
        let outcome = outcome(
            "  - { name: label, fields: { topic: gas }, steps: [ { push: Not reached, note: x } ] }
  - { name: none, fields: { topic: gas }, steps: [ { push: pay } ] }
  - { name: over, fields: { topic: gas }, steps: [ { push: give-up }, { push: done, form: { result: x } } ] }
",
        );
        let failures: Vec<&[String]> = outcome
            .ran
            .iter()
            .map(|test| test.faults.as_slice())
            .collect();
        assert_eq!(
            failures[0],
            [
                "step 1: it is refused: the workflow has no such button; there is no button `Not reached`; did you mean `not-reached`?"
            ]
        );
        assert_eq!(
            failures[1],
            [
                "step 1: it is refused: the workflow has no such button; there is no button `pay`; available: done, not-reached, give-up"
            ]
        );
        assert!(
            failures[2][0].ends_with("; no button can be pushed here"),
            "{:?}",
            failures[2]
        );
        assert!(
            !failures[2][0].contains("there is no button"),
            "it has gone, and is one of the workflow: {:?}",
            failures[2]
        );
    }

    #[test]
    fn a_button_of_no_stage_is_refused() {
        let unknown = "step 1: it is refused: the workflow has no such button; there is no button `approve`; available: done";
        assert_eq!(failures(FIELDS, "", "{ push: approve }"), [unknown]);
        assert_eq!(
            failures(
                FIELDS,
                "",
                "{ push: approve, refused: the workflow has no such button }"
            ),
            Vec::<String>::new()
        );
    }
}
