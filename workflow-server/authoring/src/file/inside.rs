//! Finds the position of an error inside of a text or a condition.

use std::ops::Range;

use crate::file::position::Position;

/// How many characters after the beginning of a text are searched, in addition to twice its length.
/// They allow for indentation and escapes.
const INSIDE_CHARS_MAX: usize = 1_000;

/// The position of some bytes of a text or condition that begins at `at`. The file may fold, indent
/// or escape the text. So this searches for its words, and skips equal words before them. `None` if
/// the words in the file are different.
pub(super) fn inside(
    file: &str,
    at: Position,
    source: &str,
    range: Range<usize>,
) -> Option<Position> {
    let words = source.get(range.clone())?;
    let (before, words) = match words.trim() {
        // An error at the end is shown at the last character.
        "" => {
            let (last, _) = source.trim_end().char_indices().next_back()?;
            (source.get(..last)?, source.get(last..)?.trim_end())
        }
        words => (source.get(..range.start)?, words),
    };
    let nth = occurrences(before, words).count();
    let begins = beginning(file, at)?;
    let end = file[begins..]
        .char_indices()
        .nth(2 * source.len() + INSIDE_CHARS_MAX);
    let looked_at = &file[begins..end.map_or(file.len(), |(end, _)| begins + end)];
    let found = begins + occurrences(looked_at, words).nth(nth)?;
    let line_begins = file[..found].rfind('\n').map_or(0, |end| end + 1);
    let line = file[..found].matches('\n').count() + 1;
    let column = file[line_begins..found].chars().count() + 1;
    Some(Position {
        line: u32::try_from(line).ok()?,
        column: u32::try_from(column).ok()?,
    })
}

/// The byte offset of a position.
fn beginning(file: &str, at: Position) -> Option<usize> {
    let lines = file.split_inclusive('\n');
    let line_begins: usize = lines
        .take((at.line as usize).checked_sub(1)?)
        .map(str::len)
        .sum();
    let column = (at.column as usize).checked_sub(1)?;
    let rest = file.get(line_begins..)?;
    Some(
        line_begins
            + rest
                .char_indices()
                .nth(column)
                .map_or(rest.len(), |(at, _)| at),
    )
}

/// The byte offsets of the words, except inside of longer words.
fn occurrences<'t>(text: &'t str, words: &'t str) -> impl Iterator<Item = usize> + 't {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let joins = move |one: Option<char>, other: Option<char>| {
        one.is_some_and(is_word) && other.is_some_and(is_word)
    };
    let found = text.match_indices(words).filter(move |(at, words)| {
        let (before, after) = (
            text[..*at].chars().next_back(),
            text[at + words.len()..].chars().next(),
        );
        !joins(before, words.chars().next()) && !joins(words.chars().next_back(), after)
    });
    found.map(|(at, _)| at)
}
