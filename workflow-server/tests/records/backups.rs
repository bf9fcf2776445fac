//! Records for backups: groups that are cut at an entry, and the stored form of an erasure.

use std::fmt::Write as _;

use workflow_server::records::{
    GroupBytes, cut_group, decode_erasure, decode_group, encode_erasure,
};

use crate::leaving::play_archive;
use crate::scenario::play_batches;

const ERASURES: &str = include_str!("snapshots/records__backups__erasures.snap");

#[test]
fn a_cut_group_has_the_entries_before_the_cut() {
    let entries = play_batches().entries;
    for size in [1, 5, 17, entries.len()] {
        for some in entries.chunks(size) {
            let mut whole = GroupBytes::new(77);
            some.iter().for_each(|entry| _ = whole.push(entry));
            let whole = whole.into_bytes();
            for upto in some[0].sequence - 1..=some[some.len() - 1].sequence {
                let (bytes, chain) = cut_group(&whole, 77, upto).unwrap();
                let mut expected = GroupBytes::new(77);
                some.iter()
                    .filter(|entry| entry.sequence <= upto)
                    .for_each(|entry| _ = expected.push(entry));
                assert_eq!(
                    (chain, &bytes),
                    (expected.chain(), &expected.into_bytes()),
                    "up to {upto}"
                );
                let read = decode_group(&bytes, 77, chain).unwrap();
                assert!(read.iter().all(|linked| linked.entry.sequence <= upto));
            }
        }
    }
}

#[test]
fn the_stored_form_of_an_erasure_does_not_change() {
    let world = play_archive().world;
    let erasures: Vec<_> = world.root().erasures.values().cloned().collect();
    assert!(!erasures.is_empty());
    let mut lines = String::new();
    for erasure in &erasures {
        let bytes = encode_erasure(erasure);
        assert_eq!(decode_erasure(&bytes).unwrap(), **erasure);
        let hex = bytes
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        writeln!(lines, "{hex}").unwrap();
    }
    insta::assert_snapshot!("erasures", lines);
    let stored = ERASURES.splitn(3, "---\n").nth(2).unwrap().lines();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    for (line, erasure) in stored.zip(&erasures) {
        let bytes: Vec<u8> = line.as_bytes().chunks(2).map(byte).collect();
        assert_eq!(decode_erasure(&bytes).unwrap(), **erasure);
    }
}
