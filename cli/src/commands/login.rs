//! `aftercall login` and `aftercall logout`: a token from an issuer that the servers trust.
//!
//! Promise: a context keeps where to log in and the name of the file with the login, never a token.
//! Must not: ask a server.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::contexts::{Contexts, login_file};
use crate::errors::Failure;
use crate::login::{Login, LoginSettings, begin, remove};
use crate::output::remark;
use crate::session::Session;
use crate::time;

/// What is requested without `--scopes`: a login that lasts.
const SCOPES: &str = "openid offline_access";

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall login --issuer https://sso.example.com/realms/calls --client-id aftercall-cli
  aftercall login
  aftercall login --context prod

It shows an address and a code. Open the address in any browser, enter the code and log in there. The context keeps
the options, so that the next login needs none. The token is in a file that only you can read, and is renewed
automatically as long as the issuer allows it.")]
pub(crate) struct LogIn {
    /// The address of the issuer, as in the access file of the servers
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The id under which the issuer knows this program
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The scopes to request, separated by spaces [default: openid offline_access]
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// The audience to request, for issuers that need it
    #[arg(long, value_name = "NAME")]
    audience: Option<String>,
    /// A PEM file with the certificate authority of the issuer [default: those of the system]
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    issuer_ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall logout
  aftercall logout --context prod")]
pub(crate) struct LogOut {}

impl LogIn {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut contexts = Contexts::read()?;
        let name = contexts.name(session.context.as_deref())?;
        let settings = self.settings(contexts.get(&name)?.login.clone())?;
        let path = login_file(&name)?;
        let begun = settings.clone();
        let login = spawn_blocking(move || begin(begun, remark)).await??;
        login.save(&path)?;
        // Somebody may have changed the contexts while the code was entered.
        contexts = Contexts::read()?;
        let context = contexts.get_mut(&name)?;
        context.login = Some(settings.clone());
        context.login_file = Some(path);
        contexts.write()?;
        let shown = json!({
            "context": name,
            "issuer": settings.issuer,
            "expires_at": login.expires_at().map(|end| end.to_string()),
            "can_renew": login.can_renew(),
        });
        let lasts = match (login.can_renew(), login.expires_at()) {
            (true, _) => "The token is renewed automatically.".to_owned(),
            (false, Some(end)) => format!(
                "The token ends at {}. The scope offline_access usually makes a login last.",
                time::local(Some(&time::proto(end)))
            ),
            (false, None) => "The issuer did not say when the token ends.".to_owned(),
        };
        let text = format!("Logged in for {name}. {lasts} `aftercall whoami` shows who you are.");
        session.output.written(&shown, &text)
    }

    /// What this command line says, and what it leaves out from the last login.
    fn settings(self, last: Option<LoginSettings>) -> Result<LoginSettings, Failure> {
        let is_other = |issuer: &String| last.as_ref().is_some_and(|last| last.issuer != *issuer);
        // Nothing of a login at another issuer is meant for this one.
        let last = match self.issuer.as_ref().is_some_and(is_other) {
            true => None,
            false => last,
        };
        let ca_file = self.issuer_ca_file.map(std::path::absolute).transpose()?;
        let missing = || {
            Failure::usage(
                "Name the issuer and this program's id there: give --issuer and --client-id. The context keeps them.",
            )
        };
        let last = last.unwrap_or_default();
        let settings = LoginSettings {
            issuer: self.issuer.unwrap_or(last.issuer),
            client_id: self.client_id.unwrap_or(last.client_id),
            scopes: self.scopes.unwrap_or(last.scopes),
            audience: self.audience.or(last.audience),
            ca_file: ca_file.or(last.ca_file),
        };
        if settings.issuer.is_empty() || settings.client_id.is_empty() {
            return Err(missing());
        }
        Ok(match settings.scopes.is_empty() {
            true => LoginSettings {
                scopes: SCOPES.to_owned(),
                ..settings
            },
            false => settings,
        })
    }
}

impl LogOut {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut contexts = Contexts::read()?;
        let name = contexts.name(session.context.as_deref())?;
        let Some(path) = contexts.get_mut(&name)?.login_file.take() else {
            let text = format!("There is no login for {name}.");
            let shown = json!({ "context": name, "was_logged_in": false });
            return session.output.written(&shown, &text);
        };
        let ended = path.clone();
        let revoked = spawn_blocking(move || Login::read(&ended)?.revoke()).await?;
        remove(&path)?;
        contexts.write()?;
        if let Err(failure) = revoked {
            let text = failure.sentence();
            remark(&format!("The issuer still knows the login: {text}"));
        }
        let shown = json!({ "context": name, "was_logged_in": true });
        session
            .output
            .written(&shown, &format!("Logged out of {name}."))
    }
}
