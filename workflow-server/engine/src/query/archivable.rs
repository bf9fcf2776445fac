//! Finds the calls that may leave memory: all their instances ended some time ago.

use aftercall_definition::time::Time;

use crate::call::Call;
use crate::command::ArchivableCall;
use crate::world::Root;

/// A call without a reported end may not have ended, so it waits this many times as long.
const TIMES_FOR_UNENDED: i64 = 24;

/// The sequence of the newest change of a call's instances; 0 if it has none. Returns `None` if an
/// instance is open.
#[must_use]
pub fn newest_of_call(root: &Root, call: &Call) -> Option<u64> {
    let instances = call
        .instances
        .iter()
        .map(|slot| root.instance_at(*slot).filter(|one| one.status.is_ended()));
    instances
        .map(|ended| ended.map(|one| one.sequence))
        .try_fold(0, |newest, one| one.map(|one| newest.max(one)))
}

/// The result of a search for calls that may leave memory.
#[derive(Clone, Debug, Default)]
pub struct Archivable {
    /// The calls.
    pub calls: Vec<ArchivableCall>,
    /// Whether the search reached its limit. Then there may be more.
    pub is_full: bool,
    /// When the first of these calls could have left.
    pub oldest: Option<Time>,
    /// The slot after the last one that was read. The next search continues there.
    pub next_slot: u32,
}

/// The calls that may leave memory at `now`. A call may leave `after_millis` after its last end.
/// The search stops at `most` calls or instances.
#[must_use]
pub fn archivable(root: &Root, after_millis: i64, now: Time, most: usize) -> Archivable {
    archivable_from(root, 0, after_millis, now, most)
}

/// Like `archivable`, but begins at a slot. A search in parts then reads each call once.
#[must_use]
pub fn archivable_from(
    root: &Root,
    from: u32,
    after_millis: i64,
    now: Time,
    most: usize,
) -> Archivable {
    let from = from.min(root.calls.len() as u32);
    let (mut found, mut instances) = (
        Archivable {
            next_slot: from,
            ..Archivable::default()
        },
        0,
    );
    for call in &root.calls.skip(from as usize) {
        let slot = found.next_slot;
        found.next_slot += 1;
        let Some(call) = call else { continue };
        let leaves = leaves_from(root, call, after_millis);
        let Some(newest) = newest_of_call(root, call).filter(|_| leaves <= now) else {
            continue;
        };
        found.oldest = Some(
            found
                .oldest
                .map_or(leaves, |oldest: Time| oldest.min(leaves)),
        );
        instances += call.instances.len();
        found.calls.push(ArchivableCall {
            slot,
            sequence: call.sequence,
            newest,
        });
        if found.calls.len() >= most || instances >= most {
            found.is_full = true;
            break;
        }
    }
    found
}

fn leaves_from(root: &Root, call: &Call, after_millis: i64) -> Time {
    let ends = call
        .instances
        .iter()
        .filter_map(|slot| root.instance_at(*slot)?.ended_at);
    let newest = ends.chain(call.ended_at).fold(call.created_at, Time::max);
    let times = if call.ended_at.is_some() {
        1
    } else {
        TIMES_FOR_UNENDED
    };
    let of_call = call
        .created_at
        .0
        .saturating_add(after_millis.saturating_mul(times));
    Time(newest.0.saturating_add(after_millis).max(of_call))
}
