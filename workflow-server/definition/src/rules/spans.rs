//! Durations as authors write them, and their limits.

use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::rules::wording::quoted;
use crate::time::{Offset, Span, SpanUnit};

/// Reads a duration such as `90s`, `15m`, `4h`, `3d` or `5wd`.
///
/// # Errors
/// `BAD_VALUE`.
pub fn span(text: &str) -> Result<Span, Fault> {
    if let Some(sum) = sum_of_units(text) {
        return sum;
    }
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = match &text[digits.len()..] {
        "s" => SpanUnit::Seconds,
        "m" => SpanUnit::Minutes,
        "h" => SpanUnit::Hours,
        "d" => SpanUnit::Days,
        "wd" => SpanUnit::WorkingDays,
        _ => return Err(not_a_span(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_a_span(text));
    }
    // A number that does not fit is too large anyway.
    let amount = digits.parse().unwrap_or(u32::MAX);
    let span = Span { amount, unit };
    span_within(span).map(|()| span)
}

/// Reads a sum such as `1h30m`, in the smallest of its units. Returns `None` if it has only one
/// unit. Days are not allowed in a sum, because a day of a calendar may not have 24 hours.
fn sum_of_units(text: &str) -> Option<Result<Span, Fault>> {
    const UNITS: [(char, SpanUnit); 3] = [
        ('h', SpanUnit::Hours),
        ('m', SpanUnit::Minutes),
        ('s', SpanUnit::Seconds),
    ];
    let (mut rest, mut millis, mut smallest, mut parts) = (text, 0_i64, SpanUnit::Hours, 0);
    for (letter, unit) in UNITS {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || !rest[digits..].starts_with(letter) {
            continue;
        }
        let amount = rest[..digits].parse().unwrap_or(u32::MAX);
        millis = millis.saturating_add(Span { amount, unit }.millis());
        (rest, smallest, parts) = (&rest[digits + 1..], unit, parts + 1);
    }
    if parts < 2 || !rest.is_empty() {
        return None;
    }
    let unit_millis = Span {
        amount: 1,
        unit: smallest,
    }
    .millis();
    let span = Span {
        amount: u32::try_from(millis / unit_millis).unwrap_or(u32::MAX),
        unit: smallest,
    };
    Some(span_within(span).map(|()| span))
}

/// Reads a bound of a time field: `now`, a duration from now such as `90d`, or `-1d` for the past.
///
/// # Errors
/// `BAD_VALUE`.
pub fn offset(text: &str) -> Result<Offset, Fault> {
    if text == "now" {
        return Ok(Offset::NOW);
    }
    let (digits, sign) = text
        .strip_prefix('-')
        .map_or((text, 1), |digits| (digits, -1));
    let span = span(digits)
        .ok()
        .filter(|span| span.unit != SpanUnit::WorkingDays);
    let amount = span
        .and_then(|span| i32::try_from(span.amount).ok())
        .map(|amount| sign * amount);
    span.zip(amount).map(|(span, amount)| Offset { amount, unit: span.unit }).ok_or_else(|| {
        let message = format!(
            "the bound of a time counts from now: write now, or a number and s, m, h or d up to ten years, such as 90d or -1d, not {}",
            quoted(text)
        );
        Fault::new(FaultCode::BadValue, message)
    })
}

/// Checks the limits of a duration.
///
/// # Errors
/// `BAD_VALUE` if it is zero or more than the maximum.
pub fn span_within(span: Span) -> Result<(), Fault> {
    let longest = Span {
        amount: limits::SPAN_DAYS_MAX,
        unit: SpanUnit::Days,
    };
    if span.amount == 0 {
        return Err(Fault::new(
            FaultCode::BadValue,
            "a duration must be longer than zero",
        ));
    }
    if span.millis() > longest.millis() {
        return Err(Fault::new(
            FaultCode::BadValue,
            format!("a duration can be at most {longest} (ten years)"),
        ));
    }
    Ok(())
}

/// Checks a retention. It must be at least one day, because it counts whole days, and because a
/// repeated request must find its first result.
///
/// # Errors
/// `BAD_VALUE` if it is less, or more than the maximum of a duration.
pub fn retention(span: Span) -> Result<(), Fault> {
    const SHORTEST: Span = Span {
        amount: 1,
        unit: SpanUnit::Days,
    };
    span_within(span)?;
    if span.unit == SpanUnit::WorkingDays {
        return Err(Fault::new(
            FaultCode::BadValue,
            "a retention counts by the wall clock: write days, such as 90d",
        ));
    }
    if span.millis() < SHORTEST.millis() {
        return Err(Fault::new(
            FaultCode::BadValue,
            format!("a retention must be at least {SHORTEST}"),
        ));
    }
    Ok(())
}

fn not_a_span(text: &str) -> Fault {
    let message = format!(
        "{} is not a duration; write a number and s, m, h, d or wd, such as 90s, 15m, 4h, 1h30m, 3d or 5wd",
        quoted(text)
    );
    Fault::new(FaultCode::BadValue, message)
}
