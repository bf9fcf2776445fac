//! What must not be seen in the Call Manager, over real gRPC: each of its reads is asked about
//! follow-ups that are not released and about calls that are not chargeable, in memory and in the
//! archive.
//!
//! The reads are held against the descriptors: one that is not among them fails.

use std::collections::BTreeSet;

use aftercall_proto::DESCRIPTORS;
use aftercall_proto::workflow::v1::{
    CallProperties, Caller, CancelInstanceRequest, EndCallRequest, FollowUp, GetCallDetailsRequest,
    GetFollowUpRequest, GetServerInfoRequest, ListCallsOfCallerRequest, ListFollowUpsRequest,
    Release, UpdateCallRequest, WithdrawWorkflowRequest,
};
use aftercall_tests::{
    Clients, House, call_ref, eventually, push, reason, set_refund, with_refund,
};
use prost_reflect::DescriptorPool;

/// The reads of the Call Manager that are asked here.
const READS: [&str; 4] = [
    "GetCallDetails",
    "GetFollowUp",
    "ListCallsOfCaller",
    "ListFollowUps",
];

fn ada() -> Caller {
    Caller {
        name: "Ada".to_owned(),
        reference: "C-7".to_owned(),
        ..Caller::default()
    }
}

/// What the Call Manager shows, as `read: call` for a call and `read: call/instance` for a
/// follow-up.
async fn seen(clients: &mut Clients, about: &[FollowUp]) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    let of = |one: &FollowUp| {
        (
            one.call.clone().expect("a call").r#ref.expect("named").id,
            one.instance_id.clone(),
        )
    };
    let mut follow_ups = |read: &str, shown: &[FollowUp]| {
        seen.extend(
            shown
                .iter()
                .map(of)
                .map(|(call, instance)| format!("{read}: {call}/{instance}")),
        );
    };
    let page = clients
        .manager
        .list_follow_ups(ListFollowUpsRequest::default())
        .await
        .expect("a list")
        .into_inner();
    follow_ups(
        "ListFollowUps",
        &page
            .rows
            .into_iter()
            .filter_map(|row| row.follow_up)
            .collect::<Vec<_>>(),
    );
    let request = ListCallsOfCallerRequest {
        caller: Some(ada()),
        ..ListCallsOfCallerRequest::default()
    };
    let calls = clients
        .manager
        .list_calls_of_caller(request)
        .await
        .expect("calls")
        .into_inner()
        .calls;
    for one in &calls {
        follow_ups("ListCallsOfCaller", &one.follow_ups);
    }
    for instance_id in about.iter().map(|one| one.instance_id.clone()) {
        let get = GetFollowUpRequest {
            instance_id: instance_id.clone(),
            read_mask: None,
        };
        match clients.manager.get_follow_up(get).await {
            Ok(answer) => follow_ups("GetFollowUp", &[answer.into_inner().follow_up.expect("it")]),
            Err(refused) => assert_eq!(reason(&refused), "NOT_VISIBLE"),
        }
        match clients
            .manager
            .get_call_details(GetCallDetailsRequest {
                instance_id,
                read_mask: None,
            })
            .await
        {
            Ok(answer) => follow_ups("GetCallDetails", &answer.into_inner().follow_ups),
            Err(refused) => assert_eq!(reason(&refused), "NOT_VISIBLE"),
        }
    }
    let call = |one: &aftercall_proto::workflow::v1::CallWithFollowUps| {
        one.call.clone().expect("a call").r#ref.expect("named").id
    };
    seen.extend(
        calls
            .iter()
            .map(|one| format!("ListCallsOfCaller: {}", call(one))),
    );
    seen
}

/// All that is shown of a follow-up that is open, released and of a chargeable call.
fn all_of(call: &str, one: &FollowUp) -> BTreeSet<String> {
    let of_call = format!("ListCallsOfCaller: {call}");
    READS
        .iter()
        .map(|read| format!("{read}: {call}/{}", one.instance_id))
        .chain([of_call])
        .collect()
}

async fn set(clients: &mut Clients, call: &str, chargeable: bool, release: Release) -> FollowUp {
    let mut request = set_refund(call, 10.0);
    request.release = release.into();
    let changed = |known| CallProperties {
        caller: Some(ada()),
        chargeable: Some(chargeable),
        ..known
    };
    request.properties = request.properties.map(changed);
    clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it")
}

async fn mark(clients: &mut Clients, call: &str, chargeable: bool) {
    let mut update = UpdateCallRequest {
        call: Some(call_ref(call)),
        ..UpdateCallRequest::default()
    };
    update.properties.get_or_insert_default().chargeable = Some(chargeable);
    clients.scripts.update_call(update).await.expect("updated");
}

#[test]
fn every_read_of_the_call_manager_is_asked() {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("our own protos");
    let service = pool
        .get_service_by_name("aftercall.workflow.v1.CallManagerService")
        .expect("it");
    // What changes something names its actor.
    let reads = service
        .methods()
        .filter(|method| method.input().get_field_by_name("actor").is_none());
    let reads: BTreeSet<String> = reads.map(|method| method.name().to_owned()).collect();
    assert_eq!(reads, READS.map(str::to_owned).into());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_shows_hidden_work() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let shown = set(&mut clients, "1", true, Release::Immediately).await;
    let waiting = set(&mut clients, "2", true, Release::CallEnded).await;
    let unpaid = set(&mut clients, "3", false, Release::Immediately).await;
    let of_call_2 = "ListCallsOfCaller: 2".to_owned();
    let about = [shown.clone(), waiting.clone(), unpaid.clone()];
    let expected = &all_of("1", &shown) | &BTreeSet::from([of_call_2.clone()]);
    assert_eq!(seen(&mut clients, &about).await, expected);
    mark(&mut clients, "1", false).await;
    assert_eq!(
        seen(&mut clients, &about).await,
        BTreeSet::from([of_call_2.clone()])
    );
    mark(&mut clients, "1", true).await;
    mark(&mut clients, "3", true).await;
    let end = EndCallRequest {
        call: Some(call_ref("2")),
        ..EndCallRequest::default()
    };
    clients.scripts.end_call(end).await.expect("ended");
    let expected = &(&all_of("1", &shown) | &all_of("2", &waiting)) | &all_of("3", &unpaid);
    assert_eq!(seen(&mut clients, &about).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_read_shows_hidden_archived_work() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let shown = set(&mut clients, "1", true, Release::Immediately).await;
    let waiting = set(&mut clients, "2", true, Release::CallEnded).await;
    let unpaid = set(&mut clients, "3", true, Release::Immediately).await;
    let take_back = WithdrawWorkflowRequest {
        instance_id: waiting.instance_id.clone(),
        ..Default::default()
    };
    clients
        .scripts
        .withdraw_workflow(take_back)
        .await
        .expect("withdrawn");
    for one in [&shown, &unpaid] {
        let mut reject = push(one, "reject", "Ann");
        reject.note = "no receipt".to_owned();
        clients.manager.push_button(reject).await.expect("pushed");
    }
    mark(&mut clients, "3", false).await;
    archived(&clients, 3).await;
    let about = [shown.clone(), waiting, unpaid];
    let ended = format!("ListCallsOfCaller: 1/{}", shown.instance_id);
    let expected = [
        ended,
        "ListCallsOfCaller: 1".to_owned(),
        "ListCallsOfCaller: 2".to_owned(),
    ];
    assert_eq!(seen(&mut clients, &about).await, BTreeSet::from(expected));
    // Marked after it has left memory, the call of the archive is hidden too.
    mark(&mut clients, "1", false).await;
    assert_eq!(
        seen(&mut clients, &about).await,
        BTreeSet::from(["ListCallsOfCaller: 2".to_owned()])
    );
}

/// Waits until so many follow-ups, and no others, have left memory.
async fn archived(clients: &Clients, instances: u64) {
    eventually("they have left memory", || {
        let mut clients = clients.clone();
        async move {
            let info = clients
                .operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .expect("info")
                .into_inner();
            (info.archived_instances == instances && info.ended_instances == 0).then_some(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_archived_twice_has_its_newest_state() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let (mut about, mut expected) = (Vec::new(), BTreeSet::new());
    for (times, chargeable) in [true, false, true, false].into_iter().enumerate() {
        let one = set(&mut clients, "1", chargeable, Release::Immediately).await;
        let mut cancel = CancelInstanceRequest {
            instance_id: one.instance_id.clone(),
            ..Default::default()
        };
        (cancel.actor, cancel.reason) = ("olga".to_owned(), "a test".to_owned());
        clients
            .operations
            .cancel_instance(cancel)
            .await
            .expect("cancelled");
        archived(&clients, times as u64 + 1).await;
        if chargeable {
            expected.extend([
                format!("ListCallsOfCaller: 1/{}", one.instance_id),
                "ListCallsOfCaller: 1".to_owned(),
            ]);
        }
        about.push(one);
        let shown = if chargeable {
            expected.clone()
        } else {
            BTreeSet::new()
        };
        assert_eq!(
            seen(&mut clients, &about).await,
            shown,
            "after {} times",
            times + 1
        );
    }
}
