//! What clients and tools of every language expect of a gRPC server: reflection, compression, and a
//! true reason in every refusal, also of what no service ever sees.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use aftercall_proto::workflow::v1::{GetServerInfoRequest, ImportWorkflowRequest};
use aftercall_tests::{House, PATIENCE, reason, set_refund, with_refund};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

const EVERYWHERE: [&str; 4] = [
    "aftercall.access.v1.IdentityService",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];
const OF_WORKFLOW: [&str; 7] = [
    "aftercall.feed.v1.ChangeFeedService",
    "aftercall.workflow.v1.CallManagerService",
    "aftercall.workflow.v1.OperationsService",
    "aftercall.workflow.v1.ScriptEngineService",
    "aftercall.workflow.v1.StaffService",
    "aftercall.workflow.v1.ViewService",
    "aftercall.workflow.v1.WorkflowDefinitionService",
];
const OF_ALERTER: [&str; 1] = ["aftercall.alert.v1.AlertService"];

fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}"))
        .expect("an address is a URL")
        .connect_lazy()
}

/// Asks a server by one version of reflection: the services that it lists, or how many files it has
/// for a symbol.
macro_rules! reflection {
    ($version:ident) => {
        mod $version {
            use tonic::transport::Channel;
            use tonic_reflection::pb::$version::ServerReflectionRequest;
            use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
            use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
            use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

            async fn ask(channel: Channel, request: MessageRequest) -> Option<MessageResponse> {
                let request = ServerReflectionRequest {
                    host: String::new(),
                    message_request: Some(request),
                };
                let mut client = ServerReflectionClient::new(channel);
                let answers = client
                    .server_reflection_info(tokio_stream::once(request))
                    .await
                    .expect("it answers");
                answers
                    .into_inner()
                    .message()
                    .await
                    .ok()
                    .flatten()
                    .and_then(|answer| answer.message_response)
            }

            pub(super) async fn services(channel: Channel) -> Vec<String> {
                match ask(channel, MessageRequest::ListServices(String::new())).await {
                    Some(MessageResponse::ListServicesResponse(list)) => list
                        .service
                        .into_iter()
                        .map(|service| service.name)
                        .collect(),
                    other => panic!("it lists no services: {other:?}"),
                }
            }

            pub(super) async fn is_described(channel: Channel, symbol: &str) -> bool {
                let answer = ask(
                    channel,
                    MessageRequest::FileContainingSymbol(symbol.to_owned()),
                )
                .await;
                matches!(answer, Some(MessageResponse::FileDescriptorResponse(_)))
            }
        }
    };
}

reflection!(v1);
reflection!(v1alpha);

#[tokio::test(flavor = "multi_thread")]
async fn each_server_has_both_versions_of_reflection() {
    let house = House::start().await;
    let servers = [
        (house.workflow_address(), &OF_WORKFLOW[..]),
        (house.alerter_address(), &OF_ALERTER[..]),
    ];
    for (address, own) in servers {
        let served: BTreeSet<String> = EVERYWHERE
            .iter()
            .chain(own)
            .map(ToString::to_string)
            .collect();
        for listed in [
            v1::services(channel(address)).await,
            v1alpha::services(channel(address)).await,
        ] {
            assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), served);
        }
        let details = [
            "google.rpc.ErrorInfo",
            "google.rpc.BadRequest",
            "google.rpc.PreconditionFailure",
        ];
        for symbol in EVERYWHERE.iter().chain(own).chain(&details) {
            assert!(v1::is_described(channel(address), symbol).await, "{symbol}");
            assert!(
                v1alpha::is_described(channel(address), symbol).await,
                "{symbol}"
            );
        }
    }
    assert!(
        !v1::is_described(channel(house.workflow_address()), OF_ALERTER[0]).await,
        "it is not served here"
    );
    assert!(
        !v1::is_described(channel(house.alerter_address()), OF_WORKFLOW[3]).await,
        "it is not served here"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_requests_are_bounded() {
    let house = House::start_without_alerter().await;
    with_refund(&house).await;
    let channel = channel(house.workflow_address());
    for (call, encoding) in [
        ("gzip", CompressionEncoding::Gzip),
        ("zstd", CompressionEncoding::Zstd),
    ] {
        let mut scripts = ScriptEngineServiceClient::new(channel.clone()).send_compressed(encoding);
        let answer = scripts
            .set_workflow(set_refund(call, 5.0))
            .await
            .expect("it is understood")
            .into_inner();
        assert!(answer.started, "{call}");
        let mut definitions =
            WorkflowDefinitionServiceClient::new(channel.clone()).send_compressed(encoding);
        let fits = ImportWorkflowRequest {
            file: "x".repeat(1 << 20),
            ..ImportWorkflowRequest::default()
        };
        let refused = definitions
            .import_workflow(fits)
            .await
            .expect_err("it is no workflow");
        assert_eq!(refused.code(), Code::InvalidArgument, "{call}: it was read");
        let bomb = ImportWorkflowRequest {
            file: "x".repeat(64 << 20),
            ..ImportWorkflowRequest::default()
        };
        let refused = definitions
            .import_workflow(bomb)
            .await
            .expect_err("it is too large");
        assert_too_large(&refused);
    }
}

fn assert_too_large(refused: &Status) {
    assert_eq!(
        (refused.code(), reason(refused).as_str()),
        (Code::ResourceExhausted, "REQUEST_BYTES"),
        "{refused:?}"
    );
    assert!(
        refused.get_details_quota_failure().is_some() && refused.get_details_retry_info().is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_before_a_service_have_a_reason() {
    let house = House::start().await;
    let large = ImportWorkflowRequest {
        file: "x".repeat(6 << 20),
        ..ImportWorkflowRequest::default()
    };
    let mut definitions = WorkflowDefinitionServiceClient::new(channel(house.workflow_address()));
    assert_too_large(
        &definitions
            .import_workflow(large)
            .await
            .expect_err("it is too large"),
    );
    let mut elsewhere = OperationsServiceClient::new(channel(house.alerter_address()));
    let refused = elsewhere
        .get_server_info(GetServerInfoRequest {})
        .await
        .expect_err("the alerter has no such service");
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::Unimplemented, "NO_SUCH_METHOD")
    );
    assert!(
        refused.message().contains("reflection lists"),
        "{refused:?}"
    );
}

/// The answer to a request over HTTP/1.1, head and body.
async fn http(address: SocketAddr, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let length = body.len();
    let request = format!(
        "{head}host: localhost\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it is sent");
    let mut answer = String::new();
    tokio::time::timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_grpc_gets_a_hint() {
    let house = House::start().await;
    let method = "/aftercall.workflow.v1.OperationsService/GetServerInfo";
    for address in [house.workflow_address(), house.alerter_address()] {
        for path in ["/", "/healthz", "/favicon.ico"] {
            let answer = http(address, &format!("GET {path} HTTP/1.1\r\n"), "").await;
            assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
            assert!(
                answer.contains(&format!("nothing at {path:?}")) && answer.contains("/readyz"),
                "{answer}"
            );
        }
        let json = "content-type: application/json\r\n";
        let connect = format!("POST {method} HTTP/1.1\r\n{json}connect-protocol-version: 1\r\n");
        let answer = http(address, &connect, "{}").await;
        assert!(
            answer.starts_with("HTTP/1.1 415") && answer.contains("content-type: application/json"),
            "{answer}"
        );
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        let error: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(error["code"], "unimplemented");
        assert!(
            error["message"]
                .as_str()
                .expect("a text")
                .contains("not the Connect protocol"),
            "{error}"
        );
        let answer = http(address, &format!("POST {method} HTTP/1.1\r\n{json}"), "{}").await;
        assert!(
            answer.starts_with("HTTP/1.1 415") && answer.contains("over HTTP/2"),
            "{answer}"
        );
    }
}
