//! Where in a file the parts of a definition stand: a workflow is judged as a whole without its
//! file, and its author wants to be told the line.

use std::collections::{HashMap, HashSet};

use aftercall_definition::fault::Fault;

use crate::file::actions::{BUTTON, KINDS, TIMER, TIMER_VALUE};
use crate::file::faults::Position;
use crate::file::inside::inside;
use crate::file::mapping::{Keys, Mapping};
use crate::file::plain_actions::{ALERT, FINISH, LINK, SET_FIELD};
use crate::file::reading::WORKFLOW;
use crate::file::sketch::Sketch;
use crate::file::tree::Content;

/// The keys that a fault may name as its field.
const KEYS: [&Keys; 9] = [
    &WORKFLOW,
    &KINDS,
    &BUTTON,
    &TIMER,
    &TIMER_VALUE,
    &ALERT,
    &LINK,
    &FINISH,
    &SET_FIELD,
];

/// Where a mapping and the values in it stand.
#[derive(Clone, Debug)]
pub(super) struct Place {
    at: Position,
    fields: Vec<(&'static str, Position)>,
}

impl Place {
    /// Of an action, with what its kind says; or of a file's header.
    pub(super) fn of(mapping: Mapping<'_>) -> Self {
        let mut fields = Vec::new();
        for (key, node) in mapping.entries {
            let Some(known) = known_key(&key.text) else {
                continue;
            };
            fields.push((known, node.at));
            match &node.content {
                Content::Map(inside) if KINDS.known.contains(&known) => {
                    fields.extend(
                        inside
                            .iter()
                            .filter_map(|(key, node)| Some((known_key(&key.text)?, node.at))),
                    );
                }
                Content::Scalar { .. } => {
                    fields.extend(short_for(known).map(|long| (long, node.at)));
                }
                _ => {}
            }
        }
        Self {
            at: mapping.at,
            fields,
        }
    }

    fn position(&self, field: &str) -> Position {
        self.fields
            .iter()
            .find(|(known, _)| *known == field)
            .map_or(self.at, |(_, at)| *at)
    }
}

/// `link: paid` is short for `link: { to: paid }`.
fn short_for(kind: &str) -> Option<&'static str> {
    match kind {
        "link" => Some("to"),
        "finish" => Some("outcome"),
        "timer" => Some("after"),
        _ => None,
    }
}

fn known_key(key: &str) -> Option<&'static str> {
    KEYS.iter()
        .find_map(|keys| keys.known.iter().find(|known| **known == key))
        .copied()
}

/// Where the parts of one definition stand in the file that it was read from; nothing for one that
/// was not.
#[derive(Clone, Debug, Default)]
pub struct Places {
    header: Option<Place>,
    /// By the number of the stage: where the action stands that adds it, and its own actions.
    stages: HashMap<u32, (Position, Vec<Place>)>,
    unwritten: HashSet<u32>,
    /// The text of the file.
    text: String,
}

impl Places {
    pub(super) fn new(header: Place, sketches: &mut [Sketch], numbers: &[u32]) -> Self {
        let list = header.position("on_new_call");
        let unwritten =
            |(sketch, number): (&Sketch, &u32)| sketch.number.is_none().then_some(*number);
        let unwritten = sketches.iter().zip(numbers).filter_map(unwritten).collect();
        let stages = numbers
            .iter()
            .zip(sketches)
            .enumerate()
            .map(|(nth, (number, sketch))| {
                let at = if nth == 0 { list } else { sketch.at };
                (*number, (at, std::mem::take(&mut sketch.places)))
            });
        Self {
            stages: stages.collect(),
            header: Some(header),
            unwritten,
            text: String::new(),
        }
    }

    /// With the text of the file, in which the words of a fault are found.
    pub(super) fn of_text(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// The stages whose numbers the file leaves to be given.
    pub(super) fn unwritten(&self) -> &HashSet<u32> {
        &self.unwritten
    }

    /// Adds line and column to what was found in the definition, and puts it in the order of the
    /// file. What is nowhere in particular stays so, and comes last.
    pub fn put(&self, faults: &mut [Fault]) {
        for fault in faults.iter_mut().filter(|fault| fault.line == 0) {
            if let Some(at) = self.position(fault) {
                let part = &fault.part;
                let found =
                    inside(&self.text, at, part, 0..part.len()).filter(|_| !part.is_empty());
                let at = found.unwrap_or(at);
                (fault.line, fault.column) = (at.line, at.column);
            }
        }
        faults.sort_by_key(|fault| (fault.line == 0, fault.line, fault.column));
    }

    fn position(&self, fault: &Fault) -> Option<Position> {
        if fault.stage == 0 {
            return self
                .header
                .as_ref()
                .filter(|_| !fault.field.is_empty())
                .map(|header| header.position(&fault.field));
        }
        let (at, actions) = self.stages.get(&fault.stage)?;
        let action = (fault.action as usize)
            .checked_sub(1)
            .and_then(|place| actions.get(place));
        Some(action.map_or(*at, |action| action.position(&fault.field)))
    }
}
