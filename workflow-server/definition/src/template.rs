//! Texts with places to fill in, such as `{{ fields.amount }}` or `{{ call.caller.name |
//! default("the caller") }}`. A part such as `{% if fields.vip %}` … `{% endif %}` is shown only if
//! its condition is true. A template library fills in texts with other filters and conditions.
//!
//! Promises: a template is parsed once. Filling it in never fails and always ends, and the size of
//! the result is limited. A missing value shows as a gap, because a follow-up must not stop for it.
//! There are no loops, assignments, includes or repetitions, so a text is never larger than its
//! parts.

mod claims;
mod errors;
mod filling;
mod library;
mod program;
mod rendering;
mod sandbox;
mod tree;
mod unreadable;

use std::fmt;
use std::sync::Arc;

pub use claims::{Kind, Knows};
pub use errors::TemplateFault;
pub use filling::Filled;
use minijinja::Error;
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
pub use program::GAP;
use program::{NAME, Part, Program};

use crate::facts::Facts;

/// A text with places to fill in.
#[derive(Clone)]
pub struct Template {
    source: String,
    places: Vec<String>,
    zones: Vec<String>,
    claims: claims::Claims,
    program: Program,
}

impl fmt::Debug for Template {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Template({:?})", self.source)
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateFault`] if it is invalid, or uses something that texts must not use.
    pub fn parse(source: &str) -> Result<Self, TemplateFault> {
        sandbox::check_tokens(source)?;
        let unreadable = |error: Error| {
            let fault = unreadable::describe(&error, source);
            TemplateFault {
                message: fault.message + expression_hint(source),
                ..fault
            }
        };
        let tree = parse(source, NAME, SyntaxConfig::default()).map_err(unreadable)?;
        let contents = sandbox::inspect(&tree, source)?;
        let program = match contents.plain {
            Some(parts) => Program::Plain(parts),
            None => Program::Machine(Arc::new(
                library::environment(NAME, source)
                    .map_err(|error| unreadable::describe(&error, source))?,
            )),
        };
        Ok(Self {
            source: source.to_owned(),
            places: contents.places,
            zones: contents.zones,
            claims: contents.claims,
            program,
        })
    }

    /// Reads a stored template. If this version of the library cannot read it, it is shown as it
    /// was written.
    #[must_use]
    pub fn stored(source: &str) -> Self {
        let literal = || Self {
            source: source.to_owned(),
            places: Vec::new(),
            zones: Vec::new(),
            claims: claims::Claims::default(),
            program: Program::Plain(vec![Part::Text(source.to_owned())]),
        };
        Self::parse(source).unwrap_or_else(|_| literal())
    }

    /// The template as the author wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Fills the template in. The result has at most `bytes_max` bytes.
    #[must_use]
    pub fn fill_in(&self, bytes_max: usize, facts: &Facts<'_>) -> Filled {
        filling::fill_in(&self.program, &self.places, bytes_max, facts)
    }

    /// Whether the template never shows anything, because it has only comments and spaces.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let is_blank = |part: &Part| matches!(part, Part::Text(text) if text.trim().is_empty());
        matches!(&self.program, Program::Plain(parts) if parts.iter().all(is_blank))
    }

    /// Whether the template has filters or conditions, and not only plain places.
    #[must_use]
    pub fn has_logic(&self) -> bool {
        let has_default = |parts: &[Part]| {
            let mut parts = parts.iter();
            parts.any(|part| matches!(part, Part::Default(..)))
        };
        match &self.program {
            Program::Plain(parts) => has_default(parts),
            Program::Machine(_) => true,
        }
    }

    /// The unknown time zones that the template names. A time in such a zone would show as UTC.
    pub fn unknown_zones(&self) -> impl Iterator<Item = &str> {
        self.zones
            .iter()
            .map(String::as_str)
            .filter(|zone| jiff::tz::TimeZone::get(zone).is_err())
    }

    /// The errors that occur for any values of these types, such as a comparison of a number with a
    /// text, or a filter for another type. Each sentence continues after `the text`.
    pub fn faults<'t>(&'t self, knows: &'t impl Knows) -> impl Iterator<Item = String> + 't {
        self.claims.faults(knows)
    }

    /// The places that are compared by their order but may have no value. A missing value counts as
    /// less than everything.
    pub fn may_be_missing<'t>(&'t self, knows: &'t impl Knows) -> impl Iterator<Item = &'t str> {
        self.claims.missing(knows)
    }

    /// Whether the template tests that a place has a value: `{% if fields.order %}`, `is defined`
    /// or `default`.
    #[must_use]
    pub fn has_test_of(&self, place: &str) -> bool {
        self.claims.has_test_of(place)
    }

    /// The places of the template, such as `fields.amount`, each once.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(String::as_str)
    }
}

/// A hint for signs of the expression language.
fn expression_hint(source: &str) -> &'static str {
    let is_like_a_condition = ["&&", "||", "{% if !", "(!"]
        .iter()
        .any(|sign| source.contains(sign));
    if is_like_a_condition {
        "; in texts write `and`, `or`, `not`"
    } else {
        ""
    }
}
