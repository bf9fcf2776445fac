//! A change that a client asks for, on its way to the ledger and back.
//!
//! Promise: the request id is looked up before anything else. A request that was carried out before
//! gets its first answer, made of the entry that it made then ([`super::first_answer`]), also
//! where much has changed since. What depends on the present state (reading a file against a draft, trying the
//! items of a batch, looking for a push) belongs into the `prepare` of [`Shared::execute_new`],
//! which only new requests get to.

use std::hash::Hasher;
use std::sync::Arc;

use aftercall_engine::actor::{Actor, ActorKind, Subject};
use aftercall_engine::call::CallKey;
use aftercall_engine::command::{Command, RequestMark, Requested};
use aftercall_engine::entry::{Answer, DefinitionChange};
use aftercall_engine::instance::{Instance, InstanceId};
use aftercall_engine::{Entry, Rejection, Request};
use aftercall_proto::attributed::Attributed;
use aftercall_proto::workflow::v1 as proto;
use aftercall_serving::asked::Asked;
use prost::{Message, Name};
use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as SipHasher128};

use crate::ledger::{FoundInstance, LedgerError, Outcome};
use crate::limits::{ARCHIVE_LOOKS_MAX, REQUEST_ID_CHARS_MAX};
use crate::service::archived;
use crate::service::ask::{Faults, first_answer, requests};
use crate::service::say::refusal::{Missing, Reason};
use crate::service::say::{ReadMask, Refusal, convert, refusal};
use crate::service::shared::Shared;
use crate::service::view::View;

/// Who asks, by which RPC, and what exactly.
pub(crate) struct Asking {
    rpc: &'static str,
    kind: ActorKind,
    actor: String,
    request_id: String,
    /// What keeps apart the ids of script engines that have one name; empty elsewhere.
    scope: String,
    /// Who it is, where that was proved: request ids, claims and undo windows belong to an identity.
    owner: Subject,
    /// The agent for whom a script engine acts.
    acts_for: Option<Box<str>>,
    /// The request without its read mask, encoded; empty where it has no id by which it is
    /// recognised again.
    bytes: Vec<u8>,
    /// Which fields of the follow-up the answer has.
    mask: ReadMask,
    /// What could not be read of it.
    faults: Faults,
}

impl Asking {
    fn new<T: Attributed + Message + Name>(kind: ActorKind, asked: &Asked<T>) -> Self {
        let request_id = asked.request_id().to_owned();
        let bytes = match asked.request.without_read_mask() {
            _ if request_id.is_empty() => Vec::new(),
            Some(bare) => bare.encode_to_vec(),
            None => asked.request.encode_to_vec(),
        };
        let mut faults = Faults::default();
        let mask = requests::read_mask(asked.request.read_mask(), &mut faults);
        // The request of an RPC is named after it.
        let rpc = T::NAME.strip_suffix("Request").unwrap_or(T::NAME);
        Self {
            rpc,
            kind,
            actor: asked.actor().to_owned(),
            request_id,
            scope: String::new(),
            owner: asked.owner(),
            acts_for: asked.acts_for().map(Into::into),
            bytes,
            mask,
            faults,
        }
    }

    /// A request of a person at a Call Manager.
    pub(crate) fn of_person<T: Attributed + Message + Name>(asked: &Asked<T>) -> Self {
        Self::new(ActorKind::Person, asked)
    }

    /// A request of a person who writes workflows.
    pub(crate) fn of_author<T: Attributed + Message + Name>(asked: &Asked<T>) -> Self {
        Self::new(ActorKind::Author, asked)
    }

    /// A request of operations.
    pub(crate) fn of_operations<T: Attributed + Message + Name>(asked: &Asked<T>) -> Self {
        Self::new(ActorKind::Operations, asked)
    }

    /// A request of a script engine. `scope`: the source of its call, or the instance where it
    /// names no call. Two engines that have one name and count their requests 1, 2, 3 do not meet.
    pub(crate) fn of_script<T: Attributed + Message + Name>(asked: &Asked<T>, scope: &str) -> Self {
        Self {
            scope: scope.to_owned(),
            ..Self::new(ActorKind::ScriptEngine, asked)
        }
    }

    /// The same request as a part of a larger one, under an id of its own; `request_id` is empty
    /// where the larger one has none.
    pub(crate) fn into_part(self, rpc: &'static str, request_id: String) -> Self {
        Self {
            rpc,
            request_id,
            ..self
        }
    }

    /// The same request, with what else could not be read of it.
    pub(crate) fn with_errors(self, mut faults: Faults) -> Self {
        faults.append(self.faults);
        Self { faults, ..self }
    }

    /// Adds the errors of the request id, in any state.
    fn check_id(&mut self) {
        if self.request_id.chars().count() > REQUEST_ID_CHARS_MAX {
            self.faults.add(
                "request_id",
                format!("has more than {REQUEST_ID_CHARS_MAX} characters"),
            );
        }
        // People and operations name themselves in any case.
        let may_be_nameless = matches!(self.kind, ActorKind::ScriptEngine | ActorKind::Author);
        if may_be_nameless && !self.request_id.is_empty() && self.actor.trim().is_empty() {
            self.faults.add(
                "actor",
                "must be given with a request_id: ids are kept apart by who asks",
            );
        }
    }
}

/// The command of a new request, and what the present state shows to be wrong with it.
pub(crate) struct Prepared {
    command: Command,
    faults: Faults,
}

impl Prepared {
    /// With errors that were found in the request.
    pub(crate) fn new(command: impl Requested, faults: Faults) -> Self {
        Self {
            command: command.into(),
            faults,
        }
    }
}

impl<T: Requested> From<T> for Prepared {
    fn from(command: T) -> Self {
        Self::new(command, Faults::default())
    }
}

/// What a request led to: what an answer is made of.
pub(crate) struct Answered {
    /// What the first answer said.
    pub(crate) answer: Answer,
    /// The sequence of the entry; the newest one where nothing changed.
    pub(crate) sequence: u64,
    /// The present World: for names and definitions, and for what an answer shows as it is now.
    pub(crate) view: View,
    /// The entry that the request made; none where nothing changed.
    pub(crate) entry: Option<Arc<Entry>>,
    /// The instance and its call as they were after the entry.
    found: Option<FoundInstance>,
    /// Which fields of it the client asked for.
    mask: ReadMask,
}

impl Answered {
    /// The instance as it was after the change.
    pub(crate) fn instance(&self) -> Result<&Arc<Instance>, Refusal> {
        self.found().map(|found| &found.instance)
    }

    /// The instance and its call as they were after the change.
    pub(crate) fn found(&self) -> Result<&FoundInstance, Refusal> {
        let gone =
            || refusal::not_found(Missing::Instance, "", "the instance of this answer is gone");
        self.found.as_ref().ok_or_else(gone)
    }

    /// The same, as the API shows it: with the fields that the client asked for.
    pub(crate) fn follow_up(&self) -> Result<proto::FollowUp, Refusal> {
        Ok(archived::shown(&self.view, self.found()?, &self.mask))
    }

    /// The stages that the instance entered, in order.
    pub(crate) fn entered_stages(&self) -> Result<Vec<proto::Stage>, Refusal> {
        let instance = self.instance()?;
        let Answer::Moved { entered, .. } = &self.answer else {
            return Ok(Vec::new());
        };
        Ok(entered
            .iter()
            .filter_map(|number| convert::stage_of(&self.view, instance, *number))
            .collect())
    }

    /// The revision of the workflow or calendar after the change.
    pub(crate) fn revision(&self) -> Result<u64, Refusal> {
        let changed = self
            .entry
            .as_ref()
            .and_then(|entry| entry.definition.as_ref());
        match (&self.answer, changed) {
            (Answer::Revision(revision), _) => Ok(*revision),
            (_, Some(DefinitionChange::Calendar(calendar))) => Ok(calendar.revision),
            _ => Err(refusal::answer_gone()),
        }
    }
}

impl Shared {
    /// Carries out a change whose command is made of the request alone, and waits for it to be
    /// durable. The ledger looks the request id up before it decides.
    pub(crate) async fn execute(
        &self,
        asking: Asking,
        command: impl Requested,
    ) -> Result<Answered, Refusal> {
        self.execute_any(asking, command.into()).await
    }

    async fn execute_any(&self, asking: Asking, command: Command) -> Result<Answered, Refusal> {
        let (rpc, mask) = (asking.rpc, asking.mask);
        let by = by_whom(asking.kind).map(|by| (by, asking.actor.clone()));
        let executed = match self.request(asking, command) {
            Ok(request) => self.send(&request, mask).await,
            Err(refused) => Err(refused),
        };
        if let Some((by, actor)) = by {
            log_request((by, rpc, &actor), &executed);
        }
        executed
    }

    /// The same for a change of a call, which may have left memory: with what the archive knows of
    /// it. Where something leaves memory between the look and the decision, it is repeated.
    pub(crate) async fn execute_on_call(
        &self,
        asking: Asking,
        call: &CallKey,
        command: impl Requested,
    ) -> Result<Answered, Refusal> {
        let mask = asking.mask;
        let mut request = self.request(asking, command.into())?;
        for _ in 0..ARCHIVE_LOOKS_MAX {
            let known = archived::known(self, call).await?;
            // A copy only if the ledger still has the one of before.
            Arc::make_mut(&mut request).known = Some(known);
            match self.send(&request, mask).await {
                Err(refused) if refused.reason() == Reason::ArchiveMoved => {}
                answered => return answered,
            }
        }
        Err(refusal::unavailable(
            "calls are leaving memory faster than they are looked up: ask again",
        ))
    }

    fn request(&self, mut asking: Asking, command: Command) -> Result<Arc<Request>, Refusal> {
        asking.check_id();
        let mark = self.mark(&asking);
        let actor = Actor {
            kind: asking.kind,
            name: asking.actor.as_str().into(),
            subject: asking.owner.clone().filter(|_| has_subject(asking.kind)),
        };
        let request = Arc::new(Request {
            actor,
            mark,
            salt: rand::random(),
            known: None,
            acts_for: asking.acts_for,
            reach: self.reach().clone(),
            command,
        });
        if asking.faults.is_empty() {
            return Ok(request);
        }
        let others = self.view().request_errors(&request, self.ledger.now());
        Err(refusal::invalid(asking.faults.with(others)))
    }

    async fn send(&self, request: &Arc<Request>, mask: ReadMask) -> Result<Answered, Refusal> {
        match self.ledger.execute(Arc::clone(request)).await {
            Err(error) => Err(Box::pin(self.refused(error)).await),
            Ok(outcome) => self.answered(outcome, mask).await,
        }
    }

    /// Carries out a change whose command depends on the present state. A request that was carried
    /// out before gets its first answer; `prepare` is for new ones only.
    pub(crate) async fn execute_new(
        &self,
        asking: Asking,
        prepare: impl Future<Output = Result<Prepared, Refusal>> + Send,
    ) -> Result<Answered, Refusal> {
        let mask = asking.mask;
        // What cannot be read of a request refuses it, also where it is repeated.
        let mark = self.mark(&asking).filter(|_| asking.faults.is_empty());
        if let Some(known) = self.recall(mark, mask).await? {
            return Ok(known);
        }
        let executed = async {
            let Prepared { command, faults } = match prepare.await {
                Err(refused)
                    if !asking.faults.is_empty() && refused.reason() != Reason::InvalidRequest =>
                {
                    return Err(refusal::invalid(asking.faults.with(Vec::new())));
                }
                prepared => prepared?,
            };
            self.execute_any(asking.with_errors(faults), command).await
        };
        match executed.await {
            Ok(answered) => Ok(answered),
            // The same request may have been carried out since the look above: then its own effects
            // refuse it.
            Err(refused) => self.recall(mark, mask).await?.ok_or(refused),
        }
    }

    /// The first answer to the same request; none where it is new.
    async fn recall(
        &self,
        mark: Option<RequestMark>,
        mask: ReadMask,
    ) -> Result<Option<Answered>, Refusal> {
        let Some(mark) = mark else { return Ok(None) };
        match self.ledger.recall(mark).await {
            Ok(None) => Ok(None),
            Ok(Some(sequence)) => self
                .answered(Outcome::Repeated { sequence }, mask)
                .await
                .map(Some),
            Err(error) => Err(self.refused(error).await),
        }
    }

    async fn answered(&self, outcome: Outcome, mask: ReadMask) -> Result<Answered, Refusal> {
        let is_repeated = matches!(outcome, Outcome::Repeated { .. });
        let entry = match outcome {
            Outcome::Committed(entry) => entry,
            Outcome::Repeated { sequence } => {
                let entry = Box::pin(self.ledger.history().entry(sequence)).await;
                entry.map_err(|error| refusal::of_history(&error))?
            }
            Outcome::Unchanged(answer) => {
                let view = self.view();
                let found = match instance_in(&answer) {
                    Some(id) => first_answer::present(self, &view.unlimited(), id).await?,
                    None => None,
                };
                return Ok(Answered {
                    answer,
                    sequence: view.sequence(),
                    view,
                    entry: None,
                    found,
                    mask,
                });
            }
        };
        let view = self.view();
        let found = match instance_in(&entry.answer) {
            // The change may have taken it out of the caller's scope.
            Some(id) => first_answer::instance(self, &view.unlimited(), id, &entry).await?,
            None => None,
        };
        if let Some(found) = found.as_ref().filter(|_| is_repeated)
            && !could_see(&view, &entry, found)
        {
            let id = found.instance.id;
            return Err(refusal::of_rejection(Rejection::NoSuchInstance(id), &view));
        }
        Ok(Answered {
            answer: entry.answer.clone(),
            sequence: entry.sequence,
            view,
            entry: Some(entry),
            found,
            mask,
        })
    }

    /// What the ledger refused. It knows only what is in memory: the archive knows what has left
    /// it.
    async fn refused(&self, error: LedgerError) -> Refusal {
        let view = self.view();
        if let LedgerError::Rejected(rejection) = &error
            && let Rejection::NoSuchInstance(id) = **rejection
            && let Ok(Some(found)) = archived::find(self, &view, id).await
        {
            return refusal::archived(&view, &found.instance);
        }
        refusal::of_ledger(error, &view)
    }

    /// Keyed hashes of who asks what, where the request has an id: only these are kept of a
    /// request.
    fn mark(&self, asking: &Asking) -> Option<RequestMark> {
        if asking.request_id.is_empty() {
            return None;
        }
        let mut key = SipHasher128::new_with_key(&self.hash_key);
        // The name of an identity can change. The last part keeps identities and names apart.
        let (who, is_proved) = match asking.owner.as_deref() {
            Some(owner) => (owner, Some("proved")),
            None => (&*asking.actor, None),
        };
        let parts = [asking.rpc, who, &asking.request_id, &asking.scope];
        for part in parts.into_iter().chain(is_proved) {
            key.write_usize(part.len());
            key.write(part.as_bytes());
        }
        let mut fingerprint = SipHasher13::new_with_key(&self.hash_key);
        fingerprint.write(&asking.bytes);
        Some(RequestMark {
            key: key.finish128().as_u128(),
            fingerprint: fingerprint.finish(),
        })
    }
}

/// Whether something can belong to an actor of this kind: the entry then has its subject too.
fn has_subject(kind: ActorKind) -> bool {
    match kind {
        ActorKind::Person | ActorKind::Operations => true,
        ActorKind::ScriptEngine | ActorKind::Author | ActorKind::Timer | ActorKind::Server => false,
    }
}

/// Whether the instance of a first answer was in the caller's present scope before or after its
/// entry: what the caller may see can have become less since.
fn could_see(view: &View, entry: &Entry, found: &FoundInstance) -> bool {
    let change = entry
        .instances
        .iter()
        .find(|change| change.after.id() == found.instance.id);
    let before = change.and_then(|change| change.before.as_ref());
    view.can_see_on(&found.instance, &found.call)
        || before.is_some_and(|before| view.could_see(before))
}

/// Whose requests have a line in the log.
fn by_whom(kind: ActorKind) -> Option<&'static str> {
    match kind {
        ActorKind::Operations => Some("operations"),
        ActorKind::Author => Some("an author"),
        ActorKind::ScriptEngine | ActorKind::Person | ActorKind::Timer | ActorKind::Server => None,
    }
}

/// One line for what operations and authors do, so that the log explains why the server behaves
/// differently. Reasons and messages may name a caller: they stay out of it.
fn log_request((by, rpc, actor): (&str, &str, &str), executed: &Result<Answered, Refusal>) {
    match executed {
        Ok(Answered {
            sequence, answer, ..
        }) => {
            let instance = instance_in(answer).map(|id| id.to_string());
            tracing::info!(
                rpc,
                actor,
                sequence,
                instance,
                "a request of {by} was carried out"
            );
        }
        Err(refused) => {
            let reason = refused.reason().word();
            tracing::info!(rpc, actor, reason, code = ?refused.code(), "a request of {by} was refused");
        }
    }
}

fn instance_in(answer: &Answer) -> Option<InstanceId> {
    match answer {
        Answer::Set { instance, .. } | Answer::Moved { instance, .. } => Some(*instance),
        Answer::Done
        | Answer::Published { .. }
        | Answer::Released(_)
        | Answer::Revision(_)
        | Answer::HandOver { .. }
        | Answer::ClockAccepted { .. }
        | Answer::BatchStopped(_)
        | Answer::PurgeConfirmed(_) => None,
    }
}
