//! A store moves from a data directory into a database and back. A client that follows alerts
//! notices only that its stream reconnects.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aftercall_client::proto::alert::v1::subscribe_response::Frame;
use aftercall_client::{Event, Subscription};
use aftercall_proto::workflow::v1::{CountInstancesRequest, GetServerInfoRequest};
use aftercall_test_postgres::Server;
use aftercall_tests::{Clients, REFUND, ServerProcess, eventually, set_refund};
use tokio_util::task::AbortOnDropHandle;

use crate::guarded::run;

/// A stop, with what a busy machine may add.
const STOPS_WITHIN: Duration = Duration::from_secs(30);

/// The frames of the client: the sequences of changes, and how often it was reset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Shown {
    has_begun: bool,
    sequences: Vec<u64>,
    resets: usize,
}

/// A client that follows all alerts with one token.
struct Watch {
    shown: Arc<Mutex<Shown>>,
    _following: AbortOnDropHandle<()>,
}

impl Watch {
    async fn begin(alerter: SocketAddr) -> Self {
        let shown = Arc::<Mutex<Shown>>::default();
        let following = tokio::spawn(follow(alerter, Arc::clone(&shown)));
        let watch = Self {
            shown,
            _following: AbortOnDropHandle::new(following),
        };
        eventually("the stream has begun", || {
            let has_begun = watch.now().has_begun;
            async move { has_begun.then_some(()) }
        })
        .await;
        watch
    }

    fn now(&self) -> Shown {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Waits for these changes: each once, in order, without a reset.
    async fn shows(&self, expected: &[u64]) {
        eventually("the client sees the changes", || {
            let shown = self.now();
            let is_all = shown.sequences.len() >= expected.len() || shown.resets > 0;
            async move { is_all.then_some(()) }
        })
        .await;
        let expected = Shown {
            has_begun: true,
            sequences: expected.to_vec(),
            resets: 0,
        };
        assert_eq!(self.now(), expected);
    }
}

async fn follow(alerter: SocketAddr, shown: Arc<Mutex<Shown>>) {
    let subscription = Subscription::to(&alerter.to_string()).expect("an address");
    let mut subscription = subscription.patient();
    loop {
        let event = subscription.next().await.expect("it is never refused");
        let Event::Frame(response) = event else {
            continue;
        };
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        match response.frame {
            Some(Frame::SnapshotEnd(_)) => shown.has_begun = true,
            Some(Frame::StageChange(change)) => shown.sequences.push(change.sequence),
            Some(Frame::Reset(_)) => shown.resets += 1,
            _ => {}
        }
    }
}

/// A workflow-server at this address on this store. It leads.
async fn serve(address: SocketAddr, store: [&str; 2]) -> (ServerProcess, Clients) {
    let listen = address.to_string();
    let args = [&store[..], &["--listen", &listen]].concat();
    let server = ServerProcess::start("workflow-server", &args);
    let clients = Clients::connect(server.address(), None).await;
    eventually("requests are answered", || {
        let mut operations = clients.operations.clone();
        async move {
            let counted = operations.count_instances(CountInstancesRequest::default());
            counted.await.ok()
        }
    })
    .await;
    (server, clients)
}

fn alerter(address: SocketAddr, workflow: SocketAddr) -> ServerProcess {
    let (listen, workflow) = (address.to_string(), format!("http://{workflow}"));
    let args = ["--listen", &listen, "--workflow-server", &workflow];
    ServerProcess::start("alerter-server", &args)
}

fn stop(server: ServerProcess) {
    let ended = server.terminate(STOPS_WITHIN).expect("it stops");
    assert!(ended.success(), "{ended}");
}

/// Copies a store whose servers have stopped a moment ago.
fn copy(from: &str, to: &str) {
    let args = ["store", "copy", "--from", from, "--to", to];
    let (succeeded, shown) = run("aftercall", &args, &[]);
    assert!(succeeded, "{shown}");
}

async fn set(clients: &mut Clients, calls: std::ops::Range<u32>, sequences: &mut Vec<u64>) {
    for call in calls {
        let set = clients
            .scripts
            .set_workflow(set_refund(call.to_string(), 5.0));
        sequences.push(set.await.expect("set").into_inner().sequence);
    }
}

async fn epoch(clients: &Clients) -> String {
    let mut operations = clients.operations.clone();
    let info = operations.get_server_info(GetServerInfoRequest {}).await;
    info.expect("the state of the server").into_inner().epoch
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn alert_streams_resume_on_a_copied_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let [data, back] = ["data", "back"].map(|name| text(&folder.path().join(name)));
    let database = Server::shared().create_database();
    let url = Server::shared().url(&database);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (workflow, mut clients) = serve(any, ["--data-dir", &data]).await;
    let place = workflow.address();
    let alerts = alerter(any, place);
    let alerts_at = alerts.address();
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    let watch = Watch::begin(alerts_at).await;
    let (first_epoch, mut expected) = (epoch(&clients).await, Vec::new());
    set(&mut clients, 0..3, &mut expected).await;
    watch.shows(&expected).await;

    // From the directory into the database. The alerter keeps running.
    stop(workflow);
    copy(&data, &url);
    let (workflow, mut clients) = serve(place, ["--store", &url]).await;
    set(&mut clients, 3..6, &mut expected).await;
    watch.shows(&expected).await;
    assert_eq!(epoch(&clients).await, first_epoch);

    // Back into a directory. The alerter restarts too, so that it knows nothing of before.
    stop(workflow);
    stop(alerts);
    copy(&url, &back);
    let (workflow, mut clients) = serve(place, ["--data-dir", &back]).await;
    set(&mut clients, 6..9, &mut expected).await;
    let alerts = alerter(alerts_at, place);
    watch.shows(&expected).await;
    assert_eq!(epoch(&clients).await, first_epoch);

    // The control: with another epoch the client is reset.
    stop(workflow);
    let (succeeded, shown) = run(
        "aftercall",
        &["store", "new-epoch", "--yes", "--data-dir", &back],
        &[],
    );
    assert!(succeeded, "{shown}");
    let (_workflow, _clients) = serve(place, ["--data-dir", &back]).await;
    eventually("the client is reset", || {
        let is_reset = watch.now().resets > 0;
        async move { is_reset.then_some(()) }
    })
    .await;
    drop(alerts);
}

fn succeeds(args: &[&str], environment: &[(&str, &str)]) -> String {
    let (succeeded, shown) = run("aftercall", args, environment);
    assert!(succeeded, "{args:?}: {shown}");
    shown
}

async fn count(clients: &Clients) -> u64 {
    let mut operations = clients.operations.clone();
    let counted = operations.count_instances(CountInstancesRequest::default());
    counted.await.expect("counted").into_inner().total
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_database_is_restored_into_another_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let [backups, restored] = ["backups", "restored"].map(|name| text(&folder.path().join(name)));
    let [first, second] =
        [(); 2].map(|()| Server::shared().url(&Server::shared().create_database()));
    succeeds(&["store", "init", "--store", &first], &[]);
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let (workflow, mut clients) = serve(any, ["--store", &first]).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    set(&mut clients, 0..3, &mut Vec::new()).await;
    let address = workflow.address().to_string();
    let of_server = [("AFTERCALL_SERVER", address.as_str())];
    for (calls, kind) in [(3..5, "full"), (5..6, "incremental")] {
        set(&mut clients, calls, &mut Vec::new()).await;
        let shown = succeeds(&["backup", "--to", &backups], &of_server);
        assert!(shown.contains(kind), "{shown}");
    }
    succeeds(&["verify", &backups, "--all"], &[]);
    succeeds(
        &["restore", "--from", &backups, "--data-dir", &restored],
        &[],
    );
    copy(&restored, &second);
    let (_restored, others) = serve(any, ["--store", &second]).await;
    assert_eq!(count(&others).await, 6);
    assert_eq!(count(&clients).await, 6);
}
