//! The editor: the text of a workflow's file, its errors at their lines, and its draft.
//!
//! Promise: what was typed or uploaded is shown again with every answer. A draft that somebody
//! else has changed meanwhile is replaced only after a second click.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{FileFormat, ImportWorkflowRequest, WorkflowDescription};
use askama::Template;
use axum::extract::{Multipart, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use tonic::Code;

use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::{Visit, request_id};
use crate::words::workflows::WorkflowsWords;
use crate::workflows::findings::{Finding, Line, errors, lines, of_refusal};
use crate::workflows::one::{description, exported};

/// What a new file begins with.
const BEGINNING: &str = "\
format: 1
workflow: my-workflow
title: My workflow
fields:
  reason: { type: text }
on_new_call:
  - alert: { text: \"Call back {{ call.caller.name }}\", team: my-team, priority: normal, due: 4h }
  - button: Reached
    then: [ finish: reached ]
  - button: Not reached
    then:
      - timer: 2h
        then: [ link: new-call ]
";

/// Which file is opened.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// Empty for a new workflow.
    name: String,
    /// The text of a published version, as a new draft. 0 for the draft, or the newest version.
    version: u32,
}

/// The form of the editor, as it was sent.
#[derive(Debug, Default)]
struct Typed {
    request_id: String,
    /// The workflow whose draft was looked at; empty for a new one.
    name: String,
    /// Its revision at that time; empty for a new one.
    revision: String,
    text: String,
    /// What is to be done: `check`, `store`, or nothing for a file that is only opened.
    act: String,
}

/// What came of the form.
#[derive(Debug, Default)]
struct Outcome {
    findings: Vec<Finding>,
    /// The sentence of a refusal that is not about the text.
    refused: String,
    /// What is said otherwise.
    said: String,
    status: StatusCode,
}

#[derive(Template)]
#[template(path = "workflows/editor.html")]
struct Editor<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    is_author: bool,
    request_id: String,
    typed: &'a Typed,
    outcome: &'a Outcome,
}

impl Editor<'_> {
    fn lines(&self) -> Vec<Line<'_>> {
        lines(&self.typed.text, &self.outcome.findings)
    }

    fn errors(&self) -> usize {
        errors(&self.outcome.findings)
    }

    fn warnings(&self) -> usize {
        self.outcome.findings.len() - self.errors()
    }
}

fn page(visit: &Visit, typed: &Typed, outcome: &Outcome) -> Response {
    let mut response = html(&Editor {
        frame: visit.frame(Here::Workflows),
        w: &visit.words.workflows,
        is_author: visit.person.may(&[Role::Author]),
        request_id: request_id(),
        typed,
        outcome,
    });
    if response.status() == StatusCode::OK {
        *response.status_mut() = outcome.status;
    }
    response
}

/// `GET /workflows/edit`.
pub(crate) async fn open(visit: Visit, Query(asked): Query<Asked>) -> Response {
    let opened = async {
        let typed = opened(&visit, &asked).await?;
        Ok(page(&visit, &typed, &Outcome::default()))
    };
    visit.answer(opened.await)
}

async fn opened(visit: &Visit, asked: &Asked) -> Result<Typed, Trouble> {
    if asked.name.is_empty() {
        return Ok(Typed {
            text: BEGINNING.to_owned(),
            ..Typed::default()
        });
    }
    let (person, name) = (&visit.person, &asked.name);
    let mut version = (asked.version, asked.version == 0);
    let read = match description(person, name, version).await {
        Err(Trouble::NotFound) if version.1 => {
            // Without a draft, the newest version is what the next draft begins with.
            version = (0, false);
            description(person, name, version).await?
        }
        read => read?,
    };
    Ok(Typed {
        name: name.clone(),
        revision: read.0.revision.to_string(),
        text: exported(person, name, version, FileFormat::Yaml).await?,
        ..Typed::default()
    })
}

/// `POST /workflows/edit`.
pub(crate) async fn work(visit: Visit, form: Multipart) -> Response {
    let worked = async {
        let mut typed = typed(form).await?;
        match typed.act.as_str() {
            "store" => store(&visit, &mut typed).await,
            "check" => check(&visit, &typed).await,
            _ => Ok(page(&visit, &typed, &Outcome::default())),
        }
    };
    visit.answer(worked.await)
}

/// Reads the form. A file that was chosen takes the place of the text.
async fn typed(mut form: Multipart) -> Result<Typed, Trouble> {
    let unread = |error: axum::extract::multipart::MultipartError| Trouble::Form(error.body_text());
    let mut typed = Typed::default();
    let mut file = String::new();
    while let Some(field) = form.next_field().await.map_err(unread)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unread)?;
        // What is no UTF-8 is shown with signs for it, and refused by the server at its place.
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match name.as_str() {
            "request_id" => typed.request_id = text,
            "name" => typed.name = text,
            "revision" => typed.revision = text,
            // Browsers send CR LF for the end of each line.
            "text" => typed.text = text.replace("\r\n", "\n"),
            "file" => file = text,
            "act" => typed.act = text,
            _ => {}
        }
    }
    if !file.is_empty() {
        typed.text = file;
    }
    Ok(typed)
}

/// What the server says about the text.
enum Import {
    Taken(Box<WorkflowDescription>, Vec<Finding>),
    /// The text has errors of form.
    Bad(Vec<Finding>),
    /// It is refused for another reason.
    Refused(Code, String),
}

async fn import(visit: &Visit, typed: &Typed, expected: Option<u64>) -> Result<Import, Trouble> {
    let request = ImportWorkflowRequest {
        request_id: typed.request_id.clone(),
        actor: visit.person.actor(),
        file: typed.text.clone(),
        validate_only: expected.is_none(),
        expected_revision: expected,
        ..ImportWorkflowRequest::default()
    };
    match visit.person.definitions().import_workflow(request).await {
        Ok(answer) => {
            let answer = answer.into_inner();
            let findings = answer.faults.into_iter().map(Finding::from).collect();
            let workflow = answer.workflow.unwrap_or_default();
            Ok(Import::Taken(Box::new(workflow), findings))
        }
        Err(status) => match of_refusal(&status) {
            Some(findings) => Ok(Import::Bad(findings)),
            None => Ok(Import::Refused(status.code(), visit.why(status)?)),
        },
    }
}

fn bad(findings: Vec<Finding>) -> Outcome {
    Outcome {
        findings,
        status: StatusCode::UNPROCESSABLE_ENTITY,
        ..Outcome::default()
    }
}

fn refused(why: String) -> Outcome {
    Outcome {
        refused: why,
        status: StatusCode::CONFLICT,
        ..Outcome::default()
    }
}

async fn check(visit: &Visit, typed: &Typed) -> Result<Response, Trouble> {
    let outcome = match import(visit, typed, None).await? {
        Import::Taken(_, findings) => {
            let is_sound = findings.is_empty();
            let said = is_sound.then(|| visit.words.workflows.no_errors.clone());
            Outcome {
                findings,
                said: said.unwrap_or_default(),
                ..Outcome::default()
            }
        }
        Import::Bad(findings) => bad(findings),
        Import::Refused(_, why) => refused(why),
    };
    Ok(page(visit, typed, &outcome))
}

async fn store(visit: &Visit, typed: &mut Typed) -> Result<Response, Trouble> {
    let w = &visit.words.workflows;
    // Checked first: only the text says which workflow it is.
    let workflow = match import(visit, typed, None).await? {
        Import::Taken(workflow, _) => workflow,
        Import::Bad(findings) => return Ok(page(visit, typed, &bad(findings))),
        Import::Refused(_, why) => return Ok(page(visit, typed, &refused(why))),
    };
    let seen: u64 = typed.revision.parse().unwrap_or_default();
    let is_seen = seen == workflow.revision && (seen == 0 || typed.name == workflow.name);
    if !is_seen {
        let why = if typed.name == workflow.name {
            &w.changed_meanwhile
        } else {
            &w.name_taken
        };
        typed.name = workflow.name;
        typed.revision = workflow.revision.to_string();
        return Ok(page(visit, typed, &refused(why.clone())));
    }
    match import(visit, typed, Some(seen)).await? {
        Import::Taken(workflow, findings) if errors(&findings) == 0 => {
            let to = format!("/workflows/w/{}?version=draft&done=stored", workflow.name);
            Ok(Redirect::to(&to).into_response())
        }
        Import::Taken(workflow, findings) => {
            typed.name = workflow.name;
            typed.revision = workflow.revision.to_string();
            let outcome = Outcome {
                findings,
                said: w.stored_with_errors.clone(),
                ..Outcome::default()
            };
            Ok(page(visit, typed, &outcome))
        }
        Import::Bad(findings) => Ok(page(visit, typed, &bad(findings))),
        Import::Refused(Code::Aborted, _) => {
            let changed = refused(w.changed_meanwhile.clone());
            Ok(page(visit, typed, &changed))
        }
        Import::Refused(_, why) => Ok(page(visit, typed, &refused(why))),
    }
}
