//! Who uses the page, and how the page reaches the servers as that person.
//!
//! Promise: a request to a server has the person's own token, so the servers decide what is allowed.
//! Where they want no proof, everybody is the local person, whose name is a setting.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aftercall_client::{Connection, Connector, Token};
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Identity, Proof, Role};
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use axum::http::HeaderMap;
use tonic::{Code, Status};

use crate::session::{Session, SessionError, SessionOf, SessionSecret, Sessions};
use crate::trouble::Trouble;

/// A server that does not answer within this is away.
const ANSWER: Duration = Duration::from_secs(10);

/// The ways to the two servers.
#[derive(Clone, Debug)]
pub(crate) struct Servers {
    pub(crate) workflow: Connector,
    pub(crate) alerter: Connector,
}

impl Servers {
    /// Trusts each by its own certificate; an empty path for plain text.
    pub(crate) fn trusted_only(self, of_workflow: &Path, of_alerter: &Path) -> Self {
        let trusted = |to: Connector, certificate: &Path| {
            if certificate.as_os_str().is_empty() {
                to
            } else {
                to.trust_only(certificate)
            }
        };
        Self {
            workflow: trusted(self.workflow, of_workflow),
            alerter: trusted(self.alerter, of_alerter),
        }
    }
}

/// A person who uses the page.
#[derive(Debug)]
pub(crate) struct Person {
    /// The name that histories show.
    pub(crate) name: String,
    /// The stable id.
    pub(crate) subject: String,
    /// What the person may do, as the workflow-server says. Pages show by it what may be done; the
    /// servers decide.
    roles: Vec<Role>,
    /// Whether the servers want no proof.
    pub(crate) is_local: bool,
    workflow: Connection,
    /// The way to the alerter-server.
    pub(crate) alerter: Connector,
}

impl Person {
    /// What requests say about who acts: the servers know a proved person themselves.
    pub(crate) fn actor(&self) -> String {
        if self.is_local {
            self.name.clone()
        } else {
            String::new()
        }
    }

    /// Whether the person has one of these roles.
    pub(crate) fn may(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Whether the servers still accept the proof of the person.
    ///
    /// # Errors
    /// [`Trouble::SignedOut`] if they do not, [`Trouble::Away`].
    pub(crate) async fn check(&self) -> Result<(), Trouble> {
        identity(&self.workflow).await.map(|_| ())
    }

    pub(crate) fn desk(&self) -> CallManagerServiceClient<Connection> {
        CallManagerServiceClient::new(self.workflow.clone())
    }

    pub(crate) fn operations(&self) -> OperationsServiceClient<Connection> {
        OperationsServiceClient::new(self.workflow.clone())
    }

    pub(crate) fn definitions(&self) -> WorkflowDefinitionServiceClient<Connection> {
        WorkflowDefinitionServiceClient::new(self.workflow.clone())
    }
}

/// Everybody who uses the page.
#[derive(Debug)]
pub(crate) struct People {
    servers: Servers,
    /// The name of the local person.
    local_name: String,
    /// Whether the page may be used without signing in, where the servers want no proof.
    is_local_allowed: bool,
    sessions: Sessions,
    /// By the ids of their sessions; the local person has an empty one.
    known: Mutex<HashMap<String, Arc<Person>>>,
}

/// Settings of [`People`].
#[derive(Debug)]
pub(crate) struct PeopleSettings {
    pub(crate) servers: Servers,
    pub(crate) local_name: String,
    pub(crate) is_local_allowed: bool,
    pub(crate) sessions_dir: PathBuf,
}

impl People {
    pub(crate) fn open(settings: PeopleSettings) -> Result<Self, SessionError> {
        Ok(Self {
            sessions: Sessions::open(&settings.sessions_dir)?,
            servers: settings.servers,
            local_name: settings.local_name,
            is_local_allowed: settings.is_local_allowed,
            known: Mutex::default(),
        })
    }

    /// The person of a request.
    ///
    /// # Errors
    /// [`Trouble::SignedOut`] without a session, [`Trouble::Away`].
    pub(crate) async fn of_request(&self, headers: &HeaderMap) -> Result<Arc<Person>, Trouble> {
        let secret = SessionSecret::of_request(headers, SessionOf::Person);
        match secret {
            Some(secret) => match self.of_session(&secret).await? {
                Some(person) => Ok(person),
                None => self.local().await,
            },
            None => self.local().await,
        }
    }

    /// The display of a request for the wall, or the person who looks at it.
    ///
    /// # Errors
    /// As [`Self::of_request`].
    pub(crate) async fn of_wall(&self, headers: &HeaderMap) -> Result<Arc<Person>, Trouble> {
        let secret = SessionSecret::of_request(headers, SessionOf::Display);
        if let Some(secret) = secret
            && let Some(display) = self.of_session(&secret).await?
        {
            return Ok(display);
        }
        self.of_request(headers).await
    }

    /// Whether a session is over. A display uses its session in no other way, so this keeps it from
    /// ending unused.
    pub(crate) fn has_ended(&self, secret: &SessionSecret) -> bool {
        self.sessions.find(secret).is_none()
    }

    async fn of_session(&self, secret: &SessionSecret) -> Result<Option<Arc<Person>>, Trouble> {
        let id = secret.id();
        // Looked up each time: another process may have ended it.
        let Some(session) = self.sessions.find(secret) else {
            self.forget(&id);
            return Ok(None);
        };
        if let Some(person) = self.known(&id) {
            return Ok(Some(person));
        }
        let person = self.person(&session).await?;
        self.remember(id, &person);
        Ok(Some(person))
    }

    /// Begins a session with a token: of a person, or of a display if that is all that the token may
    /// be used for.
    ///
    /// # Errors
    /// [`Trouble::SignedOut`] if the servers do not accept the token.
    pub(crate) async fn sign_in(&self, token: &str) -> Result<(SessionSecret, SessionOf), Trouble> {
        let (session, identity) = self.proved(token).await?;
        let whose = match is_display(&identity) {
            true => SessionOf::Display,
            false => SessionOf::Person,
        };
        Ok((self.sessions.begin(&session)?, whose))
    }

    /// Begins a session of a display. One that starts again with the same token keeps its session.
    ///
    /// # Errors
    /// [`Trouble::NotForDisplays`] if the token may be used for more, [`Trouble::SignedOut`] if the
    /// servers do not accept it.
    pub(crate) async fn sign_in_display(
        &self,
        token: &str,
        headers: &HeaderMap,
    ) -> Result<SessionSecret, Trouble> {
        let (session, identity) = self.proved(token).await?;
        if !is_display(&identity) {
            return Err(Trouble::NotForDisplays);
        }
        let before = SessionSecret::of_request(headers, SessionOf::Display);
        let before = before.filter(|secret| {
            let found = self.sessions.find(secret);
            found.is_some_and(|found| found.token == session.token)
        });
        match before {
            Some(secret) => Ok(secret),
            None => Ok(self.sessions.begin(&session)?),
        }
    }

    /// The session of a token that the servers accept, and whose it is.
    async fn proved(&self, token: &str) -> Result<(Session, Identity), Trouble> {
        let mut session = Session {
            token: token.trim().to_owned(),
            subject: String::new(),
            name: String::new(),
        };
        let (_, identity) = self.reached(&session).await?;
        if identity.proof() == Proof::None {
            // The servers want no proof, so the token proves nothing.
            return Err(Trouble::SignedOut);
        }
        session.subject.clone_from(&identity.subject);
        session.name.clone_from(&identity.display_name);
        Ok((session, identity))
    }

    /// Ends the session of a request, or all sessions of its person.
    pub(crate) fn sign_out(&self, headers: &HeaderMap, is_everywhere: bool) -> Result<(), Trouble> {
        let Some(secret) = SessionSecret::of_request(headers, SessionOf::Person) else {
            return Ok(());
        };
        if let (true, Some(session)) = (is_everywhere, self.sessions.find(&secret)) {
            self.sessions.end_all_of(&session.subject)?;
            self.lock()
                .retain(|_, known| known.subject != session.subject);
        }
        self.sessions.end(&secret)?;
        self.forget(&secret.id());
        Ok(())
    }

    async fn local(&self) -> Result<Arc<Person>, Trouble> {
        if let Some(person) = self.known("") {
            // The servers may have been given proof meanwhile.
            return match identity(&person.workflow).await {
                Ok(identity) if identity.proof() == Proof::None => Ok(person),
                Ok(_) | Err(Trouble::SignedOut) => {
                    self.forget("");
                    Err(Trouble::SignedOut)
                }
                Err(trouble) => Err(trouble),
            };
        }
        let workflow = connect(&self.servers.workflow).await?;
        // With a certificate of its own the page is known to the servers, but nobody is who uses it.
        let identity = identity(&workflow).await?;
        if identity.proof() != Proof::None {
            return Err(Trouble::SignedOut);
        }
        if !self.is_local_allowed {
            return Err(Trouble::NotProtected);
        }
        let person = Arc::new(Person {
            name: self.local_name.clone(),
            subject: String::new(),
            roles: identity.roles().collect(),
            is_local: true,
            workflow,
            alerter: self.servers.alerter.clone(),
        });
        self.remember(String::new(), &person);
        Ok(person)
    }

    async fn person(&self, session: &Session) -> Result<Arc<Person>, Trouble> {
        let token = Token::new(&session.token).map_err(|_| Trouble::SignedOut)?;
        let (workflow, identity) = self.reached(session).await?;
        Ok(Arc::new(Person {
            name: session.name.clone(),
            subject: session.subject.clone(),
            roles: identity.roles().collect(),
            is_local: false,
            workflow,
            alerter: self.servers.alerter.clone().tokens(token),
        }))
    }

    /// The way of a session to the workflow-server, and who it is there.
    async fn reached(&self, session: &Session) -> Result<(Connection, Identity), Trouble> {
        let token = Token::new(&session.token).map_err(|_| Trouble::SignedOut)?;
        let workflow = connect(&self.servers.workflow.clone().tokens(token)).await?;
        let identity = identity(&workflow).await?;
        Ok((workflow, identity))
    }

    fn known(&self, id: &str) -> Option<Arc<Person>> {
        self.lock().get(id).cloned()
    }

    fn remember(&self, id: String, person: &Arc<Person>) {
        self.lock().insert(id, Arc::clone(person));
    }

    fn forget(&self, id: &str) {
        self.lock().remove(id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Person>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an identity may see counts, and nothing else.
fn is_display(identity: &Identity) -> bool {
    identity.roles().eq([Role::Display])
}

async fn connect(connector: &Connector) -> Result<Connection, Trouble> {
    let connected = connector.connect_with(|endpoint| endpoint.timeout(ANSWER));
    connected.await.map_err(|error| {
        tracing::warn!(%error, server = %connector.uri(), "the page does not reach a server");
        Trouble::Away
    })
}

async fn identity(connection: &Connection) -> Result<Identity, Trouble> {
    let mut client = IdentityServiceClient::new(connection.clone());
    let answer = client.get_identity(GetIdentityRequest {}).await;
    let identity = answer.map(|answer| answer.into_inner().identity);
    identity?.ok_or(Trouble::Away)
}

impl From<Status> for Trouble {
    fn from(status: Status) -> Self {
        match status.code() {
            Code::Unauthenticated => Self::SignedOut,
            Code::NotFound => Self::NotFound,
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Self::Away,
            _ => Self::Refused(Box::new(status)),
        }
    }
}
