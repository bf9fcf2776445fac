//! `aftercall workflow new | fmt | schema`: help while writing, without a server.
//!
//! Promise: a file is changed only where `fmt --write` asks for it. Must not: ask a server.

use std::path::PathBuf;

use clap::Args;

use crate::authoring::reading::read_text;
use crate::{authoring, errors::Failure, output::remark, session::Session};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  aftercall workflow new ring-back --title \"Ring back\" > ring-back.yaml")]
pub(crate) struct New {
    /// The workflow's name: lower-case letters, digits and hyphens
    name: String,
    /// What people call it
    #[arg(long, default_value = "What people call it")]
    title: String,
}

impl New {
    pub(crate) fn run(&self, session: &Session) -> Result<(), Failure> {
        let text = authoring::files::template(&self.name, &self.title);
        // A name that cannot be one is told now, not after an hour of writing.
        authoring::files::parse("the new file", &text)?;
        session.output.line(text.trim_end())
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall workflow fmt refund.yaml\n  aftercall workflow fmt --write workflows/*.yaml\n  aftercall workflow fmt --check workflows/*.yaml\n\nIds are written, as `export` does; comments stay. Stage numbers stay as they are: the server gives those that are missing."
)]
pub(crate) struct Fmt {
    /// Workflow files, YAML or JSON
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change the files instead of writing to stdout
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Change nothing; fail if a file would change
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub(crate) fn run(&self, session: &Session) -> Result<(), Failure> {
        let mut differ = Vec::new();
        for file in &self.files {
            let text = read_text(file)?;
            let formatted = authoring::files::formatted(file, &text)?;
            if self.check {
                differ.extend((text != formatted).then(|| file.display().to_string()));
            } else if !self.write {
                session.output.text(&formatted)?;
            } else if text != formatted {
                let failed =
                    |error: std::io::Error| Failure::refused(format!("{} cannot be written: {error}.", file.display()));
                std::fs::write(file, formatted).map_err(failed)?;
                remark(&format!("Wrote {}.", file.display()));
            }
        }
        if differ.is_empty() { Ok(()) } else { Err(Failure::refused(format!("Not formatted: {}.", differ.join(", ")))) }
    }
}

/// `workflow schema`.
pub(crate) fn schema(session: &Session) -> Result<(), Failure> {
    session.output.line(&authoring::schema::text()?)
}
