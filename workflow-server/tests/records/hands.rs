//! Changes with their recipient and their subject, after the scenario: hand-overs, and one of
//! several alerts.

use aftercall_definition::value::Value;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::command::{AcknowledgeAlert, Command, HandOver, SeenAlert, SetWorkflow};
use aftercall_engine::entry::{OF_ALERT, TO_PERSON, TO_TEAM};
use aftercall_engine::recipient::Recipient;

use crate::incomplete::play_incomplete;
use crate::scenario::{Played, publish, setting};

const TWO_ALERTS: &str = "
format: 1
workflow: two-alerts
title: Two alerts
on_new_call:
  - alert: { text: Ring, team: care }
  - alert: { text: Write, team: billing }
  - button: Done
    then: [ finish: done ]
";

/// Hands a follow-up over to a person and to a team, after its second alert was seen.
pub(crate) fn play_hands() -> Played {
    let mut played = Played {
        keeps_waits: true,
        keeps_recipients: true,
        ..play_incomplete()
    };
    publish(&mut played, TWO_ALERTS, "two-alerts");
    let setting = SetWorkflow {
        workflow: "two-alerts".into(),
        fields: Vec::new(),
        ..setting("hands", false)
    };
    let instance = played.ask(ActorKind::ScriptEngine, Command::from(setting));
    let alert = SeenAlert {
        stage: 1,
        visit: 1,
        action: 1,
        urgency_count: 0,
        team: None,
    };
    played.ask(
        ActorKind::Person,
        Command::from(AcknowledgeAlert { instance, alert }),
    );
    assert_eq!(values_of(&played), [(OF_ALERT.into(), Value::Number(1.0))]);
    let to = Recipient::Person {
        name: "Ben".into(),
        lease_millis: 900_000,
    };
    let reason: Box<str> = "end of shift".into();
    played.ask(
        ActorKind::Person,
        Command::from(HandOver {
            instance,
            to,
            reason: reason.clone(),
        }),
    );
    assert_eq!(
        values_of(&played),
        [(TO_PERSON.into(), Value::Text("Ben".into()))]
    );
    let to = Recipient::Team { team: 1 };
    played.ask(
        ActorKind::Person,
        Command::from(HandOver {
            instance,
            to,
            reason,
        }),
    );
    assert_eq!(
        values_of(&played),
        [(TO_TEAM.into(), Value::Text("billing".into()))]
    );
    played
}

fn values_of(played: &Played) -> &[(Box<str>, Value)] {
    &played.entries.last().unwrap().details.values
}
