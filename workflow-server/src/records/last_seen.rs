//! The last sign of life of a server. The next start uses it to judge the wall clock.

use std::sync::Arc;

use aftercall_definition::time::Time;
use prost::Message;

use super::version::versioned;
use super::{RECORDS_VERSION, RecordError};

/// The time as a server last knew it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSeen {
    /// The newest durable sequence at that moment.
    pub sequence: u64,
    /// The server's time.
    pub server: Time,
    /// The time of the wall clock.
    pub wall: Time,
    /// The id of the boot of the machine. Empty if the system has none.
    pub boot: Arc<str>,
    /// How long the machine had been up, in milliseconds.
    pub up_millis: u64,
    /// Whether the wall clock was held.
    pub is_held: bool,
    /// How far ahead the wall clock could be without being held, in milliseconds.
    pub slack_millis: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LastSeenRecord {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(sint64, tag = "2")]
    server: i64,
    #[prost(sint64, tag = "3")]
    wall: i64,
    #[prost(string, tag = "4")]
    boot: String,
    #[prost(uint64, tag = "5")]
    up_millis: u64,
    #[prost(bool, tag = "6")]
    held: bool,
    #[prost(uint64, tag = "7")]
    slack_millis: u64,
}

impl LastSeen {
    /// Encodes the sign.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let record = LastSeenRecord {
            sequence: self.sequence,
            server: self.server.0,
            wall: self.wall.0,
            boot: self.boot.to_string(),
            up_millis: self.up_millis,
            held: self.is_held,
            slack_millis: self.slack_millis,
        };
        let mut bytes = vec![RECORDS_VERSION];
        // Writing to a Vec cannot fail: it grows.
        let _ = record.encode(&mut bytes);
        bytes
    }

    /// Decodes a sign.
    ///
    /// # Errors
    /// [`RecordError`] if the bytes are damaged.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordError> {
        let record = LastSeenRecord::decode(versioned(bytes)?)?;
        Ok(Self {
            sequence: record.sequence,
            server: Time(record.server),
            wall: Time(record.wall),
            boot: record.boot.into(),
            up_millis: record.up_millis,
            is_held: record.held,
            slack_millis: record.slack_millis,
        })
    }
}
