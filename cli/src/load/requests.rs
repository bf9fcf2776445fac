//! The three requests that are measured: the no-op, Set Workflow, and a push on what was set.
//!
//! Promise: every Set Workflow is on a call of its own, and every push on a follow-up of this run
//! that nobody has pushed. Must not: measure anything of the client's own preparations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{
    Button, CallProperties, CallRef, Caller, FieldDeclaration, FieldType, GetServerInfoRequest,
    GetServerInfoResponse, NoteRule, PushButtonRequest, SetWorkflowRequest, SetWorkflowResponse,
    Value,
};
use jiff::Timestamp;
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::errors::Failure;
use crate::load::closed_loop::{Bounds, Measured, drive};
use crate::samples::Published;
use crate::session::{ServerClock, Session};
use crate::{connect, time, values};

/// A follow-up that waits for its push.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    instance_id: String,
    stage: u32,
    visit: u32,
    button: Button,
    clock: ServerClock,
}

/// Requests to one server, over several connections.
pub(crate) struct Requests {
    channels: Arc<[Channel]>,
    workflow: Published,
    /// Keeps the calls of this run apart from those of every other.
    run: String,
    clock: ServerClock,
}

impl Requests {
    /// Opens the connections.
    pub(crate) async fn connect(
        session: &Session,
        workflow: Published,
        connections: u32,
    ) -> Result<Self, Failure> {
        let mut channels = Vec::new();
        for _ in 0..connections {
            channels.push(session.to.workflow_server().await?);
        }
        let clock = session.clock().await?;
        Ok(Self {
            channels: channels.into(),
            workflow,
            run: connect::request_id(),
            clock,
        })
    }

    async fn server(&self) -> Result<GetServerInfoResponse, Failure> {
        let mut client = OperationsServiceClient::new(self.channels[0].clone());
        Ok(client
            .get_server_info(GetServerInfoRequest {})
            .await?
            .into_inner())
    }

    /// Where the server's data lies, on its machine.
    pub(crate) async fn data_dir(&self) -> Result<String, Failure> {
        Ok(self.server().await?.data_dir)
    }

    async fn cpu_time(&self) -> Result<Duration, Failure> {
        Ok(time::std_span(self.server().await?.cpu_time.as_ref()))
    }

    async fn with_cpu(
        &self,
        before: Duration,
        mut measured: Measured,
    ) -> Result<Measured, Failure> {
        let used = self.cpu_time().await?.saturating_sub(before);
        let count = u32::try_from(measured.answered()).unwrap_or(u32::MAX);
        measured.cpu_each = used.checked_div(count).filter(|each| !each.is_zero());
        Ok(measured)
    }

    /// The no-op: the health check.
    pub(crate) async fn health(&self, bounds: Bounds) -> Result<Measured, Failure> {
        let clients: Arc<[_]> = self
            .channels
            .iter()
            .cloned()
            .map(HealthClient::new)
            .collect();
        let before = self.cpu_time().await?;
        let measured = drive("no-op", bounds, move |worker, _| {
            let mut client = of_worker(&clients, worker);
            async move {
                client
                    .check(HealthCheckRequest {
                        service: String::new(),
                    })
                    .await
                    .map(|_| ())
            }
        })
        .await?;
        self.with_cpu(before, measured).await
    }

    /// Set Workflow, each on a new call. Returns what can be pushed afterwards.
    pub(crate) async fn set_workflow(
        &self,
        bounds: Bounds,
    ) -> Result<(Measured, Vec<Target>), Failure> {
        let clients: Arc<[_]> = self
            .channels
            .iter()
            .cloned()
            .map(ScriptEngineServiceClient::new)
            .collect();
        let targets = Arc::new(Mutex::new(Vec::new()));
        let (found, template, clock) = (targets.clone(), self.template(), self.clock);
        let step = connect::request_id();
        let before = self.cpu_time().await?;
        let measured = drive("set-workflow", bounds, move |worker, number| {
            let mut client = of_worker(&clients, worker);
            let request = numbered(&template, &step, number);
            let found = found.clone();
            async move {
                let answer = client.set_workflow(request).await?.into_inner();
                let mut found = found
                    .lock()
                    .map_err(|_| Status::internal("a worker stopped"))?;
                found.extend(target(answer, clock));
                Ok(())
            }
        })
        .await?;
        let measured = self.with_cpu(before, measured).await?;
        let targets = targets
            .lock()
            .map(|targets| targets.clone())
            .unwrap_or_default();
        Ok((measured, targets))
    }

    /// One Set Workflow on a new call; returns its sequence.
    pub(crate) async fn change(&self, number: u64) -> Result<u64, Failure> {
        let worker = usize::try_from(number).unwrap_or_default() % self.channels.len();
        let mut client = ScriptEngineServiceClient::new(self.channels[worker].clone());
        let request = numbered(&self.template(), &self.run, number);
        Ok(client.set_workflow(request).await?.into_inner().sequence)
    }

    /// One push on each of these.
    pub(crate) async fn push(
        &self,
        bounds: Bounds,
        targets: Vec<Target>,
    ) -> Result<Measured, Failure> {
        if targets.is_empty() {
            let name = &self.workflow.name;
            return Err(Failure::refused(format!(
                "{name} has no button in its first stage: take another --workflow."
            )));
        }
        let clients: Arc<[_]> = self
            .channels
            .iter()
            .cloned()
            .map(CallManagerServiceClient::new)
            .collect();
        let bounds = Bounds {
            requests: targets.len() as u64,
            ..bounds
        };
        // Each worker has a clone of the closure: it must not carry all targets.
        let targets: Arc<[Target]> = targets.into();
        let before = self.cpu_time().await?;
        let measured = drive("push", bounds, move |worker, number| {
            let mut client = of_worker(&clients, worker);
            let request = usize::try_from(number)
                .ok()
                .and_then(|number| targets.get(number))
                .map(push_request);
            async move {
                let request =
                    request.ok_or_else(|| Status::internal("no follow-up is left to push"))?;
                client.push_button(request).await.map(|_| ())
            }
        })
        .await?;
        self.with_cpu(before, measured).await
    }

    fn template(&self) -> SetWorkflowRequest {
        let required = self.workflow.fields.iter().filter(|field| field.required);
        let now = self.clock.now();
        SetWorkflowRequest {
            actor: "load".to_owned(),
            call: Some(CallRef {
                source: "load".to_owned(),
                id: self.run.clone(),
            }),
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
}

fn of_worker<C: Clone>(clients: &Arc<[C]>, worker: u32) -> C {
    clients[worker as usize % clients.len()].clone()
}

fn numbered(template: &SetWorkflowRequest, step: &str, number: u64) -> SetWorkflowRequest {
    let call = CallRef {
        source: "load".to_owned(),
        id: format!("{step}-{number}"),
    };
    SetWorkflowRequest {
        request_id: format!("{step}-{number}"),
        call: Some(call),
        ..template.clone()
    }
}

/// The first button of what was set.
fn target(answer: SetWorkflowResponse, clock: ServerClock) -> Option<Target> {
    let follow_up = answer.follow_up?;
    let button = follow_up.buttons.into_iter().next()?;
    let stage = follow_up.stage.map_or(0, |stage| stage.number);
    Some(Target {
        instance_id: follow_up.instance_id,
        stage,
        visit: follow_up.visit,
        button,
        clock,
    })
}

pub(crate) fn push_request(target: &Target) -> PushButtonRequest {
    let required = target.button.form.iter().filter(|field| field.required);
    let now = target.clock.now();
    let asked: BTreeMap<_, _> = required.map(|field| filled(field, now)).collect();
    PushButtonRequest {
        request_id: target.instance_id.clone(),
        actor: "load".to_owned(),
        instance_id: target.instance_id.clone(),
        button_id: target.button.id.clone(),
        stage: target.stage,
        visit: target.visit,
        note: if target.button.note() == NoteRule::Required {
            "load".to_owned()
        } else {
            String::new()
        },
        form: asked,
    }
}

/// A field with a value of its type, at the server's `now`.
fn filled(field: &FieldDeclaration, now: Timestamp) -> (String, Value) {
    let kind = match field.r#type() {
        FieldType::Number => Kind::Number(120.0),
        FieldType::Bool => Kind::Flag(true),
        FieldType::Time => Kind::Time(time::proto(values::time_within(field, now, now))),
        FieldType::Text | FieldType::Unspecified => Kind::Text("B-20417".to_owned()),
    };
    (field.name.clone(), Value { kind: Some(kind) })
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::FollowUp;

    use super::*;

    #[test]
    fn a_push_fills_in_the_form_of_its_button() {
        let field = |name: &str, required| FieldDeclaration {
            name: name.to_owned(),
            r#type: FieldType::Number.into(),
            required,
            ..FieldDeclaration::default()
        };
        let button = Button {
            id: "pay-out".to_owned(),
            note: NoteRule::Required.into(),
            form: vec![field("amount", true), field("tip", false)],
            ..Default::default()
        };
        let follow_up = FollowUp {
            instance_id: "i-1".to_owned(),
            visit: 1,
            buttons: vec![button],
            ..Default::default()
        };
        let clock = ServerClock::read(Some(&prost_types::Timestamp::default())).unwrap();
        let answer = SetWorkflowResponse {
            follow_up: Some(follow_up),
            ..Default::default()
        };
        let target = target(answer, clock).unwrap();
        let request = push_request(&target);
        assert_eq!(
            (
                request.button_id.as_str(),
                request.visit,
                request.note.as_str()
            ),
            ("pay-out", 1, "load")
        );
        assert_eq!(request.form.len(), 1);
    }

    #[test]
    fn every_request_has_its_own_call_and_id() {
        let template = SetWorkflowRequest {
            workflow: "refund".to_owned(),
            ..Default::default()
        };
        let [first, second] = [0, 1].map(|number| numbered(&template, "step", number));
        assert_ne!(first.call, second.call);
        assert_ne!(first.request_id, second.request_id);
        assert_eq!(second.workflow, "refund");
    }
}
