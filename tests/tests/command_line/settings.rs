//! `aftercall up` takes every setting that its servers have, or refuses it by name; and times
//! without a zone on the command line.

use aftercall_tests::binary;
use tokio::process::Command;

use crate::up::Up;

const TIMED: &str = "format: 1\nworkflow: timed\ntitle: Timed\nfields: { ring_at: { type: time, required: true } }\non_new_call:\n  - timer: { from: fields.ring_at }\n    id: ring\n    then:\n      - alert: { text: Ring now, team: care, due: 2h }\n      - button: Called\n        then: [ finish: called ]\n";

#[tokio::test]
async fn up_reads_the_variables_of_its_servers() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, file) = (
        dir.path().join("data").display().to_string(),
        dir.path().join("timed.yaml"),
    );
    std::fs::write(&file, TIMED).expect("written");
    let variables = [
        ("AFTERCALL_DATA_DIR", data.as_str()),
        ("AFTERCALL_WORKFLOW_LISTEN", "127.0.0.1:0"),
        ("AFTERCALL_ALERTER_LISTEN", "127.0.0.1:0"),
        ("AFTERCALL_TIME_ZONE", "Asia/Tokyo"),
        ("AFTERCALL_LOG", "error"),
    ];
    let up = Up::start_by(&[], &variables).await;
    assert!(
        std::path::Path::new(&data).is_dir(),
        "the data lies where the variable says"
    );
    up.does("aftercall team add care --title Care").await;
    up.does(&format!("aftercall workflow publish {}", file.display()))
        .await;
    let set = |call: &str, zone: &str, at: &str| {
        format!(
            "TZ=Europe/Berlin aftercall set-workflow timed --call x/{call} --customer X --chargeable {zone} --field 'ring_at={at}'"
        )
    };
    // By the caller's clock, else by the server's; never by that of the agent's machine. The answer
    // says what it became.
    let of_caller = up
        .does(&set(
            "1",
            "--caller-time-zone America/New_York",
            "2036-12-24 09:00",
        ))
        .await;
    assert!(
        of_caller.contains("ring_at: 2036-12-24 09:00:00 America/New_York (in "),
        "{of_caller}"
    );
    let known = up.does(&set("1", "", "2036-12-24 10:00")).await;
    assert!(
        known.contains("ring_at: 2036-12-24 10:00:00 America/New_York (in "),
        "{known}"
    );
    let of_server = up.does(&set("2", "", "2036-12-24 09:00")).await;
    assert!(
        of_server.contains("ring_at: 2036-12-24 09:00:00 Asia/Tokyo (in "),
        "{of_server}"
    );
    let date = up.shell(&set("3", "", "2036-12-24")).await;
    assert_eq!(date.code, 2, "{date:?}");
    assert!(
        date.err
            .contains("`2036-12-24` is not a time; write it as `2026-11-24 09:00`"),
        "{date:?}"
    );
    up.kill().await;
}

#[tokio::test]
async fn up_refuses_settings_of_one_server() {
    let dir = tempfile::tempdir().expect("a directory");
    for (variable, value, named) in [
        (
            "AFTERCALL_WORKFLOW_SERVER",
            "http://10.0.0.7:7401",
            "AFTERCALL_WORKFLOW_SERVER",
        ),
        ("AFTERCALL_UNDO_SECONDS", "soon", "--undo-seconds"),
        ("AFTERCALL_TIME_ZONE", "Mars/Base", "Mars/Base"),
        ("AFTERCALL_STREAMS_MAX", "0", "streams_max"),
    ] {
        let mut command = Command::new(binary("aftercall"));
        command.args([
            "up",
            "--listen",
            "127.0.0.1:0",
            "--alerter-listen",
            "127.0.0.1:0",
            "--data-dir",
        ]);
        command
            .arg(dir.path().join("data"))
            .env(variable, value)
            .kill_on_drop(true);
        let output = tokio::time::timeout(aftercall_tests::PATIENCE, command.output())
            .await
            .expect("in time")
            .expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(named),
            "{variable}: {said}"
        );
        assert!(!dir.path().join("data").exists(), "nothing was opened");
    }
}
