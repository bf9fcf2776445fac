//! Texts that look like a part of a web page: in every field that people can fill, they are texts.

use aftercall_proto::workflow::v1::{
    AddNoteRequest, Caller, ClaimFollowUpRequest, FollowUp, PauseFollowUpRequest,
    PushButtonRequest, ResumeFollowUpRequest, SetWorkflowRequest,
};
use aftercall_tests::{Clients, House, push, set_refund, text};

use crate::desk::{Desk, Page};

/// A workflow whose every text is hostile.
const FILE: &str = r#"
format: 1
workflow: markup
title: "TITLE"
fields: { why: { type: text } }
on_new_call_title: "STAGE"
on_new_call:
  - alert: { text: "ALERT {{ fields.why }}", team: billing, due: 4h }
  - button: "BUTTON"
    id: go
    confirm: "QUESTION"
    form: { how: { type: text, label: "LABEL" } }
    title: "AFTER"
    then:
      - alert: { text: "Next", team: billing }
      - button: End
        then: [ finish: done ]
"#;

/// A text that runs where a page takes it for a part of itself; its end names it.
fn hostile(name: &str) -> String {
    format!("<img src=x onerror='window.evil=1'><script>window.evil=1</script>{name}")
}

/// The same for the name of a detail, which has few characters.
fn short(name: &str) -> String {
    format!("<script>window.evil=1</script>{name}")
}

fn hostile_call() -> SetWorkflowRequest {
    let mut request = set_refund("1001", 1.0);
    request.workflow = "markup".to_owned();
    request.fields = [("why".to_owned(), text(&hostile("field")))].into();
    let properties = request.properties.as_mut().expect("properties");
    properties.customer = hostile("customer");
    properties.agent = hostile("agent");
    properties.details = [(short("detail"), hostile("value"))].into();
    properties.caller = Some(Caller {
        name: hostile("name"),
        phone: "<script>window.evil=1</script>0123".to_owned(),
        reference: hostile("reference"),
        email: hostile("email"),
        ..Caller::default()
    });
    request
}

/// Fills every field that people can fill, as a person with a hostile name.
async fn work(clients: &mut Clients, one: &FollowUp) {
    let (actor, instance_id) = (hostile("actor"), one.instance_id.clone());
    let claim = ClaimFollowUpRequest {
        actor: actor.clone(),
        instance_id: instance_id.clone(),
        ..ClaimFollowUpRequest::default()
    };
    let note = AddNoteRequest {
        actor: actor.clone(),
        instance_id: instance_id.clone(),
        text: hostile("note"),
        ..AddNoteRequest::default()
    };
    let pause = PauseFollowUpRequest {
        actor: actor.clone(),
        instance_id: instance_id.clone(),
        reason: hostile("reason"),
        ..PauseFollowUpRequest::default()
    };
    let manager = &mut clients.manager;
    manager.claim_follow_up(claim).await.expect("held");
    manager.add_note(note).await.expect("noted");
    manager.pause_follow_up(pause).await.expect("paused");
}

/// The texts that a follow-up shows.
const OF_FOLLOW_UP: [&str; 15] = [
    "name",
    "reference",
    "email",
    "customer",
    "agent",
    "detail",
    "value",
    "field",
    "title",
    "stage",
    "alert",
    "note",
    "reason",
    "actor",
    "0123",
];

async fn shows(desk: &mut Desk, path: &str, names: &[&str]) {
    let shown = desk.text("body").await;
    for name in names {
        let is_shown = shown.contains(&short(name));
        assert!(is_shown, "{path} shows no {name}: {shown}");
    }
    let parts = "img[src=x], script:not([src])";
    assert_eq!(desk.step("count", parts, "").await, 0, "{path}");
    assert_eq!(desk.step("runs", "", "evil").await, false, "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn markup_in_any_field_is_only_text() {
    let house = House::start().await;
    let mut clients = house.clients().await;
    clients.teams(&["billing"]).await;
    let mut file = FILE.to_owned();
    for name in [
        "TITLE", "STAGE", "ALERT", "BUTTON", "QUESTION", "LABEL", "AFTER",
    ] {
        file = file.replace(name, &hostile(&name.to_lowercase()));
    }
    clients.publish(&file).await;
    let set = clients.scripts.set_workflow(hostile_call()).await;
    let one = set.expect("set").into_inner().follow_up.expect("it");
    work(&mut clients, &one).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;

    let path = format!("/f/{}", one.instance_id);
    desk.goto(&page.url(&path)).await;
    desk.sees(".line.live").await;
    desk.click("#history summary").await;
    desk.sees("#history .did").await;
    shows(&mut desk, &path, &OF_FOLLOW_UP).await;
    for path in ["/team", &format!("{path}/history"), "/wall", "/"] {
        desk.goto(&page.url(path)).await;
        let (ready, names) = match path {
            "/team" => ("#holders tbody a", &["stage", "actor"][..]),
            "/wall" => ("#open", &["stage"][..]),
            "/" => (
                "#list .row",
                &["name", "customer", "title", "stage", "actor"][..],
            ),
            _ => (".history", &["note", "reason", "actor", "field"][..]),
        };
        desk.sees(ready).await;
        shows(&mut desk, path, names).await;
    }
    // A wall shows no name.
    desk.goto(&page.url("/wall")).await;
    desk.sees("#open").await;
    assert!(!desk.text("main").await.contains("actor"));
    desk.goto(&page.url("/team")).await;
    desk.click("#holders tbody a").await;
    desk.sees("#held .work").await;
    let held = ["actor", "name", "customer", "title", "stage", "alert"];
    shows(&mut desk, "/team/person", &held).await;
    desk.goto(&page.url("/")).await;
    desk.goto(&page.url(&path)).await;
    desk.click(".others a").await;
    desk.sees(".work").await;
    let of_caller = [
        "name",
        "customer",
        "title",
        "stage",
        "alert",
        "reference",
        "email",
    ];
    shows(&mut desk, "/caller", &of_caller).await;

    // The picture of the workflow, and the form of the button once it may be pushed.
    let resume = ResumeFollowUpRequest {
        actor: hostile("actor"),
        instance_id: one.instance_id.clone(),
        ..ResumeFollowUpRequest::default()
    };
    clients.manager.resume_follow_up(resume).await.expect("on");
    desk.goto(&page.url(&path)).await;
    desk.sees("form.asks").await;
    shows(&mut desk, &path, &["button", "question", "label"]).await;
    let pushed = PushButtonRequest {
        form: [("how".to_owned(), text(&hostile("form")))].into(),
        note: hostile("pushed"),
        ..push(&one, "go", &hostile("actor"))
    };
    clients.manager.push_button(pushed).await.expect("pushed");
    desk.goto(&page.url(&format!("{path}/history"))).await;
    shows(&mut desk, "history", &["form", "pushed", "button", "after"]).await;
    desk.goto(&page.url(&format!("{path}/picture"))).await;
    assert_eq!(desk.step("count", "script", "").await, 0);
    desk.is_sound().await;
    page.stop().await;
}
