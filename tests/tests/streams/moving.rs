//! A stream moves between alerter-servers that are killed, and shows each change once and in order.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aftercall_client::proto::alert::v1::subscribe_response::Frame;
use aftercall_client::{Event, Subscription};
use aftercall_tests::{
    Clients, House, ServerProcess, alerter_has, eventually, push, set, with_refund,
};

/// What a stream has shown.
#[derive(Default)]
struct Shown {
    /// The sequences of the changes, in the order in which they came.
    sequences: Vec<u64>,
    resets: u32,
    losses: u32,
    /// Whether it has shown what was there when it began.
    has_begun: bool,
}

async fn follow(addresses: String, shown: Arc<Mutex<Shown>>) {
    let mut subscription = Subscription::to(&addresses).expect("addresses").patient();
    loop {
        let event = subscription.next().await.expect("it is never refused");
        let mut shown = shown.lock().expect("the lock");
        match event {
            Event::Lost { .. } => shown.losses += 1,
            Event::Frame(response) => match response.frame {
                Some(Frame::StageChange(change)) => shown.sequences.push(change.sequence),
                Some(Frame::OutOfView(gone)) => shown.sequences.push(gone.sequence),
                Some(Frame::Reset(_)) => shown.resets += 1,
                Some(Frame::CaughtUp(_)) => shown.has_begun = true,
                _ => {}
            },
            Event::Connected => {}
        }
    }
}

fn alerter(house: &House, port: u16) -> ServerProcess {
    let (server, listen) = (house.workflow_url(), format!("127.0.0.1:{port}"));
    let args = ["--workflow-server", &server, "--listen", &listen];
    ServerProcess::start("alerter-server", &args)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_alerter_leaves_no_gap_and_no_double() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    let mut alerters: BTreeMap<u16, ServerProcess> = BTreeMap::new();
    for _ in 0..2 {
        let started = alerter(&house, 0);
        alerters.insert(started.address().port(), started);
    }
    let ports: Vec<u16> = alerters.keys().copied().collect();
    let addresses = format!("127.0.0.1:{},127.0.0.1:{}", ports[0], ports[1]);
    let shown = Arc::new(Mutex::new(Shown::default()));
    let following = tokio::spawn(follow(addresses, Arc::clone(&shown)));
    let begun = || shown.lock().expect("the lock").has_begun;
    eventually("the stream has begun", || async { begun().then_some(()) }).await;
    let mut expected = Vec::new();
    for round in 0..8 {
        for call in 0..5 {
            let follow_up = set(&mut clients, &format!("{round}-{call}"), 5.0).await;
            let approve = push(&follow_up, "approve", "Ben");
            let pushed = clients.manager.push_button(approve).await.expect("pushed");
            let sequence = pushed.into_inner().sequence;
            expected.extend([follow_up.sequence, sequence]);
            if call == 2 {
                // Only the newest changes may be on their way. A stream that is behind both alerters
                // would have to begin again.
                let least = expected.len() - 4;
                let is_near = || shown.lock().expect("the lock").sequences.len() >= least;
                eventually("the stream is back", || async { is_near().then_some(()) }).await;
                let port = ports[round % 2];
                alerters.remove(&port).expect("it runs").kill();
                let started = alerter(&house, port);
                let address = Some(started.address());
                let its_clients = Clients::connect(house.workflow_address(), address).await;
                alerter_has(&its_clients, sequence).await;
                alerters.insert(port, started);
            }
        }
    }
    eventually("all changes are shown", || {
        let shown = shown.lock().expect("the lock");
        let is_over = shown.sequences.len() >= expected.len() || shown.resets > 0;
        async move { is_over.then_some(()) }
    })
    .await;
    let shown = shown.lock().expect("the lock");
    assert_eq!((shown.resets, &shown.sequences), (0, &expected));
    assert!(shown.losses > 0, "an alerter was killed under the stream");
    assert!(!following.is_finished(), "it continues");
    following.abort();
}
