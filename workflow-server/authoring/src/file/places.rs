//! The positions of a definition's parts in its file. Validation does not know the file, but its
//! errors should show a line.

use std::collections::{HashMap, HashSet};

use aftercall_definition::fault::Fault;

use crate::file::inside::inside;
use crate::file::place::Place;
use crate::file::position::Position;
use crate::file::sketch::Sketch;

/// The positions of a definition's parts in its file. Empty for a definition without a file.
#[derive(Clone, Debug, Default)]
pub struct Places {
    header: Option<Place>,
    /// By stage number: the position of the action that adds the stage, and its actions.
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

    /// Adds the text of the file, so that the words of errors can be found in it.
    pub(super) fn of_text(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// The stages that have no number in the file.
    pub(super) fn unwritten(&self) -> &HashSet<u32> {
        &self.unwritten
    }

    /// Adds line and column to errors of the definition, and sorts them in the order of the file.
    /// Errors without a position come last.
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
