//! Who acts: the identity of the request, and not the name that it gives.

use std::net::SocketAddr;

use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Identity, IdentityKind, Proof, Role};
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

/// How a server sees this caller.
async fn identity(address: SocketAddr, header: &str) -> Identity {
    let mut client = IdentityServiceClient::new(channel(address).await);
    let answer = client.get_identity(with(header, GetIdentityRequest {}));
    let answer = answer.await.expect("an answer").into_inner();
    answer.identity.expect("one")
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_show_their_caller_who_it_is() {
    let tokens = Tokens::new();
    let roles = [Role::Agent, Role::Supervisor];
    let ann = tokens.limited("Ann", &roles, (&["Acme"], &["billing", "care"]));
    let ben = tokens.add("Ben", &roles, None);
    let mut house = guarded(&tokens).await;
    house.guard_alerter(&tokens.path);
    house.start_alerter().await;
    for address in [house.workflow_address(), house.alerter_address()] {
        let seen = identity(address, &ann).await;
        assert_eq!((&*seen.subject, &*seen.display_name), ("Ann", "Ann"));
        assert_eq!(seen.roles().collect::<Vec<_>>(), roles);
        assert_eq!(seen.kind(), IdentityKind::Person);
        assert_eq!(seen.customers, ["Acme"]);
        assert_eq!(seen.teams, ["billing", "care"]);
        assert_eq!(seen.proof(), Proof::TokenFile);
        assert_eq!(seen.expires_at, None);
        let seen = identity(address, &ben).await;
        let scope = (seen.customers, seen.teams);
        assert_eq!(scope, (Vec::new(), Vec::new()), "the control: no limit");
    }
}
