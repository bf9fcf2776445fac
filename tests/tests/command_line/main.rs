//! `aftercall` as people use it, as processes of its own: the walk of the README line by line, what
//! a program reads, exit codes, and the demo that is killed and opened again.

mod clocks;
mod contexts;
mod demo;
mod files;
mod load;
mod manifests;
mod members;
mod missing;
mod network;
mod questions;
mod sensitive;
mod settings;
mod store;
mod terminal;
mod up;
mod wallboard;

use serde_json::Value;
use up::{SET, Up, with_refund, workspace};

/// A command of the walk: its line, with those on which it continues.
fn command(text: &str) -> String {
    let mut command = String::new();
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(part) => command.push_str(part),
            None => return command + line,
        }
    }
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readme_works_as_written() {
    let readme = std::fs::read_to_string(workspace().join("README.md")).expect("the README");
    let walk: Vec<String> = readme.split("$ ").skip(1).map(command).collect();
    assert!(walk.len() > 10, "the walk is found");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = Up::start(&dir.path().join("data")).await;
    let (mut id, mut history) = (String::new(), String::new());
    for line in walk {
        let ended = up.shell(&line.replace(" ID", &format!(" {id}"))).await;
        let refused = line.contains("approve-it");
        let line = line.as_str();
        assert!(
            !format!("{}{}", ended.out, ended.err).contains("[?]"),
            "{line} shows a gap: {ended:?}"
        );
        assert!(!ended.err.contains("warning"), "{line} warns: {ended:?}");
        assert_eq!(ended.code, if refused { 3 } else { 0 }, "{line}: {ended:?}");
        if let Some(set) = ended.out.strip_prefix("Set: ") {
            id = set.split_whitespace().next().expect("an id").to_owned();
        }
        if refused {
            assert!(
                ended
                    .err
                    .contains("Buttons that may be pushed now: Approve (pay-out), Reject (reject)"),
                "{ended:?}"
            );
        }
        if line.starts_with("aftercall history") {
            history = ended.out;
        }
    }
    for part in [
        "set on the call amount=72.5",
        "pushed Approve",
        "note \"Ada rang again",
        "finished: paid",
    ] {
        assert!(history.contains(part), "{part} is missing in:\n{history}");
    }
}

#[test]
fn the_snippets_of_the_guides_are_the_examples() {
    let read = |path: &str| {
        std::fs::read_to_string(workspace().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    for (page, file) in [
        ("docs/clients.md", "clients/set_workflow.py"),
        ("docs/clients.md", "clients/set_workflow.mjs"),
        ("docs/clients.md", "clients/set_workflow.sh"),
        ("docs/clients.md", "clients/list_follow_ups.sh"),
        ("docs/authors/file.md", "refund.yaml"),
    ] {
        assert!(
            read(page).contains(&read(&format!("examples/{file}"))),
            "{page} shows another {file}"
        );
    }
}

#[test]
fn the_readme_workflow_is_in_the_authors_guide() {
    let read = |path: &str| std::fs::read_to_string(workspace().join(path)).expect("a page");
    let readme = read("README.md");
    let shown = readme
        .split("```yaml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a workflow");
    assert!(
        read("docs/authors/file.md").contains(&format!("```yaml workflow\n{shown}```")),
        "{shown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_read_json_and_exit_codes() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let set = up.json(SET).await;
    let id = set["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let rows = up.json("aftercall calls").await;
    assert_eq!(rows[0]["follow_up"]["instance_id"], id.as_str());
    assert_eq!(rows.as_array().expect("an array of rows").len(), 1);
    let counted = up.json("aftercall instance count").await;
    assert!(counted.to_string().contains("\"count\":1"), "{counted}");
    let why = up.does(&format!("aftercall instance explain {id}")).await;
    assert!(
        why.contains("one of the buttons \"Approve\", \"Reject\" by team billing"),
        "{why}"
    );
    let codes = [
        ("aftercall push 1-1-1 Approve", 3),
        ("aftercall workflow show nonsense", 3),
        (&*format!("aftercall push {id} Reject"), 1),
        ("aftercall instance show zz", 3),
        ("aftercall call end demo/never", 3),
        ("aftercall call chargeable demo/never yes", 3),
        ("aftercall instance cancel 1-1-1 --reason x", 2),
        ("aftercall team remove billing", 4),
        ("aftercall team remove biling", 3),
        ("aftercall calls --team biling", 3),
        ("aftercall watch --team biling --for 1", 3),
        ("aftercall wallboard --workflow refnud", 3),
        ("aftercall claim-next --team biling", 3),
        ("aftercall instance list --workflow refnud", 3),
        ("aftercall instance count --workflow refund --version 9", 3),
        ("aftercall report --workflow refnud", 3),
        ("aftercall nonsense", 2),
        ("aftercall calls --server http://127.0.0.1:9", 5),
        ("aftercall calls --server 127.0.0.1:9", 5),
        ("aftercall calls --server ${AFTERCALL_SERVER/http/https}", 5),
        (
            "aftercall wallboard --alerter ${AFTERCALL_ALERTER/http/https}",
            5,
        ),
        (
            "aftercall watch --alerter ${AFTERCALL_ALERTER/http/https}",
            5,
        ),
        ("aftercall calls --server localhost", 2),
        (
            "printf 'format: 1\\nworkflow: w\\ntitle: T\\non_new_cal: []\\n' > /tmp/aftercall-faulty.$$; aftercall workflow validate /tmp/aftercall-faulty.$$; code=$?; rm /tmp/aftercall-faulty.$$; exit $code",
            1,
        ),
    ];
    for (line, code) in codes {
        let ended = up.shell(line).await;
        assert_eq!(ended.code, code, "{line}: {ended:?}");
        assert!(
            !ended.err.is_empty() || ended.out.contains(":4:1"),
            "{line} says nothing: {ended:?}"
        );
    }
    up.does("aftercall calls --server ${AFTERCALL_SERVER#http://} | grep demo/7")
        .await;
    let cancelled = up
        .does(&format!(
            "aftercall instance cancel {id} --reason 'a test' --yes"
        ))
        .await;
    assert!(cancelled.contains("ancelled"), "{cancelled}");
    assert!(
        up.json("aftercall calls")
            .await
            .as_array()
            .expect("an array")
            .is_empty()
    );
    let teams = "aftercall team add biling --title Billing && aftercall team remove biling && aftercall team list";
    let teams = up.does(teams).await;
    assert!(
        teams.contains("Removed biling.") && teams.lines().all(|line| !line.starts_with("biling")),
        "{teams}"
    );
    let script = up.does("aftercall completions bash").await;
    assert!(script.contains("set-workflow"), "it completes the commands");
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_resumes_from_its_token() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    up.does(SET).await;
    let first = up.shell("aftercall watch --for 1 --team billing").await;
    assert!(first.out.contains("Refund 5 for Ada"), "{first:?}");
    let token = first
        .err
        .split("--resume ")
        .nth(1)
        .and_then(|rest| rest.split('`').next())
        .expect("it says its token");
    let id = up.json("aftercall calls").await[0]["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    up.does(&format!("aftercall push {id} Approve")).await;
    let second = up
        .shell(&format!(
            "aftercall watch --for 1 --team billing --resume {token}"
        ))
        .await;
    assert!(
        !second.out.contains("stage 1"),
        "what was shown is not shown again: {second:?}"
    );
    assert!(
        second.out.contains(&id),
        "that it has left the team's view is: {second:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn work_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data");
    let up = with_refund(&data).await;
    up.does(SET).await;
    let before = up.json("aftercall calls").await;
    up.kill().await;
    let up = Up::start(&data).await;
    let after = up.json("aftercall calls").await;
    assert_eq!(
        after[0]["follow_up"]["instance_id"],
        before[0]["follow_up"]["instance_id"]
    );
    assert!(
        up.does("aftercall workflow publish examples/refund.yaml")
            .await
            .contains("version 1"),
        "still the same"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_break_in_a_note_starts_no_line() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let id = up.json(SET).await["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let forged = "12:00:00  ann  pushed Approve";
    up.does(&format!(
        "aftercall note {id} \"$(printf 'rang\\n{forged}')\""
    ))
    .await;
    let shown = up.does(&format!("aftercall history {id}")).await;
    assert!(shown.contains(forged), "{shown}");
    assert!(
        !shown
            .lines()
            .any(|line| line.trim_start().starts_with(forged)),
        "{shown}"
    );
}

/// The commands of a page of the guides.
fn commands(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(workspace().join("docs").join(page)).expect("the guide");
    let blocks = text
        .split("```sh\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_guides_works() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let here = dir.path().display();
    let id = up.json(SET).await["follow_up"]["instance_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    up.does(&format!(
        "ln -s $PWD/examples {here}/examples && cp examples/refund.yaml {here}/old.yaml"
    ))
    .await;
    // Two more versions, with a stage 5.
    let refund =
        std::fs::read_to_string(workspace().join("examples/refund.yaml")).expect("an example");
    let longer = format!("{refund}  - button: Later\n    then:\n      - finish: later\n");
    for (name, deadline) in [("new.yaml", "6d"), ("refund.yaml", "7d")] {
        let file = dir.path().join(name);
        std::fs::write(
            &file,
            longer.replace("deadline: 5d", &format!("deadline: {deadline}")),
        )
        .expect("written");
        up.does(&format!("aftercall workflow publish {}", file.display()))
            .await;
    }
    std::fs::write(
        dir.path().join("refund.yaml"),
        longer.replace("deadline: 5d", "deadline: 8d"),
    )
    .expect("written");
    let mut ran = 0;
    for page in [
        "authors/file.md",
        "authors/testing.md",
        "authors/amending.md",
    ] {
        for line in commands(page) {
            let said = up
                .does(&format!(
                    "exec < /dev/null; cd {here} && {}",
                    line.replace(" ID ", &format!(" {id} "))
                ))
                .await;
            assert!(!said.contains("panicked"), "{line}: {said}");
            ran += 1;
        }
    }
    assert!(ran >= 20, "{ran} commands were found");
    let schema = std::fs::read_to_string(dir.path().join("aftercall-workflow.schema.json"))
        .expect("written");
    assert!(
        serde_json::from_str::<Value>(&schema).expect("JSON")["properties"]["on_new_call"]
            .is_object()
    );
    assert_eq!(
        up.json(&format!("aftercall instance show {id}")).await["version"],
        3,
        "it was migrated"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_is_built_and_instances_migrate_to_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let steps: Vec<String> = commands("authors/amending.md")
        .into_iter()
        .filter(|line| line.contains(" ring-back "))
        .collect();
    assert_eq!(steps.len(), 9, "{steps:?}");
    for line in &steps {
        up.does(line).await;
    }
    let built = up.does("aftercall workflow show ring-back --draft").await;
    for part in [
        "stage 2 After Not reached  (not-reached)",
        "stage 4 After Reached  (called)",
        "   2. button",
    ] {
        assert!(built.contains(part), "{part} is missing in:\n{built}");
    }
    let refused = up
        .shell("aftercall workflow add-action ring-back called 'finsh: x'")
        .await;
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.err.contains("action:1:1: ") && refused.err.contains("did you mean `finish`"),
        "{refused:?}"
    );
    up.does("aftercall workflow publish ring-back").await;
    assert!(
        up.does("aftercall workflow publish ring-back")
            .await
            .contains("version 1, which was there already")
    );

    let ids = [
        up.json(SET).await,
        up.json(&SET.replace("demo/7", "demo/8")).await,
    ];
    let ids = ids.map(|set| {
        set["follow_up"]["instance_id"]
            .as_str()
            .expect("an id")
            .to_owned()
    });
    let refund =
        std::fs::read_to_string(workspace().join("examples/refund.yaml")).expect("an example");
    let amended = dir.path().join("refund.yaml");
    std::fs::write(
        &amended,
        refund.replace("- button: Reject", "- button: Turn down"),
    )
    .expect("written");
    up.does(&format!("aftercall workflow publish {}", amended.display()))
        .await;
    let one = up
        .does(&format!(
            "aftercall instance migrate {} --to-version 2 --reason 'new words'",
            ids[0]
        ))
        .await;
    assert!(one.contains("version 2"), "{one}");
    let many =
        "aftercall batch migrate --to-version 2 --workflow refund --version 1 --reason 'new words'";
    let dry = up.json(&format!("{many} --dry-run")).await;
    assert!(
        dry.to_string().contains(&ids[1]) && !dry.to_string().contains(&ids[0]),
        "{dry}"
    );
    up.does(&format!("{many} --yes")).await;
    aftercall_tests::eventually("both are on the new version", || async {
        let page = up
            .json(&format!("aftercall instance show {}", ids[1]))
            .await;
        (page["version"] == 2).then_some(())
    })
    .await;
}
