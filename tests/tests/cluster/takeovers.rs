//! A leader ends in every way, and another member takes over.

use std::time::Duration;

use aftercall_proto::feed::v1::TailRequest;
use aftercall_proto::workflow::v1::{
    GetServerInfoRequest, GetServerInfoResponse, ServerRole, StepDownRequest,
};
use aftercall_tests::eventually;
use tokio_util::sync::CancellationToken;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::crew::{Crew, check_unavailable, timed};

/// The promise of a take-over, with what a busy machine may add.
const CRASH_MAX: Duration = Duration::from_secs(6);
const PLANNED_MAX: Duration = Duration::from_secs(2);

fn step_down() -> StepDownRequest {
    StepDownRequest {
        actor: "Olga".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_takes_over_after_a_kill() {
    let mut crew = Crew::start().await;
    let (leader, others) = crew.roles().await;
    crew.members[leader].furnish().await;
    crew.members[leader].set("before").await;
    let mut feed = crew.members[others[1]].clients.clone().feed;
    let request = TailRequest {
        from_sequence: 1,
        ..TailRequest::default()
    };
    let mut tail = feed.tail(request).await.expect("it begins").into_inner();
    crew.take(leader).kill().await;
    let survivor = &crew.members[0];
    let (sequence, time) = timed(survivor.set("after")).await;
    println!("serving {:.2} s after a kill", time.as_secs_f64());
    assert!(time < CRASH_MAX, "{time:?}");
    for call in ["before", "after"] {
        assert_eq!(survivor.follow_ups(call).await.expect("read"), 1, "{call}");
    }
    // The stream of a survivor goes through the take-over without a gap.
    let mut next = 1;
    while next <= sequence {
        let part = tail.message().await.expect("no error").expect("no end");
        for entry in part.entries {
            assert_eq!(entry.sequence, next);
            next += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_steps_down_on_request() {
    let crew = Crew::start().await;
    let leader = crew.leader().await;
    crew.members[leader].furnish().await;
    for is_through_leader in [true, false] {
        let (leader, others) = crew.roles().await;
        let asked = if is_through_leader { leader } else { others[0] };
        let mut operations = crew.members[asked].clients.clone().operations;
        let (answer, time) = timed(operations.step_down(step_down())).await;
        let answer = answer.expect("it steps down").into_inner();
        println!("another leads {:.2} s after a request", time.as_secs_f64());
        assert!(time < PLANNED_MAX, "{time:?}");
        assert_ne!(answer.leader, crew.members[leader].name);
        assert!(answer.term > answer.ended_term && !answer.leader.is_empty());
        crew.members[leader]
            .set(&format!("after-{}", answer.ended_term))
            .await;
        let info = crew.members[leader].info().await.expect("it answers");
        assert_eq!(info.role(), ServerRole::Follower, "in the same process");
    }
}

/// Two requests at a time end one term, and none in the future.
#[tokio::test(flavor = "multi_thread")]
async fn a_term_is_ended_once_by_two_requests() {
    let mut crew = Crew::start().await;
    let (leader, others) = crew.roles().await;
    crew.members[leader].furnish().await;
    let operations = crew.members[leader].clients.clone().operations;
    let asked = [operations.clone(), operations]
        .map(|mut operations| tokio::spawn(async move { operations.step_down(step_down()).await }));
    let mut ended = Vec::new();
    for asked in asked {
        match asked.await.expect("no panic") {
            Ok(answer) => ended.push(answer.into_inner().ended_term),
            Err(refused) => {
                let info = refused.get_details_error_info().expect("a reason");
                assert_eq!(info.reason, "NOT_THE_LEADER", "{refused:?}");
            }
        }
    }
    assert!(!ended.is_empty() && ended.iter().all(|term| *term == ended[0]));
    // The same member leads again, and keeps its term.
    for other in others.into_iter().rev() {
        crew.take(other).kill().await;
    }
    crew.members[0].set("again").await;
    let term = |info: GetServerInfoResponse| info.cluster.map(|cluster| cluster.term);
    let led = crew.members[0].info().await.expect("it answers");
    assert_eq!(led.role(), ServerRole::Leader);
    crew.members[0].set("later").await;
    let later = crew.members[0].info().await.expect("it answers");
    assert_eq!(term(later), term(led));
}

/// A request during an election waits for the next leader, at each member that survives.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_the_next_leader() {
    let mut crew = Crew::start().await;
    let (leader, _) = crew.roles().await;
    crew.members[leader].furnish().await;
    let killed = crew.take(leader);
    let name = killed.name;
    killed.kill().await;
    eventually("the lease of the killed leader has ended", || async {
        for member in &crew.members {
            let cluster = member.info().await.ok()?.cluster?;
            (!cluster.has_leader || cluster.leader != name).then_some(())?;
        }
        Some(())
    })
    .await;
    let asked = crew.members.iter().map(|member| {
        let mut scripts = member.clients.clone().scripts;
        let mut request = aftercall_tests::set_refund(member.name, 1.0);
        request.request_id = member.name.to_owned();
        async move { scripts.set_workflow(request).await }
    });
    let (answers, time) = timed(futures::future::join_all(asked)).await;
    println!("answered {:.2} s after the lease", time.as_secs_f64());
    for answer in answers {
        answer.expect("it waits");
    }
}

/// A leader is killed with a request of another member in hand. That member sends the request to
/// the next leader, if it has a request id.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_in_hand_survives_its_leader() {
    let mut crew = Crew::start().await;
    let leader = crew.leader().await;
    crew.members[leader].furnish().await;
    for request_id in ["", "repeated"] {
        let (leader, others) = crew.roles().await;
        let store = crew.members[leader].store.clone();
        store.hold_appends();
        let mut scripts = crew.members[others[0]].clients.clone().scripts;
        let mut request = aftercall_tests::set_refund("call", 1.0);
        request.request_id = request_id.to_owned();
        let asked = tokio::spawn(async move { scripts.set_workflow(request).await });
        store.appends_held(1).await;
        crew.take(leader).kill().await;
        let answer = asked.await.expect("no panic");
        if request_id.is_empty() {
            check_unavailable(&answer.expect_err("it may have been done"));
        } else {
            answer.expect("the next leader answers it");
        }
    }
    assert_eq!(crew.members[0].follow_ups("call").await.expect("read"), 1);
}

/// Role, term and leader of one answer are of one moment, also while the leader changes.
#[tokio::test(flavor = "multi_thread")]
async fn each_answer_about_a_member_agrees_with_itself() {
    let crew = Crew::start().await;
    crew.leader().await;
    let stop = CancellationToken::new();
    let looking: Vec<_> = crew
        .members
        .iter()
        .map(|member| {
            let (mut operations, stop) = (member.clients.clone().operations, stop.clone());
            tokio::spawn(async move {
                while !stop.is_cancelled() {
                    let info = operations.get_server_info(GetServerInfoRequest {}).await;
                    check_agrees(&info.expect("it answers").into_inner());
                }
            })
        })
        .collect();
    for _ in 0..4 {
        let leader = crew.leader().await;
        let mut operations = crew.members[leader].clients.clone().operations;
        operations
            .step_down(step_down())
            .await
            .expect("another leads");
    }
    stop.cancel();
    for looking in looking {
        looking.await.expect("no answer was wrong");
    }
}

fn check_agrees(info: &GetServerInfoResponse) {
    let cluster = info.cluster.as_ref().expect("a member");
    let is_led_here = cluster.has_leader && cluster.leader == cluster.member;
    assert_eq!(info.role() == ServerRole::Leader, is_led_here, "{info:?}");
    assert!(!is_led_here || cluster.term > 0, "{info:?}");
    assert_eq!(cluster.leader_since.is_some(), cluster.term > 0, "{info:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_releases_its_lease() {
    let mut crew = Crew::start().await;
    let (leader, _) = crew.roles().await;
    crew.members[leader].furnish().await;
    let stopped = crew.take(leader);
    let name = stopped.name.to_owned();
    let survivor = crew.members[0].clients.clone();
    let stopping = tokio::spawn(stopped.stop());
    let serving = eventually("another member leads", || {
        let mut survivor = survivor.clone();
        async move {
            let mut request = aftercall_tests::set_refund("after", 1.0);
            request.request_id = "after".to_owned();
            survivor.scripts.set_workflow(request).await.ok()
        }
    });
    let (_, time) = timed(serving).await;
    println!("serving {:.2} s after a stop", time.as_secs_f64());
    assert!(time < PLANNED_MAX, "{time:?}");
    stopping.await.expect("it ends");
    let listed = eventually("the survivors know of each other", || async {
        let cluster = crew.members[0].info().await.ok()?.cluster?;
        (cluster.members.len() <= crew.members.len()).then_some(cluster.members)
    });
    let listed: Vec<String> = listed.await.into_iter().map(|one| one.name).collect();
    assert!(!listed.contains(&name), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_cut_off_from_the_store_answers_nothing() {
    let crew = Crew::start().await;
    let (leader, others) = crew.roles().await;
    let cut_off = &crew.members[leader];
    cut_off.furnish().await;
    cut_off.set("before").await;
    cut_off.store.cut_off(true);
    let other = &crew.members[others[0]];
    let (_, time) = timed(other.set("after")).await;
    assert!(time < CRASH_MAX, "{time:?}");
    // It cannot know of the change, and must not say that there is none.
    let refused = cut_off.follow_ups("after").await.expect_err("not certain");
    check_unavailable(&refused);
    let refused = cut_off.follow_ups("before").await.expect_err("not certain");
    check_unavailable(&refused);
    cut_off.store.cut_off(false);
    let seen = eventually("it follows in the same process", || async {
        let info = cut_off.info().await.ok()?;
        (info.role() == ServerRole::Follower).then_some(())?;
        cut_off.follow_ups("after").await.ok()
    });
    assert_eq!(seen.await, 1);
    assert_eq!(crew.store().ended_at(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_all_lose_the_store_continue_afterwards() {
    let crew = Crew::start().await;
    let (leader, others) = crew.roles().await;
    crew.members[leader].furnish().await;
    crew.members
        .iter()
        .for_each(|member| member.store.cut_off(true));
    let refused = eventually("the leader is not certain any more", || async {
        crew.members[leader]
            .follow_ups("call")
            .await
            .err()
            .filter(|status| status.code() == Code::Unavailable)
    });
    check_unavailable(&refused.await);
    crew.members
        .iter()
        .for_each(|member| member.store.cut_off(false));
    crew.members[others[0]].set("call").await;
    assert_eq!(
        crew.members[others[1]]
            .follow_ups("call")
            .await
            .expect("read"),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_of_a_member_without_its_store_ends() {
    let crew = Crew::start().await;
    let (_, others) = crew.roles().await;
    let cut_off = &crew.members[others[0]];
    let request = TailRequest {
        from_sequence: 1,
        ..TailRequest::default()
    };
    let mut feed = cut_off.clients.clone().feed;
    let mut tail = feed
        .tail(request.clone())
        .await
        .expect("it begins")
        .into_inner();
    cut_off.store.cut_off(true);
    let ended = loop {
        match tail.message().await {
            Ok(message) => assert!(message.is_some(), "it says why it ends"),
            Err(status) => break status,
        }
    };
    check_unavailable(&ended);
    let refused = feed
        .tail(request.clone())
        .await
        .expect_err("its data is old");
    check_unavailable(&refused);
    cut_off.store.cut_off(false);
    eventually("the feed begins again", || {
        let (mut feed, request) = (feed.clone(), request.clone());
        async move { feed.tail(request).await.ok() }
    })
    .await;
}

/// The wall clock of the leader goes wrong while it leads. Another member takes over, and this one
/// leads only after its clock is right.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_with_a_wrong_clock_hands_over() {
    let crew = Crew::start().await;
    let (leader, _) = crew.roles().await;
    let member = &crew.members[leader];
    member.furnish().await;
    member.clock.set_ahead_by(31_000);
    let next = eventually("another member leads", || async {
        let cluster = member.info().await.ok()?.cluster?;
        (cluster.has_leader && cluster.leader != member.name).then_some(cluster)
    })
    .await;
    member.set("after").await;
    let info = member.info().await.expect("it answers");
    assert_eq!(info.role(), ServerRole::Follower, "in the same process");
    assert_eq!(info.cluster.map(|cluster| cluster.term), Some(next.term));
    let warned = info.conditions.iter();
    assert!(
        warned
            .into_iter()
            .any(|condition| condition.name == "clock-difference")
    );
}
