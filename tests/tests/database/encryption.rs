//! What each `sslmode` checks, against a real database.

use aftercall_tests::Authority;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

use crate::guarded::{Guarded, PASSWORD, write_pair};

/// The host for which the certificate of the database is, and another one.
const HERE: &str = "host=127.0.0.1 user=calls";
const ELSEWHERE: &str = "host=db.example.com hostaddr=127.0.0.1 user=calls";

/// Opens the store. Returns whether its connections are encrypted.
async fn open(guarded: &Guarded, parts: &str) -> Result<bool, String> {
    let surroundings = Surroundings {
        password: Some(PASSWORD.to_owned()),
        ..Surroundings::default()
    };
    let name = format!("test-{}", rand::random::<u64>());
    let text = guarded.address(&format!("{parts} application_name={name}"));
    let address = Address::parse(&text, &surroundings).map_err(|error| error.to_string())?;
    let opened = PostgresStore::open(&address).await;
    let store = opened.map_err(|error| error.to_string())?;
    let look = format!(
        "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = '{name}'"
    );
    let is_encrypted = guarded.server.sql("calls", &look) == "t";
    drop(store);
    Ok(is_encrypted)
}

/// Opens the store in each way. An error must contain the expected text, and no password.
async fn check(guarded: &Guarded, ways: &[(&str, &str, Result<bool, &str>)]) {
    for (host, parts, expected) in ways {
        let opened = open(guarded, &format!("{host} {parts}")).await;
        match (&opened, expected) {
            (Ok(is_encrypted), Ok(expected)) => assert_eq!(is_encrypted, expected, "{parts}"),
            (Err(error), Err(expected)) => {
                assert!(error.contains(expected), "{host} {parts}: {error}");
                assert!(!error.contains(PASSWORD), "{error}");
                println!("{host} {parts}: {error}");
            }
            _ => panic!("{host} {parts}: {opened:?}, expected {expected:?}"),
        }
    }
}

#[tokio::test]
async fn each_sslmode_checks_what_it_promises() {
    let guarded = Guarded::start();
    guarded.create_store().await;
    let (authority, name) = (Err("with sslrootcert"), Err("use the host name for which"));
    check(
        &guarded,
        &[
            (HERE, "sslmode=disable", Err("allow it in pg_hba.conf")),
            (HERE, "", Ok(true)),
            (HERE, "sslmode=prefer", Ok(true)),
            (HERE, "sslmode=require", Ok(true)),
            (ELSEWHERE, "sslmode=require", Ok(true)),
            (HERE, "sslmode=require sslrootcert=$/right.pem", Ok(true)),
            (HERE, "sslmode=require sslrootcert=$/wrong.pem", authority),
            (HERE, "sslmode=verify-ca sslrootcert=$/right.pem", Ok(true)),
            (HERE, "sslmode=verify-ca sslrootcert=$/wrong.pem", authority),
            (
                ELSEWHERE,
                "sslmode=verify-ca sslrootcert=$/right.pem",
                Ok(true),
            ),
            (
                HERE,
                "sslmode=verify-full sslrootcert=$/right.pem",
                Ok(true),
            ),
            (
                HERE,
                "sslmode=verify-full sslrootcert=$/wrong.pem",
                authority,
            ),
            (
                ELSEWHERE,
                "sslmode=verify-full sslrootcert=$/right.pem",
                name,
            ),
            (HERE, "sslmode=verify-full", authority),
            (
                HERE,
                "sslmode=verify-full sslrootcert=$/none.pem",
                Err("none.pem"),
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_database_without_tls_is_used_only_on_request() {
    let guarded = Guarded::start_plain();
    guarded.create_store().await;
    let refused = Err("set ssl=on");
    check(
        &guarded,
        &[
            (HERE, "sslmode=disable", Ok(false)),
            (HERE, "sslmode=prefer", Ok(false)),
            (HERE, "sslmode=require", refused),
            (HERE, "sslmode=verify-ca sslrootcert=$/right.pem", refused),
            (HERE, "sslmode=verify-full sslrootcert=$/right.pem", refused),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_client_certificate_replaces_the_password() {
    let guarded = Guarded::start();
    guarded.create_store().await;
    guarded.certify("certified");
    guarded.certify("calls");
    write_pair(&Authority::create(), "stranger", guarded.folder.path());
    let host = "host=127.0.0.1 user=certified sslmode=verify-full sslrootcert=$/right.pem";
    let refused = Err("sslcert");
    check(
        &guarded,
        &[
            (
                host,
                "sslcert=$/certified.crt sslkey=$/certified.key",
                Ok(true),
            ),
            (host, "", refused),
            (host, "sslcert=$/calls.crt sslkey=$/calls.key", refused),
            (
                host,
                "sslcert=$/stranger.crt sslkey=$/stranger.key",
                refused,
            ),
            (
                host,
                "sslcert=$/certified.crt sslkey=$/calls.key",
                Err("sslkey"),
            ),
        ],
    )
    .await;
}
