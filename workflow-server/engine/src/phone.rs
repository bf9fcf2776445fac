//! Telephone numbers, as people and telephone systems write them. Reads different written forms of
//! the same number as one number.
//!
//! A number has one certain reading, and may have others. All written forms of one number have the
//! same certain reading, and no other number has it. Erasing compares certain readings. Searching
//! compares all readings.
//!
//! Promise: reading never fails. Must not: store anything. The index ([`terms`]) must not depend on
//! a setting: a call keeps what the script sent, and the country of a server may change at any
//! time.

mod written;

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};
use written::Written;

/// The number of last digits that the index uses. All forms of a number have the same last digits,
/// if it has as many.
const TERM_DIGITS: usize = 7;
/// Digits of a short number with its country code. Without the code and a zero it may have fewer
/// than [`TERM_DIGITS`], such as `+49 (0)89 123`.
const SHORT_DIGITS: usize = 10;

/// The country of numbers without a country code; none if the server has no such setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Country(Option<Region>);

impl Country {
    /// No country: numbers without a country code are compared by their digits.
    pub const NONE: Self = Self(None);

    /// The country with this ISO 3166 code of two capital letters, such as `GB`.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        // The library also accepts reserved codes, such as UK, but has no numbers for them.
        let is_known = |region: &Region| {
            PHONE_NUMBER_UTIL
                .get_country_code_for_region(*region)
                .is_some()
        };
        code.parse()
            .ok()
            .filter(|region| is_code && is_known(region))
            .map(|region| Self(Some(region)))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |region| write!(out, "{region}"))
    }
}

/// The readings of a written number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    /// The reading that changes use, because they must not mix up two people. It has the form of
    /// E.164, such as `+442079460001`, or else the digits as they are written.
    pub certain: String,
    /// Other possible readings, for searches. A number without `+` may be national or
    /// international.
    pub others: Vec<String>,
    /// The extension; empty if there is none.
    pub extension: String,
}

impl Readings {
    /// Whether both are certainly the same number. This is an equivalence relation.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.certain == other.certain && self.extension == other.extension
    }

    /// Whether both may be the same number. Extensions are compared if both have one.
    #[must_use]
    pub fn may_be(&self, other: &Self) -> bool {
        let has_both = !self.extension.is_empty() && !other.extension.is_empty();
        (!has_both || self.extension == other.extension)
            && self
                .all()
                .any(|reading| other.all().any(|of_other| reading == of_other))
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.certain)
            .chain(&self.others)
            .map(String::as_str)
    }
}

/// Reads a number. Returns `None` if the text contains no number, or if the number is withheld.
///
/// The certain reading is the first of these that is a valid number:
///
/// 1. With `+` or `00`: the international number.
/// 2. The national number, if it is written as it is dialled within the country.
/// 3. The international number without its `+`, as telephone systems write it.
/// 4. The national number.
///
/// Any other number, such as the internal number 204, stays as it is written.
#[must_use]
pub fn read(text: &str, country: Country) -> Option<Readings> {
    let Written { number, extension } = written::read(text)?;
    let mut readings: Vec<String> = Vec::new();
    let mut add = |parsed: Option<&PhoneNumber>| {
        let Some(reading) = parsed
            .map(e164)
            .filter(|reading| !readings.contains(reading))
        else {
            return;
        };
        readings.push(reading);
    };
    if number.starts_with('+') {
        add(parsed(&number, Country::NONE).as_ref());
    } else {
        let national = parsed(&number, country).filter(PhoneNumber::is_valid);
        let is_as_dialled = national
            .as_ref()
            .is_some_and(|national| dialled(national) == number);
        add(national.as_ref().filter(|_| is_as_dialled));
        add(without_plus(&number)
            .as_ref()
            .filter(|number| number.is_valid()));
        add(national.as_ref());
    }
    let mut readings = readings.into_iter();
    let certain = readings.next().unwrap_or(number);
    Some(Readings {
        certain,
        others: readings.collect(),
        extension,
    })
}

/// The terms by which a number is indexed. If two numbers may be the same, the terms of one contain
/// one of the [`sought_terms`] of the other. This holds for any country of the server.
#[must_use]
pub fn terms(text: &str) -> Vec<String> {
    let Some(Written { number, .. }) = written::read(text) else {
        return Vec::new();
    };
    let digits = number.trim_start_matches('+');
    let mut terms = vec![end(digits).to_owned()];
    add_term(&mut terms, end(digits.trim_start_matches('0')));
    let international = match number.starts_with('+') {
        true => digits,
        false => digits
            .strip_prefix("00")
            .or_else(|| digits.strip_prefix("011"))
            .unwrap_or(digits),
    };
    // All forms of a longer number end with the same digits.
    if international.len() <= SHORT_DIGITS && !international.starts_with('0') {
        let number = parsed(&format!("+{international}"), Country::NONE);
        add_term(
            &mut terms,
            number
                .map(|number| number.get_national_significant_number())
                .as_deref()
                .map_or("", end),
        );
    }
    terms
}

/// The terms by which a number is searched for.
#[must_use]
pub fn sought_terms(text: &str, country: Country) -> Vec<String> {
    let mut terms = terms(text);
    for reading in read(text, country)
        .iter()
        .flat_map(Readings::all)
        .filter(|reading| reading.starts_with('+'))
    {
        let number =
            parsed(reading, Country::NONE).map(|number| number.get_national_significant_number());
        add_term(&mut terms, number.as_deref().map_or("", end));
    }
    terms
}

/// The usual ways to write a number, as digits and `+`. Earlier servers did not read numbers and
/// wrote these forms into the archive.
#[must_use]
pub fn earlier_forms(text: &str, country: Country) -> Vec<String> {
    let mut forms = vec![
        text.chars()
            .filter(|c| c.is_ascii_digit() || *c == '+')
            .collect::<String>(),
    ];
    let readings = read(text, country);
    forms.extend(readings.iter().map(|readings| readings.certain.clone()));
    for number in readings
        .iter()
        .flat_map(Readings::all)
        .filter_map(|reading| parsed(reading, Country::NONE))
    {
        let (number, national, code) = (e164(&number), dialled(&number), number.country_code);
        let plain = number[1..].to_owned();
        forms.extend([
            format!("00{plain}"),
            format!("+{code}{national}"),
            national,
            plain,
            number,
        ]);
    }
    forms.retain(|form| !form.is_empty());
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn parsed(number: &str, country: Country) -> Option<PhoneNumber> {
    PhoneNumber::parse(number, country.0).ok()
}

/// Reads a number as an international one that begins with `00`, or whose `+` was left out. No
/// country code begins with a zero.
fn without_plus(number: &str) -> Option<PhoneNumber> {
    let number = number.strip_prefix("00").unwrap_or(number);
    parsed(&format!("+{number}"), Country::NONE).filter(|_| !number.starts_with('0'))
}

fn e164(number: &PhoneNumber) -> String {
    number.format_as(PhoneNumberFormat::E164).into_owned()
}

/// The digits that people dial for a number within its country.
fn dialled(number: &PhoneNumber) -> String {
    number
        .format_as(PhoneNumberFormat::National)
        .chars()
        .filter(char::is_ascii_digit)
        .collect()
}

fn end(digits: &str) -> &str {
    &digits[digits.len().saturating_sub(TERM_DIGITS)..]
}

fn add_term(terms: &mut Vec<String>, term: &str) {
    if !term.is_empty() && terms.iter().all(|known| known != term) {
        terms.push(term.to_owned());
    }
}
