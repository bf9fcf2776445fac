//! Claims: what a text requires of its values. Examples: the compared values have one type, and the
//! added values are numbers. The reader of templates finds the claims. Validation checks them
//! against the declared fields.
//!
//! Must not know of fields: the caller provides the types of places.

mod finding;

use std::collections::HashSet;

pub(super) use finding::{add_chain, add_filter, add_operation, add_sign};

use crate::value::Value;

/// How many claims of one text are checked. People write only a few. The limit bounds the time for
/// other files.
const CLAIMS_MAX: usize = 64;

/// The kind of value that a place shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text, or a time.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Bool,
}

impl Kind {
    fn words(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Number => "a number",
            Self::Bool => "a yes or no",
        }
    }

    /// Whether values of both kinds can be compared: both are texts, or neither is. Yes counts as
    /// 1.
    fn is_comparable_with(self, other: Self) -> bool {
        (self == Self::Text) == (other == Self::Text)
    }
}

/// What is known about the places in a text.
pub trait Knows {
    /// The kind of value that a place shows; `None` if unknown.
    fn kind(&self, place: &str) -> Option<Kind>;
    /// Why a place never has this value. The sentence continues after `the text`.
    fn never_is(&self, place: &str, value: &Value) -> Option<String>;
    /// Whether a place may have no value.
    fn may_be_missing(&self, place: &str) -> bool;
}

/// One side of a comparison or a sum.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Side {
    /// The result of a filter or an operation, which always has this kind.
    Known(Kind),
    /// A literal.
    Literal(Value),
    /// The literal `none`.
    Nothing,
    /// The value of a place.
    Place(String),
    /// The value of a place, changed by one filter.
    Changed(String, Change),
}

/// How a filter or an operation changes the value of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// Its kind does not change.
    Shown,
    /// Its kind does not change, and a text of blanks becomes empty.
    Trimmed,
    /// A number becomes a text, such as `12.50`. Other values do not change.
    Rounded,
    /// The length of a text.
    Counted,
    /// This default, if it has no value.
    Or(Value),
}

impl Change {
    fn kind_after(&self, kind: Kind) -> Option<Kind> {
        match (self, kind) {
            (Self::Rounded, Kind::Number) => Some(Kind::Text),
            (Self::Counted, Kind::Text) => Some(Kind::Number),
            (Self::Or(value), kind) => (kind_of_value(value) == kind).then_some(kind),
            (_, kind) => Some(kind),
        }
    }
}

fn kind_of_value(value: &Value) -> Kind {
    match value {
        Value::Text(_) | Value::Time(_) => Kind::Text,
        Value::Number(_) => Kind::Number,
        Value::Bool(_) => Kind::Bool,
    }
}

impl Side {
    fn kind(&self, knows: &impl Knows) -> Option<Kind> {
        match self {
            Self::Known(kind) => Some(*kind),
            Self::Literal(value) => Some(kind_of_value(value)),
            Self::Nothing => None,
            Self::Place(place) => knows.kind(place),
            Self::Changed(place, change) => change.kind_after(knows.kind(place)?),
        }
    }

    fn described(&self, kind: Kind) -> String {
        match self {
            Self::Known(_) | Self::Literal(_) | Self::Nothing => kind.words().to_owned(),
            Self::Changed(place, Change::Rounded) => {
                format!("`{place}`, rounded ({})", kind.words())
            }
            Self::Changed(place, Change::Counted) => {
                format!("the length of `{place}` ({})", kind.words())
            }
            Self::Place(place) | Self::Changed(place, _) => format!("`{place}` ({})", kind.words()),
        }
    }

    fn is_empty_text(&self) -> bool {
        matches!(self, Self::Nothing)
            || matches!(self, Self::Literal(Value::Text(text)) if text.is_empty())
    }
}

/// How two sides are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// Whether they are equal.
    Same,
    /// Which one is greater.
    Order,
    /// Whether one is a part of the other.
    In,
}

/// A requirement of a text.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claim {
    /// Two sides are compared.
    Compared(Side, Side, Looks),
    /// Two sides are added.
    Added(Side, Side),
    /// A side is subtracted, divided, or has a sign.
    Number(&'static str, Side),
    /// A filter takes values of this kind.
    Filtered(&'static str, Side, Kind),
    /// An error for any values: wrong arguments of a filter.
    Broken(String),
}

impl Claim {
    /// The error if the claim is not met. `None` if it is met, or if that is unknown. The sentence
    /// continues after `the text`.
    fn fault(&self, knows: &impl Knows) -> Option<String> {
        match self {
            Self::Compared(one, other, looks) => compared(one, other, *looks, knows),
            Self::Added(left, right) => {
                let (kind, other) = (left.kind(knows)?, right.kind(knows)?);
                let message = || {
                    let (left, right) = (left.described(kind), right.described(other));
                    format!(
                        "cannot do `+` with {left} and {right}; write the places beside each other"
                    )
                };
                (!kind.is_comparable_with(other)).then(message)
            }
            Self::Number(operation, side) => {
                let kind = side.kind(knows).filter(|kind| *kind == Kind::Text)?;
                Some(format!(
                    "cannot do `{operation}` with {}",
                    side.described(kind)
                ))
            }
            Self::Filtered(filter, side, wanted) => {
                let kind = side.kind(knows).filter(|kind| kind != wanted)?;
                Some(format!(
                    "gives the filter `{filter}` {}, and it takes {}",
                    side.described(kind),
                    wanted.words()
                ))
            }
            Self::Broken(fault) => Some(fault.clone()),
        }
    }

    /// For a warning: a place that is compared by its order but may have no value.
    fn missing<'c>(&'c self, knows: &impl Knows) -> Option<&'c str> {
        let Self::Compared(one, other, Looks::Order) = self else {
            return None;
        };
        [one, other].into_iter().find_map(|side| match side {
            Side::Place(place) => knows.may_be_missing(place).then_some(place.as_str()),
            _ => None,
        })
    }
}

fn compared(one: &Side, other: &Side, looks: Looks, knows: &impl Knows) -> Option<String> {
    if looks == Looks::Same {
        for (side, value) in [(one, other), (other, one)] {
            if let (Side::Place(place) | Side::Changed(place, Change::Shown), true) =
                (side, value.is_empty_text())
            {
                return Some(format!(
                    "tests whether `{place}` is empty, but an empty place has no value: write `{{% if not {place} %}}`"
                ));
            }
        }
    }
    let (kind, with) = (one.kind(knows)?, other.kind(knows)?);
    if looks == Looks::In {
        return (with != Kind::Text)
            .then(|| format!("looks for something in {}", other.described(with)));
    }
    if !kind.is_comparable_with(with) {
        let hint = match ((one, kind), (other, with)) {
            ((Side::Literal(_), Kind::Text), (_, Kind::Number))
            | ((_, Kind::Number), (Side::Literal(_), Kind::Text)) => {
                "; write a number without quotes"
            }
            ((Side::Literal(_), Kind::Number), (_, Kind::Text))
            | ((_, Kind::Text), (Side::Literal(_), Kind::Number)) => "; write a text in quotes",
            ((_, Kind::Bool), _) | (_, (_, Kind::Bool)) => "; test it alone: `{% if PLACE %}`",
            _ => "",
        };
        return Some(format!(
            "compares {} with {}{hint}",
            one.described(kind),
            other.described(with)
        ));
    }
    match (one, other) {
        (Side::Place(place), Side::Literal(value)) | (Side::Literal(value), Side::Place(place))
            if looks == Looks::Same && kind == with =>
        {
            knows.never_is(place, value)
        }
        _ => None,
    }
}

/// The claims of one text, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct Claims {
    all: Vec<Claim>,
    /// The places for which the text tests whether they have a value.
    tested: Vec<String>,
}

impl Claims {
    pub(super) fn put(&mut self, claim: Claim) {
        if self.all.len() < CLAIMS_MAX && !self.all.contains(&claim) {
            self.all.push(claim);
        }
    }

    pub(super) fn add_test(&mut self, place: String) {
        if self.tested.len() < CLAIMS_MAX && !self.tested.contains(&place) {
            self.tested.push(place);
        }
    }

    pub(super) fn has_test_of(&self, place: &str) -> bool {
        self.tested.iter().any(|tested| tested == place)
    }

    pub(super) fn faults(&self, knows: &impl Knows) -> impl Iterator<Item = String> {
        self.all.iter().filter_map(move |claim| claim.fault(knows))
    }

    /// The places whose missing value would decide a comparison, each once.
    pub(super) fn missing<'c>(&'c self, knows: &impl Knows) -> impl Iterator<Item = &'c str> {
        let mut seen = HashSet::new();
        let missing = self.all.iter().filter_map(|claim| claim.missing(knows));
        missing.filter(move |place| !self.has_test_of(place) && seen.insert(*place))
    }
}
