//! A server whose clients have the tokens of a real provider: `oidc-provider` for Node.

use std::fs;
use std::net::SocketAddr;

use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Proof, Role};
use aftercall_proto::feed::v1::TailRequest;
use aftercall_proto::feed::v1::change_feed_service_client::ChangeFeedServiceClient;
use aftercall_tests::NodeScript;
use serde_json::json;
use tonic::{Code, Status};

use crate::streams::{add_team, next_change};
use crate::{Tokens, channel, guarded_by, reason, with};

/// A provider, which issues tokens for programs.
struct Provider(NodeScript);

impl Provider {
    async fn token(&mut self) -> String {
        let token = self.0.ask(&json!({ "do": "token" })).await;
        format!("Bearer {}", token.as_str().expect("a token"))
    }

    async fn let_it(&mut self, what: &str) {
        let message = json!({ "do": what });
        assert_eq!(self.0.ask(&message).await, message);
    }
}

/// A call on a connection of its own, so that the token is verified again.
async fn call(address: SocketAddr, header: &str) -> Result<String, Status> {
    let mut client = IdentityServiceClient::new(channel(address).await);
    let answer = client.get_identity(with(header, GetIdentityRequest {}));
    let identity = answer.await?.into_inner().identity.expect("one");
    assert_eq!(identity.proof(), Proof::Jwt);
    Ok(identity.subject)
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_streams_outlive_a_new_key_and_an_outage() {
    let mut script = NodeScript::provider("keys.mjs").await;
    let issuer = script.hear().await;
    let issuer = issuer.as_str().expect("an address");
    let mut provider = Provider(script);
    let tokens = Tokens::new();
    let author = tokens.add("author", &[Role::Author], None);
    let access = tokens.path.with_file_name("access.toml");
    let text = format!(
        "[[issuer]]\nissuer = {issuer:?}\naudiences = [\"aftercall\"]\nkeys_url = \"{issuer}/jwks\"\nroles = {{ calls-program = [\"alerter\"] }}\n"
    );
    fs::write(&access, text).expect("written");
    let house = guarded_by(&tokens, &access).await;
    let address = house.workflow_address();
    let first = provider.token().await;
    let mut client = ChangeFeedServiceClient::new(channel(address).await);
    let tail = TailRequest {
        from_sequence: 1,
        ..TailRequest::default()
    };
    let stream = client.tail(with(&first, tail)).await;
    let mut stream = stream.expect("it is served").into_inner();
    let program = call(address, &first).await.expect("it is served");
    provider.let_it("add").await;
    let second = provider.token().await;
    let known = provider.token().await;
    for header in [&second, &first] {
        assert_eq!(call(address, header).await.expect("served"), program);
    }
    add_team(channel(address).await, &author, "after-the-key").await;
    next_change(&mut stream).await;
    provider.let_it("down").await;
    for header in [&known, &second, &first] {
        assert_eq!(call(address, header).await.expect("served"), program);
    }
    add_team(channel(address).await, &author, "in-the-outage").await;
    next_change(&mut stream).await;
    provider.let_it("up").await;
    // The control: a key that the server has not fetched is refused. The last fetch for an unknown
    // key was less than a minute ago.
    provider.let_it("add").await;
    let unknown = provider.token().await;
    let refused = call(address, &unknown).await;
    let refused = refused.expect_err("the minute is not over");
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    assert_eq!(reason(&refused), "TOKEN_INVALID");
}
