//! Page tokens: opaque text that says where a list goes on, bound to what the list was asked for.

use std::fmt::Write as _;

use tonic::Status;

use super::{Shared, status};
use crate::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};

/// How many rows a page has.
pub(super) fn rows(asked: u32) -> usize {
    match asked as usize {
        0 => PAGE_ROWS_DEFAULT,
        asked => asked.min(PAGE_ROWS_MAX),
    }
}

/// A token that holds these numbers, good for a list with these bytes.
pub(super) fn token(shared: &Shared, list: &[u8], numbers: &[u64]) -> String {
    let mut text = String::new();
    for number in numbers {
        // Writing to a String cannot fail.
        let _ = write!(text, "{number:x}.");
    }
    let seal = seal(shared, list, &text);
    let _ = write!(text, "{seal:x}");
    text
}

/// The numbers of a token.
pub(super) fn read<const N: usize>(shared: &Shared, list: &[u8], token: &str) -> Result<Option<[u64; N]>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let refused =
        || status::invalid_field("page_token", "is not a token that this list gave: ask for the first page again");
    let (body, given) = token.rsplit_once('.').ok_or_else(refused)?;
    let body = format!("{body}.");
    if u64::from_str_radix(given, 16).ok() != Some(seal(shared, list, &body)) {
        return Err(refused());
    }
    let numbers: Result<Vec<u64>, _> =
        body.trim_end_matches('.').split('.').map(|part| u64::from_str_radix(part, 16)).collect();
    let numbers = numbers.map_err(|_| refused())?;
    numbers.try_into().map(Some).map_err(|_| refused())
}

fn seal(shared: &Shared, list: &[u8], body: &str) -> u64 {
    let mut bytes = list.to_vec();
    bytes.extend_from_slice(body.as_bytes());
    shared.bind(&bytes)
}
