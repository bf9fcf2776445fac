//! A connection that has reached its age: clients change to a new one without a failed call, and
//! streams continue without a gap.

use std::time::{Duration, Instant};

use aftercall_client::{Connection, Connector, Event, Subscription};
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SubscribeRequest, WatchWallboardRequest};
use aftercall_proto::workflow::v1::GetServerInfoRequest;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_serving::LimitSettings;
use aftercall_tests::{House, PATIENCE, eventually, reason, set, with_refund};
use tokio::task::JoinSet;
use tokio::time::interval;
use tonic::{Code, Status};

/// A house whose connections reach their age after about a second.
async fn house(age_seconds: u32) -> House {
    let mut house = House::start_without_alerter().await;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_continues_over_new_connections() {
    let house = house(1).await;
    let mut clients = with_refund(&house).await;
    let mut subscription = Subscription::to(&house.alerter_address().to_string())
        .expect("an address")
        .patient();
    let (sent, mut seen) = (200, Vec::new());
    let setting = tokio::spawn(async move {
        let mut pace = interval(ASKED_FOR / sent);
        for number in 0..sent {
            pace.tick().await;
            set(&mut clients, &number.to_string(), 5.0).await;
        }
    });
    while seen.len() < sent as usize {
        let event = tokio::time::timeout(PATIENCE, subscription.next()).await;
        match event.expect("in time").expect("it continues") {
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
    setting.await.expect("no panic");
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
    tokio::time::timeout(Duration::from_secs(3), end).await.ok()
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
