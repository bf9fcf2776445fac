//! Telephone numbers as people and telephone systems write them, compared as the numbers that they
//! are.
//!
//! A number has one certain reading, and may have others. All written forms of one number have the
//! same certain reading, and no other number has it: erasing uses it. Searching uses all readings.
//!
//! Promise: reading never fails. Must not: store anything, or depend on a setting where something
//! is indexed ([`terms`]): a call keeps what the script sent, and the country of a server may
//! change at any time.

mod written;

use std::fmt;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, Region};
use written::Written;

/// The number of last digits by which a number is indexed. All forms of a number share them, if it
/// has as many.
const TERM_DIGITS: usize = 7;
/// Digits of a number with its country code that may have fewer than [`TERM_DIGITS`] without it,
/// and a zero in between: `+49 (0)89 123`.
const SHORT_DIGITS: usize = 10;

/// The country of numbers without a country code; none where the server has no such setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Country(Option<Region>);

impl Country {
    /// No country: national numbers are compared by their digits.
    pub const NONE: Self = Self(None);

    /// The country with this ISO 3166 code of two capital letters, such as `GB`.
    #[must_use]
    pub fn named(code: &str) -> Option<Self> {
        let is_code = code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        // The library also reads codes that are reserved, such as UK; it knows no numbers of them.
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

/// What a written number means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readings {
    /// The reading that counts where two people must not be mixed up: a number in the form of
    /// E.164, such as `+442079460001`, or else the digits as they are written.
    pub certain: String,
    /// Other possible readings, used by searches: a number without `+` may be national or
    /// international.
    pub others: Vec<String>,
    /// The extension; empty for none.
    pub extension: String,
}

impl Readings {
    /// Whether it is the same number. This is an equivalence: no third number makes two of them the
    /// same.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.certain == other.certain && self.extension == other.extension
    }

    /// Whether it may be the same number. Extensions count where both have one.
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

/// Reads a number; none where the text contains no number, or the number is withheld.
///
/// The certain reading is the first of these that is a number: with `+` or `00` the international
/// one; the national one, if it is written as it is dialled in the country; an international one
/// whose `+` was left out, as telephone systems do; the national one. What is none of these, such
/// as the internal number 204, stays as it is written.
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

/// The terms by which a number is indexed. Two numbers that may be the same have a term in common
/// if one of them is searched for by its [`sought_terms`], for any country of the server.
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
    // A longer number ends with the same digits in all of its forms.
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

/// The usual ways to write a number, as digits and `+`. Earlier servers, which did not read
/// numbers, wrote these into the archive.
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

/// A number as an international one whose `+` was left out, or written as `00`. No country's code
/// begins with a zero.
fn without_plus(number: &str) -> Option<PhoneNumber> {
    let number = number.strip_prefix("00").unwrap_or(number);
    parsed(&format!("+{number}"), Country::NONE).filter(|_| !number.starts_with('0'))
}

fn e164(number: &PhoneNumber) -> String {
    number.format_as(PhoneNumberFormat::E164).into_owned()
}

/// The digits that are dialled for a number within its country.
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
