//! Script engines: they may act for the agent on the call, and the history shows both.

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::{
    Actor, ActorKind, AddNoteRequest, CallProperties, ChaseRequest, EndCallRequest, GetCallRequest,
    ListHistoryRequest, SetWorkflowRequest, UpdateCallRequest,
};
use aftercall_tests::{House, call_ref, set_refund, with_refund};
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::{Tokens, channel, reason, with};

/// A script engine at a server that requires a token.
struct Engine {
    house: House,
    client: ScriptEngineServiceClient<Channel>,
    token: String,
}

impl Engine {
    async fn start(tokens: &Tokens) -> Self {
        let token = tokens.add("engine-1", &[Role::ScriptEngine], None);
        let mut house = House::start_without_alerter().await;
        with_refund(&house).await;
        house.stop_workflow().await;
        house.guard_workflow(&tokens.path);
        house.start_workflow().await;
        let client = ScriptEngineServiceClient::new(channel(house.workflow_address()).await);
        Self {
            house,
            client,
            token,
        }
    }

    /// Sets the refund on a call as this actor; `agent` is that of the properties, or empty. Returns
    /// the id of the instance.
    async fn set(&mut self, call: &str, actor: &str, agent: &str) -> Result<String, Status> {
        let mut request: SetWorkflowRequest = set_refund(call, 5.0);
        request.actor = actor.to_owned();
        if let Some(properties) = &mut request.properties {
            properties.agent = agent.to_owned();
        }
        let set = self.client.set_workflow(with(&self.token, request)).await?;
        Ok(set.into_inner().follow_up.expect("one").instance_id)
    }

    async fn update(&mut self, call: &str, actor: &str, agent: &str) -> Result<(), Status> {
        let request = UpdateCallRequest {
            actor: actor.to_owned(),
            call: Some(call_ref(call)),
            properties: Some(CallProperties {
                agent: agent.to_owned(),
                script: "returns".to_owned(),
                ..CallProperties::default()
            }),
            ..UpdateCallRequest::default()
        };
        let updated = self.client.update_call(with(&self.token, request)).await;
        updated.map(drop)
    }

    async fn end(&mut self, call: &str, actor: &str) -> Result<(), Status> {
        let request = EndCallRequest {
            actor: actor.to_owned(),
            call: Some(call_ref(call)),
            ..EndCallRequest::default()
        };
        let ended = self.client.end_call(with(&self.token, request)).await;
        ended.map(drop)
    }

    /// Records by the same request id as everybody that the caller asks again. Returns the sequence.
    async fn chase(&mut self, instance: &str, actor: &str) -> u64 {
        let request = ChaseRequest {
            request_id: "again-1".to_owned(),
            actor: actor.to_owned(),
            instance_id: instance.to_owned(),
            ..ChaseRequest::default()
        };
        let chased = self.client.chase(with(&self.token, request)).await;
        chased.expect("chased").into_inner().sequence
    }

    async fn has_call(&mut self, call: &str) -> bool {
        let request = GetCallRequest {
            call: Some(call_ref(call)),
            ..GetCallRequest::default()
        };
        let got = self.client.get_call(with(&self.token, request)).await;
        got.is_ok()
    }

    /// Who changed the instance, oldest first.
    async fn actors(&self, reader: &str, instance: &str) -> Vec<Actor> {
        let request = ListHistoryRequest {
            instance_id: instance.to_owned(),
            ..ListHistoryRequest::default()
        };
        let channel = channel(self.house.workflow_address()).await;
        let mut operations = OperationsServiceClient::new(channel);
        let listed = operations.list_history(with(reader, request)).await;
        let items = listed.expect("listed").into_inner().items;
        items.into_iter().filter_map(|item| item.actor).collect()
    }
}

#[track_caller]
fn is_not_the_agent<T: std::fmt::Debug>(asked: Result<T, Status>, agent: &str) {
    let refused = asked.expect_err("somebody else is the agent");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    assert_eq!(reason(&refused), "NOT_THE_AGENT");
    assert!(refused.message().contains(agent), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_shows_the_agent_and_the_engine() {
    let tokens = Tokens::new();
    let ben = tokens.add("Ben", &[Role::Agent], None);
    let auditor = tokens.add("auditor", &[Role::Auditor], None);
    let mut engine = Engine::start(&tokens).await;
    let instance = engine.set("1", "Ann", "Ann").await.expect("it is set");
    let for_ann = engine.chase(&instance, "Ann").await;
    let for_ben = engine.chase(&instance, "Ben").await;
    assert_ne!(for_ann, for_ben, "the same request id of another agent");
    let again = engine.chase(&instance, "Ann").await;
    assert_eq!(again, for_ann, "the control: a repetition");
    let own = engine.chase(&instance, "").await;
    assert!(![for_ann, for_ben].contains(&own), "that of the engine");
    let actors = engine.actors(&auditor, &instance).await;
    let names: Vec<_> = actors.iter().map(|actor| actor.name.as_str()).collect();
    let [ann, through_ben] = ["Ann (through engine-1)", "Ben (through engine-1)"];
    assert_eq!(names, [ann, ann, through_ben, "engine-1"]);
    for actor in &actors {
        assert_eq!(actor.kind(), ActorKind::ScriptEngine);
    }
    // The control: an agent may not name another one.
    let channel = channel(engine.house.workflow_address()).await;
    let note = |actor: &str| AddNoteRequest {
        actor: actor.to_owned(),
        instance_id: instance.clone(),
        text: "called".to_owned(),
        ..AddNoteRequest::default()
    };
    let mut desk = CallManagerServiceClient::new(channel);
    let refused = desk.add_note(with(&ben, note("Ann"))).await;
    let refused = refused.expect_err("he is not Ann");
    assert_eq!(reason(&refused), "ACTOR_NOT_ALLOWED");
    desk.add_note(with(&ben, note("Ben"))).await.expect("noted");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_acts_only_for_the_agent_of_the_call() {
    let tokens = Tokens::new();
    let mut engine = Engine::start(&tokens).await;
    is_not_the_agent(engine.set("1", "Ben", "Ann").await, "Ann");
    assert!(!engine.has_call("1").await, "the refused request set it");
    let own = engine.set("1", "engine-1", "Ann").await;
    let set = own.expect("an engine acts for itself on any call");
    is_not_the_agent(engine.set("1", "Ben", "").await, "Ann");
    is_not_the_agent(engine.update("1", "Ben", "").await, "Ann");
    is_not_the_agent(engine.end("1", "Ben").await, "Ann");
    let again = engine.set("1", " Ann ", "").await;
    assert_eq!(again.expect("the control: her call"), set);
    let passed_on = engine.update("1", "Ann", "Ben").await;
    passed_on.expect("she passes her call on");
    is_not_the_agent(engine.end("1", "Ann").await, "Ben");
    let taken = engine.update("1", "Cleo", "Cleo").await;
    taken.expect("who takes the call over is its agent");
    engine.end("1", "Cleo").await.expect("her call now");
    for actor in ["Ann", "Ben", ""] {
        let set = engine.set("2", actor, "").await;
        set.expect("a call without an agent is open to all");
    }
}
