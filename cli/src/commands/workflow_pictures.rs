//! `aftercall workflow graph | diff | archive | restore`: pictures of workflows, what differs
//! between versions, and taking one out of use.
//!
//! Promise: a picture goes to stdout as it is; as JSON it is the text in an object. Must not: draw.

use std::path::PathBuf;

use aftercall_proto::workflow::v1::{
    ArchiveWorkflowRequest, DiffVersionsRequest, DiffVersionsResponse, PictureFormat,
    RenderWorkflowRequest,
};
use clap::Args;
use serde_json::json;

use crate::authoring::pictures::Form;
use crate::commands::workflow_files::is_file;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::{authoring, connect, wording};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall workflow graph refund.yaml\n  aftercall workflow graph refund --format svg > refund.svg\n  aftercall workflow graph --instance ID --format mermaid"
)]
pub(crate) struct Graph {
    /// A workflow of the server, or a file (what ends in .yaml, .yml or .json), which needs no
    /// server
    #[arg(value_name = "NAME|FILE", required_unless_present = "instance")]
    of: Option<String>,
    /// The form of the picture
    #[arg(long, value_enum, default_value = "text")]
    format: Form,
    /// This version instead of the newest
    #[arg(long, value_name = "N", conflicts_with = "draft", value_parser = clap::value_parser!(u32).range(1..))]
    version: Option<u32>,
    /// The draft instead of a version
    #[arg(long, conflicts_with = "instance")]
    draft: bool,
    /// Mark the path that this instance has taken, on its version
    #[arg(long, value_name = "ID")]
    instance: Option<String>,
}

impl Graph {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let of = self.of.unwrap_or_default();
        if is_file(&of) {
            if self.instance.is_some() || self.version.is_some() || self.draft {
                return Err(Failure::usage(
                    "A file has no instances and no versions: name the workflow instead.",
                ));
            }
            let picture = authoring::pictures::draw(&PathBuf::from(of), self.format)?;
            return written(session, self.format, &picture);
        }
        let format = match self.format {
            Form::Text => PictureFormat::Text,
            Form::Mermaid => PictureFormat::Mermaid,
            Form::Dot => PictureFormat::Dot,
            Form::Svg => PictureFormat::Svg,
        };
        let request = RenderWorkflowRequest {
            name: of,
            version: self.version.unwrap_or(0),
            draft: self.draft,
            format: format.into(),
            instance_id: self.instance.unwrap_or_default(),
        };
        let picture = session
            .to
            .definitions()
            .await?
            .render_workflow(request)
            .await?
            .into_inner()
            .picture;
        written(session, self.format, &picture)
    }
}

fn written(session: &Session, form: Form, picture: &str) -> Result<(), Failure> {
    let word = match form {
        Form::Text => "text",
        Form::Mermaid => "mermaid",
        Form::Dot => "dot",
        Form::Svg => "svg",
    };
    session
        .output
        .written(&json!({ "format": word, "picture": picture }), picture)
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall workflow diff refund\n  aftercall workflow diff refund --from 1 --to 3\n  aftercall workflow diff refund --draft\n  aftercall workflow diff old.yaml new.yaml"
)]
pub(crate) struct Diff {
    /// A workflow of the server, or two files, which need no server
    #[arg(value_name = "NAME|FILE", required = true, num_args = 1..=2)]
    of: Vec<String>,
    /// The first version; the one before the second if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    from: Option<u32>,
    /// The second version; the newest if not given
    #[arg(long, value_name = "N", conflicts_with = "draft", value_parser = clap::value_parser!(u32).range(1..))]
    to: Option<u32>,
    /// The draft as the second
    #[arg(long)]
    draft: bool,
}

impl Diff {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self.of.as_slice() {
            [old, new] => {
                let differences =
                    authoring::pictures::differences(&PathBuf::from(old), &PathBuf::from(new))?;
                let lines = if differences.is_empty() {
                    "They are the same.".to_owned()
                } else {
                    differences.join("\n")
                };
                session
                    .output
                    .written(&json!({ "differences": differences }), &lines)
            }
            [name] => {
                let request = DiffVersionsRequest {
                    name: name.clone(),
                    from_version: self.from.unwrap_or(0),
                    to_version: self.to.unwrap_or(0),
                    to_draft: self.draft,
                };
                let answer = session
                    .to
                    .definitions()
                    .await?
                    .diff_versions(request)
                    .await?
                    .into_inner();
                session.output.one(&answer, || page(name, &answer))
            }
            _ => Err(Failure::usage("Name one workflow, or two files.")),
        }
    }
}

fn page(name: &str, answer: &DiffVersionsResponse) -> Vec<String> {
    let second = if answer.to_version == 0 {
        "the draft".to_owned()
    } else {
        format!("version {}", answer.to_version)
    };
    let mut lines = vec![match answer.from_version {
        0 => format!("{name}: {second}"),
        first => format!("{name}: from version {first} to {second}"),
    }];
    if answer.differences.is_empty() {
        lines.push("They are the same.".to_owned());
    }
    lines.extend(answer.differences.iter().map(|one| format!("- {one}")));
    lines.extend(answer.vanished.iter().map(|gone| {
        let stage = wording::stage(gone.stage.as_ref());
        match gone.open_instances {
            1 => format!("! 1 open instance is in stage {stage}, which is gone; it stays on its version."),
            many => {
                format!("! {many} open instances are in stage {stage}, which is gone; they stay on their version.")
            }
        }
    }));
    lines
}

/// `workflow archive` and `workflow restore`.
pub(crate) async fn archive(session: &Session, name: String, restore: bool) -> Result<(), Failure> {
    let request = ArchiveWorkflowRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        name: name.clone(),
        restore,
        expected_revision: None,
    };
    let answer = session
        .to
        .definitions()
        .await?
        .archive_workflow(request)
        .await?
        .into_inner();
    if !restore && answer.open_instances > 0 {
        remark(&format!(
            "{} instances of it are running, and continue.",
            answer.open_instances
        ));
    }
    session.output.one(&answer, || {
        let done = if restore {
            "is in use again"
        } else {
            "has been taken out of use"
        };
        vec![format!("{name} {done}.")]
    })
}
