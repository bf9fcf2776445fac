//! The picture for a terminal of 80 columns. Each stage is below the action that leads to it.

use std::collections::HashSet;

use aftercall_definition::model::{Definition, FIRST_STAGE, Stage};

use super::{Trail, described};

/// The largest width of a line.
const COLUMNS: usize = 80;
/// The indentation of the next level, and the largest number of levels. More would leave no room
/// for text.
const INDENT: usize = 4;
const INDENTS_MAX: usize = 8;

/// Draws the workflow as a tree of lines.
#[must_use]
pub fn text(definition: &Definition, trail: &Trail) -> String {
    let mut writer = Writer {
        definition,
        trail,
        shown: HashSet::new(),
        lines: Vec::new(),
    };
    writer.lines.extend(wrapped(
        &format!("{}: {}", definition.name, definition.title),
        0,
        "",
    ));
    if let Some(first) = definition.stage(FIRST_STAGE) {
        writer.stage(first, 0);
    }
    for stage in &definition.stages {
        if !writer.shown.contains(&stage.number) {
            writer.stage(stage, 0);
        }
    }
    writer.lines.join("\n") + "\n"
}

struct Writer<'d> {
    definition: &'d Definition,
    trail: &'d Trail,
    shown: HashSet<u32>,
    lines: Vec<String>,
}

impl Writer<'_> {
    fn stage(&mut self, stage: &Stage, depth: usize) {
        self.shown.insert(stage.number);
        let head = format!(
            "{} {}{}",
            stage.number,
            stage.title(),
            self.mark(stage.number)
        );
        self.lines.push(String::new());
        self.lines.extend(wrapped(&head, depth, ""));
        let mut next = Vec::new();
        for action in &stage.actions {
            let leads = action
                .adds()
                .and_then(|event| self.definition.stage_of(event));
            // The words end with the id of the event. Its number is more useful.
            let words = described(action);
            let line = match (leads, words.rsplit_once(" → ")) {
                (Some(stage), Some((words, _))) => format!("{words} → {}", stage.number),
                _ => self.with_numbers(&words),
            };
            self.lines.extend(wrapped(&line, depth, "- "));
            next.extend(leads);
        }
        for stage in next {
            if !self.shown.contains(&stage.number) {
                self.stage(stage, (depth + 1).min(INDENTS_MAX));
            }
        }
    }

    /// Adds the numbers and titles of a link's targets.
    fn with_numbers(&self, words: &str) -> String {
        let mut parts = words.split(" → ");
        let mut line = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (event, rest) = part.split_at(part.find(',').unwrap_or(part.len()));
            match self.definition.stage_of(event) {
                Some(stage) => {
                    line.extend([" → ", &stage.number.to_string(), " ", &stage.title(), rest]);
                }
                None => line.extend([" → ", part]),
            }
        }
        line
    }

    fn mark(&self, number: u32) -> String {
        let visits = self
            .trail
            .visits
            .iter()
            .find(|(stage, _)| *stage == number)
            .map_or(0, |(_, times)| *times);
        match (self.trail.present == Some(number), visits) {
            (true, 0 | 1) => "   <== it is here".to_owned(),
            (true, times) => format!("   <== it is here, {times} times so far"),
            (false, 0) => String::new(),
            (false, 1) => "   (was here)".to_owned(),
            (false, times) => format!("   (was here {times} times)"),
        }
    }
}

/// Breaks a text into lines of at most [`COLUMNS`] characters. Later lines are indented to the
/// first word.
fn wrapped(text: &str, depth: usize, bullet: &str) -> Vec<String> {
    let indent = " ".repeat(depth * INDENT + if bullet.is_empty() { 0 } else { 2 });
    let room = COLUMNS - indent.len() - bullet.len();
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > room {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for c in word.chars() {
            if line.chars().count() == room {
                lines.push(std::mem::take(&mut line));
            }
            line.push(c);
        }
    }
    lines.push(line);
    let begin = |at: usize| {
        if at == 0 {
            bullet.to_owned()
        } else {
            " ".repeat(bullet.len())
        }
    };
    lines
        .iter()
        .enumerate()
        .map(|(at, line)| format!("{indent}{}{line}", begin(at)).trim_end().to_owned())
        .collect()
}
