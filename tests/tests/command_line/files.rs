//! Files as arguments: folders, patterns, stdin, and what is never done half.

use std::path::Path;

use crate::up::{Up, with_refund, workspace};

const GOOD: &str = "format: 1\nworkflow: NAME\ntitle: Some work\non_new_call:\n  - alert: { text: Call, team: billing }\n  - button: Done\n    then: [ { finish: done } ]\n";

/// A folder as docs/authors/testing.md prescribes it: two workflows, and files of other kinds
/// beside them.
fn folder(dir: &Path) -> String {
    let folder = dir.join("workflows");
    std::fs::create_dir(&folder).expect("a folder");
    for name in ["one", "two"] {
        std::fs::write(
            folder.join(format!("{name}.yaml")),
            GOOD.replace("NAME", name),
        )
        .expect("written");
    }
    let tests = "workflow: one.yaml\ntests: [ { name: done, steps: [ { push: done, expect: { outcome: done } } ] } ]\n";
    std::fs::write(folder.join("one.test.yaml"), tests).expect("written");
    std::fs::write(folder.join("teams.yaml"), "format: 1\nteams: []\n").expect("written");
    folder.display().to_string()
}

async fn workflows(up: &Up) -> Vec<String> {
    let listed = up.json("aftercall workflow list").await;
    let name = |one: &serde_json::Value| one["name"].as_str().expect("a name").to_owned();
    listed
        .as_array()
        .expect("an array")
        .iter()
        .map(name)
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_means_the_workflows_in_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let folder = folder(dir.path());
    for given in [
        folder.clone(),
        format!("{folder}/*.yaml"),
        format!("'{folder}/*.yaml'"),
        format!("{folder}/"),
    ] {
        for command in ["validate", "fmt --check", "import", "publish"] {
            // A name without a slash may be a workflow's: so for `publish` a folder needs one,
            // which an absolute path has.
            let ended = up
                .shell(&format!("aftercall workflow {command} {given}"))
                .await;
            let is_as_expected = ended.code == 0
                || (command == "fmt --check" && ended.err.contains("Not formatted"));
            assert!(is_as_expected, "{command} {given}: {ended:?}");
            assert!(
                ended
                    .err
                    .contains("Skipped 2 files: 1 of tests, 1 of teams."),
                "{command} {given}: {ended:?}"
            );
        }
    }
    assert_eq!(workflows(&up).await, ["one", "refund", "two"]);
    for (file, reader) in [
        ("one.test.yaml", "workflow test"),
        ("teams.yaml", "team import"),
    ] {
        for command in ["validate", "fmt", "import", "publish"] {
            let ended = up
                .shell(&format!("aftercall workflow {command} {folder}/{file}"))
                .await;
            let hint =
                format!("not a workflow file: `aftercall {reader} {folder}/{file}` reads it.");
            assert!(
                ended.code == 1 && ended.err.contains(&hint),
                "{command} {file}: {ended:?}"
            );
        }
    }
    for nothing in [format!("{folder}/none.yaml"), format!("'{folder}/*.yml'")] {
        let ended = up
            .shell(&format!("aftercall workflow validate {nothing}"))
            .await;
        assert_eq!(ended.code, 3, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_comes_from_stdin() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let refund = workspace().join("examples/refund.yaml");
    let refund = refund.display();
    up.does(&format!("aftercall workflow validate - < {refund}"))
        .await;
    up.does(&format!("aftercall workflow validate <(cat {refund})"))
        .await;
    up.does(&format!(
        "aftercall workflow fmt - < {refund} | diff - {refund}"
    ))
    .await;
    up.does(&format!("aftercall workflow graph - < {refund}"))
        .await;
    let faulty = up
        .shell(&format!(
            "sed s/button:/buton:/ {refund} | aftercall workflow validate -"
        ))
        .await;
    assert!(
        faulty.code == 1 && faulty.out.contains("stdin:") && faulty.out.contains("did you mean"),
        "{faulty:?}"
    );
    let words =
        "s/fields.amount }} for/fields.amount | upcase }} for/; s/team: payments/team: paymnts/";
    let both = up
        .shell(&format!(
            "sed '{words}' {refund} | aftercall workflow validate -"
        ))
        .await;
    let (mark, source) = (
        both.out.find("| upcase"),
        both.out.find("the filter `upcase`"),
    );
    assert!(
        both.code == 1 && mark.is_some() && source.is_some(),
        "{both:?}"
    );
    assert!(
        both.out.contains("the team `paymnts` is not declared") && both.err.contains("2 errors."),
        "{both:?}"
    );
    up.does(&format!(
        "sed 's/^workflow: .*/workflow: piped/' {refund} | aftercall workflow publish -"
    ))
    .await;
    assert_eq!(workflows(&up).await, ["piped", "refund"]);
    for refused in ["fmt --write -", "simulate -"] {
        let ended = up
            .shell(&format!("aftercall workflow {refused} < {refund}"))
            .await;
        assert_eq!(ended.code, 2, "{refused}: {ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_invalid_file_stops_the_command() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let folder = folder(dir.path());
    let last = Path::new(&folder).join("two.yaml");
    std::fs::write(
        &last,
        GOOD.replace("NAME", "two")
            .replace("team: billing", "team: biling"),
    )
    .expect("written");
    let ended = up
        .shell(&format!("aftercall workflow publish {folder}/"))
        .await;
    assert!(
        ended.code == 1 && ended.err.contains("did you mean `billing`"),
        "{ended:?}"
    );
    assert!(
        ended.err.contains(&format!(
            "Nothing was published: 1 error in {folder}/two.yaml."
        )),
        "{ended:?}"
    );
    assert_eq!(workflows(&up).await, ["refund"], "not even as a draft");
    let misspelt = up
        .shell(&format!(
            "aftercall workflow publish refnud {folder}/one.yaml"
        ))
        .await;
    assert!(
        misspelt.code == 3 && misspelt.err.contains("Did you mean refund?"),
        "{misspelt:?}"
    );
    assert_eq!(workflows(&up).await, ["refund"]);
    std::fs::write(
        &last,
        "format: 1\nworkflow: two\ntitle: Two\non_new_call: [\n",
    )
    .expect("written");
    let first = Path::new(&folder).join("one.yaml");
    let before = std::fs::read_to_string(&first).expect("it is there");
    let ended = up
        .shell(&format!("aftercall workflow fmt --write {folder}"))
        .await;
    assert!(
        ended.code == 1
            && ended
                .err
                .contains("1 of 2 files have errors. Nothing was written."),
        "{ended:?}"
    );
    assert_eq!(
        std::fs::read_to_string(&first).expect("it is there"),
        before
    );
    std::fs::remove_file(&last).expect("removed");
    let written = up
        .shell(&format!("aftercall workflow fmt --write {folder}"))
        .await;
    assert!(
        written.code == 0 && written.err.contains(&format!("Wrote {folder}/one.yaml.")),
        "{written:?}"
    );
    assert_ne!(
        std::fs::read_to_string(&first).expect("it is there"),
        before
    );
    up.does(&format!("aftercall workflow fmt --check {folder}"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_output_wraps_texts() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let file = "examples/refund.yaml";
    let export = up.json("aftercall workflow export refund").await;
    assert!(
        export["file"]
            .as_str()
            .expect("a text")
            .contains("workflow: refund"),
        "{export}"
    );
    let new = up.json("aftercall workflow new ring-back").await;
    assert!(
        new["file"]
            .as_str()
            .expect("a text")
            .contains("workflow: ring-back"),
        "{new}"
    );
    for of in [
        "refund --format svg",
        "examples/refund.yaml --format mermaid",
    ] {
        let graph = up.json(&format!("aftercall workflow graph {of}")).await;
        assert_eq!(
            graph["format"],
            of.rsplit(' ').next().expect("a word"),
            "{graph}"
        );
        assert!(
            graph["picture"]
                .as_str()
                .expect("a text")
                .contains("Approve"),
            "{graph}"
        );
    }
    let fmt = up.json(&format!("aftercall workflow fmt {file}")).await;
    assert_eq!(
        (&fmt[0]["file"], &fmt[0]["changed"]),
        (&file.into(), &false.into())
    );
    let same = up
        .json(&format!("aftercall workflow diff {file} {file}"))
        .await;
    assert_eq!(same, serde_json::json!({ "differences": [] }));
    let tested = up.json("aftercall workflow test examples").await;
    assert!(
        tested["passed"].as_u64().expect("a number") > 30 && tested["failed"] == 0,
        "{tested}"
    );
    assert_eq!(tested["tests"][0]["passed"], true);
    let refused = up
        .shell(&format!(
            "aftercall workflow simulate {file} -o json < /dev/null"
        ))
        .await;
    assert!(
        refused.code == 2 && refused.err.contains("no JSON form"),
        "{refused:?}"
    );
}
