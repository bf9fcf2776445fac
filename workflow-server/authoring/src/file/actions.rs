//! Reads the actions of an event, and the events that they add: depth first, in the order of the
//! file.

use aftercall_definition::calendar::ClockTime;
use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::{
    ACTIONS_PER_STAGE_MAX, STAGE_NUMBER_MAX, STAGES_MAX, TEXT_BYTES_MAX,
};
use aftercall_definition::model::{
    Action, ActionKind, ButtonAction, EventKind, NoteRule, TimerAction, TimerStart,
};
use aftercall_definition::rules;

use crate::file::faults::{Faults, Spot};
use crate::file::fields;
use crate::file::keys::{BUTTON, TIMER, TIMER_VALUE};
use crate::file::kinds::{KIND_KEYS, Kind};
use crate::file::mapping::{self, Mapping};
use crate::file::place::Place;
use crate::file::sketch::Sketch;
use crate::file::tree::Node;

pub(super) const NOTES: [(&str, NoteRule); 2] = [
    ("required", NoteRule::Required),
    ("optional", NoteRule::Optional),
];
/// The prefix with which a timer names the field that it counts from.
pub(super) const FROM_FIELD: &str = "fields.";

/// Reads actions into sketches of events.
pub(super) struct ActionReader<'f> {
    pub(super) faults: &'f mut Faults,
    pub(super) sketches: Vec<Sketch>,
    full: bool,
}

impl<'f> ActionReader<'f> {
    pub(super) fn new(faults: &'f mut Faults) -> Self {
        Self {
            faults,
            sketches: vec![Sketch::new_call()],
            full: false,
        }
    }

    /// Reads the actions of the event at this place.
    pub(super) fn read(&mut self, event: usize, node: &Node, what: &str) {
        let outside = self.faults.spot;
        for (place, item) in mapping::list(node, what, self.faults).iter().enumerate() {
            let action = u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1);
            self.faults.spot = Spot {
                event: Some(event),
                action,
            };
            if place >= ACTIONS_PER_STAGE_MAX {
                let message = format!("a stage has at most {ACTIONS_PER_STAGE_MAX} actions");
                self.faults.add(FaultCode::TooLarge, item.at, message);
                break;
            }
            self.read_one(event, item);
            if self.full {
                break;
            }
        }
        self.faults.spot = outside;
    }

    /// Reads one action of the event at this place.
    pub(super) fn read_one(&mut self, event: usize, node: &Node) {
        let Some(mapping) = Mapping::from_node(node, "an action", self.faults) else {
            return;
        };
        let mut kinds = mapping
            .entries
            .iter()
            .filter_map(|(key, value)| Some((Kind::with_key(&key.text)?, key, value)));
        let Some((kind, _, value)) = kinds.next() else {
            return self.refuse_kind(mapping);
        };
        if let Some((_, other, _)) = kinds.next() {
            let message = format!(
                "an action is one thing: start another with `-` for `{}`",
                other.text
            );
            return self.faults.add(FaultCode::BadValue, other.at, message);
        }
        self.sketches[event].places.push(Place::new(mapping));
        match kind {
            Kind::Button => self.button(event, mapping, value),
            Kind::Timer => self.timer(event, mapping, value),
            Kind::Plain(plain) => {
                plain.check_beside(mapping, self.faults);
                let read = (plain.read)(value, self.faults);
                self.sketches[event].actions.extend(read);
            }
        }
    }

    fn refuse_kind(&mut self, mapping: Mapping<'_>) {
        if mapping.entries.is_empty() {
            let message = format!("an action needs one of {}", KIND_KEYS.known.join(", "));
            return self.faults.add(FaultCode::MissingKey, mapping.at, message);
        }
        // The keys beside an unknown kind cannot be checked: only the kind is reported.
        let keys = mapping.entries.iter().map(|(key, _)| key);
        let meant = keys
            .clone()
            .find(|key| KIND_KEYS.later.contains(&key.text.as_str()));
        let meant = meant.or_else(|| {
            keys.clone()
                .find(|key| rules::nearest(&key.text, KIND_KEYS.known.iter().copied()).is_some())
        });
        if let Some(key) = meant.or_else(|| keys.clone().next()) {
            mapping::refuse_key(key, &KIND_KEYS, self.faults);
        }
    }

    fn button(&mut self, event: usize, mapping: Mapping<'_>, value: &Node) {
        mapping.check_keys(&BUTTON, self.faults);
        let label = mapping::checked(
            value,
            "button",
            |text| rules::label("the button's label", text),
            self.faults,
        );
        let label = label.unwrap_or_default();
        let confirmation = mapping.get("confirm").and_then(|node| {
            let rule = |text: &str| rules::text("`confirm`", text, TEXT_BYTES_MAX);
            mapping::checked(node, "confirm", rule, self.faults)
        });
        let note = mapping
            .get("note")
            .and_then(|node| mapping::word(node, "note", &NOTES, &[], self.faults));
        let form = mapping
            .get("form")
            .map(|node| fields::read(node, "form", self.faults));
        let kind = ActionKind::Button(ButtonAction {
            label: label.clone(),
            event: String::new(),
            confirmation,
            note: note.unwrap_or(NoteRule::Optional),
            form: form.unwrap_or_default(),
        });
        let action = Action {
            when: mapping::when(mapping, self.faults),
            kind,
        };
        self.add_event(event, mapping, EventKind::ButtonPushed, label, action);
    }

    fn timer(&mut self, event: usize, mapping: Mapping<'_>, value: &Node) {
        mapping.check_keys(&TIMER, self.faults);
        let timer = self.timer_value(value);
        let label = mapping.get("label").and_then(|node| {
            mapping::checked(
                node,
                "label",
                |text| rules::label("the timer's label", text),
                self.faults,
            )
        });
        let label = label.unwrap_or_else(|| timer_label(&timer));
        let action = Action {
            when: mapping::when(mapping, self.faults),
            kind: ActionKind::Timer(timer),
        };
        self.add_event(event, mapping, EventKind::TimerElapsed, label, action);
    }

    /// Replaces an invalid part, so that the rest can be checked too. The file is rejected in any
    /// case.
    fn timer_value(&mut self, value: &Node) -> TimerAction {
        let mut timer = TimerAction {
            after: None,
            at: None,
            from: TimerStart::Stage,
            calendar: None,
            waits_for_claim: false,
            event: String::new(),
        };
        if mapping::is_scalar(value) {
            timer.after = mapping::span(value, "timer", self.faults);
            return timer;
        }
        let Some(mapping) = Mapping::from_node(value, "`timer`", self.faults) else {
            return timer;
        };
        mapping.check_keys(&TIMER_VALUE, self.faults);
        timer.after = mapping
            .get("after")
            .and_then(|node| mapping::span(node, "after", self.faults));
        timer.at = mapping
            .get("at")
            .and_then(|node| clock_time(node, self.faults));
        timer.from = mapping
            .get("from")
            .and_then(|node| start(node, self.faults))
            .unwrap_or(TimerStart::Stage);
        timer.calendar = mapping::calendar(mapping, self.faults);
        let waits = mapping
            .get("wait-for-claim")
            .and_then(|node| mapping::flag(node, "wait-for-claim", self.faults));
        timer.waits_for_claim = waits.unwrap_or_default();
        if ["after", "at"].iter().all(|key| mapping.get(key).is_none())
            && !matches!(timer.from, TimerStart::Field(_))
        {
            mapping.require("after", "`timer`", self.faults);
        }
        timer
    }

    fn add_event(
        &mut self,
        event: usize,
        mapping: Mapping<'_>,
        kind: EventKind,
        label: String,
        action: Action,
    ) {
        let id = mapping
            .get("id")
            .and_then(|node| Some((mapping::name(node, "id", self.faults)?, node.at)));
        let number = mapping.get("stage").and_then(|node| {
            Some((
                mapping::whole_number(node, "stage", 1, STAGE_NUMBER_MAX, self.faults)?,
                node.at,
            ))
        });
        let stage_title = stage_title(mapping, "title", self.faults);
        let added = self.sketches.len();
        if added >= STAGES_MAX {
            self.full = true;
            let message = format!("a workflow has at most {STAGES_MAX} stages");
            return self.faults.add(FaultCode::TooLarge, mapping.at, message);
        }
        let added_by = self.faults.spot;
        let parent = &mut self.sketches[event];
        parent.adds.push((parent.actions.len(), added));
        parent.actions.push(action);
        self.sketches.push(Sketch {
            kind,
            label,
            stage_title,
            id,
            number,
            added_by,
            at: mapping.at,
            actions: Vec::new(),
            places: Vec::new(),
            adds: Vec::new(),
        });
        if let Some(then) = mapping.get("then") {
            self.read(added, then, "`then`");
        }
    }
}

/// The title of a stage, if the file has one.
pub(super) fn stage_title(mapping: Mapping<'_>, key: &str, faults: &mut Faults) -> Option<String> {
    let node = mapping.get(key)?;
    mapping::checked(
        node,
        key,
        |text| rules::label("the stage's title", text),
        faults,
    )
}

fn clock_time(node: &Node, faults: &mut Faults) -> Option<ClockTime> {
    let text = mapping::text(node, "at", faults)?;
    let time = ClockTime::parse(text);
    if time.is_none() {
        let message = format!(
            "`at` is a time of day such as `09:00`, `09:00 next day` or `09:00 next working day`, not {}",
            rules::quoted(text)
        );
        faults.put(
            node.at,
            Fault {
                field: "at".to_owned(),
                ..Fault::new(FaultCode::BadValue, message)
            },
        );
    }
    time
}

fn start(node: &Node, faults: &mut Faults) -> Option<TimerStart> {
    let text = mapping::text(node, "from", faults)?;
    match (text, text.strip_prefix(FROM_FIELD)) {
        ("stage", _) => Some(TimerStart::Stage),
        ("start", _) => Some(TimerStart::Start),
        (_, Some(field)) => faults
            .check(node.at, "from", rules::field_name(field))
            .then(|| TimerStart::Field(field.to_owned())),
        _ => {
            let message = format!(
                "`from` must be stage, start or fields.NAME, not {}",
                rules::quoted(text)
            );
            faults.put(
                node.at,
                Fault {
                    field: "from".to_owned(),
                    ..Fault::new(FaultCode::BadValue, message)
                },
            );
            None
        }
    }
}

/// The label of a timer that has none in the file.
pub(super) fn timer_label(timer: &TimerAction) -> String {
    match (timer.after, timer.at, &timer.from) {
        (Some(after), Some(at), _) => format!("After {after} at {at}"),
        (Some(after), None, _) => format!("After {after}"),
        (None, Some(at), _) => format!("At {at}"),
        (None, None, TimerStart::Field(field)) => format!("At {field}"),
        (None, None, _) => "Timer".to_owned(),
    }
}
