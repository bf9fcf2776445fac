//! A case for each RPC, each about a follow-up, a call or a batch of its own.

use serde_json::{Value, json};

use super::world::{CALLER, World, call, set_request};

/// What identities outside the scope get, and those inside do not.
pub(super) enum Expected {
    /// `NOT_FOUND`, as the request names something.
    Named,
    /// An answer without this text, or `NOT_FOUND`.
    Shown(String),
    /// The same for everybody with a scope, also those inside.
    OfWhole(String),
    /// An answer that refuses the item as unknown.
    OfItem,
    /// A refusal of every identity with a scope, as the request is about the whole server.
    WholeServer,
    /// The same as everybody, as nothing in a scope is named or shown. The text says why if fields
    /// look as if it were.
    Unrelated(&'static str),
    /// An empty list, as everybody: what it lists needs a clock that jumps. The engine's tests have
    /// that.
    Quiet,
}

/// A request that goes well for the one inside.
pub(super) struct Case {
    pub(super) method: &'static str,
    pub(super) request: Value,
    pub(super) expected: Expected,
}

fn named(method: &'static str, request: Value) -> Case {
    Case {
        method,
        request,
        expected: Expected::Named,
    }
}

fn shown(method: &'static str, request: Value, marker: &str) -> Case {
    Case {
        method,
        request,
        expected: Expected::Shown(marker.to_owned()),
    }
}

fn whole_server(method: &'static str, request: Value) -> Case {
    Case {
        method,
        request,
        expected: Expected::WholeServer,
    }
}

pub(super) async fn cases(world: &World) -> Vec<Case> {
    let mut cases = of_scripts(world).await;
    cases.extend(of_people(world).await);
    cases.extend(of_holders(world).await);
    cases.extend(of_views(world).await);
    cases.extend(of_operations(world).await);
    cases.extend(of_batches(world).await);
    cases.extend(of_authors(world).await);
    cases.extend(of_alerts(world).await);
    cases.extend(of_the_server());
    cases
}

async fn of_scripts(world: &World) -> Vec<Case> {
    let (withdrawn, chased) = (
        world.set("withdrawn", "refund").await,
        world.set("chased", "refund").await,
    );
    let listed = world.set("listed", "refund").await;
    for call in ["read", "updated", "ended", "set"] {
        world.set(call, "refund").await;
    }
    let mut set = set_request("set", "refund");
    // A customer that is named is refused by name, whether or not the call exists.
    set["properties"] = json!({});
    let of_caller = json!({ "caller": { "reference": CALLER } });
    vec![
        named("SetWorkflow", set),
        named("WithdrawWorkflow", json!({ "instance_id": withdrawn })),
        named(
            "UpdateCall",
            json!({ "call": call("updated"), "properties": { "agent": "Kim" } }),
        ),
        named("EndCall", json!({ "call": call("ended") })),
        named("GetCall", json!({ "call": call("read") })),
        shown("ListOpenFollowUps", of_caller, &listed),
        named("Chase", json!({ "instance_id": chased })),
    ]
}

async fn of_people(world: &World) -> Vec<Case> {
    let id = world.set("seen", "refund").await;
    let of = |id: &str, mut rest: Value| {
        rest["instance_id"] = json!(id);
        rest
    };
    let push = |id: &str| {
        of(
            id,
            json!({ "button_id": "approve", "stage": 1, "visit": 1 }),
        )
    };
    let (pushed, undone) = (
        world.set("pushed", "refund").await,
        world.set("undone", "refund").await,
    );
    world
        .get_as(&world.inside, "PushButton", push(&undone))
        .await;
    let resumed = world.set("resumed", "refund").await;
    let pause = json!({ "reason": "holiday" });
    let paused = of(&resumed, pause.clone());
    world.get("PauseFollowUp", paused).await;
    let paused = world.set("paused", "refund").await;
    world
        .publish("format: 1\nworkflow: loose\ntitle: Loose\nallow_unlinked_ends: true\non_new_call:\n  - alert: { text: Look, team: billing, due: 1d }\n")
        .await;
    let loose = world.set("loose", "loose").await;
    let finish = json!({ "stage": 1, "visit": 1, "outcome": "settled" });
    let snooze = json!({ "alert_id": "1.1.1", "days": 1, "attempt_outcome": "no-answer" });
    vec![
        shown("ListFollowUps", json!({}), &id),
        named("GetFollowUp", of(&id, json!({}))),
        named("GetCallDetails", of(&id, json!({}))),
        named("PushButton", push(&pushed)),
        named("AddNote", of(&id, json!({ "text": "called back" }))),
        named("AcknowledgeAlert", of(&id, json!({ "alert_id": "1.1.1" }))),
        named("SnoozeAlert", of(&id, snooze)),
        named("PauseFollowUp", of(&paused, pause)),
        named("ResumeFollowUp", of(&resumed, json!({}))),
        named("UndoPush", of(&undone, json!({}))),
        named("FinishFollowUp", of(&loose, finish)),
        shown(
            "ListCallsOfCaller",
            json!({ "caller": { "reference": CALLER } }),
            &id,
        ),
    ]
}

async fn of_holders(world: &World) -> Vec<Case> {
    let lease = |id: &str| json!({ "instance_id": id, "lease": "600s" });
    let mut held = Vec::new();
    for call in ["extended", "released", "taken", "given"] {
        let id = world.set(call, "refund").await;
        world
            .get_as(&world.inside, "ClaimFollowUp", lease(&id))
            .await;
        held.push(id);
    }
    let claimed = world.set("claimed", "refund").await;
    let take = json!({ "instance_id": held[2], "reason": "she is ill" });
    vec![
        named("ClaimFollowUp", lease(&claimed)),
        named("ExtendClaim", lease(&held[0])),
        named("ReleaseClaim", json!({ "instance_id": held[1] })),
        named("TakeOver", take),
        shown("ClaimNext", json!({}), "followUp"),
        Case {
            method: "HandOver",
            request: json!({ "instance_ids": [held[3]], "to_person": "Dora", "reason": "her turn" }),
            expected: Expected::OfItem,
        },
    ]
}

/// A view of a team is seen by those who have the team; its counts are those of the scope.
async fn of_views(world: &World) -> Vec<Case> {
    let done = world.set("done", "refund").await;
    let claim = json!({ "instance_id": done });
    world.get_as(&world.inside, "ClaimFollowUp", claim).await;
    let hour_ago = jiff::Timestamp::now() - std::time::Duration::from_secs(3_600);
    let day = json!({ "person": "Inge", "from": hour_ago.to_string() });
    let of_team = |name: &str| json!({ "view": name, "team": "billing" });
    world.get("SaveView", of_team("All of billing")).await;
    vec![
        Case {
            method: "SaveView",
            request: json!({ "view": "Late", "filter": { "customers": ["Northwind"] } }),
            expected: Expected::Unrelated("an own view is saved with any filter"),
        },
        shown("ListViews", json!({}), "followUps"),
        shown("GetDay", day, &done),
        Case {
            method: "RemoveView",
            request: json!({ "view": "Late" }),
            expected: Expected::Unrelated("an own view"),
        },
        Case {
            method: "SetAway",
            request: json!({ "until": "2027-01-01T08:00:00Z" }),
            expected: Expected::Unrelated("people are in no scope"),
        },
        Case {
            method: "ListAway",
            request: json!({}),
            expected: Expected::Unrelated("people are in no scope"),
        },
        Case {
            method: "EndAway",
            request: json!({}),
            expected: Expected::Unrelated("people are in no scope"),
        },
    ]
}

async fn of_operations(world: &World) -> Vec<Case> {
    let id = world.set("looked at", "refund").await;
    let of = |id: &str, mut rest: Value| {
        rest["instance_id"] = json!(id);
        rest
    };
    let (cancelled, moved) = (
        world.set("cancelled", "refund").await,
        world.set("moved", "refund").await,
    );
    let mut old = set_request("migrated", "refund");
    old["version"] = json!(1);
    let old = world.get("SetWorkflow", old).await["followUp"]["instanceId"].clone();
    let migrate = json!({ "instance_id": old, "to_version": 2, "reason": "newer" });
    let stuck = world.set("stuck", "loose").await;
    let now = jiff::Timestamp::now();
    let hour = std::time::Duration::from_secs(3_600);
    let period = json!({ "from": (now - hour).to_string(), "to": now.to_string() });
    let by_customer = json!({ "group_by": "GROUP_BY_CUSTOMER" });
    vec![
        named("GetInstance", of(&id, json!({}))),
        shown("ListInstances", json!({}), &id),
        shown("CountInstances", by_customer, "Northwind"),
        named("ListHistory", of(&id, json!({}))),
        named("ExplainInstance", of(&id, json!({}))),
        named(
            "CancelInstance",
            of(&cancelled, json!({ "reason": "over" })),
        ),
        named(
            "MoveInstance",
            of(&moved, json!({ "stage": 2, "reason": "a mistake" })),
        ),
        named("MigrateInstance", migrate),
        shown("Report", period, "refund"),
        Case {
            method: "ListOverdueTimers",
            request: json!({}),
            expected: Expected::Quiet,
        },
        shown(
            "ListStuckInstances",
            json!({ "longer_than": "0.001s" }),
            &stuck,
        ),
        Case {
            method: "GetServerInfo",
            request: json!({}),
            expected: Expected::OfWhole("openInstances".to_owned()),
        },
    ]
}

async fn of_batches(world: &World) -> Vec<Case> {
    let mut items = Vec::new();
    for call in ["batch 1", "batch 2", "batch 3"] {
        items.push(world.set(call, "refund").await);
    }
    let pause = |ids: &[String]| json!({ "instance_ids": ids, "reason": "a drill", "per_second": 1, "work": { "pause": {} } });
    let started = world
        .get_as(&world.inside, "StartBatch", pause(&items[..2]))
        .await;
    let batch = json!({ "batch_id": started["batch"]["id"] });
    let mut stop = batch.clone();
    stop["reason"] = json!("enough");
    let mut dry_run = pause(&items[2..]);
    dry_run["dry_run"] = json!(true);
    for (call, reference) in [("erased", "C-8"), ("erasable", "C-9")] {
        let mut set = set_request(call, "refund");
        set["properties"]["caller"]["reference"] = json!(reference);
        world.get("SetWorkflow", set).await;
    }
    let erase =
        |reference: &str| json!({ "caller": { "reference": reference }, "reason": "asked for it" });
    let erased = world
        .get_as(&world.inside, "EraseCaller", erase("C-8"))
        .await;
    let mut erasable = erase("C-9");
    erasable["dry_run"] = json!(true);
    let erasure = json!({ "erasure_id": erased["erasure"]["id"] });
    vec![
        named("StartBatch", dry_run),
        named("GetBatch", batch.clone()),
        shown("ListBatches", json!({}), "a drill"),
        named("ListBatchItems", batch),
        named("StopBatch", stop),
        named("GetErasure", erasure),
        shown("ListErasures", json!({}), "asked for it"),
        shown("EraseCaller", erasable, "erasable"),
    ]
}

async fn of_authors(world: &World) -> Vec<Case> {
    let id = world.set("drawn", "refund").await;
    world
        .publish(&aftercall_tests::REFUND.replace("workflow: refund", "workflow: old"))
        .await;
    let mut old = set_request("old", "old");
    old["fields"] = json!({ "amount": { "number": 12 } });
    world.get("SetWorkflow", old).await;
    let picture = json!({ "name": "refund", "instance_id": id });
    let mut cases = vec![
        named("RenderWorkflow", picture),
        shown("ArchiveWorkflow", json!({ "name": "old" }), "openInstances"),
        Case {
            method: "SimulateWorkflow",
            request: json!({ "name": "refund", "properties": { "customer": "Northwind" }, "fields": { "amount": { "number": 12 } } }),
            expected: Expected::Unrelated("its call is invented"),
        },
        Case {
            method: "DiffVersions",
            request: json!({ "name": "refund", "from_version": 1, "to_version": 2 }),
            expected: Expected::Unrelated("no stage vanishes here"),
        },
    ];
    let unrelated = [
        "ImportWorkflow",
        "CreateWorkflow",
        "AddAction",
        "UpdateAction",
        "RemoveAction",
        "MoveAction",
        "ValidateWorkflow",
        "PublishWorkflow",
        "GetWorkflow",
        "ListWorkflows",
        "ListVersions",
        "ExportWorkflow",
        "ImportTeam",
        "RemoveTeam",
        "GetTeam",
        "ListTeams",
        "ImportCalendar",
        "GetCalendar",
        "ListCalendars",
    ];
    cases.extend(unrelated.map(|method| Case {
        method,
        request: json!({}),
        expected: Expected::Unrelated(""),
    }));
    cases
}

async fn of_alerts(world: &World) -> Vec<Case> {
    let id = world.set("streamed", "refund").await;
    world.until_streamed(&id).await;
    vec![
        shown("Subscribe", json!({}), &id),
        shown("GetWallboard", json!({}), "workflows"),
        shown("WatchWallboard", json!({}), "workflows"),
        Case {
            method: "GetIdentity",
            request: json!({}),
            expected: Expected::Unrelated("it shows the identity's own customers"),
        },
    ]
}

fn of_the_server() -> Vec<Case> {
    vec![
        whole_server("Snapshot", json!({})),
        whole_server("Tail", json!({ "from_sequence": 1 })),
        whole_server("Backup", json!({})),
        whole_server("AcceptClock", json!({})),
        whole_server("StepDown", json!({})),
        whole_server("ConfirmPurge", json!({})),
        whole_server(
            "ConfirmRetention",
            json!({ "workflow": "refund", "version": 2 }),
        ),
    ]
}
