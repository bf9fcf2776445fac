//! What an entry changed about an instance, and the values before.

use std::sync::Arc;

use aftercall_definition::time::Time;
use aftercall_engine::entry::{After, AlertBefore, Before, InstanceChange, StageWarning, Touched};

use super::codes::Coded;
use super::instance::{IdRecord, InstanceRecord, write_instance};
use super::writing::Fields;
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

/// An instance of which only the call changed.
#[derive(Clone, PartialEq, prost::Message)]
struct TouchedRecord {
    #[prost(message, optional, tag = "1")]
    id: Option<IdRecord>,
    #[prost(uint32, tag = "2")]
    call: u32,
    #[prost(uint32, tag = "3")]
    workflow: u32,
    #[prost(uint32, tag = "4")]
    version: u32,
    #[prost(int32, tag = "5")]
    status: i32,
    #[prost(uint32, tag = "6")]
    revision: u32,
    #[prost(uint64, tag = "7")]
    sequence: u64,
    #[prost(uint64, tag = "8")]
    whole_at: u64,
    #[prost(sint64, optional, tag = "9")]
    release_at: Option<i64>,
    #[prost(sint64, optional, tag = "10")]
    refresh_at: Option<i64>,
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
    /// Used instead of `after`.
    #[prost(message, optional, tag = "6")]
    touched: Option<TouchedRecord>,
    /// The places of rewritten actions.
    #[prost(uint32, repeated, tag = "7")]
    rewritten: Vec<u32>,
}

/// Writes the fields of an [`InstanceChangeRecord`].
pub(super) fn write_change(fields: &mut Fields<'_>, change: &InstanceChange) {
    fields.code(1, change.kind.code());
    if let After::Whole(instance) = &change.after {
        fields.message(2, |fields| write_instance(fields, instance));
    }
    fields.optional_record(3, change.before.as_ref().map(before_record));
    fields.numbers(4, change.entered.iter().copied());
    for warning in &change.warnings {
        fields.record(5, &warning_record(warning));
    }
    if let After::Touched(touched) = &change.after {
        fields.record(6, &touched_record(touched));
    }
    fields.numbers(7, change.rewritten.iter().map(|action| u32::from(*action)));
}

fn before_record(before: &Before) -> BeforeRecord {
    let alert = |alert: &AlertBefore| AlertBeforeRecord {
        team: alert.team,
        priority: alert.priority.code(),
    };
    BeforeRecord {
        sequence: before.sequence,
        stage: before.stage,
        visible: before.visible,
        customer: before.customer.to_string(),
        alerts: before.alerts.iter().map(alert).collect(),
        holder: before.holder.to_string(),
    }
}

impl TryFrom<InstanceChangeRecord> for InstanceChange {
    type Error = RecordError;

    fn try_from(record: InstanceChangeRecord) -> Result<Self, RecordError> {
        Ok(Self {
            kind: Coded::from_code(record.kind)?,
            after: match (record.after, record.touched) {
                (Some(instance), None) => After::Whole(Arc::new(instance.try_into()?)),
                (None, Some(record)) => After::Touched(touched(&record)?),
                _ => return Err(RecordError::Incomplete("instance")),
            },
            before: record.before.map(before).transpose()?,
            entered: record.entered.into(),
            warnings: record
                .warnings
                .into_iter()
                .map(warning)
                .collect::<Result<_, _>>()?,
            rewritten: record
                .rewritten
                .into_iter()
                .map(|action| action as u16)
                .collect(),
        })
    }
}

fn touched_record(touched: &Touched) -> TouchedRecord {
    TouchedRecord {
        id: Some(touched.id.into()),
        call: touched.call,
        workflow: touched.workflow,
        version: touched.version,
        status: touched.status.code(),
        revision: touched.revision,
        sequence: touched.sequence,
        whole_at: touched.whole_at,
        release_at: touched.release_at.map(|at| at.0),
        refresh_at: touched.refresh_at.map(|at| at.0),
    }
}

fn touched(record: &TouchedRecord) -> Result<Touched, RecordError> {
    Ok(Touched {
        id: record
            .id
            .ok_or(RecordError::Incomplete("instance id"))?
            .into(),
        call: record.call,
        workflow: record.workflow,
        version: record.version,
        status: Coded::from_code(record.status)?,
        revision: record.revision,
        sequence: record.sequence,
        whole_at: record.whole_at,
        release_at: record.release_at.map(Time),
        refresh_at: record.refresh_at.map(Time),
    })
}

fn warning_record(warning: &StageWarning) -> StageWarningRecord {
    let StageWarning {
        stage,
        action,
        kind,
        name,
    } = warning;
    StageWarningRecord {
        stage: *stage,
        action: u32::from(*action),
        kind: kind.code(),
        name: name.to_string(),
    }
}

fn warning(record: StageWarningRecord) -> Result<StageWarning, RecordError> {
    let StageWarningRecord {
        stage,
        action,
        kind,
        name,
    } = record;
    Ok(StageWarning {
        stage,
        action: action as u16,
        kind: Coded::from_code(kind)?,
        name: name.into(),
    })
}

fn before(record: BeforeRecord) -> Result<Before, RecordError> {
    let alert = |alert: AlertBeforeRecord| {
        Ok(AlertBefore {
            team: alert.team,
            priority: Coded::from_code(alert.priority)?,
        })
    };
    Ok(Before {
        sequence: record.sequence,
        stage: record.stage,
        visible: record.visible,
        customer: record.customer.into(),
        alerts: record
            .alerts
            .into_iter()
            .map(alert)
            .collect::<Result<_, RecordError>>()?,
        holder: record.holder.into(),
    })
}
