//! Damage to a backup or a store is found and named. A snapshot that differs from a replay is found
//! even if every checksum is correct.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aftercall_engine::command::{Command, ImportTeam};
use workflow_server::backup::{
    BackupDirectory, BackupError, Until, verify_backup, verify_files, verify_store,
};
use workflow_server::journal::Storage as _;
use workflow_server::records::{SnapshotReader, WorldImage, snapshot_frames};

use crate::support::{House, KEEPING, open_store};

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Does the work of `aftercall verify`.
async fn verify(dir: &Path) -> Result<(), BackupError> {
    let directory = BackupDirectory::open(dir)?;
    let mut seen = std::collections::HashSet::new();
    directory.erasures()?;
    for generation in directory.generations()? {
        let manifest = directory.manifest(generation)?;
        verify_files(&directory, &manifest, &mut seen, &|_| {})?;
        verify_backup(&directory, &manifest).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_any_backup_file_is_found() {
    let house = House::new().await;
    house.work(1, 50).await;
    house.archived(15).await;
    house.back_up().await;
    let dir = house.backups();
    verify(&dir).await.unwrap();
    let mut flipped = 0;
    for path in files(&dir) {
        let whole = fs::read(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        for part in 0..3 {
            // The first, the middle and the last byte.
            let Some(at) = (whole.len().checked_sub(1)).map(|last| last * part / 2) else {
                continue;
            };
            let mut damaged = whole.clone();
            damaged[at] ^= 1 << (part * 3);
            fs::write(&path, &damaged).unwrap();
            let found = verify(&dir).await.expect_err(&name).to_string();
            assert!(found.contains(&name), "{name}: {found}");
            let to = house.temp.path().join("never");
            let found = house
                .restore_to("never", Until::Newest)
                .await
                .expect_err(&name)
                .to_string();
            assert!(found.contains(&name), "{name}: {found}");
            assert!(!to.exists(), "nothing is written");
            flipped += 1;
        }
        if !whole.is_empty() {
            fs::remove_file(&path).unwrap();
            let is_log = name == "erasures";
            assert_eq!(
                verify(&dir).await.is_err(),
                !is_log && !name.ends_with(".toml"),
                "without {name}"
            );
        }
        fs::write(&path, &whole).unwrap();
    }
    assert!(flipped > 20, "{flipped}");
    verify(&dir).await.unwrap();
}

/// Replaces the newest snapshot by one of a World that differs by one command. Sequence and chain
/// hash are the same.
async fn plant(dir: &Path) -> String {
    let store = open_store(dir).await;
    let name = store
        .vault()
        .list("snapshot-")
        .await
        .unwrap()
        .pop()
        .unwrap();
    let (mut reader, mut offset) = (SnapshotReader::new(KEEPING), 0);
    while let Some((frame, next)) = store.vault().read_frame(&name, offset).await.unwrap() {
        reader.frame(&frame).unwrap();
        offset = next;
    }
    let (mut world, head) = reader.finish().unwrap();
    let note = Command::from(ImportTeam {
        name: "billing".into(),
        title: "Another title".into(),
        expected: None,
        claim_next_only: None,
    });
    let actor = aftercall_engine::actor::Actor {
        kind: aftercall_engine::actor::ActorKind::Author,
        name: "nobody".into(),
        subject: None,
    };
    let request = aftercall_engine::Request {
        actor,
        mark: None,
        salt: 0,
        known: None,
        acts_for: None,
        reach: aftercall_engine::Reach::EVERYTHING,
        command: note,
    };
    let decided = aftercall_engine::decide(&world, &request, world.root().at).unwrap();
    let aftercall_engine::Decision::Commit(entry) = decided else {
        panic!("the command changes the World")
    };
    let at = world.root().at;
    world.apply(&entry).unwrap();
    world.restore_position(head.sequence, at);
    store.leading().vault().remove(&name).await.unwrap();
    let mut blob = store.leading().vault().create(&name).await.unwrap();
    let mut frames = Vec::new();
    snapshot_frames(&WorldImage::take(&world, head.chain), |frame| {
        frames.push(frame);
        Ok::<(), ()>(())
    })
    .unwrap();
    for frame in frames {
        blob.write(frame.into()).await.unwrap();
    }
    blob.finish().await.unwrap();
    name
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_differs_from_the_replay_is_found() {
    let house = House::new().await;
    house.work(1, 60).await;
    let data_dir = house.data_dir.clone();
    let (temp, clock) = house.close().await;
    let verified = verify_store(&data_dir).await.unwrap();
    assert!(
        verified.equal_snapshots >= 1,
        "at least one snapshot is compared: {verified:?}"
    );
    let name = plant(&data_dir).await;
    let found = verify_store(&data_dir).await.unwrap_err().to_string();
    assert!(
        found.contains(&name) && found.contains("differs from a replay"),
        "{found}"
    );
    let house = House::open(temp, data_dir, clock).await;
    let (manifest, _) = house.back_up().await;
    let directory = BackupDirectory::open(&house.backups()).unwrap();
    verify_files(
        &directory,
        &manifest,
        &mut std::collections::HashSet::new(),
        &|_| {},
    )
    .unwrap();
    let found = verify_backup(&directory, &manifest)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        found.contains(&name) && found.contains("differs from a replay"),
        "{found}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_store_file_is_found_by_name() {
    let house = House::new().await;
    house.work(1, 50).await;
    house.archived(15).await;
    let data_dir = house.data_dir.clone();
    let (temp, _) = house.close().await;
    verify_store(&data_dir).await.unwrap();
    for path in files(&data_dir.join("vault/blobs")) {
        let whole = fs::read(&path).unwrap();
        let mut damaged = whole.clone();
        damaged[whole.len() / 2] ^= 4;
        fs::write(&path, &damaged).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let found = verify_store(&data_dir).await.expect_err(name).to_string();
        assert!(found.contains(name), "{name}: {found}");
        fs::write(&path, &whole).unwrap();
    }
    let nowhere = temp.path().join("nowhere");
    assert!(
        verify_store(&nowhere)
            .await
            .unwrap_err()
            .to_string()
            .contains("no store")
    );
    assert!(!nowhere.exists());
    drop(Arc::clone(&temp));
}
