//! Checks whether a definition can be published, and warns its author.
//!
//! Promises: one result has all errors, in the order of the stages. The time is linear in the size
//! of the definition, for any input.
//!
//! Must not know of files: errors have a stage and an action, not a line.

mod circles;
mod declared;
mod expressions;
mod forms;
mod header;
mod limited;
mod placed;
mod scene;
mod stage;
mod structure;
mod warnings;

use std::cell::Cell;
use std::collections::HashSet;

pub use declared::{Declared, Likeness};
use scene::{Events, Scene};

use crate::facts::Names;
use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::model::{Action, Definition, Stage};

/// Returns all errors and warnings of a definition.
pub fn validate(definition: &Definition, declared: Declared<'_>) -> Vec<Fault> {
    let mut faults = Vec::new();
    if definition.stages.len() > limits::STAGES_MAX {
        let message = format!(
            "the workflow has {} stages; at most {} are allowed",
            definition.stages.len(),
            limits::STAGES_MAX
        );
        return vec![Fault::new(FaultCode::TooLarge, message)];
    }
    let events = Events::new(definition);
    limited::check(definition, &mut faults);
    structure::check_identities(definition, &mut faults);
    let names = Names::new(&definition.fields, definition.form_fields());
    let set_fields = set_fields(definition);
    let forms = forms::Forms::new(definition);
    let scene = Scene {
        definition,
        names,
        declared,
        events: &events,
        forms,
        set_fields,
        text_errors: Cell::new(0),
    };
    header::check(&scene, &mut faults);
    for stage in &definition.stages {
        stage::check(&scene, stage, &mut faults);
    }
    structure::check_added(definition, &events, &mut faults);
    circles::check(definition, &events, &mut faults);
    faults.sort_by_key(|fault| (fault.stage, fault.action));
    faults.dedup();
    bound(&mut faults);
    faults
}

fn set_fields(definition: &Definition) -> HashSet<&str> {
    let actions = definition.stages.iter().flat_map(|stage| &stage.actions);
    actions
        .filter_map(Action::set_field)
        .map(|set| set.field.as_str())
        .collect()
}

/// Whether a stage neither waits, links nor finishes.
#[must_use]
pub fn has_unlinked_ends(definition: &Definition) -> bool {
    definition.stages.iter().any(Stage::is_unlinked_end)
}

/// Keeps the first errors and reports the number of the others. Errors come before warnings.
fn bound(faults: &mut Vec<Fault>) {
    if faults.len() <= limits::FAULTS_MAX {
        return;
    }
    faults.sort_by_key(|fault| fault.warning);
    let rest = faults.split_off(limits::FAULTS_MAX);
    let message = format!(
        "there are {} more errors; these are the first {}",
        rest.len(),
        limits::FAULTS_MAX
    );
    let warning = rest.iter().all(|fault| fault.warning);
    faults.sort_by_key(|fault| (fault.stage, fault.action));
    faults.push(Fault {
        warning,
        ..Fault::new(FaultCode::TooLarge, message)
    });
}
