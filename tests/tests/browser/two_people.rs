//! Each action of the panel, by two people at one follow-up: each sees at once what the other does.

use aftercall_proto::workflow::v1::{
    ChaseRequest, FollowUp, GetFollowUpRequest, SetWorkflowRequest,
};
use aftercall_tests::{Clients, House, PATIENCE, set_refund, with_refund};
use call_manager::config::CallManagerConfig;
use tempfile::TempDir;
use tokio::time::timeout;

use crate::board::row;
use crate::desk::{Desk, Page};

/// A button with a question leads to where nothing follows: a person must say how it ends.
const DEAD_END: &str = "
format: 1
workflow: dead-end
title: Dead end
allow_unlinked_ends: true
on_new_call:
  - alert: { text: Decide, team: billing, due: 4h }
  - button: Nowhere
    confirm: Is nothing left to do?
  - button: Done
    then: [ finish: done ]
";

struct Scene {
    clients: Clients,
    one: FollowUp,
    pages: [Page; 2],
    ann: Desk,
    ben: Desk,
    _house: House,
    _sessions: [TempDir; 2],
}

impl Scene {
    /// Both have the follow-up open.
    async fn start() -> Self {
        let house = House::start().await;
        let mut clients = with_refund(&house).await;
        clients.publish(DEAD_END).await;
        let request = SetWorkflowRequest {
            workflow: "dead-end".to_owned(),
            fields: Default::default(),
            ..set_refund("1001", 1.0)
        };
        let set = clients.scripts.set_workflow(request).await;
        let one = set.expect("set").into_inner().follow_up.expect("it");
        let path = format!("/f/{}", one.instance_id);
        let (ann_page, ann, ann_sessions) = look(&house, "Ann", &path).await;
        let (ben_page, ben, ben_sessions) = look(&house, "Ben", &path).await;
        Self {
            clients,
            one,
            pages: [ann_page, ben_page],
            ann,
            ben,
            _house: house,
            _sessions: [ann_sessions, ben_sessions],
        }
    }

    /// Both see that somebody holds it; an empty name for nobody.
    async fn is_held_by(&mut self, name: &str) {
        let held = format!("{}[data-holder='{name}']", row(&self.one));
        for desk in [&mut self.ann, &mut self.ben] {
            desk.exists(&held).await;
        }
    }

    /// Both see a text among the facts of the follow-up.
    async fn both_read(&mut self, text: &str) {
        for desk in [&mut self.ann, &mut self.ben] {
            desk.reads("#panel .facts", text).await;
        }
    }

    /// Until when the claim lasts, in milliseconds.
    async fn claimed_until(&mut self) -> i64 {
        let request = GetFollowUpRequest {
            instance_id: self.one.instance_id.clone(),
            ..GetFollowUpRequest::default()
        };
        let read = self.clients.manager.get_follow_up(request).await;
        let read = read.expect("read").into_inner().follow_up.expect("it");
        let until = read.claim.expect("a claim").until.expect("a time");
        until.seconds * 1_000 + i64::from(until.nanos) / 1_000_000
    }
}

/// A person at a page of their own, with a path open.
async fn look(house: &House, person: &str, path: &str) -> (Page, Desk, TempDir) {
    let sessions = tempfile::tempdir().expect("a directory");
    let settings = CallManagerConfig {
        person: person.to_owned(),
        sessions_dir: sessions.path().to_owned(),
        ..CallManagerConfig::default()
    };
    let page = Page::start_with(house, settings, 0).await;
    let mut desk = Desk::open().await;
    desk.goto(&page.url(path)).await;
    desk.sees(".line.live").await;
    (page, desk, sessions)
}

/// Presses the button of a form of the panel that has nothing to fill in.
async fn act(desk: &mut Desk, action: &str) {
    desk.click(&format!("#panel form[action$='/{action}'] button"))
        .await;
}

/// Fills in and sends a form of the part with the rarer actions.
async fn apart(desk: &mut Desk, form: &str, fields: &[(&str, &str)]) {
    desk.exists("#apart").await;
    if desk.step("count", "#apart[open]", "").await == 0 {
        desk.click("#apart summary").await;
    }
    let form = format!("#apart form[data-form={form}]");
    for (name, text) in fields {
        desk.fill(&format!("{form} [name={name}]"), text).await;
    }
    desk.click(&format!("{form} button")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_see_each_others_actions_in_the_panel() {
    let mut scene = Scene::start().await;
    act(&mut scene.ann, "claim").await;
    scene.is_held_by("Ann").await;
    let before = scene.claimed_until().await;
    act(&mut scene.ann, "extend").await;
    let extended = async { while scene.claimed_until().await <= before {} };
    timeout(PATIENCE, extended).await.expect("it is longer");
    let taken = [("reason", "Ann is ill")];
    apart(&mut scene.ben, "take-over", &taken).await;
    scene.is_held_by("Ben").await;
    let handed = [("to", "Ann"), ("reason", "She is back")];
    apart(&mut scene.ben, "hand-over", &handed).await;
    scene.is_held_by("Ann").await;
    act(&mut scene.ann, "release").await;
    scene.is_held_by("").await;

    let paused = [("reason", "Waits for the bank")];
    apart(&mut scene.ann, "pause", &paused).await;
    scene.both_read("Waits for the bank").await;
    act(&mut scene.ben, "resume").await;
    for desk in [&mut scene.ann, &mut scene.ben] {
        desk.step("gone", "#panel form[action$='/resume']", "")
            .await;
    }
    let asked = ChaseRequest {
        request_id: "again".to_owned(),
        actor: "script-1".to_owned(),
        instance_id: scene.one.instance_id.clone(),
        note: "asks when the money comes".to_owned(),
        read_mask: None,
    };
    let chased = scene.clients.scripts.chase(asked).await;
    chased.expect("Ada rings again");
    scene.both_read("1×").await;

    // Ann holds it, does not reach the caller, and tries again later.
    let ann = &mut scene.ann;
    ann.click("#panel .snooze summary").await;
    ann.step("choose", "#panel .snooze [name=outcome]", "no-answer")
        .await;
    ann.click("#panel .snooze .presets button").await;
    ann.reads("#panel .facts", "1 · no-answer · Ann").await;
    let wake = "#panel form[action$='/snooze'] button[value='0']";
    ann.click(wake).await;
    ann.step("gone", wake, "").await;
    for desk in [&mut scene.ann, &mut scene.ben] {
        desk.is_sound().await;
    }
    for page in scene.pages {
        page.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_is_answered_before_a_push() {
    let mut scene = Scene::start().await;
    let nowhere = "#panel form[data-form=push-nowhere]";
    scene.ann.click(&format!("{nowhere} button.main")).await;
    scene
        .ann
        .exists(&format!("{nowhere} [type=checkbox]:invalid"))
        .await;
    let unpushed = format!("{}[data-stage='dead-end/1']", row(&scene.one));
    scene.ann.exists(&unpushed).await;
    scene
        .ann
        .step("check", &format!("{nowhere} [type=checkbox]"), "")
        .await;
    scene.ann.click(&format!("{nowhere} button.main")).await;

    // Nothing follows, so that somebody must say how it ends.
    for desk in [&mut scene.ann, &mut scene.ben] {
        desk.exists("#apart form[data-form=finish]").await;
    }
    let ends = [("outcome", "by-phone"), ("note", "Ada knows")];
    apart(&mut scene.ann, "finish", &ends).await;
    for desk in [&mut scene.ann, &mut scene.ben] {
        desk.reads("#panel .ended", "by-phone").await;
        desk.is_sound().await;
    }
    for page in scene.pages {
        page.stop().await;
    }
}
