//! Tests that authors keep beside their workflows: steps with what is expected after each.
//!
//! Promise: a file of tests is read strictly; a test that fails says what was expected and what was
//! found.

mod comparing;
mod form;
mod steps;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aftercall_authoring::file::read_calendars;
use aftercall_authoring::simulate::{Leads, StagePath, stage_paths};
use aftercall_definition::calendar::Calendar;
use aftercall_definition::{Definition, Fault, FaultCode, Stage, rules};
use form::TestFile;
use serde_saphyr::Error;

use super::files::{self, Written};
use super::kinds::{self, Kind, TESTS_ENDING};
use super::reading::{read_text, shown};
use super::sources::{entries, is_author_file};
use crate::errors::Failure;

/// The result of one test.
pub(crate) struct Ran {
    /// The name of its workflow.
    pub(crate) workflow: String,
    /// Its own name.
    pub(crate) name: String,
    /// What was expected and not found; empty where all was.
    pub(crate) faults: Vec<String>,
}

impl Ran {
    /// Its name, with that of its workflow.
    pub(crate) fn shown(&self) -> String {
        format!("{}: {}", self.workflow, self.name)
    }
}

/// The results of all tests of a workflow.
#[derive(Default)]
pub(crate) struct Outcome {
    /// Each test.
    pub(crate) ran: Vec<Ran>,
    /// The paths that no test has walked, in words, by workflow.
    pub(crate) unwalked: Vec<String>,
    /// The workflows that were tested, each by the one path that is the same however it is named.
    tested: BTreeSet<PathBuf>,
}

impl Outcome {
    /// The files of workflows in these folders that no test is for.
    pub(crate) fn untested(&self, given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
        let mut untested = Vec::new();
        for folder in given.iter().filter(|path| path.is_dir()) {
            let mut all = entries(folder, is_workflow)?;
            all.retain(|path| {
                path.canonicalize()
                    .is_ok_and(|path| !self.tested.contains(&path))
            });
            untested.extend(all);
        }
        Ok(untested)
    }
}

/// Whether it is a file of a workflow, with or without errors, and not one of tests, teams or
/// calendars, nor the schema.
fn is_workflow(path: &Path) -> bool {
    let read = || std::fs::read_to_string(path).ok();
    is_author_file(path) && read().is_some_and(|text| kinds::of(path, &text) == Kind::Workflow)
}

/// The files of tests that are meant: a folder means all in it.
pub(crate) fn files_of(given: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for path in given {
        if path.is_dir() {
            found.extend(entries(path, |path| {
                path.to_string_lossy().ends_with(TESTS_ENDING)
            })?);
        } else {
            found.push(path.clone());
        }
    }
    Ok(found)
}

/// Runs files of tests.
pub(crate) fn run(paths: &[PathBuf]) -> Result<Outcome, Failure> {
    let mut outcome = Outcome::default();
    let mut walked: BTreeMap<PathBuf, (Written, BTreeSet<StagePath>)> = BTreeMap::new();
    for path in paths {
        let file = read_tests(path)?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let workflow = folder.join(&file.workflow);
        let written = files::read(&workflow)?;
        let calendars = calendars(file.calendars.map(|calendars| folder.join(calendars)))?;
        // What two files of tests call by different paths is one workflow.
        let workflow = workflow.canonicalize().unwrap_or(workflow);
        let stage_paths = &mut walked
            .entry(workflow)
            .or_insert_with(|| (written.clone(), BTreeSet::new()))
            .1;
        for test in file.tests.iter().flatten() {
            let faults = steps::run(&written, &calendars, test, stage_paths);
            outcome.ran.push(Ran {
                workflow: written.definition.name.clone(),
                name: test.name.clone(),
                faults,
            });
        }
    }
    for (written, walked) in walked.values() {
        outcome
            .unwalked
            .extend(unwalked(&written.definition, walked));
    }
    outcome.tested = walked.into_keys().collect();
    Ok(outcome)
}

fn read_tests(path: &Path) -> Result<TestFile, Failure> {
    let text = read_text(path)?;
    let shown = shown(path);
    if kinds::has_stages(&text) {
        return Err(Failure::refused(format!(
            "{shown} is a workflow, not a file of tests: give the file of its tests, which ends in {TESTS_ENDING}, or its folder."
        )));
    }
    let file: TestFile =
        serde_saphyr::from_str(&text).map_err(|error| unreadable(&shown, &text, &error))?;
    if file.tests.as_ref().is_none_or(Vec::is_empty) {
        return Err(Failure::refused(format!(
            "{shown} has no tests: write at least one under `tests`, with its `name` and its `steps`."
        )));
    }
    Ok(file)
}

/// What is wrong with the form of a file of tests, reported as errors of workflow files are.
fn unreadable(shown: &str, text: &str, error: &Error) -> Failure {
    let error = error.without_snippet();
    let message = match error {
        Error::SerdeUnknownField {
            field, expected, ..
        } => {
            let hint = rules::suggestion(field, expected.iter().copied());
            let hint = if hint.is_empty() {
                format!("; known here: {}", expected.join(", "))
            } else {
                hint
            };
            format!("unknown key {}{hint}", rules::quoted(field))
        }
        Error::SerdeMissingField { field, .. } => format!("`{field}` is missing"),
        other => {
            let said = other.to_string();
            // The place is shown separately.
            said.split_once(" at line ")
                .map_or(said.clone(), |(message, _)| message.to_owned())
        }
    };
    let place = error.location().and_then(|at| {
        Some((
            u32::try_from(at.line()).ok()?,
            u32::try_from(at.column()).ok()?,
        ))
    });
    let (line, column) = place.unwrap_or_default();
    files::refused(
        shown,
        text,
        &[Fault {
            line,
            column,
            ..Fault::new(FaultCode::BadValue, message)
        }],
    )
}

fn unwalked(definition: &Definition, walked: &BTreeSet<StagePath>) -> Vec<String> {
    let name = |number: u32| {
        let title = definition
            .stage(number)
            .map_or_else(Default::default, Stage::title);
        format!("{number} {title}")
    };
    let all = stage_paths(definition)
        .into_iter()
        .filter(|(path, _)| !walked.contains(path));
    let in_words = |(path, what): (StagePath, String)| {
        let target = match path.leads {
            Leads::Button(to) | Leads::Timer(to) | Leads::Link(to) => name(to),
            Leads::Finish(outcome) => outcome.into(),
        };
        format!(
            "{}: {} → {target} ({what})",
            definition.name,
            name(path.from)
        )
    };
    all.map(in_words).collect()
}

/// The calendars of a file; none where none is named.
pub(crate) fn calendars(path: Option<PathBuf>) -> Result<Vec<Arc<Calendar>>, Failure> {
    let Some(path) = path else {
        return Ok(Vec::new());
    };
    let text = read_text(&path)?;
    let read =
        read_calendars(&text).map_err(|faults| files::refused(&shown(&path), &text, &faults))?;
    Ok(read.into_iter().map(Arc::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
    }

    #[test]
    fn the_example_tests_walk_every_path() {
        let files = files_of(&[examples()]).unwrap();
        let outcome = run(&files).unwrap();
        let failed: Vec<String> = outcome
            .ran
            .iter()
            .filter(|test| !test.faults.is_empty())
            .map(|test| format!("{}: {:?}", test.shown(), test.faults))
            .collect();
        assert_eq!((failed, &outcome.unwalked), (Vec::new(), &Vec::new()));
        assert_eq!(
            outcome.untested(&[examples()]).unwrap(),
            Vec::<PathBuf>::new(),
            "every example has tests"
        );
        assert!(outcome.ran.len() >= 36);
    }

    #[test]
    fn the_tests_of_the_guide_pass() {
        let page = std::fs::read_to_string(examples().join("../docs/authors/testing.md")).unwrap();
        let block = page
            .split("```yaml tests\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        for name in ["refund.yaml", "calendars.yaml"] {
            std::fs::copy(examples().join(name), folder.path().join(name)).unwrap();
        }
        let path = folder.path().join("guide.test.yaml");
        std::fs::write(&path, block).unwrap();
        let outcome = run(&[path]).unwrap();
        let faults: Vec<&String> = outcome.ran.iter().flat_map(|test| &test.faults).collect();
        assert_eq!(
            (outcome.ran.len(), faults, outcome.unwalked),
            (2, Vec::new(), Vec::new())
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
        std::fs::write(
            &path,
            "workflow: ./b.yaml\ntests: [{ name: one, steps: [] }]\n",
        )
        .unwrap();
        let given = [folder.path().to_owned()];
        let outcome = run(&files_of(&given).unwrap()).unwrap();
        let untested = outcome.untested(&given).unwrap();
        let names: Vec<_> = untested
            .iter()
            .map(|path| path.file_name().unwrap().to_str().unwrap())
            .collect();
        assert_eq!(names, ["a.yaml", "c.json"]);
        assert_eq!(
            outcome.untested(&[path]).unwrap(),
            Vec::<PathBuf>::new(),
            "a file of tests is named alone"
        );
    }

    #[test]
    fn each_finish_and_each_link_is_a_path() {
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
                "w: 1 New call → 2 After Again (button \"Again\")",
                "w: 2 After Again → vip (finish)"
            ]
        );
    }

    #[test]
    fn the_schema_needs_no_test() {
        let folder = tempfile::tempdir().unwrap();
        let schema = crate::authoring::schema::text().unwrap();
        std::fs::write(folder.path().join("aftercall-workflow.schema.json"), schema).unwrap();
        let given = [folder.path().to_owned()];
        assert_eq!(
            Outcome::default().untested(&given).unwrap(),
            Vec::<PathBuf>::new()
        );
    }

    #[test]
    fn two_test_files_cover_one_workflow_together() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("tests");
        std::fs::create_dir(&below).unwrap();
        let workflow = "format: 1
workflow: w
title: W
on_new_call:
  - button: Yes
    then: [ { finish: done } ]
  - button: No
    then: [ { finish: not-done } ]
";
        std::fs::write(folder.path().join("w.yaml"), workflow).unwrap();
        let tests = |path: &str, button: &str| {
            format!("workflow: {path}\ntests: [{{ name: one, steps: [{{ push: {button} }}] }}]\n")
        };
        let paths = [folder.path().join("a.test.yaml"), below.join("b.test.yaml")];
        std::fs::write(&paths[0], tests("./w.yaml", "\"yes\"")).unwrap();
        std::fs::write(&paths[1], tests("../w.yaml", "\"no\"")).unwrap();
        let outcome = run(&paths).unwrap();
        assert_eq!((outcome.ran.len(), outcome.unwalked), (2, Vec::new()));
        assert!(outcome.ran.iter().all(|test| test.faults.is_empty()));
    }

    #[test]
    fn an_unknown_key_suggests_the_nearest() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |text: &str| {
            let path = folder.path().join("w.test.yaml");
            std::fs::write(&path, text).unwrap();
            let sentence = run(std::slice::from_ref(&path))
                .err()
                .unwrap()
                .sentence()
                .to_owned();
            sentence
                .strip_prefix(&path.display().to_string())
                .unwrap()
                .to_owned()
        };
        let steps = "workflow: w.yaml\ntests:\n  - name: x\n    steps:\n      - ";
        assert_eq!(
            refused(&format!("{steps}puhs: done\n")),
            ":5:9: unknown key `puhs`; did you mean `push`?\n  5 |       - puhs: done\n    |         ^"
        );
        assert_eq!(
            refused(&format!(
                "{steps}{{ expect: {{ status: finished, zzz: [] }} }}\n"
            )),
            ":5:39: unknown key `zzz`; known here: stage, visit, status, outcome, alerts, buttons, fields, warnings\n  5 |       - { expect: { status: finished, zzz: [] } }\n    |                                       ^"
        );
        assert!(
            refused("workflow: w.yaml\ntests:\n  - name: x\n")
                .starts_with(":3:5: `steps` is missing\n  3 |   - name: x")
        );
        let wrong = refused(&format!("{steps}push: [ 1 ]\n"));
        assert!(
            wrong.starts_with(":5:15: ") && wrong.ends_with("^"),
            "{wrong}"
        );
        assert!(
            !wrong.contains("<input>") && refused("workflow: [\n").contains("\n"),
            "{wrong}"
        );
    }

    #[test]
    fn a_file_without_tests_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |text: &str| {
            let path = folder.path().join("w.yaml");
            std::fs::write(&path, text).unwrap();
            let sentence = run(std::slice::from_ref(&path))
                .err()
                .unwrap()
                .sentence()
                .to_owned();
            sentence
                .strip_prefix(&path.display().to_string())
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            refused(&files::template("w", "W")),
            " is a workflow, not a file of tests: give the file of its tests, which ends in .test.yaml, or its folder."
        );
        for empty in [
            "workflow: w.yaml\n",
            "workflow: w.yaml\ntests:\n",
            "workflow: w.yaml\ntests: []\n",
        ] {
            assert_eq!(
                refused(empty),
                " has no tests: write at least one under `tests`, with its `name` and its `steps`."
            );
        }
    }
}
