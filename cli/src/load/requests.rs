//! The requests of a load: their bytes, and what their answers bring for the requests to come.
//!
//! Promise: every Set Workflow is on a call of its own, and every push on a follow-up of this run
//! that nobody has pushed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aftercall_proto::workflow::v1::value::Kind as ValueKind;
use aftercall_proto::workflow::v1::{
    Button, CallProperties, CallRef, Caller, FieldDeclaration, FieldType, ListFollowUpsRequest,
    NoteRule, PushButtonRequest, SetWorkflowRequest, SetWorkflowResponse, Value,
};
use jiff::Timestamp;
use prost::Message as _;
use prost::bytes::Bytes;
use tonic::Status;

use crate::errors::Failure;
use crate::load::http2::{Answer, Client, PREFIX_BYTES};
use crate::load::messages::{InstanceField, PushFields, SetAnswer, SetFields, Template};
use crate::load::mix::Kind;
use crate::samples::Published;
use crate::session::{ServerClock, Session};
use crate::{connect, time, values};

const ACTOR: &str = "load";
/// Rows of a list: the first page as people see it.
const LIST_ROWS: u32 = 100;
/// Follow-ups that are read: enough that they are not all in one place of memory.
const READ_IDS_MAX: usize = 10_000;
/// Apart from each other, so that requests that follow each other read distant follow-ups.
const READ_STEP: u64 = 7_919;

/// A follow-up that waits for its push.
#[derive(Debug, Clone)]
struct Target {
    instance_id: String,
    stage: u32,
    visit: u32,
}

/// What the answers have brought.
#[derive(Debug, Default)]
struct Pool {
    targets: Vec<Target>,
    read_ids: Vec<String>,
}

/// What a load asks of one server.
#[derive(Debug)]
pub(crate) struct Requests {
    workflow: Published,
    /// The first button of a follow-up that was just set.
    button: Option<Button>,
    /// Keeps the calls of this run apart from those of every other.
    run: String,
    next: AtomicU64,
    clock: ServerClock,
    pool: Mutex<Pool>,
    /// The sequence of the first Set Workflow.
    pub(crate) first_sequence: u64,
    /// How many bytes the answer to a Set Workflow has.
    pub(crate) answer_bytes: usize,
}

/// What the requests of a measurement have in common. Made at its beginning: values of times are
/// near the server's now.
#[derive(Debug)]
pub(crate) struct Templates {
    set: Template,
    push: Template,
    list: Template,
    read: Template,
}

impl Requests {
    /// Sets one follow-up, to learn what its answer and its first button are.
    pub(crate) async fn start(session: &Session, workflow: Published) -> Result<Self, Failure> {
        let mut requests = Self {
            workflow,
            button: None,
            run: connect::request_id(),
            next: AtomicU64::new(0),
            clock: session.clock().await?,
            pool: Mutex::default(),
            first_sequence: 0,
            answer_bytes: 0,
        };
        let client = Client::connect(&session.to.to_server()?, 1).await?;
        let frame = requests.frame(&requests.templates(), Kind::Set, 0)?;
        let answer = client.call(0, &client.uri(Kind::Set)?, frame, true).await?;
        requests.first_sequence = requests.read(Kind::Set, &answer)?;
        requests.answer_bytes = answer.bytes;
        let answer = SetWorkflowResponse::decode(answer.message).map_err(unreadable)?;
        let follow_up = answer.follow_up.unwrap_or_default();
        requests.button = follow_up.buttons.into_iter().next();
        Ok(requests)
    }

    /// A failure if what was set has no button.
    pub(crate) fn check_button(&self) -> Result<(), Failure> {
        if self.button.is_some() {
            return Ok(());
        }
        let name = &self.workflow.name;
        Err(Failure::refused(format!(
            "{name} has no button in its first stage: take another --workflow."
        )))
    }

    /// What the requests of now have in common.
    pub(crate) fn templates(&self) -> Templates {
        let list = ListFollowUpsRequest {
            page_size: LIST_ROWS,
            ..ListFollowUpsRequest::default()
        };
        Templates {
            set: Template::new(&self.set_template()),
            push: Template::new(&self.push_template()),
            list: Template::new(&list),
            read: Template::new(&()),
        }
    }

    /// How many follow-ups wait for their push.
    pub(crate) fn waiting(&self) -> u64 {
        self.pool().targets.len() as u64
    }

    /// The framed message of a request.
    pub(super) fn frame(
        &self,
        templates: &Templates,
        kind: Kind,
        number: u64,
    ) -> Result<Bytes, Status> {
        match kind {
            Kind::Set | Kind::NoOp => {
                let id = format!("{}-{}", self.run, self.next.fetch_add(1, Ordering::Relaxed));
                let call = CallRef {
                    source: ACTOR.to_owned(),
                    id: id.clone(),
                };
                let own = SetFields {
                    request_id: id,
                    call: Some(call),
                };
                Ok(templates.set.frame(&own))
            }
            Kind::Push => {
                let target = self.pool().targets.pop();
                let target =
                    target.ok_or_else(|| Status::internal("no follow-up is left to push"))?;
                Ok(templates.push.frame(&PushFields {
                    request_id: target.instance_id.clone(),
                    instance_id: target.instance_id,
                    visit: target.visit,
                    stage: target.stage,
                }))
            }
            Kind::List => Ok(templates.list.frame(&())),
            Kind::Get | Kind::History => {
                let own = InstanceField {
                    instance_id: self.read_id(number)?,
                };
                Ok(templates.read.frame(&own))
            }
        }
    }

    /// Keeps what an answer brings; its sequence, where it is of a Set Workflow.
    pub(super) fn read(&self, kind: Kind, answer: &Answer) -> Result<u64, Status> {
        if !is_read(kind) {
            return Ok(0);
        }
        let read = SetAnswer::decode(answer.message.clone()).map_err(unreadable)?;
        let follow_up = read.follow_up.unwrap_or_default();
        let mut pool = self.pool();
        if pool.read_ids.len() < READ_IDS_MAX {
            pool.read_ids.push(follow_up.instance_id.clone());
        }
        pool.targets.push(Target {
            instance_id: follow_up.instance_id,
            stage: follow_up.stage.map_or(0, |stage| stage.number),
            visit: follow_up.visit,
        });
        Ok(read.sequence)
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_id(&self, number: u64) -> Result<String, Status> {
        let pool = self.pool();
        let count = pool.read_ids.len().max(1) as u64;
        let place = usize::try_from(number.wrapping_mul(READ_STEP) % count);
        let id = place.ok().and_then(|place| pool.read_ids.get(place));
        id.cloned()
            .ok_or_else(|| Status::internal("there is no follow-up to read"))
    }

    fn set_template(&self) -> SetWorkflowRequest {
        let required = self.workflow.fields.iter().filter(|field| field.required);
        let now = self.clock.now();
        SetWorkflowRequest {
            actor: ACTOR.to_owned(),
            properties: Some(CallProperties {
                customer: "Bright Catalogue".to_owned(),
                caller: Some(Caller {
                    name: "Ann Archer".to_owned(),
                    phone: "01632 960001".to_owned(),
                    ..Default::default()
                }),
                chargeable: Some(true),
                ..Default::default()
            }),
            workflow: self.workflow.name.clone(),
            fields: required.map(|field| filled(field, now)).collect(),
            ..Default::default()
        }
    }

    fn push_template(&self) -> PushButtonRequest {
        let button = self.button.clone().unwrap_or_default();
        let required = button.form.iter().filter(|field| field.required);
        let now = self.clock.now();
        let form: BTreeMap<_, _> = required.map(|field| filled(field, now)).collect();
        let note = match button.note() {
            NoteRule::Required => ACTOR,
            _ => "",
        };
        PushButtonRequest {
            actor: ACTOR.to_owned(),
            note: note.to_owned(),
            form,
            button_id: button.id,
            ..Default::default()
        }
    }
}

/// Whether the answers of a kind are read: only those whose ids are needed later.
pub(super) fn is_read(kind: Kind) -> bool {
    kind == Kind::Set
}

/// How many bytes the message of a frame has.
pub(super) fn message_bytes(frame: &Bytes) -> u64 {
    frame.len().saturating_sub(PREFIX_BYTES) as u64
}

#[allow(clippy::needless_pass_by_value, reason = "map_err hands it over")]
fn unreadable(error: prost::DecodeError) -> Status {
    Status::internal(format!("the answer cannot be read: {error}"))
}

/// A field with a value of its type, at the server's `now`.
fn filled(field: &FieldDeclaration, now: Timestamp) -> (String, Value) {
    let kind = match field.r#type() {
        FieldType::Number => ValueKind::Number(120.0),
        FieldType::Bool => ValueKind::Flag(true),
        FieldType::Time => ValueKind::Time(time::proto(values::time_within(field, now, now))),
        FieldType::Text | FieldType::Unspecified => ValueKind::Text("B-20417".to_owned()),
    };
    (field.name.clone(), Value { kind: Some(kind) })
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::FollowUp;

    use super::*;

    fn requests(button: Option<Button>) -> Requests {
        Requests {
            workflow: Published {
                name: "refund".to_owned(),
                fields: Vec::new(),
            },
            button,
            run: "run".to_owned(),
            next: AtomicU64::new(0),
            clock: ServerClock::read(Some(&prost_types::Timestamp::default())).unwrap(),
            pool: Mutex::default(),
            first_sequence: 0,
            answer_bytes: 0,
        }
    }

    fn read<M: prost::Message + Default>(frame: &Bytes) -> M {
        M::decode(&frame[PREFIX_BYTES..]).unwrap()
    }

    #[test]
    fn a_push_fills_in_the_form_of_its_button() {
        let field = |name: &str, required| FieldDeclaration {
            name: name.to_owned(),
            r#type: FieldType::Number.into(),
            required,
            ..FieldDeclaration::default()
        };
        let requests = requests(Some(Button {
            id: "pay-out".to_owned(),
            note: NoteRule::Required.into(),
            form: vec![field("amount", true), field("tip", false)],
            ..Default::default()
        }));
        let follow_up = FollowUp {
            instance_id: "i-1".to_owned(),
            visit: 1,
            ..Default::default()
        };
        let message = SetWorkflowResponse {
            follow_up: Some(follow_up),
            sequence: 5,
            ..Default::default()
        };
        let message: Bytes = message.encode_to_vec().into();
        let bytes = message.len();
        let sequence = requests
            .read(Kind::Set, &Answer { message, bytes })
            .unwrap();
        let templates = requests.templates();
        let push = requests.frame(&templates, Kind::Push, 0).unwrap();
        let push: PushButtonRequest = read(&push);
        assert_eq!(
            (push.button_id.as_str(), push.visit, push.note.as_str()),
            ("pay-out", 1, "load")
        );
        assert_eq!(
            (push.instance_id.as_str(), push.form.len(), sequence),
            ("i-1", 1, 5)
        );
        let second = requests.frame(&templates, Kind::Push, 1);
        assert!(second.unwrap_err().message().contains("left to push"));
        assert_eq!(requests.read_id(12).unwrap(), "i-1");
    }

    #[test]
    fn every_request_has_its_own_call_and_id() {
        let requests = requests(None);
        let templates = requests.templates();
        let set =
            |_| read::<SetWorkflowRequest>(&requests.frame(&templates, Kind::Set, 0).unwrap());
        let [first, second] = [0, 1].map(set);
        assert_ne!(first.call, second.call);
        assert_ne!(first.request_id, second.request_id);
        assert_eq!(second.workflow, "refund");
        assert!(
            requests
                .check_button()
                .unwrap_err()
                .sentence()
                .contains("no button")
        );
    }
}
