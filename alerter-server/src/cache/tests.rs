//! What the cache keeps and drops, and from which places streams can resume.

use aftercall_proto::feed::v1::{Before, InstanceChange};

use super::*;

const PLENTY: RingLimits = RingLimits {
    entries_max: 100,
    bytes_max: 1 << 20,
};

fn entry(sequence: u64, id: &str, visible: bool) -> FeedEntry {
    let follow_up = FollowUp {
        instance_id: id.into(),
        visible,
        sequence,
        ..FollowUp::default()
    };
    let change = InstanceChange {
        follow_up: Some(follow_up),
        ..InstanceChange::default()
    };
    FeedEntry {
        sequence,
        chain: sequence * 10,
        changes: vec![change],
        ..FeedEntry::default()
    }
}

fn place(sequence: u64) -> Position {
    Position {
        sequence,
        chain: sequence * 10,
    }
}

fn ids(cache: &Cache) -> Vec<&str> {
    cache.instances_after(None).map(|(id, _)| &**id).collect()
}

#[test]
fn entries_covered_by_the_snapshot_do_not_change_it() {
    let mut cache = Cache::new("e", 1, place(3), 2, PLENTY);
    let follow_up = entry(3, "b", true).changes.remove(0).follow_up.unwrap();
    cache.insert(&follow_up, &[]);
    assert!(!cache.is_whole());
    cache.append(entry(2, "a", true), &mut Vec::new()).unwrap();
    cache.append(entry(3, "b", true), &mut Vec::new()).unwrap();
    assert!(cache.is_whole());
    assert_eq!(
        ids(&cache),
        ["b"],
        "the snapshot already has the result of entry 2"
    );
    cache.append(entry(4, "c", true), &mut Vec::new()).unwrap();
    cache.append(entry(5, "b", false), &mut Vec::new()).unwrap();
    assert_eq!(ids(&cache), ["c"]);
    assert_eq!(cache.head(), place(5));
}

#[test]
fn a_gap_a_repetition_and_another_chain_are_refused() {
    let mut cache = Cache::new("e", 1, place(3), 2, PLENTY);
    assert_eq!(
        cache.append(entry(3, "a", true), &mut Vec::new()),
        Err(Discontinuity::Gap {
            expected: 2,
            came: 3
        })
    );
    cache.append(entry(2, "a", true), &mut Vec::new()).unwrap();
    assert_eq!(
        cache.append(entry(2, "a", true), &mut Vec::new()),
        Err(Discontinuity::Gap {
            expected: 3,
            came: 2
        })
    );
    let other = FeedEntry {
        chain: 31,
        ..entry(3, "a", true)
    };
    assert_eq!(
        cache.append(other, &mut Vec::new()),
        Err(Discontinuity::Chain { sequence: 3 })
    );
}

#[test]
fn the_ring_is_bounded_by_count_and_by_bytes() {
    let mut by_count = Cache::new(
        "e",
        1,
        place(0),
        1,
        RingLimits {
            entries_max: 3,
            ..PLENTY
        },
    );
    let bytes = RingEntry::new(entry(1, "a", true)).bytes;
    let mut by_bytes = Cache::new(
        "e",
        1,
        place(0),
        1,
        RingLimits {
            bytes_max: 2 * bytes,
            ..PLENTY
        },
    );
    for sequence in 1..=9 {
        by_count
            .append(entry(sequence, "a", true), &mut Vec::new())
            .unwrap();
        by_bytes
            .append(entry(sequence, "a", true), &mut Vec::new())
            .unwrap();
    }
    assert_eq!((by_count.ring_size().0, by_count.oldest()), (3, 6));
    assert_eq!(
        (by_bytes.ring_size(), by_bytes.oldest()),
        ((2, 2 * bytes), 7)
    );
    assert!(by_count.entry(6).is_none());
    assert_eq!(
        by_count.entry(7).map(|entry| entry.position.sequence),
        Some(7)
    );
}

#[test]
fn a_place_is_resumable_if_all_later_entries_are_kept() {
    let mut cache = Cache::new(
        "e",
        1,
        place(0),
        1,
        RingLimits {
            entries_max: 3,
            ..PLENTY
        },
    );
    let epoch = epoch_hash("e");
    assert_eq!(cache.resumability(epoch, place(0)), Resumability::Resumable);
    for sequence in 1..=9 {
        cache
            .append(entry(sequence, "a", true), &mut Vec::new())
            .unwrap();
    }
    let standings: Vec<Resumability> = (4..=10)
        .map(|sequence| cache.resumability(epoch, place(sequence)))
        .collect();
    use Resumability::{FromTheFuture, OtherHistory, Resumable, TooOld};
    assert_eq!(
        standings,
        [
            TooOld,
            TooOld,
            Resumable,
            Resumable,
            Resumable,
            Resumable,
            FromTheFuture
        ]
    );
    assert_eq!(cache.resumability(epoch_hash("f"), place(9)), OtherHistory);
    for sequence in 6..=9 {
        assert_eq!(
            cache.resumability(epoch, Position { sequence, chain: 1 }),
            OtherHistory
        );
    }
}

#[test]
fn an_unknown_place_before_the_ring_is_too_old() {
    let mut cache = Cache::new("e", 1, place(6), 5, PLENTY);
    cache.append(entry(5, "a", true), &mut Vec::new()).unwrap();
    cache.append(entry(6, "a", true), &mut Vec::new()).unwrap();
    assert_eq!(cache.oldest(), 5);
    assert_eq!(
        cache.resumability(epoch_hash("e"), place(4)),
        Resumability::TooOld
    );
    let empty = Cache::new("e", 1, place(6), 7, PLENTY);
    assert!(empty.is_whole());
    assert_eq!(
        empty.resumability(epoch_hash("e"), place(6)),
        Resumability::Resumable
    );
}

#[test]
fn entries_before_an_erasure_are_dropped_on_request() {
    let mut cache = Cache::new("e", 1, place(0), 1, PLENTY);
    for sequence in 1..=4 {
        cache
            .append(entry(sequence, "a", true), &mut Vec::new())
            .unwrap();
    }
    cache
        .append(
            FeedEntry {
                erased: true,
                ..entry(5, "a", true)
            },
            &mut Vec::new(),
        )
        .unwrap();
    cache.append(entry(6, "b", true), &mut Vec::new()).unwrap();
    assert_eq!(
        (cache.erased(), cache.oldest()),
        (Some(5), 0),
        "streams that keep up get the erasure first"
    );
    cache.forget_erased();
    assert_eq!(
        (cache.erased(), cache.oldest(), cache.ring_size().0),
        (None, 4, 2)
    );
    assert!(cache.entry(4).is_none());
    assert_eq!(
        cache.resumability(epoch_hash("e"), place(4)),
        Resumability::Resumable
    );
    assert_eq!(
        cache.resumability(epoch_hash("e"), place(3)),
        Resumability::TooOld
    );
    assert_eq!(ids(&cache), ["a", "b"]);
    let bytes = RingEntry::new(entry(1, "a", true)).bytes;
    cache.forget_erased();
    assert_eq!(
        cache.ring_size(),
        (2, 2 * bytes),
        "nothing is dropped twice"
    );
}

#[test]
fn a_scope_of_teams_resumes_only_where_they_are_known() {
    let before = |sequence, id: &str| {
        let mut entry = entry(sequence, id, true);
        entry.changes[0].before = Some(Before::default());
        entry
    };
    let mut cache = Cache::new("e", 1, place(4), 2, PLENTY);
    cache.append(entry(2, "a", true), &mut Vec::new()).unwrap();
    cache.append(before(3, "a"), &mut Vec::new()).unwrap();
    cache.append(entry(4, "b", true), &mut Vec::new()).unwrap();
    cache.append(before(5, "a"), &mut Vec::new()).unwrap();
    let standings = |scope: &Scope| {
        let epoch = epoch_hash("e");
        (2..=5)
            .map(|sequence| cache.resumability_in(scope, epoch, place(sequence)))
            .collect::<Vec<_>>()
    };
    use Resumability::{Resumable, TooOld};
    let teams = Scope::new(&["acme"], &["sales"]);
    assert_eq!(standings(&teams), [TooOld, Resumable, Resumable, Resumable]);
    for control in [Scope::everything(), Scope::new(&["acme"], &[])] {
        assert_eq!(standings(&control), [Resumable; 4]);
    }
}

#[test]
fn what_moved_between_two_states_is_known_from_the_ring() {
    let mut cache = Cache::new("e", 1, place(0), 1, PLENTY);
    cache.append(entry(1, "a", true), &mut Vec::new()).unwrap();
    let earlier = cache.clone();
    for (sequence, id, visible) in [(2, "b", true), (3, "b", true), (4, "a", false)] {
        let appended = cache.append(entry(sequence, id, visible), &mut Vec::new());
        appended.unwrap();
    }
    let moved = cache.moved_since(&earlier).unwrap();
    let states = moved
        .iter()
        .map(|moved| (moved.before.is_some(), moved.after.is_some()));
    assert!(states.eq([(true, false), (false, true)]), "{moved:?}");
    let mut forgotten = cache.clone();
    forgotten.erased = Some(4);
    forgotten.forget_erased();
    assert!(forgotten.moved_since(&earlier).is_none());
}
