//! Warnings: the definition can be published, but its author may have meant something else.

use crate::model::{Action, ActionKind, SetFieldAction, TimerStart};
use crate::validate::scene::Scene;
use crate::value::FieldType;

/// The warnings for an action: the field of the action, and a sentence.
pub(super) fn action_warnings(scene: &Scene<'_>, action: &Action) -> Vec<(&'static str, String)> {
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
            .is_some_and(|when| when.names_below("fields").contains(&name))
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
        warnings.extend(text.places().filter(|place| is_sensitive(scene, place)).map(|place| {
            let message = format!(
                "names `{place}`, which is sensitive: everybody who sees the alert, its notices and the reports sees the text. Leave it out, and let people open the follow-up to see it"
            );
            (key, message)
        }));
    }
    if let ActionKind::SetField(set) = &action.kind {
        warnings.extend(unprotected_copy(scene, set).map(|message| ("field", message)));
    }
    warnings
}

/// Whether a place such as `fields.iban` or `form.iban` is declared as sensitive.
fn is_sensitive(scene: &Scene<'_>, place: &str) -> bool {
    let declared = place.split_once('.');
    declared.is_some_and(|(root, name)| {
        let declared = scene.names.declared(root, name);
        declared.iter().any(|field| field.sensitive)
    })
}

/// The warning for a field that gets a sensitive value and is not sensitive.
fn unprotected_copy(scene: &Scene<'_>, set: &SetFieldAction) -> Option<String> {
    let target = scene.names.fields.get(set.field.as_str())?;
    if target.sensitive {
        return None;
    }
    let named = ["fields", "form"].into_iter().flat_map(|root| {
        let names = set.to.names_below(root);
        names.into_iter().map(move |name| format!("{root}.{name}"))
    });
    let from = named.into_iter().find(|place| is_sensitive(scene, place))?;
    Some(format!(
        "gets `{from}`, which is sensitive, but `fields.{}` is not: declare it as `sensitive: true`",
        set.field
    ))
}
