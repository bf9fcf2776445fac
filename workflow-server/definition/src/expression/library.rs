//! The values and functions of the expression language, in the form of the library.

use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, Value as CelValue};

use super::reading::{DIVIDE, MULTIPLY};
use crate::value::{FieldType, Value};

/// Two sets of sample values. With two sets, values that are equal only by chance are detected.
pub(crate) type Samples = [Context<'static, 'static>; 2];

/// The functions of the language. Built once, because there are many.
static LIBRARY: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// Computes a number from two numbers. A result that is not finite, such as of a division by zero, is
/// an error.
fn finite(
    function: &'static str,
    one: CelValue,
    other: CelValue,
    compute: impl Fn(f64, f64) -> f64,
) -> Result<CelValue, ExecutionError> {
    let (CelValue::Float(first), CelValue::Float(second)) = (&one, &other) else {
        return Err(ExecutionError::UnsupportedBinaryOperator(
            function, one, other,
        ));
    };
    let number = compute(*first, *second);
    if number.is_finite() {
        Ok(CelValue::Float(number))
    } else {
        Err(ExecutionError::function_error(function, "out of range"))
    }
}

/// A context with the functions of the language, and no names yet.
pub(super) fn bare_context() -> Context<'static, 'static> {
    let mut context = Context::with_env(LIBRARY.clone());
    // Adding a function fails only for a name of the library, and these are none.
    let added = context
        .add_function(DIVIDE, |one: CelValue, other: CelValue| {
            finite(DIVIDE, one, other, |one, other| one / other)
        })
        .and_then(|()| {
            let multiply = |one: CelValue, other: CelValue| {
                finite(MULTIPLY, one, other, |one, other| one * other)
            };
            context.add_function(MULTIPLY, multiply)
        });
    debug_assert!(added.is_ok(), "the library has these names");
    context
}

/// The mapping `call`. `caller.name` and the others become a mapping inside it.
pub(super) fn call<'n>(
    entries: impl Iterator<Item = (&'n str, CelValue)>,
    details: CelValue,
) -> CelValue {
    let (mut plain, mut caller) = (vec![("details", details)], Vec::new());
    for (name, value) in entries {
        match name.strip_prefix("caller.") {
            Some(name) => caller.push((name, value)),
            None => plain.push((name, value)),
        }
    }
    plain.push(("caller", map(caller)));
    map(plain)
}

/// A mapping from these entries.
pub(super) fn map(entries: Vec<(&str, CelValue)>) -> CelValue {
    let entries: std::collections::HashMap<String, CelValue> = entries
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    CelValue::Map(entries.into())
}

/// A value, as the expression library represents it.
pub(super) fn to_cel(value: &Value) -> CelValue {
    match value {
        Value::Text(text) => CelValue::from(&**text),
        Value::Number(number) => CelValue::Float(*number),
        Value::Bool(flag) => CelValue::Bool(*flag),
        Value::Time(time) => {
            // A time outside of the library's calendar becomes the epoch.
            let moment = chrono::DateTime::from_timestamp_millis(time.0)
                .unwrap_or(chrono::DateTime::UNIX_EPOCH);
            CelValue::Timestamp(moment.fixed_offset())
        }
    }
}

/// A value of the expression library, as a field of this type stores it.
pub(super) fn from_cel(value: CelValue, wanted: FieldType) -> Option<Value> {
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

/// The type of a value, in the words of workflow files.
pub(super) fn type_of(value: &CelValue) -> String {
    plain(&value.type_of().to_string()).to_owned()
}

/// The words of workflow files for the library's types.
pub(super) fn plain(word: &str) -> &str {
    match word {
        "double" | "float" | "int" | "uint" => "number",
        "string" => "text",
        "timestamp" | "google.protobuf.Timestamp" => "time",
        "google.protobuf.Duration" => "duration",
        other => other,
    }
}
