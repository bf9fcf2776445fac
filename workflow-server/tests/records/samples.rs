//! The frozen stored form of version 1. If a test here fails, an older server cannot read what this
//! server writes. Then add a new version beside the old one, and do not change these files.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aftercall_engine::world::Keeping;
use workflow_server::records::{
    GroupBytes, SnapshotReader, WorldImage, decode_group, encode_world, snapshot_frames,
};

use crate::authors::{play_authors, play_repeats};
use crate::bounds::play_bounds;
use crate::clock::{play_clock, play_retention, play_set_again};
use crate::desk_batches::{play_batch_forms, play_desk_batches};
use crate::hands::play_hands;
use crate::history::play_history;
use crate::hours::{play_days, play_late};
use crate::incomplete::play_incomplete;
use crate::large::play_large;
use crate::leaving::play_archive;
use crate::operations::play_operations;
use crate::owners::play_owners;
use crate::scenario::{Played, play, play_batches, play_claims, play_desk, play_on};
use crate::sensitive::play_sensitive;
use crate::server::play_server;
use crate::source::play_source;
use crate::teams::{play_fair_shares, play_teams};
use crate::texts::play_texts;
use crate::titles::play_titles;
use crate::unattended::play_unattended;
use crate::views::{play_away, play_views};

/// One line of hexadecimal digits per entry or frame. The snapshot tool writes the lines up to the
/// second line of dashes.
const ENTRIES: &str = include_str!("snapshots/records__samples__entries.snap");
const SNAPSHOT: &str = include_str!("snapshots/records__samples__snapshot.snap");
/// Later additions of the same version: fields and kinds that an older server does not know.
const ENTRIES_ON: &str = include_str!("snapshots/records__samples__entries_on.snap");
const SNAPSHOT_ON: &str = include_str!("snapshots/records__samples__snapshot_on.snap");
const ENTRIES_CLAIMS: &str = include_str!("snapshots/records__samples__entries_claims.snap");
const SNAPSHOT_CLAIMS: &str = include_str!("snapshots/records__samples__snapshot_claims.snap");
const ENTRIES_DESK: &str = include_str!("snapshots/records__samples__entries_desk.snap");
const SNAPSHOT_DESK: &str = include_str!("snapshots/records__samples__snapshot_desk.snap");
const ENTRIES_BATCHES: &str = include_str!("snapshots/records__samples__entries_batches.snap");
const SNAPSHOT_BATCHES: &str = include_str!("snapshots/records__samples__snapshot_batches.snap");
const ENTRIES_ARCHIVE: &str = include_str!("snapshots/records__samples__entries_archive.snap");
const SNAPSHOT_ARCHIVE: &str = include_str!("snapshots/records__samples__snapshot_archive.snap");
const ENTRIES_AUTHORS: &str = include_str!("snapshots/records__samples__entries_authors.snap");
const SNAPSHOT_AUTHORS: &str = include_str!("snapshots/records__samples__snapshot_authors.snap");
const ENTRIES_REPEATS: &str = include_str!("snapshots/records__samples__entries_repeats.snap");
const SNAPSHOT_REPEATS: &str = include_str!("snapshots/records__samples__snapshot_repeats.snap");
const ENTRIES_LARGE: &str = include_str!("snapshots/records__samples__entries_large.snap");
const SNAPSHOT_LARGE: &str = include_str!("snapshots/records__samples__snapshot_large.snap");
const ENTRIES_CLOCK: &str = include_str!("snapshots/records__samples__entries_clock.snap");
const SNAPSHOT_CLOCK: &str = include_str!("snapshots/records__samples__snapshot_clock.snap");
const ENTRIES_RETENTION: &str = include_str!("snapshots/records__samples__entries_retention.snap");
const ENTRIES_SET_AGAIN: &str = include_str!("snapshots/records__samples__entries_set_again.snap");
const SNAPSHOT_RETENTION: &str =
    include_str!("snapshots/records__samples__snapshot_retention.snap");
const ENTRIES_INCOMPLETE: &str =
    include_str!("snapshots/records__samples__entries_incomplete.snap");
const SNAPSHOT_INCOMPLETE: &str =
    include_str!("snapshots/records__samples__snapshot_incomplete.snap");
const ENTRIES_SOURCE: &str = include_str!("snapshots/records__samples__entries_source.snap");
const ENTRIES_TEXTS: &str = include_str!("snapshots/records__samples__entries_texts.snap");
const SNAPSHOT_SOURCE: &str = include_str!("snapshots/records__samples__snapshot_source.snap");
const SNAPSHOT_TEXTS: &str = include_str!("snapshots/records__samples__snapshot_texts.snap");
const ENTRIES_HANDS: &str = include_str!("snapshots/records__samples__entries_hands.snap");
const SNAPSHOT_HANDS: &str = include_str!("snapshots/records__samples__snapshot_hands.snap");
pub(crate) const ENTRIES_TEAMS: &str =
    include_str!("snapshots/records__samples__entries_teams.snap");
pub(crate) const SNAPSHOT_TEAMS: &str =
    include_str!("snapshots/records__samples__snapshot_teams.snap");
const ENTRIES_SERVER: &str = include_str!("snapshots/records__samples__entries_server.snap");
const SNAPSHOT_SERVER: &str = include_str!("snapshots/records__samples__snapshot_server.snap");
const ENTRIES_LATE: &str = include_str!("snapshots/records__samples__entries_late.snap");
const SNAPSHOT_LATE: &str = include_str!("snapshots/records__samples__snapshot_late.snap");
const ENTRIES_DAYS: &str = include_str!("snapshots/records__samples__entries_days.snap");
const SNAPSHOT_DAYS: &str = include_str!("snapshots/records__samples__snapshot_days.snap");
const ENTRIES_BOUNDS: &str = include_str!("snapshots/records__samples__entries_bounds.snap");
const ENTRIES_OPERATIONS: &str =
    include_str!("snapshots/records__samples__entries_operations.snap");
const SNAPSHOT_BOUNDS: &str = include_str!("snapshots/records__samples__snapshot_bounds.snap");
const SNAPSHOT_OPERATIONS: &str =
    include_str!("snapshots/records__samples__snapshot_operations.snap");
const ENTRIES_TITLES: &str = include_str!("snapshots/records__samples__entries_titles.snap");
const SNAPSHOT_TITLES: &str = include_str!("snapshots/records__samples__snapshot_titles.snap");

const ENTRIES_HISTORY: &str = include_str!("snapshots/records__samples__entries_history.snap");
const SNAPSHOT_HISTORY: &str = include_str!("snapshots/records__samples__snapshot_history.snap");
const ENTRIES_OWNERS: &str = include_str!("snapshots/records__samples__entries_owners.snap");
const SNAPSHOT_OWNERS: &str = include_str!("snapshots/records__samples__snapshot_owners.snap");
const ENTRIES_UNATTENDED: &str =
    include_str!("snapshots/records__samples__entries_unattended.snap");
const SNAPSHOT_UNATTENDED: &str =
    include_str!("snapshots/records__samples__snapshot_unattended.snap");
const ENTRIES_VIEWS: &str = include_str!("snapshots/records__samples__entries_views.snap");
const SNAPSHOT_VIEWS: &str = include_str!("snapshots/records__samples__snapshot_views.snap");
const ENTRIES_AWAY: &str = include_str!("snapshots/records__samples__entries_away.snap");
const SNAPSHOT_AWAY: &str = include_str!("snapshots/records__samples__snapshot_away.snap");
const ENTRIES_DESK_BATCHES: &str =
    include_str!("snapshots/records__samples__entries_desk_batches.snap");
const SNAPSHOT_DESK_BATCHES: &str =
    include_str!("snapshots/records__samples__snapshot_desk_batches.snap");
const ENTRIES_SENSITIVE: &str = include_str!("snapshots/records__samples__entries_sensitive.snap");
const SNAPSHOT_SENSITIVE: &str =
    include_str!("snapshots/records__samples__snapshot_sensitive.snap");
const ENTRIES_BATCH_FORMS: &str =
    include_str!("snapshots/records__samples__entries_batch_forms.snap");
const SNAPSHOT_BATCH_FORMS: &str =
    include_str!("snapshots/records__samples__snapshot_batch_forms.snap");
const ENTRIES_FAIR_SHARES: &str =
    include_str!("snapshots/records__samples__entries_fair_shares.snap");
const SNAPSHOT_FAIR_SHARES: &str =
    include_str!("snapshots/records__samples__snapshot_fair_shares.snap");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

pub(crate) fn stored(sample: &str) -> Vec<Vec<u8>> {
    let lines = sample.splitn(3, "---\n").nth(2).unwrap().lines();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    lines
        .map(|line| line.as_bytes().chunks(2).map(byte).collect())
        .collect()
}

#[test]
fn the_stored_form_of_entries_does_not_change() {
    insta::assert_snapshot!("entries", entry_lines(&play()));
    insta::assert_snapshot!("entries_on", entry_lines(&play_on()));
    insta::assert_snapshot!("entries_claims", entry_lines(&play_claims()));
    insta::assert_snapshot!("entries_desk", entry_lines(&play_desk()));
    insta::assert_snapshot!("entries_batches", entry_lines(&play_batches()));
    insta::assert_snapshot!("entries_archive", entry_lines(&play_archive()));
    insta::assert_snapshot!("entries_authors", entry_lines(&play_authors()));
    insta::assert_snapshot!("entries_repeats", entry_lines(&play_repeats()));
    insta::assert_snapshot!("entries_large", entry_lines(&play_large()));
    insta::assert_snapshot!("entries_clock", entry_lines(&play_clock()));
    insta::assert_snapshot!("entries_retention", entry_lines(&play_retention()));
    insta::assert_snapshot!("entries_set_again", entry_lines(&play_set_again()));
    insta::assert_snapshot!("entries_incomplete", entry_lines(&play_incomplete()));
    insta::assert_snapshot!("entries_texts", entry_lines(&play_texts()));
    insta::assert_snapshot!("entries_late", entry_lines(&play_late()));
    insta::assert_snapshot!("entries_days", entry_lines(&play_days()));
    insta::assert_snapshot!("entries_operations", entry_lines(&play_operations()));
    insta::assert_snapshot!("entries_bounds", entry_lines(&play_bounds()));
    insta::assert_snapshot!("entries_source", entry_lines(&play_source()));
    insta::assert_snapshot!("entries_titles", entry_lines(&play_titles()));
    insta::assert_snapshot!("entries_hands", entry_lines(&play_hands()));
    insta::assert_snapshot!("entries_teams", entry_lines(&play_teams()));
    insta::assert_snapshot!("entries_server", entry_lines(&play_server()));
    insta::assert_snapshot!("entries_history", entry_lines(&play_history()));
    insta::assert_snapshot!("entries_owners", entry_lines(&play_owners()));
    insta::assert_snapshot!("entries_unattended", entry_lines(&play_unattended()));
    insta::assert_snapshot!("entries_views", entry_lines(&play_views()));
    insta::assert_snapshot!("entries_away", entry_lines(&play_away()));
    insta::assert_snapshot!("entries_desk_batches", entry_lines(&play_desk_batches()));
    insta::assert_snapshot!("entries_sensitive", entry_lines(&play_sensitive()));
    insta::assert_snapshot!("entries_batch_forms", entry_lines(&play_batch_forms()));
    insta::assert_snapshot!("entries_fair_shares", entry_lines(&play_fair_shares()));
}

fn entry_lines(played: &Played) -> String {
    let mut lines = String::new();
    for entry in &played.entries {
        let mut group = GroupBytes::new(0);
        group.push(entry);
        writeln!(lines, "{}", hex(&group.into_bytes())).unwrap();
    }
    lines
}

#[test]
fn the_stored_form_of_snapshots_does_not_change() {
    insta::assert_snapshot!("snapshot", snapshot_lines(&play()));
    insta::assert_snapshot!("snapshot_on", snapshot_lines(&play_on()));
    insta::assert_snapshot!("snapshot_claims", snapshot_lines(&play_claims()));
    insta::assert_snapshot!("snapshot_desk", snapshot_lines(&play_desk()));
    insta::assert_snapshot!("snapshot_batches", snapshot_lines(&play_batches()));
    insta::assert_snapshot!("snapshot_archive", snapshot_lines(&play_archive()));
    insta::assert_snapshot!("snapshot_authors", snapshot_lines(&play_authors()));
    insta::assert_snapshot!("snapshot_repeats", snapshot_lines(&play_repeats()));
    insta::assert_snapshot!("snapshot_large", snapshot_lines(&play_large()));
    insta::assert_snapshot!("snapshot_clock", snapshot_lines(&play_clock()));
    insta::assert_snapshot!("snapshot_retention", snapshot_lines(&play_retention()));
    insta::assert_snapshot!("snapshot_incomplete", snapshot_lines(&play_incomplete()));
    insta::assert_snapshot!("snapshot_texts", snapshot_lines(&play_texts()));
    insta::assert_snapshot!("snapshot_late", snapshot_lines(&play_late()));
    insta::assert_snapshot!("snapshot_days", snapshot_lines(&play_days()));
    insta::assert_snapshot!("snapshot_operations", snapshot_lines(&play_operations()));
    insta::assert_snapshot!("snapshot_bounds", snapshot_lines(&play_bounds()));
    insta::assert_snapshot!("snapshot_source", snapshot_lines(&play_source()));
    insta::assert_snapshot!("snapshot_titles", snapshot_lines(&play_titles()));
    insta::assert_snapshot!("snapshot_hands", snapshot_lines(&play_hands()));
    insta::assert_snapshot!("snapshot_teams", snapshot_lines(&play_teams()));
    insta::assert_snapshot!("snapshot_server", snapshot_lines(&play_server()));
    insta::assert_snapshot!("snapshot_history", snapshot_lines(&play_history()));
    insta::assert_snapshot!("snapshot_owners", snapshot_lines(&play_owners()));
    insta::assert_snapshot!("snapshot_unattended", snapshot_lines(&play_unattended()));
    insta::assert_snapshot!("snapshot_views", snapshot_lines(&play_views()));
    insta::assert_snapshot!("snapshot_away", snapshot_lines(&play_away()));
    insta::assert_snapshot!(
        "snapshot_desk_batches",
        snapshot_lines(&play_desk_batches())
    );
    insta::assert_snapshot!("snapshot_sensitive", snapshot_lines(&play_sensitive()));
    insta::assert_snapshot!("snapshot_batch_forms", snapshot_lines(&play_batch_forms()));
    insta::assert_snapshot!("snapshot_fair_shares", snapshot_lines(&play_fair_shares()));
}

fn snapshot_lines(played: &Played) -> String {
    let mut lines = String::new();
    let write = |frame: Vec<u8>| writeln!(lines, "{}", hex(&frame));
    snapshot_frames(&WorldImage::take(&played.world, 0xC4A1), write).unwrap();
    lines
}

#[test]
fn stored_entries_of_version_1_load() {
    let samples = [
        (stored(ENTRIES), play()),
        (stored(ENTRIES_ON), play_on()),
        (stored(ENTRIES_CLAIMS), play_claims()),
        (stored(ENTRIES_DESK), play_desk()),
        (stored(ENTRIES_BATCHES), play_batches()),
        (stored(ENTRIES_ARCHIVE), play_archive()),
        (stored(ENTRIES_AUTHORS), play_authors()),
        (stored(ENTRIES_REPEATS), play_repeats()),
        (stored(ENTRIES_LARGE), play_large()),
        (stored(ENTRIES_CLOCK), play_clock()),
        (stored(ENTRIES_RETENTION), play_retention()),
        (stored(ENTRIES_SET_AGAIN), play_set_again()),
        (stored(ENTRIES_INCOMPLETE), play_incomplete()),
        (stored(ENTRIES_TEXTS), play_texts()),
        (stored(ENTRIES_LATE), play_late()),
        (stored(ENTRIES_DAYS), play_days()),
        (stored(ENTRIES_OPERATIONS), play_operations()),
        (stored(ENTRIES_SOURCE), play_source()),
        (stored(ENTRIES_BOUNDS), play_bounds()),
        (stored(ENTRIES_TITLES), play_titles()),
        (stored(ENTRIES_HANDS), play_hands()),
        (stored(ENTRIES_TEAMS), play_teams()),
        (stored(ENTRIES_SERVER), play_server()),
        (stored(ENTRIES_HISTORY), play_history()),
        (stored(ENTRIES_OWNERS), play_owners()),
        (stored(ENTRIES_UNATTENDED), play_unattended()),
        (stored(ENTRIES_VIEWS), play_views()),
        (stored(ENTRIES_AWAY), play_away()),
        (stored(ENTRIES_DESK_BATCHES), play_desk_batches()),
        (stored(ENTRIES_SENSITIVE), play_sensitive()),
        (stored(ENTRIES_BATCH_FORMS), play_batch_forms()),
        (stored(ENTRIES_FAIR_SHARES), play_fair_shares()),
    ];
    for (samples, played) in samples {
        assert_eq!(samples.len(), played.entries.len());
        for (bytes, entry) in samples.iter().zip(&played.entries) {
            let mut group = GroupBytes::new(0);
            let chain = group.push(entry);
            let linked = decode_group(bytes, 0, chain).unwrap();
            assert_eq!(linked.len(), 1);
            assert_eq!(linked[0].entry, *entry);
        }
    }
}

#[test]
fn stored_snapshots_of_version_1_load() {
    let samples = [
        (stored(SNAPSHOT), play()),
        (stored(SNAPSHOT_ON), play_on()),
        (stored(SNAPSHOT_CLAIMS), play_claims()),
        (stored(SNAPSHOT_DESK), play_desk()),
        (stored(SNAPSHOT_BATCHES), play_batches()),
        (stored(SNAPSHOT_ARCHIVE), play_archive()),
        (stored(SNAPSHOT_AUTHORS), play_authors()),
        (stored(SNAPSHOT_REPEATS), play_repeats()),
        (stored(SNAPSHOT_LARGE), play_large()),
        (stored(SNAPSHOT_CLOCK), play_clock()),
        (stored(SNAPSHOT_RETENTION), play_retention()),
        (stored(SNAPSHOT_INCOMPLETE), play_incomplete()),
        (stored(SNAPSHOT_TEXTS), play_texts()),
        (stored(SNAPSHOT_LATE), play_late()),
        (stored(SNAPSHOT_DAYS), play_days()),
        (stored(SNAPSHOT_OPERATIONS), play_operations()),
        (stored(SNAPSHOT_SOURCE), play_source()),
        (stored(SNAPSHOT_BOUNDS), play_bounds()),
        (stored(SNAPSHOT_TITLES), play_titles()),
        (stored(SNAPSHOT_HANDS), play_hands()),
        (stored(SNAPSHOT_TEAMS), play_teams()),
        (stored(SNAPSHOT_SERVER), play_server()),
        (stored(SNAPSHOT_HISTORY), play_history()),
        (stored(SNAPSHOT_OWNERS), play_owners()),
        (stored(SNAPSHOT_UNATTENDED), play_unattended()),
        (stored(SNAPSHOT_VIEWS), play_views()),
        (stored(SNAPSHOT_AWAY), play_away()),
        (stored(SNAPSHOT_DESK_BATCHES), play_desk_batches()),
        (stored(SNAPSHOT_SENSITIVE), play_sensitive()),
        (stored(SNAPSHOT_BATCH_FORMS), play_batch_forms()),
        (stored(SNAPSHOT_FAIR_SHARES), play_fair_shares()),
    ];
    for (frames, played) in samples {
        let mut reader = SnapshotReader::new(Keeping::default());
        for frame in frames {
            reader.frame(&frame).unwrap();
        }
        let (world, head) = reader.finish().unwrap();
        assert_eq!(
            (head.sequence, head.chain),
            (played.entries.len() as u64, 0xC4A1)
        );
        assert!(encode_world(&world) == encode_world(&played.world));
    }
}

#[test]
fn the_samples_hold_every_kind_of_change() {
    let (operations, history) = (play_operations(), play_history());
    let (unattended, views) = (play_unattended(), play_away());
    let kinds: BTreeSet<String> = operations
        .entries
        .iter()
        .chain(&history.entries)
        .chain(&unattended.entries)
        .chain(&views.entries)
        .flat_map(|entry| {
            let of_instances = entry
                .instances
                .iter()
                .map(|change| format!("{:?}", change.kind));
            of_instances
                .chain([format!("{:?}", entry.kind)])
                .collect::<Vec<_>>()
        })
        .collect();
    let expected = [
        "AlertAcknowledged",
        "AlertReturned",
        "AlertedAgain",
        "Archived",
        "AwayEnded",
        "AwaySet",
        "BatchItemRefused",
        "BatchStarted",
        "BatchStopped",
        "ButtonPushed",
        "CalendarImported",
        "CallEnded",
        "CallUpdated",
        "CallerErased",
        "Cancelled",
        "Chased",
        "ChunkReplaced",
        "ClaimExtended",
        "ClaimLapsed",
        "ClaimReleased",
        "Claimed",
        "ClockAccepted",
        "ErasureEnded",
        "ErasureStarted",
        "Escalated",
        "Finished",
        "HandedOver",
        "HistoryPacked",
        "HistoryRewritten",
        "Migrated",
        "Moved",
        "NoteAdded",
        "Paused",
        "PurgeConfirmed",
        "PushUndone",
        "Released",
        "Replaced",
        "Resumed",
        "RetentionConfirmed",
        "Set",
        "SetAgain",
        "Snoozed",
        "TakenOver",
        "TeamImported",
        "TeamRemoved",
        "TimerElapsed",
        "ViewRemoved",
        "ViewSaved",
        "Withdrawn",
        "WorkflowArchived",
        "WorkflowImported",
        "WorkflowPublished",
    ];
    assert_eq!(
        kinds.iter().map(String::as_str).collect::<Vec<_>>(),
        expected
    );
}

#[test]
fn damaged_records_are_refused() {
    let whole = stored(ENTRIES).remove(4);
    let mut group = GroupBytes::new(0);
    let chain = group.push(&play().entries[4]);
    assert!(decode_group(&whole, 0, chain).is_ok());
    for cut in 1..whole.len() {
        assert!(
            decode_group(&whole[..cut], 0, chain).is_err(),
            "cut at {cut}"
        );
    }
    for at in 0..whole.len() {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        assert!(decode_group(&flipped, 0, chain).is_err(), "flipped at {at}");
    }
    let mut newer = whole;
    newer[0] = 2;
    let refused = decode_group(&newer, 0, chain).unwrap_err().to_string();
    assert!(refused.contains("start the newer server"), "{refused}");
}

#[test]
fn a_too_large_entry_leaves_the_group_unchanged() {
    let played = play();
    let (first, second) = (&played.entries[0], &played.entries[1]);
    let mut whole = GroupBytes::new(7);
    whole.push(first);
    let before = (whole.len(), whole.chain());
    assert_eq!(whole.push_within(second, 3), None);
    assert_eq!((whole.len(), whole.chain()), before);
    let chain = whole.push_within(second, usize::MAX).unwrap();
    let read = decode_group(&whole.into_bytes(), 7, chain).unwrap();
    assert_eq!(read.len(), 2);
}
