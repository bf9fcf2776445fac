//! Which instances a command of ops means, as options.
//!
//! Promise: a team, workflow, version or stage that does not exist is an error. Must not: offer
//! what no command can do.

use std::time::Duration;

use aftercall_proto::workflow::v1::{InstanceFilter, Priority, Status};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::commands::calls::PriorityChoice;
use crate::commands::{names, stages};
use crate::errors::Failure;
use crate::session::Session;
use crate::time;

/// Which instances; each option may be repeated, and any of its values fits.
#[derive(Debug, Default, Args)]
pub(crate) struct Filter {
    /// Of this workflow
    #[arg(long = "workflow", value_name = "WORKFLOW")]
    workflows: Vec<String>,
    /// Of this version
    #[arg(long = "version", value_name = "N")]
    versions: Vec<u32>,
    /// In the stage with this title or number
    #[arg(long = "stage", value_name = "STAGE")]
    stages: Vec<String>,
    /// In this state [default: all that have not ended]
    #[arg(long = "status", value_enum, value_name = "STATUS")]
    statuses: Vec<StatusChoice>,
    /// With an alert for this team
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Of this customer
    #[arg(long = "customer", value_name = "CUSTOMER")]
    customers: Vec<String>,
    /// Held by this person
    #[arg(long = "holder", value_name = "NAME")]
    holders: Vec<String>,
    /// Only those that nobody holds
    #[arg(long, conflicts_with = "holders")]
    unclaimed: bool,
    /// With an alert of this priority
    #[arg(long = "priority", value_enum, value_name = "PRIORITY")]
    priorities: Vec<PriorityChoice>,
    /// Only those with an alert that is snoozed
    #[arg(long)]
    snoozed: bool,
    /// Only those that Call Managers do not see
    #[arg(long)]
    hidden: bool,
    /// Only those whose due or deadline has passed
    #[arg(long)]
    overdue: bool,
    /// Only those started at least this long ago
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    older_than: Option<Duration>,
}

/// When what has ended did so: nothing else can be done with it than to look at it.
#[derive(Debug, Default, Args)]
pub(crate) struct Ended {
    /// Only those that ended at most this long ago
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    ended_within: Option<Duration>,
    /// Only those that ended longer ago than this
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    ended_before: Option<Duration>,
}

impl Ended {
    /// The filter with these bounds, counted from the server's now.
    pub(crate) async fn narrow(
        self,
        session: &Session,
        filter: InstanceFilter,
    ) -> Result<InstanceFilter, Failure> {
        if self.ended_within.is_none() && self.ended_before.is_none() {
            return Ok(filter);
        }
        Ok(self.at(session.now().await?, filter))
    }

    fn at(self, now: Timestamp, filter: InstanceFilter) -> InstanceFilter {
        InstanceFilter {
            ended_from: self.ended_within.map(|span| time::ago(now, span)),
            ended_until: self.ended_before.map(|span| time::ago(now, span)),
            ..filter
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum StatusChoice {
    Waiting,
    Active,
    Paused,
    Incomplete,
    Finished,
    Cancelled,
}

impl Filter {
    /// The workflow, where exactly one is named.
    pub(crate) fn only_workflow(&self) -> Option<&str> {
        if let [one] = self.workflows.as_slice() {
            Some(one)
        } else {
            None
        }
    }

    /// The stage, where exactly one is named.
    pub(crate) fn only_stage(&self) -> Option<&str> {
        if let [one] = self.stages.as_slice() {
            Some(one)
        } else {
            None
        }
    }

    /// The filter of a request.
    ///
    /// # Errors
    /// It names what the server does not have.
    pub(crate) async fn resolve(self, session: &Session) -> Result<InstanceFilter, Failure> {
        names::check(session, &self.teams, &self.workflows).await?;
        names::check_versions(session, &self.workflows, &self.versions).await?;
        let found = stages::find(session, &self.workflows, &self.stages).await?;
        let (workflows, stages) = if self.stages.is_empty() {
            (self.workflows.clone(), Vec::new())
        } else {
            stages::as_numbers(self.workflows.clone(), &self.stages, &found)?
        };
        Ok(InstanceFilter {
            workflows,
            stages,
            ..self.into()
        })
    }
}

impl From<Filter> for InstanceFilter {
    /// All but the stages, which only the workflows know.
    fn from(filter: Filter) -> Self {
        let status = |choice| match choice {
            StatusChoice::Waiting => Status::WaitingForCallEnd,
            StatusChoice::Active => Status::Active,
            StatusChoice::Paused => Status::Paused,
            StatusChoice::Incomplete => Status::Incomplete,
            StatusChoice::Finished => Status::Finished,
            StatusChoice::Cancelled => Status::Cancelled,
        };
        Self {
            workflows: filter.workflows,
            versions: filter.versions,
            statuses: filter
                .statuses
                .into_iter()
                .map(|choice| status(choice).into())
                .collect(),
            teams: filter.teams,
            customers: filter.customers,
            holders: filter.holders,
            unclaimed: filter.unclaimed.then_some(true),
            priorities: filter
                .priorities
                .into_iter()
                .map(|choice| Priority::from(choice).into())
                .collect(),
            snoozed: filter.snoozed.then_some(true),
            hidden: filter.hidden.then_some(true),
            overdue: filter.overdue.then_some(true),
            older_than: filter.older_than.map(time::proto_span),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_selects_everything() {
        assert_eq!(
            InstanceFilter::from(Filter::default()),
            InstanceFilter::default()
        );
        let hidden = Filter {
            hidden: true,
            statuses: vec![StatusChoice::Waiting],
            ..Default::default()
        };
        let filter = InstanceFilter::from(hidden);
        assert_eq!(filter.hidden, Some(true));
        assert_eq!(filter.statuses, [i32::from(Status::WaitingForCallEnd)]);
        let ended = Ended {
            ended_within: Some(Duration::from_secs(60)),
            ..Ended::default()
        };
        let now = Timestamp::from_second(1_000_000).unwrap();
        let from = ended.at(now, InstanceFilter::default()).ended_from;
        assert_eq!(
            from,
            Some(prost_types::Timestamp {
                seconds: 999_940,
                nanos: 0
            })
        );
    }
}
