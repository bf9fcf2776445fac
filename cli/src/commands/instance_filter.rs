//! Which instances a command of ops means.
//!
//! Promise: what counts from now counts from the server's now. Must not: let a name pass that the server does not have.

use std::time::Duration;

use aftercall_proto::workflow::v1::{InstanceFilter, Priority, Status};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::{calls::PriorityChoice, names};
use crate::{errors::Failure, session::Session, time};

/// Which instances; each option may be repeated, and any of its values fits.
#[derive(Debug, Default, Args)]
pub(crate) struct Filter {
    /// Of this workflow
    #[arg(long = "workflow", value_name = "WORKFLOW")]
    workflows: Vec<String>,
    /// Of this version
    #[arg(long = "version", value_name = "N")]
    versions: Vec<u32>,
    /// In the stage with this number
    #[arg(long = "stage", value_name = "N")]
    stages: Vec<u32>,
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
    /// Those that have ended and left memory, newest first
    #[arg(long)]
    archived: bool,
    /// Only those that ended at most this long ago
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    ended_within: Option<Duration>,
    /// Only those that ended longer ago than this
    #[arg(long, value_name = "SPAN", value_parser = time::parse_span)]
    ended_before: Option<Duration>,
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
    /// As a request has it: what counts from now counts from the server's now.
    pub(crate) async fn request(self, session: &Session) -> Result<InstanceFilter, Failure> {
        Ok(self.at(session.now().await?))
    }

    fn at(self, now: Timestamp) -> InstanceFilter {
        let status = |choice| match choice {
            StatusChoice::Waiting => Status::WaitingForCallEnd,
            StatusChoice::Active => Status::Active,
            StatusChoice::Paused => Status::Paused,
            StatusChoice::Incomplete => Status::Incomplete,
            StatusChoice::Finished => Status::Finished,
            StatusChoice::Cancelled => Status::Cancelled,
        };
        InstanceFilter {
            workflows: self.workflows,
            versions: self.versions,
            stages: self.stages,
            statuses: self.statuses.into_iter().map(|choice| status(choice).into()).collect(),
            teams: self.teams,
            customers: self.customers,
            holders: self.holders,
            unclaimed: self.unclaimed.then_some(true),
            priorities: self.priorities.into_iter().map(|choice| Priority::from(choice).into()).collect(),
            snoozed: self.snoozed.then_some(true),
            hidden: self.hidden.then_some(true),
            overdue: self.overdue.then_some(true),
            older_than: self.older_than.map(time::proto_span),
            archived: self.archived,
            ended_from: self.ended_within.map(|span| time::ago(now, span)),
            ended_until: self.ended_before.map(|span| time::ago(now, span)),
        }
    }

    /// Fails where it names what the server does not have.
    pub(crate) async fn check(&self, session: &Session) -> Result<(), Failure> {
        names::check(session, &self.teams, &self.workflows).await?;
        names::check_versions(session, &self.workflows, &self.versions).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_were_not_given_select_everything() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        assert_eq!(Filter::default().at(now), InstanceFilter::default());
        let hidden = Filter { hidden: true, statuses: vec![StatusChoice::Waiting], ..Default::default() };
        let filter = hidden.at(now);
        assert_eq!(filter.hidden, Some(true));
        assert_eq!(filter.statuses, [i32::from(Status::WaitingForCallEnd)]);
        let ended = Filter { ended_within: Some(Duration::from_secs(60)), ..Filter::default() };
        assert_eq!(ended.at(now).ended_from, Some(prost_types::Timestamp { seconds: 999_940, nanos: 0 }));
    }
}
