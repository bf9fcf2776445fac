//! Finds conditions that are never true. They compare values of different types or values that a
//! field never has, or they contain literals that a function cannot read. The language allows this
//! and returns false.

use cel::ExecutionError;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::library::{Samples, type_of};
use super::reading::WHOLE;
use super::tree::{parts, path};
use crate::facts::Names;
use crate::rules;
use crate::value::{FieldDeclaration, Value};

/// Adds a sentence for each error.
pub(super) fn check(
    tree: &IdedExpr,
    names: &Names<'_>,
    samples: &Samples,
    errors: &mut Vec<String>,
) {
    let mut open = vec![tree];
    while let Some(node) = open.pop() {
        open.extend(parts(node));
        let Expr::Call(call) = &node.expr else {
            continue;
        };
        let found = match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::EQUALS | operators::NOT_EQUALS, [one, other]) => {
                type_error(one, other, samples).or_else(|| value_error(one, other, names))
            }
            (operators::IN, [one, many]) => membership_error(one, many, names, samples),
            (operators::MODULO, sides) => {
                let other = sides
                    .iter()
                    .filter_map(|side| kind(unwrapped(side), samples))
                    .find(|kind| kind != "number");
                other.map(|kind| format!("cannot do `%` with {kind}"))
            }
            _ => argument_error(node, call, samples),
        };
        errors.extend(found.filter(|error| !errors.contains(error)));
    }
}

/// An operand of `%`, before it was converted to a whole number.
fn unwrapped(node: &IdedExpr) -> &IdedExpr {
    match &node.expr {
        Expr::Call(call) if call.func_name == WHOLE => call.args.first().unwrap_or(node),
        _ => node,
    }
}

/// The type of a part's value; `None` if the type depends on the values.
fn kind(node: &IdedExpr, samples: &Samples) -> Option<String> {
    const TRUE_OR_FALSE: [&str; 10] = [
        operators::EQUALS,
        operators::NOT_EQUALS,
        operators::IN,
        operators::LESS,
        operators::LESS_EQUALS,
        operators::GREATER,
        operators::GREATER_EQUALS,
        operators::LOGICAL_AND,
        operators::LOGICAL_OR,
        operators::LOGICAL_NOT,
    ];
    match &node.expr {
        // The operator is enough. Evaluating each part of a chain would take quadratic time.
        Expr::Call(call) if TRUE_OR_FALSE.contains(&call.func_name.as_str()) => {
            Some("bool".to_owned())
        }
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => {
            let [_, one, other] = call.args.as_slice() else {
                return None;
            };
            kind(one, samples).filter(|one| kind(other, samples).as_ref() == Some(one))
        }
        Expr::Call(call)
            if call.func_name == operators::INDEX && call.args.first().is_some_and(is_details) =>
        {
            Some("text".to_owned())
        }
        Expr::Select(select) if is_details(&select.operand) && !select.test => {
            Some("text".to_owned())
        }
        _ => samples
            .iter()
            .find_map(|sample| sample.resolve(node).ok())
            .map(|value| type_of(&value)),
    }
}

fn is_details(node: &IdedExpr) -> bool {
    path(node).is_some_and(|path| path == ["call", "details"])
}

fn type_error(one: &IdedExpr, other: &IdedExpr, samples: &Samples) -> Option<String> {
    let (one, other) = (kind(one, samples)?, kind(other, samples)?);
    if one == "null" || other == "null" {
        return Some("compares with `null`; ask with `has(…)` whether there is a value".to_owned());
    }
    let hint = match (one.as_str(), other.as_str()) {
        ("time", "text") | ("text", "time") => {
            "; write a moment as `timestamp(\"2026-01-31T12:00:00Z\")`"
        }
        ("number", "text") | ("text", "number") => "; write a number without quotes",
        _ => "",
    };
    (one != other).then(|| format!("compares {one} with {other}, which are never the same{hint}"))
}

fn membership_error(
    one: &IdedExpr,
    many: &IdedExpr,
    names: &Names<'_>,
    samples: &Samples,
) -> Option<String> {
    match &many.expr {
        Expr::List(list) => {
            let mut elements = list.elements.iter();
            elements.find_map(|element| {
                type_error(one, element, samples).or_else(|| value_error(one, element, names))
            })
        }
        _ if is_details(many) => {
            let kind = kind(one, samples).filter(|kind| kind != "text")?;
            Some(format!(
                "looks for {kind} among the details of a call, whose names are text"
            ))
        }
        _ => None,
    }
}

/// The error of a literal that the compared field can never have.
fn value_error(one: &IdedExpr, other: &IdedExpr, names: &Names<'_>) -> Option<String> {
    let (field, written) = match (&one.expr, &other.expr) {
        (Expr::Literal(written), Expr::Select(select)) if !select.test => (path(other)?, written),
        (Expr::Select(select), Expr::Literal(written)) if !select.test => (path(one)?, written),
        _ => return None,
    };
    let [root, name] = field.as_slice() else {
        return None;
    };
    impossible_value(root, name, &literal_value(written)?, names)
}

/// A name with more declarations in forms than this is not checked. Each compared value is checked
/// against each declaration, so this limits the time.
const DECLARED_MAX: usize = 16;

/// The error of a value that a field never has in any of its declarations. The sentence continues
/// after the name of what compares.
pub(crate) fn impossible_value(
    root: &str,
    name: &str,
    written: &Value,
    names: &Names<'_>,
) -> Option<String> {
    let declared = names.declared(root, name);
    if declared.len() > DECLARED_MAX || declared.iter().any(|field| field.takes(written)) {
        return None;
    }
    let refused = declared
        .iter()
        .map(|field| field.refuses(written))
        .collect::<Option<Vec<_>>>()?
        .pop()?;
    let shown = rules::quoted(&written.to_string());
    let hint = declared
        .first()
        .map(|field| nearest_value(field, written, names))
        .unwrap_or_default();
    Some(format!(
        "compares `{root}.{name}` with {shown}, but it {refused}{hint}"
    ))
}

/// The error of setting a field to a literal that the field does not accept. The sentence continues
/// after `to`.
pub(super) fn literal_error(
    tree: &IdedExpr,
    field: &FieldDeclaration,
    names: &Names<'_>,
) -> Option<String> {
    let Expr::Literal(written) = &tree.expr else {
        return None;
    };
    let written = literal_value(written)?;
    let (refused, hint) = (
        field.refuses(&written)?,
        nearest_value(field, &written, names),
    );
    Some(format!(
        "gives {}, but `fields.{}` {refused}{hint}",
        rules::quoted(&written.to_string()),
        field.name
    ))
}

fn nearest_value(field: &FieldDeclaration, written: &Value, names: &Names<'_>) -> String {
    let texts = field.values.iter().filter_map(|value| match value {
        Value::Text(text) => Some(&**text),
        _ => None,
    });
    match written {
        Value::Text(written) => names.suggestions.hint(written, texts),
        _ => String::new(),
    }
}

fn literal_value(literal: &LiteralValue) -> Option<Value> {
    match literal {
        LiteralValue::String(text) => Some(Value::Text(text.inner().into())),
        LiteralValue::Double(number) => Some(Value::Number(*number.inner())),
        LiteralValue::Boolean(flag) => Some(Value::Bool(*flag.inner())),
        _ => None,
    }
}

/// The error of a function that cannot read its literal. It would fail each time.
fn argument_error(node: &IdedExpr, call: &CallExpr, samples: &Samples) -> Option<String> {
    let [argument] = call.args.as_slice() else {
        return None;
    };
    let Expr::Literal(literal) = &argument.expr else {
        return None;
    };
    let [sample, _] = samples;
    match sample.resolve(node) {
        Err(ExecutionError::FunctionError { function, .. })
            if call.target.is_none() || function == "timezone" =>
        {
            let shown = rules::quoted(&literal_value(literal)?.to_string());
            let form = match call.func_name.as_str() {
                "duration" => "; write hours, minutes and seconds, such as `24h` or `1h30m`",
                "timestamp" => "; write it as `2026-01-31T12:00:00Z`",
                _ => "",
            };
            Some(format!(
                "gives `{}` {shown}, which it cannot read{form}",
                call.func_name
            ))
        }
        _ => None,
    }
}
