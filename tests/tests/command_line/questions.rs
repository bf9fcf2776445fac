//! Questions before what cannot be undone, and refusals as programs read them.

use serde_json::Value;

use crate::up::{SET, Up, with_refund};

/// A workflow whose only button asks.
const ASKS: &str = "format: 1\nworkflow: asks\ntitle: Asks\non_new_call:\n  - alert: { text: Ring, team: billing }\n  - button: Give up\n    confirm: Does the caller know?\n    then:\n      - finish: given-up\n";

async fn erasures(up: &Up) -> usize {
    up.json("aftercall erase list")
        .await
        .as_array()
        .expect("an array")
        .len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_erased_only_after_a_yes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    up.does(&format!("{SET} --caller-reference C-1")).await;
    let erase = "erase caller --reference C-1 --reason asked";
    let tried = up.does(&format!("aftercall {erase} --dry-run")).await;
    assert!(
        tried.contains("1 calls with 1 follow-ups") && tried.contains("demo/7"),
        "{tried}"
    );
    let refused = up.shell(&format!("aftercall {erase}")).await;
    assert!(
        refused.code == 2 && refused.err.contains("--yes"),
        "{refused:?}"
    );
    let args: Vec<&str> = erase.split(' ').collect();
    let mut asked = up.on_terminal(&args, 80, 24);
    asked.shows("the question", |shown| {
        shown.contains("cannot be undone. Erase? [y/N]")
    });
    asked.types("n");
    let (code, shown) = asked.ends();
    assert!(code == 1 && shown.contains("Nothing was done."), "{shown}");
    assert_eq!(erasures(&up).await, 0);
    let mut asked = up.on_terminal(&args, 80, 24);
    asked.shows("the question", |shown| shown.contains("[y/N]"));
    asked.types("yes");
    assert_eq!(asked.ends().0, 0);
    assert_eq!(erasures(&up).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_button_asks_its_question() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let file = dir.path().join("asks.yaml");
    std::fs::write(&file, ASKS).expect("written");
    up.does(&format!("aftercall workflow publish {}", file.display()))
        .await;
    let set = up
        .json("aftercall set-workflow asks --call demo/9 --customer c --chargeable")
        .await;
    let id = set["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let refused = up.shell(&format!("aftercall push {id} give-up")).await;
    assert!(
        refused.code == 2 && refused.err.contains("Does the caller know?"),
        "{refused:?}"
    );
    let mut asked = up.on_terminal(&["push", &id, "give-up"], 80, 24);
    asked.shows("the question", |shown| {
        shown.contains("Give up: Does the caller know? [y/N]")
    });
    asked.types("n");
    assert_eq!(asked.ends().0, 1);
    up.does(&format!("aftercall push {id} give-up --yes")).await;
    let simulated = up
        .does(&format!(
            "echo 1 | aftercall workflow simulate {}",
            file.display()
        ))
        .await;
    assert!(simulated.contains("Does the caller know?"), "{simulated}");
}

#[tokio::test(flavor = "multi_thread")]
async fn json_shows_why_a_request_was_refused() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let set = up.json(SET).await;
    let id = set["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    up.does(&format!("AFTERCALL_ACTOR=ann aftercall claim {id}"))
        .await;
    for (line, code, reason) in [
        (
            format!("AFTERCALL_ACTOR=ben aftercall -o json push {id} pay-out"),
            4,
            "CLAIMED_BY_ANOTHER",
        ),
        ("aftercall push ID -ojson".to_owned(), 2, "USAGE"),
        (
            "aftercall --output=json history --call demo/none".to_owned(),
            3,
            "",
        ),
        (
            "aftercall calls -o json --server 127.0.0.1:9".to_owned(),
            5,
            "UNAVAILABLE",
        ),
        (
            "aftercall calls -o json --team biling".to_owned(),
            3,
            "NOT_FOUND",
        ),
    ] {
        let ended = up.shell(&line).await;
        assert_eq!((ended.code, &*ended.out), (code, ""), "{line}: {ended:?}");
        let last = ended.err.lines().last().expect("it says why");
        let error =
            serde_json::from_str::<Value>(last).unwrap_or_else(|_| panic!("{line}: {ended:?}"));
        let error = &error["error"];
        assert_eq!(error["exit_code"], code, "{line}: {error}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{line}: {error}"
        );
        assert!(
            reason.is_empty() || error["reason"] == reason,
            "{line}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn snoozed_work_and_a_persons_day_are_listed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let set = up.json(SET).await;
    let id = set["follow_up"]["instance_id"].as_str().expect("an id");
    let nothing = up.does("aftercall team day ann").await;
    assert!(!nothing.contains(id), "{nothing}");
    up.does(&format!("aftercall --actor ann claim {id}")).await;
    let waiting = up.does("aftercall calls --snoozed").await;
    assert!(!waiting.contains(id), "{waiting}");
    up.does(&format!("aftercall --actor ann snooze {id} --for 1h"))
        .await;
    let snoozed = up.does("aftercall calls --snoozed").await;
    assert!(
        snoozed.contains(id) && snoozed.contains("SNOOZED BY") && snoozed.contains("ann"),
        "{snoozed}"
    );
    let day = up.does("aftercall team day ann").await;
    assert_eq!(day.matches(id).count(), 2, "claimed and snoozed: {day}");
    up.does("aftercall batch hand-over --workflow refund --release --reason x --dry-run")
        .await;
}
