//! A private database that requires TLS and a password, and the files to connect to it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use aftercall_test_postgres::{Protection, Server};
use aftercall_tests::{Authority, binary};
use tempfile::TempDir;
use workflow_server::journal::Birth;
use workflow_server::journal::postgres::{Address, PostgresStore, Surroundings};

/// The password of the user `calls`.
pub(crate) const PASSWORD: &str = "pg-secret-71";

/// The rules of a database that requires TLS. The user `certified` needs a certificate instead of a
/// password.
const RULES: [&str; 2] = [
    "hostssl all certified 127.0.0.1/32 cert",
    "hostssl all all 127.0.0.1/32 scram-sha-256",
];

/// A database with one store. The user `calls` owns it.
pub(crate) struct Guarded {
    pub(crate) server: Server,
    pub(crate) folder: TempDir,
    authority: Authority,
}

impl Guarded {
    /// With TLS.
    pub(crate) fn start() -> Self {
        let authority = Authority::create();
        let own = authority.server();
        let server = Server::start_protected(&Protection {
            tls: Some([&own.certificate, &own.key]),
            client_ca: &authority.pem(),
            rules: &RULES,
        });
        Self::over(server, authority)
    }

    /// Without TLS.
    pub(crate) fn start_plain() -> Self {
        let server = Server::start_protected(&Protection {
            tls: None,
            client_ca: "",
            rules: &["host all all 127.0.0.1/32 scram-sha-256"],
        });
        Self::over(server, Authority::create())
    }

    fn over(server: Server, authority: Authority) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        server.sql(
            "postgres",
            &format!("CREATE ROLE calls LOGIN PASSWORD '{PASSWORD}'"),
        );
        server.sql("postgres", "CREATE ROLE certified LOGIN IN ROLE calls");
        server.sql("postgres", "CREATE DATABASE calls OWNER calls");
        let guarded = Self {
            server,
            folder,
            authority,
        };
        std::fs::write(guarded.file("right.pem"), guarded.authority.pem()).expect("written");
        std::fs::write(guarded.file("wrong.pem"), Authority::create().pem()).expect("written");
        guarded
    }

    /// A path in its folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The address with these further parts, and the password from outside of it. `$` is the
    /// folder with the certificates.
    pub(crate) fn address(&self, parts: &str) -> String {
        let parts = parts.replace('$', &self.folder.path().display().to_string());
        format!("port={} dbname=calls {parts}", self.server.port())
    }

    /// Writes a certificate of a client with this name, and its key.
    pub(crate) fn certify(&self, name: &str) {
        write_pair(&self.authority, name, self.folder.path());
    }

    /// Creates the store as the superuser, for its owner.
    pub(crate) async fn create_store(&self) {
        let socket = self.server.socket_folder().display();
        let text = format!(
            "host={socket} port={} dbname=calls user=aftercall options='-c role=calls'",
            self.server.port()
        );
        let address = Address::parse(&text, &Surroundings::default()).expect("an address");
        let birth = Birth {
            epoch: format!("{:032x}", rand::random::<u128>()),
            hash_key: rand::random(),
            created_at_millis: 0,
        };
        let created = PostgresStore::create(&address, &birth).await;
        drop(created.expect("a new store"));
    }
}

/// Writes a certificate of a client with this name, and its key.
pub(crate) fn write_pair(authority: &Authority, name: &str, folder: &Path) {
    let pair = authority.client(name);
    std::fs::write(folder.join(format!("{name}.crt")), pair.certificate).expect("written");
    std::fs::write(folder.join(format!("{name}.key")), pair.key).expect("written");
}

/// Runs one of our programs until it ends. Its output and its errors contain no password.
pub(crate) fn run(name: &str, args: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
    let mut command = Command::new(binary(name));
    command.args(args).env("NO_COLOR", "1");
    command.env_remove("PGPASSWORD").env_remove("PGPASSFILE");
    command.envs(environment.iter().copied());
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("it runs");
    let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let shown = format!("{out}{err}");
    for secret in [PASSWORD, WRONG] {
        assert!(!shown.contains(secret), "{name} {args:?} shows it: {shown}");
    }
    (status.success(), shown)
}

/// Another password.
pub(crate) const WRONG: &str = "no-secret-72";
