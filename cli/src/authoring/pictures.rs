//! Pictures of workflow files, and what differs between two of them.

use std::path::Path;

use aftercall_authoring::diff::diff;
use aftercall_authoring::graph::{Graph, Trail, dot, hush_layout_panics, mermaid, svg, text};
use clap::ValueEnum;

use crate::authoring::files::{read, read_after};
use crate::errors::Failure;

/// The form of a picture.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Form {
    /// A tree in 80 columns
    Text,
    /// A Mermaid flowchart
    Mermaid,
    /// DOT, for Graphviz
    Dot,
    /// SVG, for browsers
    Svg,
}

/// The picture of a file.
pub(crate) fn draw(file: &Path, form: Form) -> Result<String, Failure> {
    let definition = read(file)?.definition;
    let graph = || Graph::new(&definition, &Trail::default());
    Ok(match form {
        Form::Text => text(&definition, &Trail::default()),
        Form::Mermaid => mermaid(&graph()),
        Form::Dot => dot(&graph()),
        Form::Svg => svg(&graph()).map_err(|large| Failure::refused(format!("{large}.")))?,
    })
}

/// What differs between two files; empty where nothing does.
pub(crate) fn differences(old: &Path, new: &Path) -> Result<Vec<String>, Failure> {
    let old = read(old)?.definition;
    Ok(diff(&old, &read_after(new, &old)?.definition))
}

/// A panic of the layout library prints nothing; the answer is our own error.
pub(crate) fn hush() {
    hush_layout_panics();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_event_after_a_removed_one_is_new() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, actions: &str| {
            let path = folder.path().join(name);
            std::fs::write(
                &path,
                format!("format: 1\nworkflow: w\ntitle: W\non_new_call:\n{actions}"),
            )
            .unwrap();
            path
        };
        let old = written(
            "old.yaml",
            "  - { button: Pay, stage: 2 }\n  - { button: Approve, stage: 3 }\n",
        );
        let new = written(
            "new.yaml",
            "  - { button: Pay, stage: 2 }\n  - button: Second look\n",
        );
        let lines = differences(&old, &new).unwrap();
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("stage 3 \"After Approve\" is gone")),
            "{lines:?}"
        );
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with("stage 4 \"After Second look\" is new")),
            "{lines:?}"
        );
        // A version that could not follow is compared as it is written.
        let other = written("other.yaml", "  - { button: Pay, stage: 3 }\n");
        let lines = differences(&old, &other).unwrap();
        assert!(
            lines
                .iter()
                .any(|line| line.contains("was the event approve, and is pay")),
            "{lines:?}"
        );
        assert_eq!(differences(&old, &old).unwrap(), Vec::<String>::new());
    }
}
