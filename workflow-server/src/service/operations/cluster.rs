//! What operations see of a cluster, and the end of a leader's term.

use std::time::Duration;

use aftercall_definition::time::Time;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;

use crate::cluster::standing::{NotSteppedDown, Role, Sight};
use crate::service::ask::Faults;
use crate::service::say::{Refusal, convert, refusal};
use crate::service::shared::Shared;

/// What this server does in its cluster, and the cluster as this member knows it. Both are of the
/// same moment.
pub(crate) fn shown(shared: &Shared) -> (proto::ServerRole, Option<proto::Cluster>) {
    let Some(standing) = &shared.standing else {
        return (proto::ServerRole::Alone, None);
    };
    let picture = standing.picture();
    let role = match picture.role {
        Role::Leading(_) => proto::ServerRole::Leader,
        Role::Following => proto::ServerRole::Follower,
    };
    let (own, lease) = (&standing.member, picture.lease());
    let ago = picture.sight.as_ref().map(|sight| standing.age(sight));
    let members = picture.sight.iter().zip(ago);
    let cluster = proto::Cluster {
        member: own.name.clone(),
        term: picture.term().map_or(0, |term| term.0),
        leader: lease.map_or_else(String::new, |lease| lease.leader.name.clone()),
        leader_address: lease.map_or_else(String::new, |lease| lease.leader.address.clone()),
        leader_since: lease.map(|lease| convert::timestamp(Time(lease.since_millis))),
        has_leader: picture.has_leader(own),
        seen_ago: ago.map(convert::duration),
        members: members
            .flat_map(|(sight, ago)| members_of(sight, ago))
            .collect(),
    };
    (role, Some(cluster))
}

fn members_of(sight: &Sight, ago: Duration) -> Vec<proto::ClusterMember> {
    let shown = sight.members().map(|(member, lag)| {
        let report = &member.report;
        proto::ClusterMember {
            name: report.member.name.clone(),
            address: report.member.address.clone(),
            version: report.version.clone(),
            sequence: report.sequence,
            lag,
            age: Some(convert::duration(member.age + ago)),
        }
    });
    shown.collect()
}

/// Ends the term of this leader.
pub(crate) async fn step_down(
    shared: &Shared,
    asked: Asked<proto::StepDownRequest>,
) -> Result<proto::StepDownResponse, Refusal> {
    let mut faults = Faults::default();
    faults.check_logged_actor(asked.actor());
    faults.check()?;
    let standing = shared.standing.as_ref().ok_or_else(refusal::no_cluster)?;
    let ended = standing.step_down().await.map_err(|error| match error {
        NotSteppedDown::Follows(leader) => {
            let leader = leader.as_ref().map(|lease| &lease.leader);
            refusal::not_the_leader(
                leader.map(|leader| (leader.name.as_str(), leader.address.as_str())),
            )
        }
        NotSteppedDown::Alone => refusal::no_successor(),
        NotSteppedDown::Late => {
            refusal::unavailable("the leader is still finishing its work: look at its log")
        }
    })?;
    tracing::warn!(actor = asked.actor(), term = %ended, "the term was ended on request");
    let next = standing.successor(ended).await;
    let next = next.as_ref();
    Ok(proto::StepDownResponse {
        ended_term: ended.0,
        leader: next.map_or_else(String::new, |lease| lease.leader.name.clone()),
        leader_address: next.map_or_else(String::new, |lease| lease.leader.address.clone()),
        term: next.map_or(0, |lease| lease.term.0),
    })
}
