//! Logins at an issuer of the test.

use std::cell::RefCell;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::errors::Exit;
use crate::login::kept::folder;
use crate::login::source::valid;

/// Starts an issuer. It makes a device wait once, and accepts each refresh token once. Its tokens
/// end after so many seconds.
fn issuer(lifetime: u64) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let issuer = format!("http://{}", listener.local_addr().expect("an address"));
    let own = issuer.clone();
    thread::spawn(move || {
        let (mut polls, mut refreshes) = (0, 0);
        for stream in listener.incoming() {
            let mut stream = stream.expect("a connection");
            let (path, form) = request(&stream);
            let (status, body) = match path.as_str() {
                "/.well-known/openid-configuration" => (200, discovery(&own)),
                "/device" if form.contains("audience=calls") => (200, device()),
                "/device" => (400, json!({ "error": "invalid_\u{1b}[31mtarget" })),
                "/token" if form.contains("grant_type=refresh_token") => {
                    let valid = format!("refresh_token=refresh-{refreshes}");
                    refreshes += 1;
                    match form.contains(&valid) {
                        true => (
                            200,
                            tokens(&format!("renewed-{refreshes}"), refreshes, lifetime),
                        ),
                        false => (400, json!({ "error": "invalid_grant" })),
                    }
                }
                "/token" if polls == 0 => {
                    polls += 1;
                    (400, json!({ "error": "authorization_pending" }))
                }
                "/token" => (200, tokens("first", 0, lifetime)),
                _ => (404, Value::Null),
            };
            answer(&mut stream, status, &body.to_string());
        }
    });
    issuer
}

fn discovery(issuer: &str) -> Value {
    json!({
        "issuer": issuer,
        "device_authorization_endpoint": format!("{issuer}/device"),
        "token_endpoint": format!("{issuer}/token"),
    })
}

fn device() -> Value {
    json!({
        "device_code": "device-1",
        "user_code": "ABCD-EFGH",
        "verification_uri": "https://login.example.com/device",
        "expires_in": 60,
        "interval": 0,
    })
}

fn tokens(name: &str, refresh: u32, lifetime: u64) -> Value {
    json!({
        "access_token": format!("access-{name}"),
        "refresh_token": format!("refresh-{refresh}"),
        "token_type": "Bearer",
        "expires_in": lifetime,
    })
}

/// The path of a request and its form.
fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).expect("a request");
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a header");
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut form = vec![0; length];
    reader.read_exact(&mut form).expect("a form");
    let path = first.split(' ').nth(1).expect("a path").to_owned();
    (path, String::from_utf8(form).expect("a form"))
}

fn answer(stream: &mut TcpStream, status: u16, body: &str) {
    let length = body.len();
    let head = "Content-Type: application/json\r\nConnection: close";
    write!(
        stream,
        "HTTP/1.1 {status} X\r\n{head}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .ok();
}

fn settings(issuer: &str) -> LoginSettings {
    LoginSettings {
        issuer: issuer.to_owned(),
        client_id: "aftercall-cli".to_owned(),
        scopes: "openid offline_access".to_owned(),
        audience: Some("calls".to_owned()),
        ca_file: None,
    }
}

/// A login that was made without the waits of the device flow, in its file.
fn saved(issuer: &str, seconds_left: i64) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("logins").join("prod.json");
    let login = Login {
        settings: settings(issuer),
        access_token: "access-old".to_owned(),
        expires_at: Some(Timestamp::now() + SignedDuration::from_secs(seconds_left)),
        refresh_token: Some("refresh-0".to_owned()),
    };
    login.save(&path).expect("written");
    (directory, path)
}

fn mode(path: &Path) -> u32 {
    let metadata = fs::metadata(path).expect("a file");
    metadata.permissions().mode() & 0o777
}

#[test]
fn a_login_shows_a_code_and_no_token() {
    let shown = RefCell::new(String::new());
    let show = |text: &str| shown.borrow_mut().push_str(text);
    let login = begin(settings(&issuer(300)), show).expect("a login");
    assert_eq!(login.access_token, "access-first");
    assert_eq!(login.refresh_token.as_deref(), Some("refresh-0"));
    let left = login
        .expires_at
        .expect("an end")
        .duration_since(Timestamp::now());
    assert!((290..=300).contains(&left.as_secs()), "{left:?}");
    let shown = shown.into_inner();
    let address = "https://login.example.com/device";
    assert!(shown.contains(address), "{shown}");
    assert!(
        shown.contains("ABCD-EFGH") && !shown.contains("device-1"),
        "{shown}"
    );
}

#[test]
fn only_the_owner_can_read_a_login() {
    let (_directory, path) = saved("http://127.0.0.1:1", 300);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(folder(&path)), 0o700);
    remove(&path).expect("removed");
    remove(&path).expect("it is removed already");
    let left = fs::read_dir(folder(&path)).expect("the folder").count();
    assert_eq!(left, 0);
}

#[test]
fn a_token_near_its_end_is_renewed() {
    let (_directory, path) = saved(&issuer(10), 10);
    for number in 1..=2 {
        let renewed = valid(&path, false).expect("renewed");
        assert_eq!(renewed.access_token, format!("access-renewed-{number}"));
        assert!(renewed == Login::read(&path).expect("a login"));
        assert_eq!(mode(&path), 0o600);
    }
    // The control: one that is not near its end is renewed only when a server refuses it.
    let (_directory, path) = saved(&issuer(300), 300);
    let same = valid(&path, false).expect("a login");
    assert_eq!(same.access_token, "access-old");
    let renewed = valid(&path, true).expect("renewed");
    assert_eq!(renewed.access_token, "access-renewed-1");
}

#[test]
fn processes_share_a_renewal() {
    let (_directory, path) = saved(&issuer(300), 10);
    let renewing: Vec<_> = (0..8)
        .map(|_| {
            let path = path.clone();
            thread::spawn(move || valid(&path, false).expect("renewed").access_token)
        })
        .collect();
    for renewed in renewing {
        assert_eq!(renewed.join().expect("no panic"), "access-renewed-1");
    }
}

#[test]
fn a_token_outlives_an_issuer_that_is_down() {
    let nowhere = "http://127.0.0.1:1";
    let (_directory, path) = saved(nowhere, 10);
    assert_eq!(
        valid(&path, false).expect("a login").access_token,
        "access-old"
    );
    let (_directory, path) = saved(nowhere, -1);
    let failure = valid(&path, false).err().expect("it is over");
    assert_eq!(failure.exit(), Exit::Unavailable, "{failure}");
}

#[test]
fn a_refused_renewal_shows_how_to_continue() {
    let (_directory, path) = saved(&issuer(300), -1);
    let used = Login::read(&path).expect("a login");
    valid(&path, false).expect("renewed");
    used.save(&path).expect("written");
    let failure = valid(&path, false).err().expect("it was used before");
    let text = failure.sentence();
    assert!(text.contains("invalid_grant"), "{text}");
    assert!(
        text.contains("aftercall login") && !text.contains("refresh-"),
        "{text}"
    );
    assert!(used == Login::read(&path).expect("the file is kept"));
}

#[test]
fn what_is_not_the_issuer_is_refused() {
    let other = issuer(300).replace("127.0.0.1", "localhost");
    let said = |settings: LoginSettings| {
        let failure = begin(settings, |_| ()).err().expect("refused");
        failure.sentence().to_owned()
    };
    assert!(said(settings(&other)).contains("its own name is http://127.0.0.1"));
    let plain = said(settings("http://127.0.0.1.evil.example"));
    assert!(plain.contains("not https://"), "{plain}");
    let other = LoginSettings {
        audience: None,
        ..settings(&issuer(300))
    };
    let refused = said(other);
    assert!(refused.contains("invalid_[31mtarget"), "{refused}");
    assert!(refused.contains("--client-id"), "{refused}");
}

#[test]
fn a_damaged_login_is_named_and_not_shown() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("prod.json");
    fs::write(&path, "{\"access_token\": \"s3cret\"}").expect("written");
    let failure = valid(&path, false).err().expect("it is damaged");
    let text = failure.sentence();
    assert!(
        text.contains("prod.json") && !text.contains("s3cret"),
        "{text}"
    );
}
