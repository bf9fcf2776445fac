//! The AlertService: from a request to a stream.
//!
//! Promise: a request is refused before its stream begins, if that can be known then. A stream
//! reads when its client has room.

mod beginning;
mod frames;
pub(crate) mod status;
mod stream;
mod wallboard;

use std::sync::Arc;
use std::time::Duration;

use aftercall_client::Connector;
use aftercall_proto::alert::v1::{
    GetWallboardRequest, GetWallboardResponse, SnapshotMode, SubscribeRequest,
    WatchWallboardRequest,
};
use aftercall_serving::FieldError;
use aftercall_serving::asked::Asked;
use tokio::time::timeout;
use tonic::{Response, Status};

use self::beginning::beginning;
use self::status::Refusal;
use self::stream::ClientStream;
use self::wallboard::Wallboards;
use crate::cache::Cache;
use crate::filter::Filter;
use crate::foresight::Foresight;
use crate::hub::Hub;
use crate::limits::{FUTURE_PATIENCE, WALLBOARD_UPDATES_MAX};
use crate::token::Token;

/// The service as it is generated from the names in `build.rs`.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    reason = "generated code"
)]
mod generated {
    tonic::include_proto!("aftercall.alert.v1.AlertService");
}

pub(crate) use generated::alert_service_server::{AlertService, AlertServiceServer, SERVICE_NAME};

/// Serves streams from the hub.
#[derive(Clone, Debug)]
pub(crate) struct Alerts {
    hub: Arc<Hub>,
    foresight: Arc<Foresight>,
}

/// What a request is for, checked.
struct Wanted {
    filter: Filter,
    token: Option<Token>,
    mode: SnapshotMode,
}

impl Alerts {
    /// A service that streams what the hub has; `upstream` leads to the workflow-servers.
    pub(crate) fn new(hub: Arc<Hub>, upstream: Connector) -> Self {
        let foresight = Arc::new(Foresight::new(upstream));
        Self { hub, foresight }
    }

    async fn open(&self, asked: Asked<SubscribeRequest>) -> Result<ClientStream, Refusal> {
        let Wanted {
            filter,
            token,
            mode,
        } = check(asked.request).map_err(Refusal::Malformed)?;
        let filter = filter.within(asked.caller.scope());
        if self.hub.drain().is_cancelled() {
            return Err(Refusal::Draining);
        }
        let streams_max = self.hub.streams_max();
        let permit = self
            .hub
            .admit()
            .ok_or(Refusal::TooManyStreams { streams_max })?;
        let cache = self.state(token.as_ref()).await?;
        let begin = beginning(&cache, mode, token, &filter)?;
        let view = self.hub.view(filter, &cache);
        let stream = ClientStream::new(Arc::clone(&self.hub), view, mode, cache, begin, permit);
        // A stream that opens while the server drains would miss its Drain frame.
        if self.hub.drain().is_cancelled() {
            Err(Refusal::Draining)
        } else {
            Ok(stream)
        }
    }

    async fn wallboard(
        &self,
        asked: Asked<GetWallboardRequest>,
    ) -> Result<GetWallboardResponse, Refusal> {
        let wallboard = self.hub.wallboard(asked.caller.scope()).await?;
        Ok(GetWallboardResponse {
            wallboard: Some(wallboard),
        })
    }

    async fn watch(&self, asked: Asked<WatchWallboardRequest>) -> Result<Wallboards, Refusal> {
        let per_second = asked.request.updates_per_second;
        if per_second > WALLBOARD_UPDATES_MAX {
            let message = format!("is {per_second}; at most {WALLBOARD_UPDATES_MAX} are sent");
            return Err(Refusal::Malformed(vec![FieldError {
                field: "updates_per_second".to_owned(),
                message,
            }]));
        }
        if self.hub.drain().is_cancelled() {
            return Err(Refusal::Draining);
        }
        let streams_max = self.hub.streams_max();
        let permit = self
            .hub
            .admit()
            .ok_or(Refusal::TooManyStreams { streams_max })?;
        let every = Duration::from_secs(1) / per_second.max(1);
        let scope = asked.caller.scope().clone();
        wallboard::watch(Arc::clone(&self.hub), scope, every, permit).await
    }

    /// The newest state. It waits for [`FUTURE_PATIENCE`] until that reaches the token: another
    /// alerter may have been a moment faster. A token that is ahead of it also after that is refused
    /// as long as it may be good, so that no client goes back to an older state.
    async fn state(&self, token: Option<&Token>) -> Result<Arc<Cache>, Refusal> {
        let mut newest = self.hub.newest();
        if let Some(token) = token {
            let reaches = |newest: &Option<Arc<Cache>>| match newest {
                Some(cache) => {
                    cache.epoch_hash() != token.epoch
                        || cache.head().sequence >= token.position.sequence
                }
                None => true,
            };
            // After a timeout `beginning` decides by the newest state.
            let _ = timeout(FUTURE_PATIENCE, newest.wait_for(reaches)).await;
        }
        let newest = newest.borrow_and_update().clone();
        let newest = newest.ok_or(Refusal::NotReady)?;
        let ahead = token.filter(|token| {
            token.epoch == newest.epoch_hash() && token.position.sequence > newest.head().sequence
        });
        let Some(token) = ahead else {
            return Ok(newest);
        };
        match self
            .foresight
            .has(newest.epoch(), token.position.sequence)
            .await
        {
            Some(false) => Ok(newest),
            Some(true) | None => Err(Refusal::Behind),
        }
    }
}

#[tonic::async_trait]
impl AlertService for Alerts {
    type SubscribeStream = ClientStream;

    async fn subscribe(
        &self,
        request: tonic::Request<SubscribeRequest>,
    ) -> Result<Response<ClientStream>, Status> {
        Ok(Response::new(self.open(Asked::new(request)?).await?))
    }

    async fn get_wallboard(
        &self,
        request: tonic::Request<GetWallboardRequest>,
    ) -> Result<Response<GetWallboardResponse>, Status> {
        Ok(Response::new(self.wallboard(Asked::new(request)?).await?))
    }

    type WatchWallboardStream = Wallboards;

    async fn watch_wallboard(
        &self,
        request: tonic::Request<WatchWallboardRequest>,
    ) -> Result<Response<Wallboards>, Status> {
        Ok(Response::new(self.watch(Asked::new(request)?).await?))
    }
}

/// Checks a request; returns every invalid field.
fn check(request: SubscribeRequest) -> Result<Wanted, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut add = |field: &str, message: String| {
        errors.push(FieldError {
            field: field.into(),
            message,
        });
    };
    let mode = SnapshotMode::try_from(request.snapshot).unwrap_or_else(|_| {
        add(
            "snapshot",
            format!("{} is not a snapshot mode", request.snapshot),
        );
        SnapshotMode::Unspecified
    });
    let mut token = None;
    if !request.resume_token.is_empty() {
        match Token::decode(&request.resume_token) {
            Ok(given) => token = Some(given),
            Err(malformed) => add("resume_token", malformed.to_string()),
        }
    }
    match Filter::new(request.filter.unwrap_or_default()) {
        Ok(filter) if errors.is_empty() => Ok(Wanted {
            filter,
            token,
            mode,
        }),
        Ok(_) => Err(errors),
        Err(of_filter) => Err(of_filter.into_iter().chain(errors).collect()),
    }
}
