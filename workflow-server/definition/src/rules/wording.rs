//! Parts of messages: quoted texts, and suggestions for misspelt words.

use std::cell::Cell;

use crate::limits;

/// How many characters of the author's text a message quotes.
const QUOTED_CHARS_MAX: usize = 40;

/// The author's text in quotes, shortened for a message.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut chars = text.chars();
    let start: String = chars
        .by_ref()
        .take(QUOTED_CHARS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if chars.next().is_some() {
        format!("`{start}…`")
    } else {
        format!("`{start}`")
    }
}

/// How many letters of a suggested word may differ.
const OFF_MAX: usize = 4;

/// The known word that is most similar to the written one; `None` if none is similar enough.
#[must_use]
pub fn nearest<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let mut left = usize::MAX;
    nearest_of(written, known, &mut left)
}

/// Like [`nearest`], but compares at most `left` words letter by letter. Subtracts the number of
/// compared words from `left`.
fn nearest_of<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
    left: &mut usize,
) -> Option<&'a str> {
    if written.chars().count() > limits::NAME_CHARS_MAX {
        return None;
    }
    let far = (written.chars().count() / 3).clamp(1, OFF_MAX);
    let mut nearest: Option<(usize, &str)> = None;
    for word in known
        .into_iter()
        .filter(|word| has_letters_of(written, word, far))
    {
        if *left == 0 {
            break;
        }
        *left -= 1;
        let distance = strsim::osa_distance(written, word);
        if distance <= far && nearest.is_none_or(|(least, _)| distance < least) {
            nearest = Some((distance, word));
        }
    }
    nearest.map(|(_, word)| word)
}

/// Whether two words share enough bytes to be similar. This is much faster than comparing them.
fn has_letters_of(one: &str, other: &str, far: usize) -> bool {
    let mut counts = [0_i32; 256];
    one.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    other
        .bytes()
        .for_each(|byte| counts[usize::from(byte)] -= 1);
    let only_in = |sign: i32| {
        counts
            .iter()
            .map(|count| (count * sign).max(0))
            .sum::<i32>()
    };
    // A letter has up to four bytes.
    let bytes_of_letter = if one.is_ascii() && other.is_ascii() {
        1
    } else {
        4
    };
    only_in(1).max(only_in(-1)) as usize <= far * bytes_of_letter
}

/// Returns "; did you mean `alert`?", or an empty text.
#[must_use]
pub fn suggestion<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    meant(nearest(written, known))
}

/// Like [`suggestion`], or all known words if they are few: "; available: new-call, done".
#[must_use]
pub fn suggestion_or_all<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    let hint = suggestion(written, known.clone());
    if hint.is_empty() {
        all_if_few(known)
    } else {
        hint
    }
}

/// All known words if they are few: "; available: new-call, done". Otherwise an empty text.
#[must_use]
pub fn all_if_few<'a>(known: impl Iterator<Item = &'a str>) -> String {
    const FEW: usize = 8;
    let few: Vec<&str> = known.take(FEW + 1).collect();
    if few.len() > FEW {
        String::new()
    } else {
        format!("; available: {}", few.join(", "))
    }
}

fn meant(word: Option<&str>) -> String {
    word.map_or_else(String::new, |word| format!("; did you mean `{word}`?"))
}

/// How many words are compared for the suggestions of one file. Each takes up to about 30 µs.
/// People correct the first errors first, so later ones need no suggestions.
const COMPARED_MAX: usize = 500;
/// How many words are looked at to find those worth comparing. Each takes about 0.3 µs.
const LOOKED_AT_MAX: usize = 20_000;

/// Suggestions for the errors of one file, in limited time.
pub struct Suggestions {
    compared: Cell<usize>,
    looked_at: Cell<usize>,
}

impl Default for Suggestions {
    fn default() -> Self {
        Self {
            compared: Cell::new(COMPARED_MAX),
            looked_at: Cell::new(LOOKED_AT_MAX),
        }
    }
}

impl Suggestions {
    /// Returns "; did you mean …?", or an empty text. If several words are equally similar, always
    /// returns the same one.
    pub fn hint<'a>(&self, written: &str, known: impl Iterator<Item = &'a str>) -> String {
        let (mut compared, looked_at) = (self.compared.get(), self.looked_at.get());
        if compared == 0 || looked_at == 0 {
            return String::new();
        }
        let mut known: Vec<&str> = known.collect();
        known.sort_unstable();
        self.looked_at.set(looked_at.saturating_sub(known.len()));
        let nearest = nearest_of(written, known, &mut compared);
        self.compared.set(compared);
        meant(nearest)
    }
}
