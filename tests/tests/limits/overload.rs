//! Under overload new work is refused first, and what finishes work last.

use std::time::Duration;

use aftercall_proto::workflow::v1::{FollowUp, PushButtonResponse, SetWorkflowResponse};
use aftercall_tests::{Clients, House, PATIENCE, push, reason, set, set_refund, with_refund};
use tokio::task::JoinHandle;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::disk::GatedDisk;

type Asked<T> = JoinHandle<Result<Response<T>, Status>>;

/// Places for waiting commands; new work has half of them.
const PLACES: u32 = 8;
/// Requests that are sent at once.
const ROUND: usize = 100;

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
        // Refusals come at once; the others wait for the disk.
        for mut asked in asked {
            match tokio::time::timeout(Duration::from_millis(30), &mut asked).await {
                Err(_) => taken.push(asked),
                Ok(ended) => refused.extend(ended.expect("no panic").err()),
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
    let (mut taken, refused) = fill(&house).await;
    assert!(!taken.is_empty() && !refused.is_empty());
    for status in &refused {
        assert_eq!(
            (status.code(), reason(status).as_str()),
            (Code::ResourceExhausted, "COMMANDS_WAITING")
        );
        assert!(status.get_details_retry_info().is_some());
    }
    // Half of the places are left for what finishes work.
    let mut pushes: Vec<_> = follow_ups
        .iter()
        .map(|follow_up| pushing(&clients, follow_up))
        .collect();
    let mut late = Vec::new();
    for asked in &mut pushes {
        let ended = tokio::time::timeout(Duration::from_millis(200), asked).await;
        late.push(ended.ok().map(|ended| ended.expect("no panic")));
    }
    let waits = late.iter().filter(|ended| ended.is_none()).count();
    assert!(waits as u32 >= PLACES / 2, "{waits} pushes were taken");
    // The control: where all places are taken, a push is refused too.
    let refused = late.iter().flatten().filter(|ended| ended.is_err()).count();
    assert!(refused > 0, "{late:?}");
    disk.run();
    for (asked, late) in pushes.into_iter().zip(late) {
        if late.is_none() {
            let pushed = tokio::time::timeout(PATIENCE, asked).await;
            pushed.expect("in time").expect("no panic").expect("pushed");
        }
    }
    for asked in taken.drain(..) {
        let set = tokio::time::timeout(PATIENCE, asked).await;
        set.expect("in time").expect("no panic").expect("set");
    }
}
