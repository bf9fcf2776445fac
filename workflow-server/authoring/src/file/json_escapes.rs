//! The one part of JSON that YAML does not have: a character as two escapes, such as
//! `\ud83d\ude00`. Many programs write every character beyond the first 65,536 in this way.
//!
//! The column of an error after such a character, on the same line, counts the pair as one
//! character.
//!
//! Must not change anything except JSON: in YAML these characters may be meant literally.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// Replaces each pair of escapes by the character that it encodes.
pub(super) fn joined(text: &str) -> Cow<'_, str> {
    let may_have_pairs =
        text.trim_start().starts_with('{') && (text.contains("\\ud") || text.contains("\\uD"));
    if !may_have_pairs || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return Cow::Borrowed(text);
    }
    let mut joined = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        joined.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(c) = pair(rest) {
            joined.push(c);
            rest = &rest["\\uXXXX\\uXXXX".len()..];
        } else {
            // An escape of one character, which can itself be a backslash.
            let end = rest
                .char_indices()
                .nth(2)
                .map_or(rest.len(), |(end, _)| end);
            joined.push_str(&rest[..end]);
            rest = &rest[end..];
        }
    }
    joined.push_str(rest);
    Cow::Owned(joined)
}

fn pair(text: &str) -> Option<char> {
    let first = escape(text)?;
    let second = escape(text.get("\\uXXXX".len()..)?)?;
    let character = char::decode_utf16([first, second]).next()?.ok()?;
    // Two escapes make one character only if they are a pair. Otherwise they are two characters,
    // which YAML can read.
    (character.len_utf16() == 2).then_some(character)
}

fn escape(text: &str) -> Option<u16> {
    u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::joined;

    fn check(text: &str, expected: &str) {
        assert_eq!(joined(text), expected);
    }

    #[test]
    fn pairs_are_joined_only_in_json() {
        check(r#"{"a": "\ud83d\ude00 \uD83D\uDE00"}"#, r#"{"a": "😀 😀"}"#);
        check(
            r#"{"a": "\\ud83d\\ude00 \u00e9\ud83d\ude00"}"#,
            r#"{"a": "\\ud83d\\ude00 \u00e9😀"}"#,
        );
        check(r"{a: '\ud83d\ude00'}", r"{a: '\ud83d\ude00'}");
        check(r#"a: "\ud83d\ude00""#, r#"a: "\ud83d\ude00""#);
    }
}
