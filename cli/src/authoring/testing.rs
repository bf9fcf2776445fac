//! Tests that authors keep beside their workflows: steps with what is expected after each.
//!
//! Promise: a file of tests is read strictly; a test that fails says what was expected and what was found.

mod comparing;
mod form;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aftercall_engine::calendar::Calendar;
use aftercall_engine::command::CallChanges;
use aftercall_engine::definition::file::read_calendars;
use aftercall_engine::definition::model::ActionKind;
use aftercall_engine::definition::{Definition, rules};
use aftercall_engine::simulate::{Leads, Named, Simulation, Way, ways};
use aftercall_engine::time::Span;
use aftercall_engine::value::FieldDeclaration;
use comparing::{compare, compare_refusal, offered, there_is};
use form::{Call, Scalar, Step, Test, TestFile};

use super::files::{self, Written};
use super::trying;
use crate::{commands::workflow_files::cannot_read, errors::Failure};

/// What files of tests end in.
pub(crate) const ENDING: &str = ".test.yaml";

/// When a test begins that says nothing: a Tuesday morning.
const BEGIN: &str = "2026-11-24T09:00:00Z";

/// What came of one test.
pub(crate) struct Ran {
    /// Its name, with that of its file.
    pub(crate) name: String,
    /// What was expected and not found; empty where all was.
    pub(crate) faults: Vec<String>,
}

/// What came of all tests of a workflow.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Each test.
    pub(crate) ran: Vec<Ran>,
    /// The ways that no test has walked, in words, by workflow.
    pub(crate) unwalked: Vec<String>,
    /// The workflows that were tested.
    tested: BTreeSet<PathBuf>,
}

impl Outcome {
    /// The files of workflows in these folders that no test is for.
    pub(crate) fn untested(&self, given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
        let tested: BTreeSet<PathBuf> = self.tested.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let mut untested = Vec::new();
        for folder in given.iter().filter(|path| path.is_dir()) {
            let mut all = entries(folder, is_workflow)?;
            all.retain(|path| path.canonicalize().is_ok_and(|path| !tested.contains(&path)));
            untested.extend(all);
        }
        Ok(untested)
    }
}

/// Whether it is a file of a workflow, with or without faults, and not one of tests, teams or calendars.
fn is_workflow(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let is_file = [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending)) && !name.ends_with(ENDING);
    is_file && std::fs::read_to_string(path).is_ok_and(|text| text.contains("on_new_call"))
}

/// What is in a folder, in the order of the names.
fn entries(folder: &Path, is_meant: impl Fn(&Path) -> bool) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    let mut found: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.retain(|path| is_meant(path));
    found.sort();
    Ok(found)
}

/// The files of tests that are meant: a folder means all in it.
pub(crate) fn files_of(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in given {
        if path.is_dir() {
            found.extend(entries(path, |path| path.to_string_lossy().ends_with(ENDING))?);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// Runs files of tests.
pub(crate) fn run(paths: &[PathBuf]) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut walked: BTreeMap<PathBuf, (Written, BTreeSet<Way>)> = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(path).map_err(|error| cannot_read(path, &error))?;
        let fault = |error| Failure::refused(format!("{}: {error}", path.display()));
        let file: TestFile = serde_saphyr::from_str(&text).map_err(fault)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let workflow = folder.join(&file.workflow);
        let written = files::read(&workflow)?;
        let calendars = calendars(file.calendars.map(|calendars| folder.join(calendars)))?;
        let ways = &mut walked.entry(workflow).or_insert_with(|| (written.clone(), BTreeSet::new())).1;
        for test in &file.tests {
            let name = format!("{}: {}", written.definition.name, test.name);
            let faults = match one(&written, &calendars, test, ways) {
                Ok(faults) => faults,
                Err(failure) => vec![failure.sentence().to_owned()],
            };
            outcome.ran.push(Ran { name, faults });
        }
    }
    for (written, walked) in walked.values() {
        outcome.unwalked.extend(unwalked(&written.definition, walked));
    }
    outcome.tested = walked.into_keys().collect();
    Ok(outcome)
}

fn unwalked(definition: &Definition, walked: &BTreeSet<Way>) -> Vec<String> {
    let name = |number: u32| {
        let label = definition.stage(number).map_or("", |stage| &stage.event.label);
        format!("{number} {label}")
    };
    let all = ways(definition).into_iter().filter(|(way, _)| !walked.contains(way));
    let told = |(way, what): (Way, String)| {
        let target = match way.leads {
            Leads::Button(to) | Leads::Timer(to) | Leads::Link(to) => name(to),
            Leads::Finish(outcome) => outcome.into(),
        };
        format!("{}: {} → {target} ({what})", definition.name, name(way.from))
    };
    all.map(told).collect()
}

/// The calendars of a file; none where none is named.
pub(crate) fn calendars(path: Option<PathBuf>) -> Result<Vec<Arc<Calendar>>, Failure> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let text = std::fs::read_to_string(&path).map_err(|error| cannot_read(&path, &error))?;
    let read = read_calendars(&text).map_err(|faults| files::refused(&path.display().to_string(), &text, &faults))?;
    Ok(read.into_iter().map(Arc::new).collect())
}

fn one(
    written: &Written,
    calendars: &[Arc<Calendar>],
    test: &Test,
    ways: &mut BTreeSet<Way>,
) -> Result<Vec<String>, Failure> {
    let begin = test.at.as_deref().unwrap_or(BEGIN);
    let now = trying::typed_moment(begin)
        .ok_or_else(|| Failure::refused(format!("`at` must be a time such as {BEGIN}, not {begin}")))?;
    let (mut simulation, definition) = (written.simulation(calendars, now)?, &written.definition);
    let fields = named(&definition.fields, &test.fields)?;
    simulation.set(changes(&test.call), fields).map_err(|error| Failure::refused(error.to_string()))?;
    let mut faults = Vec::new();
    for (number, step) in (1..).zip(&test.steps) {
        let buttons = simulation.instance().map(|instance| offered(definition, instance)).unwrap_or_default();
        let refused = act(&mut simulation, definition, step)?;
        let at = |fault: String| format!("step {number}: {fault}");
        let there_is = step.push.as_deref().map_or_else(String::new, |pushed| there_is(pushed, &buttons));
        let told = compare_refusal(step.refused.as_deref(), refused.as_deref());
        faults.extend(told.map(|told| told + &there_is).map(at));
        faults.extend(compare(&mut simulation, definition, &step.expect).into_iter().map(at));
        if !faults.is_empty() {
            break;
        }
    }
    ways.extend(simulation.walked().iter().cloned());
    Ok(faults)
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

/// Does a step; gives the sentence where it is refused.
fn act(simulation: &mut Simulation, definition: &Definition, step: &Step) -> Result<Option<String>, Failure> {
    let done = match (&step.push, &step.wait) {
        (Some(button), None) => {
            let form = form_of(definition, button).map_or(Ok(Vec::new()), |form| named(form, &step.form))?;
            simulation.push(button, form, step.note.as_deref().unwrap_or_default())
        }
        (None, Some(wait)) => {
            let span: Span = rules::span(wait).map_err(|fault| Failure::refused(fault.message))?;
            simulation.wait(span.millis()).map(drop)
        }
        (None, None) => Ok(()),
        (Some(_), Some(_)) => return Err(Failure::refused("a step either pushes or waits")),
    };
    Ok(done.err().map(|error| error.to_string()))
}

fn form_of<'d>(definition: &'d Definition, button: &str) -> Option<&'d [FieldDeclaration]> {
    let mut actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    actions.find_map(|action| match &action.kind {
        ActionKind::Button(one) if one.event == button => Some(one.form.as_slice()),
        _ => None,
    })
}

fn named(declared: &[FieldDeclaration], given: &BTreeMap<String, Scalar>) -> Result<Named, Failure> {
    let value = |(name, scalar): (&String, &Scalar)| {
        let field = declared.iter().find(|field| field.name == *name);
        let field = field.ok_or_else(|| Failure::refused(format!("there is no field {name}")))?;
        let value = trying::value(&scalar.text(), field.field_type);
        let value = value.ok_or_else(|| Failure::refused(format!("{name}: {}", trying::wanted(field.field_type))))?;
        Ok((name.as_str().into(), value))
    };
    given.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
    }

    #[test]
    fn the_tests_of_the_examples_pass_and_walk_every_way() {
        let files = files_of(&[examples()]).unwrap();
        let outcome = run(&files).unwrap();
        let failed: Vec<String> = outcome
            .ran
            .iter()
            .filter(|test| !test.faults.is_empty())
            .map(|test| format!("{}: {:?}", test.name, test.faults))
            .collect();
        assert_eq!((failed, &outcome.unwalked), (Vec::new(), &Vec::new()));
        assert_eq!(outcome.untested(&[examples()]).unwrap(), Vec::<PathBuf>::new(), "every example has tests");
        assert!(outcome.ran.len() >= 36);
    }

    #[test]
    fn the_tests_of_the_guide_pass() {
        let page = std::fs::read_to_string(examples().join("../docs/testing.md")).unwrap();
        let block = page.split("```yaml tests\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["refund.yaml", "calendars.yaml"] {
            std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
        }
        let path = folder.path().join("guide.test.yaml");
        std::fs::write(&path, block).unwrap();
        let outcome = run(&[path]).unwrap();
        let faults: Vec<&String> = outcome.ran.iter().flat_map(|test| &test.faults).collect();
        assert_eq!((outcome.ran.len(), faults, outcome.unwalked), (2, Vec::new(), Vec::new()));
    }

    fn outcome(tests: &str) -> Outcome {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("w.yaml"), files::template("w", "W")).unwrap();
        let path = folder.path().join("w.test.yaml");
        std::fs::write(&path, format!("workflow: w.yaml\ntests:\n{tests}")).unwrap();
        run(&[path]).unwrap()
    }

    #[test]
    fn what_is_not_as_expected_is_told_with_its_step() {
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
        let told: Vec<&[String]> = outcome.ran.iter().map(|test| test.faults.as_slice()).collect();
        assert_eq!(
            told[0],
            [
                "step 1: the stage should be done, and is new-call",
                "step 1: the visit should be 2, and is 1",
                "step 1: the buttons should be done, and is done, not-reached, give-up",
                "step 1: the number of warnings should be 1, and is 0",
                "step 1: topic should be oil, and is gas",
                "step 1: the alerts should say “Ring”, “more”, and are “Ring the caller about gas”",
            ]
        );
        assert_eq!(told[1], ["step 4: it should be refused with “something”, and was not"]);
        assert_eq!(told[2], ["fields.topic must be given: text"]);
        assert_eq!(
            outcome.unwalked,
            [
                "w: 1 New call → 5 Give up (button \"Give up\")",
                "w: 4 After 2h → 5 Give up (link, else)",
                "w: 5 Give up → given-up (finish)"
            ]
        );
    }

    #[test]
    fn workflows_without_tests_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.yaml", "b.yaml", "c.json"] {
            std::fs::write(folder.path().join(name), files::template("w", "W")).unwrap();
        }
        std::fs::write(folder.path().join("teams.yaml"), "format: 1\nteams: []\n").unwrap();
        let path = folder.path().join("b.test.yaml");
        std::fs::write(&path, "workflow: ./b.yaml\ntests: []\n").unwrap();
        let given = [folder.path().to_owned()];
        let outcome = run(&files_of(&given).unwrap()).unwrap();
        let untested = outcome.untested(&given).unwrap();
        let names: Vec<_> = untested.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["a.yaml", "c.json"]);
        assert_eq!(outcome.untested(&[path]).unwrap(), Vec::<PathBuf>::new(), "a file of tests is asked for by itself");
    }

    #[test]
    fn a_button_that_is_not_there_is_told_with_those_that_are() {
        let outcome = outcome(
            "  - { name: label, fields: { topic: gas }, steps: [ { push: Not reached, note: x } ] }
  - { name: none, fields: { topic: gas }, steps: [ { push: pay } ] }
  - { name: over, fields: { topic: gas }, steps: [ { push: give-up }, { push: done, form: { result: x } } ] }
",
        );
        let told: Vec<&[String]> = outcome.ran.iter().map(|test| test.faults.as_slice()).collect();
        assert_eq!(told[0], ["step 1: it is refused: the button is gone; did you mean `not-reached`?"]);
        assert_eq!(told[1], ["step 1: it is refused: the button is gone; there is done, not-reached, give-up"]);
        assert!(told[2][0].ends_with("; no button can be pushed here"), "{:?}", told[2]);
    }

    #[test]
    fn a_finish_is_a_way_and_so_is_each_of_what_leads_to_one_stage() {
        let folder = tempfile::tempdir().unwrap();
        let workflow = "format: 1
workflow: w
title: W
fields: { vip: { type: bool, default: false } }
on_new_call:
  - finish: { outcome: nothing-to-do, when: fields.vip }
  - button: Again
    then:
      - finish: { outcome: vip, when: fields.vip }
      - finish: done
  - timer: 1h
    then:
      - link: { to: again, when: fields.vip }
      - link: again
";
        std::fs::write(folder.path().join("w.yaml"), workflow).unwrap();
        let path = folder.path().join("w.test.yaml");
        let tests = "workflow: w.yaml\ntests: [{ name: one, steps: [{ wait: 1h, expect: { outcome: done } }] }]\n";
        std::fs::write(&path, tests).unwrap();
        assert_eq!(
            run(&[path]).unwrap().unwalked,
            [
                "w: 1 New call → nothing-to-do (finish)",
                "w: 1 New call → 2 Again (button \"Again\")",
                "w: 2 Again → vip (finish)"
            ]
        );
    }
}
