//! An entry of the feed as the ring keeps it.
//!
//! Promise: it has all that a filter needs to know of a change and all that a stream sends of it,
//! encoded as far as that is the same for all streams.

use std::mem::size_of;
use std::sync::Arc;

use aftercall_proto::alert::v1::{OutOfView, StageChange};
use aftercall_proto::feed::v1::{Before, FeedEntry, InstanceChange};
use aftercall_proto::workflow::v1::{Actor, FollowUp};
use prost::Message as _;
use prost_types::Timestamp;

use crate::message::ChangeBody;
use crate::position::Position;
use crate::shown::{Facts, Shown};

/// An entry of the ring.
#[derive(Debug)]
pub(crate) struct RingEntry {
    /// Its place.
    pub(crate) position: Position,
    /// What it changed.
    pub(crate) changes: Box<[Change]>,
    /// About how much memory it takes.
    pub(crate) bytes: usize,
}

/// What an entry changed in one instance.
#[derive(Debug)]
pub(crate) struct Change {
    /// The instance.
    pub(crate) instance_id: Arc<str>,
    /// Its state now; `None` if it is not visible.
    pub(crate) after: Option<Arc<Shown>>,
    /// What a stream that shows it now sends.
    pub(crate) body: ChangeBody,
    /// What filters looked at before; `None` if it was not visible.
    pub(crate) before: Option<Facts>,
    /// What a stream that does not show it any more sends.
    pub(crate) out_of_view: Box<OutOfView>,
}

impl RingEntry {
    /// An entry of the feed.
    pub(crate) fn new(entry: FeedEntry) -> Self {
        let FeedEntry {
            sequence,
            chain,
            at,
            actor,
            changes,
            erased: _,
            partial: _,
        } = entry;
        let of_change = |change| Change::new(sequence, at, actor.as_ref(), change);
        let changes: Box<[Change]> = changes.into_iter().filter_map(of_change).collect();
        let bytes = size_of::<Self>() + changes.iter().map(Change::bytes).sum::<usize>();
        Self {
            position: Position { sequence, chain },
            changes,
            bytes,
        }
    }
}

impl Change {
    fn new(
        sequence: u64,
        at: Option<Timestamp>,
        actor: Option<&Actor>,
        change: InstanceChange,
    ) -> Option<Self> {
        let InstanceChange {
            follow_up,
            cause,
            from_stage,
            before,
            teams,
        } = change;
        let follow_up = follow_up?;
        let before = before.map(|before| facts_before(&follow_up, before));
        let body = StageChange {
            sequence,
            at,
            follow_up: None,
            cause: cause.clone(),
            actor: actor.cloned(),
            from_stage,
        };
        let FollowUp {
            instance_id,
            status,
            outcome,
            ..
        } = &follow_up;
        let (instance_id, outcome) = (instance_id.clone(), outcome.clone());
        Some(Self {
            after: follow_up
                .visible
                .then(|| Arc::new(Shown::new(&follow_up, &teams))),
            body: ChangeBody::new(&body),
            before,
            instance_id: instance_id.as_str().into(),
            out_of_view: Box::new(OutOfView {
                sequence,
                instance_id,
                cause,
                actor: actor.cloned(),
                status: *status,
                outcome,
            }),
        })
    }

    /// Completes what is known of the instance as it was before: the feed does not name the teams
    /// of snoozed alerts and of the workflow.
    pub(crate) fn complete(&mut self, known: &Shown) {
        if let Some(before) = &mut self.before {
            before.further_teams.clone_from(&known.facts.further_teams);
        }
    }

    fn bytes(&self) -> usize {
        // An OutOfView message is about as long as the facts that filters look at.
        let after = self.after.as_ref().map_or(0, |after| after.encoded.len());
        size_of::<Self>()
            + size_of::<Shown>()
            + after
            + self.body.len()
            + 2 * self.out_of_view.encoded_len()
    }
}

/// Of an instance that is not visible any more, the feed has only what never changes; the rest is as
/// it was before.
fn facts_before(follow_up: &FollowUp, before: Before) -> Facts {
    let lasting = Facts::of(follow_up, &[]);
    let alerts = before.alerts.into_iter();
    Facts {
        workflow: lasting.workflow,
        stage: before.stage,
        customer: before.customer.into(),
        call: lasting.call,
        alerts: alerts
            .map(|alert| (alert.team.into(), alert.priority))
            .collect(),
        holder: before.holder.into(),
        further_teams: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use aftercall_proto::feed::v1::BeforeAlert;
    use aftercall_proto::workflow::v1::{Alert, Call, CallRef, Stage};

    use super::*;

    #[test]
    fn a_hidden_instance_keeps_its_facts_from_before() {
        let alert = |team: &str, priority| Alert {
            team: team.into(),
            priority,
            ..Alert::default()
        };
        let call = CallRef {
            source: "engine".into(),
            id: "1001".into(),
        };
        let seen = FollowUp {
            instance_id: "i1".into(),
            workflow: "callback".into(),
            visible: true,
            stage: Some(Stage {
                number: 2,
                ..Stage::default()
            }),
            call: Some(Call {
                r#ref: Some(call.clone()),
                customer: "acme".into(),
                ..Call::default()
            }),
            alerts: vec![alert("sales", 3), alert("support", 1)],
            ..FollowUp::default()
        };
        let gone = FollowUp {
            instance_id: "i1".into(),
            workflow: "callback".into(),
            call: Some(Call {
                r#ref: Some(call),
                ..Call::default()
            }),
            ..FollowUp::default()
        };
        let alerts = seen.alerts.iter().map(|one| BeforeAlert {
            team: one.team.clone(),
            priority: one.priority,
        });
        let before = Before {
            stage: 2,
            customer: "acme".into(),
            alerts: alerts.collect(),
            holder: String::new(),
        };
        let change = InstanceChange {
            follow_up: Some(gone),
            before: Some(before),
            ..InstanceChange::default()
        };
        let entry = RingEntry::new(FeedEntry {
            sequence: 7,
            changes: vec![change],
            ..FeedEntry::default()
        });
        let before_of = |seen: &FollowUp| Facts {
            further_teams: None,
            ..Facts::of(seen, &[])
        };
        let change = entry.changes.first().unwrap();
        assert_eq!(change.before, Some(before_of(&seen)));
        assert!(change.after.is_none());
        assert_eq!(
            (
                change.out_of_view.sequence,
                change.out_of_view.instance_id.as_str()
            ),
            (7, "i1")
        );
    }
}
