//! kill -9 of the workflow-server under load, many times: nothing that was answered is missing, the
//! feed has no gap, and an alert stream that runs through all of it shows every revision of
//! every follow-up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use aftercall_proto::alert::v1::SubscribeRequest;
use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::workflow::v1::{FollowUp, GetInstanceRequest, PushButtonRequest};
use aftercall_tests::{Clients, REFUND, ServerProcess, eventually, read_feed, set_refund};
use tokio_util::sync::CancellationToken;

/// How many times the server is killed; the test command can request the full form.
fn kills() -> u64 {
    std::env::var("AFTERCALL_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok())
        .unwrap_or(30)
}

/// What was answered: instance → the newest revision and sequence that an answer showed.
type Answered = BTreeMap<String, (u64, u64)>;

/// What is wrong with the state after a restart, if anything: each instance that was answered must
/// be there, at least as far as the answer showed.
fn missing(answered: &Answered, present: &BTreeMap<String, (u64, u64)>) -> Vec<String> {
    let fault = |(id, (revision, sequence)): (&String, &(u64, u64))| match present.get(id) {
        None => Some(format!("{id} was answered and is gone")),
        Some((now, at)) if now < revision || at < sequence => Some(format!(
            "{id} was answered at revision {revision} and is at {now}"
        )),
        Some(_) => None,
    };
    answered.iter().filter_map(fault).collect()
}

/// What is wrong with a row of revisions of one follow-up that a stream showed: they go 1, 2, 3 …
fn gaps(seen: &BTreeMap<String, Vec<u64>>) -> Vec<String> {
    let fault = |(id, revisions): (&String, &Vec<u64>)| {
        let mut expected = 1..;
        let whole = revisions
            .iter()
            .all(|revision| expected.next() == Some(*revision));
        (!whole).then(|| format!("{id} was shown at revisions {revisions:?}"))
    };
    seen.iter().filter_map(fault).collect()
}

#[test]
fn the_checks_find_missing_changes() {
    let answered = Answered::from([("a".to_owned(), (2, 7)), ("b".to_owned(), (1, 8))]);
    let mut present = answered.clone();
    assert!(missing(&answered, &present).is_empty());
    present.insert("a".to_owned(), (1, 5));
    present.remove("b");
    assert_eq!(missing(&answered, &present).len(), 2);
    let whole = BTreeMap::from([("a".to_owned(), vec![1, 2, 3])]);
    assert!(gaps(&whole).is_empty());
    for broken in [vec![1, 3], vec![2], vec![1, 2, 2]] {
        assert_eq!(gaps(&BTreeMap::from([("a".to_owned(), broken)])).len(), 1);
    }
}

/// Sets and pushes until it is stopped; errors while the server is away are what is expected.
async fn load(
    mut clients: Clients,
    worker: usize,
    stop: CancellationToken,
    answered: Arc<Mutex<Answered>>,
) {
    let note = |follow_up: &FollowUp| {
        let mut answered = answered.lock().expect("the lock");
        answered.insert(
            follow_up.instance_id.clone(),
            (follow_up.revision, follow_up.sequence),
        );
    };
    for call in 0.. {
        if stop.is_cancelled() {
            return;
        }
        let request = set_refund(format!("{worker}-{call}-{}", rand::random::<u32>()), 1.0);
        let Ok(set) = clients.scripts.set_workflow(request).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let follow_up = set
            .into_inner()
            .follow_up
            .expect("the follow-up is in the answer");
        note(&follow_up);
        let push = PushButtonRequest {
            actor: format!("worker-{worker}"),
            instance_id: follow_up.instance_id,
            button_id: "approve".to_owned(),
            visit: 1,
            ..PushButtonRequest::default()
        };
        if let Ok(pushed) = clients.manager.push_button(push).await {
            note(
                &pushed
                    .into_inner()
                    .follow_up
                    .expect("the follow-up is in the answer"),
            );
        }
    }
}

/// Follows an alert stream for ever, with its token, and notes the revisions it shows.
async fn watch(clients: Clients, seen: Arc<Mutex<BTreeMap<String, Vec<u64>>>>) {
    let mut token = String::new();
    loop {
        let request = SubscribeRequest {
            resume_token: token.clone(),
            ..SubscribeRequest::default()
        };
        let Ok(stream) = clients.clone().alerts.subscribe(request).await else {
            tokio::task::yield_now().await;
            continue;
        };
        let mut stream = stream.into_inner();
        while let Ok(Some(message)) = stream.message().await {
            token = message.token;
            match message.frame {
                Some(Frame::StageChange(change)) => {
                    let follow_up = change.follow_up.expect("whole");
                    let mut seen = seen.lock().expect("the lock");
                    seen.entry(follow_up.instance_id)
                        .or_default()
                        .push(follow_up.revision);
                }
                Some(Frame::SnapshotItem(item)) => {
                    let follow_up = item.follow_up.expect("whole");
                    let mut seen = seen.lock().expect("the lock");
                    seen.insert(follow_up.instance_id, (1..=follow_up.revision).collect());
                }
                Some(Frame::Reset(reset)) => panic!("the stream lost its place: {reset:?}"),
                _ => {}
            }
        }
    }
}

/// The state of the instances now, requested as soon as the server answers again.
async fn present(
    clients: &Clients,
    ids: impl Iterator<Item = &String>,
) -> BTreeMap<String, (u64, u64)> {
    let mut present = BTreeMap::new();
    for id in ids {
        let request = GetInstanceRequest {
            instance_id: id.clone(),
            read_mask: None,
        };
        let found = eventually("the server answers again", || {
            let (mut clients, request) = (clients.clone(), request.clone());
            async move {
                match clients.operations.get_instance(request).await {
                    Ok(found) => Some(found.into_inner().instance),
                    Err(status) if status.code() == tonic::Code::NotFound => Some(None),
                    Err(_) => None,
                }
            }
        })
        .await;
        present.extend(found.map(|found| (id.clone(), (found.revision, found.sequence))));
    }
    present
}

/// Eight workers set and push until so many follow-ups are answered, then the server is killed in
/// the middle of it. What was answered.
async fn kill_under_load(clients: &Clients, server: ServerProcess) -> Answered {
    let (answered, stop) = (
        Arc::new(Mutex::new(Answered::new())),
        CancellationToken::new(),
    );
    let loading: Vec<_> = (0..8)
        .map(|worker| {
            tokio::spawn(load(
                clients.clone(),
                worker,
                stop.clone(),
                answered.clone(),
            ))
        })
        .collect();
    let enough = rand::random_range(20..150);
    eventually("the load continues", || {
        let count = answered.lock().expect("the lock").len();
        async move { (count >= enough).then_some(()) }
    })
    .await;
    server.kill();
    stop.cancel();
    for one in loading {
        one.await.expect("the load ends");
    }
    Arc::into_inner(answered)
        .expect("the workers have let go")
        .into_inner()
        .expect("the lock")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_after_kill_9() {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let data_dir = temp.path().join("data");
    let mut server = ServerProcess::workflow(&data_dir, 0);
    let port = server.address().port();
    let upstream = format!("http://{}", server.address());
    let alerter = ServerProcess::start(
        "alerter-server",
        &["--listen", "127.0.0.1:0", "--workflow-server", &upstream],
    );
    let mut clients = Clients::connect(server.address(), Some(alerter.address())).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    let (mut answered, seen) = (Answered::new(), Arc::new(Mutex::new(BTreeMap::new())));
    // Watches until the end of the test: it has to catch up after the load has stopped.
    let watching = tokio::spawn(watch(clients.clone(), seen.clone()));
    for kill in 1..=kills() {
        let fresh = kill_under_load(&clients, server).await;
        server = ServerProcess::workflow(&data_dir, port);
        let faults = missing(&fresh, &present(&clients, fresh.keys()).await);
        assert_eq!(faults, Vec::<String>::new(), "after kill {kill}");
        read_feed(&mut clients).await;

        answered.extend(fresh);
    }
    println!("{} kills, {} follow-ups answered", kills(), answered.len());
    assert_eq!(
        missing(&answered, &present(&clients, answered.keys()).await),
        Vec::<String>::new(),
        "at the end"
    );
    check_stream(&answered, &seen).await;
    watching.abort();
}

/// The negative control: put back as it was before, the same server is found to have lost what it
/// answered since.
#[tokio::test(flavor = "multi_thread")]
async fn the_checks_find_a_server_that_lost_changes() {
    let temp = tempfile::tempdir().expect("a temporary directory");
    let (data_dir, earlier) = (temp.path().join("data"), temp.path().join("earlier"));
    let server = ServerProcess::workflow(&data_dir, 0);
    let port = server.address().port();
    let mut clients = Clients::connect(server.address(), None).await;
    clients.teams(&["billing", "payments"]).await;
    clients.publish(REFUND).await;
    let before = kill_under_load(&clients, server).await;
    copy_files(&data_dir, &earlier);
    let since = kill_under_load(&clients, ServerProcess::workflow(&data_dir, port)).await;
    std::fs::remove_dir_all(&data_dir).expect("it is removed");
    std::fs::rename(&earlier, &data_dir).expect("it is put back");
    let _server = ServerProcess::workflow(&data_dir, port);
    assert_eq!(
        missing(&before, &present(&clients, before.keys()).await),
        Vec::<String>::new()
    );
    assert_eq!(
        missing(&since, &present(&clients, since.keys()).await).len(),
        since.len()
    );
}

fn copy_files(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            copy_files(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("it is copied");
        }
    }
}

/// The stream shows everything that was answered, sooner or later, each revision once.
async fn check_stream(answered: &Answered, seen: &Mutex<BTreeMap<String, Vec<u64>>>) {
    let all_shown = || {
        let seen = seen.lock().expect("the lock");
        let shown = |(id, (revision, _)): (&String, &(u64, u64))| {
            seen.get(id)
                .and_then(|revisions| revisions.last())
                .is_some_and(|last| last >= revision)
        };
        let done = answered.iter().all(shown);
        async move { done.then_some(()) }
    };
    eventually("the stream shows everything that was answered", all_shown).await;
    let seen = seen.lock().expect("the lock").clone();
    assert_eq!(gaps(&seen), Vec::<String>::new());
    assert!(seen.len() >= answered.len());
}
