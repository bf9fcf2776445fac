//! Batches, over real gRPC: each item once with its result, also over a kill; dry runs; stopping;
//! and the guards of filters.

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    Batch, BatchItemState, BatchState, BatchWork, CancelWork, ChangeKind, CountInstancesRequest,
    GetBatchRequest, HandOverWork, InstanceFilter, ListBatchItemsRequest, ListHistoryRequest,
    MoveWork, PauseWork, StartBatchRequest, Status, StopBatchRequest,
};
use aftercall_tests::{Clients, House, REFUND, ServerProcess, eventually, set, with_refund};
use tonic::Code;

fn start(work: Kind, filter: InstanceFilter) -> StartBatchRequest {
    StartBatchRequest {
        actor: "Eve".to_owned(),
        work: Some(BatchWork { kind: Some(work) }),
        filter: Some(filter),
        reason: "a drill".to_owned(),
        per_second: 1_000,
        ..StartBatchRequest::default()
    }
}

fn refunds() -> InstanceFilter {
    InstanceFilter {
        workflows: vec!["refund".to_owned()],
        ..InstanceFilter::default()
    }
}

async fn started(clients: &mut Clients, request: StartBatchRequest) -> Batch {
    clients
        .operations
        .start_batch(request)
        .await
        .expect("started")
        .into_inner()
        .batch
        .expect("it")
}

async fn get(clients: &mut Clients, batch_id: u64) -> Batch {
    let answer = clients
        .operations
        .get_batch(GetBatchRequest { batch_id })
        .await
        .expect("it is there");
    answer.into_inner().batch.expect("it")
}

async fn ended(clients: &Clients, batch_id: u64) -> Batch {
    eventually("the end of the batch", || {
        let mut clients = clients.clone();
        async move {
            let batch = get(&mut clients, batch_id).await;
            (batch.state() != BatchState::Running).then_some(batch)
        }
    })
    .await
}

async fn open(clients: &mut Clients) -> u64 {
    let counted = clients
        .operations
        .count_instances(CountInstancesRequest::default())
        .await
        .expect("counted");
    counted.into_inner().total
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_resumes_after_a_restart() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut ids = Vec::new();
    for call in 0..60 {
        ids.push(set(&mut clients, &call.to_string(), 5.0).await.instance_id);
    }
    let request = StartBatchRequest {
        request_id: "once".to_owned(),
        per_second: 100,
        ..start(Kind::Pause(PauseWork { until: None }), refunds())
    };
    let batch = started(&mut clients, request.clone()).await;
    assert_eq!((batch.items, batch.matched), (60, 60));
    let again = started(&mut clients, request).await;
    assert_eq!(again.id, batch.id, "a repetition returns the same batch");
    eventually("some of it", || {
        let mut clients = clients.clone();
        async move { (get(&mut clients, batch.id).await.done >= 5).then_some(()) }
    })
    .await;
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let done = ended(&clients, batch.id).await;
    assert_eq!(
        (done.state(), done.done, done.refused),
        (BatchState::Done, 60, 0)
    );
    for id in ids {
        let request = ListHistoryRequest {
            instance_id: id,
            ..ListHistoryRequest::default()
        };
        let items = clients
            .operations
            .list_history(request)
            .await
            .expect("history")
            .into_inner()
            .items;
        let paused: Vec<_> = items
            .iter()
            .filter(|item| item.status() == Status::Paused)
            .collect();
        assert_eq!(paused.len(), 1);
        assert_eq!(paused[0].actor.clone().expect("somebody").name, "Eve");
        assert_eq!(paused[0].cause.clone().expect("why").note, "a drill");
    }
}

/// How often somebody has moved an instance.
async fn moves(clients: &mut Clients, id: &str) -> usize {
    let request = ListHistoryRequest {
        instance_id: id.to_owned(),
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(request)
        .await
        .expect("history")
        .into_inner()
        .items;
    items
        .iter()
        .filter(|item| {
            item.cause
                .as_ref()
                .is_some_and(|cause| cause.kind() == ChangeKind::Moved)
        })
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_does_each_item_once_despite_kills() {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let mut server = ServerProcess::workflow(temp.path(), 0);
    let address = server.address();
    let mut clients = Clients::connect(address, None).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    let mut ids = Vec::new();
    for call in 0..40 {
        ids.push(set(&mut clients, &call.to_string(), 5.0).await.instance_id);
    }
    let request = StartBatchRequest {
        per_second: 200,
        ..start(Kind::Move(MoveWork { stage: 1 }), refunds())
    };
    let batch = started(&mut clients, request).await;
    for nth in 1..=6_u32 {
        eventually("some more of it", || {
            let mut clients = clients.clone();
            async move { (get(&mut clients, batch.id).await.done >= nth * 5).then_some(()) }
        })
        .await;
        server.kill();
        server = ServerProcess::workflow(temp.path(), address.port());
        clients = Clients::connect(address, None).await;
    }
    let done = ended(&clients, batch.id).await;
    assert_eq!(
        (done.state(), done.done, done.refused),
        (BatchState::Done, 40, 0)
    );
    for id in ids {
        assert_eq!(moves(&mut clients, &id).await, 1, "of {id}");
    }
    server.kill();
}

/// Two pages of one item; `second` is the item of the last page.
async fn check_pages(clients: &mut Clients, request: ListBatchItemsRequest, second: &str) {
    let page = ListBatchItemsRequest {
        page_size: 1,
        ..request
    };
    let page_one = clients
        .operations
        .list_batch_items(page.clone())
        .await
        .expect("items")
        .into_inner();
    let page = ListBatchItemsRequest {
        page_token: page_one.next_page_token,
        ..page
    };
    let page_two = clients
        .operations
        .list_batch_items(page)
        .await
        .expect("items")
        .into_inner();
    assert_eq!(
        (
            page_two.items[0].instance_id.as_str(),
            page_two.next_page_token.as_str()
        ),
        (second, "")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_predicts_the_result_of_each_item() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 5.0).await.instance_id;
    let second = set(&mut clients, "2", 5.0).await.instance_id;
    let cancel = || StartBatchRequest {
        instance_ids: vec![first.clone(), second.clone(), first.clone()],
        filter: None,
        ..start(Kind::Cancel(CancelWork {}), InstanceFilter::default())
    };
    let one = StartBatchRequest {
        instance_ids: vec![first.clone()],
        ..cancel()
    };
    let batch = started(&mut clients, one).await;
    ended(&clients, batch.id).await;
    let tried = clients
        .operations
        .start_batch(StartBatchRequest {
            dry_run: true,
            ..cancel()
        })
        .await
        .expect("tried");
    let tried: Vec<_> = tried
        .into_inner()
        .items
        .into_iter()
        .map(|item| (item.state(), item.instance_id, item.reason))
        .collect();
    let expected = vec![
        (
            BatchItemState::Refused,
            first.clone(),
            "INSTANCE_ENDED".to_owned(),
        ),
        (BatchItemState::Done, second.clone(), String::new()),
    ];
    assert_eq!(tried, expected, "each is named once");
    assert_eq!(open(&mut clients).await, 1, "nothing was done");
    let batch = started(&mut clients, cancel()).await;
    let done = ended(&clients, batch.id).await;
    assert_eq!((done.items, done.done, done.refused), (2, 1, 1));
    let request = ListBatchItemsRequest {
        batch_id: batch.id,
        ..ListBatchItemsRequest::default()
    };
    let items = clients
        .operations
        .list_batch_items(request.clone())
        .await
        .expect("items")
        .into_inner()
        .items;
    let items: Vec<_> = items
        .into_iter()
        .map(|item| (item.state(), item.instance_id, item.reason))
        .collect();
    assert_eq!(items, expected);
    let refused = ListBatchItemsRequest {
        refused_only: true,
        ..request.clone()
    };
    let refused = clients
        .operations
        .list_batch_items(refused)
        .await
        .expect("items")
        .into_inner()
        .items;
    assert_eq!(
        refused
            .iter()
            .map(|item| &item.instance_id)
            .collect::<Vec<_>>(),
        [&first]
    );
    check_pages(&mut clients, request, &second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_batch_keeps_what_is_done() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in 0..20 {
        set(&mut clients, &call.to_string(), 5.0).await;
    }
    let slow = StartBatchRequest {
        per_second: 1,
        ..start(Kind::Cancel(CancelWork {}), refunds())
    };
    let batch = started(&mut clients, slow).await;
    let mut stop = StopBatchRequest {
        actor: "Eve".to_owned(),
        batch_id: batch.id,
        ..StopBatchRequest::default()
    };
    assert_eq!(
        clients
            .operations
            .stop_batch(stop.clone())
            .await
            .expect_err("why?")
            .code(),
        Code::InvalidArgument
    );
    stop.reason = "wrong filter".to_owned();
    let stopped = clients
        .operations
        .stop_batch(stop.clone())
        .await
        .expect("stopped")
        .into_inner()
        .batch
        .expect("it");
    assert_eq!(stopped.state(), BatchState::Stopped);
    assert!(stopped.done < 20);
    assert_eq!(open(&mut clients).await, u64::from(20 - stopped.done));
    let again = clients
        .operations
        .stop_batch(stop)
        .await
        .expect("stopped already")
        .into_inner()
        .batch
        .expect("it");
    assert_eq!(again, stopped);
    let unknown = GetBatchRequest { batch_id: 99_999 };
    assert_eq!(
        clients
            .operations
            .get_batch(unknown)
            .await
            .expect_err("there is none")
            .code(),
        Code::NotFound
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_risky_batch_is_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    set(&mut clients, "1", 5.0).await;
    let two_teams = HandOverWork {
        to_person: "Ann".into(),
        to_team: "billing".into(),
        ..HandOverWork::default()
    };
    let no_team = HandOverWork {
        to_team: "biling".into(),
        ..HandOverWork::default()
    };
    let misspelt = InstanceFilter {
        workflows: vec!["refnud".to_owned()],
        ..InstanceFilter::default()
    };
    let overdue = InstanceFilter {
        overdue: Some(true),
        ..InstanceFilter::default()
    };
    for (field, wrong) in [
        (
            "filter",
            start(Kind::Cancel(CancelWork {}), InstanceFilter::default()),
        ),
        (
            "filter.workflows",
            start(Kind::Move(MoveWork { stage: 1 }), overdue),
        ),
        (
            "filter.workflows",
            start(Kind::Cancel(CancelWork {}), misspelt),
        ),
        (
            "work.hand_over.to_person",
            start(Kind::HandOver(two_teams), refunds()),
        ),
        (
            "work.hand_over.to_team",
            start(Kind::HandOver(no_team), refunds()),
        ),
        (
            "work",
            StartBatchRequest {
                work: None,
                ..start(Kind::Cancel(CancelWork {}), refunds())
            },
        ),
        (
            "reason",
            StartBatchRequest {
                reason: " ".into(),
                ..start(Kind::Cancel(CancelWork {}), refunds())
            },
        ),
        (
            "actor",
            StartBatchRequest {
                actor: String::new(),
                ..start(Kind::Cancel(CancelWork {}), refunds())
            },
        ),
        (
            "per_second",
            StartBatchRequest {
                per_second: 1_001,
                ..start(Kind::Cancel(CancelWork {}), refunds())
            },
        ),
        (
            "instance_ids",
            StartBatchRequest {
                filter: None,
                ..start(Kind::Cancel(CancelWork {}), refunds())
            },
        ),
    ] {
        for dry_run in [false, true] {
            let refused = clients
                .operations
                .start_batch(StartBatchRequest {
                    dry_run,
                    ..wrong.clone()
                })
                .await;
            let refused = refused.expect_err(field);
            assert_eq!(refused.code(), Code::InvalidArgument, "{field}");
            assert!(
                refused.message().contains(&format!("{field} "))
                    || refused.message().contains(&format!("{field}:")),
                "{field}: {}",
                refused.message()
            );
        }
    }
    assert_eq!(open(&mut clients).await, 1);
}
