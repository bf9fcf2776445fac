//! `aftercall workflow`: publishes, lists, shows and exports workflows.
//!
//! Promise: errors are shown with file, line and column, all at once. Must not: read a definition
//! itself; the server does.

use aftercall_proto::workflow::v1::{
    ExportWorkflowRequest, FileFormat, GetWorkflowRequest, ListVersionsRequest,
    ListWorkflowsRequest,
};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::commands::workflow_building::Building;
use crate::commands::workflow_files::{self, Files};
use crate::commands::workflow_page::page;
use crate::commands::workflow_pictures::{self, Diff, Graph};
use crate::commands::workflow_trying::{Simulate, Test};
use crate::commands::workflow_writing::{self, Fmt, New};
use crate::commands::{workflow_publishing, workflow_retention};
use crate::errors::Failure;
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};
use crate::{time, wording};

const WORKFLOWS: Table<'_> = Table {
    columns: &[
        id("name"),
        sentence("title", 2),
        whole("version", 1),
        whole("draft", 3),
        whole("published", 4),
        whole("revision", 5),
    ],
    empty: "There is no workflow. `aftercall workflow import FILE` stores one.",
};

const VERSIONS: Table<'_> = Table {
    columns: &[
        id("version"),
        whole("published", 1),
        name("by", 2),
        whole("stages", 3),
    ],
    empty: "Nothing is published of it.",
};

/// The most that a page may have.
const PAGE_SIZE: u32 = 1_000;

#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// Check workflow files; nothing is stored
    #[command(
        after_help = "Examples:\n  aftercall workflow validate refund.yaml\n  aftercall workflow validate workflows/\n  generate | aftercall workflow validate -"
    )]
    Validate(Files),
    /// Store workflow files as drafts
    #[command(
        after_help = "Examples:\n  aftercall workflow import refund.yaml\n  aftercall workflow import workflows/*.yaml"
    )]
    Import(Files),
    #[command(flatten)]
    Building(Building),
    /// Make drafts immutable versions; a file is imported first
    #[command(
        after_help = "Examples:\n  aftercall workflow publish refund\n  aftercall workflow publish examples/refund.yaml\n  aftercall workflow publish workflows/\n\nAll of them are checked first: where one has errors, nothing is stored."
    )]
    Publish(workflow_publishing::Publish),
    /// List the workflows of the server
    #[command(after_help = "Example:\n  aftercall workflow list")]
    List {
        /// Also those that have been taken out of use
        #[arg(long, short = 'a')]
        all: bool,
    },
    /// Show what a shorter retention would remove, and confirm it
    #[command(
        name = "confirm-retention",
        after_help = "Examples:\n  aftercall workflow confirm-retention refund\n  aftercall workflow confirm-retention refund --version 4"
    )]
    ConfirmRetention(workflow_retention::Confirm),
    /// Show a workflow's stages, actions and fields
    #[command(after_help = "Example:\n  aftercall workflow show refund")]
    Show(Which),
    /// List the published versions of a workflow
    #[command(after_help = "Example:\n  aftercall workflow versions refund")]
    Versions {
        /// The workflow's name
        #[arg(value_name = "WORKFLOW")]
        name: String,
    },
    /// Write a workflow as a file, with every id and stage number, to stdout
    #[command(
        after_help = "Example:\n  aftercall workflow export refund --version 2 > refund.yaml"
    )]
    Export(Export),
    /// Show in words what differs between two versions, or two files
    Diff(Diff),
    /// Draw a workflow; with --instance, the path that an instance has taken
    Graph(Graph),
    /// Take a workflow out of use; running instances continue
    #[command(after_help = "Example:\n  aftercall workflow archive refund")]
    Archive {
        /// The workflow's name
        #[arg(value_name = "WORKFLOW")]
        name: String,
    },
    /// Bring a workflow back into use
    #[command(after_help = "Example:\n  aftercall workflow restore refund")]
    Restore {
        /// The workflow's name
        #[arg(value_name = "WORKFLOW")]
        name: String,
    },
    /// Walk through a workflow file in the terminal; nothing is stored
    Simulate(Simulate),
    /// Run the tests beside workflow files, and list the paths that no test walks
    Test(Test),
    /// Write a commented file to begin from
    New(New),
    /// Format files, with every id and stage number
    Fmt(Fmt),
    /// Print the JSON Schema of workflow files, for editors
    #[command(
        after_help = "Example:\n  aftercall workflow schema > aftercall-workflow.schema.json"
    )]
    Schema,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The workflow's name
    #[arg(value_name = "WORKFLOW")]
    name: String,
    /// This version instead of the newest
    #[arg(long, value_name = "N", conflicts_with = "draft", value_parser = clap::value_parser!(u32).range(1..))]
    version: Option<u32>,
    /// The draft instead of a version
    #[arg(long)]
    draft: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    #[command(flatten)]
    which: Which,
    /// The form of the file
    #[arg(long, value_enum, default_value = "yaml")]
    format: Format,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Yaml,
    Json,
}

impl Workflow {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Validate(files) => workflow_files::validate(session, &files).await,
            Self::Import(files) => workflow_files::import_all(session, &files).await,
            Self::Building(building) => building.run(session).await,
            Self::Publish(publish) => publish.run(session).await,
            Self::List { all } => list(session, all).await,
            Self::ConfirmRetention(confirm) => confirm.run(session).await,
            Self::Show(which) => show(session, which).await,
            Self::Versions { name } => versions(session, name).await,
            Self::Export(export) => export.run(session).await,
            Self::Diff(diff) => diff.run(session).await,
            Self::Graph(graph) => graph.run(session).await,
            Self::Archive { name } => workflow_pictures::archive(session, name, false).await,
            Self::Restore { name } => workflow_pictures::archive(session, name, true).await,
            Self::Simulate(simulate) => simulate.run(session),
            Self::Test(test) => test.run(session),
            Self::New(new) => new.run(session),
            Self::Fmt(fmt) => fmt.run(session),
            Self::Schema => workflow_writing::schema(session),
        }
    }
}

async fn list(session: &Session, include_archived: bool) -> Result<(), Failure> {
    let mut definitions = session.to.definitions().await?;
    let (mut workflows, mut page_token) = (Vec::new(), String::new());
    loop {
        let page = definitions
            .list_workflows(ListWorkflowsRequest {
                page_size: PAGE_SIZE,
                page_token,
                include_archived,
            })
            .await?
            .into_inner();
        workflows.extend(page.workflows);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    session.output.list(&workflows, &WORKFLOWS, |workflow| {
        let version = if workflow.newest_version == 0 {
            "none".to_owned()
        } else {
            workflow.newest_version.to_string()
        };
        let draft = if workflow.archived {
            "out of use"
        } else if workflow.has_draft {
            "changed"
        } else {
            ""
        };
        let published = time::local(workflow.published_at.as_ref());
        let revision = workflow.revision.to_string();
        vec![
            workflow.name.clone(),
            workflow.title.clone(),
            version,
            draft.to_owned(),
            published,
            revision,
        ]
    })
}

async fn show(session: &Session, which: Which) -> Result<(), Failure> {
    let request = GetWorkflowRequest {
        name: which.name.clone(),
        version: which.version.unwrap_or(0),
        draft: which.draft,
    };
    let answer = session
        .to
        .definitions()
        .await?
        .get_workflow(request)
        .await?
        .into_inner();
    let workflow = answer
        .workflow
        .ok_or_else(|| Failure::not_found(format!("There is no workflow {}.", which.name)))?;
    session.output.one(&workflow, || page(&workflow))
}

async fn versions(session: &Session, name: String) -> Result<(), Failure> {
    let (mut definitions, mut versions) = (session.to.definitions().await?, Vec::new());
    let mut page_token = String::new();
    loop {
        let request = ListVersionsRequest {
            name: name.clone(),
            page_token,
        };
        let answer = definitions.list_versions(request).await?.into_inner();
        versions.extend(answer.versions);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    session.output.list(&versions, &VERSIONS, |version| {
        vec![
            version.version.to_string(),
            time::local(version.published_at.as_ref()),
            wording::actor(version.published_by.as_ref()),
            version.stage_count.to_string(),
        ]
    })
}

impl Export {
    async fn run(self, session: &Session) -> Result<(), Failure> {
        let (format, word) = match self.format {
            Format::Yaml => (FileFormat::Yaml, "yaml"),
            Format::Json => (FileFormat::Json, "json"),
        };
        let request = ExportWorkflowRequest {
            name: self.which.name.clone(),
            version: self.which.version.unwrap_or(0),
            draft: self.which.draft,
            format: format.into(),
        };
        let file = session
            .to
            .definitions()
            .await?
            .export_workflow(request)
            .await?
            .into_inner()
            .file;
        session.output.written(
            &json!({ "name": self.which.name, "format": word, "file": file }),
            &file,
        )
    }
}
