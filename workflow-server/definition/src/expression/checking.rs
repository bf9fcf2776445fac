//! Checks an expression against the declared fields. Looks up its names, and evaluates every part
//! with sample values to check its types.

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Context, ExecutionError, Value as CelValue};

use super::comparing;
use super::errors::Wrong;
use super::library::{Samples, bare_context, call, from_cel, map, plain, to_cel, type_of};
use super::tree::{parts, path};
use crate::facts::{CALL_FLAGS, CALL_TEXTS, Names, ROOTS};
use crate::rules;
use crate::time::Time;
use crate::value::{FieldDeclaration, FieldType, Value};

/// How many errors of one expression are reported.
const ERRORS_MAX: usize = 3;

/// What the value of an expression must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// True or false.
    Condition,
    /// A value of this type.
    Field(FieldType),
}

/// All errors of an expression, in sentences without a subject: "names the field …".
pub(super) fn check(tree: &IdedExpr, names: &Names<'_>, wanted: Wanted) -> Vec<Wrong> {
    // The library panics on a stored expression that this version cannot read.
    if tree.expr == Expr::Unspecified {
        return vec![Wrong::from(
            "is not an expression that this version reads".to_owned(),
        )];
    }
    let mut found = Vec::new();
    check_names(tree, names, &mut found);
    if found.is_empty() {
        let mut errors = Vec::new();
        let samples = names
            .samples
            .get_or_init(|| [true, false].map(|flag| samples(names, flag)));
        check_types(tree, samples, wanted, &mut errors);
        if errors.is_empty() {
            comparing::check(tree, names, samples, &mut errors);
        }
        found.extend(errors.into_iter().map(Wrong::from));
    }
    found.truncate(ERRORS_MAX);
    found
}

fn check_names(node: &IdedExpr, names: &Names<'_>, errors: &mut Vec<Wrong>) {
    match path(node) {
        Some(path) => {
            let message = path_error(&path, names);
            errors.extend(message.map(|message| Wrong {
                message,
                part: path.join("."),
            }));
        }
        None => parts(node)
            .into_iter()
            .for_each(|part| check_names(part, names, errors)),
    }
}

fn path_error(path: &[&str], names: &Names<'_>) -> Option<String> {
    let (root, rest) = path.split_first()?;
    match (*root, rest) {
        ("fields", [name]) => undeclared_field("fields", name, names),
        ("form", [name]) => undeclared_field("form", name, names),
        ("visit" | "now", []) | ("call", ["details" | "caller"] | ["details", _]) => None,
        ("fields" | "form", []) => Some(format!(
            "names `{root}` without a name after it: write `{root}.NAME`"
        )),
        ("call", rest) => {
            let written = rest.join(".");
            let known: Vec<&str> = CALL_TEXTS.iter().chain(&CALL_FLAGS).copied().collect();
            let error = || {
                format!(
                    "names {}; a call has {}",
                    rules::quoted(&format!("call.{written}")),
                    known.join(", ")
                )
            };
            (!known.contains(&written.as_str())).then(error)
        }
        ("fields" | "visit" | "now" | "form", _) => Some(format!(
            "names {}, which has nothing inside",
            rules::quoted(&path.join("."))
        )),
        _ => {
            let hint = rules::suggestion(root, ROOTS);
            let others = || {
                format!(
                    "; available: {}; a text needs quotes of its own: '\"…\"'",
                    ROOTS.join(", ")
                )
            };
            let hint = if hint.is_empty() { others() } else { hint };
            Some(format!(
                "names {}, which is not known{hint}",
                rules::quoted(root)
            ))
        }
    }
}

/// The error of a name that is not declared; `what` is `fields` or `form`.
pub(crate) fn undeclared_field(what: &str, name: &str, names: &Names<'_>) -> Option<String> {
    if !names.declared(what, name).is_empty() {
        return None;
    }
    let hint = match what {
        "form" => names.suggestions.hint(name, names.forms.keys().copied()),
        _ => names.suggestions.hint(name, names.fields.keys().copied()),
    };
    let hint = match (hint.is_empty(), what) {
        (false, _) => hint,
        (true, "form") => "; no form of a button declares it".to_owned(),
        (true, _) => "; declare it under `fields`".to_owned(),
    };
    Some(format!(
        "names the field {}, which is not declared{hint}",
        rules::quoted(&format!("{what}.{name}"))
    ))
}

/// Evaluates the whole expression with two sets of samples. It may skip parts behind `&&`, `||` and
/// `? :`, so these are also evaluated alone.
fn check_types(tree: &IdedExpr, contexts: &Samples, wanted: Wanted, errors: &mut Vec<String>) {
    let mut open = vec![(tree, Some(wanted), true)];
    while let Some((node, wanted, is_tried)) = open.pop() {
        let lazy = [
            operators::LOGICAL_AND,
            operators::LOGICAL_OR,
            operators::CONDITIONAL,
        ];
        let is_lazy =
            matches!(&node.expr, Expr::Call(call) if lazy.contains(&call.func_name.as_str()));
        open.extend(parts(node).into_iter().map(|part| (part, None, is_lazy)));
        if is_tried {
            let found = contexts
                .iter()
                .find_map(|context| type_error(node, context, wanted));
            errors.extend(found.filter(|error| !errors.contains(error)));
        }
    }
}

fn type_error(
    node: &IdedExpr,
    context: &Context<'_, '_>,
    wanted: Option<Wanted>,
) -> Option<String> {
    match (context.resolve(node), wanted) {
        (Ok(CelValue::Bool(_)), Some(Wanted::Condition)) | (Ok(_), None) => None,
        (Ok(_), Some(Wanted::Condition)) => Some("does not return true or false".to_owned()),
        (Ok(found), Some(Wanted::Field(wanted))) => {
            let error = || format!("does not return a value of the type {}", wanted.word());
            from_cel(found, wanted).is_none().then(error)
        }
        (Err(error), _) => evaluation_error(&error),
    }
}

/// The error to report. An error that depends on the sample values is not reported, because the
/// real values may be valid.
fn evaluation_error(error: &ExecutionError) -> Option<String> {
    match error {
        ExecutionError::NoSuchKey(_)
        | ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..)
        | ExecutionError::IndexOutOfBounds(_)
        | ExecutionError::FunctionError { .. } => None,
        ExecutionError::NoSuchOverload(error) => {
            let types: Vec<&str> = error
                .argument_types()
                .iter()
                .map(|word| plain(word))
                .collect();
            let function = error.function().trim_matches(['_', '@']);
            Some(format!(
                "cannot do `{function}` with {}",
                types.join(" and ")
            ))
        }
        ExecutionError::UnsupportedBinaryOperator(_, one, other) => Some(format!(
            "cannot combine {} with {}",
            type_of(one),
            type_of(other)
        )),
        ExecutionError::ValuesNotComparable(one, other) => Some(format!(
            "cannot compare {} with {}",
            type_of(one),
            type_of(other)
        )),
        ExecutionError::UndeclaredReference(name) => {
            Some(format!("names {}, which is not known", rules::quoted(name)))
        }
        ExecutionError::InvalidArgumentCount { expected, actual } => Some(format!(
            "passes {actual} values to a function that takes {expected}"
        )),
        _ => Some("compares or combines values of different types".to_owned()),
    }
}

/// Sample values for all names; `flag` selects one of two sets.
fn samples(names: &Names<'_>, flag: bool) -> Context<'static, 'static> {
    let sample = |field: &FieldDeclaration| {
        to_cel(&match field.field_type {
            FieldType::Text => Value::Text(if flag { "a" } else { "b" }.into()),
            FieldType::Number => Value::Number(if flag { 1.0 } else { 2.0 }),
            FieldType::Bool => Value::Bool(flag),
            FieldType::Time => Value::Time(Time(if flag { 0 } else { 86_400_000 })),
        })
    };
    let mut context = bare_context();
    context.add_variable_from_value(
        "fields",
        map(names
            .fields
            .iter()
            .map(|(name, field)| (*name, sample(field)))
            .collect()),
    );
    // Forms may declare a field with different types. It has no sample and is not checked.
    let of_forms = names.forms.iter().filter_map(|(name, all)| {
        let (first, rest) = all.split_first()?;
        rest.iter()
            .all(|other| other.field_type == first.field_type)
            .then(|| (*name, sample(first)))
    });
    context.add_variable_from_value("form", map(of_forms.collect()));
    let texts = CALL_TEXTS
        .iter()
        .map(|name| (*name, CelValue::from("text")));
    let flags = CALL_FLAGS.iter().map(|name| (*name, CelValue::Bool(flag)));
    context.add_variable_from_value("call", call(texts.chain(flags), map(Vec::new())));
    context.add_variable_from_value("visit", CelValue::Float(1.0));
    context.add_variable_from_value("now", to_cel(&Value::Time(Time(0))));
    context
}

#[cfg(test)]
mod tests;
