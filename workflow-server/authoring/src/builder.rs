//! Builds a definition step by step. Each step returns the new definition, or the reason why it is
//! not possible.
//!
//! Promises: a definition that is built with the same ids and numbers equals its file. A refused
//! step changes nothing. Every event that is left has an action that adds it.

use std::collections::HashSet;

use aftercall_definition::fault::Fault;
use aftercall_definition::limits::{ACTIONS_PER_STAGE_MAX, STAGES_MAX};
use aftercall_definition::model::{Action, Definition, Event, Stage};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::rules;
use thiserror::Error;

use crate::file::{Single, check_written, read, read_action, write_yaml};

/// Why a step is not possible.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum BuildError {
    /// The action has errors.
    #[error("the action has errors")]
    Faulty(Vec<Fault>),
    /// There is no event with this id.
    #[error("there is no event `{event}`{hint}")]
    NoEvent {
        /// The requested event.
        event: String,
        /// A suggestion as the end of the sentence. May be empty.
        hint: String,
    },
    /// The stage has no action with this number.
    #[error("the event `{event}` has {count} actions: there is no action {action}")]
    NoAction {
        /// The event.
        event: String,
        /// The requested action, counted from 1.
        action: u32,
        /// How many actions the event has.
        count: usize,
    },
    /// A link leads to an event that the step would remove.
    #[error("links lead to removed events: {}", .0.join(", "))]
    Linked(Vec<String>),
    /// The new action has another kind than the old one.
    #[error("the kind of an action cannot change: remove it and add another")]
    OtherKind,
    /// An action cannot move into a stage below itself.
    #[error("an action cannot be moved below itself")]
    IntoItself,
    /// The workflow would exceed a limit.
    #[error("{0}")]
    TooMany(String),
    /// The file of the workflow could not be imported.
    #[error("as a file the workflow could not be imported any more: {0}")]
    NotAFile(String),
    /// The new action has another event than the old one.
    #[error("an action keeps its event `{0}`: remove it and add another")]
    OtherEvent(String),
}

/// The result of a step: the new definition, and the event that it added with the number of its
/// stage.
pub type Built = Result<(Definition, Option<(Event, u32)>), BuildError>;

/// Adds an action to the stage of an event, before the action with this number. Counts from 1. 0
/// adds it at the end.
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

/// The stage of the event that [`add_action`] added with the same arguments.
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

/// Replaces an action. Its kind and its event do not change, even if its label does.
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

/// Removes an action. For a button or a timer this also removes its event, and all events below it.
///
/// # Errors
/// [`BuildError::Linked`] if a remaining link leads to one of these events.
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

/// Moves an action to the stage of an event, before the action with this number. Counts without the
/// moved action. 0 moves it to the end. The events below the action move with it.
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

/// Checks the limits of size, depth and numbers of a file. So every built definition can be
/// exported, and every export can be imported.
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

/// The targets of a link.
fn targets(action: &Action) -> impl Iterator<Item = &str> {
    action
        .targets()
        .filter(|target| target.leads.is_link())
        .map(|target| target.event)
}

/// The event that an action adds, and all events below that one.
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
