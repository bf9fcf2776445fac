//! Events as they are written, before those without an id or a number have got theirs.

use aftercall_definition::model::{
    Action, Event, EventKind, FIRST_STAGE, NEW_CALL_ID, NEW_CALL_LABEL,
};

use crate::file::faults::{Position, Spot};
use crate::file::places::Place;

/// An event with its actions; a button or timer among these has no event id yet.
pub(super) struct Sketch {
    pub(super) kind: EventKind,
    pub(super) label: String,
    /// What its stage is called, if the file says it.
    pub(super) stage_title: Option<String>,
    /// The id in the file, if one is written.
    pub(super) id: Option<(String, Position)>,
    /// The number in the file, if one is written.
    pub(super) number: Option<(u32, Position)>,
    /// The action that adds this event.
    pub(super) added_by: Spot,
    /// Where that action is, for faults that concern the event as a whole.
    pub(super) at: Position,
    pub(super) actions: Vec<Action>,
    /// Where each of the actions stands.
    pub(super) places: Vec<Place>,
    /// Which of the actions add events: the action's place, the event's place.
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
}
