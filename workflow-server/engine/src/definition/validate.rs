//! What keeps a definition from being published, and what its author is warned of: every fault at once, in the order of
//! the stages. Time is linear in the size of the definition, but for texts of "did you mean".

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::definition::fault::{Fault, FaultCode};
use crate::definition::model::{
    Action, AlertAction, ButtonAction, Definition, Event, EventKind, FIRST_STAGE, LinkAction, Stage, TimerStart,
};
use crate::definition::template::Place;
use crate::limits;

/// Finds every fault. `is_team` tells the teams that are declared.
pub fn validate(definition: &Definition, is_team: impl Fn(&str) -> bool) -> Vec<Fault> {
    let mut check = Check { definition, numbers: numbers(definition), faults: Vec::new() };
    check.sizes();
    for stage in &definition.stages {
        check.stage(stage, &is_team);
    }
    check.circles();
    check.unreachable();
    let mut faults = check.faults;
    faults.sort_by_key(|fault| (fault.stage, fault.action));
    faults
}

/// Whether some stage neither waits, links nor finishes.
#[must_use]
pub fn has_unlinked_ends(definition: &Definition) -> bool {
    definition.stages.iter().any(is_unlinked_end)
}

fn is_unlinked_end(stage: &Stage) -> bool {
    stage.actions.iter().all(|action| matches!(action, Action::Alert(_)))
}

/// Event id → stage number.
fn numbers(definition: &Definition) -> HashMap<&str, u32> {
    definition.stages.iter().map(|stage| (stage.event.id.as_str(), stage.number)).collect()
}

fn is_end(action: &Action) -> bool {
    matches!(action, Action::Link(_) | Action::Finish(_))
}

struct Check<'d> {
    definition: &'d Definition,
    numbers: HashMap<&'d str, u32>,
    faults: Vec<Fault>,
}

impl<'d> Check<'d> {
    fn add(&mut self, code: FaultCode, stage: u32, action: usize, field: &str, message: String) -> &mut Fault {
        let at = self.faults.len();
        self.faults.push(Fault {
            stage,
            action: action as u32,
            field: field.to_owned(),
            ..Fault::new(code, message)
        });
        &mut self.faults[at]
    }

    fn sizes(&mut self) {
        let stages = self.definition.stages.len();
        if stages > limits::STAGES_MAX {
            let message = format!("the workflow has {stages} stages, at most {} are allowed", limits::STAGES_MAX);
            self.add(FaultCode::TooLarge, 0, 0, "", message);
        }
    }

    fn stage(&mut self, stage: &'d Stage, is_team: &impl Fn(&str) -> bool) {
        let count = stage.actions.len();
        if count > limits::ACTIONS_PER_STAGE_MAX {
            let message = format!("the stage has {count} actions, at most {} are allowed", limits::ACTIONS_PER_STAGE_MAX);
            self.add(FaultCode::TooLarge, stage.number, 0, "", message);
        }
        if is_unlinked_end(stage) {
            let warning = self.definition.allow_unlinked_ends;
            let message = format!(
                "{} is an unlinked end: give it a button, a timer, a link or a finish",
                named(stage)
            );
            self.add(FaultCode::UnlinkedEnd, stage.number, 0, "", message).warning = warning;
        }
        self.ends(stage);
        self.labels(stage);
        for (at, action) in (1..).zip(&stage.actions) {
            match action {
                Action::Alert(alert) => self.alert(stage, at, alert, is_team),
                Action::Link(link) => self.link(stage, at, link),
                Action::Button(ButtonAction { event, .. }) => self.event(stage, at, event, EventKind::ButtonPushed),
                Action::Timer(timer) => self.event(stage, at, &timer.event, EventKind::TimerElapsed),
                Action::Finish(_) => {}
            }
        }
    }

    /// A link or finish is the last action, and alone: what stands beside it would be withdrawn in the same moment.
    fn ends(&mut self, stage: &Stage) {
        let Some(end) = stage.actions.iter().position(is_end) else { return };
        let what = if matches!(stage.actions[end], Action::Link(_)) { "link" } else { "finish" };
        for (at, action) in (1..).zip(&stage.actions).filter(|(at, _)| *at != end + 1) {
            let message = match action {
                Action::Link(_) | Action::Finish(_) => format!("nothing comes after the {what}: remove this"),
                _ => format!("the {what} of this stage would withdraw this in the same moment: nobody would see it"),
            };
            self.add(FaultCode::ActionAfterEnd, stage.number, at, "", message);
        }
    }

    fn labels(&mut self, stage: &'d Stage) {
        let mut labels: BTreeMap<&str, usize> = BTreeMap::new();
        let mut buttons = 0;
        for (at, action) in (1..).zip(&stage.actions) {
            let Action::Button(button) = action else { continue };
            buttons += 1;
            if let Some(first) = labels.insert(&button.label, at) {
                let message = format!("actions {first} and {at} are both buttons \"{}\": people could not tell them apart", button.label);
                self.add(FaultCode::DuplicateLabel, stage.number, at, "button", message);
            }
        }
        if buttons > 0 && !stage.actions.iter().any(|action| matches!(action, Action::Alert(_))) {
            let message = format!("{} has buttons and no alert: nobody is told that they are there", named(stage));
            self.add(FaultCode::NoAlert, stage.number, 0, "", message).warning = true;
        }
    }

    fn alert(&mut self, stage: &Stage, at: usize, alert: &AlertAction, is_team: &impl Fn(&str) -> bool) {
        if !is_team(&alert.team) {
            let message = format!("there is no team `{}`: declare it first (aftercall team add), or mend its name", alert.team);
            self.add(FaultCode::UnknownTeam, stage.number, at, "team", message);
        }
        for place in alert.text.places() {
            let Place::Field(name) = place else { continue };
            if self.definition.fields.iter().all(|field| field.name != *name) {
                let known = self.definition.fields.iter().map(|field| field.name.as_str());
                let message = format!("the text names the field `{name}`, which is not declared{}", did_you_mean(name, known));
                self.add(FaultCode::UnknownField, stage.number, at, "text", message);
            }
        }
    }

    fn link(&mut self, stage: &Stage, at: usize, link: &LinkAction) {
        let targets = [("to", Some(&link.to)), ("else", link.at_most.as_ref().map(|limit| &limit.otherwise))];
        for (field, target) in targets {
            let Some(target) = target.filter(|target| !self.numbers.contains_key(target.as_str())) else { continue };
            let message = format!("there is no event `{target}`{}", did_you_mean(target, self.numbers.keys().copied()));
            self.add(FaultCode::UnknownEvent, stage.number, at, field, message);
        }
    }

    /// The event of a button or timer is there, and of its kind.
    fn event(&mut self, stage: &Stage, at: usize, event: &str, kind: EventKind) {
        let found: Option<&Event> = self.definition.stage_of(event).map(|stage| &stage.event);
        if found.is_none_or(|found| found.kind != kind) {
            let message = format!("there is no event `{event}` of this kind");
            self.add(FaultCode::UnknownEvent, stage.number, at, "id", message);
        }
    }

    /// Where an instance goes from a stage without anything to wait for. A timer that counts from the instance's start
    /// may have elapsed before its stage is entered, so it is nothing to wait for either.
    fn goes_on(&self, stage: &Stage) -> Vec<u32> {
        let mut targets: Vec<&str> = Vec::new();
        for action in &stage.actions {
            match action {
                Action::Link(link) => {
                    targets.push(&link.to);
                    targets.extend(link.at_most.as_ref().map(|limit| limit.otherwise.as_str()));
                }
                Action::Timer(timer) if timer.from == TimerStart::Start => targets.push(&timer.event),
                _ => {}
            }
        }
        targets.into_iter().filter_map(|target| self.numbers.get(target).copied()).collect()
    }

    /// Takes away, again and again, the stages that lead to nothing that is left: what stays are circles, and what leads
    /// into them.
    fn circles(&mut self) {
        let mut next: BTreeMap<u32, BTreeSet<u32>> = BTreeMap::new();
        let mut leads_here: HashMap<u32, Vec<u32>> = HashMap::new();
        for stage in &self.definition.stages {
            let targets: BTreeSet<u32> = self.goes_on(stage).into_iter().collect();
            for target in &targets {
                leads_here.entry(*target).or_default().push(stage.number);
            }
            next.insert(stage.number, targets);
        }
        let mut done: Vec<u32> = next.iter().filter(|(_, targets)| targets.is_empty()).map(|(from, _)| *from).collect();
        while let Some(stage) = done.pop() {
            next.remove(&stage);
            for from in leads_here.remove(&stage).unwrap_or_default() {
                if let Some(targets) = next.get_mut(&from)
                    && targets.remove(&stage)
                    && targets.is_empty()
                {
                    done.push(from);
                }
            }
        }
        self.name_circles(&next);
    }

    fn name_circles(&mut self, next: &BTreeMap<u32, BTreeSet<u32>>) {
        let mut seen: BTreeSet<u32> = BTreeSet::new();
        for start in next.keys() {
            let (mut path, mut at) = (Vec::new(), *start);
            while seen.insert(at) {
                path.push(at);
                // Every stage that stays leads to another one that stays.
                let Some(target) = next.get(&at).and_then(|targets| targets.first()) else { break };
                at = *target;
            }
            let Some(begin) = path.iter().position(|stage| *stage == at) else { continue };
            let circle: Vec<String> = path[begin..].iter().chain([&at]).map(ToString::to_string).collect();
            let message = format!(
                "stages {} go round in a circle in which nothing waits: put a button or a timer into it",
                circle.join(" → ")
            );
            self.add(FaultCode::CircleWithoutWait, at, 0, "", message);
        }
    }

    fn unreachable(&mut self) {
        let mut reached: BTreeSet<u32> = BTreeSet::from([FIRST_STAGE]);
        let mut to_do = vec![FIRST_STAGE];
        while let Some(number) = to_do.pop() {
            let Some(stage) = self.definition.stage(number) else { continue };
            let armed = stage.actions.iter().filter_map(|action| match action {
                Action::Button(button) => self.numbers.get(button.event.as_str()).copied(),
                Action::Timer(timer) => self.numbers.get(timer.event.as_str()).copied(),
                _ => None,
            });
            to_do.extend(armed.chain(self.goes_on(stage)).filter(|target| reached.insert(*target)));
        }
        for stage in self.definition.stages.iter().filter(|stage| !reached.contains(&stage.number)) {
            let message = format!("nothing leads to {}", named(stage));
            self.add(FaultCode::UnreachableStage, stage.number, 0, "", message);
        }
    }
}

fn named(stage: &Stage) -> String {
    format!("stage {} \"{}\"", stage.number, stage.event.label)
}

/// "; did you mean `approve`?", where something near is known.
fn did_you_mean<'k>(wrong: &str, known: impl Iterator<Item = &'k str>) -> String {
    let nearest = known.map(|name| (strsim::osa_distance(wrong, name), name)).min();
    match nearest.filter(|(distance, _)| *distance <= 2) {
        Some((_, name)) => format!("; did you mean `{name}`?"),
        None => String::new(),
    }
}
