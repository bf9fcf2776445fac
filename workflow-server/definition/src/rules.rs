//! The rules for names, labels, texts and durations, in files and in requests.
//!
//! Promises: an error is one sentence that says what would be valid. The caller adds the position.

mod bounds;
mod spans;
mod wording;

use std::fmt::Display;

pub use bounds::field_bounds;
pub use spans::{offset, retention, span, span_within};
pub use wording::{Suggestions, all_if_few, nearest, quoted, suggestion, suggestion_or_all};

use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::limits::Length;

/// Checks the name of a workflow, a team or a calendar, the id of an event, or an outcome.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn name(what: impl Display, text: &str) -> Result<(), Fault> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    within(&what, text, Length::Characters(limits::NAME_CHARS_MAX))?;
    if text.starts_with(letters) && text.chars().all(|c| letters(c) || c == '-') {
        return Ok(());
    }
    let like = slug::slugify(text);
    let like = if like.is_empty() {
        String::new()
    } else {
        format!(", such as `{like}`")
    };
    let message = format!(
        "{what} must be lower-case letters, digits and hyphens and start with a letter or digit{like}, not {}",
        quoted(text)
    );
    Err(Fault::new(FaultCode::BadValue, message))
}

/// Checks how many expressions a workflow has, and their total length in bytes.
///
/// # Errors
/// `TOO_LARGE`.
pub fn expressions(count: usize, bytes: usize) -> Result<(), Fault> {
    let message = if count > limits::EXPRESSIONS_MAX {
        format!(
            "a workflow has at most {} expressions",
            limits::EXPRESSIONS_MAX
        )
    } else if bytes > limits::EXPRESSIONS_BYTES_MAX {
        format!(
            "the expressions of a workflow have at most {} bytes together",
            limits::EXPRESSIONS_BYTES_MAX
        )
    } else {
        return Ok(());
    };
    Err(Fault::new(FaultCode::TooLarge, message))
}

/// Checks the total length in bytes of the texts with filters and conditions.
///
/// # Errors
/// `TOO_LARGE`.
pub fn logic_bytes(bytes: usize) -> Result<(), Fault> {
    if bytes <= limits::LOGIC_BYTES_MAX {
        return Ok(());
    }
    let max = limits::LOGIC_BYTES_MAX;
    let message = format!(
        "the texts of a workflow that have filters or conditions have at most {max} bytes together"
    );
    Err(Fault::new(FaultCode::TooLarge, message))
}

/// Checks the name of a field.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn field_name(text: &str) -> Result<(), Fault> {
    within(
        &"the field name",
        text,
        Length::Characters(limits::NAME_CHARS_MAX),
    )?;
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if text.starts_with(first) && text.chars().all(|c| first(c) || c.is_ascii_digit()) {
        return Ok(());
    }
    let message = format!(
        "the field name {} must be letters, digits and underscores and not start with a digit",
        quoted(text)
    );
    Err(Fault::new(FaultCode::BadValue, message))
}

/// Checks a title or a label: one line that is not empty.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn label(what: impl Display, value: &str) -> Result<(), Fault> {
    shown(&what, value, Length::Characters(limits::LABEL_CHARS_MAX))?;
    if value.contains('\n') {
        return Err(Fault::new(
            FaultCode::BadValue,
            format!("{what} must be a single line"),
        ));
    }
    Ok(())
}

/// Checks a text for people. It must not be empty. It must not contain control characters, or
/// characters that change the direction of text.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn text(what: impl Display, value: &str, bytes_max: usize) -> Result<(), Fault> {
    shown(&what, value, Length::Bytes(bytes_max))
}

fn shown(what: &impl Display, value: &str, length: Length) -> Result<(), Fault> {
    within(what, value, length)?;
    if value.trim().is_empty() {
        return Err(Fault::new(FaultCode::BadValue, format!("{what} is empty")));
    }
    match value.chars().find(|c| !is_printable(*c)) {
        Some(bad) => Err(Fault::new(FaultCode::BadValue, unprintable(bad))),
        None => Ok(()),
    }
}

/// Whether a text may contain this character. Control characters other than newline and tab are not
/// allowed. Characters that change the direction of text are not allowed either, because people
/// would see another text than the stored one.
#[must_use]
pub fn is_printable(c: char) -> bool {
    !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        && (matches!(c, '\n' | '\t') || !c.is_control())
}

/// The message for a character that no text may contain.
#[must_use]
pub fn unprintable(c: char) -> String {
    let kind = if c.is_control() {
        "control"
    } else {
        "text-direction"
    };
    format!(
        "the {kind} character U+{:04X} is not allowed; remove it",
        u32::from(c)
    )
}

fn within(what: &impl Display, text: &str, length: Length) -> Result<(), Fault> {
    match length.fault(text) {
        Some(fault) => Err(Fault::new(FaultCode::TooLarge, format!("{what} {fault}"))),
        None => Ok(()),
    }
}
