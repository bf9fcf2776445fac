//! How entries and snapshots are written: bytes with a version, kept apart from the API's messages,
//! so that each may change without the other.
//!
//! Promises: what was written by an older server is read by every newer one (samples of each
//! version are in the tests); what does not read whole is an error, never a guess. The fields that
//! hold personal data are marked in the record types.
//!
//! Must not know of a store: bytes go out, bytes come in.

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

/// The version with which this server writes. A newer one is refused, an older one is read.
pub const RECORDS_VERSION: u8 = 1;

/// Stored bytes do not read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// Written by a newer server.
    #[error(
        "the stored records have version {found}, this server reads up to {RECORDS_VERSION}: start the newer server that wrote them"
    )]
    NewerVersion {
        /// The version found.
        found: u8,
    },
    /// Not the form of a record.
    #[error("a stored record does not read: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// A record lacks something, or names something that does not exist.
    #[error("a stored record is incomplete: {0}")]
    Incomplete(&'static str),
    /// The chain hash does not lead to the one that was stored.
    #[error("the chain of stored entries is broken at sequence {sequence}")]
    BrokenChain {
        /// Where.
        sequence: u64,
    },
    /// Compressed bytes do not unpack.
    #[error("stored history does not unpack: {0}")]
    Unpack(#[from] std::io::Error),
}
