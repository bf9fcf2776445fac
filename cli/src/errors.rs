//! What can go wrong, as a sentence for the person at the terminal and as an exit code for the
//! script around it.
//!
//! Promise: every failure says what happened and, where there is something to do, what to do next;
//! the codes are those that `aftercall --help` lists and never change their meaning. For programs
//! it is one JSON object with the server's reason. Must not: print anything, or end the process.

use std::io;
use std::process::ExitCode;

use serde_json::json;
use tokio::task::JoinError;
use tonic::{Code, Status};
use tonic_types::{ErrorInfo, FieldViolation, StatusExt};

use crate::time;

/// The exit codes, as the help lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command succeeded.
    Ok = 0,
    /// The request was refused, or a workflow has errors.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// What was named does not exist.
    NotFound = 3,
    /// Known, but its state forbids it.
    Precondition = 4,
    /// The server cannot be reached or cannot answer now.
    Unavailable = 5,
}

impl Exit {
    /// A word for programs, where no server gave a reason.
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Refused => "REFUSED",
            Self::Usage => "USAGE",
            Self::NotFound => "NOT_FOUND",
            Self::Precondition => "FAILED_PRECONDITION",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit as u8)
    }
}

/// Why a command did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{sentence}")]
pub(crate) struct Failure {
    exit: Exit,
    sentence: String,
    /// The server's status, if a server refused.
    status: Option<Box<Status>>,
}

impl Failure {
    /// A failure with its exit code. An empty sentence prints nothing: stdout has it all.
    pub(crate) fn new(exit: Exit, sentence: impl Into<String>) -> Self {
        Self {
            exit,
            sentence: sentence.into(),
            status: None,
        }
    }

    /// The request was refused, or a workflow has errors.
    pub(crate) fn refused(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Refused, sentence)
    }

    /// The command line is wrong.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Usage, sentence)
    }

    /// What was named does not exist.
    pub(crate) fn not_found(sentence: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, sentence)
    }

    /// The server cannot be reached or cannot answer now.
    pub(crate) fn unavailable(sentence: impl Into<String>) -> Self {
        Self::new(Exit::Unavailable, sentence)
    }

    /// The code that the process ends with.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// What to say on stderr; empty for nothing.
    pub(crate) fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The failure as one JSON object: `reason` is the server's stable one, or a word for the exit
    /// code.
    pub(crate) fn json(&self) -> serde_json::Value {
        let mut error = json!({ "reason": self.exit.word(), "message": self.sentence, "exit_code": self.exit as u8 });
        if let Some(status) = &self.status {
            let details = status.get_error_details();
            if let Some(info) = details.error_info() {
                error["reason"] = info.reason.as_str().into();
                error["metadata"] = json!(info.metadata);
            }
            if let Some(bad) = details.bad_request() {
                let field = |one: &FieldViolation| json!({ "field": one.field, "message": one.description });
                error["fields"] = bad.field_violations.iter().map(field).collect();
            }
            error["message"] = headline(status).into();
            error["grpc_code"] = format!("{:?}", status.code()).into();
        }
        json!({ "error": error })
    }

    /// Adds a line that says what to do next.
    pub(crate) fn advise(mut self, advice: &str) -> Self {
        self.sentence.push('\n');
        self.sentence.push_str(advice);
        self
    }
}

/// A task of this program that panicked or was cancelled.
impl From<JoinError> for Failure {
    fn from(error: JoinError) -> Self {
        Self::refused(format!("A request was broken off: {error}."))
    }
}

impl From<io::Error> for Failure {
    /// A reader that has gone away (`aftercall calls | head`) is not a failure.
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(Exit::Ok, ""),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        let status = match aftercall_client::Error::from(status) {
            aftercall_client::Error::Refused(status) => *status,
            error => return Self::unavailable(of_connection(&error)),
        };
        let mut lines = vec![headline(&status)];
        lines.extend(details(&status));
        let info = status.get_details_error_info();
        let reason = info.as_ref().map_or("", |info| &info.reason);
        lines.extend(info.as_ref().and_then(|info| lease(info, status.message())));
        lines.extend(advice(status.code(), reason).map(str::to_owned));
        lines.extend(info.as_ref().and_then(mapping_advice));
        let exit = if is_about_what_is_missing(&status) {
            Exit::NotFound
        } else {
            exit_of(status.code())
        };
        Self {
            exit,
            sentence: lines.join("\n"),
            status: Some(Box::new(status)),
        }
    }
}

/// The server did not read the request: it speaks otherwise, or requires a certificate.
fn of_connection(error: &aftercall_client::Error) -> String {
    let advice = match error {
        aftercall_client::Error::OnlyTls => "Write https:// before its address.",
        _ => "Give --client-certificate FILE and --client-key FILE.",
    };
    format!("The request was not sent: {error}.\n{advice}")
}

/// Whether all that is wrong is that something does not exist: an id that cannot be one, or a name
/// in a field.
fn is_about_what_is_missing(status: &Status) -> bool {
    let bad = status.get_details_bad_request();
    bad.is_some_and(|bad| {
        let is_id =
            |one: &FieldViolation| one.field == "instance_id" && !one.description.contains("given");
        let is_missing =
            |one: &FieldViolation| is_id(one) || one.description.starts_with("there is no ");
        !bad.field_violations.is_empty() && bad.field_violations.iter().all(is_missing)
    })
}

/// The exit code of a gRPC code.
pub(crate) fn exit_of(code: Code) -> Exit {
    match code {
        Code::Ok => Exit::Ok,
        Code::NotFound => Exit::NotFound,
        Code::FailedPrecondition | Code::Aborted | Code::OutOfRange => Exit::Precondition,
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => {
            Exit::Unavailable
        }
        _ => Exit::Refused,
    }
}

fn headline(status: &Status) -> String {
    match (status.message(), status.code()) {
        ("", Code::DeadlineExceeded) => "The server did not answer in time.".to_owned(),
        ("", code) => format!("The server refused: {}.", code.description()),
        (message, _) => message.to_owned(),
    }
}

/// The `google.rpc` details, one line each, without those that the headline has.
fn details(status: &Status) -> Vec<String> {
    let found = status.get_error_details();
    let mut lines = Vec::new();
    let about = |subject: &str, description: &str| match (subject, description) {
        (_, said) if said.is_empty() || said == status.message() => format!("  {subject}"),
        ("", description) => format!("  {description}"),
        (subject, description) => format!("  {subject}: {description}"),
    };
    if let Some(bad) = found.bad_request() {
        lines.extend(
            bad.field_violations
                .iter()
                .map(|fault| format!("  {}: {}", fault.field, fault.description)),
        );
    }
    if let Some(failed) = found.precondition_failure() {
        lines.extend(
            failed
                .violations
                .iter()
                .map(|fault| about(&fault.subject, &fault.description)),
        );
    }
    if let Some(quota) = found.quota_failure() {
        lines.extend(
            quota
                .violations
                .iter()
                .map(|fault| format!("  {}: {}", fault.subject, fault.description)),
        );
    }
    if let Some(resource) = found.resource_info() {
        let subject = format!("{} {}", resource.resource_type, resource.resource_name);
        lines.push(about(&subject, &resource.description));
    }
    if let Some(request) = found.request_info() {
        lines.push(format!(
            "  Look it up in the server's log by {}.",
            request.request_id
        ));
    }
    if let Some(delay) = found.retry_info().and_then(|retry| retry.retry_delay) {
        lines.push(format!("  Ask again in {:.1} s.", delay.as_secs_f64()));
    }
    lines.retain(|line| !status.message().contains(line.trim()));
    lines
}

/// When the lease of the holder ends by the clock of the terminal, where the server's sentence
/// shows it by another clock.
fn lease(info: &ErrorInfo, sentence: &str) -> Option<String> {
    let until = info
        .metadata
        .get("held_until")
        .filter(|_| info.reason == "CLAIMED_BY_ANOTHER")?;
    let local = time::local(Some(&time::proto(until.parse().ok()?)));
    let is_shown = local
        .get(..LOCAL_SECONDS)
        .is_some_and(|shown| sentence.contains(shown));
    (!is_shown).then(|| format!("In your time zone the lease ends at {local}."))
}

/// How many characters of a local time come before its distance from UTC.
const LOCAL_SECONDS: usize = "2026-11-24 09:00:00".len();

/// How to migrate an instance whose stage the version does not have, or in which nothing would
/// wait.
fn mapping_advice(info: &ErrorInfo) -> Option<String> {
    let is_of_a_stage = matches!(&*info.reason, "STAGE_GONE" | "WOULD_BE_STUCK");
    let stage = info.metadata.get("stage").filter(|_| is_of_a_stage)?;
    Some(format!(
        "Add `--map {stage}=TO`, with a stage of that version as TO: `aftercall workflow show NAME --version N` lists them."
    ))
}

fn advice(code: Code, reason: &str) -> Option<&'static str> {
    Some(match (reason, code) {
        ("BUTTON_GONE" | "STALE_VISIT", _) => {
            "Look at it again with `aftercall instance show ID` before you push: somebody or a timer was first."
        }
        ("PAUSED", _) => "`aftercall resume ID` ends the pause.",
        ("INSTANCE_ENDED", _) => "It has ended; `aftercall history ID` says how.",
        ("NOT_VISIBLE", _) => {
            "Call Managers do not see it: its call is not chargeable, or has not ended yet, or the follow-up is over. \
             `aftercall instance explain ID` says which."
        }
        ("NOT_PUBLISHED" | "NO_DRAFT", _) => {
            "Import the workflow with `aftercall workflow import FILE`, then `aftercall workflow publish NAME`."
        }
        ("WORKFLOW_HAS_FAULTS", _) => {
            "Correct it in its file (`aftercall workflow validate FILE` shows the lines), or step by step."
        }
        ("ALREADY_RUNNING", _) => {
            "Use `--if-running return` to get the one that runs, or `--if-running replace`."
        }
        ("CLAIM_NEXT_ONLY", _) => "`aftercall claim-next` claims the next one.",
        ("CLAIMED_BY_ANOTHER", _) => "`aftercall take-over ID --reason …` takes it over.",
        ("REQUEST_ID_REUSED", _) => {
            "This request id was used for something else: omit --request-id, or use another."
        }
        ("MIGRATION_REFUSED", _) => {
            "`--dry-run` lists them. `--map FROM=TO` names a stage for those whose stage is gone; `--allow-refused` leaves them out."
        }
        ("ALREADY_WORKED", _) => {
            "Somebody has worked on it: cancel it with `aftercall instance cancel ID --reason …`."
        }
        (_, Code::Aborted) => "It has changed meanwhile: read it again, then repeat.",
        (_, Code::OutOfRange) => "Omit --resume, or use --snapshot auto, to begin with a snapshot.",
        ("TOKEN_EXPIRED" | "TOKEN_REVOKED", _) => {
            "Get a new token: `aftercall login` for a context, or name the file that has it with --token-file."
        }
        (_, Code::Unauthenticated) => {
            "The server requires proof of who you are: log in with `aftercall login`, or use a context that has a token \
             (`aftercall context list`), or give --token-file FILE, or --client-certificate and --client-key."
        }
        (_, Code::Unavailable) => {
            "Asking again is safe. `aftercall server info` says how the server is."
        }
        (_, Code::DeadlineExceeded) => {
            "It may have happened all the same: look before you repeat it, or repeat with the same --request-id."
        }
        (_, Code::Unimplemented) => {
            "This server is older than this command line, or is not an Aftercall server."
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn every_code_has_its_exit_code() {
        assert_eq!(exit_of(Code::InvalidArgument), Exit::Refused);
        assert_eq!(exit_of(Code::AlreadyExists), Exit::Refused);
        assert_eq!(exit_of(Code::NotFound), Exit::NotFound);
        assert_eq!(exit_of(Code::FailedPrecondition), Exit::Precondition);
        assert_eq!(exit_of(Code::Aborted), Exit::Precondition);
        assert_eq!(exit_of(Code::Unavailable), Exit::Unavailable);
        assert_eq!(exit_of(Code::DeadlineExceeded), Exit::Unavailable);
        assert_eq!(Exit::Unavailable as u8, 5);
    }

    #[test]
    fn all_invalid_fields_are_printed() {
        let violations = vec![
            FieldViolation::new("call.id", "is empty"),
            FieldViolation::new("workflow", "is empty"),
        ];
        let details = ErrorDetails::with_bad_request(violations);
        let status =
            Status::with_error_details(Code::InvalidArgument, "2 fields are wrong", details);
        let failure = Failure::from(status);
        assert_eq!(
            failure.sentence(),
            "2 fields are wrong\n  call.id: is empty\n  workflow: is empty"
        );
        assert_eq!(failure.exit(), Exit::Refused);
    }

    #[test]
    fn json_has_the_reason_of_the_server() {
        let info = HashMap::from([("holder".to_owned(), "ann".to_owned())]);
        let details = ErrorDetails::with_error_info("CLAIMED_BY_ANOTHER", "aftercall", info);
        let failure = Failure::from(Status::with_error_details(
            Code::FailedPrecondition,
            "ann holds it",
            details,
        ));
        let expected = json!({"error": {
            "reason": "CLAIMED_BY_ANOTHER", "message": "ann holds it", "exit_code": 4, "grpc_code": "FailedPrecondition",
            "metadata": {"holder": "ann"},
        }});
        assert_eq!(failure.json(), expected);
        let usage = json!({"error": {"reason": "USAGE", "message": "no", "exit_code": 2}});
        assert_eq!(Failure::usage("no").json(), usage);
    }

    #[test]
    fn a_refused_claim_shows_how_to_take_over() {
        let until = HashMap::from([("held_until".to_owned(), "1970-01-01T00:01:00Z".to_owned())]);
        let details = ErrorDetails::with_error_info("CLAIMED_BY_ANOTHER", "aftercall", until);
        let failure = Failure::from(Status::with_error_details(
            Code::FailedPrecondition,
            "ann holds it",
            details,
        ));
        let here = time::local(Some(&prost_types::Timestamp {
            seconds: 60,
            nanos: 0,
        }));
        let expected = format!(
            "ann holds it\nIn your time zone the lease ends at {here}.\n`aftercall take-over ID --reason …` takes it over."
        );
        assert_eq!(failure.sentence(), expected);
    }

    #[test]
    fn a_missing_name_has_one_exit_code() {
        let of = |field: &str, description: &str| {
            let details =
                ErrorDetails::with_bad_request(vec![FieldViolation::new(field, description)]);
            Failure::from(Status::with_error_details(
                Code::InvalidArgument,
                "wrong",
                details,
            ))
            .exit()
        };
        assert_eq!(
            (
                of("instance_id", "is not an id"),
                of("call.id", "is not an id")
            ),
            (Exit::NotFound, Exit::Refused)
        );
        assert_eq!(of("to_team", "there is no team `biling`"), Exit::NotFound);
    }

    #[test]
    fn a_refused_push_suggests_to_look_again() {
        let details = ErrorDetails::with_error_info("BUTTON_GONE", "aftercall", HashMap::new());
        let status = Status::with_error_details(Code::FailedPrecondition, "jo was first", details);
        let failure = Failure::from(status);
        assert!(
            failure
                .sentence()
                .starts_with("jo was first\nLook at it again"),
            "{}",
            failure.sentence()
        );
        assert_eq!(failure.exit(), Exit::Precondition);
    }

    #[test]
    fn a_migration_without_a_stage_names_the_option() {
        let info = HashMap::from([("stage".to_owned(), "5".to_owned())]);
        let details = ErrorDetails::with_error_info("STAGE_GONE", "aftercall", info);
        let failure = Failure::from(Status::with_error_details(
            Code::FailedPrecondition,
            "its stage is gone",
            details,
        ));
        assert!(
            failure.sentence().contains("Add `--map 5=TO`"),
            "{}",
            failure.sentence()
        );
    }

    #[test]
    fn a_request_without_proof_names_the_option() {
        let failure = Failure::from(Status::unauthenticated("who are you"));
        for named in ["--token-file", "aftercall login", "aftercall context list"] {
            let sentence = failure.sentence();
            assert!(sentence.contains(named), "{sentence}");
        }
        assert_eq!(failure.exit(), Exit::Refused);
    }

    #[test]
    fn a_closed_pipe_is_no_failure() {
        assert_eq!(
            Failure::from(io::Error::from(io::ErrorKind::BrokenPipe)).exit(),
            Exit::Ok
        );
    }
}
