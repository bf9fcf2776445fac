//! Trying a workflow file out in a terminal: the stage, its alerts, its buttons, and waiting as a
//! choice.

use std::io::{BufRead, Write};
use std::sync::Arc;

use aftercall_authoring::simulate::{Named, Simulation};
use aftercall_definition::calendar::Calendar;
use aftercall_definition::model::{ButtonAction, NoteRule};
use aftercall_definition::time::{Time, WallClock};
use aftercall_definition::value::{FieldDeclaration, FieldType, Value};
use aftercall_definition::{Definition, Stage};
use aftercall_engine::command::CallChanges;
use aftercall_engine::instance::{Instance, Status};
use aftercall_engine::query::never;
use jiff::tz::TimeZone;

use super::files::Written;
use crate::errors::Failure;

/// Where questions are read from and answers written to.
pub(crate) struct Terminal<'t> {
    pub(crate) input: &'t mut dyn BufRead,
    pub(crate) output: &'t mut dyn Write,
}

impl Terminal<'_> {
    fn say(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.output, "{line}")
            .map_err(|error| Failure::refused(format!("The terminal is gone: {error}.")))
    }

    /// The answer without its ends; nothing at the end of the input.
    fn ask(&mut self, question: &str) -> Result<Option<String>, Failure> {
        let gone =
            |error: std::io::Error| Failure::refused(format!("The terminal is gone: {error}."));
        write!(self.output, "{question} ").map_err(gone)?;
        self.output.flush().map_err(gone)?;
        let mut line = String::new();
        let read = self.input.read_line(&mut line).map_err(gone)?;
        Ok((read > 0).then(|| line.trim().to_owned()))
    }
}

/// What can be done next.
enum Choice {
    Push(ButtonAction),
    Wait(i64),
}

/// Walks through a workflow from a moment in milliseconds on.
pub(crate) fn walk_from(
    written: &Written,
    calendars: &[Arc<Calendar>],
    now_millis: i64,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    walk(written, calendars, Time(now_millis), terminal)
}

/// Walks through a workflow until it has ended or the input has.
fn walk(
    written: &Written,
    calendars: &[Arc<Calendar>],
    now: Time,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let mut simulation = written.simulation(calendars, now)?;
    let definition = &written.definition;
    terminal.say(&format!("{}: {}", definition.name, definition.title))?;
    loop {
        let Some(fields) = values(&definition.fields, simulation.now(), terminal)? else {
            return Ok(());
        };
        match simulation.set(CallChanges::default(), fields) {
            Ok(()) => break,
            Err(error) => terminal.say(&format!("  refused: {error}"))?,
        }
    }
    loop {
        let Some(instance) = simulation.instance().cloned() else {
            return Ok(());
        };
        show(&mut simulation, definition, &instance, terminal)?;
        if instance.status.is_ended() || instance.status == Status::Incomplete {
            return Ok(());
        }
        let choices = choices(&simulation, definition, &instance);
        for (number, (_, words)) in (1..).zip(&choices) {
            terminal.say(&format!("  {number}) {words}"))?;
        }
        let Some(answer) = terminal.ask("Which? (q to stop)")? else {
            return Ok(());
        };
        if answer == "q" {
            return Ok(());
        }
        let chosen = answer
            .parse::<usize>()
            .ok()
            .and_then(|number| choices.get(number.checked_sub(1)?));
        match chosen {
            Some((choice, _)) => act(&mut simulation, choice, terminal)?,
            None => terminal.say(&format!("  Choose 1 to {}.", choices.len()))?,
        }
    }
}

fn act(
    simulation: &mut Simulation,
    choice: &Choice,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let done = match choice {
        Choice::Wait(millis) => simulation.wait(*millis, &never).map(drop),
        Choice::Push(button) => {
            if let Some(question) = &button.confirmation {
                terminal.say(&format!("  The person is asked: {question}"))?;
            }
            let Some(form) = values(&button.form, simulation.now(), terminal)? else {
                return Ok(());
            };
            let note = match button.note {
                NoteRule::Required => terminal.ask("  A note:")?.unwrap_or_default(),
                NoteRule::Optional => String::new(),
            };
            simulation.push(&button.event, form, &note)
        }
    };
    match done {
        Ok(()) => Ok(()),
        Err(error) => terminal.say(&format!("  refused: {error}")),
    }
}

fn show(
    simulation: &mut Simulation,
    definition: &Definition,
    instance: &Instance,
    terminal: &mut Terminal<'_>,
) -> Result<(), Failure> {
    let title = definition
        .stage(instance.stage)
        .map_or_else(Default::default, Stage::title);
    let visit = if instance.visit() > 1 {
        format!(", visit {}", instance.visit())
    } else {
        String::new()
    };
    terminal.say("")?;
    terminal.say(&format!(
        "{}  stage {} \"{title}\"{visit}",
        moment(simulation.now()),
        instance.stage
    ))?;
    for alert in &instance.alerts {
        let team = simulation
            .root()
            .teams
            .at(alert.team)
            .map_or("", |team| &team.name);
        let due = alert
            .due
            .map_or_else(String::new, |due| format!(", due {}", moment(due)));
        terminal.say(&format!(
            "  ! {team} ({}{due}): {}",
            alert.priority.word(),
            alert.text
        ))?;
    }
    for warning in simulation.take_warnings() {
        terminal.say(&format!("  warning: {warning}"))?;
    }
    match instance.status {
        Status::Finished => terminal.say(&format!("Finished: {}.", instance.ending)),
        Status::Incomplete => terminal.say("Incomplete: this stage is an unlinked end."),
        _ => Ok(()),
    }
}

fn choices(
    simulation: &Simulation,
    definition: &Definition,
    instance: &Instance,
) -> Vec<(Choice, String)> {
    let actions = definition
        .stage(instance.stage)
        .map(|stage| stage.actions.as_slice())
        .unwrap_or_default();
    let offered = actions
        .iter()
        .enumerate()
        .filter(|(place, _)| instance.has_done(*place));
    let mut choices: Vec<(Choice, String)> = offered
        .filter_map(|(_, action)| action.button())
        .map(|button| (Choice::Push(button.clone()), format!("[{}]", button.label)))
        .collect();
    if let Some(next) = simulation.next_at() {
        let millis = (next.0 - simulation.now().0).max(0);
        choices.push((Choice::Wait(millis), format!("wait until {}", moment(next))));
    }
    choices
}

/// A value for each field; what is left empty is not given. Nothing at the end of the input.
fn values(
    fields: &[FieldDeclaration],
    now: Time,
    terminal: &mut Terminal<'_>,
) -> Result<Option<Named>, Failure> {
    let mut values = Vec::new();
    for field in fields {
        loop {
            let Some(text) = terminal.ask(&format!("  {} ({}):", field.name, field.described()))?
            else {
                return Ok(None);
            };
            match answered(&text, field, now) {
                Ok(value) => {
                    values.extend(value.map(|value| (field.name.as_str().into(), value)));
                    break;
                }
                Err(fault) => terminal.say(&format!("    {fault}."))?,
            }
        }
    }
    Ok(Some(values))
}

/// What was typed for a field; nothing where it was left empty, and may be.
fn answered(text: &str, field: &FieldDeclaration, now: Time) -> Result<Option<Value>, String> {
    if text.is_empty() {
        let must = field.required && field.default.is_none();
        return if must {
            Err("It must be given".to_owned())
        } else {
            Ok(None)
        };
    }
    let value = value(text, field.field_type)
        .ok_or_else(|| format!("Write {}", written_as(field.field_type)))?;
    match field.refuses_at(&value, now, || WallClock::named(TimeZone::UTC)) {
        None => Ok(Some(value)),
        Some(fault) => Err(format!("It {fault}")),
    }
}

/// How a value is written; continues the words "Write" and "must be".
pub(crate) fn written_as(field_type: FieldType) -> &'static str {
    match field_type {
        FieldType::Text => "a text",
        FieldType::Number => "a number, such as 12.5",
        FieldType::Bool => "yes or no",
        FieldType::Time => {
            "a time, such as 2026-11-24T09:00:00Z, 2026-11-24 09:00 in UTC, or 2026-11-24 09:00[Europe/London]"
        }
    }
}

/// A moment as it is typed, in UTC as all moments here are shown: a test must have
/// the same result in every time zone.
pub(crate) fn typed_moment(text: &str) -> Option<Time> {
    let zoned = || {
        text.parse::<jiff::ZonedDateTime>()
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    let civil = || {
        text.parse::<jiff::civil::DateTime>()
            .ok()?
            .to_zoned_datetime(jiff::tz::TimeZone::UTC)
            .ok()
    };
    // A zone that is written must count: the other forms would read over it.
    let moment: jiff::Timestamp = if text.contains('[') {
        zoned()
    } else {
        text.parse()
            .ok()
            .or_else(|| civil().map(|zoned| zoned.timestamp()))
    }?;
    Some(Time(moment.as_millisecond()))
}

/// The same in milliseconds, for the command line.
pub(crate) fn parse_moment(text: &str) -> Result<i64, String> {
    let moment = typed_moment(text).map(|time| time.0);
    moment.ok_or_else(|| format!("write {}", written_as(FieldType::Time)))
}

/// A value as it is typed.
pub(crate) fn value(text: &str, field_type: FieldType) -> Option<Value> {
    match field_type {
        FieldType::Text => Some(Value::Text(text.into())),
        FieldType::Number => text
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
            .map(Value::Number),
        FieldType::Bool => match text.to_ascii_lowercase().as_str() {
            "yes" | "true" => Some(Value::Bool(true)),
            "no" | "false" => Some(Value::Bool(false)),
            _ => None,
        },
        FieldType::Time => typed_moment(text).map(Value::Time),
    }
}

/// A moment as people read it, in UTC.
pub(crate) fn moment(time: Time) -> String {
    jiff::Timestamp::from_millisecond(time.0).map_or_else(
        |_| "?".to_owned(),
        |moment| moment.strftime("%a %Y-%m-%d %H:%M:%S UTC").to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authoring::files;

    #[test]
    fn invalid_input_is_rejected_at_once() {
        let field = |field_type, required| FieldDeclaration {
            name: "x".into(),
            field_type,
            required,
            max: (field_type == FieldType::Number).then_some(5.0),
            ..FieldDeclaration::default()
        };
        let check = |text: &str, field_type, expected: Result<Option<Value>, &str>| {
            assert_eq!(
                answered(text, &field(field_type, true), Time(0)),
                expected.map_err(str::to_owned),
                "{text}"
            );
        };
        check("", FieldType::Text, Err("It must be given"));
        check(
            "much",
            FieldType::Number,
            Err("Write a number, such as 12.5"),
        );
        check("9", FieldType::Number, Err("It must be at most 5"));
        check("maybe", FieldType::Bool, Err("Write yes or no"));
        let time = format!("Write {}", written_as(FieldType::Time));
        check("noon", FieldType::Time, Err(&time));
        check("Yes", FieldType::Bool, Ok(Some(Value::Bool(true))));
        let moment = Value::Time(Time(1_795_510_800_000));
        check(
            "2026-11-24 09:00",
            FieldType::Time,
            Ok(Some(moment.clone())),
        );
        check(
            "2026-11-24T10:00:00+01:00",
            FieldType::Time,
            Ok(Some(moment)),
        );
        assert_eq!(
            answered("", &field(FieldType::Time, false), Time(0)),
            Ok(None)
        );
    }

    #[test]
    fn a_written_zone_is_used() {
        let utc = typed_moment("2026-06-24 08:00");
        assert!(utc.is_some());
        for text in [
            "2026-06-24 09:00[Europe/London]",
            "2026-06-24T09:00:00[Europe/London]",
            "2026-06-24T09:00:00+01:00[Europe/London]",
            "2026-06-24 09:00+01:00",
            "2026-06-24T08:00:00Z[Europe/London]",
        ] {
            assert_eq!(typed_moment(text), utc, "{text}");
        }
        for text in [
            "2026-06-24 09:00[Europe/Lundon]",
            "2026-06-24 09:00+05:00[Europe/London]",
            "2026-06-24 09:00[]",
        ] {
            assert_eq!(typed_moment(text), None, "{text}");
        }
    }

    #[test]
    fn a_walk_follows_the_choices() {
        let definition = files::parse("w", &files::template("w", "Try")).unwrap();
        // A topic and no urgency; a choice that is not there; not reached, with a note; wait; done,
        // with a result.
        let mut input = "gas bill\n\n9\n2\nno answer\n1\n1\nall well\n".as_bytes();
        let mut output = Vec::new();
        let now = Time(1_795_000_000_000);
        walk(
            &definition,
            &[],
            now,
            &mut Terminal {
                input: &mut input,
                output: &mut output,
            },
        )
        .unwrap();
        let said = String::from_utf8(output).unwrap();
        for expected in [
            "stage 1 \"To be called\"",
            "! care (high, due Wed 2026-11-18 15:06:40 UTC): Ring the caller about gas bill",
            "Choose 1 to 4.",
            "1) wait until Wed 2026-11-18 13:06:40 UTC",
            "stage 1 \"To be called\", visit 2",
            "Finished: done.",
        ] {
            assert!(said.contains(expected), "{expected}\n{said}");
        }
    }
}
