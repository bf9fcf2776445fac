//! Requests that reach a member that does not lead.

use std::net::SocketAddr;
use std::time::Duration;

use aftercall_proto::workflow::v1::report_response::Part;
use aftercall_proto::workflow::v1::{GetInstanceRequest, ReportRequest, ServerRole};
use aftercall_test_postgres::Proxy;
use aftercall_tests::{Clients, eventually, set_refund};
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::crew::{Crew, NAMES};

#[tokio::test(flavor = "multi_thread")]
async fn requests_reach_the_leader_through_any_member() {
    let crew = Crew::start().await;
    let (leader, others) = crew.roles().await;
    crew.members[others[0]].furnish().await;
    for (at, member) in crew.members.iter().enumerate() {
        let sequence = member.set(&format!("call-{at}")).await;
        assert!(sequence > 0);
        // A read through another member shows it: there is one leader.
        let reader = &crew.members[(at + 1) % 3];
        assert_eq!(
            reader
                .follow_ups(&format!("call-{at}"))
                .await
                .expect("read"),
            1
        );
    }
    for (at, member) in crew.members.iter().enumerate() {
        let info = member.info().await.expect("every member answers of itself");
        let role = if at == leader {
            ServerRole::Leader
        } else {
            ServerRole::Follower
        };
        assert_eq!(info.role(), role);
        let cluster = info.cluster.expect("it has a cluster");
        assert_eq!(cluster.member, member.name);
        assert_eq!(cluster.leader, crew.members[leader].name);
        assert_eq!(
            cluster.leader_address,
            format!("http://127.0.0.1:{}", crew.members[leader].link.port())
        );
        let mut names: Vec<_> = cluster.members.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        let mut expected = NAMES;
        expected.sort_unstable();
        assert_eq!(names, expected);
    }
}

fn since_2023() -> ReportRequest {
    let from = prost_types::Timestamp {
        seconds: 1_700_000_000,
        nanos: 0,
    };
    ReportRequest {
        from: Some(from),
        ..ReportRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_streams_pass_through_a_member() {
    let crew = Crew::start().await;
    let (_, others) = crew.roles().await;
    let member = &crew.members[others[0]];
    member.furnish().await;
    member.set("call").await;
    let mut operations = member.clients.clone().operations;
    let request = GetInstanceRequest {
        instance_id: "nothing".to_owned(),
        ..GetInstanceRequest::default()
    };
    let refused = operations
        .get_instance(request)
        .await
        .expect_err("there is none");
    assert_ne!(refused.code(), Code::Unavailable);
    assert!(refused.get_details_error_info().is_some(), "{refused:?}");
    let report = operations.report(since_2023()).await;
    let mut report = report.expect("a report begins").into_inner();
    let mut parts = 0;
    while let Some(part) = report.message().await.expect("the stream is whole") {
        parts += usize::from(matches!(part.part, Some(Part::Row(_) | Part::Progress(_))));
    }
    assert!(parts > 0);
}

/// How many requests the servers of this process gave up because the time of the client was over.
fn given_up() -> u64 {
    let metrics = aftercall_serving::metrics_handle().render();
    let name = "aftercall_requests_refused_total{reason=\"DEADLINE_EXCEEDED\"} ";
    let value = metrics.lines().find_map(|line| line.strip_prefix(name));
    value.expect("it is there").parse().expect("a number")
}

/// Neither the member nor the leader learns that the client has left. Each knows the deadline.
#[tokio::test(flavor = "multi_thread")]
async fn the_leader_gives_up_at_the_deadline_of_the_client() {
    let crew = Crew::start().await;
    let (leader, others) = crew.roles().await;
    let (leader, member) = (&crew.members[leader], &crew.members[others[0]]);
    leader.furnish().await;
    // The way between them is there.
    member.set("before").await;
    let way = Proxy::start(member.address.port());
    let client = SocketAddr::from(([127, 0, 0, 1], way.port()));
    let mut client = Clients::connect(client, None).await;
    leader.store.hold_appends();
    let before = given_up();
    let mut request = Request::new(set_refund("late", 1.0));
    request.set_timeout(Duration::from_secs(1));
    let asked = tokio::spawn(async move { client.scripts.set_workflow(request).await });
    leader.store.appends_held(1).await;
    way.stall();
    leader.link.stall();
    asked.await.expect("no panic").expect_err("it is too late");
    eventually("the member and the leader give up", || async {
        (given_up() >= before + 2).then_some(())
    })
    .await;
    leader.store.release_appends();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_serves_the_feed_itself() {
    let crew = Crew::start().await;
    let (leader, others) = crew.roles().await;
    crew.members[leader].furnish().await;
    let mut feed = crew.members[others[0]].clients.clone().feed;
    let request = aftercall_proto::feed::v1::TailRequest {
        from_sequence: 1,
        ..Default::default()
    };
    let mut tail = feed.tail(request).await.expect("it begins").into_inner();
    let sequence = crew.members[leader].set("call").await;
    let mut next = 1;
    while next <= sequence {
        let part = tail.message().await.expect("no error").expect("no end");
        for entry in part.entries {
            assert_eq!(entry.sequence, next, "without a gap");
            next += 1;
        }
    }
    // A position that nobody has reached is out of range by the store's own log.
    let request = aftercall_proto::feed::v1::TailRequest {
        from_sequence: sequence + 1_000,
        ..Default::default()
    };
    let refused = feed.tail(request).await.expect_err("it is in the future");
    assert_eq!(refused.code(), Code::OutOfRange);
}
