//! The words of one follow-up.

use serde::Deserialize;

/// The words in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FollowUpWords {
    pub(crate) waits: String,
    pub(crate) details: String,
    pub(crate) script: String,
    pub(crate) zone: String,
    pub(crate) deadline: String,
    pub(crate) until: String,
    pub(crate) escalates: String,
    pub(crate) others: String,
    pub(crate) no_others: String,
    pub(crate) all_work: String,
    pub(crate) picture: String,
    pub(crate) legend: String,
    pub(crate) now_in: String,
    /// After a time of the caller's clock: the same moment by the clock of the person.
    pub(crate) your_time: String,
    /// Before the name of a time zone.
    pub(crate) clock_of: String,
    pub(crate) hour: String,
    pub(crate) afternoon: String,
    pub(crate) tomorrow: String,
    pub(crate) monday: String,
    pub(crate) own_time: String,
    pub(crate) attempt: String,
    pub(crate) no_attempt: String,
    pub(crate) no_answer: String,
    pub(crate) left_message: String,
    pub(crate) busy: String,
    /// What needs care: taking over, handing over, pausing, finishing by hand.
    pub(crate) apart: String,
    pub(crate) to_team: String,
    pub(crate) pause_until: String,
    pub(crate) finish: String,
    /// Why a push is refused: `{change}` is who did what, `{ago}` when, and `{stage}` where it is.
    pub(crate) moved_since: String,
    /// The same where it has ended.
    pub(crate) ended_since: String,
    /// `{who}` holds it until `{time}`.
    pub(crate) held_by_another: String,
}
