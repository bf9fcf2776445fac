//! What is wrong with a calendar.

use super::{Calendar, Opening, WEEKDAYS};
use crate::model::NO_CALENDAR;
use crate::{limits, rules};
use aftercall_text::FieldError;

impl Calendar {
    /// Everything that is wrong with it, each with the field that the API names.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldError> {
        let mut faults = Vec::new();
        let mut fault = |field: String, message: String| faults.push(FieldError { field, message });
        if let Err(wrong) = rules::name("the name", &self.name) {
            fault("calendar.name".to_owned(), wrong.message);
        } else if self.name == NO_CALENDAR {
            fault(
                "calendar.name".to_owned(),
                format!("`{NO_CALENDAR}` means the clock on the wall: choose another name"),
            );
        }
        if let Err(wrong) = rules::label("the title", &self.title) {
            fault("calendar.title".to_owned(), wrong.message);
        }
        for (day, openings) in WEEKDAYS.iter().zip(&self.hours.0) {
            if let Some(wrong) = wrong_hours(openings) {
                fault(format!("calendar.hours.{day}"), wrong);
            }
        }
        if self.hours.is_empty() {
            fault(
                "calendar.hours".to_owned(),
                "is never open: give it hours on at least one day".to_owned(),
            );
        } else if let Some(day) = self.hours.overlapping_day() {
            fault(
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
            fault("calendar.holidays".to_owned(), message);
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
                fault(field.clone(), wrong.message);
            }
            if let Some(wrong) = wrong_hours(&holiday.hours) {
                fault(field, wrong);
            } else if are_sound && !holiday.hours.is_empty() && !self.has_room(*date) {
                fault(field, OVERLAP.to_owned());
            }
        }
        faults
    }
}

const OVERLAP: &str =
    "openings overlap, or are not in order; one that goes over midnight reaches into the next day";

/// What is wrong with the hours of a day by themselves.
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
