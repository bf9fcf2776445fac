//! Events as the file has them, before the missing ids and numbers are assigned.

use aftercall_definition::fault::Fault;
use aftercall_definition::model::{
    Action, Event, EventKind, FIRST_STAGE, NEW_CALL_ID, NEW_CALL_LABEL,
};

use crate::file::faults::{Faults, Spot};
use crate::file::place::Place;
use crate::file::position::Position;

/// An event with its actions. Buttons and timers among these have no event id yet.
pub(super) struct Sketch {
    pub(super) kind: EventKind,
    pub(super) label: String,
    /// The title of its stage, if the file has one.
    pub(super) stage_title: Option<String>,
    /// The id in the file, if it has one.
    pub(super) id: Option<(String, Position)>,
    /// The number in the file, if it has one.
    pub(super) number: Option<(u32, Position)>,
    /// The action that adds this event.
    pub(super) added_by: Spot,
    /// The position of that action, for errors of the event as a whole.
    pub(super) at: Position,
    pub(super) actions: Vec<Action>,
    /// The positions of the actions.
    pub(super) places: Vec<Place>,
    /// The actions that add events: index of the action, index of the event.
    pub(super) adds: Vec<(usize, usize)>,
}

impl Sketch {
    /// The event that every workflow has.
    pub(super) fn new_call() -> Self {
        Self {
            kind: EventKind::NewCall,
            label: NEW_CALL_LABEL.to_owned(),
            stage_title: None,
            id: Some((NEW_CALL_ID.to_owned(), Position::START)),
            number: Some((FIRST_STAGE, Position::START)),
            added_by: Spot::default(),
            at: Position::START,
            actions: Vec::new(),
            places: Vec::new(),
            adds: Vec::new(),
        }
    }

    pub(super) fn event(&self, id: String) -> Event {
        Event {
            id,
            kind: self.kind,
            label: self.label.clone(),
            stage_title: self.stage_title.clone(),
        }
    }

    /// Adds an error of the whole event. `at` is its position.
    pub(super) fn put_error(&self, faults: &mut Faults, at: Position, field: &str, fault: Fault) {
        faults.spot = self.added_by;
        faults.put(
            at,
            Fault {
                field: field.to_owned(),
                ..fault
            },
        );
        faults.spot = Spot::default();
    }
}
