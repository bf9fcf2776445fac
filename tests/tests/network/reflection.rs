//! Reflection can be switched off.

use aftercall_tests::{ServerProcess, reason};
use futures::stream::iter;
use tonic::{Code, Status};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::{v1, v1alpha};

use crate::{channel, check};

/// The services that a server lists.
async fn listed(server: &ServerProcess) -> Result<Vec<String>, Status> {
    let request = v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut client = ServerReflectionClient::new(channel(server.address()));
    let answers = client.server_reflection_info(iter([request])).await?;
    let answer = answers.into_inner().message().await?.expect("an answer");
    match answer.message_response {
        Some(MessageResponse::ListServicesResponse(list)) => {
            Ok(list.service.into_iter().map(|one| one.name).collect())
        }
        other => panic!("{other:?}"),
    }
}

/// Whether the older protocol is served.
async fn serves_alpha(server: &ServerProcess) -> bool {
    use v1alpha::server_reflection_client::ServerReflectionClient;
    let mut client = ServerReflectionClient::new(channel(server.address()));
    let none = iter([v1alpha::ServerReflectionRequest::default()]);
    client.server_reflection_info(none).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_off_with_its_setting_only() {
    let dir = tempfile::tempdir().expect("a folder");
    let data = dir.path().join("data").display().to_string();
    let workflow = ("workflow-server", ["--data-dir", &data]);
    let alerter = (
        "alerter-server",
        ["--workflow-server", "http://127.0.0.1:1"],
    );
    for (name, own) in [workflow, alerter] {
        for is_off in [true, false] {
            let mut args = vec!["--listen", "127.0.0.1:0"];
            args.extend(own);
            args.extend(is_off.then_some("--no-reflection"));
            let server = ServerProcess::start(name, &args);
            match listed(&server).await {
                Ok(services) => assert!(!is_off && services.len() > 3, "{name}: {services:?}"),
                Err(status) => {
                    assert!(is_off, "{name}: {status:?}");
                    assert_eq!(status.code(), Code::Unimplemented);
                    assert_eq!(reason(&status), "NO_SUCH_METHOD");
                }
            }
            assert_eq!(serves_alpha(&server).await, !is_off, "{name}");
            let mut health =
                tonic_health::pb::health_client::HealthClient::new(channel(server.address()));
            check(&mut health).await.expect("health is served");
            server.kill();
        }
    }
}
