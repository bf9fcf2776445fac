//! The positions of one mapping of a file.

use crate::file::keys::{
    ALERT, BUTTON, FINISH, KINDS, LINK, SET_FIELD, TIMER, TIMER_VALUE, WORKFLOW,
};
use crate::file::mapping::{Keys, Mapping};
use crate::file::position::Position;
use crate::file::tree::Content;

/// The keys that an error may name as its field.
const KEYS: [&Keys; 9] = [
    &WORKFLOW,
    &KINDS,
    &BUTTON,
    &TIMER,
    &TIMER_VALUE,
    &ALERT,
    &LINK,
    &FINISH,
    &SET_FIELD,
];

/// The positions of a mapping and of its values.
#[derive(Clone, Debug)]
pub(super) struct Place {
    at: Position,
    fields: Vec<(&'static str, Position)>,
}

impl Place {
    /// The positions of an action with its parts, or of a file's header.
    pub(super) fn of(mapping: Mapping<'_>) -> Self {
        let mut fields = Vec::new();
        for (key, node) in mapping.entries {
            let Some(known) = known_key(&key.text) else {
                continue;
            };
            fields.push((known, node.at));
            match &node.content {
                Content::Map(inside) if KINDS.known.contains(&known) => {
                    fields.extend(
                        inside
                            .iter()
                            .filter_map(|(key, node)| Some((known_key(&key.text)?, node.at))),
                    );
                }
                Content::Scalar { .. } => {
                    fields.extend(short_for(known).map(|long| (long, node.at)));
                }
                _ => {}
            }
        }
        Self {
            at: mapping.at,
            fields,
        }
    }

    /// The position of a field; that of the mapping if the field is not written.
    pub(super) fn position(&self, field: &str) -> Position {
        self.fields
            .iter()
            .find(|(known, _)| *known == field)
            .map_or(self.at, |(_, at)| *at)
    }
}

/// `link: paid` is short for `link: { to: paid }`.
fn short_for(kind: &str) -> Option<&'static str> {
    match kind {
        "link" => Some("to"),
        "finish" => Some("outcome"),
        "timer" => Some("after"),
        _ => None,
    }
}

fn known_key(key: &str) -> Option<&'static str> {
    KEYS.iter()
        .find_map(|keys| keys.known.iter().find(|known| **known == key))
        .copied()
}
