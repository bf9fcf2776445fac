//! What is wrong with a calendar.

use super::{Calendar, WEEKDAYS};
use crate::definition::model::NO_CALENDAR;
use crate::definition::rules;
use crate::limits;
use crate::rejection::FieldFault;

impl Calendar {
    /// Everything that is wrong with it, each with the field that the API names.
    #[must_use]
    pub fn faults(&self) -> Vec<FieldFault> {
        let mut faults = Vec::new();
        let mut fault = |field: String, message: String| faults.push(FieldFault { field, message });
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
            let field = format!("calendar.hours.{day}");
            if openings.len() > limits::OPENINGS_MAX {
                fault(field, format!("has {} openings; at most {} are allowed", openings.len(), limits::OPENINGS_MAX));
            } else if let Some(bad) = openings.iter().find(|opening| !opening.is_sound()) {
                fault(field, format!("{bad} is not an opening: it begins within the day and lasts at most a day"));
            }
        }
        if self.hours.is_empty() {
            fault("calendar.hours".to_owned(), "is never open: give it hours on at least one day".to_owned());
        } else if let Some(day) = self.hours.overlapping_day() {
            let message =
                "openings overlap, or are not in order; one that goes over midnight reaches into the next day";
            fault(format!("calendar.hours.{}", WEEKDAYS[day]), message.to_owned());
        }
        if self.holidays.len() > limits::HOLIDAYS_MAX {
            let message = format!("has {} dates; at most {} are allowed", self.holidays.len(), limits::HOLIDAYS_MAX);
            fault("calendar.holidays".to_owned(), message);
        }
        for (date, title) in self.holidays.iter().filter(|(_, title)| !title.is_empty()) {
            if let Err(wrong) = rules::label("the title", title) {
                fault(format!("calendar.holidays.{date}"), wrong.message);
            }
        }
        faults
    }
}
