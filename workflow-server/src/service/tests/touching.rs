//! Every RPC that names an instance or a call: one that is out of scope is refused exactly as one
//! that does not exist, and one in scope is found.

use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Caller;
use tonic::Code;

use super::house::{House, asked, call_ref, person, set_request};
use crate::service::desk::{self, claims, hand_over, pausing, undo};
use crate::service::operations::{self, batches};
use crate::service::say::Refusal;
use crate::service::script::{self, withdrawing};
use crate::service::shared::Shared;

/// Calls an RPC about an instance.
macro_rules! about {
    ($rpc:path, $shared:ident, $caller:ident, $id:ident, $request:ident { $($field:ident: $value:expr),* }) => {{
        let request = proto::$request {
            instance_id: $id.to_owned(),
            $($field: $value,)*
            ..Default::default()
        };
        $rpc($shared, asked($caller, request)).await.map(drop)
    }};
}

const OF_DESK: [&str; 14] = [
    "GetFollowUp",
    "GetCallDetails",
    "PushButton",
    "AddNote",
    "AcknowledgeAlert",
    "ClaimFollowUp",
    "ExtendClaim",
    "ReleaseClaim",
    "TakeOver",
    "SnoozeAlert",
    "PauseFollowUp",
    "ResumeFollowUp",
    "UndoPush",
    "FinishFollowUp",
];

async fn at_desk(rpc: &str, shared: &Shared, who: &Caller, id: &str) -> Result<(), Refusal> {
    let actor = || "Ann".to_owned();
    let reason = || "because".to_owned();
    let alert = || "1.1.1".to_owned();
    match rpc {
        "GetFollowUp" => about!(desk::get_follow_up, shared, who, id, GetFollowUpRequest {}),
        "GetCallDetails" => about!(
            desk::get_call_details,
            shared,
            who,
            id,
            GetCallDetailsRequest {}
        ),
        "PushButton" => about!(
            desk::push_button,
            shared,
            who,
            id,
            PushButtonRequest {
                actor: actor(),
                button_id: "done".to_owned(),
                visit: 1
            }
        ),
        "AddNote" => about!(
            desk::add_note,
            shared,
            who,
            id,
            AddNoteRequest {
                actor: actor(),
                text: reason()
            }
        ),
        "AcknowledgeAlert" => about!(
            desk::acknowledge_alert,
            shared,
            who,
            id,
            AcknowledgeAlertRequest {
                actor: actor(),
                alert_id: alert()
            }
        ),
        "ClaimFollowUp" => about!(
            claims::claim,
            shared,
            who,
            id,
            ClaimFollowUpRequest { actor: actor() }
        ),
        "ExtendClaim" => about!(
            claims::extend,
            shared,
            who,
            id,
            ExtendClaimRequest { actor: actor() }
        ),
        "ReleaseClaim" => about!(
            claims::release,
            shared,
            who,
            id,
            ReleaseClaimRequest { actor: actor() }
        ),
        "TakeOver" => about!(
            claims::take_over,
            shared,
            who,
            id,
            TakeOverRequest {
                actor: actor(),
                reason: reason()
            }
        ),
        other => at_desk_later(other, shared, who, id).await,
    }
}

/// The RPCs of the desk that put work off, take it back or end it.
async fn at_desk_later(rpc: &str, shared: &Shared, who: &Caller, id: &str) -> Result<(), Refusal> {
    let actor = || "Ann".to_owned();
    let reason = || "because".to_owned();
    let alert = || "1.1.1".to_owned();
    match rpc {
        "SnoozeAlert" => about!(
            pausing::snooze,
            shared,
            who,
            id,
            SnoozeAlertRequest {
                actor: actor(),
                alert_id: alert(),
                when: Some(proto::snooze_alert_request::When::Days(1))
            }
        ),
        "PauseFollowUp" => about!(
            pausing::pause,
            shared,
            who,
            id,
            PauseFollowUpRequest {
                actor: actor(),
                reason: reason()
            }
        ),
        "ResumeFollowUp" => about!(
            pausing::resume,
            shared,
            who,
            id,
            ResumeFollowUpRequest { actor: actor() }
        ),
        "UndoPush" => about!(
            undo::undo,
            shared,
            who,
            id,
            UndoPushRequest { actor: actor() }
        ),
        "FinishFollowUp" => about!(
            pausing::finish,
            shared,
            who,
            id,
            FinishFollowUpRequest {
                actor: actor(),
                stage: 1,
                visit: 1,
                outcome: "done".to_owned()
            }
        ),
        other => unreachable!("{other}"),
    }
}

const OF_OTHERS: [&str; 9] = [
    "GetInstance",
    "ListHistory",
    "ExplainInstance",
    "CancelInstance",
    "MigrateInstance",
    "MoveInstance",
    "StartBatch",
    "WithdrawWorkflow",
    "Chase",
];

async fn by_others(rpc: &str, shared: &Shared, who: &Caller, id: &str) -> Result<(), Refusal> {
    let actor = || "Ann".to_owned();
    let reason = || "because".to_owned();
    match rpc {
        "GetInstance" => about!(
            operations::get_instance,
            shared,
            who,
            id,
            GetInstanceRequest {}
        ),
        "ListHistory" => about!(
            operations::list_history,
            shared,
            who,
            id,
            ListHistoryRequest {}
        ),
        "ExplainInstance" => about!(
            operations::explain_instance,
            shared,
            who,
            id,
            ExplainInstanceRequest {}
        ),
        "CancelInstance" => about!(
            operations::cancel_instance,
            shared,
            who,
            id,
            CancelInstanceRequest {
                actor: actor(),
                reason: reason()
            }
        ),
        "MigrateInstance" => about!(
            operations::migrate_instance,
            shared,
            who,
            id,
            MigrateInstanceRequest {
                actor: actor(),
                reason: reason(),
                to_version: 1
            }
        ),
        "MoveInstance" => about!(
            operations::move_instance,
            shared,
            who,
            id,
            MoveInstanceRequest {
                actor: actor(),
                reason: reason(),
                stage: 1
            }
        ),
        "StartBatch" => {
            let request = proto::StartBatchRequest {
                actor: actor(),
                reason: reason(),
                instance_ids: vec![id.to_owned()],
                work: Some(proto::BatchWork {
                    kind: Some(proto::batch_work::Kind::Cancel(proto::CancelWork {})),
                }),
                ..Default::default()
            };
            batches::start(shared, asked(who, request)).await.map(drop)
        }
        "WithdrawWorkflow" => about!(
            withdrawing::withdraw,
            shared,
            who,
            id,
            WithdrawWorkflowRequest { actor: actor() }
        ),
        "Chase" => about!(
            script::chase,
            shared,
            who,
            id,
            ChaseRequest { actor: actor() }
        ),
        other => unreachable!("{other}"),
    }
}

async fn tried(rpc: &str, shared: &Shared, who: &Caller, id: &str) -> Result<(), Refusal> {
    if OF_DESK.contains(&rpc) {
        at_desk(rpc, shared, who, id).await
    } else {
        by_others(rpc, shared, who, id).await
    }
}

/// All that the client is sent of a refusal, without the id that it names.
fn sent(refused: Result<(), Refusal>, id: &str) -> String {
    let parts = refused.expect_err("it is refused").into_parts();
    assert_eq!(parts.code, Code::NotFound, "{}", parts.message);
    format!("{parts:?}").replace(id, "ID")
}

fn is_not_found(tried: &Result<(), Refusal>) -> bool {
    tried
        .as_ref()
        .is_err_and(|refused| refused.code() == Code::NotFound)
}

#[tokio::test]
async fn no_rpc_finds_an_instance_out_of_scope() {
    let house = House::new().await;
    let ann = person("Ann", &["Northwind"], &["care"]);
    let shared = house.shared(&ann);
    let outside = [
        house.set("customer", "Acme", "repair").await,
        house.set("team", "Northwind", "invoice").await,
    ];
    let unknown = "ffff-ffff-0001";
    for rpc in OF_DESK.into_iter().chain(OF_OTHERS) {
        let missing = sent(tried(rpc, &shared, &ann, unknown).await, unknown);
        for id in &outside {
            let before = house.shared(&ann).view().sequence();
            let refused = tried(rpc, &shared, &ann, id).await;
            assert_eq!(
                sent(refused, id),
                missing,
                "{rpc} finds what is out of scope"
            );
            assert_eq!(
                house.shared(&ann).view().sequence(),
                before,
                "{rpc} changes something"
            );
        }
        // The control: an instance in scope is found by the same request.
        let inside = house
            .set(&format!("inside-{rpc}"), "Northwind", "repair")
            .await;
        assert!(
            !is_not_found(&tried(rpc, &shared, &ann, &inside).await),
            "{rpc} finds nothing"
        );
    }
    house.stop().await;
}

#[tokio::test]
async fn a_hand_over_refuses_what_is_out_of_scope() {
    let house = House::new().await;
    let ann = person("Ann", &["Northwind"], &["care"]);
    let outside = house.set("1", "Acme", "repair").await;
    let inside = house.set("2", "Northwind", "repair").await;
    let request = proto::HandOverRequest {
        actor: "Ann".to_owned(),
        instance_ids: vec![outside, inside, "ffff-ffff-0001".to_owned()],
        to_person: "Ben".to_owned(),
        ..Default::default()
    };
    let handed = hand_over::hand_over(&house.shared(&ann), asked(&ann, request)).await;
    let handed = handed.expect("an answer").results;
    let reasons: Vec<_> = handed.iter().map(|result| result.reason.as_str()).collect();
    assert_eq!(reasons, ["NO_SUCH_INSTANCE", "", "NO_SUCH_INSTANCE"]);
    house.stop().await;
}

#[tokio::test]
async fn a_change_out_of_scope_has_its_answer() {
    let house = House::new().await;
    let ann = person("Ann", &[], &["care"]);
    let shared = house.shared(&ann);
    let id = house.set("1", "Northwind", "repair").await;
    let request = || proto::HandOverRequest {
        request_id: "1".to_owned(),
        actor: "Ann".to_owned(),
        instance_ids: vec![id.clone()],
        to_team: "billing".to_owned(),
        ..Default::default()
    };
    for attempt in ["first", "repeated"] {
        let handed = hand_over::hand_over(&shared, asked(&ann, request())).await;
        let handed = handed.expect("an answer").results;
        assert!(
            handed[0].reason.is_empty() && handed[0].follow_up.is_some(),
            "{attempt}"
        );
    }
    assert!(is_not_found(
        &tried("GetFollowUp", &shared, &ann, &id).await
    ));
    // The same request id of another identity is another request.
    let ben = person("Ben", &[], &["care"]);
    let handed = hand_over::hand_over(&house.shared(&ben), asked(&ben, request())).await;
    assert_eq!(
        handed.expect("an answer").results[0].reason,
        "NO_SUCH_INSTANCE"
    );
    house.stop().await;
}

#[tokio::test]
async fn a_script_engine_touches_only_calls_in_scope() {
    let house = House::new().await;
    let engine = person("engine", &["Northwind"], &[]);
    let shared = &house.shared(&engine);
    house.set("theirs", "Acme", "repair").await;
    house.set("ours", "Northwind", "repair").await;
    let update = |call: &str, customer: &str| proto::UpdateCallRequest {
        actor: "engine".to_owned(),
        call: Some(call_ref(call)),
        properties: Some(proto::CallProperties {
            customer: customer.to_owned(),
            script: "night".to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let code =
        |tried: Result<(), Refusal>| tried.map_or_else(|refused| refused.code(), |()| Code::Ok);
    for (call, customer, expected) in [
        ("theirs", "", Code::NotFound),
        ("theirs", "Northwind", Code::NotFound),
        ("theirs", "Acme", Code::PermissionDenied),
        ("ours", "Acme", Code::PermissionDenied),
        ("unknown", "Acme", Code::PermissionDenied),
        ("unknown", "", Code::NotFound),
        ("ours", "", Code::Ok),
        ("new", "Northwind", Code::Ok),
    ] {
        let updated = script::update_call(shared, asked(&engine, update(call, customer))).await;
        assert_eq!(
            code(updated.map(drop)),
            expected,
            "update {call} of `{customer}`"
        );
        let set = set_request(call, customer, "invoice");
        let set = script::set_workflow(shared, asked(&engine, set)).await;
        assert_eq!(
            code(set.map(drop)),
            expected,
            "set on {call} of `{customer}`"
        );
    }
    for (call, expected) in [
        ("theirs", Code::NotFound),
        ("unknown", Code::NotFound),
        ("ours", Code::Ok),
    ] {
        let get = proto::GetCallRequest {
            call: Some(call_ref(call)),
            ..Default::default()
        };
        let found = script::get_call(shared, asked(&engine, get)).await;
        assert_eq!(code(found.map(drop)), expected, "get {call}");
        let end = proto::EndCallRequest {
            actor: "engine".to_owned(),
            call: Some(call_ref(call)),
            ..Default::default()
        };
        let ended = script::end_call(shared, asked(&engine, end)).await;
        assert_eq!(code(ended.map(drop)), expected, "end {call}");
    }
    house.stop().await;
}
