//! The gRPC services: proto comes in, is checked and becomes a command or a question; what comes out becomes proto again.
//!
//! Proto types stop here. A status is made in `status.rs` and nowhere else.

mod archived;
mod batches;
mod building;
mod calendars;
mod call_manager;
mod callers;
mod change_feed;
mod claims;
mod convert;
mod definitions;
mod desk;
mod erasures;
mod explain;
mod follow_up;
mod hand_over;
mod history;
mod instance_filter;
mod operations;
mod pages;
mod pictures;
mod reports;
mod requests;
mod script_engine;
mod simulations;
mod status;
mod stuck;

use std::hash::Hasher;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aftercall_engine::command::{Actor, ActorKind, Command, RequestMark};
use aftercall_engine::entry::Answer;
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::rejection::FieldFault;
use aftercall_engine::{Rejection, Request, Root};
use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as SipHasher128};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tonic::Status;

pub use call_manager::CallManager;
pub use change_feed::ChangeFeed;
pub use definitions::Definitions;
pub use operations::Operations;
pub use script_engine::ScriptEngine;

use crate::ledger::{FoundInstance, Handle, LedgerError, Outcome};
use crate::limits::{FEED_STREAMS_MAX, REPORTS_RUNNING_MAX, REQUEST_ID_CHARS_MAX, REQUEST_TIME_MAX};
use crate::service::requests::Faults;

/// What every service holds.
#[derive(Clone)]
pub struct Shared {
    ledger: Handle,
    hash_key: [u8; 16],
    epoch: Arc<str>,
    data_dir: PathBuf,
    start_duration: Duration,
    feed_streams: Arc<Semaphore>,
    draining: CancellationToken,
    desk: Arc<DeskSettings>,
    job_started: Arc<tokio::sync::Notify>,
    reports: Arc<Semaphore>,
}

/// What ops decide for the people at their desks.
#[derive(Clone, Debug)]
pub struct DeskSettings {
    /// The time zone that counts where the call names none, by its IANA name.
    pub time_zone: Box<str>,
    /// How long a push may be taken back; zero for not at all.
    pub undo: Duration,
}

/// What an answer is made of: what was decided, and the World that shows it.
struct Answered {
    answer: Answer,
    sequence: u64,
    root: Arc<Root>,
    /// The instance that it speaks of, where that has left memory since: the request was asked again.
    archived: Option<FoundInstance>,
}

impl Answered {
    /// The instance that it speaks of, as the API shows it.
    fn follow_up(&self) -> Result<aftercall_proto::workflow::v1::FollowUp, Status> {
        let instance = instance_of(self)?;
        Ok(match &self.archived {
            Some(found) => archived::shown(&self.root, found),
            None => follow_up::follow_up(&self.root, instance),
        })
    }
}

impl Shared {
    /// What the services need of the server.
    #[must_use]
    pub fn new(
        ledger: Handle,
        identity: &crate::journal::Identity,
        data_dir: PathBuf,
        start_duration: Duration,
        draining: CancellationToken,
        desk: DeskSettings,
    ) -> Self {
        Self {
            ledger,
            hash_key: identity.hash_key,
            epoch: identity.epoch.as_str().into(),
            data_dir,
            start_duration,
            feed_streams: Arc::new(Semaphore::new(FEED_STREAMS_MAX)),
            draining,
            desk: Arc::new(desk),
            job_started: Arc::default(),
            reports: Arc::new(Semaphore::new(REPORTS_RUNNING_MAX)),
        }
    }

    /// Tells the runner of jobs that there is a new batch or erasure.
    pub(crate) fn job_started(&self) -> Arc<tokio::sync::Notify> {
        self.job_started.clone()
    }

    /// Where everything is kept.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Carries out a command that came by an RPC, and waits for it to be durable.
    async fn execute(&self, mut asking: Asking<'_>, command: Command) -> Result<Answered, Status> {
        let mut faults = std::mem::take(&mut asking.faults);
        if asking.request_id.chars().count() > REQUEST_ID_CHARS_MAX {
            faults.add("request_id", format!("has more than {REQUEST_ID_CHARS_MAX} characters"));
        }
        let mark = (!asking.request_id.is_empty()).then(|| self.mark(&asking));
        let actor = Actor { kind: asking.kind, name: asking.actor.into() };
        let request = Request { actor, mark, salt: rand::random(), command };
        if !faults.is_empty() {
            let others = aftercall_engine::faults_in(&self.root(), &request);
            return Err(status::invalid(faults.with(others)));
        }
        let outcome = match tokio::time::timeout(REQUEST_TIME_MAX, self.ledger.execute(request)).await {
            Err(_) => return Err(status::too_slow()),
            Ok(Err(error)) => return Err(self.refused(error).await),
            Ok(Ok(outcome)) => outcome,
        };
        let (answer, sequence) = match outcome {
            Outcome::Committed(entry) => (entry.answer.clone(), entry.sequence),
            Outcome::Repeated { sequence } => {
                let entry = self.ledger.history().entry(sequence).await.map_err(|error| status::of_history(&error))?;
                (entry.answer.clone(), sequence)
            }
            Outcome::Unchanged(answer) => (answer, self.ledger.root().sequence),
        };
        let root = self.ledger.root();
        let archived = match instance_in(&answer).filter(|id| root.instance(*id).is_none()) {
            Some(id) => archived::find(self, id).await?,
            None => None,
        };
        Ok(Answered { answer, sequence, root, archived })
    }

    /// What the ledger refused. Of what has left memory it knows nothing: that it was there, the archive says.
    async fn refused(&self, error: LedgerError) -> Status {
        let root = self.ledger.root();
        if let LedgerError::Rejected(rejection) = &error
            && let Rejection::NoSuchInstance(id) = **rejection
            && let Ok(Some(found)) = archived::find(self, id).await
        {
            return status::archived(&root, &found.instance);
        }
        status::of_ledger(error, &root)
    }

    /// Keyed hashes of who asks what: only these are kept of a request.
    fn mark(&self, asking: &Asking<'_>) -> RequestMark {
        let mut key = SipHasher128::new_with_key(&self.hash_key);
        for part in [asking.rpc, asking.actor, asking.request_id] {
            key.write_usize(part.len());
            key.write(part.as_bytes());
        }
        let mut fingerprint = SipHasher13::new_with_key(&self.hash_key);
        fingerprint.write(&asking.bytes);
        RequestMark { key: key.finish128().as_u128(), fingerprint: fingerprint.finish() }
    }

    fn root(&self) -> Arc<Root> {
        self.ledger.root()
    }

    /// A hash that binds a page token to what it was given for.
    fn bind(&self, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.hash_key);
        hasher.write(bytes);
        hasher.finish()
    }
}

/// Who asks, by which RPC, and what exactly.
struct Asking<'r> {
    rpc: &'static str,
    kind: ActorKind,
    actor: &'r str,
    request_id: &'r str,
    /// The whole request, encoded.
    bytes: Vec<u8>,
    /// What could not be read of it.
    faults: Faults,
}

impl<'r> Asking<'r> {
    /// A request that could be read whole, so far.
    fn new(rpc: &'static str, kind: ActorKind, (actor, request_id): (&'r str, &'r str), bytes: Vec<u8>) -> Self {
        Self { rpc, kind, actor, request_id, bytes, faults: Faults::default() }
    }

    /// A request of a person at a Call Manager.
    fn of_person(rpc: &'static str, actor: &'r str, request_id: &'r str, bytes: Vec<u8>) -> Self {
        Self::new(rpc, ActorKind::Person, (actor, request_id), bytes)
    }

    /// The same, of which this could not be read.
    fn at_fault(self, faults: Faults) -> Self {
        Self { faults, ..self }
    }
}

/// The instance that an answer speaks of.
fn instance_of(answered: &Answered) -> Result<&Arc<Instance>, Status> {
    let archived = answered.archived.as_ref().map(|found| &found.instance);
    let found = archived.or_else(|| instance_in(&answered.answer).and_then(|id| answered.root.instance(id)));
    found.ok_or_else(|| status::not_found("instance", "", "the instance of this answer is gone"))
}

fn instance_in(answer: &Answer) -> Option<InstanceId> {
    match answer {
        Answer::Set { instance, .. } | Answer::Moved { instance, .. } => Some(*instance),
        Answer::Done | Answer::Published { .. } | Answer::Released(_) => None,
    }
}

fn parse_id(text: &str) -> Result<InstanceId, Status> {
    text.parse().map_err(|error: aftercall_engine::instance::BadInstanceId| {
        status::invalid(vec![FieldFault { field: "instance_id".to_owned(), message: error.to_string() }])
    })
}
