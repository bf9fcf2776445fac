//! What is refused, and how: all invalid fields at once, and nothing taken for what it does not
//! say.

use aftercall_proto::workflow::v1::{
    AddNoteRequest, CallProperties, CallRef, Caller, ExportWorkflowRequest, GetCallRequest,
    ListFollowUpsRequest, PushButtonRequest, SetWorkflowRequest, UpdateCallRequest, Value,
    WithdrawWorkflowRequest,
};
use aftercall_tests::{
    Clients, House, call_ref, number, push, reason, set, set_refund, text, with_refund,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The fields that a refusal names, in order.
fn fields(refused: &Status) -> Vec<String> {
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    let details = refused
        .get_details_bad_request()
        .expect("the invalid fields");
    let mut fields: Vec<String> = details
        .field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    fields.sort();
    fields
}

async fn refused_set(clients: &mut Clients, request: SetWorkflowRequest) -> Vec<String> {
    fields(
        &clients
            .scripts
            .set_workflow(request)
            .await
            .expect_err("it is refused"),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn all_invalid_fields_are_named_at_once() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    assert_eq!(
        refused_set(&mut clients, SetWorkflowRequest::default()).await,
        ["call", "workflow"]
    );
    let mut request = set_refund("1", 5.0);
    request.actor = "a".repeat(200);
    request.request_id = "r".repeat(200);
    request.call = Some(CallRef {
        source: "s".to_owned(),
        id: String::new(),
    });
    request.fields.clear();
    request.fields.insert("nope".to_owned(), number(1.0));
    request.fields.insert("order".to_owned(), Value::default());
    (request.release, request.if_running) = (99, 99);
    let expected = [
        "actor",
        "call.id",
        "fields.amount",
        "fields.nope",
        "fields.order",
        "if_running",
        "release",
        "request_id",
    ];
    assert_eq!(refused_set(&mut clients, request).await, expected);

    let follow_up = set(&mut clients, "1", 5.0).await;
    let note = AddNoteRequest {
        instance_id: "x".to_owned(),
        ..AddNoteRequest::default()
    };
    let refused = clients.manager.add_note(note).await.expect_err("refused");
    assert_eq!(fields(&refused), ["actor", "instance_id", "text"]);
    let withdraw = WithdrawWorkflowRequest {
        instance_id: "x".to_owned(),
        ..WithdrawWorkflowRequest::default()
    };
    let refused = clients
        .scripts
        .withdraw_workflow(withdraw)
        .await
        .expect_err("refused");
    assert_eq!(fields(&refused), ["instance_id"]);
    let mut reject = push(&follow_up, "reject", "");
    reject.form.insert("a".to_owned(), Value::default());
    let refused = clients
        .manager
        .push_button(reject)
        .await
        .expect_err("refused");
    assert_eq!(
        fields(&refused),
        ["actor", "form.a", "note"],
        "the note too, which this button asks for"
    );
    let push = PushButtonRequest {
        instance_id: "x".to_owned(),
        note: "n".repeat(5_000),
        ..Default::default()
    };
    let refused = clients
        .manager
        .push_button(push)
        .await
        .expect_err("refused");
    assert_eq!(fields(&refused), ["actor", "instance_id", "note", "visit"]);
    let nobody = GetCallRequest {
        call: Some(CallRef::default()),
        read_mask: None,
    };
    assert_eq!(
        fields(&clients.scripts.get_call(nobody).await.expect_err("refused")),
        ["call.id", "call.source"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_enum_value_is_not_the_default() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let sort = ListFollowUpsRequest {
        sort: 99,
        ..ListFollowUpsRequest::default()
    };
    assert_eq!(
        fields(
            &clients
                .manager
                .list_follow_ups(sort)
                .await
                .expect_err("refused")
        ),
        ["sort"]
    );
    let format = ExportWorkflowRequest {
        name: "refund".to_owned(),
        format: 99,
        ..ExportWorkflowRequest::default()
    };
    assert_eq!(
        fields(
            &clients
                .definitions
                .export_workflow(format)
                .await
                .expect_err("refused")
        ),
        ["format"]
    );
}

fn caller(name: &str, phone: &str) -> Option<CallProperties> {
    let caller = Caller {
        name: name.to_owned(),
        phone: phone.to_owned(),
        ..Caller::default()
    };
    Some(CallProperties {
        caller: Some(caller),
        chargeable: Some(true),
        ..CallProperties::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_field_keeps_what_is_known() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for properties in [caller("Ada", ""), caller("", "555"), caller("", "")] {
        let request = SetWorkflowRequest {
            properties,
            ..set_refund("1", 5.0)
        };
        clients.scripts.set_workflow(request).await.expect("set");
    }
    let known = async |clients: &mut Clients| {
        let request = GetCallRequest {
            call: Some(call_ref("1")),
            read_mask: None,
        };
        let call = clients
            .scripts
            .get_call(request)
            .await
            .expect("the call")
            .into_inner()
            .call
            .expect("it");
        let caller = call.caller.expect("the caller");
        (caller.name, caller.phone)
    };
    assert_eq!(
        known(&mut clients).await,
        ("Ada".to_owned(), "555".to_owned())
    );
    let whole = UpdateCallRequest {
        call: Some(call_ref("1")),
        properties: caller("", "777"),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["caller".to_owned()],
        }),
        actor: "script-1".to_owned(),
        ..UpdateCallRequest::default()
    };
    clients.scripts.update_call(whole).await.expect("updated");
    assert_eq!(
        known(&mut clients).await,
        (String::new(), "777".to_owned()),
        "a mask says the caller whole"
    );
}

/// The same workflow with another field.
const NEWER: &str = "
format: 1
workflow: refund
title: Refund
fields:
  sum: { type: number, required: true }
on_new_call:
  - button: Done
    then:
      - finish: done
";

#[tokio::test(flavor = "multi_thread")]
async fn setting_again_names_the_running_version() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    set(&mut clients, "1", 5.0).await;
    clients.publish(NEWER).await;
    let again = clients
        .scripts
        .set_workflow(set_refund("1", 6.0))
        .await
        .expect("set again")
        .into_inner();
    assert_eq!(
        (again.started, again.updated_fields),
        (false, vec!["amount".to_owned()])
    );
    let mut newer = set_refund("1", 7.0);
    newer.fields = [("sum".to_owned(), number(7.0))].into();
    assert_eq!(
        refused_set(&mut clients, newer.clone()).await,
        ["fields.sum"]
    );
    newer.call = Some(call_ref("2"));
    assert!(
        clients
            .scripts
            .set_workflow(newer)
            .await
            .expect("a new one")
            .into_inner()
            .started
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_request_ids_of_two_callers_do_not_collide() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let request = |actor: &str, call: &str| SetWorkflowRequest {
        request_id: "1".to_owned(),
        actor: actor.to_owned(),
        ..set_refund(call, 5.0)
    };
    let first = clients
        .scripts
        .set_workflow(request("engine-a", "1"))
        .await
        .expect("set")
        .into_inner();
    let other = clients
        .scripts
        .set_workflow(request("engine-b", "2"))
        .await
        .expect("set")
        .into_inner();
    assert_ne!(
        first.follow_up.expect("one").instance_id,
        other.follow_up.expect("another").instance_id
    );
    let reused = clients
        .scripts
        .set_workflow(request("engine-a", "2"))
        .await
        .expect_err("it was for another");
    assert_eq!(reason(&reused), "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_button_is_not_shown() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let hidden = CallProperties {
        chargeable: Some(false),
        ..CallProperties::default()
    };
    let mut request = set_refund("1", 5.0);
    request.properties = Some(hidden);
    request.fields.insert("order".to_owned(), text("A-1"));
    let set = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("set")
        .into_inner()
        .follow_up
        .expect("it");
    assert!(!set.visible && set.buttons.is_empty());
    let refused = clients
        .manager
        .push_button(push(&set, "approve", "Ben"))
        .await
        .expect_err("nobody sees it");
    assert_eq!(reason(&refused), "NOT_VISIBLE");
    assert!(
        !refused.message().contains("moved it"),
        "{}",
        refused.message()
    );
}
