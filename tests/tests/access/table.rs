//! Every RPC × every role × every proof, as one table that is made from the descriptors.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use aftercall_identity::token_file::revoke;
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Role};
use aftercall_proto::rules::Rule;
use aftercall_tests::{Issuer, Pair, seconds};
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use tonic::{Code, Status};

use crate::guarded::{Guarded, ISSUER, Rpc, ask, rpcs, try_connect};
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

/// Every RPC at each server that has it, with each of these.
fn each_rpc<P: Copy>(with: &[P]) -> Vec<(Rpc, P)> {
    let of_rpc = |rpc| with.iter().map(move |one| (rpc, *one));
    rpcs().into_iter().flat_map(of_rpc).collect()
}

/// Prints the size of a table.
fn print(cells: usize, of: &str) {
    println!("{cells} requests: {of}");
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
    let asked = filled(each_rpc(&headers), |(rpc, (_, header))| {
        servers.ask(rpc, Some(header.as_str()))
    });
    let asked = asked.await;
    assert_eq!(asked.len(), rpcs().len() * Role::ALL.len() * 2);
    print(asked.len(), "every RPC, role, and valid token and JWT");
    for ((rpc, (role, _)), status) in asked {
        is_by_rule(rpc.rule, *role, &status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_has_the_role_of_its_entry_only() {
    let servers = Guarded::start(&Tokens::new()).await;
    for role in Role::ALL {
        let connected = servers.connect_as(role.name()).await;
        let asked = filled(rpcs(), |rpc| connected.ask(rpc, None));
        for (rpc, status) in asked.await {
            is_by_rule(rpc.rule, role, &status);
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
    let asked = filled(each_rpc(&proofs), |(rpc, (header, _))| {
        stranger.ask(rpc, header)
    });
    for ((rpc, (_, expected)), status) in asked.await {
        is_refused_with(rpc.rule, expected, &status);
    }
    // A valid certificate does not replace an invalid token.
    let operator = servers.connect_as("operator").await;
    let both = [(Some("Bearer nonsense"), "TOKEN_INVALID"), (None, "")];
    let asked = filled(each_rpc(&both), |(rpc, (header, _))| {
        operator.ask(rpc, header)
    });
    for ((rpc, (_, expected)), status) in asked.await {
        is_refused_with(rpc.rule, expected, &status);
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
fn jwts(issuer: &Issuer, roles: &[&str]) -> Vec<(String, &'static str)> {
    let right = issuer.claims("all", roles);
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
    revoke(&tokens.path, "gone").expect("revoked");
    let other = Tokens::new().add("all", &Role::ALL, None);
    let servers = Guarded::start(&tokens).await;
    let jwts = jwts(&servers.issuer, &Role::ALL.map(Role::name));
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
    let asked = filled(each_rpc(&proofs), |(rpc, (header, _))| {
        servers.ask(rpc, header)
    });
    let asked = asked.await;
    assert_eq!(asked.len(), rpcs().len() * 18);
    print(asked.len(), "every RPC and proof, with all roles");
    for ((rpc, (_, expected)), status) in asked {
        is_refused_with(rpc.rule, expected, &status);
    }
}

/// Tokens of one role that a server refuses.
struct Refused {
    expired: String,
    revoked: String,
    of_another_file: String,
}

impl Refused {
    fn create(tokens: &Tokens, role: Role) -> Self {
        let past = Timestamp::now() - Duration::from_secs(1);
        let gone = format!("gone {}", role.name());
        let revoked = tokens.add(&gone, &[role], None);
        revoke(&tokens.path, &gone).expect("revoked");
        Self {
            expired: tokens.add(role.name(), &[role], Some(past)),
            revoked,
            of_another_file: Tokens::new().add(role.name(), &[role], None),
        }
    }

    /// These and the JWTs of the role that are refused, each with its reason.
    fn proofs(self, issuer: &Issuer, role: Role) -> Vec<(String, &'static str)> {
        let jwts = jwts(issuer, &[role.name()]).into_iter();
        let refused = jwts.filter(|(_, reason)| !reason.is_empty());
        let bearer = refused.map(|(jwt, reason)| (format!("Bearer {jwt}"), reason));
        let tokens = [
            (self.expired, "TOKEN_EXPIRED"),
            (self.revoked, "TOKEN_REVOKED"),
            (self.of_another_file, "TOKEN_INVALID"),
        ];
        tokens.into_iter().chain(bearer).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_role_is_served_by_an_invalid_proof() {
    let tokens = Tokens::new();
    let refused = Role::ALL.map(|role| (role, Refused::create(&tokens, role)));
    let servers = Guarded::start(&tokens).await;
    let mut cells = 0;
    for (role, refused) in refused {
        for (header, expected) in refused.proofs(&servers.issuer, role) {
            let connected = servers.connect().await;
            let asked = filled(rpcs(), |rpc| connected.ask(rpc, Some(header.as_str())));
            let asked = asked.await;
            cells += asked.len();
            for (rpc, status) in asked {
                is_refused_with(rpc.rule, expected, &status);
            }
        }
    }
    assert_eq!(cells, rpcs().len() * Role::ALL.len() * 13);
    print(cells, "every RPC, role and invalid proof");
}

/// Asks who it is by a client certificate.
async fn identified(address: SocketAddr, servers: &Guarded, own: Pair) -> Result<Role, Status> {
    let connected = try_connect(address, servers.authority(), Some(own)).await;
    let channel = connected.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut client = IdentityServiceClient::new(channel);
    let answer = client
        .get_identity(GetIdentityRequest {})
        .await?
        .into_inner();
    let identity = answer.identity.expect("one");
    Ok(identity.roles().next().expect("a role"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_time_proves_nothing() {
    let servers = Guarded::start(&Tokens::new()).await;
    let (now, hour) = (SystemTime::now(), Duration::from_secs(3_600));
    let expired = (now - 2 * hour, now - hour);
    let early = (now + hour, now + 2 * hour);
    for role in Role::ALL {
        for address in servers.addresses() {
            for time in [expired, early] {
                let own = servers.authority().client_between(role.name(), time);
                let refused = identified(address, &servers, own).await;
                let refused = refused.expect_err("it is not valid at this time");
                // The handshake refuses it, so that no RPC begins.
                assert_eq!(reason(&refused), "", "{refused:?}");
            }
            let valid = (now - hour, now + hour);
            let own = servers.authority().client_between(role.name(), valid);
            let control = identified(address, &servers, own).await;
            assert_eq!(control.expect("it is valid"), role);
        }
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
    let each = rpcs().into_iter().flat_map(|rpc| {
        let path = rpc.rule.path;
        let odd = odd(path).into_iter().map(move |path| (rpc, path));
        odd.chain([(rpc, path.to_owned()), (rpc, "/".to_owned())])
    });
    let cells = each.flat_map(|(rpc, path)| {
        let with = |header| (rpc, path.clone(), header);
        [with(None), with(Some(valid.as_str()))]
    });
    let connected = &servers.connected;
    let asked = filled(cells.collect(), |(rpc, path, header)| async move {
        ask(connected.server(rpc), &path, rpc.rule.is_stream, header).await
    });
    let asked = asked.await;
    assert_eq!(asked.len(), rpcs().len() * 18 * 2);
    print(
        asked.len(),
        "odd paths of every RPC, with and without a proof",
    );
    for ((rpc, path, header), status) in asked {
        let of = format!("{path}: {status:?}");
        if path == rpc.rule.path {
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
        assert_eq!(status.code(), expected, "{of}");
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
