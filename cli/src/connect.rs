//! The way to the servers: addresses, connections, and who asks.
//!
//! Promise: the error for an unreachable server has its address and how to start it. Must not: know
//! the requests.

use std::time::Duration;

use aftercall_proto::alert::v1::alert_service_client::AlertServiceClient;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::script_engine_service_client::ScriptEngineServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use prost_types::FieldMask;
use tonic::transport::Channel;
use uuid::Uuid;

use crate::errors::Failure;

/// Where `up` and `demo` listen, and where every other command sends its requests.
pub(crate) const DEFAULT_SERVER: &str = "127.0.0.1:7401";
pub(crate) const DEFAULT_ALERTER: &str = "127.0.0.1:7402";

/// A server on this machine answers within milliseconds; one that does not within this is not
/// there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than a group commit's watchdog (10 s), so that the server's own sentence is read and not
/// ours.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that died without a word is noticed after this and the same again.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// A page of 1,000 follow-ups with long texts does not fit tonic's 4 MiB.
const MESSAGE_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Where the servers are, and who asks.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    /// The workflow-server's address.
    pub(crate) server: String,
    /// The alerter-server's address.
    pub(crate) alerter: String,
    /// Who asks.
    pub(crate) actor: String,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident;)*) => {
        impl Connections {
            $($(#[$doc])*
            pub(crate) async fn $name(&self) -> Result<$client<Channel>, Failure> {
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
    /// For ops.
    operations: OperationsServiceClient;
}

impl Connections {
    /// A connection to the workflow-server.
    pub(crate) async fn workflow_server(&self) -> Result<Channel, Failure> {
        channel(&self.server, "workflow-server", "--server").await
    }

    /// A connection to the alerter-server.
    pub(crate) async fn alerter_server(&self) -> Result<Channel, Failure> {
        channel(&self.alerter, "alerter-server", "--alerter").await
    }

    /// The stream of alerts.
    pub(crate) async fn alerts(&self) -> Result<AlertServiceClient<Channel>, Failure> {
        Ok(AlertServiceClient::new(self.alerter_server().await?)
            .max_decoding_message_size(MESSAGE_BYTES_MAX))
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

async fn channel(address: &str, what: &str, option: &str) -> Result<Channel, Failure> {
    let endpoint = aftercall_client::endpoint(address)
        .map_err(|error| wrong_address(&error, option))?
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(REQUEST_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE);
    endpoint
        .connect()
        .await
        .map_err(|error| unreachable(address, what, option, &error))
}

/// An address that is none, or that asks for TLS.
pub(crate) fn wrong_address(error: &aftercall_client::Error, option: &str) -> Failure {
    Failure::usage(format!(
        "{option}: {error}. Write HOST:PORT, or http://HOST:PORT."
    ))
}

/// A server that does not answer.
pub(crate) fn unreachable(
    address: &str,
    what: &str,
    option: &str,
    error: &tonic::transport::Error,
) -> Failure {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    Failure::unavailable(format!(
        "No {what} answers at {address} ({cause}).\n\
         Start both servers with `aftercall up --data-dir DIR`, or name another address with {option}."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::Exit;

    #[tokio::test]
    async fn an_unreachable_server_is_named_with_its_address() {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let failure = channel(&format!("http://{free}"), "workflow-server", "--server")
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
        for address in ["not an address", "localhost", "https://127.0.0.1:7401"] {
            let failure = channel(address, "workflow-server", "--server")
                .await
                .unwrap_err();
            assert_eq!(failure.exit(), Exit::Usage, "{address}");
            assert!(
                failure.sentence().contains("HOST:PORT"),
                "{}",
                failure.sentence()
            );
        }
    }
}
