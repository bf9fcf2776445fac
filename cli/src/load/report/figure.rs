//! One row of a report: the requests of one kind at one pace, and what they cost.

use std::time::Duration;

use serde_json::{Value, json};

use crate::errors::Failure;
use crate::load::counters::{Calls, Spent, Switches};
use crate::load::measured::Measured;
use crate::load::pace::Pace;
use crate::load::phase::{OfKind, Outcome};

/// What the requests of a measurement cost.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    pub(crate) spent: Spent,
    /// CPU time of the client.
    pub(crate) client_cpu: Duration,
    /// The p99 of how much later than planned requests left; none in a closed loop.
    pub(crate) late: Option<Duration>,
}

/// Requests of one kind, or of a mix.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) pace: Pace,
    pub(crate) name: &'static str,
    pub(crate) measured: Measured,
    /// None for one kind of a mix: the server's counters are of all.
    pub(crate) cost: Option<Cost>,
    /// Bytes of the messages of a request and of its answer, on average.
    bytes_each: Option<(u64, u64)>,
}

impl Figure {
    /// One of each kind. `cost` is that of the only kind.
    pub(crate) fn of_kinds(pace: Pace, outcome: Outcome, cost: Option<&Cost>) -> Vec<Self> {
        let of_kind = |one: OfKind| {
            let answered = one.measured.answered();
            let each = |bytes: u64| bytes.checked_div(answered);
            Self {
                pace,
                name: one.kind.name(),
                cost: cost.cloned(),
                bytes_each: each(one.request_bytes).zip(each(one.answer_bytes)),
                measured: one.measured,
            }
        };
        outcome.kinds.into_iter().map(of_kind).collect()
    }

    /// All kinds of a mix together.
    pub(crate) fn of_all(pace: Pace, outcome: &Outcome, cost: Cost) -> Result<Self, Failure> {
        Ok(Self {
            pace,
            name: "mix",
            measured: outcome.all()?,
            cost: Some(cost),
            bytes_each: None,
        })
    }

    /// CPU time of the server for each request.
    pub(super) fn server_cpu_each(&self) -> Option<Duration> {
        let spent = self.cost.as_ref()?.spent.cpu_time?;
        self.each(spent.as_secs_f64())
            .map(Duration::from_secs_f64)
            .filter(|each| !each.is_zero())
    }

    fn client_cpu_each(&self) -> Option<Duration> {
        let client = self.cost.as_ref()?.client_cpu;
        self.each(client.as_secs_f64()).map(Duration::from_secs_f64)
    }

    /// Requests that a core of the server answers in a second.
    pub(super) fn per_core_second(&self) -> Option<f64> {
        self.server_cpu_each().map(|each| 1.0 / each.as_secs_f64())
    }

    fn switches(&self) -> Option<Switches> {
        self.cost.as_ref()?.spent.switches
    }

    fn calls(&self) -> Option<Calls> {
        self.cost.as_ref()?.spent.calls
    }

    fn outside(&self) -> Option<f64> {
        self.cost.as_ref()?.spent.outside
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "an average needs no more than 52 bits"
    )]
    fn each(&self, sum: f64) -> Option<f64> {
        let answered = self.measured.answered();
        (answered > 0).then(|| sum / answered as f64)
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "an average needs no more than 52 bits"
    )]
    fn each_of(&self, count: u64) -> Option<f64> {
        self.each(count as f64)
    }

    /// A row of the table.
    pub(super) fn row(&self) -> Vec<String> {
        let micros = |each: Option<Duration>| shown(each.map(|each| each.as_secs_f64() * 1e6), 1);
        let switches = self.switches();
        let switches = switches.and_then(|all| self.each_of(all.voluntary + all.involuntary));
        let calls = self.calls();
        let calls = calls.and_then(|all| self.each_of(all.reads + all.writes));
        let outside = self
            .outside()
            .map(|share| format!("{:.0} %", share * 100.0));
        let mut row = vec![self.pace.to_string(), self.name.to_owned()];
        row.extend(latency_cells(&self.measured));
        row.extend([
            micros(self.server_cpu_each()),
            shown(self.per_core_second(), 0),
            micros(self.client_cpu_each()),
            shown(switches, 2),
            shown(calls, 2),
            outside.unwrap_or_default(),
            self.measured.errors.to_string(),
        ]);
        row
    }

    /// Every figure, for programs. What the system does not give is null.
    pub(super) fn json(&self) -> Value {
        let seconds = |share| self.measured.quantile(share).as_secs_f64();
        let (in_flight, rate) = match self.pace {
            Pace::InFlight(number) => (Some(number), None),
            Pace::Rate(rate) => (None, Some(rate)),
        };
        let switches = self.switches().map(|switches| {
            json!({ "voluntary": self.each_of(switches.voluntary), "involuntary": self.each_of(switches.involuntary) })
        });
        let calls = self.calls().map(
            |calls| json!({ "reads": self.each_of(calls.reads), "writes": self.each_of(calls.writes) }),
        );
        let late = self.cost.as_ref().and_then(|cost| cost.late);
        json!({
            "in_flight": in_flight,
            "planned_rate_per_second": rate,
            "request": self.name,
            "answered": self.measured.answered(),
            "errors": self.measured.errors,
            "rate_per_second": self.measured.rate(),
            "p50_seconds": seconds(0.5),
            "p99_seconds": seconds(0.99),
            "p999_seconds": seconds(0.999),
            "sent_late_p99_seconds": late.map(|late| late.as_secs_f64()),
            "server_cpu_seconds_each": self.server_cpu_each().map(|each| each.as_secs_f64()),
            "requests_per_server_core_second": self.per_core_second(),
            "client_cpu_seconds_each": self.client_cpu_each().map(|each| each.as_secs_f64()),
            "server_thread_switches_each": switches,
            "server_counted_calls_each": calls,
            "outside_cpu_share": self.outside(),
            "request_bytes_each": self.bytes_each.map(|(request, _)| request),
            "answer_bytes_each": self.bytes_each.map(|(_, answer)| answer),
        })
    }
}

/// The row of the disk.
pub(super) fn disk_row(disk: &Measured) -> Vec<String> {
    let mut row = vec![String::new(), "4 KiB fdatasync".to_owned()];
    row.extend(latency_cells(disk));
    row
}

fn latency_cells(measured: &Measured) -> [String; 5] {
    let millis = |share| format!("{:.3}", measured.quantile(share).as_secs_f64() * 1e3);
    [
        measured.answered().to_string(),
        format!("{:.0}", measured.rate()),
        millis(0.5),
        millis(0.99),
        millis(0.999),
    ]
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value
        .map(|value| format!("{value:.digits$}"))
        .unwrap_or_default()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::load::mix::Kind;

    pub(in crate::load::report) fn figure(
        kind: Kind,
        pace: Pace,
        count: u32,
        latency_micros: u64,
        cpu_micros: u64,
    ) -> Figure {
        let mut measured = Measured::new().unwrap();
        for _ in 0..count {
            measured.record(Duration::from_micros(latency_micros));
        }
        measured.elapsed = Duration::from_secs(1);
        let spent = Spent {
            cpu_time: Some(Duration::from_micros(cpu_micros) * count),
            switches: Some(Switches {
                voluntary: 3 * u64::from(count),
                involuntary: u64::from(count),
            }),
            calls: None,
            outside: Some(0.25),
        };
        let cost = Cost {
            spent,
            client_cpu: Duration::from_micros(5) * count,
            late: None,
        };
        Figure {
            pace,
            name: kind.name(),
            measured,
            cost: Some(cost),
            bytes_each: Some((200, 600)),
        }
    }

    #[test]
    fn costs_are_shown_for_each_request() {
        let figure = figure(Kind::Set, Pace::InFlight(64), 1_000, 400, 50);
        let row = figure.row();
        assert_eq!(row[..4], ["64 in flight", "set-workflow", "1000", "1000"]);
        assert_eq!(row[7..], ["50.0", "20000", "5.0", "4.00", "", "25 %", "0"]);
        let json = figure.json();
        assert_eq!(json["server_thread_switches_each"]["voluntary"], 3.0);
        assert!(json["server_counted_calls_each"].is_null());
        assert_eq!(
            (
                json["in_flight"].as_u64(),
                json["answer_bytes_each"].as_u64()
            ),
            (Some(64), Some(600))
        );
    }
}
