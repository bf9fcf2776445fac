//! `aftercall workflow simulate | test`: trying workflow files out, without a server.
//!
//! Promise: what is shown is what a server would do; nothing is stored. Must not: ask a server.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::authoring::kinds::TESTS_ENDING;
use crate::authoring::reading::STDIN;
use crate::authoring::{files, testing, trying};
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  aftercall workflow simulate examples/refund.yaml\n  aftercall workflow simulate examples/warranty-claim.yaml --calendars examples/calendars.yaml"
)]
pub(crate) struct Simulate {
    /// A workflow file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A file with the calendars that it names
    #[arg(long, value_name = "FILE")]
    calendars: Option<PathBuf>,
    /// What time it is at the beginning, such as `2026-11-24 09:00` (UTC); now if not given
    #[arg(long, value_name = "TIME", value_parser = trying::parse_moment)]
    at: Option<i64>,
}

impl Simulate {
    pub(crate) fn run(self, session: &Session) -> Result<(), Failure> {
        if session.output.is_json() {
            let sentence = "`simulate` is a conversation and has no JSON form: write a test, and run `workflow test`.";
            return Err(Failure::usage(sentence));
        }
        if self.file == Path::new(STDIN) {
            return Err(Failure::usage(
                "`simulate` reads your answers from stdin: name a file.",
            ));
        }
        let written = files::read(&self.file)?;
        let calendars = testing::calendars(self.calendars)?;
        let now = self
            .at
            .unwrap_or_else(|| jiff::Timestamp::now().as_millisecond());
        let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
        let mut terminal = trying::Terminal {
            input: &mut input,
            output: &mut output,
        };
        trying::walk_from(&written, &calendars, now, &mut terminal)
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall workflow test workflows/\n  aftercall workflow test refund.test.yaml\n\nA file of tests ends in .test.yaml and lies beside its workflow; see docs/authors/testing.md."
)]
pub(crate) struct Test {
    /// Files of tests, or folders with them
    #[arg(required = true, value_name = "DIR|FILE")]
    paths: Vec<PathBuf>,
    /// Fail also where no test walks a path of a workflow, or a workflow of a folder has no test
    #[arg(long)]
    every_way: bool,
}

impl Test {
    pub(crate) fn run(&self, session: &Session) -> Result<(), Failure> {
        let files = testing::files_of(&self.paths)?;
        if files.is_empty() {
            return Err(Failure::not_found(format!(
                "There is no file that ends in {TESTS_ENDING}."
            )));
        }
        let outcome = testing::run(&files)?;
        let untested = outcome.untested(&self.paths)?;
        let untested: Vec<String> = untested
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        let failed = outcome
            .ran
            .iter()
            .filter(|test| !test.faults.is_empty())
            .count();
        if session.output.is_json() {
            session.output.json(&report(&outcome, &untested))?;
        } else {
            lines(&outcome, &untested)
                .iter()
                .try_for_each(|line| session.output.line(line))?;
        }
        let summary = format!("{} passed, {failed} failed", outcome.ran.len() - failed);
        if failed > 0 || (self.every_way && !(outcome.unwalked.is_empty() && untested.is_empty())) {
            return Err(Failure::refused(format!("{summary}.")));
        }
        remark(&summary);
        Ok(())
    }
}

/// The results of the tests, for people.
fn lines(outcome: &testing::Outcome, untested: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    for test in &outcome.ran {
        lines.push(format!(
            "{}  {}",
            if test.faults.is_empty() {
                "ok    "
            } else {
                "FAILED"
            },
            test.shown()
        ));
        lines.extend(test.faults.iter().map(|fault| format!("        {fault}")));
    }
    lines.extend(
        outcome
            .unwalked
            .iter()
            .map(|way| format!("no test walks  {way}")),
    );
    lines.extend(
        untested
            .iter()
            .map(|workflow| format!("no test is for  {workflow}")),
    );
    lines
}

/// The same as one JSON object.
fn report(outcome: &testing::Outcome, untested: &[String]) -> Value {
    let test = |test: &testing::Ran| {
        let is_passed = test.faults.is_empty();
        json!({ "workflow": test.workflow, "name": test.name, "passed": is_passed, "failures": test.faults })
    };
    let passed = outcome
        .ran
        .iter()
        .filter(|test| test.faults.is_empty())
        .count();
    json!({
        "passed": passed,
        "failed": outcome.ran.len() - passed,
        "tests": outcome.ran.iter().map(test).collect::<Value>(),
        "unwalked": outcome.unwalked,
        "untested": untested,
    })
}
