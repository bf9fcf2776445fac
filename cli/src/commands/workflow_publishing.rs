//! `aftercall workflow publish`: drafts and files become immutable versions.
//!
//! Promise: all of them are checked before the first is stored, and if one then
//! fails, the error lists what was published. Must not: skip a workflow in silence.

use std::path::PathBuf;

use aftercall_proto::workflow::v1::{ExportWorkflowRequest, FileFormat, PublishWorkflowRequest};
use clap::Args;
use tonic::Code;

use crate::authoring::sources::{Source, Sources, gather};
use crate::commands::names;
use crate::commands::workflow_files::{fault_line, faults_of, import, is_file, with_excerpt};
use crate::connect;
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// Names of workflows, files (what ends in .yaml, .yml or .json), folders with files (DIR/),
    /// or - for stdin
    #[arg(required = true, value_name = "NAME|FILE|DIR")]
    names: Vec<String>,
}

/// What is to be published.
enum Subject {
    /// The draft of this workflow.
    Draft(String),
    /// A file, which becomes the draft first.
    File(Source),
}

impl Subject {
    fn shown(&self) -> &str {
        match self {
            Self::Draft(name) => name,
            Self::File(source) => &source.shown,
        }
    }
}

impl Publish {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let (files, drafts): (Vec<String>, Vec<String>) =
            self.names.into_iter().partition(|given| is_file(given));
        let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
        let sources = if files.is_empty() {
            Sources::default()
        } else {
            gather(&files)?
        };
        sources.skipped().iter().for_each(|skipped| remark(skipped));
        names::check(session, &[], &drafts).await?;
        let files = sources.files.into_iter().map(Subject::File);
        let subjects: Vec<Subject> = drafts
            .into_iter()
            .map(Subject::Draft)
            .chain(files)
            .collect();
        check_all(session, &subjects).await?;
        let mut done: Vec<String> = Vec::new();
        for (at, subject) in subjects.iter().enumerate() {
            match publish(session, subject).await {
                Ok(published) => done.push(published),
                Err(failure) if subjects.len() == 1 => return Err(failure),
                Err(failure) => {
                    let rest: Vec<&str> = subjects[at..].iter().map(Subject::shown).collect();
                    let done = if done.is_empty() {
                        "nothing".to_owned()
                    } else {
                        done.join(", ")
                    };
                    return Err(failure.advise(&format!(
                        "Published: {done}. Not published: {}.",
                        rest.join(", ")
                    )));
                }
            }
        }
        Ok(())
    }
}

/// Fails with every error of every workflow, before anything is stored.
async fn check_all(session: &Session, subjects: &[Subject]) -> Result<(), Failure> {
    let mut faulty: Vec<&str> = Vec::new();
    let mut count = 0;
    for subject in subjects {
        let found = match subject {
            Subject::File(source) => {
                if subjects.len() == 1 {
                    source.text()?;
                }
                let faults = faults_of(session, source).await?;
                let errors = faults.iter().filter(|fault| !fault.warning);
                errors
                    .map(|fault| {
                        with_excerpt(&source.shown, source.text().unwrap_or_default(), fault)
                    })
                    .collect()
            }
            Subject::Draft(name) => draft_errors(session, name).await?,
        };
        found.iter().for_each(|line| remark(line));
        if !found.is_empty() {
            count += found.len();
            faulty.push(subject.shown());
        }
    }
    if faulty.is_empty() {
        return Ok(());
    }
    let faults = if count == 1 {
        "1 error".to_owned()
    } else {
        format!("{count} errors")
    };
    Err(Failure::refused(format!(
        "Nothing was published: {faults} in {}.",
        faulty.join(", ")
    )))
}

/// What keeps a draft from being published. A workflow without a draft has nothing to check.
async fn draft_errors(session: &Session, name: &str) -> Result<Vec<String>, Failure> {
    let mut definitions = session.to.definitions().await?;
    let request = ExportWorkflowRequest {
        name: name.to_owned(),
        version: 0,
        draft: true,
        format: FileFormat::Yaml.into(),
    };
    let text = match definitions.export_workflow(request).await {
        Ok(answer) => answer.into_inner().file,
        Err(status) if status.code() == Code::NotFound => return Ok(Vec::new()),
        Err(status) => return Err(status.into()),
    };
    let draft = Source::of_text(format!("the draft of {name}"), text);
    let mut faults = faults_of(session, &draft).await?;
    faults.retain(|fault| !fault.warning);
    // The draft is no file of the author: its lines would mislead where stage and action are known.
    faults
        .iter_mut()
        .filter(|fault| fault.stage > 0)
        .for_each(|fault| fault.line = 0);
    Ok(faults
        .iter()
        .map(|fault| fault_line(&draft.shown, fault))
        .collect())
}

/// Publishes one of them; its name with its version.
async fn publish(session: &Session, subject: &Subject) -> Result<String, Failure> {
    let name = match subject {
        Subject::Draft(name) => name.clone(),
        Subject::File(source) => import(session, source).await?.name,
    };
    let request = PublishWorkflowRequest {
        request_id: connect::request_id(),
        actor: session.to.actor.clone(),
        name: name.clone(),
        expected_revision: None,
    };
    let answer = session
        .to
        .definitions()
        .await?
        .publish_workflow(request)
        .await?
        .into_inner();
    answer
        .faults
        .iter()
        .for_each(|fault| remark(&fault_line(&name, fault)));
    if answer.archived {
        remark(&format!(
            "{name} is out of use: `aftercall workflow restore {name}` brings it back."
        ));
    }
    session.output.one(&answer, || {
        let already = if answer.created {
            ""
        } else {
            ", which was there already"
        };
        vec![format!(
            "Published {name} as version {}{already}.",
            answer.version
        )]
    })?;
    Ok(format!("{name} (version {})", answer.version))
}
