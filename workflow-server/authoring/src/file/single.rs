//! One action in the form of a file, for a draft that is built step by step.

use std::collections::{HashMap, HashSet};

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::model::{Action, Definition, Event};
use aftercall_definition::numbering::Numbering;

use crate::file::actions::ActionReader;
use crate::file::faults::{Faults, Spot};
use crate::file::mapping::Mapping;
use crate::file::sketch::Sketch;
use crate::file::{numbers, tree};

/// An action, and the event that it adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Single {
    /// The action.
    pub action: Action,
    /// The event that a button or a timer adds, with the number of its stage.
    pub adds: Option<(Event, u32)>,
}

/// Reads an action without a `then`. Ids and numbers are assigned as in a whole file. Those in the
/// text come first, then those of an earlier version. No id or number of the definition is used
/// twice, except that of `own`, the event of the replaced action.
///
/// # Errors
/// All errors, each with line and column in the text.
pub fn read_action(
    text: &str,
    definition: &Definition,
    earlier: &Numbering,
    own: Option<&Event>,
) -> Result<Single, Vec<Fault>> {
    let mut faults = Faults::default();
    let Some(root) = tree::parse(text, &mut faults) else {
        return Err(faults.finish(&[]));
    };
    if let Some(then) =
        Mapping::from_node(&root, "an action", &mut faults).and_then(|action| action.get("then"))
    {
        let message = "an action is added without its `then`: add what it does to its event";
        faults.add(FaultCode::BadValue, then.at, message);
    }
    let mut reader = ActionReader::new(&mut faults);
    reader.read_one(0, &root);
    let mut sketches = reader.sketches;
    faults.spot = Spot::default();
    let added = if sketches.len() > 1 {
        sketches.pop()
    } else {
        None
    };
    let Some(mut action) = sketches.pop().and_then(|mut first| first.actions.pop()) else {
        return Err(faults.finish(&[]));
    };
    let adds = added.map(|sketch| event(sketch, definition, earlier, own, &mut faults));
    if !faults.is_empty() {
        return Err(faults.finish(&[]));
    }
    if let Some((event, _)) = &adds {
        action.set_added(&event.id);
    }
    Ok(Single { action, adds })
}

/// The event, with its id and its number.
fn event(
    mut sketch: Sketch,
    definition: &Definition,
    earlier: &Numbering,
    own: Option<&Event>,
    faults: &mut Faults,
) -> (Event, u32) {
    let others = definition
        .stages
        .iter()
        .filter(|stage| own.is_none_or(|own| own.id != stage.event.id));
    let mut taken: HashSet<String> = others.clone().map(|stage| stage.event.id.clone()).collect();
    if let Some((id, at)) = &sketch.id
        && taken.contains(id)
    {
        let message = format!("another event has the id `{id}`; choose another one");
        faults.put(
            *at,
            Fault {
                field: "id".to_owned(),
                ..Fault::new(FaultCode::Duplicate, message)
            },
        );
    }
    if let (None, Some(own)) = (&sketch.id, own) {
        sketch.id = Some((own.id.clone(), sketch.at));
    }
    let id = match &sketch.id {
        Some((id, _)) => id.clone(),
        None => numbers::free_id(&sketch, &mut taken, &mut HashMap::new()),
    };
    let numbers: HashSet<u32> = others.map(|stage| stage.number).collect();
    let before = earlier.number_of(&id);
    if let Some((number, at)) = sketch.number {
        let clash = numbers::clash(
            number,
            &id,
            before,
            earlier.event_of(number),
            numbers.contains(&number),
        );
        if let Some(fault) = clash {
            faults.put(
                at,
                Fault {
                    field: "stage".to_owned(),
                    ..fault
                },
            );
        }
    }
    let highest = numbers
        .iter()
        .max()
        .map_or(1, |highest| highest.saturating_add(1));
    let number = sketch.number.map(|(number, _)| number).or(before);
    let number = number.unwrap_or_else(|| earlier.next_free().max(highest));
    (sketch.event(id), number)
}
