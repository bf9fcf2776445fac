//! Workflow files: reading them, sending them to the server, and showing their errors.
//!
//! Promise: an error reads `file:line:col: message`, which editors jump to; all files are looked at
//! before the command ends. Must not: parse a definition; the server that will run it does.

use std::path::PathBuf;

use aftercall_proto::workflow::v1::{
    Fault, FileFormat, ImportWorkflowRequest, ImportWorkflowResponse, WorkflowDescription,
};
use clap::Args;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::authoring::files::excerpt;
use crate::authoring::sources::{Source, gather};
use crate::connect;
use crate::errors::{Exit, Failure};
use crate::output::remark;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// Workflow files, YAML or JSON; folders with them, of which tests, teams and calendars are
    /// skipped; - for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
}

/// Whether an argument names a file, a folder or stdin rather than a workflow, whose name has only
/// letters, digits and hyphens.
pub(crate) fn is_file(given: &str) -> bool {
    let has_ending = || {
        [".yaml", ".yml", ".json"]
            .iter()
            .any(|ending| given.ends_with(ending))
    };
    matches!(given, "-" | "." | "..") || given.contains(['/', '\\', '*', '?', '[']) || has_ending()
}

/// An error as editors read it; without a place in the file, with its stage and action.
pub(crate) fn fault_line(file: &str, fault: &Fault) -> String {
    let warning = if fault.warning { "warning: " } else { "" };
    match (fault.line, fault.stage, fault.action) {
        (1.., _, _) => format!(
            "{file}:{}:{}: {warning}{}",
            fault.line,
            fault.column.max(1),
            fault.message
        ),
        (0, 1.., 1..) => format!(
            "{file}: stage {}, action {}: {warning}{}",
            fault.stage, fault.action, fault.message
        ),
        (0, 1.., 0) => format!("{file}: stage {}: {warning}{}", fault.stage, fault.message),
        (0, 0, _) => format!("{file}: {warning}{}", fault.message),
    }
}

/// The same, with the line of the file that it is about.
pub(crate) fn with_excerpt(shown: &str, text: &str, fault: &Fault) -> String {
    let line = fault_line(shown, fault);
    match excerpt(text, fault.line, fault.column.max(1)) {
        Some(excerpt) => format!("{line}\n{excerpt}"),
        None => line,
    }
}

/// `workflow validate`.
pub(crate) async fn validate(session: &Session, files: &Files) -> Result<(), Failure> {
    let sources = gather(&files.files)?;
    if let [source] = sources.files.as_slice() {
        source.text()?;
    }
    let mut found = Vec::new();
    for source in &sources.files {
        found.extend(
            faults_of(session, source)
                .await?
                .into_iter()
                .map(|fault| (source, fault)),
        );
    }
    if session.output.is_json() {
        let json = found
            .iter()
            .map(|(source, fault)| fault_json(&source.shown, fault))
            .collect();
        session.output.json(&serde_json::Value::Array(json))?;
    } else {
        for (source, fault) in &found {
            session.output.line(&with_excerpt(
                &source.shown,
                source.text().unwrap_or_default(),
                fault,
            ))?;
        }
    }
    sources.skipped().iter().for_each(|skipped| remark(skipped));
    let count = found.iter().filter(|(_, fault)| !fault.warning).count();
    if count > 0 {
        return Err(Failure::refused(format!(
            "{count} {}.",
            if count == 1 { "error" } else { "errors" }
        )));
    }
    let count = sources.files.len();
    remark(&format!(
        "{count} {} without errors.",
        if count == 1 { "file" } else { "files" }
    ));
    Ok(())
}

/// What is wrong with one file; also that it cannot be read.
pub(crate) async fn faults_of(session: &Session, source: &Source) -> Result<Vec<Fault>, Failure> {
    if let Err(unread) = &source.text {
        let message = unread.sentence();
        let message = message
            .strip_prefix(&source.shown)
            .map_or(message, |rest| rest.trim_start_matches([':', ' ']));
        let (line, column, message) = place("", message);
        return Ok(vec![Fault {
            code: "FILE".to_owned(),
            message,
            line,
            column,
            ..Default::default()
        }]);
    }
    match send(session, source, true).await? {
        Ok(answer) => Ok(answer.faults),
        Err(status) => file_faults(&status),
    }
}

/// An error of a file that was refused: the field that the server names is `line:col`, or a path in
/// the file.
pub(crate) fn file_faults(status: &Status) -> Result<Vec<Fault>, Failure> {
    let bad = status
        .get_details_bad_request()
        .filter(|bad| !bad.field_violations.is_empty());
    let (Code::InvalidArgument, Some(bad)) = (status.code(), bad) else {
        return Err(status.clone().into());
    };
    Ok(bad
        .field_violations
        .into_iter()
        .map(|violation| {
            let (line, column, message) = place(&violation.field, &violation.description);
            Fault {
                code: "FILE".to_owned(),
                message,
                line,
                column,
                field: violation.field,
                ..Default::default()
            }
        })
        .collect())
}

/// Finds line and column where the server wrote them: in the field (`file:3:5`) or before the
/// message (`3:5: …`).
fn place(field: &str, description: &str) -> (u32, u32, String) {
    let numbers = |text: &str| {
        let mut parts = text.rsplit(':');
        let column = parts.next()?.trim().parse().ok()?;
        Some((parts.next()?.trim().parse().ok()?, column))
    };
    if let Some((line, column)) = numbers(field) {
        return (line, column, description.to_owned());
    }
    if let Some((before, message)) = description.split_once(": ")
        && let Some((line, column)) = numbers(before)
    {
        return (line, column, message.to_owned());
    }
    (0, 0, description.to_owned())
}

fn fault_json(file: &str, fault: &Fault) -> serde_json::Value {
    serde_json::json!({
        "file": file, "line": fault.line, "column": fault.column, "code": fault.code, "message": fault.message,
        "stage": fault.stage, "action": fault.action, "field": fault.field, "warning": fault.warning,
    })
}

/// `workflow import`: every file is tried; the first failure decides the exit code.
pub(crate) async fn import_all(session: &Session, files: &Files) -> Result<(), Failure> {
    let sources = gather(&files.files)?;
    let mut first_failure = None;
    for (at, source) in sources.files.iter().enumerate() {
        match import(session, source).await {
            Ok(workflow) => session.output.one(&workflow, || {
                vec![format!(
                    "Imported {} as the draft of {}.",
                    source.shown, workflow.name
                )]
            })?,
            Err(failure) if failure.exit() == Exit::Unavailable => {
                let rest: Vec<&str> = sources.files[at..]
                    .iter()
                    .map(|source| source.shown.as_str())
                    .collect();
                return Err(failure.advise(&format!("Not imported: {}.", rest.join(", "))));
            }
            Err(failure) => {
                remark(failure.sentence());
                first_failure.get_or_insert(failure.exit());
            }
        }
    }
    sources.skipped().iter().for_each(|skipped| remark(skipped));
    first_failure.map_or(Ok(()), |exit| Err(Failure::new(exit, "")))
}

/// Stores one file as a draft; errors that prevent publishing are shown, but the draft is stored.
pub(crate) async fn import(
    session: &Session,
    source: &Source,
) -> Result<WorkflowDescription, Failure> {
    let shown = &source.shown;
    let text = source.text()?;
    let answer = match send(session, source, false).await? {
        Ok(answer) => answer,
        Err(status) => {
            let lines: Vec<_> = file_faults(&status)?
                .iter()
                .map(|fault| with_excerpt(shown, text, fault))
                .collect();
            return Err(Failure::refused(lines.join("\n")));
        }
    };
    answer
        .faults
        .iter()
        .for_each(|fault| remark(&with_excerpt(shown, text, fault)));
    answer.workflow.ok_or_else(|| {
        Failure::refused(format!(
            "The server stored {shown} but did not describe it."
        ))
    })
}

async fn send(
    session: &Session,
    source: &Source,
    validate_only: bool,
) -> Result<Result<ImportWorkflowResponse, Status>, Failure> {
    let request = ImportWorkflowRequest {
        request_id: if validate_only {
            String::new()
        } else {
            connect::request_id()
        },
        actor: session.to.actor.clone(),
        file: source.text()?.to_owned(),
        format: if source.is_json() {
            FileFormat::Json
        } else {
            FileFormat::Yaml
        }
        .into(),
        validate_only,
        expected_revision: None,
    };
    Ok(session
        .to
        .definitions()
        .await?
        .import_workflow(request)
        .await
        .map(tonic::Response::into_inner))
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn errors_have_the_format_of_editors() {
        let fault = Fault {
            message: "Unknown team `biling`.".to_owned(),
            line: 12,
            column: 7,
            ..Default::default()
        };
        assert_eq!(
            fault_line("refund.yaml", &fault),
            "refund.yaml:12:7: Unknown team `biling`."
        );
        let without = Fault {
            line: 0,
            stage: 2,
            action: 1,
            warning: true,
            ..fault
        };
        assert_eq!(
            fault_line("refund.yaml", &without),
            "refund.yaml: stage 2, action 1: warning: Unknown team `biling`."
        );
    }

    #[test]
    fn the_place_of_an_error_is_found() {
        assert_eq!(
            place("file:3:5", "unknown key"),
            (3, 5, "unknown key".to_owned())
        );
        assert_eq!(
            place("file", "3:5: unknown key"),
            (3, 5, "unknown key".to_owned())
        );
        assert_eq!(
            place("file", "too long: 5 MiB"),
            (0, 0, "too long: 5 MiB".to_owned())
        );
    }

    #[test]
    fn a_refused_file_lists_every_error() {
        let mut details = ErrorDetails::new();
        details
            .add_bad_request_violation("file:1:1", "a")
            .add_bad_request_violation("file:2:1", "b");
        let status = Status::with_error_details(Code::InvalidArgument, "2 faults", details);
        let lines: Vec<_> = file_faults(&status)
            .unwrap()
            .iter()
            .map(|fault| fault_line("f", fault))
            .collect();
        assert_eq!(lines, ["f:1:1: a", "f:2:1: b"]);
    }

    #[test]
    fn names_and_files_are_distinguished() {
        for file in [
            "refund.yaml",
            "./refund",
            "a/b.json",
            "workflows/",
            ".",
            "..",
            "-",
            "*",
        ] {
            assert!(is_file(file), "{file}");
        }
        assert!(!is_file("refund") && !is_file("refund-2"));
    }
}
