//! Telephone numbers, grouped as people read them, with an address that a telephone dials.
//!
//! Promise: a number that cannot be read is shown as it was written. Must not: decide which numbers
//! are equal, because the server does.

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat};

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
    let written = text.trim();
    let written = ["tel:", "sip:"]
        .into_iter()
        .find_map(|scheme| written.strip_prefix(scheme))
        .unwrap_or(written);
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
