//! Each filter of the board: in the browser, in the address, and in the first view of the server.

use aftercall_proto::workflow::v1::{ClaimFollowUpRequest, FollowUp, SetWorkflowRequest};
use aftercall_tests::{Clients, House, set_refund, text, with_refund};

use crate::desk::{Desk, Page};

/// Work of another team, workflow and priority, which is overdue an hour before a refund is.
const VISIT: &str = r#"
format: 1
workflow: visit
title: Visit
on_new_call:
  - alert: { text: Visit, team: payments, priority: low, due: 3h }
  - button: Done
    then: [ finish: done ]
"#;

/// The places of the follow-ups of [`all`].
const FREE: usize = 0;
const VISITED: usize = 2;

/// Each filter: the step, the field, what is typed or chosen there, and the only follow-up that it
/// lets through.
const FILTERS: [(&str, &str, &str, usize); 13] = [
    ("fill", "team", "payments", VISITED),
    ("fill", "customer", "Südwind", VISITED),
    ("fill", "workflow", "visit", VISITED),
    ("choose", "stage", "visit/1", VISITED),
    ("choose", "priority", "1", VISITED),
    ("check", "mine", "", VISITED),
    ("check", "unclaimed", "", FREE),
    ("check", "overdue", "", VISITED),
    ("fill", "q", "grace hop", VISITED),
    ("fill", "q", "c-77", VISITED),
    ("fill", "q", "b-20417", FREE),
    ("fill", "q", "030 / 12 34-56", VISITED),
    ("fill", "q", "+49-30-123456", VISITED),
];

fn visit(call: &str) -> SetWorkflowRequest {
    let mut request = set_refund(call, 1.0);
    request.workflow = "visit".to_owned();
    request.fields.clear();
    let properties = request.properties.as_mut().expect("properties");
    properties.customer = "Südwind".to_owned();
    let caller = properties.caller.as_mut().expect("a caller");
    caller.name = "Grace Hopper".to_owned();
    caller.reference = "C-77".to_owned();
    caller.phone = "+49 30 123456".to_owned();
    request
}

fn refund(call: &str, order: &str) -> SetWorkflowRequest {
    let mut request = set_refund(call, 10.0);
    request.fields.insert("order".to_owned(), text(order));
    request
}

/// A refund that nobody holds, one of Ben, and a visit of Ann.
async fn all(clients: &mut Clients) -> Vec<FollowUp> {
    let mut all = Vec::new();
    for (request, holder) in [
        (refund("1001", "B-20417"), ""),
        (refund("1002", "B-20988"), "Ben"),
        (visit("1003"), "Ann"),
    ] {
        let answer = clients.scripts.set_workflow(request).await;
        let one = answer.expect("set").into_inner().follow_up.expect("it");
        if !holder.is_empty() {
            let claim = ClaimFollowUpRequest {
                actor: holder.to_owned(),
                instance_id: one.instance_id.clone(),
                ..ClaimFollowUpRequest::default()
            };
            let claimed = clients.manager.claim_follow_up(claim).await;
            claimed.expect("claimed");
        }
        all.push(one);
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn each_filter_finds_its_rows_also_by_its_address() {
    let mut house = House::start_without_alerter().await;
    house.stop_workflow().await;
    house.set_country("DE");
    house.start_workflow().await;
    house.start_alerter().await;
    let mut clients = with_refund(&house).await;
    clients.publish(VISIT).await;
    let all = all(&mut clients).await;
    let sessions = tempfile::tempdir().expect("a directory");
    let page = Page::start(&house, sessions.path(), 0).await;
    let mut desk = Desk::open().await;
    desk.step("clock", "", "").await;
    desk.goto(&page.url("/")).await;
    desk.sees(".line.live").await;
    for one in &all {
        desk.sees(&format!("#f-{}", one.instance_id)).await;
    }
    // By the clock of the page the visit is late, and no refund is.
    desk.step("later", "", "11400").await;
    desk.sees(&format!("#f-{}.overdue", all[VISITED].instance_id))
        .await;

    let mut addresses = Vec::new();
    for (step, name, value, place) in FILTERS {
        let field = format!("#filter [name={name}]");
        desk.step(step, &field, value).await;
        let found = (desk.rows().await, name, value);
        assert_eq!(found, (vec![all[place].instance_id.clone()], name, value));
        let address = desk.step("address", "", "").await;
        let address = address.as_str().expect("text").to_owned();
        assert!(address.contains(&format!("/?{name}=")), "{address}");
        addresses.push((address, name, place));
        let empty = if step == "check" { "uncheck" } else { step };
        desk.step(empty, &field, "").await;
        assert_eq!(desk.rows().await.len(), all.len(), "{name} is empty again");
    }
    desk.is_sound().await;

    // The server applies them to its first view, for which a browser without scripts is enough.
    desk.step("plain", "", "").await;
    for (address, name, place) in addresses {
        desk.goto(&address).await;
        let wanted = match name {
            // By its own clock.
            "overdue" => Vec::new(),
            _ => vec![all[place].instance_id.clone()],
        };
        assert_eq!(desk.rows().await, wanted, "{address}");
    }
    page.stop().await;
}
