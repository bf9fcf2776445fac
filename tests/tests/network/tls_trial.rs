//! The certificates of `aftercall certificate create`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use aftercall_serving::{Limits, Protection, TlsSettings};
use aftercall_tests::binary;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::health_client::HealthClient;

use crate::{Bare, check};

fn create(dir: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(binary("aftercall"));
    let command = command.args(["certificate", "create", "--directory"]);
    let output = command.arg(dir).args(more).output();
    output.expect("it runs")
}

fn succeeds(dir: &Path, more: &[&str]) -> String {
    let output = create(dir, more);
    assert!(output.status.success(), "{more:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test]
async fn its_certificates_are_enough_for_mutual_tls() {
    let temp = tempfile::tempdir().expect("a folder");
    let dir = temp.path().join("certificates");
    let written = succeeds(&dir, &["--client", "ann"]);
    assert_eq!(written.lines().count(), 6, "{written}");
    let protection = Protection {
        tls: TlsSettings {
            certificate: dir.join("server.crt"),
            key: dir.join("server.key"),
            client_ca: dir.join("ca.crt"),
            client_required: true,
        },
        ..Protection::default()
    };
    let server = Bare::start_protected(Limits::default(), &protection, |routes| routes).await;
    let read = |name: &str| fs::read_to_string(dir.join(name)).expect("a file");
    for (own, is_accepted) in [(true, true), (false, false)] {
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read("ca.crt")));
        let tls = match own {
            true => tls.identity(Identity::from_pem(read("ann.crt"), read("ann.key"))),
            false => tls,
        };
        let url = format!("https://localhost:{}", server.address.port());
        let endpoint = Endpoint::from_shared(url).expect("a URL");
        let channel = endpoint.tls_config(tls).expect("valid").connect_lazy();
        let answer = check(&mut HealthClient::new(channel)).await;
        assert_eq!(answer.is_ok(), is_accepted, "{answer:?}");
    }
}

#[test]
fn nothing_is_overwritten_without_replace() {
    let dir = tempfile::tempdir().expect("a folder");
    let dir = dir.path();
    succeeds(dir, &["--name", "calls.example.com", "--client", "ann"]);
    let files = [
        "ca.crt",
        "ca.key",
        "server.crt",
        "server.key",
        "ann.crt",
        "ann.key",
    ];
    let contents = || files.map(|name| fs::read(dir.join(name)).expect("a file"));
    for name in files.iter().filter(|name| name.ends_with(".key")) {
        let mode = fs::metadata(dir.join(name)).expect("a file").permissions();
        assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
    }
    let first = contents();
    for more in [
        &[][..],
        &["--name", "other"],
        &["--client", "bob", "--client", "ann"],
    ] {
        let refused = create(dir, more);
        let why = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && why.contains("--replace"),
            "{why}"
        );
    }
    assert!(contents() == first && !dir.join("bob.crt").exists());
    succeeds(dir, &["--client", "bob"]);
    assert!(
        contents() == first,
        "a further client changes no other file"
    );
    succeeds(dir, &["--replace"]);
    let second = contents();
    let is_same = files.iter().zip(first.iter().zip(&second));
    let same: Vec<&str> = is_same
        .filter(|(_, (before, after))| before == after)
        .map(|(name, _)| *name)
        .collect();
    assert_eq!(same, ["ca.crt", "ca.key", "ann.crt", "ann.key"]);
}
