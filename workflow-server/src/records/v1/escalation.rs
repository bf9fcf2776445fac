//! The rungs of an alert's escalation.

use aftercall_definition::model::{Again, Raise, Rung, RungTime};

use super::codes::Coded;
use super::definition::SpanRecord;
use crate::records::RecordError;

/// A rung; without a share and a span it comes at the due.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct RungRecord {
    /// In hundredths.
    #[prost(uint32, tag = "1")]
    share: u32,
    #[prost(message, optional, tag = "2")]
    after: Option<SpanRecord>,
    #[prost(message, optional, tag = "3")]
    every: Option<SpanRecord>,
    #[prost(uint32, tag = "4")]
    times: u32,
    /// The priority to rise to.
    #[prost(int32, optional, tag = "5")]
    priority: Option<i32>,
    #[prost(bool, tag = "6")]
    raises_by_one: bool,
    #[prost(string, optional, tag = "7")]
    team: Option<String>,
    #[prost(string, optional, tag = "8")]
    add_team: Option<String>,
}

impl From<&Rung> for RungRecord {
    fn from(rung: &Rung) -> Self {
        let (share, after) = match rung.at {
            RungTime::Share(share) => (u32::from(share), None),
            RungTime::Due => (0, None),
            RungTime::After(after) => (0, Some(after.into())),
        };
        Self {
            share,
            after,
            every: rung.again.map(|again| again.every.into()),
            times: rung.again.map_or(0, |again| again.times),
            priority: match rung.priority {
                Some(Raise::To(priority)) => Some(priority.code()),
                Some(Raise::ByOne) | None => None,
            },
            raises_by_one: rung.priority == Some(Raise::ByOne),
            team: rung.team.clone(),
            add_team: rung.add_team.clone(),
        }
    }
}

impl TryFrom<RungRecord> for Rung {
    type Error = RecordError;

    fn try_from(record: RungRecord) -> Result<Self, RecordError> {
        let at = match (record.share, record.after) {
            (0, None) => RungTime::Due,
            (0, Some(after)) => RungTime::After(after.try_into()?),
            (share, _) => RungTime::Share(
                u8::try_from(share).map_err(|_| RecordError::Incomplete("share of a rung"))?,
            ),
        };
        let again = |every: SpanRecord| {
            Ok::<_, RecordError>(Again {
                every: every.try_into()?,
                times: record.times,
            })
        };
        Ok(Self {
            at,
            again: record.every.map(again).transpose()?,
            priority: match record.priority {
                Some(priority) => Some(Raise::To(Coded::from_code(priority)?)),
                None => record.raises_by_one.then_some(Raise::ByOne),
            },
            team: record.team,
            add_team: record.add_team,
        })
    }
}
