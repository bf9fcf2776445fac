//! Texts with places to fill in: `{{ fields.amount }}`, `{{ call.caller.name | default("the
//! caller") }}`, and parts that are there only `{% if fields.vip %}` something holds `{% endif %}`.
//! The template library does the work.
//!
//! Promises: a template is parsed once; filling it in never fails, ends, and stays within a page.
//! What is missing shows as a visible gap, because a follow-up must not stop for it. No loops,
//! assignments, includes or repetition: a text can be no larger than what is put into it.

mod claims;
mod filling;
mod sandbox;
mod unreadable;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use claims::{Kind, Knows};
pub use filling::Filled;
use minijinja::machinery::parse;
use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, Error};
use thiserror::Error as ThisError;

/// What a place shows where its value is missing.
pub const GAP: &str = "[?]";

/// The one template of an environment.
const NAME: &str = "text";

/// Why a template was refused.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("{message}")]
pub struct TemplateFault {
    /// A sentence for the author.
    pub message: String,
    /// The bytes of the text that are wrong; none where all of it is.
    pub range: Option<Range<usize>>,
}

impl TemplateFault {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            range: None,
        }
    }

    fn at(self, range: Range<usize>) -> Self {
        Self {
            range: Some(range),
            ..self
        }
    }
}

/// A piece of a template without filters and conditions, which needs no machine to fill it in.
#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Place(String),
}

#[derive(Clone)]
enum Program {
    /// The usual text: pieces and plain places.
    Plain(Vec<Part>),
    /// Anything else.
    Machine(Arc<Environment<'static>>),
}

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
    /// [`TemplateFault`] where it is not one, or uses what texts do not have.
    pub fn parse(source: &str) -> Result<Self, TemplateFault> {
        sandbox::check_tokens(source)?;
        let unreadable = |error: Error| {
            let fault = unreadable::said(&error, source);
            TemplateFault {
                message: fault.message + other_language(source),
                ..fault
            }
        };
        let tree = parse(source, NAME, SyntaxConfig::default()).map_err(unreadable)?;
        let looked = sandbox::look(&tree, source)?;
        let program = match looked.plain {
            Some(parts) => Program::Plain(parts),
            None => Program::Machine(Arc::new(
                filling::environment(NAME, source)
                    .map_err(|error| unreadable::said(&error, source))?,
            )),
        };
        Ok(Self {
            source: source.to_owned(),
            places: looked.places,
            zones: looked.zones,
            claims: looked.claims,
            program,
        })
    }

    /// Reads a template that was stored; one that this version of the library does not read shows
    /// as it was written.
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

    /// As the author wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it shows nothing whatever the values are: it has only comments and spaces.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let is_blank = |part: &Part| matches!(part, Part::Text(text) if text.trim().is_empty());
        matches!(&self.program, Program::Plain(parts) if parts.iter().all(is_blank))
    }

    /// Whether it has filters or conditions, and not only plain places.
    #[must_use]
    pub fn is_worked_out(&self) -> bool {
        matches!(self.program, Program::Machine(_))
    }

    /// The time zones that it names and that nobody knows: in them a time would show as UTC.
    pub fn unknown_zones(&self) -> impl Iterator<Item = &str> {
        self.zones
            .iter()
            .map(String::as_str)
            .filter(|zone| jiff::tz::TimeZone::get(zone).is_err())
    }

    /// What cannot come out right, whatever the values are, where places have these types: a number
    /// compared with a text, a filter that takes something else. Each sentence goes on from `the
    /// text`.
    pub fn faults<'t>(&'t self, knows: &'t impl Knows) -> impl Iterator<Item = String> + 't {
        self.claims.faults(knows)
    }

    /// The places that are compared for their order and may have no value: what has none counts as
    /// less than everything.
    pub fn may_be_missing<'t>(&'t self, knows: &'t impl Knows) -> impl Iterator<Item = &'t str> {
        self.claims.missing(knows)
    }

    /// Whether it asks if a place has a value: `{% if fields.order %}`, `is defined`, `default`.
    #[must_use]
    pub fn asks(&self, place: &str) -> bool {
        self.claims.asks(place)
    }

    /// The places that it names, such as `fields.amount`, each once.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(String::as_str)
    }
}

/// What was probably meant, where it is written as in a condition.
fn other_language(source: &str) -> &'static str {
    let is_like_a_condition = ["&&", "||", "{% if !", "(!"]
        .iter()
        .any(|sign| source.contains(sign));
    if is_like_a_condition {
        "; in texts write `and`, `or`, `not`"
    } else {
        ""
    }
}
