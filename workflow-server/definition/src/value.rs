//! Values of fields, and the declarations they are checked against.

use std::fmt::{self, Write as _};

use crate::time::{Offset, Time, WallClock};

/// The type of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Text, at most [`crate::limits::TEXT_BYTES_MAX`] bytes.
    #[default]
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldDeclaration {
    /// Letters, digits and underscores, not starting with a digit.
    pub name: String,
    /// What it takes.
    pub field_type: FieldType,
    /// Whether it must be given.
    pub required: bool,
    /// What people are asked for; empty where the name says it.
    pub label: String,
    /// The value where none is given.
    pub default: Option<Value>,
    /// The values that it may have; empty for any.
    pub values: Vec<Value>,
    /// The least number, or the fewest characters of a text.
    pub min: Option<f64>,
    /// The greatest number, or the most characters of a text.
    pub max: Option<f64>,
    /// The earliest moment, counted from when the value is given.
    pub earliest: Option<Offset>,
    /// The latest moment, counted from when the value is given.
    pub latest: Option<Offset>,
}

impl FieldDeclaration {
    /// What it takes, in words: "number, required, at least 5".
    #[must_use]
    pub fn described(&self) -> String {
        let mut words = vec![self.field_type.word().to_owned()];
        if self.required {
            words.push("required".to_owned());
        }
        if !self.values.is_empty() {
            let values: Vec<String> = self.values.iter().map(ToString::to_string).collect();
            words.push(format!("one of {}", values.join(", ")));
        }
        words.extend(self.min.map(|min| format!("at least {min}")));
        words.extend(self.max.map(|max| format!("at most {max}")));
        words.extend(
            self.earliest
                .map(|bound| format!("not before {}", bound.words())),
        );
        words.extend(
            self.latest
                .map(|bound| format!("not after {}", bound.words())),
        );
        words.extend(
            self.default
                .as_ref()
                .map(|default| format!("else {default}")),
        );
        if !self.label.is_empty() {
            words.push(format!("called \"{}\"", self.label));
        }
        words.join(", ")
    }

    /// Its values for a sentence: the first of many.
    fn few_values(&self) -> String {
        const VALUES_SHOWN_MAX: usize = 12;
        const VALUE_CHARS_MAX: usize = 60;
        let few = self.values.iter().take(VALUES_SHOWN_MAX).map(|value| {
            let mut shown = value.to_string();
            if let Some((cut, _)) = shown.char_indices().nth(VALUE_CHARS_MAX) {
                shown.truncate(cut);
                shown.push('…');
            }
            shown
        });
        let mut few = few.collect::<Vec<_>>().join(", ");
        if let Some(rest) = self
            .values
            .len()
            .checked_sub(VALUES_SHOWN_MAX)
            .filter(|rest| *rest > 0)
        {
            let _ = write!(few, " and {rest} more");
        }
        few
    }

    /// Whether it takes this value.
    #[must_use]
    pub fn takes(&self, value: &Value) -> bool {
        self.refuses(value).is_none()
    }

    /// Whether it takes this value at `now`.
    #[must_use]
    pub fn takes_at(&self, value: &Value, now: Time) -> bool {
        self.takes(value) && self.bound_missed(value, now).is_none()
    }

    /// Why it does not take this value at `now`; nothing where it does. The sentence starts with
    /// the field's name, and shows times by this clock.
    #[must_use]
    pub fn refuses_at(
        &self,
        value: &Value,
        now: Time,
        clock: impl FnOnce() -> WallClock,
    ) -> Option<String> {
        self.refuses(value).or_else(|| {
            let (moment, word, bound) = self.bound_missed(value, now)?;
            let clock = clock();
            let (limit, given) = (
                clock.show_exactly(bound.at(now)),
                clock.show_exactly(moment),
            );
            Some(format!(
                "must not be {word} {limit} ({}), and is {given}",
                bound.words()
            ))
        })
    }

    /// The bound that a moment misses, and on which side.
    fn bound_missed(&self, value: &Value, now: Time) -> Option<(Time, &'static str, Offset)> {
        let Value::Time(moment) = *value else {
            return None;
        };
        let too_early = self
            .earliest
            .filter(|bound| moment < bound.at(now))
            .map(|bound| (moment, "before", bound));
        let too_late = self
            .latest
            .filter(|bound| moment > bound.at(now))
            .map(|bound| (moment, "after", bound));
        too_early.or(too_late)
    }

    /// The same, apart from the bounds that count from now: a value that was taken once stays valid
    /// as time passes.
    #[must_use]
    pub fn refuses(&self, value: &Value) -> Option<String> {
        if self.field_type != value.field_type() {
            return Some(format!(
                "takes {}, not {}",
                self.field_type.word(),
                value.field_type().word()
            ));
        }
        if !self.values.is_empty() && !self.values.contains(value) {
            return Some(format!("must be one of {}", self.few_values()));
        }
        let (size, what) = match value {
            Value::Number(number) if !number.is_finite() => {
                return Some("must be a finite number".to_owned());
            }
            Value::Number(number) => (*number, ""),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a text has at most a page of characters"
            )]
            Value::Text(text) => (text.chars().count() as f64, " characters"),
            Value::Bool(_) | Value::Time(_) => return None,
        };
        match (
            self.min.filter(|min| size < *min),
            self.max.filter(|max| size > *max),
        ) {
            (Some(min), _) => Some(format!("must be at least {min}{what}")),
            (_, Some(max)) => Some(format!("must be at most {max}{what}")),
            (None, None) => None,
        }
    }
}

/// A number as a whole one, if it is one and not so large that others would be the same.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a whole number of this size is an i64"
)]
pub fn whole(number: f64) -> Option<i64> {
    const WHOLE_MAX: f64 = 9e15;
    (number.fract() == 0.0 && number.abs() < WHOLE_MAX).then_some(number as i64)
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

/// As a file has it. A moment is its UTC date and time; texts for people show it by somebody's
/// clock instead.
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
