//! Who acts: the identity of the request, and not the name that it gives.

use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Proof, Role};
use aftercall_proto::workflow::v1::ImportTeamRequest;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use tonic::Code;

use crate::{Tokens, channel, guarded, reason, with};

#[tokio::test(flavor = "multi_thread")]
async fn nobody_acts_under_another_name() {
    let tokens = Tokens::new();
    let wendy = tokens.add("Wendy", &[Role::Author], None);
    let house = guarded(&tokens).await;
    let channel = channel(house.workflow_address()).await;
    let mut client = WorkflowDefinitionServiceClient::new(channel);
    let team = |name: &str, actor: &str| ImportTeamRequest {
        request_id: format!("add {name} as {actor}"),
        actor: actor.to_owned(),
        name: name.to_owned(),
        title: "A team".to_owned(),
        expected_revision: None,
        claim_next_only: None,
    };
    for own in ["", "Wendy", " Wendy "] {
        let name = format!("team-{}", own.len());
        let added = client.import_team(with(&wendy, team(&name, own))).await;
        assert!(added.is_ok(), "{added:?}");
    }
    let refused = client.import_team(with(&wendy, team("other", "Ann"))).await;
    let refused = refused.expect_err("she is not Ann");
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    assert_eq!(reason(&refused), "ACTOR_NOT_ALLOWED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_shows_its_caller_who_it_is() {
    let tokens = Tokens::new();
    let ann = tokens.add("Ann", &[Role::Agent, Role::Supervisor], None);
    let house = guarded(&tokens).await;
    let mut client = IdentityServiceClient::new(channel(house.workflow_address()).await);
    let answer = client.get_identity(with(&ann, GetIdentityRequest {})).await;
    let identity = answer
        .expect("an answer")
        .into_inner()
        .identity
        .expect("one");
    assert_eq!(
        (identity.subject.as_str(), identity.display_name.as_str()),
        ("Ann", "Ann")
    );
    assert_eq!(
        identity.roles().collect::<Vec<_>>(),
        [Role::Agent, Role::Supervisor]
    );
    assert_eq!(identity.proof(), Proof::TokenFile);
    assert_eq!(identity.expires_at, None);
}
