//! `aftercall token`: the file with the tokens that the servers accept.
//!
//! Promise: a secret is shown once, when its token is made; the file keeps a hash. Must not: ask a
//! server. Servers read the file again when it changes.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use aftercall_identity::token_file::{
    NewToken, TokenFileError, TokenKind, TokenRecord, create, list, revoke,
};
use aftercall_identity::{Identity, Secret, Tokens};
use aftercall_proto::access::v1::Role;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;
use crate::table::{Table, id, name, sentence, whole};
use crate::time::{self, parse_span};

const ROWS: Table<'_> = Table {
    columns: &[
        id("id"),
        name("name", 1),
        sentence("roles", 1),
        sentence("scope", 2),
        whole("ends", 2),
        whole("state", 1),
    ],
    empty: "The file has no token. `aftercall token create` makes one.",
};

/// The token file of the servers.
#[derive(Debug, Args)]
pub(crate) struct File {
    /// The file with the tokens that the servers accept; the servers have it as `--tokens-file`
    #[arg(
        long = "tokens-file",
        env = "AFTERCALL_TOKENS_FILE",
        value_name = "FILE",
        default_value = "aftercall-tokens"
    )]
    path: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Token {
    /// Make a token for a person or a program, and show it once
    #[command(after_help = "\
Examples:
  aftercall token create ann --role agent --team billing --expires 90d
  aftercall token create engine-1 --service --role script-engine --customer Acme
  aftercall token create alerter --service --role alerter > alerter.token

The token is the only line on standard output. The file keeps its hash: a lost token cannot be shown again.")]
    Create(Create),
    /// List the tokens of the file
    #[command(after_help = "Example:\n  aftercall token list")]
    List(File),
    /// Revoke a token by its id, or all tokens of a name
    #[command(
        after_help = "Example:\n  aftercall token revoke ann\n\nThe servers refuse it within a few seconds, and end its streams."
    )]
    Revoke {
        #[command(flatten)]
        file: File,
        /// Id or name
        #[arg(value_name = "ID|NAME")]
        token: String,
    },
    /// Check a token that is read from standard input against the file
    #[command(after_help = "Example:\n  aftercall token check < ann.token")]
    Check(File),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    #[command(flatten)]
    file: File,
    /// Name, as histories and other people's screens show it
    name: String,
    /// What it may do; may be repeated. docs/access.md lists the RPCs of each role
    #[arg(long = "role", value_name = "ROLE", required = true, value_parser = role)]
    roles: Vec<Role>,
    /// A customer whose calls it may see; without one all. May be repeated
    #[arg(long = "customer", value_name = "CUSTOMER")]
    customers: Vec<String>,
    /// A team whose follow-ups it may see; without one all. May be repeated
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// It is a program, no person
    #[arg(long)]
    service: bool,
    /// How long it is valid, such as 90d or 12h; without it for ever
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    expires: Option<Duration>,
}

fn role(text: &str) -> Result<Role, String> {
    let names: Vec<&str> = Role::ALL.into_iter().map(Role::name).collect();
    Role::named(text).ok_or_else(|| format!("use one of {}", names.join(", ")))
}

impl Token {
    /// Runs the command.
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(session),
            Self::List(file) => show(session, &list(&file.path).map_err(failure)?),
            Self::Revoke { file, token } => {
                let revoked = revoke(&file.path, &token).map_err(failure)?;
                let names = revoked
                    .iter()
                    .map(|token| format!("{} ({})", token.name, token.id));
                let names = names.collect::<Vec<_>>().join(", ");
                let ids: Vec<&str> = revoked.iter().map(|token| token.id.as_str()).collect();
                session
                    .output
                    .written(&json!({ "revoked": ids }), &format!("Revoked {names}."))
            }
            Self::Check(file) => check(session, &file),
        }
    }
}

impl Create {
    fn run(self, session: &Session) -> Result<(), Failure> {
        let new = NewToken {
            name: self.name.trim().to_owned(),
            kind: if self.service {
                TokenKind::Service
            } else {
                TokenKind::Person
            },
            roles: self.roles,
            customers: self.customers,
            teams: self.teams,
            expires_at: self.expires.map(|span| Timestamp::now() + span),
        };
        if new.name.is_empty() {
            return Err(Failure::usage("A token needs a name.".to_owned()));
        }
        let (record, secret) = create(&self.file.path, new).map_err(failure)?;
        if session.output.is_json() {
            let token = json!({ "id": record.id, "token": secret.reveal() });
            return session.output.json(&token);
        }
        remark(&format!(
            "Token {} of {} is in {}. It is shown only now:",
            record.id,
            record.name,
            self.file.path.display()
        ));
        session.output.line(secret.reveal())
    }
}

fn check(session: &Session, file: &File) -> Result<(), Failure> {
    let mut text = String::new();
    io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .map_err(|error| Failure::refused(format!("Standard input cannot be read: {error}.")))?;
    let not_one = || Failure::refused("This is no token of a token file.");
    let token = Secret::parse(text.trim()).ok_or_else(not_one)?;
    let tokens = fs::read_to_string(&file.path).map_err(|error| {
        Failure::refused(format!("{} cannot be read: {error}.", file.path.display()))
    })?;
    let tokens = Tokens::read(&tokens).map_err(failure)?;
    let identity = tokens
        .verify(&token, SystemTime::now())
        .map_err(|denied| Failure::refused(format!("Token {}: {denied}.", token.id())))?;
    let Identity { name, roles, .. } = &*identity;
    let ids = json!({ "id": token.id(), "name": &**name, "roles": roles.to_string() });
    let sentence = format!("Token {} is valid: {name}, {roles}.", token.id());
    session.output.written(&ids, &sentence)
}

fn show(session: &Session, tokens: &[TokenRecord]) -> Result<(), Failure> {
    if session.output.is_json() {
        let shown = serde_json::to_value(tokens).map(without_hashes);
        let shown = shown.map_err(|error| Failure::refused(error.to_string()))?;
        return session.output.json(&shown);
    }
    session.output.table(&ROWS, tokens.iter().map(row))
}

/// A hash is no secret, and nobody needs it.
fn without_hashes(mut tokens: serde_json::Value) -> serde_json::Value {
    for token in tokens.as_array_mut().into_iter().flatten() {
        if let Some(token) = token.as_object_mut() {
            token.remove("hash");
        }
    }
    tokens
}

fn row(token: &TokenRecord) -> Vec<String> {
    let now = Timestamp::now();
    let state = if token.revoked_at.is_some() {
        "revoked"
    } else if token.expires_at.is_some_and(|end| end <= now) {
        "expired"
    } else {
        "valid"
    };
    let scope = [&token.customers, &token.teams].map(|names| names.join(", "));
    let scope = scope.iter().filter(|names| !names.is_empty());
    let scope = scope.map(String::as_str).collect::<Vec<_>>().join("; ");
    let ends = token.expires_at.map(time::proto);
    vec![
        token.id.clone(),
        token.name.clone(),
        token.roles.join(", "),
        if scope.is_empty() {
            "all".to_owned()
        } else {
            scope
        },
        ends.map_or_else(|| "never".to_owned(), |end| time::local(Some(&end))),
        state.to_owned(),
    ]
}

fn failure(error: TokenFileError) -> Failure {
    match error {
        TokenFileError::NoSuchToken(_) => Failure::not_found(format!("{error}.")),
        error => Failure::refused(format!("{error}.")),
    }
}
