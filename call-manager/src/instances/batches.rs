//! Batches: the list, one with the result of each item, and stopping one.

use std::collections::HashMap;

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    Batch, BatchItem, BatchItemState, BatchState, GetBatchRequest, ListBatchItemsRequest,
    ListBatchesRequest, StopBatchRequest,
};
use askama::Template;
use axum::extract::{Form, Path, Query};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::form::Texts;
use crate::frame::{Frame, Here};
use crate::instances::filter::{Pairs, text};
use crate::instances::list::CHANGERS;
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused, request_id};
use crate::words::instances::InstancesWords;

/// Items of a page.
const PAGE_SIZE: u32 = 200;

#[derive(Template)]
#[template(path = "instances/batches.html")]
struct Batches<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    batches: Vec<Batch>,
}

impl Batches<'_> {
    fn what(&self, batch: &Batch) -> String {
        what(self.w, batch)
    }
}

/// What a batch does, in words.
fn what(w: &InstancesWords, batch: &Batch) -> String {
    let kind = batch.work.as_ref().and_then(|work| work.kind.as_ref());
    match kind {
        Some(Kind::Move(work)) => format!("{} → {}", w.work("move"), work.stage),
        Some(Kind::Migrate(work)) => format!("{} → {}", w.work("migrate"), work.to_version),
        Some(Kind::Pause(_)) => w.work("pause").to_owned(),
        Some(Kind::Resume(_)) => w.work("resume").to_owned(),
        Some(Kind::Cancel(_)) => w.work("cancel").to_owned(),
        Some(Kind::HandOver(work)) => {
            let to = format!("{}{}", work.to_person, work.to_team);
            format!("{} → {to}", w.work("hand-over"))
        }
        Some(Kind::Push(work)) => format!("{} → {}", w.work("push"), work.button_id),
        Some(Kind::Snooze(_)) => w.work("snooze").to_owned(),
        Some(Kind::Claim(_)) => w.work("claim").to_owned(),
        None => String::new(),
    }
}

/// `GET /instances/batches`.
pub(crate) async fn list(visit: Visit) -> Response {
    let listed = async {
        let mut client = visit.person.operations();
        let batches = client.list_batches(ListBatchesRequest {}).await?;
        Ok(html(&Batches {
            frame: visit.frame(Here::Instances),
            w: &visit.words.instances,
            batches: batches.into_inner().batches,
        }))
    };
    visit.answer(listed.await)
}

#[derive(Template)]
#[template(path = "instances/batch.html")]
struct One<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    may_change: bool,
    request_id: String,
    batch: Batch,
    items: Vec<BatchItem>,
    refused_only: bool,
    next_page_token: String,
    reason: &'a str,
    why: &'a str,
}

impl One<'_> {
    fn what(&self) -> String {
        what(self.w, &self.batch)
    }

    fn is_running(&self) -> bool {
        self.batch.state() == BatchState::Running
    }

    /// Items that have a result.
    fn ended(&self) -> u32 {
        self.batch.done + self.batch.refused
    }

    fn is_refused(&self, item: &BatchItem) -> bool {
        item.state() == BatchItemState::Refused
    }

    fn page(&self) -> String {
        let token: String =
            form_urlencoded::byte_serialize(self.next_page_token.as_bytes()).collect();
        let refused = if self.refused_only { "refused=1&" } else { "" };
        format!("{refused}page={token}")
    }
}

/// `GET /instances/batches/ID`.
pub(crate) async fn one(visit: Visit, Path(id): Path<u64>, Query(pairs): Query<Pairs>) -> Response {
    visit.answer(page(&visit, id, &pairs, ("", "")).await)
}

async fn page(
    visit: &Visit,
    batch_id: u64,
    pairs: &Pairs,
    (reason, why): (&str, &str),
) -> Result<Response, Trouble> {
    let mut client = visit.person.operations();
    let batch = client.get_batch(GetBatchRequest { batch_id }).await?;
    let refused_only = !text(pairs, "refused").is_empty();
    let request = ListBatchItemsRequest {
        batch_id,
        refused_only,
        page_size: PAGE_SIZE,
        page_token: text(pairs, "page").to_owned(),
    };
    let items = client.list_batch_items(request).await?.into_inner();
    Ok(html(&One {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        may_change: visit.person.may(&CHANGERS),
        request_id: request_id(),
        batch: batch.into_inner().batch.ok_or(Trouble::NotFound)?,
        items: items.items,
        refused_only,
        next_page_token: items.next_page_token,
        reason,
        why,
    }))
}

/// `POST /instances/batches/ID/stop`.
pub(crate) async fn stop(
    visit: Visit,
    Path(id): Path<u64>,
    Form(texts): Form<HashMap<String, String>>,
) -> Response {
    let texts = Texts(texts);
    let stopped = async {
        let request = StopBatchRequest {
            request_id: texts.get("request_id"),
            actor: visit.person.actor(),
            batch_id: id,
            reason: texts.get("reason"),
        };
        match visit.person.operations().stop_batch(request).await {
            Ok(_) => Ok(Redirect::to(&format!("/instances/batches/{id}")).into_response()),
            Err(status) => {
                let (reason, why) = (texts.get("reason"), visit.why(status)?);
                let page = page(&visit, id, &Pairs::new(), (&reason, &why)).await;
                Ok(refused(page?))
            }
        }
    };
    visit.answer(stopped.await)
}
