//! Trying workflows out; nothing is stored.

use std::sync::Arc;

use aftercall_authoring::file::Places;
use aftercall_authoring::simulate::{Named, Simulation, SimulationError};
use aftercall_definition::Definition;
use aftercall_definition::limits::SPAN_DAYS_MAX;
use aftercall_definition::time::Time;
use aftercall_engine::command::CallChanges;
use aftercall_engine::query::{ShouldStop, Stopped};
use aftercall_proto::ready::Ready;
use aftercall_proto::workflow::v1 as proto;
use aftercall_proto::workflow::v1::simulation_step::What;
use aftercall_serving::asked::Asked;
use prost::Message;

use crate::limits::{SIMULATION_BYTES_MAX, SIMULATION_STEPS_MAX};
use crate::reading::Lane;
use crate::service::ask::{Faults, requests};
use crate::service::authors::definitions::{pick, read};
use crate::service::say::{ReadMask, Refusal, convert, follow_up, refusal};
use crate::service::shared::Shared;
use crate::service::view::{Names, View};

/// What is to be done, checked.
enum Step {
    Push {
        button: String,
        form: Named,
        note: String,
    },
    Wait(i64),
}

pub(crate) async fn simulate(
    shared: &Shared,
    asked: Asked<proto::SimulateWorkflowRequest>,
) -> Result<Ready<proto::SimulateWorkflowResponse>, Refusal> {
    let mut request = asked.request;
    let view = shared.view();
    let of = proto::SimulateWorkflowRequest {
        file: std::mem::take(&mut request.file),
        name: std::mem::take(&mut request.name),
        version: request.version,
        draft: request.draft,
        ..Default::default()
    };
    let (definition, places) = shared
        .off_thread(view.clone(), move |view| definition(view, &of))
        .await??;
    let mut faults = Faults::default();
    let now = request
        .at
        .map_or_else(|| Some(shared.ledger.now()), requests::time);
    if now.is_none() {
        faults.add("at", "is not a moment");
    }
    let now = now.unwrap_or_default();
    let changes = requests::given_changes(request.properties);
    let fields = requests::values(request.fields, "fields", &mut faults);
    let steps = steps(request.steps, &mut faults);
    let mask = requests::read_mask(request.read_mask.as_ref(), &mut faults);
    faults.check()?;
    let run = move |view: &View, should_stop: ShouldStop<'_>| {
        let states = run(
            view,
            (&definition, &places),
            now,
            (changes, fields),
            (steps, should_stop),
            &mask,
        )?;
        Ok(states.map(|states| Ready::new(&proto::SimulateWorkflowResponse { states })))
    };
    shared.walk(Lane::Heavy, view, run).await?
}

fn definition(
    names: &Names,
    request: &proto::SimulateWorkflowRequest,
) -> Result<(Definition, Places), Refusal> {
    if request.file.is_empty() {
        return pick(names, &request.name, request.version, request.draft)
            .map(|(_, definition, _)| (definition.clone(), Places::default()));
    }
    if !request.name.is_empty() {
        return Err(refusal::invalid_field(
            "name",
            "goes without `file` only: name a workflow, or give a file",
        ));
    }
    read(names, &request.file)
}

fn steps(given: Vec<proto::SimulationStep>, faults: &mut Faults) -> Vec<Step> {
    if given.len() > SIMULATION_STEPS_MAX {
        faults.add(
            "steps",
            format!(
                "has {} steps, at most {SIMULATION_STEPS_MAX} are allowed",
                given.len()
            ),
        );
        return Vec::new();
    }
    let longest = i64::from(SPAN_DAYS_MAX) * 86_400_000;
    let mut steps = Vec::with_capacity(given.len());
    for step in given {
        match step.what {
            None => faults.add("steps.what", "must be given"),
            Some(What::Wait(span)) => {
                match requests::span_millis(span).filter(|millis| (0..=longest).contains(millis)) {
                    Some(millis) => steps.push(Step::Wait(millis)),
                    None => faults.add("steps.wait", "must be at least 0 and at most ten years"),
                }
            }
            Some(What::Push(push)) => {
                let form = requests::values(push.form, "steps.push.form", faults);
                steps.push(Step::Push {
                    button: push.button_id,
                    form,
                    note: push.note,
                });
            }
        }
    }
    steps
}

fn run(
    names: &Names,
    (definition, places): (&Definition, &Places),
    now: Time,
    (changes, fields): (CallChanges, Named),
    (steps, should_stop): (Vec<Step>, ShouldStop<'_>),
    mask: &ReadMask,
) -> Result<Result<Vec<proto::SimulationState>, Refusal>, Stopped> {
    let mut simulation = match set_up(names, (definition, places), now, (changes, fields)) {
        Ok(simulation) => simulation,
        Err(refused) => return Ok(Err(refused)),
    };
    let mut states = vec![state(&mut simulation, mask)];
    let mut bytes = 0;
    for step in steps {
        if should_stop() {
            return Err(Stopped);
        }
        // An answer that no client could read is none.
        bytes += states.last().map_or(0, Message::encoded_len);
        if bytes > SIMULATION_BYTES_MAX {
            let refused = format!(
                "the answer has {SIMULATION_BYTES_MAX} bytes already: try fewer steps at a time"
            );
            states.push(proto::SimulationState {
                refused,
                reason: "TOO_LARGE".to_owned(),
                ..state(&mut simulation, mask)
            });
            break;
        }
        let done = match step {
            Step::Wait(millis) => simulation.wait(millis, should_stop).map(drop),
            Step::Push { button, form, note } => simulation.push(&button, form, &note),
        };
        let mut state = state(&mut simulation, mask);
        let Err(error) = done else {
            states.push(state);
            continue;
        };
        if let SimulationError::Stopped(stopped) = error {
            return Err(stopped);
        }
        (state.refused, state.reason) = (error.to_string(), error.reason().to_owned());
        states.push(state);
        break;
    }
    Ok(Ok(states))
}

fn set_up(
    names: &Names,
    (definition, places): (&Definition, &Places),
    now: Time,
    (changes, fields): (CallChanges, Named),
) -> Result<Simulation, Refusal> {
    let calendars: Vec<_> = names.calendars().by_name().map(Arc::clone).collect();
    let refused = |error| refusal::of_simulation(error, names);
    let mut simulation = Simulation::new(definition, &calendars, now).map_err(|mut error| {
        if let SimulationError::Faulty(faults) = &mut error {
            places.put(faults);
        }
        refused(error)
    })?;
    simulation = simulation.with_default_zone(names.default_zone().clone());
    simulation.set(changes, fields).map_err(refused)?;
    Ok(simulation)
}

fn state(simulation: &mut Simulation, mask: &ReadMask) -> proto::SimulationState {
    let warnings = simulation
        .take_warnings()
        .iter()
        .map(ToString::to_string)
        .collect();
    let names = Names::of_world(Arc::new(simulation.root().clone()));
    let follow_up = simulation
        .instance()
        .map(|instance| follow_up::follow_up(&names, instance, mask));
    proto::SimulationState {
        at: Some(convert::timestamp(simulation.now())),
        follow_up,
        warnings,
        next_at: simulation.next_at().map(convert::timestamp),
        ..proto::SimulationState::default()
    }
}
