//! Checks that the texts of open alerts are up to date.

use aftercall_definition::ActionKind;
use aftercall_definition::facts::Facts;
use aftercall_definition::limits::TEXT_BYTES_MAX;
use aftercall_engine::instance::{Alert, Instance};
use aftercall_engine::mask;
use aftercall_engine::query::{zone_beside_caller, zone_name};
use aftercall_engine::world::World;

/// Whether each text is equal to its template with the present values. A text that a timer fills in
/// later, or that was erased, is not checked. No instance here comes from a server that did not
/// keep forms.
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
        // If the text is empty, the alert shows the title of the stage.
        text.trim().is_empty() || *alert.text == *text || *alert.text == *mask::ERASED
    };
    one.refresh_at().is_some() || one.alerts.iter().all(is_true)
}
