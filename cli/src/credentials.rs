//! How this program proves who is asking, and whom it trusts.
//!
//! Promise: a secret comes from a file, never from the command line. Must not: connect.

use std::io;
use std::path::PathBuf;

use aftercall_client::{Connector, TokenFile};
use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser};

use crate::errors::Failure;
use crate::login::LoginTokens;

/// The files for the servers of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub(crate) struct Credentials {
    /// A PEM file with the certificate authorities to trust [default: those of the system]
    #[arg(long, global = true, env = "AFTERCALL_CA_FILE", value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = file())]
    pub(crate) ca_file: Option<PathBuf>,
    /// A PEM file with your certificate, for servers that require one
    #[arg(long, global = true, env = "AFTERCALL_CLIENT_CERTIFICATE", value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = file())]
    pub(crate) client_certificate: Option<PathBuf>,
    /// A PEM file with the key of --client-certificate
    #[arg(long, global = true, env = "AFTERCALL_CLIENT_KEY", value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = file())]
    pub(crate) client_key: Option<PathBuf>,
    /// A file with the token that proves who you are
    #[arg(long, global = true, env = "AFTERCALL_TOKEN_FILE", value_name = "FILE", value_hint = clap::ValueHint::FilePath, value_parser = file())]
    pub(crate) token_file: Option<PathBuf>,
    /// The file with the login of the context.
    #[arg(skip)]
    pub(crate) login_file: Option<PathBuf>,
    /// Send the token in plain text to another machine: everybody on the way can read it
    #[arg(long, global = true, env = "AFTERCALL_PLAIN_TEXT_TOKEN")]
    pub(crate) plain_text_token: bool,
}

/// The ids of these options.
pub(crate) const OPTIONS: [&str; 5] = [
    "ca_file",
    "client_certificate",
    "client_key",
    "token_file",
    "plain_text_token",
];

/// A file's name. An empty one, as of a variable that was emptied, means none.
fn file() -> impl TypedValueParser<Value = PathBuf> {
    OsStringValueParser::new().map(PathBuf::from)
}

impl Credentials {
    /// Whether they prove who is asking.
    pub(crate) fn has_proof(&self) -> bool {
        self.token_file.is_some() || self.login_file.is_some() || self.client_certificate.is_some()
    }

    /// These, and what they leave out from others. A certificate and its key stay together.
    pub(crate) fn or(self, others: Self) -> Self {
        let has_certificate = self.client_certificate.is_some() || self.client_key.is_some();
        let (client_certificate, client_key) = match has_certificate {
            true => (self.client_certificate, self.client_key),
            false => (others.client_certificate, others.client_key),
        };
        Self {
            ca_file: self.ca_file.or(others.ca_file),
            client_certificate,
            client_key,
            // A token of the command line counts, and not the login of its context.
            login_file: self.login_file.or(match self.token_file {
                Some(_) => None,
                None => others.login_file,
            }),
            token_file: self.token_file.or(others.token_file),
            plain_text_token: self.plain_text_token || others.plain_text_token,
        }
    }

    /// Only these of the options.
    pub(crate) fn only(self, options: &[&str]) -> Self {
        let kept = |option: &str, path: Option<PathBuf>| path.filter(|_| options.contains(&option));
        Self {
            ca_file: kept("ca_file", self.ca_file),
            client_certificate: kept("client_certificate", self.client_certificate),
            client_key: kept("client_key", self.client_key),
            token_file: kept("token_file", self.token_file),
            login_file: None,
            plain_text_token: self.plain_text_token && options.contains(&"plain_text_token"),
        }
    }

    /// The same files by their absolute paths.
    pub(crate) fn absolute(self) -> io::Result<Self> {
        let absolute = |path: Option<PathBuf>| path.map(std::path::absolute).transpose();
        Ok(Self {
            ca_file: absolute(self.ca_file)?,
            client_certificate: absolute(self.client_certificate)?,
            client_key: absolute(self.client_key)?,
            token_file: absolute(self.token_file)?,
            login_file: absolute(self.login_file)?,
            plain_text_token: self.plain_text_token,
        })
    }

    /// The way to a server with these.
    pub(crate) fn with(&self, connector: Connector) -> Result<Connector, Failure> {
        let mut connector = connector.send_token_in_plain_text(self.plain_text_token);
        if let Some(ca) = given(&self.ca_file) {
            connector = connector.trust(ca);
        }
        match (given(&self.client_certificate), given(&self.client_key)) {
            (None, None) => {}
            (Some(certificate), Some(key)) => connector = connector.certificate(certificate, key),
            (Some(_), None) => {
                return Err(Failure::usage(
                    "--client-certificate needs its key: give --client-key too.",
                ));
            }
            (None, Some(_)) => {
                return Err(Failure::usage(
                    "--client-key needs its certificate: give --client-certificate too.",
                ));
            }
        }
        if let Some(login) = given(&self.login_file) {
            connector = connector.tokens(LoginTokens::new(login));
        } else if let Some(token) = given(&self.token_file) {
            connector = connector.tokens(TokenFile::new(token));
        }
        Ok(connector)
    }
}

fn given(path: &Option<PathBuf>) -> Option<&PathBuf> {
    path.as_ref().filter(|path| !path.as_os_str().is_empty())
}
