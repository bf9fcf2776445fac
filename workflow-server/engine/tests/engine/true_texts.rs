//! What is asked of the text of every standing alert.

use aftercall_definition::ActionKind;
use aftercall_definition::facts::Facts;
use aftercall_definition::limits::TEXT_BYTES_MAX;
use aftercall_engine::instance::{Alert, Instance};
use aftercall_engine::mask;
use aftercall_engine::query::{zone_beside_caller, zone_name};
use aftercall_engine::world::World;

/// Whether each text is the one that filling it in now yields: unless that is left to a timer, or
/// the text was erased. Nothing here comes from a store in which forms were not kept.
pub(crate) fn has_true_texts(world: &World, one: &Instance) -> bool {
    let definition = world.root().definition_of(one).unwrap();
    let call = world.root().call_of(one).unwrap();
    let is_true = |alert: &Alert| {
        let ActionKind::Alert(raised_by) =
            &definition.stage(one.stage).unwrap().actions[usize::from(alert.action)].kind
        else {
            return false;
        };
        let facts = Facts {
            declared: &definition.fields,
            values: &one.fields,
            form: one.form().unwrap_or_default(),
            call: call.facts(),
            visit: one.visit(),
            now: one.entered_at,
            zone: zone_name(zone_beside_caller(
                world.root(),
                definition,
                raised_by.calendar.as_deref(),
            )),
        };
        let text = raised_by.text.fill_in(TEXT_BYTES_MAX, &facts).text;
        // A text that shows nothing is replaced by what the stage is called.
        text.trim().is_empty() || *alert.text == *text || *alert.text == *mask::ERASED
    };
    one.refresh_at().is_some() || one.alerts.iter().all(is_true)
}
