//! How the API shows a batch and its work.

use std::collections::BTreeMap;

use aftercall_engine::batch::{Batch, BatchProgress, BatchState, BatchWork};
use aftercall_engine::recipient::Recipient;
use aftercall_proto::workflow::v1 as proto;

use crate::service::say::convert;
use crate::service::view::Names;

pub(crate) fn shown(names: &Names, batch: &Batch) -> proto::Batch {
    shown_at(names, batch, batch.progress())
}

/// The batch when it had come so far.
pub(super) fn shown_at(names: &Names, batch: &Batch, progress: BatchProgress) -> proto::Batch {
    let state = match progress.state {
        BatchState::Running => proto::BatchState::Running,
        BatchState::Stopped => proto::BatchState::Stopped,
        BatchState::Done => proto::BatchState::Done,
    };
    proto::Batch {
        id: batch.id,
        work: Some(proto::BatchWork {
            kind: Some(shown_work(names, &batch.work)),
        }),
        reason: batch.reason.to_string(),
        actor: batch.actor.name.to_string(),
        state: state.into(),
        started_at: Some(convert::timestamp(batch.started_at)),
        ended_at: progress.ended_at.map(convert::timestamp),
        per_second: batch.per_second,
        matched: batch.matched,
        items: batch.items.len() as u32,
        done: progress.next - progress.refused,
        refused: progress.refused,
    }
}

fn shown_work(names: &Names, work: &BatchWork) -> proto::batch_work::Kind {
    use proto::batch_work::Kind;
    match work {
        BatchWork::Move { stage } => Kind::Move(proto::MoveWork { stage: *stage }),
        BatchWork::Pause { until } => Kind::Pause(proto::PauseWork {
            until: until.map(convert::timestamp),
        }),
        BatchWork::Migrate { version, stages } => {
            let mapping = |(from, to): &(u32, u32)| proto::StageMapping {
                from_stage: *from,
                to_stage: *to,
            };
            let stages = stages.iter().map(mapping).collect();
            Kind::Migrate(proto::MigrateWork {
                to_version: *version,
                stages,
                allow_refused: false,
            })
        }
        BatchWork::Resume => Kind::Resume(proto::ResumeWork {}),
        BatchWork::Cancel => Kind::Cancel(proto::CancelWork {}),
        BatchWork::HandOver(Recipient::Person { name, lease_millis }) => {
            Kind::HandOver(proto::HandOverWork {
                to_person: name.to_string(),
                to_team: String::new(),
                lease: Some(convert::duration(std::time::Duration::from_millis(
                    lease_millis.unsigned_abs(),
                ))),
                release: false,
            })
        }
        BatchWork::HandOver(Recipient::Team { team }) => Kind::HandOver(proto::HandOverWork {
            to_person: String::new(),
            to_team: names
                .teams()
                .at(*team)
                .map_or_else(String::new, |team| team.name.clone()),
            lease: None,
            release: false,
        }),
        BatchWork::HandOver(Recipient::Release) => Kind::HandOver(proto::HandOverWork {
            release: true,
            ..proto::HandOverWork::default()
        }),
        BatchWork::Push(push) => Kind::Push(proto::PushWork {
            button_id: push.button.to_string(),
            stage: push.stage,
            // It may be data of callers, and no answer needs it.
            form: BTreeMap::new(),
        }),
        BatchWork::Snooze { until } => Kind::Snooze(proto::SnoozeWork {
            until: Some(convert::timestamp(*until)),
        }),
        BatchWork::Claim { lease_millis } => Kind::Claim(proto::ClaimWork {
            lease: Some(convert::duration(std::time::Duration::from_millis(
                lease_millis.unsigned_abs(),
            ))),
        }),
    }
}
