//! Workflow files, read without a server: their errors with lines, formatting, and a file to begin
//! from.

use std::path::Path;
use std::sync::Arc;

use aftercall_authoring::file::{self, Places, format_json, format_yaml};
use aftercall_authoring::simulate::{Simulation, SimulationError};
use aftercall_definition::calendar::Calendar;
use aftercall_definition::numbering::Numbering;
use aftercall_definition::time::Time;
use aftercall_definition::{Definition, Fault, FaultCode};
use unicode_width::UnicodeWidthStr as _;

use crate::authoring::reading::{read_text, shown};
use crate::errors::Failure;

/// A workflow file.
#[derive(Clone, Debug)]
pub(crate) struct Written {
    /// What it says.
    pub(crate) definition: Definition,
    places: Places,
    name: String,
    text: String,
}

impl Written {
    /// A World to try it out in. Errors have their lines.
    pub(crate) fn simulation(
        &self,
        calendars: &[Arc<Calendar>],
        now: Time,
    ) -> Result<Simulation, Failure> {
        Simulation::new(&self.definition, calendars, now).map_err(|error| match error {
            SimulationError::Faulty(mut faults) => {
                self.places.put(&mut faults);
                for fault in faults.iter_mut().filter(|fault| fault.code == FaultCode::UnknownCalendar) {
                    fault.message += "; here: give its file with `--calendars`, or as `calendars` of the file of tests";
                }
                refused(&self.name, &self.text, &faults)
            }
            other => Failure::refused(other.to_string()),
        })
    }
}

/// Reads a file.
pub(crate) fn read(file: &Path) -> Result<Written, Failure> {
    let text = read_text(file)?;
    parse(&shown(file), &text)
}

/// Reads a file that comes after another one of the same workflow: what has no number in it gets
/// one that is new.
pub(crate) fn read_after(file: &Path, earlier: &Definition) -> Result<Written, Failure> {
    let text = read_text(file)?;
    let name = shown(file);
    let mut numbering = Numbering::default();
    numbering.absorb(earlier);
    let read = file::read_placed(&text, |workflow| {
        (workflow == earlier.name).then_some(&numbering)
    });
    match read {
        Ok((definition, places)) => Ok(Written {
            definition,
            places,
            name,
            text,
        }),
        // Numbers that could not follow can be compared all the same.
        Err(_) => parse(&name, &text),
    }
}

/// Reads the text of a file; `name` is its name in errors.
pub(crate) fn parse(name: &str, text: &str) -> Result<Written, Failure> {
    let (definition, places) =
        file::read_placed(text, |_| None).map_err(|faults| refused(name, text, &faults))?;
    Ok(Written {
        definition,
        places,
        name: name.to_owned(),
        text: text.to_owned(),
    })
}

/// The errors of a file with their lines.
pub(crate) fn refused(name: &str, text: &str, faults: &[Fault]) -> Failure {
    Failure::refused(
        faults
            .iter()
            .map(|fault| with_place(name, text, fault))
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

fn with_place(name: &str, text: &str, fault: &Fault) -> String {
    let place = match fault.line {
        0 => format!("{name}: {}", fault.message),
        line => format!("{name}:{line}:{}: {}", fault.column, fault.message),
    };
    match excerpt(text, fault.line, fault.column) {
        Some(excerpt) => format!("{place}\n{excerpt}"),
        None => place,
    }
}

/// The line of an error with a mark below its column; nothing where the place is not known.
pub(crate) fn excerpt(text: &str, line: u32, column: u32) -> Option<String> {
    const SHOWN_CHARS_MAX: usize = 100;
    let source = file::lines(text).nth((line as usize).checked_sub(1)?)?;
    let column = (column as usize).saturating_sub(1);
    // Of a long line only the part around the error is shown.
    let skipped = column.saturating_sub(SHOWN_CHARS_MAX / 2);
    let shown: String = source
        .chars()
        .skip(skipped)
        .take(SHOWN_CHARS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let number = line.to_string();
    let gutter = " ".repeat(number.len());
    let dots = if skipped > 0 { "…" } else { "" };
    // A terminal shows Chinese characters and most emoji in two columns.
    let before: String = shown.chars().take(column - skipped).collect();
    let missing = (column - skipped).saturating_sub(before.chars().count());
    let mark = " ".repeat(before.width() + missing + dots.width());
    Some(format!(
        "  {number} | {dots}{}\n  {gutter} | {mark}^",
        shown.trim_end()
    ))
}

/// The text as the server would export it: ids written, keys in one order, comments where they
/// were; but no stage numbers that it does not say. `name` is what errors call it.
pub(crate) fn formatted(name: &str, text: &str, is_json: bool) -> Result<String, Failure> {
    let formatted = if is_json {
        format_json(text)
    } else {
        format_yaml(text)
    };
    formatted.map_err(|faults| refused(name, text, &faults))
}

/// A workflow to begin from, with comments that say what can be written where.
pub(crate) fn template(name: &str, title: &str) -> String {
    let is_plain = title.chars().all(|c| c.is_alphanumeric() || c == ' ')
        && title.trim() == title
        && !title.is_empty();
    // What JSON quotes is a part of YAML.
    let title = if is_plain {
        title.to_owned()
    } else {
        serde_json::Value::from(title).to_string()
    };
    TEMPLATE.replace("NAME", name).replace("TITLE", &title)
}

const TEMPLATE: &str = r#"# yaml-language-server: $schema=aftercall-workflow.schema.json
# (`aftercall workflow schema > aftercall-workflow.schema.json` lets your editor complete and check this file.)
format: 1
workflow: NAME                      # lower-case letters, digits and hyphens; never changes
title: TITLE
deadline: 5d                        # over all stages, from Set Workflow; 90s 15m 4h 3d, or 5wd in a calendar
# retention: 90d                    # how long what has ended is kept
# calendar: office                  # spans count in its opening hours; see `aftercall calendar list`
fields:                             # what the call script gives
  topic: {type: text, required: true, max: 200}       # text, number, bool or time
  urgent: {type: bool, default: false}
on_new_call_title: To be called     # what people call stage 1
on_new_call:                        # stage 1: actions, from top to bottom
  - alert:
      text: "Ring {{ call.caller.name | default('the caller') }} about {{ fields.topic }}"
      team: care                    # a declared team; see `aftercall team list`
      priority: high                # low, normal (if nothing is said), high or urgent
      due: 4h
      escalate:
        - {at: due, priority: raise}
  - alert:
      text: "Urgent: {{ fields.topic }}"
      team: care
      priority: urgent
      when: fields.urgent
  - button: Done                    # adds an event with a stage of its own, below
    id: done
    form:                           # what people fill in
      result: {type: text, required: true}
    then:
      - finish: done                # the outcome, as reports count it
  - button: Not reached
    id: not-reached
    title: Waiting to try again     # what people call its stage; "After Not reached" otherwise
    note: required
    then:
      - timer: {after: 2h, from: stage}  # waits, then continues
        id: after-2h
        then:
          - link: {to: new-call, max: 2, else: give-up}
  - button: Give up
    id: give-up                     # its id, for links; chosen automatically otherwise
    confirm: Does the caller know?
    then:
      - finish: given-up
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_shown_in_its_line() {
        let text = "format: 1\nworkflow: w\ntitle: T\non_new_call:\n  - buton: Go\n";
        let failure = parse("w.yaml", text).unwrap_err();
        assert_eq!(
            failure.sentence(),
            "w.yaml:5:5: unknown key `buton`; did you mean `button`?\n  5 |   - buton: Go\n    |     ^"
        );
        assert_eq!(excerpt(text, 0, 0), None);
        let long = format!("{}x", " ".repeat(300));
        let shown = excerpt(&long, 1, 301).unwrap();
        assert!(
            shown.lines().all(|line| line.chars().count() < 120),
            "{shown}"
        );
        let at = |line: &str, c: char| line.chars().position(|other| other == c);
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(at(lines[0], 'x'), at(lines[1], '^'), "{shown}");
    }

    #[test]
    fn the_mark_is_below_the_error() {
        let family = "\u{1f469}\u{200d}\u{1f469}\u{200d}\u{1f467}\u{200d}\u{1f466}";
        for before in [
            "漢字漢字漢字",
            family,
            "e\u{301}\u{301}",
            "\tT\t",
            "한국어 שלום",
            "漢".repeat(80).as_str(),
        ] {
            for end in ["\n", "\r\n", "\r"] {
                let line = format!("  - alert: {{ text: {before}, team: care, du: 1d }}");
                let column = line
                    .chars()
                    .position(|c| c == 'd')
                    .map(|_| line[..line.find("du:").unwrap()].chars().count());
                let text = format!("format: 1{end}{line}{end}");
                let shown = excerpt(&text, 2, column.unwrap() as u32 + 1).unwrap();
                let (source, mark) = shown.split_once('\n').unwrap();
                let width = |text: &str, sign: &str| text[..text.find(sign).unwrap()].width();
                assert_eq!(width(source, "du:"), width(mark, "^"), "{shown}");
            }
        }
    }

    #[test]
    fn the_template_is_valid_and_formatted() {
        let text = template("my-flow", "My flow");
        let once = formatted("a", &text, false).unwrap();
        assert_eq!(once, text);
        assert_eq!(formatted("a", &once, false).unwrap(), once);
        assert_eq!(
            parse("a", &text).unwrap().definition,
            parse("a", &once).unwrap().definition
        );
        for title in [
            "Ring #2",
            "Complaint: second level",
            "- \"Quoted\" \\ 'too' -",
            "Größe",
            "{ x }",
        ] {
            assert_eq!(
                parse("t", &template("t", title)).unwrap().definition.title,
                title
            );
        }
        let json = formatted("a", &text, true).unwrap();
        assert_eq!(
            parse("a", &json).unwrap().definition,
            parse("a", &once).unwrap().definition
        );
    }
}
