//! Texts with places to fill in: `{{ fields.amount }}`, `{{ call.caller.name }}`.
//!
//! A template is parsed once, when its definition is read. Filling it in never fails: what is missing shows as a visible
//! gap, because a follow-up must not stop for it.

use thiserror::Error;

/// What a place shows where its value is missing.
pub const GAP: &str = "[?]";

/// How much of what was written a fault repeats.
const QUOTED_CHARS_MAX: usize = 40;

/// What a template may say of a call, after `call.`.
pub const CALL_PLACES: [&str; 9] =
    ["id", "source", "customer", "script", "agent", "caller.name", "caller.phone", "caller.email", "caller.reference"];

/// Where a place takes its value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A declared field of the workflow.
    Field(String),
    /// One of [`CALL_PLACES`].
    Call(&'static str),
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(Place),
}

/// Why a template was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TemplateFault {
    /// A `{{` without its `}}`.
    #[error("`{{{{` has no `}}}}` after it")]
    Unclosed,
    /// Something else than a plain place.
    #[error(
        "`{0}` is not a plain `fields.NAME` or `call.NAME`: filters, conditions and loops in texts are not supported in this version"
    )]
    NotPlain(String),
    /// A call has no such thing.
    #[error("a call has no `{0}`; it has {known}", known = CALL_PLACES.join(", "))]
    NoSuchCallPlace(String),
}

/// A text with places to fill in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateFault`] where a place is not closed or not plain.
    pub fn parse(source: &str) -> Result<Self, TemplateFault> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some(open) = rest.find("{{") {
            let (text, after) = (&rest[..open], &rest[open + 2..]);
            refuse_statement(text)?;
            let close = after.find("}}").ok_or(TemplateFault::Unclosed)?;
            if !text.is_empty() {
                parts.push(Part::Text(text.to_owned()));
            }
            parts.push(Part::Place(place(after[..close].trim())?));
            rest = &after[close + 2..];
        }
        refuse_statement(rest)?;
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { source: source.to_owned(), parts })
    }

    /// As the author wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The places that it fills in.
    pub fn places(&self) -> impl Iterator<Item = &Place> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(place) => Some(place),
            Part::Text(_) => None,
        })
    }

    /// Fills it in, to at most `bytes_max` bytes; `value` gives what a place shows, or nothing for a gap.
    pub fn fill_in(&self, bytes_max: usize, mut value: impl FnMut(&Place) -> Option<String>) -> String {
        let mut text = String::with_capacity(self.source.len());
        for part in &self.parts {
            match part {
                Part::Text(piece) => text.push_str(piece),
                Part::Place(place) => match value(place) {
                    Some(shown) if !shown.is_empty() => text.push_str(&shown),
                    _ => text.push_str(GAP),
                },
            }
        }
        if text.len() > bytes_max {
            text.truncate(text.floor_char_boundary(bytes_max));
        }
        text
    }
}

/// A template language's statements would otherwise be shown to people as text.
fn refuse_statement(text: &str) -> Result<(), TemplateFault> {
    match text.find("{%") {
        Some(statement) => Err(TemplateFault::NotPlain(text[statement..].chars().take(QUOTED_CHARS_MAX).collect())),
        None => Ok(()),
    }
}

fn place(inside: &str) -> Result<Place, TemplateFault> {
    let is_word =
        |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    match inside.split_once('.') {
        Some(("fields", name)) if is_word(name) && !name.contains('.') => Ok(Place::Field(name.to_owned())),
        Some(("call", name)) if is_word(name) => CALL_PLACES
            .iter()
            .find(|known| **known == name)
            .map(|known| Place::Call(known))
            .ok_or_else(|| TemplateFault::NoSuchCallPlace(name.chars().take(QUOTED_CHARS_MAX).collect())),
        _ => Err(TemplateFault::NotPlain(inside.chars().take(QUOTED_CHARS_MAX).collect())),
    }
}
