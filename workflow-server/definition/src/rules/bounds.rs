//! The bounds, values and default of a field.

use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::rules::spans::span_within;
use crate::time::{Span, SpanUnit};
use crate::value::{FieldDeclaration, FieldType};

/// Checks the bounds, values and default of a field. The bounds must allow a value. The values and
/// the default must be within the bounds.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn field_bounds(field: &FieldDeclaration) -> Result<(), Fault> {
    let in_key = |(key, code, message): Wrong| Fault {
        field: key.to_owned(),
        ..Fault::new(code, message)
    };
    check_bounds(field)
        .and_then(|()| check_time_bounds(field))
        .and_then(|()| check_values(field))
        .map_err(in_key)
}

/// The key of the declaration, the code and the message.
type Wrong = (&'static str, FaultCode, String);

/// Checks fixed bounds: they are only for numbers and texts, and must be in order.
fn check_bounds(field: &FieldDeclaration) -> Result<(), Wrong> {
    let has_size = matches!(field.field_type, FieldType::Text | FieldType::Number);
    let bounds = [("min", field.min), ("max", field.max)];
    let first = bounds.into_iter().find(|(_, bound)| bound.is_some());
    if let Some((key, _)) = first.filter(|_| !has_size) {
        let message = format!(
            "`{key}` is for numbers, times and the length of texts, not for {}",
            field.field_type.word()
        );
        return Err((key, FaultCode::BadValue, message));
    }
    match (field.min, field.max) {
        (Some(min), Some(max)) if min > max => {
            let message = format!("`min` ({min}) is more than `max` ({max})");
            Err(("min", FaultCode::BadValue, message))
        }
        _ => Ok(()),
    }
}

fn check_values(field: &FieldDeclaration) -> Result<(), Wrong> {
    if field.values.len() > limits::FIELD_VALUES_MAX {
        let message = format!("`values` has more than {} values", limits::FIELD_VALUES_MAX);
        return Err(("values", FaultCode::TooLarge, message));
    }
    let unlimited = FieldDeclaration {
        values: Vec::new(),
        ..field.clone()
    };
    let mut refused = field.values.iter().filter_map(|one| unlimited.refuses(one));
    if let Some(refused) = refused.next() {
        let message = format!("a value of `values` {refused}");
        return Err(("values", FaultCode::BadValue, message));
    }
    let default = field.default.as_ref();
    match default.and_then(|default| field.refuses(default)) {
        Some(refused) => Err((
            "default",
            FaultCode::BadValue,
            format!("`default` {refused}"),
        )),
        None => Ok(()),
    }
}

/// Checks bounds that count from now: they are only for times, and must be in order.
fn check_time_bounds(field: &FieldDeclaration) -> Result<(), Wrong> {
    let bounds = [("min", field.earliest), ("max", field.latest)];
    let Some((key, _)) = bounds.into_iter().find(|(_, bound)| bound.is_some()) else {
        return Ok(());
    };
    if field.field_type != FieldType::Time {
        return Err((
            key,
            FaultCode::BadValue,
            format!(
                "`{key}` counts from now, which is for times, not for {}",
                field.field_type.word()
            ),
        ));
    }
    for (key, bound) in bounds
        .into_iter()
        .filter_map(|(key, bound)| Some((key, bound?)))
    {
        let span = Span {
            amount: bound.amount.unsigned_abs(),
            unit: bound.unit,
        };
        let is_long = bound.amount != 0 && span_within(span).is_err();
        if is_long || bound.unit == SpanUnit::WorkingDays {
            return Err((
                key,
                FaultCode::BadValue,
                format!("`{key}` must be at most ten years, in s, m, h or d, and is {bound}"),
            ));
        }
    }
    if let (Some(earliest), Some(latest)) = (field.earliest, field.latest)
        && earliest.millis() > latest.millis()
    {
        return Err((
            "min",
            FaultCode::BadValue,
            format!("`min` ({earliest}) is later than `max` ({latest})"),
        ));
    }
    // A fixed time may be within the bounds today and outside of them tomorrow.
    let fixed = [
        ("default", field.default.is_some()),
        ("values", !field.values.is_empty()),
    ];
    match fixed.into_iter().find(|(_, is_given)| *is_given) {
        Some((fixed, _)) => Err((
            fixed,
            FaultCode::BadValue,
            format!("`{fixed}` is a fixed time, but `{key}` counts from now; leave one out"),
        )),
        None => Ok(()),
    }
}
