//! A template after parsing.

use std::sync::Arc;

use minijinja::Environment;

/// What a place shows if its value is missing.
pub const GAP: &str = "[?]";

/// The name of the only template of an environment.
pub(super) const NAME: &str = "text";

/// A piece of a template that is filled in without the library.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(String),
    Place(String),
    /// A place, and the text that is shown if its value is missing: `{{ place | default('text') }}`.
    Default(String, String),
}

/// How a template is filled in.
#[derive(Clone)]
pub(super) enum Program {
    /// Only texts, plain places and places with a default, as most templates are.
    Plain(Vec<Part>),
    /// Anything else: the template library fills it in.
    Machine(Arc<Environment<'static>>),
}
