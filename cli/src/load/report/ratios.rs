//! Ratios of the figures of one run, with what they must and should be.

use serde_json::{Value, json};

use crate::load::measured::Measured;
use crate::load::mix::Kind;
use crate::load::pace::Pace;
use crate::load::report::figure::Figure;

/// A ratio with what it must and what it should be.
#[derive(Debug, PartialEq)]
pub(super) struct Ratio {
    name: String,
    value: f64,
    /// Gate and stretch; none where the targets name none.
    wanted: Option<(f64, f64)>,
    /// Whether more is better.
    more_is_better: bool,
}

/// All ratios that these figures have.
pub(super) fn of(figures: &[Figure], disk: Option<&Measured>) -> Vec<Ratio> {
    let mut paces: Vec<Pace> = Vec::new();
    for figure in figures {
        if !paces.contains(&figure.pace) {
            paces.push(figure.pace);
        }
    }
    let mut ratios = Vec::new();
    for pace in paces {
        let find = |kind: Kind| {
            let is_found = |figure: &&Figure| figure.pace == pace && figure.name == kind.name();
            // The kinds of a mix are not measured apart from each other.
            figures
                .iter()
                .find(is_found)
                .filter(|figure| figure.cost.is_some())
        };
        let (no_op, set, push) = (find(Kind::NoOp), find(Kind::Set), find(Kind::Push));
        if let Some((no_op, set)) = no_op.zip(set) {
            ratios.extend(to_no_op(pace, no_op, set));
            ratios.extend(disk.and_then(|disk| to_floor(pace, no_op, set, disk)));
        }
        if let Some((set, push)) = set.zip(push) {
            ratios.push(Ratio {
                name: format!("push ÷ set-workflow, rate, {pace}"),
                value: divided(push.measured.rate(), set.measured.rate()),
                wanted: targeted(pace, (0.9, 1.0)),
                more_is_better: true,
            });
        }
    }
    ratios
}

/// The rate is reported only: what makes every answer cheaper helps the no-op most.
fn to_no_op(pace: Pace, no_op: &Figure, set: &Figure) -> Vec<Ratio> {
    let mut ratios = Vec::new();
    if matches!(pace, Pace::InFlight(_)) {
        ratios.push(Ratio {
            name: format!("set-workflow ÷ no-op, rate, {pace}"),
            value: divided(set.measured.rate(), no_op.measured.rate()),
            wanted: None,
            more_is_better: true,
        });
    }
    if let Some((set, no_op)) = set.server_cpu_each().zip(no_op.server_cpu_each()) {
        ratios.push(Ratio {
            name: format!("set-workflow ÷ no-op, server CPU, {pace}"),
            value: divided(set.as_secs_f64(), no_op.as_secs_f64()),
            wanted: targeted(pace, (3.0, 2.2)),
            more_is_better: false,
        });
    }
    ratios
}

fn to_floor(pace: Pace, no_op: &Figure, set: &Figure, disk: &Measured) -> Option<Ratio> {
    let floor = disk.quantile(0.5) + no_op.measured.quantile(0.5);
    let set = set.measured.quantile(0.5);
    (pace == Pace::InFlight(1)).then(|| Ratio {
        name: "set-workflow p50 ÷ (fdatasync + no-op) p50, 1 in flight".to_owned(),
        value: divided(set.as_secs_f64(), floor.as_secs_f64()),
        wanted: Some((2.0, 1.3)),
        more_is_better: false,
    })
}

/// The targets are set for 64 and 256 in flight.
fn targeted(pace: Pace, wanted: (f64, f64)) -> Option<(f64, f64)> {
    matches!(pace, Pace::InFlight(64 | 256)).then_some(wanted)
}

fn divided(value: f64, by: f64) -> f64 {
    if by > 0.0 { value / by } else { 0.0 }
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

    /// A row of the table.
    pub(super) fn row(&self) -> Vec<String> {
        let sign = if self.more_is_better { "≥" } else { "≤" };
        let bound = |bound: Option<f64>| {
            bound
                .map(|bound| format!("{sign} {bound:.2}"))
                .unwrap_or_default()
        };
        let result = match self.verdict() {
            "stretch" => "stretch goal met",
            "gate" => "goal met",
            other => other,
        };
        vec![
            self.name.clone(),
            format!("{:.2}", self.value),
            bound(self.wanted.map(|(gate, _)| gate)),
            bound(self.wanted.map(|(_, stretch)| stretch)),
            result.to_owned(),
        ]
    }

    /// The same for programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "name": self.name,
            "value": self.value,
            "gate": self.wanted.map(|(gate, _)| gate),
            "stretch": self.wanted.map(|(_, stretch)| stretch),
            "reached": self.verdict(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::load::report::figure::tests::figure;

    fn step(in_flight: u32) -> [Figure; 3] {
        let pace = Pace::InFlight(in_flight);
        [
            figure(Kind::NoOp, pace, 1_000, 100, 10),
            figure(Kind::Set, pace, 450, 400, 25),
            figure(Kind::Push, pace, 450, 400, 25),
        ]
    }

    fn verdicts(ratios: &[Ratio]) -> Vec<&'static str> {
        ratios.iter().map(Ratio::verdict).collect()
    }

    #[test]
    fn ratios_are_shown_beside_gate_and_stretch() {
        let ratios = of(&step(256), None);
        assert_eq!(verdicts(&ratios), ["", "gate", "stretch"]);
        assert!((ratios[0].value - 0.45).abs() < 1e-9);
    }

    #[test]
    fn one_in_flight_is_measured_against_the_disk() {
        let mut disk = Measured::new().unwrap();
        disk.record(Duration::from_micros(60));
        let ratios = of(&step(1), Some(&disk));
        assert_eq!(verdicts(&ratios), ["", "", "missed", ""]);
        assert!((ratios[2].value - 2.5).abs() < 0.01);
    }

    #[test]
    fn the_kinds_of_a_mix_have_no_ratio() {
        let mut of_mix = step(64);
        for figure in &mut of_mix {
            figure.cost = None;
        }
        assert_eq!(of(&of_mix, None), []);
    }
}
