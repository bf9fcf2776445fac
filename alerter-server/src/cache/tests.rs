//! What the cache keeps, lets go of and says of places.

use aftercall_proto::feed::v1::InstanceChange;

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
fn entries_up_to_the_snapshot_fill_the_ring_and_change_nothing() {
    let mut cache = Cache::new("e", 1, place(3), 2, PLENTY);
    cache.insert(&entry(3, "b", true).changes.remove(0).follow_up.unwrap());
    assert!(!cache.is_whole());
    cache.append(entry(2, "a", true), &mut Vec::new()).unwrap();
    cache.append(entry(3, "b", true), &mut Vec::new()).unwrap();
    assert!(cache.is_whole());
    assert_eq!(
        ids(&cache),
        ["b"],
        "the snapshot already knows what became of entry 2"
    );
    cache.append(entry(4, "c", true), &mut Vec::new()).unwrap();
    cache.append(entry(5, "b", false), &mut Vec::new()).unwrap();
    assert_eq!(ids(&cache), ["c"]);
    assert_eq!(cache.head(), place(5));
}

#[test]
fn a_gap_a_repetition_and_another_chain_are_found_out() {
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
fn a_place_is_resumable_exactly_if_all_that_follows_is_there() {
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
    assert_eq!(cache.standing(epoch, place(0)), Standing::Resumable);
    for sequence in 1..=9 {
        cache
            .append(entry(sequence, "a", true), &mut Vec::new())
            .unwrap();
    }
    let standings: Vec<Standing> = (4..=10)
        .map(|sequence| cache.standing(epoch, place(sequence)))
        .collect();
    use Standing::{FromTheFuture, OtherHistory, Resumable, TooOld};
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
    assert_eq!(cache.standing(epoch_hash("f"), place(9)), OtherHistory);
    for sequence in 6..=9 {
        assert_eq!(
            cache.standing(epoch, Position { sequence, chain: 1 }),
            OtherHistory
        );
    }
}

#[test]
fn without_the_entry_before_it_the_ring_cannot_vouch_for_that_place() {
    let mut cache = Cache::new("e", 1, place(6), 5, PLENTY);
    cache.append(entry(5, "a", true), &mut Vec::new()).unwrap();
    cache.append(entry(6, "a", true), &mut Vec::new()).unwrap();
    assert_eq!(cache.oldest(), 5);
    assert_eq!(cache.standing(epoch_hash("e"), place(4)), Standing::TooOld);
    let empty = Cache::new("e", 1, place(6), 7, PLENTY);
    assert!(empty.is_whole());
    assert_eq!(
        empty.standing(epoch_hash("e"), place(6)),
        Standing::Resumable
    );
}

#[test]
fn what_came_before_an_erasure_is_let_go_of_when_asked_and_the_rest_stays() {
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
        "streams that keep up are told first"
    );
    cache.forget_erased();
    assert_eq!(
        (cache.erased(), cache.oldest(), cache.ring_size().0),
        (None, 4, 2)
    );
    assert!(cache.entry(4).is_none());
    assert_eq!(
        cache.standing(epoch_hash("e"), place(4)),
        Standing::Resumable
    );
    assert_eq!(cache.standing(epoch_hash("e"), place(3)), Standing::TooOld);
    assert_eq!(ids(&cache), ["a", "b"]);
    let bytes = RingEntry::new(entry(1, "a", true)).bytes;
    cache.forget_erased();
    assert_eq!(
        cache.ring_size(),
        (2, 2 * bytes),
        "nothing is let go of twice"
    );
}
