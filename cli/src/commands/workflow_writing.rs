//! `aftercall workflow new | fmt | schema`: help while writing, without a server.
//!
//! Promise: a file is changed only where `fmt --write` asks for it, and only where every file that
//! was named can be formatted. A file that cannot be written whole stays as it was. Must not: ask a
//! server.

use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};

use crate::authoring;
use crate::authoring::files::formatted;
use crate::authoring::sources::{Source, gather};
use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  aftercall workflow new ring-back --title \"Ring back\" > ring-back.yaml"
)]
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
        // An invalid name is rejected now, not after an hour of writing.
        authoring::files::parse("the new file", &text)?;
        session
            .output
            .written(&json!({ "name": self.name, "file": text }), &text)
    }
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  aftercall workflow fmt refund.yaml\n  aftercall workflow fmt --write workflows/\n  aftercall workflow fmt --check workflows/*.yaml\n\nIds are written, as `export` does; comments stay. Stage numbers stay as they are: the server gives those that are missing.\nWhere one of several files has errors, none is written."
)]
pub(crate) struct Fmt {
    /// Workflow files, YAML or JSON; folders with them, of which tests, teams and calendars are
    /// skipped; - for stdin
    #[arg(required = true, value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// Change the files instead of writing to stdout
    #[arg(long, conflicts_with = "check")]
    write: bool,
    /// Change nothing; fail if a file would change
    #[arg(long)]
    check: bool,
}

/// A file and its one form.
struct Formatted {
    source: Source,
    text: String,
}

impl Formatted {
    fn of(source: Source) -> Result<Self, Failure> {
        let text = formatted(&source.shown, source.text()?, source.is_json())?;
        Ok(Self { source, text })
    }

    fn is_changed(&self) -> bool {
        !self
            .source
            .text
            .as_ref()
            .is_ok_and(|text| *text == self.text)
    }
}

impl Fmt {
    pub(crate) fn run(&self, session: &Session) -> Result<(), Failure> {
        let sources = gather(&self.files)?;
        if self.write && sources.files.iter().any(Source::is_stdin) {
            return Err(Failure::usage(
                "Stdin cannot be written to: omit --write, and the result goes to stdout.",
            ));
        }
        sources.skipped().iter().for_each(|skipped| remark(skipped));
        let (formatted, refused): (Vec<_>, Vec<_>) = sources
            .files
            .into_iter()
            .map(Formatted::of)
            .partition(Result::is_ok);
        let formatted: Vec<Formatted> = formatted.into_iter().filter_map(Result::ok).collect();
        let mut refused: Vec<Failure> = refused.into_iter().filter_map(Result::err).collect();
        if let Some(last) = refused.pop() {
            return Err(self.all_failures(last, &refused, formatted.len()));
        }
        if self.write {
            write_all(&formatted)?;
        } else if !self.check && !session.output.is_json() {
            formatted
                .iter()
                .try_for_each(|one| session.output.text(&one.text))?;
        }
        if session.output.is_json() {
            session.output.json(
                &formatted
                    .iter()
                    .map(|one| self.json(one))
                    .collect::<Value>(),
            )?;
        }
        let changed = formatted
            .iter()
            .filter(|one| self.check && one.is_changed());
        let differ: Vec<&str> = changed.map(|one| one.source.shown.as_str()).collect();
        if differ.is_empty() {
            Ok(())
        } else {
            Err(Failure::refused(format!(
                "Not formatted: {}.",
                differ.join(", ")
            )))
        }
    }

    /// One failure for the files that cannot be read. Each of several is printed on its own.
    fn all_failures(&self, last: Failure, others: &[Failure], formatted: usize) -> Failure {
        if others.is_empty() && formatted == 0 {
            return last;
        }
        for failure in others.iter().chain([&last]) {
            remark(failure.sentence());
        }
        let written = if self.write {
            " Nothing was written."
        } else {
            ""
        };
        let count = others.len() + 1;
        Failure::refused(format!(
            "{count} of {} files have errors.{written}",
            count + formatted
        ))
    }

    fn json(&self, one: &Formatted) -> Value {
        let mut json = json!({ "file": one.source.shown, "changed": one.is_changed() });
        if !self.write && !self.check {
            json["text"] = one.text.as_str().into();
        }
        json
    }
}

/// Writes what differs; where one cannot be written, says which were.
fn write_all(formatted: &[Formatted]) -> Result<(), Failure> {
    let changed: Vec<&Formatted> = formatted.iter().filter(|one| one.is_changed()).collect();
    for (at, one) in changed.iter().enumerate() {
        let Formatted { source, text } = one;
        if let Err(error) = write_whole(&source.path, text) {
            let rest: Vec<&str> = changed[at..]
                .iter()
                .map(|one| one.source.shown.as_str())
                .collect();
            let rest = rest.join(", ");
            return Err(Failure::refused(format!(
                "{} cannot be written: {error}. Not written: {rest}.",
                source.shown
            )));
        }
        remark(&format!("Wrote {}.", source.shown));
    }
    Ok(())
}

/// Replaces a file by one that has been written whole: on a full disk the author's text stays.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    // A link stays one.
    let path = path.canonicalize()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut written = tempfile::NamedTempFile::new_in(folder)?;
    written.write_all(text.as_bytes())?;
    let before = path.metadata()?;
    // Only root can restore the owner, and only root needs to.
    let _ = std::os::unix::fs::chown(written.path(), Some(before.uid()), Some(before.gid()));
    written.as_file().set_permissions(before.permissions())?;
    written.as_file().sync_all()?;
    written
        .persist(&path)
        .map(drop)
        .map_err(|error| error.error)
}

/// `workflow schema`.
pub(crate) fn schema(session: &Session) -> Result<(), Failure> {
    session.output.line(&authoring::schema::text()?)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_replaced_file_keeps_its_mode_and_link() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (
            folder.path().join("a.yaml"),
            folder.path().join("link.yaml"),
        );
        std::fs::write(&path, "before").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        write_whole(&link, "after").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "after");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o640);
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            2,
            "nothing is left beside it"
        );
    }
}
