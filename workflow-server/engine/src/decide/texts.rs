//! Keeps the texts of open alerts up to date. An entry that changes a value also fills in the texts
//! that show it.

use aftercall_definition::Definition;
use aftercall_definition::value::Value;

use crate::call::Call;
use crate::instance::Instance;
use crate::query::{forms_shown_on, text_of};
use crate::world::Root;

/// Fills the texts in again. Returns the actions of the alerts whose text has changed.
pub(super) fn refresh(
    root: &Root,
    source: (&Definition, &Call),
    instance: &mut Instance,
) -> Box<[u16]> {
    let texts: Vec<Option<String>> = instance
        .alerts
        .iter()
        .map(|alert| text_of(root, source, instance, alert))
        .collect();
    let mut rewritten = Vec::new();
    for (alert, text) in instance.alerts.iter_mut().zip(texts) {
        if let Some(text) = text.filter(|text| **text != *alert.text) {
            alert.text = text.into();
            rewritten.push(alert.action);
        }
    }
    instance.set_refresh_at(None);
    rewritten.into()
}

/// Keeps the values of a form that the texts of the alerts show. The texts can then be filled in
/// again.
pub(super) fn keep_form(
    definition: &Definition,
    instance: &mut Instance,
    form: &[(Box<str>, Value)],
) {
    let shown: Vec<&str> = forms_shown_on(definition, instance).collect();
    let kept = form
        .iter()
        .filter(|(name, _)| shown.contains(&&**name))
        .cloned()
        .collect();
    let kept = (!shown.is_empty()).then_some(kept);
    if instance.filling.is_some() || kept.is_some() {
        instance.filling.get_or_insert_default().form = kept;
        instance.set_refresh_at(instance.refresh_at());
    }
}

/// Whether texts would show the same values of both calls.
pub(super) fn is_shown_alike(one: &Call, other: &Call) -> bool {
    let shown = |call: &Call| (call.chargeable, call.ended_at.is_some());
    shown(one) == shown(other)
        && (&one.customer, &one.script, &one.agent, &one.caller)
            == (&other.customer, &other.script, &other.agent, &other.caller)
}

/// Whether texts would show the same values of an instance before and after a change. Does not
/// compare the call.
pub(super) fn has_same_values(old: &Instance, new: &Instance) -> bool {
    let place = |one: &Instance| (one.version, one.stage, one.visit(), one.entered_at);
    let has_same_texts = || {
        let pairs = || old.alerts.iter().zip(&new.alerts);
        old.alerts.len() == new.alerts.len()
            && pairs().all(|(old, new)| (old.action, &old.text) == (new.action, &new.text))
    };
    new.refresh_at().is_none()
        && place(old) == place(new)
        && old.fields == new.fields
        && has_same_texts()
}
