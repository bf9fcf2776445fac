//! Values of fields, and the declarations that they must match.

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
    /// The word for the type in a definition file.
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
    /// The name: letters, digits and underscores. It does not start with a digit.
    pub name: String,
    /// The type of its values.
    pub field_type: FieldType,
    /// Whether a value is required.
    pub required: bool,
    /// The label that people see; empty if the name is enough.
    pub label: String,
    /// The value if none is given.
    pub default: Option<Value>,
    /// The allowed values; empty if any value is allowed.
    pub values: Vec<Value>,
    /// The smallest number, or the smallest number of characters of a text.
    pub min: Option<f64>,
    /// The largest number, or the largest number of characters of a text.
    pub max: Option<f64>,
    /// The earliest moment, relative to the time when the value is given.
    pub earliest: Option<Offset>,
    /// The latest moment, relative to the time when the value is given.
    pub latest: Option<Offset>,
    /// Whether a value needs protection. Clients must not keep it, and reports do not show it.
    pub sensitive: bool,
}

impl FieldDeclaration {
    /// The declaration in words: "number, required, at least 5".
    #[must_use]
    pub fn described(&self) -> String {
        let mut words = vec![self.field_type.word().to_owned()];
        if self.required {
            words.push("required".to_owned());
        }
        if self.sensitive {
            words.push("sensitive".to_owned());
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

    /// The allowed values for a sentence. If there are many, only the first ones.
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

    /// Whether the field accepts this value.
    #[must_use]
    pub fn takes(&self, value: &Value) -> bool {
        self.refuses(value).is_none()
    }

    /// Whether the field accepts this value at `now`.
    #[must_use]
    pub fn takes_at(&self, value: &Value, now: Time) -> bool {
        self.takes(value) && self.bound_missed(value, now).is_none()
    }

    /// Why the field does not accept this value at `now`; `None` if it does. The sentence continues
    /// after the field's name, and shows times by this clock.
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
            let refused = format!("must not be {word} {limit} ({})", bound.words());
            // A refusal must not repeat a value that needs protection.
            Some(match self.sensitive {
                true => refused,
                false => format!("{refused}, and is {given}"),
            })
        })
    }

    /// The bound that a moment violates, and on which side.
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

    /// Why the field does not accept this value; `None` if it does. Ignores the bounds that count
    /// from now, because an accepted value stays valid as time passes.
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

/// A number as an integer, if it is a whole number. Larger numbers are excluded, because different
/// ones may have the same representation.
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

/// The form of definition files. A moment is shown in UTC. Texts for people show it by a clock
/// instead.
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
