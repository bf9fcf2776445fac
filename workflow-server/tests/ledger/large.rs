//! Large entries. One that fits in no group is refused before anything changes. The feed holds a
//! limited number of bytes.

use aftercall_authoring::file;
use aftercall_definition::Definition;
use aftercall_engine::command::{Command, ImportWorkflow};
use aftercall_engine::rejection::{Limit, Rejection};
use workflow_server::journal::LOG_LIMITS;
use workflow_server::ledger::LedgerError;
use workflow_server::limits::FEED_RING_BYTES;

use crate::support::{Bench, SNAPSHOT_EVERY, request, team};

/// The text of one alert, in bytes.
const TEXT_BYTES: usize = 4_000;

/// A draft of about this size.
fn draft(name: &str, bytes: usize) -> Command {
    let text = "x".repeat(TEXT_BYTES);
    let file = format!(
        "format: 1
workflow: {name}
title: Large
on_new_call:
  - alert: {{ text: {text}, team: t }}
  - button: Done
    then: [ finish: done ]
"
    );
    let mut definition: Definition = file::read(&file, None).unwrap();
    let alert = definition.stages[0].actions[0].clone();
    definition.stages[0]
        .actions
        .extend(std::iter::repeat_n(alert, bytes / TEXT_BYTES));
    Command::from(ImportWorkflow {
        definition: Box::new(definition),
        expected: None,
    })
}

#[tokio::test]
async fn an_entry_that_fits_no_group_changes_nothing() {
    let bench = Bench::new().await;
    bench.commit(team("before")).await;
    let refused = bench
        .handle
        .execute(request(
            draft("vast", LOG_LIMITS.entry_bytes_max()),
            Some(1),
        ))
        .await
        .unwrap_err();
    let limit = Rejection::Limit {
        limit: Limit::EntryBytes,
        max: LOG_LIMITS.entry_bytes_max() as u64,
    };
    assert!(
        matches!(&refused, LedgerError::Rejected(rejection) if **rejection == limit),
        "{refused:?}"
    );
    assert!(bench.handle.root().workflows.named("vast").is_none());

    // The largest allowed entry is accepted, both in a group with others and alone.
    let large = bench.ask(request(
        draft("large", LOG_LIMITS.entry_bytes_max() - 200_000),
        None,
    ));
    bench.commit(team("beside")).await;
    large.await.unwrap().unwrap();
    let bench = bench.crash().await;
    let root = bench.handle.root();
    assert_eq!(root.sequence, 3);
    assert!(root.workflows.named("large").is_some() && root.teams.place("beside").is_some());
}

#[tokio::test]
async fn the_feed_keeps_a_bounded_number_of_bytes() {
    const DRAFT_BYTES: usize = 7 << 19;
    let bench = Bench::new().await;
    let count = (FEED_RING_BYTES / DRAFT_BYTES) as u64 + 1;
    assert!(count < SNAPSHOT_EVERY, "no trim happens meanwhile");
    for round in 0..count {
        bench
            .commit(draft(&format!("w-{round}"), DRAFT_BYTES))
            .await;
    }
    let feed = bench.handle.feed();
    assert_eq!(feed.oldest(), 1);
    let newest = feed.items(count, 1).await.unwrap();
    assert!(newest[0].bytes >= DRAFT_BYTES, "{}", newest[0].bytes);
    let mut held = 0;
    for sequence in 1..=count {
        held += feed.items(sequence, 1).await.unwrap()[0].bytes;
    }
    assert!(
        (FEED_RING_BYTES - 2 * DRAFT_BYTES..=FEED_RING_BYTES).contains(&held),
        "{held}"
    );
    assert_eq!(
        feed.items(1, 1).await.unwrap()[0].bytes,
        0,
        "the journal has the oldest"
    );
}
