//! Repeated with the same request id, every RPC returns its first answer, even if much has changed
//! since: the follow-up was worked on, migrated, ended, archived, the caller was erased, the server
//! was restarted, teams, calendars and workflows were changed.
//!
//! The table of cases is held against the descriptors: an RPC with a request id and without a case
//! fails.

mod cases;
mod world;

use std::collections::BTreeSet;

use aftercall_tests::{House, reason, with_refund};
use cases::{Case, cases};
use serde_json::{Value, json};
use tonic::Code;
use world::Asker;

/// What an erasure takes out of an answer.
const ERASED: [&str; 5] = ["caller", "fields", "text", "reason", "outcome"];

/// The answer without these fields, wherever they are in it; a path such as `workflow.title` means
/// that one alone.
fn without(answer: &Value, paths: &[&str]) -> Value {
    match answer {
        Value::Array(items) => items.iter().map(|item| without(item, paths)).collect(),
        Value::Object(fields) => {
            let left = fields
                .iter()
                .filter(|(name, _)| !paths.contains(&name.as_str()))
                .map(|(name, value)| {
                    let prefix = format!("{name}.");
                    let below: Vec<&str> = paths
                        .iter()
                        .map(|path| path.strip_prefix(&prefix).unwrap_or(path))
                        .collect();
                    (name.clone(), without(value, &below))
                });
            Value::Object(left.collect())
        }
        plain => plain.clone(),
    }
}

/// The first line in which two answers differ.
fn difference(first: &Value, again: &Value) -> Option<String> {
    let lines = |answer: &Value| serde_json::to_string_pretty(answer).expect("JSON");
    let (first, again) = (lines(first), lines(again));
    let differ = |(one, other): &(&str, &str)| one != other;
    if first == again {
        return None;
    }
    let line = first.lines().zip(again.lines()).find(differ);
    Some(line.map_or("one is longer".to_owned(), |(one, other)| {
        format!("first {one}, again {other}")
    }))
}

/// Asks all of them again, and compares with the first answers but for these fields.
async fn check(asker: &Asker, asked: &[(Case, Value)], after: &str, erased: &[&str]) {
    for (case, first) in asked {
        let again = asker.ask(case.method, case.request.clone()).await;
        let again = again.unwrap_or_else(|status| panic!("{} {after}: {status:?}", case.method));
        let hidden = [case.present, erased].concat();
        let differs = difference(&without(first, &hidden), &without(&again, &hidden));
        assert_eq!(differs, None, "{} {after}", case.method);
    }
}

/// Leaves the fields of a mask in each follow-up of an answer; returns how many had others.
fn leave_masked(answer: &mut Value) -> usize {
    let shown = ["instanceId", "workflow", "visit", "revision"];
    // One that waits for the end of its call has no visit yet.
    let names = ["instanceId", "revision"];
    match answer {
        Value::Array(items) => items.iter_mut().map(leave_masked).sum(),
        Value::Object(fields) if names.iter().all(|name| fields.contains_key(*name)) => {
            let before = fields.len();
            fields.retain(|name, _| shown.contains(&name.as_str()));
            usize::from(fields.len() < before)
        }
        Value::Object(fields) => fields.values_mut().map(leave_masked).sum(),
        _ => 0,
    }
}

/// Asks those that take a read mask again with one: the first answer has fewer fields then.
async fn check_masks(asker: &Asker, asked: &[(Case, Value)]) {
    for (case, first) in asked {
        if !asker.takes_mask(case.method) {
            continue;
        }
        let mut request = case.request.clone();
        request["read_mask"] = json!("workflow");
        let again = asker.ask(case.method, request).await;
        let mut again = again.unwrap_or_else(|status| panic!("{}: {status:?}", case.method));
        let mut first = first.clone();
        assert_eq!(leave_masked(&mut again), 0, "{} with a mask", case.method);
        assert_ne!(leave_masked(&mut first), 0, "{} without", case.method);
        let hidden = |answer| without(answer, case.present);
        let differs = difference(&hidden(&first), &hidden(&again));
        assert_eq!(differs, None, "{} with a mask", case.method);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_returns_its_first_answer() {
    let mut house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let asker = Asker::connect(&house).await;
    world::prepare(&asker).await;
    let mut asked = Vec::new();
    for case in cases(&asker).await {
        let first = asker.ask(case.method, case.request.clone()).await;
        let first = first.unwrap_or_else(|status| panic!("{}: {status:?}", case.method));
        asked.push((case, first));
    }
    let with_case: BTreeSet<&str> = asked.iter().map(|(case, _)| case.method).collect();
    assert_eq!(
        with_case,
        asker.methods_with_request_id(),
        "each RPC with a request id has a case"
    );
    check(&asker, &asked, "at once", &[]).await;
    check_masks(&asker, &asked).await;
    world::work_on(&asker).await;
    check(
        &asker,
        &asked,
        "after everything was worked on, migrated and ended",
        &[],
    )
    .await;
    house.archive_at_once();
    house.stop_workflow().await;
    house.start_workflow().await;
    let asker = Asker::connect(&house).await;
    world::archived(&mut clients).await;
    check(&asker, &asked, "after a restart, from the archive", &[]).await;
    world::erase(&asker).await;
    check(&asker, &asked, "after the caller was erased", &ERASED).await;
    for (case, _) in &asked {
        let again = asker
            .ask(case.method, case.request.clone())
            .await
            .expect("it was answered a moment ago");
        assert!(
            !format!("{again:?}").contains(world::CALLER),
            "{} shows an erased caller",
            case.method
        );
    }
}

#[tokio::test]
async fn request_ids_are_scoped_to_caller_and_source() {
    let house = House::start_without_alerter().await;
    let _clients = with_refund(&house).await;
    let asker = Asker::connect(&house).await;
    let set = |actor: &str, source: &str, id: &str| {
        let mut request = world::set_request(id);
        request["actor"] = json!(actor);
        request["call"]["source"] = json!(source);
        request["request_id"] = json!("1");
        request
    };
    let nameless = asker
        .ask("SetWorkflow", set("", "a", "1"))
        .await
        .expect_err("nobody asks");
    assert_eq!(nameless.code(), Code::InvalidArgument);
    let team = json!({ "request_id": "1", "name": "nightshift" });
    assert_eq!(
        asker
            .ask("ImportTeam", team)
            .await
            .expect_err("nobody asks")
            .code(),
        Code::InvalidArgument
    );
    for (source, id) in [("a", "1"), ("b", "2")] {
        asker
            .ask("SetWorkflow", set("engine", source, id))
            .await
            .expect("two engines that count do not meet");
    }
    let reused = asker
        .ask("SetWorkflow", set("engine", "a", "3"))
        .await
        .expect_err("another request");
    assert_eq!(reason(&reused), "REQUEST_ID_REUSED");
    asker
        .ask("SetWorkflow", set("other", "a", "3"))
        .await
        .expect("another asks");
}
