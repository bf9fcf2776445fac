//! `aftercall load` and its commands: they measure the servers that the command line names.

use serde_json::Value;

use crate::up::{Up, with_refund};

const STREAMS: &str = "--streams 4 --connections 1";

/// How many follow-ups are open.
async fn open(up: &Up) -> u64 {
    let counted = up.json("aftercall server info").await;
    counted["open_instances"].as_u64().expect("a number")
}

fn number(report: &Value, name: &str) -> u64 {
    report[name].as_u64().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn load_measures_the_servers_that_are_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let both = format!("--server {} --alerter {}", up.server, up.alerter);

    let line = format!("aftercall load alerts {both} {STREAMS} --rate 20 --seconds 1");
    let report = up.json(&line).await;
    assert_eq!(
        (number(&report, "changes"), number(&report, "missing")),
        (20, 0)
    );
    assert_eq!(open(&up).await, 21, "its changes were made there");

    let line = format!("aftercall load reconnect {both} {STREAMS} --missed 5");
    let report = up.json(&line).await;
    assert_eq!(
        (number(&report, "changes_given"), number(&report, "missing")),
        (20, 0)
    );
    assert_eq!(open(&up).await, 27);

    let line = format!("aftercall load page {both} --streams 20 --rate 10 --seconds 1");
    let report = up.json(&line).await;
    assert_eq!(
        (number(&report, "events"), number(&report, "missing")),
        (200, 0)
    );
    assert_eq!(open(&up).await, 38);

    let line = format!(
        "aftercall load crowd --server {} --people 2 --open 40 --rate 5 --seconds 2",
        up.server
    );
    up.does(&line).await;
    assert_eq!(open(&up).await, 78);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_refuses_options_that_it_would_ignore() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = Up::start(&dir.path().join("data")).await;
    for (options, reason) in [
        ("alerts --server h:1", "measures both servers"),
        ("reconnect --alerter h:1", "measures both servers"),
        ("crowd --alerter h:1", "asks no alerter"),
        ("--alerter h:1", "asks no alerter"),
        ("--server h:1 --data-dir d", "--data-dir is for a server"),
        (
            "alerts --server h:1 --alerter h:2 --data-dir d",
            "--data-dir is for a server",
        ),
    ] {
        let ended = up.shell(&format!("aftercall load {options}")).await;
        assert_eq!(ended.code, 2, "{options}: {ended:?}");
        assert!(ended.err.contains(reason), "{options}: {ended:?}");
    }
}

/// The figure of a kind of request.
fn figure<'a>(report: &'a Value, request: &str) -> &'a Value {
    let figures = report["figures"].as_array().expect("figures");
    let found = figures.iter().find(|figure| figure["request"] == request);
    found.unwrap_or_else(|| panic!("{request} is measured: {report}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mix_at_a_rate_sends_each_share() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let line = format!(
        "aftercall load --server {} --rate 200 --mix push=2,set=1,list=1,get=1,history=1 --requests 60 --warm-up 0",
        up.server
    );
    let report = up.json(&line).await;
    let answered = |request| number(figure(&report, request), "answered");
    assert_eq!(answered("mix"), 60, "{report}");
    for (request, count) in [
        ("push", 20),
        ("set-workflow", 10),
        ("list", 10),
        ("get", 10),
        ("history", 10),
    ] {
        assert_eq!(answered(request), count, "{request}: {report}");
    }
    let mix = figure(&report, "mix");
    assert_eq!(number(mix, "planned_rate_per_second"), 200);
    assert_eq!(number(mix, "errors"), 0);
    assert!(mix["client_cpu_seconds_each"].as_f64() > Some(0.0), "{mix}");
    // 80 were prepared: 20 to push, and 60 to read.
    assert_eq!(open(&up).await, 90);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_no_op_has_the_size_of_the_request() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = Up::start(&dir.path().join("data")).await;
    let report = up
        .json("aftercall load --in-flight 2 --requests 30 --warm-up 1")
        .await;
    let (no_op, set) = (figure(&report, "no-op"), figure(&report, "set-workflow"));
    for request in [no_op, set, figure(&report, "push")] {
        assert_eq!(number(request, "answered"), 30, "{report}");
        assert_eq!(number(request, "in_flight"), 2);
    }
    for bytes in ["request_bytes_each", "answer_bytes_each"] {
        let (no_op, set) = (number(no_op, bytes), number(set, bytes));
        // Ids of calls have more digits later.
        assert!(set > 100 && no_op.abs_diff(set) < 10, "{report}");
    }
    assert_eq!(open(&up).await, 0, "a server of its own was measured");
}
