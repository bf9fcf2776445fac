//! The position of one mapping in a file, and of its values.

use crate::file::keys::{BUTTON, TIMER, TIMER_VALUE, WORKFLOW};
use crate::file::kinds::{KIND_KEYS, Kind};
use crate::file::mapping::{Keys, Mapping};
use crate::file::plain_actions::PLAIN;
use crate::file::position::Position;
use crate::file::tree::Content;

/// The keys that an error may name as its field, in addition to those of plain actions.
const KEYS: [&Keys; 5] = [&WORKFLOW, &KIND_KEYS, &BUTTON, &TIMER, &TIMER_VALUE];

/// The position of a mapping and of each of its values.
#[derive(Clone, Debug)]
pub(super) struct Place {
    at: Position,
    fields: Vec<(&'static str, Position)>,
}

impl Place {
    /// The positions of an action and its parts, or of the header of a file.
    pub(super) fn new(mapping: Mapping<'_>) -> Self {
        let mut fields = Vec::new();
        for (key, node) in mapping.entries {
            let Some(known) = known_key(&key.text) else {
                continue;
            };
            fields.push((known, node.at));
            match &node.content {
                Content::Map(inside) if KIND_KEYS.known.contains(&known) => {
                    fields.extend(
                        inside
                            .iter()
                            .filter_map(|(key, node)| Some((known_key(&key.text)?, node.at))),
                    );
                }
                Content::Scalar { .. } => {
                    let long = Kind::with_key(known).and_then(|kind| kind.short_for());
                    fields.extend(long.map(|long| (long, node.at)));
                }
                _ => {}
            }
        }
        Self {
            at: mapping.at,
            fields,
        }
    }

    /// The position of a field. If the file does not have the field, that of the mapping.
    pub(super) fn position(&self, field: &str) -> Position {
        self.fields
            .iter()
            .find(|(known, _)| *known == field)
            .map_or(self.at, |(_, at)| *at)
    }
}

fn known_key(key: &str) -> Option<&'static str> {
    KEYS.into_iter()
        .chain(PLAIN.iter().map(|plain| plain.keys))
        .find_map(|keys| keys.known.iter().find(|known| **known == key))
        .copied()
}
