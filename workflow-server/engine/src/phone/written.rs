//! Reads the text of a telephone number: plain numbers, `tel:` and `sip:` addresses, remarks and
//! extensions.
//!
//! Must not: know the numbering of any country. The library knows it.

use rlibphonenumber::PHONE_NUMBER_UTIL;

/// What telephone systems send if the caller withholds the number. These are the words ANONYMOUS,
/// BLOCKED, RESTRICTED, UNAVAILABLE and UNKNOWN on the keys of a telephone.
const WITHHELD: [&str; 5] = [
    "266696687",
    "2562533",
    "7378742833",
    "86282452253",
    "8656696",
];
/// Digits of an extension. A longer one is another number.
const EXTENSION_DIGITS_MAX: usize = 7;

/// A number as it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// The digits. An international number begins with `+`.
    pub(super) number: String,
    /// The digits of the extension; empty if there is none.
    pub(super) extension: String,
}

/// Reads a text. Returns `None` if it contains no number, or a withheld one.
pub(super) fn read(text: &str) -> Option<Written> {
    let address = Address::read(text);
    let (number, rest) = split(&address.number)?;
    let number = match (&address.context, number.starts_with('+')) {
        (Some(context), false) => format!("{context}{number}"),
        _ => number,
    };
    let digits = number.trim_start_matches('+');
    if digits.bytes().all(|digit| digit == b'0') || WITHHELD.contains(&digits) {
        return None;
    }
    let extension = if address.extension.is_empty() {
        extension(rest)
    } else {
        address.extension.clone()
    };
    Some(Written { number, extension })
}

/// The parts of a telephone system's address. Any other text is one `number`.
struct Address {
    number: String,
    /// From `;phone-context=+44`: the prefix of a local number.
    context: Option<String>,
    extension: String,
}

impl Address {
    fn read(text: &str) -> Self {
        // `"Ada" <sip:+442079460001@gw>;tag=1`
        let inside = text
            .split_once('<')
            .map(|(_, inside)| inside.split('>').next().unwrap_or(inside));
        let text = inside
            .unwrap_or(text)
            .trim_start_matches(|c: char| !c.is_alphanumeric() && !is_plus(c) && c != '(');
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let (is_sip, rest) = match scheme.to_ascii_lowercase().as_str() {
            "sip" | "sips" => (true, rest),
            "tel" | "callto" => (false, rest),
            _ => {
                return Self {
                    number: text.to_owned(),
                    context: None,
                    extension: String::new(),
                };
            }
        };
        let user = rest
            .split_once('@')
            .map_or(rest, |(user, _)| user)
            .replace("%2B", "+")
            .replace("%2b", "+");
        let mut parts = user.split(';');
        let number = parts.next().unwrap_or_default();
        // A name such as `ada99` has digits, but is not a number.
        let is_name = is_sip && number.contains(char::is_alphabetic);
        let mut address = Self {
            number: if is_name {
                String::new()
            } else {
                number.to_owned()
            },
            context: None,
            extension: String::new(),
        };
        for (name, value) in parts.filter_map(|part| part.split_once('=')) {
            let digits: String = value.chars().filter_map(digit).collect();
            match name.to_ascii_lowercase().as_str() {
                "ext" => address.extension = digits,
                "phone-context" if value.starts_with('+') => {
                    address.context = Some(format!("+{digits}"));
                }
                _ => {}
            }
        }
        address
    }
}

/// The first number of a text, and the rest behind it. Letters in brackets are a remark. Other
/// letters end the number.
fn split(text: &str) -> Option<(String, &str)> {
    let start = text.find(|c| is_plus(c) || digit(c).is_some())?;
    let (mut number, mut at) = (String::new(), start);
    while let Some(c) = text[at..].chars().next() {
        if is_plus(c) {
            if number.contains(|c: char| c.is_ascii_digit()) {
                break;
            }
            number = "+".to_owned();
        } else if let Some(digit) = digit(c) {
            number.push(digit);
        } else if let Some(remark) = remark(&text[at..]) {
            at += remark;
            continue;
        } else if c.is_alphabetic() || matches!(c, '#' | ',' | ';' | ':' | '~' | '*' | '@') {
            break;
        }
        at += c.len_utf8();
    }
    number
        .contains(|c: char| c.is_ascii_digit())
        .then(|| (number, &text[at..]))
}

/// The length of a remark in brackets at the start of a text, such as `(office)`, in bytes. Returns
/// `None` if there is no remark, or if it contains digits.
fn remark(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('(')?;
    let end = inside.find(')')?;
    let is_remark = inside[..end].contains(char::is_alphabetic)
        && !inside[..end].chars().any(|c| digit(c).is_some());
    is_remark.then_some(end + 2)
}

/// The extension in the text behind a number: a word or sign such as `ext.`, `x`, `#` or
/// `Durchwahl`, followed by a few digits.
fn extension(rest: &str) -> String {
    let is_sign = |c: char| !c.is_alphanumeric();
    let rest = rest
        .trim_start_matches(is_sign)
        .trim_start_matches(char::is_alphabetic)
        .trim_start_matches(is_sign);
    let digits: String = rest.chars().map_while(digit).collect();
    let is_whole = !rest
        .chars()
        .nth(digits.len())
        .is_some_and(char::is_alphanumeric);
    if is_whole && digits.len() <= EXTENSION_DIGITS_MAX {
        digits
    } else {
        String::new()
    }
}

fn is_plus(c: char) -> bool {
    matches!(c, '+' | '\u{ff0b}')
}

/// The value of a digit in any script.
fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        _ if c.is_ascii() || !c.is_numeric() => None,
        _ => PHONE_NUMBER_UTIL
            .normalize_digits_only(c.encode_utf8(&mut [0; 4]))
            .chars()
            .next(),
    }
}
