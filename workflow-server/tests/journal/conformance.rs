//! The rules for every log and vault, tested on files, in memory and in a database. Many tests open the store
//! again after each step.

mod subject;

use bytes::Bytes;
use workflow_server::journal::{
    Bounds, FRAME_BYTES_MAX, GROUP_BYTES_MAX, Group, JournalError, KEY_BYTES_MAX, NAME_CHARS_MAX,
    Position,
};

use self::subject::{InMemory, OnFiles, OnPostgres, Subject};
use crate::support::{all, append_by, blob_names, group, read_blob, write_blob};

async fn append<S: Subject>(store: &S, entries: u64, bytes: usize) -> Group {
    append_by(store.leading(), store.log().as_ref(), entries, bytes).await
}

async fn bounds<S: Subject>(store: &S) -> Bounds {
    store.log().bounds().await.unwrap()
}

async fn an_empty_log_has_no_entries<S: Subject>(store: S) {
    let store = store.reopened().await;
    assert_eq!(bounds(&store).await, Bounds::default());
    assert!(bounds(&store).await.is_empty());
    assert_eq!(store.log().read(0, 1).await, Ok(vec![]));
    assert_eq!(store.log().read(1, 1).await, Ok(vec![]));
    store.leading().log().trim(10).await.unwrap();
    assert_eq!(bounds(&store).await, Bounds::default());
}

async fn groups_of_every_size_read_back_unchanged<S: Subject>(mut store: S) {
    let mut model: Vec<Group> = Vec::new();
    for bytes in [
        0,
        1,
        300,
        8 << 10,
        (64 << 10) - 53,
        64 << 10,
        70_000,
        300_000,
        GROUP_BYTES_MAX,
    ] {
        model.push(append(&store, 1 + bytes as u64 % 7, bytes).await);
        assert!(all(store.log().as_ref()).await == model);
        store = store.reopened().await;
        assert_eq!(bounds(&store).await.newest, model.last().unwrap().end());
        assert!(all(store.log().as_ref()).await == model);
    }
}

async fn a_read_begins_at_the_right_group_and_has_a_size_limit<S: Subject>(store: S) {
    let log = store.log();
    let a = append(&store, 3, 100).await;
    let b = append(&store, 1, 100).await;
    let c = append(&store, 5, 100).await;
    for (from, bytes_max, expected) in [
        (0, usize::MAX, vec![&a, &b, &c]),
        (1, usize::MAX, vec![&a, &b, &c]),
        (3, usize::MAX, vec![&a, &b, &c]),
        (4, usize::MAX, vec![&b, &c]),
        (7, usize::MAX, vec![&c]),
        (9, 0, vec![&c]),
        (1, 0, vec![&a]),
        (1, 199, vec![&a]),
        (1, 200, vec![&a, &b]),
        (10, usize::MAX, vec![]),
        (u64::MAX, usize::MAX, vec![]),
    ] {
        let groups = log.read(from, bytes_max).await.unwrap();
        assert!(
            groups.iter().eq(expected),
            "from {from}, at most {bytes_max} bytes"
        );
    }
}

async fn a_group_that_does_not_follow_is_refused_and_writes_nothing<S: Subject>(store: S) {
    append(&store, 2, 10).await;
    let kept = bounds(&store).await;
    let next = group(kept.newest, 2, 10);
    let refused = |change: fn(&mut Group)| {
        let mut group = next.clone();
        change(&mut group);
        store.leading().log().append(group)
    };
    let not_contiguous = |first| Err(JournalError::NotContiguous { newest: 2, first });
    assert_eq!(refused(|group| group.first = 4).await, not_contiguous(4));
    assert_eq!(refused(|group| group.first = 2).await, not_contiguous(2));
    assert_eq!(
        refused(|group| group.chain_before ^= 1).await,
        Err(JournalError::NotLinked { sequence: 2 })
    );
    assert_eq!(
        refused(|group| group.last = 2).await,
        Err(JournalError::Malformed { first: 3, last: 2 })
    );
    assert_eq!(
        refused(|group| group.first = 0).await,
        Err(JournalError::Malformed { first: 0, last: 4 })
    );
    let bytes = GROUP_BYTES_MAX + 1;
    let too_large = Err(JournalError::TooLarge {
        what: "group",
        bytes,
        bytes_max: GROUP_BYTES_MAX,
    });
    assert_eq!(
        refused(|group| group.bytes = vec![0; GROUP_BYTES_MAX + 1].into()).await,
        too_large
    );
    let store = store.reopened().await;
    assert_eq!(bounds(&store).await, kept);
    store.leading().log().append(next).await.unwrap();
    assert_eq!(bounds(&store).await.newest.sequence, 4);
}

async fn trimming_removes_whole_groups_and_shows_the_new_range<S: Subject>(mut store: S) {
    let mut model = Vec::new();
    for bytes in [10, 200_000, 10, 10] {
        model.push(append(&store, 10, bytes).await);
    }
    for (upto, kept) in [(9, 0), (10, 1), (10, 1), (5, 1), (25, 2), (39, 3)] {
        store.leading().log().trim(upto).await.unwrap();
        store = store.reopened().await;
        assert!(
            all(store.log().as_ref()).await == model[kept..],
            "trimmed up to {upto}"
        );
        let oldest = kept as u64 * 10 + 1;
        assert_eq!(bounds(&store).await.oldest(), oldest);
        if kept > 0 {
            assert_eq!(
                store.log().read(oldest - 1, 1).await,
                Err(JournalError::Trimmed { oldest })
            );
            assert_eq!(
                store.log().read(0, 1).await,
                Err(JournalError::Trimmed { oldest })
            );
        }
    }
}

async fn a_log_without_entries_continues_at_its_end<S: Subject>(store: S) {
    let last = append(&store, 4, 10).await;
    store.leading().log().trim(u64::MAX).await.unwrap();
    let store = store.reopened().await;
    assert_eq!(
        bounds(&store).await,
        Bounds {
            base: last.end(),
            newest: last.end()
        }
    );
    assert_eq!(store.log().read(5, 1).await, Ok(vec![]));
    assert_eq!(
        store.log().read(4, 1).await,
        Err(JournalError::Trimmed { oldest: 5 })
    );
    let next = append(&store, 1, 10).await;
    let store = store.reopened().await;
    assert_eq!(store.log().read(5, 1).await, Ok(vec![next]));
}

async fn many_small_groups_are_trimmed_in_several_batches<S: Subject>(store: S) {
    let mut model = Vec::new();
    for _ in 0..300 {
        model.push(append(&store, 1, 20).await);
    }
    store.leading().log().trim(290).await.unwrap();
    let store = store.reopened().await;
    assert!(all(store.log().as_ref()).await == model[290..]);
}

async fn only_a_new_log_can_start_at_another_position<S: Subject>(store: S) {
    let position = Position {
        sequence: 41,
        chain: 7,
    };
    store.leading().log().start_at(position).await.unwrap();
    let store = store.reopened().await;
    assert_eq!(
        bounds(&store).await,
        Bounds {
            base: position,
            newest: position
        }
    );
    let group = append(&store, 2, 10).await;
    assert_eq!((group.first, group.chain_before), (42, 7));
    assert_eq!(
        store.leading().log().start_at(position).await,
        Err(JournalError::NotEmpty { newest: 43 })
    );
    let store = store.reopened().await;
    assert_eq!(all(store.log().as_ref()).await, vec![group]);
}

async fn a_renewed_log_keeps_its_groups_and_continues<S: Subject>(mut store: S) {
    let mut groups = Vec::new();
    for round in 0..3 {
        for _ in 0..10 {
            groups.push(append(&store, 2, 5_000).await);
        }
        let upto = groups[groups.len() - 4].last;
        store.leading().log().trim(upto).await.unwrap();
        groups.retain(|group| group.last > upto);
        let kept = bounds(&store).await;
        store.leading().log().renew().await.unwrap();
        assert_eq!(
            (bounds(&store).await, all(store.log().as_ref()).await),
            (kept, groups.clone()),
            "{round}"
        );
        if round != 1 {
            store = store.reopened().await;
            assert_eq!(all(store.log().as_ref()).await, groups);
        }
    }
}

async fn a_blob_is_visible_only_when_finished<S: Subject>(mut store: S) {
    let frames = [vec![1; 10], vec![], vec![2; 700_000], vec![3]].map(Bytes::from);
    let mut blob = store.leading().vault().create("snapshot-1").await.unwrap();
    let mut offsets = Vec::new();
    for frame in &frames {
        offsets.push(blob.write(frame.clone()).await.unwrap());
    }
    let missing = JournalError::NotFound {
        name: "snapshot-1".to_owned(),
    };
    assert_eq!(blob_names(store.vault().as_ref()).await, Ok(vec![]));
    assert_eq!(
        store.vault().read_frame("snapshot-1", 0).await,
        Err(missing.clone())
    );
    blob.finish().await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            store.vault().list("snap").await,
            Ok(vec!["snapshot-1".to_owned()])
        );
        assert!(
            read_blob(store.vault().as_ref(), "snapshot-1")
                .await
                .unwrap()
                == frames
        );
        for (frame, offset) in frames.iter().zip(&offsets) {
            assert!(
                store
                    .vault()
                    .read_frame("snapshot-1", *offset)
                    .await
                    .unwrap()
                    .unwrap()
                    .0
                    == frame
            );
        }
        store = store.reopened().await;
    }
    assert!(matches!(
        store.vault().read_frame("snapshot-1", 3).await,
        Err(JournalError::Damaged { .. })
    ));
    let past = store.vault().read_frame("snapshot-1", 1 << 40).await;
    assert!(matches!(past, Err(JournalError::Damaged { .. })));
    store.leading().vault().remove("snapshot-1").await.unwrap();
    store.leading().vault().remove("snapshot-1").await.unwrap();
    let store = store.reopened().await;
    assert_eq!(
        store.vault().read_frame("snapshot-1", 0).await,
        Err(missing)
    );
}

async fn a_blob_is_never_replaced_and_a_dropped_one_leaves_nothing<S: Subject>(store: S) {
    let old = [Bytes::from_static(b"old")];
    let mut too_late = store.leading().vault().create("a").await.unwrap();
    too_late.write(Bytes::from_static(b"new")).await.unwrap();
    write_blob(store.leading().vault(), "a", &old).await;
    let exists = JournalError::Exists {
        name: "a".to_owned(),
    };
    assert_eq!(
        too_late.finish().await,
        Err(exists.clone()),
        "it was created before the other one was finished"
    );
    assert_eq!(
        store.leading().vault().create("a").await.map(drop),
        Err(exists)
    );
    let mut never_named = store.leading().vault().create("b").await.unwrap();
    never_named
        .write(Bytes::from(vec![0; 1 << 20]))
        .await
        .unwrap();
    drop(never_named);
    let store = store.reopened().await;
    assert_eq!(
        blob_names(store.vault().as_ref()).await,
        Ok(vec!["a".to_owned()])
    );
    assert_eq!(read_blob(store.vault().as_ref(), "a").await.unwrap(), old);
    store.leading().vault().remove("a").await.unwrap();
    write_blob(store.leading().vault(), "a", &[]).await;
    let store = store.reopened().await;
    assert_eq!(read_blob(store.vault().as_ref(), "a").await, Ok(vec![]));
}

async fn a_key_has_its_newest_value<S: Subject>(mut store: S) {
    assert_eq!(store.vault().get_key("place").await, Ok(None));
    for value in [vec![], vec![7; KEY_BYTES_MAX], b"three".to_vec()] {
        store
            .leading()
            .vault()
            .put_key("place", Bytes::from(value.clone()))
            .await
            .unwrap();
        store = store.reopened().await;
        assert_eq!(
            store.vault().get_key("place").await,
            Ok(Some(Bytes::from(value)))
        );
    }
    store
        .leading()
        .vault()
        .put_key("another", Bytes::new())
        .await
        .unwrap();
    let names = ["another", "place"].map(str::to_owned);
    assert_eq!(store.vault().list_keys().await, Ok(names.to_vec()));
    assert_eq!(
        blob_names(store.vault().as_ref()).await,
        Ok(vec![]),
        "a key is not a blob"
    );
}

async fn names_and_sizes_over_the_limits_are_refused<S: Subject>(store: S) {
    let (vault, writer) = (store.vault(), store.leading().vault());
    let longest = "n".repeat(NAME_CHARS_MAX);
    writer.put_key(&longest, Bytes::new()).await.unwrap();
    for name in [
        "",
        ".",
        "..",
        "../a",
        "a/b",
        "a b",
        "é",
        "a\0",
        &format!("{longest}n"),
    ] {
        assert!(
            matches!(writer.create(name).await, Err(JournalError::BadName { .. })),
            "{name:?}"
        );
        assert!(
            matches!(
                vault.read_frame(name, 0).await,
                Err(JournalError::BadName { .. })
            ),
            "{name:?}"
        );
        assert!(
            matches!(writer.remove(name).await, Err(JournalError::BadName { .. })),
            "{name:?}"
        );
        assert!(
            matches!(
                writer.put_key(name, Bytes::new()).await,
                Err(JournalError::BadName { .. })
            ),
            "{name:?}"
        );
        assert!(
            matches!(vault.get_key(name).await, Err(JournalError::BadName { .. })),
            "{name:?}"
        );
    }
    let large = |bytes| Bytes::from(vec![0; bytes]);
    let key = writer.put_key("k", large(KEY_BYTES_MAX + 1)).await;
    assert!(matches!(
        key,
        Err(JournalError::TooLarge { what: "key", .. })
    ));
    let mut blob = writer.create("b").await.unwrap();
    let frame = blob.write(large(FRAME_BYTES_MAX + 1)).await;
    assert!(matches!(
        frame,
        Err(JournalError::TooLarge { what: "frame", .. })
    ));
    blob.write(large(FRAME_BYTES_MAX)).await.unwrap();
    blob.finish().await.unwrap();
    assert_eq!(
        read_blob(vault.as_ref(), "b").await.unwrap(),
        [large(FRAME_BYTES_MAX)]
    );
}

macro_rules! on_every_store {
    ($($test:ident),* $(,)?) => {
        mod on_files {
            $(#[tokio::test] async fn $test() { super::$test(<super::OnFiles as super::Subject>::new().await).await; })*
        }
        mod in_memory {
            $(#[tokio::test] async fn $test() { super::$test(<super::InMemory as super::Subject>::new().await).await; })*
        }
        mod on_postgres {
            $(#[tokio::test] async fn $test() { super::$test(<super::OnPostgres as super::Subject>::new().await).await; })*
        }
    };
}

on_every_store!(
    an_empty_log_has_no_entries,
    groups_of_every_size_read_back_unchanged,
    a_read_begins_at_the_right_group_and_has_a_size_limit,
    a_group_that_does_not_follow_is_refused_and_writes_nothing,
    trimming_removes_whole_groups_and_shows_the_new_range,
    a_log_without_entries_continues_at_its_end,
    many_small_groups_are_trimmed_in_several_batches,
    only_a_new_log_can_start_at_another_position,
    a_renewed_log_keeps_its_groups_and_continues,
    a_blob_is_visible_only_when_finished,
    a_blob_is_never_replaced_and_a_dropped_one_leaves_nothing,
    a_key_has_its_newest_value,
    names_and_sizes_over_the_limits_are_refused,
);
