//! Who may call which method: each request passes here before its service begins.
//!
//! Promise: without a rule a path is not served, and without one of the rule's roles an RPC does not
//! begin. Health is open to everybody. Reflection is open to every identity. Each refusal is counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aftercall_identity::{
    Denied, DeniedProof, FileError, Identity, PassedOn, Presented, Proof, ProofSettings,
    SetUpError, Verifier,
};
use aftercall_proto::access::v1::Role;
use aftercall_proto::rules::Rule;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderValue};

use crate::allowance::{Allowance, Allowances};
use crate::caller::Caller;
use crate::connection::Connection;
use crate::last_proof::LastProof;
use crate::limits::Limits;
use crate::log_context::LogContext;
use crate::members::MemberKeys;
use crate::refusal::Refusal;
use crate::seldom::Seldom;

/// The services that need no proof.
const HEALTH: &str = "/grpc.health.v1.Health/";
/// The services that describe the others.
const REFLECTION: &str = "/grpc.reflection.";
static FILE_ERRORS: Seldom = Seldom::new();

/// Who may read the figures of a server.
const METRICS_ROLES: &[Role] = &[Role::Operator, Role::Auditor];

/// Lets requests in.
#[derive(Debug)]
pub(crate) struct Door {
    proofs: Option<Proofs>,
    /// `None` if the server is no member of a cluster.
    members: Option<MemberKeys>,
    is_reflection_off: bool,
}

/// Checks proofs, and knows what each identity uses of the server.
#[derive(Clone, Debug)]
struct Proofs {
    verifier: Arc<Verifier>,
    allowances: Arc<Allowances>,
}

/// A request that was let in.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    /// Who sent it.
    pub(crate) caller: Caller,
    /// How long its answer may be sent.
    pub(crate) until: Until,
    /// What the sender uses of the server; `None` if no proof is required.
    pub(crate) allowance: Option<Arc<Allowance>>,
    /// The client, if another member has passed the request on.
    pub(crate) passed_on_for: Option<SocketAddr>,
}

/// What ends a stream from outside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Until {
    /// What must stay valid; `None` where the answer is no stream, or no proof is required.
    pub(crate) stays: Option<Arc<Stays>>,
    /// The connection whose age ends it; `None` where the answer has an end of its own.
    pub(crate) connection: Option<Arc<Connection>>,
}

/// The proof of a stream, which is checked again when rights may have changed.
#[derive(Debug)]
pub(crate) struct Stays {
    proofs: Proofs,
    connection: Arc<Connection>,
    authorization: Option<HeaderValue>,
    /// `None` for reflection, which every identity may use.
    rule: Option<&'static Rule>,
    identity: Arc<Identity>,
}

impl Door {
    /// A door that wants one of the proofs, if the settings name any.
    ///
    /// # Errors
    /// [`SetUpError`] if a file of the settings cannot be used.
    pub(crate) fn open(proof: &ProofSettings, is_reflection_off: bool) -> Result<Self, SetUpError> {
        let verifier = proof.wants_proof().then(|| Verifier::open(proof));
        let proofs = verifier.transpose()?.map(|verifier| Proofs {
            verifier: Arc::new(verifier),
            allowances: Arc::new(Allowances::new(&Limits::default())),
        });
        Ok(Self {
            proofs,
            members: None,
            is_reflection_off,
        })
    }

    /// The same with the limits of a server.
    pub(crate) fn within(mut self, limits: &Limits) -> Self {
        if let Some(proofs) = &mut self.proofs {
            proofs.allowances = Arc::new(Allowances::new(limits));
        }
        self
    }

    /// Accepts requests that other members pass on.
    pub(crate) fn accept_members(&mut self, keys: MemberKeys) {
        self.members = Some(keys);
    }

    /// What checks proofs; `None` if none is required.
    pub(crate) fn verifier(&self) -> Option<&Arc<Verifier>> {
        self.proofs.as_ref().map(|proofs| &proofs.verifier)
    }

    /// Lets a request of this path in. `rule` is that of the path.
    ///
    /// # Errors
    /// [`Refusal::Denied`], [`Refusal::Role`], [`Refusal::NoSuchMethod`].
    pub(crate) async fn admit(
        &self,
        connection: &Arc<Connection>,
        headers: &HeaderMap,
        path: &str,
        rule: Option<&'static Rule>,
    ) -> Result<Admitted, Refusal> {
        connection.check_trust()?;
        let is_reflection = path.starts_with(REFLECTION);
        if is_reflection && self.is_reflection_off {
            return Err(Refusal::NoSuchMethod);
        }
        let is_endless = is_reflection || rule.is_some_and(|rule| rule.is_stream && !rule.is_long);
        let until = |stays| Until {
            stays,
            connection: is_endless.then(|| Arc::clone(connection)),
        };
        if let Some(passed_on) = self.passed_on(connection, headers)? {
            return self.admit_passed_on(passed_on, rule);
        }
        let Some(proofs) = &self.proofs else {
            return Ok(Admitted::local(until(None)));
        };
        if path.starts_with(HEALTH) {
            return Ok(Admitted::local(until(None)));
        }
        let authorization = headers.get(AUTHORIZATION);
        let (identity, allowance) = proofs.identified(connection, authorization).await?;
        LogContext::note_caller(Caller::new(Arc::clone(&identity)), rule);
        if !is_reflection {
            check_role(rule.ok_or(Refusal::NoSuchMethod)?, &identity)?;
        }
        let is_stream = is_reflection || rule.is_some_and(|rule| rule.is_stream);
        let stays = is_stream.then(|| {
            Arc::new(Stays {
                proofs: proofs.clone(),
                connection: Arc::clone(connection),
                authorization: authorization.cloned(),
                rule,
                identity: Arc::clone(&identity),
            })
        });
        Ok(Admitted {
            caller: Caller::new(identity),
            until: until(stays),
            allowance: Some(allowance),
            passed_on_for: None,
        })
    }

    /// What another member says of a request. Notes that the connection is a member's.
    fn passed_on(
        &self,
        connection: &Connection,
        headers: &HeaderMap,
    ) -> Result<Option<PassedOn>, Refusal> {
        let Some(members) = &self.members else {
            return Ok(None);
        };
        let passed_on = members
            .passed_on(headers)
            .map_err(|denied| refused(Proof::None, denied))?;
        if passed_on.is_some() {
            connection.note_member();
        }
        Ok(passed_on)
    }

    /// Lets in a request that another member has passed on. That member ends its stream with the
    /// rights of the client.
    fn admit_passed_on(
        &self,
        passed_on: PassedOn,
        rule: Option<&'static Rule>,
    ) -> Result<Admitted, Refusal> {
        let PassedOn {
            identity,
            peer,
            member,
        } = passed_on;
        LogContext::note_passed_on(peer, member);
        let rule = rule.ok_or(Refusal::NoSuchMethod)?;
        let Some(proofs) = &self.proofs else {
            let caller = Caller::new(identity);
            return Ok(Admitted {
                caller,
                passed_on_for: Some(peer),
                ..Admitted::local(Until::default())
            });
        };
        if !identity.is_proved() {
            return Err(Denied::Invalid {
                reason: "a member of this cluster requires no proof, and this one does: give both the same tokens and access file",
            }
            .into());
        }
        LogContext::note_caller(Caller::new(Arc::clone(&identity)), Some(rule));
        check_role(rule, &identity)?;
        Ok(Admitted {
            allowance: Some(proofs.allowances.of(&identity)),
            caller: Caller::new(identity),
            until: Until::default(),
            passed_on_for: Some(peer),
        })
    }

    /// Checks that the request may read the metrics.
    ///
    /// # Errors
    /// [`Refusal::Denied`], [`Refusal::Role`].
    pub(crate) async fn check_metrics(
        &self,
        connection: &Arc<Connection>,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        connection.check_trust()?;
        let Some(proofs) = &self.proofs else {
            return Ok(());
        };
        let authorization = headers.get(AUTHORIZATION);
        let (identity, _) = proofs.identified(connection, authorization).await?;
        LogContext::note_caller(Caller::new(Arc::clone(&identity)), None);
        if identity.roles.has_any(METRICS_ROLES) {
            Ok(())
        } else {
            Err(Refusal::role("/metrics", METRICS_ROLES))
        }
    }
}

impl Admitted {
    /// The request of somebody who needs no proof.
    pub(crate) fn local(until: Until) -> Self {
        Self {
            caller: Caller::local(),
            until,
            allowance: None,
            passed_on_for: None,
        }
    }
}

/// The refusal that the sender reads. The audit log also names whose proof it is.
fn refused(proof: Proof, denied: DeniedProof) -> Refusal {
    LogContext::note_refused_proof(proof, denied.holder);
    denied.why.into()
}

fn check_role(rule: &'static Rule, identity: &Identity) -> Result<(), Refusal> {
    if identity.roles.has_any(rule.roles) {
        Ok(())
    } else {
        Err(Refusal::role(rule.names().1, rule.roles))
    }
}

impl Proofs {
    /// Who sent a request. A connection usually sends one proof with all of its requests, which is
    /// then checked once.
    async fn identified(
        &self,
        connection: &Connection,
        authorization: Option<&HeaderValue>,
    ) -> Result<(Arc<Identity>, Arc<Allowance>), Refusal> {
        let (now, generation) = (SystemTime::now(), self.verifier.generation());
        if let Some(last) = connection.last_proof().as_ref()
            && last.generation == generation
            && last.authorization.as_ref() == authorization
            && !last.identity.has_expired()
        {
            return Ok((Arc::clone(&last.identity), Arc::clone(&last.allowance)));
        }
        let presented = Presented {
            // What is no text is no token.
            authorization: authorization.map(|value| value.to_str().unwrap_or_default()),
            certificate: connection.certificate(),
        };
        let verified = self.verifier.verify(presented, now).await;
        let identity = verified.map_err(|denied| refused(presented.kind(), denied))?;
        let allowance = self.allowances.of(&identity);
        *connection.last_proof() = Some(LastProof {
            authorization: authorization.cloned(),
            generation,
            identity: Arc::clone(&identity),
            allowance: Arc::clone(&allowance),
        });
        Ok((identity, allowance))
    }
}

impl Stays {
    /// Waits until the stream must end, and returns why: its proof has expired, or a right was
    /// taken away.
    pub(crate) async fn ended(&self) -> Refusal {
        let mut changes = self.proofs.verifier.changes();
        let mut expires_at = self.identity.expires_at;
        loop {
            let left = expires_at.map(|end| {
                let left = end.duration_since(SystemTime::now());
                left.unwrap_or_default()
            });
            tokio::select! {
                () = sleep(left) => {}
                changed = changes.changed() => if changed.is_err() {
                    // The server is going away, and its connections with it.
                    std::future::pending::<()>().await;
                }
            }
            match self.again().await {
                Ok(identity) if identity.has_expired() => return Denied::Expired.into(),
                Ok(identity) => expires_at = identity.expires_at,
                Err(refusal) => return refusal,
            }
        }
    }

    async fn again(&self) -> Result<Arc<Identity>, Refusal> {
        let authorization = self.authorization.as_ref();
        let (identity, _) = self
            .proofs
            .identified(&self.connection, authorization)
            .await?;
        if let Some(rule) = self.rule {
            check_role(rule, &identity)?;
        }
        if identity.has_rights_of(&self.identity) {
            Ok(identity)
        } else {
            // Opened again it shows what the identity may see now.
            Err(Refusal::RightsChanged)
        }
    }
}

/// Reads the files of a verifier again, again and again. It never ends.
pub(crate) async fn keep_up(verifier: Arc<Verifier>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        let verifier = Arc::clone(&verifier);
        let read = tokio::task::spawn_blocking(move || verifier.reload()).await;
        for error in read.unwrap_or_default() {
            note(&error);
        }
    }
}

fn note(error: &FileError) {
    metrics::counter!("aftercall_access_file_errors_total").increment(1);
    if let Some(count) = FILE_ERRORS.is_due() {
        tracing::error!(%error, count, "a file with tokens or access rules cannot be used: the earlier content still counts");
    }
}

async fn sleep(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}
