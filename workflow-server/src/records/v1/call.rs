//! Calls.

use std::collections::BTreeMap;

use aftercall_definition::time::Time;
use aftercall_engine::call::{Call, CallKey, Caller};

use super::writing::Fields;

/// A call.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CallRecord {
    #[prost(uint32, tag = "1")]
    pub(crate) slot: u32,
    #[prost(string, tag = "2")]
    source: String,
    #[prost(string, tag = "3")]
    id: String,
    #[prost(string, tag = "4")]
    customer: String,
    #[prost(string, tag = "5")]
    script: String,
    /// Personal.
    #[prost(string, tag = "6")]
    agent: String,
    /// Personal.
    #[prost(string, tag = "7")]
    caller_name: String,
    /// Personal.
    #[prost(string, tag = "8")]
    caller_phone: String,
    /// Personal.
    #[prost(string, tag = "9")]
    caller_email: String,
    /// Personal.
    #[prost(string, tag = "10")]
    caller_reference: String,
    #[prost(bool, tag = "11")]
    chargeable: bool,
    #[prost(sint64, optional, tag = "12")]
    ended_at: Option<i64>,
    /// Personal.
    #[prost(btree_map = "string, string", tag = "13")]
    details: BTreeMap<String, String>,
    #[prost(sint64, tag = "14")]
    created_at: i64,
    #[prost(uint64, tag = "15")]
    revision: u64,
    #[prost(uint64, tag = "16")]
    sequence: u64,
    #[prost(uint32, repeated, tag = "17")]
    instances: Vec<u32>,
    /// Personal.
    #[prost(string, tag = "18")]
    caller_time_zone: String,
}

impl CallRecord {
    pub(crate) fn new(slot: u32, call: &Call) -> Self {
        Self {
            slot,
            source: call.key.source.to_string(),
            id: call.key.id.to_string(),
            customer: call.customer.to_string(),
            script: call.script.to_string(),
            agent: call.agent.to_string(),
            caller_name: call.caller.name.to_string(),
            caller_phone: call.caller.phone.to_string(),
            caller_email: call.caller.email.to_string(),
            caller_reference: call.caller.reference.to_string(),
            chargeable: call.chargeable,
            ended_at: call.ended_at.map(|at| at.0),
            details: call
                .details
                .iter()
                .map(|(key, value)| (key.to_string(), value.to_string()))
                .collect(),
            created_at: call.created_at.0,
            revision: call.revision,
            sequence: call.sequence,
            instances: call.instances.to_vec(),
            caller_time_zone: call.caller.time_zone.to_string(),
        }
    }
}

/// Writes the fields of a [`CallRecord`].
pub(super) fn write_call(fields: &mut Fields<'_>, slot: u32, call: &Call) {
    let caller = &call.caller;
    fields.number(1, slot);
    fields.text(2, &call.key.source);
    fields.text(3, &call.key.id);
    fields.text(4, &call.customer);
    fields.text(5, &call.script);
    fields.text(6, &call.agent);
    fields.text(7, &caller.name);
    fields.text(8, &caller.phone);
    fields.text(9, &caller.email);
    fields.text(10, &caller.reference);
    fields.number(11, call.chargeable);
    fields.optional_time(12, call.ended_at);
    let by_key: BTreeMap<&str, &str> = call
        .details
        .iter()
        .map(|(key, value)| (&**key, &**value))
        .collect();
    for (key, value) in by_key {
        fields.message(13, |detail| {
            detail.text(1, key);
            detail.text(2, value);
        });
    }
    fields.time(14, call.created_at);
    fields.number(15, call.revision);
    fields.number(16, call.sequence);
    fields.numbers(17, call.instances.iter().copied());
    fields.text(18, &caller.time_zone);
}

impl From<CallRecord> for Call {
    fn from(record: CallRecord) -> Self {
        Self {
            key: CallKey {
                source: record.source.into(),
                id: record.id.into(),
            },
            customer: record.customer.into(),
            script: record.script.into(),
            agent: record.agent.into(),
            caller: Caller {
                name: record.caller_name.into(),
                phone: record.caller_phone.into(),
                email: record.caller_email.into(),
                reference: record.caller_reference.into(),
                time_zone: record.caller_time_zone.into(),
            },
            chargeable: record.chargeable,
            ended_at: record.ended_at.map(Time),
            details: record
                .details
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
            created_at: Time(record.created_at),
            revision: record.revision,
            sequence: record.sequence,
            instances: record.instances.into(),
        }
    }
}
