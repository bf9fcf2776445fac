//! A table of refusals, and tokens that somebody has forged.

use std::time::Duration;

use aws_lc_rs::hmac;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::Trust;
use crate::denied::Denied;
use crate::jwt::key_set::KeySet;
use crate::jwt::tests::signer::{Signer, encode, message};

/// The subject that this server makes of the claims.
const SUBJECT: &str = "https://login.example.com#u-1";

type Change = fn(&Trust, &mut Value, &mut Value);

/// A change of a header and claims that are accepted, and the reason of the refusal; none where
/// the changed token is accepted too.
const CHANGES: &[(&str, Change, Option<&str>)] = &[
    ("as it is", |_, _, _| {}, None),
    (
        "ended",
        |t, _, c| c["exp"] = t.seconds(-61).into(),
        Some("TOKEN_EXPIRED"),
    ),
    (
        "ended within the leeway",
        |t, _, c| c["exp"] = t.seconds(-58).into(),
        None,
    ),
    (
        "for later",
        |t, _, c| c["nbf"] = t.seconds(62).into(),
        Some("TOKEN_NOT_YET_VALID"),
    ),
    (
        "for later within the leeway",
        |t, _, c| c["nbf"] = t.seconds(58).into(),
        None,
    ),
    (
        "without a beginning",
        |_, _, c| c["nbf"] = Value::Null,
        None,
    ),
    (
        "another audience",
        |_, _, c| c["aud"] = "them".into(),
        INVALID,
    ),
    (
        "many audiences",
        |_, _, c| c["aud"] = json!(["them", "other"]),
        None,
    ),
    (
        "other audiences",
        |_, _, c| c["aud"] = json!(["them", "others"]),
        INVALID,
    ),
    (
        "another issuer",
        |_, _, c| c["iss"] = "https://evil.example.com".into(),
        INVALID,
    ),
    (
        "many issuers",
        |_, _, c| c["iss"] = json!([c["iss"]]),
        INVALID,
    ),
    (
        "an issuer with a slash",
        |_, _, c| c["iss"] = "https://login.example.com/".into(),
        INVALID,
    ),
    ("no issuer", |_, _, c| remove(c, "iss"), INVALID),
    ("no audience", |_, _, c| remove(c, "aud"), INVALID),
    ("no end", |_, _, c| remove(c, "exp"), INVALID),
    ("no end but null", |_, _, c| c["exp"] = Value::Null, INVALID),
    (
        "an end that is a text",
        |_, _, c| c["exp"] = "tomorrow".into(),
        INVALID,
    ),
    (
        "an end before 1970",
        |_, _, c| c["exp"] = (-1).into(),
        INVALID,
    ),
    (
        "an end beyond time",
        |_, _, c| c["exp"] = 1e300.into(),
        INVALID,
    ),
    ("no subject", |_, _, c| remove(c, "sub"), INVALID),
    ("an empty subject", |_, _, c| c["sub"] = "".into(), INVALID),
    (
        "a subject with a line break",
        |_, _, c| c["sub"] = "a\nb".into(),
        INVALID,
    ),
    ("no name", |_, _, c| remove(c, "preferred_username"), None),
    ("no roles", |_, _, c| remove(c, "roles"), INVALID),
    (
        "unknown roles",
        |_, _, c| c["roles"] = json!(["boss"]),
        INVALID,
    ),
    (
        "an unknown role too",
        |_, _, c| c["roles"] = json!(["boss", "agent"]),
        None,
    ),
    (
        "one role as a text",
        |_, _, c| c["roles"] = "agent".into(),
        None,
    ),
    (
        "a type of access tokens",
        |_, h, _| h["typ"] = "at+JWT".into(),
        None,
    ),
    ("no type", |_, h, _| remove(h, "typ"), None),
    (
        "a token for a logout",
        |_, h, _| h["typ"] = "logout+jwt".into(),
        INVALID,
    ),
    (
        "a critical parameter",
        |_, h, _| h["crit"] = json!(["exp"]),
        INVALID,
    ),
    (
        "a critical known parameter",
        |_, h, _| {
            h["crit"] = json!(["b64"]);
            h["b64"] = true.into();
        },
        INVALID,
    ),
    (
        "an unencoded payload",
        |_, h, _| h["b64"] = false.into(),
        INVALID,
    ),
    (
        "an unknown key",
        |_, h, _| h["kid"] = "key-9".into(),
        INVALID,
    ),
    ("no key id", |_, h, _| remove(h, "kid"), None),
    ("no algorithm", |_, h, _| remove(h, "alg"), INVALID),
    (
        "the algorithm none",
        |_, h, _| h["alg"] = "none".into(),
        INVALID,
    ),
    (
        "an algorithm of another type of key",
        |_, h, _| h["alg"] = "EdDSA".into(),
        INVALID,
    ),
    (
        "a weaker algorithm",
        |_, h, _| h["alg"] = "HS256".into(),
        INVALID,
    ),
    (
        "an address of keys",
        |_, h, _| h["jku"] = "https://evil.example.com".into(),
        None,
    ),
];

const INVALID: Option<&str> = Some("TOKEN_INVALID");

fn remove(of: &mut Value, name: &str) {
    of.as_object_mut().expect("an object").remove(name);
}

#[tokio::test]
async fn every_error_is_refused_for_its_reason() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], "");
    for (name, change, reason) in CHANGES {
        let (mut header, mut claims) = (signer.header(), trust.claims());
        change(&trust, &mut header, &mut claims);
        let verified = trust.verify(&signer.token_with(&header, &claims)).await;
        let refused = verified.as_ref().err().map(Denied::reason);
        assert_eq!(refused, *reason, "{name}: {verified:?}");
    }
}

#[tokio::test]
async fn a_genuine_token_names_its_holder_beside_the_refusal() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], "");
    for (claim, value) in [
        ("exp", json!(trust.seconds(-120))),
        ("nbf", json!(trust.seconds(120))),
        ("roles", json!([])),
    ] {
        let mut claims = trust.claims();
        claims[claim] = value;
        let verified = trust.verified_at(&signer.token(&claims), trust.now).await;
        let denied = verified.expect_err(claim);
        let holder = denied.holder.as_ref().expect(claim);
        assert_eq!((&*holder.name, &*holder.subject), ("Ann", SUBJECT));
        let sentence = denied.to_string();
        assert!(!sentence.contains("Ann") && !sentence.contains("u-1"));
    }
    let forged = Signer::ec().token(&trust.claims());
    let verified = trust.verified_at(&forged, trust.now).await;
    assert_eq!(verified.expect_err("another key").holder, None);
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    for signer in Signer::of_each_algorithm() {
        let trust = Trust::new(&[signer.jwk()], "");
        let claims = trust.claims();
        let valid = signer.token(&claims);
        assert!(trust.verify(&valid).await.is_ok());
        let (signed, signature) = valid.rsplit_once('.').expect("a signature");
        let mut more = claims.clone();
        more["roles"] = json!(["operator"]);
        let other = message(&signer.header(), &more);
        let mut header = signer.header();
        header["alg"] = "none".into();
        let unsigned = message(&header, &claims);
        header["alg"] = "HS256".into();
        let hmac_message = message(&header, &claims);
        let hmac = |secret: &[u8]| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = hmac::sign(&key, hmac_message.as_bytes());
            format!("{hmac_message}.{}", encode(tag.as_ref()))
        };
        for forged in [
            format!("{unsigned}."),
            format!("{unsigned}.{signature}"),
            format!("{signed}."),
            format!("{other}.{signature}"),
            format!("{signed}.{signature}.{signature}"),
            format!("{signed}.{}", encode(&[0; 64])),
            hmac(&signer.public_bytes()),
            hmac(signer.jwk().to_string().as_bytes()),
            hmac(b""),
        ] {
            let verified = trust.verify(&forged).await;
            assert!(
                matches!(verified, Err(Denied::Invalid { .. })),
                "{verified:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_key_of_somebody_else_is_refused() {
    let pairs = [
        (Signer::rsa("RS256"), Signer::rsa("RS256")),
        (Signer::ec(), Signer::ec()),
        (Signer::ed(), Signer::ed()),
        (Signer::ec(), Signer::ed()),
    ];
    for (signer, other) in pairs {
        let trust = Trust::new(&[signer.jwk()], "");
        assert!(trust.verify(&signer.token(&trust.claims())).await.is_ok());
        // It brings its own key along.
        let mut header = other.header();
        header["jwk"] = other.jwk();
        let token = other.token_with(&header, &trust.claims());
        assert!(trust.verify(&token).await.is_err(), "{}", other.algorithm);
    }
}

#[tokio::test]
async fn a_key_is_only_for_what_it_says() {
    let signer = Signer::rsa("PS256");
    let second = Signer::rsa("PS256").with_id("key-2");
    for (name, value, is_accepted) in [
        ("alg", json!("PS256"), true),
        ("alg", json!("RS256"), false),
        ("alg", json!("RSA-OAEP"), false),
        ("use", json!("sig"), true),
        ("use", json!("enc"), false),
        ("key_ops", json!(["verify"]), true),
        ("key_ops", json!(["encrypt"]), false),
        ("kid", json!("key-9"), false),
    ] {
        let mut jwk = signer.jwk();
        jwk[name] = value.clone();
        // With another key: a set of none is an error of its own.
        let trust = Trust::new(&[jwk, second.jwk()], "");
        let verified = trust.verify(&signer.token(&trust.claims())).await;
        assert_eq!(verified.is_ok(), is_accepted, "{name} {value}");
    }
}

#[tokio::test]
async fn a_token_without_a_key_id_needs_the_only_key() {
    let (signer, second) = (Signer::ec(), Signer::ec().with_id("key-2"));
    for (keys, is_accepted) in [
        (vec![signer.jwk(), Signer::ed().jwk()], true),
        (vec![signer.jwk(), second.jwk()], false),
    ] {
        let trust = Trust::new(&keys, "");
        let header = json!({ "alg": "ES256" });
        let token = signer.token_with(&header, &trust.claims());
        assert_eq!(trust.verify(&token).await.is_ok(), is_accepted);
    }
}

#[tokio::test]
async fn a_token_that_is_too_long_is_refused() {
    let signer = Signer::ec();
    let trust = Trust::new(&[signer.jwk()], "");
    for (length, is_accepted) in [(10_000, true), (13_000, false)] {
        let mut claims = trust.claims();
        claims["filler"] = "x".repeat(length).into();
        let verified = trust.verify(&signer.token(&claims)).await;
        assert_eq!(verified.is_ok(), is_accepted, "{length}");
    }
}

#[tokio::test]
async fn a_key_of_another_curve_is_left_out() {
    let (signer, second) = (Signer::ec(), Signer::ed().with_id("key-2"));
    for (curve, is_accepted) in [("P-256", true), ("P-384", false), ("secp256k1", false)] {
        let mut jwk = signer.jwk();
        jwk["crv"] = curve.into();
        let trust = Trust::new(&[jwk, second.jwk()], "");
        let verified = trust.verify(&signer.token(&trust.claims())).await;
        assert_eq!(verified.is_ok(), is_accepted, "{curve}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn no_token_and_no_keys_panic(
        text in ".{0,200}",
        parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..5),
        seconds in any::<f64>(),
        cut in 0..200_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let signer = Signer::ec();
        let trust = Trust::new(&[signer.jwk()], "");
        let parts: Vec<String> = parts.iter().map(|part| encode(part)).collect();
        let mut claims = trust.claims();
        claims["exp"] = seconds.into();
        claims["nbf"] = seconds.into();
        let valid = signer.token(&trust.claims());
        let cut: String = valid.chars().take(cut).collect();
        runtime.block_on(async {
            for token in [text.clone(), parts.join("."), cut] {
                prop_assert!(trust.verify(&token).await.is_err());
            }
            let _ = trust.verify(&signer.token(&claims)).await;
            let _ = trust.at(&valid, trust.now + Duration::from_secs(1 << 40)).await;
            Ok(())
        })?;
        prop_assert!(KeySet::read(&text).is_err());
    }
}
