//! An issuer: where its services are, and the requests of a login.
//!
//! Promise: an error has no more of an answer than its error code and description, without control
//! characters. Must not: wait, or write a file.

use std::fmt;

use aftercall_identity::{check_issuer_address, issuer_client};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use ureq::Agent;

use crate::errors::Failure;
use crate::login::settings::LoginSettings;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;
/// Characters of a text of the issuer that are shown.
const SHOWN_CHARACTERS_MAX: usize = 300;
/// The grant type of the device flow (RFC 8628, 3.4).
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// An issuer, for one client of it.
pub(super) struct Issuer {
    agent: Agent,
    settings: LoginSettings,
    services: Services,
}

/// A part of its discovery document.
#[derive(Deserialize)]
struct Services {
    issuer: String,
    token_endpoint: String,
    device_authorization_endpoint: Option<String>,
    revocation_endpoint: Option<String>,
}

/// A login that waits for somebody who enters its code (RFC 8628, 3.2).
#[derive(Deserialize)]
pub(super) struct Device {
    device_code: String,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    /// Seconds until the code has expired.
    pub(super) expires_in: u64,
    /// Seconds between two questions.
    pub(super) interval: Option<u64>,
}

impl Device {
    /// Where to enter the code.
    pub(super) fn address(&self) -> String {
        shown(&self.verification_uri)
    }

    /// The code.
    pub(super) fn code(&self) -> String {
        shown(&self.user_code)
    }

    /// An address that has the code in it.
    pub(super) fn whole_address(&self) -> Option<String> {
        self.verification_uri_complete.as_deref().map(shown)
    }
}

/// The tokens of an issuer (RFC 6749, 5.1).
#[derive(Deserialize)]
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    /// Seconds until the access token ends.
    pub(super) expires_in: Option<u64>,
}

/// Why an issuer gives no tokens (RFC 6749, 5.2).
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    error: String,
    error_description: Option<String>,
}

impl Refusal {
    /// The code of the error.
    pub(super) fn code(&self) -> &str {
        &self.error
    }

    /// What to show for one that no wait can mend.
    pub(super) fn failure(&self) -> Failure {
        Failure::refused(format!(
            "The issuer refused: {self}.\nCheck --client-id, --scopes and --audience, and whether the issuer allows this client the device flow."
        ))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&shown(&self.error))?;
        match &self.error_description {
            Some(description) => write!(formatter, " ({})", shown(description)),
            None => Ok(()),
        }
    }
}

impl Issuer {
    /// Reads the discovery document.
    ///
    /// # Errors
    /// [`Failure`] if it cannot be reached, or is not the issuer that was named.
    pub(super) fn discover(settings: &LoginSettings) -> Result<Self, Failure> {
        let name = settings.issuer.as_str();
        let unusable = |reason: &str| {
            Failure::usage(format!(
                "The issuer {name} cannot be used: {reason}.\nWrite its address as the access file of the servers has it."
            ))
        };
        let client = issuer_client(name, settings.ca_file.as_deref());
        // Refusals are answers too, and a request with a secret in it is not redirected.
        let client = client
            .map_err(|reason| unusable(&reason))?
            .http_status_as_error(false)
            .max_redirects(0);
        let agent = client.build().new_agent();
        let base = name.trim_end_matches('/');
        let address = format!("{base}/.well-known/openid-configuration");
        let text = text(agent.get(address).call()).map_err(|error| unreachable(name, &error))?;
        let services: Services = serde_json::from_str(&text)
            .map_err(|_| unusable("it has no discovery document of OpenID Connect"))?;
        if services.issuer != name {
            let own = shown(&services.issuer);
            return Err(unusable(&format!("its own name is {own}")));
        }
        let endpoints = [
            Some(&services.token_endpoint),
            services.device_authorization_endpoint.as_ref(),
            services.revocation_endpoint.as_ref(),
        ];
        for endpoint in endpoints.into_iter().flatten() {
            check_issuer_address(endpoint).map_err(|reason| unusable(&reason))?;
        }
        Ok(Self {
            agent,
            settings: settings.clone(),
            services,
        })
    }

    /// Begins a login.
    pub(super) fn device(&self) -> Result<Device, Failure> {
        let address = self.services.device_authorization_endpoint.as_deref();
        let address = address.ok_or_else(|| {
            Failure::refused(
                "The issuer has no device flow. Allow it there, or use --token-file with a token of another way.",
            )
        })?;
        let mut form = vec![("scope", self.settings.scopes.as_str())];
        if let Some(audience) = &self.settings.audience {
            form.push(("audience", audience));
        }
        self.post(address, form)?
            .map_err(|refusal: Refusal| refusal.failure())
    }

    /// Asks for the tokens of a login.
    pub(super) fn grant(&self, device: &Device) -> Result<Result<Granted, Refusal>, Failure> {
        let form = vec![
            ("grant_type", DEVICE_GRANT),
            ("device_code", &device.device_code),
        ];
        self.post(&self.services.token_endpoint, form)
    }

    /// Asks for new tokens.
    pub(super) fn refresh(&self, token: &str) -> Result<Result<Granted, Refusal>, Failure> {
        let form = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        self.post(&self.services.token_endpoint, form)
    }

    /// Ends a token (RFC 7009), if the issuer can do that.
    pub(super) fn revoke(&self, token: &str, kind: &str) -> Result<(), Failure> {
        let Some(address) = &self.services.revocation_endpoint else {
            return Ok(());
        };
        let form = [
            ("token", token),
            ("token_type_hint", kind),
            ("client_id", &self.settings.client_id),
        ];
        let answer = self.agent.post(address).send_form(form);
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        match answer.status().is_success() {
            true => Ok(()),
            false => Err(Failure::refused(format!(
                "The issuer refused to end the login ({}).",
                answer.status()
            ))),
        }
    }

    fn post<'f, T: DeserializeOwned>(
        &'f self,
        address: &str,
        mut form: Vec<(&'f str, &'f str)>,
    ) -> Result<Result<T, Refusal>, Failure> {
        form.push(("client_id", &self.settings.client_id));
        let answer = self.agent.post(address).send_form(form);
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        let is_granted = answer.status().is_success();
        let text = text(Ok(answer)).map_err(|error| self.unreachable(&error))?;
        // The error of the parser would show a part of the text, which may be a token.
        let other = |_| {
            Failure::unavailable(format!(
                "The issuer {} sent an answer that is none of OAuth 2.0. Log in again later.",
                self.settings.issuer
            ))
        };
        match is_granted {
            true => serde_json::from_str(&text).map(Ok).map_err(other),
            false => serde_json::from_str(&text).map(Err).map_err(other),
        }
    }

    fn unreachable(&self, error: &ureq::Error) -> Failure {
        unreachable(&self.settings.issuer, error)
    }
}

fn text(
    answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<String, ureq::Error> {
    let mut answer = answer?;
    let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX);
    body.read_to_string()
}

fn unreachable(issuer: &str, error: &ureq::Error) -> Failure {
    Failure::unavailable(format!(
        "The issuer {issuer} cannot be reached: {error}.\nIf its certificate authority is a private one, name it with --issuer-ca-file FILE."
    ))
}

/// A text of the issuer for the terminal.
fn shown(text: &str) -> String {
    let plain = text
        .chars()
        .filter(|one| one.is_ascii_graphic() || *one == ' ');
    plain.take(SHOWN_CHARACTERS_MAX).collect()
}
