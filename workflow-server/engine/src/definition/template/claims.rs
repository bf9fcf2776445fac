//! What a text takes for granted of the values in it: that what it compares is of one type, and that what it adds are numbers.
//! Found where a template is read, and held against the declared fields where a workflow is checked.
//!
//! Must not know of fields: what type a place has, the caller says.

use minijinja::machinery::ast::{
    BinOp, BinOpKind, CallArg, Compare, CompareOpKind, Expr, Filter, UnaryOp, UnaryOpKind,
};
use minijinja::value::{Value as JinjaValue, ValueKind};

use super::sandbox;
use crate::definition::rules;
use crate::value::Value;

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
}

/// What is known of the places in a text.
pub trait Knows {
    /// What a place shows; nothing where that is not known.
    fn kind(&self, place: &str) -> Option<Kind>;
    /// Why a place is never this value; the sentence goes on from `the text`.
    fn never_is(&self, place: &str, value: &Value) -> Option<String>;
}

/// One side of a comparison or a sum.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Side {
    /// What a filter or an operation always gives.
    Known(Kind),
    /// As it is written.
    Literal(Value),
    /// What this place shows.
    Place(String),
    /// The same, through one filter.
    Changed(String, Change),
}

/// What a filter makes of a place.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Change {
    /// It stays of its kind.
    Shown,
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
            Self::Place(place) => knows.kind(place),
            Self::Changed(place, change) => change.of(knows.kind(place)?),
        }
    }

    fn told(&self, kind: Kind) -> String {
        match self {
            Self::Known(_) | Self::Literal(_) => kind.words().to_owned(),
            Self::Changed(place, Change::Rounded) => format!("`{place}`, rounded ({})", kind.words()),
            Self::Place(place) | Self::Changed(place, _) => format!("`{place}` ({})", kind.words()),
        }
    }
}

/// What must hold for the text to say what it means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Claim {
    /// Two sides are compared; whether only for being the same.
    Compared { one: Side, other: Side, equals: bool },
    /// Two sides are added.
    Added(Side, Side),
    /// A side is subtracted, divided, or has a sign.
    Number(&'static str, Side),
    /// Broken already: what a filter is given.
    Broken(String),
}

impl Claim {
    /// The sentence goes on from `the text`; nothing where it holds, or nobody can tell.
    pub(super) fn fault(&self, knows: &impl Knows) -> Option<String> {
        match self {
            Self::Compared { one, other, equals } => {
                let (kind, with) = (one.kind(knows)?, other.kind(knows)?);
                if kind != with {
                    let hint = match (kind, with) {
                        (Kind::Bool, _) | (_, Kind::Bool) => "; ask for it by itself: `{% if PLACE %}`",
                        _ => "; a number stands without quotes",
                    };
                    return Some(format!("compares {} with {}{hint}", one.told(kind), other.told(with)));
                }
                match (one, other) {
                    (Side::Place(place), Side::Literal(value)) | (Side::Literal(value), Side::Place(place))
                        if *equals =>
                    {
                        knows.never_is(place, value)
                    }
                    _ => None,
                }
            }
            Self::Added(left, right) => {
                let (kind, other) = (left.kind(knows)?, right.kind(knows)?);
                let told = || {
                    format!("cannot do `+` with {} and {}; `~` puts texts together", left.told(kind), right.told(other))
                };
                (kind != other || kind == Kind::Bool).then(told)
            }
            Self::Number(operation, side) => {
                let kind = side.kind(knows).filter(|kind| *kind != Kind::Number)?;
                Some(format!("cannot do `{operation}` with {}", side.told(kind)))
            }
            Self::Broken(fault) => Some(fault.clone()),
        }
    }
}

/// What a part gives; nothing where that hangs on its values.
fn side(node: &Expr<'_>) -> Option<Side> {
    match node {
        Expr::Const(literal) => of_literal(&literal.value).map(Side::Literal),
        Expr::Var(_) | Expr::GetAttr(_) => sandbox::path(node).map(Side::Place),
        Expr::UnaryOp(op) => Some(Side::Known(match op.op {
            UnaryOpKind::Not => Kind::Bool,
            UnaryOpKind::Neg => Kind::Number,
        })),
        Expr::BinOp(op) => match op.op {
            BinOpKind::Concat => Some(Side::Known(Kind::Text)),
            BinOpKind::Add => side(&op.left),
            BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem => Some(Side::Known(Kind::Number)),
            BinOpKind::Mul | BinOpKind::Pow | BinOpKind::ScAnd | BinOpKind::ScOr => None,
            _ => Some(Side::Known(Kind::Bool)),
        },
        Expr::Compare(_) | Expr::Test(_) => Some(Side::Known(Kind::Bool)),
        Expr::Filter(filter) => of_filter(filter),
        _ => None,
    }
}

fn of_literal(value: &JinjaValue) -> Option<Value> {
    match value.kind() {
        ValueKind::String => value.as_str().map(|text| Value::Text(text.into())),
        ValueKind::Number => f64::try_from(value.clone()).ok().map(Value::Number),
        ValueKind::Bool => Some(Value::Bool(value.is_true())),
        _ => None,
    }
}

fn of_filter(filter: &Filter<'_>) -> Option<Side> {
    let change = match (filter.name, filter.args.as_slice()) {
        ("round", _) => Change::Rounded,
        ("length", _) => Change::Counted,
        ("default", [CallArg::Pos(Expr::Const(literal)), ..]) => Change::Or(of_literal(&literal.value)?),
        ("default", _) => return None,
        _ => Change::Shown,
    };
    match side(filter.expr.as_ref()?)? {
        Side::Place(place) => Some(Side::Changed(place, change)),
        _ => None,
    }
}

/// Of a chain of comparisons: each side with the one after it.
pub(super) fn of_chain(chain: &Compare<'_>, claims: &mut Vec<Claim>) {
    let mut one = &chain.expr;
    for part in &chain.ops {
        let looks = match part.op {
            CompareOpKind::Eq | CompareOpKind::Ne => Looks::Same,
            CompareOpKind::In | CompareOpKind::NotIn => Looks::In,
            _ => Looks::Order,
        };
        compared(one, &part.expr, looks, claims);
        one = &part.expr;
    }
}

/// Of an operation with two sides, a comparison too.
pub(super) fn of_operation(op: &BinOp<'_>, claims: &mut Vec<Claim>) {
    let sign = match op.op {
        BinOpKind::Eq | BinOpKind::Ne => return compared(&op.left, &op.right, Looks::Same, claims),
        BinOpKind::In => return compared(&op.left, &op.right, Looks::In, claims),
        BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
            return compared(&op.left, &op.right, Looks::Order, claims);
        }
        BinOpKind::Add => {
            claims.extend(side(&op.left).zip(side(&op.right)).map(|(left, right)| Claim::Added(left, right)));
            return;
        }
        BinOpKind::Sub => "-",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Mul | BinOpKind::Pow | BinOpKind::Concat | BinOpKind::ScAnd | BinOpKind::ScOr => return,
    };
    claims.extend([&op.left, &op.right].into_iter().filter_map(side).map(|side| Claim::Number(sign, side)));
}

/// What a comparison asks.
#[derive(Clone, Copy, PartialEq)]
enum Looks {
    Same,
    Order,
    In,
}

fn compared(one: &Expr<'_>, other: &Expr<'_>, looks: Looks, claims: &mut Vec<Claim>) {
    let (others, equals) = match (looks, other) {
        (Looks::In, Expr::List(list)) => (list.items.as_slice(), true),
        (looks, other) => (std::slice::from_ref(other), looks == Looks::Same),
    };
    for other in others {
        claims.extend(side(one).zip(side(other)).map(|(one, other)| Claim::Compared { one, other, equals }));
    }
}

pub(super) fn of_sign(op: &UnaryOp<'_>, claims: &mut Vec<Claim>) {
    if matches!(op.op, UnaryOpKind::Neg) {
        claims.extend(side(&op.expr).map(|side| Claim::Number("-", side)));
    }
}

/// What the filters take between their brackets.
pub(super) fn of_arguments(filter: &Filter<'_>, claims: &mut Vec<Claim>) {
    let of_kind = |argument: &CallArg<'_>, wanted: ValueKind| match argument {
        CallArg::Pos(Expr::Const(literal)) => literal.value.kind() == wanted,
        CallArg::Pos(_) => wanted == ValueKind::String,
        _ => false,
    };
    let is_whole = |argument: &CallArg<'_>| match argument {
        CallArg::Pos(Expr::Const(literal)) => usize::try_from(literal.value.clone()).is_ok(),
        _ => false,
    };
    let (fits, takes) = match (filter.name, filter.args.as_slice()) {
        ("default", [CallArg::Pos(_)]) | ("round", []) => return,
        ("default", [CallArg::Pos(_), flag]) => (of_kind(flag, ValueKind::Bool), "`true` or `false` after the value"),
        ("default", _) => (false, "what to show instead: `default(\"…\")`"),
        ("round", [digits]) => (is_whole(digits), "a whole number of digits: `round(2)`"),
        ("round", _) => (false, "at most one number of digits: `round(2)`"),
        ("zone", [name]) => (of_kind(name, ValueKind::String), "the name of a time zone: `zone(\"Europe/Berlin\")`"),
        ("zone", _) => (false, "the name of a time zone: `zone(\"Europe/Berlin\")`"),
        (_, arguments) => (arguments.is_empty(), "nothing between brackets"),
    };
    if !fits {
        claims.push(Claim::Broken(format!(
            "gives the filter {} what it does not take: it takes {takes}",
            rules::quoted(filter.name)
        )));
    }
}
