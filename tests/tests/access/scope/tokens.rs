//! Tokens of pages and streams belong to a scope.

use serde_json::{Value, json};
use tonic::Code;

use super::world::World;
use super::{DEPTH, field_in_scope};

/// Pages of one row each, of every list that has page tokens.
fn lists(id: &str, batch: &Value) -> [(&'static str, Value); 4] {
    [
        ("ListFollowUps", json!({ "page_size": 1 })),
        ("ListInstances", json!({ "page_size": 1 })),
        ("ListHistory", json!({ "page_size": 1, "instance_id": id })),
        (
            "ListBatchItems",
            json!({ "page_size": 1, "batch_id": batch }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn page_tokens_are_of_no_use_in_another_scope() {
    let world = World::start().await;
    let ids = [
        world.set("one", "refund").await,
        world.set("two", "refund").await,
    ];
    let note = json!({ "instance_id": ids[0], "text": "a second entry" });
    world.get("AddNote", note).await;
    let pause = json!({ "instance_ids": ids, "reason": "a drill", "work": { "pause": {} } });
    let started = world.get_as(&world.inside, "StartBatch", pause).await;
    let lists = lists(&ids[0], &started["batch"]["id"]);
    for method in world.methods() {
        let (input, output) = (world.method(method).input(), world.method(method).output());
        let has_pages = input.get_field_by_name("page_token").is_some();
        let is_in_scope = field_in_scope(&output, DEPTH).is_some();
        let is_asked = lists.iter().any(|(list, _)| *list == method);
        assert_eq!(has_pages && is_in_scope, is_asked, "{method}");
    }
    for (method, request) in lists {
        for (own, other) in [(&world.inside, &world.whole), (&world.whole, &world.inside)] {
            let first = world.get_as(own, method, request.clone()).await;
            let mut next = request.clone();
            next["page_token"] = first["nextPageToken"].clone();
            assert!(next["page_token"].is_string(), "{method}: {first}");
            world.get_as(own, method, next.clone()).await;
            let refused = world.ask(other, method, &next).await;
            let refused = refused.expect_err("a token of another scope");
            assert_eq!(
                refused.code(),
                Code::InvalidArgument,
                "{method}: {refused:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resume_token_of_another_scope_resets() {
    let world = World::start().await;
    let id = world.set("one", "refund").await;
    world.until_streamed(&id).await;
    let outside = &world.outside[0];
    for (own, other) in [
        (&world.inside, &world.whole),
        (&world.whole, outside),
        (outside, &world.inside),
    ] {
        let first = world.get_as(own, "Subscribe", json!({})).await;
        let last = first.as_array().and_then(|frames| frames.last());
        let token = last.expect("caught up")["token"].clone();
        let resume = json!({ "resume_token": token });
        let again = world.get_as(own, "Subscribe", resume.clone()).await;
        assert!(!again.to_string().contains("reset"), "the control: {again}");
        let reset = world.get_as(other, "Subscribe", resume).await;
        let text = reset.to_string();
        assert!(text.contains("RESET_REASON_OTHER_FILTER"), "{reset}");
        assert_eq!(text.contains(&id), other != outside, "{reset}");
        let never = json!({ "resume_token": token, "snapshot": "SNAPSHOT_MODE_NEVER" });
        let refused = world.ask(other, "Subscribe", &never).await;
        let refused = refused.expect_err("it wants no snapshot");
        assert_eq!(refused.code(), Code::FailedPrecondition, "{refused:?}");
    }
}
