//! Conditions, texts, set fields and timers that count from a field: what they name must be
//! declared.

use crate::expression::{Wanted, Wrong, fault_of_field, fault_of_value};
use crate::facts::{CALL_FLAGS, CALL_TEXTS, Names, ROOTS};
use crate::fault::FaultCode;
use crate::model::{Action, ActionKind, TimerStart};
use crate::template::{Kind, Knows, Template};
use crate::validate::Scene;
use crate::value::{FieldDeclaration, FieldType, Value};
use crate::{limits, rules};

/// How many of these are told of one workflow.
const TEXT_FAULTS_MAX: usize = limits::FAULTS_MAX + 1;

/// A fault of a field of the action: the words in it that are wrong, or nothing for all of it; what
/// kind; a sentence.
pub(super) type Report<'r> = &'r mut dyn FnMut(&str, &str, FaultCode, String);

pub(super) fn check(scene: &Scene<'_>, action: &Action, fault: Report<'_>) {
    if let Some(when) = &action.when {
        for Wrong { message, part } in when.check(&scene.names, Wanted::Condition) {
            fault(
                "when",
                &part,
                FaultCode::BadExpression,
                format!("`when` {message}"),
            );
        }
    }
    match &action.kind {
        ActionKind::Alert(alert) => check_text(scene, &alert.text, fault),
        ActionKind::SetField(set) => {
            let declared = scene.names.fields.get(set.field.as_str());
            match declared {
                None => {
                    let wrong =
                        fault_of_field("fields", &set.field, &scene.names).unwrap_or_default();
                    fault(
                        "field",
                        "",
                        FaultCode::UnknownField,
                        format!("`set-field` {wrong}"),
                    );
                }
                Some(field) => {
                    let mut wrong = set.to.check(&scene.names, Wanted::Field(field.field_type));
                    if wrong.is_empty() {
                        wrong.extend(
                            set.to
                                .fault_of_literal(field, &scene.names)
                                .map(Wrong::from),
                        );
                    }
                    for Wrong { message, part } in wrong {
                        fault(
                            "to",
                            &part,
                            FaultCode::BadExpression,
                            format!("`to` {message}"),
                        );
                    }
                }
            }
        }
        ActionKind::Timer(timer) => {
            let TimerStart::Field(name) = &timer.from else {
                return;
            };
            let declared = scene.names.fields.get(name.as_str());
            match declared.map(|field| field.field_type) {
                Some(FieldType::Time) => {}
                Some(other) => {
                    let message = format!(
                        "`from` counts from a time, and {} is a {}",
                        rules::quoted(name),
                        other.word()
                    );
                    fault("from", "", FaultCode::BadValue, message);
                }
                None => {
                    let wrong = fault_of_field("fields", name, &scene.names).unwrap_or_default();
                    fault(
                        "from",
                        "",
                        FaultCode::UnknownField,
                        format!("`from` {wrong}"),
                    );
                }
            }
        }
        ActionKind::Button(_) | ActionKind::Link(_) | ActionKind::Finish(_) => {}
    }
}

fn check_text(scene: &Scene<'_>, text: &Template, fault: Report<'_>) {
    for place in text.places() {
        if let Some(wrong) = fault_of_place(place, scene) {
            fault(
                "text",
                place,
                FaultCode::UnknownField,
                format!("the text {wrong}"),
            );
        }
    }
    // Of a file that is all faults the first are told; a fault more is enough to say that there are
    // others.
    let left = TEXT_FAULTS_MAX.saturating_sub(scene.text_faults.get());
    for wrong in text.faults(&scene.names).take(left) {
        scene.text_faults.set(scene.text_faults.get() + 1);
        fault(
            "text",
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
        fault("text", zone, FaultCode::BadValue, message);
    }
}

/// What its author should know although it can be published: the field of the action, and a
/// sentence.
pub(super) fn warnings(scene: &Scene<'_>, action: &Action) -> Vec<(&'static str, String)> {
    let may_be_missing = |name: &str| {
        let field = scene.names.fields.get(name)?;
        let has_value =
            field.required || field.default.is_some() || scene.set_fields.contains(name);
        (!has_value).then_some(field.field_type)
    };
    let is_asked = |name: &str| {
        action
            .when
            .as_ref()
            .is_some_and(|when| when.names_of("fields").contains(&name))
    };
    let mut warnings = Vec::new();
    if let Some(TimerStart::Field(name)) = action.timer().map(|timer| &timer.from)
        && may_be_missing(name) == Some(FieldType::Time)
        && !is_asked(name)
    {
        let message = format!(
            "`fields.{name}` may have no value, and the timer then counts from entering the stage: make the field `required`, or give the timer `when: has(fields.{name})`"
        );
        warnings.push(("from", message));
    }
    for (key, text) in action.texts() {
        let is_unsure = |place: &&str| {
            place
                .strip_prefix("fields.")
                .is_some_and(|name| may_be_missing(name).is_some() && !is_asked(name))
        };
        warnings.extend(text.may_be_missing(&scene.names).filter(is_unsure).map(|place| {
            let message = format!(
                "`{place}` may have no value, which counts as less than everything: give it a `default`, or ask `{{% if {place} is defined and … %}}`"
            );
            (key, message)
        }));
    }
    warnings
}

/// How the places of a text are declared.
impl Knows for Names<'_> {
    /// Nothing where forms say different things of it.
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
        // A time is compared as the text that it shows as.
        if self.declared(root, name).first().is_some_and(is_time) {
            return None;
        }
        fault_of_value(root, name, value, self)
    }

    fn may_be_missing(&self, place: &str) -> bool {
        place.starts_with("fields.")
    }
}

fn fault_of_place(place: &str, scene: &Scene<'_>) -> Option<String> {
    let (root, rest) = place.split_once('.').unwrap_or((place, ""));
    match (root, rest) {
        ("fields", name) if !name.is_empty() => fault_of_field("fields", name, &scene.names),
        ("form", name) if !name.is_empty() => fault_of_field("form", name, &scene.names),
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
