//! Clients that know all members and two alerter-servers, while leaders and alerters are killed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aftercall_client::proto::alert::v1::subscribe_response::Frame;
use aftercall_client::proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_client::{Connector, Event, Subscription};
use aftercall_tests::{eventually, set_refund};
use alerter_server::config::AlerterServerConfig;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::crew::Crew;

/// A change is answered within this although its leader was killed under it: a take-over and a retry.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// The addresses of all members.
fn addresses(crew: &Crew) -> String {
    let addresses = crew.members.iter().map(|member| member.address.to_string());
    addresses.collect::<Vec<_>>().join(",")
}

/// An alerter that may follow all members; it ends when its guard is dropped.
async fn alerter(members: &str) -> (String, JoinHandle<()>) {
    let config = AlerterServerConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        workflow_server: members.to_owned(),
        audit_log: "off".to_owned(),
        ..AlerterServerConfig::default()
    };
    let bound = alerter_server::Server::bind(config).await;
    let server = bound.expect("the alerter-server starts");
    let address = server.local_addr().to_string();
    let serving = server.serve(CancellationToken::new());
    let serving = tokio::spawn(async move { serving.await.expect("it serves") });
    (address, serving)
}

/// Follows for ever; notes the sequences of changes, once the stream has begun.
async fn follow(alerters: String, shown: Arc<Mutex<Option<Vec<u64>>>>) {
    let subscription = Subscription::to(&alerters).expect("addresses");
    let mut subscription = subscription.patient();
    loop {
        let event = subscription.next().await.expect("it is never refused");
        let Event::Frame(response) = event else {
            continue;
        };
        let mut shown = shown.lock().expect("the lock");
        match response.frame {
            Some(Frame::SnapshotEnd(_)) => *shown = Some(Vec::new()),
            Some(Frame::StageChange(change)) => {
                shown.as_mut().expect("it has begun").push(change.sequence);
            }
            Some(Frame::Reset(reset)) => panic!("a client was reset: {reset:?}"),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_client_notices_that_leaders_are_killed() {
    let mut crew = Crew::start().await;
    let leader = crew.leader().await;
    crew.members[leader].furnish().await;
    let members = addresses(&crew);
    let (one, _one) = alerter(&members).await;
    let (two, _two) = alerter(&members).await;
    let shown = Arc::new(Mutex::new(None));
    let following = tokio::spawn(follow(format!("{one},{two}"), Arc::clone(&shown)));
    eventually("the stream has begun", || {
        let has_begun = shown.lock().expect("the lock").is_some();
        async move { has_begun.then_some(()) }
    })
    .await;
    let connector = Connector::to(&members).expect("addresses");
    let connection = connector.connect().await.expect("a member");
    let mut scripts = ScriptEngineServiceClient::new(connection);
    let (mut expected, mut slowest) = (Vec::new(), Duration::ZERO);
    for call in 0..60 {
        if call % 20 == 10 && crew.members.len() > 1 {
            let leader = crew.leader().await;
            crew.take(leader).kill().await;
        }
        let mut request = set_refund(format!("{call}"), 5.0);
        request.request_id = format!("call-{call}");
        let begun = Instant::now();
        let answer = scripts.set_workflow(request).await;
        let answer = answer.expect("no error is shown").into_inner();
        assert!(answer.started, "once");
        slowest = slowest.max(begun.elapsed());
        expected.push(answer.sequence);
    }
    println!("the slowest answer took {:.2} s", slowest.as_secs_f64());
    assert_eq!(crew.members.len(), 1, "two leaders were killed");
    assert!(slowest < ANSWERED_WITHIN, "{slowest:?}");
    eventually("all changes are shown", || {
        let shown = shown.lock().expect("the lock");
        let is_all = shown
            .as_ref()
            .is_some_and(|shown| shown.len() >= expected.len());
        async move { is_all.then_some(()) }
    })
    .await;
    assert_eq!(*shown.lock().expect("the lock"), Some(expected));
    assert!(!following.is_finished(), "it continues");
    following.abort();
}
