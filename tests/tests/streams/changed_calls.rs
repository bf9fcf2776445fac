//! The feed shows each entry as it was, also where the call has changed since: a stream that comes
//! late gets the same changes as one that was there.

use aftercall_proto::feed::v1::{InstanceChange, TailRequest};
use aftercall_proto::workflow::v1::{CallProperties, UpdateCallRequest};
use aftercall_tests::{Clients, House, PATIENCE, call_ref, push, set, with_refund};

/// Changes whether call 1 is chargeable, and its customer.
async fn change_call(clients: &mut Clients, is_chargeable: bool, customer: &str) {
    let properties = CallProperties {
        chargeable: Some(is_chargeable),
        customer: customer.to_owned(),
        ..CallProperties::default()
    };
    let update = UpdateCallRequest {
        call: Some(call_ref("1")),
        properties: Some(properties),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["chargeable".to_owned(), "customer".to_owned()],
        }),
        actor: "script-1".to_owned(),
        ..UpdateCallRequest::default()
    };
    clients
        .scripts
        .update_call(update)
        .await
        .expect("it is updated");
}

/// So many changes of instances, from the beginning of the feed.
async fn changes(clients: &mut Clients, count: usize) -> Vec<InstanceChange> {
    let request = TailRequest {
        from_sequence: 1,
        epoch: String::new(),
    };
    let mut tail = clients.feed.tail(request).await.expect("it is there");
    let mut changes = Vec::new();
    while changes.len() < count {
        let response = tokio::time::timeout(PATIENCE, tail.get_mut().message())
            .await
            .expect("in time");
        let response = response.expect("the feed continues").expect("a response");
        let entries = response.entries.into_iter();
        changes.extend(entries.flat_map(|entry| entry.changes));
    }
    changes
}

/// Whether it is seen, and by which team, customer and stage.
fn sight(change: &InstanceChange) -> String {
    let shown = change.follow_up.as_ref().expect("the follow-up");
    if !shown.visible {
        return "gone".to_owned();
    }
    let customer = shown.call.as_ref().map_or("", |call| &call.customer);
    let stage = shown.stage.as_ref().map_or(0, |stage| stage.number);
    format!("{} of {customer} in {stage}", shown.alerts[0].team)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_reader_sees_each_entry_as_it_was() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let first = set(&mut clients, "1", 5.0).await;
    let approve = push(&first, "approve", "Ben");
    let approved = clients.manager.push_button(approve).await.expect("pushed");
    change_call(&mut clients, false, "Northwind").await;
    change_call(&mut clients, true, "Northwind").await;
    let approved = approved.into_inner().follow_up.expect("it");
    let again = push(&approved, "ask-again", "Ben");
    clients.manager.push_button(again).await.expect("pushed");
    change_call(&mut clients, true, "Contoso").await;
    change_call(&mut clients, false, "Contoso").await;
    let changes = changes(&mut clients, 7).await;
    let sights: Vec<String> = changes.iter().map(sight).collect();
    assert_eq!(
        sights,
        [
            "billing of Northwind in 1",
            "payments of Northwind in 2",
            "gone",
            "payments of Northwind in 2",
            "billing of Northwind in 1",
            "billing of Contoso in 1",
            "gone",
        ]
    );
    // Before each change it was as the change before left it.
    let was_seen: Vec<bool> = changes.iter().map(|one| one.before.is_some()).collect();
    assert_eq!(was_seen, [false, true, true, false, true, true, true]);
}
