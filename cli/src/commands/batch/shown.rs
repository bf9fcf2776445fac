//! Batches and their items, in words.

use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{Batch as Job, BatchItem, BatchItemState, BatchState};

use crate::time;

pub(super) fn cells(item: &BatchItem, done: &str) -> Vec<String> {
    let result = match item.state() {
        BatchItemState::Refused if item.detail.is_empty() => format!("refused: {}", item.reason),
        BatchItemState::Refused => format!("refused: {}: {}", item.reason, item.detail),
        BatchItemState::Done => done.to_owned(),
        BatchItemState::Pending | BatchItemState::Unspecified => "still to do".to_owned(),
    };
    vec![item.instance_id.clone(), result]
}

pub(super) fn progress_line(job: &Job) -> String {
    let Job {
        id,
        done,
        refused,
        items,
        matched,
        ..
    } = job;
    let rest = match matched.saturating_sub(u64::from(*items)) {
        0 => String::new(),
        rest => format!(" {rest} more matched: start another for them."),
    };
    format!(
        "Batch {id} ({}) is {}: {done} done, {refused} refused, of {items}.{rest}",
        what(job),
        state(job.state())
    )
}

pub(super) fn what(job: &Job) -> String {
    match job.work.as_ref().and_then(|work| work.kind.as_ref()) {
        Some(Kind::Move(work)) => format!("move to stage {}", work.stage),
        Some(Kind::Migrate(work)) => format!("migrate to version {}", work.to_version),
        Some(Kind::Pause(_)) => "pause".to_owned(),
        Some(Kind::Resume(_)) => "resume".to_owned(),
        Some(Kind::Cancel(_)) => "cancel".to_owned(),
        Some(Kind::HandOver(work)) if work.release => "release".to_owned(),
        Some(Kind::HandOver(work)) if work.to_team.is_empty() => {
            format!("hand over to {}", work.to_person)
        }
        Some(Kind::HandOver(work)) => format!("hand over to team {}", work.to_team),
        Some(Kind::Push(work)) => format!("push {} in stage {}", work.button_id, work.stage),
        Some(Kind::Snooze(work)) => format!("snooze until {}", time::local(work.until.as_ref())),
        Some(Kind::Claim(_)) => "claim".to_owned(),
        None => String::new(),
    }
}

pub(super) fn state(state: BatchState) -> &'static str {
    match state {
        BatchState::Unspecified => "",
        BatchState::Running => "running",
        BatchState::Stopped => "stopped",
        BatchState::Done => "done",
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{BatchWork, CancelWork};

    use super::*;

    #[test]
    fn a_batch_line_counts_what_remains() {
        let work = Some(BatchWork {
            kind: Some(Kind::Cancel(CancelWork {})),
        });
        let job = Job {
            id: 7,
            work,
            state: BatchState::Running.into(),
            items: 10,
            matched: 12,
            done: 3,
            ..Job::default()
        };
        let expected = "Batch 7 (cancel) is running: 3 done, 0 refused, of 10. 2 more matched: start another for them.";
        assert_eq!(progress_line(&job), expected);
    }
}
