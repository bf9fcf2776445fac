//! An OpenID provider that sends people back, and accepts no code.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The provider.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    requests: Arc<Mutex<String>>,
    _answering: JoinSet<()>,
}

impl Provider {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let (requests, mut answering) = (Arc::new(Mutex::new(String::new())), JoinSet::new());
        let (heard, own) = (Arc::clone(&requests), issuer.clone());
        answering.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let asked = answer(stream, &own).await;
                heard.lock().expect("no panic").push_str(&asked);
            }
        });
        Self {
            issuer,
            requests,
            _answering: answering,
        }
    }

    /// All that it was asked.
    pub(crate) fn requests(&self) -> String {
        self.requests.lock().expect("no panic").clone()
    }
}

/// Answers a request; what was asked.
async fn answer(mut stream: TcpStream, issuer: &str) -> String {
    let mut asked = String::new();
    let mut bytes = [0; 4_096];
    while !is_whole(&asked) {
        let count = stream.read(&mut bytes).await.unwrap_or(0);
        if count == 0 {
            break;
        }
        asked.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    let at = |path: &str| format!("{issuer}/{path}");
    let (status, body) = if asked.starts_with("GET /.well-known/") {
        let services = json!({
            "issuer": issuer,
            "authorization_endpoint": at("authorize"),
            "token_endpoint": at("token"),
            "jwks_uri": at("jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        });
        ("200 OK", services)
    } else {
        ("400 Bad Request", json!({ "error": "invalid_grant" }))
    };
    let body = body.to_string();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    // A client that has gone needs none.
    let _ = stream.write_all(answer.as_bytes()).await;
    asked
}

/// Whether a request has all of its body.
fn is_whole(asked: &str) -> bool {
    let Some((head, body)) = asked.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}
