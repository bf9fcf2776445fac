//! Who uses the page, and how the page reaches the servers as that person.
//!
//! Promise: a request to a server has the person's own token, so the servers decide what is allowed.
//! Where they want no proof, everybody is the local person, whose name is a setting.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aftercall_client::{Connection, Connector, Token, TokenSource};
use aftercall_proto::access::v1::identity_service_client::IdentityServiceClient;
use aftercall_proto::access::v1::{GetIdentityRequest, Identity, Proof, Role};
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::operations_service_client::OperationsServiceClient;
use aftercall_proto::workflow::v1::staff_service_client::StaffServiceClient;
use aftercall_proto::workflow::v1::view_service_client::ViewServiceClient;
use aftercall_proto::workflow::v1::workflow_definition_service_client::WorkflowDefinitionServiceClient;
use axum::http::HeaderMap;
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};

use crate::phone::Country;
use crate::provider::{Provider, Tokens};
use crate::renewal::SessionTokens;
use crate::servers::Servers;
use crate::session::{Session, SessionError, SessionOf, SessionSecret, Sessions};
use crate::trouble::Trouble;

/// A server that does not answer within this is away.
const ANSWER: Duration = Duration::from_secs(10);

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
    /// The teams whose follow-ups the person may see; empty for all.
    teams: Vec<String>,
    /// Whether the servers want no proof.
    pub(crate) is_local: bool,
    workflow: Connection,
    /// The way to the alerter-server.
    pub(crate) alerter: Connector,
    /// Of telephone numbers without one, once it has been read.
    pub(crate) country: OnceCell<Country>,
    /// Cancelled when the session ends, so that its streams end.
    pub(crate) is_over: CancellationToken,
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

    /// What scripts know the person by: drafts are kept under it.
    pub(crate) fn key(&self) -> &str {
        if self.subject.is_empty() {
            &self.name
        } else {
            &self.subject
        }
    }

    /// Whether the person has one of these roles.
    pub(crate) fn may(&self, roles: &[Role]) -> bool {
        self.roles.iter().any(|role| roles.contains(role))
    }

    /// Whether follow-ups of a team are in the person's scope, as far as their team decides.
    pub(crate) fn is_in_scope(&self, team: &str) -> bool {
        self.teams.is_empty() || self.teams.iter().any(|name| name == team)
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

    pub(crate) fn views(&self) -> ViewServiceClient<Connection> {
        ViewServiceClient::new(self.workflow.clone())
    }

    pub(crate) fn operations(&self) -> OperationsServiceClient<Connection> {
        OperationsServiceClient::new(self.workflow.clone())
    }

    pub(crate) fn staff(&self) -> StaffServiceClient<Connection> {
        StaffServiceClient::new(self.workflow.clone())
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
    /// Where people sign in, besides with a token.
    pub(crate) provider: Option<Arc<Provider>>,
    sessions: Arc<Sessions>,
    known: Mutex<Known>,
}

/// Those who are in use, by the ids of their sessions.
#[derive(Debug, Default)]
struct Known {
    /// The local person has an empty id.
    people: HashMap<String, Arc<Person>>,
    /// One for each session, because a provider may accept a refresh token only once.
    tokens: HashMap<String, SessionTokens>,
}

impl Known {
    fn forget(&mut self, id: &str) {
        self.tokens.remove(id);
        if let Some(person) = self.people.remove(id) {
            person.is_over.cancel();
        }
    }
}

/// Settings of [`People`].
#[derive(Debug)]
pub(crate) struct PeopleSettings {
    pub(crate) servers: Servers,
    pub(crate) local_name: String,
    pub(crate) is_local_allowed: bool,
    pub(crate) provider: Option<Provider>,
    pub(crate) sessions_dir: PathBuf,
}

impl People {
    pub(crate) fn open(settings: PeopleSettings) -> Result<Self, SessionError> {
        Ok(Self {
            sessions: Arc::new(Sessions::open(&settings.sessions_dir)?),
            servers: settings.servers,
            local_name: settings.local_name,
            is_local_allowed: settings.is_local_allowed,
            provider: settings.provider.map(Arc::new),
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
            self.lock().forget(&id);
            return Ok(None);
        };
        if let Some(person) = self.known(&id) {
            return Ok(Some(person));
        }
        let person = match &self.provider {
            Some(provider) if session.refresh_token.is_some() => {
                let new = || SessionTokens::new(provider, &self.sessions, secret, &session);
                let tokens = self.tokens(&id, new);
                let is_over = tokens.is_over();
                self.person(&session, tokens, is_over).await?
            }
            _ => {
                let token = token_of(&session)?;
                let is_over = CancellationToken::new();
                self.person(&session, token, is_over).await?
            }
        };
        Ok(Some(self.remember(id, person)))
    }

    /// Begins a session with a token: of a person, or of a display if that is all that the token may
    /// be used for. A session of the same browser ends.
    ///
    /// # Errors
    /// [`Trouble::SignedOut`] if the servers do not accept the token.
    pub(crate) async fn sign_in(
        &self,
        headers: &HeaderMap,
        token: &str,
    ) -> Result<(SessionSecret, SessionOf), Trouble> {
        self.begin(headers, Session::of_token(token)).await
    }

    /// The same with the tokens of a provider.
    ///
    /// # Errors
    /// Those of [`People::sign_in`].
    pub(crate) async fn sign_in_with(
        &self,
        headers: &HeaderMap,
        tokens: Tokens,
    ) -> Result<(SessionSecret, SessionOf), Trouble> {
        self.begin(headers, Session::default().with(tokens)).await
    }

    async fn begin(
        &self,
        headers: &HeaderMap,
        session: Session,
    ) -> Result<(SessionSecret, SessionOf), Trouble> {
        let (session, identity) = self.proved(session).await?;
        let whose = match is_display(&identity) {
            true => SessionOf::Display,
            false => SessionOf::Person,
        };
        let secret = self.sessions.begin(&session)?;
        // Not at the provider: that may have one login for both.
        if let Some(old) = SessionSecret::of_request(headers, whose) {
            self.sessions.end(&old)?;
            self.lock().forget(&old.id());
        }
        Ok((secret, whose))
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
        let (session, identity) = self.proved(Session::of_token(token)).await?;
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

    /// A session with whose it is, if the servers accept its token.
    async fn proved(&self, mut session: Session) -> Result<(Session, Identity), Trouble> {
        let (_, identity) = self.reached(token_of(&session)?).await?;
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
        let session = self.sessions.find(&secret);
        self.end(&secret)?;
        if let Some(session) = &session {
            self.sessions.forget_forms_of(&session.subject)?;
        }
        if let (true, Some(session)) = (is_everywhere, session) {
            self.sessions.end_all_of(&session.subject)?;
            let mut known = self.lock();
            let of_person = |(_, person): &(_, &Arc<Person>)| person.subject == session.subject;
            let ids = known.people.iter().filter(of_person);
            let ids: Vec<String> = ids.map(|(id, _)| id.clone()).collect();
            ids.iter().for_each(|id| known.forget(id));
        }
        Ok(())
    }

    /// Ends a session, here and at the provider.
    fn end(&self, secret: &SessionSecret) -> Result<(), SessionError> {
        let session = self.sessions.find(secret);
        self.sessions.end(secret)?;
        self.lock().forget(&secret.id());
        let token = session.and_then(|session| session.refresh_token);
        if let (Some(provider), Some(token)) = (self.provider.clone(), token) {
            tokio::spawn(async move {
                if let Err(error) = provider.revoke(&token).await {
                    tracing::warn!(%error, "a sign-in ends here, and not at the provider");
                }
            });
        }
        Ok(())
    }

    async fn local(&self) -> Result<Arc<Person>, Trouble> {
        if let Some(person) = self.known("") {
            // The servers may have been given proof meanwhile.
            return match identity(&person.workflow).await {
                Ok(identity) if identity.proof() == Proof::None => Ok(person),
                Ok(_) | Err(Trouble::SignedOut) => {
                    self.lock().forget("");
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
        let person = Person {
            name: self.local_name.clone(),
            subject: String::new(),
            roles: identity.roles().collect(),
            teams: identity.teams,
            is_local: true,
            workflow,
            alerter: self.servers.alerter.clone(),
            country: OnceCell::new(),
            is_over: CancellationToken::new(),
        };
        Ok(self.remember(String::new(), person))
    }

    async fn person(
        &self,
        session: &Session,
        tokens: impl TokenSource + Clone + 'static,
        is_over: CancellationToken,
    ) -> Result<Person, Trouble> {
        let (workflow, identity) = self.reached(tokens.clone()).await?;
        Ok(Person {
            name: session.name.clone(),
            subject: session.subject.clone(),
            roles: identity.roles().collect(),
            teams: identity.teams,
            is_local: false,
            workflow,
            alerter: self.servers.alerter.clone().tokens(tokens),
            country: OnceCell::new(),
            is_over,
        })
    }

    /// The way to the workflow-server with these tokens, and who has them there.
    async fn reached(
        &self,
        tokens: impl TokenSource + 'static,
    ) -> Result<(Connection, Identity), Trouble> {
        let workflow = connect(&self.servers.workflow.clone().tokens(tokens)).await?;
        let identity = identity(&workflow).await?;
        Ok((workflow, identity))
    }

    fn known(&self, id: &str) -> Option<Arc<Person>> {
        self.lock().people.get(id).cloned()
    }

    fn tokens(&self, id: &str, new: impl FnOnce() -> SessionTokens) -> SessionTokens {
        let mut known = self.lock();
        known
            .tokens
            .entry(id.to_owned())
            .or_insert_with(new)
            .clone()
    }

    /// Remembers a person, unless another request was faster.
    fn remember(&self, id: String, person: Person) -> Arc<Person> {
        let mut known = self.lock();
        Arc::clone(known.people.entry(id).or_insert_with(|| Arc::new(person)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an identity may see counts, and nothing else.
fn is_display(identity: &Identity) -> bool {
    identity.roles().eq([Role::Display])
}

/// The token of a session that nothing renews.
fn token_of(session: &Session) -> Result<Token, Trouble> {
    Token::new(&session.token).map_err(|_| Trouble::SignedOut)
}

async fn connect(connector: &Connector) -> Result<Connection, Trouble> {
    let connected = connector.connect_shared(|endpoint| endpoint.timeout(ANSWER));
    connected.await.map_err(|error| {
        tracing::warn!(%error, servers = ?connector.uris(), "the page does not reach a server");
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
