//! The demo: its sample calls read whole, and it runs beside another Aftercall. So do the examples
//! of the help.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Stdio;

use aftercall_tests::{PATIENCE, binary};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader, Lines};
use tokio::process::Command;

use crate::up::with_refund;

async fn line<R: AsyncRead + Unpin>(lines: &mut Lines<BufReader<R>>) -> String {
    let line = tokio::time::timeout(PATIENCE, lines.next_line())
        .await
        .expect("a line in time");
    line.expect("it can be read").expect("it runs on")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_no_gap_and_no_warning() {
    // Whether somebody else has the usual ports or this does: the demo must not stop.
    let taken: Vec<_> = [7401, 7402]
        .into_iter()
        .map(|port| TcpListener::bind(("127.0.0.1", port)))
        .collect();
    let mut demo = Command::new(binary("aftercall"));
    let demo = demo
        .args(["demo", "--calls-per-minute", "6000", "--log", "error"])
        .kill_on_drop(true);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let demo = demo.args(["--data-dir", &dir.path().display().to_string()]);
    let mut demo = demo
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut said = BufReader::new(demo.stderr.take().expect("a pipe")).lines();
    let server = loop {
        if let Some(address) = line(&mut said)
            .await
            .trim()
            .strip_prefix("export AFTERCALL_SERVER=")
        {
            break address.to_owned();
        }
    };
    drop(taken);
    // Nobody may wait for a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    let mut shown = BufReader::new(demo.stdout.take().expect("a pipe")).lines();
    let mut samples: BTreeMap<String, String> = BTreeMap::new();
    while samples.len() < 8 {
        let line = line(&mut shown).await;
        assert!(!line.contains("[?]"), "a sample shows a gap: {line}");
        if line.contains("set on the call") {
            let words: Vec<&str> = line
                .split("  ")
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .collect();
            samples.insert(words[3].to_owned(), words[1].to_owned());
        }
    }
    for (workflow, id) in samples {
        let history = Command::new(binary("aftercall"))
            .args(["--server", &server, "history", &id])
            .output()
            .await;
        let history = history.expect("it ends");
        let (out, err) = (
            String::from_utf8_lossy(&history.stdout),
            String::from_utf8_lossy(&history.stderr),
        );
        assert!(out.contains("set on the call"), "{workflow}: {out}{err}");
        assert_eq!(err, "", "{workflow}: it warns");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_help_examples_run_without_gap_or_warning() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    up.does("aftercall workflow publish examples/call-back.yaml")
        .await;
    let help = up.does("aftercall set-workflow --help").await;
    // The help is wrapped.
    let (_, examples) = help.split_once("Examples:\n").expect("it has examples");
    let joined = |rest: &str| format!("aftercall {}", rest.replace("\\\n", " ").replace('\n', " "));
    let examples: Vec<String> = examples.split("  aftercall ").skip(1).map(joined).collect();
    assert_eq!(examples.len(), 2, "{help}");
    for example in examples {
        let ended = up.shell(&example).await;
        assert_eq!((ended.code, &*ended.err), (0, ""), "{example}: {ended:?}");
    }
    up.does("aftercall call end scripts/1002").await;
    let shown = up.does("aftercall calls --customer acme").await;
    assert!(
        shown.contains("Refund 120 for Ann Lee") && shown.contains("Ring Ann Lee back on"),
        "{shown}"
    );
    assert!(!shown.contains("[?]"), "{shown}");
}
