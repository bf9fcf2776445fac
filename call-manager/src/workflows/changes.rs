//! Publishing a draft, and taking a workflow out of use: each with a question before.

use std::collections::HashMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    ArchiveWorkflowRequest, DiffVersionsResponse, PublishWorkflowRequest, ValidateWorkflowRequest,
    WorkflowSummary,
};
use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::form::Texts;
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused, request_id};
use crate::words::workflows::WorkflowsWords;
use crate::workflows::findings::{Finding, errors};
use crate::workflows::one::differing;
use crate::workflows::summaries::{named, open_instances};

#[derive(Template)]
#[template(path = "workflows/publish.html")]
struct Publish<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    is_author: bool,
    request_id: String,
    summary: WorkflowSummary,
    found: DiffVersionsResponse,
    findings: Vec<Finding>,
    /// The versions with open instances, newest first.
    open: Vec<(u32, u64)>,
    why: &'a str,
}

impl Publish<'_> {
    fn errors(&self) -> usize {
        errors(&self.findings)
    }
}

/// `GET /workflows/w/NAME/publish`.
pub(crate) async fn ask_publish(visit: Visit, Path(name): Path<String>) -> Response {
    visit.answer(publish_page(&visit, &name, "").await)
}

async fn publish_page(visit: &Visit, name: &str, why: &str) -> Result<Response, Trouble> {
    let person = &visit.person;
    let validate = ValidateWorkflowRequest {
        name: name.to_owned(),
        version: 0,
    };
    let summary = named(person, name).await?;
    let faults = person.definitions().validate_workflow(validate).await?;
    let faults = faults.into_inner().faults.into_iter();
    let found = differing(person, name, summary.newest_version, (0, true)).await?;
    let mut open = open_instances(person, Some(name)).await?;
    let open = open.remove(name).unwrap_or_default();
    Ok(html(&Publish {
        frame: visit.frame(Here::Workflows),
        w: &visit.words.workflows,
        is_author: person.may(&[Role::Author]),
        request_id: request_id(),
        summary,
        found,
        findings: faults.map(Finding::from).collect(),
        open: open.into_iter().rev().collect(),
        why,
    }))
}

/// `POST /workflows/w/NAME/publish`.
pub(crate) async fn publish(
    visit: Visit,
    Path(name): Path<String>,
    Form(texts): Form<HashMap<String, String>>,
) -> Response {
    let texts = Texts(texts);
    let published = async {
        let request = PublishWorkflowRequest {
            request_id: texts.get("request_id"),
            actor: visit.person.actor(),
            name: name.clone(),
            expected_revision: texts.get("revision").parse().ok(),
        };
        let published = visit.person.definitions().publish_workflow(request).await;
        match published {
            Ok(_) => {
                Ok(Redirect::to(&format!("/workflows/w/{name}?done=published")).into_response())
            }
            Err(status) => {
                let why = visit.why(status)?;
                Ok(refused(publish_page(&visit, &name, &why).await?))
            }
        }
    };
    visit.answer(published.await)
}

#[derive(Template)]
#[template(path = "workflows/archive.html")]
struct Archive<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    is_author: bool,
    request_id: String,
    summary: WorkflowSummary,
    /// How many instances are open.
    open: u64,
    why: &'a str,
}

/// `GET /workflows/w/NAME/archive`.
pub(crate) async fn ask_archive(visit: Visit, Path(name): Path<String>) -> Response {
    visit.answer(archive_page(&visit, &name, "").await)
}

async fn archive_page(visit: &Visit, name: &str, why: &str) -> Result<Response, Trouble> {
    let person = &visit.person;
    let summary = named(person, name).await?;
    let open = open_instances(person, Some(name)).await?;
    Ok(html(&Archive {
        frame: visit.frame(Here::Workflows),
        w: &visit.words.workflows,
        is_author: person.may(&[Role::Author]),
        request_id: request_id(),
        summary,
        open: open.values().flat_map(|of| of.values()).sum(),
        why,
    }))
}

/// `POST /workflows/w/NAME/archive`.
pub(crate) async fn archive(
    visit: Visit,
    Path(name): Path<String>,
    Form(texts): Form<HashMap<String, String>>,
) -> Response {
    let texts = Texts(texts);
    let archived = async {
        let restore = !texts.get("restore").is_empty();
        let request = ArchiveWorkflowRequest {
            request_id: texts.get("request_id"),
            actor: visit.person.actor(),
            name: name.clone(),
            restore,
            expected_revision: texts.get("revision").parse().ok(),
        };
        let archived = visit.person.definitions().archive_workflow(request).await;
        match archived {
            Ok(_) => {
                let done = if restore { "restored" } else { "archived" };
                Ok(Redirect::to(&format!("/workflows/w/{name}?done={done}")).into_response())
            }
            Err(status) => {
                let why = visit.why(status)?;
                Ok(refused(archive_page(&visit, &name, &why).await?))
            }
        }
    };
    visit.answer(archived.await)
}
