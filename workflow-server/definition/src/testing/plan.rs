//! Plans of workflows: trees of stages without ids and numbers, and how they become stages.

use std::collections::HashSet;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::words::{self, TEAMS};
use crate::calendar::{ClockTime, NextDay};
use crate::expression::Expression;
use crate::facts::CALL_TEXTS;
use crate::model::{
    Action, ActionKind, Again, AlertAction, AtMost, ButtonAction, EscalationStep, Event, EventKind,
    FIRST_STAGE, FinishAction, LinkAction, NEW_CALL_ID, NEW_CALL_LABEL, NO_CALENDAR, NoteRule,
    Priority, Raise, SetFieldAction, Stage, StepTime, TimerAction, TimerStart,
};
use crate::template::Template;
use crate::time::Span;
use crate::value::{FieldDeclaration, FieldType};

#[derive(Clone, Debug)]
pub(super) enum Plan {
    Finish(String),
    Unlinked(Vec<Alert>),
    Link {
        to: Index,
        at_most: Option<(u32, Index)>,
    },
    Wait {
        early: Option<(Expression, String)>,
        sets: Vec<(Index, Option<Expression>)>,
        alerts: Vec<Alert>,
        waits: Vec<Wait>,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Alert {
    text: String,
    place: Option<(Index, bool)>,
    team: &'static str,
    priority: Priority,
    due: Option<Span>,
    uses_wall_clock: bool,
    escalate: Vec<EscalationStep>,
    seen_for: Option<Span>,
    when: Option<Expression>,
}

#[derive(Clone, Debug)]
pub(super) struct Wait {
    id: String,
    label: String,
    title: Option<String>,
    kind: WaitKind,
    when: Option<Expression>,
    then: Plan,
}

#[derive(Clone, Debug)]
enum WaitKind {
    Button {
        confirmation: Option<String>,
        note: NoteRule,
        form: Vec<FieldDeclaration>,
    },
    Timer {
        after: Option<Span>,
        at: Option<ClockTime>,
        from: TimerStart,
        uses_wall_clock: bool,
        waits_for_claim: bool,
        own_label: bool,
    },
}

/// The plan of a whole workflow. It does not start with a link, which would have no target.
pub(super) fn plans() -> impl Strategy<Value = Plan> {
    let link = (any::<Index>(), option::of((1_u32..5, any::<Index>())));
    let leaf = prop_oneof![
        2 => words::names().prop_map(Plan::Finish),
        1 => vec(alerts(), 0..2).prop_map(Plan::Unlinked),
        2 => link.prop_map(|(to, at_most)| Plan::Link { to, at_most }),
    ];
    let tree = leaf.prop_recursive(4, 24, 4, |plan| {
        let early = option::weighted(0.2, (words::conditions(), words::names()));
        let sets = vec((any::<Index>(), option::of(words::conditions())), 0..2);
        (early, sets, vec(alerts(), 0..3), vec(waits(plan), 1..4)).prop_map(
            |(early, sets, alerts, mut waits)| {
                // At least one action waits under all conditions.
                waits[0].when = None;
                Plan::Wait {
                    early,
                    sets,
                    alerts,
                    waits,
                }
            },
        )
    });
    tree.prop_map(|plan| match plan {
        Plan::Link { .. } => Plan::Finish("done".to_owned()),
        plan => plan,
    })
}

fn alerts() -> impl Strategy<Value = Alert> {
    let priorities = select(vec![
        Priority::Low,
        Priority::Normal,
        Priority::High,
        Priority::Urgent,
    ]);
    let places = option::of((any::<Index>(), any::<bool>()));
    let whens = option::weighted(0.2, words::conditions());
    let time = (
        option::of(words::spans()),
        any::<bool>(),
        vec(steps(), 0..3),
        option::weighted(0.3, words::spans()),
    );
    (
        words::texts(),
        places,
        select(TEAMS.to_vec()),
        priorities,
        time,
        whens,
    )
        .prop_map(
            |(text, place, team, priority, (due, uses_wall_clock, escalate, seen_for), when)| {
                let escalate = if due.is_some() { escalate } else { Vec::new() };
                Alert {
                    text,
                    place,
                    team,
                    priority,
                    due,
                    uses_wall_clock,
                    escalate,
                    seen_for,
                    when,
                }
            },
        )
}

fn steps() -> impl Strategy<Value = EscalationStep> {
    let at = prop_oneof![
        (1_u8..100).prop_map(StepTime::Share),
        Just(StepTime::Due),
        words::spans().prop_map(StepTime::After),
    ];
    let again =
        option::of((words::spans(), 2_u32..4).prop_map(|(every, times)| Again { every, times }));
    let raise = select(vec![
        Raise::ByOne,
        Raise::To(Priority::High),
        Raise::To(Priority::Urgent),
    ]);
    let team = || option::of(select(TEAMS.to_vec()).prop_map(str::to_owned));
    (at, again, raise, team(), team()).prop_map(|(at, again, raise, team, add_team)| {
        EscalationStep {
            at,
            again,
            // Every escalation step must change something.
            priority: Some(raise),
            team,
            add_team,
        }
    })
}

fn waits(plan: impl Strategy<Value = Plan>) -> impl Strategy<Value = Wait> {
    let notes = select(vec![NoteRule::Optional, NoteRule::Required]);
    let buttons = (option::of(words::texts()), notes, words::fields()).prop_map(
        |(confirmation, note, form)| WaitKind::Button {
            confirmation,
            note,
            form,
        },
    );
    let starts = select(vec![TimerStart::Stage, TimerStart::Start]);
    let days = select(vec![NextDay::Whenever, NextDay::NextDay]);
    let times = option::weighted(
        0.3,
        (0..1_440_u16, days).prop_map(|(minute, day)| ClockTime { minute, day }),
    );
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let timers = (words::spans(), any::<bool>(), times, starts, flags).prop_map(
        |(after, has_span, at, from, (uses_wall_clock, waits_for_claim, own_label))| {
            let after = (has_span || at.is_none()).then_some(after);
            WaitKind::Timer {
                after,
                at,
                from,
                uses_wall_clock,
                waits_for_claim,
                own_label,
            }
        },
    );
    let kinds = prop_oneof![2 => buttons, 1 => timers];
    let whens = option::weighted(0.2, words::conditions());
    let titles = option::weighted(0.3, words::labels());
    (words::names(), words::labels(), titles, kinds, whens, plan).prop_map(
        |(id, label, title, kind, when, then)| Wait {
            id,
            label,
            title,
            kind,
            when,
            then,
        },
    )
}

/// Makes stages from a plan.
pub(super) struct Lowering<'a> {
    fields: &'a [FieldDeclaration],
    order: &'a [u16],
    gap: u32,
    ids: HashSet<String>,
    stages: Vec<(Event, &'a Plan, Vec<String>)>,
    /// The form of the button that leads to each stage.
    forms: Vec<&'a [FieldDeclaration]>,
}

impl<'a> Lowering<'a> {
    pub(super) fn new(fields: &'a [FieldDeclaration], order: &'a [u16], gap: u32) -> Self {
        Self {
            fields,
            order,
            gap,
            ids: HashSet::from([NEW_CALL_ID.to_owned()]),
            stages: Vec::new(),
            forms: Vec::new(),
        }
    }

    /// The stages by number, and whether one of them is an unlinked end.
    pub(super) fn stages(mut self, plan: &'a Plan) -> (Vec<Stage>, bool) {
        let first = Event {
            id: NEW_CALL_ID.to_owned(),
            kind: EventKind::NewCall,
            label: NEW_CALL_LABEL.to_owned(),
            stage_title: None,
        };
        self.walk(first, plan, &[]);
        let unlinked = self
            .stages
            .iter()
            .any(|(_, plan, _)| matches!(plan, Plan::Unlinked(_)));
        let numbers = self.numbers();
        let build = |place: usize| Stage {
            number: numbers[place],
            event: self.stages[place].0.clone(),
            actions: self.actions(place),
        };
        let mut stages: Vec<Stage> = (0..self.stages.len()).map(build).collect();
        stages.sort_by_key(|stage| stage.number);
        (stages, unlinked)
    }

    fn walk(&mut self, event: Event, plan: &'a Plan, form: &'a [FieldDeclaration]) {
        let place = self.stages.len();
        self.forms.push(form);
        self.stages.push((event, plan, Vec::new()));
        let Plan::Wait { waits, .. } = plan else {
            return;
        };
        let mut labels = HashSet::new();
        for wait in waits {
            let id = words::unique(&wait.id, &mut self.ids);
            let label = words::unique(&wait.label, &mut labels);
            self.stages[place].2.push(id.clone());
            let (kind, label) = match &wait.kind {
                WaitKind::Button { .. } => (EventKind::ButtonPushed, label),
                WaitKind::Timer {
                    own_label: true, ..
                } => (EventKind::TimerElapsed, label),
                WaitKind::Timer { after, at, .. } => {
                    (EventKind::TimerElapsed, default_label(*after, *at))
                }
            };
            let form = if let WaitKind::Button { form, .. } = &wait.kind {
                &form[..]
            } else {
                &[]
            };
            self.walk(
                Event {
                    id,
                    kind,
                    label,
                    stage_title: wait.title.clone(),
                },
                &wait.then,
                form,
            );
        }
    }

    /// The numbers of the stages. The new call is first. The others are in an arbitrary order, with
    /// gaps.
    fn numbers(&self) -> Vec<u32> {
        let mut places: Vec<usize> = (1..self.stages.len()).collect();
        places.sort_by_key(|place| (self.order[place % self.order.len()], *place));
        let mut numbers = vec![FIRST_STAGE; self.stages.len()];
        for (number, place) in (FIRST_STAGE + 1..)
            .step_by(self.gap as usize + 1)
            .zip(places)
        {
            numbers[place] = number;
        }
        numbers
    }

    fn actions(&self, place: usize) -> Vec<Action> {
        let (_, plan, added) = &self.stages[place];
        let form = self.forms[place];
        match plan {
            Plan::Finish(outcome) => vec![finish(outcome).into()],
            Plan::Unlinked(alerts) => alerts.iter().map(|alert| self.alert(alert, form)).collect(),
            Plan::Link { to, at_most } => {
                let at_most = at_most.as_ref().map(|(times, otherwise)| AtMost {
                    times: *times,
                    otherwise: self.target(place, otherwise),
                });
                vec![
                    ActionKind::Link(LinkAction {
                        to: self.target(place, to),
                        at_most,
                    })
                    .into(),
                ]
            }
            Plan::Wait {
                early,
                sets,
                alerts,
                waits,
            } => {
                let early = early.iter().map(|(when, outcome)| Action {
                    when: Some(when.clone()),
                    kind: finish(outcome),
                });
                let sets = sets
                    .iter()
                    .filter_map(|(field, when)| self.set(field, when.clone()));
                let alerts = alerts.iter().map(|alert| self.alert(alert, form));
                let (first, others): (Vec<_>, Vec<_>) =
                    alerts.enumerate().partition(|(at, _)| *at == 0);
                let alert = |(_, alert)| alert;
                let waits = waits
                    .iter()
                    .zip(added)
                    .map(|(wait, id)| self.wait(wait, id));
                // An alert must also show a field that is set after it.
                let first = first.into_iter().map(alert);
                early
                    .chain(first)
                    .chain(sets)
                    .chain(others.into_iter().map(alert))
                    .chain(waits)
                    .collect()
            }
        }
    }

    /// Sets a field to a value of its type.
    fn set(&self, index: &Index, when: Option<Expression>) -> Option<Action> {
        let field = (!self.fields.is_empty()).then(|| index.get(self.fields))?;
        let to = match field.field_type {
            FieldType::Text => "call.customer + '!'",
            FieldType::Number => "visit * 2",
            FieldType::Bool => "call.chargeable",
            FieldType::Time => "now + duration('1h')",
        };
        let to = Expression::parse(to).expect("an expression");
        Some(Action {
            when,
            kind: ActionKind::SetField(SetFieldAction {
                field: field.name.clone(),
                to,
            }),
        })
    }

    /// A stage that a link may lead to. A link leads only to links before it, so that no circle has
    /// links only.
    fn target(&self, place: usize, index: &Index) -> String {
        let is_link = |plan: &Plan| matches!(plan, Plan::Link { .. });
        let all = self.stages.iter().enumerate();
        let allowed = all.filter(|(other, (_, plan, _))| !is_link(plan) || *other < place);
        let allowed: Vec<&str> = allowed
            .map(|(_, (event, _, _))| event.id.as_str())
            .collect();
        (*index.get(&allowed)).to_owned()
    }

    /// An alert of a stage. The push of a button with this form leads to the stage.
    fn alert(&self, alert: &Alert, form: &[FieldDeclaration]) -> Action {
        let source = match &alert.place {
            None => alert.text.clone(),
            Some((index, true)) if !self.fields.is_empty() => {
                format!(
                    "{} {{{{ fields.{} }}}}",
                    alert.text,
                    index.get(self.fields).name
                )
            }
            Some((index, false)) if !form.is_empty() => {
                format!("{} {{{{ form.{} }}}}", alert.text, index.get(form).name)
            }
            Some((index, true)) => format!(
                "{{{{ {} }}}} {}",
                index.get(&["visit", "now", "call.ended"]),
                alert.text
            ),
            Some((index, _)) => format!("{{{{call.{}}}}}{}", index.get(&CALL_TEXTS), alert.text),
        };
        let text =
            Template::parse(&source).expect("a text without braces, and a place that is there");
        let kind = ActionKind::Alert(AlertAction {
            text,
            team: alert.team.to_owned(),
            priority: alert.priority,
            due: alert.due,
            calendar: alert.uses_wall_clock.then(|| NO_CALENDAR.to_owned()),
            escalate: alert.escalate.clone(),
            seen_for: alert.seen_for,
        });
        Action {
            when: alert.when.clone(),
            kind,
        }
    }

    fn wait(&self, wait: &Wait, id: &str) -> Action {
        let event = id.to_owned();
        let kind = match &wait.kind {
            WaitKind::Timer {
                after,
                at,
                from,
                uses_wall_clock,
                waits_for_claim,
                ..
            } => ActionKind::Timer(TimerAction {
                after: *after,
                at: *at,
                from: from.clone(),
                calendar: uses_wall_clock.then(|| NO_CALENDAR.to_owned()),
                waits_for_claim: *waits_for_claim,
                event,
            }),
            WaitKind::Button {
                confirmation,
                note,
                form,
            } => {
                let stage = self.stages.iter().find(|(stage, _, _)| stage.id == event);
                ActionKind::Button(ButtonAction {
                    label: stage
                        .map(|(event, _, _)| event.label.clone())
                        .unwrap_or_default(),
                    event,
                    confirmation: confirmation.clone(),
                    note: *note,
                    form: form.clone(),
                })
            }
        };
        Action {
            when: wait.when.clone(),
            kind,
        }
    }
}

fn finish(outcome: &str) -> ActionKind {
    ActionKind::Finish(FinishAction {
        outcome: outcome.to_owned(),
    })
}

fn default_label(after: Option<Span>, at: Option<ClockTime>) -> String {
    match (after, at) {
        (Some(after), Some(at)) => format!("After {after} at {at}"),
        (Some(after), None) => format!("After {after}"),
        (None, at) => at.map_or_else(|| "Timer".to_owned(), |at| format!("At {at}")),
    }
}
