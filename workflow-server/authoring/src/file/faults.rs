//! The errors of one file, collected while it is read.
//!
//! Must not grow without a limit: only the first hundred errors are reported.

use std::ops::Range;

use aftercall_definition::fault::{Fault, FaultCode};
use aftercall_definition::limits::FAULTS_MAX;

use crate::file::inside::inside;
use crate::file::position::Position;

/// The part of the workflow that is being read: the index of the event in the order of the file,
/// and its action, from 1.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spot {
    pub(super) event: Option<usize>,
    pub(super) action: u32,
}

/// All errors found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: Vec<(Spot, Fault)>,
    more: bool,
    /// How many errors are inside of one text or condition. The rest of the file can still be read
    /// and validated.
    inside: usize,
    /// The text of the file.
    pub(super) text: String,
    /// The part that is being read.
    pub(super) spot: Spot,
    /// The number of expressions read. It is limited.
    pub(super) expressions: usize,
    /// Their total size, in bytes.
    pub(super) expression_bytes: usize,
    /// The size of all texts with filters and conditions, in bytes.
    pub(super) logic_bytes: usize,
}

impl Faults {
    pub(super) fn add(&mut self, code: FaultCode, at: Position, message: impl Into<String>) {
        self.put(at, Fault::new(code, message));
    }

    /// Adds an error at a position.
    pub(super) fn put(&mut self, at: Position, fault: Fault) {
        if self.found.len() >= FAULTS_MAX {
            self.more = true;
            return;
        }
        self.found.push((
            self.spot,
            Fault {
                line: at.line,
                column: at.column,
                ..fault
            },
        ));
    }

    /// Adds an error inside of a text or condition that begins at `at`. Its position is that of the
    /// invalid part, if it can be found.
    pub(super) fn put_inside(
        &mut self,
        at: Position,
        (source, range): (&str, Option<Range<usize>>),
        fault: Fault,
    ) {
        let count = self.found.len();
        // A search for each of very many errors would take too long.
        let range = range.filter(|_| count < FAULTS_MAX);
        let found = range.and_then(|range| inside(&self.text, at, source, range));
        self.put(found.unwrap_or(at), fault);
        self.inside += self.found.len() - count;
    }

    /// Whether all errors so far are inside of texts and conditions.
    pub(super) fn are_inside(&self) -> bool {
        self.found.len() == self.inside && !self.more
    }

    /// Adds the error of a field, if it has one. Returns whether the field is valid.
    pub(super) fn check(&mut self, at: Position, field: &str, checked: Result<(), Fault>) -> bool {
        match checked {
            Ok(()) => true,
            Err(fault) => {
                self.put(
                    at,
                    Fault {
                        field: field.to_owned(),
                        ..fault
                    },
                );
                false
            }
        }
    }

    /// Whether more errors would be dropped, so that their messages need not be built.
    pub(super) fn is_full(&self) -> bool {
        self.more
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// All errors, in the order of the file. `numbers` are the numbers of the stages in the order
    /// of the file.
    pub(super) fn finish(mut self, numbers: &[u32]) -> Vec<Fault> {
        self.found
            .sort_by_key(|(_, fault)| (fault.line, fault.column));
        let in_stage = |(spot, fault): (Spot, Fault)| {
            let stage = spot.event.and_then(|event| numbers.get(event)).copied();
            Fault {
                stage: stage.unwrap_or(0),
                action: spot.action,
                ..fault
            }
        };
        let mut faults: Vec<Fault> = self.found.into_iter().map(in_stage).collect();
        faults.dedup();
        if self.more {
            let message = format!("there are more errors; these are the first {FAULTS_MAX}");
            faults.push(Fault::new(FaultCode::TooLarge, message));
        }
        faults
    }
}
