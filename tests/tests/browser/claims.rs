//! The claim of a person who types.

use aftercall_proto::workflow::v1::{FollowUp, GetFollowUpRequest, TakeOverRequest};
use aftercall_tests::push;

use crate::board::{Scene, row};

const NOTE: &str = "form[data-form=note] textarea";
const REJECT: &str = "form[data-form=push-reject]";

async fn read(scene: &mut Scene, one: &FollowUp) -> FollowUp {
    let request = GetFollowUpRequest {
        instance_id: one.instance_id.clone(),
        ..GetFollowUpRequest::default()
    };
    let read = scene.clients.manager.get_follow_up(request).await;
    let read = read.expect("read").into_inner().follow_up;
    read.expect("a follow-up")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_is_extended_while_somebody_types() {
    let (mut scene, one) = Scene::start().await;
    let url = scene.page.url(&format!("/f/{}", one.instance_id));
    scene.desk.step("clocked", "", &url).await;
    scene.desk.sees(".line.live").await;
    // What is lost on the way is sent again at the next key.
    scene.desk.step("network", "", "off").await;
    scene.desk.sees(".line.lost").await;
    scene.desk.fill(NOTE, "C").await;
    scene.desk.step("network", "", "on").await;
    scene.desk.sees(".line.live").await;
    scene.desk.fill(NOTE, "Ca").await;
    let held = format!("{}[data-holder='Ann']", row(&one));
    scene.desk.exists(&format!("{held}[data-rev='2']")).await;
    scene.desk.exists("#panel [data-left]").await;
    let first = read(&mut scene, &one).await.claim.expect("held");

    // It is no change that the person has to look at, and not each key extends it.
    for text in ["Cal", "Call"] {
        scene.desk.fill(NOTE, text).await;
        scene.desk.step("gone", ".changed", "").await;
    }
    scene.desk.step("later", "", "400").await;
    scene.desk.fill(NOTE, "Called").await;
    scene.desk.exists(&format!("{held}[data-rev='3']")).await;
    let extended = read(&mut scene, &one).await;
    let until =
        |claim: &aftercall_proto::workflow::v1::Claim| claim.until.map(|at| (at.seconds, at.nanos));
    let claim = extended.claim.expect("held");
    assert!(until(&claim) > until(&first), "{claim:?} {first:?}");
    assert_eq!(extended.revision, 3, "one extension");

    // Who releases it claims it again with the next key.
    scene
        .desk
        .click("#panel form[action$='/release'] button")
        .await;
    scene
        .desk
        .exists(&format!("{}[data-holder='']", row(&one)))
        .await;
    scene.desk.fill(NOTE, "Called back").await;
    scene.desk.exists(&held).await;
    scene.desk.is_sound().await;
}

/// Somebody types, and Ben is faster.
async fn refused(scene: &mut Scene, one: &FollowUp) {
    let note = format!("{REJECT} textarea");
    scene.desk.fill(&note, "Too late").await;
    let held = format!("{}[data-holder='Ann']", row(one));
    scene.desk.exists(&held).await;
    let taken = TakeOverRequest {
        actor: "Ben".to_owned(),
        instance_id: one.instance_id.clone(),
        reason: "Ann is away".to_owned(),
        ..TakeOverRequest::default()
    };
    let manager = &mut scene.clients.manager;
    manager.take_over(taken).await.expect("Ben takes it");
    scene
        .desk
        .exists(&format!("{}[data-holder='Ben']", row(one)))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_shows_who_was_faster_in_both_languages() {
    let (mut scene, one) = Scene::start().await;
    for (language, by, stage, age, later, held) in [
        (
            "en-GB",
            "Ben pushed “Approve” ",
            "The stage is now 2 · After Approve.",
            "second",
            "minute",
            "Ben holds it until ",
        ),
        (
            "de-DE",
            "Ben hat „Approve“ gedrückt, vor ",
            "Die Stufe ist jetzt 2 · After Approve.",
            "Sekunde",
            "Minute",
            "Ben bearbeitet ihn bis ",
        ),
    ] {
        let one = match language {
            "en-GB" => one.clone(),
            _ => aftercall_tests::set(&mut scene.clients, "1002", 20.0).await,
        };
        scene.desk.step("language", "", language).await;
        let url = scene.page.url(&format!("/f/{}", one.instance_id));
        scene.desk.step("clocked", "", &url).await;
        scene.desk.sees(".line.live").await;
        refused(&mut scene, &one).await;
        let reject = format!("{REJECT} button.main");
        scene.desk.click(&reject).await;
        scene.desk.reads("#panel .refused", held).await;
        let approved = push(&one, "approve", "Ben");
        let pushed = scene.clients.manager.push_button(approved).await;
        pushed.expect("Ben pushes it");
        scene.desk.click(&reject).await;
        let shown = "#panel .refused:focus";
        scene.desk.reads(shown, by).await;
        let text = scene.desk.text(shown).await;
        assert!(text.contains(stage) && text.contains(age), "{text}");
        scene.desk.step("later", "", "75").await;
        scene.desk.reads(shown, later).await;
    }
    scene.desk.is_sound().await;
}
