//! The figures of a load run, and their ratios beside gate and stretch.
//!
//! Promise: a ratio is of figures of one run; one with errors in it is marked. Must not: decide the
//! exit code by a figure: absolute speed is the machine's.

use serde_json::{Value, json};

use crate::errors::Failure;
use crate::load::closed_loop::Measured;
use crate::output::{Output, remark};
use crate::table::{Table, name, whole};

const REQUESTS: Table<'_> = Table {
    columns: &[
        whole("in flight", 0),
        whole("request", 0),
        whole("answered", 7),
        whole("rate/s", 1),
        whole("p50 ms", 3),
        whole("p99 ms", 2),
        whole("p99.9 ms", 4),
        whole("server us", 5),
        whole("errors", 6),
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

/// One number in flight.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) in_flight: u32,
    pub(crate) health: Measured,
    pub(crate) set: Measured,
    pub(crate) push: Measured,
}

/// A whole run.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) steps: Vec<Step>,
    /// 4 KiB appended and synced, where the disk could be measured.
    pub(crate) disk: Option<Measured>,
}

/// A ratio with what it must and what it should be.
#[derive(Debug, PartialEq)]
struct Ratio {
    name: String,
    value: f64,
    /// Gate and stretch; none where the targets name none.
    wanted: Option<(f64, f64)>,
    /// Whether more is better.
    more_is_better: bool,
}

impl Ratio {
    fn verdict(&self) -> &'static str {
        let reaches = |bound: f64| {
            if self.more_is_better {
                self.value >= bound
            } else {
                self.value <= bound
            }
        };
        match self.wanted {
            None => "",
            Some((_, stretch)) if reaches(stretch) => "stretch",
            Some((gate, _)) if reaches(gate) => "gate",
            Some(_) => "missed",
        }
    }
}

impl Report {
    /// Prints both tables, or one JSON object.
    pub(crate) fn print(&self, output: Output) -> Result<(), Failure> {
        if output.is_json() {
            output.json(&self.json())?;
        } else {
            output.table(
                &REQUESTS,
                self.rows()
                    .map(|(in_flight, name, measured)| row(in_flight, name, measured)),
            )?;
            output.line("")?;
            output.table(&RATIOS, self.ratios().iter().map(ratio_row))?;
        }
        for (in_flight, name, measured) in self.rows() {
            if let Some(error) = &measured.first_error {
                let at = in_flight.unwrap_or_default();
                remark(&format!(
                    "{name} at {at} in flight: {} errors, the first: {error}",
                    measured.errors
                ));
            }
        }
        match self
            .rows()
            .map(|(_, _, measured)| measured.errors)
            .sum::<u64>()
        {
            0 => Ok(()),
            errors => Err(Failure::refused(format!(
                "{errors} requests failed: these figures do not count."
            ))),
        }
    }

    fn rows(&self) -> impl Iterator<Item = (Option<u32>, &'static str, &Measured)> {
        let steps = self.steps.iter().flat_map(|step| {
            let of_step = [
                ("no-op", &step.health),
                ("set-workflow", &step.set),
                ("push", &step.push),
            ];
            of_step.map(|(name, measured)| (Some(step.in_flight), name, measured))
        });
        steps.chain(self.disk.iter().map(|disk| (None, "4 KiB fdatasync", disk)))
    }

    fn ratios(&self) -> Vec<Ratio> {
        let mut ratios: Vec<_> = self.steps.iter().flat_map(of_step).collect();
        let single = self.steps.iter().find(|step| step.in_flight == 1);
        if let (Some(step), Some(disk)) = (single, &self.disk) {
            let floor = disk.quantile(0.5) + step.health.quantile(0.5);
            ratios.push(Ratio {
                name: "set-workflow p50 ÷ (fdatasync + no-op) p50, 1 in flight".to_owned(),
                value: divided(step.set.quantile(0.5).as_secs_f64(), floor.as_secs_f64()),
                wanted: Some((2.0, 1.3)),
                more_is_better: false,
            });
        }
        ratios
    }

    fn json(&self) -> Value {
        let figures: Vec<_> = self
            .rows()
            .map(|(in_flight, name, measured)| figure(in_flight, name, measured))
            .collect();
        let ratios: Vec<_> = self
            .ratios()
            .iter()
            .map(|ratio| {
                json!({
                    "name": ratio.name, "value": ratio.value, "gate": ratio.wanted.map(|(gate, _)| gate),
                    "stretch": ratio.wanted.map(|(_, stretch)| stretch), "reached": ratio.verdict(),
                })
            })
            .collect();
        json!({ "figures": figures, "ratios": ratios })
    }
}

/// The ratios of the targets, row 1; they are set for 64 and 256 in flight.
fn of_step(step: &Step) -> Vec<Ratio> {
    let at = step.in_flight;
    let rate_wanted = match at {
        256 => Some((0.40, 0.50)),
        64 => Some((0.33, 0.45)),
        _ => None,
    };
    let at_target = |wanted| rate_wanted.map(|_| wanted);
    let mut ratios = vec![
        Ratio {
            name: format!("set-workflow ÷ no-op, rate, {at} in flight"),
            value: divided(step.set.rate(), step.health.rate()),
            wanted: rate_wanted,
            more_is_better: true,
        },
        Ratio {
            name: format!("push ÷ set-workflow, rate, {at} in flight"),
            value: divided(step.push.rate(), step.set.rate()),
            wanted: at_target((0.9, 1.0)),
            more_is_better: true,
        },
    ];
    if let (Some(set), Some(health)) = (step.set.cpu_each, step.health.cpu_each) {
        ratios.push(Ratio {
            name: format!("set-workflow ÷ no-op, server CPU, {at} in flight"),
            value: divided(set.as_secs_f64(), health.as_secs_f64()),
            wanted: at_target((3.0, 2.2)),
            more_is_better: false,
        });
    }
    ratios
}

fn divided(value: f64, by: f64) -> f64 {
    if by > 0.0 { value / by } else { 0.0 }
}

fn row(in_flight: Option<u32>, name: &str, measured: &Measured) -> Vec<String> {
    let millis = |share| format!("{:.3}", measured.quantile(share).as_secs_f64() * 1e3);
    vec![
        in_flight
            .map(|number| number.to_string())
            .unwrap_or_default(),
        name.to_owned(),
        measured.answered().to_string(),
        format!("{:.0}", measured.rate()),
        millis(0.5),
        millis(0.99),
        millis(0.999),
        measured
            .cpu_each
            .map(|each| format!("{:.1}", each.as_secs_f64() * 1e6))
            .unwrap_or_default(),
        measured.errors.to_string(),
    ]
}

fn figure(in_flight: Option<u32>, name: &str, measured: &Measured) -> Value {
    let seconds = |share| measured.quantile(share).as_secs_f64();
    json!({
        "in_flight": in_flight, "request": name, "answered": measured.answered(), "errors": measured.errors,
        "rate_per_second": measured.rate(), "p50_seconds": seconds(0.5), "p99_seconds": seconds(0.99),
        "p999_seconds": seconds(0.999), "server_cpu_seconds_each": measured.cpu_each.map(|each| each.as_secs_f64()),
    })
}

fn ratio_row(ratio: &Ratio) -> Vec<String> {
    let sign = if ratio.more_is_better { "≥" } else { "≤" };
    let bound = |bound: Option<f64>| {
        bound
            .map(|bound| format!("{sign} {bound:.2}"))
            .unwrap_or_default()
    };
    vec![
        ratio.name.clone(),
        format!("{:.2}", ratio.value),
        bound(ratio.wanted.map(|(gate, _)| gate)),
        bound(ratio.wanted.map(|(_, stretch)| stretch)),
        match ratio.verdict() {
            "stretch" => "stretch goal met",
            "gate" => "goal met",
            other => other,
        }
        .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn measured(count: u64, latency_micros: u64, cpu_micros: u64) -> Measured {
        let mut measured = Measured::new().unwrap();
        for _ in 0..count {
            measured.record(Duration::from_micros(latency_micros));
        }
        measured.elapsed = Duration::from_secs(1);
        measured.cpu_each = Some(Duration::from_micros(cpu_micros));
        measured
    }

    fn step(in_flight: u32) -> Step {
        Step {
            in_flight,
            health: measured(1_000, 100, 10),
            set: measured(450, 400, 25),
            push: measured(450, 400, 25),
        }
    }

    fn verdicts(report: &Report) -> Vec<&'static str> {
        report.ratios().iter().map(Ratio::verdict).collect()
    }

    #[test]
    fn ratios_are_shown_beside_gate_and_stretch() {
        assert_eq!(
            verdicts(&Report {
                steps: vec![step(256)],
                disk: None
            }),
            ["gate", "stretch", "gate"]
        );
        assert_eq!(
            verdicts(&Report {
                steps: vec![step(64)],
                disk: None
            }),
            ["stretch", "stretch", "gate"]
        );
    }

    #[test]
    fn one_in_flight_is_measured_against_the_disk() {
        let report = Report {
            steps: vec![step(1)],
            disk: Some(measured(200, 60, 0)),
        };
        assert_eq!(verdicts(&report), ["", "", "", "missed"]);
        assert!((report.ratios()[3].value - 2.5).abs() < 0.01);
    }

    #[test]
    fn a_run_with_errors_has_no_ratio() {
        let mut spoilt = step(64);
        spoilt.set.errors = 3;
        let report = Report {
            steps: vec![spoilt],
            disk: None,
        };
        let output = Output::new(crate::output::Form::Json);
        assert!(
            report
                .print(output)
                .unwrap_err()
                .sentence()
                .contains("3 requests failed")
        );
    }
}
