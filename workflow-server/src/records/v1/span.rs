//! Durations as authors write them: an amount and a unit.

use aftercall_definition::time::{Span, SpanUnit};

use super::codes::Coded;
use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SpanRecord {
    #[prost(uint32, tag = "1")]
    amount: u32,
    #[prost(int32, tag = "2")]
    unit: i32,
}

impl From<Span> for SpanRecord {
    fn from(span: Span) -> Self {
        Self {
            amount: span.amount,
            unit: span.unit.code(),
        }
    }
}

impl TryFrom<SpanRecord> for Span {
    type Error = RecordError;

    fn try_from(record: SpanRecord) -> Result<Self, RecordError> {
        Ok(Self {
            amount: record.amount,
            unit: SpanUnit::from_code(record.unit)?,
        })
    }
}
