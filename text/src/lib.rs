//! Pasted texts contain characters that nobody sees: zero-width spaces, marks of text direction,
//! byte order marks, soft hyphens, no-break spaces.
//!
//! [`key`] cleans identifiers: two keys that look alike are equal afterwards. [`prose`] cleans
//! texts that people read, and keeps what a script needs: the joiners of Persian, of Indian scripts
//! and of emoji, and the marks that put a sign beside a word of the other direction into its place.
//!
//! Promise: a clean text is not changed or copied. Must not: refuse anything. Control
//! characters are refused where requests are checked.

mod field_error;

use std::borrow::Cow;

pub use field_error::FieldError;

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const BLACK_FLAG: char = '\u{1f3f4}';

/// A text by which something is found, such as an id or a name of a customer: nothing in it is
/// invisible, every space is the usual one.
#[must_use]
pub fn key(text: &str) -> Cow<'_, str> {
    cleaned(text, |_, c| match c {
        _ if is_never_seen(c) || is_seen_with_others_only(c) => None,
        _ if is_space(c) => Some(' '),
        _ if is_line_separator(c) => Some('\n'),
        c => Some(c),
    })
}

/// A text that people read, such as a note, a caller's name or a value of a field.
#[must_use]
pub fn prose(text: &str) -> Cow<'_, str> {
    cleaned(text, |before, c| match c {
        ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER if !before.is_some_and(is_joined) => None,
        // The flags of England, Scotland and Wales are spelled with them; anywhere else they hide a
        // text.
        '\u{e0000}'..='\u{e007f}'
            if !before.is_some_and(|before| before == BLACK_FLAG || is_tag(before)) =>
        {
            None
        }
        _ if is_never_seen(c) => None,
        '\u{a0}' | '\u{2007}' | '\u{202f}' => Some(' '),
        _ if is_line_separator(c) => Some('\n'),
        c => Some(c),
    })
}

/// Whether [`key`] or [`prose`] may change a text with this character. They keep every ASCII
/// character.
#[must_use]
pub fn is_suspicious(c: char) -> bool {
    !c.is_ascii()
        && (is_never_seen(c)
            || is_seen_with_others_only(c)
            || is_space(c)
            || is_line_separator(c)
            || c == '\u{a0}')
}

/// Passes each character through `kept`, with the one before it in the result.
fn cleaned(text: &str, kept: impl Fn(Option<char>, char) -> Option<char>) -> Cow<'_, str> {
    if !text.contains(is_suspicious) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut before = None;
    for c in text.chars() {
        if let Some(c) = kept(before, c) {
            clean.push(c);
            before = Some(c);
        }
    }
    if clean == text {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(clean)
    }
}

/// Is invisible, or makes a line look different from its content: soft hyphen, zero-width space,
/// word joiner, invisible operators, the characters that embed, override or isolate a direction,
/// byte order mark, annotations.
fn is_never_seen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{200b}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
    )
}

/// Is invisible, but changes how its neighbours are shown: joiners, marks of direction,
/// selectors of a variant, tags; and the letters of Hangul that are blank.
fn is_seen_with_others_only(c: char) -> bool {
    matches!(
        c,
        '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200c}'..='\u{200f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e007f}'
    )
}

fn is_space(c: char) -> bool {
    matches!(
        c,
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Next line, line separator, paragraph separator.
fn is_line_separator(c: char) -> bool {
    matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{e0020}'..='\u{e007e}')
}

/// Whether a joiner behind this character does something: a letter or mark of a script from Arabic
/// on, or an emoji. Between Latin, Greek, Cyrillic or Han characters a joiner shows nothing.
fn is_joined(c: char) -> bool {
    matches!(
        c,
        '\u{600}'..='\u{1cff}' | '\u{2190}'..='\u{2bff}' | '\u{a800}'..='\u{abff}' | '\u{fb50}'..='\u{fdff}'
            | '\u{fe0f}' | '\u{fe70}'..='\u{fefc}' | '\u{10a00}'..='\u{11fff}' | '\u{1e900}'..='\u{1e95f}'
            | '\u{1f000}'..='\u{1faff}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_clean_is_not_copied() {
        for text in [
            "",
            "C-77",
            "Zoë O’Brien – Café",
            "客户",
            "Владимир",
            "line\nline\ttab",
        ] {
            assert!(
                matches!(key(text), Cow::Borrowed(same) if same == text),
                "{text:?}"
            );
            assert!(
                matches!(prose(text), Cow::Borrowed(same) if same == text),
                "{text:?}"
            );
        }
    }

    #[test]
    fn two_keys_that_look_alike_are_equal() {
        for text in [
            "C-\u{ad}77",
            "\u{feff}C-77",
            "C\u{200b}-77",
            "C\u{200c}-\u{200d}77",
            "\u{202a}C-77\u{202c}",
            "\u{2066}C-77\u{2069}",
            "\u{200e}C-77\u{200f}",
            "\u{61c}C-77",
            "C-7\u{2060}7",
            "C-77\u{fe0f}",
            "C-77\u{e0041}",
            "C-\u{34f}77",
            "\u{3164}C-77",
        ] {
            assert_eq!(key(text), "C-77", "{text:?}");
        }
        for space in ['\u{a0}', '\u{2003}', '\u{2007}', '\u{202f}', '\u{3000}'] {
            assert_eq!(key(&format!("Acme{space}Ltd")), "Acme Ltd", "{space:?}");
        }
        assert_eq!(
            key("C-77\u{2028}"),
            "C-77\n",
            "a line break is refused where the request is checked"
        );
    }

    #[test]
    fn a_text_keeps_what_its_script_needs() {
        for text in [
            "می\u{200c}خواهم",
            "श\u{94d}\u{200d}री क\u{94d}\u{200d}",
            "\u{1f469}\u{200d}\u{1f467}",
            "\u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "\u{1f469}\u{1f3fd}\u{200d}\u{1f692}",
            "\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "\u{5d0}\u{5d1}\u{5d2}\u{200f} (Ltd)",
            "葛\u{fe00}",
            "全角\u{3000}空白",
        ] {
            assert_eq!(prose(text), text);
        }
    }

    #[test]
    fn a_text_loses_what_nobody_sees() {
        assert_eq!(prose("Pay \u{202e}100\u{202c} EUR"), "Pay 100 EUR");
        assert_eq!(prose("Goo\u{200d}gle \u{200c}GmbH"), "Google GmbH");
        assert_eq!(
            prose("Donau\u{ad}dampf\u{200b}schiff\u{feff}"),
            "Donaudampfschiff"
        );
        assert_eq!(prose("100\u{a0}€\u{202f}!"), "100 € !");
        assert_eq!(
            prose("one\u{2028}two\u{2029}three\u{85}four"),
            "one\ntwo\nthree\nfour"
        );
        assert_eq!(prose("hidden\u{e0068}\u{e0069}"), "hidden");
    }

    proptest! {
        #[test]
        fn cleaning_again_changes_nothing(text in "([a-z \u{600}-\u{610}\u{1f468}\u{1f3f4}\u{e0060}-\u{e0070}]|[\u{80}-\u{ae}\u{200a}-\u{2070}\u{fe0f}\u{feff}])*") {
            for clean in [key, prose] {
                let once = clean(&text).into_owned();
                prop_assert_eq!(clean(&once), once.as_str());
            }
            prop_assert!(!key(&text).contains(|c| is_never_seen(c) || is_seen_with_others_only(c)));
        }

        #[test]
        fn only_suspicious_characters_are_changed(text in any::<String>()) {
            let rest = |text: &str| text.chars().filter(|c| !is_suspicious(*c) && !matches!(c, ' ' | '\n')).collect::<String>();
            prop_assert_eq!(rest(&key(&text)), rest(&text));
            prop_assert_eq!(rest(&prose(&text)), rest(&text));
        }
    }
}
