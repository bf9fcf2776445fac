//! `aftercall load crowd`: how long a push takes alone, and beside a crowd that reads all the time.
//!
//! Promise: all is measured in one run: alone, then beside each crowd, with pushes alone between
//! them. Must not: judge by absolute figures: the ratio is what counts.

mod people;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use self::people::{Asks, Crowd};
use crate::errors::Failure;
use crate::load::child::Servers;
use crate::load::feed_requests::count_feed_requests;
use crate::load::measured::Measured;
use crate::load::mix::{Kind, Mix};
use crate::load::pace::Pace;
use crate::load::phase::Phase;
use crate::load::requests::Requests;
use crate::output::{Output, remark};
use crate::samples;
use crate::session::{Named, Session};
use crate::table::{Table, whole};

const FIGURES: Table<'_> = Table {
    columns: &[
        whole("request", 0),
        whole("answered", 5),
        whole("rate/s", 3),
        whole("p50 ms", 2),
        whole("p99 ms", 1),
        whole("p99.9 ms", 4),
        whole("errors", 6),
    ],
    empty: "Nothing was measured.",
};

/// Loading the follow-ups: as fast as the server takes them.
const LOADING_IN_FLIGHT: u32 = 256;
const LOADING_CONNECTIONS: u32 = 2;
const LOADING_MAX: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall load crowd
  aftercall load crowd --asks lists --people 4,1200
  aftercall load crowd --asks lists --people 1200 --rows 100

Both servers are started on a fresh data directory, and all is gone afterwards. With --server that one is
measured: the workflow refund must be published there, and the follow-ups that are set stay.")]
pub(crate) struct LoadCrowd {
    /// What the crowd asks for
    #[arg(long, value_enum, default_value_t = Asks::Next)]
    asks: Asks,
    /// How many people there are in the crowd; several numbers are so many crowds, one after
    /// another
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "60", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    people: Vec<u32>,
    /// How many rows a list has
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rows: u32,
    /// How many connections they share
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// How many follow-ups are open
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    open: u32,
    /// How many pushes a second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// For how long pushes run beside each crowd, and as long alone
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=3_600))]
    seconds: u32,
    /// Where the server that is started keeps its data [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// Pushes beside one crowd, and what the crowd measured.
struct Beside {
    people: u32,
    pushes: Measured,
    crowd: Measured,
    /// Requests of the crowd that the server refused because too many waited.
    refused: u64,
}

/// The result of a run.
struct Report {
    quiet: Measured,
    crowds: Vec<Beside>,
    /// Requests for the feed that alerters sent meanwhile.
    feed_asked: u64,
}

impl LoadCrowd {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let data_dir = self.data_dir.as_deref();
        // One that is started here has an alerter which follows it, as a server at work has.
        let servers = match session.named == Named::default() {
            true => Servers::both(session, data_dir).await?,
            false => Servers::workflow_server(session, data_dir).await?,
        };
        let outcome = self.measure(&servers).await;
        servers.stop().await;
        outcome?.print(session.output)
    }

    async fn measure(&self, servers: &Servers) -> Result<Report, Failure> {
        let session = &servers.session;
        servers.publish_samples().await?;
        let workflow = samples::published(session, "refund").await?;
        let requests = Arc::new(Requests::start(session, workflow).await?);
        requests.check_button()?;
        remark(&format!("setting {} follow-ups", self.open));
        self.open_follow_ups(session, &requests).await?;
        let mut channels = Vec::new();
        for _ in 0..self.connections {
            channels.push(session.to.workflow_server().await?);
        }
        let asked = count_feed_requests(&session.to.to_server()?).await?;
        let time = Duration::from_secs(u64::from(self.seconds));
        // As long alone as beside one crowd, before the first, between them and after the last.
        let alone = time / (u32::try_from(self.people.len()).unwrap_or(u32::MAX) + 1);
        remark("pushing alone");
        let mut quiet = self.push(session, &requests, alone).await?;
        let mut crowds = Vec::new();
        for people in &self.people {
            remark(&format!("pushing beside {people} people"));
            let crowd = Crowd::start(*people, &channels, self.asks, self.rows);
            let pushes = self.push(session, &requests, time).await?;
            let (crowd, refused) = crowd.stop().await?;
            crowds.push(Beside {
                people: *people,
                pushes,
                crowd,
                refused,
            });
            remark("pushing alone again");
            let again = self.push(session, &requests, alone).await?;
            quiet.add(&again)?;
            quiet.elapsed += again.elapsed;
        }
        let feed_asked = count_feed_requests(&session.to.to_server()?)
            .await?
            .saturating_sub(asked);
        Ok(Report {
            quiet,
            crowds,
            feed_asked,
        })
    }

    /// One was set to learn what a push needs.
    async fn open_follow_ups(
        &self,
        session: &Session,
        requests: &Arc<Requests>,
    ) -> Result<(), Failure> {
        let loading = Phase {
            server: session.to.to_server()?,
            connections: LOADING_CONNECTIONS,
            pace: Pace::InFlight(LOADING_IN_FLIGHT),
            mix: Mix::only(Kind::Set),
            requests: u64::from(self.open - 1),
            time_max: LOADING_MAX,
            label: "set-workflow".to_owned(),
        };
        loading.run(requests).await?.check()
    }

    /// Pushes at the rate, each a follow-up that nobody has pushed, on a thread and a connection
    /// that the crowd does not use.
    async fn push(
        &self,
        session: &Session,
        requests: &Arc<Requests>,
        time: Duration,
    ) -> Result<Measured, Failure> {
        let count = (f64::from(self.rate) * time.as_secs_f64()) as u64;
        if requests.waiting() < count {
            return Err(Failure::usage(
                "There are fewer follow-ups than pushes: take more of --open.",
            ));
        }
        let pushes = Phase {
            server: session.to.to_server()?,
            connections: 1,
            pace: Pace::Rate(self.rate),
            mix: Mix::only(Kind::Push),
            requests: count,
            time_max: time,
            label: "push".to_owned(),
        };
        pushes.run(requests).await?.all()
    }
}

/// A p99 beside a crowd, by the p99 alone.
fn ratio(beside: &Measured, quiet: &Measured) -> f64 {
    let (beside, quiet) = (
        beside.quantile(0.99).as_secs_f64(),
        quiet.quantile(0.99).as_secs_f64(),
    );
    if quiet > 0.0 { beside / quiet } else { 0.0 }
}

impl Report {
    fn rows(&self) -> Vec<(String, &Measured)> {
        let alone = ("push, alone".to_owned(), &self.quiet);
        let beside = self.crowds.iter().flat_map(|crowd| {
            let people = crowd.people;
            [
                (format!("push, beside {people}"), &crowd.pushes),
                (format!("the {people}'s"), &crowd.crowd),
            ]
        });
        std::iter::once(alone).chain(beside).collect()
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        if output.is_json() {
            let figure = |(name, measured): (String, &Measured)| {
                let seconds = |share| measured.quantile(share).as_secs_f64();
                json!({
                    "request": name, "answered": measured.answered(), "errors": measured.errors,
                    "p50_seconds": seconds(0.5), "p99_seconds": seconds(0.99), "p999_seconds": seconds(0.999),
                })
            };
            let figures: Vec<_> = self.rows().into_iter().map(figure).collect();
            let crowd = |crowd: &Beside| json!({ "people": crowd.people, "p99_ratio": ratio(&crowd.pushes, &self.quiet), "refused": crowd.refused });
            let crowds: Vec<_> = self.crowds.iter().map(crowd).collect();
            output.json(
                &json!({ "figures": figures, "crowds": crowds, "feed_asked": self.feed_asked }),
            )?;
        } else {
            output.table(&FIGURES, self.rows().into_iter().map(row))?;
            output.line("")?;
            for crowd in &self.crowds {
                output.line(&format!(
                    "Beside {} people the p99 of a push is {:.2} times that of one alone. {} of their requests were refused.",
                    crowd.people,
                    ratio(&crowd.pushes, &self.quiet),
                    crowd.refused
                ))?;
            }
            output.line(&format!(
                "Alerters asked for the feed {} times.",
                self.feed_asked
            ))?;
        }
        let pushes =
            || std::iter::once(&self.quiet).chain(self.crowds.iter().map(|crowd| &crowd.pushes));
        match pushes().map(|measured| measured.errors).sum::<u64>() {
            0 => Ok(()),
            errors => {
                let why = pushes()
                    .find_map(|measured| measured.first_error.as_deref())
                    .unwrap_or_default();
                Err(Failure::refused(format!(
                    "{errors} pushes failed, so these figures do not count; the first: {why}."
                )))
            }
        }
    }
}

fn row((name, measured): (String, &Measured)) -> Vec<String> {
    let millis = |share| format!("{:.3}", measured.quantile(share).as_secs_f64() * 1e3);
    vec![
        name,
        measured.answered().to_string(),
        format!("{:.0}", measured.rate()),
        millis(0.5),
        millis(0.99),
        millis(0.999),
        measured.errors.to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    fn measured(micros: u64) -> Measured {
        let mut measured = Measured::new().unwrap();
        measured.record(Duration::from_micros(micros));
        measured
    }

    #[test]
    fn failed_pushes_invalidate_the_ratio() {
        let (quiet, pushes, crowd) = (measured(2_000), measured(3_000), measured(10));
        assert!((ratio(&pushes, &quiet) - 1.5).abs() < 0.01);
        let beside = Beside {
            people: 4,
            pushes,
            crowd,
            refused: 0,
        };
        let mut report = Report {
            quiet,
            crowds: vec![beside],
            feed_asked: 0,
        };
        let output = Output::new(crate::output::Form::Json);
        assert!(report.print(output).is_ok());
        report.crowds[0].pushes.fail(&Status::unavailable("full"));
        assert!(
            report
                .print(output)
                .unwrap_err()
                .sentence()
                .contains("1 pushes failed")
        );
    }
}
