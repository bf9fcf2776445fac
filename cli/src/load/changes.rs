//! Changes that streams of alerts see: Set Workflows, side by side on the caller's runtime.

use hyper::Uri;

use crate::errors::Failure;
use crate::load::http2::Client;
use crate::load::mix::Kind;
use crate::load::requests::{Requests, Templates};
use crate::samples;
use crate::session::Session;

const CONNECTIONS: u32 = 2;

/// Makes changes.
pub(crate) struct Changes {
    client: Client,
    uri: Uri,
    requests: Requests,
    templates: Templates,
}

impl Changes {
    /// Opens the connections, and makes the first change.
    pub(crate) async fn start(session: &Session) -> Result<Self, Failure> {
        let workflow = samples::published(session, "refund").await?;
        let requests = Requests::start(session, workflow).await?;
        let client = Client::connect(&session.to.to_server()?, CONNECTIONS).await?;
        Ok(Self {
            uri: client.uri(Kind::Set)?,
            client,
            templates: requests.templates(),
            requests,
        })
    }

    /// The sequence of the change that this one made when it started.
    pub(crate) fn first_sequence(&self) -> u64 {
        self.requests.first_sequence
    }

    /// Makes a change on a new call; its sequence. `number` chooses the connection.
    pub(crate) async fn make(&self, number: u64) -> Result<u64, Failure> {
        let frame = self.requests.frame(&self.templates, Kind::Set, number)?;
        let connection = usize::try_from(number).unwrap_or_default();
        let answer = self.client.call(connection, &self.uri, frame, true).await?;
        Ok(self.requests.read(Kind::Set, &answer)?)
    }
}
