//! The teams and calendars that a workflow may name.

use crate::rules;

/// The names that are declared outside of the workflow.
#[derive(Clone, Copy)]
pub struct Declared<'a> {
    pub(super) is_team: &'a dyn Fn(&str) -> bool,
    pub(super) is_calendar: &'a dyn Fn(&str) -> bool,
    pub(super) like_team: Likeness<'a>,
    pub(super) like_calendar: Likeness<'a>,
}

/// Suggests a declared name for an unknown one, as the end of a sentence. Empty if none is similar.
pub type Likeness<'a> = &'a dyn Fn(&str, &rules::Suggestions) -> String;

impl<'a> Declared<'a> {
    /// Names without suggestions; each function returns whether a team or a calendar has this name.
    #[must_use]
    pub fn new(is_team: &'a dyn Fn(&str) -> bool, is_calendar: &'a dyn Fn(&str) -> bool) -> Self {
        Self {
            is_team,
            is_calendar,
            like_team: &|_, _| String::new(),
            like_calendar: &|_, _| String::new(),
        }
    }

    /// Adds suggestions for unknown names.
    #[must_use]
    pub fn with_likeness(self, like_team: Likeness<'a>, like_calendar: Likeness<'a>) -> Self {
        Self {
            like_team,
            like_calendar,
            ..self
        }
    }
}
