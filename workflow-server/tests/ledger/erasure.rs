//! Erasing a caller on the real store. The data is masked immediately. At the end no byte of it is
//! left in the data directory.

mod house;

use std::fs;
use std::time::Duration;

use aftercall_engine::call::Caller;
use aftercall_engine::command::{AddNote, Command, EraseCaller};
use aftercall_engine::erasure::ErasureState;
use aftercall_engine::phone::Country;
use aftercall_engine::query::calls_in_memory;
use aftercall_engine::world::caller_index::CallerKey;
use workflow_server::ledger::Clock as _;

use self::house::{House, REFERENCE, files, files_with_caller};
use crate::follow_ups::{call_key, setting};

#[tokio::test(flavor = "multi_thread")]
async fn erased_data_is_masked_and_then_removed() {
    let house = House::new().await;
    let (archived, live) = house.furnish().await;
    assert!(house.shows_needle(archived).await);
    let (dir, clock) = house.close().await;
    let before = files_with_caller(dir.path()).await;
    for place in ["journal-", "vault/blobs/snapshot-", "history-"] {
        assert!(
            before.iter().any(|file| file.starts_with(place)),
            "the test finds no data in {place}: {before:?}"
        );
    }
    let house = House::open(dir, clock).await;
    let erasure = house.start_erasing().await;
    house.mask(erasure).await;
    assert!(
        !house.shows_needle(archived).await,
        "all reads are masked before the files are scrubbed"
    );
    house.done(erasure).await;
    assert!(!house.shows_needle(archived).await);
    let root = house.handle.root();
    let instance = root.instance(live).unwrap();
    assert_eq!(
        (instance.stage, &*instance.alerts[0].text, instance.notes),
        (1, "[erased]", 1),
        "its form does not change"
    );
    let history = house
        .handle
        .history()
        .trail_of_instance(instance)
        .await
        .unwrap();
    assert_eq!(history.len(), 4, "set, call updated, noted, erased");
    let first = house
        .handle
        .history()
        .entry(history[0].sequence)
        .await
        .unwrap();
    assert!(first.actor.name.contains("olga"), "the actor stays");
    let by = CallerKey::new(
        &Caller {
            reference: REFERENCE.into(),
            ..Caller::default()
        },
        Country::NONE,
    )
    .unwrap();
    assert!(
        house
            .handle
            .archive()
            .calls_of(&by, ("", None), 10, house.clock.wall())
            .await
            .unwrap()
            .is_empty()
    );
    assert!(root.calls_of(&by, "").next().is_none());
    let other = root.call(&call_key("other")).unwrap();
    assert_eq!(
        *other.caller.reference, *"C-other",
        "another caller does not change"
    );
    house.fill(5).await;
    let (dir, clock) = house.close().await;
    assert_eq!(files_with_caller(dir.path()).await, Vec::<String>::new());
    let house = House::open(dir, clock).await;
    assert!(
        !house.shows_needle(archived).await,
        "it does not return after a restart"
    );
    assert_eq!(
        house.handle.root().erasures[&erasure].state,
        ErasureState::Done
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_survives_a_crash_at_any_point() {
    let house = House::new().await;
    let (archived, _) = house.furnish().await;
    let erasure = house.start_erasing().await;
    let mut house = house.crash().await;
    assert_eq!(
        house.handle.root().erasures[&erasure].state,
        ErasureState::Masking,
        "it continues at the same step"
    );
    house.mask(erasure).await;
    // Crashes at several moments of the scrubbing. The steps before are repeated.
    for pause in [0, 1, 5, 20, 60] {
        house.handle.wake_keeper();
        let waiting = house.until("it is done", |root| {
            root.erasures[&erasure].state == ErasureState::Done
        });
        let _ = tokio::time::timeout(Duration::from_millis(pause), waiting).await;
        house = house.crash().await;
        assert!(!house.shows_needle(archived).await);
    }
    house.done(erasure).await;
    let (dir, _) = house.close().await;
    assert_eq!(files_with_caller(dir.path()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn data_added_after_the_mask_is_kept() {
    let house = House::new().await;
    let (_, live) = house.furnish().await;
    let erasure = house.start_erasing().await;
    house.mask(erasure).await;
    let note = |text: &str| {
        Command::from(AddNote {
            instance: live,
            text: text.into(),
        })
    };
    let said = house.commit(note("the part is here")).await;
    house
        .commit(setting("archived", "C-other", "Socrates wants his money"))
        .await;
    house.done(erasure).await;
    let entry = house.handle.history().entry(said).await.unwrap();
    assert_eq!(*entry.details.note, *"the part is here");
    let root = house.handle.root();
    let again = root.call(&call_key("archived")).unwrap();
    assert_eq!(*again.caller.reference, *"C-other");
    let fields = &root.instance_at(again.instances[0]).unwrap().alerts[0].text;
    assert!(fields.contains("Socrates"), "{fields}");
    let (dir, _) = house.close().await;
    assert_eq!(files_with_caller(dir.path()).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_erasures_at_the_same_time_finish() {
    let house = House::new().await;
    let (archived, _) = house.furnish().await;
    let first = house.start_erasing().await;
    house.mask(first).await;
    let other = CallerKey::new(
        &Caller {
            reference: "C-other".into(),
            ..Caller::default()
        },
        Country::NONE,
    )
    .unwrap();
    let newest_file = house.handle.root().archive.newest_file;
    let (customer, reason) = ("".into(), "he asked for it too".into());
    let calls = calls_in_memory(&house.handle.root(), &other, "");
    let erase = EraseCaller {
        customer,
        reason,
        calls,
        look: None,
        newest_file,
        is_of_restore: false,
    };
    let second = house.commit(Command::from(erase)).await;
    house.done(first).await;
    house.mask(second).await;
    house.done(second).await;
    assert!(!house.shows_needle(archived).await);
    let (dir, _) = house.close().await;
    assert_eq!(files_with_caller(dir.path()).await, Vec::<String>::new());
    let has_other = files(&dir.path().join("data")).iter().any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(8).any(|window| window == b"Socrates")
    });
    assert!(!has_other, "and no data of the other one");
}
