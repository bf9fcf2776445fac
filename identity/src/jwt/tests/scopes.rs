//! What claims mean.

use aftercall_proto::access::v1::Role;
use serde_json::{Value, json};

use super::Trust;
use crate::denied::Denied;
use crate::identity::Kind;
use crate::jwt::tests::signer::Signer;

const KEYCLOAK: &str = r#"
claims = { name = "preferred_username", roles = "realm_access.roles", teams = "groups", customers = "customers" }
roles = { calls-agent = ["agent"], calls-lead = ["agent", "supervisor"] }
teams = { "/billing" = "billing", "/sales" = "sales" }
unscoped_roles = ["operator"]
"#;

fn keycloak(trust: &Trust) -> Value {
    let mut claims = trust.claims();
    claims["roles"] = Value::Null;
    claims["preferred_username"] = "ann".into();
    claims["realm_access"] = json!({ "roles": ["offline_access", "calls-lead"] });
    claims["groups"] = json!(["/billing", "/everyone"]);
    claims["customers"] = "Acme".into();
    claims
}

#[tokio::test]
async fn claims_are_read_where_the_access_file_says() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], KEYCLOAK);
    let identity = trust.verify(&signer.token(&keycloak(&trust))).await;
    let identity = identity.expect("valid");
    assert_eq!(&*identity.name, "ann");
    assert_eq!(identity.roles.to_string(), "agent, supervisor");
    assert!(identity.scope.has_team("billing") && !identity.scope.has_team("sales"));
    assert!(!identity.scope.has_team("/everyone"));
    assert!(identity.scope.has_customer("Acme") && !identity.scope.has_customer("Zeta"));
}

#[tokio::test]
async fn a_missing_scope_never_means_everything() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], KEYCLOAK);
    let valid = keycloak(&trust);
    assert!(trust.verify(&signer.token(&valid)).await.is_ok());
    for claim in ["groups", "customers"] {
        for value in [
            Value::Null,
            json!([]),
            json!(""),
            json!([""]),
            json!([" "]),
            json!([7, null, {}]),
            json!({ "a": "b" }),
            json!(true),
        ] {
            let mut claims = valid.clone();
            claims[claim] = value.clone();
            let verified = trust.verify(&signer.token(&claims)).await;
            let is_denied = matches!(verified, Err(Denied::Invalid { .. }));
            assert!(is_denied, "{claim} {value}: {verified:?}");
            // A role that is set for it sees everything.
            claims["realm_access"] = json!({ "roles": ["operator"] });
            let verified = trust.verify(&signer.token(&claims)).await;
            assert!(verified.is_ok(), "{claim} {value}: {verified:?}");
        }
    }
    let mut claims = valid;
    claims["groups"] = json!(["/everyone"]);
    let verified = trust.verify(&signer.token(&claims)).await;
    assert!(verified.is_err(), "its groups are no teams");
}

#[tokio::test]
async fn an_unscoped_role_keeps_the_scope_it_has() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], KEYCLOAK);
    let mut claims = keycloak(&trust);
    claims["realm_access"]["roles"] = json!(["operator"]);
    let identity = trust.verify(&signer.token(&claims)).await.expect("valid");
    assert!(identity.roles.has(Role::Operator) && !identity.scope.has_customer("Zeta"));
    claims["groups"] = Value::Null;
    claims["customers"] = Value::Null;
    let identity = trust.verify(&signer.token(&claims)).await.expect("valid");
    assert!(identity.scope.is_everything());
}

#[tokio::test]
async fn a_claim_can_have_dots_in_its_name() {
    let signer = Signer::ec();
    let lines = r#"claims = { roles = "https://calls.example.com/roles" }"#;
    let trust = Trust::new(&[signer.jwk()], lines);
    let mut claims = trust.claims();
    claims["https://calls.example.com/roles"] = json!(["alerter"]);
    let identity = trust.verify(&signer.token(&claims)).await.expect("valid");
    assert_eq!(identity.roles.to_string(), "alerter");
    assert_eq!(identity.kind, Kind::Service);
    claims["roles"] = json!(["operator"]);
    let identity = trust.verify(&signer.token(&claims)).await.expect("valid");
    assert!(!identity.roles.has(Role::Operator), "of another claim");
}

#[tokio::test]
async fn a_name_is_shown_on_one_line() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], "");
    let mut claims = trust.claims();
    claims["preferred_username"] = " A\u{200b}nn\n\u{1b}[31m ".into();
    let identity = trust.verify(&signer.token(&claims)).await.expect("valid");
    assert_eq!(&*identity.name, "Ann[31m");
}
