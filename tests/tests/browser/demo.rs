//! The first command of the README, as a stranger runs it: the demo prints the address of the page,
//! calls arrive there, a button is pushed in it, and the wallboard changes.

use std::process::Stdio;

use aftercall_tests::{PATIENCE, binary};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::desk::Desk;

/// The first sample call: its first button has no form.
const REFUND: &str = "#list .row[data-workflow=refund]";
/// The stage after that button, which nothing else in the demo leads to.
const NEXT_STAGE: &str = "#counts th:has-text('refund · 2 ·')";

/// Starts the demo on free ports. Returns the address of its page.
async fn start(directory: &std::path::Path) -> (Child, String) {
    let mut demo = Command::new(binary("aftercall"));
    demo.args(["demo", "--calls-per-minute", "60", "--log", "error"])
        .args(["--listen", "127.0.0.1:0", "--alerter-listen", "127.0.0.1:0"])
        .args(["--data-dir", &directory.display().to_string()])
        .env("AFTERCALL_CALL_MANAGER_LISTEN", "127.0.0.1:0")
        .kill_on_drop(true)
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut demo = demo.spawn().expect("it starts");
    let mut said = BufReader::new(demo.stderr.take().expect("a pipe")).lines();
    let address = loop {
        let line = said.next_line().await.expect("it can be read");
        let line = line.expect("it names the page before it ends");
        if line.trim().starts_with("http://") {
            break line.trim().to_owned();
        }
    };
    // Nobody may wait for a full pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
    (demo, address)
}

/// What a stranger does. Returns when the wallboard has changed.
async fn look_around(desk: &mut Desk, address: &str) {
    desk.goto(address).await;
    desk.sees(".line.live").await;
    desk.sees(REFUND).await;
    // More calls arrive while the page is open.
    let shown = desk.rows().await.len();
    desk.exists(&format!("#list .row >> nth={shown}")).await;

    desk.step("tab", "", &format!("{address}team")).await;
    desk.sees(".line.live").await;
    assert_eq!(desk.step("count", NEXT_STAGE, "").await, 0);
    desk.remember("before").await;
    desk.step("turn", "", "0").await;
    desk.click(&format!("{REFUND} [data-act=push]")).await;
    desk.step("turn", "", "1").await;
    desk.sees(NEXT_STAGE).await;
    assert_eq!(desk.step("runs", "", "before").await, true, "no reload");
    desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_opens_the_demo_and_pushes_a_button() {
    let directory = tempfile::tempdir().expect("a directory");
    // What is built and started is no part of it.
    let mut desk = Desk::open().await;
    let program = binary("aftercall");
    assert!(program.exists());
    let all = async {
        let (_demo, address) = start(&directory.path().join("demo")).await;
        look_around(&mut desk, &address).await;
    };
    timeout(PATIENCE * 2, all).await.expect("it is quick");
}
