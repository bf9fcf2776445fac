//! The steps of a load: what is warmed up, prepared and measured, in which order.
//!
//! Promise: what is prepared and warmed up is not measured. The server's counters are read directly
//! before and after each measurement.

use std::sync::Arc;
use std::time::Duration;

use aftercall_client::Connector;
use aftercall_proto::workflow::v1::{GetServerInfoRequest, GetServerInfoResponse};

use crate::connect::{WORKFLOW_SERVER, failure};
use crate::errors::Failure;
use crate::load::child::{Child, Servers};
use crate::load::counters::Counters;
use crate::load::disk;
use crate::load::mix::{Kind, Mix};
use crate::load::options::Options;
use crate::load::pace::Pace;
use crate::load::phase::{Outcome, Phase};
use crate::load::report::{Cost, Figure, Report};
use crate::load::requests::Requests;
use crate::output::remark;
use crate::samples;
use crate::time;

/// Requests at a time while a load prepares and warms up.
const PREPARING_IN_FLIGHT: u32 = 64;
/// A load prepares until it has what it needs, within this.
const PREPARING_MAX: Duration = Duration::from_secs(600);
/// Follow-ups that lists, and reads by id, find.
const READ_LEAST: u64 = 1_000;

/// A server with its load.
pub(super) struct Bench<'a> {
    options: &'a Options,
    servers: &'a Servers,
    requests: Arc<Requests>,
    /// The server that only answers, if the measured one is on this machine.
    no_op: Option<Child>,
    to_server: Connector,
    to_no_op: Option<Connector>,
}

impl<'a> Bench<'a> {
    /// Sets the first follow-up, and starts the server that only answers.
    pub(super) async fn start(options: &'a Options, servers: &'a Servers) -> Result<Self, Failure> {
        servers.publish_samples().await?;
        let workflow = samples::published(&servers.session, &options.workflow).await?;
        let requests = Requests::start(&servers.session, workflow).await?;
        if options.mix.as_ref().is_none_or(|mix| mix.has(Kind::Push)) {
            requests.check_button()?;
        }
        let no_op = match (&options.mix, servers.server_process) {
            (Some(_), _) => None,
            (None, Some(_)) => Some(Child::no_op_server(requests.answer_bytes).await?),
            (None, None) => {
                remark(
                    "The server's process is not found on this machine: there is no no-op to compare with.",
                );
                None
            }
        };
        let to = |child: &Child| {
            Connector::to(&child.url).map_err(|error| failure(&error, &child.url, WORKFLOW_SERVER))
        };
        Ok(Self {
            options,
            servers,
            requests: Arc::new(requests),
            to_server: servers.session.to.to_server()?,
            to_no_op: no_op.as_ref().map(to).transpose()?,
            no_op,
        })
    }

    /// Measures all steps.
    pub(super) async fn run(&self) -> Result<Report, Failure> {
        self.warm_up().await?;
        let mut figures = Vec::new();
        for pace in self.options.paces() {
            match &self.options.mix {
                Some(mix) => self.mixed(pace, mix, &mut figures).await?,
                None => self.one_by_one(pace, &mut figures).await?,
            }
        }
        remark("measuring the disk");
        let disk = disk::measure(&self.server().await?.data_dir).await;
        Ok(Report {
            workflow: self.options.workflow.clone(),
            connections: self.options.connections,
            warm_up_seconds: self.options.warm_up,
            figures,
            disk,
        })
    }

    /// Ends the server that only answers.
    pub(super) async fn stop(self) {
        if let Some(no_op) = self.no_op {
            no_op.stop().await;
        }
    }

    /// The no-op, Set Workflow, and a push on each that was set.
    async fn one_by_one(&self, pace: Pace, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        for kind in [Kind::NoOp, Kind::Set, Kind::Push] {
            let Some(server) = self.server_of(kind) else {
                continue;
            };
            let requests = match kind {
                Kind::Push => self.options.requests.min(self.requests.waiting()),
                _ => self.options.requests,
            };
            let phase = Phase {
                server,
                pace,
                requests,
                ..self.phase(kind.name(), Mix::only(kind))
            };
            let (outcome, cost) = self.measured(&phase, kind).await?;
            figures.extend(Figure::of_kinds(pace, outcome, Some(&cost)));
        }
        Ok(())
    }

    /// A mix: a figure of all, and one of each kind.
    async fn mixed(&self, pace: Pace, mix: &Mix, figures: &mut Vec<Figure>) -> Result<(), Failure> {
        self.prepare(mix).await?;
        let phase = Phase {
            pace,
            ..self.phase("mix", mix.clone())
        };
        let (outcome, cost) = self.measured(&phase, Kind::Set).await?;
        figures.push(Figure::of_all(pace, &outcome, cost)?);
        figures.extend(Figure::of_kinds(pace, outcome, None));
        Ok(())
    }

    /// Sets the follow-ups that a mix pushes and reads.
    async fn prepare(&self, mix: &Mix) -> Result<(), Failure> {
        let pushed = mix.count(Kind::Push, self.options.requests);
        let read = match [Kind::List, Kind::Get, Kind::History].map(|kind| mix.has(kind)) {
            [false, false, false] => 0,
            _ => READ_LEAST.min(self.options.requests),
        };
        let missing = (pushed + read).saturating_sub(self.requests.waiting());
        if missing > 0 {
            self.unmeasured(Mix::only(Kind::Set), missing, PREPARING_MAX)
                .await?;
        }
        Ok(())
    }

    /// Connections, the server's allocator and its branch predictors come into use.
    async fn warm_up(&self) -> Result<(), Failure> {
        let time = Duration::from_secs(u64::from(self.options.warm_up));
        if time.is_zero() {
            return Ok(());
        }
        remark("warming up");
        self.unmeasured(Mix::only(Kind::Set), u64::MAX, time / 3)
            .await?;
        if self.no_op.is_some() {
            self.unmeasured(Mix::only(Kind::NoOp), u64::MAX, time / 3)
                .await?;
        }
        let mix = self.options.mix.clone();
        let mix = mix.unwrap_or_else(|| Mix::only(Kind::Push));
        // A push for each follow-up at most.
        let requests = match mix.has(Kind::Push) {
            true => self.requests.waiting(),
            false => u64::MAX,
        };
        self.unmeasured(mix, requests, time / 3).await
    }

    async fn unmeasured(&self, mix: Mix, requests: u64, time_max: Duration) -> Result<(), Failure> {
        let server = self.server_of(mix.kind(0));
        let phase = Phase {
            server: server.unwrap_or_else(|| self.to_server.clone()),
            requests,
            time_max,
            ..self.phase("preparing", mix)
        };
        phase.run(&self.requests).await?.check()
    }

    fn phase(&self, label: &str, mix: Mix) -> Phase {
        Phase {
            server: self.to_server.clone(),
            connections: self.options.connections,
            pace: Pace::InFlight(PREPARING_IN_FLIGHT),
            mix,
            requests: self.options.requests,
            time_max: Duration::from_secs(self.options.seconds_max),
            label: label.to_owned(),
        }
    }

    fn server_of(&self, kind: Kind) -> Option<Connector> {
        match kind {
            Kind::NoOp => self.to_no_op.clone(),
            _ => Some(self.to_server.clone()),
        }
    }

    async fn measured(&self, phase: &Phase, kind: Kind) -> Result<(Outcome, Cost), Failure> {
        let process = match kind {
            Kind::NoOp => self.no_op.as_ref().and_then(Child::process_id),
            _ => self.servers.server_process,
        };
        let reported = match process {
            Some(_) => None,
            None => Some(self.cpu_time().await?),
        };
        let before = Counters::read(process);
        let outcome = phase.run(&self.requests).await?;
        let mut spent = Counters::read(process).since(&before, outcome.client_cpu);
        if let Some(before) = reported {
            spent.cpu_time = Some(self.cpu_time().await?.saturating_sub(before));
        }
        let cost = Cost {
            spent,
            client_cpu: outcome.client_cpu,
            late: outcome.late.as_ref().map(|late| late.quantile(0.99)),
        };
        Ok((outcome, cost))
    }

    async fn server(&self) -> Result<GetServerInfoResponse, Failure> {
        let mut operations = self.servers.session.to.operations().await?;
        let answer = operations.get_server_info(GetServerInfoRequest {}).await?;
        Ok(answer.into_inner())
    }

    /// By the server's own count, which it also gives from another machine.
    async fn cpu_time(&self) -> Result<Duration, Failure> {
        Ok(time::std_span(self.server().await?.cpu_time.as_ref()))
    }
}
