//! A file as nodes with positions. This is the common part of YAML and JSON, without any knowledge
//! of workflows.
//!
//! Promises: size and depth are limited. A mapping has each key once. A node has only the content
//! that is written there. There are no anchors, aliases or tags, which could turn a small file into
//! a huge one.

use std::collections::HashSet;

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::STAGES_MAX;
use aftercall_definition::rules;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use crate::file::faults::Faults;
use crate::file::position::Position;
use crate::file::{json_escapes, line_ends};
use crate::limits::{FILE_BYTES_MAX, FILE_DEPTH_MAX, FILE_NODES_MAX, FILE_SIGNS_MAX};

/// The parser's message when `[` and `{` are nested too deep.
const PARSER_TOO_DEEP: &str = "recursion limit exceeded";
/// The parser's message for an alias without an anchor.
const PARSER_UNKNOWN_ANCHOR: &str = "while parsing node, found unknown anchor";

const NO_ALIASES: &str = "aliases (`*name`) are not allowed; write the value out";
const NO_ANCHORS: &str =
    "anchors (`&name`) are not allowed; write the value out where it is needed";
const NO_TAGS: &str =
    "tags (`!name`) are not allowed; a condition that begins with `!` needs quotes";
const ONE_DOCUMENT: &str =
    "a file holds one document; move what follows `---` to a file of its own";

/// A value in the file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) at: Position,
    pub(super) content: Content,
}

/// The content of a node.
#[derive(Debug)]
pub(super) enum Content {
    /// A scalar. `plain` if it has no quotes, so that `true` and `1` need not be text.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<(Key, Node)>),
    /// An invalid part whose error was reported already.
    Refused,
}

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) at: Position,
    pub(super) text: String,
}

/// Reads the only document of a file. `None` if the file is not readable, with an error.
pub(super) fn parse(text: &str, faults: &mut Faults) -> Option<Node> {
    let text = &*line_ends::plain(text);
    text.clone_into(&mut faults.text);
    if text.len() > FILE_BYTES_MAX {
        let message = format!(
            "the file has {} bytes; at most {} are allowed",
            text.len(),
            FILE_BYTES_MAX
        );
        faults.add(FaultCode::TooLarge, Position::START, message);
        return None;
    }
    if !check_characters(text, faults) {
        return None;
    }
    if let Err(fault) = check_signs(text) {
        faults.put(Position::START, fault);
        return None;
    }
    let text = json_escapes::joined(text);
    Builder {
        open: Vec::new(),
        root: None,
        documents: 0,
        faults,
    }
    .run(&text)
}

/// Checks the number of signs that have a meaning for the parser. Also counts those in texts and
/// comments.
///
/// # Errors
/// `TOO_LARGE`.
pub(super) fn check_signs(text: &str) -> Result<(), Fault> {
    let (mut signs, mut quotes, mut keys, mut depth, mut deepest) = (0, 0, 0, 0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b',' | b':' | b'&' | b'*' | b'!' => signs += 1,
            b'?' => keys += 1,
            b'[' | b'{' => (signs, depth) = (signs + 1, depth + 1),
            b']' | b'}' => (signs, depth) = (signs + 1, depth.saturating_sub(1)),
            b'"' | b'\'' => quotes += 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    let signs = (signs + keys).max(quotes / 2);
    if signs <= FILE_SIGNS_MAX {
        return Ok(());
    }
    // Each `?` begins a mapping inside the mapping before.
    if deepest > FILE_DEPTH_MAX || keys > signs / 2 {
        return Err(Fault::new(FaultCode::TooLarge, too_deep()));
    }
    let message = format!(
        "the file has {signs} commas, colons and brackets, and at most {FILE_SIGNS_MAX} are allowed; a workflow has at most {STAGES_MAX} stages"
    );
    Err(Fault::new(FaultCode::TooLarge, message))
}

/// Checks the characters of the raw file, comments included. A parser treats NUL as the end, and a
/// reviewer must see everything.
fn check_characters(text: &str, faults: &mut Faults) -> bool {
    // In a UTF-16 file that is read as UTF-8, every other character is NUL.
    if text.matches('\0').count() * 3 >= text.chars().count().max(1) {
        faults.add(
            FaultCode::BadValue,
            Position::START,
            "this file is in UTF-16; save it as UTF-8",
        );
        return false;
    }
    let mut clean = true;
    for (line, content) in (1..).zip(text.split('\n')) {
        for (column, c) in (1..)
            .zip(content.chars())
            .filter(|(_, c)| !rules::is_printable(*c))
        {
            faults.add(
                FaultCode::BadValue,
                Position { line, column },
                rules::unprintable(c),
            );
            clean = false;
        }
    }
    clean
}

/// A list or a mapping that has not ended yet.
struct Open {
    at: Position,
    items: Items,
}

enum Items {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        keys: HashSet<String>,
        key: Option<Key>,
    },
}

struct Builder<'a> {
    open: Vec<Open>,
    root: Option<Node>,
    documents: usize,
    faults: &'a mut Faults,
}

impl Builder<'_> {
    fn run(mut self, text: &str) -> Option<Node> {
        let mut parser = Parser::new_from_str(text);
        let mut nodes = 0;
        while let Some(event) = parser.next_event() {
            let (event, span) = match event {
                Ok(event) => event,
                Err(error) => return self.refuse(&error),
            };
            let at = Position::from_marker(span.start);
            nodes += 1;
            if nodes > FILE_NODES_MAX {
                let message = format!("the file has more than {FILE_NODES_MAX} keys and values");
                self.faults.add(FaultCode::TooLarge, at, message);
                return None;
            }
            match event {
                Event::DocumentStart(_) if self.documents > 0 => {
                    self.faults.add(FaultCode::Syntax, at, ONE_DOCUMENT);
                    return self.root;
                }
                Event::DocumentStart(_) => self.documents += 1,
                Event::Alias(_) => self.alias(at),
                Event::Scalar(value, style, anchor, tag) => {
                    self.check_properties(at, anchor, tag.is_some());
                    self.scalar(at, &span, value.into_owned(), style);
                }
                Event::SequenceStart(anchor, tag) => {
                    self.check_properties(at, anchor, tag.is_some());
                    self.start(at, Items::List(Vec::new()))?;
                }
                Event::MappingStart(anchor, tag) => {
                    self.check_properties(at, anchor, tag.is_some());
                    self.start(
                        at,
                        Items::Map {
                            entries: Vec::new(),
                            keys: HashSet::new(),
                            key: None,
                        },
                    )?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(),
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
            }
        }
        if self.root.is_none() {
            self.faults
                .add(FaultCode::Syntax, Position::START, "the file is empty");
        }
        self.root
    }

    fn refuse(self, error: &ScanError) -> Option<Node> {
        let at = Position::from_marker(*error.marker());
        let (code, message) = match error.info() {
            PARSER_TOO_DEEP => (FaultCode::TooLarge, too_deep()),
            PARSER_UNKNOWN_ANCHOR => (FaultCode::Syntax, NO_ALIASES.to_owned()),
            other => (
                FaultCode::Syntax,
                format!("this is not YAML or JSON: {other}{}", probably(other)),
            ),
        };
        self.faults.add(code, at, message);
        None
    }

    fn check_properties(&mut self, at: Position, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.faults.add(FaultCode::Syntax, at, NO_ANCHORS);
        }
        if tagged {
            self.faults.add(FaultCode::Syntax, at, NO_TAGS);
        }
    }

    fn alias(&mut self, at: Position) {
        self.faults.add(FaultCode::Syntax, at, NO_ALIASES);
        self.place(Node {
            at,
            content: Content::Refused,
        });
    }

    fn scalar(&mut self, at: Position, span: &Span, value: String, style: ScalarStyle) {
        let plain = style == ScalarStyle::Plain;
        // The parser returns `~` for an empty value. An author who wrote `~` meant the character.
        let text = if plain && span.is_empty() {
            String::new()
        } else {
            value
        };
        // Escapes in quoted scalars can produce characters that the raw file does not have.
        if let Some(bad) = text.chars().find(|c| !rules::is_printable(*c)) {
            self.faults
                .add(FaultCode::BadValue, at, rules::unprintable(bad));
            return self.place(Node {
                at,
                content: Content::Refused,
            });
        }
        self.place(Node {
            at,
            content: Content::Scalar { text, plain },
        });
    }

    /// `None` if the nesting is too deep.
    fn start(&mut self, at: Position, items: Items) -> Option<()> {
        if self.open.len() >= FILE_DEPTH_MAX {
            self.faults.add(FaultCode::TooLarge, at, too_deep());
            return None;
        }
        self.open.push(Open { at, items });
        Some(())
    }

    fn end(&mut self) {
        let Some(Open { at, items }) = self.open.pop() else {
            return;
        };
        let content = match items {
            Items::List(items) => Content::List(items),
            Items::Map { entries, .. } => Content::Map(entries),
        };
        self.place(Node { at, content });
    }

    fn place(&mut self, node: Node) {
        match self.open.last_mut().map(|open| &mut open.items) {
            None => self.root = Some(node),
            Some(Items::List(items)) => items.push(node),
            Some(Items::Map { entries, keys, key }) => match key.take() {
                None => *key = Some(self::key(node, keys, self.faults)),
                Some(known) if known.text.is_empty() => {}
                Some(known) => entries.push((known, node)),
            },
        }
    }
}

/// A refused key has no text, and its value is dropped.
fn key(node: Node, keys: &mut HashSet<String>, faults: &mut Faults) -> Key {
    let at = node.at;
    let refused = Key {
        at,
        text: String::new(),
    };
    match node.content {
        Content::Scalar { text, .. } if text.is_empty() => {
            faults.add(FaultCode::Syntax, at, "a key is empty");
            refused
        }
        Content::Scalar { text, .. } if !keys.insert(text.clone()) => {
            faults.add(
                FaultCode::Duplicate,
                at,
                format!("the key {} is here twice", rules::quoted(&text)),
            );
            refused
        }
        Content::Scalar { text, .. } => Key { at, text },
        Content::List(_) | Content::Map(_) => {
            faults.add(
                FaultCode::Syntax,
                at,
                "a key must be a word, not a list or a mapping; a text that begins with `{` or `[` needs quotes",
            );
            refused
        }
        Content::Refused => refused,
    }
}

/// The most frequent mistake for this message of the parser.
fn probably(said: &str) -> &'static str {
    match said {
        said if said.contains("mapping values are not allowed") => {
            "; begin it in the column of the lines beside it, or put a text with `: ` in it in quotes"
        }
        said if said.contains("block") && said.contains("did not find expected") => {
            "; look at this line and the one before: related lines begin in the same column"
        }
        said if said.contains("tab") => "; indent with spaces",
        _ => "",
    }
}

fn too_deep() -> String {
    format!(
        "the file is nested deeper than {FILE_DEPTH_MAX} levels; link to an event instead of nesting it"
    )
}

impl Position {
    fn from_marker(marker: Marker) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            line: number(marker.line()),
            column: number(marker.col()).saturating_add(1),
        }
    }
}
