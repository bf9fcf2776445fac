//! Clients of the alerters that keep their tokens, and note what they are shown.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use aftercall_proto::alert::v1::SubscribeRequest;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::FollowUpFilter;
use aftercall_tests::{Clients, eventually};
use tokio_util::task::AbortOnDropHandle;

use crate::checks::{Answered, Finding, Kind, Shown};
use crate::cluster::Cluster;

/// The customer of `set_refund`.
const WATCHED_CUSTOMER: &str = "Northwind";

/// After how many messages each client moves to the next alerter.
const MOVES_AFTER: [usize; 3] = [500, 120, 37];

/// The watching clients.
pub(crate) struct Watches(Vec<Watch>);

struct Watch {
    seen: Arc<Mutex<Seen>>,
    watching: AbortOnDropHandle<()>,
}

/// What one client has seen.
#[derive(Default)]
struct Seen {
    shown: Shown,
    has_snapshot: bool,
}

impl Watches {
    pub(crate) fn begin(cluster: &Cluster) -> Self {
        let watches = MOVES_AFTER.into_iter().enumerate().map(|(first, moves)| {
            let mut alerters = cluster.alerters();
            let count = alerters.len();
            alerters.rotate_left(first % count);
            let seen = Arc::<Mutex<Seen>>::default();
            let watching = watch(alerters, moves, Arc::clone(&seen));
            Watch {
                seen,
                watching: AbortOnDropHandle::new(tokio::spawn(watching)),
            }
        });
        Self(watches.collect())
    }

    /// Waits until everything that was answered was shown to each client.
    pub(crate) async fn end(self, answered: &Answered) -> Vec<Shown> {
        let mut shown = Vec::new();
        for watch in self.0 {
            shown.push(watch.end(answered).await);
        }
        shown
    }
}

impl Watch {
    async fn end(self, answered: &Answered) -> Shown {
        eventually("the stream shows everything that was answered", || {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let is_shown = answered.by_request.values().all(|change| {
                let revisions = seen.shown.revisions.get(&change.instance);
                let newest = revisions.and_then(|revisions| revisions.last());
                newest.is_some_and(|newest| *newest >= change.revision)
            });
            // A stream that is wrong may never show the rest.
            let is_over = is_shown || !seen.shown.wrong.is_empty();
            async move { is_over.then_some(()) }
        })
        .await;
        self.watching.abort();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut seen.shown)
    }
}

/// Follows one alerter after the other for ever.
async fn watch(alerters: Vec<SocketAddr>, moves_after: usize, seen: Arc<Mutex<Seen>>) {
    let mut token = String::new();
    for alerter in alerters.iter().cycle() {
        let mut clients = Clients::connect(*alerter, Some(*alerter)).await;
        let request = SubscribeRequest {
            resume_token: token.clone(),
            filter: Some(FollowUpFilter {
                customers: vec![WATCHED_CUSTOMER.to_owned()],
                ..FollowUpFilter::default()
            }),
            ..SubscribeRequest::default()
        };
        let Ok(stream) = clients.alerts.subscribe(request).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut stream = stream.into_inner();
        for _ in 0..moves_after {
            let Ok(Some(message)) = stream.message().await else {
                break;
            };
            token = message.token;
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(frame) = message.frame {
                seen.note(frame);
            }
        }
    }
}

impl Seen {
    fn note(&mut self, frame: Frame) {
        match frame {
            Frame::StageChange(change) => {
                let follow_up = change.follow_up.expect("the follow-up");
                let revisions = self.shown.revisions.entry(follow_up.instance_id);
                revisions.or_default().push(follow_up.revision);
            }
            Frame::SnapshotItem(item) => {
                let follow_up = item.follow_up.expect("the follow-up");
                if self.has_snapshot {
                    self.wrong(format!("a second snapshot showed {follow_up:?}"));
                }
                let revisions = (1..=follow_up.revision).collect();
                let shown = &mut self.shown.revisions;
                shown.insert(follow_up.instance_id, revisions);
            }
            Frame::SnapshotEnd(_) => self.has_snapshot = true,
            Frame::Reset(reset) => {
                self.has_snapshot = false;
                self.wrong(format!("the stream was reset: {reset:?}"));
            }
            _ => {}
        }
    }

    fn wrong(&mut self, what: String) {
        self.shown.wrong.push(Finding::new(Kind::Stream, what));
    }
}

#[cfg(test)]
mod tests {
    use aftercall_proto::alert::v1::{Reset, SnapshotEnd, SnapshotItem, StageChange};
    use aftercall_proto::workflow::v1::FollowUp;

    use super::*;

    fn follow_up(revision: u64) -> Option<FollowUp> {
        Some(FollowUp {
            instance_id: "a".to_owned(),
            revision,
            ..FollowUp::default()
        })
    }

    fn item(revision: u64) -> Frame {
        let follow_up = follow_up(revision);
        Frame::SnapshotItem(SnapshotItem { follow_up })
    }

    fn change(revision: u64) -> Frame {
        Frame::StageChange(StageChange {
            follow_up: follow_up(revision),
            ..StageChange::default()
        })
    }

    fn wrong(frames: Vec<Frame>) -> usize {
        let mut seen = Seen::default();
        frames.into_iter().for_each(|frame| seen.note(frame));
        seen.shown.wrong.len()
    }

    /// A snapshot that replaces what is shown would hide a gap.
    #[test]
    fn a_second_snapshot_is_an_error() {
        let end = || Frame::SnapshotEnd(SnapshotEnd::default());
        // The connection ended within the first one.
        let whole = [item(1), item(1), end(), change(2)];
        assert_eq!(wrong(whole.to_vec()), 0);
        let again = [item(1), end(), change(2), item(4)];
        assert_eq!(wrong(again.to_vec()), 1);
        let reset = [
            item(1),
            end(),
            Frame::Reset(Reset::default()),
            item(4),
            end(),
        ];
        assert_eq!(wrong(reset.to_vec()), 1, "the reset itself");
    }
}
