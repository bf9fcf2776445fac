//! What only some of those may ask for who may call an RPC.

use serde_json::json;
use tonic::Code;

use super::world::World;
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
