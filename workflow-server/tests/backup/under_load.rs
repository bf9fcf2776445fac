//! Backups while the ledger works, archives, packs and trims. The restored data equals that of the
//! server at the sequence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aftercall_engine::instance::InstanceId;
use futures::FutureExt as _;
use workflow_server::backup::{BackupDirectory, Until, verify_backup, verify_store};

use crate::support::{House, archive_of, entries_of, model_at, world_at, world_in};

/// All instances in these entries.
fn instances(entries: &[Arc<aftercall_engine::Entry>]) -> Vec<InstanceId> {
    let mut ids: Vec<_> = entries
        .iter()
        .flat_map(|entry| &entry.instances)
        .map(|change| change.after.id())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_restores_the_server_state() {
    let house = Arc::new(House::new().await);
    house.work(1, 60).await;
    house.archived(20).await;
    let stop = Arc::new(AtomicBool::new(false));
    let working = tokio::spawn({
        let (house, stop) = (house.clone(), stop.clone());
        async move {
            let mut n = 1_000;
            while !stop.load(Ordering::Relaxed) {
                house.work(n, 1).await;
                n += 1;
            }
        }
    });
    let mut manifests = Vec::new();
    for round in 0..5 {
        let at = house.handle.root().sequence;
        house
            .until("it continues", |root| root.sequence > at + 60)
            .await;
        let (manifest, _) = house.back_up().await;
        assert!(manifest.sequence > at, "round {round}");
        manifests.push(manifest);
    }
    stop.store(true, Ordering::Relaxed);
    working.await.unwrap();
    let entries = house.entries().await;
    let directory = BackupDirectory::open(&house.backups()).unwrap();
    for manifest in &manifests {
        let verified = verify_backup(&directory, manifest).await.unwrap();
        assert_eq!(verified.sequence, manifest.sequence);
        let name = format!("restored-{}", manifest.generation);
        let to = house.temp.path().join(&name);
        let options = workflow_server::backup::RestoreOptions {
            generation: Some(manifest.generation),
            ..crate::support::options(Until::Newest)
        };
        workflow_server::backup::restore(&house.backups(), &to, &options, &|_| {})
            .await
            .unwrap();
        assert_eq!(
            world_in(&to).await,
            world_at(&entries, manifest.sequence),
            "backup {}",
            manifest.generation
        );
        let verified = verify_store(&to).await.unwrap();
        assert_eq!(verified.sequence, manifest.sequence);
        // All entries and the whole archive, as a server on the restored directory reads them.
        let restored = House::open(house.temp.clone(), to, house.clock.clone()).await;
        let read = entries_of(&restored.handle, manifest.sequence).await;
        assert_eq!(
            read,
            entries[..manifest.sequence as usize],
            "backup {}",
            manifest.generation
        );
        let ids = instances(&read);
        // The restored server continues to archive, so only the calls that had left at that
        // sequence are compared.
        let model = model_at(&entries, manifest.sequence);
        let root = model.root();
        let gone: Vec<_> = ids
            .iter()
            .copied()
            .filter(|id| root.instance(*id).is_none())
            .collect();
        let found = archive_of(&restored, &gone).await;
        assert_eq!(found.len(), gone.len(), "archived instances are found");
        assert_eq!(found, archive_of(&house, &gone).await);
        assert_ne!(restored.identity.epoch, house.identity.epoch);
        assert_eq!(restored.identity.hash_key, house.identity.hash_key);
        restored.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_removed_while_a_backup_reads_it() {
    let house = House::new().await;
    house.work(1, 60).await;
    house.archived(20).await;
    let capture = house.handle.capture().await.unwrap();
    let entries = house.entries().await;
    house.work(100, 80).await;
    house.archived(60).await;
    assert!(house.handle.root().sequence > capture.root.sequence + 200);
    for name in capture
        .snapshots
        .iter()
        .chain(&capture.history)
        .chain(&capture.archive)
    {
        assert!(
            capture.vault.read_frame(name, 0).await.is_ok(),
            "{name} is there"
        );
    }
    assert_eq!(
        capture.log.bounds().await.unwrap().base,
        capture.bounds.base,
        "the journal is not trimmed"
    );
    let log = capture.log.clone();
    let (sequence, base) = (capture.root.sequence, capture.bounds.base);
    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    crate::support::back_up_into(&directory, capture, &house.identity, None)
        .await
        .unwrap();
    drop(directory);
    let (restored, to) = house.restore_to("restored", Until::Newest).await.unwrap();
    assert_eq!(restored.sequence, sequence);
    assert_eq!(world_in(&to).await, world_at(&entries, sequence));
    house.work(200, 1).await;
    house
        .until("the keeper catches up", |_| {
            log.bounds()
                .now_or_never()
                .is_some_and(|kept| kept.unwrap().base.sequence > base.sequence)
        })
        .await;
}
