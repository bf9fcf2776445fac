//! Incremental backups equal full ones. If the base cannot be trusted, all files are sent, and the
//! reason is reported.

use std::collections::HashSet;

use workflow_server::backup::{BackupDirectory, Base, FullReason, Part, Until, verify_files};
use workflow_server::journal::Position;

use crate::support::{House, back_up_into, base_of, parts, restore_from, world_at, world_in};

#[tokio::test(flavor = "multi_thread")]
async fn incremental_and_full_backups_restore_the_same() {
    let house = House::new().await;
    let mut reasons = Vec::new();
    for round in 0..4 {
        house.work(1 + 100 * round, 30).await;
        house.archived(15 * (round + 1)).await;
        reasons.push(house.back_up().await.1);
    }
    assert_eq!(reasons, [Some(FullReason::NoBase), None, None, None]);
    let elsewhere = BackupDirectory::open_or_create(&house.temp.path().join("full")).unwrap();
    let capture = house.handle.capture().await.unwrap();
    let (full, why) = back_up_into(&elsewhere, capture, &house.identity, None)
        .await
        .unwrap();
    assert_eq!(why, Some(FullReason::NoBase));
    drop(elsewhere);
    let (incremental, _) = house.back_up().await;
    assert_eq!(
        (incremental.sequence, incremental.chain),
        (full.sequence, full.chain)
    );
    let names = |manifest: &workflow_server::backup::Manifest| -> HashSet<(String, u64)> {
        let files = manifest
            .files
            .iter()
            .filter(|file| !file.name.starts_with("journal-"));
        files
            .map(|file| (file.name.clone(), file.checksum))
            .collect()
    };
    assert_eq!(names(&incremental), names(&full));
    let (_, a) = house
        .restore_to("incremental", Until::Newest)
        .await
        .unwrap();
    let (_, b) = restore_from(
        &house.temp.path().join("full"),
        &house.temp.path().join("of-full"),
        Until::Newest,
    )
    .await
    .unwrap();
    assert_eq!(world_in(&a).await, world_in(&b).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_backup_sends_only_what_is_new() {
    let house = House::new().await;
    house.work(1, 60).await;
    house.archived(20).await;
    let (first, _) = house.back_up().await;
    house.work(100, 1).await;
    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    let capture = house.handle.capture().await.unwrap();
    let sent = parts(&capture, &house.identity, Some(base_of(&directory, &first))).await;
    let names = |wanted: fn(&Part) -> Option<&String>| -> Vec<String> {
        sent.iter().filter_map(wanted).cloned().collect()
    };
    let files = names(|part| {
        if let Part::File(name) = part {
            Some(name)
        } else {
            None
        }
    });
    let kept = names(|part| {
        if let Part::Kept(name) = part {
            Some(name)
        } else {
            None
        }
    });
    let unexpected: Vec<_> = files
        .iter()
        .filter(|name| name.starts_with("journal-") || name.starts_with("snapshot-"))
        .collect();
    assert!(files.len() < 6, "{files:?}");
    let begins = format!("journal-{:020}-", first.sequence + 1);
    assert_eq!(unexpected.len(), 1, "{unexpected:?}");
    assert!(unexpected[0].starts_with(&begins), "{unexpected:?}");
    assert!(kept.iter().any(|name| name.starts_with("snapshot-")));
    assert!(kept.iter().any(|name| name.starts_with("history-")));
    assert!(kept.iter().any(|name| name.starts_with("archive-")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_base_leads_to_a_full_backup() {
    let house = House::new().await;
    house.work(1, 60).await;
    let (manifest, _) = house.back_up().await;
    house.work(100, 5).await;
    let capture = house.handle.capture().await.unwrap();
    let epoch = house.identity.epoch.clone();
    let newest = capture.root.sequence;
    let at = |sequence: u64, chain: u64| Base {
        epoch: epoch.clone(),
        position: Position { sequence, chain },
        files: manifest
            .files
            .iter()
            .map(|file| (file.name.clone(), None))
            .collect(),
    };
    let right = at(manifest.sequence, manifest.chain);
    let cases = [
        (Some(right.clone()), None),
        (None, Some(FullReason::NoBase)),
        (
            Some(Base {
                epoch: "f".repeat(32),
                ..right
            }),
            Some(FullReason::OtherEpoch),
        ),
        (
            Some(at(manifest.sequence, manifest.chain ^ 1)),
            Some(FullReason::OtherHistory),
        ),
        (Some(at(newest + 1, 7)), Some(FullReason::OtherHistory)),
        (Some(at(0, 0)), Some(FullReason::TooOld)),
    ];
    for (base, expected) in cases {
        let what = format!("{base:?}");
        let sent = parts(&capture, &house.identity, base).await;
        let Some(Part::Begin { full, .. }) = sent.first() else {
            panic!("the first part is not a beginning")
        };
        assert_eq!(*full, expected, "{what}");
        let keeps = sent.iter().any(|part| matches!(part, Part::Kept(_)));
        assert_eq!(keeps, expected.is_none(), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_older_than_the_journal_is_still_used() {
    let house = House::new().await;
    house.work(1, 60).await;
    let (first, _) = house.back_up().await;
    house.work(100, 80).await;
    house.archived(60).await;
    let capture = house.handle.capture().await.unwrap();
    assert!(
        capture.bounds.base.sequence > first.sequence,
        "the journal no longer reaches back to it"
    );
    drop(capture);
    let (second, why) = house.back_up().await;
    assert_eq!(why, None);
    let kept: Vec<_> = first
        .files
        .iter()
        .filter(|file| second.files.contains(file))
        .collect();
    assert!(
        kept.iter().any(|file| file.name.starts_with("history-")),
        "{kept:?}"
    );
    let entries = house.entries().await;
    let (_, to) = house.restore_to("restored", Until::Newest).await.unwrap();
    assert_eq!(world_in(&to).await, world_at(&entries, second.sequence));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_in_an_older_backup_is_recopied() {
    let house = House::new().await;
    house.work(1, 60).await;
    house.archived(20).await;
    let (first, _) = house.back_up().await;
    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    let mut damaged = Vec::new();
    for kind in ["history-", "archive-", "snapshot-", "journal-"] {
        let file = first
            .files
            .iter()
            .find(|file| file.name.starts_with(kind))
            .unwrap();
        let mut bytes = std::fs::read(directory.path_of(file)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(directory.path_of(file), bytes).unwrap();
        damaged.push(file.name.clone());
    }
    damaged.sort();
    let (whole, found) = directory.valid_files(&first, &|_| {});
    assert_eq!(found, damaged, "equal sizes, found by their checksums");
    assert_eq!(whole.files.len() + damaged.len(), first.files.len());
    let capture = house.handle.capture().await.unwrap();
    let (second, why) = back_up_into(&directory, capture, &house.identity, Some(&first))
        .await
        .unwrap();
    assert_eq!(why, None, "it is still incremental");
    verify_files(&directory, &second, &mut HashSet::new(), &|_| {})
        .expect("the new one is complete");
    // A file that was sent again repairs the older backup too, if its name is the same. The journal
    // is divided differently each time.
    let (_, still_damaged) = directory.valid_files(&first, &|_| {});
    assert!(
        still_damaged
            .iter()
            .all(|name| name.starts_with("journal-")),
        "{still_damaged:?}"
    );
    drop(directory);
    let entries = house.entries().await;
    let (_, to) = house.restore_to("restored", Until::Newest).await.unwrap();
    assert_eq!(world_in(&to).await, world_at(&entries, second.sequence));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_different_checksum_is_sent_again() {
    let house = House::new().await;
    house.work(1, 60).await;
    house.archived(20).await;
    let (first, _) = house.back_up().await;
    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    let capture = house.handle.capture().await.unwrap();
    let mut base = base_of(&directory, &first);
    let is_blob = |name: &str| {
        ["history-", "archive-", "snapshot-"]
            .iter()
            .any(|kind| name.starts_with(kind))
    };
    let kept = |sent: &[Part]| -> Vec<String> {
        let name = |part: &Part| {
            if let Part::Kept(name) = part {
                Some(name.clone())
            } else {
                None
            }
        };
        sent.iter()
            .filter_map(name)
            .filter(|name| is_blob(name))
            .collect()
    };
    let names = kept(&parts(&capture, &house.identity, Some(base.clone())).await);
    assert!(names.len() > 3, "{names:?}");
    let changed = &names[1];
    let checksum = base.files[changed].map(|checksum| checksum ^ 1);
    base.files.insert(changed.clone(), checksum);
    let sent = parts(&capture, &house.identity, Some(base)).await;
    assert!(!kept(&sent).contains(changed) && kept(&sent).len() == names.len() - 1);
    assert!(
        sent.iter()
            .any(|part| matches!(part, Part::File(name) if name == changed))
    );
}
