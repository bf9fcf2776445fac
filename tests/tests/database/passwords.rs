//! The password of a database: where it comes from, and that it is never shown.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use aftercall_proto::workflow::v1::{CountInstancesRequest, PushButtonRequest};
use aftercall_tests::{Clients, REFUND, ServerProcess, eventually, set_refund};

use crate::guarded::{Guarded, PASSWORD, WRONG, run};

/// What a refusal of a password says.
const ADVICE: &str = "check the user and the password";

fn address(guarded: &Guarded) -> String {
    guarded.address("host=127.0.0.1 user=calls sslmode=verify-full sslrootcert=$/right.pem")
}

/// The same as a URL with a password.
fn url(guarded: &Guarded, password: &str) -> String {
    format!(
        "postgres://calls:{password}@127.0.0.1:{}/calls?sslmode=verify-full&sslrootcert={}",
        guarded.server.port(),
        guarded.file("right.pem").display()
    )
}

/// Writes a file that only this user can read.
fn write_secret(path: &Path, text: &str) {
    std::fs::write(path, text).expect("written");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("its rights");
}

fn upgrade(args: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
    run(
        "aftercall",
        &[&["store", "upgrade"], args].concat(),
        environment,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_comes_from_each_source() {
    let guarded = Guarded::start();
    guarded.create_store().await;
    let address = address(&guarded);
    for (password, expected) in [(PASSWORD, None), (WRONG, Some(ADVICE))] {
        let passwords = guarded.file("passwords");
        write_secret(&passwords, &format!("127.0.0.1:*:calls:calls:{password}\n"));
        let passwords = passwords.display().to_string();
        let file = guarded.file("address");
        write_secret(&file, &url(&guarded, password));
        let file = file.display().to_string();
        let named = format!("{address} passfile={passwords}");
        let inside = url(&guarded, password);
        for (args, environment) in [
            (vec!["--store", &address], vec![("PGPASSWORD", password)]),
            (
                vec!["--store", &address],
                vec![("PGPASSFILE", passwords.as_str())],
            ),
            (vec!["--store", &named], vec![]),
            (vec!["--store-file", &file], vec![]),
            (vec![], vec![("AFTERCALL_STORE", inside.as_str())]),
            (vec![], vec![("AFTERCALL_STORE_FILE", file.as_str())]),
        ] {
            let (succeeded, shown) = upgrade(&args, &environment);
            assert_eq!(succeeded, expected.is_none(), "{args:?}: {shown}");
            assert!(
                shown.contains(expected.unwrap_or("already")),
                "{args:?}: {shown}"
            );
        }
    }
    let (succeeded, shown) = upgrade(&["--store", &address], &[("HOME", "/nonexistent")]);
    assert!(!succeeded && shown.contains("PGPASSWORD"), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_at_once_if_its_password_is_wrong() {
    let guarded = Guarded::start();
    guarded.create_store().await;
    let file = guarded.file("address");
    write_secret(&file, &url(&guarded, WRONG));
    let file = file.display().to_string();
    let args = ["--store-file", &file, "--listen", "127.0.0.1:0"];
    let (succeeded, shown) = run("workflow-server", &args, &[]);
    assert!(!succeeded && shown.contains(ADVICE), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_works_over_tls_with_a_password() {
    let guarded = Guarded::start();
    let file = guarded.file("address");
    write_secret(&file, &url(&guarded, PASSWORD));
    let file = file.display().to_string();
    let (succeeded, shown) = run("aftercall", &["store", "init", "--store-file", &file], &[]);
    assert!(succeeded, "{shown}");
    let args = ["--store-file", &file, "--listen", "127.0.0.1:0"];
    let server = ServerProcess::start("workflow-server", &args);
    let mut clients = Clients::connect(server.address(), None).await;
    eventually("the server leads", || {
        let mut operations = clients.operations.clone();
        async move {
            let counted = operations.count_instances(CountInstancesRequest::default());
            counted.await.ok()
        }
    })
    .await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    let set = clients.scripts.set_workflow(set_refund("1", 5.0)).await;
    let follow_up = set.expect("set").into_inner().follow_up.expect("in it");
    let push = PushButtonRequest {
        actor: "Ann".to_owned(),
        instance_id: follow_up.instance_id,
        button_id: "approve".to_owned(),
        visit: 1,
        ..PushButtonRequest::default()
    };
    clients.manager.push_button(push).await.expect("pushed");
    let look = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE usename = 'calls'";
    assert_eq!(guarded.server.sql("calls", look), "t");
}
