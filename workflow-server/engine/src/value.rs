//! Values of fields, and the declarations they are checked against.

use std::fmt;

use crate::time::Time;

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Text, at most [`crate::limits::TEXT_BYTES_MAX`] bytes.
    Text,
    /// A finite number.
    Number,
    /// Yes or no.
    Bool,
    /// A moment.
    Time,
}

impl FieldType {
    /// The word it is written with in a definition file.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Time => "time",
        }
    }
}

/// A declared field, of a workflow or of a button's form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldDeclaration {
    /// Letters, digits and underscores, not starting with a digit.
    pub name: String,
    /// What it takes.
    pub field_type: FieldType,
    /// Whether it must be given.
    pub required: bool,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(Box<str>),
    /// A finite number.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// A moment.
    Time(Time),
}

impl Value {
    /// The type that it has.
    #[must_use]
    pub fn field_type(&self) -> FieldType {
        match self {
            Self::Text(_) => FieldType::Text,
            Self::Number(_) => FieldType::Number,
            Self::Bool(_) => FieldType::Bool,
            Self::Time(_) => FieldType::Time,
        }
    }
}

/// As a template shows it. A moment shows as its UTC date and time.
impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Number(number) => write!(out, "{number}"),
            Self::Bool(flag) => out.write_str(if *flag { "yes" } else { "no" }),
            Self::Time(time) => match jiff::Timestamp::from_millisecond(time.0) {
                Ok(moment) => write!(out, "{moment}"),
                Err(_) => write!(out, "{} ms", time.0),
            },
        }
    }
}
