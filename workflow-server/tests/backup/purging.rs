//! Backups while instances past their retention are removed.

use std::time::Duration;

use aftercall_authoring::file;
use aftercall_engine::Root;
use aftercall_engine::command::{Command, ImportWorkflow, PublishWorkflow, ScriptCommand};
use workflow_server::backup::{BackupDirectory, Manifest, Until, verify_backup};
use workflow_server::limits::PURGE_FLOOR;

use crate::support::{House, back_up_into, setting, world_at, world_in};

const DAY: Duration = Duration::from_secs(86_400);
/// The number that one pass removes without a confirmation.
const COUNT: u64 = PURGE_FLOOR / 2;

const WORKFLOW: &str = "
format: 1
workflow: brief
title: Brief
retention: 1d
fields: { reason: { type: text } }
on_new_call:
  - alert: { text: Ring, team: billing }
  - button: Done
    then: [ finish: done ]
";

/// The number of archived instances of the workflow with the short retention.
fn brief(root: &Root) -> u64 {
    let place = root.workflows.place("brief").expect("it exists");
    let tallies = root
        .archive
        .chunks
        .values()
        .flat_map(|chunk| chunk.tallies.iter());
    tallies
        .filter(|tally| tally.workflow == place)
        .map(|tally| u64::from(tally.count))
        .sum()
}

/// A house in whose archive all instances will be past their retention a few days later.
async fn furnished() -> House {
    let house = House::new().await;
    let definition = Box::new(file::read(WORKFLOW, None).unwrap());
    house
        .commit(Command::from(ImportWorkflow {
            definition,
            expected: None,
        }))
        .await;
    house
        .commit(Command::from(PublishWorkflow {
            name: "brief".into(),
            expected: None,
            validated: None,
        }))
        .await;
    for nth in 0..COUNT {
        let call = format!("brief-{nth}");
        let Command::Script(ScriptCommand::SetWorkflow(mut set)) =
            setting(&call, "C-1", "a reason")
        else {
            unreachable!()
        };
        set.workflow = "brief".into();
        house.commit(Command::from(*set)).await;
        let instance = house.newest_instance(&call);
        house.finish(&call, instance).await;
    }
    house.archived(COUNT).await;
    assert_eq!(brief(&house.handle.root()), COUNT);
    house
}

async fn verified(house: &House, manifest: &Manifest) {
    let directory = BackupDirectory::open(&house.backups()).unwrap();
    let verified = verify_backup(&directory, manifest).await.unwrap();
    assert_eq!(verified.sequence, manifest.sequence);
}

#[tokio::test(flavor = "multi_thread")]
async fn purging_waits_for_a_running_backup() {
    let house = furnished().await;
    let entries = house.entries().await;
    let capture = house.handle.capture().await.unwrap();
    house.clock.pass(DAY * 4);
    house.handle.wake_keeper();
    // Enough work that the keeper checks many times.
    house.work(1_000, 60).await;
    assert_eq!(
        brief(&house.handle.root()),
        COUNT,
        "the backup is still reading it"
    );

    let directory = BackupDirectory::open_or_create(&house.backups()).unwrap();
    let (manifest, _) = back_up_into(&directory, capture, &house.identity, None)
        .await
        .unwrap();
    // Frees the lock of the directory.
    drop(directory);
    verified(&house, &manifest).await;
    let (_, to) = house.restore_to("before", Until::Newest).await.unwrap();
    assert_eq!(world_in(&to).await, world_at(&entries, manifest.sequence));

    house
        .until("the rest is purged", |root| brief(root) == 0)
        .await;
    let (after, _) = house.back_up().await;
    verified(&house, &after).await;
    let (_, to) = house.restore_to("after", Until::Newest).await.unwrap();
    let again = House::open(house.temp.clone(), to, house.clock.clone()).await;
    assert_eq!(brief(&again.handle.root()), 0);
    again.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_backup_during_a_purge_is_complete() {
    let house = furnished().await;
    house.clock.pass(DAY * 4);
    house.handle.wake_keeper();
    let mut manifests = Vec::new();
    while manifests.len() < 3 || brief(&house.handle.root()) > 0 {
        manifests.push(house.back_up().await.0);
        house.handle.wake_keeper();
        tokio::task::yield_now().await;
    }
    for manifest in &manifests {
        verified(&house, manifest).await;
    }
}
