//! Free text in a filter: words that a follow-up, its call and its caller have somewhere, in upper
//! or lower case. A text that is a telephone number also finds the number in any spelling.

use std::fmt::Write as _;

use aftercall_definition::value::Value;

use crate::call::Caller;
use crate::filter::candidate::Candidate;
use crate::phone::Country;
use crate::world::caller_index::CallerKey;

/// The fewest digits of a text that is a telephone number.
const NUMBER_DIGITS_MIN: usize = 4;
/// All spellings of a number have these last digits.
const NUMBER_LAST_DIGITS: usize = 4;

/// A text to search for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SearchText {
    /// The words in lower case. Each must be found.
    words: Box<[Box<str>]>,
    /// The telephone number that the text is, with its last digits.
    number: Option<Box<(CallerKey, Box<str>)>>,
}

impl SearchText {
    /// Reads a text. Returns `None` if it is blank. `country` is the country of numbers without a
    /// country code.
    #[must_use]
    pub fn new(text: &str, country: Country) -> Option<Self> {
        let lower = text.to_lowercase();
        let words: Box<[Box<str>]> = lower.split_whitespace().map(Into::into).collect();
        let number = number(text, country).map(Box::new);
        (!words.is_empty()).then_some(Self { words, number })
    }

    /// Whether the text is found in these texts of a follow-up, or is the number of its caller.
    #[must_use]
    pub fn is_in(&self, texts: &Texts, caller: &Caller) -> bool {
        self.words.iter().all(|word| texts.0.contains(&**word)) || self.is_number_of(caller)
    }

    /// Reading a number takes microseconds, so the last digits are compared first.
    fn is_number_of(&self, caller: &Caller) -> bool {
        self.number.as_deref().is_some_and(|(key, last)| {
            digits(&caller.phone).contains(&**last) && key.matches(caller)
        })
    }
}

fn number(text: &str, country: Country) -> Option<(CallerKey, Box<str>)> {
    let lower = text.trim().to_lowercase();
    let is_number = lower
        .strip_prefix("tel:")
        .unwrap_or(&lower)
        .chars()
        .all(|c| c.is_ascii_digit() || c.is_whitespace() || "+-()./".contains(c));
    let digits = digits(text);
    if !is_number || digits.len() < NUMBER_DIGITS_MIN {
        return None;
    }
    let caller = Caller {
        phone: text.into(),
        ..Caller::default()
    };
    let last = digits[digits.len() - NUMBER_LAST_DIGITS..].into();
    Some((CallerKey::new(&caller, country)?, last))
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The texts of a follow-up in lower case: what people see of it and of its call, without sensitive
/// values.
#[derive(Debug)]
pub struct Texts(String);

impl Texts {
    /// Collects the texts. This takes about a microsecond.
    #[must_use]
    pub fn of(candidate: &Candidate<'_>) -> Self {
        let mut texts = String::with_capacity(256);
        let (instance, call) = (candidate.instance, candidate.call);
        let caller = &call.caller;
        let known = [
            candidate.workflow,
            &call.key.id,
            &call.customer,
            &caller.name,
            &caller.phone,
            &caller.email,
            &caller.reference,
        ];
        let alerts = instance.alerts.iter().map(|alert| &*alert.text);
        let details = call.details.iter().map(|(_, value)| &**value);
        for text in known.into_iter().chain(alerts).chain(details) {
            add(&mut texts, text);
        }
        for value in candidate.searched_values() {
            match value {
                Value::Text(text) => add(&mut texts, text),
                // Writing to a String cannot fail.
                Value::Number(number) => _ = writeln!(texts, "{number}"),
                Value::Bool(_) | Value::Time(_) => {}
            }
        }
        Self(texts)
    }
}

/// A line end keeps words of two texts apart.
fn add(texts: &mut String, text: &str) {
    if text.is_ascii() {
        texts.push_str(text);
        let start = texts.len() - text.len();
        texts[start..].make_ascii_lowercase();
    } else {
        texts.push_str(&text.to_lowercase());
    }
    texts.push('\n');
}

/// Whether a follow-up has this reference, in upper or lower case: the caller's at the customer, the
/// id of the call, or a whole value of a field or of the call's details, such as an order. Sensitive
/// values are not compared.
#[must_use]
pub(super) fn has_reference(wanted: &str, candidate: &Candidate<'_>) -> bool {
    let call = candidate.call;
    let is_wanted = |text: &str| {
        let lower = |text: &str| text.trim().to_lowercase();
        text.trim().eq_ignore_ascii_case(wanted)
            || (!text.is_ascii() && lower(text) == lower(wanted))
    };
    is_wanted(&call.caller.reference)
        || is_wanted(&call.key.id)
        || call.details.iter().any(|(_, value)| is_wanted(value))
        || candidate.searched_values().any(|value| match value {
            Value::Text(text) => is_wanted(text),
            Value::Number(number) => number.to_string() == wanted,
            Value::Bool(_) | Value::Time(_) => false,
        })
}
