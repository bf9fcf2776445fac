//! A stream ends with the rights of its sender.

use std::time::Duration;

use aftercall_identity::token_file::revoke;
use aftercall_proto::access::v1::Role;
use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::alert::v1::{SubscribeRequest, WatchWallboardRequest, WatchWallboardResponse};
use aftercall_proto::feed::v1::TailResponse;
use aftercall_proto::workflow::v1::ImportTeamRequest;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_tests::{House, eventually};
use jiff::Timestamp;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::{Tokens, channel, reason, with};

/// Longer than the files are left unread, many times.
const PATIENCE: Duration = Duration::from_secs(60);

/// An alerter that wants a token, and the stream of a wallboard.
async fn wallboard(tokens: &Tokens, header: &str) -> (House, Streaming<WatchWallboardResponse>) {
    let mut house = House::start_without_alerter().await;
    house.guard_alerter(&tokens.path);
    house.start_alerter().await;
    let client = AlertServiceClient::new(channel(house.alerter_address()).await);
    let begun = eventually("the stream begins", || {
        let mut client = client.clone();
        let request = with(header, WatchWallboardRequest::default());
        async move { client.watch_wallboard(request).await.ok() }
    });
    let mut stream = begun.await.into_inner();
    let first = stream.message().await.expect("an update");
    assert!(first.is_some(), "the control: the stream is served");
    (house, stream)
}

/// The status with which a stream ends.
pub(crate) async fn ended<M>(mut stream: Streaming<M>) -> Status {
    let end = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without a status"),
                Err(status) => return status,
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, end).await;
    ended.expect("the stream ends in time")
}

/// Makes a change that a feed shows.
pub(crate) async fn add_team(channel: Channel, author: &str, name: &str) {
    let mut client = WorkflowDefinitionServiceClient::new(channel);
    let team = ImportTeamRequest {
        name: name.to_owned(),
        title: "A team".to_owned(),
        ..ImportTeamRequest::default()
    };
    let added = client.import_team(with(author, team)).await;
    added.expect("it is added");
}

/// Waits for the next change that a feed shows.
pub(crate) async fn next_change(feed: &mut Streaming<TailResponse>) {
    let next = async {
        loop {
            let message = feed.message().await.expect("the feed continues");
            let message = message.expect("it has no end");
            if !message.entries.is_empty() {
                return;
            }
        }
    };
    let next = tokio::time::timeout(PATIENCE, next).await;
    next.expect("the change comes in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_its_token() {
    let tokens = Tokens::new();
    // The file has whole seconds.
    let soon = Timestamp::from_second(Timestamp::now().as_second() + 5).expect("a time");
    let header = tokens.add("wall", &[Role::Display], Some(soon));
    let (_house, stream) = wallboard(&tokens, &header).await;
    let status = ended(stream).await;
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert_eq!(reason(&status), "TOKEN_EXPIRED");
    assert!(Timestamp::now() >= soon);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_token_is_revoked() {
    let tokens = Tokens::new();
    let header = tokens.add("wall", &[Role::Display], None);
    let (_house, stream) = wallboard(&tokens, &header).await;
    revoke(&tokens.path, "wall").expect("revoked");
    let status = ended(stream).await;
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    assert_eq!(reason(&status), "TOKEN_REVOKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_its_role_is_taken_away() {
    let tokens = Tokens::new();
    let header = tokens.add("wall", &[Role::Display], None);
    let (_house, stream) = wallboard(&tokens, &header).await;
    let text = std::fs::read_to_string(&tokens.path).expect("a file");
    let other = text.replace("\"display\"", "\"author\"");
    assert_ne!(text, other);
    std::fs::write(&tokens.path, other).expect("written");
    let status = ended(stream).await;
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
    assert_eq!(reason(&status), "ROLE_MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_when_their_scope_changes() {
    let tokens = Tokens::new();
    let header = tokens.of_team("Ann", Role::Supervisor, "billing");
    let kept = tokens.of_team("Ben", Role::Supervisor, "care");
    let (house, counts) = wallboard(&tokens, &header).await;
    let mut client = AlertServiceClient::new(channel(house.alerter_address()).await);
    let request = with(&header, SubscribeRequest::default());
    let alerts = client.subscribe(request).await.expect("it is served");
    let request = with(&kept, WatchWallboardRequest::default());
    let control = client.watch_wallboard(request).await.expect("it is served");
    let text = std::fs::read_to_string(&tokens.path).expect("a file");
    let other = text.replace("\"billing\"", "\"sales\"");
    assert_ne!(text, other);
    std::fs::write(&tokens.path, other).expect("written");
    for status in [ended(counts).await, ended(alerts.into_inner()).await] {
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        assert_eq!(reason(&status), "RIGHTS_CHANGED");
    }
    let mut control = control.into_inner();
    for _ in 0..2 {
        let update = control.message().await.expect("the stream continues");
        assert!(update.is_some());
    }
}
