//! The rules that every store must keep, under any leader.

use std::collections::BTreeSet;

use workflow_server::journal::memory::{MemoryStore, Written};

/// The writes with another term than the newest one, and the blobs that were replaced.
pub(super) fn violations(store: &MemoryStore) -> Vec<String> {
    let written = store.written();
    let foreign = written.iter().filter(|write| write.term != write.newest);
    let foreign = foreign.map(|write| {
        format!(
            "{} in term {} by the leader of {}",
            write.what, write.newest, write.term
        )
    });
    foreign.chain(replaced_blobs(&written)).collect()
}

fn replaced_blobs(written: &[Written]) -> Vec<String> {
    let (mut present, mut replaced) = (BTreeSet::new(), Vec::new());
    for Written { what, .. } in written {
        match what.split_once(' ') {
            Some(("finish", name)) if !present.insert(name) => {
                replaced.push(format!("{name} was replaced"));
            }
            Some(("remove", name)) => {
                present.remove(name);
            }
            _ => {}
        }
    }
    replaced
}
