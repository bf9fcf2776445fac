//! `aftercall load crowd`: how long a push takes alone, and beside a crowd that reads all the time.
//!
//! Promise: both are measured in one run, first alone, then beside the crowd, then alone again. Pushes leave when their time has come,
//! whether others are answered or not. Must not: judge by absolute figures: the ratio is what counts.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use aftercall_proto::workflow::v1::{
    ClaimNextRequest, FollowUpFilter, ListFollowUpsRequest, call_manager_service_client::CallManagerServiceClient,
};
use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::{
    task::{JoinError, JoinSet},
    time::{MissedTickBehavior, interval, sleep},
};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status, transport::Channel};

use crate::{
    errors::Failure,
    load::{
        asked::asked_of,
        child::Servers,
        closed_loop::{Bounds, Measured},
        requests::{Requests, Target, push_request},
    },
    output::{Output, remark},
    samples,
    session::Session,
    table::{Table, whole},
};

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
const LOADING: Bounds = Bounds { in_flight: 256, requests: 0, time_max: Duration::from_secs(600) };
/// Rows of a list that the crowd asks for: the most that there are.
const ROWS: u32 = 1_000;
/// How long one waits whom the server refused before asking again, as the server says.
const REFUSED_WAIT: Duration = Duration::from_secs(1);

/// What the crowd asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Asks {
    /// The next follow-up of a customer who has none, once a second each
    Next,
    /// Lists of 1,000 rows, one after another
    Lists,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall load crowd
  aftercall load crowd --asks lists --people 1200

Both servers are started on a fresh data directory, and all is gone afterwards.")]
pub(crate) struct LoadCrowd {
    /// What the crowd asks for
    #[arg(long, value_enum, default_value_t = Asks::Next)]
    asks: Asks,
    /// How many people there are in the crowd
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    people: u32,
    /// How many connections they share
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    connections: u32,
    /// How many follow-ups are open
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=4_000_000))]
    open: u32,
    /// How many pushes a second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// For how long is pushed alone, and as long beside the crowd
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=3_600))]
    seconds: u32,
    /// Where the server that is started keeps its data [default: the temporary directory]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

/// What each of a crowd measured, and how often the server refused it.
type Crowd = JoinSet<Result<(Measured, u64), Failure>>;

/// What a run came to.
struct Report {
    quiet: Measured,
    beside: Measured,
    crowd: Measured,
    /// Requests of the crowd that the server refused because too many waited.
    refused: u64,
    /// How often an alerter had to ask for the feed again.
    feed_asked: u64,
}

impl LoadCrowd {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let servers = Servers::start(self.data_dir.as_deref(), session.output).await?;
        let outcome = self.measure(&servers.session).await;
        servers.stop().await;
        outcome?.print(session.output)
    }

    async fn measure(&self, session: &Session) -> Result<Report, Failure> {
        samples::publish_all(session).await?;
        let workflow = samples::published(session, "refund").await?;
        let requests = Requests::connect(session, workflow, 2).await?;
        remark(&format!("setting {} follow-ups", self.open));
        let (set, mut targets) = requests.set_workflow(Bounds { requests: u64::from(self.open), ..LOADING }).await?;
        if set.errors > 0 {
            let why = set.first_error.unwrap_or_default();
            return Err(Failure::refused(format!("{} follow-ups were not set; the first: {why}.", set.errors)));
        }
        let mut channels = Vec::new();
        for _ in 0..self.connections {
            channels.push(session.to.workflow_server().await?);
        }
        let asked = asked_of(&session.to.server).await?;
        remark("pushing alone");
        let half = Duration::from_secs(u64::from(self.seconds)) / 2;
        let channel = requests.channel();
        let mut quiet = self.push(&channel, &mut targets, half).await?;
        remark(&format!("pushing beside {} people", self.people));
        let stop = CancellationToken::new();
        let crowd = self.crowd(&channels, &stop)?;
        let beside = self.push(&channel, &mut targets, half * 2).await?;
        stop.cancel();
        let (crowd, refused) = joined(crowd).await?;
        remark("pushing alone again");
        let again = self.push(&channel, &mut targets, half).await?;
        quiet.add(&again)?;
        quiet.elapsed += again.elapsed;
        let feed_asked = asked_of(&session.to.server).await?.saturating_sub(asked);
        Ok(Report { quiet, beside, crowd, refused, feed_asked })
    }

    /// An open loop of pushes, each on a follow-up that nobody has pushed.
    async fn push(&self, channel: &Channel, targets: &mut Vec<Target>, time: Duration) -> Result<Measured, Failure> {
        let mut measured = Measured::new()?;
        let began = Instant::now();
        let mut ticks = interval(Duration::from_secs(1) / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut under_way = JoinSet::new();
        while began.elapsed() < time {
            let due = ticks.tick().await.into_std();
            let Some(target) = targets.pop() else {
                return Err(Failure::usage("There are fewer follow-ups than pushes: take more of --open.".to_owned()));
            };
            let mut client = CallManagerServiceClient::new(channel.clone());
            under_way.spawn(async move { client.push_button(push_request(&target)).await.map(|_| due.elapsed()) });
            while let Some(answered) = under_way.try_join_next() {
                note(&mut measured, answered)?;
            }
        }
        while let Some(answered) = under_way.join_next().await {
            note(&mut measured, answered)?;
        }
        measured.elapsed = began.elapsed();
        Ok(measured)
    }

    /// Everybody asks until the end.
    fn crowd(&self, channels: &[Channel], stop: &CancellationToken) -> Result<Crowd, Failure> {
        let mut crowd = JoinSet::new();
        for number in 0..self.people {
            let client = CallManagerServiceClient::new(channels[number as usize % channels.len()].clone());
            let first = Duration::from_secs(1) * number / self.people;
            crowd.spawn(ask_until(stop.clone(), client, self.asks, (number, first)));
        }
        Ok(crowd)
    }
}

async fn ask_until(
    stop: CancellationToken,
    client: CallManagerServiceClient<Channel>,
    asks: Asks,
    (number, first): (u32, Duration),
) -> Result<(Measured, u64), Failure> {
    let (mut measured, mut refused) = (Measured::new()?, 0);
    let began = Instant::now();
    let asking = async {
        sleep(first).await;
        loop {
            let asked = Instant::now();
            match ask(client.clone(), asks, number).await {
                Ok(()) => measured.record(asked.elapsed()),
                Err(status) if status.code() == Code::ResourceExhausted => {
                    refused += 1;
                    sleep(REFUSED_WAIT).await;
                }
                Err(status) => measured.fail(&status),
            }
            if asks == Asks::Next {
                sleep(Duration::from_secs(1).saturating_sub(asked.elapsed())).await;
            }
        }
    };
    stop.run_until_cancelled(asking).await;
    measured.elapsed = began.elapsed();
    Ok((measured, refused))
}

async fn ask(mut client: CallManagerServiceClient<Channel>, asks: Asks, number: u32) -> Result<(), Status> {
    match asks {
        Asks::Next => {
            let filter = FollowUpFilter { customers: vec!["nobody".to_owned()], ..FollowUpFilter::default() };
            let actor = format!("person {number}");
            let request = ClaimNextRequest { actor, filter: Some(filter), ..ClaimNextRequest::default() };
            client.claim_next(request).await.map(drop)
        }
        Asks::Lists => {
            let request = ListFollowUpsRequest { page_size: ROWS, ..ListFollowUpsRequest::default() };
            let mut client = client.max_decoding_message_size(64 << 20);
            client.list_follow_ups(request).await.map(drop)
        }
    }
}

fn note(measured: &mut Measured, answered: Result<Result<Duration, Status>, JoinError>) -> Result<(), Failure> {
    match answered.map_err(|error| broken_off(&error))? {
        Ok(took) => measured.record(took),
        Err(status) => measured.fail(&status),
    }
    Ok(())
}

async fn joined(mut crowd: Crowd) -> Result<(Measured, u64), Failure> {
    let (mut all, mut refused) = (Measured::new()?, 0);
    while let Some(joined) = crowd.join_next().await {
        let (one, refused_one) = joined.map_err(|error| broken_off(&error))??;
        all.add(&one)?;
        all.elapsed = all.elapsed.max(one.elapsed);
        refused += refused_one;
    }
    Ok((all, refused))
}

fn broken_off(error: &JoinError) -> Failure {
    Failure::refused(format!("A request was broken off: {error}."))
}

impl Report {
    /// The p99 beside the crowd, by the p99 alone.
    fn ratio(&self) -> f64 {
        let (beside, quiet) = (self.beside.quantile(0.99).as_secs_f64(), self.quiet.quantile(0.99).as_secs_f64());
        if quiet > 0.0 { beside / quiet } else { 0.0 }
    }

    fn rows(&self) -> [(&'static str, &Measured); 3] {
        [("push, alone", &self.quiet), ("push, beside the crowd", &self.beside), ("the crowd's", &self.crowd)]
    }

    fn print(&self, output: Output) -> Result<(), Failure> {
        if output.is_json() {
            let figure = |(name, measured): (&str, &Measured)| {
                let seconds = |share| measured.quantile(share).as_secs_f64();
                json!({
                    "request": name, "answered": measured.answered(), "errors": measured.errors,
                    "p50_seconds": seconds(0.5), "p99_seconds": seconds(0.99), "p999_seconds": seconds(0.999),
                })
            };
            let figures: Vec<_> = self.rows().into_iter().map(figure).collect();
            let (ratio, refused, feed_asked) = (self.ratio(), self.refused, self.feed_asked);
            output.json(
                &json!({ "figures": figures, "p99_ratio": ratio, "refused": refused, "feed_asked": feed_asked }),
            )?;
        } else {
            output.table(&FIGURES, self.rows().map(row))?;
            output.line(&format!(
                "\nA push's p99 beside the crowd is {:.2} times that of one alone. {} requests of the crowd were refused. The alerter asked for the feed {} times.",
                self.ratio(), self.refused, self.feed_asked
            ))?;
        }
        match self.quiet.errors + self.beside.errors {
            0 => Ok(()),
            errors => {
                let first = self.beside.first_error.as_ref().or(self.quiet.first_error.as_ref());
                let why = first.map_or("", |error| error);
                Err(Failure::refused(format!(
                    "{errors} pushes failed, so these figures do not count; the first: {why}."
                )))
            }
        }
    }
}

fn row((name, measured): (&'static str, &Measured)) -> Vec<String> {
    let millis = |share| format!("{:.3}", measured.quantile(share).as_secs_f64() * 1e3);
    vec![
        name.to_owned(),
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
    use super::*;

    fn measured(micros: u64) -> Measured {
        let mut measured = Measured::new().unwrap();
        measured.record(Duration::from_micros(micros));
        measured
    }

    #[test]
    fn the_ratio_is_of_the_two_p99_and_failed_pushes_spoil_it() {
        let (quiet, beside, crowd) = (measured(2_000), measured(3_000), measured(10));
        let mut report = Report { quiet, beside, crowd, refused: 0, feed_asked: 0 };
        assert!((report.ratio() - 1.5).abs() < 0.01);
        let output = Output::new(crate::output::Form::Json);
        assert!(report.print(output).is_ok());
        report.beside.fail(&Status::unavailable("full"));
        assert!(report.print(output).unwrap_err().sentence().contains("1 pushes failed"));
    }
}
