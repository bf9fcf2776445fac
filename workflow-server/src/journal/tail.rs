//! The tail file is beside the log, and holds the newest groups until sled has them.
//!
//! A flush of sled wakes all threads of its pool and lets its file grow. So a group becomes durable
//! here first: in a file that has its full size already, with one write and one sync. It is then
//! acknowledged. Groups are moved to sled later, many at a time. After a crash the next open moves
//! those that are left.
//!
//! The file has two halves. Groups are written one after the other into one half. When it is full,
//! the other half is next, as soon as all of its groups are in sled. Behind the newest group of a
//! half there may be older ones. They do not follow it, so they are never taken for newer ones.
//!
//! Promise: [`read`] returns each group whose append has returned, unless it is in sled. Must not:
//! overwrite a group that is not in sled.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::sealed::{self, Fields, SEAL_BYTES};
use super::{Disk, Group, files};

/// The name of the file in the data directory.
pub(crate) const FILE: &str = "tail";

const VERSION: u8 = 1;
const HEADER_BYTES: usize = 1 + 4 * 8 + 4;
const HALVES: usize = 2;

/// The stored form of a group. Its seal ties it to its offset in the file.
fn encode(group: &Group, offset: usize) -> io::Result<Vec<u8>> {
    let length = u32::try_from(group.bytes.len()).map_err(io::Error::other)?;
    let mut record = Vec::with_capacity(stored_bytes(group));
    record.push(VERSION);
    for number in [group.first, group.last, group.chain_before, group.chain] {
        record.extend_from_slice(&number.to_le_bytes());
    }
    record.extend_from_slice(&length.to_le_bytes());
    record.extend_from_slice(&group.bytes);
    sealed::seal(&mut record, sealed::seed(FILE, offset as u64));
    Ok(record)
}

fn stored_bytes(group: &Group) -> usize {
    HEADER_BYTES + group.bytes.len() + SEAL_BYTES
}

/// The group at the front of `stored`, which is at `offset` in the file. `None` if there is no valid
/// group.
fn decode(stored: &[u8], offset: usize) -> Option<Group> {
    let mut header = Fields(stored.get(..HEADER_BYTES)?);
    (header.u8()? == VERSION).then_some(())?;
    let [first, last, chain_before, chain] =
        [header.u64()?, header.u64()?, header.u64()?, header.u64()?];
    let length = usize::try_from(header.u32()?).ok()?;
    let end = HEADER_BYTES.checked_add(length)?.checked_add(SEAL_BYTES)?;
    let record = sealed::unseal(stored.get(..end)?, sealed::seed(FILE, offset as u64))?;
    Some(Group {
        first,
        last,
        chain_before,
        chain,
        bytes: Bytes::copy_from_slice(&record[HEADER_BYTES..]),
    })
}

/// The groups of a half, which begins at `offset`, up to the first that does not follow.
fn groups_of(half: &[u8], offset: usize) -> Vec<Group> {
    let (mut found, mut at): (Vec<Group>, usize) = (Vec::new(), 0);
    while let Some(group) = half.get(at..).and_then(|rest| decode(rest, offset + at)) {
        let follows = found
            .last()
            .is_none_or(|previous| group.check_follows(previous.end()).is_ok());
        if !follows {
            break;
        }
        at += stored_bytes(&group);
        found.push(group);
    }
    found
}

/// The groups in the tail of a directory, in order. Some of them may be in sled already.
pub(crate) fn read(dir: &Path) -> io::Result<Vec<Group>> {
    let bytes = fs::read(dir.join(FILE))?;
    let half_bytes = bytes.len() / HALVES;
    let mut halves: Vec<_> = (0..HALVES)
        .map(|half| half * half_bytes)
        .map(|offset| groups_of(&bytes[offset..offset + half_bytes], offset))
        .collect();
    halves.sort_by_key(|groups| groups.first().map(|group| group.first));
    Ok(halves.into_iter().flatten().collect())
}

/// Makes the tail of a directory an empty one of this size. All of its groups must be in sled.
pub(crate) fn renew(dir: &Path, bytes: usize, disk: &dyn Disk) -> io::Result<()> {
    // Blocks that were written before need no change of the file's metadata later.
    files::replace(dir, FILE, &vec![0; bytes], disk)
}

/// The tail of an open store. Only one thread writes it at a time.
pub(crate) struct Tail {
    file: File,
    path: PathBuf,
    disk: Arc<dyn Disk>,
    half_bytes: usize,
    /// The half that is being written.
    half: usize,
    /// Where in that half the next group begins.
    at: usize,
    /// The newest sequence in each half. 0 if it is empty.
    newest: [u64; HALVES],
}

impl Tail {
    /// Opens the tail that [`renew`] has made.
    pub(crate) fn open(dir: &Path, disk: Arc<dyn Disk>) -> io::Result<Self> {
        let path = dir.join(FILE);
        let file = OpenOptions::new().write(true).open(&path)?;
        let bytes = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Ok(Self {
            file,
            path,
            disk,
            half_bytes: bytes / HALVES,
            half: 0,
            at: 0,
            newest: [0; HALVES],
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a group of this size can ever be in the tail.
    pub(crate) fn takes(&self, group: &Group) -> bool {
        stored_bytes(group) <= self.half_bytes
    }

    /// The sequence up to which sled must have all groups before this one can be appended. 0 if
    /// there is room already.
    pub(crate) fn needs_moved(&self, group: &Group) -> u64 {
        if self.has_room(group) {
            0
        } else {
            self.newest[1 - self.half]
        }
    }

    fn has_room(&self, group: &Group) -> bool {
        self.at + stored_bytes(group) <= self.half_bytes
    }

    /// Makes a group durable. It must follow the last one, and sled must have all groups up to
    /// [`needs_moved`](Self::needs_moved).
    pub(crate) fn append(&mut self, group: &Group) -> io::Result<()> {
        if !self.has_room(group) {
            (self.half, self.at) = (1 - self.half, 0);
        }
        let offset = self.half * self.half_bytes + self.at;
        let record = encode(group, offset)?;
        self.file.write_all_at(&record, offset as u64)?;
        self.disk.sync_data(&self.file, &self.path)?;
        self.at += record.len();
        self.newest[self.half] = group.last;
        Ok(())
    }

    /// Notes that the newest group went to sled directly, because the tail does not take it. The next
    /// one does not follow the last one here, so it begins a half. All groups are in sled.
    pub(crate) fn skip(&mut self) {
        self.at = 0;
    }

    /// Overwrites all groups, so that no byte of them remains. They must all be in sled.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        self.file
            .write_all_at(&vec![0; HALVES * self.half_bytes], 0)?;
        self.disk.sync_data(&self.file, &self.path)?;
        (self.half, self.at, self.newest) = (0, 0, [0; HALVES]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Position, RealDisk};

    const HALF: usize = 1024;

    fn group(newest: Position, bytes: usize) -> Group {
        Group {
            first: newest.sequence + 1,
            last: newest.sequence + 1,
            chain_before: newest.chain,
            chain: newest.chain + 7,
            bytes: vec![newest.sequence as u8; bytes].into(),
        }
    }

    /// An open tail with a group of each size, and the groups.
    fn filled(dir: &Path, sizes: &[usize]) -> (Tail, Vec<Group>) {
        renew(dir, 2 * HALF, &RealDisk).unwrap();
        let mut tail = Tail::open(dir, Arc::new(RealDisk)).unwrap();
        let mut groups: Vec<Group> = Vec::new();
        for size in sizes {
            let newest = groups.last().map(Group::end).unwrap_or_default();
            groups.push(group(newest, *size));
            tail.append(groups.last().unwrap()).unwrap();
        }
        (tail, groups)
    }

    #[test]
    fn the_groups_are_read_back_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let (_, groups) = filled(dir.path(), &[0, 300, 300, 300, 10]);
        assert_eq!(read(dir.path()).unwrap(), groups);
    }

    /// Groups of equal size begin at equal offsets, so that old ones are valid at their place.
    #[test]
    fn a_half_is_written_again_from_its_start() {
        let dir = tempfile::tempdir().unwrap();
        let (mut tail, mut groups) = filled(dir.path(), &[200; 8]);
        let next = group(groups[7].end(), 200);
        assert_eq!(tail.needs_moved(&next), 4, "the first half has four");
        tail.append(&next).unwrap();
        groups.push(next);
        assert_eq!(read(dir.path()).unwrap(), groups[4..]);
    }

    #[test]
    fn a_damaged_group_hides_those_behind_it() {
        let dir = tempfile::tempdir().unwrap();
        let (tail, groups) = filled(dir.path(), &[200, 200, 200]);
        drop(tail);
        let file = OpenOptions::new().write(true).open(dir.path().join(FILE));
        file.unwrap().write_all_at(b"x", 300).unwrap();
        assert_eq!(read(dir.path()).unwrap(), groups[..1]);
    }

    #[test]
    fn a_cleared_tail_has_no_byte_of_its_groups() {
        let dir = tempfile::tempdir().unwrap();
        let (mut tail, groups) = filled(dir.path(), &[100, 900, 900]);
        tail.clear().unwrap();
        let bytes = fs::read(dir.path().join(FILE)).unwrap();
        assert!(bytes.len() == 2 * HALF && bytes.iter().all(|byte| *byte == 0));
        let next = group(groups[2].end(), 900);
        assert!(tail.takes(&next) && tail.needs_moved(&next) == 0);
        tail.append(&next).unwrap();
        assert_eq!(read(dir.path()).unwrap(), [next]);
    }

    #[test]
    fn groups_after_one_that_does_not_fit_are_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let (mut tail, groups) = filled(dir.path(), &[200; 6]);
        let large = group(groups[5].end(), 2 * HALF);
        assert!(!tail.takes(&large));
        tail.skip();
        let next = group(large.end(), 200);
        assert_eq!(tail.needs_moved(&next), 0);
        tail.append(&next).unwrap();
        assert_eq!(read(dir.path()).unwrap().last(), Some(&next));
    }

    #[test]
    fn a_group_larger_than_a_half_does_not_fit() {
        let dir = tempfile::tempdir().unwrap();
        let (tail, _) = filled(dir.path(), &[]);
        let most = HALF - HEADER_BYTES - SEAL_BYTES;
        assert!(tail.takes(&group(Position::default(), most)));
        assert!(!tail.takes(&group(Position::default(), most + 1)));
    }
}
