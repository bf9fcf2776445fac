//! A list that is frozen, under a filter.

use aftercall_proto::workflow::v1::{ClaimFollowUpRequest, FollowUp, ReleaseClaimRequest};
use aftercall_tests::set;

use crate::board::{Scene, row};

async fn claim(scene: &mut Scene, one: &FollowUp) {
    let claim = ClaimFollowUpRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    let claimed = scene.clients.manager.claim_follow_up(claim).await;
    claimed.expect("Ben claims it");
}

async fn release(scene: &mut Scene, one: &FollowUp) {
    let release = ReleaseClaimRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        ..ReleaseClaimRequest::default()
    };
    let released = scene.clients.manager.release_claim(release).await;
    released.expect("Ben releases it");
}

/// Three rows, the last of which is Ben's, on a board of what nobody holds.
async fn unclaimed() -> (Scene, [FollowUp; 3]) {
    let (mut scene, one) = Scene::start().await;
    let two = set(&mut scene.clients, "1002", 20.0).await;
    let three = set(&mut scene.clients, "1003", 30.0).await;
    claim(&mut scene, &three).await;
    scene
        .desk
        .exists(&format!("{}[data-holder='Ben']", row(&three)))
        .await;
    scene
        .desk
        .step("check", "#filter [name=unclaimed]", "")
        .await;
    scene.desk.exists(&format!("{}[hidden]", row(&three))).await;
    (scene, [one, two, three])
}

/// Ben takes the first row, and gives the last one back.
async fn change(scene: &mut Scene, [one, two, three]: &[FollowUp; 3]) {
    let before = scene.desk.rows().await;
    assert_eq!(before, [one.instance_id.clone(), two.instance_id.clone()]);
    claim(scene, one).await;
    release(scene, three).await;
    scene
        .desk
        .exists(&format!("{}.out[data-holder='Ben']", row(one)))
        .await;
    scene
        .desk
        .exists(&format!("{}[data-holder=''][hidden]", row(three)))
        .await;
    assert_eq!(scene.desk.rows().await, before, "no row has moved");
    scene.desk.sees("#order").await;
}

async fn is_settled(scene: &mut Scene, [one, two, three]: &[FollowUp; 3]) {
    scene.desk.exists(&format!("{}[hidden]", row(one))).await;
    scene
        .desk
        .exists(&format!("{}:not([hidden], .out)", row(three)))
        .await;
    let rows = scene.desk.rows().await;
    assert_eq!(rows, [two.instance_id.clone(), three.instance_id.clone()]);
    scene.desk.exists("#order[hidden]").await;
    scene.desk.is_sound().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_moves_no_row_under_the_pointer() {
    let (mut scene, all) = Box::pin(unclaimed()).await;
    scene.desk.step("hover", &row(&all[1]), "").await;
    change(&mut scene, &all).await;
    // What is struck out is not for clicks.
    scene.desk.exists(&format!("{}[inert]", row(&all[0]))).await;
    scene.desk.step("away", "", "").await;
    is_settled(&mut scene, &all).await;
    // A filter that the person changes is applied at once.
    scene.desk.step("hover", &row(&all[1]), "").await;
    scene
        .desk
        .step("focus", "#filter [name=unclaimed]", "")
        .await;
    scene.desk.step("press", "", "Space").await;
    scene
        .desk
        .exists(&format!("{}:not([hidden])", row(&all[0])))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_moves_no_row_under_the_focus() {
    let (mut scene, all) = Box::pin(unclaimed()).await;
    scene.desk.step("away", "", "").await;
    scene
        .desk
        .step("focus", &format!("{} a.who", row(&all[0])), "")
        .await;
    change(&mut scene, &all).await;
    // The row with the focus keeps it, although it is struck out.
    assert_eq!(scene.desk.step("focused", "", "").await, all[0].instance_id);
    scene
        .desk
        .exists(&format!("{}:not([inert])", row(&all[0])))
        .await;
    scene.desk.step("focus", "#filter [name=q]", "").await;
    is_settled(&mut scene, &all).await;
}
