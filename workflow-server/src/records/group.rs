//! Groups of entries: a version byte, then each entry with its length. The chain hash covers the
//! bytes of the entries. It is therefore the same for any grouping.

use std::hash::Hasher;

use aftercall_engine::Entry;
use prost::Message;
use twox_hash::XxHash3_64;

use super::v1::{EntryRecord, write_entry};
use super::version::versioned;
use super::{RECORDS_VERSION, RecordError};

/// The largest unpacked size of packed history: a group with an import of the largest file, with
/// some reserve.
const UNPACKED_BYTES_MAX: usize = 16 << 20;
/// Compression level: the default of the library. Higher levels cost more time than the saved space
/// is worth.
const PACK_LEVEL: i32 = 3;

/// A group that is being filled.
#[derive(Debug)]
pub struct GroupBytes {
    bytes: Vec<u8>,
    chain: u64,
}

impl GroupBytes {
    /// Starts an empty group after the entry with this chain hash.
    #[must_use]
    pub fn new(chain: u64) -> Self {
        Self {
            bytes: vec![RECORDS_VERSION],
            chain,
        }
    }

    /// Adds an entry. Returns its chain hash.
    pub fn push(&mut self, entry: &Entry) -> u64 {
        self.push_within(entry, usize::MAX).unwrap_or(self.chain)
    }

    /// Adds an entry that takes at most `bytes_max` bytes. Returns `None`, and adds nothing, if it
    /// is larger.
    pub fn push_within(&mut self, entry: &Entry, bytes_max: usize) -> Option<u64> {
        let start = self.bytes.len();
        write_entry(&mut self.bytes, entry);
        if self.bytes.len() - start > bytes_max {
            self.bytes.truncate(start);
            return None;
        }
        self.chain = link(self.chain, &self.bytes[start..]);
        Some(self.chain)
    }

    /// The chain hash of the newest entry.
    #[must_use]
    pub fn chain(&self) -> u64 {
        self.chain
    }

    /// The size in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether it has no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.len() <= 1
    }

    /// The encoded group.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

/// An entry with its chain hash.
#[derive(Debug, Clone)]
pub struct Linked {
    /// The entry.
    pub entry: Entry,
    /// The chain hash of the entry.
    pub chain: u64,
}

/// Reads a group, and checks that its entries connect one chain hash with the other.
///
/// # Errors
/// [`RecordError`] if the group is damaged, or the chain is broken.
pub fn decode_group(
    bytes: &[u8],
    chain_before: u64,
    chain_after: u64,
) -> Result<Vec<Linked>, RecordError> {
    let mut rest = versioned(bytes)?;
    let (mut entries, mut chain) = (Vec::new(), chain_before);
    while !rest.is_empty() {
        let start = rest;
        let record = EntryRecord::decode_length_delimited(&mut rest)?;
        chain = link(chain, &start[..start.len() - rest.len()]);
        entries.push(Linked {
            entry: record.try_into()?,
            chain,
        });
    }
    if chain != chain_after {
        return Err(RecordError::BrokenChain {
            sequence: entries.last().map_or(0, |linked| linked.entry.sequence),
        });
    }
    Ok(entries)
}

/// Cuts a group after the entry `upto`. Returns the first part and the chain hash of `upto`. The
/// bytes of the entries do not change.
///
/// # Errors
/// [`RecordError`] if the group is damaged.
pub fn cut_group(
    bytes: &[u8],
    chain_before: u64,
    upto: u64,
) -> Result<(Vec<u8>, u64), RecordError> {
    let mut rest = versioned(bytes)?;
    let (mut chain, mut end) = (chain_before, bytes.len() - rest.len());
    while !rest.is_empty() {
        let start = rest;
        let record = EntryRecord::decode_length_delimited(&mut rest)?;
        if Entry::try_from(record)?.sequence > upto {
            break;
        }
        let taken = start.len() - rest.len();
        chain = link(chain, &start[..taken]);
        end += taken;
    }
    Ok((bytes[..end].to_vec(), chain))
}

/// Packs entries for the history: the bytes of a group, compressed.
///
/// # Errors
/// [`RecordError::Unpack`] if the compressor fails.
pub fn pack_entries<'e>(entries: impl Iterator<Item = &'e Entry>) -> Result<Vec<u8>, RecordError> {
    let mut group = GroupBytes::new(0);
    for entry in entries {
        group.push(entry);
    }
    Ok(zstd::bulk::compress(&group.into_bytes(), PACK_LEVEL)?)
}

/// Reads packed entries.
///
/// # Errors
/// [`RecordError`] if they are damaged.
pub fn unpack_entries(packed: &[u8]) -> Result<Vec<Entry>, RecordError> {
    let bytes = zstd::bulk::decompress(packed, UNPACKED_BYTES_MAX)?;
    let mut rest = versioned(&bytes)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        entries.push(EntryRecord::decode_length_delimited(&mut rest)?.try_into()?);
    }
    Ok(entries)
}

fn link(chain: u64, bytes: &[u8]) -> u64 {
    let mut hasher = XxHash3_64::with_seed(chain);
    hasher.write(bytes);
    hasher.finish()
}
