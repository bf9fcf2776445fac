//! Which files a command means: files, folders, patterns and stdin (`-`).
//!
//! Promise: in a folder, or among several files, tests, teams and calendars are skipped and
//! counted; named alone, such a file is an error that names its own command. Must not: parse a
//! workflow.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::kinds::{self, Kind};
use super::reading::{STDIN, cannot_read, decoded, read_bytes, shown};
use crate::errors::{Exit, Failure};

/// A workflow file that is meant, or stdin.
pub(crate) struct Source {
    /// What errors call it.
    pub(crate) shown: String,
    /// Its path; `-` for stdin.
    pub(crate) path: PathBuf,
    /// Its text, or why that cannot be read.
    pub(crate) text: Result<String, Failure>,
}

impl Source {
    /// A text that is in no file.
    pub(crate) fn of_text(shown: String, text: String) -> Self {
        Self {
            path: PathBuf::from(&shown),
            shown,
            text: Ok(text),
        }
    }

    /// Reads it once: a pipe has its text only once.
    fn read(path: PathBuf) -> (Self, Kind) {
        let (shown, bytes) = (shown(&path), read_bytes(&path));
        // What cannot be read is of no kind: its error says why.
        let kind = bytes.as_ref().map_or(Kind::Unknown, |bytes| {
            kinds::of(&path, &String::from_utf8_lossy(bytes))
        });
        let text = bytes.and_then(|bytes| decoded(&shown, bytes));
        (Self { shown, path, text }, kind)
    }

    /// Its text, or why that cannot be read.
    pub(crate) fn text(&self) -> Result<&str, Failure> {
        self.text.as_deref().map_err(Clone::clone)
    }

    /// Whether it is JSON: by its name, or for stdin by its text.
    pub(crate) fn is_json(&self) -> bool {
        if self.is_stdin() {
            return self
                .text
                .as_ref()
                .is_ok_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok());
        }
        self.path
            .extension()
            .is_some_and(|extension| extension == "json")
    }

    /// Whether it is read from stdin.
    pub(crate) fn is_stdin(&self) -> bool {
        self.path == Path::new(STDIN)
    }
}

/// The workflow files that are meant.
#[derive(Default)]
pub(crate) struct Sources {
    /// In the order in which they were named, each once.
    pub(crate) files: Vec<Source>,
    skipped: Vec<Kind>,
}

impl Sources {
    /// How many files were skipped, by kind; nothing where none was.
    pub(crate) fn skipped(&self) -> Option<String> {
        let counted = |kind: &Kind| {
            let count = self
                .skipped
                .iter()
                .filter(|skipped| *skipped == kind)
                .count();
            (count > 0).then(|| format!("{count} {}", kind.counted()))
        };
        let parts: Vec<String> = Kind::ALL.iter().filter_map(counted).collect();
        let files = if self.skipped.len() == 1 {
            "file"
        } else {
            "files"
        };
        (!parts.is_empty()).then(|| {
            format!(
                "Skipped {} {files}: {}.",
                self.skipped.len(),
                parts.join(", ")
            )
        })
    }
}

/// The workflow files that the arguments name.
///
/// # Errors
/// Nothing is named, or one file alone that is of another kind.
pub(crate) fn gather(given: &[PathBuf]) -> Result<Sources, Failure> {
    let expanded = expand(given)?;
    let is_alone = matches!(given, [one] if !one.is_dir() && !is_pattern(one));
    let mut sources = Sources::default();
    for Expanded { path, is_of_folder } in expanded {
        let (source, kind) = Source::read(path);
        let is_other_kind = !matches!(kind, Kind::Workflow | Kind::Unknown);
        if is_other_kind && is_alone {
            return Err(other_kind(&source.shown, kind));
        }
        // A file of a folder that cannot be read may be a workflow.
        if is_other_kind || (is_of_folder && kind == Kind::Unknown && source.text.is_ok()) {
            sources.skipped.push(kind);
        } else {
            sources.files.push(source);
        }
    }
    if sources.files.is_empty() {
        let skipped = sources
            .skipped()
            .map_or_else(String::new, |skipped| format!(" {skipped}"));
        let given: Vec<String> = given.iter().map(|path| shown(path)).collect();
        return Err(Failure::not_found(format!(
            "No workflow file is in {}.{skipped}",
            given.join(", ")
        )));
    }
    Ok(sources)
}

struct Expanded {
    path: PathBuf,
    /// Found in a folder rather than named.
    is_of_folder: bool,
}

/// Each file once: what a folder and a pattern both mean is one file.
fn expand(given: &[PathBuf]) -> Result<Vec<Expanded>, Failure> {
    let (mut expanded, mut seen) = (Vec::new(), BTreeSet::new());
    for path in given {
        let (paths, is_of_folder) = match path {
            path if path.is_dir() => (entries(path, is_author_file)?, true),
            path if is_pattern(path) => (matching(path)?, false),
            path => (vec![path.clone()], false),
        };
        for path in paths {
            if seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                expanded.push(Expanded { path, is_of_folder });
            }
        }
    }
    Ok(expanded)
}

/// Whether the name ends as files of authors do.
pub(crate) fn is_author_file(path: &Path) -> bool {
    let name = path.to_string_lossy();
    [".yaml", ".yml", ".json"]
        .iter()
        .any(|ending| name.ends_with(ending))
}

/// What is in a folder, in the order of the names.
pub(crate) fn entries(
    folder: &Path,
    is_meant: impl Fn(&Path) -> bool,
) -> Result<Vec<PathBuf>, Failure> {
    let entries = std::fs::read_dir(folder).map_err(|error| cannot_read(folder, &error))?;
    let mut found: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .collect();
    found.retain(|path| path.is_file() && is_meant(path));
    found.sort();
    Ok(found)
}

/// Whether it is a pattern that no shell has expanded: quoted, or of a shell that leaves the ones
/// that match nothing.
fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '[']) && !path.exists()
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, Failure> {
    let text = pattern.to_string_lossy();
    let paths = glob::glob(&text)
        .map_err(|error| Failure::usage(format!("{text} is not a pattern: {error}.")))?;
    let mut found = paths
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| cannot_read(error.path(), error.error()))?;
    found.retain(|path| path.is_file());
    if found.is_empty() {
        Err(Failure::not_found(format!("No file matches {text}.")))
    } else {
        Ok(found)
    }
}

/// A file of another kind that is named alone, with the command that it is for.
fn other_kind(shown: &str, kind: Kind) -> Failure {
    let command = kind
        .command(shown)
        .map_or_else(String::new, |command| format!(": `{command}` reads it"));
    Failure::new(
        Exit::Refused,
        format!("{shown} is {}, not a workflow file{command}.", kind.is()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authoring::files::template;

    /// A folder as docs/authors/testing.md has it, with a note and a file of another program.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("a.yaml", template("a", "A").as_str()),
            (
                "a.test.yaml",
                "workflow: a.yaml\ntests: [{ name: one, steps: [] }]\n",
            ),
            (
                "b.yml",
                "format: 1\nworkflow: b\ntitle: B\non_new_cal: []\n",
            ),
            ("calendars.yaml", "format: 1\ncalendars: []\n"),
            ("teams.yaml", "format: 1\nteams: []\n"),
            ("compose.yaml", "services: {}\n"),
            ("schema.json", &crate::authoring::schema::text().unwrap()),
            ("notes.txt", "on_new_call:\n"),
        ] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn names(sources: &Sources) -> Vec<String> {
        let name = |source: &Source| {
            source
                .path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        };
        sources.files.iter().map(name).collect()
    }

    #[test]
    fn a_folder_and_a_pattern_are_the_workflows_in_it() {
        let folder = folder();
        let sources = gather(&[folder.path().to_owned()]).unwrap();
        assert_eq!(names(&sources), ["a.yaml", "b.yml"]);
        assert_eq!(
            sources.skipped().unwrap(),
            "Skipped 5 files: 1 of tests, 1 of teams, 1 of calendars, 1 JSON Schema, 1 of another kind."
        );
        let pattern = gather(&[folder.path().join("*.yaml")]).unwrap();
        assert_eq!(
            names(&pattern),
            ["a.yaml", "compose.yaml"],
            "what is named is not ours to leave out"
        );
        assert_eq!(
            pattern.skipped().unwrap(),
            "Skipped 3 files: 1 of tests, 1 of teams, 1 of calendars."
        );
        let both = gather(&[folder.path().join("a.yaml"), folder.path().to_owned()]).unwrap();
        assert_eq!(names(&both), ["a.yaml", "b.yml"]);
        let expanded = ["a.test.yaml", "a.yaml", "teams.yaml"].map(|name| folder.path().join(name));
        assert_eq!(names(&gather(&expanded).unwrap()), ["a.yaml"]);
    }

    #[test]
    fn a_file_of_another_kind_names_its_command() {
        let folder = folder();
        for (name, kind, command) in [
            ("a.test.yaml", "a file of tests", "aftercall workflow test"),
            ("teams.yaml", "a file of teams", "aftercall team import"),
            (
                "calendars.yaml",
                "a file of calendars",
                "aftercall calendar import",
            ),
        ] {
            let path = folder.path().join(name);
            let failure = gather(std::slice::from_ref(&path)).err().unwrap();
            let shown = path.display();
            let expected =
                format!("{shown} is {kind}, not a workflow file: `{command} {shown}` reads it.");
            assert_eq!(
                (failure.exit(), failure.sentence()),
                (Exit::Refused, expected.as_str())
            );
        }
    }

    #[test]
    fn no_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let exit = |name: &str| {
            gather(&[folder.path().join(name)])
                .err()
                .map(|failure| failure.exit())
        };
        assert_eq!(
            (exit(""), exit("*.yaml"), exit("[")),
            (
                Some(Exit::NotFound),
                Some(Exit::NotFound),
                Some(Exit::Usage)
            )
        );
        // A missing file is named where it is read.
        let missing = gather(&[folder.path().join("a.yaml")]).unwrap();
        assert_eq!(
            missing.files[0].text.as_ref().unwrap_err().exit(),
            Exit::NotFound
        );
    }
}
