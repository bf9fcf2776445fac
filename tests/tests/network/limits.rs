//! What one request and one identity may use: headers, time, requests at once and in a second.

use std::convert::Infallible;
use std::future::pending;
use std::path::Path;
use std::task::{Context, Poll};
use std::time::Duration;

use aftercall_identity::token_file::{NewToken, TokenKind, create};
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Role};
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::{EraseCallerRequest, GetServerInfoRequest};
use aftercall_serving::{Limits, ProofSettings, Protection};
use aftercall_tests::{PATIENCE, eventually};
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::metadata::MetadataValue;
use tonic::server::NamedService;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_types::StatusExt as _;

use crate::{Bare, LONG, channel, counter};

/// The stable name of a refusal, and whether it says when to ask again.
fn details(status: &Status) -> (String, bool) {
    let info = status.get_details_error_info();
    let reason = info.map(|info| info.reason).unwrap_or_default();
    (reason, status.get_details_retry_info().is_some())
}

async fn refusals(server: &Bare, reason: &str) -> u64 {
    let name = format!("aftercall_requests_refused_total{{reason=\"{reason}\"}}");
    counter(server.address, &name).await
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_headers_are_refused_with_the_limit() {
    let large = || {
        let mut request = Request::new(HealthCheckRequest::default());
        let value = MetadataValue::try_from("x".repeat(20_000)).expect("ASCII");
        request.metadata_mut().insert("large", value);
        request
    };
    let server = Bare::start(Limits::default()).await;
    let before = refusals(&server, "HEADER_BYTES").await;
    let refused = server.client().check(large()).await;
    let refused = refused.expect_err("20,000 bytes are more than 16 KiB");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert_eq!(details(&refused), ("HEADER_BYTES".to_owned(), false));
    assert!(refusals(&server, "HEADER_BYTES").await > before);
    let control = Bare::start(Limits {
        header_bytes_max: 64 << 10,
        ..Limits::default()
    })
    .await;
    let answered = control.client().check(large()).await;
    answered.expect("the control has room");
}

/// Never answers, under the name of a service whose methods have rules.
#[derive(Clone)]
struct Silent;

impl NamedService for Silent {
    const NAME: &'static str = "aftercall.workflow.v1.OperationsService";
}

impl Service<http::Request<Body>> for Silent {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        Box::pin(pending())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_has_a_time_and_a_long_one_more() {
    let server = Bare::start_with(
        Limits {
            request_max: Duration::from_millis(50),
            long_request_max: LONG,
            ..Limits::default()
        },
        |routes| routes.add_service(Silent),
    )
    .await;
    let before = refusals(&server, "REQUEST_TIME").await;
    let mut client = OperationsServiceClient::new(channel(server.address));
    let mut other = client.clone();
    let long = tokio::spawn(async move { other.erase_caller(EraseCallerRequest::default()).await });
    let refused = client.get_server_info(GetServerInfoRequest {}).await;
    let refused = refused.expect_err("no answer comes");
    assert_eq!(refused.code(), Code::DeadlineExceeded);
    assert_eq!(details(&refused).0, "REQUEST_TIME");
    assert!(refusals(&server, "REQUEST_TIME").await > before);
    assert!(!long.is_finished(), "the control: it has more time");
    long.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_request_outlives_the_age_of_its_connection() {
    let short = Duration::from_millis(100);
    let limits = Limits {
        connection_age_max: Some(short),
        connection_grace: short,
        request_max: LONG,
        long_request_max: LONG,
        ..Limits::default()
    };
    let server = Bare::start_with(limits, |routes| routes.add_service(Silent)).await;
    let client = || OperationsServiceClient::new(channel(server.address));
    let mut other = client();
    let long = tokio::spawn(async move { other.erase_caller(EraseCallerRequest::default()).await });
    // The control: usual requests end with their connections, twice one after the other.
    for _ in 0..2 {
        let mut usual = client();
        let asking = usual.get_server_info(GetServerInfoRequest {});
        let ended = timeout(PATIENCE, asking).await.expect("in time");
        ended.expect_err("its connection is closed");
    }
    assert!(!long.is_finished(), "the connection of this one is open");
    long.abort();
}

/// A server that wants tokens.
struct Guarded {
    server: Bare,
    tokens: [String; 2],
    _dir: TempDir,
}

fn token(path: &Path, name: &str) -> String {
    let new = NewToken {
        name: name.to_owned(),
        kind: TokenKind::Person,
        roles: vec![Role::Operator],
        customers: Vec::new(),
        teams: Vec::new(),
        expires_at: None,
    };
    let (_, secret) = create(path, new).expect("a token");
    format!("Bearer {}", secret.reveal())
}

impl Guarded {
    async fn start(limits: Limits) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        std::fs::write(&path, "").expect("written");
        let tokens = ["ann", "ben"].map(|name| token(&path, name));
        let protection = Protection {
            proof: ProofSettings::of_files(&path, Path::new("")),
            ..Protection::default()
        };
        let with = |routes: aftercall_serving::Routes| routes.add_service(Silent);
        Self {
            server: Bare::start_protected(limits, &protection, with).await,
            tokens,
            _dir: dir,
        }
    }

    fn asked<T>(&self, who: usize, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let value = MetadataValue::try_from(&self.tokens[who]).expect("ASCII");
        request.metadata_mut().insert("authorization", value);
        request
    }

    /// Asks what never answers; the refusal, or nothing after a while.
    async fn wait(&self, who: usize) -> Option<Status> {
        let mut client = OperationsServiceClient::new(channel(self.server.address));
        let asking = client.get_server_info(self.asked(who, GetServerInfoRequest {}));
        let asked = timeout(Duration::from_millis(200), asking).await;
        asked.ok().and_then(Result::err)
    }

    /// Asks so often who it is; how many were refused, with the last refusal.
    async fn ask_often(&self, who: usize, count: usize) -> (usize, Option<Status>) {
        let mut client = IdentityServiceClient::new(channel(self.server.address));
        let (mut refused, mut last) = (0, None);
        for _ in 0..count {
            let asked = client
                .get_identity(self.asked(who, GetIdentityRequest {}))
                .await;
            if let Err(status) = asked {
                (refused, last) = (refused + 1, Some(status));
            }
        }
        (refused, last)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_has_few_requests_at_once() {
    let limits = |requests_in_flight_max| Limits {
        requests_in_flight_max,
        ..Limits::default()
    };
    let guarded = Guarded::start(limits(1)).await;
    let mut first = OperationsServiceClient::new(channel(guarded.server.address));
    let request = guarded.asked(0, GetServerInfoRequest {});
    let first = tokio::spawn(async move { first.get_server_info(request).await });
    let refused = eventually("the place is taken", || guarded.wait(0)).await;
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let reason = "TOO_MANY_REQUESTS_IN_FLIGHT";
    assert_eq!(details(&refused), (reason.to_owned(), true));
    assert!(guarded.wait(1).await.is_none(), "another identity waits");
    // The client that leaves frees the place.
    first.abort();
    eventually("the place is free", || async {
        guarded.wait(0).await.is_none().then_some(())
    })
    .await;
    let control = Guarded::start(limits(2)).await;
    let (one, two) = tokio::join!(control.wait(0), control.wait(0));
    assert!(one.is_none() && two.is_none(), "the control has room");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_identity_has_few_requests_in_a_second() {
    let limits = |person_requests_per_second_max| Limits {
        person_requests_per_second_max,
        ..Limits::default()
    };
    let guarded = Guarded::start(limits(2)).await;
    let before = refusals_here("REQUEST_RATE").await;
    let (refused, last) = guarded.ask_often(0, 50).await;
    assert!(refused > 0, "50 requests take less than 24 s");
    let last = last.expect("a refusal");
    assert_eq!(last.code(), Code::ResourceExhausted);
    assert_eq!(details(&last), ("REQUEST_RATE".to_owned(), true));
    assert!(refusals_here("REQUEST_RATE").await > before);
    assert_eq!(guarded.ask_often(1, 2).await.0, 0, "another identity");
    let control = Guarded::start(limits(1_000)).await;
    assert_eq!(control.ask_often(0, 50).await.0, 0, "the control");
}

/// The refusals of a server whose metrics need a proof, read at another server of this process.
async fn refusals_here(reason: &str) -> u64 {
    refusals(&Bare::start(Limits::default()).await, reason).await
}
