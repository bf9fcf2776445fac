//! The beginning of a text that is logged.

/// Characters of a name, an id or a request id that go into a log.
const LOGGED_CHARS_MAX: usize = 128;

/// As much of a text as goes into a log.
pub(crate) fn cut(text: &str) -> &str {
    text.char_indices()
        .nth(LOGGED_CHARS_MAX)
        .map_or(text, |(end, _)| &text[..end])
}
