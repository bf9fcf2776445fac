//! Who may call what: proofs of identity, roles, actors and the end of streams, at real servers.

mod actors;
mod audit;
mod audit_refusals;
mod commands;
mod engines;
mod guarded;
mod owners;
mod provider;
mod revoking;
mod roads;
mod scope;
mod streams;
mod table;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aftercall_identity::token_file::{NewToken, TokenKind, create};
use aftercall_proto::access::v1::Role;
use aftercall_tests::House;
use jiff::Timestamp;
use tempfile::TempDir;
use tonic::metadata::MetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

/// The tokens that a test makes.
pub(crate) struct Tokens {
    pub(crate) path: PathBuf,
    dir: TempDir,
}

impl Tokens {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("tokens");
        std::fs::write(&path, "").expect("written");
        Self { path, dir }
    }

    /// A file with a new token.
    pub(crate) fn file(&self, name: &str, role: Role) -> PathBuf {
        self.file_of(name, &[role])
    }

    /// The same with several roles.
    pub(crate) fn file_of(&self, name: &str, roles: &[Role]) -> PathBuf {
        let header = self.add(name, roles, None);
        let path = self.dir.path().join(name);
        std::fs::write(&path, header.trim_start_matches("Bearer ")).expect("written");
        path
    }

    /// The header of a new token.
    pub(crate) fn add(&self, name: &str, roles: &[Role], ends: Option<Timestamp>) -> String {
        self.create(name, roles, ends, (&[], &[]))
    }

    /// The header of a new token that sees only one team.
    pub(crate) fn of_team(&self, name: &str, role: Role, team: &str) -> String {
        self.limited(name, &[role], (&[], &[team]))
    }

    /// The header of a new token that sees only these customers and teams.
    pub(crate) fn limited(&self, name: &str, roles: &[Role], scope: (&[&str], &[&str])) -> String {
        self.create(name, roles, None, scope)
    }

    fn create(
        &self,
        name: &str,
        roles: &[Role],
        ends: Option<Timestamp>,
        (customers, teams): (&[&str], &[&str]),
    ) -> String {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        let new = NewToken {
            name: name.to_owned(),
            kind: TokenKind::Person,
            roles: roles.to_vec(),
            customers: names(customers),
            teams: names(teams),
            expires_at: ends,
        };
        let (_, secret) = create(&self.path, new).expect("a token");
        format!("Bearer {}", secret.reveal())
    }
}

/// A workflow-server that wants a token; the tokens must be made before.
pub(crate) async fn guarded(tokens: &Tokens) -> House {
    guarded_by(tokens, Path::new("")).await
}

/// The same, which also trusts the issuers of an access file.
pub(crate) async fn guarded_by(tokens: &Tokens, access: &Path) -> House {
    let mut house = House::start_without_alerter().await;
    house.stop_workflow().await;
    house.guard_workflow(&tokens.path);
    house.trust_issuers(access);
    house.start_workflow().await;
    house
}

pub(crate) async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("a URL");
    endpoint.connect().await.expect("it listens")
}

/// A request with this header.
pub(crate) fn with<T>(header: &str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let value = MetadataValue::try_from(header).expect("ASCII");
    request.metadata_mut().insert("authorization", value);
    request
}

/// The stable name of a refusal; empty where it has none.
pub(crate) fn reason(status: &Status) -> String {
    let info = status.get_details_error_info();
    info.map(|info| info.reason).unwrap_or_default()
}
