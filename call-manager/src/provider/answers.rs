//! What a provider answers.

use std::time::{Duration, SystemTime};

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    EndpointNotSet, EndpointSet, ExtraTokenFields, StandardRevocableToken, StandardTokenResponse,
    TokenResponse as _,
};
use serde::{Deserialize, Serialize};

/// The part of a discovery document that a sign-in needs.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Services {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) jwks_uri: String,
    pub(super) revocation_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

impl Services {
    pub(super) fn endpoints(&self) -> impl Iterator<Item = &String> {
        [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ]
        .into_iter()
        .chain(&self.revocation_endpoint)
    }

    /// Whether the provider takes the secret of a client in the form alone, and not in a header.
    pub(super) fn wants_secret_in_form(&self) -> bool {
        let methods = &self.token_endpoint_auth_methods_supported;
        let has = |name: &str| methods.iter().any(|method| method == name);
        has("client_secret_post") && !has("client_secret_basic")
    }
}

/// What OpenID Connect adds to the answer with tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct IdToken {
    pub(super) id_token: Option<String>,
}

impl ExtraTokenFields for IdToken {}

/// An answer with tokens.
pub(super) type Answer = StandardTokenResponse<IdToken, BasicTokenType>;

/// A client of a provider whose addresses are known.
pub(super) type Client<Authorize = EndpointSet, Token = EndpointSet> = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    Authorize,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    Token,
>;

/// The tokens of a person.
pub(crate) struct Tokens {
    /// The token that the servers accept.
    pub(crate) access: String,
    /// Gets the next ones, if the provider gives one.
    pub(crate) refresh: Option<String>,
    /// The end of the access token, if the provider names it.
    pub(crate) ends_at: Option<SystemTime>,
}

impl Tokens {
    /// The tokens of an answer. A provider that sends no refresh token means that the last one is
    /// still good.
    pub(super) fn of(answer: &Answer, last_refresh: Option<String>) -> Self {
        let refresh = answer.refresh_token().map(|token| token.secret().clone());
        let lifetime: Option<Duration> = answer.expires_in();
        Self {
            access: answer.access_token().secret().clone(),
            refresh: refresh.or(last_refresh),
            ends_at: lifetime.and_then(|lifetime| SystemTime::now().checked_add(lifetime)),
        }
    }
}
