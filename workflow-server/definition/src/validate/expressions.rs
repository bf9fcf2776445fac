//! Checks the names in conditions, texts, set fields and timers that count from a field. They must
//! be declared.

use crate::expression::{Wanted, Wrong, impossible_value, undeclared_field};
use crate::facts::{CALL_FLAGS, CALL_TEXTS, Names, ROOTS};
use crate::fault::FaultCode;
use crate::model::{Action, SetFieldAction, TimerAction, TimerStart};
use crate::template::{Kind, Knows, Template};
use crate::validate::scene::Scene;
use crate::value::{FieldDeclaration, FieldType, Value};
use crate::{limits, rules};

/// How many errors of texts are reported for one workflow.
const TEXT_ERRORS_MAX: usize = limits::FAULTS_MAX + 1;

/// Reports an error of a field of the action: the field, its invalid words (empty for all of it),
/// the code, and a sentence.
pub(super) type Report<'r> = &'r mut dyn FnMut(&str, &str, FaultCode, String);

pub(super) fn check(scene: &Scene<'_>, action: &Action, report: Report<'_>) {
    if let Some(when) = &action.when {
        for Wrong { message, part } in when.check(&scene.names, Wanted::Condition) {
            report(
                "when",
                &part,
                FaultCode::BadExpression,
                format!("`when` {message}"),
            );
        }
    }
    for (field, text) in action.texts() {
        check_text(scene, field, text, report);
    }
    if let Some(set) = action.set_field() {
        check_set_field(scene, set, report);
    }
    if let Some(timer) = action.timer() {
        check_timer(scene, timer, report);
    }
}

fn check_set_field(scene: &Scene<'_>, set: &SetFieldAction, report: Report<'_>) {
    let names = &scene.names;
    let Some(field) = names.fields.get(set.field.as_str()) else {
        let wrong = undeclared_field("fields", &set.field, names).unwrap_or_default();
        let message = format!("`set-field` {wrong}");
        return report("field", "", FaultCode::UnknownField, message);
    };
    let mut wrong = set.to.check(names, Wanted::Field(field.field_type));
    if wrong.is_empty() {
        wrong.extend(set.to.literal_error(field, names).map(Wrong::from));
    }
    for Wrong { message, part } in wrong {
        report(
            "to",
            &part,
            FaultCode::BadExpression,
            format!("`to` {message}"),
        );
    }
}

fn check_timer(scene: &Scene<'_>, timer: &TimerAction, report: Report<'_>) {
    let TimerStart::Field(name) = &timer.from else {
        return;
    };
    let declared = scene.names.fields.get(name.as_str());
    match declared.map(|field| field.field_type) {
        Some(FieldType::Time) => {}
        Some(other) => {
            let message = format!(
                "`from` counts from a time, but {} is a {}",
                rules::quoted(name),
                other.word()
            );
            report("from", "", FaultCode::BadValue, message);
        }
        None => {
            let wrong = undeclared_field("fields", name, &scene.names).unwrap_or_default();
            let message = format!("`from` {wrong}");
            report("from", "", FaultCode::UnknownField, message);
        }
    }
}

fn check_text(scene: &Scene<'_>, field: &str, text: &Template, report: Report<'_>) {
    for place in text.places() {
        if let Some(wrong) = place_error(place, scene) {
            report(
                field,
                place,
                FaultCode::UnknownField,
                format!("the text {wrong}"),
            );
        }
    }
    // One error more than is reported shows that there are others.
    let left = TEXT_ERRORS_MAX.saturating_sub(scene.text_errors.get());
    for wrong in text.faults(&scene.names).take(left) {
        scene.text_errors.set(scene.text_errors.get() + 1);
        report(
            field,
            "",
            FaultCode::BadExpression,
            format!("the text {wrong}"),
        );
    }
    for zone in text.unknown_zones() {
        let quoted = rules::quoted(zone);
        let message = format!(
            "{quoted} in the text is not a time zone: give its IANA name, such as Europe/Berlin"
        );
        report(field, zone, FaultCode::BadValue, message);
    }
}

/// How the places of a text are declared.
impl Knows for Names<'_> {
    /// `None` if forms declare the field with different types.
    fn kind(&self, place: &str) -> Option<Kind> {
        let of_type = |field_type| match field_type {
            FieldType::Text | FieldType::Time => Kind::Text,
            FieldType::Number => Kind::Number,
            FieldType::Bool => Kind::Bool,
        };
        match place.split_once('.') {
            Some(("form", name)) => self.form_types.get(name).copied().flatten().map(of_type),
            Some(("call", name)) if CALL_FLAGS.contains(&name) => Some(Kind::Bool),
            Some(("call", name)) => CALL_TEXTS.contains(&name).then_some(Kind::Text),
            Some((_, name)) => self.fields.get(name).map(|field| of_type(field.field_type)),
            None if place == "visit" => Some(Kind::Number),
            None => (place == "now").then_some(Kind::Text),
        }
    }

    fn never_is(&self, place: &str, value: &Value) -> Option<String> {
        let (root, name) = place.split_once('.')?;
        let is_time = |field: &&FieldDeclaration| field.field_type == FieldType::Time;
        // A text compares a time as the text that it shows.
        if self.declared(root, name).first().is_some_and(is_time) {
            return None;
        }
        impossible_value(root, name, value, self)
    }

    fn may_be_missing(&self, place: &str) -> bool {
        place.starts_with("fields.")
    }
}

fn place_error(place: &str, scene: &Scene<'_>) -> Option<String> {
    let (root, rest) = place.split_once('.').unwrap_or((place, ""));
    match (root, rest) {
        ("fields", name) if !name.is_empty() => undeclared_field("fields", name, &scene.names),
        ("form", name) if !name.is_empty() => undeclared_field("form", name, &scene.names),
        ("visit" | "now", "") => None,
        ("fields" | "form" | "call", "") => Some(format!(
            "names `{root}` without a name after it: write `{root}.NAME`"
        )),
        ("call", name) => {
            let known: Vec<&str> = CALL_TEXTS.iter().chain(&CALL_FLAGS).copied().collect();
            let message = || {
                format!(
                    "names {}; a call has {}",
                    rules::quoted(place),
                    known.join(", ")
                )
            };
            (!known.contains(&name)).then(message)
        }
        _ => {
            let hint = rules::suggestion(root, ROOTS);
            let hint = if hint.is_empty() {
                "; write `fields.NAME` or `call.NAME`".to_owned()
            } else {
                hint
            };
            Some(format!(
                "names {}, which is not known{hint}",
                rules::quoted(place)
            ))
        }
    }
}
