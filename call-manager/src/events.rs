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
use askama::Template as _;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event as Sent, Sse};
use axum::response::{IntoResponse as _, Response};
use futures::Stream;
use futures::stream::unfold;
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::people::Person;
use crate::shared::Shared;
use crate::shown::{Row, iso};
use crate::words::{Words, words};

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
        words: words(&headers),
        stop: shared.stop.clone(),
        is_over: false,
        _person: person,
    };
    let mut response = Sse::new(sent(following)).into_response();
    response
        .headers_mut()
        .insert(ACCEL, HeaderValue::from_static("no"));
    response
}

struct Following {
    subscription: Subscription,
    words: &'static Words,
    stop: CancellationToken,
    is_over: bool,
    /// As long as the stream is open.
    _person: Arc<Person>,
}

fn sent(following: Following) -> impl Stream<Item = Result<Sent, Infallible>> {
    unfold(following, async |mut following| {
        loop {
            if following.is_over {
                return None;
            }
            let stop = following.stop.clone();
            let event = stop
                .run_until_cancelled(following.subscription.next())
                .await?;
            let sent = match event {
                Ok(event) => of_event(following.words, &event),
                Err(error) => {
                    // The browser asks again, and is then sent to the sign-in page if it must be.
                    tracing::info!(%error, "a stream of the page ends");
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

fn of_event(words: &Words, event: &Event) -> Option<Sent> {
    match event {
        Event::Frame(response) => of_frame(words, response),
        Event::Lost { .. } => Some(line(false, "")),
        Event::Connected => None,
    }
}

/// Whether what the board shows is live.
fn line(is_live: bool, as_of: &str) -> Sent {
    let data = json!({ "live": is_live, "as_of": as_of });
    Sent::default().event("line").data(data.to_string())
}

fn of_frame(words: &Words, response: &SubscribeResponse) -> Option<Sent> {
    let time = iso(&response.server_time);
    let sent = match response.frame.as_ref()? {
        Frame::SnapshotItem(item) => row(words, item.follow_up.as_ref()?, "snapshot", ""),
        Frame::SnapshotEnd(_) => Sent::default().event("snapshot-end").data("{}"),
        Frame::StageChange(change) => {
            let by = change.actor.as_ref().map_or("", |actor| &actor.name);
            row(words, change.follow_up.as_ref()?, "row", by)
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

fn row(words: &Words, one: &FollowUp, event: &str, by: &str) -> Sent {
    let html = Row { words, one }.render().unwrap_or_default();
    let data = json!({ "id": one.instance_id, "rev": one.revision, "by": by, "html": html });
    Sent::default().event(event).data(data.to_string())
}
