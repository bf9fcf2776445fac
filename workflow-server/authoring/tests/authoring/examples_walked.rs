//! Walks each example to every finish, through every stage, and lets every timer fire. Does so once
//! with all fields, and once with the required fields only. No text may have a gap.

use std::collections::BTreeSet;
use std::sync::Arc;

use aftercall_authoring::file;
use aftercall_definition::model::{ButtonAction, FIRST_STAGE};
use aftercall_definition::time::Time;
use aftercall_definition::value::{FieldDeclaration, FieldType, Value};
use aftercall_definition::{Action, Definition};
use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::call::{CallKey, Caller};
use aftercall_engine::command::{
    CallChanges, Command, Elapse, IfRunning, ImportCalendar, ImportTeam, ImportWorkflow,
    PublishWorkflow, PushButton, Request, SetWorkflow, UpkeepCommand,
};
use aftercall_engine::instance::{Instance, Status, Wake};
use aftercall_engine::world::{Keeping, World};
use aftercall_engine::{Decision, decide};

/// Walks of a workflow: the ids of the events in order, then the outcome.
type Walks = &'static [(&'static [&'static str], &'static str)];

const EXAMPLES: [(&str, Walks); 8] = [
    (
        "refund",
        &[(&["pay-out", "paid"], "paid"), (&["reject"], "rejected")],
    ),
    (
        "boiler-visit",
        &[
            (&["booked", "repaired"], "repaired"),
            (
                &[
                    "booked",
                    "part-needed",
                    "part-is-here",
                    "booked",
                    "repaired",
                ],
                "repaired",
            ),
            (
                &[
                    "booked",
                    "nobody-at-home",
                    "booked",
                    "nobody-at-home",
                    "booked",
                    "nobody-at-home",
                ],
                "called-off",
            ),
            (&["not-booked-in-time", "book-now", "repaired"], "repaired"),
            (&["not-booked-in-time", "give-up"], "called-off"),
        ],
    ),
    (
        "brochure",
        &[
            (
                &["sent", "ask-whether-it-has-come", "interested"],
                "interested",
            ),
            (
                &["sent", "ask-whether-it-has-come", "not-interested"],
                "not-interested",
            ),
            (
                &["sent", "ask-whether-it-has-come", "no-word-for-a-month"],
                "closed",
            ),
            (
                &[
                    "sent",
                    "ask-whether-it-has-come",
                    "it-never-came",
                    "sent",
                    "ask-whether-it-has-come",
                    "it-never-came",
                    "told",
                ],
                "not-delivered",
            ),
            (&["out-of-print", "told"], "not-delivered"),
        ],
    ),
    (
        "call-back",
        &[
            (&["reached"], "reached"),
            (&["no-longer-wanted"], "withdrawn"),
            (&["write", "letter-sent"], "letter-sent"),
            (&["no-answer", "next-attempt", "reached"], "reached"),
            (
                &[
                    "no-answer",
                    "next-attempt",
                    "no-answer",
                    "next-attempt",
                    "no-answer",
                    "next-attempt",
                    "letter-sent",
                ],
                "letter-sent",
            ),
        ],
    ),
    (
        "complaint",
        &[
            (&["acknowledged", "upheld"], "upheld"),
            (&["acknowledged", "not-upheld"], "not-upheld"),
            (&["acknowledged", "withdrawn"], "withdrawn"),
            (
                &["acknowledged", "one-week-left", "upheld-in-the-last-week"],
                "upheld",
            ),
            (
                &[
                    "acknowledged",
                    "one-week-left",
                    "not-upheld-in-the-last-week",
                ],
                "not-upheld",
            ),
            (
                &["not-acknowledged-in-time", "acknowledged-late", "upheld"],
                "upheld",
            ),
        ],
    ),
    (
        "missed-delivery",
        &[
            (
                &["found", "customer-told", "should-be-there", "delivered"],
                "delivered",
            ),
            (
                &[
                    "found",
                    "customer-told",
                    "should-be-there",
                    "still-missing",
                    "found",
                    "customer-told",
                    "should-be-there",
                    "still-missing",
                    "send-again",
                    "sent-again",
                ],
                "sent-again",
            ),
            (&["lost", "pay-back", "paid-back"], "paid-back"),
            (
                &["not-found-within-a-day", "send-again", "sent-again"],
                "sent-again",
            ),
        ],
    ),
    (
        "repeat-prescription",
        &[
            (&["signed", "ready", "fetched"], "fetched"),
            (
                &["signed", "ready", "not-fetched", "put-back"],
                "not-fetched",
            ),
            (
                &["signed", "not-in-stock", "look-again", "ready", "fetched"],
                "fetched",
            ),
            (&["needs-an-appointment", "appointment-made"], "appointment"),
            (&["needs-an-appointment", "declined"], "declined"),
            (&["refused"], "refused"),
        ],
    ),
    (
        "warranty-claim",
        &[
            (&["looked-at", "sent-back"], "repaired"),
            (&["pay", "paid"], "paid-back"),
            (
                &["nobody-has-looked-at-it", "seen-to", "sent-back"],
                "repaired",
            ),
        ],
    ),
];

fn example(name: &str) -> Definition {
    let path = format!("{}/../../examples/{name}.yaml", env!("CARGO_MANIFEST_DIR"));
    file::read(&std::fs::read_to_string(path).unwrap(), None).unwrap()
}

/// A World with the published example, and its time.
struct Walker {
    world: World,
    definition: Definition,
    now: Time,
    /// Whether only required values are given.
    is_sparing: bool,
}

impl Walker {
    fn new(name: &str, is_sparing: bool) -> Self {
        let (world, definition) = (World::new(Keeping::default()), example(name));
        let mut walker = Self {
            world,
            definition,
            now: Time(1_795_000_000_000),
            is_sparing,
        };
        let teams = std::fs::read_to_string(format!(
            "{}/../../examples/teams.yaml",
            env!("CARGO_MANIFEST_DIR")
        ));
        for team in file::read_teams(&teams.unwrap()).unwrap() {
            let (name, title) = (team.name.into(), team.title.into());
            walker.ask(
                ActorKind::Author,
                Command::from(ImportTeam {
                    name,
                    title,
                    expected: None,
                    claim_next_only: None,
                }),
            );
        }
        let calendars = std::fs::read_to_string(format!(
            "{}/../../examples/calendars.yaml",
            env!("CARGO_MANIFEST_DIR")
        ));
        for calendar in file::read_calendars(&calendars.unwrap()).unwrap() {
            walker.ask(
                ActorKind::Author,
                Command::from(ImportCalendar {
                    calendar: Arc::new(calendar),
                    expected: None,
                }),
            );
        }
        let definition = Box::new(walker.definition.clone());
        walker.ask(
            ActorKind::Author,
            Command::from(ImportWorkflow {
                definition,
                expected: None,
            }),
        );
        walker.ask(
            ActorKind::Author,
            Command::from(PublishWorkflow {
                name: name.into(),
                expected: None,
                validated: None,
            }),
        );
        walker
    }

    fn ask(&mut self, kind: ActorKind, command: Command) {
        let request = Request {
            actor: Actor {
                kind,
                name: "somebody".into(),
                subject: None,
            },
            mark: None,
            salt: 7,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command,
        };
        match decide(&self.world, &request, self.now) {
            Ok(Decision::Commit(entry)) => {
                let warnings = entry.instances.iter().flat_map(|change| &change.warnings);
                let warnings: Vec<String> = warnings.map(ToString::to_string).collect();
                assert_eq!(
                    warnings,
                    Vec::<String>::new(),
                    "{}: {request:?}",
                    self.definition.name
                );
                self.world.apply(&entry).unwrap();
            }
            other => panic!("{request:?} resulted in {other:?}"),
        }
    }

    fn set(&mut self, call: usize) {
        let set = SetWorkflow {
            call: CallKey {
                source: "scripts".into(),
                id: call.to_string().into(),
            },
            changes: CallChanges {
                chargeable: Some(true),
                caller: Some(Caller {
                    name: "Ada".into(),
                    phone: "01632 960000".into(),
                    ..Caller::default()
                }),
                ..CallChanges::default()
            },
            workflow: self.definition.name.as_str().into(),
            version: None,
            fields: filled_in(&self.definition.fields, self.is_sparing),
            release: None,
            release_within_millis: None,
            if_running: IfRunning::Refuse,
        };
        self.ask(ActorKind::ScriptEngine, Command::from(set));
    }

    fn instance(&self) -> &Instance {
        self.world.root().instances.iter().flatten().last().unwrap()
    }

    /// Lets an event of the current stage happen: pushes its button, or lets its timer fire.
    fn happen(&mut self, event: &str) {
        let instance = self.instance().clone();
        let stage = self.definition.stage(instance.stage).unwrap();
        let action = stage
            .actions
            .iter()
            .enumerate()
            .find(|(_, action)| action.adds() == Some(event))
            .map(|(at, action)| {
                if let Some(button) = action.button() {
                    let push = pushed(&instance, button, self.is_sparing);
                    return (ActorKind::Person, push);
                }
                let due = instance
                    .timers
                    .iter()
                    .find(|timer| usize::from(timer.action) == at)
                    .unwrap()
                    .due;
                let (slot, wake) = (instance.id.slot, Wake::Timer(at as u16));
                (ActorKind::Timer, Command::from(Elapse { due, slot, wake }))
            });
        let (by, command) =
            action.unwrap_or_else(|| panic!("{event} cannot happen in stage {}", instance.stage));
        if let Command::Upkeep(UpkeepCommand::Elapse(elapse)) = &command {
            self.now = self.now.max(elapse.due);
        }
        self.ask(by, command);
    }
}

fn pushed(instance: &Instance, button: &ButtonAction, is_sparing: bool) -> Command {
    Command::from(PushButton {
        instance: instance.id,
        button: button.event.as_str().into(),
        stage: Some(instance.stage),
        visit: instance.visit(),
        note: "a note".into(),
        form: filled_in(&button.form, is_sparing),
    })
}

/// A value for every field. Only for required fields if `is_sparing`.
fn filled_in(fields: &[FieldDeclaration], is_sparing: bool) -> Vec<(Box<str>, Value)> {
    let any = |field: &FieldDeclaration| match field.field_type {
        FieldType::Text => Value::Text("text".into()),
        FieldType::Number => Value::Number(100.0),
        FieldType::Bool => Value::Bool(true),
        FieldType::Time => Value::Time(field.latest.map_or(Time(1_796_000_000_000), |latest| {
            latest.at(Time(1_795_000_000_000))
        })),
    };
    let value =
        |field: &FieldDeclaration| field.values.first().cloned().unwrap_or_else(|| any(field));
    let given = fields.iter().filter(|field| field.required || !is_sparing);
    given
        .map(|field| (field.name.as_str().into(), value(field)))
        .collect()
}

/// Runs all walks, and returns the stages that were entered.
fn walk(name: &str, walks: Walks, is_sparing: bool) -> BTreeSet<u32> {
    let mut walker = Walker::new(name, is_sparing);
    let mut entered = BTreeSet::from([FIRST_STAGE]);
    for (call, (events, outcome)) in walks.iter().enumerate() {
        walker.set(call);
        for event in *events {
            let instance = walker.instance();
            assert!(
                !instance.alerts.is_empty() || !instance.timers.is_empty(),
                "{name}: there is no event {event}"
            );
            assert!(
                instance
                    .alerts
                    .iter()
                    .all(|alert| !alert.text.contains("[?]")),
                "{name}: {:?}",
                instance.alerts
            );
            walker.happen(event);
            entered.extend(walker.instance().visits.iter().map(|visit| visit.stage));
        }
        let instance = walker.instance();
        assert_eq!(
            (instance.status, &*instance.ending),
            (Status::Finished, *outcome),
            "{name}: {events:?}"
        );
    }
    entered
}

#[test]
fn every_example_is_walked_to_every_finish_through_every_stage() {
    for (name, walks) in EXAMPLES {
        let definition = example(name);
        let stages: BTreeSet<u32> = definition.stages.iter().map(|stage| stage.number).collect();
        for is_sparing in [false, true] {
            assert_eq!(
                walk(name, walks, is_sparing),
                stages,
                "{name}: stages that no walk has entered"
            );
        }
        let finishes = definition
            .stages
            .iter()
            .flat_map(|stage| &stage.actions)
            .filter_map(Action::finish)
            .map(|finish| finish.outcome.as_str());
        let outcomes: BTreeSet<&str> = walks.iter().map(|(_, outcome)| *outcome).collect();
        assert_eq!(finishes.collect::<BTreeSet<&str>>(), outcomes, "{name}");
    }
}
