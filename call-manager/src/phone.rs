//! Telephone numbers, grouped as people read them, with an address that a telephone dials.
//!
//! Promise: a number that cannot be read is shown as it was written. Must not: decide which numbers
//! are equal, because the server does.

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, Region};

/// The country of numbers without a country code; none where the servers have no such setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Country(Option<Region>);

impl Country {
    /// The country with an ISO 3166 code; none for an empty one.
    pub(crate) fn named(code: &str) -> Self {
        Self(code.parse().ok())
    }
}

/// A telephone number for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Phone {
    /// In groups, such as `+44 20 7946 0001`.
    pub(crate) shown: String,
    /// A `tel:` address; empty where there is nothing to dial.
    pub(crate) address: String,
}

/// Reads a number as people and telephone systems write it.
pub(crate) fn phone(text: &str) -> Phone {
    let written = without_scheme(text);
    if let Some(number) = international(written) {
        return Phone {
            shown: number
                .format_as(PhoneNumberFormat::International)
                .into_owned(),
            address: number.format_as(PhoneNumberFormat::RFC3966).into_owned(),
        };
    }
    // A part after `@` is the name of a host.
    let local = written.split('@').next().unwrap_or_default();
    let dialled: String = local
        .chars()
        .filter(|c| c.is_ascii_digit() || "+*#".contains(*c))
        .collect();
    let is_number =
        dialled.chars().any(|c| c.is_ascii_digit()) && !local.chars().any(char::is_alphabetic);
    Phone {
        shown: text.to_owned(),
        address: match is_number {
            // In an address `#` begins a fragment.
            true => format!("tel:{}", dialled.replace('#', "%23")),
            false => String::new(),
        },
    }
}

/// The digits by which a search finds a number: as they are written, and with the code of its
/// country. Both contain those of the number within its country.
pub(crate) fn digits(text: &str, country: Country) -> String {
    let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
    let written = digits(text);
    let number = PhoneNumber::parse(without_scheme(text), country.0).ok();
    let number = number.filter(PhoneNumber::is_valid);
    let whole = number.map(|number| digits(&number.format_as(PhoneNumberFormat::E164)));
    match whole {
        Some(whole) if whole != written => format!("{written}\n{whole}"),
        _ => written,
    }
}

fn without_scheme(text: &str) -> &str {
    let written = text.trim();
    ["tel:", "sip:"]
        .into_iter()
        .find_map(|scheme| written.strip_prefix(scheme))
        .unwrap_or(written)
}

/// A valid number that names its country. The country of any other is a setting of the servers.
fn international(text: &str) -> Option<PhoneNumber> {
    let text = match text.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => text.to_owned(),
    };
    let number = PhoneNumber::parse(text, None).ok();
    number.filter(PhoneNumber::is_valid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_found_with_its_country_and_without() {
        for (text, country, found) in [
            ("020 7946 0001", "GB", "02079460001\n442079460001"),
            ("+44 (0)20 7946 0001", "", "4402079460001\n442079460001"),
            ("+442079460001", "DE", "442079460001"),
            ("tel:+44-20-7946-0001", "", "442079460001"),
            // Without a country nobody knows which number it is.
            ("020 7946 0001", "", "02079460001"),
            ("204", "GB", "204"),
            ("withheld", "GB", ""),
        ] {
            assert_eq!(digits(text, Country::named(country)), found, "{text}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_can_be_dialled() {
        for (text, shown, address) in [
            ("+442079460001", "+44 20 7946 0001", "tel:+44-20-7946-0001"),
            ("00442079460001", "+44 20 7946 0001", "tel:+44-20-7946-0001"),
            (
                "tel:+44-20-7946-0001",
                "+44 20 7946 0001",
                "tel:+44-20-7946-0001",
            ),
            ("020 7946 0001", "020 7946 0001", "tel:02079460001"),
            ("204", "204", "tel:204"),
            ("withheld", "withheld", ""),
            ("<script>1</script>", "<script>1</script>", ""),
            ("", "", ""),
        ] {
            let read = phone(text);
            assert_eq!(
                (read.shown.as_str(), read.address.as_str()),
                (shown, address),
                "{text}"
            );
        }
    }
}
