//! Open alerts of instances.

use aftercall_definition::time::Time;
use aftercall_engine::instance::{Alert, Seen, Snooze};

use super::codes::Coded;
use super::writing::Fields;
use crate::records::RecordError;

/// An open alert of an instance.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct AlertRecord {
    #[prost(uint32, tag = "1")]
    action: u32,
    /// Personal.
    #[prost(string, tag = "2")]
    text: String,
    #[prost(uint32, tag = "3")]
    team: u32,
    #[prost(int32, tag = "4")]
    priority: i32,
    #[prost(sint64, optional, tag = "5")]
    due: Option<i64>,
    #[prost(message, optional, tag = "6")]
    seen: Option<SeenRecord>,
    #[prost(uint32, repeated, tag = "7")]
    added_teams: Vec<u32>,
    #[prost(sint64, optional, tag = "8")]
    escalates_at: Option<i64>,
    #[prost(uint32, tag = "9")]
    escalated: u32,
    #[prost(message, optional, tag = "10")]
    snooze: Option<SnoozeRecord>,
    #[prost(sint64, optional, tag = "11")]
    counts_from: Option<i64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SnoozeRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    by: String,
    #[prost(sint64, tag = "2")]
    until: i64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SeenRecord {
    /// Personal.
    #[prost(string, tag = "1")]
    by: String,
    #[prost(sint64, tag = "2")]
    at: i64,
    #[prost(sint64, optional, tag = "3")]
    until: Option<i64>,
}

impl From<&Snooze> for SnoozeRecord {
    fn from(snooze: &Snooze) -> Self {
        Self {
            by: snooze.by.to_string(),
            until: snooze.until.0,
        }
    }
}

impl From<&Seen> for SeenRecord {
    fn from(seen: &Seen) -> Self {
        Self {
            by: seen.by.to_string(),
            at: seen.at.0,
            until: seen.until.map(|until| until.0),
        }
    }
}

impl From<&Alert> for AlertRecord {
    fn from(alert: &Alert) -> Self {
        Self {
            action: u32::from(alert.action),
            text: alert.text.to_string(),
            team: alert.team,
            priority: alert.priority.code(),
            due: alert.due.map(|due| due.0),
            seen: alert.seen.as_ref().map(Into::into),
            added_teams: alert.added_teams.to_vec(),
            escalates_at: alert.escalates_at.map(|at| at.0),
            escalated: u32::from(alert.escalated),
            snooze: alert.snooze.as_deref().map(Into::into),
            counts_from: alert.counts_from.map(|from| from.0),
        }
    }
}

/// Writes the fields of an [`AlertRecord`].
pub(super) fn write_alert(fields: &mut Fields<'_>, alert: &Alert) {
    fields.number(1, alert.action);
    fields.text(2, &alert.text);
    fields.number(3, alert.team);
    fields.code(4, alert.priority.code());
    fields.optional_time(5, alert.due);
    fields.optional_record(6, alert.seen.as_ref().map(SeenRecord::from));
    fields.numbers(7, alert.added_teams.iter().copied());
    fields.optional_time(8, alert.escalates_at);
    fields.number(9, alert.escalated);
    fields.optional_record(10, alert.snooze.as_deref().map(SnoozeRecord::from));
    fields.optional_time(11, alert.counts_from);
}

impl TryFrom<AlertRecord> for Alert {
    type Error = RecordError;

    fn try_from(record: AlertRecord) -> Result<Self, RecordError> {
        let snooze = |snooze: SnoozeRecord| {
            Box::new(Snooze {
                by: snooze.by.into(),
                until: Time(snooze.until),
            })
        };
        Ok(Self {
            action: record.action as u16,
            text: record.text.into(),
            team: record.team,
            added_teams: record.added_teams.into(),
            priority: Coded::from_code(record.priority)?,
            counts_from: record.counts_from.map(Time),
            due: record.due.map(Time),
            escalates_at: record.escalates_at.map(Time),
            escalated: record.escalated as u16,
            seen: record.seen.map(|seen| Seen {
                by: seen.by.into(),
                at: Time(seen.at),
                until: seen.until.map(Time),
            }),
            snooze: record.snooze.map(snooze),
        })
    }
}
