//! A file in its one form, and what a definition is exported as: both keep the comments of the
//! author.
//!
//! Promise: what comes out reads back as the same definition. Comments that cannot be carried over
//! are left out of an export.

use aftercall_definition::Definition;
use aftercall_definition::fault::Fault;
use aftercall_definition::source::{SOURCE_BYTES_MAX, Source};

use crate::file::line_ends::{self, Dress};
use crate::file::reading::read_placed;
use crate::file::writing::{file, json, yaml};
use crate::file::{comments, read, write_yaml};

/// A file in the one form, with its comments, its empty lines, its line ends and its byte order
/// mark. An event without a stage number stays without: what numbers earlier versions have used, a
/// file does not know.
///
/// # Errors
/// The faults of the file.
pub fn format_yaml(text: &str) -> Result<String, Vec<Fault>> {
    let plain = line_ends::plain(text);
    let (definition, places) = read_placed(&plain, |_| None)?;
    let formatted = comments::carried(&plain, &yaml(&file(&definition, places.unwritten())));
    Ok(Dress::of(text).put_on(formatted))
}

/// The same for JSON, which has no comments.
///
/// # Errors
/// The faults of the file.
pub fn format_json(text: &str) -> Result<String, Vec<Fault>> {
    let (definition, places) = read_placed(text, |_| None)?;
    Ok(Dress::of(text).put_on(json(&file(&definition, places.unwritten()))))
}

/// What is kept of a file for its comments; nothing where it has none, or is too large to be kept.
#[must_use]
pub fn source_of(text: &str, definition: &Definition) -> Source {
    let plain = line_ends::plain(text);
    // JSON has no comments, and what the YAML parser makes of them is none.
    let is_kept = plain.len() <= SOURCE_BYTES_MAX && has_comments(&plain, definition);
    if is_kept {
        Source::of(&plain)
    } else {
        Source::default()
    }
}

fn has_comments(plain: &str, definition: &Definition) -> bool {
    let written = write_yaml(definition);
    plain.contains('#') && comments::carried(plain, &written) != written
}

/// Writes YAML with the comments of the author's file.
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
