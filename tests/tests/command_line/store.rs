//! `aftercall store` with a database: what it does, and that no password is ever shown.

use std::path::Path;

use aftercall_test_postgres::Server;

use crate::up::{Ended, Up, run_in, with_refund};

const PASSWORD: &str = "pgsecret";

/// The URL of a database with a password. The server of the tests accepts any.
fn url(database: &str) -> String {
    let url = Server::shared().url(database);
    url.replace("aftercall@", &format!("aftercall:{PASSWORD}@"))
}

async fn run(directory: &Path, line: &str, environment: &[(&str, &str)], code: i32) -> Ended {
    let ended = run_in(directory, line, environment).await;
    assert_eq!(ended.code, code, "{line}: {ended:?}");
    let shown = format!("{}{}", ended.out, ended.err);
    assert!(!shown.contains(PASSWORD), "{line} shows it: {shown}");
    ended
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_moves_to_a_database_and_back() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let before = up.json("aftercall workflow list").await;
    drop(up);
    let database = Server::shared().create_database();
    std::fs::write(dir.path().join("address"), url(&database)).expect("written");
    let copy = "aftercall store copy --from data --to @address";
    let ended = run(dir.path(), copy, &[], 0).await;
    assert!(ended.out.contains("Copied and compared"), "{ended:?}");
    let again = run(dir.path(), copy, &[], 1).await;
    assert!(again.err.contains("already"), "{again:?}");
    run(
        dir.path(),
        "aftercall store copy --from @address --to back",
        &[],
        0,
    )
    .await;
    let up = Up::start(&dir.path().join("back")).await;
    assert_eq!(up.json("aftercall workflow list").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_never_an_argument_and_never_shown() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let database = Server::shared().create_database();
    let url = url(&database);
    let by_variable = [("AFTERCALL_STORE", url.as_str())];
    let as_argument = format!("aftercall store init --store '{url}'");
    let refused = run(dir.path(), &as_argument, &[], 2).await;
    assert!(refused.err.contains("--store-file"), "{refused:?}");
    let help = run(dir.path(), "aftercall store init --help", &by_variable, 0).await;
    assert!(help.out.contains("AFTERCALL_STORE"), "{help:?}");
    run(dir.path(), "aftercall store init", &by_variable, 0).await;
    run(
        dir.path(),
        "aftercall --output json store upgrade",
        &by_variable,
        0,
    )
    .await;
    run(dir.path(), "aftercall store init", &by_variable, 1).await;
    let renewed = run(
        dir.path(),
        "aftercall store new-epoch --yes",
        &by_variable,
        0,
    )
    .await;
    assert!(renewed.out.contains("The epoch is"), "{renewed:?}");
    let nowhere = format!("postgres://aftercall:{PASSWORD}@127.0.0.1:1/calls");
    let by_variable = [("AFTERCALL_STORE", nowhere.as_str())];
    let ended = run(dir.path(), "aftercall store upgrade", &by_variable, 1).await;
    assert!(ended.err.contains("cannot be reached"), "{ended:?}");
}
