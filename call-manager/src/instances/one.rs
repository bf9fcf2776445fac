//! One instance: why it is where it is, what happened to it, and what an operator can do.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{ExplainInstanceRequest, FollowUp, Status, WorkflowSummary};
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::Response;

use crate::follow_up::history_of;
use crate::frame::{Frame, Here};
use crate::instances::filter::{Pairs, text};
use crate::instances::list::CHANGERS;
use crate::instances::stages::stages;
use crate::layout::html;
use crate::shown;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words::instances::InstancesWords;
use crate::workflows::summary;

#[derive(Template)]
#[template(path = "instances/one.html")]
struct One<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    may_change: bool,
    one: FollowUp,
    sentences: Vec<String>,
    /// The HTML of its history.
    history: String,
    /// The stages of its version: number and title.
    stages: Vec<(u32, String)>,
    /// The versions that it can be migrated to.
    versions: Vec<u32>,
    is_done: bool,
}

impl One<'_> {
    fn is_open(&self) -> bool {
        !matches!(self.one.status(), Status::Finished | Status::Cancelled)
    }

    fn is_on_board(&self) -> bool {
        let may_look = [Role::Agent, Role::Supervisor, Role::Operator, Role::Auditor];
        self.one.visible && self.frame.person.may(&may_look)
    }

    fn call(&self) -> String {
        let call = self.one.call.as_ref().and_then(|call| call.r#ref.as_ref());
        call.map(|named| format!("{} / {}", named.source, named.id))
            .unwrap_or_default()
    }

    fn fields(&self) -> Vec<(&str, String)> {
        let fields = self.one.fields.iter();
        fields
            .map(|(name, value)| (name.as_str(), shown::value(self.frame.words, value)))
            .collect()
    }
}

/// `GET /instances/i/ID`.
pub(crate) async fn one(
    visit: Visit,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    visit.answer(shown(&visit, &id, &pairs).await)
}

async fn shown(visit: &Visit, id: &str, pairs: &Pairs) -> Result<Response, Trouble> {
    let person = &visit.person;
    let mut client = person.operations();
    let request = ExplainInstanceRequest {
        instance_id: id.to_owned(),
        read_mask: None,
    };
    let explained = client.explain_instance(request).await?.into_inner();
    let one = explained.instance.ok_or(Trouble::NotFound)?;
    let history = history_of(person, visit.words, id).await?;
    let stages = stages(person, &one.workflow, one.version).await?;
    let newest = summary(person, &one.workflow).await;
    let newest = newest.map_or(0, |summary: WorkflowSummary| summary.newest_version);
    let others = (1..=newest).rev().filter(|version| *version != one.version);
    Ok(html(&One {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        may_change: person.may(&CHANGERS),
        versions: others.collect(),
        one,
        sentences: explained.sentences,
        history,
        stages,
        is_done: !text(pairs, "done").is_empty(),
    }))
}
