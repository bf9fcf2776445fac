//! Pictures of workflow files, and what differs between two of them.

use std::path::Path;

use aftercall_engine::definition::diff::diff;
use aftercall_engine::definition::graph::{Graph, Trail, dot, hush_layout_panics, mermaid, svg, text};

use super::files::read;
use crate::{commands::workflow_pictures::Form, errors::Failure};

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

/// What differs between two files; a line that says so where nothing does.
pub(crate) fn differences(old: &Path, new: &Path) -> Result<Vec<String>, Failure> {
    let differences = diff(&read(old)?.definition, &read(new)?.definition);
    Ok(if differences.is_empty() { vec!["They are the same.".to_owned()] } else { differences })
}

/// Of a layout that the library gives up nothing is said but our own answer.
pub(crate) fn hush() {
    hush_layout_panics();
}
