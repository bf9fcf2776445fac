//! The figures of a load run, and their ratios beside gate and stretch.
//!
//! Promise: a ratio is of figures of one run; one with errors in it is marked. A figure that the
//! system does not give is left out. Must not: decide the exit code by a figure: absolute speed is
//! the machine's.

mod figure;
mod ratios;

use serde_json::{Value, json};

pub(crate) use self::figure::{Cost, Figure};
use crate::errors::Failure;
use crate::load::measured::Measured;
use crate::load::report::ratios::Ratio;
use crate::output::{Output, remark};
use crate::table::{Table, name, whole};

const REQUESTS: Table<'_> = Table {
    columns: &[
        whole("load", 0),
        whole("request", 0),
        whole("answered", 9),
        whole("rate/s", 1),
        whole("p50 ms", 4),
        whole("p99 ms", 3),
        whole("p99.9 ms", 6),
        whole("server us", 5),
        whole("per core-second", 2),
        whole("client us", 8),
        whole("switches", 10),
        whole("reads+writes", 11),
        whole("others' CPU", 12),
        whole("errors", 7),
    ],
    empty: "Nothing was measured.",
};

const RATIOS: Table<'_> = Table {
    columns: &[
        name("ratio", 0),
        whole("value", 0),
        whole("goal", 2),
        whole("stretch goal", 3),
        whole("result", 1),
    ],
    empty: "There is nothing to compare.",
};

/// A whole run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) workflow: String,
    pub(crate) connections: u32,
    pub(crate) warm_up_seconds: u32,
    pub(crate) figures: Vec<Figure>,
    /// 4 KiB appended and synced, where the disk could be measured.
    pub(crate) disk: Option<Measured>,
}

impl Report {
    /// Prints both tables, or one JSON object.
    pub(crate) fn print(&self, output: Output) -> Result<(), Failure> {
        let ratios = ratios::of(&self.figures, self.disk.as_ref());
        if output.is_json() {
            output.json(&self.json(&ratios))?;
        } else {
            let disk = self.disk.iter().map(figure::disk_row);
            output.table(&REQUESTS, self.figures.iter().map(Figure::row).chain(disk))?;
            if !ratios.is_empty() {
                output.line("")?;
                output.table(&RATIOS, ratios.iter().map(Ratio::row))?;
            }
        }
        for figure in &self.figures {
            if let Some(error) = &figure.measured.first_error {
                let (name, pace, errors) = (figure.name, figure.pace, figure.measured.errors);
                remark(&format!(
                    "{name} at {pace}: {errors} errors, the first: {error}"
                ));
            }
        }
        let errors = self
            .figures
            .iter()
            .map(|figure| figure.measured.errors)
            .sum::<u64>();
        match errors {
            0 => Ok(()),
            _ => Err(Failure::refused(
                "Some requests failed: these figures do not count.",
            )),
        }
    }

    fn json(&self, ratios: &[Ratio]) -> Value {
        let figures: Vec<_> = self.figures.iter().map(Figure::json).collect();
        let ratios: Vec<_> = ratios.iter().map(Ratio::json).collect();
        let disk = self.disk.as_ref().map(|disk| {
            let seconds = |share| disk.quantile(share).as_secs_f64();
            json!({ "p50_seconds": seconds(0.5), "p99_seconds": seconds(0.99) })
        });
        json!({
            "workflow": self.workflow,
            "connections": self.connections,
            "warm_up_seconds": self.warm_up_seconds,
            "figures": figures,
            "fdatasync_of_4_kib": disk,
            "ratios": ratios,
        })
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;
    use crate::load::mix::Kind;
    use crate::load::pace::Pace;
    use crate::output::Form;

    #[test]
    fn a_run_with_errors_fails_after_it_is_printed() {
        let mut figure = figure::tests::figure(Kind::Set, Pace::InFlight(64), 10, 100, 10);
        let report = |figure| Report {
            workflow: "refund".to_owned(),
            connections: 4,
            warm_up_seconds: 0,
            figures: vec![figure],
            disk: None,
        };
        let output = Output::new(Form::Json);
        assert!(report(figure.clone()).print(output).is_ok());
        figure.measured.fail(&Status::unavailable("full"));
        let error = report(figure).print(output).unwrap_err();
        assert!(error.sentence().contains("do not count"));
    }
}
