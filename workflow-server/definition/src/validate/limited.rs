//! Checks names, sizes and durations of definitions that are not from a file. The reader of files
//! has checked them already, with positions.

use crate::fault::{Fault, FaultCode};
use crate::model::{Action, ActionKind, Definition, Stage};
use crate::template::Template;
use crate::time::Span;
use crate::validate::placed::{in_action, in_stage};
use crate::value::FieldDeclaration;
use crate::{limits, rules};

type Checked = Result<(), Fault>;

pub(super) fn check(definition: &Definition, faults: &mut Vec<Fault>) {
    let header = [
        ("workflow", rules::name("`workflow`", &definition.name)),
        ("title", rules::label("`title`", &definition.title)),
        (
            "deadline",
            definition.deadline.map_or(Ok(()), rules::span_within),
        ),
        (
            "retention",
            definition.retention.map_or(Ok(()), rules::retention),
        ),
        (
            "calendar",
            definition
                .calendar
                .as_ref()
                .map_or(Ok(()), |name| rules::name("`calendar`", name)),
        ),
        ("when", check_expressions(definition)),
        ("text", check_texts(definition)),
        ("fields", check_fields("fields", &definition.fields)),
    ];
    let named = |(field, checked): (&str, Checked)| {
        Some(Fault {
            field: field.to_owned(),
            ..checked.err()?
        })
    };
    faults.extend(header.into_iter().filter_map(named));
    for stage in &definition.stages {
        check_stage(stage, faults);
    }
}

fn check_stage(stage: &Stage, faults: &mut Vec<Fault>) {
    let event = [
        ("id", rules::name("the event's id", &stage.event.id)),
        (
            "label",
            rules::label("the event's label", &stage.event.label),
        ),
        (
            "title",
            stage
                .event
                .stage_title
                .as_ref()
                .map_or(Ok(()), |title| rules::label("the stage's title", title)),
        ),
    ];
    for (field, checked) in event {
        let Err(fault) = checked else { continue };
        faults.push(Fault {
            stage: stage.number,
            field: field.to_owned(),
            ..fault
        });
    }
    if stage.actions.len() > limits::ACTIONS_PER_STAGE_MAX {
        let message = format!(
            "the stage has {} actions; at most {} are allowed",
            stage.actions.len(),
            limits::ACTIONS_PER_STAGE_MAX
        );
        faults.push(in_stage(stage, FaultCode::TooLarge, message));
    }
    for (place, action) in stage.actions.iter().enumerate() {
        for (field, checked) in check_action(action) {
            let Err(fault) = checked else { continue };
            let placed = in_action(stage, place, fault.code, fault.message);
            faults.push(Fault {
                field: field.to_owned(),
                ..placed
            });
        }
    }
}

fn check_action(action: &Action) -> Vec<(&'static str, Checked)> {
    match &action.kind {
        ActionKind::Alert(alert) => vec![
            ("text", check_text(&alert.text)),
            ("due", optional_span(alert.due)),
        ],
        ActionKind::Button(button) => {
            let confirmation = button.confirmation.as_ref();
            let confirmation = confirmation.map_or(Ok(()), |text| {
                rules::text("`confirm`", text, limits::TEXT_BYTES_MAX)
            });
            vec![
                ("button", rules::label("the button's label", &button.label)),
                ("confirm", confirmation),
                ("form", check_fields("form", &button.form)),
            ]
        }
        ActionKind::Timer(timer) => vec![("after", optional_span(timer.after))],
        ActionKind::SetField(set) => vec![("field", rules::field_name(&set.field))],
        ActionKind::Link(link) => {
            let times = link.at_most.as_ref().map_or(1, |at_most| at_most.times);
            vec![("max", check_times(times))]
        }
        ActionKind::Finish(finish) => vec![("finish", rules::name("the outcome", &finish.outcome))],
    }
}

fn check_text(text: &Template) -> Checked {
    rules::text("`text`", text.source(), limits::TEXT_BYTES_MAX)?;
    if text.is_blank() {
        let message =
            "`text` shows nothing: it has only comments. Write what is to be done".to_owned();
        return Err(Fault::new(FaultCode::BadValue, message));
    }
    Ok(())
}

fn optional_span(span: Option<Span>) -> Checked {
    span.map_or(Ok(()), rules::span_within)
}

fn check_times(times: u32) -> Checked {
    if (1..=limits::LINK_TIMES_MAX).contains(&times) {
        return Ok(());
    }
    let message = format!("`max` must be from 1 to {}", limits::LINK_TIMES_MAX);
    Err(Fault::new(FaultCode::BadValue, message))
}

fn check_expressions(definition: &Definition) -> Checked {
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    let lengths = actions
        .flat_map(Action::expressions)
        .map(|(_, expression)| expression.source().len());
    let (count, bytes) = lengths.fold((0, 0), |(count, bytes), length| (count + 1, bytes + length));
    rules::expressions(count, bytes)
}

fn check_texts(definition: &Definition) -> Checked {
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    let with_logic = actions
        .flat_map(Action::texts)
        .filter(|(_, text)| text.has_logic());
    rules::logic_bytes(with_logic.map(|(_, text)| text.source().len()).sum())
}

/// Checks declarations. Returns the first error.
fn check_fields(what: &str, fields: &[FieldDeclaration]) -> Checked {
    if fields.len() > limits::FIELDS_MAX {
        let message = format!(
            "`{what}` has {} fields; at most {} are allowed",
            fields.len(),
            limits::FIELDS_MAX
        );
        return Err(Fault::new(FaultCode::TooLarge, message));
    }
    for (place, field) in fields.iter().enumerate() {
        rules::field_name(&field.name)?;
        rules::field_bounds(field)?;
        if fields[..place].iter().any(|other| other.name == field.name) {
            let message = format!("`{what}` declares {} twice", rules::quoted(&field.name));
            return Err(Fault::new(FaultCode::Duplicate, message));
        }
    }
    Ok(())
}
