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
    assert_eq!(open(&up).await, 26);

    let line = format!(
        "aftercall load crowd --server {} --people 2 --open 40 --rate 5 --seconds 2",
        up.server
    );
    up.does(&line).await;
    assert_eq!(open(&up).await, 66);
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
