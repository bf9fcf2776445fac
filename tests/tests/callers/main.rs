//! The caller calls again, over real gRPC: open work in words, chasing without a duplicate, and all
//! calls of one caller.

mod erasing;
mod late;
mod numbers;

use aftercall_proto::workflow::v1::{
    CallProperties, CallRef, Caller, ChaseRequest, ListCallsOfCallerRequest,
    ListOpenFollowUpsRequest, Priority, SetWorkflowRequest, UpdateCallRequest,
};
use aftercall_tests::{Clients, House, call_ref, push, reason, set_refund, with_refund};
use tonic::Code;

pub(crate) fn caller(reference: &str, phone: &str) -> Caller {
    Caller {
        name: "Ada".to_owned(),
        reference: reference.to_owned(),
        phone: phone.to_owned(),
        ..Caller::default()
    }
}

pub(crate) fn rings(call: &str, from: Caller) -> SetWorkflowRequest {
    let mut request = set_refund(call, 12.0);
    request.properties = request.properties.map(|known| CallProperties {
        caller: Some(from),
        ..known
    });
    request
}

pub(crate) fn of_caller(caller: Caller) -> ListOpenFollowUpsRequest {
    ListOpenFollowUpsRequest {
        caller: Some(caller),
        ..ListOpenFollowUpsRequest::default()
    }
}

pub(crate) async fn open(
    clients: &mut Clients,
    request: ListOpenFollowUpsRequest,
) -> Vec<(CallRef, String)> {
    let answer = clients
        .scripts
        .list_open_follow_ups(request)
        .await
        .expect("an answer")
        .into_inner();
    let call = |open: &aftercall_proto::workflow::v1::OpenFollowUp| {
        let call = open
            .follow_up
            .clone()
            .expect("it")
            .call
            .expect("one")
            .r#ref
            .expect("named");
        (call, open.words.clone())
    };
    answer.follow_ups.iter().map(call).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn open_work_of_a_caller_is_listed_for_any_call() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let set = clients
        .scripts
        .set_workflow(rings("1", caller("C-7", "+44 20 7946 0001")))
        .await
        .expect("set")
        .into_inner();
    clients
        .scripts
        .set_workflow(rings("2", caller("", "+44 (0)20 79")))
        .await
        .expect("set");
    clients
        .scripts
        .set_workflow(rings("3", caller("C-7", "")))
        .await
        .expect("set");
    // Also after a restart, when all of it is read from the store.
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let open_now = open(&mut clients, of_caller(caller("C-7", ""))).await;
    assert_eq!(
        open_now
            .iter()
            .map(|(call, _)| call.id.as_str())
            .collect::<Vec<_>>(),
        ["3", "1"]
    );
    let words = &open_now[1].1;
    assert!(
        words.starts_with("Refund over the limit: asked for on "),
        "{words}"
    );
    assert!(
        words.contains("; it is with Team billing. It should be done by "),
        "{words}"
    );
    let by_phone = open(&mut clients, of_caller(caller("", "+44-20-7946-0001"))).await;
    assert_eq!(by_phone.len(), 1);
    let by_call = ListOpenFollowUpsRequest {
        call: Some(call_ref("1")),
        ..ListOpenFollowUpsRequest::default()
    };
    let answer = clients
        .scripts
        .list_open_follow_ups(by_call)
        .await
        .expect("an answer")
        .into_inner();
    assert_eq!(answer.follow_ups.len(), 1);
    assert_eq!(
        (answer.follow_ups[0].promised_by, answer.more),
        (set.promise_by, false)
    );
    assert!(set.promise_by.is_some());
    let of_another = ListOpenFollowUpsRequest {
        customer: "Contoso".to_owned(),
        ..of_caller(caller("C-7", ""))
    };
    assert_eq!(open(&mut clients, of_another).await, []);
    for nobody in [
        ListOpenFollowUpsRequest::default(),
        of_caller(caller("", "")),
    ] {
        let refused = clients
            .scripts
            .list_open_follow_ups(nobody)
            .await
            .expect_err("who?");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chasing_raises_the_urgency_of_one_follow_up() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let set = clients
        .scripts
        .set_workflow(rings("1", caller("C-7", "")))
        .await
        .expect("set")
        .into_inner();
    let follow_up = set.follow_up.expect("it");
    assert_eq!(follow_up.priority(), Priority::High);
    let chase = |request_id: &str| ChaseRequest {
        request_id: request_id.to_owned(),
        actor: "script-1".to_owned(),
        instance_id: follow_up.instance_id.clone(),
        note: "asks when the money comes".to_owned(),
        read_mask: None,
    };
    let first = clients
        .scripts
        .chase(chase("a"))
        .await
        .expect("chased")
        .into_inner();
    let again = clients
        .scripts
        .chase(chase("a"))
        .await
        .expect("the same")
        .into_inner();
    assert_eq!(
        (first.sequence, &first.follow_up),
        (again.sequence, &again.follow_up)
    );
    let chased = first.follow_up.expect("it");
    assert_eq!(
        (chased.chase_count, chased.priority(), chased.note_count),
        (1, Priority::Urgent, 1)
    );
    let second = clients
        .scripts
        .chase(chase("b"))
        .await
        .expect("chased")
        .into_inner();
    assert!(
        second
            .words
            .contains("You have asked for it 2 times before."),
        "{}",
        second.words
    );
    assert_eq!(
        open(&mut clients, of_caller(caller("C-7", ""))).await.len(),
        1
    );
    let mut reject = push(&chased, "reject", "Ann");
    reject.note = "no receipt".to_owned();
    clients.manager.push_button(reject).await.expect("pushed");
    assert_eq!(
        reason(
            &clients
                .scripts
                .chase(chase("c"))
                .await
                .expect_err("it has ended")
        ),
        "INSTANCE_ENDED"
    );
    assert_eq!(open(&mut clients, of_caller(caller("C-7", ""))).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_of_a_caller_are_listed_together() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in ["1", "2"] {
        clients
            .scripts
            .set_workflow(rings(call, caller("", "+44 20 7946")))
            .await
            .expect("set");
    }
    let mut hidden = rings("3", caller("", "+44 20 7946"));
    hidden.properties = hidden.properties.map(|known| CallProperties {
        chargeable: Some(false),
        ..known
    });
    clients.scripts.set_workflow(hidden).await.expect("set");
    let of = |phone: &str| ListCallsOfCallerRequest {
        caller: Some(caller("", phone)),
        ..Default::default()
    };
    let calls = clients
        .manager
        .list_calls_of_caller(of("+44207946"))
        .await
        .expect("calls")
        .into_inner()
        .calls;
    let shown: Vec<_> = calls
        .iter()
        .map(|one| {
            (
                one.call.clone().expect("one").r#ref.expect("named").id,
                one.follow_ups.len(),
            )
        })
        .collect();
    assert_eq!(
        shown,
        [("2".to_owned(), 1), ("1".to_owned(), 1)],
        "one that is not chargeable is not shown"
    );
    let update = UpdateCallRequest {
        actor: "script-1".to_owned(),
        call: Some(call_ref("2")),
        properties: Some(CallProperties {
            caller: Some(caller("", "+49 30 1")),
            ..CallProperties::default()
        }),
        ..UpdateCallRequest::default()
    };
    clients.scripts.update_call(update).await.expect("updated");
    for (phone, expected) in [("+44207946", 1), ("+49301", 1)] {
        let calls = clients
            .manager
            .list_calls_of_caller(of(phone))
            .await
            .expect("calls")
            .into_inner()
            .calls;
        assert_eq!(calls.len(), expected, "{phone}");
    }
}
