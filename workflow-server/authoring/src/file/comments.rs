//! Keeps the comments and empty lines of a file when the same file is written again.
//!
//! Promise: the result reads as the same definition. A second pass over it changes nothing. A
//! comment stays with the item that follows it or that it is beside. If that item is no longer
//! written, the comment stays with its parent.

use std::collections::HashMap;
use std::ops::Range;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span};

/// The written file with the comments of the original. Both must be files of the same definition.
pub(super) fn carried(original: &str, written: &str) -> String {
    let (from, to) = (Survey::new(original), Survey::new(written));
    let mut lines: Vec<Line<'_>> = written.lines().map(Line::new).collect();
    let mut tail = Vec::new();
    for remark in from.remarks(original) {
        match remark {
            Remark::Before { path: None, text } => tail.push(text),
            Remark::Before {
                path: Some(path),
                text,
            } => lines[to.nearest(path).line].before.push(text),
            Remark::Beside {
                path,
                text,
                code,
                column,
            } => {
                let place = to.nearest(path);
                let line = &mut lines[place.line];
                if place.is_open_to_the_right && line.beside.is_none() {
                    line.beside = Some((text, column.filter(|_| line.is_about_as_long_as(code))));
                } else {
                    line.before.push(text);
                }
            }
        }
    }
    let mut out = String::with_capacity(original.len() + written.len());
    for line in &lines {
        line.write(&mut out);
    }
    while tail.last().is_some_and(|text| text.is_empty()) {
        tail.pop();
    }
    tail.iter().for_each(|text| push_line(&mut out, "", text));
    out
}

/// The smallest number of spaces between a line and the comment beside it.
const GAP: usize = 2;

/// A line of the written file, with its comments and empty lines.
struct Line<'t> {
    text: &'t str,
    before: Vec<&'t str>,
    /// A comment, and its original column if its author has aligned it.
    beside: Option<(&'t str, Option<usize>)>,
}

impl<'t> Line<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            before: Vec::new(),
            beside: None,
        }
    }

    /// Whether the line is about as long as before. Only then the old column of its comment still
    /// aligns it with the comments above and below.
    fn is_about_as_long_as(&self, code: usize) -> bool {
        const DIFFERENCE_MAX: usize = 12;
        self.text.chars().count().abs_diff(code) <= DIFFERENCE_MAX
    }

    fn write(&self, out: &mut String) {
        let indent = &self.text[..self.text.len() - self.text.trim_start().len()];
        for text in &self.before {
            // Several empty lines become one, and the file begins without one.
            if !text.is_empty() || !(out.is_empty() || out.ends_with("\n\n")) {
                push_line(out, indent, text);
            }
        }
        match self.beside {
            Some((beside, column)) => {
                let end = self.text.chars().count() + GAP;
                let column = column.unwrap_or_default().max(end);
                push_line(
                    out,
                    "",
                    &format!("{:<width$}{beside}", self.text, width = column),
                );
            }
            None => push_line(out, "", self.text),
        }
    }
}

fn push_line(out: &mut String, indent: &str, text: &str) {
    if !text.is_empty() {
        out.push_str(indent);
        out.push_str(text);
    }
    out.push('\n');
}

/// A comment with its `#`, or an empty line, and where it belongs. At the end of the file it has no
/// item that follows.
enum Remark<'t> {
    Before {
        path: Option<&'t str>,
        text: &'t str,
    },
    /// `code` is the number of characters before the comment in its line. `column` is the column of
    /// the comment, if the gap before it is larger than usual.
    Beside {
        path: &'t str,
        text: &'t str,
        code: usize,
        column: Option<usize>,
    },
}

/// A key or an item of a list.
struct Place {
    path: String,
    /// Counted from 0.
    line: usize,
    /// Whether a comment at the end of this line is safe. It is not if the value continues on the
    /// next line, because it would become a part of the value.
    is_open_to_the_right: bool,
}

/// The positions of all keys, items and scalars in a file.
struct Survey {
    /// In the order of the file.
    places: Vec<Place>,
    by_path: HashMap<String, usize>,
    /// The characters of each value and key, in the order of the file.
    scalars: Vec<Range<usize>>,
}

/// The characters of a scalar, which contain no comment and no empty line of the file. The range
/// that the parser reports extends to the next token.
fn extent(chars: &[char], value: &str, style: ScalarStyle, span: &Span) -> Range<usize> {
    let (start, end) = (span.start.index(), span.end.index().min(chars.len()));
    let length = |chars: &[char]| {
        chars
            .iter()
            .rposition(|c| !c.is_whitespace())
            .map_or(0, |last| last + 1)
    };
    match style {
        ScalarStyle::Plain => start..end,
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => {
            let mut at = start + 1;
            while at < end {
                let (c, next) = (chars[at], chars.get(at + 1).copied());
                match style {
                    ScalarStyle::DoubleQuoted if c == '\\' => at += 2,
                    ScalarStyle::SingleQuoted if c == '\'' && next == Some('\'') => at += 2,
                    _ if c == chars[start] => break,
                    _ => at += 1,
                }
            }
            start..at
        }
        ScalarStyle::Literal | ScalarStyle::Folded => {
            // The parser begins with the first line that is not empty. The text begins below its
            // head: `text: |+ # why`.
            let head_end = length(&chars[..start]);
            let head_start = chars[..head_end]
                .iter()
                .rposition(|c| *c == '\n')
                .map_or(0, |newline| newline + 1);
            let head: String = chars[head_start..head_end].iter().collect();
            let sign = head
                .split(" #")
                .next()
                .and_then(|head| head.split_whitespace().last());
            let last = value.trim_end_matches('\n').rsplit('\n').next();
            let ends_in_spaces =
                last.is_some_and(|last| !last.is_empty() && last.trim().is_empty());
            let keeps_empty_lines = ends_in_spaces || sign.is_some_and(|sign| sign.contains('+'));
            head_end..if keeps_empty_lines {
                end
            } else {
                start + length(&chars[start..end])
            }
        }
    }
}

/// An open list or mapping, with its path.
enum Open {
    List(String, usize),
    Map(String, Option<usize>),
}

impl Survey {
    /// For a text that cannot be parsed, the places end at the error. Such a text is never used
    /// here.
    fn new(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        let mut survey = Self {
            places: Vec::new(),
            by_path: HashMap::new(),
            scalars: Vec::new(),
        };
        let mut open: Vec<Open> = Vec::new();
        for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
            match event {
                Event::Scalar(value, style, ..) => {
                    survey.scalars.push(extent(&chars, &value, style, &span));
                    survey.scalar(&mut open, &value, &span);
                }
                Event::SequenceStart(..) => {
                    let path = survey.begins(&mut open, span.start);
                    open.push(Open::List(path, 0));
                }
                Event::MappingStart(..) => {
                    let path = survey.begins(&mut open, span.start);
                    open.push(Open::Map(path, None));
                }
                Event::SequenceEnd | Event::MappingEnd => drop(open.pop()),
                _ => {}
            }
        }
        survey
    }

    fn scalar(&mut self, open: &mut [Open], value: &str, span: &Span) {
        if let Some(Open::Map(path, key @ None)) = open.last_mut() {
            *key = Some(self.places.len());
            let path = format!("{path}/{value}");
            self.put(path, span.start);
            return;
        }
        let of_key = match open.last() {
            Some(Open::Map(_, Some(place))) => Some(*place),
            _ => None,
        };
        self.begins(open, span.start);
        let place = of_key.or(self.places.len().checked_sub(1));
        if let Some(place) = place.and_then(|place| self.places.get_mut(place)) {
            place.is_open_to_the_right =
                place.line + 1 == span.start.line() && span.start.line() == span.end.line();
        }
    }

    /// A value begins here, for the open key or as an item of the open list. Returns its path.
    fn begins(&mut self, open: &mut [Open], at: Marker) -> String {
        match open.last_mut() {
            None => String::new(),
            Some(Open::Map(_, key)) => key
                .take()
                .map_or_else(String::new, |place| self.places[place].path.clone()),
            Some(Open::List(path, count)) => {
                let path = format!("{path}/{count}");
                *count += 1;
                self.put(path.clone(), at);
                path
            }
        }
    }

    fn put(&mut self, path: String, at: Marker) {
        self.by_path.insert(path.clone(), self.places.len());
        self.places.push(Place {
            path,
            line: at.line() - 1,
            is_open_to_the_right: true,
        });
    }

    /// The place with this path, or else of its nearest parent.
    fn nearest(&self, path: &str) -> &Place {
        let mut path = path;
        loop {
            if let Some(place) = self.by_path.get(path) {
                return &self.places[*place];
            }
            match path.rfind('/') {
                Some(end) => path = &path[..end],
                None => return &self.places[0],
            }
        }
    }

    /// The comments and empty lines of the text, in order.
    fn remarks<'t>(&'t self, text: &'t str) -> Vec<Remark<'t>> {
        let mut remarks = Vec::new();
        let mut start = 0;
        for (number, line) in text.lines().enumerate() {
            // Places are sorted by line.
            let (first, end) = (self.places_above(number), self.places_above(number + 1));
            let next = self.places.get(end).map(|place| place.path.as_str());
            if line.trim().is_empty() && !self.is_scalar(start) {
                remarks.push(Remark::Before {
                    path: next,
                    text: "",
                });
            } else if let Some((at, comment)) = self.comment(line, start) {
                let here = if first < end {
                    Some(first)
                } else {
                    first.checked_sub(1)
                };
                match here
                    .filter(|_| !line[..at].trim().is_empty())
                    .map(|here| &self.places[here])
                {
                    Some(place) => {
                        let column = line[..at].chars().count();
                        let code = line[..at].trim_end().chars().count();
                        let column = (column > code + GAP).then_some(column);
                        remarks.push(Remark::Beside {
                            path: &place.path,
                            text: comment,
                            code,
                            column,
                        });
                    }
                    None => remarks.push(Remark::Before {
                        path: next,
                        text: comment,
                    }),
                }
            }
            start += line.chars().count() + 1;
        }
        remarks
    }

    /// The comment in a line, and its first byte in the line. `start` is the index of the line's
    /// first character in the text.
    fn comment<'t>(&self, line: &'t str, start: usize) -> Option<(usize, &'t str)> {
        let mut before = ' ';
        for (nth, (at, c)) in line.char_indices().enumerate() {
            if c == '#' && before.is_whitespace() && !self.is_scalar(start + nth) {
                return Some((at, line[at..].trim_end()));
            }
            before = c;
        }
        None
    }

    /// The number of places above this line.
    fn places_above(&self, line: usize) -> usize {
        self.places.partition_point(|place| place.line < line)
    }

    fn is_scalar(&self, index: usize) -> bool {
        let after = self.scalars.partition_point(|scalar| scalar.start <= index);
        after
            .checked_sub(1)
            .is_some_and(|at| self.scalars[at].contains(&index))
    }
}
