//! Tests times with bounds relative to now: in requests, in fields that a workflow sets, in a
//! simulation, and in words.

use aftercall_authoring::diff::diff;
use aftercall_authoring::file::{export_yaml, read};
use aftercall_authoring::simulate::{Simulation, SimulationError};
use aftercall_definition::time::Time;
use aftercall_definition::value::Value;
use aftercall_engine::Rejection;
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{CallChanges, Command, IfRunning, PushButton, SetWorkflow};
use aftercall_engine::entry::{Answer, StageWarningKind};
use aftercall_engine::instance::InstanceId;

use crate::desk::{Desk, MINUTE};

const HOUR: i64 = 60 * MINUTE;

const WORKFLOW: &str = r"
format: 1
workflow: repair
title: Repair
fields:
  ring_at: { type: time, min: now, max: 90d }
  bought_at: { type: time, max: -1h }
on_new_call:
  - alert: { text: Ring, team: care, due: 4h }
  - button: Visit
    form: { visit_at: { type: time, required: true, min: -15m } }
    then:
      - set-field: { field: ring_at, to: form.visit_at }
      - button: Done
        then: [ finish: done ]
";

type Given<'a> = &'a [(&'a str, i64)];

fn named(given: Given<'_>) -> Vec<(Box<str>, Value)> {
    given
        .iter()
        .map(|(name, at)| ((*name).into(), Value::Time(Time(*at))))
        .collect()
}

fn set(desk: &mut Desk, if_running: IfRunning, given: Given<'_>) -> Result<InstanceId, Rejection> {
    let set = SetWorkflow {
        call: CallKey {
            source: "scripts".into(),
            id: "1".into(),
        },
        changes: CallChanges {
            chargeable: Some(true),
            ..CallChanges::default()
        },
        workflow: "repair".into(),
        version: None,
        fields: named(given),
        release: None,
        release_within_millis: None,
        if_running,
    };
    match desk.ask("script", Command::from(set))? {
        Answer::Set { instance, .. } => Ok(instance),
        other => panic!("{other:?}"),
    }
}

fn push(
    desk: &mut Desk,
    id: InstanceId,
    visit_at: i64,
) -> Result<Vec<(StageWarningKind, String)>, Rejection> {
    let (visit, form) = (desk.instance(id).visit(), named(&[("visit_at", visit_at)]));
    let push = PushButton {
        instance: id,
        button: "visit".into(),
        stage: None,
        visit,
        note: "".into(),
        form,
    };
    let entry = desk.entry("Ann", Command::from(push))?.0.unwrap();
    Ok(entry.instances[0]
        .warnings
        .iter()
        .map(|warning| (warning.kind, warning.name.to_string()))
        .collect())
}

fn refused<T: std::fmt::Debug>(result: Result<T, Rejection>) -> Vec<String> {
    match result {
        Err(Rejection::Invalid(faults)) => faults
            .into_iter()
            .map(|fault| format!("{} {}", fault.field, fault.message))
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_time_outside_its_bounds_is_rejected_with_details() {
    let mut desk = Desk::new(WORKFLOW);
    let now = desk.now.0;
    let days = 90 * 24 * HOUR;
    for (field, at, expected) in [
        (
            "ring_at",
            now - 1,
            Some(
                "fields.ring_at must not be before 2026-11-18 11:06:40 UTC (now), and is 2026-11-18 11:06:39.999 UTC",
            ),
        ),
        ("ring_at", now, None),
        ("ring_at", now + days, None),
        (
            "ring_at",
            now + days + 1,
            Some(
                "fields.ring_at must not be after 2027-02-16 11:06:40 UTC (90 d from now), and is 2027-02-16 11:06:40.001 UTC",
            ),
        ),
        ("bought_at", now - HOUR, None),
        (
            "bought_at",
            now,
            Some(
                "fields.bought_at must not be after 2026-11-18 10:06:40 UTC (1 h ago), and is 2026-11-18 11:06:40 UTC",
            ),
        ),
    ] {
        let result = set(&mut desk, IfRunning::Replace, &[(field, at)]);
        match expected {
            Some(expected) => assert_eq!(refused(result), [expected]),
            None => assert!(result.is_ok(), "{field} {at}: {result:?}"),
        }
    }
}

#[test]
fn setting_again_checks_only_changed_times() {
    let mut desk = Desk::new(WORKFLOW);
    let now = desk.now.0;
    let id = set(&mut desk, IfRunning::Refuse, &[("ring_at", now + HOUR)]).unwrap();
    desk.now = Time(now + 2 * HOUR);
    assert_eq!(
        set(&mut desk, IfRunning::ReturnIt, &[("ring_at", now + HOUR)]),
        Ok(id)
    );
    let again = set(
        &mut desk,
        IfRunning::ReturnIt,
        &[("ring_at", now + HOUR + 1)],
    );
    assert!(
        refused(again)[0].starts_with(
            "fields.ring_at must not be before 2026-11-18 13:06:40 UTC (now), and is "
        )
    );
    let new = set(&mut desk, IfRunning::Replace, &[("ring_at", now + HOUR)]);
    assert!(
        refused(new)[0].starts_with("fields.ring_at must not be before"),
        "a new instance does not keep the time of the old one"
    );
}

#[test]
fn form_times_outside_their_bounds_are_rejected() {
    let mut desk = Desk::new(WORKFLOW);
    let id = set(&mut desk, IfRunning::Refuse, &[]).unwrap();
    let now = desk.now.0;
    let early = push(&mut desk, id, now - 15 * MINUTE - 1);
    assert!(refused(early)[0].starts_with(
        "form.visit_at must not be before 2026-11-18 10:51:40 UTC (15 min ago), and is "
    ));
    let warned = push(&mut desk, id, now - 15 * MINUTE).unwrap();
    assert_eq!(
        warned,
        [(StageWarningKind::FieldNotSet, "fields.ring_at".to_owned())]
    );
    assert!(desk.instance(id).fields.is_empty());
}

fn field_of(error: SimulationError) -> String {
    match error {
        SimulationError::Refused(refused) => match *refused {
            Rejection::Invalid(faults) => faults[0].field.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_simulation_refuses_as_a_server_does() {
    let mut definition = read(WORKFLOW, None).unwrap();
    definition.allow_unlinked_ends = true;
    let now = Time(1_795_000_000_000);
    let mut simulation = Simulation::new(&definition, &[], now).unwrap();
    let refused = simulation
        .set(CallChanges::default(), named(&[("ring_at", now.0 - 1)]))
        .unwrap_err();
    assert_eq!(field_of(refused), "fields.ring_at");
    simulation
        .set(CallChanges::default(), named(&[("ring_at", now.0)]))
        .unwrap();
    let refused = simulation
        .push("visit", named(&[("visit_at", 0)]), "")
        .unwrap_err();
    assert_eq!(field_of(refused), "form.visit_at");
}

#[test]
fn bounds_are_exported_and_compared_in_words() {
    let old = read(WORKFLOW, None).unwrap();
    let new = read(
        &WORKFLOW
            .replace("max: 90d", "max: 30d")
            .replace("max: -1h", "max: now"),
        None,
    )
    .unwrap();
    let exported = export_yaml(&old);
    assert!(
        exported.contains("ring_at: {type: time, min: now, max: 90d}"),
        "{exported}"
    );
    assert!(
        exported.contains("bought_at: {type: time, max: -1h}"),
        "{exported}"
    );
    assert_eq!(
        diff(&old, &new),
        [
            "the field ring_at was time, not before now, not after 90 d from now, and is time, not before now, not after 30 d from now",
            "the field bought_at was time, not after 1 h ago, and is time, not after now",
        ]
    );
}
