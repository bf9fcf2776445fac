//! Draws a workflow: its stages and the paths between them, as Mermaid, DOT, SVG or text. Can also
//! show the path that an instance has taken.
//!
//! Promises: the same workflow always has the same picture. Texts of authors stay texts, and are
//! never read as code.

mod dot;
mod effort;
mod mermaid;
mod svg;
mod text;

use aftercall_definition::model::{Action, Definition, Leads, Stage, TimerAction};
pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::{NoPicture, hush_layout_panics, svg};
pub use text::text;

use crate::describe::{describe_action, summarize_action};

/// How many characters of an action a box shows.
const LINE_CHARS_MAX: usize = 36;
/// How many actions a box shows.
const LINES_MAX: usize = 4;

/// The path that an instance has taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// The stages that it has entered, each with the number of times.
    pub visits: Vec<(u32, u32)>,
    /// The stage that it is in now.
    pub present: Option<u32>,
}

/// The content of a picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    title: String,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Node {
    stage: u32,
    title: String,
    lines: Vec<String>,
    /// How often the instance has entered the stage.
    visits: u32,
    is_present: bool,
    is_end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EdgeKind {
    Button,
    Timer,
    Link,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    /// Indexes of nodes.
    from: usize,
    to: usize,
    label: String,
    kind: EdgeKind,
}

impl Graph {
    /// Makes the picture of a workflow.
    #[must_use]
    pub fn new(definition: &Definition, trail: &Trail) -> Self {
        let nodes = definition
            .stages
            .iter()
            .map(|stage| node(stage, trail))
            .collect();
        let place = |event: &str| {
            definition
                .stages
                .iter()
                .position(|stage| stage.event.id == event)
        };
        let mut edges = Vec::new();
        for (from, stage) in definition.stages.iter().enumerate() {
            for action in &stage.actions {
                for target in action.targets() {
                    let Some(to) = place(target.event) else {
                        continue;
                    };
                    let (label, kind) = arrow(action, target.leads);
                    edges.push(Edge {
                        from,
                        to,
                        label,
                        kind,
                    });
                }
            }
        }
        Self {
            title: definition.title.clone(),
            nodes,
            edges,
        }
    }
}

fn node(stage: &Stage, trail: &Trail) -> Node {
    let shown = stage.actions.iter().filter_map(line);
    let mut lines: Vec<String> = shown.collect();
    if lines.len() > LINES_MAX {
        let more = lines.len() - LINES_MAX + 1;
        lines.truncate(LINES_MAX - 1);
        lines.push(format!("and {more} more"));
    }
    Node {
        stage: stage.number,
        title: shortened(&stage.title()),
        lines,
        visits: trail
            .visits
            .iter()
            .find(|(number, _)| *number == stage.number)
            .map_or(0, |(_, times)| *times),
        is_present: trail.present == Some(stage.number),
        is_end: stage.actions.iter().any(|action| action.finish().is_some()),
    }
}

/// The text about an action in a box. `None` if an arrow shows the action.
fn line(action: &Action) -> Option<String> {
    let condition = if action.when.is_some() { "? " } else { "" };
    summarize_action(action).map(|words| shortened(&format!("{condition}{words}")))
}

/// The label and the kind of an arrow from an action to its target.
fn arrow(action: &Action, leads: Leads) -> (String, EdgeKind) {
    let condition = if action.when.is_some() { "? " } else { "" };
    match leads {
        Leads::Push => {
            let label = action.button().map_or("", |button| &button.label);
            (shortened(&format!("{condition}{label}")), EdgeKind::Button)
        }
        Leads::Elapse => {
            let words = action.timer().map(waits).unwrap_or_default();
            (shortened(&format!("{condition}{words}")), EdgeKind::Timer)
        }
        Leads::Link => {
            let when = action.when.as_ref();
            let when = when.map_or_else(String::new, |when| shortened(when.source()));
            let limit = action.link().and_then(|link| link.at_most.as_ref());
            let words = match limit {
                None => when,
                Some(limit) => shortened(format!("at most {} {when}", limit.times).trim()),
            };
            (words, EdgeKind::Link)
        }
        Leads::LinkInstead => ("then".to_owned(), EdgeKind::Link),
    }
}

fn waits(timer: &TimerAction) -> String {
    let mut words = Vec::new();
    words.extend(timer.after.map(|after| format!("after {after}")));
    words.extend(timer.at.map(|at| format!("at {at}")));
    if words.is_empty() {
        "at its time".to_owned()
    } else {
        words.join(" ")
    }
}

/// Puts a text on one line that fits in a box.
fn shortened(text: &str) -> String {
    let mut words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = words.char_indices().nth(LINE_CHARS_MAX) {
        words.truncate(cut);
        words.push('…');
    }
    words
}

/// Describes the action in words, for the text form.
fn described(action: &Action) -> String {
    describe_action(action)
}
