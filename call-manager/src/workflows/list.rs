//! The list of workflows.

use std::collections::BTreeMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::WorkflowSummary;
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use serde::Deserialize;

use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words::workflows::WorkflowsWords;
use crate::workflows::summaries::{all, open_instances, state};

/// The filter in the address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    archived: String,
}

#[derive(Template)]
#[template(path = "workflows/list.html")]
struct List<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    is_author: bool,
    asked: &'a Asked,
    workflows: Vec<WorkflowSummary>,
    open: BTreeMap<String, BTreeMap<u32, u64>>,
}

impl List<'_> {
    fn state(&self, one: &WorkflowSummary) -> Vec<&str> {
        state(self.frame.words, one)
    }

    /// The open instances of a workflow, newest version first.
    fn open(&self, one: &WorkflowSummary) -> Vec<(u32, u64)> {
        let versions = self.open.get(&one.name).into_iter().flatten();
        let mut versions: Vec<_> = versions
            .map(|(version, count)| (*version, *count))
            .collect();
        versions.reverse();
        versions
    }
}

/// `GET /workflows`.
pub(crate) async fn list(visit: Visit, Query(asked): Query<Asked>) -> Response {
    visit.answer(listed(&visit, &asked).await)
}

async fn listed(visit: &Visit, asked: &Asked) -> Result<Response, Trouble> {
    let person = &visit.person;
    let open = open_instances(person, None).await?;
    let mut workflows = all(person).await?;
    if asked.archived.is_empty() {
        workflows.retain(|one| !one.archived);
    }
    Ok(html(&List {
        frame: visit.frame(Here::Workflows),
        w: &visit.words.workflows,
        is_author: person.may(&[Role::Author]),
        asked,
        workflows,
        open,
    }))
}
