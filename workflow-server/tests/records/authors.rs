//! The parts of definitions that were added later: calendars, conditions, set fields, limits of
//! fields, migration, and removal. They come after the scenario.

use std::sync::Arc;

use aftercall_authoring::file::{read, read_calendars};
use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::batch::{BatchItems, BatchWork, StartBatch};
use aftercall_engine::command::{
    ArchiveWorkflow, Command, ImportCalendar, ImportTeam, ImportWorkflow, ListHandOver,
    MigrateInstance, SetWorkflow,
};

use crate::leaving::play_archive;
use crate::scenario::{Played, publish, push, setting};

const CALENDARS: &str = "
calendars:
  - { name: office, title: Office, time_zone: Europe/Berlin, hours: { mon-fri: [09:00-12:00, 13:00-17:00], sat: 22:00-02:00 }, holidays: [ { date: 2026-12-25, title: Christmas }, 2026-12-26 ] }
";

/// Definitions that differ from those of the earlier samples.
const AUTHORED: &str = r#"
format: 1
workflow: authored
title: Authored
calendar: office
fields:
  amount: { type: number, min: 1, max: 900, default: 5, label: How much }
  kind: { type: text, values: [a, b], default: a }
  until: { type: time }
on_new_call:
  - finish: { outcome: small, when: fields.amount < 2 }
  - set-field: { field: amount, to: fields.amount + 1 }
  - alert: { text: "{{ fields.amount | round(1) }} {{ fields.until }}", team: care, due: 2wd, calendar: none, when: call.chargeable }
  - alert: { text: Never, team: care, when: "call.details['nothing'] == 'said'" }
  - button: Go
    when: visit < 9
    form:
      kind: { type: text, values: [a, b], min: 1 }
    then:
      - link: { to: new-call, max: 3, else: late, when: "form.kind == 'b'" }
      - finish: gone
  - timer: { after: 1wd, at: 09:00 next working day, from: fields.until, calendar: office }
    id: late
    then: [ finish: late ]
  - timer: { at: 10:00 next day, from: start }
    then: [ finish: later ]
"#;

/// Plays the definitions, and changes of them.
pub(crate) fn play_authors() -> Played {
    let mut played = play_archive();
    for calendar in read_calendars(CALENDARS).unwrap() {
        let calendar = Arc::new(calendar);
        played.ask(
            ActorKind::Author,
            Command::from(ImportCalendar {
                calendar,
                expected: None,
            }),
        );
    }
    // `wd` needs a calendar. With `calendar: none` the alert has none.
    let text = AUTHORED.replace("due: 2wd, calendar: none", "due: 2d, calendar: none");
    publish(&mut played, &text, "authored");
    let fields = vec![("amount".into(), Value::Number(7.5))];
    let setting = SetWorkflow {
        workflow: "authored".into(),
        fields,
        ..setting("9", false)
    };
    let id = played.ask(ActorKind::ScriptEngine, Command::from(setting));
    played.ask(
        ActorKind::Person,
        push(id, "go", 1, &[("kind", Value::Text("b".into()))]),
    );
    publish(
        &mut played,
        &text.replace("title: Authored", "title: Amended"),
        "authored",
    );
    let reason: Box<str> = "the new form".into();
    let asked = MigrateInstance {
        instance: id,
        version: 2,
        stages: vec![(2, 1)],
        reason: reason.clone(),
        expected: None,
    };
    played.ask(ActorKind::Operations, Command::from(asked));
    let work = BatchWork::Migrate {
        version: 1,
        stages: vec![(3, 1), (2, 1)],
    };
    let start = StartBatch {
        work,
        items: BatchItems::named([id]),
        reason,
        per_second: 10,
    };
    played.ask(ActorKind::Operations, Command::from(start));
    let archive = |archived| {
        Command::from(ArchiveWorkflow {
            name: "authored".into(),
            archived,
            expected: None,
        })
    };
    played.ask(ActorKind::Author, archive(true));
    played.ask(ActorKind::Author, archive(false));
    played.ask(ActorKind::Author, archive(true));
    played
}

/// Plays the data that the first answer to a repeated request needs: the revision after an import,
/// a command without a change, and the list of a hand-over.
pub(crate) fn play_repeats() -> Played {
    let mut played = play_authors();
    let revision = played
        .world
        .root()
        .workflows
        .named("authored")
        .unwrap()
        .revision;
    let definition = Box::new(
        read(
            &AUTHORED.replace("due: 2wd, calendar: none", "due: 3d, calendar: none"),
            None,
        )
        .unwrap(),
    );
    played.ask(
        ActorKind::Author,
        Command::from(ImportWorkflow {
            definition,
            expected: Some(revision),
        }),
    );
    let name = "authored".into();
    played.ask(
        ActorKind::Author,
        Command::from(ArchiveWorkflow {
            name,
            archived: false,
            expected: Some(revision + 1),
        }),
    );
    played.ask(
        ActorKind::Author,
        Command::from(ImportTeam {
            name: "care".into(),
            title: "Team care".into(),
            expected: None,
            claim_next_only: None,
        }),
    );
    let instances = played
        .world
        .root()
        .instances
        .iter()
        .flatten()
        .map(|instance| instance.id)
        .collect();
    played.ask(
        ActorKind::Person,
        Command::from(ListHandOver {
            instances,
            remaining: 3,
        }),
    );
    played
}
