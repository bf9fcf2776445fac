//! Definitions for property tests of this crate and of the crates that use it.
//!
//! Promises: every definition is valid with the teams of [`TEAMS`] and the calendar [`CALENDAR`];
//! validation finds only warnings. The definitions include difficult cases: texts that YAML could
//! misread, numbers with gaps and out of order, and every kind of action.

mod amending;
mod plan;
mod words;

pub use amending::{AMENDMENTS, amended};
use proptest::collection::vec;
use proptest::prelude::*;
pub use words::{CALENDAR, TEAMS, labels, names, spans};

use crate::fault::FaultCode;
use crate::model::TimerStart;
use crate::source::Source;
use crate::time::{Span, SpanUnit};
use crate::validate::{Declared, validate};
use crate::{ActionKind, Definition};

/// Valid definitions with one to some dozens of stages.
pub fn definitions() -> impl Strategy<Value = Definition> {
    let header = (
        words::names(),
        words::labels(),
        proptest::option::of(words::spans()),
        words::fields(),
        any::<bool>(),
    );
    let retentions = proptest::option::of((1..3_650_u32).prop_map(|amount| Span {
        amount,
        unit: SpanUnit::Days,
    }));
    let calendars = proptest::option::of(Just(CALENDAR.to_owned()));
    let numbering = (vec(any::<u16>(), 64), 0_u32..3);
    let outside = (header, retentions, calendars);
    (outside, plan::plans(), numbering).prop_map(
        |((header, retention, calendar), plan, (order, gap))| {
            let (name, title, deadline, fields, allow) = header;
            let (stages, unlinked) = plan::Lowering::new(&fields, &order, gap).stages(&plan);
            let mut definition = Definition {
                name,
                title,
                deadline,
                retention,
                calendar,
                fields,
                allow_unlinked_ends: allow || unlinked,
                stages,
                source: Source::default(),
            };
            let circles = validate(&definition, Declared::new(&|_| true, &|_| true));
            if circles
                .iter()
                .any(|fault| fault.code == FaultCode::CircleWithoutWait)
            {
                count_from_the_stage(&mut definition);
            }
            definition
        },
    )
}

/// Makes all timers count from their stage. In a circle, a timer that counts from the start does
/// not wait.
fn count_from_the_stage(definition: &mut Definition) {
    for action in definition
        .stages
        .iter_mut()
        .flat_map(|stage| &mut stage.actions)
    {
        if let ActionKind::Timer(timer) = &mut action.kind {
            timer.from = TimerStart::Stage;
        }
    }
}
