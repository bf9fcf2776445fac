//! `aftercall server`: the workflow-server's status, and decisions of operations.
//!
//! Promise: a server whose store has failed still shows why.

use aftercall_proto::workflow::v1::{
    AcceptClockRequest, AcceptClockResponse, ClockChange, ConfirmPurgeRequest,
    GetServerInfoRequest, GetServerInfoResponse, ServerRole, StepDownRequest, StepDownResponse,
};
use clap::Subcommand;

use crate::confirm::Sure;
use crate::errors::Failure;
use crate::session::Session;
use crate::{connect, time};

#[derive(Debug, Subcommand)]
pub(crate) enum Server {
    /// Show the server's version and status
    #[command(
        visible_alias = "show",
        after_help = "Example:\n  aftercall server show"
    )]
    Info,
    /// End the term of the leader of a cluster, so that another member takes over
    #[command(after_help = "\
Any member passes it on to the leader.
Example:
  aftercall server step-down")]
    StepDown(Sure),
    /// Make the machine's clock the server's time, forward or back, so that held timers fire
    #[command(after_help = "Example:\n  date; aftercall server accept-clock")]
    AcceptClock(Sure),
    /// Let the server remove all data past its retention, beyond a day's share of the
    /// archive
    #[command(after_help = "Example:\n  aftercall server info; aftercall server confirm-purge")]
    ConfirmPurge(Sure),
}

impl Server {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.operations().await?;
        match self {
            Self::Info => {
                let answer = client
                    .get_server_info(GetServerInfoRequest {})
                    .await?
                    .into_inner();
                session.output.one(&answer, || page(&answer))
            }
            Self::StepDown(sure) => {
                sure.ask("Requests wait or are refused for a moment, until another member leads. End the term of the leader?")?;
                let request = StepDownRequest {
                    actor: session.to.actor.clone(),
                };
                let answer = client.step_down(request).await?.into_inner();
                session.output.one(&answer, || vec![stepped_down(&answer)])
            }
            Self::AcceptClock(sure) => {
                sure.ask("The machine's clock becomes the server's time, and what is due by it fires. Accept it?")?;
                let request = AcceptClockRequest {
                    actor: session.to.actor.clone(),
                    request_id: connect::request_id(),
                };
                let answer = client.accept_clock(request).await?.into_inner();
                session.output.one(&answer, || vec![accepted(&answer)])
            }
            Self::ConfirmPurge(sure) => {
                sure.ask("What has outlived its retention is removed for ever. Remove it?")?;
                let request = ConfirmPurgeRequest {
                    actor: session.to.actor.clone(),
                    request_id: connect::request_id(),
                };
                let answer = client.confirm_purge(request).await?.into_inner();
                session.output.one(&answer, || {
                    vec![match answer.instances {
                        0 => "Nothing waits to be removed.".to_owned(),
                        waiting => format!(
                            "Confirmed: the next pass removes up to {waiting} ended instances beyond its share."
                        ),
                    }]
                })
            }
        }
    }
}

fn stepped_down(answer: &StepDownResponse) -> String {
    let ended = answer.ended_term;
    if answer.leader.is_empty() {
        return format!(
            "Term {ended} has ended. No member leads yet: see `aftercall server show`."
        );
    }
    format!(
        "Term {ended} has ended. {} at {} leads with term {}.",
        answer.leader, answer.leader_address, answer.term
    )
}

fn accepted(answer: &AcceptClockResponse) -> String {
    let (before, after) = (
        time::local(answer.time_before.as_ref()),
        time::local(answer.time_after.as_ref()),
    );
    match answer.change() {
        ClockChange::Forward => {
            format!("Accepted: the server's time went forward from {before} to {after}.")
        }
        ClockChange::Back => {
            format!("Accepted: the server's time went back from {before} to {after}.")
        }
        ClockChange::None | ClockChange::Unspecified => {
            format!("The clock and the server's time agree, nothing changed: {after}.")
        }
    }
}

fn page(answer: &GetServerInfoResponse) -> Vec<String> {
    let start = time::std_span(answer.start_duration.as_ref());
    let cpu = time::std_span(answer.cpu_time.as_ref());
    let mut lines = vec![
        format!("workflow-server {}", answer.version),
        format!("data directory   {}", answer.data_dir),
        format!("epoch            {}", answer.epoch),
        format!(
            "sequence         {} (feed from {})",
            answer.sequence, answer.oldest_feed_sequence
        ),
        format!(
            "instances        {} open, {} ended, {} archived",
            answer.open_instances, answer.ended_instances, answer.archived_instances
        ),
        format!("timers           {}", answer.timers),
        format!(
            "server time      {}",
            time::local(answer.server_time.as_ref())
        ),
        format!("store read in    {:.3} s", start.as_secs_f64()),
        format!("CPU used         {:.1} s", cpu.as_secs_f64()),
        format!(
            "country          {}",
            if answer.country.is_empty() {
                "none"
            } else {
                &answer.country
            }
        ),
        format!(
            "memory           {:.1} MiB",
            mebibytes(answer.resident_bytes)
        ),
    ];
    lines.extend(cluster(answer));
    if let Some(confirmed) = &answer.purge_confirmed {
        let at = time::local(confirmed.at.as_ref());
        lines.push(format!(
            "purge confirmed  by {} at {at}: {} instances",
            confirmed.actor, confirmed.instances
        ));
    }
    if answer.conditions.is_empty() {
        lines.push("conditions       none: all is well".to_owned());
    }
    for condition in &answer.conditions {
        let grave = if condition.unready {
            " (not ready)"
        } else {
            ""
        };
        lines.push(format!("{}{grave}: {}", condition.name, condition.message));
    }
    lines
}

/// What a member knows of its cluster; nothing of a server that alone uses its store.
fn cluster(answer: &GetServerInfoResponse) -> Vec<String> {
    let Some(cluster) = &answer.cluster else {
        return Vec::new();
    };
    let role = match answer.role() {
        ServerRole::Leader => "leader",
        ServerRole::Follower => "follower",
        ServerRole::Alone | ServerRole::Unspecified => "none",
    };
    let leader = if cluster.has_leader {
        format!(
            "{} at {}, term {}, since {}",
            cluster.leader,
            cluster.leader_address,
            cluster.term,
            time::local(cluster.leader_since.as_ref())
        )
    } else {
        format!("none at present, the last term is {}", cluster.term)
    };
    let mut lines = vec![
        format!("role             {role} ({})", cluster.member),
        format!("leader           {leader}"),
    ];
    for member in &cluster.members {
        let age = time::std_span(member.age.as_ref());
        lines.push(format!(
            "member           {} at {}, version {}, {} entries behind at {}, reported {:.1} s ago",
            member.name,
            member.address,
            member.version,
            member.lag,
            member.sequence,
            age.as_secs_f64()
        ));
    }
    lines
}

#[allow(
    clippy::cast_precision_loss,
    reason = "shown with one digit after the point"
)]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{Cluster, ClusterMember, ServerCondition};

    use super::*;

    #[test]
    fn a_cluster_is_shown_with_its_members() {
        let member = ClusterMember {
            name: "two".to_owned(),
            address: "http://two:7401".to_owned(),
            version: "0.1.0".to_owned(),
            sequence: 90,
            lag: 10,
            age: None,
        };
        let cluster = Cluster {
            member: "two".to_owned(),
            term: 7,
            leader: "one".to_owned(),
            leader_address: "http://one:7401".to_owned(),
            has_leader: true,
            members: vec![member],
            ..Default::default()
        };
        let lines = cluster_lines(cluster.clone());
        assert_eq!(lines[0], "role             follower (two)");
        assert!(lines[1].starts_with("leader           one at http://one:7401, term 7, since "));
        assert!(lines[2].contains("10 entries behind at 90"), "{lines:?}");
        let lines = cluster_lines(Cluster {
            has_leader: false,
            ..cluster
        });
        assert_eq!(
            lines[1],
            "leader           none at present, the last term is 7"
        );
    }

    fn cluster_lines(shown: Cluster) -> Vec<String> {
        cluster(&GetServerInfoResponse {
            role: ServerRole::Follower.into(),
            cluster: Some(shown),
            ..Default::default()
        })
    }

    #[test]
    fn conditions_are_shown_last() {
        let condition = |name: &str, message: &str, unready| ServerCondition {
            name: name.to_owned(),
            message: message.to_owned(),
            unready,
        };
        let conditions = vec![
            condition("store", "disk gone", true),
            condition("jobs", "job 3 is refused", false),
        ];
        let lines = page(&GetServerInfoResponse {
            conditions,
            ..Default::default()
        });
        assert_eq!(
            lines[lines.len() - 2..],
            ["store (not ready): disk gone", "jobs: job 3 is refused"]
        );
        let well = page(&GetServerInfoResponse::default());
        assert!(!well.iter().any(|line| line.starts_with("leader")));
        assert!(well.last().is_some_and(|line| line.contains("none")));
    }
}
