//! Pictures of workflow files, and what differs between two of them.

use std::path::Path;

use aftercall_authoring::diff::diff;
use aftercall_authoring::graph::{Graph, Trail, dot, hush_layout_panics, mermaid, svg, text};

use super::files::{read, read_after};
use crate::commands::workflow_pictures::Form;
use crate::errors::Failure;

/// The picture of a file.
pub(crate) fn draw(file: &Path, form: Form) -> Result<String, Failure> {
    let definition = read(file)?.definition;
    let graph = || Graph::of(&definition, &Trail::default());
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

/// Of a layout that the library gives up nothing is said but our own answer.
pub(crate) fn hush() {
    hush_layout_panics();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_comes_after_one_that_is_gone_is_told_as_new() {
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
        let told = differences(&old, &new).unwrap();
        assert!(
            told.iter()
                .any(|line| line.starts_with("stage 3 \"After Approve\" is gone")),
            "{told:?}"
        );
        assert!(
            told.iter()
                .any(|line| line.starts_with("stage 4 \"After Second look\" is new")),
            "{told:?}"
        );
        // What could not follow is compared as it is written.
        let other = written("other.yaml", "  - { button: Pay, stage: 3 }\n");
        let told = differences(&old, &other).unwrap();
        assert!(
            told.iter()
                .any(|line| line.contains("was the event approve, and is pay")),
            "{told:?}"
        );
        assert_eq!(differences(&old, &old).unwrap(), Vec::<String>::new());
    }
}
