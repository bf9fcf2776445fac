//! Assigns ids and stage numbers to events. Those in the file come first, then those of an earlier
//! version. The remaining events get new ones, in the order of the file.
//!
//! Promise: no id and no number is ever assigned to another event of the same workflow.

use std::collections::{HashMap, HashSet};

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::{NAME_CHARS_MAX, STAGE_NUMBER_MAX};
use aftercall_definition::model::EventKind;
use aftercall_definition::numbering::Numbering;

use crate::file::faults::Faults;
use crate::file::sketch::Sketch;

/// The ids of the events, in the order of the sketches.
pub(super) fn ids(sketches: &[Sketch], faults: &mut Faults) -> Vec<String> {
    let mut taken: HashSet<&str> = HashSet::new();
    for sketch in sketches {
        let Some((id, at)) = &sketch.id else { continue };
        if !taken.insert(id) {
            let fault = Fault::new(
                FaultCode::Duplicate,
                format!("another event has the id `{id}`; choose another one"),
            );
            sketch.put_error(faults, *at, "id", fault);
        }
    }
    let mut taken: HashSet<String> = taken.into_iter().map(str::to_owned).collect();
    let mut suffixes = HashMap::new();
    let given = |sketch: &Sketch| match &sketch.id {
        Some((id, _)) => id.clone(),
        None => free_id(sketch, &mut taken, &mut suffixes),
    };
    sketches.iter().map(given).collect()
}

/// An id from the label: `pay-out`, or `pay-out-2` if that is used already.
pub(super) fn free_id(
    sketch: &Sketch,
    taken: &mut HashSet<String>,
    suffixes: &mut HashMap<String, u32>,
) -> String {
    let mut base = slug::slugify(&sketch.label);
    if base.is_empty() {
        let kind = if sketch.kind == EventKind::TimerElapsed {
            "timer"
        } else {
            "button"
        };
        kind.clone_into(&mut base);
    }
    shorten(&mut base, NAME_CHARS_MAX);
    // Remembers the next suffix of each base, so that a thousand equal labels take a thousand
    // steps.
    let next = suffixes.entry(base.clone()).or_insert(1);
    loop {
        let id = if *next == 1 {
            base.clone()
        } else {
            suffixed(&base, *next)
        };
        *next = next.saturating_add(1);
        if taken.insert(id.clone()) {
            return id;
        }
    }
}

fn suffixed(base: &str, number: u32) -> String {
    let suffix = format!("-{number}");
    let mut id = base.to_owned();
    shorten(&mut id, NAME_CHARS_MAX - suffix.len());
    id + &suffix
}

/// A slug is ASCII, so every byte is a character boundary.
fn shorten(slug: &mut String, bytes_max: usize) {
    slug.truncate(bytes_max);
    slug.truncate(slug.trim_end_matches('-').len());
}

/// The stage numbers of the events with these ids. A new number is above all numbers in the file,
/// because a gap may be the number of an earlier event.
pub(super) fn stages(
    sketches: &[Sketch],
    ids: &[String],
    earlier: &Numbering,
    faults: &mut Faults,
) -> Vec<u32> {
    let mut numbers: Vec<Option<u32>> = Vec::with_capacity(sketches.len());
    let mut taken = HashSet::new();
    for (sketch, id) in sketches.iter().zip(ids) {
        let before = earlier.number_of(id);
        if let Some((number, at)) = sketch.number {
            let fault = clash(
                number,
                id,
                before,
                earlier.event_of(number),
                taken.contains(&number),
            );
            if let Some(fault) = fault {
                sketch.put_error(faults, at, "stage", fault);
            }
        }
        let number = sketch.number.map(|(number, _)| number).or(before);
        taken.extend(number);
        numbers.push(number);
    }
    let highest = taken.iter().max().copied().unwrap_or_default();
    let mut next = earlier.next_free().max(highest.saturating_add(1));
    let mut too_high = None;
    let given = |(sketch, number): (&Sketch, Option<u32>)| {
        number.unwrap_or_else(|| {
            let given = next;
            next = next.saturating_add(1);
            if given > STAGE_NUMBER_MAX && too_high.is_none() {
                too_high = Some((sketch.added_by, sketch.at));
            }
            given
        })
    };
    let numbers = sketches.iter().zip(numbers).map(given).collect();
    if let Some((spot, at)) = too_high {
        faults.spot = spot;
        let message = format!(
            "no stage numbers are left up to {STAGE_NUMBER_MAX}; write lower ones, or import it as a new workflow"
        );
        faults.add(FaultCode::TooLarge, at, message);
    }
    numbers
}

/// Why an event cannot have the number in the file.
pub(super) fn clash(
    number: u32,
    id: &str,
    before: Option<u32>,
    other: Option<&str>,
    taken: bool,
) -> Option<Fault> {
    if taken {
        let message =
            format!("another event has the stage number {number}; leave it out to get a free one");
        return Some(Fault::new(FaultCode::Duplicate, message));
    }
    if let Some(before) = before.filter(|before| *before != number) {
        let message =
            format!("`{id}` is stage {before} already and stays so; write {before} or nothing");
        return Some(Fault::new(FaultCode::NumberUsed, message));
    }
    let other = other.filter(|other| *other != id)?;
    let message = format!(
        "stage {number} was `{other}` in an earlier version; leave it out to get a free number"
    );
    Some(Fault::new(FaultCode::NumberUsed, message))
}
