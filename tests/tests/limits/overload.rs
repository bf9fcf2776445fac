//! Under overload new work is refused first, and what finishes work last.

use std::time::Duration;

use aftercall_client::Connector;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, ClaimFollowUpRequest, FollowUp, ReleaseClaimRequest, SetWorkflowResponse,
};
use aftercall_tests::{
    Clients, House, PATIENCE, eventually, push, reason, set, set_refund, with_refund,
};
use futures::future::join_all;
use tokio::task::JoinHandle;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

use crate::disk::GatedDisk;
use crate::server::counter;

type Asked<T> = JoinHandle<Result<T, Status>>;

/// Places for waiting commands: new work has half of them, usual work three quarters.
const PLACES: u32 = 64;
/// Requests that are sent at once.
const ROUND: usize = 100;
/// How long a refusal may take.
const WAIT: Duration = Duration::from_millis(300);

/// Sets workflows until none is taken any more: a group is written, another one is open, and the
/// places for new work are taken. What waits, and what was refused.
async fn fill(house: &House) -> (Vec<Asked<Response<SetWorkflowResponse>>>, Vec<Status>) {
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for round in 0.. {
        let before = taken.len();
        // A connection has 128 streams.
        let clients = house.clients().await;
        let asked: Vec<Asked<_>> = (0..ROUND)
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

/// What a person does with a follow-up.
#[derive(Clone, Copy, Debug)]
enum Work {
    Note,
    Push,
    Release,
}

impl Work {
    async fn send(self, mut clients: Clients, follow_up: FollowUp) -> Result<(), Status> {
        let (instance_id, actor) = (follow_up.instance_id.clone(), "Ben".to_owned());
        match self {
            Self::Note => {
                let note = AddNoteRequest {
                    instance_id,
                    actor,
                    text: "called back".to_owned(),
                    ..AddNoteRequest::default()
                };
                clients.manager.add_note(note).await.map(drop)
            }
            Self::Push => {
                let push = push(&follow_up, "approve", "Ben");
                clients.manager.push_button(push).await.map(drop)
            }
            Self::Release => {
                let release = ReleaseClaimRequest {
                    instance_id,
                    actor,
                    ..ReleaseClaimRequest::default()
                };
                clients.manager.release_claim(release).await.map(drop)
            }
        }
    }

    /// Sends it for each follow-up, and waits until half of them are refused.
    async fn send_all(self, clients: &Clients, follow_ups: &[FollowUp]) -> Vec<Asked<()>> {
        let sent = follow_ups.iter().cloned();
        let sent = sent.map(|follow_up| tokio::spawn(self.send(clients.clone(), follow_up)));
        let sent: Vec<_> = sent.collect();
        eventually(&format!("{self:?} is refused"), || async {
            let refused = sent.iter().filter(|asked| asked.is_finished()).count();
            (refused as u32 >= PLACES / 2).then_some(())
        })
        .await;
        sent
    }
}

/// How many of these were done; the others were refused for want of places.
async fn done<T>(asked: Vec<Asked<T>>) -> (u32, u32) {
    let (mut done, mut refused) = (0, 0);
    for asked in asked {
        let ended = tokio::time::timeout(PATIENCE, asked).await;
        match ended.expect("in time").expect("no panic") {
            Ok(_) => done += 1,
            Err(status) => {
                is_for_want_of_places(&status);
                refused += 1;
            }
        }
    }
    (done, refused)
}

/// The commands that were refused so far, by urgency.
async fn shed(house: &House) -> [u64; 3] {
    let connector = Connector::to(&house.workflow_url()).expect("an address");
    let mut shed = [0; 3];
    for (count, urgency) in shed.iter_mut().zip(["new", "usual", "finishing"]) {
        let series = format!("aftercall_commands_shed_total{{urgency=\"{urgency}\"}}");
        *count = counter(&connector, "", &series).await.expect("a counter");
    }
    shed
}

/// A follow-up for each place, with a claim of Ben.
async fn claimed(clients: &mut Clients) -> Vec<FollowUp> {
    let mut follow_ups = Vec::new();
    for number in 0..PLACES {
        let follow_up = set(clients, &number.to_string(), 5.0).await;
        let claim = ClaimFollowUpRequest {
            instance_id: follow_up.instance_id.clone(),
            actor: "Ben".to_owned(),
            ..ClaimFollowUpRequest::default()
        };
        let claimed = clients.manager.claim_follow_up(claim).await;
        claimed.expect("it is claimed");
        follow_ups.push(follow_up);
    }
    follow_ups
}

#[tokio::test(flavor = "multi_thread")]
async fn new_work_is_refused_first_and_finishing_work_last() {
    for finishing in [Work::Push, Work::Release] {
        let (disk, mut house) = GatedDisk::house().await;
        house.limit_waiting(PLACES);
        house.start_workflow().await;
        let mut clients = with_refund(&house).await;
        let follow_ups = claimed(&mut clients).await;
        let before = shed(&house).await;
        disk.stop();
        let (taken, refused) = fill(&house).await;
        assert!(!taken.is_empty() && !refused.is_empty());
        refused.iter().for_each(is_for_want_of_places);
        // New work has left half of the places. The control of each kind: beyond its share it is
        // refused too.
        let notes = Work::Note.send_all(&clients, &follow_ups).await;
        let finished = finishing.send_all(&clients, &follow_ups).await;
        disk.run();
        let (notes, finished) = (done(notes).await, done(finished).await);
        // A quarter each, but commands that come at once may take a place more.
        for (what, (taken, refused)) in [("notes", notes), ("finishing work", finished)] {
            let is_shared = taken >= PLACES / 8 && refused >= PLACES / 2;
            assert!(is_shared, "{finishing:?}: {taken} and {refused} of {what}");
        }
        let (set, late) = done(taken).await;
        assert!(set > 0, "what was taken is done");
        let of_new = u64::from(late) + refused.len() as u64;
        let after = shed(&house).await;
        let counted = [0, 1, 2].map(|urgency| after[urgency] - before[urgency]);
        let [of_notes, of_finishing] = [notes, finished].map(|(_, refused)| u64::from(refused));
        assert_eq!(counted, [of_new, of_notes, of_finishing], "{finishing:?}");
    }
}

fn is_for_want_of_places(status: &Status) {
    assert_eq!(
        (status.code(), reason(status).as_str()),
        (Code::ResourceExhausted, "COMMANDS_WAITING")
    );
    assert!(status.get_details_retry_info().is_some());
}
