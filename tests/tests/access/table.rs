//! Every RPC × every role × every proof, as one table that is made from the descriptors.

use std::time::Duration;

use aftercall_proto::access::v1::Role;
use aftercall_proto::rules::{RULES, Rule};
use aftercall_tests::House;
use jiff::Timestamp;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_prost::ProstCodec;

use crate::{Tokens, channel, guarded, reason, with};

/// Sends an empty request to a path; a stream counts as answered when it has begun.
async fn ask(channel: &Channel, path: &str, is_stream: bool, header: Option<&str>) -> Status {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.expect("it is connected");
    let path = PathAndQuery::try_from(path).expect("a path");
    let request = match header {
        Some(header) => with(header, ()),
        None => tonic::Request::new(()),
    };
    let codec = ProstCodec::<(), ()>::default();
    let answered = if is_stream {
        client
            .server_streaming(request, path, codec)
            .await
            .map(drop)
    } else {
        client.unary(request, path, codec).await.map(drop)
    };
    answered.err().unwrap_or_else(|| Status::ok(""))
}

fn is_of_alerter(rule: &Rule) -> bool {
    rule.path.starts_with("/aftercall.alert.")
}

/// Both servers with the same tokens, and a channel to each.
struct Guarded {
    _houses: [House; 2],
    workflow: Channel,
    alerter: Channel,
}

impl Guarded {
    async fn start(tokens: &Tokens) -> Self {
        // The alerter follows a server of its own: it brings no token yet.
        let mut house = House::start_without_alerter().await;
        house.guard_alerter(&tokens.path);
        house.start_alerter().await;
        let alerter = channel(house.alerter_address()).await;
        let workflow = guarded(tokens).await;
        let of_workflow = channel(workflow.workflow_address()).await;
        Self {
            _houses: [house, workflow],
            workflow: of_workflow,
            alerter,
        }
    }

    async fn ask(&self, rule: &Rule, header: Option<&str>) -> Status {
        let channel = if is_of_alerter(rule) {
            &self.alerter
        } else {
            &self.workflow
        };
        ask(channel, rule.path, rule.is_stream, header).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_is_for_the_roles_of_its_rule_only() {
    let tokens = Tokens::new();
    let headers = Role::ALL.map(|role| (role, tokens.add(role.name(), &[role], None)));
    let servers = Guarded::start(&tokens).await;
    let mut cells = 0;
    for rule in RULES {
        for (role, header) in &headers {
            let status = servers.ask(rule, Some(header)).await;
            let of = format!("{} as {}: {status:?}", rule.path, role.name());
            if rule.roles.contains(role) {
                let is_let_in =
                    ![Code::Unauthenticated, Code::PermissionDenied].contains(&status.code());
                assert!(is_let_in && reason(&status) != "NO_SUCH_METHOD", "{of}");
            } else {
                assert_eq!(status.code(), Code::PermissionDenied, "{of}");
                assert_eq!(reason(&status), "ROLE_MISSING", "{of}");
            }
            cells += 1;
        }
    }
    assert_eq!(cells, RULES.len() * Role::ALL.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_rpc_is_served_without_a_valid_proof() {
    let tokens = Tokens::new();
    let valid = tokens.add("all", &Role::ALL, None);
    let past = Timestamp::now() - Duration::from_secs(1);
    let expired = tokens.add("late", &Role::ALL, Some(past));
    let revoked = tokens.add("gone", &Role::ALL, None);
    aftercall_identity::token_file::revoke(&tokens.path, "gone").expect("revoked");
    let other = Tokens::new().add("all", &Role::ALL, None);
    let servers = Guarded::start(&tokens).await;
    let unsigned = "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";
    let proofs = [
        (None, "PROOF_REQUIRED"),
        (Some(expired.as_str()), "TOKEN_EXPIRED"),
        (Some(revoked.as_str()), "TOKEN_REVOKED"),
        (Some(other.as_str()), "TOKEN_INVALID"),
        (Some(unsigned), "TOKEN_INVALID"),
        (Some("Basic YW5uOmFubg=="), "TOKEN_INVALID"),
        (Some(""), "TOKEN_INVALID"),
    ];
    for rule in RULES {
        for (header, expected) in proofs {
            let status = servers.ask(rule, header).await;
            assert_eq!(
                status.code(),
                Code::Unauthenticated,
                "{}: {status:?}",
                rule.path
            );
            assert_eq!(reason(&status), expected, "{}", rule.path);
        }
        let status = servers.ask(rule, Some(&valid)).await;
        assert_ne!(
            status.code(),
            Code::Unauthenticated,
            "{}: {status:?}",
            rule.path
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_path_reaches_no_service() {
    let tokens = Tokens::new();
    let valid = tokens.add("all", &Role::ALL, None);
    let servers = Guarded::start(&tokens).await;
    let path = "/aftercall.workflow.v1.OperationsService/GetServerInfo";
    let asked = ask(&servers.workflow, path, false, Some(&valid)).await;
    assert_eq!(asked.code(), Code::Ok, "the control: {asked:?}");
    for odd in [
        format!("/{path}"),
        path.replace("/Get", "//Get"),
        path.to_lowercase(),
        path.replace("/Get", "/%47et"),
        path.replace("/Get", "%2FGet"),
        format!("{path}/"),
        path.replace("Info", "Info/../GetServerInfo"),
        "/aftercall.workflow.v1.OperationsService/Drop".to_owned(),
        "/".to_owned(),
    ] {
        for header in [None, Some(valid.as_str())] {
            let status = ask(&servers.workflow, &odd, false, header).await;
            let expected = if header.is_some() {
                Code::Unimplemented
            } else {
                Code::Unauthenticated
            };
            // A path without a method is no gRPC path at all.
            let is_refused = [expected, Code::Unimplemented].contains(&status.code());
            assert!(is_refused, "{odd}: {status:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_and_reflection_is_not() {
    let tokens = Tokens::new();
    let display = tokens.add("wall", &[Role::Display], None);
    let servers = Guarded::start(&tokens).await;
    let health = "/grpc.health.v1.Health/Check";
    for channel in [&servers.workflow, &servers.alerter] {
        let status = ask(channel, health, false, None).await;
        assert_eq!(status.code(), Code::Ok, "{status:?}");
        let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        let status = ask(channel, reflection, true, None).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        let status = ask(channel, reflection, true, Some(&display)).await;
        assert_ne!(status.code(), Code::Unauthenticated, "{status:?}");
    }
}
