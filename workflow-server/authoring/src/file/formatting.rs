//! Formats a file, and exports a definition. Both keep the comments of the author.
//!
//! Promise: the result reads back as the same definition. An export leaves out comments that it
//! cannot keep.

use aftercall_definition::Definition;
use aftercall_definition::fault::Fault;
use aftercall_definition::source::{SOURCE_BYTES_MAX, Source};

use crate::file::line_ends::{self, Dress};
use crate::file::reading::read_placed;
use crate::file::writing::{file, json, yaml};
use crate::file::{comments, read, write_yaml};

/// Formats a file. Keeps its comments, empty lines, line ends and byte order mark. Adds no missing
/// stage numbers, because a file does not know the numbers that earlier versions used.
///
/// # Errors
/// The errors of the file.
pub fn format_yaml(text: &str) -> Result<String, Vec<Fault>> {
    let plain = line_ends::plain(text);
    let (definition, places) = read_placed(&plain, |_| None)?;
    let formatted = comments::carried(&plain, &yaml(&file(&definition, places.unwritten())));
    Ok(Dress::from_text(text).put_on(formatted))
}

/// Formats a JSON file, which has no comments.
///
/// # Errors
/// The errors of the file.
pub fn format_json(text: &str) -> Result<String, Vec<Fault>> {
    let (definition, places) = read_placed(text, |_| None)?;
    Ok(Dress::from_text(text).put_on(json(&file(&definition, places.unwritten()))))
}

/// The source to store for its comments. Empty if it has no comments, or is too large to store.
#[must_use]
pub fn source_of(text: &str, definition: &Definition) -> Source {
    let plain = line_ends::plain(text);
    // JSON has no comments. The YAML parser may see some, but they are none.
    let is_kept = plain.len() <= SOURCE_BYTES_MAX && has_comments(&plain, definition);
    if is_kept {
        Source::new(&plain)
    } else {
        Source::default()
    }
}

fn has_comments(plain: &str, definition: &Definition) -> bool {
    let written = write_yaml(definition);
    plain.contains('#') && comments::carried(plain, &written) != written
}

/// Writes YAML with the comments from the author's file.
#[must_use]
pub fn export_yaml(definition: &Definition) -> String {
    let written = write_yaml(definition);
    let Some(source) = definition.source.text() else {
        return written;
    };
    let carried = comments::carried(source, &written);
    if read(&carried, None).as_ref() == Ok(definition) {
        carried
    } else {
        written
    }
}
