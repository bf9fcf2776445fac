//! Conditions and values to set, in the Common Expression Language: no side effects, no loops, and
//! evaluation always ends.
//!
//! Promises: an expression that passes [`Expression::check`] fails at run time only if a value is
//! missing or out of range. A failure never shows a value.

mod checking;
mod comparing;
mod errors;
mod library;
mod reading;
mod tree;
mod unreadable;

use std::fmt;
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, ExecutionError, Value as CelValue};
pub use checking::Wanted;
pub(crate) use checking::undeclared_field;
pub(crate) use comparing::impossible_value;
pub use errors::{ExpressionFailure, ExpressionFault, Wrong};
pub(crate) use library::Samples;
use library::{bare_context, call, from_cel, map, to_cel};

use crate::facts::{CALL_TEXTS, Facts, Names};
use crate::limits;
use crate::value::{FieldDeclaration, FieldType, Value};

/// A parsed expression.
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

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`ExpressionFault`] if it is invalid, or uses a loop such as `all` or `map`.
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

    /// Reads a stored expression. If this version of the library cannot read it, it never has a
    /// value.
    #[must_use]
    pub fn stored(source: &str) -> Self {
        let without = || Self {
            source: source.to_owned(),
            tree: Arc::new(IdedExpr::default()),
        };
        Self::parse(source).unwrap_or_else(|_| without())
    }

    /// The expression as the author wrote it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// All errors of the expression, in sentences without a subject: "names the field …".
    #[must_use]
    pub fn check(&self, names: &Names<'_>, wanted: Wanted) -> Vec<Wrong> {
        checking::check(&self.tree, names, wanted)
    }

    /// The error of setting a field to a literal that the field does not accept. The sentence
    /// continues after `to`.
    pub(crate) fn literal_error(
        &self,
        field: &FieldDeclaration,
        names: &Names<'_>,
    ) -> Option<String> {
        comparing::literal_error(&self.tree, field, names)
    }

    /// The names that the expression uses below a root: `amount` for `fields.amount`. Each name is
    /// listed once.
    pub(crate) fn names_below(&self, root: &str) -> Vec<&str> {
        tree::names_below(&self.tree, root)
    }

    /// Evaluates the expression as a condition.
    ///
    /// # Errors
    /// [`ExpressionFailure`] if it has no value.
    pub fn holds(&self, facts: &Facts<'_>) -> Result<bool, ExpressionFailure> {
        match resolve(&self.tree, &context(facts))? {
            CelValue::Bool(holds) => Ok(holds),
            _ => Err(ExpressionFailure::NotA("true or false")),
        }
    }

    /// Evaluates the expression for a field of this type.
    ///
    /// # Errors
    /// [`ExpressionFailure`] if it has no value.
    pub fn value(&self, wanted: FieldType, facts: &Facts<'_>) -> Result<Value, ExpressionFailure> {
        from_cel(resolve(&self.tree, &context(facts))?, wanted)
            .ok_or(ExpressionFailure::NotA(wanted.word()))
    }
}

fn resolve(tree: &IdedExpr, context: &Context<'_, '_>) -> Result<CelValue, ExpressionFailure> {
    if tree.expr == Expr::Unspecified {
        return Err(ExpressionFailure::Values);
    }
    context.resolve(tree).map_err(|error| match error {
        ExecutionError::NoSuchKey(name) => {
            ExpressionFailure::NoValue(full_name(tree, name.as_str()).into())
        }
        _ => ExpressionFailure::Values,
    })
}

/// The full name, such as `form.reference`, for a name that the library reports as `reference`. If
/// several names have this end, returns the short name. Never returns a value.
fn full_name(root: &IdedExpr, name: &str) -> String {
    let (mut found, mut open): (Vec<String>, _) = (Vec::new(), vec![root]);
    while let Some(node) = open.pop() {
        match tree::path(node).filter(|path| path.last() == Some(&name)) {
            Some(path) => found.push(path.join(".")),
            None => open.extend(tree::parts(node)),
        }
        let Expr::Call(call) = &node.expr else {
            continue;
        };
        let ([of, key], operators::INDEX) = (call.args.as_slice(), call.func_name.as_str()) else {
            continue;
        };
        match (tree::path(of), &key.expr) {
            (Some(path), Expr::Literal(LiteralValue::String(key))) if key.inner() == name => {
                found.push(format!("{}[{name:?}]", path.join(".")));
            }
            (_, Expr::Literal(_)) => {}
            // The name may be a value, and values are never shown.
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

/// The names of the language with their values. An empty text has no value, as in texts:
/// `has(call.customer)` is false.
fn context(facts: &Facts<'_>) -> Context<'static, 'static> {
    let mut context = bare_context();
    let fields: Vec<(&str, CelValue)> = facts
        .fields()
        .map(|(name, value)| (name, to_cel(value)))
        .collect();
    let form: Vec<(&str, CelValue)> = facts
        .form
        .iter()
        .map(|(name, value)| (&**name, to_cel(value)))
        .collect();
    context.add_variable_from_value("fields", map(fields));
    context.add_variable_from_value("form", map(form));
    let known = |name: &&'static str| {
        Some((*name, facts.call.text(name))).filter(|(_, text)| !text.is_empty())
    };
    let texts = CALL_TEXTS
        .iter()
        .filter_map(known)
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
    context.add_variable_from_value("now", to_cel(&Value::Time(facts.now)));
    context
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::CallFacts;
    use crate::time::Time;
    use crate::value::FieldDeclaration;

    /// Whole numbers of the library are converted to the numbers of fields.
    #[test]
    fn all_numbers_have_one_type() {
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
    fn a_missing_value_is_reported_by_its_full_name() {
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
            // Either of the two names may be the missing one.
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
