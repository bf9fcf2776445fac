//! The English of the documents: short sentences, and the words that the field uses. Checks every
//! `*.md` file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use aftercall_tests::{WORDS, instead_of};

/// The longest sentence, in words.
const SENTENCE_WORDS_MAX: usize = 40;
/// The average sentence of a file, in words.
const SENTENCE_WORDS_MEAN_MAX: f64 = 15.0;
/// The size of ARCHITECTURE.md, in bytes: it is read in one sitting.
const ARCHITECTURE_BYTES_MAX: usize = 10 * 1024;

/// Where a word has its usual meaning: the file, the word, and why.
const ALLOWED: &[(&str, &str, &str)] = &[];

/// A sentence, and the line on which its paragraph begins.
struct Sentence {
    line: usize,
    words: usize,
    text: String,
}

/// A text without the parts that nobody reads as prose: targets of links and inline code, which
/// count as one word.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut is_code = false;
    for part in text.split('`') {
        plain.push_str(if is_code { "code" } else { part });
        is_code = !is_code;
    }
    let mut result = String::new();
    for (number, part) in plain.split("](").enumerate() {
        let shown = if number == 0 {
            part
        } else {
            part.split_once(')').map_or("", |(_, rest)| rest)
        };
        result.push_str(shown);
    }
    result.replace(['[', ']', '*', '!'], "")
}

/// Whether a sentence ends after this word: a mark, then perhaps a quote or a bracket.
fn has_end(word: &str) -> bool {
    word.trim_end_matches(['"', ')', '”', '’'])
        .ends_with(['.', '?', '!'])
}

/// The lines of a page outside of fenced blocks, each with its number.
fn lines_of_prose(page: &str) -> Vec<(usize, &str)> {
    let mut is_fenced = false;
    let mut lines = Vec::new();
    for (number, line) in page.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            lines.push((number + 1, ""));
        } else if !is_fenced {
            lines.push((number + 1, line.trim()));
        }
    }
    lines
}

/// The sentences of a page, without tables and headings. An item of a list and a paragraph end a
/// sentence.
fn sentences(page: &str) -> Vec<Sentence> {
    let mut paragraphs: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (number, line) in lines_of_prose(page) {
        if line.is_empty() || line.starts_with(['#', '|']) {
            is_open = false;
            continue;
        }
        let digits = line.trim_start_matches(|c: char| c.is_ascii_digit());
        let is_item = line.starts_with("- ") || line.starts_with("* ") || digits.starts_with(". ");
        if is_open && !is_item {
            let paragraph = &mut paragraphs.last_mut().expect("a paragraph is open").1;
            paragraph.push(' ');
            paragraph.push_str(line);
        } else {
            let text = digits
                .strip_prefix(". ")
                .unwrap_or_else(|| line.trim_start_matches(['-', '*', ' ']));
            // The bold title of an item keeps its stars; they are dropped with the others.
            paragraphs.push((number, text.to_owned()));
            is_open = true;
        }
    }
    paragraphs
        .iter()
        .flat_map(|(line, text)| split(*line, &plain(text)))
        .collect()
}

/// The sentences of one paragraph.
fn split(line: usize, paragraph: &str) -> Vec<Sentence> {
    let mut found = Vec::new();
    let mut words: Vec<&str> = Vec::new();
    let mut keep = |words: &mut Vec<&str>| {
        let count = words
            .iter()
            .filter(|word| word.contains(char::is_alphanumeric))
            .count();
        if count > 0 {
            found.push(Sentence {
                line,
                words: count,
                text: words.join(" "),
            });
        }
        words.clear();
    };
    for word in paragraph.split_whitespace() {
        words.push(word);
        let is_number_of_item = words.len() == 1
            && word
                .trim_end_matches('.')
                .chars()
                .all(|c| c.is_ascii_digit());
        if has_end(word) && !is_number_of_item {
            keep(&mut words);
        }
    }
    keep(&mut words);
    found
}

/// The words of [`WORDS`] in a page, each with the line: also in tables and headings, but not in
/// code.
fn words_of(page: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (number, line) in lines_of_prose(page) {
        let words: Vec<String> = plain(line)
            .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '-')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let line = format!(" {} ", words.join(" "));
        let is_there = |word: &str| line.contains(&format!(" {word} "));
        found.extend(
            WORDS
                .iter()
                .filter(|(word, _)| is_there(word))
                .map(|(word, _)| (number, *word)),
        );
    }
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// Every document of the repository, by its path.
fn documents() -> Vec<(String, String)> {
    let mut folders = vec![root()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)
            .expect("a folder")
            .map(|entry| entry.expect("an entry"))
        {
            let (path, name) = (
                entry.path(),
                entry.file_name().to_string_lossy().into_owned(),
            );
            if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules"
            {
                folders.push(path);
            } else if name.ends_with(".md") {
                let text = fs::read_to_string(&path).expect("a document");
                found.push((
                    path.strip_prefix(root())
                        .expect("inside")
                        .to_string_lossy()
                        .into_owned(),
                    text,
                ));
            }
        }
    }
    found.sort();
    assert!(found.len() > 10, "the documents are found");
    found
}

#[test]
fn sentences_are_short() {
    let mut errors = Vec::new();
    // The sentences and words of each file. The pages of the decisions are short, and are averaged
    // together.
    let mut counted: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (name, text) in documents() {
        let found = sentences(&text);
        for sentence in found
            .iter()
            .filter(|sentence| sentence.words > SENTENCE_WORDS_MAX)
        {
            errors.push(format!(
                "{name}:{}: {} words: {}",
                sentence.line, sentence.words, sentence.text
            ));
        }
        let words: usize = found.iter().map(|sentence| sentence.words).sum();
        let together = if name.starts_with("docs/decisions/0") {
            "docs/decisions/".to_owned()
        } else {
            name
        };
        let counted = counted.entry(together).or_default();
        *counted = (counted.0 + found.len(), counted.1 + words);
    }
    for (name, (sentences, words)) in counted {
        let mean = words as f64 / sentences.max(1) as f64;
        println!("{name}: {sentences} sentences, mean {mean:.1}");
        if mean > SENTENCE_WORDS_MEAN_MAX {
            errors
                .push(format!("{name}: a sentence has {mean:.1} words on average, at most {SENTENCE_WORDS_MEAN_MAX}"));
        }
    }
    assert!(
        errors.is_empty(),
        "make two sentences or a list:\n{}",
        errors.join("\n")
    );
}

#[test]
fn words_are_those_of_the_field() {
    let mut errors = Vec::new();
    let mut used = Vec::new();
    for (name, text) in documents() {
        for (line, word) in words_of(&text) {
            match ALLOWED
                .iter()
                .find(|(file, allowed, _)| *file == name && *allowed == word)
            {
                Some(allowed) => used.push(*allowed),
                None => errors.push(format!(
                    "{name}:{line}: \"{word}\": write \"{}\"",
                    instead_of(word)
                )),
            }
        }
    }
    errors.extend(
        ALLOWED
            .iter()
            .filter(|entry| !used.contains(entry))
            .map(|entry| format!("{entry:?} is not used")),
    );
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn the_architecture_is_read_in_one_sitting() {
    let bytes = fs::read(root().join("ARCHITECTURE.md"))
        .expect("a document")
        .len();
    assert!(
        bytes <= ARCHITECTURE_BYTES_MAX,
        "ARCHITECTURE.md has {bytes} bytes: move decisions to docs/decisions/"
    );
}

#[test]
fn every_link_leads_somewhere() {
    for (name, text) in documents() {
        for target in lines_of_prose(&text)
            .iter()
            .flat_map(|(_, line)| line.split("](").skip(1))
        {
            let target = target.split(')').next().unwrap_or_default();
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            if file.starts_with("http") {
                continue;
            }
            let folder = root().join(&name).parent().expect("a folder").to_owned();
            let path = if file.is_empty() {
                root().join(&name)
            } else {
                folder.join(file)
            };
            assert!(path.exists(), "{name} links to {target}");
            if !anchor.is_empty() {
                let page = fs::read_to_string(&path).expect("a page");
                let headings = page
                    .lines()
                    .filter(|line| line.starts_with('#'))
                    .map(anchor_of);
                assert!(
                    headings.into_iter().any(|heading| heading == anchor),
                    "{name} links to {target}"
                );
            }
        }
    }
}

/// The anchor of a heading, as a page of GitHub has it.
fn anchor_of(heading: &str) -> String {
    let title = heading
        .trim_start_matches('#')
        .trim()
        .to_lowercase()
        .replace(' ', "-");
    title
        .chars()
        .filter(|c| c.is_alphanumeric() || *c == '-')
        .collect()
}

#[test]
fn the_counter_counts() {
    let counts = |page: &str| {
        sentences(page)
            .iter()
            .map(|sentence| sentence.words)
            .collect::<Vec<_>>()
    };
    assert_eq!(counts("One two three. Four five?\nSix.\n"), [3, 2, 1]);
    assert_eq!(
        counts("A line\nthat continues.\n\nA paragraph without a mark\n"),
        [4, 5]
    );
    assert_eq!(
        counts("* **One**: two.\n* Three\n  four.\n1. Five.\n2. Six seven\n"),
        [2, 2, 1, 2]
    );
    assert_eq!(
        counts("Text.\n```sh\nnot a sentence at all\n```\nMore text.\n"),
        [1, 2]
    );
    assert_eq!(counts("# A heading\n\n| a | table |\n|---|---|\n"), [0; 0]);
    assert_eq!(
        counts("Read [the long guide](docs/a.md) and `x.y --z 1. 2.` now.\n"),
        [7]
    );
    assert_eq!(
        counts("* [1. The first](a.md)\n* [2. The second](b.md)\n"),
        [3, 3]
    );
    assert_eq!(
        counts("It is 1.5 s (or 2.5). Then \"it ends.\" Done.\n"),
        [6, 3, 1]
    );
    let long = format!("{}end.", "word ".repeat(SENTENCE_WORDS_MAX));
    assert_eq!(
        counts(&long),
        [SENTENCE_WORDS_MAX + 1],
        "a sentence that is too long is found"
    );
}

#[test]
fn the_words_are_found() {
    assert_eq!(words_of("It is told once.\n"), [(1, "told")]);
    assert_eq!(
        words_of("| a | the server GOES ON, and more |\n"),
        [(1, "goes on")]
    );
    assert_eq!(words_of("# Anew\n"), [(1, "anew")]);
    assert_eq!(
        words_of("It told, and `told`.\n```\ntold\n```\n"),
        [(1, "told")]
    );
    assert_eq!(words_of("Untold legends of legroom, wrung\n"), []);
}
