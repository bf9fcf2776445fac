//! A client of the alerters that keeps its token, and notes what it is shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aftercall_proto::alert::v1::SubscribeRequest;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::FollowUpFilter;
use aftercall_tests::{Clients, eventually};
use tokio_util::task::AbortOnDropHandle;

use crate::checks::Answered;
use crate::cluster::Cluster;

/// The customer of `set_refund`.
const WATCHED_CUSTOMER: &str = "Northwind";

type Shown = Arc<Mutex<BTreeMap<String, Vec<u64>>>>;

pub(crate) struct Watch {
    shown: Shown,
    watching: AbortOnDropHandle<()>,
}

impl Watch {
    pub(crate) fn begin(cluster: &Cluster) -> Self {
        let shown = Shown::default();
        let watching = watch(cluster.alerters(), shown.clone());
        Self {
            shown,
            watching: AbortOnDropHandle::new(tokio::spawn(watching)),
        }
    }

    /// Waits until everything that was answered was shown.
    pub(crate) async fn end(self, answered: &Answered) -> BTreeMap<String, Vec<u64>> {
        eventually("the stream shows everything that was answered", || {
            assert!(!self.watching.is_finished(), "the stream was reset");
            let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
            let is_shown = answered.by_request.values().all(|change| {
                let revisions = shown.get(&change.instance);
                let newest = revisions.and_then(|revisions| revisions.last());
                newest.is_some_and(|newest| *newest >= change.revision)
            });
            async move { is_shown.then_some(()) }
        })
        .await;
        self.watching.abort();
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clone()
    }
}

/// Follows one alerter after the other for ever. Ends where a stream is reset.
async fn watch(alerters: Vec<std::net::SocketAddr>, shown: Shown) {
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
        // Moves to the other alerter now and then.
        for _ in 0..500 {
            let Ok(Some(message)) = stream.message().await else {
                break;
            };
            token = message.token;
            let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
            match message.frame {
                Some(Frame::StageChange(change)) => {
                    let follow_up = change.follow_up.expect("the follow-up");
                    let revisions = shown.entry(follow_up.instance_id).or_default();
                    revisions.push(follow_up.revision);
                }
                Some(Frame::SnapshotItem(item)) => {
                    let follow_up = item.follow_up.expect("the follow-up");
                    let revisions = (1..=follow_up.revision).collect();
                    shown.insert(follow_up.instance_id, revisions);
                }
                Some(Frame::Reset(_)) => return,
                _ => {}
            }
        }
    }
}
