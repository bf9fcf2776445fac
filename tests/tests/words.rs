//! The English of the code: comments, texts and names use the words of the field. Checks all files
//! of code.

use std::fs;
use std::path::{Path, PathBuf};

use aftercall_tests::{WORDS, instead_of};

/// The files that hold the list, or look for its words.
const LISTS: [&str; 3] = [
    "tests/src/english.rs",
    "tests/tests/prose.rs",
    "tests/tests/words.rs",
];

/// Where a word stays: the file, the word, and why.
const ALLOWED: &[(&str, &str, &str)] = &[(
    "workflow-server/authoring/tests/authoring/examples_walked.rs",
    "told",
    "the ids of two buttons of an example",
)];

/// A word of a file, and its line. A mark of punctuation is an empty word, so that no phrase
/// reaches over it.
#[derive(Debug, PartialEq, Eq)]
struct Word {
    line: usize,
    text: String,
}

/// The words of one line of code. A name is divided where it has `_` or a capital letter.
fn words_of_line(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut last = ' ';
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            // An escape such as `\n` is not a letter of the word behind it.
            letters.next_if(|next| matches!(next, 'n' | 'r' | 't'));
            words.push(String::new());
        } else if letter.is_alphanumeric() {
            let is_end_of_acronym = last.is_uppercase()
                && letter.is_uppercase()
                && letters.peek().is_some_and(|next| next.is_lowercase());
            if (last.is_lowercase() && letter.is_uppercase()) || is_end_of_acronym {
                words.push(String::new());
            }
            let word = words.last_mut().expect("there is always a word");
            word.extend(letter.to_lowercase());
        } else if matches!(letter, '.' | ',' | ';' | ':' | '?' | '(' | ')' | '"') {
            words.extend([".".to_owned(), String::new()]);
        } else {
            words.push(String::new());
        }
        last = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The words of a file. A phrase may begin on one line and end on the next.
fn words_of(text: &str) -> Vec<Word> {
    text.lines()
        .enumerate()
        .flat_map(|(at, line)| {
            let word = move |text| Word { line: at + 1, text };
            words_of_line(line).into_iter().map(word)
        })
        .collect()
}

/// The words and phrases of the list in a file, each with its line.
fn found_in(text: &str) -> Vec<(usize, &'static str)> {
    let words = words_of(text);
    let mut found = Vec::new();
    for (phrase, _) in WORDS {
        let parts: Vec<&str> = phrase.split(' ').collect();
        let places = words.windows(parts.len()).filter(|window| {
            window
                .iter()
                .zip(&parts)
                .all(|(word, part)| word.text == *part)
        });
        found.extend(places.map(|window| (window[0].line, *phrase)));
    }
    found.sort_unstable();
    found
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

/// The endings of files of code.
const ENDINGS: [&str; 5] = ["rs", "proto", "py", "mjs", "mts"];

fn is_code(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// All files of code, by their paths.
fn files() -> Vec<(String, String)> {
    let mut folders = vec![root()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().expect("a name").to_string_lossy();
            let is_ours = !name.starts_with('.') && name != "target" && name != "node_modules";
            if path.is_dir() && is_ours {
                folders.push(path);
            } else if is_code(&name) {
                let text = fs::read_to_string(&path).expect("a file of code");
                let inside = path.strip_prefix(root()).expect("inside");
                found.push((inside.to_string_lossy().into_owned(), text));
            }
        }
    }
    found.sort();
    assert!(found.len() > 500, "the files are found: {}", found.len());
    found
}

#[test]
fn the_words_are_those_of_the_field() {
    let mut errors = Vec::new();
    let mut used = Vec::new();
    for (path, text) in files() {
        if LISTS.contains(&path.as_str()) {
            continue;
        }
        for (line, word) in found_in(&text) {
            let allowed = ALLOWED
                .iter()
                .find(|(file, allowed, _)| *file == path && *allowed == word);
            match allowed {
                Some(allowed) => used.push(allowed),
                None => errors.push(format!(
                    "{path}:{line}: \"{word}\": write \"{}\"",
                    instead_of(word)
                )),
            }
        }
    }
    let unused = ALLOWED.iter().filter(|entry| !used.contains(entry));
    errors.extend(unused.map(|entry| format!("{entry:?} is not used")));
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

#[test]
fn the_words_are_found() {
    // In comments, texts, attributes and names.
    assert_eq!(found_in("/// It is told once.\n"), [(1, "told")]);
    assert_eq!(found_in("let a = 1;\nfail(\"Anew\");\n"), [(2, "anew")]);
    assert_eq!(
        found_in("#[arg(long, help = \"Tells all\")]\n"),
        [(1, "tells")]
    );
    assert_eq!(found_in("fn a_page_is_told() {}\n"), [(1, "told")]);
    assert_eq!(found_in("struct StandsAlone;\n"), [(1, "stands")]);
    assert_eq!(found_in("const RUNGS_MAX: u8 = 9;\n"), [(1, "rungs")]);
    assert_eq!(found_in("fn goes_on_later() {}\n"), [(1, "goes on")]);
    assert_eq!(found_in("struct XMLTold;\n"), [(1, "told")]);
    assert_eq!(found_in("fail(\"a\\ntold\");\n"), [(1, "told")]);
    // A phrase over two lines of a comment or a text.
    assert_eq!(found_in("// it goes\n    // on\n"), [(1, "goes on")]);
    assert_eq!(
        found_in("\"it is done by \\\n    itself\"\n"),
        [(1, "by itself")]
    );
    // The same word twice.
    assert_eq!(found_in("// told\n// told\n"), [(1, "told"), (2, "told")]);
}

#[test]
fn other_words_are_not_found() {
    let other = "// untold legends of legroom, wrung; it understands, retells, foretelling\n\
                 let (leg_room, outstands) = (tellurium, rungs1);\n\
                 // What is there goes. On it.\n";
    assert_eq!(found_in(&other.replace("leg_room", "legroom")), []);
    assert_eq!(found_in(other), [(2, "leg")], "a part of a name is a word");
}
