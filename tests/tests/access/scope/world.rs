//! Both servers with follow-ups of one customer, and identities with and without that scope.

use std::collections::BTreeSet;

use aftercall_proto::DESCRIPTORS;
use aftercall_proto::access::v1::Role;
use aftercall_tests::{House, REFUND, ask_encoded_as, eventually};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use tonic::Status;
use tonic::transport::Channel;

use crate::{Tokens, channel};

/// The customer of all calls.
pub(super) const CUSTOMER: &str = "Northwind";
/// The reference of the caller of all calls.
pub(super) const CALLER: &str = "C-7";

/// Both servers, and who asks them.
pub(super) struct World {
    /// With every role and no scope.
    pub(super) whole: String,
    /// With the customer and the teams of all follow-ups.
    pub(super) inside: String,
    /// With one role each, and no scope.
    pub(super) agent: String,
    pub(super) supervisor: String,
    pub(super) operator: String,
    /// With another customer, and with another team.
    pub(super) outside: [String; 2],
    workflow: Channel,
    alerter: Channel,
    methods: Vec<MethodDescriptor>,
    _house: House,
    _tokens: Tokens,
}

impl World {
    pub(super) async fn start() -> Self {
        let tokens = Tokens::new();
        let limited = |name: &str, customer: &str, teams: &[&str]| {
            tokens.limited(name, &Role::ALL, (&[customer], teams))
        };
        let whole = tokens.add("Wanda", &Role::ALL, None);
        let agent = tokens.add("Ann", &[Role::Agent], None);
        let supervisor = tokens.add("Sue", &[Role::Supervisor], None);
        let operator = tokens.add("Olga", &[Role::Operator], None);
        let inside = limited("Inge", CUSTOMER, &["billing", "payments"]);
        let outside = [
            limited("Otto", "Elsewhere", &[]),
            limited("Tom", CUSTOMER, &["care"]),
        ];
        let alerter = tokens.file("alerter", Role::Alerter);
        let mut house = House::start_without_alerter().await;
        house.stop_workflow().await;
        house.guard_workflow(&tokens.path);
        house.start_workflow().await;
        house.guard_alerter(&tokens.path);
        house.give_alerter(&alerter);
        house.start_alerter().await;
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("our own protos");
        let services = pool
            .services()
            .filter(|service| service.full_name().starts_with("aftercall."));
        let world = Self {
            whole,
            inside,
            agent,
            supervisor,
            operator,
            outside,
            workflow: channel(house.workflow_address()).await,
            alerter: channel(house.alerter_address()).await,
            methods: services
                .flat_map(|service| service.methods().collect::<Vec<_>>())
                .collect(),
            _house: house,
            _tokens: tokens,
        };
        for team in ["billing", "payments", "care"] {
            let team = json!({ "name": team, "title": team });
            world.get("ImportTeam", team).await;
        }
        world.publish(REFUND).await;
        world
            .publish(&REFUND.replace("Pay out", "Pay it out"))
            .await;
        world
    }

    pub(super) async fn publish(&self, file: &str) {
        let imported = self.get("ImportWorkflow", json!({ "file": file })).await;
        let name = &imported["workflow"]["name"];
        self.get("PublishWorkflow", json!({ "name": name })).await;
    }

    pub(super) fn methods(&self) -> BTreeSet<&str> {
        self.methods.iter().map(MethodDescriptor::name).collect()
    }

    pub(super) fn method(&self, name: &str) -> &MethodDescriptor {
        let mut methods = self.methods.iter();
        methods.find(|one| one.name() == name).expect("an RPC")
    }

    /// Asks as the holder of a token. Of a stream, the messages up to the end of its snapshot, or
    /// the first one.
    pub(super) async fn ask(
        &self,
        token: &str,
        method: &str,
        request: &Value,
    ) -> Result<Value, Status> {
        let method = self.method(method);
        let request = DynamicMessage::deserialize(method.input(), request).expect("a request");
        let is_alert = method.parent_service().full_name().contains(".alert.");
        let channel = if is_alert {
            &self.alerter
        } else {
            &self.workflow
        };
        let decoded = |answer: &[u8]| {
            let answer = DynamicMessage::decode(method.output(), answer).expect("an answer");
            serde_json::to_value(&answer).expect("JSON")
        };
        let is_last = |answer: &[u8]| match method.name() {
            "Subscribe" => decoded(answer).get("caughtUp").is_some(),
            "Report" => decoded(answer).get("outcome").is_some(),
            _ => true,
        };
        let request = crate::with(token, request.encode_to_vec().into());
        let answers = ask_encoded_as(channel, method, request, &is_last).await?;
        let mut answers: Vec<Value> = answers.iter().map(|answer| decoded(answer)).collect();
        match answers.len() {
            1 => Ok(answers.remove(0)),
            _ => Ok(Value::Array(answers)),
        }
    }

    /// Asks as the one who may see everything; it must go well.
    pub(super) async fn get(&self, method: &str, request: Value) -> Value {
        self.get_as(&self.whole, method, request).await
    }

    /// The same as the holder of a token.
    pub(super) async fn get_as(&self, token: &str, method: &str, request: Value) -> Value {
        let answer = self.ask(token, method, &request).await;
        answer.unwrap_or_else(|status| panic!("{method} {request}: {status:?}"))
    }

    /// Sets a workflow on a call of its own; returns the id of the follow-up.
    pub(super) async fn set(&self, call: &str, workflow: &str) -> String {
        let answer = self.get("SetWorkflow", set_request(call, workflow)).await;
        let id = answer["followUp"]["instanceId"].as_str();
        id.expect("an id").to_owned()
    }

    /// Waits until the alerter shows a follow-up.
    pub(super) async fn until_streamed(&self, id: &str) {
        eventually("the alerter has it", || async {
            let answer = self.ask(&self.whole, "Subscribe", &json!({})).await;
            answer
                .is_ok_and(|answer| answer.to_string().contains(id))
                .then_some(())
        })
        .await;
    }
}

pub(super) fn call(id: &str) -> Value {
    json!({ "source": "test", "id": id })
}

pub(super) fn set_request(id: &str, workflow: &str) -> Value {
    let fields = if workflow == "refund" {
        json!({ "amount": { "number": 12 } })
    } else {
        json!({})
    };
    json!({
        "call": call(id),
        "properties": {
            "customer": CUSTOMER,
            "caller": { "name": "Ada", "reference": CALLER },
            "chargeable": true,
        },
        "workflow": workflow,
        "fields": fields,
    })
}
