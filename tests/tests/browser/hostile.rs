//! A hostile web page in a real browser: it can neither read from the servers nor push a button.
//!
//! The servers listen on loopback without proof of identity, so that nothing but the checks of
//! hosts, origins and content types keeps the page out. Each attack has a control: the same page in
//! the same browser, with a server that was configured for it.

use aftercall_proto::alert::v1::SubscribeRequest;
use aftercall_proto::workflow::v1::{FollowUp, GetFollowUpRequest, ListFollowUpsRequest};
use aftercall_tests::{Clients, House, NodeScript, push, set, with_refund};
use prost::Message;
use serde_json::{Map, Value, json};

const MANAGER: &str = "/aftercall.workflow.v1.CallManagerService";
const SUBSCRIBE: &str = "/aftercall.alert.v1.AlertService/Subscribe";
/// A part of what every answer about the follow-up has.
const MARKER: &str = "Refund 72.5 for Ada";
/// What the metrics of both servers have.
const METRIC: &str = "aftercall_";

/// Which page attacks, and how.
#[derive(Clone, Copy, Debug)]
struct Page {
    /// `other` or `rebound`: see the script.
    place: &'static str,
    is_sandboxed: bool,
}

const OTHER: Page = Page {
    place: "other",
    is_sandboxed: false,
};
const SANDBOXED: Page = Page {
    is_sandboxed: true,
    ..OTHER
};
const REBOUND: Page = Page {
    place: "rebound",
    is_sandboxed: false,
};

/// What a page could read, by the form of its requests, and whether it pushed the button.
#[derive(Debug)]
struct Outcome {
    read: Map<String, Value>,
    has_pushed: bool,
}

impl Outcome {
    /// The forms of requests whose answers the page could read, sorted.
    fn forms(&self) -> Vec<&str> {
        let is_read = |text: &str| text.contains(MARKER) || text.contains(METRIC);
        let read = self.read.iter();
        let forms = read.filter(|(_, text)| is_read(text.as_str().expect("text")));
        let mut forms: Vec<&str> = forms.map(|(form, _)| form.as_str()).collect();
        forms.sort_unstable();
        forms
    }

    #[track_caller]
    fn is_nothing(&self) {
        assert_eq!(self.forms(), Vec::<&str>::new(), "{self:#?}");
        assert!(!self.has_pushed, "{self:#?}");
        let ended = self.read.iter().filter(|(_, text)| *text != "no answer");
        let forms = FORMS * 3;
        assert_eq!(
            ended.count(),
            forms,
            "each attack came to its end: {self:#?}"
        );
    }
}

/// How many forms of requests the script has.
const FORMS: usize = 20;

/// A follow-up as it is now.
async fn now(clients: &mut Clients, id: &str) -> FollowUp {
    let request = GetFollowUpRequest {
        instance_id: id.to_owned(),
        ..GetFollowUpRequest::default()
    };
    let answer = clients.manager.get_follow_up(request).await;
    let follow_up = answer.expect("it is there").into_inner().follow_up;
    follow_up.expect("the follow-up is in the answer")
}

/// Lets a page attack both servers with these settings.
async fn attacked(
    script: &mut NodeScript,
    page: Page,
    web_origins: &[String],
    allowed_hosts: &[String],
) -> Outcome {
    let house = House::start_for_pages(web_origins, allowed_hosts).await;
    let mut clients = with_refund(&house).await;
    let before = set(&mut clients, "1001", 72.5).await;
    let button = before.buttons[0].id.clone();
    let push = push(&before, &button, "a page");
    let (server, alerter) = (house.workflow_address(), house.alerter_address());
    let mut read = Map::new();
    for (what, address, path, message) in [
        (
            "list",
            server,
            format!("{MANAGER}/ListFollowUps"),
            ListFollowUpsRequest::default().encode_to_vec(),
        ),
        (
            "subscribe",
            alerter,
            SUBSCRIBE.to_owned(),
            SubscribeRequest::default().encode_to_vec(),
        ),
        (
            "push",
            server,
            format!("{MANAGER}/PushButton"),
            push.encode_to_vec(),
        ),
    ] {
        let attack = json!({
            "page": page.place,
            "sandboxed": page.is_sandboxed,
            "rebind": page.place == REBOUND.place,
            "address": address.to_string(),
            "path": path,
            "message": message,
            "marker": MARKER,
        });
        let Value::Object(answers) = script.ask(&attack).await else {
            panic!("the script answers with an object");
        };
        let named = |(form, text)| (format!("{what} by {form}"), text);
        read.extend(answers.into_iter().map(named));
    }
    let after = now(&mut clients, &before.instance_id).await;
    Outcome {
        read,
        has_pushed: after.revision != before.revision,
    }
}

/// A script, and the origins of its two pages.
async fn script() -> (NodeScript, String, String) {
    let mut script = NodeScript::in_browser("hostile.mjs").await;
    let origins = script.hear().await;
    let origin = |place: Page| origins[place.place].as_str().expect("an origin").to_owned();
    (script, origin(OTHER), origin(REBOUND))
}

fn desk() -> Vec<String> {
    vec!["https://desk.example.com".to_owned()]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_reads_and_pushes_nothing() {
    let (mut script, origin, _) = script().await;
    attacked(&mut script, OTHER, &[], &[]).await.is_nothing();
    attacked(&mut script, OTHER, &desk(), &[])
        .await
        .is_nothing();
    // A frame without an origin of its own does not get that of its page.
    let own = [origin];
    let sandboxed = attacked(&mut script, SANDBOXED, &own, &[]).await;
    sandboxed.is_nothing();
    // The control: gRPC-Web alone is for a page of a configured origin.
    let control = attacked(&mut script, OTHER, &own, &[]).await;
    assert!(control.has_pushed, "{control:#?}");
    let expected = [
        "list by gRPC-Web",
        "list by gRPC-Web, as text",
        "subscribe by gRPC-Web",
        "subscribe by gRPC-Web, as text",
    ];
    assert_eq!(control.forms(), expected, "{control:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_a_rebound_name_reads_and_pushes_nothing() {
    let (mut script, _, origin) = script().await;
    let own = [origin];
    let names = ["evil.example".to_owned()];
    attacked(&mut script, REBOUND, &[], &[]).await.is_nothing();
    attacked(&mut script, REBOUND, &desk(), &[])
        .await
        .is_nothing();
    // Its origin alone does not let it in.
    attacked(&mut script, REBOUND, &own, &[]).await.is_nothing();
    // The controls: with its name it reads what needs no origin, and with both it pushes.
    let named = attacked(&mut script, REBOUND, &[], &names).await;
    assert!(!named.has_pushed, "{named:#?}");
    assert!(named.forms().contains(&"list by metrics"), "{named:#?}");
    let control = attacked(&mut script, REBOUND, &own, &names).await;
    assert!(control.has_pushed, "{control:#?}");
    let forms = control.forms();
    assert!(forms.contains(&"list by gRPC-Web"), "{control:#?}");
    assert!(forms.contains(&"subscribe by gRPC-Web"), "{control:#?}");
}
