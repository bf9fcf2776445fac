//! What only some of those may ask for who may call an RPC.

use serde_json::{Value, json};
use tonic::Code;

use super::world::{World, call, set_request};
use crate::reason;

#[tokio::test(flavor = "multi_thread")]
async fn only_a_supervisor_takes_back_as_one() {
    let world = World::start().await;
    let push =
        |id: &str| json!({ "instance_id": id, "button_id": "approve", "stage": 1, "visit": 1 });
    let undo =
        |id: &str| json!({ "instance_id": id, "as_supervisor": true, "reason": "a mistake" });
    let own = world.set("own", "refund").await;
    world.get_as(&world.agent, "PushButton", push(&own)).await;
    let others = world.set("others", "refund").await;
    world.get("PushButton", push(&others)).await;
    for id in [&own, &others] {
        let refused = world.ask(&world.agent, "UndoPush", &undo(id)).await;
        let refused = refused.expect_err("an agent is no supervisor");
        assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
        assert_eq!(reason(&refused), "ROLE_MISSING");
    }
    let plain = |id: &str| json!({ "instance_id": id });
    let refused = world.ask(&world.agent, "UndoPush", &plain(&others)).await;
    let refused = refused.expect_err("somebody else pushed");
    assert_eq!(reason(&refused), "PUSHED_BY_ANOTHER");
    world.get_as(&world.agent, "UndoPush", plain(&own)).await;
    world
        .get_as(&world.supervisor, "UndoPush", undo(&others))
        .await;
}

/// The requests by which agents read about one follow-up and its call.
fn reads(id: &str, of_call: &str) -> [(&'static str, Value); 4] {
    [
        ("ListHistory", json!({ "instance_id": id })),
        ("ListHistory", json!({ "call": call(of_call) })),
        ("ExplainInstance", json!({ "instance_id": id })),
        ("RenderWorkflow", json!({ "instance_id": id })),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_reads_only_what_call_managers_see() {
    let world = World::start().await;
    let set = async |call: &str, change: fn(&mut Value)| {
        let mut request = set_request(call, "refund");
        change(&mut request);
        let answer = world.get("SetWorkflow", request).await;
        let id = answer["followUp"]["instanceId"].as_str();
        id.expect("an id").to_owned()
    };
    let shown = set("shown", |_| {}).await;
    let ended = set("over", |_| {}).await;
    let cancel = json!({ "instance_id": ended, "reason": "a test" });
    world.get("CancelInstance", cancel).await;
    let unpaid = set("unpaid", |request| {
        request["properties"]["chargeable"] = json!(false);
    })
    .await;
    for (id, call, is_shown) in [
        (&shown, "shown", true),
        (&ended, "over", true),
        (&unpaid, "unpaid", false),
    ] {
        for (method, request) in reads(id, call) {
            let answer = world.ask(&world.agent, method, &request).await;
            match answer {
                Ok(answer) => assert!(is_shown, "{method} {request}: {answer}"),
                Err(refused) => {
                    assert!(!is_shown, "{method} {request}: {refused:?}");
                    assert_eq!(refused.code(), Code::NotFound, "{method}: {refused:?}");
                }
            }
            world.get_as(&world.supervisor, method, request).await;
        }
    }
    // Of a call, an agent sees nothing of a follow-up that waits for its end.
    let waiting = set("waits", |request| {
        request["release"] = json!("RELEASE_CALL_ENDED");
    })
    .await;
    let of_call = json!({ "call": call("waits") });
    for (token, sees) in [(&world.agent, false), (&world.supervisor, true)] {
        let history = world.get_as(token, "ListHistory", of_call.clone()).await;
        assert_eq!(history.to_string().contains(&waiting), sees, "{history}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_of_a_team_needs_role_and_scope() {
    let world = World::start().await;
    let of = |team: &str, view: &str| json!({ "team": team, "view": view });
    for method in ["SaveView", "RemoveView"] {
        let own = world.ask(&world.agent, method, &of("", "Mine")).await;
        own.expect("an own view is everybody's right");
        let refused = world.ask(&world.agent, method, &of("billing", "All")).await;
        let refused = refused.expect_err("an agent is no supervisor");
        assert_eq!(reason(&refused), "ROLE_MISSING");
        // Tom has the team `care` alone.
        let refused = world
            .ask(&world.outside[1], method, &of("billing", "All"))
            .await;
        let refused = refused.expect_err("another team");
        assert_eq!(reason(&refused), "OUT_OF_SCOPE");
        let of_team = world
            .ask(&world.supervisor, method, &of("billing", "All"))
            .await;
        of_team.expect("a supervisor may");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn own_views_are_shown_to_their_owner_alone() {
    let world = World::start().await;
    let saved = json!({ "view": "Mine" });
    world.get_as(&world.agent, "SaveView", saved).await;
    let listed = world.get_as(&world.agent, "ListViews", json!({})).await;
    assert!(listed.to_string().contains("Mine"), "{listed}");
    let listed = world
        .get_as(&world.supervisor, "ListViews", json!({}))
        .await;
    assert!(!listed.to_string().contains("Mine"), "{listed}");
    let of_ann = json!({ "person": "Ann" });
    let refused = world.ask(&world.supervisor, "ListViews", &of_ann).await;
    assert_eq!(
        refused.expect_err("not Sue's").code(),
        Code::InvalidArgument
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_supervisor_sets_another_away() {
    let world = World::start().await;
    let of = |person: &str| json!({ "person": person, "until": "2027-01-01T08:00:00Z" });
    for method in ["SetAway", "EndAway"] {
        let request = |person: &str| {
            let mut request = of(person);
            if method == "EndAway" {
                request.as_object_mut().expect("fields").remove("until");
            }
            request
        };
        for own in ["", "Ann"] {
            let own = world.ask(&world.agent, method, &request(own)).await;
            own.expect("Ann, for herself");
        }
        let refused = world.ask(&world.agent, method, &request("Ben")).await;
        let refused = refused.expect_err("an agent is no supervisor");
        assert_eq!(reason(&refused), "ROLE_MISSING");
        let other = world.ask(&world.supervisor, method, &request("Ben")).await;
        other.expect("a supervisor may");
    }
}

/// Each kind of work of a batch, and whether an agent, a supervisor and an operator may start it.
fn works() -> [(Value, [bool; 3]); 9] {
    let until = (jiff::Timestamp::now() + std::time::Duration::from_secs(3_600)).to_string();
    let (lead, desk, all) = ([false, true, true], [true, true, false], [true; 3]);
    [
        (json!({ "move": { "stage": 1 } }), lead),
        (json!({ "cancel": {} }), lead),
        (json!({ "migrate": { "to_version": 2 } }), lead),
        (
            json!({ "push": { "button_id": "approve", "stage": 1 } }),
            desk,
        ),
        (json!({ "snooze": { "until": until } }), desk),
        (json!({ "claim": {} }), desk),
        (json!({ "hand_over": { "to_person": "Dora" } }), all),
        (json!({ "pause": {} }), all),
        (json!({ "resume": {} }), all),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_for_the_roles_of_its_work_only() {
    let world = World::start().await;
    let id = world.set("one", "refund").await;
    let mut kinds = Vec::new();
    for (work, expected) in works() {
        kinds.extend(work.as_object().expect("one kind").keys().cloned());
        let request =
            json!({ "instance_ids": [id], "reason": "a drill", "dry_run": true, "work": work });
        let roles = [&world.agent, &world.supervisor, &world.operator];
        for (token, may) in roles.into_iter().zip(expected) {
            match world.ask(token, "StartBatch", &request).await {
                Ok(answer) => assert!(may, "{work}: {answer}"),
                Err(refused) => {
                    assert!(!may, "{work}: {refused:?}");
                    assert_eq!(reason(&refused), "ROLE_MISSING", "{work}: {refused:?}");
                }
            }
        }
    }
    let message = world.method("StartBatch").input().get_field_by_name("work");
    let message = message.expect("the work").kind();
    let all = message.as_message().expect("a message").fields();
    let mut all: Vec<String> = all.map(|field| field.name().to_owned()).collect();
    all.sort();
    kinds.sort();
    assert_eq!(kinds, all, "each kind of work is in the table");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_has_batches_of_visible_work_and_its_own() {
    let world = World::start().await;
    let seen = world.set("seen", "refund").await;
    let mut hidden = set_request("hidden", "refund");
    hidden["properties"]["chargeable"] = json!(false);
    let answer = world.get("SetWorkflow", hidden).await;
    let hidden = answer["followUp"]["instanceId"].clone();
    let claim = |rest: Value| {
        let mut request = json!({ "work": { "claim": {} }, "dry_run": true });
        let rest = rest.as_object().expect("fields").clone();
        request.as_object_mut().expect("fields").extend(rest);
        request
    };
    let by_filter = json!({ "workflows": ["refund"] });
    let request = claim(json!({ "filter": by_filter }));
    let refused = world.ask(&world.agent, "StartBatch", &request).await;
    assert_eq!(
        refused.expect_err("it finds hidden ones").code(),
        Code::InvalidArgument
    );
    let request = claim(json!({ "follow_up_filter": by_filter }));
    let found = world.get_as(&world.agent, "StartBatch", request).await;
    let text = found.to_string();
    assert!(
        text.contains(&seen) && !text.contains(hidden.as_str().expect("an id")),
        "{text}"
    );
    // A hand-over by name reaches nothing hidden either.
    let request = json!({ "instance_ids": [hidden], "reason": "a drill", "dry_run": true, "work": { "pause": {} } });
    let found = world.get_as(&world.agent, "StartBatch", request).await;
    assert!(found.to_string().contains("NOT_VISIBLE"), "{found}");

    let started = json!({ "instance_ids": [seen], "work": { "claim": {} } });
    let own = world.get_as(&world.agent, "StartBatch", started).await;
    let pause = json!({ "instance_ids": [seen], "reason": "a drill", "work": { "pause": {} } });
    let others = world.get("StartBatch", pause).await;
    for (batch, sees) in [(&own, true), (&others, false)] {
        let mut request = json!({ "batch_id": batch["batch"]["id"] });
        for method in ["GetBatch", "ListBatchItems", "StopBatch"] {
            if method == "StopBatch" {
                request["reason"] = json!("enough");
            }
            let answer = world.ask(&world.agent, method, &request).await;
            assert_eq!(answer.is_ok(), sees, "{method}: {answer:?}");
            if let Err(refused) = answer {
                assert_eq!(refused.code(), Code::NotFound, "{method}: {refused:?}");
            }
            let control = world.ask(&world.supervisor, method, &request).await;
            assert!(control.is_ok(), "{method}: {control:?}");
        }
    }
    let listed = world.get_as(&world.agent, "ListBatches", json!({})).await;
    assert_eq!(
        listed["batches"].as_array().map(Vec::len),
        Some(1),
        "{listed}"
    );
}
