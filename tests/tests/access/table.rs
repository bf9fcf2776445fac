//! Every RPC × every role × every proof, as one table that is made from the descriptors.

use std::time::Duration;

use aftercall_proto::access::v1::Role;
use aftercall_proto::rules::{RULES, Rule};
use aftercall_tests::{Issuer, seconds};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::guarded::{Guarded, ISSUER, ask};
use crate::{Tokens, reason};

/// Requests at once, on one connection.
const CONCURRENCY: usize = 64;

/// What came of each cell of a table.
async fn filled<C: Clone, F: Future<Output = Status>>(
    cells: Vec<C>,
    ask: impl Fn(C) -> F,
) -> Vec<(C, Status)> {
    let asked = cells.into_iter().map(|cell| {
        let answering = ask(cell.clone());
        async move { (cell, answering.await) }
    });
    stream::iter(asked)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await
}

/// Every RPC with each of these.
fn each_rpc<P: Copy>(with: &[P]) -> Vec<(&'static Rule, P)> {
    let of_rule = |rule| with.iter().map(move |one| (rule, *one));
    RULES.iter().flat_map(of_rule).collect()
}

/// A role is let in by the rule of an RPC, or refused.
#[track_caller]
fn is_by_rule(rule: &Rule, role: Role, status: &Status) {
    let of = format!("{} as {}: {status:?}", rule.path, role.name());
    if rule.roles.contains(&role) {
        let is_let_in = ![Code::Unauthenticated, Code::PermissionDenied].contains(&status.code());
        assert!(is_let_in && reason(status) != "NO_SUCH_METHOD", "{of}");
    } else {
        assert_eq!(status.code(), Code::PermissionDenied, "{of}");
        assert_eq!(reason(status), "ROLE_MISSING", "{of}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_rpc_is_for_the_roles_of_its_rule_only() {
    let tokens = Tokens::new();
    let by_token = Role::ALL.map(|role| (role, tokens.add(role.name(), &[role], None)));
    let servers = Guarded::start(&tokens).await;
    let by_jwt = Role::ALL.map(|role| {
        let claims = servers.issuer.claims(role.name(), &[role.name()]);
        (
            role,
            format!("Bearer {}", servers.issuer.sign("key-1", &claims)),
        )
    });
    let headers: Vec<_> = by_token.iter().chain(&by_jwt).collect();
    let asked = filled(each_rpc(&headers), |(rule, (_, header))| {
        servers.ask(rule, Some(header.as_str()))
    });
    let asked = asked.await;
    assert_eq!(asked.len(), RULES.len() * Role::ALL.len() * 2);
    for ((rule, (role, _)), status) in asked {
        is_by_rule(rule, *role, &status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_has_the_role_of_its_entry_only() {
    let servers = Guarded::start(&Tokens::new()).await;
    for role in Role::ALL {
        let connected = servers.connect_as(role.name()).await;
        let asked = filled(RULES.iter().collect(), |rule| connected.ask(rule, None));
        for (rule, status) in asked.await {
            is_by_rule(rule, role, &status);
        }
    }
    let stranger = servers.connect_as("stranger").await;
    let claims = servers.issuer.claims("all", &Role::ALL.map(Role::name));
    let valid = format!("Bearer {}", servers.issuer.sign("key-1", &claims));
    let proofs = [
        (None, "CERTIFICATE_UNKNOWN"),
        (Some("Bearer nonsense"), "TOKEN_INVALID"),
        (Some(valid.as_str()), ""),
    ];
    let asked = filled(each_rpc(&proofs), |(rule, (header, _))| {
        stranger.ask(rule, header)
    });
    for ((rule, (_, expected)), status) in asked.await {
        is_refused_with(rule, expected, &status);
    }
    // A valid certificate does not replace an invalid token.
    let operator = servers.connect_as("operator").await;
    let both = [(Some("Bearer nonsense"), "TOKEN_INVALID"), (None, "")];
    let asked = filled(each_rpc(&both), |(rule, (header, _))| {
        operator.ask(rule, header)
    });
    for ((rule, (_, expected)), status) in asked.await {
        is_refused_with(rule, expected, &status);
    }
}

/// A proof is refused for a reason, or accepted where there is none.
#[track_caller]
fn is_refused_with(rule: &Rule, expected: &str, status: &Status) {
    let of = format!("{} with {expected:?}: {status:?}", rule.path);
    if expected.is_empty() {
        assert_ne!(status.code(), Code::Unauthenticated, "{of}");
    } else {
        assert_eq!(status.code(), Code::Unauthenticated, "{of}");
        assert_eq!(reason(status), expected, "{of}");
    }
}

/// JWTs, each with the reason of its refusal: the first is accepted, and each other one differs from
/// it in one thing.
fn jwts(issuer: &Issuer) -> Vec<(String, &'static str)> {
    let right = issuer.claims("all", &Role::ALL.map(Role::name));
    let but = |claim: &str, value: Value| {
        let mut claims = right.clone();
        claims[claim] = value;
        issuer.sign("key-1", &claims)
    };
    vec![
        (issuer.sign("key-1", &right), ""),
        (but("exp", seconds(-61).into()), "TOKEN_EXPIRED"),
        (but("nbf", seconds(120).into()), "TOKEN_NOT_YET_VALID"),
        (but("aud", "another".into()), "TOKEN_INVALID"),
        (but("iss", "https://evil.example".into()), "TOKEN_INVALID"),
        (but("roles", json!(["nobody"])), "TOKEN_INVALID"),
        (but("sub", Value::Null), "TOKEN_INVALID"),
        (
            Issuer::create(ISSUER).sign("key-1", &right),
            "TOKEN_INVALID",
        ),
        (Issuer::unsigned(&right), "TOKEN_INVALID"),
        (issuer.hmac(&right), "TOKEN_INVALID"),
        (issuer.sign("key-2", &right), "TOKEN_INVALID"),
    ]
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
    let jwts = jwts(&servers.issuer);
    let bearer = jwts
        .iter()
        .map(|(jwt, reason)| (format!("Bearer {jwt}"), *reason));
    let bearer: Vec<(String, &str)> = bearer.collect();
    let mut proofs = vec![
        (None, "PROOF_REQUIRED"),
        (Some(valid.as_str()), ""),
        (Some(expired.as_str()), "TOKEN_EXPIRED"),
        (Some(revoked.as_str()), "TOKEN_REVOKED"),
        (Some(other.as_str()), "TOKEN_INVALID"),
        (Some("Basic YW5uOmFubg=="), "TOKEN_INVALID"),
        (Some(""), "TOKEN_INVALID"),
    ];
    proofs.extend(
        bearer
            .iter()
            .map(|(jwt, reason)| (Some(jwt.as_str()), *reason)),
    );
    let asked = filled(each_rpc(&proofs), |(rule, (header, _))| {
        servers.ask(rule, header)
    });
    let asked = asked.await;
    assert_eq!(asked.len(), RULES.len() * 18);
    for ((rule, (_, expected)), status) in asked {
        is_refused_with(rule, expected, &status);
    }
}

/// Paths that look like the path of an RPC and are none.
fn odd(path: &str) -> Vec<String> {
    let (service, method) = path[1..].split_once('/').expect("a path of gRPC");
    let (first, rest) = method.split_at(1);
    let coded = u8::try_from(first.chars().next().expect("a letter")).expect("ASCII");
    vec![
        format!("/{path}"),
        format!("/{service}//{method}"),
        format!("/{service}{method}"),
        format!("/{service}.{method}"),
        format!("{path}/"),
        path.to_lowercase(),
        path.to_uppercase(),
        format!("/{service}/%{coded:X}{rest}"),
        format!("/{service}%2F{method}"),
        format!("%2F{service}/{method}").replacen("%2F", "/%2F", 1),
        format!("/{service}/x/../{method}"),
        format!("/./{service}/{method}"),
        format!("/{service}/{method}%00"),
        format!("/{service}/{method};a=b"),
        format!("/{service}/Drop"),
        format!("/aftercall.workflow.v9.Service/{method}"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_path_reaches_no_service() {
    let tokens = Tokens::new();
    let valid = tokens.add("all", &Role::ALL, None);
    let servers = Guarded::start(&tokens).await;
    let each = RULES.iter().flat_map(|rule| {
        let odd = odd(rule.path).into_iter().map(move |path| (rule, path));
        odd.chain([(rule, rule.path.to_owned()), (rule, "/".to_owned())])
    });
    let cells = each.flat_map(|(rule, path)| {
        let with = |header| (rule, path.clone(), header);
        [with(None), with(Some(valid.as_str()))]
    });
    let connected = &servers.connected;
    let asked = filled(cells.collect(), |(rule, path, header)| async move {
        ask(connected.server(rule), &path, rule.is_stream, header).await
    });
    let asked = asked.await;
    assert_eq!(asked.len(), RULES.len() * 18 * 2);
    for ((rule, path, header), status) in asked {
        let of = format!("{path}: {status:?}");
        if path == rule.path {
            let is_served = reason(&status) != "NO_SUCH_METHOD";
            assert!(
                is_served && status.code() != Code::Unimplemented,
                "the control: {of}"
            );
            continue;
        }
        let expected = match header {
            Some(_) => Code::Unimplemented,
            None => Code::Unauthenticated,
        };
        // A path without a method is no gRPC path at all.
        let is_refused = [expected, Code::Unimplemented].contains(&status.code());
        assert!(is_refused, "{of}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_open_and_reflection_is_not() {
    let tokens = Tokens::new();
    let display = tokens.add("wall", &[Role::Display], None);
    let servers = Guarded::start(&tokens).await;
    let health = "/grpc.health.v1.Health/Check";
    for channel in servers.connected.each() {
        let status = ask(channel, health, false, None).await;
        assert_eq!(status.code(), Code::Ok, "{status:?}");
        let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
        let status = ask(channel, reflection, true, None).await;
        assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
        let status = ask(channel, reflection, true, Some(&display)).await;
        assert_ne!(status.code(), Code::Unauthenticated, "{status:?}");
    }
}
