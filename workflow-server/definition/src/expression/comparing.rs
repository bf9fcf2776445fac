//! Finding what an expression says that can never come true: comparing what is of different types,
//! or with what a field never is, and literals that a function does not read. The language allows
//! all of it and says no.

use cel::ExecutionError;
use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};

use super::Expression;
use super::checking::{Samples, parts, path, type_of};
use super::reading::WHOLE;
use crate::facts::Names;
use crate::rules;
use crate::value::{FieldDeclaration, Value};

/// Adds a sentence for each.
pub(super) fn check(
    tree: &IdedExpr,
    names: &Names<'_>,
    samples: &Samples,
    faults: &mut Vec<String>,
) {
    let mut open = vec![tree];
    while let Some(node) = open.pop() {
        open.extend(parts(node));
        let Expr::Call(call) = &node.expr else {
            continue;
        };
        let found = match (call.func_name.as_str(), call.args.as_slice()) {
            (operators::EQUALS | operators::NOT_EQUALS, [one, other]) => {
                fault_of_types(one, other, samples).or_else(|| fault_of_values(one, other, names))
            }
            (operators::IN, [one, many]) => fault_of_membership(one, many, names, samples),
            (operators::MODULO, sides) => {
                let other = sides
                    .iter()
                    .filter_map(|side| kind(unwrapped(side), samples))
                    .find(|kind| kind != "number");
                other.map(|kind| format!("cannot do `%` with {kind}"))
            }
            _ => fault_of_literals(node, call, samples),
        };
        faults.extend(found.filter(|fault| !faults.contains(fault)));
    }
}

/// What `%` was given, before it was made whole.
fn unwrapped(node: &IdedExpr) -> &IdedExpr {
    match &node.expr {
        Expr::Call(call) if call.func_name == WHOLE => call.args.first().unwrap_or(node),
        _ => node,
    }
}

/// The type of what a part gives, where it is the same whatever the values are.
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
        // Told by the operator: what stands deep in a chain is not worked out once for each of its
        // links.
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

fn fault_of_types(one: &IdedExpr, other: &IdedExpr, samples: &Samples) -> Option<String> {
    let (one, other) = (kind(one, samples)?, kind(other, samples)?);
    if one == "null" || other == "null" {
        return Some("compares with `null`; ask with `has(…)` whether there is a value".to_owned());
    }
    let hint = match (one.as_str(), other.as_str()) {
        ("time", "text") | ("text", "time") => {
            "; write a moment as `timestamp(\"2026-01-31T12:00:00Z\")`"
        }
        ("number", "text") | ("text", "number") => "; a number stands without quotes",
        _ => "",
    };
    (one != other).then(|| format!("compares {one} with {other}, which are never the same{hint}"))
}

fn fault_of_membership(
    one: &IdedExpr,
    many: &IdedExpr,
    names: &Names<'_>,
    samples: &Samples,
) -> Option<String> {
    match &many.expr {
        Expr::List(list) => {
            let mut elements = list.elements.iter();
            elements.find_map(|element| {
                fault_of_types(one, element, samples)
                    .or_else(|| fault_of_values(one, element, names))
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

/// A literal that none of the declarations of the field on the other side takes.
fn fault_of_values(one: &IdedExpr, other: &IdedExpr, names: &Names<'_>) -> Option<String> {
    let (field, written) = match (&one.expr, &other.expr) {
        (Expr::Literal(written), Expr::Select(select)) if !select.test => (path(other)?, written),
        (Expr::Select(select), Expr::Literal(written)) if !select.test => (path(one)?, written),
        _ => return None,
    };
    let [root, name] = field.as_slice() else {
        return None;
    };
    fault_of_value(root, name, &of_literal(written)?, names)
}

/// Beyond so many declarations of one name in forms nothing is said: each takes a look at each
/// value that is compared.
const DECLARED_MAX: usize = 16;

/// A value that a field or a form never has, whichever of its declarations counts. The sentence
/// goes on from what compares.
pub(crate) fn fault_of_value(
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

impl Expression {
    /// Why a field never takes what this gives, where it is a literal. The sentence goes on from
    /// `to`.
    pub(crate) fn fault_of_literal(
        &self,
        field: &FieldDeclaration,
        names: &Names<'_>,
    ) -> Option<String> {
        let Expr::Literal(written) = &self.tree.expr else {
            return None;
        };
        let written = of_literal(written)?;
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
}

fn nearest_value(field: &FieldDeclaration, written: &Value, names: &Names<'_>) -> String {
    let texts = field.values.iter().filter_map(|value| match value {
        Value::Text(text) => Some(&**text),
        _ => None,
    });
    match written {
        Value::Text(written) => names.suggestions.of(written, texts),
        _ => String::new(),
    }
}

fn of_literal(literal: &LiteralValue) -> Option<Value> {
    match literal {
        LiteralValue::String(text) => Some(Value::Text(text.inner().into())),
        LiteralValue::Double(number) => Some(Value::Number(*number.inner())),
        LiteralValue::Boolean(flag) => Some(Value::Bool(*flag.inner())),
        _ => None,
    }
}

/// A function that fails on the literals it is given: it would each time.
fn fault_of_literals(node: &IdedExpr, call: &CallExpr, samples: &Samples) -> Option<String> {
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
            let shown = rules::quoted(&of_literal(literal)?.to_string());
            let form = match call.func_name.as_str() {
                "duration" => "; write hours, minutes and seconds, such as `24h` or `1h30m`",
                "timestamp" => "; write it as `2026-01-31T12:00:00Z`",
                _ => "",
            };
            Some(format!(
                "gives `{}` {shown}, which it does not read{form}",
                call.func_name
            ))
        }
        _ => None,
    }
}
