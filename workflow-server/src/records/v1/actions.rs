//! The actions of a stage.
//!
//! A later library may not be able to parse an old text or expression. It is then kept as it was
//! written, because a store must always open.

use aftercall_definition::calendar::{ClockTime, NextDay};
use aftercall_definition::expression::Expression;
use aftercall_definition::model::{
    Action, ActionKind, AlertAction, AtMost, ButtonAction, FinishAction, LinkAction, NoteRule,
    SetFieldAction, TimerAction, TimerStart,
};
use aftercall_definition::template::Template;

use super::codes::Coded;
use super::escalation::StepRecord;
use super::fields::{FieldDeclarationRecord, declarations, from_declarations};
use super::span::SpanRecord;
use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
struct AlertActionRecord {
    #[prost(string, tag = "1")]
    text: String,
    #[prost(string, tag = "2")]
    team: String,
    #[prost(int32, tag = "3")]
    priority: i32,
    #[prost(message, optional, tag = "4")]
    due: Option<SpanRecord>,
    #[prost(message, repeated, tag = "5")]
    escalate: Vec<StepRecord>,
    #[prost(string, optional, tag = "6")]
    calendar: Option<String>,
    #[prost(message, optional, tag = "7")]
    seen_for: Option<SpanRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ButtonActionRecord {
    #[prost(string, tag = "1")]
    label: String,
    #[prost(string, tag = "2")]
    event: String,
    #[prost(string, optional, tag = "3")]
    confirmation: Option<String>,
    #[prost(bool, tag = "4")]
    note_required: bool,
    #[prost(message, repeated, tag = "5")]
    form: Vec<FieldDeclarationRecord>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ClockTimeRecord {
    #[prost(uint32, tag = "1")]
    minute: u32,
    #[prost(int32, tag = "2")]
    day: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimerActionRecord {
    #[prost(message, optional, tag = "1")]
    after: Option<SpanRecord>,
    #[prost(bool, tag = "2")]
    from_start: bool,
    #[prost(string, tag = "3")]
    event: String,
    #[prost(bool, tag = "4")]
    waits_for_claim: bool,
    #[prost(message, optional, tag = "5")]
    at: Option<ClockTimeRecord>,
    #[prost(string, optional, tag = "6")]
    calendar: Option<String>,
    #[prost(string, optional, tag = "7")]
    from_field: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LinkActionRecord {
    #[prost(string, tag = "1")]
    to: String,
    /// The limit. 0 for none.
    #[prost(uint32, tag = "2")]
    times: u32,
    #[prost(string, tag = "3")]
    otherwise: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct FinishActionRecord {
    #[prost(string, tag = "1")]
    outcome: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SetFieldActionRecord {
    #[prost(string, tag = "1")]
    field: String,
    #[prost(string, tag = "2")]
    to: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ActionRecord {
    #[prost(oneof = "KindRecord", tags = "1, 2, 3, 4, 5, 6")]
    kind: Option<KindRecord>,
    #[prost(string, optional, tag = "16")]
    when: Option<String>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum KindRecord {
    #[prost(message, tag = "1")]
    Alert(AlertActionRecord),
    #[prost(message, tag = "2")]
    Button(ButtonActionRecord),
    #[prost(message, tag = "3")]
    Timer(TimerActionRecord),
    #[prost(message, tag = "4")]
    Link(LinkActionRecord),
    #[prost(message, tag = "5")]
    Finish(FinishActionRecord),
    #[prost(message, tag = "6")]
    SetField(SetFieldActionRecord),
}

impl From<&Action> for ActionRecord {
    fn from(action: &Action) -> Self {
        let kind = match &action.kind {
            ActionKind::Alert(alert) => KindRecord::Alert(AlertActionRecord {
                text: alert.text.source().to_owned(),
                team: alert.team.clone(),
                priority: alert.priority.code(),
                due: alert.due.map(Into::into),
                escalate: alert.escalate.iter().map(Into::into).collect(),
                calendar: alert.calendar.clone(),
                seen_for: alert.seen_for.map(Into::into),
            }),
            ActionKind::Button(button) => KindRecord::Button(ButtonActionRecord {
                label: button.label.clone(),
                event: button.event.clone(),
                confirmation: button.confirmation.clone(),
                note_required: button.note == NoteRule::Required,
                form: declarations(&button.form),
            }),
            ActionKind::Timer(timer) => KindRecord::Timer(timer.into()),
            ActionKind::Link(link) => KindRecord::Link(LinkActionRecord {
                to: link.to.clone(),
                times: link.at_most.as_ref().map_or(0, |limit| limit.times),
                otherwise: link
                    .at_most
                    .as_ref()
                    .map_or_else(String::new, |limit| limit.otherwise.clone()),
            }),
            ActionKind::Finish(finish) => KindRecord::Finish(FinishActionRecord {
                outcome: finish.outcome.clone(),
            }),
            ActionKind::SetField(set) => KindRecord::SetField(SetFieldActionRecord {
                field: set.field.clone(),
                to: set.to.source().to_owned(),
            }),
        };
        Self {
            kind: Some(kind),
            when: action.when.as_ref().map(|when| when.source().to_owned()),
        }
    }
}

impl TryFrom<ActionRecord> for Action {
    type Error = RecordError;

    fn try_from(record: ActionRecord) -> Result<Self, RecordError> {
        let kind = match record.kind.ok_or(RecordError::Incomplete("action"))? {
            KindRecord::Alert(alert) => ActionKind::Alert(AlertAction {
                text: Template::stored(&alert.text),
                team: alert.team,
                priority: Coded::from_code(alert.priority)?,
                due: alert.due.map(TryInto::try_into).transpose()?,
                calendar: alert.calendar,
                escalate: alert
                    .escalate
                    .into_iter()
                    .map(TryInto::try_into)
                    .collect::<Result<_, _>>()?,
                seen_for: alert.seen_for.map(TryInto::try_into).transpose()?,
            }),
            KindRecord::Button(button) => ActionKind::Button(ButtonAction {
                label: button.label,
                event: button.event,
                confirmation: button.confirmation,
                note: if button.note_required {
                    NoteRule::Required
                } else {
                    NoteRule::Optional
                },
                form: from_declarations(button.form)?,
            }),
            KindRecord::Timer(timer) => ActionKind::Timer(timer.try_into()?),
            KindRecord::Link(link) => ActionKind::Link(LinkAction {
                to: link.to,
                at_most: (link.times > 0).then_some(AtMost {
                    times: link.times,
                    otherwise: link.otherwise,
                }),
            }),
            KindRecord::Finish(finish) => ActionKind::Finish(FinishAction {
                outcome: finish.outcome,
            }),
            KindRecord::SetField(set) => ActionKind::SetField(SetFieldAction {
                field: set.field,
                to: Expression::stored(&set.to),
            }),
        };
        Ok(Self {
            when: record.when.as_deref().map(Expression::stored),
            kind,
        })
    }
}

impl From<&TimerAction> for TimerActionRecord {
    fn from(timer: &TimerAction) -> Self {
        let from_field = if let TimerStart::Field(field) = &timer.from {
            Some(field.clone())
        } else {
            None
        };
        Self {
            after: timer.after.map(Into::into),
            from_start: timer.from == TimerStart::Start,
            event: timer.event.clone(),
            waits_for_claim: timer.waits_for_claim,
            at: timer.at.map(|at| ClockTimeRecord {
                minute: u32::from(at.minute),
                day: at.day.code(),
            }),
            calendar: timer.calendar.clone(),
            from_field,
        }
    }
}

impl TryFrom<TimerActionRecord> for TimerAction {
    type Error = RecordError;

    fn try_from(record: TimerActionRecord) -> Result<Self, RecordError> {
        let at = |at: ClockTimeRecord| {
            Ok::<_, RecordError>(ClockTime {
                minute: at.minute as u16,
                day: NextDay::from_code(at.day)?,
            })
        };
        let from = match (record.from_field, record.from_start) {
            (Some(field), _) => TimerStart::Field(field),
            (None, true) => TimerStart::Start,
            (None, false) => TimerStart::Stage,
        };
        Ok(Self {
            after: record.after.map(TryInto::try_into).transpose()?,
            at: record.at.map(at).transpose()?,
            from,
            calendar: record.calendar,
            waits_for_claim: record.waits_for_claim,
            event: record.event,
        })
    }
}
