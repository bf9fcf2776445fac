//! Erasing a caller over real gRPC, with an alerter that holds the past and a client that keeps its
//! token.

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::{
    CallProperties, Caller, ChangeKind, EraseCallerRequest, ErasureState, FollowUp, FollowUpFilter,
    GetErasureRequest, GetInstanceRequest, GetServerInfoRequest, ListErasuresRequest,
    ListHistoryRequest, ListInstancesRequest, ListOpenFollowUpsRequest, ListViewsRequest,
    SaveViewRequest, SetWorkflowRequest,
};
use aftercall_tests::{
    Clients, House, PATIENCE, alerter_has, eventually, push, reason, set_refund, with_refund,
};
use tonic::{Code, Streaming};

const NEEDLE: &str = "Xanthippe";

fn xanthippe() -> Caller {
    Caller {
        name: NEEDLE.to_owned(),
        reference: "C-99".to_owned(),
        ..Caller::default()
    }
}

fn rings(call: &str, caller: Caller) -> SetWorkflowRequest {
    let mut request = set_refund(call, 12.0);
    request.properties = request.properties.map(|known| CallProperties {
        caller: Some(caller),
        details: [("address".to_owned(), format!("{NEEDLE} Lane"))].into(),
        ..known
    });
    request
}

fn erase() -> EraseCallerRequest {
    EraseCallerRequest {
        request_id: "erase 1".to_owned(),
        actor: "olga".to_owned(),
        caller: Some(Caller {
            reference: "C-99".to_owned(),
            ..Caller::default()
        }),
        customer: String::new(),
        reason: "asked for it".to_owned(),
        dry_run: false,
    }
}

async fn subscribe(clients: &Clients, resume_token: String) -> Streaming<SubscribeResponse> {
    eventually("the alerter is ready", || {
        let mut clients = clients.clone();
        let request = SubscribeRequest {
            resume_token: resume_token.clone(),
            ..SubscribeRequest::default()
        };
        async move { clients.alerts.subscribe(request).await.ok() }
    })
    .await
    .into_inner()
}

async fn next(stream: &mut Streaming<SubscribeResponse>) -> SubscribeResponse {
    let response = tokio::time::timeout(PATIENCE, stream.message())
        .await
        .expect("in time");
    response.expect("the stream continues").expect("a frame")
}

/// All frames up to the next that says that the client has caught up.
async fn frames(stream: &mut Streaming<SubscribeResponse>) -> Vec<SubscribeResponse> {
    let mut frames = Vec::new();
    loop {
        let response = next(stream).await;
        let is_last = matches!(
            response.frame,
            Some(Frame::CaughtUp(_) | Frame::SnapshotEnd(_))
        );
        frames.push(response);
        if is_last {
            return frames;
        }
    }
}

/// Everything that ops can read of the calls.
async fn everything(clients: &mut Clients, ids: &[String]) -> String {
    let list = clients
        .operations
        .list_instances(ListInstancesRequest::default())
        .await
        .expect("a list");
    let mut all = format!("{list:?}");
    for id in ids {
        let get = GetInstanceRequest {
            instance_id: id.clone(),
            read_mask: None,
        };
        let history = ListHistoryRequest {
            instance_id: id.clone(),
            ..ListHistoryRequest::default()
        };
        let shown = clients
            .operations
            .get_instance(get)
            .await
            .expect("it is there");
        let history = clients
            .operations
            .list_history(history)
            .await
            .expect("history");
        all.push_str(&format!("{shown:?}{history:?}"));
    }
    all
}

async fn done(clients: &Clients, erasure_id: u64) {
    eventually("no byte remains", || {
        let mut clients = clients.clone();
        async move {
            let request = GetErasureRequest { erasure_id };
            let got = clients
                .operations
                .get_erasure(request)
                .await
                .expect("it")
                .into_inner()
                .erasure
                .expect("it");
            (got.state() == ErasureState::Done && got.ended_at.is_some()).then_some(())
        }
    })
    .await;
}

/// A while later the alerter has dropped the past: an old token resets the stream.
async fn forgotten(clients: &Clients, old_token: &str) {
    eventually("the past is forgotten", || async {
        let mut stream = subscribe(clients, old_token.to_owned()).await;
        let sent = frames(&mut stream).await;
        let is_reset = sent
            .iter()
            .any(|response| matches!(response.frame, Some(Frame::Reset(_))));
        assert!(!is_reset || !format!("{sent:?}").contains(NEEDLE));
        is_reset.then_some(())
    })
    .await;
}

/// The instance of another caller still has its name.
async fn check_untouched(clients: &mut Clients, instance_id: String) {
    let other = GetInstanceRequest {
        instance_id,
        read_mask: None,
    };
    let other = clients
        .operations
        .get_instance(other)
        .await
        .expect("it")
        .into_inner()
        .instance
        .expect("it");
    assert_eq!(
        other.call.expect("its call").caller.expect("known").name,
        "Socrates",
        "nobody else is touched"
    );
}

/// A workflow on a call of the caller who is to be erased.
async fn set(clients: &mut Clients, call: &str) -> FollowUp {
    let answer = clients.scripts.set_workflow(rings(call, xanthippe())).await;
    answer.expect("set").into_inner().follow_up.expect("it")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_caller_is_masked_everywhere() {
    let house = House::start().await;
    let mut clients = with_refund(&house).await;
    let open = set(&mut clients, "1").await.instance_id;
    let ended = set(&mut clients, "2").await;
    let mut reject = push(&ended, "reject", "Ann");
    reject.note = format!("{NEEDLE} has no receipt");
    clients.manager.push_button(reject).await.expect("pushed");
    let socrates = Caller {
        name: "Socrates".to_owned(),
        reference: "C-1".to_owned(),
        ..Caller::default()
    };
    view(&clients, "hers", &NEEDLE.to_lowercase()).await;
    view(&clients, "all of them", "refund").await;
    let other = clients
        .scripts
        .set_workflow(rings("3", socrates))
        .await
        .expect("set")
        .into_inner();
    let ids = [open.clone(), ended.instance_id.clone()];
    assert!(everything(&mut clients, &ids).await.contains(NEEDLE));
    alerter_has(&clients, other.sequence).await;
    let mut stream = subscribe(&clients, String::new()).await;
    let sent = frames(&mut stream).await;
    assert!(
        format!("{sent:?}").contains(NEEDLE),
        "the name is shown before"
    );
    let old_token = sent.last().expect("the end").token.clone();

    let erased = clients
        .operations
        .erase_caller(erase())
        .await
        .expect("erased")
        .into_inner();
    let erasure = erased.erasure.expect("it");
    assert_ne!(
        erasure.state(),
        ErasureState::Masking,
        "the answer comes when all is masked"
    );
    let calls: Vec<&str> = erasure.calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(
        (
            calls,
            erasure.instance_count,
            erasure.open_count,
            erasure.more
        ),
        (vec!["2", "1"], 2, 1, false)
    );
    let all = everything(&mut clients, &ids).await;
    assert!(!all.contains(NEEDLE), "{all}");
    assert!(
        all.contains("[erased]") && all.contains("Ann") && all.contains("olga"),
        "the shape stays: {all}"
    );
    let change = loop {
        let sent = next(&mut stream).await;
        assert!(!format!("{sent:?}").contains(NEEDLE));
        if let Some(Frame::StageChange(change)) = sent.frame {
            break change;
        }
    };
    assert_eq!(
        change.cause.as_ref().expect("why").kind(),
        ChangeKind::CallerErased
    );
    let follow_up = change.follow_up.as_ref().expect("it");
    assert_eq!(
        (follow_up.instance_id.as_str(), follow_up.buttons.len()),
        (open.as_str(), 2),
        "its buttons stay"
    );

    let again = clients
        .operations
        .erase_caller(erase())
        .await
        .expect("the same")
        .into_inner()
        .erasure
        .expect("it");
    assert_eq!(again.id, erasure.id, "asking again erases nothing twice");
    done(&clients, erasure.id).await;
    forgotten(&clients, &old_token).await;
    let other = other.follow_up.expect("it").instance_id;
    check_untouched(&mut clients, other).await;
    let views = clients.views.list_views(of_ann()).await.expect("a list");
    let views = views.into_inner().views;
    let names: Vec<&str> = views.iter().map(|view| &*view.name).collect();
    assert_eq!(names, ["all of them"]);
}

/// Saves a view of Ann's.
async fn view(clients: &Clients, name: &str, text: &str) {
    let request = SaveViewRequest {
        actor: "Ann".to_owned(),
        view: name.to_owned(),
        filter: Some(FollowUpFilter {
            text: text.to_owned(),
            ..FollowUpFilter::default()
        }),
        ..SaveViewRequest::default()
    };
    clients
        .views
        .clone()
        .save_view(request)
        .await
        .expect("saved");
}

fn of_ann() -> ListViewsRequest {
    ListViewsRequest {
        person: "Ann".to_owned(),
        ..ListViewsRequest::default()
    }
}

async fn check_invalid_erasures(clients: &mut Clients) {
    for (field, wrong) in [
        (
            "caller",
            EraseCallerRequest {
                caller: Some(Caller {
                    name: NEEDLE.to_owned(),
                    ..Caller::default()
                }),
                ..erase()
            },
        ),
        (
            "reason",
            EraseCallerRequest {
                reason: String::new(),
                request_id: String::new(),
                ..erase()
            },
        ),
        (
            "actor",
            EraseCallerRequest {
                actor: String::new(),
                ..erase()
            },
        ),
    ] {
        let refused = clients
            .operations
            .erase_caller(wrong)
            .await
            .expect_err(field);
        assert_eq!(refused.code(), Code::InvalidArgument, "{field}: {refused}");
        assert!(
            format!("{refused:?}").contains(field),
            "{field}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_covers_the_archive() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1").await;
    let mut reject = push(&follow_up, "reject", "Ann");
    reject.note = format!("{NEEDLE} has no receipt");
    clients.manager.push_button(reject).await.expect("pushed");
    eventually("it has left memory", || {
        let mut clients = clients.clone();
        async move {
            let info = clients
                .operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .expect("info")
                .into_inner();
            (info.archived_instances == 1).then_some(())
        }
    })
    .await;
    let ids = [follow_up.instance_id.clone()];
    assert!(everything(&mut clients, &ids).await.contains(NEEDLE));
    let erased = clients
        .operations
        .erase_caller(erase())
        .await
        .expect("erased")
        .into_inner()
        .erasure
        .expect("it");
    assert_eq!(
        (erased.calls.len(), erased.instance_count, erased.open_count),
        (1, 1, 0)
    );
    assert!(!everything(&mut clients, &ids).await.contains(NEEDLE));
    let erasures = clients
        .operations
        .list_erasures(ListErasuresRequest {})
        .await
        .expect("a list")
        .into_inner()
        .erasures;
    assert_eq!(
        erasures.iter().map(|one| one.id).collect::<Vec<_>>(),
        [erased.id]
    );
    // What is masked is nobody's any more, though its files are still being scrubbed.
    let again = EraseCallerRequest {
        request_id: String::new(),
        ..erase()
    };
    let refused = clients
        .operations
        .erase_caller(again)
        .await
        .expect_err("nobody is found");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::NotFound, "NO_SUCH_CALLER")
    );
    let by_caller = ListOpenFollowUpsRequest {
        caller: Some(xanthippe()),
        ..ListOpenFollowUpsRequest::default()
    };
    assert!(
        clients
            .scripts
            .list_open_follow_ups(by_caller)
            .await
            .expect("a list")
            .into_inner()
            .follow_ups
            .is_empty()
    );
    check_invalid_erasures(&mut clients).await;
}
