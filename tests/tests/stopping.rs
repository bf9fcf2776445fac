//! A server that is stopped does not wait for the pictures that it computes.

use aftercall_proto::workflow::v1::{PictureFormat, RenderWorkflowRequest};
use aftercall_tests::{Clients, PATIENCE, ServerProcess};
use tokio::task::JoinSet;
use tonic::Code;

/// Buttons beside each other: the layout takes seconds in a debug build, and is not refused for its
/// effort.
const BUTTONS: usize = 48;
/// More than are computed and may wait together: some are refused, which shows that one is being
/// computed.
const PICTURES: usize = 24;
/// One is computed and eight wait: they take longer together than the drain of one second.
const ADMITTED: usize = 9;

fn wide() -> String {
    let mut file =
        "format: 1\nworkflow: wide\ntitle: Wide\non_new_call:\n  - alert: { text: Ring, team: billing }\n".to_owned();
    for nth in 0..BUTTONS {
        file.push_str(&format!(
            "  - button: First {nth}\n    then:\n      - alert: {{ text: Again, team: billing }}\n"
        ));
        file.push_str(&format!(
            "      - button: Second {nth}\n        then: [ finish: done ]\n"
        ));
    }
    file
}

fn picture() -> RenderWorkflowRequest {
    let format = PictureFormat::Svg.into();
    RenderWorkflowRequest {
        name: "wide".to_owned(),
        format,
        ..RenderWorkflowRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_does_not_wait_for_pictures() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let data = dir.path().join("data").display().to_string();
    let args = [
        "--data-dir",
        &data,
        "--listen",
        "127.0.0.1:0",
        "--drain-seconds",
        "1",
    ];
    let server = ServerProcess::start("workflow-server", &args);
    let mut clients = Clients::connect(server.address(), None).await;
    clients.teams(&["billing"]).await;
    clients.publish(&wide()).await;
    let mut drawing = JoinSet::new();
    for _ in 0..PICTURES {
        let mut clients = clients.clone();
        drawing.spawn(async move { clients.definitions.render_workflow(picture()).await });
    }
    let first = drawing
        .join_next()
        .await
        .expect("it was asked for")
        .expect("no panic");
    let refused =
        first.expect_err("the first answer refuses a picture for which there is no place");
    assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
    let stopping = tokio::task::spawn_blocking(move || server.terminate(PATIENCE));
    let status = stopping.await.expect("no panic").expect("it ends in time");
    assert!(status.success(), "{status}");
    let drawn = drawing
        .join_all()
        .await
        .into_iter()
        .filter(Result::is_ok)
        .count();
    assert!(
        drawn < ADMITTED,
        "the server waited for all of its pictures"
    );
}
