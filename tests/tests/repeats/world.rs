//! The world of the cases, and what happens to it between the first time and the next.

use std::collections::BTreeSet;

use aftercall_engine::limits::BATCHES_KEPT;
use aftercall_proto::DESCRIPTORS;
use aftercall_proto::workflow::v1::GetServerInfoRequest;
use aftercall_tests::{Clients, House, ask_encoded, eventually};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor};
use serde_json::{Value, json};
use tonic::Status;
use tonic::transport::Channel;

/// The name of every caller.
pub(super) const CALLER: &str = "Xanthippe";

/// Asks any RPC of the workflow-server by its name, in JSON.
pub(super) struct Asker {
    channel: Channel,
    methods: Vec<MethodDescriptor>,
}

impl Asker {
    pub(super) async fn connect(house: &House) -> Self {
        let address = format!("http://{}", house.workflow_address());
        let channel = Channel::from_shared(address)
            .expect("an address")
            .connect()
            .await
            .expect("connected");
        let pool = DescriptorPool::decode(DESCRIPTORS).expect("our own protos");
        let services = pool
            .services()
            .filter(|service| service.full_name().starts_with("aftercall.workflow.v1."));
        Self {
            channel,
            methods: services
                .flat_map(|service| service.methods().collect::<Vec<_>>())
                .collect(),
        }
    }

    pub(super) fn methods_with_request_id(&self) -> BTreeSet<&str> {
        let has_id =
            |method: &&MethodDescriptor| method.input().get_field_by_name("request_id").is_some();
        self.methods
            .iter()
            .filter(has_id)
            .map(MethodDescriptor::name)
            .collect()
    }

    fn method(&self, name: &str) -> &MethodDescriptor {
        let mut methods = self.methods.iter();
        methods.find(|one| one.name() == name).expect("an RPC")
    }

    pub(super) fn takes_mask(&self, method: &str) -> bool {
        let request = self.method(method).input();
        request.get_field_by_name("read_mask").is_some()
    }

    pub(super) async fn ask(&self, method: &str, request: Value) -> Result<Value, Status> {
        let method = self.method(method);
        let request = DynamicMessage::deserialize(method.input(), request).expect("a request");
        let answer = ask_encoded(&self.channel, method, request.encode_to_vec()).await?;
        let answer = DynamicMessage::decode(method.output(), answer).expect("an answer");
        Ok(serde_json::to_value(&answer).expect("JSON"))
    }

    /// The same; it must go well.
    pub(super) async fn get(&self, method: &str, request: Value) -> Value {
        self.ask(method, request)
            .await
            .unwrap_or_else(|status| panic!("{method}: {status:?}"))
    }

    /// Sets the refund on a call of its own; gives the id of the follow-up.
    pub(super) async fn set(&self, call: &str) -> String {
        let answer = self.get("SetWorkflow", set_request(call)).await;
        answer["followUp"]["instanceId"]
            .as_str()
            .expect("an id")
            .to_owned()
    }

    /// Sets a workflow that is one unlinked end.
    pub(super) async fn set_unlinked(&self, call: &str) -> String {
        let file = "format: 1\nworkflow: unlinked\ntitle: Unlinked\nallow_unlinked_ends: true\non_new_call: []\n";
        self.get("ImportWorkflow", json!({ "actor": "author", "file": file }))
            .await;
        self.get(
            "PublishWorkflow",
            json!({ "actor": "author", "name": "unlinked" }),
        )
        .await;
        let mut set = set_request(call);
        set["workflow"] = json!("unlinked");
        set["fields"] = json!({});
        let answer = self.get("SetWorkflow", set).await;
        answer["followUp"]["instanceId"]
            .as_str()
            .expect("an id")
            .to_owned()
    }
}

pub(super) fn set_request(call: &str) -> Value {
    json!({
        "actor": "engine",
        "call": { "source": "test", "id": call },
        "properties": {
            "customer": "Northwind",
            "caller": { "name": CALLER, "reference": "C-1" },
            "chargeable": true,
        },
        "workflow": "refund",
        "fields": { "amount": { "number": 12 } },
    })
}

/// The second version says something else in every stage, and has the same events.
async fn publish_another(asker: &Asker, title: &str) {
    let file = aftercall_tests::REFUND
        .replace("Refund over the limit", title)
        .replace("Pay out", title);
    asker
        .get("ImportWorkflow", json!({ "actor": "author", "file": file }))
        .await;
    asker
        .get(
            "PublishWorkflow",
            json!({ "actor": "author", "name": "refund" }),
        )
        .await;
}

/// A workflow for each step of building, and a second version of the refund.
pub(super) async fn prepare(asker: &Asker) {
    for name in [
        "add", "update", "remove", "move", "publish", "archive", "import",
    ] {
        let file =
            aftercall_tests::REFUND.replace("workflow: refund", &format!("workflow: {name}"));
        asker
            .get("ImportWorkflow", json!({ "actor": "author", "file": file }))
            .await;
    }
    publish_another(asker, "The second version").await;
    asker
        .get(
            "ImportTeam",
            json!({ "actor": "author", "name": "unused", "title": "Unused" }),
        )
        .await;
}

/// People and ops work on every follow-up, move all to another version, and end them; authors
/// change what they wrote.
pub(super) async fn work_on(asker: &Asker) {
    publish_another(asker, "The third version").await;
    let open = asker
        .get("ListInstances", json!({ "page_size": 1000 }))
        .await;
    let mut calls = BTreeSet::new();
    for one in open["instances"].as_array().expect("a list") {
        let id = &one["instanceId"];
        calls.insert(
            one["call"]["ref"]["id"]
                .as_str()
                .expect("a call")
                .to_owned(),
        );
        let migrate =
            json!({ "actor": "olga", "instance_id": id, "to_version": 3, "reason": "newer" });
        let _ = asker.ask("MigrateInstance", migrate).await;
        let note = json!({ "actor": "Late", "instance_id": id, "text": "later" });
        let _ = asker.ask("AddNote", note).await;
        let cancel = json!({ "actor": "olga", "instance_id": id, "reason": "over" });
        let _ = asker.ask("CancelInstance", cancel).await;
    }
    for call in calls {
        let call = json!({ "source": "test", "id": call });
        let changes = json!({ "customer": "Other", "chargeable": false });
        asker
            .get(
                "UpdateCall",
                json!({ "actor": "engine", "call": call, "properties": changes }),
            )
            .await;
        asker
            .get("EndCall", json!({ "actor": "engine", "call": call }))
            .await;
    }
    for team in ["billing", "payments", "night", "unused"] {
        asker
            .get(
                "ImportTeam",
                json!({ "actor": "author", "name": team, "title": "Renamed" }),
            )
            .await;
    }
    let hours = json!([{ "weekday": "WEEKDAY_FRIDAY", "openings": ["10:00-12:00"] }]);
    let calendar =
        json!({ "name": "days", "title": "Renamed", "time_zone": "Europe/Berlin", "hours": hours });
    asker
        .get(
            "ImportCalendar",
            json!({ "actor": "author", "calendar": calendar }),
        )
        .await;
    for name in ["add", "update", "remove", "move", "import", "created"] {
        let add = json!({ "actor": "author", "name": name, "event_id": "new-call", "before": 1,
                          "action": "button: Added since" });
        asker.get("AddAction", add).await;
    }
    asker
        .get(
            "ArchiveWorkflow",
            json!({ "actor": "author", "name": "archive", "restore": true }),
        )
        .await;
    // So many batches that those before them are forgotten.
    let nobodys = json!({ "actor": "olga", "reason": "a drill", "work": { "cancel": {} },
                          "filter": { "customers": ["Nobody"] } });
    for _ in 0..=BATCHES_KEPT {
        asker.get("StartBatch", nobodys.clone()).await;
    }
}

/// Everything has left memory.
pub(super) async fn archived(clients: &mut Clients) {
    eventually("everything is in the archive", || {
        let mut clients = clients.clone();
        async move {
            let info = clients
                .operations
                .get_server_info(GetServerInfoRequest {})
                .await
                .ok()?
                .into_inner();
            (info.open_instances + info.ended_instances == 0 && info.archived_instances > 0)
                .then_some(())
        }
    })
    .await;
}

/// The caller is erased, to the last byte.
pub(super) async fn erase(asker: &Asker) {
    let erase =
        json!({ "actor": "olga", "caller": { "reference": "C-1" }, "reason": "asked for it" });
    let id = asker.get("EraseCaller", erase).await["erasure"]["id"].clone();
    eventually("the erasure is done", || {
        let id = id.clone();
        async move {
            let answer = asker.get("GetErasure", json!({ "erasure_id": id })).await;
            (answer["erasure"]["state"] == "ERASURE_STATE_DONE").then_some(())
        }
    })
    .await;
}
