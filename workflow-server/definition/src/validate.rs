//! What keeps a definition from being published, and what its author is warned of.
//!
//! Promises: every fault at once, in the order of stages; time linear in the size of the
//! definition, whatever is wrong with it.
//!
//! Must not know of files: where in a file a fault is, nobody here can say.

mod circles;
mod expressions;
mod forms;
mod header;
mod limited;
mod stage;

use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use crate::facts::Names;
use crate::fault::{Fault, FaultCode};
use crate::model::{Action, Definition, FIRST_STAGE, Stage};
use crate::{limits, rules};

/// What the server knows besides the workflow.
#[derive(Clone, Copy)]
pub struct Declared<'a> {
    is_team: &'a dyn Fn(&str) -> bool,
    is_calendar: &'a dyn Fn(&str) -> bool,
    like_team: Likeness<'a>,
    like_calendar: Likeness<'a>,
}

/// Which name was meant, as the end of a sentence; empty where none is like it.
pub type Likeness<'a> = &'a dyn Fn(&str, &rules::Suggestions) -> String;

impl<'a> Declared<'a> {
    /// Whether there is a team, and a calendar, with a name.
    #[must_use]
    pub fn new(is_team: &'a dyn Fn(&str) -> bool, is_calendar: &'a dyn Fn(&str) -> bool) -> Self {
        Self {
            is_team,
            is_calendar,
            like_team: &|_, _| String::new(),
            like_calendar: &|_, _| String::new(),
        }
    }

    /// With the names that are like another.
    #[must_use]
    pub fn with_likeness(self, like_team: Likeness<'a>, like_calendar: Likeness<'a>) -> Self {
        Self {
            like_team,
            like_calendar,
            ..self
        }
    }
}

/// Finds every fault.
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
    let events = Events::of(definition);
    limited::check(definition, &mut faults);
    check_identities(definition, &mut faults);
    let names = Names::new(&definition.fields, definition.form_fields());
    let set_fields = set_fields(definition);
    let forms = forms::Forms::of(definition);
    let scene = Scene {
        definition,
        names,
        declared,
        events: &events,
        forms,
        set_fields,
        text_faults: Cell::new(0),
    };
    header::check(&scene, &mut faults);
    for stage in &definition.stages {
        stage::check(&scene, stage, &mut faults);
    }
    check_added(definition, &events, &mut faults);
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
    definition.stages.iter().any(is_unlinked_end)
}

/// An action with a condition counts as one that may not be done.
fn is_unlinked_end(stage: &Stage) -> bool {
    !stage
        .actions
        .iter()
        .any(|action| action.when.is_none() && (action.waits() || action.ends()))
}

/// What the checks of a stage look at.
struct Scene<'a> {
    definition: &'a Definition,
    names: Names<'a>,
    declared: Declared<'a>,
    events: &'a Events<'a>,
    forms: forms::Forms<'a>,
    /// The fields that an action sets.
    set_fields: HashSet<&'a str>,
    /// How many faults of texts were told.
    text_faults: Cell<usize>,
}

/// The stages' places by the ids of their events.
struct Events<'d> {
    places: HashMap<&'d str, usize>,
    suggestions: rules::Suggestions,
}

impl Scene<'_> {
    /// What to do about a name that is not declared.
    fn not_declared(&self, what: &str, name: &str, like: Likeness<'_>) -> String {
        let hint = like(name, &self.events.suggestions);
        let hint = if hint.is_empty() {
            ": import it, or correct the name".to_owned()
        } else {
            hint
        };
        format!("the {what} {} is not declared{hint}", rules::quoted(name))
    }
}

impl<'d> Events<'d> {
    fn of(definition: &'d Definition) -> Self {
        let ids = definition
            .stages
            .iter()
            .map(|stage| stage.event.id.as_str());
        Self {
            places: ids.zip(0..).collect(),
            suggestions: rules::Suggestions::default(),
        }
    }

    /// "; there is …", in the order of the stages.
    fn all_if_few(&self) -> String {
        let mut all: Vec<(usize, &str)> = self
            .places
            .iter()
            .map(|(id, place)| (*place, *id))
            .collect();
        all.sort_unstable();
        rules::all_if_few(all.into_iter().map(|(_, id)| id))
    }

    fn place(&self, event: &str) -> Option<usize> {
        self.places.get(event).copied()
    }
}

/// Keeps the first faults and says that there are more; real ones before warnings.
fn bound(faults: &mut Vec<Fault>) {
    if faults.len() <= limits::FAULTS_MAX {
        return;
    }
    faults.sort_by_key(|fault| fault.warning);
    let rest = faults.split_off(limits::FAULTS_MAX);
    let message = format!(
        "there are {} more faults; these are the first {}",
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

fn in_stage(stage: &Stage, code: FaultCode, message: String) -> Fault {
    Fault {
        stage: stage.number,
        ..Fault::new(code, message)
    }
}

/// `place` counts from 0, as lists do.
fn in_action(stage: &Stage, place: usize, code: FaultCode, message: String) -> Fault {
    Fault {
        action: u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1),
        ..in_stage(stage, code, message)
    }
}

/// The first stage is there, numbers rise, and no id is there twice.
fn check_identities(definition: &Definition, faults: &mut Vec<Fault>) {
    if definition
        .stages
        .first()
        .is_none_or(|stage| stage.number != FIRST_STAGE)
    {
        let message = format!("the workflow has no stage {FIRST_STAGE}, its new call");
        faults.push(Fault::new(FaultCode::MissingKey, message));
    }
    for pair in definition.stages.windows(2) {
        if pair[0].number >= pair[1].number {
            let message = format!(
                "stage {} does not come after stage {}",
                pair[1].number, pair[0].number
            );
            faults.push(in_stage(&pair[1], FaultCode::Duplicate, message));
        }
    }
    let mut seen = HashMap::new();
    for stage in &definition.stages {
        if let Some(first) = seen.insert(stage.event.id.as_str(), stage.number) {
            let message = format!(
                "its event has the id `{}`, as that of stage {first} has",
                stage.event.id
            );
            faults.push(in_stage(stage, FaultCode::Duplicate, message));
        }
    }
}

/// Every event but the new call's is added by one action, in a tree that starts at the new call: so
/// something leads to each, and a file can show it.
fn check_added(definition: &Definition, events: &Events<'_>, faults: &mut Vec<Fault>) {
    let mut depths: Vec<Option<usize>> = vec![None; definition.stages.len()];
    let mut open = Vec::new();
    if let Some(first) = depths.first_mut() {
        *first = Some(0);
        open.push(0);
    }
    while let Some(place) = open.pop() {
        let stage = &definition.stages[place];
        let depth = depths[place].unwrap_or(0) + 1;
        for (action, event) in stage
            .actions
            .iter()
            .enumerate()
            .filter_map(|(at, action)| Some((at, action.adds()?)))
        {
            // An event that does not exist is reported with its action.
            let Some(next) = events.place(event) else {
                continue;
            };
            if depths[next].is_some() {
                let message = format!("the event `{event}` is added by another action already");
                faults.push(in_action(stage, action, FaultCode::Duplicate, message));
                continue;
            }
            depths[next] = Some(depth);
            open.push(next);
        }
    }
    for (stage, depth) in definition.stages.iter().zip(depths) {
        match depth {
            None => faults.push(in_stage(
                stage,
                FaultCode::UnreachableStage,
                unreachable(stage),
            )),
            Some(depth) if depth > limits::EVENTS_NESTED_MAX => {
                let max = limits::EVENTS_NESTED_MAX;
                let message = format!(
                    "`{}` comes after {depth} events in one another; at most {max}",
                    stage.event.id
                );
                faults.push(in_stage(stage, FaultCode::TooLarge, message));
            }
            Some(_) => {}
        }
    }
}

fn unreachable(stage: &Stage) -> String {
    format!(
        "nothing leads to the event `{}`: give its button or timer to a stage, or remove it",
        stage.event.id
    )
}
