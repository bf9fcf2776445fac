//! Restores to a sequence and to a time. Compares each with the World of the entries up to there.

use aftercall_definition::time::Time;
use workflow_server::backup::{BackupDirectory, BackupError, Until, verify_store};

use crate::support::{House, START, world_at, world_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_recreates_the_world_at_the_chosen_point() {
    let house = House::new().await;
    house.work(1, 40).await;
    house.archived(10).await;
    let (first, _) = house.back_up().await;
    house.work(100, 40).await;
    house.archived(30).await;
    let (second, _) = house.back_up().await;
    let entries = house.entries().await;
    let mut tried = 0;
    for manifest in [&first, &second] {
        let step = ((manifest.sequence - manifest.oldest()) / 7).max(1) as usize;
        for sequence in (manifest.oldest()..=manifest.sequence).step_by(step) {
            let (restored, to) = house
                .restore_to(&format!("sequence-{tried}"), Until::Sequence(sequence))
                .await
                .unwrap();
            assert_eq!(restored.sequence, sequence);
            assert_eq!(
                world_in(&to).await,
                world_at(&entries, sequence),
                "at {sequence}"
            );
            let at = entries[..sequence as usize]
                .last()
                .map_or(START, |entry| entry.at);
            for time in [at, Time(at.0 + 1), Time(at.0 - 1)] {
                let expected = entries.iter().take_while(|entry| entry.at <= time).count() as u64;
                if expected < first.oldest() {
                    continue;
                }
                tried += 1;
                let restored = house
                    .restore_to(&format!("time-{tried}"), Until::Time(time))
                    .await;
                match restored {
                    Ok((restored, to)) => {
                        assert_eq!(
                            restored.sequence,
                            expected.min(second.sequence),
                            "up to {time:?}"
                        );
                        assert_eq!(
                            world_in(&to).await,
                            world_at(&entries, restored.sequence),
                            "up to {time:?}"
                        );
                    }
                    Err(BackupError::OutOfReach { .. }) => {
                        let is_within = |from: u64, to: u64| (from..=to).contains(&expected);
                        assert!(!is_within(second.oldest(), second.sequence), "{time:?}");
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_outside_all_backups_is_refused() {
    let house = House::new().await;
    house.work(1, 60).await;
    let (manifest, _) = house.back_up().await;
    assert!(manifest.oldest() > 1, "the journal was trimmed");
    for until in [
        Until::Sequence(manifest.sequence + 1),
        Until::Sequence(manifest.oldest() - 1),
        Until::Time(Time(START.0 - 1)),
    ] {
        let error = house.restore_to("refused", until).await.unwrap_err();
        assert!(matches!(error, BackupError::OutOfReach { .. }), "{error}");
        let reach = format!("from entry {} to {}", manifest.oldest(), manifest.sequence);
        assert!(error.to_string().contains(&reach), "{error}");
    }
    assert!(
        !house.temp.path().join("refused").exists(),
        "nothing was written"
    );
    assert!(BackupDirectory::open(&house.temp.path().join("refused")).is_err());
}

/// Makes backups with enough work between them. The second snapshot of a backup is then newer than
/// the backup before it. There are enough backups that some journals reach back to the backup
/// before, and some do not.
#[tokio::test(flavor = "multi_thread")]
async fn a_later_journal_reaches_points_between_two_backups() {
    let house = House::new().await;
    let (mut manifests, mut bridged, mut gaps) = (vec![], 0, 0);
    house.work(1, 40).await;
    for round in 0..12 {
        manifests.push(house.back_up().await.0);
        house.work(1_000 * (round + 1), 16 + 2 * (round % 6)).await;
    }
    house.archived(100).await;
    manifests.push(house.back_up().await.0);
    let entries = house.entries().await;
    let journal_begins = |manifest: &workflow_server::backup::Manifest| {
        let first = |name: &str| {
            name.strip_prefix("journal-")?
                .split('-')
                .next()?
                .parse::<u64>()
                .ok()
        };
        manifest
            .files
            .iter()
            .filter_map(|file| first(&file.name))
            .min()
            .unwrap()
    };
    for pair in manifests.windows(2) {
        let (earlier, later) = (&pair[0], &pair[1]);
        let is_bridged = journal_begins(later) <= earlier.sequence + 1;
        for sequence in (earlier.sequence + 1..later.oldest()).step_by(5) {
            let name = format!("between-{sequence}");
            let restored = house.restore_to(&name, Until::Sequence(sequence)).await;
            if is_bridged {
                let (restored, to) = restored.unwrap();
                let used = (restored.generation, restored.later, restored.sequence);
                assert_eq!(used, (earlier.generation, vec![later.generation], sequence));
                assert_eq!(
                    world_in(&to).await,
                    world_at(&entries, sequence),
                    "at {sequence}"
                );
                verify_store(&to).await.unwrap();
                let at = entries[sequence as usize - 1].at;
                let upto = entries.iter().take_while(|entry| entry.at <= at).count() as u64;
                let (restored, _) = house
                    .restore_to(&format!("time-{sequence}"), Until::Time(at))
                    .await
                    .unwrap();
                assert_eq!(restored.sequence, upto);
                bridged += 1;
            } else {
                let refused = restored.unwrap_err().to_string();
                assert!(
                    refused.contains(&format!("to {} (", earlier.sequence)),
                    "{refused}"
                );
                assert!(
                    refused.contains(&format!("from entry {} to", later.oldest())),
                    "{refused}"
                );
                assert!(!house.temp.path().join(&name).exists());
                gaps += 1;
            }
        }
    }
    assert!(bridged > 2 && gaps > 2, "{bridged} bridged, {gaps} in gaps");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_backup_restores_to_its_creation_time() {
    let temp = std::sync::Arc::new(tempfile::tempdir().unwrap());
    let clock = std::sync::Arc::new(workflow_server::ledger::ManualClock::at(START));
    let house = House::open(temp.clone(), temp.path().join("data"), clock).await;
    let (manifest, _) = house.back_up().await;
    assert_eq!((manifest.sequence, manifest.at_millis), (0, START.0));
    let (restored, _) = house.restore_to("restored", Until::Newest).await.unwrap();
    assert_eq!((restored.sequence, restored.at), (0, START));
}
