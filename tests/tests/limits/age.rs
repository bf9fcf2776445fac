//! A connection that has reached its age: clients change to a new one without a failed call, and
//! streams continue without a gap.

use std::time::{Duration, Instant};

use aftercall_client::{Connection, Connector, Event, Subscription};
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SubscribeRequest, WatchWallboardRequest};
use aftercall_proto::workflow::v1::GetServerInfoRequest;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_serving::LimitSettings;
use aftercall_tests::{House, PATIENCE, eventually, reason, set_refund, with_refund};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};
use tonic::{Code, Status};

/// A house with the refund, whose connections reach their age after about so many seconds.
async fn house(age_seconds: u32) -> House {
    let mut house = House::start_without_alerter().await;
    drop(with_refund(&house).await);
    house.stop_workflow().await;
    house.limit(LimitSettings {
        connection_age_seconds: age_seconds,
        connection_grace_seconds: 1,
        ..LimitSettings::default()
    });
    house.start_workflow().await;
    house.start_alerter().await;
    house
}

async fn connected(house: &House) -> Connection {
    let connector = Connector::to(&house.workflow_url()).expect("an address");
    connector.connect().await.expect("it listens")
}

/// Asks without a pause; how many answers came.
async fn ask(connection: Connection, until: Instant) -> Result<u64, Status> {
    let mut client = OperationsServiceClient::new(connection);
    let mut answers = 0;
    while Instant::now() < until {
        client.get_server_info(GetServerInfoRequest {}).await?;
        answers += 1;
    }
    Ok(answers)
}

/// Longer than the age of four connections.
const ASKED_FOR: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn calls_continue_while_connections_reach_their_age() {
    let house = house(1).await;
    let (until, mut asking) = (Instant::now() + ASKED_FOR, JoinSet::new());
    for _ in 0..4 {
        let connection = connected(&house).await;
        for _ in 0..8 {
            asking.spawn(ask(connection.clone(), until));
        }
    }
    let mut answers = 0;
    while let Some(asked) = asking.join_next().await {
        answers += asked.expect("no panic").expect("no call fails");
    }
    assert!(answers > 100, "{answers} answered");
}

/// Follow-ups that are set during [`ASKED_FOR`].
const SENT: u32 = 200;

/// Sets them at an even pace, over the product's own client: with a bare channel of tonic, a request
/// that begins as its connection closes fails unsent.
async fn set_evenly(connection: Connection) {
    let mut scripts = ScriptEngineServiceClient::new(connection);
    let mut pace = interval(ASKED_FOR / SENT);
    for number in 0..SENT {
        pace.tick().await;
        let request = set_refund(number.to_string(), 5.0);
        scripts.set_workflow(request).await.expect("it is set");
    }
}

/// The follow-ups of a subscription until all have come, in their order.
async fn until_all_came(mut subscription: Subscription) -> Vec<String> {
    let mut seen = Vec::new();
    while seen.len() < SENT as usize {
        match subscription.next().await.expect("it continues") {
            Event::Lost { reason, .. } if !seen.is_empty() => panic!("lost: {reason}"),
            Event::Frame(response) => match response.frame {
                Some(Frame::StageChange(change)) => {
                    seen.push(change.follow_up.expect("a follow-up").instance_id);
                }
                Some(Frame::SnapshotItem(item)) => {
                    seen.push(item.follow_up.expect("a follow-up").instance_id);
                }
                Some(Frame::Upstream(upstream)) if !seen.is_empty() => {
                    assert!(upstream.connected, "the alerter keeps its feed");
                }
                Some(Frame::Reset(reset)) => panic!("{reset:?}"),
                _ => {}
            },
            Event::Lost { .. } | Event::Connected => {}
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_continues_over_new_connections() {
    let house = house(1).await;
    let subscription = Subscription::to(&house.alerter_address().to_string())
        .expect("an address")
        .patient();
    let setting = set_evenly(connected(&house).await);
    // Bookmarks come for ever: the limit is for all together.
    let both = async { tokio::join!(setting, until_all_came(subscription)) };
    let ((), seen) = timeout(PATIENCE, Box::pin(both)).await.expect("in time");
    let mut once = seen.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), seen.len(), "each came once");
}

/// The status with which a stream ends; nothing where it lasts.
async fn end_of_stream(house: &House) -> Option<Status> {
    let clients = house.clients().await;
    let mut stream = eventually("the alerter is ready", || {
        let mut alerts = clients.alerts.clone();
        async move {
            let request = WatchWallboardRequest::default();
            alerts.watch_wallboard(request).await.ok()
        }
    })
    .await
    .into_inner();
    let end = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("it ended without a status"),
                Err(status) => return status,
            }
        }
    };
    timeout(Duration::from_secs(3), end).await.ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_connection_ends_its_streams_with_a_reason() {
    let house = house(1).await;
    let ended = end_of_stream(&house).await.expect("it has an age");
    assert_eq!(ended.code(), Code::Unavailable);
    assert_eq!(reason(&ended), "CONNECTION_AGE");
    // A usual client opens it again, over a new connection.
    let mut alerts = house.clients().await.alerts;
    let again = alerts.subscribe(SubscribeRequest::default()).await;
    again.expect("it is opened again");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_age_a_stream_lasts() {
    let house = house(0).await;
    assert!(end_of_stream(&house).await.is_none());
}
