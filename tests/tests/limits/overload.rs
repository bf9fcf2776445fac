//! Under overload new work is refused first, and what finishes work last.

use std::time::Duration;

use aftercall_proto::workflow::v1::{FollowUp, PushButtonResponse, SetWorkflowResponse};
use aftercall_tests::{
    Clients, House, PATIENCE, eventually, push, reason, set, set_refund, with_refund,
};
use futures::future::join_all;
use tokio::task::JoinHandle;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::disk::GatedDisk;

type Asked<T> = JoinHandle<Result<Response<T>, Status>>;

/// Places for waiting commands; new work has half of them.
const PLACES: u32 = 8;
/// Requests that are sent at once.
const ROUND: usize = 100;
/// How long a refusal may take.
const WAIT: Duration = Duration::from_millis(300);

/// Sets workflows until none is taken any more: a group is written, another one is open, and the
/// places for new work are taken. What waits, and what was refused.
async fn fill(house: &House) -> (Vec<Asked<SetWorkflowResponse>>, Vec<Status>) {
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for round in 0.. {
        let before = taken.len();
        // A connection has 128 streams.
        let clients = house.clients().await;
        let asked: Vec<Asked<SetWorkflowResponse>> = (0..ROUND)
            .map(|number| {
                let mut scripts = clients.scripts.clone();
                let request = set_refund(format!("more-{round}-{number}"), 5.0);
                tokio::spawn(async move { scripts.set_workflow(request).await })
            })
            .collect();
        // Refusals come at once; the others wait for the disk. One that is only late counts as
        // taken, and another round follows.
        let waits = asked.into_iter().map(|mut asked| async move {
            let ended = tokio::time::timeout(WAIT, &mut asked).await;
            (asked, ended.map(|ended| ended.expect("no panic")))
        });
        for (asked, ended) in join_all(waits).await {
            match ended {
                Err(_) => taken.push(asked),
                Ok(ended) => refused.extend(ended.err()),
            }
        }
        if taken.len() == before {
            break;
        }
    }
    (taken, refused)
}

fn pushing(clients: &Clients, follow_up: &FollowUp) -> Asked<PushButtonResponse> {
    let (mut manager, request) = (clients.manager.clone(), push(follow_up, "approve", "Ben"));
    tokio::spawn(async move { manager.push_button(request).await })
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_are_taken_while_new_work_is_refused() {
    let (disk, mut house) = GatedDisk::house().await;
    house.limit_waiting(PLACES);
    house.start_workflow().await;
    let mut clients = with_refund(&house).await;
    let mut follow_ups = Vec::new();
    for number in 0..PLACES {
        follow_ups.push(set(&mut clients, &number.to_string(), 5.0).await);
    }
    disk.stop();
    let (taken, refused) = fill(&house).await;
    assert!(!taken.is_empty() && !refused.is_empty());
    refused.iter().for_each(is_for_want_of_places);
    // Half of the places are left for what finishes work.
    let pushes: Vec<_> = follow_ups
        .iter()
        .map(|follow_up| pushing(&clients, follow_up))
        .collect();
    // The control: where all places are taken, a push is refused too.
    eventually("the other pushes are refused", || async {
        let ended = pushes.iter().filter(|asked| asked.is_finished()).count();
        (ended as u32 >= PLACES / 2).then_some(())
    })
    .await;
    disk.run();
    let mut pushed = 0;
    for asked in pushes {
        match in_time(asked).await {
            Ok(_) => pushed += 1,
            Err(status) => is_for_want_of_places(&status),
        }
    }
    assert_eq!(pushed, PLACES / 2);
    let mut set = 0;
    for asked in taken {
        match in_time(asked).await {
            Ok(_) => set += 1,
            Err(status) => is_for_want_of_places(&status),
        }
    }
    assert!(set > 0, "what was taken is done");
}

async fn in_time<T>(asked: Asked<T>) -> Result<Response<T>, Status> {
    let ended = tokio::time::timeout(PATIENCE, asked).await;
    ended.expect("in time").expect("no panic")
}

fn is_for_want_of_places(status: &Status) {
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (Code::ResourceExhausted, "COMMANDS_WAITING")
    );
    assert!(status.get_details_retry_info().is_some());
}
