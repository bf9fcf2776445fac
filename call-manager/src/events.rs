//! The stream of a browser: each change of the board, as it happens.
//!
//! Promise: the id of an event is the alerter's token, so a stream that is cut continues after the
//! last event that the browser has. A stream ends with the server, and when the token of its person
//! is refused.

use std::convert::Infallible;
use std::sync::Arc;

use aftercall_client::{Event, Subscription};
use aftercall_proto::alert::v1::SubscribeResponse;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::FollowUp;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event as Sent, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::stream::{once, unfold};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::country;
use crate::people::Person;
use crate::rows::{Rows, Style};
use crate::shared::Shared;
use crate::shares::Shares;
use crate::shown::iso;
use crate::words::words;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// Reverse proxies send each event on at once.
const ACCEL: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Where a stream continues.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct After {
    after: String,
}

/// `GET /events`.
pub(crate) async fn events(
    State(shared): State<Shared>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Response {
    let person = match shared.people.of_request(&headers).await {
        Ok(person) => person,
        Err(trouble) => return trouble.answer(&headers, "/"),
    };
    let last = headers.get(LAST_EVENT_ID);
    let token = last.and_then(|value| value.to_str().ok()).unwrap_or(&after);
    let subscription = Subscription::over(person.alerter.clone())
        .resume(token)
        .patient();
    let following = Following {
        subscription,
        style: (words(&headers), country::of(&person).await),
        rows: shared.rows.clone(),
        stop: shared.stop.clone(),
        is_over: false,
        person,
    };
    let stream = once(shares(following.person.clone())).chain(sent(following));
    let mut response = Sse::new(stream).into_response();
    response
        .headers_mut()
        .insert(ACCEL, HeaderValue::from_static("no"));
    response
}

struct Following {
    subscription: Subscription,
    style: Style,
    rows: Rows,
    stop: CancellationToken,
    is_over: bool,
    person: Arc<Person>,
}

impl Following {
    fn event(&self, event: &Event) -> Option<Sent> {
        match event {
            Event::Frame(response) => self.frame(response),
            Event::Lost { .. } => Some(line(false, "")),
            Event::Connected => None,
        }
    }

    fn frame(&self, response: &SubscribeResponse) -> Option<Sent> {
        let time = iso(&response.server_time);
        let sent = match response.frame.as_ref()? {
            Frame::SnapshotItem(item) => self.row(item.follow_up.as_ref()?, "snapshot", ""),
            Frame::SnapshotEnd(_) => Sent::default().event("snapshot-end").data("{}"),
            Frame::StageChange(change) => {
                let by = change.actor.as_ref().map_or("", |actor| &actor.name);
                self.row(change.follow_up.as_ref()?, "row", by)
            }
            Frame::OutOfView(left) => {
                let by = left.actor.as_ref().map_or("", |actor| &actor.name);
                let data = json!({ "id": left.instance_id, "by": by, "outcome": left.outcome });
                Sent::default().event("gone").data(data.to_string())
            }
            Frame::CaughtUp(_) | Frame::Bookmark(_) => line(true, &time),
            Frame::Upstream(upstream) => line(upstream.connected, &iso(&upstream.as_of)),
            Frame::Reset(_) => Sent::default().event("reset").data("{}"),
            Frame::FellBehind(_) | Frame::Drain(_) => return None,
        };
        Some(match response.token.as_str() {
            "" => sent,
            token => sent.id(token),
        })
    }

    fn row(&self, one: &FollowUp, event: &str, by: &str) -> Sent {
        self.rows.event(self.style, one, event, by)
    }
}

fn sent(following: Following) -> impl Stream<Item = Result<Sent, Infallible>> {
    unfold(following, async |mut following| {
        loop {
            if following.is_over {
                return None;
            }
            let (stop, signed_out) = (following.stop.clone(), following.person.is_over.clone());
            let next = signed_out.run_until_cancelled(following.subscription.next());
            let sent = match Box::pin(stop.run_until_cancelled(next)).await? {
                Some(Ok(event)) => following.event(&event),
                ended => {
                    // The browser asks again, and learns then whether it must sign in.
                    if let Some(Err(error)) = ended {
                        tracing::info!(%error, "a stream of the page ends");
                    }
                    following.is_over = true;
                    Some(Sent::default().event("refused").data("{}"))
                }
            };
            if let Some(sent) = sent {
                return Some((Ok(sent), following));
            }
        }
    })
}

/// The teams whose follow-ups the person gets only as the next one: the page may have been open for
/// weeks.
async fn shares(person: Arc<Person>) -> Result<Sent, Infallible> {
    let names = json!(Shares::of(&person).await.names());
    Ok(Sent::default().event("shares").data(names.to_string()))
}

/// Whether what the board shows is live.
fn line(is_live: bool, as_of: &str) -> Sent {
    let data = json!({ "live": is_live, "as_of": as_of });
    Sent::default().event("line").data(data.to_string())
}
