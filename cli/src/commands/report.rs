//! `aftercall report`: what happened in a period, in numbers; as tables, CSV or JSON.
//!
//! Promise: CSV has one header and the same columns for every row, times in seconds. Must not:
//! count anything itself.

use std::io::Write as _;
use std::time::Duration;

use aftercall_proto::workflow::v1::report_response::Part;
use aftercall_proto::workflow::v1::{ReportBy, ReportOutcome, ReportRequest, ReportRow};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use prost_types::Timestamp as ProtoTime;
use serde_json::json;

use crate::commands::names;
use crate::errors::Failure;
use crate::session::Session;
use crate::table::{Table, name, whole};
use crate::time;

const VOLUMES: Table<'_> = Table {
    columns: &[
        name("workflow", 0),
        whole("set", 2),
        whole("finished", 1),
        whole("cancelled", 5),
        whole("median", 4),
        whole("90 % within", 6),
        whole("overdue", 3),
        whole("promises kept", 8),
        whole("late and open", 7),
    ],
    empty: "",
};

const OUTCOMES: Table<'_> = Table {
    columns: &[name("workflow", 0), name("outcome", 0), whole("times", 1)],
    empty: "",
};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall report --last 7d
  aftercall report --from 2026-11-01 --to 2026-12-01 --workflow refund
  aftercall report --last 30d --by person --csv > november.csv
  aftercall --output json report --last 1d")]
pub(crate) struct Report {
    /// From this time on: 2026-11-01, `2026-11-01 09:00` or 2026-11-01T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time::parse_moment, conflicts_with = "last")]
    from: Option<ProtoTime>,
    /// Until this time [default: now]
    #[arg(long, value_name = "TIME", value_parser = time::parse_moment)]
    to: Option<ProtoTime>,
    /// How long before now it begins [default: 7d, without --from]
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    last: Option<Duration>,
    /// Only this workflow; may be repeated
    #[arg(long = "workflow", value_name = "WORKFLOW")]
    workflows: Vec<String>,
    /// Only this customer; may be repeated
    #[arg(long = "customer", value_name = "CUSTOMER")]
    customers: Vec<String>,
    /// Only the rows grouped by this; may be repeated
    #[arg(long, value_enum, value_name = "BY")]
    by: Vec<By>,
    /// Write CSV, with times in seconds
    #[arg(long)]
    csv: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    All,
    Workflow,
    Stage,
    Team,
    Person,
    Outcome,
}

/// The period of a report where none is named.
const LAST: Duration = Duration::from_secs(7 * 86_400);

/// All parts of a report.
#[derive(Debug, Default)]
struct Gathered {
    rows: Vec<ReportRow>,
    outcomes: Vec<ReportOutcome>,
}

impl Gathered {
    fn rows_by(&self, wanted: By) -> impl Iterator<Item = &ReportRow> {
        self.rows
            .iter()
            .filter(move |row| by(row.by()) == Some(wanted))
    }
}

impl Report {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let from = match (self.from, self.last) {
            (Some(from), _) => Some(from),
            (None, last) => Some(time::ago(session.now().await?, last.unwrap_or(LAST))),
        };
        let request = ReportRequest {
            from,
            to: self.to,
            workflows: self.workflows.clone(),
            customers: self.customers.clone(),
        };
        if self.csv && session.output.is_json() {
            return Err(Failure::usage(
                "A report is CSV or JSON: leave out --csv, or --output json.",
            ));
        }
        names::check(session, &[], &self.workflows).await?;
        let mut gathered = gather(session, request).await?;
        gathered.rows.retain(|row| self.wants(by(row.by())));
        if !self.wants(Some(By::Outcome)) {
            gathered.outcomes.clear();
        }
        match (self.csv, session.output.is_json()) {
            (true, _) => write_csv(&gathered),
            (false, true) => write_json(session, &gathered),
            (false, false) => write_tables(session, &gathered),
        }
    }

    fn wants(&self, by: Option<By>) -> bool {
        self.by.is_empty() || by.is_some_and(|by| self.by.contains(&by))
    }
}

/// Requests the report, and shows the server's progress on a terminal.
async fn gather(session: &Session, request: ReportRequest) -> Result<Gathered, Failure> {
    let mut parts = session
        .to
        .operations()
        .await?
        .report(request)
        .await?
        .into_inner();
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} entries, {eta} left")
    {
        bar.set_style(style);
    }
    let mut gathered = Gathered::default();
    while let Some(response) = parts.message().await? {
        match response.part {
            Some(Part::Progress(progress)) => {
                bar.set_length(progress.entries);
                bar.set_position(progress.read);
            }
            Some(Part::Row(row)) => gathered.rows.push(row),
            Some(Part::Outcome(outcome)) => gathered.outcomes.push(outcome),
            None => {}
        }
    }
    bar.finish_and_clear();
    Ok(gathered)
}

fn by(by: ReportBy) -> Option<By> {
    match by {
        ReportBy::Unspecified => None,
        ReportBy::All => Some(By::All),
        ReportBy::Workflow => Some(By::Workflow),
        ReportBy::Stage => Some(By::Stage),
        ReportBy::Team => Some(By::Team),
        ReportBy::Person => Some(By::Person),
    }
}

fn write_json(session: &Session, gathered: &Gathered) -> Result<(), Failure> {
    let rows = gathered
        .rows
        .iter()
        .map(|row| session.output.value(row))
        .collect::<Result<Vec<_>, _>>()?;
    let outcomes = gathered
        .outcomes
        .iter()
        .map(|row| session.output.value(row))
        .collect::<Result<Vec<_>, _>>()?;
    session
        .output
        .json(&json!({"rows": rows, "outcomes": outcomes}))
}

const CSV_HEADER: [&str; 16] = [
    "by",
    "workflow",
    "stage",
    "name",
    "set",
    "finished",
    "cancelled",
    "stays",
    "p50_seconds",
    "p90_seconds",
    "with_due",
    "overdue",
    "promised",
    "kept",
    "overdue_open",
    "broken_open",
];

fn write_csv(gathered: &Gathered) -> Result<(), Failure> {
    let text = csv_of(gathered)
        .map_err(|error| Failure::refused(format!("The report is not CSV: {error}.")))?;
    let written = std::io::stdout().lock().write_all(&text);
    written.map_err(|error| Failure::refused(format!("The report cannot be written: {error}.")))
}

/// Outcomes are rows too: by `outcome`, with how often in `finished`.
fn csv_of(gathered: &Gathered) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(CSV_HEADER)?;
    for row in &gathered.rows {
        let seconds = |span: Option<&prost_types::Duration>| {
            span.map_or(String::new(), |span| span.seconds.to_string())
        };
        let word = by(row.by())
            .and_then(|by| by.to_possible_value())
            .map_or(String::new(), |by| by.get_name().to_owned());
        let stage = if row.stage == 0 {
            String::new()
        } else {
            row.stage.to_string()
        };
        let numbers =
            [row.set, row.finished, row.cancelled, row.stays].map(|number| number.to_string());
        let rest = [
            row.with_due,
            row.overdue,
            row.promised,
            row.kept,
            row.overdue_open,
            row.broken_open,
        ];
        let rest = rest.map(|number| number.to_string());
        let times = [seconds(row.p50.as_ref()), seconds(row.p90.as_ref())];
        let names = [word, row.workflow.clone(), stage, row.name.clone()];
        writer.write_record(names.iter().chain(&numbers).chain(&times).chain(&rest))?;
    }
    for outcome in &gathered.outcomes {
        let mut record = vec![String::new(); CSV_HEADER.len()];
        record[0] = "outcome".to_owned();
        record[1].clone_from(&outcome.workflow);
        record[3].clone_from(&outcome.outcome);
        record[5] = outcome.count.to_string();
        writer.write_record(&record)?;
    }
    Ok(writer
        .into_inner()
        .map_err(csv::IntoInnerError::into_error)?)
}

fn write_tables(session: &Session, gathered: &Gathered) -> Result<(), Failure> {
    let volumes: Vec<_> = gathered
        .rows_by(By::All)
        .chain(gathered.rows_by(By::Workflow))
        .map(volume_cells)
        .collect();
    if !volumes.is_empty() {
        session.output.table(&VOLUMES, volumes)?;
    }
    for (wanted, title) in [
        (By::Stage, "stage"),
        (By::Team, "team"),
        (By::Person, "person"),
    ] {
        let stays: Vec<_> = gathered.rows_by(wanted).map(stay_cells).collect();
        if !stays.is_empty() {
            session.output.line("")?;
            write_stays(session, title, stays)?;
        }
    }
    if gathered.outcomes.is_empty() {
        return Ok(());
    }
    session.output.line("")?;
    let outcomes = gathered.outcomes.iter().map(|outcome| {
        vec![
            outcome.workflow.clone(),
            outcome.outcome.clone(),
            outcome.count.to_string(),
        ]
    });
    session.output.table(&OUTCOMES, outcomes)
}

fn volume_cells(row: &ReportRow) -> Vec<String> {
    vec![
        row.name.clone(),
        row.set.to_string(),
        row.finished.to_string(),
        row.cancelled.to_string(),
        span(row.p50.as_ref()),
        span(row.p90.as_ref()),
        share(row.overdue, row.with_due),
        share(row.kept, row.promised),
        counted(row.overdue_open.max(row.broken_open)),
    ]
}

fn stay_cells(row: &ReportRow) -> Vec<String> {
    let name = match by(row.by()) {
        Some(By::Stage) => format!("{}, {} {}", row.workflow, row.stage, row.name),
        _ => row.name.clone(),
    };
    vec![
        name,
        row.stays.to_string(),
        span(row.p50.as_ref()),
        span(row.p90.as_ref()),
        share(row.overdue, row.with_due),
        counted(row.overdue_open),
    ]
}

fn write_stays(
    session: &Session,
    title: &'static str,
    rows: Vec<Vec<String>>,
) -> Result<(), Failure> {
    let columns = [
        name(title, 0),
        whole("done", 1),
        whole("median", 2),
        whole("90 % within", 3),
        whole("overdue", 1),
        whole("late and open", 2),
    ];
    let table = Table {
        columns: &columns,
        empty: "",
    };
    session.output.table(&table, rows)
}

fn span(span: Option<&prost_types::Duration>) -> String {
    span.map_or(String::new(), |span| {
        time::span(span.seconds.unsigned_abs())
    })
}

/// A count; nothing where there is nothing to count.
fn counted(count: u64) -> String {
    if count == 0 {
        String::new()
    } else {
        count.to_string()
    }
}

/// Such as "12 of 40, 30 %"; nothing where there is nothing to share.
fn share(part: u64, whole: u64) -> String {
    (part * 100)
        .checked_div(whole)
        .map_or_else(String::new, |hundredths| {
            format!("{part} of {whole}, {hundredths} %")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_has_the_same_columns_for_every_row() {
        let row = ReportRow {
            by: ReportBy::Stage.into(),
            name: "Ring, back".to_owned(),
            workflow: "refund".to_owned(),
            stage: 2,
            stays: 7,
            p50: Some(prost_types::Duration {
                seconds: 90,
                nanos: 0,
            }),
            ..ReportRow::default()
        };
        let outcome = ReportOutcome {
            workflow: "refund".to_owned(),
            outcome: "paid".to_owned(),
            count: 3,
        };
        let text = csv_of(&Gathered {
            rows: vec![row],
            outcomes: vec![outcome],
        })
        .unwrap();
        let text = String::from_utf8(text).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[1],
            "stage,refund,2,\"Ring, back\",0,0,0,7,90,,0,0,0,0,0,0"
        );
        assert_eq!(lines[2], "outcome,refund,,paid,,3,,,,,,,,,,");
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert!(
            reader
                .records()
                .all(|record| record.unwrap().len() == CSV_HEADER.len())
        );
    }

    #[test]
    fn a_share_of_zero_is_empty() {
        assert_eq!(share(0, 0), "");
        assert_eq!(share(12, 40), "12 of 40, 30 %");
    }
}
