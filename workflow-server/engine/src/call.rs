//! Telephone calls, as far as follow-ups need them.

use aftercall_definition::facts::CallFacts;
use aftercall_definition::time::Time;

/// Names a call: two script engines may both have a call 1001.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallKey {
    /// The script engine that knows the call.
    pub source: Box<str>,
    /// The call's id there.
    pub id: Box<str>,
}

/// The person on the line. Personal data.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Caller {
    /// Name as people say it.
    pub name: Box<str>,
    /// Telephone number as dialled.
    pub phone: Box<str>,
    /// Mail address.
    pub email: Box<str>,
    /// The caller's own reference at the customer.
    pub reference: Box<str>,
    /// The time zone of where the caller is, by its IANA name; empty where nobody said.
    pub time_zone: Box<str>,
}

/// A telephone call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Which call.
    pub key: CallKey,
    /// The company for which it is handled.
    pub customer: Box<str>,
    /// The call script that ran.
    pub script: Box<str>,
    /// The agent who took it.
    pub agent: Box<str>,
    /// The person who called. Personal data.
    pub caller: Caller,
    /// Only chargeable calls appear in the Call Manager.
    pub chargeable: bool,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Anything else, by key. Personal data.
    pub details: Box<[(Box<str>, Box<str>)]>,
    /// When it was first reported to the server.
    pub created_at: Time,
    /// Counts its changes, from 1.
    pub revision: u64,
    /// The sequence of the newest entry that holds this call.
    pub sequence: u64,
    /// The slots of its instances, oldest first, ended ones too.
    pub instances: Box<[u32]>,
}

impl Call {
    /// A call of which only the key is known.
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

    /// What texts and conditions may use of it.
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
