//! The end of a server's process, even with busy threads, and its refusals to start.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use aftercall_tests::{PATIENCE, binary};

#[test]
fn a_server_ends_despite_blocking_work() {
    let (ended, has_ended) = mpsc::channel();
    std::thread::spawn(move || {
        let main = async {
            // A computation that nobody can stop.
            tokio::task::spawn_blocking(|| {
                loop {
                    std::thread::park();
                }
            });
            Ok::<_, Infallible>(())
        };
        let code = aftercall_serving::run(main, |never| match *never {});
        // The test waits for it.
        let _ = ended.send(code);
    });
    assert_eq!(
        has_ended.recv_timeout(PATIENCE).expect("it ends"),
        ExitCode::SUCCESS
    );
}

/// Not a test: what the next test runs in a process of its own.
#[test]
#[ignore = "a process that never ends alone"]
fn child_whose_threads_are_all_busy() {
    let main = async {
        let stop = aftercall_serving::shutdown_token(Duration::ZERO).expect("it listens");
        for _ in 0..64 {
            tokio::spawn(async {
                loop {
                    std::thread::park();
                }
            });
        }
        println!("\nbusy");
        stop.cancelled().await;
        std::future::pending::<Result<(), Infallible>>().await
    };
    aftercall_serving::run(main, |never| match *never {});
}

#[test]
fn a_busy_process_ends_after_a_signal() {
    let mut child = Command::new(std::env::current_exe().expect("the test has a path"))
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "process::child_whose_threads_are_all_busy",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    assert!(
        lines.any(|line| line.expect("text") == "busy"),
        "it says when it is busy"
    );
    let start = Instant::now();
    let signalled = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .expect("kill is there");
    assert!(signalled.success());
    let (ended, has_ended) = mpsc::channel();
    let id = child.id().to_string();
    std::thread::spawn(move || {
        let _ = ended.send(child.wait());
    });
    let Ok(status) = has_ended.recv_timeout(PATIENCE) else {
        let _ = Command::new("kill").args(["-KILL", &id]).status();
        panic!("it does not end");
    };
    assert_eq!(status.expect("it ended").code(), Some(70));
    assert!(
        start.elapsed() < Duration::from_secs(15),
        "{:?}",
        start.elapsed()
    );
}

#[test]
fn a_refusal_to_start_is_one_line_without_a_backtrace() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data").display().to_string();
    for (name, args) in [
        (
            "workflow-server",
            vec!["--listen", "0.0.0.0:0", "--data-dir", &data],
        ),
        ("alerter-server", vec!["--listen", "0.0.0.0:0"]),
        (
            "alerter-server",
            vec![
                "--listen",
                "127.0.0.1:0",
                "--web-origin",
                "desk.example.com",
            ],
        ),
        (
            "aftercall",
            vec!["serve", "alerter-server", "--listen", "0.0.0.0:0"],
        ),
    ] {
        let mut command = Command::new(binary(name));
        let refused = command
            .args(&args)
            .env("RUST_BACKTRACE", "1")
            .env("AFTERCALL_LOG", "error")
            .output();
        let refused = refused.expect("it starts");
        let text = String::from_utf8(refused.stderr).expect("text");
        assert!(!refused.status.success(), "{name} {args:?}");
        assert_eq!(
            text.trim_end().lines().count(),
            1,
            "{name} {args:?}: {text}"
        );
    }
}
