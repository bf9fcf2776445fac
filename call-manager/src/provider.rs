//! Signing in at an OpenID provider: the authorization code flow with PKCE, `state` and `nonce`.
//!
//! Promise: a code counts only in the browser that began the sign-in, and once. No token and no
//! secret is in an error or a log line. Must not: know what a token may do.

mod answers;
mod begun;
mod settings;

use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aftercall_serving::issuer::{check_issuer_address, id_token_claims, issuer_client};
use aftercall_serving::settings::SettingError;
use oauth2::basic::BasicErrorResponseType;
use oauth2::http::Request;
use oauth2::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RefreshToken,
    RequestTokenError, Scope, StandardErrorResponse, TokenUrl,
};
use serde_json::Value;
use thiserror::Error;
use tokio::task::spawn_blocking;
use ureq::Agent;

use crate::provider::answers::{Answer, Client, Services};
use crate::sealed::{SealError, random};

pub(crate) use crate::provider::answers::Tokens;
pub(crate) use crate::provider::begun::Begun;
pub(crate) use crate::provider::settings::ProviderSettings;

/// Bytes of an answer. Keys and tokens have a few KiB.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;
/// The discovery document is read again after this.
const DISCOVERY_LIFETIME: Duration = Duration::from_secs(600);
/// Characters of a text of the provider that are logged.
const SHOWN_CHARACTERS_MAX: usize = 300;

/// Why a sign-in, or a renewal, has failed.
#[derive(Debug, Error)]
pub(crate) enum ProviderError {
    /// The provider cannot be reached, does not know this page, or answers with nonsense. A later try
    /// may succeed.
    #[error("the provider cannot be used: {0}")]
    Away(String),
    /// The provider no longer accepts the code or the refresh token.
    #[error("the provider refuses: {0}")]
    Refused(String),
    /// The provider's answer is not for this sign-in.
    #[error("the answer of the provider is invalid: {0}")]
    Invalid(String),
    /// A sign-in cannot be kept.
    #[error(transparent)]
    Seal(#[from] SealError),
}

type Refusal = StandardErrorResponse<BasicErrorResponseType>;

/// An OpenID provider, for one client of it.
#[derive(Debug)]
pub(crate) struct Provider {
    settings: ProviderSettings,
    secret: Option<ClientSecret>,
    agent: Agent,
    /// Seals what a browser keeps while somebody signs in. It ends with the process.
    key: [u8; 32],
    services: Mutex<Option<(Instant, Services)>>,
}

impl Provider {
    /// The provider of these settings. It is not asked yet.
    ///
    /// # Errors
    /// [`SettingError`] if the file with the secret cannot be used.
    pub(crate) fn open(settings: ProviderSettings) -> Result<Self, SettingError> {
        let secret = settings.secret_file.as_deref().map(secret_in).transpose()?;
        let client = issuer_client(&settings.issuer, settings.ca_file.as_deref());
        // Refusals are answers too, and a request with a secret in it is not redirected.
        let client = client
            .map_err(|reason| SettingError::new("oidc_issuer", reason))?
            .http_status_as_error(false)
            .max_redirects(0);
        let key = random().map_err(|error| SettingError::new("oidc_issuer", error.to_string()))?;
        Ok(Self {
            agent: client.build().new_agent(),
            settings,
            secret,
            key,
            services: Mutex::default(),
        })
    }

    /// Begins a sign-in: the address to which the browser goes, and what it keeps meanwhile.
    pub(crate) async fn begin(
        &self,
        redirect: &str,
        return_to: &str,
    ) -> Result<(String, Begun), ProviderError> {
        let services = self.services().await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random();
        let client = self.client(&services, redirect)?;
        let scopes = self.settings.scopes.split_whitespace();
        let mut request = client
            .authorize_url(CsrfToken::new_random)
            .add_scopes(scopes.map(|scope| Scope::new(scope.to_owned())))
            .set_pkce_challenge(challenge)
            .add_extra_param("nonce", nonce.secret().clone());
        if !self.settings.audience.is_empty() {
            request = request.add_extra_param("audience", self.settings.audience.clone());
        }
        let (url, state) = request.url();
        let begun = Begun::now(
            state.into_secret(),
            nonce.into_secret(),
            verifier.into_secret(),
            return_to,
        );
        Ok((url.to_string(), begun))
    }

    /// Ends a sign-in: the tokens for the code with which the browser came back.
    pub(crate) async fn finish(
        &self,
        code: &str,
        begun: &Begun,
        redirect: &str,
    ) -> Result<Tokens, ProviderError> {
        let services = self.services().await?;
        let client = self.client(&services, redirect)?;
        let agent = self.agent.clone();
        let code = AuthorizationCode::new(code.to_owned());
        let verifier = PkceCodeVerifier::new(begun.verifier.clone());
        let answer = blocking(move || {
            let request = client.exchange_code(code).set_pkce_verifier(verifier);
            let answered = request.request(&|request| send(&agent, request));
            answered.map_err(failed)
        });
        let answer: Answer = answer.await?;
        self.check(&answer, &services, begun).await?;
        Ok(Tokens::of(&answer, None))
    }

    /// Checks that the answer is for this sign-in: its ID token has the nonce.
    async fn check(
        &self,
        answer: &Answer,
        services: &Services,
        begun: &Begun,
    ) -> Result<(), ProviderError> {
        let id_token = answer.extra_fields().id_token.as_deref();
        let id_token = id_token.ok_or_else(|| {
            ProviderError::Invalid("it has no ID token: request the scope `openid`".to_owned())
        })?;
        let (agent, address) = (self.agent.clone(), services.jwks_uri.clone());
        let keys = blocking(move || get(&agent, &address)).await?;
        let (issuer, client_id) = (&self.settings.issuer, &self.settings.client_id);
        let claims = id_token_claims(id_token, issuer, client_id, &keys, SystemTime::now());
        let claims = claims.map_err(|denied| ProviderError::Invalid(denied.to_string()))?;
        match claims.get("nonce").and_then(Value::as_str) {
            Some(nonce) if nonce == begun.nonce => Ok(()),
            _ => Err(ProviderError::Invalid(
                "its ID token is for another sign-in (`nonce`)".to_owned(),
            )),
        }
    }

    /// New tokens for a refresh token, which may not be used again.
    pub(crate) async fn renew(&self, refresh_token: &str) -> Result<Tokens, ProviderError> {
        let services = self.services().await?;
        let client = self.client(&services, "")?;
        let agent = self.agent.clone();
        let token = RefreshToken::new(refresh_token.to_owned());
        blocking(move || {
            let request = client.exchange_refresh_token(&token);
            let answered = request.request(&|request| send(&agent, request));
            let answer: Answer = answered.map_err(failed)?;
            Ok(Tokens::of(&answer, Some(token.into_secret())))
        })
        .await
    }

    /// Ends a refresh token at the provider (RFC 7009), if the provider can do that.
    pub(crate) async fn revoke(&self, refresh_token: &str) -> Result<(), ProviderError> {
        let Some(address) = self.services().await?.revocation_endpoint else {
            return Ok(());
        };
        let (agent, client_id) = (self.agent.clone(), self.settings.client_id.clone());
        let secret = self.secret.as_ref().map(|secret| secret.secret().clone());
        let token = refresh_token.to_owned();
        blocking(move || {
            let mut form = vec![
                ("token", token.as_str()),
                ("token_type_hint", "refresh_token"),
                ("client_id", client_id.as_str()),
            ];
            form.extend(secret.as_deref().map(|secret| ("client_secret", secret)));
            let answered = agent.post(&address).send_form(form);
            let answer = answered.map_err(|error| ProviderError::Away(error.to_string()))?;
            match answer.status().is_success() {
                true => Ok(()),
                false => Err(ProviderError::Refused(answer.status().to_string())),
            }
        })
        .await
    }

    /// What a browser keeps while somebody signs in.
    pub(crate) fn seal(&self, begun: &Begun) -> Result<String, ProviderError> {
        Ok(begun.sealed(&self.key)?)
    }

    /// The sign-in that a browser has begun; `None` if it is over, or not by this process.
    pub(crate) fn unseal(&self, text: &str) -> Option<Begun> {
        Begun::unsealed(text, &self.key)
    }

    fn client(&self, services: &Services, redirect: &str) -> Result<Client, ProviderError> {
        let unusable = |error| ProviderError::Away(format!("an address is invalid: {error}"));
        let authorize = AuthUrl::new(services.authorization_endpoint.clone()).map_err(unusable)?;
        let token = TokenUrl::new(services.token_endpoint.clone()).map_err(unusable)?;
        let mut client = Client::new(ClientId::new(self.settings.client_id.clone()))
            .set_auth_uri(authorize)
            .set_token_uri(token);
        if let Some(secret) = &self.secret {
            client = client.set_client_secret(secret.clone());
        }
        if services.wants_secret_in_form() {
            client = client.set_auth_type(AuthType::RequestBody);
        }
        if !redirect.is_empty() {
            let redirect = RedirectUrl::new(redirect.to_owned()).map_err(unusable)?;
            client = client.set_redirect_uri(redirect);
        }
        Ok(client)
    }

    /// The discovery document.
    async fn services(&self) -> Result<Services, ProviderError> {
        let known = self.lock().clone();
        if let Some((at, services)) = known
            && at.elapsed() < DISCOVERY_LIFETIME
        {
            return Ok(services);
        }
        let (agent, issuer) = (self.agent.clone(), self.settings.issuer.clone());
        let services = blocking(move || discover(&agent, &issuer)).await?;
        *self.lock() = Some((Instant::now(), services.clone()));
        Ok(services)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(Instant, Services)>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn secret_in(path: &Path) -> Result<ClientSecret, SettingError> {
    let wrong = |reason: String| {
        let text = format!("{} cannot be used: {reason}", path.display());
        SettingError::new("oidc_client_secret_file", text)
    };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    match text.trim() {
        "" => Err(wrong("it is empty".to_owned())),
        secret => Ok(ClientSecret::new(secret.to_owned())),
    }
}

fn discover(agent: &Agent, issuer: &str) -> Result<Services, ProviderError> {
    let base = issuer.trim_end_matches('/');
    let text = get(agent, &format!("{base}/.well-known/openid-configuration"))?;
    let services: Services = serde_json::from_str(&text).map_err(|_| {
        ProviderError::Away("it has no discovery document of OpenID Connect".to_owned())
    })?;
    if services.issuer != issuer {
        let own = shown(&services.issuer);
        return Err(ProviderError::Away(format!("its own name is {own}")));
    }
    for endpoint in services.endpoints() {
        check_issuer_address(endpoint).map_err(ProviderError::Away)?;
    }
    Ok(services)
}

fn get(agent: &Agent, address: &str) -> Result<String, ProviderError> {
    let away = |error: ureq::Error| ProviderError::Away(error.to_string());
    let mut answer = agent.get(address).call().map_err(away)?;
    if !answer.status().is_success() {
        let status = answer.status();
        return Err(ProviderError::Away(format!("{address} answers {status}")));
    }
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    body.read_to_string().map_err(away)
}

fn send(agent: &Agent, request: HttpRequest) -> Result<HttpResponse, ureq::Error> {
    let (head, body) = request.into_parts();
    let mut answer = agent.run(Request::from_parts(head, body))?;
    let reader = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    let body = reader.read_to_vec()?;
    let (head, _) = answer.into_parts();
    Ok(HttpResponse::from_parts(head, body))
}

fn failed(error: RequestTokenError<ureq::Error, Refusal>) -> ProviderError {
    match error {
        RequestTokenError::ServerResponse(refusal) => {
            let text = shown(&refusal.to_string());
            match refusal.error() {
                BasicErrorResponseType::InvalidGrant => ProviderError::Refused(text),
                _ => ProviderError::Away(text),
            }
        }
        RequestTokenError::Request(error) => ProviderError::Away(error.to_string()),
        // The error of the parser would show a part of the answer.
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            ProviderError::Away("its answer is none of OAuth 2.0".to_owned())
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProviderError> + Send + 'static,
) -> Result<T, ProviderError> {
    let done = spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(ProviderError::Away("its request has panicked".to_owned())))
}

/// A text of the provider for the log.
fn shown(text: &str) -> String {
    let plain = text
        .chars()
        .filter(|one| one.is_ascii_graphic() || *one == ' ');
    plain.take(SHOWN_CHARACTERS_MAX).collect()
}
