//! How the workflow-server is, in words, and what to do about what is wrong.

use std::collections::HashMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    AcceptClockRequest, ConfirmPurgeRequest, GetServerInfoRequest, GetServerInfoResponse,
    ListOverdueTimersRequest, ListStuckInstancesRequest, StuckCount,
};
use askama::Template;
use axum::extract::Form;
use axum::response::{IntoResponse as _, Redirect, Response};
use prost_types::Duration;

use crate::form::Texts;
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused, request_id};
use crate::words::instances::InstancesWords;

#[derive(Template)]
#[template(path = "instances/server.html")]
struct State<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    may_confirm: bool,
    request_id: String,
    info: GetServerInfoResponse,
    /// Timers that are past their time.
    overdue: u64,
    stuck: Vec<StuckCount>,
    why: &'a str,
}

impl State<'_> {
    fn memory(&self) -> u64 {
        self.info.resident_bytes >> 20
    }

    fn start(&self) -> String {
        seconds(self.info.start_duration.as_ref())
    }

    fn ago(&self, age: &Option<Duration>) -> String {
        seconds(age.as_ref())
    }
}

fn seconds(duration: Option<&Duration>) -> String {
    let duration = duration.copied().unwrap_or_default();
    format!("{}.{:03} s", duration.seconds, duration.nanos / 1_000_000)
}

/// `GET /instances/server`.
pub(crate) async fn state(visit: Visit) -> Response {
    visit.answer(page(&visit, "").await)
}

async fn page(visit: &Visit, why: &str) -> Result<Response, Trouble> {
    let mut client = visit.person.operations();
    // Before the state, which people without a use for it may read too.
    let request = ListOverdueTimersRequest { page_size: 1 };
    let overdue = client.list_overdue_timers(request).await?.into_inner();
    let request = ListStuckInstancesRequest {
        page_size: 1,
        ..ListStuckInstancesRequest::default()
    };
    let stuck = client.list_stuck_instances(request).await?.into_inner();
    let info = client.get_server_info(GetServerInfoRequest {}).await?;
    Ok(html(&State {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        may_confirm: visit.person.may(&[Role::Operator]),
        request_id: request_id(),
        info: info.into_inner(),
        overdue: overdue.total,
        stuck: stuck.counts,
        why,
    }))
}

/// `POST /instances/server`: accepts the clock, or confirms a removal.
pub(crate) async fn confirm(visit: Visit, Form(texts): Form<HashMap<String, String>>) -> Response {
    let texts = Texts(texts);
    let confirmed = async {
        let mut client = visit.person.operations();
        let (actor, request_id) = (visit.person.actor(), texts.get("request_id"));
        let done = if texts.get("act") == "purge" {
            let request = ConfirmPurgeRequest { actor, request_id };
            client.confirm_purge(request).await.map(|_| ())
        } else {
            let request = AcceptClockRequest { actor, request_id };
            client.accept_clock(request).await.map(|_| ())
        };
        match done {
            Ok(()) => Ok(Redirect::to("/instances/server").into_response()),
            Err(status) => {
                let why = visit.why(status)?;
                Ok(refused(page(&visit, &why).await?))
            }
        }
    };
    visit.answer(confirmed.await)
}
