//! Tokens of real providers: `oidc-provider-mock` for Python and `oidc-provider` for Node.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aftercall_identity::{Denied, Identity, Presented, ProofSettings, Verifier};
use tempfile::TempDir;

/// A provider; killed when it is dropped.
struct Provider {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Provider {
    fn start(command: &mut Command) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = piped.spawn().expect("it starts");
        Self {
            commands: child.stdin.take().expect("a pipe"),
            answers: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).expect("a line");
        assert!(line.ends_with('\n'), "it ended, see above: {line}");
        line.trim().to_owned()
    }

    fn ask(&mut self, command: &str) -> String {
        writeln!(self.commands, "{command}").expect("it runs");
        self.line()
    }
}

/// Where a tool of the tests is, installed first if it is missing.
fn tool(name: &str) -> PathBuf {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tools");
    let mut command = Command::new(tools);
    let output = command.arg(name).stderr(Stdio::inherit()).output();
    let output = output.expect("tests/tools runs");
    assert!(output.status.success(), "tests/tools {name} failed");
    let path = String::from_utf8(output.stdout).expect("a path");
    path.trim().into()
}

fn script(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/providers");
    folder.join(name)
}

/// A verifier that trusts an issuer. Its access file is in the directory.
fn verifier(issuer: &str, lines: &str) -> (Verifier, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("access.toml");
    let text = format!("[[issuer]]\nissuer = {issuer:?}\nkeys_url = \"{issuer}/jwks\"\n{lines}\n");
    fs::write(&path, text).expect("written");
    let settings = ProofSettings {
        access_file: Some(path),
        ..ProofSettings::default()
    };
    let verifier = Verifier::open(&settings).expect("a valid file");
    (verifier, directory)
}

async fn verify(
    verifier: &Verifier,
    token: &str,
    now: SystemTime,
) -> Result<Arc<Identity>, Denied> {
    let authorization = format!("Bearer {token}");
    let presented = Presented {
        authorization: Some(&authorization),
        certificate: None,
    };
    let verified = verifier.verify(presented, now).await;
    verified.map_err(|denied| denied.why)
}

#[tokio::test]
async fn an_id_token_of_a_python_provider_is_accepted() {
    let mut command = Command::new(tool("python"));
    let mut provider = Provider::start(command.arg(script("mock.py")));
    let line = provider.line();
    let (issuer, token) = line.split_once(' ').expect("an address and a token");
    let lines = r#"
        audiences = ["aftercall"]
        claims = { name = "name", roles = "realm_access.roles", teams = "groups" }
        roles = { calls-agent = ["agent"] }
        teams = { "/billing" = "billing" }
    "#;
    let now = SystemTime::now();
    let (trusting, _directory) = verifier(issuer, lines);
    let ann = verify(&trusting, token, now).await.expect("valid");
    assert_eq!((&*ann.name, &*ann.roles.to_string()), ("Ann", "agent"));
    assert!(ann.scope.has_team("billing") && !ann.scope.has_team("sales"));
    let (other, _directory) = verifier(issuer, &lines.replace("\"aftercall\"", "\"other\""));
    let refused = verify(&other, token, now).await;
    assert!(
        matches!(refused, Err(Denied::Invalid { .. })),
        "{refused:?}"
    );
    let day = Duration::from_secs(24 * 3600);
    let ended = verify(&trusting, token, now + day).await;
    assert_eq!(ended, Err(Denied::Expired));
}

const SCRIPTS: &str = "audiences = [\"aftercall\"]\nroles = { calls-script = [\"script-engine\"] }";

#[tokio::test]
async fn a_node_provider_replaces_its_key_and_goes_down() {
    let node = tool("node");
    // Node looks for packages from where the program is upwards.
    let directory = tempfile::tempdir_in(&node).expect("a directory");
    let program = directory.path().join("provider.mjs");
    fs::copy(script("provider.mjs"), &program).expect("copied");
    let mut provider = Provider::start(Command::new("node").arg(&program));
    let issuer = provider.line();
    let (trusting, _directory) = verifier(&issuer, SCRIPTS);
    let now = SystemTime::now();
    let old = provider.ask("token");
    let identity = verify(&trusting, &old, now).await.expect("valid");
    assert_eq!(identity.roles.to_string(), "script-engine");
    provider.ask("rotate");
    let (new, next) = (provider.ask("token"), provider.ask("token"));
    let early = verify(&trusting, &new, now).await;
    assert!(early.is_err(), "the minute is not over: {early:?}");
    // The request that brings the unknown key id waits for the new keys.
    let later = now + Duration::from_secs(60);
    assert!(verify(&trusting, &new, later).await.is_ok());
    assert!(verify(&trusting, &old, later).await.is_err(), "an old key");
    provider.ask("down");
    let much_later = later + Duration::from_secs(60);
    let known = verify(&trusting, &next, much_later).await;
    assert!(known.is_ok(), "the key is known: {known:?}");
    let (starting, _directory) = verifier(&issuer, SCRIPTS);
    let refused = verify(&starting, &next, now).await;
    assert_eq!(refused, Err(Denied::NoKeys));
}
