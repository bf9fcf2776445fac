//! Makes errors with a stage and an action.

use crate::fault::{Fault, FaultCode};
use crate::model::Stage;

/// An error of a stage.
pub(super) fn in_stage(stage: &Stage, code: FaultCode, message: String) -> Fault {
    Fault {
        stage: stage.number,
        ..Fault::new(code, message)
    }
}

/// An error of an action of a stage; `place` is its index, from 0.
pub(super) fn in_action(stage: &Stage, place: usize, code: FaultCode, message: String) -> Fault {
    Fault {
        action: u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1),
        ..in_stage(stage, code, message)
    }
}
