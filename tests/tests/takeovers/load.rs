//! Clients that set and push through all members, and repeat a request with its id until it is
//! answered.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use aftercall_proto::workflow::v1::{
    FollowUp, GetInstanceRequest, PushButtonRequest, SetWorkflowRequest,
};
use aftercall_tests::{Clients, eventually, set_refund};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Response, Status};

use crate::checks::{Answered, Change, Finding, Kind};
use crate::cluster::{Cluster, Member};

/// The clients that work at a time.
const WORKERS: usize = 6;
/// A client gives up waiting after this time, and asks another member. The library leaves a silent
/// server after the same time.
const PATIENCE: Duration = Duration::from_millis(3_500);

/// The customer of the follow-ups that are open before.
const OTHER_CUSTOMER: &str = "Contoso";
/// Requests that set them, at a time.
const FILLERS: usize = 64;

/// Sets the follow-ups with these numbers, of another customer, which nobody finishes. Many at a
/// time, through all members.
pub(crate) async fn fill(cluster: &Cluster, numbers: Range<usize>) {
    let addresses = cluster.members.each_ref().map(Member::address);
    let mut fillers = JoinSet::new();
    for filler in 0..FILLERS.min(numbers.len()) {
        let mut clients = Clients::connect(addresses[filler % addresses.len()], None).await;
        let numbers = numbers.clone().skip(filler).step_by(FILLERS);
        fillers.spawn(async move {
            for number in numbers {
                let mut request = set_refund(format!("open-{number}"), 1.0);
                let properties = request.properties.get_or_insert_default();
                properties.customer = OTHER_CUSTOMER.to_owned();
                let set = clients.scripts.set_workflow(request).await;
                set.expect("no fault has begun");
            }
        });
    }
    while let Some(filled) = fillers.join_next().await {
        filled.expect("no panic");
    }
}

/// What the workers share.
#[derive(Default)]
struct Noted {
    answered: Answered,
    answered_at: Vec<Instant>,
}

pub(crate) struct Load {
    noted: Arc<Mutex<Noted>>,
    stop: CancellationToken,
    workers: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn begin(cluster: &Cluster) -> Self {
        let (noted, stop) = (Arc::<Mutex<Noted>>::default(), CancellationToken::new());
        let addresses = cluster.members.each_ref().map(Member::address);
        let workers = (0..WORKERS).map(|number| {
            let (noted, stop) = (noted.clone(), stop.clone());
            tokio::spawn(async move {
                let mut members = Vec::new();
                for address in addresses {
                    members.push(Clients::connect(address, None).await);
                }
                let mut worker = Worker {
                    number,
                    members,
                    turn: number,
                    noted,
                };
                for call in 0.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    worker.handle_call(call).await;
                }
            })
        });
        Self {
            workers: workers.collect(),
            noted: noted.clone(),
            stop,
        }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many more changes are answered.
    pub(crate) async fn wait_for_answers(&self, count: usize) {
        let before = self.noted().answered_at.len();
        eventually("changes are answered", || {
            let now = self.noted().answered_at.len();
            async move { (now >= before + count).then_some(()) }
        })
        .await;
    }

    /// Whether clients have found wrong data until now.
    pub(crate) fn has_wrong_data(&self) -> bool {
        self.noted()
            .answered
            .wrong
            .iter()
            .any(Finding::is_about_data)
    }

    /// The longest time without an answer since this moment.
    pub(crate) fn longest_gap_since(&self, began: Instant) -> Duration {
        let noted = self.noted();
        let mut times: Vec<Instant> = noted
            .answered_at
            .iter()
            .copied()
            .filter(|at| *at > began)
            .collect();
        times.insert(0, began);
        times.sort();
        let gaps = times.windows(2).map(|pair| pair[1] - pair[0]);
        gaps.max().unwrap_or_default()
    }

    /// Ends after the calls that are being handled.
    pub(crate) async fn end(self) -> Answered {
        self.stop.cancel();
        for worker in self.workers {
            worker.await.expect("a worker ends");
        }
        std::mem::take(
            &mut self
                .noted
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .answered,
        )
    }
}

struct Worker {
    number: usize,
    members: Vec<Clients>,
    turn: usize,
    noted: Arc<Mutex<Noted>>,
}

impl Worker {
    async fn handle_call(&mut self, call: u64) {
        let name = format!("{}-{call}", self.number);
        let set = SetWorkflowRequest {
            request_id: format!("set-{name}"),
            ..set_refund(name.clone(), 1.0)
        };
        let request_id = set.request_id.clone();
        let set = self.repeat(&set, async |clients, request| {
            clients.scripts.set_workflow(request).await
        });
        let Some(set) = set.await else { return };
        let follow_up = set.follow_up.expect("the follow-up is in the answer");
        self.note(request_id, &follow_up);
        self.read(&follow_up).await;
        let push = PushButtonRequest {
            actor: format!("worker-{}", self.number),
            request_id: format!("push-{name}"),
            instance_id: follow_up.instance_id,
            button_id: "approve".to_owned(),
            visit: 1,
            ..PushButtonRequest::default()
        };
        let request_id = push.request_id.clone();
        let pushed = self.repeat(&push, async |clients, request| {
            clients.manager.push_button(request).await
        });
        let Some(pushed) = pushed.await else { return };
        let follow_up = pushed.follow_up.expect("the follow-up is in the answer");
        self.note(request_id, &follow_up);
        self.read(&follow_up).await;
    }

    /// A member for the next request: a different one each time.
    fn next_member(&mut self) -> Clients {
        self.turn += 1;
        self.members[self.turn % self.members.len()].clone()
    }

    /// Sends a request to one member after the other until one answers. An error that no fault of
    /// this test explains is noted. A request is about an instance that exists, so a member that does
    /// not find it lacks a change that was answered.
    async fn repeat<Q: Clone, A>(
        &mut self,
        request: &Q,
        send: impl AsyncFn(&mut Clients, Q) -> Result<Response<A>, Status>,
    ) -> Option<A> {
        let began = Instant::now();
        loop {
            let mut clients = self.next_member();
            match timeout(PATIENCE, send(&mut clients, request.clone())).await {
                Ok(Ok(answer)) => return Some(answer.into_inner()),
                Ok(Err(status)) if !is_of_fault(&status) => {
                    let kind = match status.code() {
                        Code::NotFound => Kind::WentBack,
                        _ => Kind::Service,
                    };
                    self.wrong(kind, format!("a request was refused: {status:?}"));
                    return None;
                }
                _ if began.elapsed() > aftercall_tests::PATIENCE => {
                    self.wrong(Kind::Service, "a request was never answered".to_owned());
                    return None;
                }
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// Reads a follow-up through another member. The read must show what was answered.
    async fn read(&mut self, answered: &FollowUp) {
        let request = GetInstanceRequest {
            instance_id: answered.instance_id.clone(),
            ..GetInstanceRequest::default()
        };
        let got = self.repeat(&request, async |clients, request| {
            clients.operations.get_instance(request).await
        });
        let Some(got) = got.await else { return };
        let found = got.instance.unwrap_or_default();
        if found.revision < answered.revision {
            let what = format!(
                "{} was answered at revision {} and read at {}",
                answered.instance_id, answered.revision, found.revision
            );
            self.wrong(Kind::WentBack, what);
        }
    }

    fn note(&self, request_id: String, follow_up: &FollowUp) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.answered_at.push(Instant::now());
        noted.answered.by_request.insert(
            request_id,
            Change {
                sequence: follow_up.sequence,
                instance: follow_up.instance_id.clone(),
                revision: follow_up.revision,
            },
        );
    }

    fn wrong(&self, kind: Kind, what: String) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.answered.wrong.push(Finding::new(kind, what));
    }
}

/// Whether a member or the database being away explains this error.
fn is_of_fault(status: &Status) -> bool {
    let is_broken = status.code() == Code::Unknown || status.code() == Code::Internal;
    let is_of_transport = std::error::Error::source(status).is_some();
    matches!(
        status.code(),
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled
    ) || (is_broken && is_of_transport)
}
