//! The client library, end to end: the list that it keeps is the server's, over restarts of either
//! server.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aftercall_client::{Change, Event, LiveList, Subscription};
use aftercall_proto::workflow::v1::ListFollowUpsRequest;
use aftercall_tests::{Clients, House, eventually, push, set, with_refund};

/// Instance → revision.
type Standing = BTreeMap<String, u64>;

/// Follows for ever; what the list holds at each moment at which it is exact, and how often the
/// connection was lost.
async fn follow(address: String, exact: Arc<Mutex<(Standing, u32)>>) {
    let mut subscription = Subscription::to(&address).expect("an address").patient();
    let mut list = LiveList::default();
    loop {
        let event = subscription.next().await.expect("it is never refused");
        let mut exact = exact.lock().expect("the lock");
        if matches!(event, Event::Lost { .. }) {
            exact.1 += 1;
        }
        for change in list.take(&event) {
            if matches!(change, Change::Exact { .. }) {
                exact.0 = list
                    .iter()
                    .map(|one| (one.instance_id.clone(), one.revision))
                    .collect();
            }
        }
    }
}

async fn standing(clients: &mut Clients) -> Standing {
    let request = ListFollowUpsRequest {
        page_size: 1_000,
        ..ListFollowUpsRequest::default()
    };
    let rows = clients
        .manager
        .list_follow_ups(request)
        .await
        .expect("a list")
        .into_inner()
        .rows;
    rows.into_iter()
        .filter_map(|row| row.follow_up)
        .map(|one| (one.instance_id, one.revision))
        .collect()
}

/// Sets some, and moves, ends and leaves a third each.
async fn work(clients: &mut Clients, round: u32) {
    for call in 0..9 {
        let follow_up = set(clients, &format!("{round}-{call}"), 5.0).await;
        let button = ["approve", "reject", ""][call % 3];
        if !button.is_empty() {
            let mut request = push(&follow_up, button, "Ben");
            request.note = "because".to_owned();
            clients.manager.push_button(request).await.expect("pushed");
        }
    }
}

async fn agree(clients: &mut Clients, exact: &Mutex<(Standing, u32)>) {
    let wanted = standing(clients).await;
    eventually("the list is the server's", || {
        let same = exact.lock().expect("the lock").0 == wanted;
        async move { same.then_some(()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_survives_restarts_of_both_servers() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    let exact = Arc::new(Mutex::new((Standing::new(), 0)));
    let following = tokio::spawn(follow(
        format!("http://{}", house.alerter_address()),
        exact.clone(),
    ));
    for round in 0..2 {
        work(&mut clients, 4 * round).await;
        agree(&mut clients, &exact).await;
        house.stop_alerter().await;
        work(&mut clients, 4 * round + 1).await;
        house.start_alerter().await;
        agree(&mut clients, &exact).await;
        house.stop_workflow().await;
        house.start_workflow().await;
        clients = house.clients().await;
        work(&mut clients, 4 * round + 2).await;
        agree(&mut clients, &exact).await;
    }
    assert!(
        exact.lock().expect("the lock").1 >= 2,
        "the alerter went away twice"
    );
    assert!(!following.is_finished(), "it continues");
    following.abort();
}
