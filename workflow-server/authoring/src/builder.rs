//! Building a definition step by step: each step gives the definition as it is then, or says why it
//! cannot be done.
//!
//! Promises: built step by step with the same ids and numbers, a definition is the same as its
//! file; a step that cannot be done changes nothing; no event is left that nothing adds.

use std::collections::HashSet;

use aftercall_definition::fault::Fault;
use aftercall_definition::limits::{ACTIONS_PER_STAGE_MAX, STAGES_MAX};
use aftercall_definition::model::{Action, Definition, Event, Stage};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::rules;
use thiserror::Error;

use crate::file::{Single, check_written, read, read_action, write_yaml};

/// Why a step cannot be done.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BuildError {
    /// The action has faults.
    #[error("the action has faults")]
    Faulty(Vec<Fault>),
    /// There is no such event.
    #[error("there is no event `{event}`{hint}")]
    NoEvent {
        /// The event that was named.
        event: String,
        /// Which was meant, as the end of the sentence; may be empty.
        hint: String,
    },
    /// The stage has no such action.
    #[error("the event `{event}` has {count} actions: there is no action {action}")]
    NoAction {
        /// The event.
        event: String,
        /// The action, counted from 1.
        action: u32,
        /// How many it has.
        count: usize,
    },
    /// A link points at an event that would be gone.
    #[error("links point at what would be gone: {}", .0.join(", "))]
    Linked(Vec<String>),
    /// Another kind of action cannot take its place.
    #[error("an action stays of its kind: remove it and add another")]
    OtherKind,
    /// An event cannot come after itself.
    #[error("an action cannot be moved below itself")]
    IntoItself,
    /// There would be more than there may be.
    #[error("{0}")]
    TooMany(String),
    /// Its file would not be one that can be imported.
    #[error("as a file the workflow could not be imported any more: {0}")]
    NotAFile(String),
    /// The event of an action cannot become another one.
    #[error("an action keeps its event `{0}`: remove it and add another")]
    OtherEvent(String),
}

/// What a step gives: the definition, and the event that was added with its stage's number.
pub type Built = Result<(Definition, Option<(Event, u32)>), BuildError>;

/// Adds an action to the stage of an event, before the one that is at this place, counted from 1;
/// at the end for 0.
///
/// # Errors
/// [`BuildError`].
pub fn add_action(
    definition: &Definition,
    earlier: &Numbering,
    event: &str,
    before: u32,
    text: &str,
) -> Built {
    let at = stage_at(definition, event)?;
    let count = definition.stages[at].actions.len();
    let place = if before == 0 {
        count
    } else {
        before as usize - 1
    };
    if place > count {
        return Err(no_action(event, before, count));
    }
    if count >= ACTIONS_PER_STAGE_MAX {
        return Err(BuildError::TooMany(format!(
            "a stage has at most {ACTIONS_PER_STAGE_MAX} actions"
        )));
    }
    let Single { action, adds } =
        read_action(text, definition, earlier, None).map_err(BuildError::Faulty)?;
    let mut built = definition.clone();
    built.stages[at].actions.insert(place, action);
    if let Some((event, number)) = adds.clone() {
        if built.stages.len() >= STAGES_MAX {
            return Err(BuildError::TooMany(format!(
                "a workflow has at most {STAGES_MAX} stages"
            )));
        }
        built.stages.push(Stage {
            number,
            event,
            actions: Vec::new(),
        });
        built.stages.sort_by_key(|stage| stage.number);
    }
    checked(built, adds)
}

/// The stage that came with an action: the action that [`add_action`] put there with the same
/// arguments.
#[must_use]
pub fn added_by<'d>(built: &'d Definition, event: &str, before: u32) -> Option<&'d Stage> {
    let actions = &built.stage_of(event)?.actions;
    let action = if before == 0 {
        actions.last()
    } else {
        actions.get(before as usize - 1)
    };
    built.stage_of(action?.adds()?)
}

/// Replaces what an action does. Its kind and its event are kept, also with another label.
///
/// # Errors
/// [`BuildError`].
pub fn update_action(
    definition: &Definition,
    earlier: &Numbering,
    event: &str,
    action: u32,
    text: &str,
) -> Built {
    let (at, place) = action_at(definition, event, action)?;
    let old = &definition.stages[at].actions[place];
    let own = old
        .adds()
        .and_then(|id| definition.stage_of(id))
        .map(|stage| stage.event.clone());
    let read = read_action(text, definition, earlier, own.as_ref()).map_err(BuildError::Faulty)?;
    if std::mem::discriminant(&old.kind) != std::mem::discriminant(&read.action.kind) {
        return Err(BuildError::OtherKind);
    }
    let mut built = definition.clone();
    if let (Some(own), Some((event, _))) = (own, &read.adds) {
        if own.id != event.id {
            return Err(BuildError::OtherEvent(own.id));
        }
        let stage = built
            .stages
            .iter_mut()
            .find(|stage| stage.event.id == own.id);
        if let Some(stage) = stage {
            stage.event.label.clone_from(&event.label);
            stage.event.stage_title.clone_from(&event.stage_title);
        }
    }
    built.stages[at].actions[place] = read.action;
    checked(built, None)
}

/// Removes an action; with a button or a timer its event, and all events below it.
///
/// # Errors
/// [`BuildError::Linked`] where a link that stays points at one of them.
pub fn remove_action(definition: &Definition, event: &str, action: u32) -> Built {
    let (at, place) = action_at(definition, event, action)?;
    let gone = below(definition, &definition.stages[at].actions[place]);
    let stays = |stage: &&Stage| !gone.contains(stage.event.id.as_str());
    let links = definition.stages.iter().filter(stays).flat_map(|stage| {
        let pointing = stage
            .actions
            .iter()
            .enumerate()
            .filter(|(nth, _)| (stage.number, *nth) != (definition.stages[at].number, place));
        pointing
            .filter(|(_, action)| targets(action).any(|to| gone.contains(to)))
            .map(|(nth, _)| {
                format!(
                    "stage {} \"{}\", action {}",
                    stage.number,
                    stage.title(),
                    nth + 1
                )
            })
    });
    let links: Vec<String> = links.collect();
    if !links.is_empty() {
        return Err(BuildError::Linked(links));
    }
    let mut built = definition.clone();
    built.stages[at].actions.remove(place);
    built
        .stages
        .retain(|stage| !gone.contains(stage.event.id.as_str()));
    Ok((built, None))
}

/// Moves an action to the stage of an event, before the one at this place as the stage is without
/// it; to the end for 0. What is below it goes with it.
///
/// # Errors
/// [`BuildError`].
pub fn move_action(
    definition: &Definition,
    (event, action): (&str, u32),
    to_event: &str,
    before: u32,
) -> Built {
    let (at, place) = action_at(definition, event, action)?;
    let to = stage_at(definition, to_event)?;
    if below(definition, &definition.stages[at].actions[place]).contains(to_event) {
        return Err(BuildError::IntoItself);
    }
    let mut built = definition.clone();
    let moved = built.stages[at].actions.remove(place);
    let target = &mut built.stages[to].actions;
    let place = if before == 0 {
        target.len()
    } else {
        before as usize - 1
    };
    if place > target.len() {
        return Err(no_action(to_event, before, target.len()));
    }
    if target.len() >= ACTIONS_PER_STAGE_MAX {
        return Err(BuildError::TooMany(format!(
            "a stage has at most {ACTIONS_PER_STAGE_MAX} actions"
        )));
    }
    target.insert(place, moved);
    checked(built, None)
}

/// Every built definition can be exported, and every export can be imported: the limits of size,
/// depth and numbers are those of a file.
fn checked(built: Definition, adds: Option<(Event, u32)>) -> Built {
    check_written(&built).map_err(|fault| BuildError::NotAFile(fault.message))?;
    match read(&write_yaml(&built), None) {
        Ok(_) => Ok((built, adds)),
        Err(faults) => {
            let first = faults.into_iter().next().map(|fault| fault.message);
            Err(BuildError::NotAFile(first.unwrap_or_default()))
        }
    }
}

fn stage_at(definition: &Definition, event: &str) -> Result<usize, BuildError> {
    let found = definition
        .stages
        .iter()
        .position(|stage| stage.event.id == event);
    found.ok_or_else(|| {
        let ids = || {
            definition
                .stages
                .iter()
                .map(|stage| stage.event.id.as_str())
        };
        BuildError::NoEvent {
            event: event.to_owned(),
            hint: rules::suggestion_or_all(event, ids()),
        }
    })
}

fn action_at(
    definition: &Definition,
    event: &str,
    action: u32,
) -> Result<(usize, usize), BuildError> {
    let at = stage_at(definition, event)?;
    let count = definition.stages[at].actions.len();
    let place = (action as usize)
        .checked_sub(1)
        .filter(|place| *place < count);
    place
        .map(|place| (at, place))
        .ok_or_else(|| no_action(event, action, count))
}

fn no_action(event: &str, action: u32, count: usize) -> BuildError {
    BuildError::NoAction {
        event: event.to_owned(),
        action,
        count,
    }
}

/// Where a link leads.
fn targets(action: &Action) -> impl Iterator<Item = &str> {
    action
        .targets()
        .filter(|target| target.leads.is_link())
        .map(|target| target.event)
}

/// The event that an action adds, and all that are added below it.
fn below<'d>(definition: &'d Definition, action: &'d Action) -> HashSet<&'d str> {
    let mut found = HashSet::new();
    let mut open: Vec<&str> = action.adds().into_iter().collect();
    while let Some(event) = open.pop() {
        if found.insert(event)
            && let Some(stage) = definition.stage_of(event)
        {
            open.extend(stage.actions.iter().filter_map(Action::adds));
        }
    }
    found
}
