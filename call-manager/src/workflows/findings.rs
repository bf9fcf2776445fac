//! What is wrong with a file, at its places in the text.

use aftercall_proto::workflow::v1::Fault;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Files up to this many lines are shown whole, longer ones around their errors.
const LINES_WHOLE: usize = 400;
/// Lines that are shown before and after an error of a long file.
const LINES_AROUND: usize = 4;

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    /// The line, from 1; 0 where it is unknown.
    pub(crate) line: usize,
    /// The column in characters, from 1; 0 where it is unknown.
    pub(crate) column: usize,
    /// The stable code; empty for an error of the file's form.
    pub(crate) code: String,
    /// What is wrong, and what to do.
    pub(crate) message: String,
    /// The stage, where the line is unknown; 0 for none.
    pub(crate) stage: u32,
    pub(crate) is_warning: bool,
}

impl From<Fault> for Finding {
    fn from(fault: Fault) -> Self {
        Self {
            line: fault.line.try_into().unwrap_or_default(),
            column: fault.column.try_into().unwrap_or_default(),
            code: fault.code,
            message: fault.message,
            stage: fault.stage,
            is_warning: fault.warning,
        }
    }
}

/// The errors of a file that a server refused. `None` if it was refused for another reason.
pub(crate) fn of_refusal(status: &Status) -> Option<Vec<Finding>> {
    let is_about_a_file =
        [Code::InvalidArgument, Code::FailedPrecondition].contains(&status.code());
    let bad = status.get_details_bad_request();
    let bad = bad.filter(|bad| is_about_a_file && !bad.field_violations.is_empty())?;
    let findings = bad.field_violations.into_iter().map(|violation| {
        let (line, column) = place(&violation.field).unwrap_or_default();
        let message = match line {
            0 => format!("{}: {}", violation.field, violation.description),
            _ => violation.description,
        };
        Finding {
            line,
            column,
            code: String::new(),
            message,
            stage: 0,
            is_warning: false,
        }
    });
    Some(findings.collect())
}

/// Line and column of `file:3:5`.
fn place(field: &str) -> Option<(usize, usize)> {
    let (line, column) = field.strip_prefix("file:")?.split_once(':')?;
    Some((line.parse().ok()?, column.parse().ok()?))
}

/// A line of a file, with what is wrong there.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    /// The text before the first error, and from there.
    pub(crate) parts: (&'a str, &'a str),
    pub(crate) findings: Vec<&'a Finding>,
    /// Whether lines before it are left out.
    pub(crate) is_after_gap: bool,
}

/// The lines of a text with their errors.
pub(crate) fn lines<'a>(text: &'a str, findings: &'a [Finding]) -> Vec<Line<'a>> {
    let all: Vec<&str> = text.lines().collect();
    let is_shown = |number: usize| {
        let is_near = |finding: &Finding| finding.line.abs_diff(number) <= LINES_AROUND;
        all.len() <= LINES_WHOLE || findings.iter().any(is_near)
    };
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (at, line) in all.iter().enumerate().filter(|(at, _)| is_shown(at + 1)) {
        let number = at + 1;
        let here: Vec<_> = findings.iter().filter(|one| one.line == number).collect();
        let column = here.iter().map(|one| one.column).filter(|at| *at > 0).min();
        let before = lines.last().map_or(0, |line| line.number);
        lines.push(Line {
            number,
            parts: column.map_or((line, ""), |column| split(line, column)),
            findings: here,
            is_after_gap: before + 1 != number,
        });
    }
    lines
}

/// A line before and from a column, counted from 1 in characters.
fn split(line: &str, column: usize) -> (&str, &str) {
    let mut places = line.char_indices().map(|(at, _)| at);
    let at = places.nth(column - 1).unwrap_or(line.len());
    line.split_at(at)
}

/// How many of them keep a workflow from being published.
pub(crate) fn errors(findings: &[Finding]) -> usize {
    findings.iter().filter(|one| !one.is_warning).count()
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    fn finding(line: usize, column: usize) -> Finding {
        Finding {
            line,
            column,
            code: "C".to_owned(),
            message: "m".to_owned(),
            stage: 0,
            is_warning: false,
        }
    }

    #[test]
    fn errors_are_shown_at_their_places() {
        let findings = [finding(2, 3), finding(0, 0)];
        let lines = lines("a: 1\né: ü\n", &findings);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[1].parts, ("é:", " ü"));
        assert_eq!(lines[1].findings, [&findings[0]]);
        assert!(lines[0].findings.is_empty());
    }

    #[test]
    fn a_long_file_is_shown_around_its_errors() {
        let text = "line\n".repeat(1_000);
        let findings = [finding(500, 90), finding(900, 1)];
        let lines = lines(&text, &findings);
        assert_eq!(lines.len(), 2 * (2 * LINES_AROUND + 1));
        assert_eq!(lines.iter().filter(|line| line.is_after_gap).count(), 2);
        assert_eq!(lines[LINES_AROUND].parts, ("line", ""), "no such column");
    }

    #[test]
    fn a_refusal_names_the_places() {
        let violations = vec![
            FieldViolation::new("file:3:5", "unknown key"),
            FieldViolation::new("file", "is too long"),
        ];
        let details = ErrorDetails::with_bad_request(violations);
        let status = Status::with_error_details(Code::InvalidArgument, "2 errors", details);
        let findings = of_refusal(&status).expect("errors");
        assert_eq!((findings[0].line, findings[0].column), (3, 5));
        assert_eq!(findings[1].message, "file: is too long");
        assert!(of_refusal(&Status::unavailable("away")).is_none());
    }
}
