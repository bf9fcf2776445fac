//! The AlertService: from a request to a stream.
//!
//! Promise: what is refused is refused before a stream begins where that can be known then; each stream is a task of its
//! own that reads the ring by itself.

mod beginning;
mod frames;
mod outlet;
pub(crate) mod status;
mod subscribe;

use std::sync::Arc;
use std::time::Duration;

use aftercall_proto::alert::v1::alert_service_server::AlertService;
use aftercall_proto::alert::v1::{SnapshotMode, SubscribeRequest};
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use self::beginning::beginning;
use self::outlet::Frames;
use self::status::Refusal;
use self::subscribe::Session;
use crate::cache::Cache;
use crate::filter::{Filter, Violation};
use crate::hub::Hub;
use crate::limits::FUTURE_PATIENCE;
use crate::token::Token;

/// How streams are paced.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Silence after which a stream gets a bookmark.
    pub(crate) bookmark: Duration,
    /// Time without progress after which a client is closed.
    pub(crate) stall: Duration,
}

/// Serves streams from the hub.
#[derive(Clone, Debug)]
pub(crate) struct Alerts {
    hub: Arc<Hub>,
    pace: Pace,
}

/// A request that has been checked.
struct Asked {
    filter: Filter,
    token: Option<Token>,
    mode: SnapshotMode,
}

impl Alerts {
    /// A service that streams what the hub has.
    pub(crate) fn new(hub: Arc<Hub>, pace: Pace) -> Self {
        Self { hub, pace }
    }

    async fn open(&self, request: SubscribeRequest) -> Result<Frames, Refusal> {
        let Asked { filter, token, mode } = check(request).map_err(Refusal::Malformed)?;
        if self.hub.drain().is_cancelled() {
            return Err(Refusal::Draining);
        }
        let streams_max = self.hub.streams_max();
        let permit = self.hub.admit().ok_or(Refusal::TooManyStreams { streams_max })?;
        let view = self.view(token.as_ref()).await?;
        let begin = beginning(&view, mode, token, filter.hash())?;
        let (outlet, frames) = outlet::open(self.pace.stall, self.hub.drain().clone());
        let session = Session::new(&self.hub, filter, mode, self.pace, outlet);
        tokio::spawn(async move {
            session.run(view, begin).await;
            drop(permit);
        });
        Ok(frames)
    }

    /// The newest view; one that reaches the token, if that comes soon: another alerter may have been a moment faster.
    async fn view(&self, token: Option<&Token>) -> Result<Arc<Cache>, Refusal> {
        let mut views = self.hub.views();
        if let Some(token) = token {
            let reaches = |view: &Option<Arc<Cache>>| match view {
                Some(view) => view.epoch_hash() != token.epoch || view.head().sequence >= token.position.sequence,
                None => true,
            };
            // Whether it came or not, the table of beginnings decides by the view that is there then.
            let _ = timeout(FUTURE_PATIENCE, views.wait_for(reaches)).await;
        }
        let view = views.borrow_and_update().clone();
        view.ok_or(Refusal::NotReady)
    }
}

#[tonic::async_trait]
impl AlertService for Alerts {
    type SubscribeStream = Frames;

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Result<Response<Frames>, Status> {
        Ok(Response::new(self.open(request.into_inner()).await?))
    }
}

/// Checks a request; names every field at fault.
fn check(request: SubscribeRequest) -> Result<Asked, Vec<Violation>> {
    let mut violations = Vec::new();
    let mut fault = |field: &str, description: String| violations.push(Violation { field: field.into(), description });
    let mode = SnapshotMode::try_from(request.snapshot).unwrap_or_else(|_| {
        fault("snapshot", format!("{} is not a snapshot mode", request.snapshot));
        SnapshotMode::Unspecified
    });
    let mut token = None;
    if !request.resume_token.is_empty() {
        match Token::decode(&request.resume_token) {
            Ok(given) => token = Some(given),
            Err(malformed) => fault("resume_token", malformed.to_string()),
        }
    }
    match Filter::new(request.filter.unwrap_or_default()) {
        Ok(filter) if violations.is_empty() => Ok(Asked { filter, token, mode }),
        Ok(_) => Err(violations),
        Err(of_filter) => Err(of_filter.into_iter().chain(violations).collect()),
    }
}
