//! The commands of the steps.

use std::sync::Arc;

use aftercall_definition::calendar::{Calendar, Holiday, HolidayDate, Opening, WeekHours};
use aftercall_definition::limits::TEXT_BYTES_MAX;
use aftercall_definition::model::NoteRule;
use aftercall_definition::time::Time;
use aftercall_definition::value::{FieldDeclaration, FieldType, Value};
use aftercall_definition::{Action, Definition};
use jiff::civil::Date;
use proptest::sample::Index;

use crate::actor::{Actor, ActorKind};
use crate::archive::Chunk;
use crate::call::{CallKey, Caller};
use crate::command::{
    AcknowledgeAlert, ArchiveCalls, CallChanges, ClaimInstance, ClaimNext, Command, EndErasure,
    EraseCaller, ExtendClaim, FinishFollowUp, HandOver, ImportTeam, ImportWorkflow, Look,
    MigrateInstance, PublishWorkflow, PushButton, ReleaseClaim, RemoveTeam, ReplaceChunk, Request,
    SeenAlert, SnoozeAlert, SnoozeUntil, StepErasure, TakeOver,
};
use crate::erasure::ErasureState;
use crate::filter::FollowUpFilter;
use crate::instance::{Instance, InstanceId, Status};
use crate::phone::Country;
use crate::query::{Claimable, archivable, buttons, calls_in_memory, never};
use crate::recipient::Recipient;
use crate::world::World;
use crate::world::caller_index::CallerKey;

pub(super) fn somebody(kind: ActorKind) -> Actor {
    Actor {
        kind,
        name: person(0),
        subject: None,
    }
}

pub(super) fn person(number: u8) -> Box<str> {
    ["somebody", "Ann", "Ben"][usize::from(number % 3)].into()
}

/// The calendar that arbitrary definitions name. It has a noon break, a night shift and holidays.
pub fn office() -> Calendar {
    let mut hours = WeekHours::default();
    for day in 0..5 {
        hours.0[day] = vec![
            Opening {
                from: 9 * 60,
                to: 12 * 60,
            },
            Opening {
                from: 13 * 60,
                to: 17 * 60,
            },
        ];
    }
    hours.0[4].push(Opening {
        from: 22 * 60,
        to: 30 * 60,
    });
    let half_day = Holiday {
        title: "Christmas Eve".to_owned(),
        hours: vec![Opening {
            from: 9 * 60,
            to: 12 * 60,
        }],
    };
    let holidays = [
        (
            HolidayDate::Once(Date::constant(2026, 12, 25)),
            Holiday::closed("Christmas Day"),
        ),
        (HolidayDate::Yearly { month: 12, day: 24 }, half_day),
    ];
    let holidays = holidays.into();
    Calendar::new(
        aftercall_definition::testing::CALENDAR,
        "Office hours",
        "Europe/Berlin",
        hours,
        holidays,
    )
    .expect("a zone")
}

pub(super) fn publishing(definition: Definition) -> [Command; 2] {
    let name = definition.name.as_str().into();
    let import = Command::from(ImportWorkflow {
        definition: Box::new(definition),
        expected: None,
    });
    [
        import,
        Command::from(PublishWorkflow {
            name,
            expected: None,
            validated: None,
        }),
    ]
}

pub(super) fn declaring(team: u8, is_removed: bool) -> Command {
    let name: Box<str> = aftercall_definition::testing::TEAMS[usize::from(team)].into();
    match is_removed {
        true => Command::from(RemoveTeam {
            name,
            expected: None,
            found: None,
        }),
        false => Command::from(ImportTeam {
            title: name.clone(),
            name,
            expected: None,
            claim_next_only: None,
        }),
    }
}

pub(super) fn holding(instance: InstanceId, what: u8, lease_millis: i64) -> Command {
    match what {
        0 => Command::from(ClaimInstance {
            instance,
            lease_millis,
        }),
        1 => Command::from(ExtendClaim {
            instance,
            lease_millis,
        }),
        2 => Command::from(ReleaseClaim { instance }),
        3 => Command::from(HandOver {
            instance,
            to: Recipient::Team { team: 0 },
            reason: "".into(),
        }),
        4 => {
            let to = Recipient::Person {
                name: person(2),
                lease_millis,
            };
            Command::from(HandOver {
                instance,
                to,
                reason: "she is ill".into(),
            })
        }
        _ => Command::from(TakeOver {
            instance,
            lease_millis,
            reason: "she is ill".into(),
        }),
    }
}

pub(super) fn key(call: u8) -> CallKey {
    CallKey {
        source: "scripts".into(),
        id: call.to_string().into(),
    }
}

pub(super) fn changes(chargeable: Option<bool>, customer: Option<u8>) -> CallChanges {
    CallChanges {
        chargeable,
        customer: customer.map(|customer| format!("customer-{}", customer % 3).into()),
        caller: customer.map(caller),
        ..CallChanges::default()
    }
}

fn caller(number: u8) -> Caller {
    let (name, reference) = (
        format!("caller {number}").into(),
        format!("C-{}", number % 3).into(),
    );
    Caller {
        name,
        reference,
        ..Caller::default()
    }
}

pub(super) fn archive(world: &World, minutes: u16, calls_max: u8, now: Time) -> Command {
    let calls = archivable(
        world.root(),
        i64::from(minutes) * 60_000,
        now,
        usize::from(calls_max),
    )
    .calls;
    Command::from(ArchiveCalls {
        file: world.root().archive.newest_file + 1,
        calls,
    })
}

pub(super) fn replace(world: &World, nothing: bool) -> Option<Command> {
    let archive = &world.root().archive;
    let (id, chunk) = archive.chunks.get_min()?;
    let new = (!nothing).then(|| {
        Arc::new(Chunk {
            file: archive.newest_file + 1,
            ..Chunk::clone(chunk)
        })
    });
    Some(Command::from(ReplaceChunk { id: *id, new }))
}

/// Erases a caller whose calls are searched now. Every other caller is erased for one customer
/// only.
pub(super) fn erase(world: &World, number: u8) -> EraseCaller {
    let caller = CallerKey::new(&caller(number), Country::NONE).expect("a caller with a reference");
    let customer: Box<str> = if number.is_multiple_of(2) {
        "".into()
    } else {
        "customer-1".into()
    };
    EraseCaller {
        reason: "she asked for it".into(),
        calls: calls_in_memory(world.root(), &caller, &customer),
        customer,
        look: Some(Look {
            caller,
            sequence: world.root().sequence,
        }),
        newest_file: world.root().archive.newest_file,
        is_of_restore: false,
    }
}

pub(super) fn step_erasure(world: &World) -> Option<Command> {
    let (id, erasure) = world.root().erasures.get_max()?;
    let is_masked = erasure.state != ErasureState::Masking;
    Some(if is_masked {
        Command::from(EndErasure { erasure: *id })
    } else {
        Command::from(StepErasure { erasure: *id })
    })
}

pub(super) fn instance<'w>(world: &'w World, at: &Index) -> Option<&'w Arc<Instance>> {
    let instances = &world.root().instances;
    let slot = (!instances.is_empty()).then(|| at.index(instances.len()))?;
    world.root().instance_at(slot as u32)
}

pub(super) fn push(
    world: &World,
    instance: &Instance,
    at: &Index,
    stale: u8,
    careless: bool,
) -> Command {
    let definition = world.root().definition_of(instance);
    let actions = definition
        .and_then(|definition| definition.stage(instance.stage))
        .map(|stage| &*stage.actions);
    let buttons = actions
        .unwrap_or_default()
        .iter()
        .filter_map(Action::button);
    let buttons: Vec<_> = buttons.collect();
    let button = (!buttons.is_empty()).then(|| *at.get(&buttons));
    let wanted = button.filter(|_| !careless);
    let note = if wanted.is_some_and(|button| button.note == NoteRule::Required) {
        "because"
    } else {
        ""
    };
    Command::from(PushButton {
        instance: InstanceId { ..instance.id },
        button: button.map_or("nothing", |button| &*button.event).into(),
        stage: None,
        visit: instance.visit().saturating_sub(u32::from(stale)),
        note: note.into(),
        form: wanted.map_or_else(Vec::new, |button| values(&button.form, false)),
    })
}

/// All clicks of a person who may work on an instance: push each button, acknowledge and snooze
/// each alert, and finish an incomplete instance.
#[must_use]
pub fn clicks(world: &World, instance: &Instance) -> Vec<Request> {
    let by = instance
        .claim
        .as_ref()
        .map_or_else(|| person(0), |claim| claim.by.clone());
    let (id, visit) = (instance.id, instance.visit());
    let buttons = world
        .root()
        .definition_of(instance)
        .into_iter()
        .flat_map(|one| buttons(one, instance));
    let pushes = buttons.map(|button| {
        let (button, form) = (button.event.as_str().into(), values(&button.form, false));
        Command::from(PushButton {
            instance: id,
            button,
            stage: None,
            visit,
            note: "because".into(),
            form,
        })
    });
    let on_alerts = instance.alerts.iter().flat_map(|alert| {
        let acknowledge = Command::from(AcknowledgeAlert {
            instance: id,
            alert: seen(instance, alert.action),
        });
        [acknowledge, snoozing(instance, alert.action, 60_000)]
    });
    let actor = Actor {
        kind: ActorKind::Person,
        name: by,
        subject: None,
    };
    let request = |command| Request {
        actor: actor.clone(),
        mark: None,
        salt: 0,
        known: None,
        acts_for: None,
        reach: crate::Reach::EVERYTHING,
        command,
    };
    let finish = (instance.status == Status::Incomplete).then(|| finishing(instance));
    pushes.chain(on_alerts).chain(finish).map(request).collect()
}

/// The values of a script: one of two values for each field, if the field has two.
pub(super) fn script_values(
    fields: &[FieldDeclaration],
    others: bool,
    is_large: bool,
) -> Vec<(Box<str>, Value)> {
    if others {
        other_values(fields)
    } else {
        values(fields, is_large)
    }
}

fn other_values(fields: &[FieldDeclaration]) -> Vec<(Box<str>, Value)> {
    let any = |field: &FieldDeclaration| match field.field_type {
        FieldType::Text => Value::Text("another text".into()),
        FieldType::Number => Value::Number(2.0),
        FieldType::Bool => Value::Bool(false),
        FieldType::Time => Value::Time(Time(1_796_000_000_000)),
    };
    let value =
        |field: &FieldDeclaration| field.values.last().cloned().unwrap_or_else(|| any(field));
    fields
        .iter()
        .map(|field| (field.name.as_str().into(), value(field)))
        .collect()
}

/// A value for each field. If `is_large`, texts have the largest length.
pub(super) fn values(fields: &[FieldDeclaration], is_large: bool) -> Vec<(Box<str>, Value)> {
    let any = |field: &FieldDeclaration| match field.field_type {
        FieldType::Text if is_large => Value::Text("t".repeat(TEXT_BYTES_MAX).into()),
        FieldType::Text => Value::Text("text".into()),
        FieldType::Number => Value::Number(1.5),
        FieldType::Bool => Value::Bool(true),
        FieldType::Time => Value::Time(Time(1_795_000_000_000)),
    };
    let value =
        |field: &FieldDeclaration| field.values.first().cloned().unwrap_or_else(|| any(field));
    fields
        .iter()
        .map(|field| (field.name.as_str().into(), value(field)))
        .collect()
}

/// Migrates to one of the versions. Some requests map the present stage to the first one.
pub(super) fn migrate(world: &World, instance: &Instance, version: u8) -> Option<Command> {
    let newest = world.root().workflow_of(instance)?.newest();
    let asked = MigrateInstance {
        instance: instance.id,
        version: u32::from(version) % newest.max(1) + 1,
        stages: if version.is_multiple_of(2) {
            vec![(instance.stage, 1)]
        } else {
            Vec::new()
        },
        reason: "the new form".into(),
        expected: None,
    };
    Some(Command::from(asked))
}

pub(super) fn finishing(instance: &Instance) -> Command {
    Command::from(FinishFollowUp {
        instance: instance.id,
        stage: instance.stage,
        visit: instance.visit(),
        outcome: "by-hand".into(),
        note: "rang, all is well".into(),
        expected: None,
    })
}

/// The alert of this action as it is now.
pub(super) fn seen(instance: &Instance, action: u16) -> SeenAlert {
    let alert = instance.alerts.iter().find(|alert| alert.action == action);
    let urgency_count = alert.map_or(0, |alert| instance.urgency_count(alert));
    let team = alert.map(|alert| alert.team);
    SeenAlert {
        stage: instance.stage,
        visit: instance.visit(),
        action,
        urgency_count,
        team,
    }
}

/// Searches for a follow-up and claims the first one found.
pub(super) fn claim_next(
    world: &World,
    filter: FollowUpFilter,
    lease_millis: i64,
    now: Time,
) -> Command {
    let found = Claimable::search(world.root(), &filter, now.max(world.root().at), &never);
    let candidates = found
        .map(|found| found.candidates().to_vec())
        .unwrap_or_default();
    Command::from(ClaimNext {
        filter,
        candidates,
        lease_millis,
    })
}

pub(super) fn snoozing(instance: &Instance, action: u16, minutes: u16) -> Command {
    let until = match minutes {
        0 => SnoozeUntil::Now,
        1..600 => SnoozeUntil::Days(u32::from(minutes)),
        _ => SnoozeUntil::For(i64::from(minutes) * 60_000),
    };
    Command::from(SnoozeAlert {
        instance: instance.id,
        alert: seen(instance, action),
        until,
        outcome: "no-answer".into(),
        note: "".into(),
    })
}
