//! Checks a calendar.

use super::{Calendar, Opening, WEEKDAYS};
use crate::model::NO_CALENDAR;
use crate::{limits, rules};
use aftercall_text::FieldError;

impl Calendar {
    /// All errors of the calendar, each with the name of its field in the API.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut report =
            |field: String, message: String| faults.push(FieldError { field, message });
        if let Err(wrong) = rules::name("the name", &self.name) {
            report("calendar.name".to_owned(), wrong.message);
        } else if self.name == NO_CALENDAR {
            report(
                "calendar.name".to_owned(),
                format!("`{NO_CALENDAR}` means the wall clock: choose another name"),
            );
        }
        if let Err(wrong) = rules::label("the title", &self.title) {
            report("calendar.title".to_owned(), wrong.message);
        }
        for (day, openings) in WEEKDAYS.iter().zip(&self.hours.0) {
            if let Some(wrong) = wrong_hours(openings) {
                report(format!("calendar.hours.{day}"), wrong);
            }
        }
        if self.hours.is_empty() {
            report(
                "calendar.hours".to_owned(),
                "is never open: give it hours on at least one day".to_owned(),
            );
        } else if let Some(day) = self.hours.overlapping_day() {
            report(
                format!("calendar.hours.{}", WEEKDAYS[day]),
                OVERLAP.to_owned(),
            );
        }
        if self.holidays.len() > limits::HOLIDAYS_MAX {
            let message = format!(
                "has {} dates; at most {} are allowed",
                self.holidays.len(),
                limits::HOLIDAYS_MAX
            );
            report("calendar.holidays".to_owned(), message);
        }
        let are_sound = self
            .hours
            .0
            .iter()
            .all(|hours| wrong_hours(hours).is_none());
        for (date, holiday) in &self.holidays {
            let field = format!("calendar.holidays.{date}");
            if let Some(Err(wrong)) = Some(&holiday.title)
                .filter(|title| !title.is_empty())
                .map(|title| rules::label("the title", title))
            {
                report(field.clone(), wrong.message);
            }
            if let Some(wrong) = wrong_hours(&holiday.hours) {
                report(field, wrong);
            } else if are_sound && !holiday.hours.is_empty() && !self.has_no_overlap(*date) {
                report(field, OVERLAP.to_owned());
            }
        }
        faults
    }
}

const OVERLAP: &str =
    "openings overlap, or are not in order; one that goes over midnight reaches into the next day";

/// The error of the hours of one day, apart from other days.
fn wrong_hours(openings: &[Opening]) -> Option<String> {
    if openings.len() > limits::OPENINGS_MAX {
        return Some(format!(
            "has {} openings; at most {} are allowed",
            openings.len(),
            limits::OPENINGS_MAX
        ));
    }
    let bad = openings.iter().find(|opening| !opening.is_sound())?;
    Some(format!(
        "{bad} is not an opening: it begins within the day and lasts at most a day"
    ))
}
