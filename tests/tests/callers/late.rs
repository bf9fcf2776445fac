//! What a script engine says late: on a call that has left memory, every RPC of its service finds
//! what the archive knows.

use aftercall_proto::workflow::v1::{
    CallProperties, Caller, ChaseRequest, ClaimFollowUpRequest, EndCallRequest, EraseCallerRequest,
    ErasureState, FollowUp, GetCallRequest, GetErasureRequest, GetServerInfoRequest,
    ListOpenFollowUpsRequest, Release, ReleaseClaimRequest, SetWorkflowRequest, Status,
    UndoPushRequest, UpdateCallRequest, WithdrawWorkflowRequest,
};
use aftercall_tests::{
    Clients, House, call_ref, eventually, push, reason, set_refund, with_refund,
};
use tonic::Code;

/// Sets the refund, and says nothing of the call but its key.
fn set_bare(call: &str) -> SetWorkflowRequest {
    SetWorkflowRequest {
        properties: None,
        release: Release::CallEnded.into(),
        ..set_refund(call, 12.0)
    }
}

fn rings(call: &str) -> SetWorkflowRequest {
    let caller = Caller {
        name: "Ada".to_owned(),
        reference: "C-7".to_owned(),
        ..Caller::default()
    };
    let mut request = set_refund(call, 12.0);
    request.properties = request.properties.map(|known| CallProperties {
        caller: Some(caller),
        ..known
    });
    request
}

/// A call with a finished follow-up, which has ended and left memory.
async fn leave(clients: &mut Clients, call: &str) -> FollowUp {
    let before = info(clients).await;
    let set = clients
        .scripts
        .set_workflow(rings(call))
        .await
        .expect("set")
        .into_inner();
    let mut reject = push(&set.follow_up.expect("it"), "reject", "Ann");
    reject.note = "no receipt".to_owned();
    // The end of the call comes first: with the end of its follow-up it leaves at once.
    end(clients, call).await.expect("it ends");
    let ended = clients
        .manager
        .push_button(reject)
        .await
        .expect("pushed")
        .into_inner()
        .follow_up
        .expect("it");
    eventually("it has left memory", || {
        let mut clients = clients.clone();
        async move { (info(&mut clients).await > before).then_some(()) }
    })
    .await;
    ended
}

async fn info(clients: &mut Clients) -> u64 {
    let info = clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner();
    info.archived_instances
}

async fn end(
    clients: &mut Clients,
    call: &str,
) -> Result<aftercall_proto::workflow::v1::EndCallResponse, tonic::Status> {
    let request = EndCallRequest {
        call: Some(call_ref(call)),
        ..EndCallRequest::default()
    };
    clients
        .scripts
        .end_call(request)
        .await
        .map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_on_an_archived_call_knows_the_caller() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let ended = leave(&mut clients, "late").await;
    let late = clients
        .scripts
        .set_workflow(set_bare("late"))
        .await
        .expect("set")
        .into_inner();
    let follow_up = late.follow_up.expect("it");
    assert_eq!(
        (late.started, follow_up.status()),
        (true, Status::Active),
        "the call has ended: nothing to wait for"
    );
    assert!(
        late.warnings
            .iter()
            .any(|warning| warning.contains("had ended already")),
        "{:?}",
        late.warnings
    );
    let call = follow_up.call.clone().expect("its call");
    assert!(call.ended && call.chargeable && follow_up.visible);
    assert_eq!(call.caller.expect("who rang").name, "Ada");
    assert_eq!(follow_up.alerts[0].text, "Refund 12 for Ada");
    let get = GetCallRequest {
        call: Some(call_ref("late")),
        read_mask: None,
    };
    let both = clients
        .scripts
        .get_call(get)
        .await
        .expect("the call")
        .into_inner()
        .follow_ups;
    let ids: Vec<&str> = both.iter().map(|one| one.instance_id.as_str()).collect();
    assert_eq!(
        ids,
        [&follow_up.instance_id, &ended.instance_id],
        "what it had before is its too"
    );
    // What is said again counts.
    leave(&mut clients, "other").await;
    let hidden = CallProperties {
        chargeable: Some(false),
        ..CallProperties::default()
    };
    let set = SetWorkflowRequest {
        properties: Some(hidden),
        ..set_bare("other")
    };
    let late = clients
        .scripts
        .set_workflow(set)
        .await
        .expect("set")
        .into_inner();
    assert!(
        !late
            .follow_up
            .expect("it")
            .call
            .expect("its call")
            .chargeable
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_script_engine_rpc_finds_archived_calls() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    let ended = leave(&mut clients, "1").await;
    let again = end(&mut clients, "1").await.expect("it says so again");
    assert!(
        again.call.as_ref().is_some_and(|call| call.ended)
            && again.released_instance_ids.is_empty()
    );
    assert_eq!(again.call, ended.call, "saying it again changes nothing");
    let nothing = UpdateCallRequest {
        call: Some(call_ref("1")),
        ..UpdateCallRequest::default()
    };
    let same = clients
        .scripts
        .update_call(nothing)
        .await
        .expect("nothing new")
        .into_inner();
    assert_eq!(same.call, ended.call);
    let revision = same.call.expect("the call").revision;
    let agent = CallProperties {
        agent: "Kim".to_owned(),
        ..CallProperties::default()
    };
    let update = |expected| UpdateCallRequest {
        call: Some(call_ref("1")),
        properties: Some(agent.clone()),
        expected_revision: Some(expected),
        ..UpdateCallRequest::default()
    };
    let other = clients
        .scripts
        .update_call(update(revision + 1))
        .await
        .expect_err("another revision");
    assert_eq!(other.code(), Code::Aborted);
    let updated = clients
        .scripts
        .update_call(update(revision))
        .await
        .expect("updated")
        .into_inner();
    let call = updated.call.expect("the call");
    assert_eq!(
        (call.agent.as_str(), call.ended, call.chargeable),
        ("Kim", true, true)
    );
    let get = clients
        .scripts
        .get_call(GetCallRequest {
            call: Some(call_ref("1")),
            read_mask: None,
        })
        .await
        .expect("known")
        .into_inner();
    assert_eq!(get.call, Some(call));
    let open = ListOpenFollowUpsRequest {
        call: Some(call_ref("1")),
        ..ListOpenFollowUpsRequest::default()
    };
    let open = clients
        .scripts
        .list_open_follow_ups(open)
        .await
        .expect("a list")
        .into_inner();
    assert!(open.follow_ups.is_empty());
    let instance_id = ended.instance_id;
    let chase = ChaseRequest {
        instance_id: instance_id.clone(),
        ..ChaseRequest::default()
    };
    assert_eq!(
        reason(
            &clients
                .scripts
                .chase(chase)
                .await
                .expect_err("it has ended")
        ),
        "INSTANCE_ARCHIVED"
    );
    let withdraw = WithdrawWorkflowRequest {
        instance_id,
        ..WithdrawWorkflowRequest::default()
    };
    assert_eq!(
        reason(
            &clients
                .scripts
                .withdraw_workflow(withdraw)
                .await
                .expect_err("ended")
        ),
        "INSTANCE_ARCHIVED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_call_stays_erased() {
    let house = House::start_archiving().await;
    let mut clients = with_refund(&house).await;
    leave(&mut clients, "1").await;
    let erase = EraseCallerRequest {
        actor: "olga".to_owned(),
        caller: Some(Caller {
            reference: "C-7".to_owned(),
            ..Caller::default()
        }),
        reason: "asked for it".to_owned(),
        ..EraseCallerRequest::default()
    };
    let erasure = clients
        .operations
        .erase_caller(erase)
        .await
        .expect("erased")
        .into_inner()
        .erasure
        .expect("it");
    // Before the files are scrubbed, and after.
    for wait in [false, true] {
        if wait {
            eventually("the erasure is done", || {
                let mut clients = clients.clone();
                async move {
                    let get = GetErasureRequest {
                        erasure_id: erasure.id,
                    };
                    let erasure = clients
                        .operations
                        .get_erasure(get)
                        .await
                        .ok()?
                        .into_inner()
                        .erasure?;
                    (erasure.state() == ErasureState::Done).then_some(())
                }
            })
            .await;
        }
        let late = clients
            .scripts
            .set_workflow(set_bare("1"))
            .await
            .expect("set")
            .into_inner();
        let follow_up = late.follow_up.expect("it");
        let caller = follow_up
            .call
            .clone()
            .expect("its call")
            .caller
            .expect("masked");
        assert_eq!(
            (caller.name.as_str(), caller.reference.as_str()),
            ("[erased]", "")
        );
        assert!(!format!("{follow_up:?}").contains("Ada"));
    }
}

const LINKED: &str = r#"
format: 1
workflow: linked
title: Linked on at once
on_new_call:
  - link: { to: pay-out, when: call.chargeable }
  - alert: { text: Approve, team: billing }
  - button: Approve
    id: pay-out
    then:
      - alert: { text: Pay out, team: payments, due: 1d }
      - button: Paid
        then: [ finish: paid ]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_script_cancels_untouched_work() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    clients.publish(LINKED).await;
    let set = |call: &str| SetWorkflowRequest {
        workflow: "linked".to_owned(),
        fields: Default::default(),
        ..set_refund(call, 1.0)
    };
    let withdraw = |id: &str| WithdrawWorkflowRequest {
        instance_id: id.to_owned(),
        ..Default::default()
    };
    let linked = clients
        .scripts
        .set_workflow(set("1"))
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    assert_ne!(
        linked.stage.as_ref().expect("a stage").number,
        1,
        "it was led on at once"
    );
    let taken = clients
        .scripts
        .withdraw_workflow(withdraw(&linked.instance_id))
        .await
        .expect("nobody worked on it");
    assert_eq!(
        taken.into_inner().follow_up.expect("it").status(),
        Status::Cancelled
    );
    // In the first stage, where a person holds it, or has held it.
    let held = clients
        .scripts
        .set_workflow(set_refund("2", 12.0))
        .await
        .expect("set")
        .into_inner();
    let id = held.follow_up.expect("it").instance_id;
    let claim = ClaimFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        ..Default::default()
    };
    clients.manager.claim_follow_up(claim).await.expect("held");
    assert_eq!(
        reason(
            &clients
                .scripts
                .withdraw_workflow(withdraw(&id))
                .await
                .expect_err("Ann's")
        ),
        "ALREADY_WORKED"
    );
    let release = ReleaseClaimRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        ..Default::default()
    };
    clients
        .manager
        .release_claim(release)
        .await
        .expect("released");
    let refused = clients
        .scripts
        .withdraw_workflow(withdraw(&id))
        .await
        .expect_err("Ann had it");
    assert_eq!(reason(&refused), "ALREADY_WORKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_undone_after_the_call() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let set = clients
        .scripts
        .set_workflow(set_refund("1", 12.0))
        .await
        .expect("set")
        .into_inner();
    let follow_up = set.follow_up.expect("it");
    let id = follow_up.instance_id.clone();
    let claim = ClaimFollowUpRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        ..Default::default()
    };
    clients.manager.claim_follow_up(claim).await.expect("held");
    clients
        .manager
        .push_button(push(&follow_up, "approve", "Ann"))
        .await
        .expect("pushed");
    end(&mut clients, "1").await.expect("the call ends");
    let undo = UndoPushRequest {
        actor: "Ann".to_owned(),
        instance_id: id.clone(),
        ..UndoPushRequest::default()
    };
    let undone = clients
        .manager
        .undo_push(undo.clone())
        .await
        .expect("undone")
        .into_inner()
        .follow_up
        .expect("it");
    assert_eq!(
        (
            undone.stage.expect("a stage").number,
            undone.call.expect("its call").ended
        ),
        (1, true)
    );
    let refused = clients
        .manager
        .undo_push(undo)
        .await
        .expect_err("the undo was the newest");
    assert_eq!(reason(&refused), "NOTHING_TO_UNDO");
}
