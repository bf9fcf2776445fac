//! The steps of an alert's escalation.

use aftercall_definition::model::{Again, EscalationStep, Raise, StepTime};

use super::codes::Coded;
use super::span::SpanRecord;
use crate::records::RecordError;

/// An escalation step. Without a share and a span it happens when the alert is due.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct StepRecord {
    /// The share of the time until the due, in hundredths.
    #[prost(uint32, tag = "1")]
    share: u32,
    #[prost(message, optional, tag = "2")]
    after: Option<SpanRecord>,
    #[prost(message, optional, tag = "3")]
    every: Option<SpanRecord>,
    #[prost(uint32, tag = "4")]
    times: u32,
    /// The new priority.
    #[prost(int32, optional, tag = "5")]
    priority: Option<i32>,
    #[prost(bool, tag = "6")]
    raises_by_one: bool,
    #[prost(string, optional, tag = "7")]
    team: Option<String>,
    #[prost(string, optional, tag = "8")]
    add_team: Option<String>,
}

impl From<&EscalationStep> for StepRecord {
    fn from(step: &EscalationStep) -> Self {
        let (share, after) = match step.at {
            StepTime::Share(share) => (u32::from(share), None),
            StepTime::Due => (0, None),
            StepTime::After(after) => (0, Some(after.into())),
        };
        Self {
            share,
            after,
            every: step.again.map(|again| again.every.into()),
            times: step.again.map_or(0, |again| again.times),
            priority: match step.priority {
                Some(Raise::To(priority)) => Some(priority.code()),
                Some(Raise::ByOne) | None => None,
            },
            raises_by_one: step.priority == Some(Raise::ByOne),
            team: step.team.clone(),
            add_team: step.add_team.clone(),
        }
    }
}

impl TryFrom<StepRecord> for EscalationStep {
    type Error = RecordError;

    fn try_from(record: StepRecord) -> Result<Self, RecordError> {
        let at = match (record.share, record.after) {
            (0, None) => StepTime::Due,
            (0, Some(after)) => StepTime::After(after.try_into()?),
            (share, _) => StepTime::Share(
                u8::try_from(share)
                    .map_err(|_| RecordError::Incomplete("share of an escalation step"))?,
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
