//! Read masks, over real gRPC: which requests have one, what an answer has with it, and what a
//! repeated request gets.
//!
//! The requests are compared with the descriptors: one whose answer has a follow-up and that takes
//! no mask fails.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use aftercall_proto::DESCRIPTORS;
use aftercall_proto::workflow::v1::{
    Alert, FollowUp, GetFollowUpRequest, GetInstanceRequest, ListFollowUpsRequest,
    ListInstancesRequest, UndoPushRequest,
};
use aftercall_tests::{Clients, House, ask_encoded, push, reason, set, set_refund, with_refund};
use prost::Message as _;
use prost_reflect::{
    DescriptorPool, DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, ReflectMessage as _,
    Value,
};
use prost_types::FieldMask;
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

fn mask<const N: usize>(paths: [&str; N]) -> Option<FieldMask> {
    Some(FieldMask {
        paths: paths.map(str::to_owned).into(),
    })
}

/// One pool: values of two are never equal.
static POOL: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(DESCRIPTORS).expect("our own protos"));

/// Whether a message is a follow-up, or has one in it.
fn has_follow_up(message: &MessageDescriptor) -> bool {
    message.name() == "FollowUp"
        || message.fields().any(|field| match field.kind() {
            Kind::Message(inner) => has_follow_up(&inner),
            _ => false,
        })
}

/// The RPCs of the workflow-server for clients whose answers have follow-ups.
fn methods() -> Vec<MethodDescriptor> {
    POOL.services()
        .filter(|service| service.full_name().starts_with("aftercall.workflow.v1."))
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter(|method| has_follow_up(&method.output()))
        .collect()
}

/// The request with a mask of these paths, and nothing else but an id that no instance has.
fn masked(method: &MethodDescriptor, paths: &[&str]) -> Vec<u8> {
    let mut request = DynamicMessage::new(method.input());
    let field = method
        .input()
        .get_field_by_name("read_mask")
        .unwrap_or_else(|| panic!("{} has no read_mask", method.name()));
    let Kind::Message(of_mask) = field.kind() else {
        panic!("{}: not a FieldMask", method.name());
    };
    assert_eq!(of_mask.full_name(), "google.protobuf.FieldMask");
    let mut mask = DynamicMessage::new(of_mask);
    let paths = paths.iter().map(|path| Value::String((*path).to_owned()));
    mask.set_field_by_name("paths", Value::List(paths.collect()));
    request.set_field(&field, Value::Message(mask));
    for (name, value) in [
        ("actor", "Ann"),
        ("instance_id", "1-0-1"),
        ("name", "refund"),
    ] {
        if request.descriptor().get_field_by_name(name).is_some() {
            request.set_field_by_name(name, Value::String(value.to_owned()));
        }
    }
    request.encode_to_vec()
}

async fn channel(house: &House) -> Channel {
    Channel::from_shared(format!("http://{}", house.workflow_address()))
        .expect("an address")
        .connect()
        .await
        .expect("connected")
}

/// The messages about the read mask in a refusal.
fn mask_errors(refused: &tonic::Status) -> Vec<String> {
    let details = refused.get_error_details();
    let violations = details
        .bad_request()
        .map(|bad| bad.field_violations.clone());
    violations
        .unwrap_or_default()
        .into_iter()
        .filter(|violation| violation.field == "read_mask")
        .map(|violation| violation.description)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_request_rejects_unknown_paths() {
    let house = House::start_without_alerter().await;
    let _clients = with_refund(&house).await;
    let channel = channel(&house).await;
    let methods = methods();
    assert!(methods.len() > 30, "{} methods", methods.len());
    for method in methods {
        let paths = ["alerts", "alert", "call.ref.id", "Due"];
        let refused = ask_encoded(&channel, &method, masked(&method, &paths))
            .await
            .expect_err("paths that are unknown");
        let errors = mask_errors(&refused);
        assert_eq!(errors.len(), 3, "{}: {refused:?}", method.name());
        for (error, path) in errors.iter().zip(["`alert`", "`call.ref.id`", "`Due`"]) {
            assert!(error.starts_with(path), "{}: {error}", method.name());
        }
        let known = ask_encoded(&channel, &method, masked(&method, &["alerts"])).await;
        let errors = known.err().map(|refused| mask_errors(&refused));
        assert_eq!(errors.unwrap_or_default(), Vec::<String>::new());
    }
}

#[test]
fn streams_of_alerts_take_no_mask() {
    let subscribe = POOL
        .get_message_by_name("aftercall.alert.v1.SubscribeRequest")
        .expect("it");
    assert!(subscribe.get_field_by_name("read_mask").is_none());
}

/// The names of the fields that are set.
fn names(message: &DynamicMessage) -> BTreeSet<String> {
    message
        .fields()
        .map(|(field, _)| field.name().to_owned())
        .collect()
}

fn dynamic(follow_up: &FollowUp) -> DynamicMessage {
    let descriptor = POOL
        .get_message_by_name("aftercall.workflow.v1.FollowUp")
        .expect("it");
    DynamicMessage::decode(descriptor, follow_up.encode_to_vec().as_slice()).expect("a follow-up")
}

async fn get(clients: &mut Clients, id: &str, read_mask: Option<FieldMask>) -> FollowUp {
    let request = GetInstanceRequest {
        instance_id: id.to_owned(),
        read_mask,
    };
    let answer = clients.operations.get_instance(request).await;
    answer.expect("it").into_inner().instance.expect("it")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mask_selects_each_field() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let id = set(&mut clients, "1", 10.0).await.instance_id;
    let whole = get(&mut clients, &id, None).await;
    assert_eq!(get(&mut clients, &id, mask([])).await, whole);
    assert_eq!(get(&mut clients, &id, mask(["*"])).await, whole);
    let whole = dynamic(&whole);
    let always = ["instance_id", "visit", "revision"].map(str::to_owned);
    for field in whole.descriptor().fields() {
        let shown = dynamic(&get(&mut clients, &id, mask([field.name()])).await);
        let mut expected = BTreeSet::from(always.clone());
        if whole.has_field(&field) {
            expected.insert(field.name().to_owned());
        }
        assert_eq!(names(&shown), expected, "{}", field.name());
        assert_eq!(shown.get_field(&field), whole.get_field(&field));
    }
    for outer in ["call", "stage"] {
        let all = whole.get_field_by_name(outer).expect("it").into_owned();
        let all = all.as_message().expect("a message").clone();
        for field in all.descriptor().fields() {
            let path = format!("{outer}.{}", field.name());
            let shown = dynamic(&get(&mut clients, &id, mask([&path])).await);
            let shown = shown.get_field_by_name(outer).expect("it").into_owned();
            let shown = shown.as_message().expect("a message");
            let mut expected = names(&all);
            expected.retain(|name| name == field.name());
            assert_eq!(names(shown), expected, "{path}");
            assert_eq!(shown.get_field(&field), all.get_field(&field));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_and_reads_return_the_masked_fields() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let whole = set(&mut clients, "1", 10.0).await;
    let expected = FollowUp {
        instance_id: whole.instance_id.clone(),
        visit: whole.visit,
        revision: whole.revision,
        workflow: whole.workflow.clone(),
        ..FollowUp::default()
    };
    let read_mask = mask(["workflow"]);
    let list = ListFollowUpsRequest {
        read_mask: read_mask.clone(),
        ..ListFollowUpsRequest::default()
    };
    let page = clients.manager.list_follow_ups(list).await.expect("a page");
    let row = page.into_inner().rows.remove(0);
    assert_eq!(row.follow_up, Some(expected.clone()));
    let text = |alert: Option<Alert>| alert.expect("an alert").text;
    assert_eq!(text(row.alert), text(whole.alerts.first().cloned()));
    let list = ListInstancesRequest {
        read_mask: read_mask.clone(),
        ..ListInstancesRequest::default()
    };
    let page = clients
        .operations
        .list_instances(list)
        .await
        .expect("a page");
    assert_eq!(page.into_inner().instances, std::slice::from_ref(&expected));
    let get = GetFollowUpRequest {
        instance_id: whole.instance_id,
        read_mask,
    };
    let got = clients.manager.get_follow_up(get).await.expect("it");
    assert_eq!(got.into_inner().follow_up, Some(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_may_have_another_mask() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut request = set_refund("1", 10.0);
    request.request_id = "r-1".to_owned();
    request.read_mask = mask(["workflow"]);
    let lean = clients.scripts.set_workflow(request.clone()).await;
    let lean = lean.expect("set").into_inner();
    request.read_mask = None;
    let whole = clients.scripts.set_workflow(request.clone()).await;
    let whole = whole.expect("the first answer").into_inner();
    assert_eq!(lean.sequence, whole.sequence);
    let shown = lean.follow_up.expect("it");
    let first = whole.follow_up.expect("it");
    assert_eq!(shown.workflow, "refund");
    assert!(shown.alerts.is_empty() && !first.alerts.is_empty());
    request.read_mask = mask(["workflow"]);
    request.workflow = "other".to_owned();
    let reused = clients.scripts.set_workflow(request).await;
    assert_eq!(
        reason(&reused.expect_err("another request")),
        "REQUEST_ID_REUSED"
    );

    // An undo looks its request id up before it reads the history.
    let pushed = push(&first, "approve", "Ann");
    clients.manager.push_button(pushed).await.expect("pushed");
    let mut undo = UndoPushRequest {
        request_id: "r-2".to_owned(),
        actor: "Ann".to_owned(),
        instance_id: first.instance_id,
        ..UndoPushRequest::default()
    };
    let undone = clients
        .manager
        .undo_push(undo.clone())
        .await
        .expect("undone");
    undo.read_mask = mask(["status"]);
    let again = clients
        .manager
        .undo_push(undo.clone())
        .await
        .expect("again");
    let (undone, again) = (undone.into_inner(), again.into_inner());
    assert_eq!(undone.sequence, again.sequence);
    let (undone, again) = (undone.follow_up.expect("it"), again.follow_up.expect("it"));
    assert_eq!(undone.status, again.status);
    assert!(again.buttons.is_empty() && !undone.buttons.is_empty());
    undo.read_mask = mask(["state"]);
    let refused = clients.manager.undo_push(undo).await.expect_err("unknown");
    assert_eq!(mask_errors(&refused).len(), 1);
}
