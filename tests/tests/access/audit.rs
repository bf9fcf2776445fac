//! The audit log of a server: who was refused, and what was changed by whom.

use std::path::Path;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{
    AddNoteRequest, CancelInstanceRequest, GetServerInfoRequest, ImportTeamRequest,
    ImportWorkflowRequest, PublishWorkflowRequest,
};
use aftercall_tests::{House, REFUND, set_refund};
use jiff::Timestamp;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use crate::{Tokens, channel, guarded, with};

/// The lines of a server that has stopped.
pub(crate) fn lines(data_dir: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(data_dir.join("audit.log")).expect("a file");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// The lines about an RPC.
fn about<'l>(lines: &'l [Value], rpc: &str) -> Vec<&'l Value> {
    let is_about = |line: &&Value| line["rpc"].as_str().is_some_and(|name| name.ends_with(rpc));
    lines.iter().filter(is_about).collect()
}

fn team(name: &str, actor: &str) -> ImportTeamRequest {
    ImportTeamRequest {
        request_id: format!("add-{name}"),
        actor: actor.to_owned(),
        name: name.to_owned(),
        title: "A team".to_owned(),
        expected_revision: None,
        claim_next_only: None,
    }
}

fn cancel(id: &str) -> CancelInstanceRequest {
    CancelInstanceRequest {
        request_id: format!("cancel-{id}"),
        instance_id: id.to_owned(),
        reason: "Ada Lovelace withdrew".to_owned(),
        ..CancelInstanceRequest::default()
    }
}

/// Adds what the sample needs, and sets it on a call. Returns the id of the instance.
async fn set_up(channel: &Channel, author: &str, engine: &str) -> String {
    let mut authors = WorkflowDefinitionServiceClient::new(channel.clone());
    for name in ["billing", "payments"] {
        let added = authors.import_team(with(author, team(name, ""))).await;
        added.expect("added");
    }
    let import = ImportWorkflowRequest {
        file: REFUND.to_owned(),
        ..ImportWorkflowRequest::default()
    };
    let imported = authors.import_workflow(with(author, import)).await;
    let name = imported.expect("imported").into_inner().workflow;
    let publish = PublishWorkflowRequest {
        name: name.expect("a workflow").name,
        ..PublishWorkflowRequest::default()
    };
    let published = authors.publish_workflow(with(author, publish)).await;
    published.expect("published");
    let mut scripts = ScriptEngineServiceClient::new(channel.clone());
    let set = scripts
        .set_workflow(with(engine, set_refund("1", 5.0)))
        .await;
    let set = set.expect("set").into_inner();
    set.follow_up.expect("a follow-up").instance_id
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_and_every_audited_action_has_a_line() {
    let tokens = Tokens::new();
    let author = tokens.add("Wendy", &[Role::Author], None);
    let engine = tokens.add("engine-1", &[Role::ScriptEngine], None);
    let agent = tokens.add("Ann", &[Role::Agent], None);
    let lead = tokens.add("Olga", &[Role::Agent, Role::Supervisor], None);
    let ended = tokens.add("Eve", &[Role::Operator], Some(Timestamp::UNIX_EPOCH));
    let mut house = guarded(&tokens).await;
    let channel = channel(house.workflow_address()).await;
    let id = set_up(&channel, &author, &engine).await;
    let mut operations = OperationsServiceClient::new(channel.clone());
    let mut desk = CallManagerServiceClient::new(channel.clone());
    let mut authors = WorkflowDefinitionServiceClient::new(channel);
    let refused = operations.cancel_instance(with(&agent, cancel(&id))).await;
    assert_eq!(refused.expect_err("no role").code(), Code::PermissionDenied);
    let unknown = Tokens::new().add("Ann", &[Role::Agent], None);
    for proof in [unknown.as_str(), "Bearer eyJhbGciOiJub25lIn0.e30.", ""] {
        let refused = operations.get_server_info(with(proof, GetServerInfoRequest {}));
        refused.await.expect_err("no proof");
    }
    let refused = operations.get_server_info(with(&ended, GetServerInfoRequest {}));
    let refused = refused.await.expect_err("its time is over");
    assert!(!format!("{refused:?}").contains("Eve"), "{refused:?}");
    let as_ann = authors.import_team(with(&author, team("other", "Ann")));
    as_ann.await.expect_err("she is not Ann");
    let note = || AddNoteRequest {
        instance_id: id.clone(),
        text: "Ada Lovelace called".to_owned(),
        ..AddNoteRequest::default()
    };
    desk.add_note(with(&agent, note())).await.expect("noted");
    desk.add_note(with(&lead, note())).await.expect("noted");
    let cancelled = operations.cancel_instance(with(&lead, cancel(&id))).await;
    cancelled.expect("cancelled");
    let again = operations
        .cancel_instance(with(&lead, cancel("1a-3-9f3c")))
        .await;
    again.expect_err("no such instance");
    house.stop_workflow().await;
    check(&lines(house.data_dir()), &id);
}

fn check(lines: &[Value], id: &str) {
    let instance = json!({ "instance": [id] });
    let cancels = about(lines, "/CancelInstance");
    let [denied, done, failed] = cancels[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(
        (&denied["audit"], &denied["code"], &denied["reason"]),
        (
            &json!("refusal"),
            &json!("PERMISSION_DENIED"),
            &json!("ROLE_MISSING")
        )
    );
    assert_eq!(
        (&denied["subject"], &denied["name"], &denied["kind"]),
        (&json!("Ann"), &json!("Ann"), &json!("person"))
    );
    assert_eq!(
        (&denied["proof"], &denied["roles"]),
        (&json!("token-file"), &json!(["agent"]))
    );
    let peer = denied["peer"].as_str().expect("a peer");
    assert!(peer.starts_with("127.0.0.1:"), "{peer}");
    assert_eq!(
        (&done["audit"], &done["code"]),
        (&json!("action"), &json!("OK"))
    );
    assert_eq!(
        (&done["name"], &done["resources"], &done["request_id"]),
        (&json!("Olga"), &instance, &json!(format!("cancel-{id}")))
    );
    assert_eq!(
        (&failed["audit"], &failed["code"], &failed["reason"]),
        (
            &json!("action"),
            &json!("NOT_FOUND"),
            &json!("NO_SUCH_INSTANCE")
        )
    );
    let proofs: Vec<_> = about(lines, "/GetServerInfo")
        .into_iter()
        .map(|line| {
            (
                line["reason"].clone(),
                line["proof"].clone(),
                line["name"].clone(),
            )
        })
        .collect();
    let invalid = json!("TOKEN_INVALID");
    let expected = [
        (invalid.clone(), json!("token-file"), Value::Null),
        (invalid.clone(), json!("jwt"), Value::Null),
        (invalid, json!("jwt"), Value::Null),
        // The token is genuine.
        (json!("TOKEN_EXPIRED"), json!("token-file"), json!("Eve")),
    ];
    assert_eq!(proofs, expected);
    let ended = about(lines, "/GetServerInfo")[3];
    assert_eq!(
        (&ended["subject"], &ended["roles"]),
        (&json!("Eve"), &json!(["operator"]))
    );
    let teams = about(lines, "/ImportTeam");
    assert_eq!(teams.len(), 3, "{teams:?}");
    assert_eq!(teams[0]["resources"], json!({ "team": ["billing"] }));
    assert_eq!(
        (&teams[2]["actor"], &teams[2]["reason"]),
        (&json!("Ann"), &json!("ACTOR_NOT_ALLOWED"))
    );
    let imported = about(lines, "/ImportWorkflow");
    assert!(
        imported[0]["resources"]["workflow"].is_array(),
        "{imported:?}"
    );
    // The work of agents and script engines is in the history.
    let notes = about(lines, "/AddNote");
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert_eq!(notes[0]["name"], "Olga");
    assert!(about(lines, "/SetWorkflow").is_empty());
    let text = format!("{lines:?}");
    assert!(!text.contains("Lovelace"), "no data of callers: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_proof_there_is_no_audit_log() {
    let mut house = House::start_without_alerter().await;
    let mut operations = OperationsServiceClient::new(channel(house.workflow_address()).await);
    let refused = operations.cancel_instance(cancel("none")).await;
    refused.expect_err("no such instance");
    house.stop_workflow().await;
    assert!(!house.data_dir().join("audit.log").exists());
}
