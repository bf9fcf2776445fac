//! The parser's errors in plain words, with their place. The parser's own messages use the words of
//! its grammar.

use std::ops::Range;

use cel::ParseErrors;

use super::errors::ExpressionFault;
use crate::rules;

/// The first error of the parser, in plain words.
pub(super) fn unreadable(errors: &ParseErrors, source: &str) -> ExpressionFault {
    let Some(first) = errors.errors.first() else {
        return ExpressionFault::new("is not an expression");
    };
    let range = word_at(source, first.pos);
    let word = range
        .clone()
        .and_then(|range| source.get(range))
        .unwrap_or_default();
    let why = match word {
        "" => "it ends too early".to_owned(),
        "\"" | "'" => "a quote is not closed".to_owned(),
        word => {
            let before = range
                .as_ref()
                .and_then(|range| source.get(..range.start))
                .unwrap_or_default();
            format!(
                "{} at character {} does not belong there",
                rules::quoted(word),
                before.chars().count() + 1
            )
        }
    };
    ExpressionFault {
        range,
        ..ExpressionFault::new(format!("is not an expression: {why}{}", hint(source)))
    }
}

/// The word or sign at a line and a column, both counted from 1 as the parser does. Empty at the
/// end.
fn word_at(source: &str, (line, column): (isize, isize)) -> Option<Range<usize>> {
    let line = usize::try_from(line).ok()?.checked_sub(1)?;
    let begins = source
        .split_inclusive('\n')
        .take(line)
        .map(str::len)
        .sum::<usize>();
    let column = usize::try_from(column).ok()?.saturating_sub(1);
    let rest = source.get(begins..)?;
    let at = begins
        + rest
            .char_indices()
            .nth(column)
            .map_or(rest.len(), |(at, _)| at);
    let rest = source.get(at..)?;
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let first = rest.chars().next();
    let len = match first {
        None => 0,
        Some(c) if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
        Some(c) => c.len_utf8(),
    };
    Some(at..at + len)
}

/// A hint for signs and words of other languages.
fn hint(source: &str) -> &'static str {
    let words = || source.split(|c: char| !c.is_alphanumeric() && !"=!<>_".contains(c));
    let has = |word: &str| words().any(|one| one == word);
    if has("=") {
        "; equal is `==`"
    } else if has("<>") {
        "; not equal is `!=`"
    } else if has("and") || has("AND") {
        "; and is `&&`"
    } else if has("or") || has("OR") {
        "; or is `||`"
    } else if has("not") || has("NOT") {
        "; not is `!`"
    } else {
        ""
    }
}
