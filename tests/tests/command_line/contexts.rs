//! Contexts: the servers and files that commands use without flags.

use crate::up::Up;

/// Forgets the variables that name the servers, and keeps contexts in a file of the test.
fn prelude(dir: &std::path::Path) -> String {
    format!(
        "server=$AFTERCALL_SERVER alerter=$AFTERCALL_ALERTER; unset AFTERCALL_SERVER AFTERCALL_ALERTER; \
         export AFTERCALL_CONTEXTS_FILE={}/contexts/config.toml; ",
        dir.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_use_the_context() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = Up::start(&dir.path().join("data")).await;
    let prelude = prelude(dir.path());
    std::fs::write(dir.path().join("token"), "s3cret\n").expect("a file");
    let token = dir.path().join("token");
    let add = format!(
        "{prelude} aftercall context add here --server $server --alerter $alerter --token-file {} && \
         aftercall context add there --server https://there.example:7401",
        token.display()
    );
    let said = up.does(&add).await;
    assert!(said.contains("Added here, and using it."), "{said}");
    let twice = up.shell(&add).await;
    assert_eq!(twice.code, 1, "{twice:?}");

    let asked = format!("{prelude} aftercall server info && aftercall wallboard -o json");
    up.does(&asked).await;
    for (line, code) in [
        ("aftercall calls --context nowhere", 3),
        ("AFTERCALL_CONTEXT=nowhere aftercall calls", 3),
        ("aftercall calls --context here", 0),
        ("aftercall calls --context there --server $server", 0),
        ("aftercall context use nowhere", 3),
        ("aftercall context add third", 2),
        ("aftercall context add 'a b' --server h:1", 2),
        ("aftercall context add half --server h:1 --client-key k", 2),
        (
            "aftercall context remove here && aftercall context use there",
            0,
        ),
    ] {
        let ended = up.shell(&format!("{prelude} {line}")).await;
        assert_eq!(ended.code, code, "{line}: {ended:?}");
    }
    let listed = up
        .does(&format!("{prelude} aftercall context list -o json"))
        .await;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let expected = serde_json::json!([
        { "name": "there", "current": true, "server": "https://there.example:7401" },
    ]);
    assert_eq!(listed, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_of_contexts_has_no_secret() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = Up::start(&dir.path().join("data")).await;
    std::fs::write(dir.path().join("token"), "s3cret\n").expect("a file");
    let add = format!(
        "{} cd {} && aftercall context add here --server $server --token-file token && aftercall calls",
        prelude(dir.path()),
        dir.path().display()
    );
    up.does(&add).await;
    let file = dir.path().join("contexts/config.toml");
    let text = std::fs::read_to_string(file).expect("the contexts");
    let path = dir.path().join("token").display().to_string();
    assert!(text.contains(&path) && !text.contains("s3cret"), "{text}");
}
