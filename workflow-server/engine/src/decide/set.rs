//! Set Workflow: starts an instance on a call, or finds the running one.

use std::sync::Arc;

use aftercall_definition::model::FIRST_STAGE;
use aftercall_definition::time::{Time, WallClock};
use aftercall_definition::value::{FieldDeclaration, Value};
use aftercall_definition::{Definition, FieldError, validate};

use crate::call::Call;
use crate::command::{IfRunning, Release, SetWorkflow};
use crate::decide::calls::{
    Named, check_agent, check_new_customer, enter_first, find_or_new, merge_changes,
};
use crate::decide::draft::EntryDraft;
use crate::decide::enter::{enter, put_value};
use crate::decide::instances::cancelled;
use crate::decide::scene::Scene;
use crate::decide::{check, when};
use crate::entry::{Answer, ChangeKind, Entered, Warning};
use crate::instance::{Happening, Instance, InstanceId, Status, is_legal};
use crate::limits;
use crate::query::{zone_beside_caller, zone_of_caller};
use crate::rejection::{Limit, Rejection};
use crate::world::Root;

/// The workflow and version to set.
struct Chosen {
    workflow: u32,
    version: u32,
    definition: Arc<Definition>,
    is_archived: bool,
}

pub(super) fn set_workflow(
    draft: &mut EntryDraft<'_>,
    set: &SetWorkflow,
    salt: u16,
) -> Result<(), Rejection> {
    draft.kind = ChangeKind::Set;
    check_new_customer(draft, &set.changes)?;
    let chosen = choose(draft.root, set)?;
    let Named {
        slot,
        mut call,
        is_new,
        is_archived,
    } = find_or_new(draft, &set.call)?;
    if !is_new || is_archived {
        check_call(draft, &call)?;
    }
    check_agent(draft, &call, set.changes.agent.as_deref())?;
    let is_news = !merge_changes(&mut call, &set.changes)?.is_empty() || is_new;
    let running = newest_running(draft.root, &call, chosen.workflow);
    check_call(draft, &call)?;
    check_chosen(draft, &chosen, (running.as_deref(), &call))?;
    let errors = errors_of_fields(draft.root, set, &chosen, (running.as_deref(), draft.now));
    if !errors.is_empty() {
        return Err(Rejection::Invalid(errors));
    }
    let is_returned = running.is_some() && set.if_running == IfRunning::ReturnIt;
    if chosen.is_archived && !is_returned {
        return Err(Rejection::WorkflowArchived(set.workflow.clone()));
    }
    match (running, set.if_running) {
        (Some(running), IfRunning::Refuse) => return Err(Rejection::AlreadyRunning(running)),
        (Some(running), IfRunning::ReturnIt) => {
            if is_news {
                draft.put_call(slot, call.clone(), true);
            }
            set_again(draft, set, &running, &call);
            if is_news {
                draft.touch_open_instances(&call);
            }
            return Ok(());
        }
        (Some(running), IfRunning::Replace) => {
            check_limits(draft.root, &call, 1)?;
            let reason = "replaced: the workflow was set again on its call";
            let old = cancelled(&running, draft.now, reason);
            draft.put_instance(ChangeKind::Replaced, &running, old, Entered::default());
        }
        (None, _) => check_limits(draft.root, &call, 0)?,
    }
    start(draft, set, &chosen, (slot, call), salt, is_news);
    Ok(())
}

/// Refuses a call that is out of reach as if it did not exist. One without instances is within
/// reach by its customer: the workflow that is set decides about the teams.
fn check_call(draft: &EntryDraft<'_>, call: &Call) -> Result<(), Rejection> {
    let is_within = if call.instances.is_empty() {
        draft.reach.has_customer(&call.customer)
    } else {
        draft.reach.has_call_in_memory(draft.root, call)
    };
    if is_within {
        Ok(())
    } else {
        Err(Rejection::NoSuchCall(call.key.clone()))
    }
}

/// Refuses a workflow whose teams are out of reach, or whose running instance is.
fn check_chosen(
    draft: &EntryDraft<'_>,
    chosen: &Chosen,
    (running, call): (Option<&Instance>, &Call),
) -> Result<(), Rejection> {
    let is_within = running.map_or_else(
        || draft.reach.has_definition(&chosen.definition),
        |running| draft.reach.can_see_on(draft.root, running, call),
    );
    if is_within {
        Ok(())
    } else {
        Err(Rejection::OutOfScope("workflow"))
    }
}

/// The invalid fields of the request, if its workflow exists.
pub(super) fn field_errors(root: &Root, set: &SetWorkflow, now: Time) -> Vec<FieldError> {
    let Ok(chosen) = choose(root, set) else {
        return Vec::new();
    };
    let running = root
        .call(&set.call)
        .and_then(|call| newest_running(root, call, chosen.workflow));
    errors_of_fields(root, set, &chosen, (running.as_deref(), now))
}

/// Checks the fields by the declarations of their version. A running instance keeps its version. A
/// new instance needs all required fields.
fn errors_of_fields(
    root: &Root,
    set: &SetWorkflow,
    chosen: &Chosen,
    (running, now): (Option<&Instance>, Time),
) -> Vec<FieldError> {
    let continuing = running.filter(|_| set.if_running != IfRunning::Replace);
    let pinned = continuing.and_then(|running| root.definition_of(running));
    let definition = pinned.unwrap_or(&chosen.definition);
    let declared = &definition.fields;
    let clock = || wall_clock(root, set, definition);
    let Some(running) = continuing else {
        return check::fields("fields", declared, &set.fields, (true, now, &clock));
    };
    // A script repeats the values that it sent before. A time that was valid then is not an error
    // now.
    let is_kept = |(name, value): &&(Box<str>, Value)| {
        let place = declared.iter().position(|field| field.name == **name);
        place.is_some_and(|place| {
            running
                .fields
                .iter()
                .any(|(at, had)| usize::from(*at) == place && had == value)
        })
    };
    let given: Vec<_> = set
        .fields
        .iter()
        .filter(|given| !is_kept(given))
        .cloned()
        .collect();
    check::fields("fields", declared, &given, (false, now, &clock))
}

/// The clock by which errors show times. The time zone of the caller may be in this request.
fn wall_clock(root: &Root, set: &SetWorkflow, definition: &Definition) -> WallClock {
    let given = set
        .changes
        .caller
        .as_ref()
        .and_then(|caller| when::zone(&caller.time_zone));
    let of_caller = given.or_else(|| zone_of_caller(root.call(&set.call).map(|call| &**call)));
    WallClock::named(
        of_caller.unwrap_or_else(|| zone_beside_caller(root, definition, None).clone()),
    )
}

fn choose(root: &Root, set: &SetWorkflow) -> Result<Chosen, Rejection> {
    let workflows = &root.workflows;
    let no_such = || Rejection::NoSuchWorkflow(set.workflow.clone());
    let place = workflows.place(&set.workflow).ok_or_else(no_such)?;
    let workflow = workflows.at(place).ok_or_else(no_such)?;
    if workflow.newest() == 0 {
        return Err(Rejection::NotPublished(set.workflow.clone()));
    }
    let number = set.version.unwrap_or(workflow.newest());
    let version = workflow
        .version(number)
        .ok_or_else(|| Rejection::NoSuchVersion(set.workflow.clone(), number))?;
    Ok(Chosen {
        workflow: place,
        version: number,
        definition: version.definition.clone(),
        is_archived: workflow.archived,
    })
}

fn newest_running(root: &Root, call: &Call, workflow: u32) -> Option<Arc<Instance>> {
    let mut instances = call
        .instances
        .iter()
        .rev()
        .filter_map(|slot| root.instance_at(*slot));
    instances
        .find(|instance| instance.workflow == workflow && !instance.status.is_ended())
        .cloned()
}

/// Refuses if no more instance may be open on a call. The same entry closes `closed` open ones.
pub(super) fn check_limits(root: &Root, call: &Call, closed: u64) -> Result<(), Rejection> {
    let is_open = |slot: &&u32| {
        root.instance_at(**slot)
            .is_some_and(|instance| !instance.status.is_ended())
    };
    let open_on_call = call.instances.iter().filter(is_open).count() as u64;
    let limits = [
        (
            Limit::OpenInstances,
            root.counters.open() - closed,
            limits::OPEN_INSTANCES_MAX,
        ),
        (
            Limit::InstancesPerCall,
            call.instances.len() as u64,
            limits::INSTANCES_PER_CALL_MAX as u64,
        ),
        (
            Limit::OpenInstancesPerCall,
            open_on_call - closed,
            limits::OPEN_INSTANCES_PER_CALL_MAX as u64,
        ),
    ];
    match limits.into_iter().find(|(_, present, max)| present >= max) {
        Some((limit, _, max)) => Err(Rejection::Limit { limit, max }),
        None => Ok(()),
    }
}

/// Updates the fields that differ, and the texts that show them. The stage and the clocks do not
/// change. If the instance waits for the end of the call, the script can also request its release.
fn set_again(draft: &mut EntryDraft<'_>, set: &SetWorkflow, running: &Instance, call: &Call) {
    draft.kind = ChangeKind::SetAgain;
    let pinned = draft.root.definition_of(running).cloned();
    let mut new = running.clone();
    let mut updated = Vec::new();
    if let Some(definition) = &pinned {
        let mut fields = new.fields.to_vec();
        for (name, value) in &set.fields {
            if put_field(definition, &mut fields, name, value) {
                updated.push((name.clone(), value.clone()));
            }
        }
        new.fields = fields.into();
    }
    let is_released =
        set.release == Some(Release::Immediately) && is_legal(running.status, Happening::Release);
    let entered = if is_released {
        enter_first(draft, &mut new, call, draft.now)
    } else {
        Entered::default()
    };
    let mut warnings = warnings(
        &new,
        pinned.as_deref(),
        call,
        (false, !entered.warnings.is_empty()),
    );
    warnings.extend(new.is_overdue(draft.now).then_some(Warning::Overdue));
    draft.answer = Answer::Set {
        instance: running.id,
        started: false,
        updated_fields: updated.iter().map(|(name, _)| name.to_string()).collect(),
        warnings,
        // A time that has passed is not a promise.
        promise_by: new.deadline.or(new.due()).filter(|by| *by > draft.now),
    };
    if is_released || !updated.is_empty() {
        let kind = if is_released {
            ChangeKind::Released
        } else {
            ChangeKind::SetAgain
        };
        draft.details.values = updated.into();
        draft.put_instance(kind, running, new, entered);
    }
}

/// Puts a value in its place among the fields; the places are ascending. Returns whether it differs
/// from the value before.
fn put_field(
    definition: &Definition,
    fields: &mut Vec<(u16, Value)>,
    name: &str,
    value: &Value,
) -> bool {
    let declared = definition
        .fields
        .iter()
        .position(|field| field.name == name && field.field_type == value.field_type());
    let Some(place) = declared else { return false };
    put_value(fields, place as u16, value.clone())
}

fn start(
    draft: &mut EntryDraft<'_>,
    set: &SetWorkflow,
    chosen: &Chosen,
    (slot, mut call): (u32, Call),
    salt: u16,
    is_news: bool,
) {
    let at_call_end = set.release == Some(Release::CallEnded);
    let waits = at_call_end && call.ended_at.is_none();
    let mut instance = new_instance(draft, set, chosen, slot, salt);
    let mut entered = Entered::default();
    if waits {
        instance.release_at = set
            .release_within_millis
            .map(|millis| Time(draft.now.0.saturating_add(millis)));
    } else {
        let scene = Scene::new(
            (draft.root, draft.now),
            &chosen.definition,
            &call,
            &instance,
        );
        entered = enter(&scene, &mut instance, FIRST_STAGE);
    }
    let had_ended = at_call_end && !waits;
    draft.answer = Answer::Set {
        instance: instance.id,
        started: true,
        updated_fields: Vec::new(),
        warnings: warnings(
            &instance,
            Some(&chosen.definition),
            &call,
            (had_ended, !entered.warnings.is_empty()),
        ),
        promise_by: instance.deadline.or(instance.due()),
    };
    draft.details.values = set.fields.clone().into();
    let mut slots = std::mem::take(&mut call.instances).into_vec();
    slots.push(instance.id.slot);
    call.instances = slots.into();
    draft.put_call(slot, call.clone(), is_news);
    draft.put_new_instance(instance, entered);
    if is_news {
        draft.touch_open_instances(&call);
    }
}

fn new_instance(
    draft: &EntryDraft<'_>,
    set: &SetWorkflow,
    chosen: &Chosen,
    call: u32,
    salt: u16,
) -> Instance {
    let mut fields = Vec::with_capacity(set.fields.len());
    for (name, value) in &set.fields {
        put_field(&chosen.definition, &mut fields, name, value);
    }
    put_defaults(&chosen.definition.fields, &mut fields);
    let clock = draft.root.clock(&chosen.definition, None);
    Instance {
        id: InstanceId {
            made_at: draft.sequence(),
            slot: draft.root.next_instance_slot(),
            salt,
        },
        call,
        workflow: chosen.workflow,
        version: chosen.version,
        status: Status::WaitingForCallEnd,
        stage: 0,
        visits: Box::default(),
        links: Box::default(),
        revision: 0,
        notes: 0,
        sequence: 0,
        whole_at: 0,
        started_at: draft.now,
        entered_at: draft.now,
        ended_at: None,
        deadline: chosen
            .definition
            .deadline
            .map(|span| clock.after(draft.now, span)),
        release_at: None,
        fields: fields.into(),
        alerts: Box::default(),
        filling: None,
        timers: Box::default(),
        skipped: Box::default(),
        claim: None,
        pause: None,
        chases: 0,
        attempts: None,
        ending: "".into(),
    }
}

/// Sets the defaults of fields that are absent or empty.
pub(super) fn put_defaults(declared: &[FieldDeclaration], fields: &mut Vec<(u16, Value)>) {
    for (place, field) in declared.iter().enumerate() {
        let Some(default) = &field.default else {
            continue;
        };
        let given = fields
            .iter()
            .find(|(given, _)| usize::from(*given) == place);
        if given.is_none_or(|(_, value)| matches!(value, Value::Text(text) if text.is_empty())) {
            put_value(fields, place as u16, default.clone());
        }
    }
}

fn warnings(
    instance: &Instance,
    definition: Option<&Definition>,
    call: &Call,
    (had_ended, has_warnings): (bool, bool),
) -> Vec<Warning> {
    let checks = [
        (!call.chargeable, Warning::NotChargeable),
        (
            definition.is_some_and(validate::has_unlinked_ends),
            Warning::UnlinkedEnds,
        ),
        (had_ended, Warning::CallHadEnded),
        (instance.status == Status::Incomplete, Warning::Incomplete),
        (has_warnings, Warning::StageWarnings),
    ];
    checks
        .into_iter()
        .filter(|(applies, _)| *applies)
        .map(|(_, warning)| warning)
        .collect()
}
