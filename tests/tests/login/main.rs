//! `aftercall login` at a real provider, for a server that accepts its tokens. A person in a real
//! browser enters the code.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Stdio;

use aftercall_tests::{House, NodeScript, PATIENCE, binary};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

/// A provider, a server that trusts it, and the folder of a user.
struct Place {
    provider: NodeScript,
    issuer: String,
    house: House,
    home: TempDir,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    async fn start() -> Self {
        let mut provider = NodeScript::provider("device.mjs").await;
        let issuer = provider.hear().await;
        let issuer = issuer.as_str().expect("an address").to_owned();
        let home = tempfile::tempdir().expect("a folder");
        let access = home.path().join("access.toml");
        let text = format!(
            "[[issuer]]\nissuer = {issuer:?}\naudiences = [\"aftercall\"]\nkeys_url = \"{issuer}/jwks\"\n\
             roles = {{ calls-agent = [\"agent\"] }}\n"
        );
        fs::write(&access, text).expect("written");
        let mut house = House::start_without_alerter().await;
        house.stop_workflow().await;
        house.trust_issuers(&access);
        house.start_workflow().await;
        Self {
            provider,
            issuer,
            house,
            home,
        }
    }

    fn contexts(&self) -> PathBuf {
        self.home.path().join("config.toml")
    }

    fn login(&self) -> PathBuf {
        self.home.path().join("logins/prod.json")
    }

    /// What the file with the login has under a key.
    fn kept(&self, key: &str) -> Value {
        let text = fs::read_to_string(self.login()).expect("a login");
        serde_json::from_str::<Value>(&text).expect("JSON")[key].clone()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(binary("aftercall"));
        command
            .args(words)
            .env("AFTERCALL_CONTEXTS_FILE", self.contexts())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        for variable in ["SERVER", "ALERTER", "ACTOR", "TOKEN_FILE", "CONTEXT"] {
            command.env_remove(format!("AFTERCALL_{variable}"));
        }
        command
    }

    async fn run(&self, words: &[&str]) -> Ended {
        let ended = self.command(words).output().await.expect("it runs");
        Ended {
            code: ended.status.code(),
            out: String::from_utf8(ended.stdout).expect("text"),
            err: String::from_utf8(ended.stderr).expect("text"),
        }
    }

    /// Runs a login, whose code a person enters.
    async fn log_in(&self, person: &mut NodeScript, name: &str, words: &[&str]) -> Ended {
        let mut login = self.command(words).spawn().expect("it runs");
        let mut lines = BufReader::new(login.stderr.take().expect("a pipe")).lines();
        let mut err = String::new();
        let address = loop {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
            let line = line.expect("a line in time").expect("text");
            let line = line.unwrap_or_else(|| panic!("there is no address: {err}"));
            if let Some(address) = line.strip_prefix("or open ") {
                break address.to_owned();
            }
            err.push_str(&line);
        };
        assert!(err.contains("enter the code "), "{err}");
        person
            .ask(&json!({ "address": address, "name": name }))
            .await;
        let ended = tokio::time::timeout(PATIENCE, login.wait_with_output()).await;
        let ended = ended.expect("it ends in time").expect("it ran");
        Ended {
            code: ended.status.code(),
            out: String::from_utf8(ended.stdout).expect("text"),
            err,
        }
    }

    /// Access tokens that are issued after this end after so many seconds.
    async fn lifetime(&mut self, seconds: u64) {
        self.provider.ask(&json!({ "seconds": seconds })).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_logs_in_at_a_provider() {
    let mut place = Place::start().await;
    let mut person = NodeScript::in_browser("person.mjs").await;
    let server = place.house.workflow_url();
    let add = ["context", "add", "prod", "--server", &server];
    assert_eq!(place.run(&add).await.code, Some(0));
    let refused = place.run(&["whoami"]).await;
    assert_eq!(refused.code, Some(1), "the control: {refused:?}");
    assert!(refused.err.contains("aftercall login"), "{refused:?}");
    let bare = place.run(&["login"]).await;
    assert_eq!(bare.code, Some(2), "{bare:?}");
    assert!(bare.err.contains("--issuer"), "{bare:?}");

    let issuer = place.issuer.clone();
    let login = [
        "login",
        "--issuer",
        &issuer,
        "--client-id",
        "aftercall-cli",
        "--scopes",
        "openid offline_access calls",
    ];
    let ended = place.log_in(&mut person, "Ann", &login).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("renewed automatically"), "{ended:?}");
    let shown = place.run(&["whoami"]).await;
    assert!(shown.out.contains("You are    Ann"), "{shown:?}");
    assert!(shown.out.contains("a token of an issuer"), "{shown:?}");
    for path in [place.login(), place.contexts()] {
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{path:?}");
    }
    let first = place.kept("access_token");
    let first = first.as_str().expect("a token");
    let contexts = fs::read_to_string(place.contexts()).expect("the contexts");
    for text in [&contexts, &ended.out, &ended.err] {
        assert!(!text.contains(first), "{text}");
    }

    // The context keeps the options. Tokens that end soon are renewed by each command.
    place.lifetime(10).await;
    let again = place.log_in(&mut person, "Ben", &["login"]).await;
    assert_eq!(again.code, Some(0), "{again:?}");
    let mut seen = vec![(place.kept("access_token"), place.kept("refresh_token"))];
    for _ in 0..2 {
        let shown = place.run(&["whoami"]).await;
        assert!(shown.out.contains("You are    Ben"), "{shown:?}");
        let now = (place.kept("access_token"), place.kept("refresh_token"));
        assert!(!seen.iter().any(|(access, _)| *access == now.0));
        assert!(!seen.iter().any(|(_, refresh)| *refresh == now.1));
        seen.push(now);
    }
    // The control: one that lasts is used again.
    place.lifetime(300).await;
    place.run(&["whoami"]).await;
    let lasting = place.kept("access_token");
    place.run(&["whoami"]).await;
    assert_eq!(place.kept("access_token"), lasting);

    let kept = fs::read_to_string(place.login()).expect("a login");
    let ended = place.run(&["logout"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!place.login().exists());
    let refused = place.run(&["whoami"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let again = place.run(&["logout"]).await;
    assert!(again.out.contains("no login"), "{again:?}");
    // The provider has ended it too: who has a copy of the file cannot renew it.
    let mut copy: Value = serde_json::from_str(&kept).expect("JSON");
    copy["expires_at"] = json!("2020-01-01T00:00:00Z");
    fs::write(place.login(), copy.to_string()).expect("written");
    let file = place.login().display().to_string();
    let contexts = format!("{contexts}\n").replace("\r", "");
    assert!(contexts.contains(&file), "{contexts}");
    fs::write(place.contexts(), contexts).expect("written");
    let refused = place.run(&["whoami"]).await;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("has ended"), "{refused:?}");
}
