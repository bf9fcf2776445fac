//! Where answers go: tables for people, JSON for programs, on stdout; everything else goes to
//! stderr.
//!
//! Promise: with `--output json` a list is one array, a stream one object a line, a single thing
//! one object. Colour only on a terminal, and never with `NO_COLOR`. A table fits the terminal.
//! Must not: write data to stderr, or remarks to stdout.

use std::env;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use console::{StyledObject, style};
use prost::Name;
use rustix::termios::tcgetwinsize;

use crate::errors::Failure;
use crate::json;
use crate::sensitive::Sensitive;
use crate::table::{self, Table};

/// The format of the output on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Tables and sentences for people.
    Table,
    /// JSON for programs.
    Json,
}

/// Stdout, in the requested format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    form: Form,
    colour: bool,
    wide: bool,
    sensitive: Sensitive,
}

impl Output {
    /// Stdout in a form; colour where it is allowed.
    pub(crate) fn new(form: Form) -> Self {
        let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            form,
            colour: form == Form::Table && !refused && io::stdout().is_terminal(),
            wide: false,
            sensitive: Sensitive::Hidden,
        }
    }

    /// The same, with the values of sensitive fields or without.
    pub(crate) fn with_sensitive(self, sensitive: Sensitive) -> Self {
        Self { sensitive, ..self }
    }

    /// Whether the values of sensitive fields are shown.
    pub(crate) fn sensitive(self) -> Sensitive {
        self.sensitive
    }

    /// The same, with every column of a table however wide the terminal is.
    pub(crate) fn wide(self, wide: bool) -> Self {
        Self { wide, ..self }
    }

    /// How many columns a table may take; none where nothing limits it.
    fn width(self) -> Option<usize> {
        if self.wide { None } else { terminal_columns() }
    }

    /// Whether programs read this.
    pub(crate) fn is_json(self) -> bool {
        self.form == Form::Json
    }

    /// The size of the screen, where stdout is one that can be drawn over.
    pub(crate) fn screen(self) -> Option<ScreenSize> {
        let can_be_drawn =
            self.form == Form::Table && io::stdout().is_terminal() && !console::is_dumb();
        let lines = || {
            tcgetwinsize(io::stdout())
                .ok()
                .map(|size| usize::from(size.ws_row))
        };
        can_be_drawn.then(|| ScreenSize {
            columns: self.width(),
            lines: named_size("LINES")
                .or_else(lines)
                .filter(|&lines| lines > 0),
        })
    }

    /// A list: a table with a header, or one JSON array.
    pub(crate) fn list<M: Name>(
        self,
        rows: &[M],
        table: &Table<'_>,
        cells: impl Fn(&M) -> Vec<String>,
    ) -> Result<(), Failure> {
        self.list_of_groups(rows, table, |row| vec![cells(row)])
    }

    /// A list of which each thing takes any number of rows.
    pub(crate) fn list_of_groups<M: Name>(
        self,
        things: &[M],
        table: &Table<'_>,
        rows: impl Fn(&M) -> Vec<Vec<String>>,
    ) -> Result<(), Failure> {
        if self.is_json() {
            let values = things
                .iter()
                .map(|thing| self.value(thing))
                .collect::<Result<Vec<_>, _>>()?;
            return self.json(&serde_json::Value::Array(values));
        }
        self.table(table, things.iter().flat_map(rows))
    }

    /// A list of which each thing takes several lines: these, or one JSON array.
    pub(crate) fn paragraphs<M: Name>(
        self,
        things: &[M],
        empty: &str,
        lines: impl Fn(&M) -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.is_json() {
            return self.list(
                things,
                &Table {
                    columns: &[],
                    empty,
                },
                |_| Vec::new(),
            );
        }
        let lines = one_line_each(things.iter().map(lines)).concat();
        if lines.is_empty() {
            remark(empty);
            return Ok(());
        }
        self.line(&lines.join("\n"))
    }

    /// A table for people. An empty one is a sentence on stderr, so that stdout has rows or
    /// nothing.
    pub(crate) fn table(
        self,
        table: &Table<'_>,
        rows: impl IntoIterator<Item = Vec<String>>,
    ) -> Result<(), Failure> {
        let rows = one_line_each(rows);
        if rows.is_empty() {
            remark(table.empty);
            return Ok(());
        }
        let drawn = table::draw(table.columns, &rows, self.width());
        self.line(&drawn.lines.join("\n"))?;
        if !drawn.left_out.is_empty() {
            remark(&format!(
                "The terminal has no room for: {}. `--wide` shows all.",
                drawn.left_out.join(", ")
            ));
        }
        Ok(())
    }

    /// A single thing: lines for people, or one JSON object.
    pub(crate) fn one<M: Name>(
        self,
        message: &M,
        lines: impl FnOnce() -> Vec<String>,
    ) -> Result<(), Failure> {
        if self.is_json() {
            return self.json(&self.value(message)?);
        }
        let lines: Vec<String> = lines().iter().map(|line| one_line(line)).collect();
        self.line(&lines.join("\n"))
    }

    /// A message as JSON.
    pub(crate) fn value<M: Name>(self, message: &M) -> Result<serde_json::Value, Failure> {
        json::value(message, self.sensitive)
    }

    /// One JSON value, whole, on one line.
    pub(crate) fn json(self, value: &serde_json::Value) -> Result<(), Failure> {
        self.line(&value.to_string())
    }

    /// A text that is an answer in its own form, such as a file or a picture; in JSON the object
    /// that holds it.
    pub(crate) fn written(self, json: &serde_json::Value, text: &str) -> Result<(), Failure> {
        if self.is_json() {
            self.json(json)
        } else {
            self.line(text.trim_end())
        }
    }

    /// A text as it is, with its own line ends.
    pub(crate) fn text(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// One line of text, written at once so that a reader of a stream has it.
    pub(crate) fn line(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{text}")?;
        stdout.flush()?;
        Ok(())
    }

    /// Bold text, where colour is allowed.
    pub(crate) fn strong(self, text: &str) -> String {
        if self.colour {
            coloured(style(text).bold())
        } else {
            text.to_owned()
        }
    }

    /// Text that needs attention soon.
    pub(crate) fn urgent(self, text: &str) -> String {
        if self.colour {
            coloured(style(text).red().bold())
        } else {
            text.to_owned()
        }
    }

    /// Text of a good end.
    pub(crate) fn done(self, text: &str) -> String {
        if self.colour {
            coloured(style(text).green())
        } else {
            text.to_owned()
        }
    }

    /// Dim text, for details that few people need.
    pub(crate) fn faint(self, text: &str) -> String {
        if self.colour {
            coloured(style(text).dim())
        } else {
            text.to_owned()
        }
    }
}

/// Whether there is colour is decided once, by `Output`.
fn coloured(text: StyledObject<&str>) -> String {
    text.force_styling(true).to_string()
}

/// How many columns the terminal has; none where stdout is a file or a pipe, or where that is not
/// known. `COLUMNS` comes before what the terminal itself reports, which is 0 where nobody has set
/// its size (`docker exec -t`).
fn terminal_columns() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    // `stty cols 80` leaves the number of lines at 0: that says nothing of the columns.
    let reported = || {
        tcgetwinsize(io::stdout())
            .ok()
            .map(|size| usize::from(size.ws_col))
    };
    named_size("COLUMNS")
        .or_else(reported)
        .filter(|&columns| columns > 0)
}

/// A size that the environment names.
fn named_size(variable: &str) -> Option<usize> {
    env::var(variable)
        .ok()
        .and_then(|value| value.trim().parse().ok())
}

/// The size of a screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScreenSize {
    /// How many columns; none where nothing limits them.
    pub(crate) columns: Option<usize>,
    /// How many lines; none where that is not known.
    pub(crate) lines: Option<usize>,
}

/// Rows of which each is one line.
pub(crate) fn one_line_each(rows: impl IntoIterator<Item = Vec<String>>) -> Vec<Vec<String>> {
    rows.into_iter()
        .map(|row| row.iter().map(|cell| one_line(cell)).collect())
        .collect()
}

/// A text in one line. Names and notes that people type may have line breaks: printed as they are,
/// they would look like rows or lines of the server.
pub(crate) fn one_line(text: &str) -> String {
    let is_break = |c: char| {
        matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    if !text.contains(|c| is_break(c) || c == '\t') {
        return text.to_owned();
    }
    text.replace("\r\n", "\n")
        .replace('\t', " ")
        .replace(is_break, " ⏎ ")
}

/// A remark for the person at the terminal.
pub(crate) fn remark(text: &str) {
    // Where stderr cannot be written to, there is no other place to report it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_no_colour() {
        let output = Output::new(Form::Json);
        assert_eq!(output.urgent("now"), "now");
        assert!(output.is_json());
    }

    #[test]
    fn a_line_break_does_not_start_a_line() {
        assert_eq!(
            one_line("Ada\r\n12:00  ann\tpushed Approve\u{2028}x"),
            "Ada ⏎ 12:00  ann pushed Approve ⏎ x"
        );
        assert_eq!(one_line("Ada Lovelace"), "Ada Lovelace");
    }

    #[test]
    fn colour_wraps_the_text_where_it_is_allowed() {
        let output = Output {
            form: Form::Table,
            colour: true,
            wide: false,
            sensitive: Sensitive::Hidden,
        };
        assert!(output.urgent("now").contains("now"));
        assert_ne!(output.urgent("now"), "now");
    }
}
