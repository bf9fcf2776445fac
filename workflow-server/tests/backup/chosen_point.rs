//! Restores to a sequence and to a time, against the World that the entries up to there make.

use aftercall_engine::time::Time;
use workflow_server::backup::{BackupDirectory, BackupError, Until};

use crate::support::{House, START, world_at, world_in};

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_to_a_sequence_or_a_time_is_the_world_at_that_point() {
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
            let (restored, to) =
                house.restore_to(&format!("sequence-{tried}"), Until::Sequence(sequence)).await.unwrap();
            assert_eq!(restored.sequence, sequence);
            assert_eq!(world_in(&to).await, world_at(&entries, sequence), "at {sequence}");
            let at = entries[..sequence as usize].last().map_or(START, |entry| entry.at);
            for time in [at, Time(at.0 + 1), Time(at.0 - 1)] {
                let expected = entries.iter().take_while(|entry| entry.at <= time).count() as u64;
                if expected < first.oldest() {
                    continue;
                }
                tried += 1;
                let restored = house.restore_to(&format!("time-{tried}"), Until::Time(time)).await;
                match restored {
                    Ok((restored, to)) => {
                        assert_eq!(restored.sequence, expected.min(second.sequence), "up to {time:?}");
                        assert_eq!(world_in(&to).await, world_at(&entries, restored.sequence), "up to {time:?}");
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
async fn a_point_that_no_backup_reaches_is_refused_with_what_they_reach() {
    let house = House::new().await;
    house.work(1, 60).await;
    let (manifest, _) = house.back_up().await;
    assert!(manifest.oldest() > 1, "the journal was trimmed");
    for until in
        [Until::Sequence(manifest.sequence + 1), Until::Sequence(manifest.oldest() - 1), Until::Time(Time(START.0 - 1))]
    {
        let error = house.restore_to("refused", until).await.unwrap_err();
        assert!(matches!(error, BackupError::OutOfReach { .. }), "{error}");
        let reach = format!("from entry {} to {}", manifest.oldest(), manifest.sequence);
        assert!(error.to_string().contains(&reach), "{error}");
    }
    assert!(!house.temp.path().join("refused").exists(), "nothing was written");
    assert!(BackupDirectory::open(&house.temp.path().join("refused")).is_err());
}
