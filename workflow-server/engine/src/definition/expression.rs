//! Conditions and values to set, in the Common Expression Language: no side effects, no loops, and an end for certain.
//!
//! Promises: what passes [`Expression::check`] fails at run time only for a value that is not there or out of range; a
//! failure never shows a value.

mod checking;
mod comparing;

use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::Parser;
use cel::{Context, Env, ExecutionError, ParseErrors, Value as CelValue};
use thiserror::Error;

use crate::definition::facts::{CALL_TEXTS, Facts};
use crate::limits;
use crate::value::{FieldType, Value};

pub use checking::Wanted;
pub(in crate::definition) use checking::{Samples, fault_of_field};
pub(in crate::definition) use comparing::fault_of_value;

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
#[error("{0}")]
pub struct ExpressionFault(pub String);

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
    /// [`ExpressionFault`] where it is not one, or uses what could run away: `all`, `map` and their like.
    pub fn parse(source: &str) -> Result<Self, ExpressionFault> {
        if source.len() > limits::EXPRESSION_BYTES_MAX {
            let message = format!("has {} bytes; at most {} are allowed", source.len(), limits::EXPRESSION_BYTES_MAX);
            return Err(ExpressionFault(message));
        }
        check_nesting(source)?;
        let parser = Parser::default().max_recursion_depth(limits::EXPRESSION_DEPTH_MAX);
        let unreadable = |errors: ParseErrors| ExpressionFault(unreadable(&errors) + probably(source));
        let mut tree = parser.parse(source).map_err(unreadable)?;
        tame(&mut tree, 0)?;
        Ok(Self { source: source.to_owned(), tree: Arc::new(tree) })
    }

    /// Reads an expression that was stored; one that this version of the library does not read has no value, ever.
    #[must_use]
    pub fn stored(source: &str) -> Self {
        let without = || Self { source: source.to_owned(), tree: Arc::new(IdedExpr::default()) };
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
        value(resolve(&self.tree, &context(facts))?, wanted).ok_or(ExpressionFailure::NotA(wanted.word()))
    }
}

/// The parser walks by recursion: what is nested deeper than anybody writes never reaches it.
fn check_nesting(source: &str) -> Result<(), ExpressionFault> {
    let mut depth = 0_usize;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'?' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > usize::from(limits::EXPRESSION_DEPTH_MAX) {
            let message = format!("is nested deeper than {} levels", limits::EXPRESSION_DEPTH_MAX);
            return Err(ExpressionFault(message));
        }
    }
    Ok(())
}

/// What the parser could not read, without its grammar.
fn unreadable(errors: &ParseErrors) -> String {
    const SAID_CHARS_MAX: usize = 80;
    let Some(first) = errors.errors.first() else { return "is not an expression".to_owned() };
    let character = first.pos.1.max(1);
    let said = first.msg.split(" expecting ").next().unwrap_or_default();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    if said.contains("<EOF>") {
        return "is not an expression: it ends too early".to_owned();
    }
    let said: String = said.trim_start_matches("Syntax error: ").chars().take(SAID_CHARS_MAX).collect();
    format!("is not an expression: at character {character}, {said}")
}

/// The library's functions to another kind of number: to a whole one, and to one such as fields are.
const WHOLE: &str = "int";
const NUMBER: &str = "double";

/// Our own functions for `/` and `*`: where the result is no number that a field could hold, the expression has no value.
const DIVIDE: &str = "divide";
const MULTIPLY: &str = "multiply";

/// What comes out of two numbers, unless it is beyond all numbers, as a division by zero is.
fn finite(
    function: &'static str,
    (one, other): (CelValue, CelValue),
    of: impl Fn(f64, f64) -> f64,
) -> Result<CelValue, ExecutionError> {
    let (CelValue::Float(first), CelValue::Float(second)) = (&one, &other) else {
        return Err(ExecutionError::UnsupportedBinaryOperator(function, one, other));
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
        .add_function(DIVIDE, |one: CelValue, other: CelValue| finite(DIVIDE, (one, other), |one, other| one / other))
        .and_then(|()| {
            let multiply = |one: CelValue, other: CelValue| finite(MULTIPLY, (one, other), |one, other| one * other);
            context.add_function(MULTIPLY, multiply)
        });
    debug_assert!(added.is_ok(), "the library has these names");
    context
}

/// Whether the library gives a whole number for this function, which it would not add to a field.
fn gives_whole(function: &str) -> bool {
    ["size", "int", "uint", operators::MODULO].contains(&function) || function.starts_with("get")
}

fn wrap(node: &mut IdedExpr, function: &str) {
    let inner = std::mem::take(node);
    let call = CallExpr { func_name: function.to_owned(), target: None, args: vec![inner] };
    *node = IdedExpr { id: node.id, expr: Expr::Call(call) };
}

/// What an author most often meant where the parser could not read it.
fn probably(source: &str) -> &'static str {
    let words = || source.split(|c: char| !c.is_alphanumeric() && !"=!<>_".contains(c));
    let says = |word: &str| words().any(|one| one == word);
    if says("=") {
        "; equal is `==`"
    } else if says("<>") {
        "; not equal is `!=`"
    } else if says("and") || says("AND") {
        "; and is `&&`"
    } else if says("or") || says("OR") {
        "; or is `||`"
    } else if says("not") || says("NOT") {
        "; not is `!`"
    } else {
        ""
    }
}

/// Refuses what could run away or has no use, and lets whole numbers count as numbers, as fields do: there is one kind of
/// number, and `%` counts in its whole part.
fn tame(node: &mut IdedExpr, depth: usize) -> Result<(), ExpressionFault> {
    if depth > limits::EXPRESSION_TREE_DEPTH_MAX {
        let message = format!("puts more than {} things into one another", limits::EXPRESSION_TREE_DEPTH_MAX);
        return Err(ExpressionFault(message));
    }
    let is_whole = matches!(&node.expr, Expr::Call(call) if gives_whole(&call.func_name));
    // What is wrapped stands up to two levels deeper.
    let tame = |part: &mut IdedExpr| tame(part, depth + if is_whole { 3 } else { 1 });
    match &mut node.expr {
        Expr::Comprehension(_) => {
            Err(ExpressionFault("uses `all`, `exists`, `map` or `filter`: conditions have no loops".to_owned()))
        }
        Expr::Map(_) | Expr::Struct(_) => {
            Err(ExpressionFault("builds a mapping with `{ }`: conditions have no use for one".to_owned()))
        }
        Expr::Call(call) => {
            let parts = call.target.iter_mut().map(|target| &mut **target).chain(&mut call.args);
            parts.into_iter().try_for_each(tame)?;
            if call.func_name == operators::MODULO {
                call.args.iter_mut().for_each(|part| wrap(part, WHOLE));
            }
            match call.func_name.as_str() {
                operators::DIVIDE => DIVIDE.clone_into(&mut call.func_name),
                operators::MULTIPLY => MULTIPLY.clone_into(&mut call.func_name),
                _ => {}
            }
            if is_whole {
                wrap(node, NUMBER);
            }
            Ok(())
        }
        Expr::List(list) => list.elements.iter_mut().try_for_each(tame),
        Expr::Select(select) => tame(&mut select.operand),
        Expr::Literal(literal) => {
            #[expect(clippy::cast_precision_loss, reason = "fields are such numbers too")]
            let number = match literal {
                LiteralValue::Int(whole) => *whole.inner() as f64,
                LiteralValue::UInt(whole) => *whole.inner() as f64,
                _ => return Ok(()),
            };
            *literal = LiteralValue::Double(number.into());
            Ok(())
        }
        Expr::Ident(_) | Expr::Unspecified => Ok(()),
    }
}

fn resolve(tree: &IdedExpr, context: &Context<'_, '_>) -> Result<CelValue, ExpressionFailure> {
    if tree.expr == Expr::Unspecified {
        return Err(ExpressionFailure::Values);
    }
    context.resolve(tree).map_err(|error| match error {
        ExecutionError::NoSuchKey(name) => ExpressionFailure::NoValue(in_full(tree, name.as_str()).into()),
        _ => ExpressionFailure::Values,
    })
}

/// `form.reference` of which the language says only `reference`, where nothing else that is named here ends so. Never a value.
fn in_full(tree: &IdedExpr, name: &str) -> String {
    let (mut found, mut open): (Vec<String>, _) = (Vec::new(), vec![tree]);
    while let Some(node) = open.pop() {
        match checking::path(node).filter(|path| path.last() == Some(&name)) {
            Some(path) => found.push(path.join(".")),
            None => open.extend(checking::parts(node)),
        }
        let Expr::Call(call) = &node.expr else { continue };
        let ([of, key], operators::INDEX) = (call.args.as_slice(), call.func_name.as_str()) else { continue };
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
    if let [only] = found.as_slice() { only.clone() } else { name.to_owned() }
}

/// The functions of the language; made once, because they are many.
static LIBRARY: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// What is empty has no value, as in texts: `has(call.customer)` asks.
fn context(facts: &Facts<'_>) -> Context<'static, 'static> {
    let mut context = bare_context();
    let fields: Vec<(&str, CelValue)> = facts.fields().map(|(name, value)| (name, cel(value))).collect();
    let form: Vec<(&str, CelValue)> = facts.form.iter().map(|(name, value)| (&**name, cel(value))).collect();
    context.add_variable_from_value("fields", map(fields));
    context.add_variable_from_value("form", map(form));
    let said = |name: &&'static str| Some((*name, facts.of_call(name))).filter(|(_, text)| !text.is_empty());
    let texts = CALL_TEXTS.iter().filter_map(said).map(|(name, text)| (name, CelValue::from(text)));
    let flags = [
        ("chargeable", CelValue::Bool(facts.call.chargeable)),
        ("ended", CelValue::Bool(facts.call.ended_at.is_some())),
    ];
    let details = facts.call.details.iter().map(|(key, text)| (&**key, CelValue::from(&**text))).collect();
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
    let entries: std::collections::HashMap<String, CelValue> =
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    CelValue::Map(entries.into())
}

fn cel(value: &Value) -> CelValue {
    match value {
        Value::Text(text) => CelValue::from(&**text),
        Value::Number(number) => CelValue::Float(*number),
        Value::Bool(flag) => CelValue::Bool(*flag),
        Value::Time(time) => {
            // Beyond what a date can show the bounds of the calendar stand in.
            let moment = chrono::DateTime::from_timestamp_millis(time.0).unwrap_or(chrono::DateTime::UNIX_EPOCH);
            CelValue::Timestamp(moment.fixed_offset())
        }
    }
}

fn value(value: CelValue, wanted: FieldType) -> Option<Value> {
    match (wanted, value) {
        (FieldType::Text, CelValue::String(text)) => Some(Value::Text(text.as_str().into())),
        (FieldType::Number, CelValue::Float(number)) => number.is_finite().then_some(Value::Number(number)),
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
    use crate::call::Call;
    use crate::time::Time;
    use crate::value::FieldDeclaration;

    /// Whole numbers are numbers as fields are, wherever the library makes one.
    #[test]
    fn there_is_one_kind_of_number() {
        let key = crate::call::CallKey { source: "s".into(), id: "1".into() };
        let call = Call::new(key, Time(0));
        let facts = Facts { declared: &[], values: &[], form: &[], call: &call, visit: 3, now: Time(0), zone: "UTC" };
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
            assert_eq!(expression.value(FieldType::Number, &facts), Ok(Value::Number(value)), "{source}");
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
            assert_eq!(never.holds(&facts), Err(ExpressionFailure::Values), "{never:?}");
        }
        let guarded = Expression::parse("visit - 3 != 0 && visit / (visit - 3) > 100").expect("an expression");
        assert_eq!(guarded.holds(&facts), Ok(false));
        assert_eq!(
            Expression::parse("visit / 2 * 4").expect("one").value(FieldType::Number, &facts),
            Ok(Value::Number(6.0))
        );
    }

    #[test]
    fn what_has_no_value_is_named_in_full() {
        let key = crate::call::CallKey { source: "s".into(), id: "1".into() };
        let call = Call::new(key, Time(0));
        let declared = [FieldDeclaration { name: "order".into(), ..FieldDeclaration::default() }];
        let values = [(0, Value::Text("B-1".into()))];
        let facts =
            Facts { declared: &declared, values: &values, form: &[], call: &call, visit: 1, now: Time(0), zone: "UTC" };
        for (source, name) in [
            ("form.order == 'x'", "form.order"),
            ("call.caller.time_zone == 'UTC'", "call.caller.time_zone"),
            ("call.details['source'] == 'web'", "call.details[\"source\"]"),
            // Which of the two it was, nobody can tell.
            ("call.details['order'] == fields.order", "order"),
            // Never a value.
            ("call.details[fields.order] == 'x'", ""),
        ] {
            let expression = Expression::parse(source).expect("an expression");
            assert_eq!(expression.holds(&facts), Err(ExpressionFailure::NoValue(name.into())), "{source}");
        }
    }
}
