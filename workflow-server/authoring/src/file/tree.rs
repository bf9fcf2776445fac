//! A file as nodes with positions: what YAML and JSON have in common, before anything is known of
//! workflows.
//!
//! Promises: bounded in size and depth; no node means more than what is written (no anchors,
//! aliases or tags, which could make a small file a huge one); a mapping has each key once.

use std::collections::HashSet;

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::STAGES_MAX;
use aftercall_definition::rules;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use crate::file::faults::Faults;
use crate::file::position::Position;
use crate::file::{json_escapes, line_ends};
use crate::limits::{FILE_BYTES_MAX, FILE_DEPTH_MAX, FILE_NODES_MAX, FILE_SIGNS_MAX};

/// How the parser names its own bound on nested `[` and `{`.
const PARSER_TOO_DEEP: &str = "recursion limit exceeded";
/// How the parser names an alias of nothing.
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

/// What a node holds.
#[derive(Debug)]
pub(super) enum Content {
    /// A scalar; `plain` when it is written without quotes, so that `true` and `1` need not be
    /// text.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order written.
    Map(Vec<(Key, Node)>),
    /// Something that was refused already.
    Refused,
}

/// A key of a mapping.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) at: Position,
    pub(super) text: String,
}

/// Reads the one document of a file; nothing where it cannot be read at all, with a fault that says
/// why.
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

/// Checks how many signs with a meaning for the parser a file has, in texts and comments too.
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
    // Each `?` begins a mapping within the one before.
    if deepest > FILE_DEPTH_MAX || keys > signs / 2 {
        return Err(Fault::new(FaultCode::TooLarge, too_deep()));
    }
    let message = format!(
        "the file has {signs} commas, colons and brackets, and at most {FILE_SIGNS_MAX} are allowed; a workflow has at most {STAGES_MAX} stages"
    );
    Err(Fault::new(FaultCode::TooLarge, message))
}

/// Looks at the raw file, comments too: a parser takes NUL for the end, and a reviewer must see
/// what is there.
fn check_characters(text: &str, faults: &mut Faults) -> bool {
    // A program that takes UTF-16 for UTF-8 sees every other character as NUL.
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

/// A list or a mapping whose end has not come yet.
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
            let at = Position::of(span.start);
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
        let at = Position::of(*error.marker());
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
        // The parser gives `~` for nothing at all; an author who wrote `~` wrote a character.
        let text = if plain && span.is_empty() {
            String::new()
        } else {
            value
        };
        // Quoted scalars can spell out what the raw file does not have.
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

    /// Nothing where the nesting is too deep.
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

/// A key that was refused has no text: its value is dropped.
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

/// What an author most often did where the parser says this.
fn probably(said: &str) -> &'static str {
    match said {
        said if said.contains("mapping values are not allowed") => {
            "; begin it in the column of the lines beside it, or put a text with `: ` in it in quotes"
        }
        said if said.contains("block") && said.contains("did not find expected") => {
            "; look at this line and the one before: what belongs together begins in the same column"
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
    fn of(marker: Marker) -> Self {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Self {
            line: number(marker.line()),
            column: number(marker.col()).saturating_add(1),
        }
    }
}
