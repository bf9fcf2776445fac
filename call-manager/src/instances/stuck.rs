//! What does not move: stuck instances, and timers that are past their time.

use aftercall_proto::workflow::v1::{
    ListOverdueTimersRequest, ListOverdueTimersResponse, ListStuckInstancesRequest,
    ListStuckInstancesResponse,
};
use askama::Template;
use axum::extract::Query;
use axum::response::Response;

use crate::form::duration;
use crate::frame::{Frame, Here};
use crate::instances::filter::{Pairs, text};
use crate::instances::list::{CHANGERS, row_mask};
use crate::layout::html;
use crate::trouble::Trouble;
use crate::visit::Visit;
use crate::words::instances::InstancesWords;

/// Rows of each list.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "instances/stuck.html")]
struct Stuck<'a> {
    frame: Frame<'a>,
    w: &'a InstancesWords,
    may_change: bool,
    longer: &'a str,
    stuck: ListStuckInstancesResponse,
    timers: ListOverdueTimersResponse,
}

/// `GET /instances/stuck`.
pub(crate) async fn stuck(visit: Visit, Query(pairs): Query<Pairs>) -> Response {
    visit.answer(listed(&visit, &pairs).await)
}

async fn listed(visit: &Visit, pairs: &Pairs) -> Result<Response, Trouble> {
    let longer = match text(pairs, "longer") {
        "" => "1d",
        longer => longer,
    };
    let unknown = || Trouble::Form(format!("longer: {longer:?}"));
    let mut client = visit.person.operations();
    let request = ListStuckInstancesRequest {
        longer_than: Some(duration(longer).ok_or_else(unknown)?),
        page_size: ROWS,
        read_mask: Some(row_mask()),
    };
    let stuck = client.list_stuck_instances(request).await?.into_inner();
    let request = ListOverdueTimersRequest { page_size: ROWS };
    let timers = client.list_overdue_timers(request).await?.into_inner();
    Ok(html(&Stuck {
        frame: visit.frame(Here::Instances),
        w: &visit.words.instances,
        may_change: visit.person.may(&CHANGERS),
        longer,
        stuck,
        timers,
    }))
}
