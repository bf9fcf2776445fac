//! One of the crowd: acts at random on what it sees, and writes down what it was answered.

use std::sync::atomic::{AtomicU64, Ordering};

use aftercall_proto::workflow::v1::snooze_alert_request::When;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, ClaimFollowUpRequest, FollowUp, GetInstanceRequest, HandOverRequest,
    PushButtonRequest, ReleaseClaimRequest, SnoozeAlertRequest, TakeOverRequest, UndoPushRequest,
};
use aftercall_tests::{Clients, reason};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};

use crate::model::Act;

/// Longer than the test takes; other tests check that a lease expires.
const LEASE: prost_types::Duration = prost_types::Duration {
    seconds: 3_600,
    nanos: 0,
};

/// An act, and what was answered.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) who: String,
    pub(crate) instance: usize,
    pub(crate) act: Act,
    /// The newest sequence that anybody knew of before the request.
    pub(crate) after: u64,
    /// The sequence of what was done, or why it was refused.
    pub(crate) answer: Result<u64, String>,
}

/// Acts so many times.
pub(crate) async fn work(
    mut clients: Clients,
    number: u64,
    (ids, newest): (&[String], &AtomicU64),
    times: usize,
) -> Vec<Record> {
    let mut random = SmallRng::seed_from_u64(number);
    let who = format!("person {number}");
    let mut records = Vec::new();
    for time in 0..times {
        let instance = random.random_range(0..ids.len());
        let id = &ids[instance];
        let request = GetInstanceRequest {
            instance_id: id.clone(),
            read_mask: None,
        };
        let seen = clients
            .operations
            .get_instance(request)
            .await
            .expect("it is there")
            .into_inner();
        let seen = seen.instance.expect("it");
        let act = choose(&mut random, &seen);
        let request_id = format!("{number}/{time}");
        let after = newest.load(Ordering::SeqCst);
        let answer = ask(&mut clients, &act, &seen, (&who, &request_id)).await;
        if random.random_bool(0.1) {
            let again = ask(&mut clients, &act, &seen, (&who, &request_id)).await;
            assert!(
                answer.is_err() || again == answer,
                "repeated with the same id: {again:?} after {answer:?}"
            );
            // What was refused may be done when it is repeated.
            if answer.is_err() && again.is_ok() {
                records.push(Record {
                    who: who.clone(),
                    instance,
                    act: act.clone(),
                    after,
                    answer: again,
                });
            }
        }
        if let Ok(sequence) = answer {
            newest.fetch_max(sequence, Ordering::SeqCst);
        }
        records.push(Record {
            who: who.clone(),
            instance,
            act,
            after,
            answer,
        });
    }
    records
}

fn choose(random: &mut SmallRng, seen: &FollowUp) -> Act {
    let stage = seen.stage.as_ref().map_or(0, |stage| stage.number);
    match random.random_range(0..20) {
        0..=3 => Act::Claim,
        4 => Act::Release,
        5 => Act::TakeOver,
        6 => Act::GiveTo {
            person: format!("person {}", random.random_range(0..1_000)),
        },
        7 => Act::GiveToTeam {
            team: ["billing", "payments"][random.random_range(0..2)],
        },
        8..=9 => Act::Snooze {
            stage,
            visit: seen.visit,
        },
        10..=11 => Act::Undo,
        12 => Act::Note,
        _ => {
            // Seldom the end, or there would soon be nothing to work on.
            let buttons: &[&'static str] = match stage {
                1 => &["next"],
                2 => &["back", "over"],
                4 if random.random_bool(0.2) => &["done"],
                4 => &["return"],
                _ => &["next", "done"],
            };
            Act::Push {
                button: buttons[random.random_range(0..buttons.len())],
                visit: seen.visit,
            }
        }
    }
}

async fn ask(
    clients: &mut Clients,
    act: &Act,
    seen: &FollowUp,
    (who, request_id): (&str, &str),
) -> Result<u64, String> {
    let (instance_id, actor, request_id) = (
        seen.instance_id.clone(),
        who.to_owned(),
        request_id.to_owned(),
    );
    let manager = &mut clients.manager;
    let answered = match act {
        Act::Claim => {
            let request = ClaimFollowUpRequest {
                request_id,
                actor,
                instance_id,
                lease: Some(LEASE),
                read_mask: None,
            };
            manager
                .claim_follow_up(request)
                .await
                .map(|answer| answer.into_inner().sequence)
        }
        Act::Release => {
            let request = ReleaseClaimRequest {
                request_id,
                actor,
                instance_id,
                read_mask: None,
            };
            manager
                .release_claim(request)
                .await
                .map(|answer| answer.into_inner().sequence)
        }
        Act::TakeOver => return take_over(clients, (instance_id, actor, request_id)).await,
        Act::GiveTo { .. } | Act::GiveToTeam { .. } => {
            return hand_over(clients, act, (instance_id, actor, request_id)).await;
        }
        Act::Push { button, visit } => {
            let request = PushButtonRequest {
                request_id,
                actor,
                instance_id,
                button_id: (*button).to_owned(),
                visit: *visit,
                ..PushButtonRequest::default()
            };
            manager
                .push_button(request)
                .await
                .map(|answer| answer.into_inner().sequence)
        }
        Act::Snooze { stage, visit } => {
            let alert_id = format!("{stage}.{visit}.1");
            return snooze(clients, alert_id, (instance_id, actor, request_id)).await;
        }
        Act::Undo => {
            let request = UndoPushRequest {
                request_id,
                actor,
                instance_id,
                ..UndoPushRequest::default()
            };
            manager
                .undo_push(request)
                .await
                .map(|answer| answer.into_inner().sequence)
        }
        Act::Note => {
            let request = AddNoteRequest {
                request_id,
                actor,
                instance_id,
                text: "called".to_owned(),
                read_mask: None,
            };
            manager
                .add_note(request)
                .await
                .map(|answer| answer.into_inner().sequence)
        }
    };
    answered.map_err(|refused| reason(&refused))
}

async fn take_over(
    clients: &mut Clients,
    (instance_id, actor, request_id): (String, String, String),
) -> Result<u64, String> {
    let request = TakeOverRequest {
        request_id,
        actor,
        instance_id,
        lease: Some(LEASE),
        reason: "it is urgent".to_owned(),
        read_mask: None,
    };
    let answer = clients.manager.take_over(request).await;
    answer
        .map(|answer| answer.into_inner().sequence)
        .map_err(|refused| reason(&refused))
}

async fn snooze(
    clients: &mut Clients,
    alert_id: String,
    (instance_id, actor, request_id): (String, String, String),
) -> Result<u64, String> {
    let request = SnoozeAlertRequest {
        request_id,
        actor,
        instance_id,
        alert_id,
        when: Some(When::Duration(LEASE)),
        ..SnoozeAlertRequest::default()
    };
    let answer = clients.manager.snooze_alert(request).await;
    answer
        .map(|answer| answer.into_inner().sequence)
        .map_err(|refused| reason(&refused))
}

async fn hand_over(
    clients: &mut Clients,
    act: &Act,
    (instance_id, actor, request_id): (String, String, String),
) -> Result<u64, String> {
    let mut request = HandOverRequest {
        request_id,
        actor,
        instance_ids: vec![instance_id],
        lease: Some(LEASE),
        reason: "end of shift".to_owned(),
        ..HandOverRequest::default()
    };
    match act {
        Act::GiveTo { person } => request.to_person.clone_from(person),
        Act::GiveToTeam { team } => request.to_team = (*team).to_owned(),
        _ => {}
    }
    let answer = clients
        .manager
        .hand_over(request)
        .await
        .expect("an answer")
        .into_inner();
    let result = &answer.results[0];
    if result.follow_up.is_some() {
        Ok(answer.sequence)
    } else {
        Err(result.reason.clone())
    }
}
