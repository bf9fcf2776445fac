//! Interrupted backups and restores. The older backups stay complete, and an incomplete one is
//! never used.

use std::fs;

use workflow_server::backup::{BackupDirectory, BackupError, Until, verify_backup};
use workflow_server::journal::OpenError;

use crate::support::{House, base_of, parts, take, world_at, world_in};

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backup_leaves_the_older_one_whole() {
    let house = House::new().await;
    house.work(1, 40).await;
    house.archived(10).await;
    let (first, _) = house.back_up().await;
    let entries = house.entries().await;
    house.work(100, 40).await;
    let capture = house.handle.capture().await.unwrap();
    let base = {
        let directory = BackupDirectory::open(&house.backups()).unwrap();
        base_of(&directory, &first)
    };
    let sent = parts(&capture, &house.identity, Some(base)).await;
    for upto in 0..sent.len() {
        let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
        let mut generation = None;
        for part in sent[..upto].iter().cloned() {
            take(&directory, &mut generation, part, Some(&first)).unwrap();
        }
        // Like a killed process: no more work is done.
        drop(generation);
        drop(directory);
        let directory = BackupDirectory::open(&house.backups()).unwrap();
        assert_eq!(
            directory.generations().unwrap(),
            [1],
            "interrupted after {upto} parts"
        );
        assert_eq!(
            verify_backup(&directory, &first).await.unwrap().sequence,
            first.sequence
        );
    }
    let (restored, to) = house.restore_to("restored", Until::Newest).await.unwrap();
    assert_eq!(restored.sequence, first.sequence);
    assert_eq!(world_in(&to).await, world_at(&entries, first.sequence));
    drop(capture);
    let (second, why) = house.back_up().await;
    assert_eq!(
        (second.generation, why),
        (2, None),
        "the base of the next one is the complete one"
    );
    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    let in_pool = |directory: &BackupDirectory| {
        fs::read_dir(directory.path().join("files"))
            .unwrap()
            .count()
    };
    directory.remove_unreferenced().unwrap();
    let mut names: Vec<_> = first
        .files
        .iter()
        .chain(&second.files)
        .map(workflow_server::backup::ManifestFile::pool_name)
        .collect();
    names.sort();
    names.dedup();
    assert_eq!(in_pool(&directory), names.len(), "no other file is left");
    directory.remove(&[1]).unwrap();
    assert_eq!(in_pool(&directory), second.files.len());
    verify_backup(&directory, &second).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_changed_during_the_transfer_is_refused() {
    let house = House::new().await;
    house.work(1, 5).await;
    let capture = house.handle.capture().await.unwrap();
    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    let mut generation = None;
    let mut refused = None;
    for part in parts(&capture, &house.identity, None).await {
        let part = match part {
            workflow_server::backup::Part::Piece(bytes) => {
                let mut bytes = bytes.to_vec();
                bytes[0] ^= 1;
                workflow_server::backup::Part::Piece(bytes.into())
            }
            part => part,
        };
        if let Err(error) = take(&directory, &mut generation, part, None) {
            refused = Some(error);
            break;
        }
    }
    let refused = refused.expect("the file is refused");
    assert!(
        refused
            .to_string()
            .contains("identity, whose bytes changed during the transfer"),
        "{refused}"
    );
    assert_eq!(directory.generations().unwrap(), Vec::<u32>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_out_of_the_directory_is_refused() {
    let house = House::new().await;
    let capture = house.handle.capture().await.unwrap();
    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    let first = parts(&capture, &house.identity, None).await.remove(0);
    for name in ["../x", "/etc/passwd", ".hidden", "", "a/b", "a\0b"] {
        let mut generation = None;
        take(&directory, &mut generation, first.clone(), None).unwrap();
        let refused = generation.unwrap().file(name).unwrap_err();
        assert!(
            matches!(refused, BackupError::Protocol(_)),
            "{name:?}: {refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_command_at_a_time_opens_a_directory() {
    let temp = tempfile::tempdir().unwrap();
    let at = temp.path().join("backups");
    let held = BackupDirectory::open_or_create(&at).unwrap();
    assert!(matches!(
        BackupDirectory::open_or_create(&at),
        Err(BackupError::Locked { .. })
    ));
    assert!(matches!(
        BackupDirectory::open(&at),
        Err(BackupError::Locked { .. })
    ));
    drop(held);
    assert!(matches!(
        BackupDirectory::open(&at).unwrap().newest(),
        Err(BackupError::Empty { .. })
    ));
    let other = temp.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("letters.txt"), "mine").unwrap();
    assert!(matches!(
        BackupDirectory::open_or_create(&other),
        Err(BackupError::NotABackup { .. })
    ));
    assert!(matches!(
        BackupDirectory::open(&other),
        Err(BackupError::NotABackup { .. })
    ));
    assert_eq!(
        fs::read_dir(&other).unwrap().count(),
        1,
        "nothing was written"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_restore_does_not_open_as_a_store() {
    let house = House::new().await;
    house.work(1, 10).await;
    house.back_up().await;
    let refused = house.restore_to("data", Until::Newest).await.unwrap_err();
    assert!(matches!(refused, BackupError::NotEmpty { .. }), "{refused}");
    let (_, to) = house.restore_to("restored", Until::Newest).await.unwrap();
    // The state of a restore before its last step.
    fs::write(to.join("restoring"), "").unwrap();
    let birth = workflow_server::journal::Birth {
        epoch: "0".repeat(32),
        hash_key: [0; 16],
        created_at_millis: 0,
    };
    let options = workflow_server::journal::Options::new(birth, std::sync::Arc::new(|_| {}));
    let disk = std::sync::Arc::new(workflow_server::journal::RealDisk);
    let Err(refused) = workflow_server::journal::Store::open(&to, &options, disk) else {
        panic!("the store opened")
    };
    assert!(
        matches!(refused, OpenError::HalfRestored { .. }),
        "{refused}"
    );
    assert!(
        refused.to_string().contains("aftercall restore"),
        "{refused}"
    );
}
