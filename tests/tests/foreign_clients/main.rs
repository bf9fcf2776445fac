//! Clients that other people write, in other languages, from the files in `proto/` and the examples
//! in `examples/clients/`.

mod renewing;

use std::path::Path;
use std::process::Stdio;

use aftercall_proto::workflow::v1::{CallRef, GetCallRequest, ListHistoryRequest, Status};
use aftercall_tests::{Clients, House, PATIENCE, binary, push, run, set, stubs, tool, workspace};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// A house with the sample of the README in it.
async fn house() -> (House, Clients) {
    let house = House::start().await;
    let mut clients = house.clients().await;
    clients.teams(&["billing", "payments"]).await;
    clients
        .publish(include_str!("../../../examples/refund.yaml"))
        .await;
    (house, clients)
}

/// A Python example of ours, ready to run against a house.
fn python_example(python: &Path, stubs: &Path, house: &House, name: &str) -> Command {
    let mut command = Command::new(python);
    // A server on this machine accepts everybody, also with a token.
    let token = stubs.join("token");
    std::fs::write(&token, "a-token\n").expect("it is written");
    command
        .arg(workspace().join("examples/clients").join(name))
        .env("AFTERCALL_TOKEN_FILE", token)
        .env("PYTHONPATH", stubs)
        .env("AFTERCALL_SERVER", house.workflow_address().to_string())
        .env("AFTERCALL_ALERTER", house.alerter_address().to_string());
    command
}

/// What the first alert of each example says.
const WHOLE: &str = "Refund 72.5 for Ada Lovelace, order B-20981: arrived broken";

/// What a program has set reads whole: each text shows every value, and nothing went wrong.
async fn shows_no_gap(clients: &mut Clients, source: &str, text: &str) {
    let call = || {
        Some(CallRef {
            source: source.to_owned(),
            id: "1001".to_owned(),
        })
    };
    let found = clients
        .scripts
        .get_call(GetCallRequest {
            call: call(),
            read_mask: None,
        })
        .await
        .expect("a call")
        .into_inner();
    let texts: Vec<&str> = found.follow_ups[0]
        .alerts
        .iter()
        .map(|alert| alert.text.as_str())
        .collect();
    assert_eq!(texts, [text]);
    let request = ListHistoryRequest {
        call: call(),
        ..ListHistoryRequest::default()
    };
    let items = clients
        .operations
        .list_history(request)
        .await
        .expect("a history")
        .into_inner()
        .items;
    let warnings: Vec<&String> = items.iter().flat_map(|item| &item.warnings).collect();
    assert_eq!((items.is_empty(), warnings), (false, Vec::new()));
}

/// The status and outcome of the one follow-up of a call.
async fn standing(clients: &mut Clients, source: &str) -> Option<(Status, u32, String)> {
    let call = CallRef {
        source: source.to_owned(),
        id: "1001".to_owned(),
    };
    let found = clients
        .scripts
        .get_call(GetCallRequest {
            call: Some(call),
            read_mask: None,
        })
        .await
        .ok()?
        .into_inner();
    let follow_up = found.follow_ups.into_iter().next()?;
    let stage = follow_up.stage.as_ref().map_or(0, |stage| stage.number);
    Some((follow_up.status(), stage, follow_up.outcome))
}

struct Watching {
    _child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        Self {
            _child: child,
            lines,
        }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line())
            .await
            .expect("a line in time");
        line.expect("it can be read").expect("it continues")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_works() {
    let (house, mut clients) = house().await;
    let python = tool("python").await.expect("Python can be had everywhere");
    let dir = tempfile::tempdir().expect("a temporary directory");
    stubs(&python, dir.path()).await;
    let mut billing = Watching::start(
        python_example(&python, dir.path(), &house, "call_manager.py").arg("pay-out"),
    );
    assert_eq!(billing.line().await, "watching");
    let said = run(&mut python_example(
        &python,
        dir.path(),
        &house,
        "set_workflow.py",
    ))
    .await;
    assert!(said.contains("is in stage 1, promised by 2"), "{said}");
    let shown = billing.line().await;
    assert!(
        shown.starts_with(&format!("call 1001: stage 1 To be decided: {WHOLE}")),
        "{shown}"
    );
    assert!(shown.ends_with("[pay-out, reject]"), "{shown}");
    let moved = billing.line().await;
    assert!(
        moved.starts_with("call 1001: stage 2 To be paid: Pay out 72.5 to Ada Lovelace (C-77120)"),
        "{moved}"
    );
    shows_no_gap(
        &mut clients,
        "python",
        "Pay out 72.5 to Ada Lovelace (C-77120)",
    )
    .await;
    assert_eq!(
        standing(&mut clients, "python")
            .await
            .expect("it is there")
            .1,
        2
    );
    let paying = &mut python_example(&python, dir.path(), &house, "call_manager.py");
    let paid = run(paying.args(["paid", "reference=TX-9"])).await;
    assert!(paid.ends_with("finished: paid\n"), "{paid}");
    assert_eq!(
        standing(&mut clients, "python").await,
        Some((Status::Finished, 3, "paid".to_owned()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn python_reads_the_details_of_a_refusal() {
    let (house, _clients) = house().await;
    let python = tool("python").await.expect("Python can be had everywhere");
    let dir = tempfile::tempdir().expect("a temporary directory");
    stubs(&python, dir.path()).await;
    let said = run(&mut python_example(
        &python,
        dir.path(),
        &house,
        "error_details.py",
    ))
    .await;
    assert_eq!(
        said,
        "INVALID_ARGUMENT: INVALID_REQUEST\ncall.id: must not contain line breaks or tabs\nfields.amount: must be given: number\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn node_reads_the_details_of_a_refusal() {
    let (house, _clients) = house().await;
    let dir = node_folder("error_details.mjs").await;
    let program = dir.path().join("error_details.mjs");
    let mut script = Command::new("node");
    script
        .arg(&program)
        .current_dir(dir.path())
        .env("AFTERCALL_TOKEN_FILE", "token")
        .env("AFTERCALL_SERVER", house.workflow_address().to_string());
    let said = run(&mut script).await;
    assert_eq!(
        said,
        "InvalidArgument: INVALID_REQUEST\ncall.id: must not contain line breaks or tabs\nfields.amount: must be given: number\n"
    );
}

/// A folder from which Node finds its packages, with an example of ours and the descriptors that it
/// reads.
async fn node_folder(example: &str) -> tempfile::TempDir {
    let node = tool("node").await.expect("Node can be had everywhere");
    // Node looks for packages from where the program lies upwards.
    let dir = tempfile::tempdir_in(&node).expect("a temporary directory");
    let mut buf = Command::new(node.join("node_modules/.bin/buf"));
    run(buf
        .arg("build")
        .arg(workspace().join("proto"))
        .arg("-o")
        .arg(dir.path().join("descriptors.binpb")))
    .await;
    for file in [example, "connecting.mjs"] {
        let from = workspace().join("examples/clients").join(file);
        std::fs::copy(from, dir.path().join(file)).expect("it is copied");
    }
    std::fs::write(dir.path().join("token"), "a-token\n").expect("it is written");
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_client_sets_a_workflow() {
    let (house, mut clients) = house().await;
    let dir = node_folder("set_workflow.mjs").await;
    let program = dir.path().join("set_workflow.mjs");
    let mut script = Command::new("node");
    script
        .arg(&program)
        .current_dir(dir.path())
        .env("AFTERCALL_TOKEN_FILE", "token")
        .env("AFTERCALL_SERVER", house.workflow_address().to_string());
    let said = run(&mut script).await;
    assert!(said.ends_with("is in stage 1\n"), "{said}");
    shows_no_gap(&mut clients, "node", WHOLE).await;
    assert_eq!(
        standing(&mut clients, "node").await,
        Some((Status::Active, 1, String::new()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_sets_a_workflow_by_reflection() {
    let (house, mut clients) = house().await;
    let script = workspace().join("examples/clients/set_workflow.sh");
    let Some(grpcurl) = tool("grpcurl").await else {
        // Without it the request is still held against the types: the script must be one that
        // grpcurl would take.
        let text = std::fs::read_to_string(script).expect("the script");
        let json = text.split('\'').nth(1).expect("the request is in quotes");
        let request: serde_json::Value = serde_json::from_str(json).expect("it is JSON");
        assert_eq!(request["workflow"], "refund");
        let fields = request["fields"]
            .as_object()
            .expect("the fields")
            .keys()
            .collect::<Vec<_>>();
        assert_eq!(
            fields,
            ["amount", "order", "reason"],
            "every field that a text shows"
        );
        assert!(request["properties"]["caller"]["reference"].is_string());
        return;
    };
    let path = std::env::var("PATH").expect("a path");
    let folder = grpcurl.parent().expect("a folder").display();
    let mut shell = Command::new("bash");
    shell.arg(&script).env("PATH", format!("{folder}:{path}"));
    let said = run(shell.env("AFTERCALL_SERVER", house.workflow_address().to_string())).await;
    let answer: serde_json::Value = serde_json::from_str(&said).expect("it answers in JSON");
    assert_eq!(
        (&answer["started"], &answer["followUp"]["stage"]["number"]),
        (&true.into(), &1.into()),
        "{said}"
    );
    assert_eq!(answer["warnings"], serde_json::Value::Null, "{said}");
    shows_no_gap(&mut clients, "shell", WHOLE).await;
    assert_eq!(
        standing(&mut clients, "shell").await,
        Some((Status::Active, 1, String::new()))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcurl_lists_the_masked_fields() {
    let (house, mut clients) = house().await;
    let id = set(&mut clients, "1", 5.0).await.instance_id;
    let Some(grpcurl) = tool("grpcurl").await else {
        return;
    };
    let path = std::env::var("PATH").expect("a path");
    let folder = grpcurl.parent().expect("a folder").display();
    let mut shell = Command::new("bash");
    shell
        .arg(workspace().join("examples/clients/list_follow_ups.sh"))
        .env("PATH", format!("{folder}:{path}"));
    let said = run(shell.env("AFTERCALL_SERVER", house.workflow_address().to_string())).await;
    let answer: serde_json::Value = serde_json::from_str(&said).expect("it answers in JSON");
    let expected = serde_json::json!({
        "instanceId": id,
        "workflowTitle": "Refund over the limit",
        "stage": { "title": "To be decided" },
        "visit": 1,
        "call": { "customer": "Northwind" },
        "revision": "1",
    });
    assert_eq!(answer["rows"][0]["followUp"], expected, "{said}");
}

/// Starts a program that follows the alerts, and restarts either server under it: what it says is
/// what happens.
async fn follows_over_restarts(mut house: House, mut clients: Clients, program: &mut Command) {
    let mut program = program
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(program.stdout.take().expect("its output")).lines();
    let mut until = async |wanted: String| {
        let mut heard = Vec::new();
        let found = tokio::time::timeout(PATIENCE, async {
            loop {
                let line = lines
                    .next_line()
                    .await
                    .expect("it can be read")
                    .expect("it continues");
                if line == wanted {
                    return;
                }
                heard.push(line);
            }
        });
        let found = found.await;
        assert!(found.is_ok(), "it never says {wanted:?}, but {heard:?}");
    };
    until("0 open".to_owned()).await;
    let first = set(&mut clients, "1", 5.0).await.instance_id;
    until(format!("stage: {first} 1 To be decided")).await;
    until("1 open".to_owned()).await;
    house.stop_alerter().await;
    let second = set(&mut clients, "2", 5.0).await;
    house.start_alerter().await;
    until(format!("stage: {} 1 To be decided", second.instance_id)).await;
    until("2 open".to_owned()).await;
    house.stop_workflow().await;
    house.start_workflow().await;
    let mut clients = house.clients().await;
    let mut reject = push(&second, "reject", "Ben");
    reject.note = "because".to_owned();
    clients.manager.push_button(reject).await.expect("pushed");
    until(format!("gone: {} rejected", second.instance_id)).await;
    until("1 open".to_owned()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rust_example_follows_over_restarts() {
    let (house, clients) = house().await;
    let mut example = Command::new(binary("examples/follow"));
    example.arg(format!("http://{}", house.alerter_address()));
    Box::pin(follows_over_restarts(house, clients, &mut example)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_python_example_follows_over_restarts() {
    let (house, clients) = house().await;
    let python = tool("python").await.expect("Python can be had everywhere");
    let dir = tempfile::tempdir().expect("a temporary directory");
    stubs(&python, dir.path()).await;
    let mut example = python_example(&python, dir.path(), &house, "follow.py");
    Box::pin(follows_over_restarts(house, clients, &mut example)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_typescript_example_follows_over_restarts() {
    let (house, clients) = house().await;
    let dir = node_folder("follow.mts").await;
    let mut example = Command::new("node");
    example
        .args(["--import", "tsx", "follow.mts"])
        .current_dir(dir.path());
    example.env("AFTERCALL_ALERTER", house.alerter_address().to_string());
    Box::pin(follows_over_restarts(house, clients, &mut example)).await;
}
