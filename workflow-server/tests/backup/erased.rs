//! Erased callers and backups. An erasure finishes only after a running backup has ended. A restore
//! of an older backup erases again.

use aftercall_definition::time::Time;
use aftercall_engine::call::Caller;
use aftercall_engine::command::{Command, EraseCaller, StepErasure};
use aftercall_engine::erasure::{ErasedCall, ErasureState};
use aftercall_engine::instance::InstanceId;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::world::caller_index::CallerKey;
use workflow_server::backup::{BackupDirectory, RestoreOptions, Until, restore};
use workflow_server::ledger::Clock as _;

use crate::support::{House, entries_of, options};

const NEEDLE: &str = "Xanthippe";

/// Adds a caller with a follow-up in memory and one in the archive, and other callers.
async fn furnish(house: &House) -> InstanceId {
    let archived = house
        .set("archived", "C-99", &format!("{NEEDLE} wants her money"))
        .await;
    house.finish("archived", archived).await;
    house.archived(1).await;
    house.work(1, 30).await;
    house
        .set("live", "C-99", &format!("{NEEDLE} rang again"))
        .await;
    archived
}

async fn erase(house: &House) -> u64 {
    let key = CallerKey::new(
        &Caller {
            reference: "C-99".into(),
            ..Caller::default()
        },
        Country::NONE,
    )
    .unwrap();
    let call = |found: &workflow_server::ledger::FoundCall| ErasedCall {
        key: found.call.key.clone(),
        created_at: found.call.created_at,
        instances: found.instances.iter().map(|instance| instance.id).collect(),
    };
    // If a call leaves memory meanwhile, the search is repeated.
    let erasure = loop {
        let newest_file = house.handle.root().archive.newest_file;
        let found = house
            .handle
            .archive()
            .calls_of(&key, ("", None), 100, house.clock.wall())
            .await
            .unwrap();
        let live = calls_in_memory(&house.handle.root(), &key, "");
        let calls = live.into_iter().chain(found.iter().map(call)).collect();
        let (customer, reason) = ("".into(), "she asked for it".into());
        let erase = EraseCaller {
            customer,
            reason,
            calls,
            look: None,
            newest_file,
            is_of_restore: false,
        };
        if let Some(erasure) = house.try_commit(Command::from(erase), 0).await {
            break erasure;
        }
    };
    while house.handle.root().erasures[&erasure].state == ErasureState::Masking {
        house.commit(Command::from(StepErasure { erasure })).await;
    }
    erasure
}

async fn done(house: &House, erasure: u64) {
    house.handle.wake_keeper();
    house
        .until("no byte remains", |root| {
            root.erasures[&erasure].state == ErasureState::Done
        })
        .await;
}

/// Reads all data.
async fn everything(house: &House, archived: InstanceId) -> String {
    let root = house.handle.root();
    let entries = entries_of(&house.handle, root.sequence).await;
    let found = house
        .handle
        .archive()
        .instance(archived, house.clock.wall())
        .await
        .unwrap();
    format!("{:?}{:?}{entries:?}{found:?}", root.calls, root.instances)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_was_erased_after_the_backup_stays_erased() {
    let house = House::new().await;
    let archived = furnish(&house).await;
    let (old, _) = house.back_up().await;
    assert!(everything(&house, archived).await.contains(NEEDLE));
    let erasure = erase(&house).await;
    done(&house, erasure).await;
    let (new, _) = house.back_up().await;
    let directory = BackupDirectory::open(&house.backups()).unwrap();
    let known = directory.erasures().unwrap();
    assert_eq!(known.len(), 1);
    assert!(known[0].is_held_by(&old), "the older backup has her data");
    assert!(!known[0].is_held_by(&new));
    drop(directory);

    let first = RestoreOptions {
        generation: Some(1),
        ..options(Until::Newest)
    };
    let to = house.temp.path().join("masked");
    let restored = restore(&house.backups(), &to, &first, &|_| {})
        .await
        .unwrap();
    let ids: Vec<u64> = restored.erasures.iter().map(|one| one.erasure.id).collect();
    assert_eq!((ids, restored.erased_calls), (vec![erasure], 2));
    let again = House::open(house.temp.clone(), to.clone(), house.clock.clone()).await;
    let shown = everything(&again, archived).await;
    assert!(!shown.contains(NEEDLE), "{shown}");
    assert!(
        shown.contains("[erased]") && shown.contains("restored from a backup"),
        "{shown}"
    );
    let id = again.handle.root().erasures.get_max().unwrap().0;
    done(&again, id).await;
    again.close().await;
    assert_eq!(
        holding(&to),
        Vec::<String>::new(),
        "and the files are scrubbed"
    );

    // The data returns only with this option.
    let without = RestoreOptions {
        erase_again: false,
        ..options(Until::Newest)
    };
    let without = RestoreOptions {
        generation: Some(1),
        ..without
    };
    let to = house.temp.path().join("unmasked");
    let restored = restore(&house.backups(), &to, &without, &|_| {})
        .await
        .unwrap();
    assert_eq!(
        (restored.erasures.len(), restored.erased_calls),
        (1, 0),
        "it is still listed"
    );
    let back = House::open(house.temp.clone(), to, house.clock.clone()).await;
    assert!(
        everything(&back, archived).await.contains(NEEDLE),
        "the control: that backup has her data"
    );

    // A restore of the newer backup has nothing to erase.
    let (restored, _) = house.restore_to("newer", Until::Newest).await.unwrap();
    assert_eq!((restored.erasures.len(), restored.erased_calls), (0, 0));
}

/// The files that contain her data, also in compressed form.
fn holding(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path));
        } else if std::fs::read(&path)
            .unwrap()
            .windows(NEEDLE.len())
            .any(|window| window == NEEDLE.as_bytes())
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_data_directory_shows_erasures_that_no_backup_has() {
    let house = House::new().await;
    let archived = furnish(&house).await;
    house.back_up().await;
    let erasure = erase(&house).await;
    let (backups, old, clock) = (house.backups(), house.data_dir.clone(), house.clock.clone());
    let (temp, _) = house.close().await;
    let blind = temp.path().join("blind");
    let restored = restore(&backups, &blind, &options(Until::Newest), &|_| {})
        .await
        .unwrap();
    assert_eq!(
        restored.erasures.len(),
        0,
        "the directory of backups does not have the erasure"
    );
    let knowing = RestoreOptions {
        erasures_from: Some(old),
        ..options(Until::Newest)
    };
    let to = temp.path().join("knowing");
    let restored = restore(&backups, &to, &knowing, &|_| {}).await.unwrap();
    assert_eq!(
        restored
            .erasures
            .iter()
            .map(|one| one.erasure.id)
            .collect::<Vec<_>>(),
        [erasure]
    );
    let house = House::open(temp, to, clock).await;
    assert!(!everything(&house, archived).await.contains(NEEDLE));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_waits_until_a_running_backup_ends() {
    let house = House::new().await;
    let archived = furnish(&house).await;
    let capture = house.handle.capture().await.unwrap();
    let erasure = erase(&house).await;
    assert!(
        !everything(&house, archived).await.contains(NEEDLE),
        "masked immediately"
    );
    house.handle.wake_keeper();
    // Enough work that the keeper checks many times.
    house.work(100, 60).await;
    assert_eq!(
        house.handle.root().erasures[&erasure].state,
        ErasureState::Scrubbing
    );
    drop(capture);
    done(&house, erasure).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_continues_an_unfinished_erasure() {
    let house = House::new().await;
    let archived = furnish(&house).await;
    let held = house.handle.capture().await.unwrap();
    let erasure = erase(&house).await;
    // The first lease still exists, so the erasure cannot finish yet.
    let (manifest, _) = house.back_up().await;
    assert_eq!(manifest.unfinished_erasures, [erasure]);
    drop(held);
    let (restored, to) = house.restore_to("restored", Until::Newest).await.unwrap();
    assert_eq!(restored.erasures.len(), 0, "its World has the erasure");
    let again = House::open(house.temp.clone(), to.clone(), house.clock.clone()).await;
    assert!(!everything(&again, archived).await.contains(NEEDLE));
    done(&again, erasure).await;
    again.close().await;
    assert_eq!(holding(&to), Vec::<String>::new());
    assert!(Time(manifest.at_millis) <= house.clock.wall());
}
