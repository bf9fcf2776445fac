//! The command line with a token: each role does its work, and nothing else.

use std::path::Path;

use aftercall_proto::access::v1::Role;
use aftercall_tests::binary;
use tokio::process::Command;

use crate::{Tokens, guarded};

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
