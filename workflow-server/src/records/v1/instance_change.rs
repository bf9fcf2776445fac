//! What an entry did to an instance, and what of it stood before.

use std::sync::Arc;

use aftercall_engine::entry::{AlertBefore, Before, InstanceChange, StageWarning};

use super::codes::Coded;
use super::instance::InstanceRecord;
use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
struct AlertBeforeRecord {
    #[prost(uint32, tag = "1")]
    team: u32,
    #[prost(int32, tag = "2")]
    priority: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct BeforeRecord {
    #[prost(uint64, tag = "1")]
    sequence: u64,
    #[prost(uint32, tag = "2")]
    stage: u32,
    #[prost(bool, tag = "3")]
    visible: bool,
    #[prost(string, tag = "4")]
    customer: String,
    #[prost(message, repeated, tag = "5")]
    alerts: Vec<AlertBeforeRecord>,
    /// Personal.
    #[prost(string, tag = "6")]
    holder: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct StageWarningRecord {
    #[prost(uint32, tag = "1")]
    stage: u32,
    #[prost(uint32, tag = "2")]
    action: u32,
    #[prost(int32, tag = "3")]
    kind: i32,
    #[prost(string, tag = "4")]
    name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InstanceChangeRecord {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(message, optional, tag = "2")]
    after: Option<InstanceRecord>,
    #[prost(message, optional, tag = "3")]
    before: Option<BeforeRecord>,
    #[prost(uint32, repeated, tag = "4")]
    entered: Vec<u32>,
    #[prost(message, repeated, tag = "5")]
    warnings: Vec<StageWarningRecord>,
}

impl From<&InstanceChange> for InstanceChangeRecord {
    fn from(change: &InstanceChange) -> Self {
        let alert = |alert: &AlertBefore| AlertBeforeRecord { team: alert.team, priority: alert.priority.code() };
        Self {
            kind: change.kind.code(),
            after: Some((&*change.after).into()),
            before: change.before.as_ref().map(|before| BeforeRecord {
                sequence: before.sequence,
                stage: before.stage,
                visible: before.visible,
                customer: before.customer.to_string(),
                alerts: before.alerts.iter().map(alert).collect(),
                holder: before.holder.to_string(),
            }),
            entered: change.entered.to_vec(),
            warnings: change.warnings.iter().map(warning_record).collect(),
        }
    }
}

impl TryFrom<InstanceChangeRecord> for InstanceChange {
    type Error = RecordError;

    fn try_from(record: InstanceChangeRecord) -> Result<Self, RecordError> {
        Ok(Self {
            kind: Coded::from_code(record.kind)?,
            after: Arc::new(record.after.ok_or(RecordError::Incomplete("instance"))?.try_into()?),
            before: record.before.map(before).transpose()?,
            entered: record.entered.into(),
            warnings: record.warnings.into_iter().map(warning).collect::<Result<_, _>>()?,
        })
    }
}

fn warning_record(warning: &StageWarning) -> StageWarningRecord {
    let StageWarning { stage, action, kind, name } = warning;
    StageWarningRecord { stage: *stage, action: u32::from(*action), kind: kind.code(), name: name.to_string() }
}

fn warning(record: StageWarningRecord) -> Result<StageWarning, RecordError> {
    let StageWarningRecord { stage, action, kind, name } = record;
    Ok(StageWarning { stage, action: action as u16, kind: Coded::from_code(kind)?, name: name.into() })
}

fn before(record: BeforeRecord) -> Result<Before, RecordError> {
    let alert =
        |alert: AlertBeforeRecord| Ok(AlertBefore { team: alert.team, priority: Coded::from_code(alert.priority)? });
    Ok(Before {
        sequence: record.sequence,
        stage: record.stage,
        visible: record.visible,
        customer: record.customer.into(),
        alerts: record.alerts.into_iter().map(alert).collect::<Result<_, RecordError>>()?,
        holder: record.holder.into(),
    })
}
