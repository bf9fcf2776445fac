//! ID tokens of a sign-in: each that is refused beside one that is accepted.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::denied::Denied;
use crate::jwt::id_token_claims;
use crate::jwt::tests::ISSUER;
use crate::jwt::tests::signer::Signer;

fn claims() -> Value {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let end = since.expect("after 1970") + Duration::from_secs(300);
    json!({ "iss": ISSUER, "aud": "page", "sub": "u-1", "nonce": "n", "exp": end.as_secs() })
}

#[test]
fn an_id_token_is_for_this_client_and_this_time() {
    let (signer, other) = (Signer::ec(), Signer::ec());
    let keys = json!({ "keys": [signer.jwk()] }).to_string();
    let read = |signer: &Signer, claims: &Value, now: SystemTime| {
        id_token_claims(&signer.token(claims), ISSUER, "page", &keys, now)
    };
    let now = SystemTime::now();
    let accepted = read(&signer, &claims(), now).expect("it is good");
    assert_eq!(accepted["nonce"], "n");

    assert!(read(&other, &claims(), now).is_err(), "another key");
    let later = now + Duration::from_secs(600);
    assert_eq!(read(&signer, &claims(), later), Err(Denied::Expired));
    for (claim, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("aud", json!(["another", "third"])),
        ("azp", json!("another")),
        ("exp", json!(null)),
    ] {
        let mut claims = claims();
        claims[claim] = value;
        assert!(read(&signer, &claims, now).is_err(), "{claims}");
    }
    let mut several = claims();
    several["aud"] = json!(["another", "page"]);
    several["azp"] = json!("page");
    assert!(read(&signer, &several, now).is_ok());
}
