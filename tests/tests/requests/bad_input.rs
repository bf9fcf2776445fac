//! Bad input: refused with every field named, in any state; nothing is stored, and nothing
//! becomes slow or large.

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{
    CallRef, CountInstancesRequest, GetServerInfoRequest, ImportWorkflowRequest,
    ListFollowUpsRequest, PushButtonRequest, ReportRequest, SetWorkflowRequest,
    SimulateWorkflowRequest, Value,
};
use aftercall_tests::{Clients, House, reason, set, set_refund, with_refund};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// The fields that a refusal names, sorted.
fn fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let violations = details
        .bad_request()
        .map(|bad| bad.field_violations.clone())
        .unwrap_or_default();
    assert!(
        violations
            .iter()
            .all(|violation| !violation.description.is_empty()),
        "{violations:?}"
    );
    let mut fields: Vec<String> = violations
        .into_iter()
        .map(|violation| violation.field)
        .collect();
    fields.sort_unstable();
    fields
}

async fn refused(clients: &mut Clients, request: SetWorkflowRequest) -> (Code, Vec<String>) {
    let status = clients
        .scripts
        .set_workflow(request)
        .await
        .expect_err("it is refused");
    (status.code(), fields(&status))
}

async fn sequence(clients: &mut Clients) -> u64 {
    clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner()
        .sequence
}

/// A request with one thing wrong, and the field that must be named.
type Wrong = (fn(&mut SetWorkflowRequest), &'static str);

fn invalid_requests() -> [Wrong; 15] {
    [
        (|request| request.call = None, "call"),
        (
            |request| {
                request.call = Some(CallRef {
                    source: String::new(),
                    id: "1".to_owned(),
                });
            },
            "call.source",
        ),
        (
            |request| request.call.as_mut().expect("a call").id = "x".repeat(129),
            "call.id",
        ),
        (
            |request| request.call.as_mut().expect("a call").id = "a\0b".to_owned(),
            "call.id",
        ),
        (
            |request| request.call.as_mut().expect("a call").id = "a\u{2028}b".to_owned(),
            "call.id",
        ),
        (
            |request| request.call.as_mut().expect("a call").id = "a\nb".to_owned(),
            "call.id",
        ),
        (
            |request| request.call.as_mut().expect("a call").source = "a\rb".to_owned(),
            "call.source",
        ),
        (
            |request| request.call.as_mut().expect("a call").source = "a/b".to_owned(),
            "call.source",
        ),
        (|request| request.request_id = "x".repeat(129), "request_id"),
        (|request| request.actor = "x".repeat(129), "actor"),
        (|request| request.workflow = String::new(), "workflow"),
        (
            |request| request.properties.as_mut().expect("them").customer = "a\u{7}b".to_owned(),
            "properties.customer",
        ),
        (
            |request| {
                let number = Value {
                    kind: Some(Kind::Number(f64::NAN)),
                };
                request.fields.insert("amount".to_owned(), number);
            },
            "fields.amount",
        ),
        (
            |request| {
                let text = Value {
                    kind: Some(Kind::Text("much".to_owned())),
                };
                request.fields.insert("amount".to_owned(), text);
            },
            "fields.amount",
        ),
        (
            |request| {
                request.fields.insert(
                    "unknown".to_owned(),
                    Value {
                        kind: Some(Kind::Flag(true)),
                    },
                );
            },
            "fields.unknown",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invalid_field_of_set_workflow_is_named() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let before = sequence(&mut clients).await;
    let long = || "x".repeat(129);
    for (spoil, field) in invalid_requests() {
        let mut request = set_refund("1", 5.0);
        spoil(&mut request);
        assert_eq!(
            refused(&mut clients, request).await,
            (Code::InvalidArgument, vec![field.to_owned()])
        );
    }
    let mut many = set_refund("1", 5.0);
    (many.actor, many.request_id) = (long(), long());
    many.call.as_mut().expect("a call").source = long();
    assert_eq!(
        refused(&mut clients, many).await,
        (
            Code::InvalidArgument,
            vec![
                "actor".to_owned(),
                "call.source".to_owned(),
                "request_id".to_owned()
            ]
        )
    );
    assert_eq!(sequence(&mut clients).await, before, "nothing was stored");
    let mut at_the_limit = set_refund("x".repeat(128), 5.0);
    (at_the_limit.actor, at_the_limit.request_id) = ("y".repeat(128), "z".repeat(128));
    clients
        .scripts
        .set_workflow(at_the_limit)
        .await
        .expect("at its limit a field is taken");
}

/// A push on a visit that is still to come.
async fn check_unseen_visits(clients: &mut Clients, push: &PushButtonRequest) {
    for (stage, visit) in [(0, 0), (0, 2), (1, 2), (2, 1)] {
        let ahead = PushButtonRequest {
            stage,
            visit,
            ..push.clone()
        };
        let status = clients
            .manager
            .push_button(ahead)
            .await
            .expect_err("nobody has seen it");
        assert_eq!(
            (status.code(), fields(&status)),
            (Code::InvalidArgument, vec!["visit".to_owned()])
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_and_malformed_ids_are_distinguished() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let follow_up = set(&mut clients, "1", 5.0).await;
    let asked = |id: &str| PushButtonRequest {
        actor: "Ben".to_owned(),
        instance_id: id.to_owned(),
        button_id: "approve".to_owned(),
        visit: 1,
        ..PushButtonRequest::default()
    };
    for (id, code) in [
        ("", Code::InvalidArgument),
        ("x y", Code::InvalidArgument),
        ("1-1-1", Code::NotFound),
    ] {
        let status = clients
            .manager
            .push_button(asked(id))
            .await
            .expect_err("refused");
        assert_eq!(status.code(), code, "{id:?}: {status:?}");
    }
    let mut gone = asked(&follow_up.instance_id);
    gone.button_id = "paid".to_owned();
    let status = clients
        .manager
        .push_button(gone)
        .await
        .expect_err("no such button in this stage");
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::FailedPrecondition, "BUTTON_GONE".to_owned())
    );
    let mut unknown = asked(&follow_up.instance_id);
    unknown.button_id = "aprove".to_owned();
    let status = clients
        .manager
        .push_button(unknown)
        .await
        .expect_err("no version has it");
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::NotFound, "NO_SUCH_BUTTON".to_owned())
    );
    let offered: Vec<&str> = follow_up
        .buttons
        .iter()
        .map(|button| button.id.as_str())
        .collect();
    assert!(
        status
            .message()
            .ends_with(&format!("the buttons now: {}", offered.join(", "))),
        "{status:?}"
    );
    assert_eq!(
        status.get_details_error_info().expect("facts").metadata["buttons"],
        offered.join(",")
    );
    check_unseen_visits(&mut clients, &asked(&follow_up.instance_id)).await;
    let unknown = SetWorkflowRequest {
        workflow: "nonsense".to_owned(),
        ..set_refund("1", 5.0)
    };
    assert_eq!(refused(&mut clients, unknown).await.0, Code::NotFound);
    let page = ListFollowUpsRequest {
        page_token: "nonsense".to_owned(),
        ..ListFollowUpsRequest::default()
    };
    let status = clients
        .manager
        .list_follow_ups(page)
        .await
        .expect_err("no token of ours");
    assert_eq!(
        (status.code(), fields(&status)),
        (Code::InvalidArgument, vec!["page_token".to_owned()])
    );
    let counted = clients
        .operations
        .count_instances(CountInstancesRequest::default())
        .await
        .expect("counted");
    assert_eq!(counted.into_inner().total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_request_id_for_two_requests_is_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let with_id = |amount| SetWorkflowRequest {
        request_id: "once".to_owned(),
        ..set_refund("1", amount)
    };
    clients
        .scripts
        .set_workflow(with_id(1.0))
        .await
        .expect("the first");
    let status = clients
        .scripts
        .set_workflow(with_id(2.0))
        .await
        .expect_err("another request");
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::FailedPrecondition, "REQUEST_ID_REUSED".to_owned())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_and_too_deep_files_are_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let before = sequence(&mut clients).await;
    let deep = format!(
        "format: 1\nworkflow: w\ntitle: T\non_new_call: {}1{}\n",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    let stages = "  - button: B\n    then: [ finish: x ]\n".repeat(10_000);
    let many = format!("format: 1\nworkflow: w\ntitle: T\non_new_call:\n{stages}");
    for file in [
        "x".repeat(2 << 20),
        deep,
        many,
        "\0".to_owned(),
        "a: &a [*a]".to_owned(),
    ] {
        let request = ImportWorkflowRequest {
            file,
            actor: "author".to_owned(),
            ..ImportWorkflowRequest::default()
        };
        match clients.definitions.import_workflow(request).await {
            Err(status) => assert_eq!(status.code(), Code::InvalidArgument, "{status:?}"),
            Ok(imported) => panic!("it was taken: {:?}", imported.into_inner()),
        }
    }
    let huge = ImportWorkflowRequest {
        file: "x".repeat(8 << 20),
        ..ImportWorkflowRequest::default()
    };
    let status = clients
        .definitions
        .import_workflow(huge)
        .await
        .expect_err("over the limit of messages");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "REQUEST_BYTES")
    );
    assert_eq!(sequence(&mut clients).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_errors_fit_the_headers() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let wrong = |number: usize| format!("  - alert: {{ txt: 'number {number}', tame: nobody }}\n");
    let actions: String = (0..45).map(wrong).collect();
    let file = format!(
        "format: 1\nworkflow: wrong\ntitle: Wrong\non_new_call:\n{actions}  - finsh: done\n"
    );
    let import = ImportWorkflowRequest {
        file,
        actor: "author".to_owned(),
        ..ImportWorkflowRequest::default()
    };
    let refused = clients
        .definitions
        .import_workflow(import)
        .await
        .expect_err("it is refused");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let named = fields(&refused);
    assert!(named.len() > 10, "{named:?}");
    assert!(
        refused.details().len() * 4 / 3 + refused.message().len() < 8 * 1024,
        "{}",
        refused.details().len()
    );
    let mut long = set_refund("1", 5.0);
    for number in 0..100 {
        long.fields.insert(
            format!("unknown-{number}"),
            Value {
                kind: Some(Kind::Flag(true)),
            },
        );
    }
    let refused = clients
        .scripts
        .set_workflow(long)
        .await
        .expect_err("it is refused");
    let violations = refused
        .get_error_details()
        .bad_request()
        .map(|bad| bad.field_violations.clone())
        .unwrap_or_default();
    let last = violations.last().expect("some");
    let left_out = 100 - (violations.len() - 1);
    assert_eq!(
        (last.field.as_str(), last.description.clone()),
        (
            "and",
            format!("{left_out} more are invalid: correct these first")
        )
    );
    assert!(violations.len() > 20, "{violations:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_time_is_refused() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let moment = |seconds: i64, nanos: i32| prost_types::Timestamp { seconds, nanos };
    for wrong in [
        moment(1_795_000_000, -1),
        moment(1_795_000_000, 1_000_000_000),
        moment(i64::MAX / 1_000, 0),
    ] {
        let simulate = SimulateWorkflowRequest {
            name: "refund".to_owned(),
            at: Some(wrong),
            ..Default::default()
        };
        let refused = clients
            .definitions
            .simulate_workflow(simulate)
            .await
            .expect_err("no moment");
        assert_eq!(
            (refused.code(), fields(&refused)),
            (Code::InvalidArgument, vec!["at".to_owned()]),
            "{wrong:?}"
        );
        let report = ReportRequest {
            from: Some(wrong),
            ..ReportRequest::default()
        };
        let refused = clients
            .operations
            .report(report)
            .await
            .map(drop)
            .expect_err("no moment");
        assert_eq!(refused.code(), Code::InvalidArgument, "{wrong:?}");
        assert!(fields(&refused).contains(&"from".to_owned()), "{wrong:?}");
    }
}
