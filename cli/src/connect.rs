//! The way to the servers: addresses, connections, and who asks.
//!
//! Promise: the error for a server that cannot be used has its address and what to do. Must not:
//! know the requests.

use std::time::Duration;

use aftercall_client::{Connection, Connector, Error, TokenError};
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::staff_service_client::StaffServiceClient;
use aftercall_proto::workflow::v1::view_service_client::ViewServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use prost_types::FieldMask;
use tonic::transport::Endpoint;
use uuid::Uuid;

use crate::credentials::Credentials;
use crate::errors::Failure;

/// Where `up` and `demo` listen, and where every other command sends its requests.
pub(crate) const DEFAULT_SERVER: &str = "127.0.0.1:7401";
pub(crate) const DEFAULT_ALERTER: &str = "127.0.0.1:7402";

/// Longer than a group commit's watchdog (10 s), so that the server's own sentence is read and not
/// ours.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that died without a word is noticed after this and the same again.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A page of 1,000 follow-ups with long texts does not fit tonic's 4 MiB.
const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Where the servers are, and who asks.
#[derive(Debug, Default, Clone)]
pub(crate) struct Connections {
    /// The workflow-server's address, or several with commas between them.
    pub(crate) server: String,
    /// The alerter-server's address, or several with commas between them.
    pub(crate) alerter: String,
    /// Who asks.
    pub(crate) actor: String,
    /// How they prove it to the workflow-server, and whom they trust.
    pub(crate) credentials: Credentials,
    /// The same for the alerter-server.
    pub(crate) alerter_credentials: Credentials,
    /// Why the context that would say all this cannot be used.
    pub(crate) unusable: Option<Failure>,
}

/// One of the two servers, as messages name it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    name: &'static str,
    option: &'static str,
}

pub(crate) const WORKFLOW_SERVER: Peer = Peer {
    name: "workflow-server",
    option: "--server",
};
pub(crate) const ALERTER_SERVER: Peer = Peer {
    name: "alerter-server",
    option: "--alerter",
};

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident;)*) => {
        impl Connections {
            $($(#[$doc])*
            pub(crate) async fn $name(&self) -> Result<$client<Connection>, Failure> {
                Ok($client::new(self.workflow_server().await?).max_decoding_message_size(MESSAGE_BYTES_MAX))
            })*
        }
    };
}

clients! {
    /// For people who write workflows.
    definitions: WorkflowDefinitionServiceClient;
    /// For call scripts.
    scripts: ScriptEngineServiceClient;
    /// For people who follow up.
    calls: CallManagerServiceClient;
    /// For the people who follow up.
    staff: StaffServiceClient;
    /// For saved views.
    views: ViewServiceClient;
    /// For ops.
    operations: OperationsServiceClient;
    /// For everybody: who they are.
    identities: IdentityServiceClient;
}

impl Connections {
    /// The way to the workflow-server.
    pub(crate) fn to_server(&self) -> Result<Connector, Failure> {
        self.connector(&self.server, &self.credentials, WORKFLOW_SERVER)
    }

    /// The way to the alerter-server.
    pub(crate) fn to_alerter(&self) -> Result<Connector, Failure> {
        self.connector(&self.alerter, &self.alerter_credentials, ALERTER_SERVER)
    }

    /// A connection to the workflow-server.
    pub(crate) async fn workflow_server(&self) -> Result<Connection, Failure> {
        connect(&self.to_server()?, &self.server, WORKFLOW_SERVER).await
    }

    /// A connection to the alerter-server.
    pub(crate) async fn alerter_server(&self) -> Result<Connection, Failure> {
        connect(&self.to_alerter()?, &self.alerter, ALERTER_SERVER).await
    }

    /// The stream of alerts.
    pub(crate) async fn alerts(&self) -> Result<AlertServiceClient<Connection>, Failure> {
        Ok(AlertServiceClient::new(self.alerter_server().await?)
            .max_decoding_message_size(MESSAGE_BYTES_MAX))
    }

    fn connector(
        &self,
        address: &str,
        credentials: &Credentials,
        peer: Peer,
    ) -> Result<Connector, Failure> {
        if let Some(unusable) = &self.unusable {
            return Err(unusable.clone());
        }
        let connector = Connector::to(address).map_err(|error| failure(&error, address, peer))?;
        credentials.with(connector)
    }
}

/// A read mask: the fields of follow-ups that an answer needs.
pub(crate) fn read_mask(fields: &[&str]) -> FieldMask {
    FieldMask {
        paths: fields.iter().map(|field| (*field).to_owned()).collect(),
    }
}

/// A request id of our own, so that a repeat by the transport is no second change.
pub(crate) fn request_id() -> String {
    Uuid::new_v4().to_string()
}

async fn connect(connector: &Connector, address: &str, peer: Peer) -> Result<Connection, Failure> {
    let settings = |endpoint: Endpoint| {
        endpoint
            .timeout(REQUEST_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
    };
    let connected = connector.connect_with(settings).await;
    connected.map_err(|error| failure(&error, address, peer))
}

/// What is wrong with the way to a server, and what to do.
pub(crate) fn failure(error: &Error, address: &str, peer: Peer) -> Failure {
    let Peer { name, option } = peer;
    let with = |scheme: &str| match address.contains(',') {
        true => format!("{option} with {scheme}:// before each address that needs it"),
        false => {
            let host = address.split_once("://").map_or(address, |(_, host)| host);
            format!("{option} {scheme}://{host}")
        }
    };
    let usage = |advice: String| Failure::usage(format!("{option}: {error}.\n{advice}"));
    let unusable = |advice: String| {
        Failure::unavailable(format!(
            "The {name} at {address} cannot be used: {error}.\n{advice}"
        ))
    };
    match error {
        Error::Refused(status) => (**status).clone().into(),
        Error::Unreachable(cause) => Failure::unavailable(format!(
            "No {name} answers at {address} ({cause}).\n\
             Start both servers with `aftercall up --data-dir DIR`, or name another address with {option}."
        )),
        Error::Address { .. } => usage("Write HOST:PORT, or https://HOST:PORT for TLS.".to_owned()),
        Error::PlainTextToken { .. } => usage(format!(
            "Write {}, or allow it with --plain-text-token.",
            with("https")
        )),
        Error::File { .. } => Failure::usage(format!(
            "Not connected: {error}.\nCorrect the file, or name another with --ca-file, --client-certificate or --client-key."
        )),
        Error::Token(TokenError::Source(cause)) => match cause.downcast_ref::<Failure>() {
            Some(failure) => failure.clone(),
            None => Failure::unavailable(format!("Not connected: {error}.")),
        },
        Error::Token(_) => Failure::usage(format!(
            "Not connected: {error}.\nName the file that has your token with --token-file."
        )),
        Error::Untrusted { .. } => unusable(
            "If its certificate authority is a private one, name its certificate with --ca-file FILE."
                .to_owned(),
        ),
        Error::NoTls => unusable(format!("Write {}.", with("http"))),
        Error::OnlyTls => unusable(format!("Write {}.", with("https"))),
        Error::CertificateRequired => {
            unusable("Give --client-certificate FILE and --client-key FILE.".to_owned())
        }
        Error::Handshake(_) | Error::NoHttp2 | Error::Transport(_) => unusable(format!(
            "Is {address} the {name}? Write http:// before the address for plain text, https:// for TLS."
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Exit;

    fn to(server: &str) -> Connections {
        Connections {
            server: server.to_owned(),
            ..Connections::default()
        }
    }

    #[tokio::test]
    async fn an_unreachable_server_is_named_with_its_address() {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let failure = to(&format!("http://{free}"))
            .workflow_server()
            .await
            .unwrap_err();
        assert_eq!(failure.exit(), Exit::Unavailable);
        assert!(
            failure
                .sentence()
                .contains(&format!("No workflow-server answers at http://{free}"))
        );
        assert!(failure.sentence().contains("aftercall up"));
    }

    #[tokio::test]
    async fn an_invalid_address_is_a_usage_error() {
        for address in [
            "not an address",
            "localhost",
            "https://",
            "ftp://127.0.0.1:7401",
        ] {
            let failure = to(address).workflow_server().await.unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{address}");
            assert!(
                failure.sentence().contains("HOST:PORT"),
                "{}",
                failure.sentence()
            );
        }
    }

    #[tokio::test]
    async fn missing_files_are_named_with_their_options() {
        let missing = Some(std::path::PathBuf::from("/nowhere/file"));
        let of_ca = Credentials {
            ca_file: missing.clone(),
            ..Credentials::default()
        };
        let of_token = Credentials {
            token_file: missing.clone(),
            ..Credentials::default()
        };
        let of_certificate = Credentials {
            client_certificate: missing,
            ..Credentials::default()
        };
        for (credentials, option) in [
            (of_ca, "--ca-file"),
            (of_token, "--token-file"),
            (of_certificate, "--client-key"),
        ] {
            let to = Connections {
                credentials,
                ..to("https://127.0.0.1:1")
            };
            let failure = to.workflow_server().await.unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage);
            assert!(
                failure.sentence().contains(option),
                "{}",
                failure.sentence()
            );
        }
    }

    #[test]
    fn each_problem_of_a_connection_says_what_to_do() {
        let said = |error| {
            failure(&error, "h:7401", WORKFLOW_SERVER)
                .sentence()
                .to_owned()
        };
        let untrusted = Error::Untrusted {
            reason: "it has expired".to_owned(),
        };
        assert!(said(untrusted).contains("--ca-file"));
        assert!(said(Error::NoTls).contains("--server http://h:7401"));
        assert!(said(Error::OnlyTls).contains("--server https://h:7401"));
        assert!(said(Error::CertificateRequired).contains("--client-certificate"));
        let plain = Error::PlainTextToken {
            address: "http://h:7401".to_owned(),
        };
        assert!(said(plain).contains("--server https://h:7401"));
        let several = failure(&Error::NoTls, "https://a:1,https://b:1", WORKFLOW_SERVER);
        assert!(several.sentence().contains("http:// before each address"));
    }
}
