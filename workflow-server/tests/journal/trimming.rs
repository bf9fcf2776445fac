//! Trimming and appending at the same time, on files.

use std::sync::{Arc, mpsc};

use workflow_server::journal::{Store, TRIM_BATCH_BYTES};

use crate::support::{ScriptedDisk, append, group, options};

/// More groups than one batch removes.
const GROUPS: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn an_append_waits_for_one_batch_of_a_long_trim() {
    let dir = tempfile::tempdir().unwrap();
    let disk = Arc::new(ScriptedDisk::default());
    let store = Store::open(dir.path(), &options(), disk.clone()).unwrap();
    for _ in 0..GROUPS {
        append(&store, 1, TRIM_BATCH_BYTES / 2 + 1).await;
    }
    let newest = store.bounds().newest;
    let (begun, has_begun) = mpsc::channel();
    let (resume, may_resume) = mpsc::channel::<()>();
    disk.on_sync(move |path| {
        if path.ends_with("db") {
            let _ = begun.send(());
            // Later syncs find that the sender is dropped.
            let _ = may_resume.recv();
        }
        Ok(())
    });
    let leading = store.leading();
    let trimming = tokio::spawn(async move { leading.log().trim(newest.sequence).await });
    tokio::task::spawn_blocking(move || has_begun.recv())
        .await
        .unwrap()
        .unwrap();
    let leading = store.leading();
    let mut appending = leading.log().append(group(newest, 1, 10));
    assert!(futures::poll!(&mut appending).is_pending());
    drop(resume);
    appending.await.unwrap();
    assert!(
        store.bounds().base.sequence < newest.sequence,
        "the append finished before the trim"
    );
    trimming.await.unwrap().unwrap();
    assert_eq!(store.bounds().base.sequence, newest.sequence);
}
