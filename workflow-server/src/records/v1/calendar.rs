//! Business calendars.

use aftercall_definition::calendar::{
    Calendar, Holiday, HolidayDate, Holidays, Opening, WeekHours,
};

use crate::records::RecordError;

#[derive(Clone, PartialEq, prost::Message)]
struct OpeningRecord {
    /// The day of the week, from 0 for Monday.
    #[prost(uint32, tag = "1")]
    day: u32,
    #[prost(uint32, tag = "2")]
    from: u32,
    #[prost(uint32, tag = "3")]
    to: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HolidayRecord {
    /// The date: 2026-12-25, or 12-25 for every year.
    #[prost(string, tag = "1")]
    date: String,
    #[prost(string, tag = "2")]
    title: String,
    /// The opening hours of the day. Empty if it is closed all day. The day of each opening is 0.
    #[prost(message, repeated, tag = "3")]
    openings: Vec<OpeningRecord>,
}

/// A calendar.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CalendarRecord {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    title: String,
    #[prost(string, tag = "3")]
    time_zone: String,
    #[prost(message, repeated, tag = "4")]
    openings: Vec<OpeningRecord>,
    #[prost(message, repeated, tag = "5")]
    holidays: Vec<HolidayRecord>,
    #[prost(uint64, tag = "6")]
    revision: u64,
}

impl From<&Calendar> for CalendarRecord {
    fn from(calendar: &Calendar) -> Self {
        let of_day = |(day, openings): (u32, &Vec<Opening>)| {
            let record = |one: &Opening| OpeningRecord {
                day,
                from: u32::from(one.from),
                to: u32::from(one.to),
            };
            openings.iter().map(record).collect::<Vec<_>>()
        };
        let holiday = |(date, holiday): (&HolidayDate, &Holiday)| HolidayRecord {
            date: date.to_string(),
            title: holiday.title.clone(),
            openings: of_day((0, &holiday.hours)),
        };
        Self {
            name: calendar.name.clone(),
            title: calendar.title.clone(),
            time_zone: calendar.time_zone.clone(),
            openings: (0..).zip(&calendar.hours.0).flat_map(of_day).collect(),
            holidays: calendar.holidays.iter().map(holiday).collect(),
            revision: calendar.revision,
        }
    }
}

impl TryFrom<CalendarRecord> for Calendar {
    type Error = RecordError;

    fn try_from(record: CalendarRecord) -> Result<Self, RecordError> {
        let mut hours = WeekHours::default();
        for opening in record.openings {
            let day = hours
                .0
                .get_mut(opening.day as usize)
                .ok_or(RecordError::Incomplete("day of a calendar"))?;
            day.push(from_record(&opening));
        }
        let holiday = |holiday: HolidayRecord| {
            let date = HolidayDate::parse(&holiday.date)
                .ok_or(RecordError::Incomplete("date of a holiday"))?;
            let hours = holiday.openings.iter().map(from_record).collect();
            Ok((
                date,
                Holiday {
                    title: holiday.title,
                    hours,
                },
            ))
        };
        let holidays = record
            .holidays
            .into_iter()
            .map(holiday)
            .collect::<Result<Holidays, RecordError>>()?;
        // If the library no longer knows the time zone, the calendar uses UTC, because a store must
        // always open.
        let mut calendar = Self::new(
            &record.name,
            &record.title,
            &record.time_zone,
            hours.clone(),
            holidays.clone(),
        )
        .or_else(|_| Self::new(&record.name, &record.title, "UTC", hours, holidays))
        .map_err(|_| RecordError::Incomplete("time zone of a calendar"))?;
        calendar.revision = record.revision;
        Ok(calendar)
    }
}

fn from_record(opening: &OpeningRecord) -> Opening {
    Opening {
        from: opening.from as u16,
        to: opening.to as u16,
    }
}
