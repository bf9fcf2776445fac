//! Finds the claims in the tree of a template.

use minijinja::machinery::ast::{
    BinOp, BinOpKind, CallArg, Compare, CompareOpKind, Expr, Filter, UnaryOp, UnaryOpKind,
};
use minijinja::value::{Value as JinjaValue, ValueKind};

use super::{Change, Claim, Claims, Kind, Looks, Side};
use crate::rules;
use crate::template::tree;
use crate::value::Value;

/// One side of an operation; `None` if its kind depends on the values.
fn side(node: &Expr<'_>) -> Option<Side> {
    match node {
        Expr::Const(literal) if literal.value.is_none() => Some(Side::Nothing),
        Expr::Const(literal) => literal_value(&literal.value).map(Side::Literal),
        Expr::Var(_) | Expr::GetAttr(_) => tree::path(node).map(Side::Place),
        Expr::UnaryOp(op) => match (&op.op, &op.expr) {
            (UnaryOpKind::Not, _) => Some(Side::Known(Kind::Bool)),
            (UnaryOpKind::Neg, Expr::Const(literal)) => match literal_value(&literal.value) {
                Some(Value::Number(number)) => Some(Side::Literal(Value::Number(-number))),
                _ => Some(Side::Known(Kind::Number)),
            },
            (UnaryOpKind::Neg, _) => Some(Side::Known(Kind::Number)),
        },
        Expr::BinOp(op) => match op.op {
            BinOpKind::Concat => Some(Side::Known(Kind::Text)),
            // A sum has the kind of its sides, but other values.
            BinOpKind::Add => match side(&op.left)? {
                Side::Place(place) => Some(Side::Changed(place, Change::Shown)),
                Side::Literal(value) => Some(Side::Known(super::kind_of_value(&value))),
                other => Some(other),
            },
            BinOpKind::Sub | BinOpKind::Div | BinOpKind::FloorDiv | BinOpKind::Rem => {
                Some(Side::Known(Kind::Number))
            }
            BinOpKind::Mul | BinOpKind::Pow | BinOpKind::ScAnd | BinOpKind::ScOr => None,
            _ => Some(Side::Known(Kind::Bool)),
        },
        Expr::Compare(_) | Expr::Test(_) => Some(Side::Known(Kind::Bool)),
        Expr::Filter(filter) => filter_side(filter),
        _ => None,
    }
}

fn literal_value(value: &JinjaValue) -> Option<Value> {
    match value.kind() {
        ValueKind::String => value.as_str().map(|text| Value::Text(text.into())),
        ValueKind::Number => f64::try_from(value.clone()).ok().map(Value::Number),
        ValueKind::Bool => Some(Value::Bool(value.is_true())),
        _ => None,
    }
}

fn filter_side(filter: &Filter<'_>) -> Option<Side> {
    let change = match (filter.name, filter.args.as_slice()) {
        ("round", _) => Change::Rounded,
        ("length", _) => Change::Counted,
        ("trim", _) => Change::Trimmed,
        ("default", [CallArg::Pos(Expr::Const(literal)), ..]) => {
            Change::Or(literal_value(&literal.value)?)
        }
        ("default", _) => return None,
        _ => Change::Shown,
    };
    match (side(filter.expr.as_ref()?)?, change) {
        (Side::Place(place), change) => Some(Side::Changed(place, change)),
        (Side::Known(kind), Change::Or(_)) => Some(Side::Known(kind)),
        (Side::Known(kind), change) => change.kind_after(kind).map(Side::Known),
        _ => None,
    }
}

/// Adds the claims of a chain of comparisons: each side is compared with the next.
pub(in crate::template) fn add_chain(chain: &Compare<'_>, claims: &mut Claims) {
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

/// Adds the claims of an operation with two sides, or a comparison.
pub(in crate::template) fn add_operation(op: &BinOp<'_>, claims: &mut Claims) {
    let sign = match op.op {
        BinOpKind::Eq | BinOpKind::Ne => return compared(&op.left, &op.right, Looks::Same, claims),
        BinOpKind::In => return compared(&op.left, &op.right, Looks::In, claims),
        BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => {
            return compared(&op.left, &op.right, Looks::Order, claims);
        }
        BinOpKind::Add => {
            if let Some((left, right)) = side(&op.left).zip(side(&op.right)) {
                claims.put(Claim::Added(left, right));
            }
            return;
        }
        BinOpKind::Sub => "-",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Mul
        | BinOpKind::Pow
        | BinOpKind::Concat
        | BinOpKind::ScAnd
        | BinOpKind::ScOr => return,
    };
    [&op.left, &op.right]
        .into_iter()
        .filter_map(side)
        .for_each(|side| claims.put(Claim::Number(sign, side)));
}

fn compared(one: &Expr<'_>, other: &Expr<'_>, looks: Looks, claims: &mut Claims) {
    // Being in a literal list means being equal to one of its items.
    let (others, looks) = match (looks, other) {
        (Looks::In, Expr::List(list)) => (list.items.as_slice(), Looks::Same),
        (looks, other) => (std::slice::from_ref(other), looks),
    };
    for other in others {
        if let Some((one, other)) = side(one).zip(side(other)) {
            claims.put(Claim::Compared(one, other, looks));
        }
    }
}

pub(in crate::template) fn add_sign(op: &UnaryOp<'_>, claims: &mut Claims) {
    if matches!(op.op, UnaryOpKind::Neg)
        && let Some(side) = side(&op.expr)
    {
        claims.put(Claim::Number("-", side));
    }
}

/// Adds the claims of a filter: its input and its arguments.
pub(in crate::template) fn add_filter(filter: &Filter<'_>, claims: &mut Claims) {
    let works_on = match filter.name {
        "round" => Some(("round", Kind::Number)),
        "length" => Some(("length", Kind::Text)),
        "zone" => Some(("zone", Kind::Text)),
        _ => None,
    };
    if let Some(((name, kind), side)) = works_on.zip(filter.expr.as_ref().and_then(side)) {
        claims.put(Claim::Filtered(name, side, kind));
    }
    let is_whole = |argument: &CallArg<'_>| match argument {
        CallArg::Pos(Expr::Const(literal)) => usize::try_from(literal.value.clone()).is_ok(),
        CallArg::Pos(other) => !matches!(side(other), Some(Side::Known(Kind::Text))),
        _ => false,
    };
    let is_text = |argument: &CallArg<'_>| match argument {
        CallArg::Pos(Expr::Const(literal)) => literal.value.kind() == ValueKind::String,
        CallArg::Pos(_) => true,
        _ => false,
    };
    let (fits, takes) = match (filter.name, filter.args.as_slice()) {
        ("default", arguments) => (
            arguments.len() <= 2,
            "what to show instead: `default(\"…\")`",
        ),
        ("round", []) => (true, ""),
        ("round", [digits]) => (is_whole(digits), "a whole number of digits: `round(2)`"),
        ("round", _) => (false, "at most one number of digits: `round(2)`"),
        ("zone", [name]) => (
            is_text(name),
            "the name of a time zone: `zone(\"Europe/Berlin\")`",
        ),
        ("zone", _) => (false, "the name of a time zone: `zone(\"Europe/Berlin\")`"),
        (_, arguments) => (arguments.is_empty(), "nothing between brackets"),
    };
    if !fits {
        let name = rules::quoted(filter.name);
        claims.put(Claim::Broken(format!(
            "gives the filter {name} a wrong argument: it takes {takes}"
        )));
    }
}
