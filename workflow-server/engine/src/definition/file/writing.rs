//! From a definition to a file.
//!
//! Promises: ids and stage numbers are always written; an event stands where the action that adds it does; what has its
//! usual value is left out. Each event is written once, whatever the definition.

use std::collections::HashSet;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::definition::file::actions::timer_label;
use crate::definition::file::plain_actions::PRIORITIES;
use crate::definition::file::reading::FORMAT;
use crate::definition::model::{
    Action, AlertAction, ButtonAction, Definition, FIRST_STAGE, LinkAction, NoteRule, Priority, Stage, TimerAction,
    TimerStart,
};
use crate::value::FieldDeclaration;

/// Writes YAML 1.2.
#[must_use]
pub fn write_yaml(definition: &Definition) -> String {
    let file = file(definition);
    // Only a tree that YAML cannot show could fail; JSON is YAML too, and shows every tree.
    serde_saphyr::to_string(&file).unwrap_or_else(|_| json(&file))
}

/// Writes JSON.
#[must_use]
pub fn write_json(definition: &Definition) -> String {
    json(&file(definition))
}

fn json(file: &Written) -> String {
    // The tree has text keys and no numbers but whole ones: there is nothing that JSON cannot show.
    let mut text = serde_json::to_string_pretty(file).expect("a tree of texts and whole numbers is JSON");
    text.push('\n');
    text
}

/// What stands in a file.
enum Written {
    Text(String),
    Whole(u32),
    Flag(bool),
    List(Vec<Written>),
    Map(Vec<(String, Written)>),
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Whole(number) => serializer.serialize_u32(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// A mapping in the making.
#[derive(Default)]
struct Entries(Vec<(String, Written)>);

impl Entries {
    fn text(self, key: &str, text: impl ToString) -> Self {
        self.with(key, Written::Text(text.to_string()))
    }

    fn with(mut self, key: &str, value: Written) -> Self {
        self.0.push((key.to_owned(), value));
        self
    }

    fn with_some(self, key: &str, value: Option<Written>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    fn map(self) -> Written {
        Written::Map(self.0)
    }
}

fn text(text: impl ToString) -> Written {
    Written::Text(text.to_string())
}

fn file(definition: &Definition) -> Written {
    let mut writer = StageWriter { definition, written: HashSet::from([FIRST_STAGE]) };
    let first = definition.stage(FIRST_STAGE).map(|stage| writer.actions(stage)).unwrap_or_default();
    Entries::default()
        .with("format", Written::Whole(FORMAT))
        .text("workflow", &definition.name)
        .text("title", &definition.title)
        .with_some("deadline", definition.deadline.map(text))
        .with_some("fields", fields(&definition.fields))
        .with_some("allow_unlinked_ends", definition.allow_unlinked_ends.then_some(Written::Flag(true)))
        .with("on_new_call", Written::List(first))
        .map()
}

fn fields(fields: &[FieldDeclaration]) -> Option<Written> {
    let field = |field: &FieldDeclaration| {
        let entries = Entries::default().text("type", field.field_type.word());
        let entries = entries.with_some("required", field.required.then_some(Written::Flag(true)));
        (field.name.clone(), entries.map())
    };
    (!fields.is_empty()).then(|| Written::Map(fields.iter().map(field).collect()))
}

struct StageWriter<'d> {
    definition: &'d Definition,
    written: HashSet<u32>,
}

impl StageWriter<'_> {
    fn actions(&mut self, stage: &Stage) -> Vec<Written> {
        stage.actions.iter().map(|action| self.action(action)).collect()
    }

    fn action(&mut self, action: &Action) -> Written {
        match action {
            Action::Alert(alert) => Entries::default().with("alert", written_alert(alert)).map(),
            Action::Button(button) => self.button(button),
            Action::Timer(timer) => self.timer(timer),
            Action::Link(link) => Entries::default().with("link", written_link(link)).map(),
            Action::Finish(finish) => Entries::default().text("finish", &finish.outcome).map(),
        }
    }

    fn button(&mut self, button: &ButtonAction) -> Written {
        let entries = Entries::default().text("button", &button.label);
        let required = button.note == NoteRule::Required;
        let (entries, then) = self.event(entries, &button.event);
        entries
            .with_some("confirm", button.confirmation.as_ref().map(text))
            .with_some("note", required.then(|| text("required")))
            .with_some("form", fields(&button.form))
            .with_some("then", then)
            .map()
    }

    fn timer(&mut self, timer: &TimerAction) -> Written {
        let from = if timer.from == TimerStart::Start { "start" } else { "stage" };
        let value = Entries::default().text("after", timer.after).text("from", from).map();
        let label = self.definition.stage_of(&timer.event).map(|stage| &stage.event.label);
        let label = label.filter(|label| **label != timer_label(timer.after));
        let entries = Entries::default().with("timer", value).with_some("label", label.map(text));
        let (entries, then) = self.event(entries, &timer.event);
        entries.with_some("then", then).map()
    }

    /// Adds the id and number of the event that an action adds; gives the actions of its stage too, once.
    fn event(&mut self, entries: Entries, event: &str) -> (Entries, Option<Written>) {
        let entries = entries.text("id", event);
        let Some(stage) = self.definition.stage_of(event) else { return (entries, None) };
        let entries = entries.with("stage", Written::Whole(stage.number));
        let then = self.written.insert(stage.number).then(|| self.actions(stage));
        (entries, then.filter(|actions| !actions.is_empty()).map(Written::List))
    }
}

fn written_alert(alert: &AlertAction) -> Written {
    let usual = alert.priority == Priority::Normal;
    let word = PRIORITIES.iter().find(|(_, priority)| *priority == alert.priority).map(|(word, _)| *word);
    Entries::default()
        .text("text", alert.text.source())
        .text("team", &alert.team)
        .with_some("priority", word.filter(|_| !usual).map(text))
        .with_some("due", alert.due.map(text))
        .map()
}

fn written_link(link: &LinkAction) -> Written {
    let Some(limit) = &link.at_most else { return text(&link.to) };
    Entries::default()
        .text("to", &link.to)
        .with("max", Written::Whole(limit.times))
        .text("else", &limit.otherwise)
        .map()
}
