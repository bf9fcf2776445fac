//! Writes a definition to a file.
//!
//! Promises: ids and stage numbers are always written, but formatting adds none, because only a
//! server knows which are free. Each event is written once, at the action that adds it. Values that
//! are the default are left out.

use std::collections::{HashMap, HashSet};

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::TEXT_BYTES_MAX;
use aftercall_definition::model::{
    Action, ActionKind, AlertAction, ButtonAction, Definition, EscalationStep, FIRST_STAGE,
    FinishAction, LinkAction, NoteRule, Priority, Raise, Stage, StepTime, TimerAction, TimerStart,
};
use aftercall_definition::time::Span;
use aftercall_definition::value::{FieldDeclaration, Value, whole};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_saphyr::{DoubleQuoted, FlowMap, SingleQuoted};

use crate::file::actions::{FROM_FIELD, timer_label};
use crate::file::escalation::{DUE, RAISE};
use crate::file::keys::{NEW_CALL_TITLE, PRIORITIES};
use crate::file::reading::FORMAT;
use crate::file::tree::check_signs;
use crate::limits::{FILE_BYTES_MAX, FILE_NODES_MAX};

/// Writes YAML 1.2.
#[must_use]
pub fn write_yaml(definition: &Definition) -> String {
    yaml(&file(definition, &HashSet::new()))
}

pub(super) fn yaml(file: &Written) -> String {
    let options = serde_saphyr::ser_options! { compact_list_indent: false, folded_wrap_chars: TEXT_BYTES_MAX };
    // Only a tree that YAML cannot express could fail. JSON is valid YAML, and can express every
    // tree.
    serde_saphyr::to_string_with_options(file, options).unwrap_or_else(|_| json(file))
}

/// Writes JSON.
#[must_use]
pub fn write_json(definition: &Definition) -> String {
    json(&file(definition, &HashSet::new()))
}

/// Checks that an export can be imported again. A file with all ids and stage numbers is larger
/// than the file that was read.
///
/// # Errors
/// `TOO_LARGE`.
pub fn check_written(definition: &Definition) -> Result<(), Fault> {
    let written = file(definition, &HashSet::new());
    let text = json(&written);
    check_signs(&text)?;
    let (bytes, nodes) = (text.len(), written.nodes() + DOCUMENT_NODES);
    if bytes <= FILE_BYTES_MAX && nodes <= FILE_NODES_MAX {
        return Ok(());
    }
    let message = format!(
        "with every id and stage number the file has {bytes} bytes and {nodes} keys and values; at most {FILE_BYTES_MAX} and {FILE_NODES_MAX} are allowed"
    );
    Err(Fault::new(FaultCode::TooLarge, message))
}

/// The reader also counts the beginnings and the ends of the stream and of its document.
const DOCUMENT_NODES: usize = 4;

/// Writes one action of a definition in the form of a file, without its `then`.
/// [`super::read_action`] reads this form.
#[must_use]
pub fn write_action(definition: &Definition, action: &Action) -> String {
    let mut written = StageWriter::new(definition, &HashSet::new()).action(action);
    if let Written::Map(entries) = &mut written {
        entries.retain(|(key, _)| key != "then");
    }
    json(&written)
}

pub(super) fn json(file: &Written) -> String {
    // The tree has only text keys and whole numbers, so JSON can express it.
    let mut text =
        serde_json::to_string_pretty(file).expect("a tree of texts and whole numbers is JSON");
    text.push('\n');
    text
}

/// The content of a file.
pub(super) enum Written {
    Text(String),
    Whole(u32),
    Number(f64),
    Flag(bool),
    List(Vec<Written>),
    Map(Vec<(String, Written)>),
    /// A mapping on one line.
    Line(Vec<(String, Written)>),
}

impl Written {
    fn without_lines(self) -> Self {
        let of_all = |entries: Vec<(String, Self)>| {
            entries
                .into_iter()
                .map(|(key, value)| (key, value.without_lines()))
                .collect()
        };
        match self {
            Self::Line(entries) | Self::Map(entries) => Self::Map(of_all(entries)),
            Self::List(items) => Self::List(items.into_iter().map(Self::without_lines).collect()),
            other => other,
        }
    }

    /// The number of nodes that a reader counts: lists and mappings have a beginning and an end.
    fn nodes(&self) -> usize {
        match self {
            Self::Text(_) | Self::Whole(_) | Self::Number(_) | Self::Flag(_) => 1,
            Self::List(items) => 2 + items.iter().map(Self::nodes).sum::<usize>(),
            Self::Map(entries) | Self::Line(entries) => {
                2 + entries
                    .iter()
                    .map(|(_, value)| 1 + value.nodes())
                    .sum::<usize>()
            }
        }
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            // The guide quotes every text with placeholders. YAML requires this for a text that
            // begins with one, and all others should look the same.
            Self::Text(text) if has_places(text) && is_plainer_in_single_quotes(text) => {
                SingleQuoted(text).serialize(serializer)
            }
            Self::Text(text) if has_places(text) => DoubleQuoted(text).serialize(serializer),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Whole(number) => serializer.serialize_u32(*number),
            Self::Number(number) => match whole(*number) {
                Some(whole) => serializer.serialize_i64(whole),
                None => serializer.serialize_f64(*number),
            },
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::List(items) => serializer.collect_seq(items),
            Self::Map(entries) => Pairs(entries).serialize(serializer),
            Self::Line(entries) => FlowMap(Pairs(entries)).serialize(serializer),
        }
    }
}

struct Pairs<'w>(&'w [(String, Written)]);

impl Serialize for Pairs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Builds a mapping.
#[derive(Default)]
struct Entries(Vec<(String, Written)>);

impl Entries {
    fn text(self, key: &str, text: impl Into<String>) -> Self {
        self.with(key, Written::Text(text.into()))
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

    /// Puts a mapping on one line if it is short, and has no text of several lines.
    fn line(self) -> Written {
        const LINE_BYTES_MAX: usize = 90;
        let shown = serde_json::to_string(&Pairs(&self.0));
        let is_short =
            shown.is_ok_and(|shown| shown.len() <= LINE_BYTES_MAX && !shown.contains("\\n"));
        if !is_short {
            return Written::Map(self.0);
        }
        // Mappings inside a line are on that line already. Marking them again would affect the
        // values after them.
        Written::Line(
            self.0
                .into_iter()
                .map(|(key, value)| (key, value.without_lines()))
                .collect(),
        )
    }
}

/// Whether the value is a text on one line with placeholders.
fn has_places(text: &str) -> bool {
    (text.contains("{{") || text.contains("{%")) && !text.contains('\n')
}

/// Whether double quotes would need escapes, and single quotes none. Single quotes cannot express
/// tabs and line breaks.
fn is_plainer_in_single_quotes(text: &str) -> bool {
    let needs_escape = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\'' | '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}'
            )
    };
    text.contains(['"', '\\']) && !text.contains(needs_escape)
}

fn text(text: impl Into<String>) -> Written {
    Written::Text(text.into())
}

fn span(span: Span) -> Written {
    text(span.to_string())
}

pub(super) fn file(definition: &Definition, unnumbered: &HashSet<u32>) -> Written {
    let mut writer = StageWriter::new(definition, unnumbered);
    let first_stage = definition.stage(FIRST_STAGE);
    let first_title = first_stage
        .and_then(|stage| stage.event.stage_title.as_ref())
        .map(text);
    let first = first_stage
        .map(|stage| writer.actions(stage))
        .unwrap_or_default();
    Entries::default()
        .with("format", Written::Whole(FORMAT))
        .text("workflow", &definition.name)
        .text("title", &definition.title)
        .with_some("deadline", definition.deadline.map(span))
        .with_some("retention", definition.retention.map(span))
        .with_some("calendar", definition.calendar.as_ref().map(text))
        .with_some("fields", fields(&definition.fields))
        .with_some(
            "allow_unlinked_ends",
            definition
                .allow_unlinked_ends
                .then_some(Written::Flag(true)),
        )
        .with_some(NEW_CALL_TITLE, first_title)
        .with("on_new_call", Written::List(first))
        .map()
}

fn fields(fields: &[FieldDeclaration]) -> Option<Written> {
    let field = |field: &FieldDeclaration| {
        let values = (!field.values.is_empty())
            .then(|| Written::List(field.values.iter().map(value).collect()));
        let entries = Entries::default()
            .text("type", field.field_type.word())
            .with_some(
                "label",
                (!field.label.is_empty()).then(|| text(&field.label)),
            )
            .with_some("required", field.required.then_some(Written::Flag(true)))
            .with_some("sensitive", field.sensitive.then_some(Written::Flag(true)))
            .with_some("default", field.default.as_ref().map(value))
            .with_some("values", values)
            .with_some(
                "min",
                field
                    .min
                    .map(Written::Number)
                    .or(field.earliest.map(|bound| text(bound.to_string()))),
            )
            .with_some(
                "max",
                field
                    .max
                    .map(Written::Number)
                    .or(field.latest.map(|bound| text(bound.to_string()))),
            );
        (field.name.clone(), entries.line())
    };
    (!fields.is_empty()).then(|| Written::Map(fields.iter().map(field).collect()))
}

fn value(value: &Value) -> Written {
    match value {
        Value::Text(value) => text(&**value),
        Value::Number(number) => Written::Number(*number),
        Value::Bool(flag) => Written::Flag(*flag),
        Value::Time(_) => text(value.to_string()),
    }
}

struct StageWriter<'d> {
    stages: HashMap<&'d str, &'d Stage>,
    written: HashSet<u32>,
    /// The stages whose numbers are left out.
    unnumbered: &'d HashSet<u32>,
}

impl<'d> StageWriter<'d> {
    fn new(definition: &'d Definition, unnumbered: &'d HashSet<u32>) -> Self {
        let stages = definition
            .stages
            .iter()
            .map(|stage| (stage.event.id.as_str(), stage))
            .collect();
        Self {
            stages,
            written: HashSet::from([FIRST_STAGE]),
            unnumbered,
        }
    }

    fn actions(&mut self, stage: &Stage) -> Vec<Written> {
        stage
            .actions
            .iter()
            .map(|action| self.action(action))
            .collect()
    }

    fn action(&mut self, action: &Action) -> Written {
        let when = || action.when.as_ref().map(|when| text(when.source()));
        let value = match &action.kind {
            ActionKind::Button(button) => return self.button(button, when()),
            ActionKind::Timer(timer) => return self.timer(timer, when()),
            ActionKind::Alert(alert) => written_alert(alert, when()),
            ActionKind::Link(link) => written_link(link, when()),
            ActionKind::Finish(finish) => written_finish(finish, when()),
            ActionKind::SetField(set) => Entries::default()
                .text("field", &set.field)
                .text("to", set.to.source())
                .with_some("when", when())
                .line(),
        };
        Entries::default().with(action.word(), value).map()
    }

    fn button(&mut self, button: &ButtonAction, when: Option<Written>) -> Written {
        let required = button.note == NoteRule::Required;
        let entries = Entries::default().text("button", &button.label);
        self.identity(&button.event, entries)
            .with_some("when", when)
            .with_some("confirm", button.confirmation.as_ref().map(text))
            .with_some("note", required.then(|| text("required")))
            .with_some("form", fields(&button.form))
            .with_some("then", self.then(&button.event))
            .map()
    }

    fn timer(&mut self, timer: &TimerAction, when: Option<Written>) -> Written {
        let from = match &timer.from {
            TimerStart::Stage => text("stage"),
            TimerStart::Start => text("start"),
            TimerStart::Field(field) => text(format!("{FROM_FIELD}{field}")),
        };
        let value = Entries::default()
            .with_some("after", timer.after.map(span))
            .with_some("at", timer.at.map(|at| text(at.to_string())))
            .with("from", from)
            .with_some("calendar", timer.calendar.as_ref().map(text))
            .with_some(
                "wait-for-claim",
                timer.waits_for_claim.then_some(Written::Flag(true)),
            )
            .line();
        let label = self
            .stages
            .get(timer.event.as_str())
            .map(|stage| &stage.event.label);
        let label = label
            .filter(|label| **label != timer_label(timer))
            .map(text);
        let entries = Entries::default()
            .with("timer", value)
            .with_some("label", label);
        self.identity(&timer.event, entries)
            .with_some("when", when)
            .with_some("then", self.then(&timer.event))
            .map()
    }

    /// The id of the event, and the number and title of its stage.
    fn identity(&self, event: &str, entries: Entries) -> Entries {
        let stage = self
            .stages
            .get(event)
            .filter(|stage| !self.unnumbered.contains(&stage.number));
        let number = stage.map(|stage| Written::Whole(stage.number));
        let title = self
            .stages
            .get(event)
            .and_then(|stage| stage.event.stage_title.as_ref())
            .map(text);
        entries
            .text("id", event)
            .with_some("stage", number)
            .with_some("title", title)
    }

    /// The actions of the event. `None` if it has none, or they are written elsewhere.
    fn then(&mut self, event: &str) -> Option<Written> {
        let stage = *self.stages.get(event)?;
        let first = self.written.insert(stage.number);
        (first && !stage.actions.is_empty()).then(|| Written::List(self.actions(stage)))
    }
}

fn written_alert(alert: &AlertAction, when: Option<Written>) -> Written {
    let is_usual = alert.priority == Priority::Normal;
    Entries::default()
        .text("text", alert.text.source())
        .text("team", &alert.team)
        .with_some(
            "priority",
            (!is_usual).then(|| text(priority_word(alert.priority))),
        )
        .with_some("due", alert.due.map(span))
        .with_some("calendar", alert.calendar.as_ref().map(text))
        .with_some("escalate", escalation(&alert.escalate))
        .with_some("seen-for", alert.seen_for.map(span))
        .with_some("when", when)
        .line()
}

fn escalation(steps: &[EscalationStep]) -> Option<Written> {
    (!steps.is_empty()).then(|| Written::List(steps.iter().map(written_step).collect()))
}

fn written_step(step: &EscalationStep) -> Written {
    let entries = match step.at {
        StepTime::Share(share) => Entries::default().text("at", format!("{share}%")),
        StepTime::Due => Entries::default().text("at", DUE),
        StepTime::After(after) => Entries::default().with("after", span(after)),
    };
    let priority = step.priority.map(|raise| match raise {
        Raise::ByOne => text(RAISE),
        Raise::To(priority) => text(priority_word(priority)),
    });
    entries
        .with_some("every", step.again.map(|again| span(again.every)))
        .with_some("times", step.again.map(|again| Written::Whole(again.times)))
        .with_some("priority", priority)
        .with_some("team", step.team.as_ref().map(text))
        .with_some("add-team", step.add_team.as_ref().map(text))
        .line()
}

fn priority_word(wanted: Priority) -> &'static str {
    PRIORITIES
        .iter()
        .find(|(_, priority)| *priority == wanted)
        .map_or("normal", |(word, _)| *word)
}

fn written_finish(finish: &FinishAction, when: Option<Written>) -> Written {
    let outcome = text(&finish.outcome);
    if when.is_none() {
        return outcome;
    }
    Entries::default()
        .with("outcome", outcome)
        .with_some("when", when)
        .line()
}

fn written_link(link: &LinkAction, when: Option<Written>) -> Written {
    if link.at_most.is_none() && when.is_none() {
        return text(&link.to);
    }
    let at_most = link.at_most.as_ref();
    Entries::default()
        .text("to", &link.to)
        .with_some("max", at_most.map(|at_most| Written::Whole(at_most.times)))
        .with_some("else", at_most.map(|at_most| text(&at_most.otherwise)))
        .with_some("when", when)
        .line()
}
