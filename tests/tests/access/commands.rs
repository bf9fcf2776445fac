//! The command line with a token: each role does its work, and nothing else.

use std::net::SocketAddr;
use std::path::Path;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{
    ImportTeamRequest, ImportWorkflowRequest, PublishWorkflowRequest,
};
use aftercall_tests::{REFUND, binary};
use tokio::process::Command;

use crate::{Tokens, channel, guarded, with};

/// Runs a command with the token of a file; returns its exit code and what it wrote.
async fn run(server: &str, token: &Path, words: &[&str]) -> (Option<i32>, String) {
    let ended = Command::new(binary("aftercall"))
        .args(["--server", server, "--token-file"])
        .arg(token)
        .args(words)
        .env_remove("AFTERCALL_ACTOR")
        .env("AFTERCALL_CONTEXTS_FILE", token.with_extension("contexts"))
        .output()
        .await
        .expect("it runs");
    let text = [ended.stdout, ended.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (ended.status.code(), text)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_does_its_work_on_the_command_line() {
    let tokens = Tokens::new();
    let [agent, author, engine] = [
        ("Ann", Role::Agent),
        ("Wendy", Role::Author),
        ("engine", Role::ScriptEngine),
    ]
    .map(|(name, role)| tokens.file(name, role));
    let house = guarded(&tokens).await;
    let server = house.workflow_url();
    let set = [
        "set-workflow",
        "refund",
        "--call",
        "a/1",
        "--customer",
        "Acme",
        "--field",
        "amount=20",
    ];
    for (token, words, code) in [
        (&agent, vec!["whoami"], 0),
        (&agent, vec!["calls"], 0),
        (
            &agent,
            vec!["team", "add", "billing", "--title", "Billing"],
            1,
        ),
        (
            &author,
            vec!["team", "add", "billing", "--title", "Billing"],
            0,
        ),
        (
            &author,
            vec!["--actor", "Ann", "team", "add", "sales", "--title", "Sales"],
            1,
        ),
        (&author, vec!["workflow", "list"], 0),
        (&author, vec!["calls"], 1),
        // There is no such workflow, which an engine may know.
        (&engine, set.to_vec(), 3),
    ] {
        let ended = run(&server, token, &words).await;
        assert_eq!(ended.0, Some(code), "{words:?}: {}", ended.1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_measures_a_server_that_wants_tokens() {
    let tokens = Tokens::new();
    let roles = [Role::ScriptEngine, Role::Agent, Role::Author];
    let all = tokens.file_of("load", &roles);
    let agent = tokens.file("Ann", Role::Agent);
    let author = tokens.add("Wendy", &[Role::Author], None);
    let house = guarded(&tokens).await;
    let server = house.workflow_url();
    publish_refund(house.workflow_address(), &author).await;
    let load = "load --requests 200 --in-flight 16 --warm-up 0";
    let load: Vec<&str> = load.split(' ').collect();
    let measured = run(&server, &all, &load).await;
    assert_eq!(measured.0, Some(0), "{}", measured.1);
    assert!(measured.1.contains("set-workflow"), "{}", measured.1);
    // The control: the same without the roles for it.
    let refused = run(&server, &agent, &load).await;
    assert_eq!(refused.0, Some(1), "{}", refused.1);
}

/// Publishes the refund and its teams with the token of an author.
async fn publish_refund(server: SocketAddr, author: &str) {
    let mut client = WorkflowDefinitionServiceClient::new(channel(server).await);
    for name in ["billing", "payments"] {
        let team = ImportTeamRequest {
            name: name.to_owned(),
            title: name.to_owned(),
            ..ImportTeamRequest::default()
        };
        client
            .import_team(with(author, team))
            .await
            .expect("a team");
    }
    let import = ImportWorkflowRequest {
        file: REFUND.to_owned(),
        ..ImportWorkflowRequest::default()
    };
    let imported = client.import_workflow(with(author, import)).await;
    imported.expect("the file is imported");
    let publish = PublishWorkflowRequest {
        name: "refund".to_owned(),
        ..PublishWorkflowRequest::default()
    };
    let published = client.publish_workflow(with(author, publish)).await;
    published.expect("the draft is published");
}
