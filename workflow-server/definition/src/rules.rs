//! What names, labels, texts and spans must look like, wherever a definition comes from.
//!
//! Promises: a refusal is one sentence that says what would be right. It gives no position; whoever
//! asks knows that.

mod spans;

use std::cell::Cell;
use std::fmt::Display;

pub use spans::{offset, retention, span, span_within};

use crate::fault::{Fault, FaultCode};
use crate::limits;
use crate::limits::Length;
use crate::time::{Span, SpanUnit};
use crate::value::{FieldDeclaration, FieldType};

/// How much of what an author wrote a message repeats.
const QUOTED_CHARS_MAX: usize = 40;

/// What an author wrote, short enough for a message.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars
        .by_ref()
        .take(QUOTED_CHARS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if chars.next().is_some() {
        format!("`{start}…`")
    } else {
        format!("`{start}`")
    }
}

/// How many letters a word may be off and still have been meant.
const OFF_MAX: usize = 4;

/// The known word that is nearest to what was written, if one is near enough to have been meant.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut left = usize::MAX;
    nearest_of(written, known, &mut left)
}

/// The same, comparing at most so many words letter by letter; takes those that were compared off
/// what is left.
fn nearest_of<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
    left: &mut usize,
) -> Option<&'a str> {
    if written.chars().count() > limits::NAME_CHARS_MAX {
        return None;
    }
    let far = (written.chars().count() / 3).clamp(1, OFF_MAX);
    let mut nearest: Option<(usize, &str)> = None;
    for word in known
        .into_iter()
        .filter(|word| has_letters_of(written, word, far))
    {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let distance = strsim::osa_distance(written, word);
        if distance <= far && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, word));
        }
    }
    nearest.map(|(_, word)| word)
}

/// Whether so few bytes are in only one of the two that they may be near; far quicker than
/// comparing them.
fn has_letters_of(one: &str, other: &str, far: usize) -> bool {
    let mut counts = [0_i32; 256];
    one.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    other
        .bytes()
        .for_each(|byte| counts[usize::from(byte)] -= 1);
    let only_in = |sign: i32| {
        counts
            .iter()
            .map(|count| (count * sign).max(0))
            .sum::<i32>()
    };
    // A letter has up to four bytes.
    let bytes_of_letter = if one.is_ascii() && other.is_ascii() {
        1
    } else {
        4
    };
    only_in(1).max(only_in(-1)) as usize <= far * bytes_of_letter
}

/// "; did you mean `alert`?", or nothing.
#[must_use]
pub fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    meant(nearest(written, known))
}

/// The same, or all of them where they are few: "; there is `new-call`, `done`".
#[must_use]
pub fn suggestion_or_all<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let hint = suggestion(written, known.clone());
    if hint.is_empty() {
        all_if_few(known)
    } else {
        hint
    }
}

/// "; there is new-call, done", where one sees at a glance which was meant.
#[must_use]
pub fn all_if_few<'a>(known: impl Iterator<Item = &'a str>) -> String {
    const FEW: usize = 8;
    let few: Vec<&str> = known.take(FEW + 1).collect();
    if few.len() > FEW {
        String::new()
    } else {
        format!("; there is {}", few.join(", "))
    }
}

fn meant(word: Option<&str>) -> String {
    word.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// How many words are compared for the suggestions of one file: each takes up to some 30 µs, and a
/// person mends the first faults first.
const COMPARED_MAX: usize = 500;
/// How many words are looked at for it whether they are worth comparing: each takes some 0.3 µs.
const LOOKED_AT_MAX: usize = 20_000;

/// Suggestions among many names, until enough have been looked at.
pub struct Suggestions {
    compared: Cell<usize>,
    looked_at: Cell<usize>,
}

impl Default for Suggestions {
    fn default() -> Self {
        Self {
            compared: Cell::new(COMPARED_MAX),
            looked_at: Cell::new(LOOKED_AT_MAX),
        }
    }
}

impl Suggestions {
    /// "; did you mean …?" or nothing; of equally near words always the same one.
    pub fn of<'a>(&self, written: &str, known: impl Iterator<Item = &'a str>) -> String {
        let (mut compared, looked_at) = (self.compared.get(), self.looked_at.get());
        if compared == 0 || looked_at == 0 {
            return String::new();
        }
        let mut known: Vec<&str> = known.collect();
        known.sort_unstable();
        self.looked_at.set(looked_at.saturating_sub(known.len()));
        let nearest = nearest_of(written, known, &mut compared);
        self.compared.set(compared);
        meant(nearest)
    }
}

/// A workflow's name, an event's id, an outcome, a team.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn name(what: impl Display, text: &str) -> Result<(), Fault> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    within(&what, text, Length::Characters(limits::NAME_CHARS_MAX))?;
    if text.starts_with(letters) && text.chars().all(|c| letters(c) || c == '-') {
        return Ok(());
    }
    let like = slug::slugify(text);
    let like = if like.is_empty() {
        String::new()
    } else {
        format!(", such as `{like}`")
    };
    let message = format!(
        "{what} must be lower-case letters, digits and hyphens and start with a letter or digit{like}, not {}",
        quoted(text)
    );
    Err(Fault::new(FaultCode::BadValue, message))
}

/// How many expressions a workflow has, and how long they are together.
///
/// # Errors
/// `TOO_LARGE`.
pub fn expressions(count: usize, bytes: usize) -> Result<(), Fault> {
    let message = if count > limits::EXPRESSIONS_MAX {
        format!(
            "a workflow has at most {} expressions",
            limits::EXPRESSIONS_MAX
        )
    } else if bytes > limits::EXPRESSIONS_BYTES_MAX {
        format!(
            "the expressions of a workflow have at most {} bytes together",
            limits::EXPRESSIONS_BYTES_MAX
        )
    } else {
        return Ok(());
    };
    Err(Fault::new(FaultCode::TooLarge, message))
}

/// How long the texts with filters and conditions are together.
///
/// # Errors
/// `TOO_LARGE`.
pub fn worked_out(bytes: usize) -> Result<(), Fault> {
    if bytes <= limits::WORKED_OUT_BYTES_MAX {
        return Ok(());
    }
    let max = limits::WORKED_OUT_BYTES_MAX;
    let message = format!(
        "the texts of a workflow that have filters or conditions have at most {max} bytes together"
    );
    Err(Fault::new(FaultCode::TooLarge, message))
}

/// A field's name.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn field_name(text: &str) -> Result<(), Fault> {
    within(
        &"the field name",
        text,
        Length::Characters(limits::NAME_CHARS_MAX),
    )?;
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    if text.starts_with(first) && text.chars().all(|c| first(c) || c.is_ascii_digit()) {
        return Ok(());
    }
    let message = format!(
        "the field name {} must be letters, digits and underscores and not start with a digit",
        quoted(text)
    );
    Err(Fault::new(FaultCode::BadValue, message))
}

/// What a field is limited to: bounds that can be kept, values of which each keeps them, and a
/// default that does.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn field_bounds(field: &FieldDeclaration) -> Result<(), Fault> {
    let fault = |code, key: &str, message: String| {
        Err(Fault {
            field: key.to_owned(),
            ..Fault::new(code, message)
        })
    };
    let has_size = matches!(field.field_type, FieldType::Text | FieldType::Number);
    let bounds = [("min", field.min), ("max", field.max)];
    if let Some((key, _)) = bounds
        .into_iter()
        .find(|(_, bound)| bound.is_some())
        .filter(|_| !has_size)
    {
        let message = format!(
            "`{key}` is for numbers, times and the length of texts, not for {}",
            field.field_type.word()
        );
        return fault(FaultCode::BadValue, key, message);
    }
    if let Err((key, message)) = time_bounds(field) {
        return fault(FaultCode::BadValue, key, message);
    }
    if let (Some(min), Some(max)) = (field.min, field.max)
        && min > max
    {
        return fault(
            FaultCode::BadValue,
            "min",
            format!("`min` ({min}) is more than `max` ({max})"),
        );
    }
    if field.values.len() > limits::FIELD_VALUES_MAX {
        let message = format!("`values` has more than {} values", limits::FIELD_VALUES_MAX);
        return fault(FaultCode::TooLarge, "values", message);
    }
    let unlimited = FieldDeclaration {
        values: Vec::new(),
        ..field.clone()
    };
    if let Some(refused) = field
        .values
        .iter()
        .find_map(|value| unlimited.refuses(value))
    {
        return fault(
            FaultCode::BadValue,
            "values",
            format!("a value of `values` {refused}"),
        );
    }
    match field
        .default
        .as_ref()
        .and_then(|default| field.refuses(default))
    {
        Some(refused) => fault(
            FaultCode::BadValue,
            "default",
            format!("`default` {refused}"),
        ),
        None => Ok(()),
    }
}

/// The bounds that count from now.
fn time_bounds(field: &FieldDeclaration) -> Result<(), (&'static str, String)> {
    let bounds = [("min", field.earliest), ("max", field.latest)];
    let Some((key, _)) = bounds.into_iter().find(|(_, bound)| bound.is_some()) else {
        return Ok(());
    };
    if field.field_type != FieldType::Time {
        return Err((
            key,
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
                format!("`{key}` must be at most ten years, in s, m, h or d, and is {bound}"),
            ));
        }
    }
    if let (Some(earliest), Some(latest)) = (field.earliest, field.latest)
        && earliest.millis() > latest.millis()
    {
        return Err((
            "min",
            format!("`min` ({earliest}) is later than `max` ({latest})"),
        ));
    }
    // They may be inside of the bounds today, and outside of them tomorrow.
    let fixed = [
        ("default", field.default.is_some()),
        ("values", !field.values.is_empty()),
    ];
    match fixed.into_iter().find(|(_, is_given)| *is_given) {
        Some((fixed, _)) => Err((
            fixed,
            format!("`{fixed}` is a fixed time, but `{key}` counts from now; leave one out"),
        )),
        None => Ok(()),
    }
}

/// A title or a label: one line with something on it.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn label(what: impl Display, value: &str) -> Result<(), Fault> {
    shown(&what, value, Length::Characters(limits::LABEL_CHARS_MAX))?;
    if value.contains('\n') {
        return Err(Fault::new(
            FaultCode::BadValue,
            format!("{what} must be a single line"),
        ));
    }
    Ok(())
}

/// A text for people: something is on it, and nothing in it that cannot be seen or that turns what
/// is seen around.
///
/// # Errors
/// `BAD_VALUE` or `TOO_LARGE`.
pub fn text(what: impl Display, value: &str, bytes_max: usize) -> Result<(), Fault> {
    shown(&what, value, Length::Bytes(bytes_max))
}

fn shown(what: &impl Display, value: &str, length: Length) -> Result<(), Fault> {
    within(what, value, length)?;
    if value.trim().is_empty() {
        return Err(Fault::new(FaultCode::BadValue, format!("{what} is empty")));
    }
    match value.chars().find(|c| !is_printable(*c)) {
        Some(bad) => Err(Fault::new(FaultCode::BadValue, unprintable(bad))),
        None => Ok(()),
    }
}

/// Whether a text may have this character: no control characters but newline and tab, none that
/// overrides the direction of what follows (it would show people another text than the one that is
/// stored).
#[must_use]
pub fn is_printable(c: char) -> bool {
    !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        && (matches!(c, '\n' | '\t') || !c.is_control())
}

/// The sentence about a character that no text may have.
#[must_use]
pub fn unprintable(c: char) -> String {
    let kind = if c.is_control() {
        "control"
    } else {
        "text-direction"
    };
    format!(
        "the {kind} character U+{:04X} is not allowed; remove it",
        u32::from(c)
    )
}

fn within(what: &impl Display, text: &str, length: Length) -> Result<(), Fault> {
    match length.fault(text) {
        Some(fault) => Err(Fault::new(FaultCode::TooLarge, format!("{what} {fault}"))),
        None => Ok(()),
    }
}
