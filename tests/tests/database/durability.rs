//! What a server does in a database whose settings acknowledge commits too early.

use aftercall_test_postgres::Server;

use crate::guarded::run;
use crate::scene::{Place, with_refund};

/// Notes the setting of each transaction that appends to the log.
const NOTE: &str = "
CREATE TABLE public.seen (setting text PRIMARY KEY);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.seen VALUES (current_setting('synchronous_commit')) ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER note AFTER INSERT ON aftercall.log FOR EACH STATEMENT EXECUTE FUNCTION public.note()";

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_server_wait_for_their_commits() {
    for (setting, used) in [
        ("on", "on"),
        ("off", "on"),
        ("local", "local"),
        ("remote_apply", "remote_apply"),
    ] {
        let place = Place::create(Server::shared());
        place.sql(&format!(
            "ALTER DATABASE {} SET synchronous_commit = {setting}; {NOTE}",
            place.database
        ));
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        let (server, mut clients) = place.serve_with_log(&log).await;
        with_refund(&mut clients).await;
        assert_eq!(
            place.sql("SELECT setting FROM public.seen"),
            used,
            "{setting}"
        );
        drop(server);
        let log = std::fs::read_to_string(&log).expect("the log");
        let warns = log.contains(&format!("synchronous_commit=\"{setting}\""))
            && log.contains("Set synchronous_commit=on");
        assert_eq!(
            warns,
            ["off", "local"].contains(&setting),
            "{setting}: {log}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_stops_syncing_is_refused() {
    let mut database = Server::start(&[]);
    let url = Place::create(&database).url();
    let serve = ["--store", &url, "--listen", "127.0.0.1:0"];
    database.restart_with(&["fsync=off"]);
    for (program, args) in [
        ("workflow-server", &serve[..]),
        ("aftercall", &["store", "upgrade", "--store", &url]),
    ] {
        let (succeeded, shown) = run(program, args, &[]);
        assert!(
            !succeeded && shown.contains("set fsync=on"),
            "{program}: {shown}"
        );
    }
    database.restart_with(&[]);
    let (succeeded, shown) = run("aftercall", &["store", "upgrade", "--store", &url], &[]);
    assert!(succeeded, "{shown}");
}
