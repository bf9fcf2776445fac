//! The stored form of entries and snapshots: bytes with a version. It is separate from the messages
//! of the API, so that each can change without the other.
//!
//! Promises: every newer server reads the records of an older one, and the tests have samples of
//! each version. A damaged record is an error, never a guess. The record types mark the fields with
//! personal data.
//!
//! Must not: know a store. It only converts to bytes and back.

mod archive;
mod group;
mod last_seen;
mod snapshot;
pub mod v1;
mod version;

pub use archive::{ArchivedCall, ArchivedInstance, ChunkContent, ChunkFilter};
pub use group::{GroupBytes, Linked, cut_group, decode_group, pack_entries, unpack_entries};
pub use last_seen::LastSeen;
pub use snapshot::{
    SnapshotFrame, SnapshotHead, SnapshotReader, WorldImage, encode_world, snapshot_frames,
};
use thiserror::Error;
pub use v1::{decode_erasure, encode_erasure};

/// The version of the records that this server writes. The server refuses a newer version and reads
/// an older one.
pub const RECORDS_VERSION: u8 = 1;

/// Why stored bytes could not be decoded.
#[derive(Debug, Error)]
pub enum RecordError {
    /// A newer server wrote the records.
    #[error(
        "the stored records have version {found}, this server reads up to {RECORDS_VERSION}: start the newer server that wrote them"
    )]
    NewerVersion {
        /// The version of the records.
        found: u8,
    },
    /// The bytes are not a record.
    #[error("a stored record cannot be decoded: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A part of the record is missing, or refers to a thing that does not exist.
    #[error("a stored record is incomplete: {0}")]
    Incomplete(&'static str),
    /// The computed chain hash differs from the stored one.
    #[error("the chain of stored entries is broken at sequence {sequence}")]
    BrokenChain {
        /// The sequence of the last entry.
        sequence: u64,
    },
    /// The compressed bytes could not be unpacked.
    #[error("stored history cannot be unpacked: {0}")]
    Unpack(#[from] std::io::Error),
}
