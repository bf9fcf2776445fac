//! What is open for a caller, in words that an agent can read out.

use aftercall_definition::time::Time;
use aftercall_engine::call::Call;
use aftercall_engine::instance::{Alert, Instance, Status as InstanceStatus};
use aftercall_engine::query::{zone_name, zone_of_caller};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::service::view::Names;

/// What is open at `now`, with whom, since when and until when, for an agent to read out: by the
/// caller's clock. Where that is not known it says whose clock it is.
pub(crate) fn in_words(names: &Names, (instance, call): (&Instance, &Call), now: Time) -> String {
    let title = names
        .definition_of(instance)
        .map_or("a follow-up", |definition| &definition.title);
    let of_caller = zone_of_caller(Some(call));
    let zone = names.zone_of((Some(call), instance), None);
    let whose = match of_caller {
        Some(_) => String::new(),
        None => format!(" Times are by the clock of {}.", zone_name(&zone)),
    };
    let since = clock(instance.started_at, &zone);
    let asked = match instance.chases {
        0 => String::new(),
        1 => " You have asked for it once before.".to_owned(),
        times => format!(" You have asked for it {times} times before."),
    };
    let due = instance
        .due()
        .filter(|_| instance.status != InstanceStatus::Paused)
        .map(|due| {
            let word = if due <= now {
                "It should have been done"
            } else {
                "It should be done"
            };
            format!(" {word} by {}.", clock(due, &zone))
        });
    format!(
        "{title}: asked for on {since}; {}.{}{asked}{whose}",
        with(names, instance, now),
        due.unwrap_or_default()
    )
}

/// Who has it.
fn with(names: &Names, instance: &Instance, now: Time) -> String {
    let teams = instance
        .alerts
        .iter()
        .flat_map(Alert::teams)
        .filter_map(|team| names.teams().at(team));
    let teams: Vec<&str> = teams
        .map(|team| {
            if team.title.is_empty() {
                &*team.name
            } else {
                &*team.title
            }
        })
        .collect();
    match (instance.claim_at(now), instance.status, teams.as_slice()) {
        (_, InstanceStatus::WaitingForCallEnd, _) => "it waits for this call to end".to_owned(),
        (_, InstanceStatus::Paused, _) => "it is paused for the moment".to_owned(),
        (Some(claim), ..) => format!("{} is working on it", claim.by),
        (None, _, []) => "it is in hand".to_owned(),
        (None, _, teams) => format!("it is with {}", teams.join(" and ")),
    }
}

/// Such as "Tuesday 24 November at 09:00".
fn clock(moment: Time, zone: &TimeZone) -> String {
    let shown = Timestamp::from_millisecond(moment.0).map(|at| at.to_zoned_datetime(zone.clone()));
    shown.map_or_else(
        |_| "a day far off".to_owned(),
        |at| at.strftime("%A %-d %B at %H:%M").to_string(),
    )
}
