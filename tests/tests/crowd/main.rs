//! A thousand people at a hundred follow-ups, over real gRPC: everything that was answered happened
//! in one order that a model accepts, in which nothing comes before what its asker could know of;
//! no work is lost or done twice.

mod model;
mod person;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aftercall_proto::workflow::v1::{
    ChangeKind, GetInstanceRequest, HistoryItem, ListHistoryRequest, SetWorkflowRequest, Status,
};
use aftercall_serving::LimitSettings;
use aftercall_tests::{Clients, House, set_refund, with_refund};
use model::{Act, ROUNDS, State};
use person::Record;

const PEOPLE: u64 = 1_000;
const FOLLOW_UPS: usize = 100;
const ACTS_EACH: usize = 8;
const CONNECTIONS: usize = 10;

/// What one follow-up's history must hold for an act that was carried out.
fn kinds(act: &Act) -> &'static [ChangeKind] {
    match act {
        // A person who holds it already keeps it.
        Act::Claim => &[ChangeKind::Claimed, ChangeKind::ClaimExtended],
        Act::Release => &[ChangeKind::ClaimReleased],
        Act::TakeOver => &[ChangeKind::TakenOver, ChangeKind::ClaimExtended],
        Act::GiveTo { .. } | Act::GiveToTeam { .. } => &[ChangeKind::HandedOver],
        Act::Push { .. } => &[ChangeKind::ButtonPushed],
        Act::Snooze { .. } => &[ChangeKind::Snoozed],
        Act::Undo => &[ChangeKind::PushUndone],
        Act::Note => &[ChangeKind::NoteAdded],
    }
}

async fn history(clients: &mut Clients, id: &str) -> BTreeMap<u64, HistoryItem> {
    let (mut items, mut page_token) = (BTreeMap::new(), String::new());
    loop {
        let request = ListHistoryRequest {
            instance_id: id.to_owned(),
            page_size: 1_000,
            page_token,
            ..Default::default()
        };
        let page = clients
            .operations
            .list_history(request)
            .await
            .expect("history")
            .into_inner();
        items.extend(page.items.into_iter().map(|item| (item.sequence, item)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return items;
        }
    }
}

/// Everything that is wrong with the records of one follow-up, given its history.
fn faults(records: &[&Record], history: &BTreeMap<u64, HistoryItem>) -> (Vec<String>, State) {
    let mut faults = Vec::new();
    let mut done: BTreeMap<u64, &Record> = BTreeMap::new();
    for one in records {
        let Ok(sequence) = one.answer else { continue };
        if sequence <= one.after {
            faults.push(format!(
                "{one:?} comes before what was known when it was asked"
            ));
        }
        if let Some(other) = done.insert(sequence, one) {
            faults.push(format!("{one:?} and {other:?} are one change"));
        }
    }
    let mut state = State::new();
    let mut states = vec![(0, state.clone())];
    for (sequence, item) in history.iter().skip(1) {
        let Some(one) = done.remove(sequence) else {
            faults.push(format!("no record of {item:?}"));
            continue;
        };
        let kind = item.cause.as_ref().map_or(
            ChangeKind::Unspecified,
            aftercall_proto::workflow::v1::Cause::kind,
        );
        let actor = item.actor.as_ref().map_or("", |actor| &actor.name);
        if !kinds(&one.act).contains(&kind) || actor != one.who {
            faults.push(format!("{one:?} is {kind:?} by {actor} in the history"));
        }
        if let Some(refusal) = state.refusal(&one.who, &one.act) {
            faults.push(format!(
                "{one:?} was carried out, and should have been {refusal}: {state:?}"
            ));
        }
        let entered = state.carry_out(&one.who, &one.act);
        if entered
            != item
                .entered_stages
                .iter()
                .map(|stage| stage.number)
                .collect::<Vec<_>>()
        {
            faults.push(format!("{one:?} should have entered {entered:?}: {item:?}"));
        }
        states.push((*sequence, state.clone()));
    }
    // What changed nothing left no trace: the holder kept it, until the same
    // millisecond.
    for one in done.values() {
        let holds = |state: &State| state.holder.as_deref() == Some(&one.who);
        if one.act != Act::Claim && one.act != Act::TakeOver || !from(&states, one.after).any(holds)
        {
            faults.push(format!(
                "{one:?} was carried out, and is not in the history"
            ));
        }
    }
    for one in records {
        let Err(reason) = &one.answer else { continue };
        let was_reason =
            from(&states, one.after).any(|state| state.refusal(&one.who, &one.act) == Some(reason));
        // Between looking for the push and taking it back something else happened: also then there
        // is nothing to undo.
        let moved = reason == "NOTHING_TO_UNDO" && from(&states, one.after).count() > 1;
        if !was_reason && !moved {
            faults.push(format!(
                "{one:?} was refused, and at no time since was there a reason"
            ));
        }
    }
    (faults, state)
}

/// The states from what was known at a sequence on.
fn from(states: &[(u64, State)], after: u64) -> impl Iterator<Item = &State> {
    let first = states
        .partition_point(|(sequence, _)| *sequence <= after)
        .saturating_sub(1);
    states[first..].iter().map(|(_, state)| state)
}

async fn crowd(house: &House, ids: &Arc<Vec<String>>) -> Vec<Record> {
    let newest = Arc::new(AtomicU64::new(0));
    let mut connections = Vec::new();
    for _ in 0..CONNECTIONS {
        connections.push(house.clients().await);
    }
    let people: Vec<_> = (0..PEOPLE)
        .map(|number| {
            let clients = connections[number as usize % CONNECTIONS].clone();
            let (ids, newest) = (Arc::clone(ids), Arc::clone(&newest));
            tokio::spawn(
                async move { person::work(clients, number, (&ids, &newest), ACTS_EACH).await },
            )
        })
        .collect();
    let mut records = Vec::new();
    for one in people {
        records.extend(one.await.expect("they work"));
    }
    assert!(newest.load(Ordering::SeqCst) > 0);
    records
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_accepts_the_work_of_a_thousand_people() {
    let mut house = House::start_without_alerter().await;
    house.stop_workflow().await;
    // A request past its time may be done or not, and the model wants to know.
    house.limit(LimitSettings {
        request_seconds: 300,
        ..LimitSettings::default()
    });
    house.start_workflow().await;
    let mut clients = with_refund(&house).await;
    clients.publish(ROUNDS).await;
    let mut ids = Vec::new();
    for call in 0..FOLLOW_UPS {
        let request = SetWorkflowRequest {
            workflow: "rounds".to_owned(),
            fields: BTreeMap::default(),
            ..set_refund(call.to_string(), 1.0)
        };
        let answer = clients
            .scripts
            .set_workflow(request)
            .await
            .expect("set")
            .into_inner();
        ids.push(answer.follow_up.expect("it").instance_id);
    }
    let ids = Arc::new(ids);
    let records = crowd(&house, &ids).await;
    let carried_out = records.iter().filter(|one| one.answer.is_ok()).count();
    assert!(
        carried_out > records.len() / 4,
        "{carried_out} of {} were carried out: the crowd tries too little",
        records.len()
    );
    for (instance, id) in ids.iter().enumerate() {
        let of_one: Vec<&Record> = records
            .iter()
            .filter(|one| one.instance == instance)
            .collect();
        let history = history(&mut clients, id).await;
        let (faults, state) = faults(&of_one, &history);
        assert_eq!(faults, Vec::<String>::new(), "of {id}");
        let request = GetInstanceRequest {
            instance_id: id.clone(),
            read_mask: None,
        };
        let now = clients
            .operations
            .get_instance(request)
            .await
            .expect("it is there")
            .into_inner();
        let now = now.instance.expect("it");
        let found = (
            now.stage.as_ref().map_or(0, |stage| stage.number),
            now.visit,
            now.status() == Status::Finished,
            now.claim.as_ref().map(|claim| claim.holder.clone()),
            now.alerts.iter().any(|alert| alert.snoozed_until.is_some()),
            now.note_count,
        );
        let expected = (
            state.stage,
            state.visit(),
            state.has_ended,
            state.holder.clone(),
            state.is_snoozed,
            state.notes,
        );
        assert_eq!(found, expected, "of {id}");
        check_the_checks(&of_one, &history);
    }
}

/// The check finds what is left out, what is done twice, and what is done by another: or it would
/// check nothing.
fn check_the_checks(records: &[&Record], history: &BTreeMap<u64, HistoryItem>) {
    let pushes = |one: &&&Record| one.answer.is_ok() && matches!(one.act, Act::Push { .. });
    let Some(pushed) = records.iter().find(pushes) else {
        return;
    };
    let sequence = pushed.answer.clone().expect("carried out");
    let mut lost = history.clone();
    lost.remove(&sequence);
    assert!(
        !faults(records, &lost).0.is_empty(),
        "a lost push is not found"
    );
    let by_another = Record {
        who: "nobody".to_owned(),
        ..(*pushed).clone()
    };
    let swapped: Vec<&Record> = records
        .iter()
        .map(|one| {
            if std::ptr::eq(*one, *pushed) {
                &by_another
            } else {
                one
            }
        })
        .collect();
    assert!(
        !faults(&swapped, history).0.is_empty(),
        "a push by another is not found"
    );
    let twice: Vec<&Record> = records.iter().copied().chain([*pushed]).collect();
    assert!(
        !faults(&twice, history).0.is_empty(),
        "a push that is recorded twice is not found"
    );
}
