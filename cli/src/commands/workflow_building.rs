//! `aftercall workflow create | add-action | update-action | remove-action | move-action`: a draft,
//! step by step.
//!
//! Promise: each step shows the draft as it is then, and what still keeps it from being published.
//! Must not: read an action; the server does.

use std::io::Read as _;
use std::path::PathBuf;

use aftercall_proto::workflow::v1::{
    AddActionRequest, CreateWorkflowRequest, Fault, MoveActionRequest, RemoveActionRequest,
    UpdateActionRequest, WorkflowDescription,
};
use clap::{Args, Subcommand};
use prost::Name;
use tonic::Status;

use crate::authoring::reading::{read_text, shown};
use crate::commands::workflow_files::{fault_line, file_faults, with_excerpt};
use crate::commands::workflow_page;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::{connect, wording};

#[derive(Debug, Subcommand)]
pub(crate) enum Building {
    /// Begin a workflow; add to it step by step
    #[command(
        after_help = "Examples:\n  aftercall workflow create refund --title Refund\n  aftercall workflow create --header fields.yaml"
    )]
    Create(Create),
    /// Add an action to a stage of the draft
    #[command(
        after_help = "Examples:\n  aftercall workflow add-action refund new-call 'alert: { text: Pay out, team: billing }'\n  aftercall workflow add-action refund new-call 'button: Paid'\n  aftercall workflow add-action refund paid 'finish: paid'"
    )]
    AddAction(Add),
    /// Replace an action of the draft; its event is kept
    #[command(
        after_help = "Example:\n  aftercall workflow update-action refund new-call 2 'button: Paid out'"
    )]
    UpdateAction(Update),
    /// Remove an action of the draft, with all that is below it
    #[command(after_help = "Example:\n  aftercall workflow remove-action refund new-call 2")]
    RemoveAction(Remove),
    /// Move an action of the draft, with all that is below it
    #[command(
        after_help = "Examples:\n  aftercall workflow move-action refund new-call 3 --before 1\n  aftercall workflow move-action refund new-call 3 --to paid"
    )]
    MoveAction(Move),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The workflow's name
    #[arg(required_unless_present = "header", conflicts_with = "header")]
    name: Option<String>,
    /// What people call it
    #[arg(long, required_unless_present = "header", conflicts_with = "header")]
    title: Option<String>,
    /// A file without actions, for fields, deadline, calendar and the rest
    #[arg(long, value_name = "FILE")]
    header: Option<PathBuf>,
}

/// The draft and the stage of a step.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// The workflow's name
    #[arg(value_name = "WORKFLOW")]
    name: String,
    /// The event of the stage, as `workflow show --draft` writes it in brackets: new-call, paid
    event: String,
    /// Refuse unless the workflow still has this revision
    #[arg(long, value_name = "N")]
    revision: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Add {
    #[command(flatten)]
    at: At,
    /// The action as a file has it, without `then`; - reads it from stdin
    action: String,
    /// Before this action instead of at the end
    #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(u32).range(1..))]
    before: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    #[command(flatten)]
    at: At,
    /// The action's place in the stage, counted from 1
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    place: u32,
    /// The action as a file has it, without `then`; - reads it from stdin
    action: String,
}

#[derive(Debug, Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    at: At,
    /// The action's place in the stage, counted from 1
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    place: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Move {
    #[command(flatten)]
    at: At,
    /// The action's place in the stage, counted from 1
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    place: u32,
    /// The event of the stage that it goes to; the same stage if not given
    #[arg(long, value_name = "EVENT")]
    to: Option<String>,
    /// Before the action that has this place once it is gone, instead of at the end
    #[arg(long, value_name = "PLACE", value_parser = clap::value_parser!(u32).range(1..))]
    before: Option<u32>,
}

impl Building {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(session).await,
            Self::AddAction(add) => add.run(session).await,
            Self::UpdateAction(update) => update.run(session).await,
            Self::RemoveAction(remove) => remove.run(session).await,
            Self::MoveAction(to) => to.run(session).await,
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let read = |path: &PathBuf| read_text(path);
        let file = self
            .header
            .as_ref()
            .map(read)
            .transpose()?
            .unwrap_or_default();
        let request = CreateWorkflowRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            name: self.name.unwrap_or_default(),
            title: self.title.unwrap_or_default(),
            file: file.clone(),
        };
        let answer = session
            .to
            .definitions()
            .await?
            .create_workflow(request)
            .await;
        let shown = self
            .header
            .map_or_else(|| "workflow".to_owned(), |path| shown(&path));
        let answer = answer
            .map_err(|status| refused(&shown, &file, &status))?
            .into_inner();
        show_draft(session, &answer, answer.workflow.as_ref(), &answer.faults)
    }
}

impl Add {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let action = given(self.action)?;
        let request = AddActionRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            name: self.at.name,
            event_id: self.at.event,
            before: self.before.unwrap_or(0),
            action: action.clone(),
            expected_revision: self.at.revision,
        };
        let answer = session.to.definitions().await?.add_action(request).await;
        let answer = answer
            .map_err(|status| refused("action", &action, &status))?
            .into_inner();
        show_draft(session, &answer, answer.workflow.as_ref(), &answer.faults)?;
        if let Some(added) = &answer.added {
            remark(&format!(
                "Added stage {}: its event is {}.",
                wording::stage(Some(added)),
                added.event_id
            ));
        }
        Ok(())
    }
}

impl Update {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let action = given(self.action)?;
        let request = UpdateActionRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            name: self.at.name,
            event_id: self.at.event,
            place: self.place,
            action: action.clone(),
            expected_revision: self.at.revision,
        };
        let answer = session.to.definitions().await?.update_action(request).await;
        let answer = answer
            .map_err(|status| refused("action", &action, &status))?
            .into_inner();
        show_draft(session, &answer, answer.workflow.as_ref(), &answer.faults)
    }
}

impl Remove {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = RemoveActionRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            name: self.at.name,
            event_id: self.at.event,
            place: self.place,
            expected_revision: self.at.revision,
        };
        let answer = session
            .to
            .definitions()
            .await?
            .remove_action(request)
            .await?
            .into_inner();
        show_draft(session, &answer, answer.workflow.as_ref(), &answer.faults)
    }
}

impl Move {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = MoveActionRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            name: self.at.name,
            to_event_id: self.to.unwrap_or_else(|| self.at.event.clone()),
            event_id: self.at.event,
            place: self.place,
            before: self.before.unwrap_or(0),
            expected_revision: self.at.revision,
        };
        let answer = session
            .to
            .definitions()
            .await?
            .move_action(request)
            .await?
            .into_inner();
        show_draft(session, &answer, answer.workflow.as_ref(), &answer.faults)
    }
}

/// The action's text; from stdin for a dash.
fn given(action: String) -> Result<String, Failure> {
    if action != "-" {
        return Ok(action);
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|error| {
        Failure::refused(format!("The action cannot be read from stdin: {error}."))
    })?;
    Ok(text)
}

/// Shows the draft, and its errors on stderr.
fn show_draft<M: Name>(
    session: &Session,
    answer: &M,
    workflow: Option<&WorkflowDescription>,
    faults: &[Fault],
) -> Result<(), Failure> {
    session.output.one(answer, || {
        workflow.map(workflow_page::page).unwrap_or_default()
    })?;
    let name = workflow
        .map(|workflow| workflow.name.as_str())
        .unwrap_or_default();
    faults
        .iter()
        .for_each(|fault| remark(&fault_line(name, fault)));
    Ok(())
}

/// The errors of a text that was refused, each with its place.
fn refused(shown: &str, text: &str, status: &Status) -> Failure {
    match file_faults(status) {
        Ok(faults) => {
            let lines: Vec<String> = faults
                .iter()
                .map(|fault| with_excerpt(shown, text, fault))
                .collect();
            Failure::refused(lines.join("\n"))
        }
        Err(failure) => failure,
    }
}
