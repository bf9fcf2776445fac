//! After an erasure no row of the database has data of the caller, and no dead row either.

use std::collections::BTreeSet;

use aftercall_proto::workflow::v1::{
    CallProperties, Caller, EraseCallerRequest, Erasure, ErasureState, GetErasureRequest,
    GetServerInfoRequest, ImportTeamRequest, SetWorkflowRequest,
};
use aftercall_test_postgres::Server;
use aftercall_tests::{Clients, eventually, push, set_refund, text};
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};
use workflow_server::journal::{Storage as _, Vault};
use workflow_server::records::{GroupBytes, unpack_entries};

use crate::scene::{Place, STOPS_WITHIN, with_refund};

/// A text in all data of the erased caller: in a name, a detail, a field, a note, and the text of an
/// alert.
const NEEDLE: &str = "Xanthippe";
const REFERENCE: &str = "C-99887766";

/// Snapshots and packed history soon. What has ended leaves memory at once.
const SETTINGS: [&str; 8] = [
    "--snapshot-every-entries",
    "20",
    "--journal-kept-entries",
    "10",
    "--archive-after-seconds",
    "0",
    "--undo-seconds",
    "0",
];

/// Without `autovacuum`, which could remove dead rows in place of the server.
const NO_AUTOVACUUM: &str = "
ALTER TABLE aftercall.log SET (autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE aftercall.blob_frame SET (autovacuum_enabled = false, toast.autovacuum_enabled = false);
ALTER TABLE aftercall.follow_up SET (autovacuum_enabled = false, toast.autovacuum_enabled = false);
CREATE EXTENSION pageinspect";

/// All tables of the store, with those for large values.
const TABLES: &str = "
SELECT oid::regclass FROM pg_class WHERE oid IN (
    SELECT oid FROM pg_class WHERE relnamespace = 'aftercall'::regnamespace AND relkind = 'r'
    UNION ALL
    SELECT reltoastrelid FROM pg_class
    WHERE relnamespace = 'aftercall'::regnamespace AND reltoastrelid <> 0
)";

fn of_caller(call: &str) -> SetWorkflowRequest {
    let mut request = set_refund(call, 12.0);
    let caller = Caller {
        name: NEEDLE.to_owned(),
        reference: REFERENCE.to_owned(),
        ..Caller::default()
    };
    request.properties = request.properties.map(|known| CallProperties {
        caller: Some(caller),
        details: [("address".to_owned(), format!("{NEEDLE} Lane"))].into(),
        ..known
    });
    let order = text(&format!("order of {NEEDLE}"));
    request.fields.insert("order".to_owned(), order);
    request
}

/// Sets the refund on calls of the caller. Half of them end, and leave memory.
async fn furnish(clients: &mut Clients, calls: std::ops::Range<u32>) {
    for call in calls {
        let set = clients.scripts.set_workflow(of_caller(&call.to_string()));
        let set = set.await.expect("set").into_inner().follow_up.expect("it");
        if call % 2 == 0 {
            let mut reject = push(&set, "reject", "Ann");
            reject.note = format!("{NEEDLE} has no receipt");
            clients.manager.push_button(reject).await.expect("pushed");
        }
    }
}

async fn fill(clients: &mut Clients, teams: std::ops::Range<u32>) {
    for team in teams {
        let name = format!("filler-{team}");
        let team = ImportTeamRequest {
            title: name.clone(),
            name,
            actor: "author".to_owned(),
            ..ImportTeamRequest::default()
        };
        clients.definitions.import_team(team).await.expect("made");
    }
}

/// The chunks of the history that name the caller. They are compressed.
async fn packed_with_caller(vault: &dyn Vault) -> Vec<String> {
    let mut found = Vec::new();
    for name in vault.list("history-").await.expect("a list") {
        let (mut offset, mut bytes) = (0, Vec::new());
        while let Some((frame, next)) = vault.read_frame(&name, offset).await.expect("a frame") {
            let mut group = GroupBytes::new(0);
            for entry in unpack_entries(&frame[8..]).expect("entries") {
                group.push(&entry);
            }
            bytes.extend(group.into_bytes());
            offset = next;
        }
        let has = |needle: &str| {
            bytes
                .windows(needle.len())
                .any(|part| part == needle.as_bytes())
        };
        if has(NEEDLE) || has(REFERENCE) {
            found.push("packed history".to_owned());
        }
    }
    found.dedup();
    found
}

/// The tables whose rows name the caller, and those whose pages still have such a row although it is
/// dead.
async fn places(place: &Place<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let hex = |text: &str| {
        text.bytes()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    for table in place.sql(TABLES).lines() {
        let is_toast = table.starts_with("pg_toast.");
        // The rows of the other tables have the large values too.
        let rows = match is_toast {
            true => String::new(),
            false => place.sql(&format!("SELECT row::text FROM {table} AS row")),
        };
        let has_row = [NEEDLE, REFERENCE]
            .iter()
            .any(|needle| rows.contains(needle) || rows.contains(&hex(needle)));
        let tuples = format!(
            "SELECT count(*) FROM generate_series(0, pg_relation_size('{table}') / 8192 - 1) AS page,
             heap_page_items(get_raw_page('{table}', page::integer))
             WHERE position('{NEEDLE}'::bytea IN t_data) > 0 OR position('{REFERENCE}'::bytea IN t_data) > 0"
        );
        let has_tuple = place.sql(&tuples) != "0";
        let name = match is_toast {
            true => "large values",
            false => table.trim_start_matches("aftercall."),
        };
        found.extend(has_row.then(|| format!("row of {name}")));
        found.extend(has_tuple.then(|| format!("page of {name}")));
    }
    let address = Address::parse(&place.url(), &Surroundings::default()).expect("an address");
    let store = PostgresStore::open(&address).await.expect("a store");
    found.extend(packed_with_caller(store.vault().as_ref()).await);
    found.sort_unstable();
    found.dedup();
    found
}

/// The rows of files that were removed before the newest change, and are still in the pages.
fn dead_frames(place: &Place<'_>) -> u64 {
    let toast =
        "SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 'aftercall.blob_frame'::regclass";
    let toast = place.sql(toast);
    let dead = |table: &str| {
        // 2048: the row was not removed.
        let dead = format!(
            "SELECT count(*) FROM generate_series(0, pg_relation_size('{table}') / 8192 - 1) AS page,
             heap_page_items(get_raw_page('{table}', page::integer))
             WHERE t_data IS NOT NULL AND t_xmax::text <> '0' AND t_infomask & 2048 = 0
             AND t_xmax::text::bigint < (SELECT xmin::text::bigint FROM aftercall.log ORDER BY first DESC LIMIT 1)"
        );
        place.sql(&dead).parse::<u64>().expect("a number")
    };
    dead("aftercall.blob_frame") + dead(&toast)
}

async fn erase(clients: &mut Clients) -> Erasure {
    let request = EraseCallerRequest {
        actor: "olga".to_owned(),
        reason: "asked for it".to_owned(),
        caller: Some(Caller {
            reference: REFERENCE.to_owned(),
            ..Caller::default()
        }),
        ..EraseCallerRequest::default()
    };
    let erased = clients.operations.erase_caller(request).await;
    let erasure = erased.expect("erased").into_inner().erasure.expect("it");
    eventually("the erasure is done", || {
        let mut operations = clients.operations.clone();
        let request = GetErasureRequest {
            erasure_id: erasure.id,
        };
        async move {
            let found = operations.get_erasure(request).await.ok()?.into_inner();
            found
                .erasure
                .filter(|erasure| erasure.state() == ErasureState::Done)
        }
    })
    .await
}

/// Waits until so many follow-ups have left memory.
async fn archived(clients: &Clients, count: u64) {
    eventually("they have left memory", || {
        let mut operations = clients.operations.clone();
        async move {
            let info = operations.get_server_info(GetServerInfoRequest {}).await;
            (info.ok()?.into_inner().archived_instances == count).then_some(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_leaves_no_row_and_no_dead_row() {
    let place = Place::create(Server::shared());
    place.sql(NO_AUTOVACUUM);
    let (server, mut clients) = place.serve(&SETTINGS).await;
    with_refund(&mut clients).await;
    furnish(&mut clients, 0..6).await;
    archived(&clients, 3).await;
    // Several snapshots, of which only two are kept.
    fill(&mut clients, 0..90).await;
    furnish(&mut clients, 6..8).await;
    archived(&clients, 4).await;
    let named = "SELECT count(*) FROM aftercall.follow_up WHERE personal_caller_name IS NOT NULL";
    place.wait_for(named, &["8"]).await;
    let expected = [
        "packed history",
        "page of follow_up",
        "page of log",
        "row of blob_frame",
        "row of follow_up",
        "row of log",
    ];
    // A snapshot is skipped while another one is written, so the next one has the caller.
    let (mut found, mut filled) = (BTreeSet::new(), 90);
    loop {
        found.extend(places(&place).await);
        if expected.iter().all(|one| found.contains(*one)) {
            break;
        }
        assert!(
            filled < 400,
            "the test finds no data in some places: {found:?}"
        );
        fill(&mut clients, filled..filled + 20).await;
        filled += 20;
    }
    let erasure = erase(&mut clients).await;
    assert_eq!(erasure.instance_count, 8);
    let unreached = erasure.out_of_reach.join(", ");
    assert!(
        unreached.contains("backups") && unreached.contains("write-ahead log"),
        "{unreached}"
    );
    server.terminate(STOPS_WITHIN).expect("it stops");
    assert_eq!(places(&place).await, Vec::<String>::new());
    assert_eq!(
        dead_frames(&place),
        0,
        "removed files are still in the pages"
    );
    assert_eq!(place.sql("SELECT count(*) FROM aftercall.follow_up"), "8");
}
