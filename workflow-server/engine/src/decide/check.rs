//! Checks the fields of requests without looking at the state. One response reports all invalid
//! fields by their API names.

use aftercall_definition::FieldError;
use aftercall_definition::calendar::Calendar;
use aftercall_definition::limits::Length::{self, Bytes, Characters};
use aftercall_definition::limits::{FIELDS_MAX, LABEL_CHARS_MAX, NAME_CHARS_MAX, TEXT_BYTES_MAX};
use aftercall_definition::time::{Time, WallClock};
use aftercall_definition::value::{FieldDeclaration, Value};

use crate::batch::{BatchWork, StartBatch};
use crate::call::{CallKey, Caller};
use crate::command::{
    CallChanges, EraseCaller, Release, SetWorkflow, SnoozeAlert, SnoozeUntil, UndoPush,
};
use crate::decide::when;
use crate::limits;
use crate::recipient::Recipient;

/// The longest time that a release may wait for the end of a call: thirty days.
const RELEASE_WITHIN_MILLIS_MAX: i64 = 30 * 86_400_000;
/// The shortest time that a release may wait for the end of a call: one second.
const RELEASE_WITHIN_MILLIS_MIN: i64 = 1_000;

/// Checks values against their declarations at `now`. If `whole`, required values must be present.
/// Errors show times by `clock`.
pub(super) fn fields(
    prefix: &str,
    declared: &[FieldDeclaration],
    given: &[(Box<str>, Value)],
    (whole, now, clock): (bool, Time, &dyn Fn() -> WallClock),
) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for (name, value) in given {
        let message = match declared.iter().find(|field| field.name == **name) {
            None => Some(unknown(name, declared)),
            Some(field) if field.field_type != value.field_type() => field.refuses(value),
            // An empty text counts as absent, and limits are only for present values.
            Some(field)
                if !field.required && matches!(value, Value::Text(text) if text.is_empty()) =>
            {
                None
            }
            Some(field) => {
                value_error(value, field.required).or_else(|| field.refuses_at(value, now, clock))
            }
        };
        errors.extend(message.map(|message| FieldError {
            field: format!("{prefix}.{name}"),
            message,
        }));
    }
    for field in declared
        .iter()
        .filter(|field| whole && field.required && field.default.is_none())
    {
        if given.iter().all(|(name, _)| **name != *field.name) {
            let message = format!("must be given: {}", field.field_type.word());
            errors.push(FieldError {
                field: format!("{prefix}.{}", field.name),
                message,
            });
        }
    }
    errors
}

fn unknown(name: &str, declared: &[FieldDeclaration]) -> String {
    let nearest = declared
        .iter()
        .map(|field| (strsim::osa_distance(name, &field.name), &field.name))
        .min();
    match nearest {
        Some((distance, nearest)) if distance <= 2 => {
            format!("is not declared; did you mean `{nearest}`?")
        }
        Some(_) => {
            let known: Vec<&str> = declared.iter().map(|field| field.name.as_str()).collect();
            format!("is not declared; available: {}", known.join(", "))
        }
        None => "is not declared; no fields are declared".to_owned(),
    }
}

fn value_error(value: &Value, required: bool) -> Option<String> {
    match value {
        Value::Text(text) if required && text.trim().is_empty() => {
            Some("must not be empty".to_owned())
        }
        Value::Text(text) => text_error(text, Bytes(TEXT_BYTES_MAX)),
        Value::Number(number) if !number.is_finite() => Some("must be a finite number".to_owned()),
        _ => None,
    }
}

fn text_error(text: &str, length: Length) -> Option<String> {
    if let Some(fault) = length.fault(text) {
        return Some(fault);
    }
    let control =
        |c: &char| (c.is_control() && !matches!(c, '\n' | '\t' | '\r')) || is_bidi_override(*c);
    text.chars().find(control).map(|c| {
        format!(
            "has the character U+{:04X}, which cannot be shown",
            c as u32
        )
    })
}

/// Whether a character changes the direction of the text after it. Such characters can hide what a
/// text says.
fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Collects the errors of the fields of a request.
#[derive(Default)]
pub(super) struct Check {
    pub(super) errors: Vec<FieldError>,
}

impl Check {
    fn error(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.errors.push(FieldError {
            field: field.into(),
            message: message.into(),
        });
    }

    pub(super) fn text(&mut self, field: &str, text: &str, required: bool, length: Length) {
        if required && text.trim().is_empty() {
            self.error(field, "must not be empty");
        } else if let Some(message) = text_error(text, length) {
            self.error(field, message);
        }
    }

    /// Checks a required text that must fit into one line.
    pub(super) fn line(&mut self, field: &str, text: &str, length: Length) {
        if text.contains(['\n', '\r', '\t']) {
            self.error(field, "must not contain line breaks or tabs");
        } else {
            self.text(field, text, true, length);
        }
    }

    pub(super) fn name(&mut self, field: &str, name: &str) {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !starts_well || !name.chars().all(fits) || name.len() > NAME_CHARS_MAX {
            let message = format!(
                "must be 1 to {NAME_CHARS_MAX} lower-case letters, digits and hyphens, and start with a letter or digit"
            );
            self.error(field, message);
        }
    }

    pub(super) fn team(&mut self, name: &str, title: &str) {
        self.name("name", name);
        self.text("title", title, false, Characters(LABEL_CHARS_MAX));
    }

    pub(super) fn hand_over(&mut self, to: &Recipient, reason: &str) {
        if let Recipient::Person { name, lease_millis } = to {
            self.text("to_person", name, true, Characters(limits::SHORT_CHARS_MAX));
            self.lease(*lease_millis);
        }
        self.reason_if_given(reason);
    }

    pub(super) fn lease(&mut self, millis: i64) {
        if !(limits::LEASE_MILLIS_MIN..=limits::LEASE_MILLIS_MAX).contains(&millis) {
            self.error("lease", "must be between 1 second and 24 hours");
        }
    }

    pub(super) fn snooze(&mut self, snooze: &SnoozeAlert) {
        self.text("note", &snooze.note, false, Bytes(TEXT_BYTES_MAX));
        if !snooze.outcome.is_empty() {
            self.name("attempt_outcome", &snooze.outcome);
        }
        let message = match &snooze.until {
            SnoozeUntil::For(millis) if !(1_000..=limits::HIDDEN_MILLIS_MAX).contains(millis) => {
                Some(("duration", "must be between 1 second and 366 days"))
            }
            SnoozeUntil::Days(days) if !(1..=366).contains(days) => {
                Some(("days", "must be between 1 and 366 days"))
            }
            SnoozeUntil::Clock(text) => {
                when::clock_error(text).map(|message| ("local_time", message))
            }
            _ => None,
        };
        if let Some((field, message)) = message {
            self.error(field, message);
        }
    }

    /// Checks a click on a stage. The first visit has the number 1.
    pub(super) fn click(&mut self, visit: u32, note: &str) {
        if visit == 0 {
            self.error(
                "visit",
                "must be given: the `visit` of the follow-up that the person was looking at",
            );
        }
        self.text("note", note, false, Bytes(TEXT_BYTES_MAX));
    }

    pub(super) fn reason_if_given(&mut self, reason: &str) {
        self.text(
            "reason",
            reason,
            false,
            Characters(limits::REASON_CHARS_MAX),
        );
    }

    pub(super) fn calendar(&mut self, calendar: &Calendar) {
        self.errors.extend(calendar.faults());
    }

    pub(super) fn note(&mut self, note: &str) {
        self.text("note", note, false, Bytes(TEXT_BYTES_MAX));
    }

    pub(super) fn reason(&mut self, reason: &str) {
        self.text("reason", reason, true, Characters(limits::REASON_CHARS_MAX));
    }

    /// Checks an undo. A person who undoes the push of another person must give a reason.
    pub(super) fn undo(&mut self, undo: &UndoPush) {
        self.text(
            "reason",
            &undo.reason,
            undo.as_supervisor,
            Characters(limits::REASON_CHARS_MAX),
        );
    }

    pub(super) fn erasure(&mut self, erase: &EraseCaller) {
        self.text(
            "reason",
            &erase.reason,
            true,
            Characters(limits::REASON_CHARS_MAX),
        );
        self.text(
            "customer",
            &erase.customer,
            false,
            Characters(limits::SHORT_CHARS_MAX),
        );
    }

    pub(super) fn batch(&mut self, start: &StartBatch) {
        self.text(
            "reason",
            &start.reason,
            // Of work at a desk it is a note, which is optional there too.
            !start.work.is_desk_work(),
            Characters(limits::REASON_CHARS_MAX),
        );
        if !(1..=limits::BATCH_PER_SECOND_MAX).contains(&start.per_second) {
            self.error(
                "per_second",
                format!("must be between 1 and {}", limits::BATCH_PER_SECOND_MAX),
            );
        }
        if let BatchWork::HandOver(Recipient::Person { name, lease_millis }) = &start.work {
            self.text(
                "work.hand_over.to_person",
                name,
                true,
                Characters(limits::SHORT_CHARS_MAX),
            );
            self.lease(*lease_millis);
        }
        if let BatchWork::Push(push) = &start.work {
            self.text(
                "work.push.button_id",
                &push.button,
                true,
                Characters(NAME_CHARS_MAX),
            );
            if push.stage == 0 {
                self.error("work.push.stage", "must be given: the number of the stage");
            }
            self.form_of_many("work.push.form", &push.form);
        }
        if let BatchWork::Claim { lease_millis } = &start.work {
            self.lease(*lease_millis);
        }
    }

    /// Checks values whose declarations differ by item. Each item then checks them by its own.
    fn form_of_many(&mut self, prefix: &str, form: &[(Box<str>, Value)]) {
        if form.len() > FIELDS_MAX {
            let count = form.len();
            let message = format!("has {count} values, at most {FIELDS_MAX} are allowed");
            self.error(prefix, message);
            return;
        }
        for (name, value) in form {
            if let Some(message) = value_error(value, false) {
                self.error(format!("{prefix}.{name}"), message);
            }
        }
    }

    pub(super) fn key(&mut self, key: &CallKey) {
        self.line("call.source", &key.source, Characters(NAME_CHARS_MAX));
        self.line("call.id", &key.id, Characters(limits::SHORT_CHARS_MAX));
        // A call is written as SOURCE/ID, by people and by programs.
        if key.source.contains('/') {
            self.error(
                "call.source",
                "must not contain `/`: a call is written as SOURCE/ID",
            );
        }
    }

    pub(super) fn set(&mut self, set: &SetWorkflow) {
        self.key(&set.call);
        self.changes(&set.changes);
        self.text("workflow", &set.workflow, true, Characters(NAME_CHARS_MAX));
        let Some(millis) = set.release_within_millis else {
            return;
        };
        if set.release != Some(Release::CallEnded) {
            self.error("release_within", "is only allowed with release CALL_ENDED");
        } else if !(RELEASE_WITHIN_MILLIS_MIN..=RELEASE_WITHIN_MILLIS_MAX).contains(&millis) {
            self.error("release_within", "must be between 1 second and 30 days");
        }
    }

    pub(super) fn changes(&mut self, changes: &CallChanges) {
        let texts = [
            ("customer", &changes.customer),
            ("script", &changes.script),
            ("agent", &changes.agent),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                self.text(
                    &format!("properties.{name}"),
                    text,
                    false,
                    Characters(limits::SHORT_CHARS_MAX),
                );
            }
        }
        if let Some(caller) = &changes.caller {
            self.caller(caller);
        }
        if changes.details.len() > limits::DETAILS_MAX {
            self.error(
                "properties.details",
                format!("has more than {} entries", limits::DETAILS_MAX),
            );
        }
        for (key, value) in changes.details.iter().take(limits::DETAILS_MAX) {
            self.text("properties.details", key, true, Characters(NAME_CHARS_MAX));
            self.text(
                &format!("properties.details.{key}"),
                value,
                false,
                Bytes(TEXT_BYTES_MAX),
            );
        }
    }

    pub(super) fn caller(&mut self, caller: &Caller) {
        self.text(
            "properties.caller.name",
            &caller.name,
            false,
            Characters(limits::CALLER_CHARS_MAX),
        );
        self.text(
            "properties.caller.phone",
            &caller.phone,
            false,
            Characters(NAME_CHARS_MAX),
        );
        self.text(
            "properties.caller.email",
            &caller.email,
            false,
            Characters(limits::CALLER_CHARS_MAX),
        );
        self.text(
            "properties.caller.reference",
            &caller.reference,
            false,
            Characters(limits::SHORT_CHARS_MAX),
        );
        if !caller.time_zone.is_empty() && when::zone(&caller.time_zone).is_none() {
            let message = "is not a time zone: give its IANA name, such as Europe/Berlin";
            self.error("properties.caller.time_zone", message);
        }
    }
}
