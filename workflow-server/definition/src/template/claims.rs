//! What a text takes for granted of the values in it: that what it compares is of one type, and
//! that what it adds are numbers. Found where a template is read, and held against the declared
//! fields where a workflow is checked.
//!
//! Must not know of fields: what type a place has, the caller says.

mod finding;

use std::collections::HashSet;

pub(super) use finding::{of_arguments, of_chain, of_operation, of_sign};

use crate::value::Value;

/// How many claims of one text are held against the fields: a person writes a few, and a file of
/// nothing else is large.
const CLAIMS_MAX: usize = 64;

/// What a place shows, as far as a text can tell.
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

    /// Yes counts as 1: whether both are texts, or neither is.
    fn goes_with(self, other: Self) -> bool {
        (self == Self::Text) == (other == Self::Text)
    }
}

/// What is known of the places in a text.
pub trait Knows {
    /// What a place shows; nothing where that is not known.
    fn kind(&self, place: &str) -> Option<Kind>;
    /// Why a place is never this value; the sentence goes on from `the text`.
    fn never_is(&self, place: &str, value: &Value) -> Option<String>;
    /// Whether a place may have no value.
    fn may_be_missing(&self, place: &str) -> bool;
}

/// One side of a comparison or a sum.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Side {
    /// What a filter or an operation always gives.
    Known(Kind),
    /// As it is written.
    Literal(Value),
    /// Nothing: `none`.
    Nothing,
    /// What this place shows.
    Place(String),
    /// The same, through one filter.
    Changed(String, Change),
}

/// What a filter or an operation makes of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// It stays of its kind.
    Shown,
    /// It stays of its kind, and a text of blanks becomes an empty one.
    Trimmed,
    /// A number is rounded to a text, `12.50`; what is none stays as it is.
    Rounded,
    /// How long a text is.
    Counted,
    /// Or this, where it has no value.
    Or(Value),
}

impl Change {
    fn of(&self, kind: Kind) -> Option<Kind> {
        match (self, kind) {
            (Self::Rounded, Kind::Number) => Some(Kind::Text),
            (Self::Counted, Kind::Text) => Some(Kind::Number),
            (Self::Or(value), kind) => (of_value(value) == kind).then_some(kind),
            (_, kind) => Some(kind),
        }
    }
}

fn of_value(value: &Value) -> Kind {
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
            Self::Literal(value) => Some(of_value(value)),
            Self::Nothing => None,
            Self::Place(place) => knows.kind(place),
            Self::Changed(place, change) => change.of(knows.kind(place)?),
        }
    }

    fn told(&self, kind: Kind) -> String {
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

/// What is asked of two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// Whether they are the same.
    Same,
    /// Which is more.
    Order,
    /// Whether one is a part of the other.
    In,
}

/// What must hold for the text to say what it means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claim {
    /// Two sides are compared.
    Compared(Side, Side, Looks),
    /// Two sides are added.
    Added(Side, Side),
    /// A side is subtracted, divided, or has a sign.
    Number(&'static str, Side),
    /// A filter works on what is of this kind.
    Filtered(&'static str, Side, Kind),
    /// Broken already: what a filter is given.
    Broken(String),
}

impl Claim {
    /// The sentence goes on from `the text`; nothing where it holds, or nobody can tell.
    fn fault(&self, knows: &impl Knows) -> Option<String> {
        match self {
            Self::Compared(one, other, looks) => compared(one, other, *looks, knows),
            Self::Added(left, right) => {
                let (kind, other) = (left.kind(knows)?, right.kind(knows)?);
                let told = || {
                    let (left, right) = (left.told(kind), right.told(other));
                    format!(
                        "cannot do `+` with {left} and {right}; write the places beside each other"
                    )
                };
                (!kind.goes_with(other)).then(told)
            }
            Self::Number(operation, side) => {
                let kind = side.kind(knows).filter(|kind| *kind == Kind::Text)?;
                Some(format!("cannot do `{operation}` with {}", side.told(kind)))
            }
            Self::Filtered(filter, side, wanted) => {
                let kind = side.kind(knows).filter(|kind| kind != wanted)?;
                Some(format!(
                    "gives the filter `{filter}` {}, and it takes {}",
                    side.told(kind),
                    wanted.words()
                ))
            }
            Self::Broken(fault) => Some(fault.clone()),
        }
    }

    /// The place whose order is asked for and that may have no value, for a warning.
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
                    "asks whether `{place}` is empty, which it never is: what is empty has no value; write `{{% if not {place} %}}`"
                ));
            }
        }
    }
    let (kind, with) = (one.kind(knows)?, other.kind(knows)?);
    if looks == Looks::In {
        return (with != Kind::Text)
            .then(|| format!("looks for something in {}", other.told(with)));
    }
    if !kind.goes_with(with) {
        let hint = match ((one, kind), (other, with)) {
            ((Side::Literal(_), Kind::Text), (_, Kind::Number))
            | ((_, Kind::Number), (Side::Literal(_), Kind::Text)) => {
                "; a number stands without quotes"
            }
            ((Side::Literal(_), Kind::Number), (_, Kind::Text))
            | ((_, Kind::Text), (Side::Literal(_), Kind::Number)) => "; a text stands in quotes",
            ((_, Kind::Bool), _) | (_, (_, Kind::Bool)) => {
                "; ask for it by itself: `{% if PLACE %}`"
            }
            _ => "",
        };
        return Some(format!(
            "compares {} with {}{hint}",
            one.told(kind),
            other.told(with)
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
    /// The places of which the text asks whether they have a value.
    asked: Vec<String>,
}

impl Claims {
    pub(super) fn put(&mut self, claim: Claim) {
        if self.all.len() < CLAIMS_MAX && !self.all.contains(&claim) {
            self.all.push(claim);
        }
    }

    pub(super) fn ask(&mut self, place: String) {
        if self.asked.len() < CLAIMS_MAX && !self.asked.contains(&place) {
            self.asked.push(place);
        }
    }

    pub(super) fn asks(&self, place: &str) -> bool {
        self.asked.iter().any(|asked| asked == place)
    }

    pub(super) fn faults(&self, knows: &impl Knows) -> impl Iterator<Item = String> {
        self.all.iter().filter_map(move |claim| claim.fault(knows))
    }

    /// The places of which a comparison hangs on there being a value, each once.
    pub(super) fn missing<'c>(&'c self, knows: &impl Knows) -> impl Iterator<Item = &'c str> {
        let mut seen = HashSet::new();
        let missing = self.all.iter().filter_map(|claim| claim.missing(knows));
        missing.filter(move |place| !self.asks(place) && seen.insert(*place))
    }
}
