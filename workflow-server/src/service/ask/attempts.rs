//! How often a request is tried again whose workflow changes while it is prepared.

use crate::service::say::Refusal;

/// Whether somebody changed the workflow between the look at it and the decision, and the asker
/// named no revision.
pub(crate) fn has_moved_on(refused: &Refusal, expected: Option<u64>, attempt: usize) -> bool {
    refused.code() == tonic::Code::Aborted && expected.is_none() && attempt < TRIES
}

/// How often a workflow is looked at again when it changed between the look and the decision.
const TRIES: usize = 3;
