//! Backup and restore as an operator does it: the command line against running servers, clients
//! that hold tokens and ids of the old store, and a backup that is killed.

mod commands;
mod compact;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use aftercall_proto::alert::v1::subscribe_response::Frame;
use aftercall_proto::alert::v1::{SubscribeRequest, SubscribeResponse};
use aftercall_proto::workflow::v1::{
    FollowUp, GetInstanceRequest, GetServerInfoRequest, InstanceFilter, ListHistoryRequest,
    ListInstancesRequest,
};
use aftercall_tests::{
    Clients, House, PATIENCE, alerter_has, binary, eventually, push, set, set_refund, with_refund,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Streaming};

/// Runs the command line; what it printed as JSON.
pub(crate) fn aftercall(house: &House, args: &[&str]) -> Value {
    let ended = run(house, args);
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{args:?}: {err}");
    serde_json::from_slice(&ended.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}"))
}

pub(crate) fn command(house: &House, args: &[&str]) -> Command {
    let mut command = Command::new(binary("aftercall"));
    command
        .args(["--output", "json", "--server", &house.workflow_url()])
        .args(args)
        .env("NO_COLOR", "1");
    command
}

pub(crate) fn run(house: &House, args: &[&str]) -> Output {
    command(house, args).output().expect("it runs")
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path of text")
}

pub(crate) fn beside(house: &House, name: &str) -> PathBuf {
    house.data_dir().parent().expect("a parent").join(name)
}

/// Every instance with its history, in memory and in the archive.
async fn everything(clients: &mut Clients) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for archived in [false, true] {
        let statuses = if archived {
            Vec::new()
        } else {
            (1..=6).collect()
        };
        let filter = Some(InstanceFilter {
            archived,
            statuses,
            ..InstanceFilter::default()
        });
        let mut list = ListInstancesRequest {
            filter,
            page_size: 1_000,
            ..ListInstancesRequest::default()
        };
        loop {
            let page = clients
                .operations
                .list_instances(list.clone())
                .await
                .expect("a list")
                .into_inner();
            for instance in page.instances {
                let (id, shown) = with_history(clients, instance).await;
                found.insert(id, shown);
            }
            list.page_token = page.next_page_token;
            if list.page_token.is_empty() {
                break;
            }
        }
    }
    found
}

async fn with_history(clients: &mut Clients, instance: FollowUp) -> (String, String) {
    let instance_id = instance.instance_id.clone();
    let history = ListHistoryRequest {
        instance_id,
        page_size: 1_000,
        ..ListHistoryRequest::default()
    };
    let history = clients
        .operations
        .list_history(history)
        .await
        .expect("history")
        .into_inner()
        .items;
    // How urgent something is depends on when it is looked at.
    let shown = format!(
        "{:?} {:?} {:?} {history:?}",
        instance.stage, instance.fields, instance.call
    );
    (instance.instance_id, shown)
}

async fn sequence(clients: &mut Clients) -> u64 {
    clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner()
        .sequence
}

async fn subscribe(clients: &Clients, resume_token: String) -> Streaming<SubscribeResponse> {
    eventually("the alerter is ready", || {
        let mut clients = clients.clone();
        let request = SubscribeRequest {
            resume_token: resume_token.clone(),
            ..SubscribeRequest::default()
        };
        async move { clients.alerts.subscribe(request).await.ok() }
    })
    .await
    .into_inner()
}

/// The frames up to the end of a snapshot or the next CaughtUp, in words; and the newest token.
async fn frames(stream: &mut Streaming<SubscribeResponse>) -> (Vec<String>, String) {
    let mut words = Vec::new();
    loop {
        let response = tokio::time::timeout(PATIENCE, stream.message())
            .await
            .expect("in time");
        let response = response.expect("the stream continues").expect("a frame");
        match response.frame {
            Some(Frame::Reset(reset)) => words.push(format!("reset {:?}", reset.reason())),
            Some(Frame::SnapshotItem(item)) => words.push(item.follow_up.expect("it").instance_id),
            Some(Frame::StageChange(change)) => {
                words.push(change.follow_up.expect("it").instance_id);
            }
            Some(Frame::CaughtUp(_) | Frame::SnapshotEnd(_)) => return (words, response.token),
            _ => {}
        }
    }
}

/// The frames of a stream that is reset. An alerter that has not met the new epoch yet resumes
/// first, and resets when it does.
async fn after_reset(stream: &mut Streaming<SubscribeResponse>) -> Vec<String> {
    let mut shown = frames(stream).await.0;
    while !shown.contains(&"reset OtherHistory".to_owned()) || shown.len() < 2 {
        shown.extend(frames(stream).await.0);
    }
    shown
}

/// Work that continues until it is stopped; the ids of what it has set.
async fn load(mut clients: Clients, prefix: &str, stop: CancellationToken) -> Vec<String> {
    let mut ids = Vec::new();
    while !stop.is_cancelled() && ids.len() < 600 {
        let follow_up = set(&mut clients, &format!("{prefix}-{}", ids.len()), 12.0).await;
        if ids.len() % 3 == 0 {
            let mut reject = push(&follow_up, "reject", "Ann");
            reject.note = "no receipt".to_owned();
            clients.manager.push_button(reject).await.expect("pushed");
        }
        ids.push(follow_up.instance_id);
    }
    ids
}

/// Moves the data directory away and restores a backup in its place.
pub(crate) async fn restore(house: &mut House, from: &Path, args: &[&str]) -> (Value, PathBuf) {
    house.stop_workflow().await;
    let (data_dir, old) = (house.data_dir().to_owned(), beside(house, "old"));
    std::fs::rename(&data_dir, &old).expect("it is moved away");
    let restore = [
        &[
            "restore",
            "--from",
            text(from),
            "--data-dir",
            text(&data_dir),
        ],
        args,
    ]
    .concat();
    let restored = aftercall(house, &restore);
    house.start_workflow().await;
    (restored, old)
}

/// A backup that is taken under load, and the instances of the load.
async fn first_backup(house: &House, clients: &mut Clients, to: &Path) -> (Value, Vec<String>) {
    binary("aftercall");
    let stop = CancellationToken::new();
    let loading = tokio::spawn(load(clients.clone(), "busy", stop.clone()));
    eventually("there is some work", || {
        let mut clients = clients.clone();
        async move { (sequence(&mut clients).await > 150).then_some(()) }
    })
    .await;
    let first = aftercall(house, &["backup", "--to", text(to)]);
    assert_eq!(
        (&first["full"], &first["generation"]),
        (&Value::from(true), &Value::from(1))
    );
    stop.cancel();
    let ids = loading.await.expect("the load ends");
    (first, ids)
}

async fn check_not_found(clients: &mut Clients, instance_id: &str) {
    let gone = GetInstanceRequest {
        instance_id: instance_id.to_owned(),
        read_mask: None,
    };
    assert_eq!(
        clients
            .operations
            .get_instance(gone)
            .await
            .expect_err("it is lost")
            .code(),
        Code::NotFound
    );
}

/// Runs a command that prints one JSON object a line.
pub(crate) fn aftercall_lines(house: &House, args: &[&str]) -> usize {
    let ended = run(house, args);
    assert!(
        ended.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    ended
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_server_has_the_whole_backup() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    let to = beside(&house, "backups");
    let (first, ids) = first_backup(&house, &mut clients, &to).await;
    let mut request = set_refund("of the request id", 3.0);
    request.request_id = "asked once".to_owned();
    let answered = clients
        .scripts
        .set_workflow(request.clone())
        .await
        .expect("set")
        .into_inner();
    let list = || ListInstancesRequest {
        page_size: 2,
        ..ListInstancesRequest::default()
    };
    let page = clients
        .operations
        .list_instances(list())
        .await
        .expect("a page")
        .into_inner();
    let before = everything(&mut clients).await;
    let second = aftercall(&house, &["backup", "--to", text(&to)]);
    assert_eq!(second["full"], Value::from(false));
    assert!(
        second["received_bytes"].as_u64() < first["received_bytes"].as_u64(),
        "{first} {second}"
    );
    let at = second["sequence"].as_u64().expect("a number");
    assert_eq!(at, sequence(&mut clients).await);

    // What comes after the backup is lost with the old directory.
    let lost = set(&mut clients, "lost", 9.0).await;
    alerter_has(&clients, lost.sequence).await;
    let mut stream = subscribe(&clients, String::new()).await;
    let (shown, token) = frames(&mut stream).await;
    assert!(shown.contains(&lost.instance_id));
    drop(stream);
    let (restored, _) = restore(&mut house, &to, &[]).await;
    assert_eq!(
        (
            restored["sequence"].as_u64(),
            restored["generation"].as_u64()
        ),
        (Some(at), Some(2))
    );
    let mut clients = house.clients().await;
    assert_eq!(everything(&mut clients).await, before);
    assert!(ids.iter().all(|id| before.contains_key(id)));
    let info = clients
        .operations
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect("info")
        .into_inner();
    assert_ne!(
        Value::from(info.epoch),
        second["epoch"],
        "a life of its own"
    );

    let again = clients
        .scripts
        .set_workflow(request)
        .await
        .expect("the same")
        .into_inner();
    assert_eq!(
        again.follow_up.map(|one| one.instance_id),
        answered.follow_up.map(|one| one.instance_id)
    );
    let next = ListInstancesRequest {
        page_token: page.next_page_token,
        ..list()
    };
    clients
        .operations
        .list_instances(next)
        .await
        .expect("the token is good still");
    let other = set(&mut clients, "lost", 9.0).await;
    assert_ne!(
        other.instance_id, lost.instance_id,
        "what was lost is not another one now"
    );
    check_not_found(&mut clients, &lost.instance_id).await;
    alerter_has(&clients, other.sequence).await;
    let mut stream = subscribe(&clients, token).await;
    let shown = after_reset(&mut stream).await;
    assert!(shown.contains(&other.instance_id) && !shown.contains(&lost.instance_id));

    let third = aftercall(&house, &["backup", "--to", text(&to)]);
    assert_eq!(
        third["full"],
        Value::from(true),
        "a backup of another life is a full one"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_backup_leaves_the_older_one_usable() {
    let house = House::start_without_alerter().await;
    let mut clients = with_refund(&house).await;
    for call in 0..60 {
        set(&mut clients, &format!("{call}"), 12.0).await;
    }
    let to = beside(&house, "backups");
    let first = aftercall(&house, &["backup", "--to", text(&to)]);
    let mut killed = 0;
    for round in 0..12 {
        for call in 0..5 {
            set(&mut clients, &format!("{round}-{call}"), 12.0).await;
        }
        let generations = std::fs::read_dir(to.join("generations"))
            .expect("a directory")
            .count();
        let mut child = command(
            &house,
            &["backup", "--to", text(&to), "--full", "--keep", "100"],
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
        // Something new is being written: in the middle of it.
        while child.try_wait().expect("its state").is_none() {
            let begun =
                std::fs::read_dir(to.join("tmp")).is_ok_and(|entries| entries.count() > round % 3);
            if begun {
                break;
            }
            tokio::task::yield_now().await;
        }
        let _ = child.kill();
        let ended = child.wait().expect("it is gone");
        killed += u32::from(!ended.success());
        let now = std::fs::read_dir(to.join("generations"))
            .expect("a directory")
            .count();
        assert!(
            now == generations || (ended.success() && now == generations + 1),
            "round {round}"
        );
        aftercall_lines(&house, &["verify", text(&to), "--all"]);
    }
    assert!(killed > 0, "some were killed");
    let data_dir = beside(&house, "restored");
    let restore = [
        "restore",
        "--from",
        text(&to),
        "--data-dir",
        text(&data_dir),
        "--generation",
        "1",
    ];
    assert_eq!(aftercall(&house, &restore)["sequence"], first["sequence"]);
    assert_eq!(
        aftercall(&house, &["backup", "--to", text(&to)])["full"],
        Value::from(false),
        "it is incremental"
    );
}
