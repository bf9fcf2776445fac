//! Tables that fit the terminal: one row is one line.
//!
//! Promise: where a table is too wide, the least important columns are left out and long texts end
//! in `…`. An id is never cut or broken, because people copy it. Must not: know where the table is
//! printed.

use console::{measure_text_width, truncate_str};

/// What separates two columns.
const GAP: usize = 2;
/// The fewest columns of the terminal in which a name says something.
const NAME_LEAST: usize = 10;
/// The same for a sentence.
const SENTENCE_LEAST: usize = 20;

/// One column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    /// 0 for the columns that are never left out; of the others the one with the highest rank goes
    /// first.
    rank: u8,
    /// The width to which its texts may be cut; none where they are never cut.
    least: Option<usize>,
}

/// A column that is never left out and never cut, such as an id.
pub(crate) const fn id(title: &'static str) -> Column {
    Column {
        title,
        rank: 0,
        least: None,
    }
}

/// A column whose cells are never cut: numbers, times, words of a fixed set.
pub(crate) const fn whole(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        rank,
        least: None,
    }
}

/// A column of names, which may be cut.
pub(crate) const fn name(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        rank,
        least: Some(NAME_LEAST),
    }
}

/// A column of sentences, which may be cut.
pub(crate) const fn sentence(title: &'static str, rank: u8) -> Column {
    Column {
        title,
        rank,
        least: Some(SENTENCE_LEAST),
    }
}

/// A list as a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table<'t> {
    /// The columns, in the order in which they are shown.
    pub(crate) columns: &'t [Column],
    /// What to say where the list is empty.
    pub(crate) empty: &'t str,
}

/// A table as it is printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Drawn {
    /// The header, then one line a row.
    pub(crate) lines: Vec<String>,
    /// The titles of the columns that did not fit.
    pub(crate) left_out: Vec<&'static str>,
}

/// Draws rows within a width; without one, everything in full. A cell is one line already.
pub(crate) fn draw(columns: &[Column], rows: &[Vec<String>], width: Option<usize>) -> Drawn {
    let natural = natural_widths(columns, rows);
    let shown = width.map_or_else(
        || (0..columns.len()).collect(),
        |width| fitting(columns, &natural, width),
    );
    let widths = width.map_or_else(
        || natural.clone(),
        |width| shared(columns, &natural, &shown, width),
    );
    let header: Vec<String> = columns
        .iter()
        .map(|column| column.title.to_uppercase())
        .collect();
    let line = |cells: &Vec<String>| {
        let mut line = String::new();
        for (place, &column) in shown.iter().enumerate() {
            let cell = cells.get(column).map(String::as_str).unwrap_or_default();
            let cell = truncate_str(cell, widths[column], "…");
            line.push_str(&cell);
            if place + 1 < shown.len() {
                let blank = widths[column].saturating_sub(measure_text_width(&cell)) + GAP;
                line.push_str(&" ".repeat(blank));
            }
        }
        line.trim_end().to_owned()
    };
    let lines = std::iter::once(&header).chain(rows).map(line).collect();
    let left_out = (0..columns.len()).filter(|column| !shown.contains(column));
    Drawn {
        lines,
        left_out: left_out.map(|column| columns[column].title).collect(),
    }
}

fn natural_widths(columns: &[Column], rows: &[Vec<String>]) -> Vec<usize> {
    let of_column = |(place, column): (usize, &Column)| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(place))
            .map(|cell| measure_text_width(cell));
        cells
            .chain([measure_text_width(&column.title.to_uppercase())])
            .max()
            .unwrap_or_default()
    };
    columns.iter().enumerate().map(of_column).collect()
}

/// The least width that a column needs.
fn least(column: &Column, natural: usize) -> usize {
    column
        .least
        .map_or(natural, |least| natural.min(least.max(column.title.len())))
}

fn total(columns: &[usize], width_of: impl Fn(usize) -> usize) -> usize {
    let gaps = GAP * columns.len().saturating_sub(1);
    columns
        .iter()
        .map(|&column| width_of(column))
        .sum::<usize>()
        + gaps
}

/// The columns that fit once the least important ones are left out.
fn fitting(columns: &[Column], natural: &[usize], width: usize) -> Vec<usize> {
    let mut shown: Vec<usize> = (0..columns.len()).collect();
    while total(&shown, |column| least(&columns[column], natural[column])) > width {
        let dropped = shown
            .iter()
            .copied()
            .filter(|&column| columns[column].rank > 0);
        let Some(dropped) = dropped.max_by_key(|&column| columns[column].rank) else {
            break;
        };
        shown.retain(|&column| column != dropped);
    }
    shown
}

/// The width of each column: what is left over goes to the most important of those that may be cut.
fn shared(columns: &[Column], natural: &[usize], shown: &[usize], width: usize) -> Vec<usize> {
    let mut widths: Vec<usize> = columns
        .iter()
        .zip(natural)
        .map(|(column, &natural)| least(column, natural))
        .collect();
    let mut rest = width.saturating_sub(total(shown, |column| widths[column]));
    let mut by_importance = shown.to_vec();
    by_importance.sort_by_key(|&column| columns[column].rank);
    for column in by_importance {
        let more = rest.min(natural[column] - widths[column]);
        widths[column] += more;
        rest -= more;
    }
    widths
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COLUMNS: [Column; 5] = [
        id("id"),
        name("caller", 3),
        whole("due", 1),
        sentence("alert", 2),
        whole("customer", 4),
    ];

    fn rows() -> Vec<Vec<String>> {
        let row = |cells: [&str; 5]| cells.map(str::to_owned).to_vec();
        vec![
            row([
                "149-66-b821",
                "Ada Lovelace",
                "in 3h",
                "Refund 72.5 for Ada Lovelace, order B-20981",
                "northwind",
            ]),
            row([
                "7-0-f0af",
                "李小龙 李小龙 李小龙",
                "2d 4h ago",
                "短",
                "acme",
            ]),
        ]
    }

    #[test]
    fn without_a_width_nothing_is_cut() {
        let drawn = draw(&COLUMNS, &rows(), None);
        assert_eq!(drawn.left_out, Vec::<&str>::new());
        let expected = [
            "ID           CALLER                DUE        ALERT                                        CUSTOMER",
            "149-66-b821  Ada Lovelace          in 3h      Refund 72.5 for Ada Lovelace, order B-20981  northwind",
            "7-0-f0af     李小龙 李小龙 李小龙  2d 4h ago  短                                           acme",
        ];
        assert_eq!(drawn.lines, expected);
    }

    #[test]
    fn a_narrow_table_keeps_its_ids() {
        let at = |width| draw(&COLUMNS, &rows(), Some(width));
        assert_eq!(at(60).left_out, ["customer"]);
        assert_eq!(
            at(60).lines[1],
            "149-66-b821  Ada Lovel…  in 3h      Refund 72.5 for Ada Lov…"
        );
        assert_eq!(at(60).lines[2], "7-0-f0af     李小龙 李…  2d 4h ago  短");
        assert_eq!(at(30).left_out, ["caller", "alert", "customer"]);
        assert_eq!(at(8).lines, ["ID", "149-66-b821", "7-0-f0af"]);
    }

    #[test]
    fn colour_takes_no_room() {
        let coloured = console::style("in 3h")
            .red()
            .force_styling(true)
            .to_string();
        let row = |due: &str| {
            vec![
                "1".to_owned(),
                "Ann".to_owned(),
                due.to_owned(),
                "Ring".to_owned(),
            ]
        };
        let drawn = draw(&COLUMNS, &[row(&coloured), row("in 3h")], Some(80));
        assert_eq!(console::strip_ansi_codes(&drawn.lines[1]), drawn.lines[2]);
    }

    proptest! {
        /// For any texts: every id is whole, every line fits as long as the ids do, and a row is one line.
        #[test]
        fn lines_fit_the_terminal_and_ids_stay_whole(
            rows in prop::collection::vec(
                ("[0-9a-f-]{1,20}", "\\PC{0,40}", "[a-z0-9 ]{0,12}", "\\PC{0,300}", "\\PC{0,40}"), 0..6),
            width in 20_usize..200,
        ) {
            let rows: Vec<Vec<String>> = rows.into_iter().map(|(a, b, c, d, e)| vec![a, b, c, d, e]).collect();
            let drawn = draw(&COLUMNS, &rows, Some(width));
            prop_assert_eq!(drawn.lines.len(), rows.len() + 1);
            for (line, row) in drawn.lines[1..].iter().zip(&rows) {
                prop_assert!(line.starts_with(row[0].as_str()), "{line}");
                prop_assert!(measure_text_width(line) <= width, "{line}");
            }
        }
    }
}
