//! Telephone calls, with the properties that follow-ups need.

use aftercall_definition::facts::CallFacts;
use aftercall_definition::time::Time;

/// The key of a call. Two script engines may both have a call 1001, so the id alone is not enough.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey {
    /// The script engine that reports the call.
    pub source: Box<str>,
    /// The id of the call in that script engine.
    pub id: Box<str>,
}

/// The person who called. Personal data.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Caller {
    /// The full name.
    pub name: Box<str>,
    /// The telephone number as the script engine reported it.
    pub phone: Box<str>,
    /// The mail address.
    pub email: Box<str>,
    /// The caller's reference at the customer.
    pub reference: Box<str>,
    /// The time zone where the caller is, as an IANA name; empty if unknown.
    pub time_zone: Box<str>,
}

/// A telephone call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The key of the call.
    pub key: CallKey,
    /// The company for which the agent took the call.
    pub customer: Box<str>,
    /// The call script that ran during the call.
    pub script: Box<str>,
    /// The agent who took the call.
    pub agent: Box<str>,
    /// The person who called. Personal data.
    pub caller: Caller,
    /// Whether the call is chargeable. Call Managers show only chargeable calls.
    pub chargeable: bool,
    /// When the call ended.
    pub ended_at: Option<Time>,
    /// Further properties by key. Personal data.
    pub details: Box<[(Box<str>, Box<str>)]>,
    /// When the call was first reported to the server.
    pub created_at: Time,
    /// The number of changes of the call, from 1.
    pub revision: u64,
    /// The sequence of the newest entry that contains this call.
    pub sequence: u64,
    /// The slots of the call's instances, oldest first, including ended ones.
    pub instances: Box<[u32]>,
}

impl Call {
    /// A call that has only a key so far.
    #[must_use]
    pub fn new(key: CallKey, created_at: Time) -> Self {
        Self {
            key,
            customer: "".into(),
            script: "".into(),
            agent: "".into(),
            caller: Caller::default(),
            chargeable: false,
            ended_at: None,
            details: Box::default(),
            created_at,
            revision: 0,
            sequence: 0,
            instances: Box::default(),
        }
    }

    /// The properties that texts and conditions can use.
    #[must_use]
    pub fn facts(&self) -> CallFacts<'_> {
        CallFacts {
            id: &self.key.id,
            source: &self.key.source,
            customer: &self.customer,
            script: &self.script,
            agent: &self.agent,
            caller_name: &self.caller.name,
            caller_phone: &self.caller.phone,
            caller_email: &self.caller.email,
            caller_reference: &self.caller.reference,
            caller_time_zone: &self.caller.time_zone,
            is_chargeable: self.chargeable,
            has_ended: self.ended_at.is_some(),
            details: &self.details,
        }
    }
}
