//! Checks which form fields a stage names. They must be in the form of a push that leads to it,
//! directly or over links. After a timer or another push they have no value.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::expression::Expression;
use crate::facts::Names;
use crate::fault::FaultCode;
use crate::model::{Action, ButtonAction, Definition, Stage};
use crate::rules;

/// The total number of steps of the check. After that it reports no more errors. A workflow that a
/// person writes takes some hundred.
const STEPS_MAX: usize = 50_000;

type FieldNames<'d> = Rc<HashSet<&'d str>>;

/// The form fields that have a value when a stage is entered.
pub(super) struct Forms<'d> {
    /// The button that adds the event.
    buttons: HashMap<&'d str, &'d ButtonAction>,
    /// The stages that link to the event.
    links: HashMap<&'d str, Vec<&'d Stage>>,
    known: RefCell<HashMap<u32, Option<FieldNames<'d>>>>,
    steps: Cell<usize>,
}

impl<'d> Forms<'d> {
    pub(super) fn new(definition: &'d Definition) -> Self {
        let mut buttons = HashMap::new();
        let mut links: HashMap<&str, Vec<&Stage>> = HashMap::new();
        for stage in &definition.stages {
            for action in &stage.actions {
                buttons.extend(
                    action
                        .button()
                        .map(|button| (button.event.as_str(), button)),
                );
                for target in action.targets().filter(|target| target.leads.is_link()) {
                    links.entry(target.event).or_default().push(stage);
                }
            }
        }
        Self {
            buttons,
            links,
            known: RefCell::default(),
            steps: Cell::new(STEPS_MAX),
        }
    }

    /// The form fields with a value in a stage; `None` if the check would take too many steps.
    fn in_stage(&self, stage: &'d Stage) -> Option<FieldNames<'d>> {
        if let Some(known) = self.known.borrow().get(&stage.number) {
            return known.clone();
        }
        let found = self.find(stage);
        self.known.borrow_mut().insert(stage.number, found.clone());
        found
    }

    fn find(&self, stage: &'d Stage) -> Option<FieldNames<'d>> {
        let (mut names, mut seen, mut open) =
            (HashSet::new(), HashSet::from([stage.number]), vec![stage]);
        while let Some(stage) = open.pop() {
            let event = stage.event.id.as_str();
            let form = self
                .buttons
                .get(event)
                .map(|button| button.form.as_slice())
                .unwrap_or_default();
            let from = self.links.get(event).map(Vec::as_slice).unwrap_or_default();
            self.steps
                .set(self.steps.get().checked_sub(1 + from.len() + form.len())?);
            names.extend(form.iter().map(|field| field.name.as_str()));
            open.extend(from.iter().filter(|stage| seen.insert(stage.number)));
        }
        Some(Rc::new(names))
    }
}

/// Reports the names of form fields that have no value in their stage.
pub(super) fn check<'d>(
    forms: &Forms<'d>,
    declared: &Names<'d>,
    stage: &'d Stage,
    action: &'d Action,
    mut report: impl FnMut(&str, FaultCode, String),
) {
    let mut check = |field: &str, names: Vec<&str>| {
        for name in names
            .into_iter()
            .filter(|name| !declared.declared("form", name).is_empty())
        {
            if forms
                .in_stage(stage)
                .is_some_and(|known| !known.contains(name))
            {
                let place = rules::quoted(&format!("form.{name}"));
                let message = format!(
                    "names {place}, which no push that leads to this stage requests: keep it with `set-field` where it is requested, and name the field"
                );
                report(field, FaultCode::UnknownField, message);
            }
        }
    };
    // A condition with `has` expects that the value may be missing.
    let unasked = |expression: &'d Expression| -> Vec<&'d str> {
        let is_asked = |name: &&str| expression.source().contains(&format!("has(form.{name})"));
        expression
            .names_below("form")
            .into_iter()
            .filter(|name| !is_asked(name))
            .collect()
    };
    for (key, expression) in action.expressions() {
        check(key, unasked(expression));
    }
    for (key, text) in action.texts() {
        let places = text.places().filter(|place| !text.has_test_of(place));
        check(
            key,
            places
                .filter_map(|place| place.strip_prefix("form."))
                .collect(),
        );
    }
}
