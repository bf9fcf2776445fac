//! What requests say, in the engine's words. Faults name the field as the API does; all of a
//! request are gathered.

use std::collections::BTreeMap;

use aftercall_definition::FieldError;
use aftercall_definition::limits::{FAULTS_MAX, STAGES_MAX};
use aftercall_definition::model::Priority;
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{CallChanges, SeenAlert};
use aftercall_engine::instance::{InstanceId, Status};
use aftercall_engine::limits::SHORT_CHARS_MAX;
use aftercall_proto::workflow::v1 as proto;
use prost_types::FieldMask;

use crate::service::say::{ReadMask, Refusal, refusal};
use crate::service::view::Names;

/// Faults found so far: at most [`FAULTS_MAX`], and how many more there are. A request can have
/// millions.
#[derive(Default)]
pub(crate) struct Faults(Vec<FieldError>, usize);

impl Faults {
    pub(crate) fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(FieldError {
                field: field.into(),
                message: message.into(),
            });
        } else {
            self.1 += 1;
        }
    }

    /// Checks the name of somebody that is written to the log only: no line break and no other
    /// control character may go there.
    pub(crate) fn check_logged_actor(&mut self, actor: &str) {
        let length = actor.chars().count();
        if length == 0 || length > SHORT_CHARS_MAX || actor.chars().any(char::is_control) {
            self.add(
                "actor",
                format!(
                    "must have 1 to {SHORT_CHARS_MAX} characters, none of them a control character"
                ),
            );
        }
    }

    /// Adds what was found elsewhere.
    pub(crate) fn append(&mut self, others: Self) {
        self.1 += others.1;
        others
            .0
            .into_iter()
            .for_each(|fault| self.add(fault.field, fault.message));
    }

    /// The same of a field that has another name in its request.
    pub(crate) fn named(mut self, name: &str, name_here: &str) -> Self {
        for fault in &mut self.0 {
            if let Some(rest) = fault.field.strip_prefix(name) {
                fault.field = format!("{name_here}{rest}");
            }
        }
        self
    }

    /// All of them, the last of which says how many more there are.
    fn list(mut self) -> Vec<FieldError> {
        if self.1 > 0 {
            let message = format!("has {} more invalid values", self.1);
            self.0.push(FieldError {
                field: "request".to_owned(),
                message,
            });
        }
        self.0
    }

    /// Refuses if there are any.
    pub(crate) fn check(self) -> Result<(), Refusal> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(refusal::invalid(self.list()))
        }
    }

    /// A value of an enum that this server does not know is a fault, and not its default.
    pub(crate) fn check_enum<E: TryFrom<i32>>(&mut self, field: &str, code: i32) {
        if E::try_from(code).is_err() {
            self.add(field, format!("{code} is not one of its values"));
        }
    }

    /// What was found, and what else is invalid. A field that could not be read is not judged
    /// again.
    pub(crate) fn with(mut self, others: Vec<FieldError>) -> Vec<FieldError> {
        let read: Vec<String> = self.0.iter().map(|fault| fault.field.clone()).collect();
        let is_part = |field: &str, of: &String| {
            field
                .strip_prefix(of.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let others = others
            .into_iter()
            .filter(|fault| !read.iter().any(|known| is_part(&fault.field, known)));
        others.for_each(|fault| self.add(fault.field, fault.message));
        self.list()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Refuses a filter field with more values than allowed.
    pub(crate) fn check_count(&mut self, field: &str, count: usize) {
        let limit = aftercall_engine::limits::FILTER_VALUES_MAX;
        if count > limit {
            self.add(
                field,
                format!("has {count} values, at most {limit} are allowed"),
            );
        }
    }
}

pub(crate) fn call_key(call: Option<&proto::CallRef>, field: &str, faults: &mut Faults) -> CallKey {
    let Some(call) = call else {
        faults.add(field, "must be given: source and id of the call");
        return CallKey {
            source: "".into(),
            id: "".into(),
        };
    };
    CallKey {
        source: call.source.as_str().into(),
        id: call.id.as_str().into(),
    }
}

/// The id of an instance; an invalid one adds an error, and is the id of no instance.
pub(crate) fn instance_id(text: &str, faults: &mut Faults) -> InstanceId {
    text.parse()
        .unwrap_or_else(|error: aftercall_engine::instance::BadInstanceId| {
            faults.add("instance_id", error.to_string());
            InstanceId {
                made_at: 0,
                slot: u32::MAX,
                salt: 0,
            }
        })
}

/// The id of an instance; a text that is none is refused.
pub(crate) fn parse_id(text: &str) -> Result<InstanceId, Refusal> {
    text.parse()
        .map_err(|error: aftercall_engine::instance::BadInstanceId| {
            refusal::invalid(vec![FieldError {
                field: "instance_id".to_owned(),
                message: error.to_string(),
            }])
        })
}

/// Which fields of follow-ups the answer has; each unknown path is an error.
pub(crate) fn read_mask(given: Option<&FieldMask>, faults: &mut Faults) -> ReadMask {
    let Some(given) = given else {
        return ReadMask::ALL;
    };
    let (mask, unknown) = ReadMask::read(&given.paths);
    for path in unknown {
        faults.add(
            "read_mask",
            format!("`{path}` is not a field of FollowUp, or of its call or stage"),
        );
    }
    mask
}

/// The mask of a request that reads one instance, or all errors of the two.
pub(crate) fn read_mask_of_one(
    instance_id: &str,
    given: Option<&FieldMask>,
) -> Result<ReadMask, Refusal> {
    let mut faults = Faults::default();
    self::instance_id(instance_id, &mut faults);
    let mask = read_mask(given, &mut faults);
    faults.check()?;
    Ok(mask)
}

/// The lease of a claim, in milliseconds.
pub(crate) fn lease(span: Option<prost_types::Duration>, faults: &mut Faults) -> i64 {
    let Some(span) = span else {
        return aftercall_engine::limits::LEASE_MILLIS_DEFAULT;
    };
    span_millis(span).unwrap_or_else(|| {
        faults.add("lease", "is not a span of time");
        0
    })
}

/// An alert as a person saw it: its id (stage, visit and the action's number in its stage, as
/// `follow_up::alert` writes them), how many times it had become more urgent, and its team where
/// the request names one.
pub(crate) fn seen_alert(
    names: &Names,
    (id, team): (&str, &str),
    escalations: u32,
    faults: &mut Faults,
) -> SeenAlert {
    let (stage, visit, action) = alert_id(id, faults);
    let place = names.teams().place(team);
    if place.is_none() && !team.is_empty() {
        faults.add("team", "there is no such team");
    }
    SeenAlert {
        stage,
        visit,
        action,
        urgency_count: escalations,
        team: place,
    }
}

/// The stage that a person was looking at; none where the request leaves it out.
pub(crate) fn seen_stage(stage: u32) -> Option<u32> {
    (stage > 0).then_some(stage)
}

fn alert_id(text: &str, faults: &mut Faults) -> (u32, u32, u16) {
    let mut parts = text.splitn(3, '.');
    let read = (|| {
        let (stage, visit) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let number: u16 = parts.next()?.parse().ok()?;
        Some((stage, visit, number.checked_sub(1)?))
    })();
    read.unwrap_or_else(|| {
        faults.add(
            "alert_id",
            "this is not the id of an alert: ids look like 2.1.1",
        );
        (0, 0, 0)
    })
}

/// A moment; none where it is outside of the years 1 to 9999, or its nanoseconds are not those of a
/// second.
pub(crate) fn time(stamp: prost_types::Timestamp) -> Option<Time> {
    /// From 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z, as google.protobuf.Timestamp allows.
    const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
    let is_moment = SECONDS.contains(&stamp.seconds) && (0..1_000_000_000).contains(&stamp.nanos);
    is_moment.then(|| Time(stamp.seconds * 1_000 + i64::from(stamp.nanos / 1_000_000)))
}

/// A span in milliseconds; none where it is negative or too long to count.
pub(crate) fn span_millis(span: prost_types::Duration) -> Option<i64> {
    // Read by hand: the library's own conversion overflows at the smallest numbers.
    let is_span = span.seconds >= 0 && (0..1_000_000_000).contains(&span.nanos);
    let millis = span
        .seconds
        .checked_mul(1_000)?
        .checked_add(i64::from(span.nanos / 1_000_000))?;
    is_span.then_some(millis)
}

fn value(value: proto::Value) -> Result<Value, &'static str> {
    use proto::value::Kind;
    match value.kind {
        Some(Kind::Text(text)) => Ok(Value::Text(text.into())),
        Some(Kind::Number(number)) => Ok(Value::Number(number)),
        Some(Kind::Flag(flag)) => Ok(Value::Bool(flag)),
        Some(Kind::Time(stamp)) => {
            let moment = time(stamp).filter(|moment| moment.is_value());
            moment
                .map(Value::Time)
                .ok_or("is not a moment of the years 1 to 9899")
        }
        None => Err("has no value: give text, number, flag or time"),
    }
}

pub(crate) fn values(
    given: BTreeMap<String, proto::Value>,
    prefix: &str,
    faults: &mut Faults,
) -> Vec<(Box<str>, Value)> {
    let mut values = Vec::with_capacity(given.len());
    for (name, given) in given {
        match value(given) {
            Ok(value) => values.push((name.into(), value)),
            Err(message) => faults.add(format!("{prefix}.{name}"), message),
        }
    }
    values
}

pub(crate) fn caller(caller: proto::Caller) -> Caller {
    Caller {
        name: caller.name.into(),
        phone: caller.phone.into(),
        email: caller.email.into(),
        reference: caller.reference.into(),
        time_zone: caller.time_zone.into(),
    }
}

/// Non-empty properties; details are merged.
pub(crate) fn given_changes(properties: Option<proto::CallProperties>) -> CallChanges {
    let properties = properties.unwrap_or_default();
    let text = |text: String| (!text.is_empty()).then(|| text.into());
    CallChanges {
        customer: text(properties.customer),
        script: text(properties.script),
        agent: text(properties.agent),
        caller: properties.caller.map(caller),
        replace_caller: false,
        chargeable: properties.chargeable,
        details: details(properties.details),
        replace_details: false,
    }
}

/// The properties that a mask names, empty ones too.
pub(crate) fn masked_changes(
    properties: Option<proto::CallProperties>,
    mask: &[String],
    faults: &mut Faults,
) -> CallChanges {
    let properties = properties.unwrap_or_default();
    let mut changes = CallChanges::default();
    for path in mask {
        match path.as_str() {
            "customer" => changes.customer = Some(properties.customer.as_str().into()),
            "script" => changes.script = Some(properties.script.as_str().into()),
            "agent" => changes.agent = Some(properties.agent.as_str().into()),
            "caller" => {
                changes.caller = Some(caller(properties.caller.clone().unwrap_or_default()));
                changes.replace_caller = true;
            }
            "chargeable" => changes.chargeable = Some(properties.chargeable.unwrap_or(false)),
            "details" => {
                changes.details = details(properties.details.clone());
                changes.replace_details = true;
            }
            other => faults.add(
                "update_mask",
                format!(
                    "`{other}` is not one of customer, script, agent, caller, chargeable, details"
                ),
            ),
        }
    }
    changes
}

fn details(details: BTreeMap<String, String>) -> Vec<(Box<str>, Box<str>)> {
    details
        .into_iter()
        .map(|(key, value)| (key.into(), value.into()))
        .collect()
}

pub(crate) fn priorities(given: &[i32], faults: &mut Faults) -> Vec<Priority> {
    let mut priorities = Vec::new();
    for code in given {
        match proto::Priority::try_from(*code) {
            Ok(proto::Priority::Low) => priorities.push(Priority::Low),
            Ok(proto::Priority::Normal) => priorities.push(Priority::Normal),
            Ok(proto::Priority::High) => priorities.push(Priority::High),
            Ok(proto::Priority::Urgent) => priorities.push(Priority::Urgent),
            Ok(proto::Priority::Unspecified) | Err(_) => {
                faults.add(
                    "filter.priorities",
                    format!("{code} is not one of LOW, NORMAL, HIGH, URGENT"),
                );
            }
        }
    }
    priorities
}

pub(crate) fn statuses(given: &[i32], faults: &mut Faults) -> Vec<Status> {
    let mut statuses = Vec::new();
    for code in given {
        match proto::Status::try_from(*code) {
            Ok(proto::Status::WaitingForCallEnd) => statuses.push(Status::WaitingForCallEnd),
            Ok(proto::Status::Active) => statuses.push(Status::Active),
            Ok(proto::Status::Paused) => statuses.push(Status::Paused),
            Ok(proto::Status::Incomplete) => statuses.push(Status::Incomplete),
            Ok(proto::Status::Finished) => statuses.push(Status::Finished),
            Ok(proto::Status::Cancelled) => statuses.push(Status::Cancelled),
            Ok(proto::Status::Unspecified) | Err(_) => {
                faults.add("filter.statuses", format!("{code} is not a status"));
            }
        }
    }
    statuses
}

pub(crate) fn names(given: &[String]) -> Vec<Box<str>> {
    given.iter().map(|name| name.as_str().into()).collect()
}

/// Which stage is used instead of which.
pub(crate) fn stage_mappings(
    given: &[proto::StageMapping],
    faults: &mut Faults,
) -> Vec<(u32, u32)> {
    if given.len() > STAGES_MAX {
        faults.add(
            "stages",
            format!(
                "has {} values, at most {STAGES_MAX} are allowed",
                given.len()
            ),
        );
        return Vec::new();
    }
    given
        .iter()
        .map(|one| (one.from_stage, one.to_stage))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_errors_are_listed_and_the_rest_counted() {
        let mut faults = Faults::default();
        for at in 0..1_000 {
            faults.add(format!("calendar.holidays[{at}]"), "must be a date");
        }
        let mut all = Faults::default();
        all.append(faults);
        let listed = all.with(vec![FieldError {
            field: "other".to_owned(),
            message: "is wrong".to_owned(),
        }]);
        assert_eq!(listed.len(), FAULTS_MAX + 1);
        assert_eq!(listed[FAULTS_MAX].message, "has 901 more invalid values");
    }
}
