//! Conditions and values to set, in the Common Expression Language: no side effects, no loops, and
//! an end for certain.
//!
//! Promises: what passes [`Expression::check`] fails at run time only for a value that is not there
//! or out of range; a failure never shows a value.

mod checking;
mod comparing;
mod reading;
mod unreadable;

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, Env, ExecutionError, Value as CelValue};
pub use checking::Wanted;
pub(crate) use checking::{Samples, fault_of_field};
pub(crate) use comparing::fault_of_value;
use reading::{DIVIDE, MULTIPLY};
use thiserror::Error;

use crate::facts::{CALL_TEXTS, Facts};
use crate::limits;
use crate::value::{FieldType, Value};

/// An expression, parsed.
#[derive(Clone)]
pub struct Expression {
    source: String,
    tree: Arc<IdedExpr>,
}

impl fmt::Debug for Expression {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Expression({:?})", self.source)
    }
}

impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Expression {}

/// Why a text is not an expression that may be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct ExpressionFault {
    /// What is wrong, in a sentence without a subject.
    pub message: String,
    /// The bytes of the expression that are wrong; none where all of it is.
    pub range: Option<Range<usize>>,
}

impl ExpressionFault {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            range: None,
        }
    }
}

/// What is wrong with an expression that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In a sentence without a subject.
    pub message: String,
    /// The name that is wrong, as it is written; empty where the whole is.
    pub part: String,
}

impl From<String> for Wrong {
    fn from(message: String) -> Self {
        Self {
            message,
            part: String::new(),
        }
    }
}

/// Why an expression has no value this time.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ExpressionFailure {
    /// Something that it names has no value.
    #[error("`{0}` has no value")]
    NoValue(Box<str>),
    /// Its values do not go together, or go out of range.
    #[error("its values do not go together or are out of range")]
    Values,
    /// It gives something else than is wanted.
    #[error("it does not give {0}")]
    NotA(&'static str),
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExpressionFault`] where it is not one, or uses what could run away: `all`, `map` and their
    /// like.
    pub fn parse(source: &str) -> Result<Self, ExpressionFault> {
        if source.len() > limits::EXPRESSION_BYTES_MAX {
            let message = format!(
                "has {} bytes; at most {} are allowed",
                source.len(),
                limits::EXPRESSION_BYTES_MAX
            );
            return Err(ExpressionFault::new(message));
        }
        Ok(Self {
            source: source.to_owned(),
            tree: Arc::new(reading::read(source)?),
        })
    }

    /// Reads an expression that was stored; one that this version of the library does not read has
    /// no value, ever.
    #[must_use]
    pub fn stored(source: &str) -> Self {
        let without = || Self {
            source: source.to_owned(),
            tree: Arc::new(IdedExpr::default()),
        };
        Self::parse(source).unwrap_or_else(|_| without())
    }

    /// As the author wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its value as a condition.
    ///
    /// # Errors
    /// [`ExpressionFailure`] where it has none.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, ExpressionFailure> {
        match resolve(&self.tree, &context(facts))? {
            CelValue::Bool(holds) => Ok(holds),
            _ => Err(ExpressionFailure::NotA("true or false")),
        }
    }

    /// Its value for a field of this type.
    ///
    /// # Errors
    /// [`ExpressionFailure`] where it has none.
    pub fn value(&self, wanted: FieldType, facts: &Facts<'_>) -> Result<Value, ExpressionFailure> {
        value(resolve(&self.tree, &context(facts))?, wanted)
            .ok_or(ExpressionFailure::NotA(wanted.word()))
    }
}

/// What comes out of two numbers, unless it is beyond all numbers, as a division by zero is.
fn finite(
    function: &'static str,
    (one, other): (CelValue, CelValue),
    of: impl Fn(f64, f64) -> f64,
) -> Result<CelValue, ExecutionError> {
    let (CelValue::Float(first), CelValue::Float(second)) = (&one, &other) else {
        return Err(ExecutionError::UnsupportedBinaryOperator(
            function, one, other,
        ));
    };
    let number = of(*first, *second);
    if number.is_finite() {
        Ok(CelValue::Float(number))
    } else {
        Err(ExecutionError::function_error(function, "out of range"))
    }
}

/// A context with the functions of the language, and no names yet.
fn bare_context() -> Context<'static, 'static> {
    let mut context = Context::with_env(LIBRARY.clone());
    // Neither name is one of the library's, which is the only way in which these can fail.
    let added = context
        .add_function(DIVIDE, |one: CelValue, other: CelValue| {
            finite(DIVIDE, (one, other), |one, other| one / other)
        })
        .and_then(|()| {
            let multiply = |one: CelValue, other: CelValue| {
                finite(MULTIPLY, (one, other), |one, other| one * other)
            };
            context.add_function(MULTIPLY, multiply)
        });
    debug_assert!(added.is_ok(), "the library has these names");
    context
}

fn resolve(tree: &IdedExpr, context: &Context<'_, '_>) -> Result<CelValue, ExpressionFailure> {
    if tree.expr == Expr::Unspecified {
        return Err(ExpressionFailure::Values);
    }
    context.resolve(tree).map_err(|error| match error {
        ExecutionError::NoSuchKey(name) => {
            ExpressionFailure::NoValue(in_full(tree, name.as_str()).into())
        }
        _ => ExpressionFailure::Values,
    })
}

/// `form.reference` of which the language says only `reference`, where nothing else that is named
/// here ends so. Never a value.
fn in_full(tree: &IdedExpr, name: &str) -> String {
    let (mut found, mut open): (Vec<String>, _) = (Vec::new(), vec![tree]);
    while let Some(node) = open.pop() {
        match checking::path(node).filter(|path| path.last() == Some(&name)) {
            Some(path) => found.push(path.join(".")),
            None => open.extend(checking::parts(node)),
        }
        let Expr::Call(call) = &node.expr else {
            continue;
        };
        let ([of, key], operators::INDEX) = (call.args.as_slice(), call.func_name.as_str()) else {
            continue;
        };
        match (checking::path(of), &key.expr) {
            (Some(path), Expr::Literal(LiteralValue::String(key))) if key.inner() == name => {
                found.push(format!("{}[{name:?}]", path.join(".")));
            }
            (_, Expr::Literal(_)) => {}
            // The name may be a value, of which nobody is told.
            _ => return String::new(),
        }
    }
    found.dedup();
    if let [only] = found.as_slice() {
        only.clone()
    } else {
        name.to_owned()
    }
}

/// The functions of the language; made once, because they are many.
static LIBRARY: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What is empty has no value, as in texts: `has(call.customer)` asks.
fn context(facts: &Facts<'_>) -> Context<'static, 'static> {
    let mut context = bare_context();
    let fields: Vec<(&str, CelValue)> = facts
        .fields()
        .map(|(name, value)| (name, cel(value)))
        .collect();
    let form: Vec<(&str, CelValue)> = facts
        .form
        .iter()
        .map(|(name, value)| (&**name, cel(value)))
        .collect();
    context.add_variable_from_value("fields", map(fields));
    context.add_variable_from_value("form", map(form));
    let said = |name: &&'static str| {
        Some((*name, facts.call.text(name))).filter(|(_, text)| !text.is_empty())
    };
    let texts = CALL_TEXTS
        .iter()
        .filter_map(said)
        .map(|(name, text)| (name, CelValue::from(text)));
    let flags = [
        ("chargeable", CelValue::Bool(facts.call.is_chargeable)),
        ("ended", CelValue::Bool(facts.call.has_ended)),
    ];
    let details = facts
        .call
        .details
        .iter()
        .map(|(key, text)| (&**key, CelValue::from(&**text)))
        .collect();
    context.add_variable_from_value("call", call(texts.chain(flags), map(details)));
    context.add_variable_from_value("visit", CelValue::Float(f64::from(facts.visit)));
    context.add_variable_from_value("now", cel(&Value::Time(facts.now)));
    context
}

/// `caller.name` and its like become a mapping in the mapping.
fn call<'n>(said: impl Iterator<Item = (&'n str, CelValue)>, details: CelValue) -> CelValue {
    let (mut plain, mut caller) = (vec![("details", details)], Vec::new());
    for (name, value) in said {
        match name.strip_prefix("caller.") {
            Some(name) => caller.push((name, value)),
            None => plain.push((name, value)),
        }
    }
    plain.push(("caller", map(caller)));
    map(plain)
}

fn map(entries: Vec<(&str, CelValue)>) -> CelValue {
    let entries: std::collections::HashMap<String, CelValue> = entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    CelValue::Map(entries.into())
}

fn cel(value: &Value) -> CelValue {
    match value {
        Value::Text(text) => CelValue::from(&**text),
        Value::Number(number) => CelValue::Float(*number),
        Value::Bool(flag) => CelValue::Bool(*flag),
        Value::Time(time) => {
            // Beyond what a date can show the bounds of the calendar stand in.
            let moment = chrono::DateTime::from_timestamp_millis(time.0)
                .unwrap_or(chrono::DateTime::UNIX_EPOCH);
            CelValue::Timestamp(moment.fixed_offset())
        }
    }
}

fn value(value: CelValue, wanted: FieldType) -> Option<Value> {
    match (wanted, value) {
        (FieldType::Text, CelValue::String(text)) => Some(Value::Text(text.as_str().into())),
        (FieldType::Number, CelValue::Float(number)) => {
            number.is_finite().then_some(Value::Number(number))
        }
        (FieldType::Bool, CelValue::Bool(flag)) => Some(Value::Bool(flag)),
        (FieldType::Time, CelValue::Timestamp(moment)) => {
            Some(Value::Time(crate::time::Time(moment.timestamp_millis())))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::CallFacts;
    use crate::time::Time;
    use crate::value::FieldDeclaration;

    /// Whole numbers are numbers as fields are, wherever the library makes one.
    #[test]
    fn there_is_one_kind_of_number() {
        let call = CallFacts {
            source: "s",
            id: "1",
            ..CallFacts::default()
        };
        let facts = Facts {
            declared: &[],
            values: &[],
            form: &[],
            call,
            visit: 3,
            now: Time(0),
            zone: "UTC",
        };
        for (source, value) in [
            ("visit % 2", 1.0),
            ("7.9 % 4.2 + 0.5", 3.5),
            ("size('four') / 8", 0.5),
            ("int('12') - 1.5", 10.5),
            ("now.getFullYear() + 0.5", 1970.5),
            ("2u * 1.5", 3.0),
            ("-7 % 4", -3.0),
        ] {
            let expression = Expression::parse(source).expect("an expression");
            assert_eq!(
                expression.value(FieldType::Number, &facts),
                Ok(Value::Number(value)),
                "{source}"
            );
        }
        let odd = Expression::parse("visit % 2 == 1 && size('abc') in [3]").expect("an expression");
        assert_eq!(odd.holds(&facts), Ok(true));
        for never in [
            "visit % 0 == 1",
            "visit / 0 > 100",
            "-visit / 0 < 100",
            "0 / 0 != 1",
            "1e308 * 10 > 1",
            "visit / (visit - 3) > 100 && true",
        ] {
            let never = Expression::parse(never).expect("an expression");
            assert_eq!(
                never.holds(&facts),
                Err(ExpressionFailure::Values),
                "{never:?}"
            );
        }
        let guarded = Expression::parse("visit - 3 != 0 && visit / (visit - 3) > 100")
            .expect("an expression");
        assert_eq!(guarded.holds(&facts), Ok(false));
        assert_eq!(
            Expression::parse("visit / 2 * 4")
                .expect("one")
                .value(FieldType::Number, &facts),
            Ok(Value::Number(6.0))
        );
    }

    #[test]
    fn what_has_no_value_is_named_in_full() {
        let call = CallFacts {
            source: "s",
            id: "1",
            ..CallFacts::default()
        };
        let declared = [FieldDeclaration {
            name: "order".into(),
            ..FieldDeclaration::default()
        }];
        let values = [(0, Value::Text("B-1".into()))];
        let facts = Facts {
            declared: &declared,
            values: &values,
            form: &[],
            call,
            visit: 1,
            now: Time(0),
            zone: "UTC",
        };
        for (source, name) in [
            ("form.order == 'x'", "form.order"),
            ("call.caller.time_zone == 'UTC'", "call.caller.time_zone"),
            (
                "call.details['source'] == 'web'",
                "call.details[\"source\"]",
            ),
            // Which of the two it was, nobody can tell.
            ("call.details['order'] == fields.order", "order"),
            // Never a value.
            ("call.details[fields.order] == 'x'", ""),
        ] {
            let expression = Expression::parse(source).expect("an expression");
            assert_eq!(
                expression.holds(&facts),
                Err(ExpressionFailure::NoValue(name.into())),
                "{source}"
            );
        }
    }
}
