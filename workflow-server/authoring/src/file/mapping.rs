//! Mappings with known keys, and their scalars.
//!
//! Promises: the error of an unknown key suggests the nearest known one. A key of a later version
//! is refused by its name.

use aftercall_definition::expression::Expression;
use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::rules;
use aftercall_definition::time::Span;

use crate::file::faults::Faults;
use crate::file::position::Position;
use crate::file::tree::{Content, Key, Node};

/// The keys that a mapping may have.
pub(super) struct Keys {
    /// The keys that this version reads.
    pub(super) known: &'static [&'static str],
    /// The keys of later versions.
    pub(super) later: &'static [&'static str],
}

/// A mapping in the file.
#[derive(Clone, Copy)]
pub(super) struct Mapping<'n> {
    pub(super) at: Position,
    pub(super) entries: &'n [(Key, Node)],
}

/// The kinds of files. The first of these keys that a file has shows its kind.
const FILES: [(&str, &str); 5] = [
    ("on_new_call", "a workflow file"),
    // Before `workflow` and `calendars`, because a file of tests may have these keys too.
    ("tests", "a file of tests"),
    ("workflow", "a workflow file"),
    ("teams", "a file of teams"),
    ("calendars", "a file of calendars"),
];

impl<'n> Mapping<'n> {
    /// The whole file as a mapping. If it is another kind of file, reports only this error, because
    /// all its keys are unknown here.
    pub(super) fn from_file(root: &'n Node, wanted: &str, faults: &mut Faults) -> Option<Self> {
        let file = Self::from_node(root, wanted, faults)?;
        let key = |key: &str| {
            file.entries
                .iter()
                .find(|(known, _)| known.text == key)
                .map(|(key, _)| key.at)
        };
        let found = FILES
            .iter()
            .find_map(|(known, kind)| Some((key(known)?, *kind)));
        if let Some((at, found)) = found.filter(|(_, found)| *found != wanted) {
            faults.add(
                FaultCode::UnknownKey,
                at,
                format!("this is {found}, not {wanted}"),
            );
            return None;
        }
        Some(file)
    }

    /// The node as a mapping. `what` is its name in a sentence, such as "an action".
    pub(super) fn from_node(node: &'n Node, what: &str, faults: &mut Faults) -> Option<Self> {
        match &node.content {
            Content::Map(entries) => Some(Self {
                at: node.at,
                entries,
            }),
            Content::Refused => None,
            Content::Scalar { .. } | Content::List(_) => {
                faults.add(
                    FaultCode::BadValue,
                    node.at,
                    format!("{what} must be a mapping, not {}", kind(node)),
                );
                None
            }
        }
    }

    pub(super) fn get(self, key: &str) -> Option<&'n Node> {
        self.entries
            .iter()
            .find(|(known, _)| known.text == key)
            .map(|(_, node)| node)
    }

    /// The value of a required key. `what` is the name of the mapping in a sentence.
    pub(super) fn require(self, key: &str, what: &str, faults: &mut Faults) -> Option<&'n Node> {
        let node = self.get(key);
        if node.is_none() {
            let fault = Fault {
                field: key.to_owned(),
                ..Fault::new(FaultCode::MissingKey, format!("{what} needs `{key}`"))
            };
            faults.put(self.at, fault);
        }
        node
    }

    /// Reports all other keys.
    pub(super) fn check_keys(self, keys: &Keys, faults: &mut Faults) {
        for (key, _) in self
            .entries
            .iter()
            .filter(|(key, _)| !keys.known.contains(&key.text.as_str()))
        {
            refuse_key(key, keys, faults);
        }
    }
}

/// Reports a key that this version does not read.
pub(super) fn refuse_key(key: &Key, keys: &Keys, faults: &mut Faults) {
    if keys.later.contains(&key.text.as_str()) {
        return faults.put(key.at, later(&key.text));
    }
    if faults.is_full() {
        return;
    }
    let suggestion = rules::suggestion(&key.text, keys.known.iter().copied());
    let known = if suggestion.is_empty() {
        format!("; known here: {}", keys.known.join(", "))
    } else {
        suggestion
    };
    faults.add(
        FaultCode::UnknownKey,
        key.at,
        format!("unknown key {}{known}", rules::quoted(&key.text)),
    );
}

/// The error for a part that only a later version supports.
pub(super) fn later(word: &str) -> Fault {
    let message = format!("`{word}` is not supported in this version");
    Fault {
        field: word.to_owned(),
        ..Fault::new(FaultCode::NotSupportedYet, message)
    }
}

/// The items of a list.
pub(super) fn list<'n>(node: &'n Node, what: &str, faults: &mut Faults) -> &'n [Node] {
    match &node.content {
        Content::List(items) => items,
        Content::Refused => &[],
        Content::Scalar { .. } | Content::Map(_) => {
            faults.add(
                FaultCode::BadValue,
                node.at,
                format!("{what} must be a list, not {}", kind(node)),
            );
            &[]
        }
    }
}

/// A scalar as text, exactly as written. A label `Yes` or `1` is text.
pub(super) fn text<'n>(node: &'n Node, field: &str, faults: &mut Faults) -> Option<&'n str> {
    match &node.content {
        Content::Scalar { text, .. } => Some(text),
        Content::Refused => None,
        Content::List(_) | Content::Map(_) => {
            bad(
                node,
                field,
                format!("`{field}` must be text, not {}", kind(node)),
                faults,
            );
            None
        }
    }
}

/// A text that obeys a rule of [`rules`].
pub(super) fn checked(
    node: &Node,
    field: &str,
    rule: impl Fn(&str) -> Result<(), Fault>,
    faults: &mut Faults,
) -> Option<String> {
    let text = text(node, field, faults)?;
    faults
        .check(node.at, field, rule(text))
        .then(|| text.to_owned())
}

/// A name, id, outcome or team.
pub(super) fn name(node: &Node, field: &str, faults: &mut Faults) -> Option<String> {
    checked(
        node,
        field,
        |text| rules::name(format_args!("`{field}`"), text),
        faults,
    )
}

/// A duration.
pub(super) fn span(node: &Node, field: &str, faults: &mut Faults) -> Option<Span> {
    match rules::span(text(node, field, faults)?) {
        Ok(span) => Some(span),
        Err(fault) => {
            faults.put(
                node.at,
                Fault {
                    field: field.to_owned(),
                    ..fault
                },
            );
            None
        }
    }
}

/// An expression.
pub(super) fn expression(node: &Node, field: &str, faults: &mut Faults) -> Option<Expression> {
    let source = text(node, field, faults)?;
    faults.expressions += 1;
    faults.expression_bytes += source.len();
    if let Err(fault) = rules::expressions(faults.expressions, faults.expression_bytes) {
        faults.put(
            node.at,
            Fault {
                field: field.to_owned(),
                ..fault
            },
        );
        return None;
    }
    Some(Expression::parse(source).unwrap_or_else(|wrong| {
        let message = format!("`{field}` {wrong}");
        let fault = Fault {
            field: field.to_owned(),
            ..Fault::new(FaultCode::BadValue, message)
        };
        faults.put_inside(node.at, (source, wrong.range), fault);
        // The rest of the file is checked as if the expression were valid.
        Expression::stored(source)
    }))
}

/// The name of a calendar, or `none`.
pub(super) fn calendar(mapping: Mapping<'_>, faults: &mut Faults) -> Option<String> {
    mapping
        .get("calendar")
        .and_then(|node| name(node, "calendar", faults))
}

/// `true` or `false`, without quotes.
pub(super) fn flag(node: &Node, field: &str, faults: &mut Faults) -> Option<bool> {
    let flag = match &node.content {
        Content::Refused => return None,
        Content::Scalar { text, plain: true } => match text.as_str() {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        },
        _ => None,
    };
    if flag.is_none() {
        bad(
            node,
            field,
            format!("`{field}` must be true or false, not {}", written(node)),
            faults,
        );
    }
    flag
}

/// A whole number in a range, without quotes.
pub(super) fn whole_number(
    node: &Node,
    field: &str,
    from: u32,
    to: u32,
    faults: &mut Faults,
) -> Option<u32> {
    let number = match &node.content {
        Content::Refused => return None,
        Content::Scalar { text, plain: true } if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            text.parse().ok()
        }
        _ => None,
    };
    let number = number.filter(|number| (from..=to).contains(number));
    if number.is_none() {
        let message = format!(
            "`{field}` must be a whole number from {from} to {to}, not {}",
            written(node)
        );
        bad(node, field, message, faults);
    }
    number
}

/// One of several words. Words of later versions are refused by name.
pub(super) fn word<T: Copy>(
    node: &Node,
    field: &str,
    known: &[(&'static str, T)],
    later_words: &[&str],
    faults: &mut Faults,
) -> Option<T> {
    let text = text(node, field, faults)?;
    if let Some((_, value)) = known.iter().find(|(word, _)| *word == text) {
        return Some(*value);
    }
    if later_words.contains(&text) {
        faults.put(node.at, later(text));
        return None;
    }
    let words: Vec<&str> = known.iter().map(|(word, _)| *word).collect();
    let words = match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    };
    let message = format!("`{field}` must be {words}, not {}", written(node));
    bad(node, field, message, faults);
    None
}

fn bad(node: &Node, field: &str, message: String, faults: &mut Faults) {
    faults.put(
        node.at,
        Fault {
            field: field.to_owned(),
            ..Fault::new(FaultCode::BadValue, message)
        },
    );
}

fn kind(node: &Node) -> &'static str {
    match &node.content {
        Content::Scalar { text, plain: true } if text.is_empty() => "nothing",
        Content::Scalar { .. } => "a single value",
        Content::List(_) => "a list",
        Content::Map(_) => "a mapping",
        Content::Refused => "an invalid part",
    }
}

fn written(node: &Node) -> String {
    match &node.content {
        Content::Scalar { text, plain: true } if !text.is_empty() => rules::quoted(text),
        Content::Scalar { text, plain: false } => format!("the text {}", rules::quoted(text)),
        _ => kind(node).to_owned(),
    }
}

/// Whether it is a single value. A refused part counts too, so that it gets no second error.
pub(super) fn is_scalar(node: &Node) -> bool {
    matches!(node.content, Content::Scalar { .. } | Content::Refused)
}

/// The condition of an action.
pub(super) fn when(mapping: Mapping<'_>, faults: &mut Faults) -> Option<Expression> {
    mapping
        .get("when")
        .and_then(|node| expression(node, "when", faults))
}
