//! The way to a server, or to several that serve the same: the addresses, whom to trust, and how to
//! prove who is asking.
//!
//! Promise: a token is sent over TLS or within this machine, unless plain text was allowed by name.
//! Files are read again for each connection. Must not: know a message.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use tonic::transport::Endpoint;

use crate::address;
use crate::connection::Connection;
use crate::dial::{Protocol, Stream, has_tls};
use crate::error::Error;
use crate::line::Line;
use crate::pool::Pool;
use crate::proof::Proof;
use crate::route::Route;
use crate::tls::Files;
use crate::token::{Token, TokenSource};

/// The way to a server, or to several that serve the same. Nothing is read or connected before
/// [`Connector::connect`].
///
/// With several addresses a connection is to one of them. The address that worked last is tried
/// first, the others in random order. If the server is lost, or answers UNAVAILABLE, the connection
/// moves to another one: requests that the lost server has certainly not seen are sent there, and so
/// are those that have no second effect, which are reads and changes with a `request_id`.
///
/// ```no_run
/// use aftercall_client::{Connector, TokenFile};
/// use aftercall_client::proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
///
/// # async fn connect() -> Result<(), aftercall_client::Error> {
/// let connector = Connector::to("https://calls.example.com:7401")?
///     .trust("ca.pem")
///     .tokens(TokenFile::new("token"));
/// let client = CallManagerServiceClient::new(connector.connect().await?);
/// # let _ = client; Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    route: Arc<Route>,
    files: Files,
    tokens: Option<Arc<dyn TokenSource>>,
    sends_token_in_plain_text: bool,
    pool: Option<Arc<Pool<Line>>>,
}

impl Connector {
    /// To a server at an address: `calls.example.com:7402` or `http://…` for plain text,
    /// `https://calls.example.com:7402` for TLS. Several addresses have commas between them:
    /// `https://a.example.com:7401,https://b.example.com:7401`.
    ///
    /// # Errors
    /// [`Error::Address`].
    pub fn to(addresses: &str) -> Result<Self, Error> {
        Ok(Self {
            route: Arc::new(Route::new(address::parse_all(addresses)?)),
            files: Files::default(),
            tokens: None,
            sends_token_in_plain_text: false,
            pool: None,
        })
    }

    /// To any of several servers that serve the same.
    ///
    /// # Errors
    /// [`Error::Address`], also where there is no address.
    pub fn to_any<A: AsRef<str>>(addresses: impl IntoIterator<Item = A>) -> Result<Self, Error> {
        let addresses: Vec<A> = addresses.into_iter().collect();
        let addresses: Vec<&str> = addresses.iter().map(AsRef::as_ref).collect();
        Self::to(&addresses.join(","))
    }

    /// Trusts servers that a certificate authority in this PEM file has signed. Without it, those
    /// that the system trusts.
    #[must_use]
    pub fn trust(mut self, ca_file: impl Into<PathBuf>) -> Self {
        self.files.ca = Some(ca_file.into());
        self.with_own_pool()
    }

    /// Trusts only the server that has the first certificate of this PEM file, under any name. For
    /// two servers that share their files.
    #[must_use]
    pub fn trust_only(mut self, certificate_file: impl Into<PathBuf>) -> Self {
        self.files.pinned = Some(certificate_file.into());
        self.with_own_pool()
    }

    /// Shows a certificate to the server: PEM files with the certificate and its chain, and with
    /// its key.
    #[must_use]
    pub fn certificate(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.files.certificate = Some((certificate.into(), key.into()));
        self.with_own_pool()
    }

    /// Sends a bearer token with each request.
    #[must_use]
    pub fn tokens(mut self, source: impl TokenSource + 'static) -> Self {
        self.tokens = Some(Arc::new(source));
        self
    }

    /// Sends the token in plain text to another machine too. Everybody on the way can read it; only
    /// for networks that encrypt below this program, such as a service mesh.
    #[must_use]
    pub fn send_token_in_plain_text(mut self, is_allowed: bool) -> Self {
        self.sends_token_in_plain_text = is_allowed;
        self
    }

    /// Lets so many streams, or users of [`Connector::connect_shared`], use one connection, of this
    /// connector and its clones together. Each request has its own token. For a program that serves
    /// many people: a server limits the connections of one address.
    #[must_use]
    pub fn share(mut self, users_max: usize) -> Self {
        self.pool = Some(Arc::new(Pool::new(users_max.max(1))));
        self
    }

    /// Connections with other files are not those of its clones.
    fn with_own_pool(mut self) -> Self {
        self.pool = self.pool.map(|pool| Arc::new(Pool::new(pool.users_max())));
        self
    }

    /// The addresses, whole.
    #[must_use]
    pub fn uris(&self) -> &[Uri] {
        self.route.uris()
    }

    /// Connects.
    ///
    /// # Errors
    /// All of [`Error`] but [`Error::Refused`].
    pub async fn connect(&self) -> Result<Connection, Error> {
        self.connect_with(|endpoint| endpoint).await
    }

    /// Connects with settings of tonic's, such as timeouts of requests. Its settings of TCP and TLS
    /// are not used.
    ///
    /// # Errors
    /// Those of [`Connector::connect`].
    pub async fn connect_with(
        &self,
        settings: impl FnOnce(Endpoint) -> Endpoint,
    ) -> Result<Connection, Error> {
        let proof = self.proof().await?;
        let line = self.line(settings).await?;
        Ok(Connection::over(Arc::new(line), None, proof))
    }

    /// Connects over a connection of this connector or its clones that has room, if they share
    /// theirs. The settings are those of the first user, so all of them should be equal.
    ///
    /// # Errors
    /// Those of [`Connector::connect`].
    pub async fn connect_shared(
        &self,
        settings: impl FnOnce(Endpoint) -> Endpoint,
    ) -> Result<Connection, Error> {
        let Some(pool) = &self.pool else {
            return self.connect_with(settings).await;
        };
        let proof = self.proof().await?;
        let (line, seat) = pool.line(self.line(settings)).await?;
        Ok(Connection::over(line, Some(seat), proof))
    }

    /// Streams on one connection at most; `None` where each has its own.
    pub(crate) fn users_max(&self) -> Option<usize> {
        self.pool.as_ref().map(|pool| pool.users_max())
    }

    async fn proof(&self) -> Result<Option<Proof>, Error> {
        Ok(match &self.tokens {
            Some(source) => Some(Proof::new(Arc::clone(source), self.token(source).await?)),
            None => None,
        })
    }

    async fn line(&self, settings: impl FnOnce(Endpoint) -> Endpoint) -> Result<Line, Error> {
        let endpoint = settings(Endpoint::from(self.route.uri(0).clone()));
        Line::open(Arc::clone(&self.route), self.files.clone(), endpoint).await
    }

    /// The header `authorization` of each request, for a program with its own HTTP client.
    ///
    /// # Errors
    /// [`Error::Token`] where the source has no token, [`Error::PlainTextToken`].
    pub async fn authorization(&self) -> Result<Option<HeaderValue>, Error> {
        match &self.tokens {
            Some(source) => Ok(Some(self.token(source).await?.into_header())),
            None => Ok(None),
        }
    }

    async fn token(&self, source: &Arc<dyn TokenSource>) -> Result<Token, Error> {
        let is_open = |uri: &&Uri| !has_tls(uri) && !is_on_this_machine(uri);
        let mut uris = self.uris().iter();
        if let Some(uri) = uris
            .find(is_open)
            .filter(|_| !self.sends_token_in_plain_text)
        {
            return Err(Error::PlainTextToken {
                address: uri.to_string(),
            });
        }
        Ok(source.token().await?)
    }

    /// Opens a connection for a program with its own HTTP client; returns its address too.
    ///
    /// # Errors
    /// Those of [`Connector::connect`].
    pub async fn dial(&self, protocol: Protocol) -> Result<(&Uri, Stream), Error> {
        let (place, stream) = self.route.dial(&self.files, protocol).await?;
        Ok((self.route.uri(place), stream))
    }

    /// Whether there is more than one address.
    pub(crate) fn has_several(&self) -> bool {
        self.route.has_several()
    }

    /// Notes that the server refuses the last token; returns whether there can be another.
    pub(crate) fn invalidate_token(&self) -> bool {
        if let Some(tokens) = &self.tokens {
            tokens.invalidate();
        }
        self.tokens.is_some()
    }
}

fn is_on_this_machine(uri: &Uri) -> bool {
    let host = uri.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = |ip: IpAddr| ip.is_loopback();
    host.eq_ignore_ascii_case("localhost") || address.parse().is_ok_and(is_loopback)
}
