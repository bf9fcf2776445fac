//! The parts of a connection string. `tokio-postgres` reads them, except those that it does not
//! know. These are taken out first.

use std::str::FromStr as _;

use super::refusal::reason;
use crate::journal::DatabaseError;

/// The keys that are taken out.
const OURS: [&str; 5] = ["sslmode", "sslrootcert", "sslcert", "sslkey", "passfile"];

/// A connection string without the parts that were taken out.
pub(super) struct Parameters {
    rest: String,
    taken: Vec<(String, String)>,
}

/// The error about an address.
pub(super) fn invalid(what: impl Into<String>) -> DatabaseError {
    DatabaseError::Address { what: what.into() }
}

/// Whether the text is a URL of PostgreSQL.
pub(super) fn is_url(text: &str) -> bool {
    text.starts_with("postgres://") || text.starts_with("postgresql://")
}

impl Parameters {
    /// Takes the parts out.
    pub(super) fn parse(text: &str) -> Result<Self, DatabaseError> {
        let text = text.trim();
        if is_url(text) {
            of_url(text)
        } else {
            of_pairs(text)
        }
    }

    /// Whether a part was taken out and not used yet.
    pub(super) fn has(&self, key: &str) -> bool {
        self.taken.iter().any(|(taken, _)| taken == key)
    }

    /// The last value of a key that was taken out.
    pub(super) fn take(&mut self, key: &str) -> Option<String> {
        let mut found = None;
        self.taken.retain_mut(|(taken, value)| {
            let is_it = taken == key;
            if is_it {
                found = Some(std::mem::take(value));
            }
            !is_it
        });
        found
    }

    /// Reads the other parts.
    pub(super) fn config(&self) -> Result<tokio_postgres::Config, DatabaseError> {
        // The error names the part and shows no value.
        tokio_postgres::Config::from_str(&self.rest).map_err(|error| invalid(reason(&error)))
    }
}

fn of_url(text: &str) -> Result<Parameters, DatabaseError> {
    let (before, query) = text.split_once('?').unwrap_or((text, ""));
    let (mut taken, mut rest) = (Vec::new(), Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some((key, value)) if OURS.contains(&key) => {
                let value = decoded(value);
                let unreadable = || invalid(format!("the value of {key} is not valid"));
                taken.push((key.to_owned(), value.ok_or_else(unreadable)?));
            }
            _ => rest.push(pair),
        }
    }
    let mut kept = before.to_owned();
    if !rest.is_empty() {
        kept = format!("{kept}?{}", rest.join("&"));
    }
    Ok(Parameters { rest: kept, taken })
}

/// A text of a URL without its percent signs. `None` if they do not belong there.
fn decoded(text: &str) -> Option<String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, tail)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = tail;
            continue;
        }
        let (digits, tail) = tail.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = tail;
    }
    String::from_utf8(bytes).ok()
}

/// Reads `key=value key='a value'`. A backslash protects the next character.
fn of_pairs(text: &str) -> Result<Parameters, DatabaseError> {
    let (mut taken, mut rest) = (Vec::new(), String::new());
    let mut left = text;
    while !left.is_empty() {
        let (key, after) = left.split_once('=').ok_or_else(|| {
            invalid("write key=value, or a URL such as postgres://USER@HOST/DATABASE")
        })?;
        let key = key.trim();
        let after = after.trim_start();
        let (value, length) = value_at(after)?;
        if OURS.contains(&key) {
            taken.push((key.to_owned(), value));
        } else {
            rest.push_str(&format!("{key}={} ", &after[..length]));
        }
        left = after[length..].trim_start();
    }
    Ok(Parameters { rest, taken })
}

/// The value at the beginning of a text, and the number of its bytes there.
fn value_at(text: &str) -> Result<(String, usize), DatabaseError> {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(is_quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, character)| character)),
            '\'' if is_quoted => return Ok((value, at + 1)),
            _ if !is_quoted && character.is_whitespace() => return Ok((value, at)),
            _ => value.push(character),
        }
    }
    if is_quoted {
        return Err(invalid("a quotation mark is not closed"));
    }
    Ok((value, text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_parts_are_taken_out_and_the_rest_is_kept() {
        for text in [
            "postgres://ann@one/calls?sslmode=verify-full&connect_timeout=3&sslrootcert=%2Fa%20b",
            r"host=one  user = ann dbname='calls' sslmode='verify-full' connect_timeout=3 sslrootcert='/a\ b'",
        ] {
            let mut parameters = Parameters::parse(text).unwrap();
            assert_eq!(parameters.take("sslmode").as_deref(), Some("verify-full"));
            assert!(parameters.has("sslrootcert"));
            assert_eq!(parameters.take("sslrootcert").as_deref(), Some("/a b"));
            assert!(!parameters.has("sslrootcert"));
            let config = parameters.config().unwrap();
            assert_eq!(config.get_user(), Some("ann"));
            assert_eq!(config.get_dbname(), Some("calls"));
        }
    }

    #[test]
    fn a_text_that_is_no_address_is_refused() {
        for text in ["calls", "host='one", "postgres://one/calls?sslmode=%zz"] {
            assert!(Parameters::parse(text).is_err(), "{text}");
        }
    }
}
