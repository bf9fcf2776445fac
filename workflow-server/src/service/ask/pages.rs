//! Page tokens: opaque text that holds where a list continues, bound to the request of the list
//! and to the scope of its caller.

use std::fmt::Write as _;

use prost::Message;

use crate::limits::{PAGE_BYTES_MAX, PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use crate::service::say::{Refusal, refusal};
use crate::service::shared::Shared;

/// Bytes of a row's key and length in its page.
const ROW_OVERHEAD_BYTES: usize = 8;

/// The room that is left on a page, in bytes. The first row always has room: a page without any
/// would never end.
#[derive(Debug, Default)]
pub(crate) struct Room {
    bytes: usize,
}

impl Room {
    /// Whether a row has room; it then takes it.
    pub(crate) fn takes(&mut self, row: &impl Message) -> bool {
        let bytes = row.encoded_len() + ROW_OVERHEAD_BYTES;
        let has_room = self.bytes == 0 || self.bytes + bytes <= PAGE_BYTES_MAX;
        self.bytes += if has_room { bytes } else { 0 };
        has_room
    }

    /// Adds a row that belongs to the one before and stays with it.
    pub(crate) fn add(&mut self, row: &impl Message) {
        self.bytes += row.encoded_len() + ROW_OVERHEAD_BYTES;
    }
}

/// The first of the rows, as many as a page has room for. Of the others one is made at most.
pub(crate) fn fitting<R: Message>(rows: impl Iterator<Item = R>) -> Vec<R> {
    let mut room = Room::default();
    rows.take_while(|row| room.takes(row)).collect()
}

/// The same, and whether rows were left out.
pub(crate) fn first_of<R: Message>(rows: impl Iterator<Item = R>) -> (Vec<R>, bool) {
    let (mut room, mut left_out) = (Room::default(), false);
    let fits = |row: &R| {
        left_out = !room.takes(row);
        !left_out
    };
    let first = rows.take_while(fits).collect();
    (first, left_out)
}

/// How many rows a page has.
pub(crate) fn rows(asked: u32) -> usize {
    match asked as usize {
        0 => PAGE_ROWS_DEFAULT,
        asked => asked.min(PAGE_ROWS_MAX),
    }
}

/// A token that holds these numbers, good for a list with these bytes.
pub(crate) fn token(shared: &Shared, list: &[u8], numbers: &[u64]) -> String {
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
pub(crate) fn read<const N: usize>(
    shared: &Shared,
    list: &[u8],
    token: &str,
) -> Result<Option<[u64; N]>, Refusal> {
    if token.is_empty() {
        return Ok(None);
    }
    let refused = || {
        refusal::invalid_field(
            "page_token",
            "is not a token that this list gave: ask for the first page again",
        )
    };
    let (body, given) = token.rsplit_once('.').ok_or_else(refused)?;
    let body = format!("{body}.");
    if u64::from_str_radix(given, 16).ok() != Some(seal(shared, list, &body)) {
        return Err(refused());
    }
    let numbers: Result<Vec<u64>, _> = body
        .trim_end_matches('.')
        .split('.')
        .map(|part| u64::from_str_radix(part, 16))
        .collect();
    let numbers = numbers.map_err(|_| refused())?;
    numbers.try_into().map(Some).map_err(|_| refused())
}

fn seal(shared: &Shared, list: &[u8], body: &str) -> u64 {
    let mut bytes = list.to_vec();
    bytes.extend_from_slice(body.as_bytes());
    bytes.extend_from_slice(&shared.scope_bytes());
    shared.bind(&bytes)
}

/// Where a list continues: after the last row that is shown, where bytes ended the page; else where
/// the rows end.
pub(crate) fn next_after<T, C>(
    rows: &[T],
    shown: usize,
    next: Option<C>,
    place: impl Fn(&T) -> C,
) -> Option<C> {
    match rows.get(..shown) {
        Some(on_page) if shown < rows.len() => on_page.last().map(place),
        _ => next,
    }
}

/// A page of rows that are numbered, from this one on, and the number of the first that is left
/// out.
pub(crate) fn numbered<R: Message>(
    rows: impl Iterator<Item = (usize, R)>,
    from: usize,
    rows_max: usize,
) -> (Vec<R>, Option<usize>) {
    let (mut page, mut room) = (Vec::new(), Room::default());
    for (number, row) in rows.skip_while(|(number, _)| *number < from) {
        if page.len() == rows_max || !room.takes(&row) {
            return (page, Some(number));
        }
        page.push(row);
    }
    (page, None)
}

#[cfg(test)]
#[path = "pages/tests.rs"]
mod tests;
