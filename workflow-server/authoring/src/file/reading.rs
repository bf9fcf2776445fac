//! Reads a file into a definition.

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::model::{Definition, FIRST_STAGE, Stage};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::rules;
use aftercall_definition::source::Source;
use aftercall_definition::time::Span;
use aftercall_definition::value::FieldDeclaration;

use crate::file::actions::{ActionReader, stage_title};
use crate::file::faults::{Faults, Spot};
use crate::file::keys::{NEW_CALL_TITLE, WORKFLOW};
use crate::file::mapping::{self, Mapping};
use crate::file::place::Place;
use crate::file::places::Places;
use crate::file::sketch::Sketch;
use crate::file::tree::Node;
use crate::file::{fields, numbers, tree};

/// The version of the file form that this server reads and writes.
pub(super) const FORMAT: u32 = 1;

/// A higher format is a typing error and not a later version.
const FORMAT_MAX: u32 = 1_000;

/// Reads a definition of at most [`crate::limits::FILE_BYTES_MAX`] bytes.
///
/// `earlier` has the ids and numbers of earlier versions of the workflow. An event from an earlier
/// version keeps its number. A new event gets a number above all that were ever used.
///
/// # Errors
/// All errors of the file, in its order. [`aftercall_definition::validate`] checks the whole
/// workflow.
pub fn read(text: &str, earlier: Option<&Numbering>) -> Result<Definition, Vec<Fault>> {
    read_placed(text, |_| earlier).map(|(definition, _)| definition)
}

/// Like [`read`], and also returns the positions. `earlier` looks up the ids and numbers of earlier
/// versions by the name in the file.
///
/// # Errors
/// As [`read`].
pub fn read_placed<'n>(
    text: &str,
    earlier: impl FnOnce(&str) -> Option<&'n Numbering>,
) -> Result<(Definition, Places), Vec<Fault>> {
    read_to_the_end(text, earlier).map_err(|unread| unread.faults)
}

/// The errors of an invalid file.
pub struct Unread {
    /// All errors of the file, in its order.
    pub faults: Vec<Fault>,
    /// The workflow with empty texts and conditions, if only texts and conditions have errors.
    rest: Option<(Definition, Places)>,
}

impl Unread {
    fn file(faults: Vec<Fault>) -> Box<Self> {
        Box::new(Self { faults, rest: None })
    }

    /// The errors of the file and those of the workflow. An invalid text must not hide other
    /// errors.
    pub fn with_those_of_the_workflow(
        self,
        validate: impl FnOnce(&Definition) -> Vec<Fault>,
    ) -> Vec<Fault> {
        let Some((definition, places)) = self.rest else {
            return self.faults;
        };
        let mut found = validate(&definition);
        places.put(&mut found);
        let is_of = |one: &Fault, other: &Fault| {
            (one.stage, one.action, &one.field) == (other.stage, other.action, &other.field)
        };
        // The replacement of an invalid text has errors that the author did not make.
        found
            .retain(|fault| !fault.warning && !self.faults.iter().any(|known| is_of(known, fault)));
        let mut all = self.faults;
        all.extend(found);
        all.sort_by_key(|fault| (fault.line == 0, fault.line, fault.column));
        all
    }
}

/// Like [`read_placed`], but also returns the valid part of a file if only texts and conditions are
/// invalid.
///
/// # Errors
/// [`Unread`].
pub fn read_to_the_end<'n>(
    text: &str,
    earlier: impl FnOnce(&str) -> Option<&'n Numbering>,
) -> Result<(Definition, Places), Box<Unread>> {
    let mut faults = Faults::default();
    let Some(root) = tree::parse(text, &mut faults) else {
        return Err(Unread::file(faults.finish(&[])));
    };
    let Some(file) = Mapping::from_file(&root, "a workflow file", &mut faults) else {
        return Err(Unread::file(faults.finish(&[])));
    };
    file.check_keys(&WORKFLOW, &mut faults);
    check_format(file, &mut faults);
    let header = Header::read(file, &mut faults);
    let mut sketches = events(file, &mut faults);
    let ids = numbers::ids(&sketches, &mut faults);
    let none = Numbering::default();
    let earlier = header
        .as_ref()
        .and_then(|header| earlier(&header.name))
        .unwrap_or(&none);
    let stage_numbers = numbers::stages(&sketches, &ids, earlier, &mut faults);
    match header {
        Some(header) if faults.are_inside() => {
            let text = std::mem::take(&mut faults.text);
            let places = Places::new(Place::new(file), &mut sketches, &stage_numbers).of_text(text);
            let read = (
                header.with_stages(stages(sketches, &ids, &stage_numbers)),
                places,
            );
            if faults.is_empty() {
                return Ok(read);
            }
            Err(Box::new(Unread {
                faults: faults.finish(&stage_numbers),
                rest: Some(read),
            }))
        }
        _ => Err(Unread::file(faults.finish(&stage_numbers))),
    }
}

/// Reads a file without actions, with which a workflow that is built step by step begins.
///
/// # Errors
/// Those of [`read`]. Actions are an error too.
pub fn read_header(text: &str) -> Result<Definition, Vec<Fault>> {
    let mut faults = Faults::default();
    let Some(root) = tree::parse(text, &mut faults) else {
        return Err(faults.finish(&[]));
    };
    let Some(file) = Mapping::from_file(&root, "a workflow file", &mut faults) else {
        return Err(faults.finish(&[]));
    };
    file.check_keys(&WORKFLOW, &mut faults);
    check_format(file, &mut faults);
    if let Some(node) = file.get("on_new_call")
        && !mapping::list(node, "`on_new_call`", &mut faults).is_empty()
    {
        faults.add(
            FaultCode::BadValue,
            node.at,
            "a workflow begins without actions: add them one by one",
        );
    }
    match Header::read(file, &mut faults) {
        Some(header) if faults.is_empty() => Ok(header.with_stages(vec![Stage::new_call()])),
        _ => Err(faults.finish(&[])),
    }
}

fn check_format(file: Mapping<'_>, faults: &mut Faults) {
    let Some(node) = file.require("format", "a workflow file", faults) else {
        return;
    };
    let format = mapping::whole_number(node, "format", 1, FORMAT_MAX, faults);
    if let Some(other) = format.filter(|format| *format != FORMAT) {
        let message = format!("format {other} is not known; this version reads format {FORMAT}");
        faults.put(
            node.at,
            Fault {
                field: "format".to_owned(),
                ..Fault::new(FaultCode::NotSupportedYet, message)
            },
        );
    }
}

/// The parts of a definition apart from its stages.
struct Header {
    name: String,
    title: String,
    deadline: Option<Span>,
    retention: Option<Span>,
    calendar: Option<String>,
    fields: Vec<FieldDeclaration>,
    allow_unlinked_ends: bool,
    new_call_title: Option<String>,
}

impl Header {
    /// `None` if a required part is missing or invalid.
    fn read(file: Mapping<'_>, faults: &mut Faults) -> Option<Self> {
        let name = file
            .require("workflow", "a workflow file", faults)
            .and_then(|node| mapping::name(node, "workflow", faults));
        let title = file
            .require("title", "a workflow file", faults)
            .and_then(|node| {
                mapping::checked(node, "title", |text| rules::label("`title`", text), faults)
            });
        let deadline = file
            .get("deadline")
            .and_then(|node| mapping::span(node, "deadline", faults));
        let retention = file
            .get("retention")
            .and_then(|node| retention(node, faults));
        let calendar = mapping::calendar(file, faults);
        let fields = file
            .get("fields")
            .map(|node| fields::read(node, "fields", faults));
        let allow_unlinked_ends = file
            .get("allow_unlinked_ends")
            .and_then(|node| mapping::flag(node, "allow_unlinked_ends", faults));
        let new_call_title = stage_title(file, NEW_CALL_TITLE, faults);
        Some(Self {
            name: name?,
            title: title?,
            deadline,
            retention,
            calendar,
            fields: fields.unwrap_or_default(),
            allow_unlinked_ends: allow_unlinked_ends.unwrap_or(false),
            new_call_title,
        })
    }

    fn with_stages(self, mut stages: Vec<Stage>) -> Definition {
        if let Some(first) = stages
            .first_mut()
            .filter(|stage| stage.number == FIRST_STAGE)
        {
            first.event.stage_title = self.new_call_title;
        }
        Definition {
            name: self.name,
            title: self.title,
            deadline: self.deadline,
            retention: self.retention,
            calendar: self.calendar,
            fields: self.fields,
            allow_unlinked_ends: self.allow_unlinked_ends,
            stages,
            source: Source::default(),
        }
    }
}

fn retention(node: &Node, faults: &mut Faults) -> Option<Span> {
    let span = mapping::span(node, "retention", faults)?;
    match rules::retention(span) {
        Ok(()) => Some(span),
        Err(fault) => {
            faults.put(
                node.at,
                Fault {
                    field: "retention".to_owned(),
                    ..fault
                },
            );
            None
        }
    }
}

/// The events in the order of the file: first the new call, and each event before those that it
/// adds.
fn events(file: Mapping<'_>, faults: &mut Faults) -> Vec<Sketch> {
    let on_new_call: Option<&Node> = file.require("on_new_call", "a workflow file", faults);
    let mut reader = ActionReader::new(faults);
    if let Some(node) = on_new_call {
        reader.read(0, node, "`on_new_call`");
    }
    let sketches = reader.sketches;
    faults.spot = Spot::default();
    sketches
}

fn stages(sketches: Vec<Sketch>, ids: &[String], numbers: &[u32]) -> Vec<Stage> {
    let mut stages: Vec<Stage> = Vec::with_capacity(sketches.len());
    for ((mut sketch, id), number) in sketches.into_iter().zip(ids).zip(numbers) {
        for (place, added) in &sketch.adds {
            sketch.actions[*place].set_added(&ids[*added]);
        }
        stages.push(Stage {
            number: *number,
            event: sketch.event(id.clone()),
            actions: sketch.actions,
        });
    }
    stages.sort_by_key(|stage| stage.number);
    stages
}
