//! The texts of open alerts. They depend only on the definition, the instance and its call. So a
//! text is never older than its values.

use aftercall_definition::Definition;
use aftercall_definition::escalation::alert_action;
use aftercall_definition::facts::Facts;
use aftercall_definition::limits::TEXT_BYTES_MAX;
use aftercall_definition::model::AlertAction;
use aftercall_definition::template::Filled;
use aftercall_definition::value::Value;

use crate::call::Call;
use crate::instance::{Alert, Instance};
use crate::query::{zone_beside_caller, zone_name};
use crate::world::Root;

/// Fills in the text of an alert with the values of the instance, its call, and the form of the
/// push that led to the stage. `now` in a text is the time when the stage was entered. Times are in
/// the zone of the caller, or else of the alert's calendar, or else of the server.
#[must_use]
pub fn fill_in(
    root: &Root,
    (definition, call): (&Definition, &Call),
    instance: &Instance,
    (alert, form): (&AlertAction, &[(Box<str>, Value)]),
) -> Filled {
    let facts = Facts {
        declared: &definition.fields,
        values: &instance.fields,
        form,
        call: call.facts(),
        visit: instance.visit(),
        now: instance.entered_at,
        zone: zone_name(zone_beside_caller(
            root,
            definition,
            alert.calendar.as_deref(),
        )),
    };
    let mut filled = alert.text.fill_in(TEXT_BYTES_MAX, &facts);
    if filled.text.trim().is_empty() {
        // An empty text would show nothing, so people see the title of the stage instead.
        filled.text = definition
            .stage(instance.stage)
            .map_or_else(String::new, |stage| stage.title().into_owned());
    }
    filled
}

/// The text of an open alert, filled in with the present values. Returns `None` if the text shows a
/// form that was not kept.
#[must_use]
pub fn text_of(
    root: &Root,
    (definition, call): (&Definition, &Call),
    instance: &Instance,
    alert: &Alert,
) -> Option<String> {
    let raised_by = alert_action(definition, instance.stage, alert.action)?;
    let form = match instance.form() {
        Some(form) => form,
        None if forms_shown(raised_by).next().is_none() => &[],
        None => return None,
    };
    Some(fill_in(root, (definition, call), instance, (raised_by, form)).text)
}

/// Whether the texts of the instance's alerts contain values.
pub(crate) fn has_places(definition: &Definition, instance: &Instance) -> bool {
    raised_by(definition, instance).any(|alert| alert.text.places().next().is_some())
}

/// The names of form values that the texts of the instance's alerts show.
pub(crate) fn forms_shown_on<'d>(
    definition: &'d Definition,
    instance: &Instance,
) -> impl Iterator<Item = &'d str> {
    raised_by(definition, instance).flat_map(forms_shown)
}

fn raised_by<'d>(
    definition: &'d Definition,
    instance: &Instance,
) -> impl Iterator<Item = &'d AlertAction> {
    let stage = instance.stage;
    instance
        .alerts
        .iter()
        .filter_map(move |alert| alert_action(definition, stage, alert.action))
}

fn forms_shown(alert: &AlertAction) -> impl Iterator<Item = &str> {
    alert
        .text
        .places()
        .filter_map(|place| place.strip_prefix("form."))
}
