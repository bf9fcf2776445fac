//! Erasing a caller: what it would be about, a confirmation that is typed, and how far it is.
//!
//! Promise: nothing is erased before its calls were shown, and before the person has typed what
//! identifies the caller a second time.

use std::collections::HashMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    CallRef, EraseCallerRequest, EraseCallerResponse, Erasure, ErasureState, GetErasureRequest,
    ListErasuresRequest,
};
use askama::Template;
use axum::extract::{Form, Path};
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::form::Texts;
use crate::frame::{Frame, Here};
use crate::instances::list::known;
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused, request_id};
use crate::words::instances::InstancesWords;

#[derive(Template)]
#[template(path = "instances/erasures.html")]
struct Erasures<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    may_erase: bool,
    request_id: String,
    erasures: Vec<Erasure>,
    texts: &'a Texts,
    /// What an erasure would be about; `None` before it was looked for.
    found: Option<EraseCallerResponse>,
    why: &'a str,
}

impl Erasures<'_> {
    fn names(&self, calls: &[CallRef]) -> Vec<String> {
        names(calls)
    }
}

fn names(calls: &[CallRef]) -> Vec<String> {
    let names = calls.iter();
    names
        .map(|call| format!("{} / {}", call.source, call.id))
        .collect()
}

/// `GET /instances/erasures`.
pub(crate) async fn list(visit: Visit) -> Response {
    visit.answer(page(&visit, &Texts(HashMap::new()), None, "").await)
}

async fn page(
    visit: &Visit,
    texts: &Texts,
    found: Option<EraseCallerResponse>,
    why: &str,
) -> Result<Response, Trouble> {
    let mut client = visit.person.operations();
    let erasures = client.list_erasures(ListErasuresRequest {}).await?;
    Ok(html(&Erasures {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        may_erase: visit.person.may(&[Role::Operator]),
        request_id: request_id(),
        erasures: erasures.into_inner().erasures,
        texts,
        found,
        why,
    }))
}

/// `POST /instances/erasures`: looks for the calls of the caller, or erases the caller.
pub(crate) async fn erase(visit: Visit, Form(texts): Form<HashMap<String, String>>) -> Response {
    visit.answer(erased(&visit, &Texts(texts)).await)
}

async fn erased(visit: &Visit, texts: &Texts) -> Result<Response, Trouble> {
    let request = EraseCallerRequest {
        request_id: texts.get("request_id"),
        actor: visit.person.actor(),
        caller: Some(known(&texts.get("known_by"))),
        customer: texts.get("customer"),
        reason: texts.get("reason"),
        dry_run: true,
    };
    let mut client = visit.person.operations();
    // Also before the second step: its page shows the calls again if it is refused.
    let found = match client.erase_caller(request.clone()).await {
        Ok(found) => found.into_inner(),
        Err(status) => {
            let why = visit.why(status)?;
            return Ok(refused(page(visit, texts, None, &why).await?));
        }
    };
    if texts.get("act") != "erase" {
        return page(visit, texts, Some(found), "").await;
    }
    if texts.get("again").trim() != texts.get("known_by").trim() {
        let why = &visit.words.instances.typed_otherwise;
        return Ok(refused(page(visit, texts, Some(found), why).await?));
    }
    let request = EraseCallerRequest {
        dry_run: false,
        ..request
    };
    match client.erase_caller(request).await {
        Ok(answer) => {
            let erasure = answer.into_inner().erasure.unwrap_or_default();
            Ok(Redirect::to(&format!("/instances/erasures/{}", erasure.id)).into_response())
        }
        Err(status) => {
            let why = visit.why(status)?;
            Ok(refused(page(visit, texts, Some(found), &why).await?))
        }
    }
}

#[derive(Template)]
#[template(path = "instances/erasure.html")]
struct One<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    erasure: Erasure,
}

impl One<'_> {
    fn is_running(&self) -> bool {
        self.erasure.state() != ErasureState::Done
    }

    fn calls(&self) -> Vec<String> {
        names(&self.erasure.calls)
    }
}

/// `GET /instances/erasures/ID`.
pub(crate) async fn one(visit: Visit, Path(erasure_id): Path<u64>) -> Response {
    let shown = async {
        let request = GetErasureRequest { erasure_id };
        let read = visit.person.operations().get_erasure(request).await?;
        Ok(html(&One {
            frame: visit.frame(Here::Instances),
            w: &visit.words.instances,
            erasure: read.into_inner().erasure.ok_or(Trouble::NotFound)?,
        }))
    };
    visit.answer(shown.await)
}
