//! Trying a workflow out: a simulated call, then pushes and time that passes. Nothing is stored.
//!
//! Promise: each step has an address, so that going back takes back a step and a reload shows it
//! again. No address has what was typed: it may be about callers, and logs keep addresses.

use std::collections::HashMap;

use aftercall_proto::workflow::v1::{
    Button, CallProperties, Caller, FieldDeclaration, FollowUp, NoteRule, SimulateWorkflowRequest,
    SimulationState, WorkflowDescription,
};
use askama::Template;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{MethodRouter, get};
use serde::Deserialize;

use crate::fields::{FieldInput, input_name};
use crate::form::{Texts, local, values};
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::visit::{Visit, refused};
use crate::words::workflows::WorkflowsWords;
use crate::workflows::one::{description, version};
use crate::workflows::steps::{parse, push_line, wait_line};

/// What is before the name of each field of the call.
const CALL: &str = "call.";

/// What is before the name of each field of a button's form.
const PUSH: &str = "push.";

/// The bytes of a form at most: it has all steps of its try-out.
const FORM_BYTES_MAX: usize = 256 << 10;

/// The address of a try-out.
pub(super) fn routes() -> MethodRouter<Shared> {
    let limit = DefaultBodyLimit::max(FORM_BYTES_MAX);
    get(show).post(take_step).layer(limit)
}

/// What the address of a try-out has.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    version: String,
    /// Where its form is kept; empty before the first step.
    kept: String,
}

#[derive(Template)]
#[template(path = "workflows/try.html")]
struct Try<'a> {
    frame: Frame<'a>,
    w: &'a WorkflowsWords,
    name: &'a str,
    /// As the address has it.
    version: String,
    /// As the address has it.
    kept: &'a str,
    texts: &'a Texts,
    workflow: WorkflowDescription,
    time_zone: String,
    /// One line for each step.
    steps: String,
    states: Vec<SimulationState>,
    why: String,
}

impl Try<'_> {
    fn input(&self, field: &FieldDeclaration) -> String {
        let typed = self.texts.get(&input_name(field));
        self.rendered(field, "", &typed)
    }

    /// A field of a button's form.
    fn button_input(&self, field: &FieldDeclaration) -> String {
        self.rendered(field, PUSH, "")
    }

    fn rendered(&self, field: &FieldDeclaration, prefix: &str, typed: &str) -> String {
        let input = FieldInput {
            words: self.frame.words,
            field,
            prefix,
            typed,
            time_zone: &self.time_zone,
        };
        input.render().unwrap_or_default()
    }

    fn call(&self, name: &str) -> String {
        self.texts.get(&format!("{CALL}{name}"))
    }

    /// All of the try-out but its steps, for the forms of the next step.
    fn begun(&self) -> Vec<(&str, &str)> {
        let is_begun = |name: &str| name.starts_with("form.") || name.starts_with(CALL);
        let texts = self.texts.0.iter();
        let texts = texts.filter(|(name, text)| {
            is_begun(name) && !text.is_empty()
                || ["at", "chargeable", "version"].contains(&name.as_str())
        });
        let mut texts: Vec<_> = texts
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        texts.sort_unstable();
        texts
    }

    /// What was done before each state.
    fn lines(&self) -> Vec<&str> {
        let lines = self.steps.lines().map(str::trim);
        lines.filter(|line| !line.is_empty()).collect()
    }

    /// The states, each with what led to it.
    fn story(&self) -> Vec<(usize, &str, &SimulationState)> {
        let first = std::iter::once(self.w.set.as_str());
        let led = first.chain(self.lines());
        let states = self.states.iter().enumerate();
        states
            .zip(led)
            .map(|((at, state), led)| (at, led, state))
            .collect()
    }

    /// The last state, if a step can follow.
    fn last(&self) -> Option<&SimulationState> {
        let last = self.states.last();
        last.filter(|state| state.refused.is_empty() && self.why.is_empty())
    }

    fn buttons(&self) -> &[Button] {
        let last = self.last().and_then(|state| state.follow_up.as_ref());
        last.map_or(&[], |one| &one.buttons)
    }

    fn is_note_required(&self, button: &Button) -> bool {
        button.note() == NoteRule::Required
    }

    /// The seconds until something happens without a person; `None` if nothing does.
    fn until_next(&self) -> Option<i64> {
        let state = self.last()?;
        let (now, next) = (state.at?, state.next_at?);
        let part = i64::from(next.nanos > now.nanos);
        Some((next.seconds - now.seconds + part).max(1))
    }

    fn status(&self, state: &SimulationState) -> &str {
        let status = state.follow_up.as_ref().map(FollowUp::status);
        self.frame
            .words
            .instances
            .status(status.unwrap_or_default())
    }
}

/// `POST /workflows/w/NAME/try`: keeps the form, and goes to its address.
async fn take_step(
    State(shared): State<Shared>,
    visit: Visit,
    Path(name): Path<String>,
    Form(texts): Form<HashMap<String, String>>,
) -> Response {
    let texts = Texts(texts);
    let kept = shared.forms.keep(visit.person.key(), &texts);
    let address = kept.map(|kept| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("version", &texts.get("version"))
            .append_pair("kept", &kept)
            .finish();
        let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
        Redirect::to(&format!("/workflows/w/{name}/try?{query}")).into_response()
    });
    visit.answer(address.map_err(Trouble::from))
}

/// `GET /workflows/w/NAME/try`.
async fn show(
    State(shared): State<Shared>,
    visit: Visit,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let found = shared.forms.find(visit.person.key(), &asked.kept);
    visit.answer(tried(&visit, &name, &asked, found).await)
}

async fn tried(
    visit: &Visit,
    name: &str,
    asked: &Asked,
    found: Option<Texts>,
) -> Result<Response, Trouble> {
    let w = &visit.words.workflows;
    let chosen = version(&asked.version)?;
    let is_lost = found.is_none() && !asked.kept.is_empty();
    // The first look shows the form only.
    let is_begun = found.is_some();
    let texts = found.unwrap_or_else(|| Texts(HashMap::new()));
    let (workflow, time_zone) = description(&visit.person, name, chosen).await?;
    let steps = steps(&texts, &time_zone);
    let mut page = Try {
        frame: visit.frame(Here::Workflows),
        w,
        name,
        version: asked.version.clone(),
        kept: &asked.kept,
        texts: &texts,
        workflow,
        time_zone,
        steps: String::new(),
        states: Vec::new(),
        why: String::new(),
    };
    match steps {
        Ok(steps) => page.steps = steps,
        Err(trouble) => {
            page.steps = texts.get("steps");
            page.why = trouble.sentence(visit.words);
        }
    }
    if is_lost {
        page.why.clone_from(&w.try_gone);
    }
    if is_begun && page.why.is_empty() {
        match request(&page, chosen) {
            Ok(request) => {
                let simulated = visit.person.definitions().simulate_workflow(request).await;
                match simulated {
                    Ok(answer) => page.states = answer.into_inner().states,
                    Err(status) => page.why = visit.why(status)?,
                }
            }
            Err(trouble) => page.why = trouble.sentence(visit.words),
        }
    }
    let is_refused = !page.why.is_empty();
    let page = html(&page);
    Ok(if is_refused { refused(page) } else { page })
}

/// The lines of the steps with the one that was just clicked.
fn steps(texts: &Texts, time_zone: &str) -> Result<String, Trouble> {
    let mut steps = texts.get("steps").replace("\r\n", "\n");
    let next = match (texts.get("push").as_str(), texts.get("wait").as_str()) {
        ("", "") => return Ok(steps),
        ("", seconds) => {
            let seconds = seconds.parse();
            wait_line(seconds.map_err(|_| Trouble::Form(texts.get("wait")))?)
        }
        (button, _) => {
            let own = texts.0.iter().filter_map(|(name, text)| {
                let name = name.strip_prefix(PUSH)?;
                Some((name.to_owned(), text.clone()))
            });
            let mut own: HashMap<String, String> = own.collect();
            own.insert("time_zone".to_owned(), time_zone.to_owned());
            push_line(button, &values(&Texts(own))?, &texts.get("note"))
        }
    };
    if !steps.is_empty() && !steps.ends_with('\n') {
        steps.push('\n');
    }
    Ok(steps + &next + "\n")
}

fn request(
    page: &Try<'_>,
    (version, draft): (u32, bool),
) -> Result<SimulateWorkflowRequest, Trouble> {
    let texts = page.texts;
    let line = |line: usize| Trouble::Form(format!("{} {line}", page.w.no_step));
    let steps = parse(&page.steps).map_err(line)?;
    let mut own = texts.0.clone();
    own.insert("time_zone".to_owned(), page.time_zone.clone());
    let at = match texts.get("at").as_str() {
        "" => None,
        text => {
            let moment = local(text, &page.time_zone);
            Some(moment.ok_or_else(|| Trouble::Form(format!("{}: {text}", page.w.begins_at)))?)
        }
    };
    Ok(SimulateWorkflowRequest {
        name: page.name.to_owned(),
        version,
        draft,
        at,
        properties: Some(CallProperties {
            customer: page.call("customer"),
            agent: page.call("agent"),
            caller: Some(Caller {
                name: page.call("caller"),
                phone: page.call("phone"),
                ..Caller::default()
            }),
            chargeable: Some(texts.get("chargeable") != "no"),
            ..CallProperties::default()
        }),
        fields: values(&Texts(own))?,
        steps,
        ..SimulateWorkflowRequest::default()
    })
}
