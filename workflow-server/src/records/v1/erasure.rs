//! Erasures, and changes of them.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::actor::Actor;
use aftercall_engine::call::CallKey;
use aftercall_engine::erasure::{ErasedCall, Erasure, ErasureChange};
use prost::Message;

use super::codes::Coded;
use super::instance::IdRecord;
use super::subject::{from_subject, subject};
use crate::records::version::versioned;
use crate::records::{RECORDS_VERSION, RecordError};

#[derive(Clone, PartialEq, prost::Message)]
struct ErasedCallRecord {
    #[prost(string, tag = "1")]
    source: String,
    #[prost(string, tag = "2")]
    id: String,
    #[prost(message, repeated, tag = "3")]
    instances: Vec<IdRecord>,
    #[prost(sint64, tag = "4")]
    created_at: i64,
}

/// An erasure.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ErasureRecord {
    #[prost(uint64, tag = "1")]
    id: u64,
    #[prost(int32, tag = "2")]
    state: i32,
    #[prost(int32, tag = "3")]
    actor_kind: i32,
    /// Personal.
    #[prost(string, tag = "4")]
    actor_name: String,
    #[prost(string, tag = "5")]
    reason: String,
    #[prost(sint64, tag = "6")]
    started_at: i64,
    #[prost(sint64, optional, tag = "7")]
    ended_at: Option<i64>,
    #[prost(message, repeated, tag = "8")]
    calls: Vec<ErasedCallRecord>,
    #[prost(uint64, repeated, tag = "9")]
    masked_at: Vec<u64>,
    #[prost(bool, tag = "10")]
    more: bool,
    /// Personal. Empty if only the name of the actor is known.
    #[prost(string, tag = "11")]
    actor_subject: String,
}

impl From<&Erasure> for ErasureRecord {
    fn from(erasure: &Erasure) -> Self {
        let call = |call: &ErasedCall| ErasedCallRecord {
            source: call.key.source.to_string(),
            id: call.key.id.to_string(),
            created_at: call.created_at.0,
            instances: call.instances.iter().map(|id| (*id).into()).collect(),
        };
        Self {
            id: erasure.id,
            state: erasure.state.code(),
            actor_kind: erasure.actor.kind.code(),
            actor_name: erasure.actor.name.to_string(),
            actor_subject: subject(&erasure.actor.subject),
            reason: erasure.reason.to_string(),
            started_at: erasure.started_at.0,
            ended_at: erasure.ended_at.map(|at| at.0),
            calls: erasure.calls.iter().map(call).collect(),
            masked_at: erasure.masked_at.iter().copied().collect(),
            more: erasure.more,
        }
    }
}

impl TryFrom<ErasureRecord> for Erasure {
    type Error = RecordError;

    fn try_from(record: ErasureRecord) -> Result<Self, RecordError> {
        let call = |call: ErasedCallRecord| ErasedCall {
            key: CallKey {
                source: call.source.into(),
                id: call.id.into(),
            },
            created_at: Time(call.created_at),
            instances: call.instances.into_iter().map(Into::into).collect(),
        };
        Ok(Self {
            id: record.id,
            actor: Actor {
                kind: Coded::from_code(record.actor_kind)?,
                name: record.actor_name.into(),
                subject: from_subject(&record.actor_subject),
            },
            reason: record.reason.into(),
            started_at: Time(record.started_at),
            ended_at: record.ended_at.map(Time),
            calls: record.calls.into_iter().map(call).collect(),
            masked_at: record.masked_at.into_iter().collect(),
            more: record.more,
            state: Coded::from_code(record.state)?,
        })
    }
}

/// Encodes an erasure with a version byte, for the list of erasures beside backups.
#[must_use]
pub fn encode_erasure(erasure: &Erasure) -> Vec<u8> {
    let mut bytes = vec![RECORDS_VERSION];
    // Writing to a Vec cannot fail: it grows.
    let _ = ErasureRecord::from(erasure).encode(&mut bytes);
    bytes
}

/// Decodes the bytes of [`encode_erasure`].
///
/// # Errors
/// [`RecordError`] if the bytes are damaged.
pub fn decode_erasure(bytes: &[u8]) -> Result<Erasure, RecordError> {
    ErasureRecord::decode(versioned(bytes)?)?.try_into()
}

/// A change of an erasure: it was started, a call was masked, or it is done.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ErasureChangeRecord {
    #[prost(message, optional, tag = "1")]
    started: Option<ErasureRecord>,
    #[prost(uint64, tag = "2")]
    erasure: u64,
    #[prost(uint32, optional, tag = "3")]
    call: Option<u32>,
}

impl From<&ErasureChange> for ErasureChangeRecord {
    fn from(change: &ErasureChange) -> Self {
        match change {
            ErasureChange::Started(erasure) => Self {
                started: Some((&**erasure).into()),
                ..Self::default()
            },
            ErasureChange::Masked { erasure, call } => Self {
                erasure: *erasure,
                call: Some(*call),
                ..Self::default()
            },
            ErasureChange::Ended { erasure } => Self {
                erasure: *erasure,
                ..Self::default()
            },
        }
    }
}

impl TryFrom<ErasureChangeRecord> for ErasureChange {
    type Error = RecordError;

    fn try_from(record: ErasureChangeRecord) -> Result<Self, RecordError> {
        Ok(match (record.started, record.call) {
            (Some(erasure), _) => Self::Started(Arc::new(erasure.try_into()?)),
            (None, Some(call)) => Self::Masked {
                erasure: record.erasure,
                call,
            },
            (None, None) => Self::Ended {
                erasure: record.erasure,
            },
        })
    }
}
