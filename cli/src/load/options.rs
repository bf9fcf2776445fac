//! What a load sends: at which paces, which kinds, how many.

use clap::Args;

use crate::load::mix::Mix;
use crate::load::pace::Pace;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// How many requests are under way at a time, one step each
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', default_value = "1,64,256", value_parser = clap::value_parser!(u32).range(1..=4_096))]
    pub(super) in_flight: Vec<u32>,
    /// Plan so many requests a second, one step each, and send them answered or not; latencies count
    /// from the planned moment
    #[arg(long, value_name = "N,N,…", value_delimiter = ',', conflicts_with = "in_flight", value_parser = clap::value_parser!(u32).range(1..=200_000))]
    pub(super) rate: Vec<u32>,
    /// Send these kinds mixed, by their shares: set, push, list, get, history [default: set, then
    /// push, each alone]
    #[arg(long, value_name = "KIND=SHARE,…")]
    pub(super) mix: Option<Mix>,
    /// For how long requests are sent before the first is measured
    #[arg(long, value_name = "SECONDS", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=600))]
    pub(super) warm_up: u32,
    /// How many requests of each kind, or of the mix, in a step
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(super) requests: u64,
    /// The longest that requests are sent in a step
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) seconds_max: u64,
    /// How many connections the requests share
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=256))]
    pub(super) connections: u32,
    /// Which workflow is set; its first button is pushed
    #[arg(long, value_name = "WORKFLOW", default_value = "refund")]
    pub(super) workflow: String,
}

impl Options {
    /// The paces of the steps.
    pub(super) fn paces(&self) -> Vec<Pace> {
        match self.rate.is_empty() {
            true => self.in_flight.iter().copied().map(Pace::InFlight).collect(),
            false => self.rate.iter().copied().map(Pace::Rate).collect(),
        }
    }
}
