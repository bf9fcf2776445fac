//! Values of sensitive fields: no command prints one without the flag.

use crate::up::{Up, with_refund};

/// A workflow with a sensitive field, and a sensitive field of a form.
const WORKFLOW: &str = "format: 1
workflow: pay-back
title: Pay back
fields:
  order: { type: text }
  account: { type: text, sensitive: true }
on_new_call:
  - alert: { text: Pay back, team: billing }
  - button: Check
    form:
      pin: { type: number, sensitive: true }
    then:
      - alert: { text: Checked, team: billing }
      - button: Done
        then: [ finish: paid ]
";

const ACCOUNT: &str = "DE77-4321";
const PIN: &str = "90817";

/// What each of these commands prints: the changes that led to it, and the follow-up.
async fn printed(up: &Up, flag: &str) -> Vec<(String, String)> {
    let set = format!(
        "aftercall set-workflow pay-back --call demo/{} --customer Northwind --chargeable --field order=B-1 --field account={ACCOUNT} -o json {flag}",
        flag.len()
    );
    let mut printed = vec![(set.clone(), up.does(&set).await)];
    let answer: serde_json::Value = serde_json::from_str(&printed[0].1).expect("JSON");
    let id = answer["follow_up"]["instance_id"].as_str().expect("an id");
    let id = id.to_owned();
    for command in [
        "push ID check --form pin=90817 -o json",
        "calls",
        "calls -o json",
        "instance show ID",
        "instance show ID -o json",
        "instance list -o json",
        "history ID",
        "history ID -o json",
        "watch --for 1",
        "watch --for 1 -o json",
        "claim ID -o json",
    ] {
        let line = format!("aftercall {} {flag}", command.replace("ID", &id));
        let out = up.does(&line).await;
        printed.push((line, out));
    }
    printed
}

#[tokio::test(flavor = "multi_thread")]
async fn sensitive_values_are_printed_only_with_the_flag() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let file = dir.path().join("pay-back.yaml");
    std::fs::write(&file, WORKFLOW).expect("written");
    up.does(&format!("aftercall workflow publish {}", file.display()))
        .await;
    let has = |out: &str| out.contains(ACCOUNT) || out.contains(PIN);
    let hidden = printed(&up, "").await;
    for (line, out) in &hidden {
        assert!(!has(out), "{line}: {out}");
    }
    let marked = |mark: &str| hidden.iter().any(|(_, out)| out.contains(mark));
    assert!(marked("account=(sensitive) order=B-1"), "{hidden:?}");
    assert!(marked("pin=(sensitive)"), "{hidden:?}");
    // The control.
    let shown = printed(&up, "--show-sensitive").await;
    let shown: Vec<_> = shown.iter().filter(|(_, out)| has(out)).collect();
    let lines: Vec<_> = shown.iter().map(|(line, _)| line.as_str()).collect();
    assert!(lines.len() >= 8, "{lines:?}");
}
