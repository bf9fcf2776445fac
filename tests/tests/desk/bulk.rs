//! One thing done to many follow-ups at once, by a person at a desk.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    Batch, BatchItemState, BatchState, BatchWork, ChangeKind, ClaimWork, FollowUpFilter,
    GetBatchRequest, ListBatchItemsRequest, ListHistoryRequest, PushWork, SnoozeWork,
    StartBatchRequest, UndoPushRequest,
};
use aftercall_tests::{Clients, House, eventually, number, set, text, with_refund};

use crate::{get, kinds, rows};

fn start(work: Kind, team: &str, note: &str) -> StartBatchRequest {
    StartBatchRequest {
        actor: "Ann".to_owned(),
        work: Some(BatchWork { kind: Some(work) }),
        follow_up_filter: Some(FollowUpFilter {
            teams: vec![team.to_owned()],
            ..FollowUpFilter::default()
        }),
        reason: note.to_owned(),
        ..StartBatchRequest::default()
    }
}

async fn done(clients: &mut Clients, request: StartBatchRequest) -> Batch {
    let started = clients.operations.start_batch(request).await;
    let batch_id = started.expect("started").into_inner().batch.expect("it").id;
    eventually("its end", || {
        let mut clients = clients.clone();
        async move {
            let request = GetBatchRequest { batch_id };
            let answer = clients.operations.get_batch(request).await.expect("it");
            let batch = answer.into_inner().batch.expect("it");
            (batch.state() == BatchState::Done).then_some(batch)
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_pushes_one_button_on_many() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for call in ["1", "2", "3"] {
        ids.push(set(&mut clients, call, 5.0).await.instance_id);
    }
    let push = Kind::Push(PushWork {
        button_id: "approve".to_owned(),
        stage: 1,
        ..PushWork::default()
    });
    let request = start(push, "billing", "checked by Kim");
    let tried = StartBatchRequest {
        dry_run: true,
        ..request.clone()
    };
    let tried = clients.operations.start_batch(tried).await;
    let tried = tried.expect("tried").into_inner();
    let would_be: Vec<u32> = tried
        .items
        .iter()
        .map(|item| item.would_be_in.as_ref().map_or(0, |stage| stage.number))
        .collect();
    assert_eq!((tried.matched, would_be), (3, vec![2, 2, 2]));
    assert_eq!(
        get(&mut clients, &ids[0]).await.stage.expect("one").number,
        1
    );

    let batch = done(&mut clients, request).await;
    assert_eq!((batch.items, batch.done, batch.refused), (3, 3, 0));
    for id in &ids {
        let one = get(&mut clients, id).await;
        assert_eq!((one.stage.expect("one").number, one.note_count), (2, 1));
        let expected = [ChangeKind::Set, ChangeKind::ButtonPushed];
        assert_eq!(kinds(&mut clients, id).await, expected);
    }
    let undo = |actor: &str| UndoPushRequest {
        actor: actor.to_owned(),
        instance_id: ids[0].clone(),
        ..UndoPushRequest::default()
    };
    clients
        .manager
        .undo_push(undo("Ben"))
        .await
        .expect_err("Ann pushed");
    let undone = clients.manager.undo_push(undo("Ann")).await;
    let undone = undone.expect("taken back").into_inner().follow_up;
    assert_eq!(undone.expect("it").stage.expect("one").number, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_asked_once_for_many() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for call in ["1", "2"] {
        let one = set(&mut clients, call, 5.0).await;
        let approved = aftercall_tests::push(&one, "approve", "Ann");
        clients.manager.push_button(approved).await.expect("pushed");
        ids.push(one.instance_id);
    }
    let push = |value| {
        Kind::Push(PushWork {
            button_id: "paid".to_owned(),
            stage: 2,
            form: BTreeMap::from([("reference".to_owned(), value)]),
        })
    };
    let tried = StartBatchRequest {
        dry_run: true,
        ..start(push(number(7.0)), "payments", "")
    };
    let tried = clients.operations.start_batch(tried).await;
    let tried = tried.expect("tried").into_inner();
    assert_eq!(tried.items.len(), 2);
    for item in &tried.items {
        assert_eq!(item.reason, "INVALID");
        assert!(item.detail.contains("takes text, not number"), "{item:?}");
    }
    let batch = done(&mut clients, start(push(text("R-7")), "payments", "")).await;
    assert_eq!((batch.items, batch.done, batch.refused), (2, 2, 0));
    let shown = format!("{batch:?}");
    assert!(!shown.contains("R-7"), "{shown}");
    for id in &ids {
        let request = ListHistoryRequest {
            instance_id: id.clone(),
            ..ListHistoryRequest::default()
        };
        let history = clients.operations.list_history(request).await;
        let history = history.expect("history").into_inner().items;
        let newest = history.last().and_then(|item| item.cause.as_ref());
        let values = &newest.expect("a cause").values;
        assert_eq!(values.get("reference"), Some(&text("R-7")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_claims_and_snoozes_many() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for call in ["1", "2"] {
        ids.push(set(&mut clients, call, 5.0).await.instance_id);
    }
    let claim = Kind::Claim(ClaimWork { lease: None });
    let batch = done(&mut clients, start(claim, "billing", "")).await;
    assert_eq!((batch.done, batch.refused), (2, 0));
    let held = get(&mut clients, &ids[1]).await;
    assert_eq!(held.claim.expect("a claim").holder, "Ann");
    let hour = std::time::Duration::from_secs(3_600);
    let until = Some((std::time::SystemTime::now() + hour).into());
    let snooze = |actor: &str| StartBatchRequest {
        actor: actor.to_owned(),
        ..start(Kind::Snooze(SnoozeWork { until }), "billing", "closed")
    };
    let batch = done(&mut clients, snooze("Ben")).await;
    assert_eq!((batch.done, batch.refused), (0, 2));
    let request = ListBatchItemsRequest {
        batch_id: batch.id,
        ..ListBatchItemsRequest::default()
    };
    let items = clients.operations.list_batch_items(request).await;
    for item in items.expect("items").into_inner().items {
        assert_eq!(item.state(), BatchItemState::Refused);
        assert_eq!(item.reason, "CLAIMED_BY_ANOTHER");
    }
    let batch = done(&mut clients, snooze("Ann")).await;
    assert_eq!((batch.done, batch.refused), (2, 0));
    assert_eq!(rows(&mut clients, &[]).await, []);
    let hidden = get(&mut clients, &ids[0]).await;
    assert_eq!(hidden.alerts[0].snoozed_by, "Ann");
    let expected = [ChangeKind::Set, ChangeKind::Claimed, ChangeKind::Snoozed];
    assert_eq!(kinds(&mut clients, &ids[0]).await, expected);
}
