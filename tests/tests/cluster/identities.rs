//! Who a caller is, when another member passes its request on.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use aftercall_identity::token_file::{NewToken, TokenKind, create};
use aftercall_identity::{Identity, MemberKey, PassedOn};
use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::{
    CancelInstanceRequest, CountInstancesRequest, ListOverdueTimersRequest,
};
use aftercall_tests::{Clients, REFUND, eventually, set_refund};
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};
use workflow_server::journal::Storage as _;

use crate::crew::Crew;

/// A token file with tokens for tests.
struct Tokens {
    dir: tempfile::TempDir,
}

impl Tokens {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("tokens"), "").expect("written");
        Self { dir }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("tokens")
    }

    fn add(&self, name: &str, role: Role, customers: &[&str]) -> String {
        let new = NewToken {
            name: name.to_owned(),
            kind: TokenKind::Person,
            roles: vec![role],
            customers: customers.iter().map(ToString::to_string).collect(),
            teams: Vec::new(),
            expires_at: None,
        };
        let (_, secret) = create(&self.path(), new).expect("a token");
        format!("Bearer {}", secret.reveal())
    }
}

fn with<T>(headers: &[(&'static str, &str)], message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in headers {
        let value = MetadataValue::try_from(*value).expect("ASCII");
        request.metadata_mut().insert(*name, value);
    }
    request
}

const MEMBER: &str = "aftercall-member";
const AUTHORIZATION: &str = "authorization";

/// The place of the leader among members that require proof of identity, once all know it.
async fn leader(crew: &Crew, operator: &str) -> usize {
    eventually("a member leads and all know it", || async {
        let mut leader = None;
        for member in &crew.members {
            let request = with(&[(AUTHORIZATION, operator)], Default::default());
            let mut operations = member.clients.clone().operations;
            let info = operations.get_server_info(request);
            let cluster = info.await.ok()?.into_inner().cluster?;
            if !cluster.has_leader
                || *leader.get_or_insert(cluster.leader.clone()) != cluster.leader
            {
                return None;
            }
        }
        let leader = leader?;
        crew.members.iter().position(|member| member.name == leader)
    })
    .await
}

async fn furnish(clients: &mut Clients, author: &str, engine: &str) {
    let header = [(AUTHORIZATION, author)];
    for name in ["billing", "payments"] {
        let team = aftercall_proto::workflow::v1::ImportTeamRequest {
            name: name.to_owned(),
            title: name.to_owned(),
            ..Default::default()
        };
        let declared = clients.definitions.import_team(with(&header, team)).await;
        declared.expect("a team");
    }
    let import = aftercall_proto::workflow::v1::ImportWorkflowRequest {
        file: REFUND.to_owned(),
        ..Default::default()
    };
    let imported = clients.definitions.import_workflow(with(&header, import));
    imported.await.expect("imported");
    let publish = aftercall_proto::workflow::v1::PublishWorkflowRequest {
        name: "refund".to_owned(),
        ..Default::default()
    };
    let published = clients.definitions.publish_workflow(with(&header, publish));
    published.await.expect("published");
    let set = with(&[(AUTHORIZATION, engine)], set_refund("call", 1.0));
    clients.scripts.set_workflow(set).await.expect("set");
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_and_scope_are_kept_through_a_member() {
    let tokens = Tokens::new();
    let operator = tokens.add("Olga", Role::Operator, &[]);
    let author = tokens.add("Arno", Role::Author, &[]);
    let engine = tokens.add("engine", Role::ScriptEngine, &[]);
    let limited = tokens.add("Zoe", Role::Supervisor, &["Zeta"]);
    let agent = tokens.add("Ann", Role::Agent, &[]);
    let audit = tempfile::tempdir().expect("a folder");
    let crew = Crew::start_guarded(&tokens.path(), audit.path()).await;
    let leader = leader(&crew, &operator).await;
    let other = (leader + 1) % 3;
    let mut clients = crew.members[other].clients.clone();
    furnish(&mut clients, &author, &engine).await;
    for (token, expected) in [(&operator, 1), (&limited, 0)] {
        let request = with(&[(AUTHORIZATION, token)], CountInstancesRequest::default());
        let counted = clients.operations.count_instances(request).await;
        assert_eq!(counted.expect("counted").into_inner().total, expected);
    }
    // The member refuses what its own door refuses.
    let request = with(
        &[(AUTHORIZATION, &agent)],
        ListOverdueTimersRequest::default(),
    );
    let refused = clients.operations.list_overdue_timers(request).await;
    assert_eq!(refused.expect_err("no role").code(), Code::PermissionDenied);
    let refused = clients
        .operations
        .count_instances(CountInstancesRequest::default())
        .await;
    assert_eq!(refused.expect_err("no proof").code(), Code::Unauthenticated);
    // The leader's audit log names the person, and the member that passed the request on.
    let cancel = CancelInstanceRequest {
        instance_id: "nothing".to_owned(),
        reason: "a test".to_owned(),
        ..Default::default()
    };
    let cancelled = with(&[(AUTHORIZATION, &operator)], cancel);
    assert!(clients.operations.cancel_instance(cancelled).await.is_err());
    let (log, name) = (
        audit.path().join(crew.members[leader].name),
        crew.members[other].name,
    );
    eventually("the audit log has the line", || async {
        let text = std::fs::read_to_string(&log).ok()?;
        let line = text.lines().find(|line| line.contains("/CancelInstance"))?;
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(
            (&line["subject"], &line["member"]),
            (&"Olga".into(), &name.into())
        );
        Some(())
    })
    .await;
    let of_member = std::fs::read_to_string(audit.path().join(name)).expect("its log");
    assert!(!of_member.contains("/CancelInstance"), "it is written once");
}

/// A token that says that the local operator sent the request.
fn signed(key: &MemberKey, identity: Identity) -> String {
    let passed_on = PassedOn {
        identity: Arc::new(identity),
        peer: SocketAddr::from(([10, 0, 0, 1], 1)),
        member: "two".into(),
    };
    key.sign(&passed_on, SystemTime::now()).expect("a token")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_header_of_a_member_is_refused() {
    let tokens = Tokens::new();
    let operator = tokens.add("Olga", Role::Operator, &[]);
    let crew = Crew::start_guarded(&tokens.path(), std::path::Path::new("")).await;
    let leader = leader(&crew, &operator).await;
    let epoch = crew.store().identity().epoch.clone();
    let mallory = Identity {
        subject: "mallory".into(),
        proof: aftercall_identity::Proof::TokenFile,
        ..Identity::local_operator()
    };
    let other_key = MemberKey::new(&[1; 32], &epoch).expect("a key");
    let forged = signed(&other_key, mallory.clone());
    for member in &crew.members {
        let mut operations = member.clients.clone().operations;
        for header in ["", "forged", forged.as_str()] {
            // Also beside a valid token: nobody but a member sends this header.
            for headers in [
                vec![(MEMBER, header)],
                vec![(MEMBER, header), (AUTHORIZATION, operator.as_str())],
            ] {
                let request = with(&headers, CountInstancesRequest::default());
                let refused = operations.count_instances(request).await;
                let code = refused.expect_err("it is forged").code();
                assert_eq!(code, Code::Unauthenticated, "{}: {header}", member.name);
            }
        }
    }
    // The control: with the secret of the cluster the leader believes the same header.
    let secret = crew.store().vault().get_key("member-secret").await;
    let secret = secret.expect("read").expect("the leader has made it");
    let key = MemberKey::new(&secret, &epoch).expect("a key");
    let mut operations = crew.members[leader].clients.clone().operations;
    let header = signed(&key, mallory.clone());
    let request = with(&[(MEMBER, &header)], CountInstancesRequest::default());
    operations
        .count_instances(request)
        .await
        .expect("it is believed");
    // But not what no member has verified.
    let unproved = signed(&key, Identity::local_operator());
    let request = with(&[(MEMBER, &unproved)], CountInstancesRequest::default());
    let refused = operations.count_instances(request).await;
    assert_eq!(
        refused.expect_err("not proved").code(),
        Code::Unauthenticated
    );
    // A request is passed on once.
    let mut follower = crew.members[(leader + 1) % 3].clients.clone().operations;
    let request = with(&[(MEMBER, &header)], CountInstancesRequest::default());
    let refused = follower.count_instances(request).await;
    assert_eq!(refused.expect_err("one hop").code(), Code::Unavailable);
}
