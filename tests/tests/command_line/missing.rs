//! What does not exist: one exit code for it, whichever command names it, and what was probably
//! meant.

use crate::up::{SET, Up, with_refund};

/// Each names something that does not exist; ID is a follow-up that does.
const MISSING: &[&str] = &[
    "ack NOID",
    "push NOID x",
    "push ID approve-it",
    "claim NOID",
    "extend NOID",
    "release NOID",
    "take-over NOID --reason x",
    "snooze NOID --for 1h",
    "pause NOID --reason x",
    "resume NOID",
    "finish NOID x",
    "undo NOID",
    "chase NOID",
    "note NOID x",
    "history NOID",
    "history --call demo/never",
    "instance show NOID",
    "instance explain NOID",
    "instance move NOID --to-stage 1 --reason x",
    "instance move NOID --to-stage Approved --reason x",
    "instance move ID --to-stage 99 --reason x",
    "instance move ID --to-stage Nowhere --reason x",
    "instance migrate NOID --to-version 1 --reason x",
    "instance migrate ID --to-version 99 --reason x",
    "instance cancel NOID --reason x --yes",
    "workflow graph --instance NOID",
    "call show demo/never",
    "call end demo/never",
    "call chargeable demo/never yes",
    "calls --team biling",
    "calls --workflow refnud",
    "calls --stage 'After Aprove'",
    "calls --stage 99 --workflow refund",
    "watch --stage 'After Aprove' --for 1",
    "wallboard --team biling",
    "wallboard --stage 'After Aprove'",
    "claim-next --team biling",
    "claim-next --stage 'After Aprove'",
    "instance list --stage 'After Aprove'",
    "instance list --version 99 --workflow refund",
    "instance count --stage 99",
    "report --workflow refnud",
    "batch cancel --stage 'After Aprove' --reason x --dry-run",
    "batch move --workflow refund --to-stage 'After Aprove' --reason x --dry-run",
    "batch hand-over --workflow refund --to-team biling --reason x --dry-run",
    "batch show 99",
    "batch items 99",
    "batch stop 99 --reason x",
    "hand-over ID --to-team biling",
    "erase show 99",
    "team show biling",
    "calendar show none",
    "calendar export none",
    "set-workflow refnud --call demo/8 --customer c",
    "set-workflow refund --call demo/8 --customer c --version 99 --field amount=5",
    "workflow show refnud",
    "workflow show refund --version 99",
    "workflow versions refnud",
    "workflow export refnud",
    "workflow export refund --version 99",
    "workflow export refund --draft",
    "workflow diff refnud",
    "workflow diff refund --from 98 --to 99",
    "workflow graph refnud",
    "workflow graph refund --version 99",
    "workflow archive refnud",
    "workflow restore refnud",
    "workflow publish refnud",
    "workflow confirm-retention refnud",
    "workflow confirm-retention refund --version 99",
    "workflow add-action refnud new-call 'finish: x'",
    "workflow add-action refund never 'finish: x'",
    "workflow add-action refund new-call 'finish: x' --before 99",
    "workflow update-action refund new-call 99 'finish: x'",
    "workflow remove-action refund new-call 99",
    "workflow move-action refund new-call 99 --before 1",
    "workflow move-action refund new-call 1 --to never",
    "workflow validate none.yaml",
    "workflow fmt none.yaml",
    "workflow import none.yaml",
    "workflow publish none.yaml",
    "workflow validate 'none/*.yaml'",
    "workflow test none.test.yaml",
    "workflow graph none.yaml",
    "workflow diff none.yaml none.yaml",
    "workflow simulate none.yaml",
    "workflow create --header none.yaml",
    "team import none.yaml",
    "calendar import none.yaml",
];

async fn run(up: &Up, id: &str, line: &str) -> String {
    let ended = up
        .shell(&format!(
            "aftercall {} < /dev/null",
            line.replace("NOID", "7-7-0000").replace("ID", id)
        ))
        .await;
    if ended.code == 3 && !ended.err.trim().is_empty() {
        return String::new();
    }
    format!("{line}: {} {}", ended.code, ended.err.trim())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_thing_has_one_exit_code() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let set = up.json(SET).await;
    let id = set["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let mut wrong = Vec::new();
    for line in MISSING {
        wrong.push(run(&up, &id, line).await);
    }
    wrong.retain(|one| !one.is_empty());
    assert_eq!(wrong, Vec::<String>::new());
    // What exists and may not be done now has another one.
    let elsewhere = up
        .shell(&format!("aftercall push {id} paid --form reference=R"))
        .await;
    assert_eq!(elsewhere.code, 4, "{elsewhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stage_is_named_by_its_title_in_every_filter() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let id = up.json(SET).await["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    up.json(&SET.replace("demo/7", "demo/8")).await;
    up.does(&format!("aftercall push {id} Approve")).await;
    let stage = up.json(&format!("aftercall instance show {id}")).await["stage"].clone();
    let (title, number) = (
        stage["title"].as_str().expect("a title"),
        stage["number"].as_u64().expect("a number"),
    );
    let count = async |line: String| {
        up.json(&format!("aftercall {line}"))
            .await
            .as_array()
            .expect("an array")
            .len()
    };
    for named in [
        title.to_owned(),
        title.to_uppercase(),
        format!("{number} {title}"),
        number.to_string(),
    ] {
        for command in [
            "calls",
            "instance list",
            "calls --workflow refund",
            "instance list --workflow refund",
        ] {
            assert_eq!(
                count(format!("{command} --stage '{named}'")).await,
                1,
                "{command} {named}"
            );
        }
        let counted = up
            .json(&format!(
                "aftercall instance count --by nothing --stage '{named}'"
            ))
            .await;
        assert_eq!(counted[0]["count"], 1, "{counted}");
        let board = up
            .does(&format!("aftercall wallboard --stage '{named}'"))
            .await;
        assert!(
            board.contains(title) && !board.contains("New call"),
            "{board}"
        );
        let tried = up
            .shell(&format!(
                "aftercall batch pause -n --stage '{named}' --reason x"
            ))
            .await;
        assert!(
            tried.out.contains(&id) && tried.err.contains("1 match"),
            "{tried:?}"
        );
        let watched = up
            .does(&format!("aftercall watch --for 1 --stage '{named}'"))
            .await;
        assert!(watched.contains(title), "{watched}");
    }
    let unknown = up
        .shell(&format!("aftercall calls --stage '{title}x'"))
        .await;
    assert!(
        unknown.err.contains(&format!("Did you mean \"{title}\"?")),
        "{unknown:?}"
    );
    let moved = up.does(&format!("aftercall instance move {id} --to-stage 'To be decided' --reason back || aftercall instance move {id} --to-stage 1 --reason back")).await;
    assert!(moved.contains("Moved"), "{moved}");
    let nobody = up.shell("aftercall calls --customer Northwnd").await;
    assert!(
        nobody.code == 0 && nobody.err.contains("Did you mean Northwind?"),
        "{nobody:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_completes_what_the_server_knows() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let id = up.json(SET).await["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let completed = async |line: &str| {
        up.does(&format!("COMPLETE=fish aftercall -- aftercall {line}"))
            .await
    };
    for (line, expected) in [
        ("push ''", id.as_str()),
        ("instance show ''", &id),
        ("calls --team bil", "billing"),
        ("workflow show ''", "refund"),
        ("workflow publish ref", "refund"),
        ("workflow publish examples/ref", "examples/refund.yaml"),
        ("set-workflow ''", "refund"),
        ("hand-over x --to-team ''", "billing"),
        ("--server $AFTERCALL_SERVER team show ''", "billing"),
    ] {
        let offered = completed(line).await;
        assert!(
            offered
                .lines()
                .any(|one| one.split('\t').next() == Some(expected)),
            "{line}: {offered}"
        );
    }
    let nothing = up
        .does("AFTERCALL_SERVER=127.0.0.1:9 COMPLETE=fish aftercall -- aftercall calls --team ''")
        .await;
    assert_eq!(nothing, "", "a server that is not there offers nothing");
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            up.does(&format!("COMPLETE={shell} aftercall"))
                .await
                .contains("COMPLETE"),
            "{shell}"
        );
    }
    let pages = dir.path().join("man1");
    up.does(&format!("aftercall man --dir {}", pages.display()))
        .await;
    assert!(
        pages.join("aftercall-batch-move.1").is_file() && pages.join("alerter-server.1").is_file()
    );
}
