//! `aftercall certificate`: certificates to try TLS with.
//!
//! Promise: nothing is written if a file would be overwritten without `--replace`. The CA of a
//! directory is made once. Keys can be read by their owner only. Must not: replace the CA of a
//! company.

mod access;
mod authority;
mod files;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use access::Client;
use aftercall_identity::Roles;
use aftercall_proto::access::v1::Role;
use authority::{Authority, VALID_DAYS};
use clap::{Args, Subcommand};
use files::{Pair, cannot_write, refuse_existing, write};
use serde_json::json;

use crate::errors::Failure;
use crate::output::remark;
use crate::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum Certificate {
    /// Create a CA, and certificates for the servers and for clients
    #[command(after_help = "\
Examples:
  aftercall certificate create
  aftercall certificate create --name calls.example.com --client engine-1=script-engine --client olga=operator
  aftercall certificate create --client alerter
  aftercall certificate create --name calls.example.com --replace

The CA is made the first time. The person who has its key can make certificates that your servers accept: keep it safe, and use
the CA of your company for more than a trial.")]
    Create(Create),
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The directory of the files; it is made where it is missing
    #[arg(long, value_name = "DIR", default_value = "aftercall-certificates")]
    directory: PathBuf,
    /// A host name or address by which clients name the servers, besides localhost; may be repeated
    #[arg(long = "name", value_name = "HOST", value_parser = host)]
    names: Vec<String>,
    /// A client that gets a certificate with this name, and with roles an entry in the access file of
    /// the directory; may be repeated
    #[arg(long = "client", value_name = "NAME[=ROLE,…]", value_parser = client)]
    clients: Vec<Client>,
    /// Write certificates that exist again; the CA stays
    #[arg(long)]
    replace: bool,
}

/// In the directory of the certificates.
const ACCESS_FILE: &str = "access.toml";

/// By these names every server is reached on its own machine.
const LOCAL_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

impl Certificate {
    /// Runs the command.
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let Self::Create(create) = self;
        create.run(session)
    }
}

impl Create {
    fn run(self, session: &Session) -> Result<(), Failure> {
        let directory = &self.directory;
        let server = Pair::named(directory, "server");
        // A further client does not need a further certificate of the server.
        let is_server_needed =
            !self.names.is_empty() || self.clients.is_empty() || !server.exists();
        let clients: Vec<(&str, Pair)> = self
            .clients
            .iter()
            .map(|client| (client.name.as_str(), Pair::named(directory, &client.name)))
            .collect();
        if !self.replace {
            let of_server = is_server_needed.then_some(&server);
            refuse_existing(
                of_server
                    .into_iter()
                    .chain(clients.iter().map(|(_, pair)| pair)),
            )?;
        }
        std::fs::create_dir_all(directory).map_err(|error| cannot_write(directory, &error))?;
        let ca = Pair::named(directory, "ca");
        let (authority, is_new) = Authority::of_directory(&ca)?;
        let mut written: Vec<&Path> = if is_new {
            ca.paths().to_vec()
        } else {
            Vec::new()
        };
        if is_server_needed {
            let names = LOCAL_NAMES
                .into_iter()
                .chain(self.names.iter().map(String::as_str));
            write(&server, &authority.server(names)?)?;
            written.extend(server.paths());
        }
        for (name, pair) in &clients {
            write(pair, &authority.client(name)?)?;
            written.extend(pair.paths());
        }
        let access = directory.join(ACCESS_FILE);
        let has_access = access::add(&access, &self.clients)?;
        if has_access {
            written.push(&access);
        }
        if session.output.is_json() {
            return session.output.json(&json!({
                "ca": ca.certificate, "certificate": server.certificate, "key": server.key, "written": written,
            }));
        }
        for path in &written {
            session.output.line(&path.display().to_string())?;
        }
        remark(&self.next_steps(&ca, &server, has_access.then_some(&access)));
        Ok(())
    }

    /// Which options use the files.
    fn next_steps(&self, ca: &Pair, server: &Pair, access: Option<&PathBuf>) -> String {
        let is_name = |name: &&String| name.parse::<IpAddr>().is_err();
        let hosts = self.names.iter().filter(is_name);
        let hosts: String = hosts
            .map(|name| format!(" --allowed-host {name}"))
            .collect();
        let access = access.map(|file| format!(" --access-file {}", file.display()));
        let access = access.unwrap_or_default();
        let (ca, certificate, key) = (
            ca.certificate.display(),
            server.certificate.display(),
            server.key.display(),
        );
        format!(
            "\nThe certificates are valid for {VALID_DAYS} days. Options of a server:\n  \
             --tls-certificate {certificate} --tls-key {key}{hosts}\n\
             To check certificates of clients too:\n  \
             --tls-client-ca {ca}{access}\n\
             Options of `aftercall` as a client, the last two with a certificate of its own:\n  \
             --ca-file {ca} --client-certificate NAME.crt --client-key NAME.key"
        )
    }
}

/// A host name, or an address.
fn host(text: &str) -> Result<String, String> {
    let is_part = |part: &str| {
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        !part.is_empty() && (part == "*" || part.chars().all(is_letter))
    };
    if text.parse::<IpAddr>().is_ok() || text.split('.').all(is_part) {
        Ok(text.to_owned())
    } else {
        Err("give a host name such as calls.example.com, or an address, without a port".to_owned())
    }
}

/// A name, and the roles of its holder after `=`.
fn client(text: &str) -> Result<Client, String> {
    let (name, roles) = text.split_once('=').unwrap_or((text, ""));
    let roles = roles.split(',').filter(|role| !role.is_empty());
    let role = |name| Role::named(name).ok_or_else(|| format!("there is no role {name:?}"));
    Ok(Client {
        name: file_name(name)?,
        roles: roles.map(role).collect::<Result<Roles, _>>()?,
    })
}

/// A name that is also the name of its files.
fn file_name(text: &str) -> Result<String, String> {
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let is_taken = ["ca", "server"]
        .iter()
        .any(|taken| taken.eq_ignore_ascii_case(text));
    if is_taken {
        Err("the CA and the server have files of this name: choose another".to_owned())
    } else if text.is_empty() || text.starts_with(['.', '-']) || !text.chars().all(is_letter) {
        Err("use letters, digits, -, _ and . only, since files get this name".to_owned())
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_hosts_and_clients_are_files() {
        for valid in [
            "localhost",
            "calls.example.com",
            "*.example.com",
            "10.0.0.7",
            "::1",
        ] {
            assert!(host(valid).is_ok(), "{valid}");
        }
        for invalid in ["", "a b", "calls.example.com:7401", "https://a", ".."] {
            assert!(host(invalid).is_err(), "{invalid}");
        }
        for valid in ["ann", "script-engine-1", "a.b_c", "ann=agent,supervisor"] {
            assert!(client(valid).is_ok(), "{valid}");
        }
        for invalid in [
            "", "ca", "Server", "../ann", ".ann", "-ann", "a b", "a/b", "=agent", "ann=king",
        ] {
            assert!(client(invalid).is_err(), "{invalid}");
        }
    }
}
