//! A case for each RPC with a request id, each on a follow-up or a workflow of its own.

use serde_json::{Value, json};

use crate::world::{Asker, set_request};

/// A request that goes well the first time.
pub(super) struct Case {
    pub(super) method: &'static str,
    pub(super) request: Value,
    /// What its answer shows as it is now, as the API says.
    pub(super) present: &'static [&'static str],
}

/// With a request id and an actor, where they are not named.
fn case(method: &'static str, actor: &str, mut request: Value) -> Case {
    request["request_id"] = json!(format!("once {method}"));
    request["actor"] = json!(actor);
    Case {
        method,
        request,
        present: &[],
    }
}

fn showing(case: Case, present: &'static [&'static str]) -> Case {
    Case { present, ..case }
}

pub(super) async fn cases(asker: &Asker) -> Vec<Case> {
    let mut cases = of_scripts(asker).await;
    cases.extend(of_people(asker).await);
    cases.extend(of_holders(asker).await);
    cases.extend(of_operations(asker).await);
    cases.extend(of_authors());
    cases
}

async fn of_scripts(asker: &Asker) -> Vec<Case> {
    let call = |id: &str| json!({ "source": "test", "id": id });
    let mut waiting = set_request("ending");
    waiting["release"] = json!("RELEASE_CALL_ENDED");
    asker.get("SetWorkflow", waiting).await;
    let (withdrawn, chased) = (asker.set("withdrawn").await, asker.set("chased").await);
    asker.set("updated").await;
    let mut set = set_request("set");
    set["release"] = json!("RELEASE_CALL_ENDED");
    vec![
        case("SetWorkflow", "engine", set),
        case(
            "WithdrawWorkflow",
            "engine",
            json!({ "instance_id": withdrawn, "reason": "a mistake" }),
        ),
        case(
            "UpdateCall",
            "engine",
            json!({ "call": call("updated"), "properties": { "agent": "Kim" } }),
        ),
        case("EndCall", "engine", json!({ "call": call("ending") })),
        // The words name the team as it is called now.
        showing(
            case(
                "Chase",
                "engine",
                json!({ "instance_id": chased, "note": "where is it?" }),
            ),
            &["words"],
        ),
    ]
}

async fn of_people(asker: &Asker) -> Vec<Case> {
    let (pushed, noted, seen) = (
        asker.set("pushed").await,
        asker.set("noted").await,
        asker.set("seen").await,
    );
    let (snoozed, paused, resumed) = (
        asker.set("snoozed").await,
        asker.set("paused").await,
        asker.set("resumed").await,
    );
    asker
        .get(
            "PauseFollowUp",
            json!({ "actor": "Ann", "instance_id": resumed, "reason": "holiday" }),
        )
        .await;
    let undone = asker.set("undone").await;
    let incomplete = asker.set_unlinked("incomplete").await;
    let push =
        |id: &str| json!({ "actor": "Ann", "instance_id": id, "button_id": "approve", "visit": 1 });
    asker.get("PushButton", push(&undone)).await;
    asker
        .get("SaveView", json!({ "actor": "Ann", "view": "Old" }))
        .await;
    let snooze = json!({ "instance_id": snoozed, "alert_id": "1.1.1", "days": 1, "attempt_outcome": "no-answer" });
    vec![
        // How long an undo is allowed is a setting of the server.
        showing(case("PushButton", "Ann", push(&pushed)), &["undoUntil"]),
        case(
            "AddNote",
            "Ann",
            json!({ "instance_id": noted, "text": "called back" }),
        ),
        case(
            "AcknowledgeAlert",
            "Ann",
            json!({ "instance_id": seen, "alert_id": "1.1.1" }),
        ),
        case("SnoozeAlert", "Ann", snooze),
        case(
            "PauseFollowUp",
            "Ann",
            json!({ "instance_id": paused, "reason": "holiday" }),
        ),
        case(
            "ResumeFollowUp",
            "Ann",
            json!({ "instance_id": resumed, "note": "back" }),
        ),
        case("UndoPush", "Ann", json!({ "instance_id": undone })),
        case(
            "SaveView",
            "Ann",
            json!({ "view": "Late", "filter": { "overdue": true, "text": "refund" } }),
        ),
        case("RemoveView", "Ann", json!({ "view": "Old" })),
        case(
            "SetAway",
            "Eva",
            json!({ "until": "2027-01-01T08:00:00Z", "instead": "Ann" }),
        ),
        case("EndAway", "Eva", json!({ "person": "Eva" })),
        case(
            "FinishFollowUp",
            "Ann",
            json!({ "instance_id": incomplete, "stage": 1, "visit": 1, "outcome": "settled" }),
        ),
    ]
}

async fn of_holders(asker: &Asker) -> Vec<Case> {
    let claim =
        |id: &str, actor: &str| json!({ "actor": actor, "instance_id": id, "lease": "600s" });
    let (claimed, extended, released) = (
        asker.set("claimed").await,
        asker.set("extended").await,
        asker.set("released").await,
    );
    let (taken, given, kept) = (
        asker.set("taken").await,
        asker.set("given").await,
        asker.set("kept").await,
    );
    for (id, actor) in [
        (&extended, "Ann"),
        (&released, "Ann"),
        (&taken, "Ben"),
        (&given, "Cid"),
        (&kept, "Cid"),
    ] {
        asker.get("ClaimFollowUp", claim(id, actor)).await;
    }
    // What is snoozed is held all the same.
    let snooze = json!({ "actor": "Cid", "instance_id": kept, "alert_id": "1.1.1", "days": 1 });
    asker.get("SnoozeAlert", snooze).await;
    let mut next = set_request("next");
    next["properties"]["customer"] = json!("Southwind");
    asker.get("SetWorkflow", next).await;
    let filter = json!({ "customers": ["Southwind"] });
    let take = json!({ "instance_id": taken, "reason": "Ben is ill" });
    vec![
        case("ClaimFollowUp", "Ann", claim(&claimed, "Ann")),
        case(
            "ExtendClaim",
            "Ann",
            json!({ "instance_id": extended, "lease": "1200s" }),
        ),
        case("ReleaseClaim", "Ann", json!({ "instance_id": released })),
        case("TakeOver", "Ann", take),
        case("ClaimNext", "Ann", json!({ "filter": filter })),
        case(
            "HandOver",
            "Cid",
            json!({ "all_of": "Cid", "to_person": "Dora" }),
        ),
    ]
}

async fn of_operations(asker: &Asker) -> Vec<Case> {
    let (cancelled, moved) = (asker.set("cancelled").await, asker.set("moved").await);
    let mut old = set_request("migrated");
    old["version"] = json!(1);
    let migrated = asker.get("SetWorkflow", old).await["followUp"]["instanceId"].clone();
    let mut olds = Vec::new();
    for call in ["batch 1", "batch 2"] {
        let mut old = set_request(call);
        old["version"] = json!(1);
        olds.push(asker.get("SetWorkflow", old).await["followUp"]["instanceId"].clone());
    }
    // One a second: it still runs when it is stopped.
    let slow: Vec<String> = vec![
        asker.set("slow 1").await,
        asker.set("slow 2").await,
        asker.set("slow 3").await,
    ];
    let slow = json!({ "actor": "olga", "reason": "a drill", "per_second": 1, "instance_ids": slow,
                       "work": { "pause": {} } });
    let batch = asker.get("StartBatch", slow).await["batch"]["id"].clone();
    let mut gone = set_request("gone");
    gone["properties"]["caller"] = json!({ "name": "Zeno", "reference": "C-2" });
    asker.get("SetWorkflow", gone).await;
    let migrate = json!({ "work": { "migrate": { "to_version": 2 } }, "instance_ids": olds, "reason": "newer" });
    let erase = case(
        "EraseCaller",
        "olga",
        json!({ "caller": { "reference": "C-2" }, "reason": "asked for it" }),
    );
    vec![
        case(
            "CancelInstance",
            "olga",
            json!({ "instance_id": cancelled, "reason": "a test" }),
        ),
        case(
            "MoveInstance",
            "olga",
            json!({ "instance_id": moved, "stage": 2, "reason": "a mistake" }),
        ),
        case(
            "MigrateInstance",
            "olga",
            json!({ "instance_id": migrated, "to_version": 2, "reason": "newer" }),
        ),
        case("StartBatch", "olga", migrate),
        showing(case("AcceptClock", "olga", json!({})), &["serverTime"]),
        case("ConfirmPurge", "olga", json!({})),
        case(
            "ConfirmRetention",
            "olga",
            json!({ "workflow": "refund", "version": 2 }),
        ),
        case(
            "StopBatch",
            "olga",
            json!({ "batch_id": batch, "reason": "enough" }),
        ),
        showing(
            erase,
            &["erasure.state", "erasure.endedAt", "erasure.openCount"],
        ),
    ]
}

fn of_authors() -> Vec<Case> {
    let imported = aftercall_tests::REFUND
        .replace("workflow: refund", "workflow: import")
        .replace("due: 4h", "due: 5h");
    let calendar = json!({ "name": "days", "title": "Days", "time_zone": "Europe/Berlin",
                           "hours": [{ "weekday": "WEEKDAY_MONDAY", "openings": ["09:00-17:00"] }] });
    let add = json!({ "name": "add", "event_id": "new-call", "action": "button: Escalate" });
    let update =
        json!({ "name": "update", "event_id": "new-call", "place": 3, "action": "button: Refuse" });
    let relocate = json!({ "name": "move", "event_id": "new-call", "place": 3, "to_event_id": "new-call", "before": 1 });
    let archive = case("ArchiveWorkflow", "author", json!({ "name": "archive" }));
    let archived = &[
        "workflow.title",
        "newestVersion",
        "hasDraft",
        "publishedAt",
        "openInstances",
    ];
    vec![
        showing(
            case("ImportWorkflow", "author", json!({ "file": imported })),
            &["faults"],
        ),
        showing(
            case(
                "CreateWorkflow",
                "author",
                json!({ "name": "created", "title": "Created" }),
            ),
            &["faults"],
        ),
        showing(case("AddAction", "author", add), &["faults"]),
        showing(case("UpdateAction", "author", update), &["faults"]),
        showing(
            case(
                "RemoveAction",
                "author",
                json!({ "name": "remove", "event_id": "new-call", "place": 3 }),
            ),
            &["faults"],
        ),
        showing(case("MoveAction", "author", relocate), &["faults"]),
        showing(
            case("PublishWorkflow", "author", json!({ "name": "publish" })),
            &["faults", "archived"],
        ),
        showing(archive, archived),
        case(
            "ImportTeam",
            "author",
            json!({ "name": "night", "title": "Night shift" }),
        ),
        case("RemoveTeam", "author", json!({ "name": "unused" })),
        case("ImportCalendar", "author", json!({ "calendar": calendar })),
    ]
}
