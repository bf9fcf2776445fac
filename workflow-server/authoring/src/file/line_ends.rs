//! The line ends and the byte order mark of a file. Reading ignores them, and formatting keeps
//! them.

use std::borrow::Cow;

/// The mark that Windows programs write before UTF-8.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The lines of a text, with any kind of line end.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    let lines = std::iter::from_fn(move || {
        let text = rest?;
        let Some(at) = text.find(['\n', '\r']) else {
            rest = None;
            return Some(text);
        };
        let end = if text[at..].starts_with("\r\n") {
            at + 2
        } else {
            at + 1
        };
        rest = Some(&text[end..]);
        Some(&text[..at])
    });
    lines.map(|line| line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line))
}

/// The text without a byte order mark, and with `\n` at the end of each line. This is the form that
/// is read.
pub(super) fn plain(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// The line ends and the byte order mark of a file.
pub(super) struct Dress {
    has_mark: bool,
    line_end: &'static str,
}

impl Dress {
    /// Finds those of a file. If its line ends differ, uses the first one.
    pub(super) fn from_text(text: &str) -> Self {
        let line_end = match text.find(['\n', '\r']) {
            Some(at) if text[at..].starts_with("\r\n") => "\r\n",
            Some(at) if text[at..].starts_with('\r') => "\r",
            _ => "\n",
        };
        Self {
            has_mark: text.starts_with(BYTE_ORDER_MARK),
            line_end,
        }
    }

    /// Writes a plain text with them.
    pub(super) fn put_on(&self, plain: String) -> String {
        let text = if self.line_end == "\n" {
            plain
        } else {
            plain.replace('\n', self.line_end)
        };
        if self.has_mark {
            format!("{BYTE_ORDER_MARK}{text}")
        } else {
            text
        }
    }
}
