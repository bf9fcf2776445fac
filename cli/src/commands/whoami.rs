//! `aftercall whoami`: who you are for a server, and what you may do there.

use aftercall_proto::access::v1::{GetIdentityRequest, Identity, Proof, Role};
use clap::Args;

use crate::errors::Failure;
use crate::session::Session;
use crate::time;

/// Show who you are for the workflow-server, and what you may do there.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  aftercall whoami")]
pub(crate) struct WhoAmI {}

impl WhoAmI {
    /// Runs the command.
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.identities().await?;
        let answer = client
            .get_identity(GetIdentityRequest {})
            .await?
            .into_inner();
        let missing = || Failure::refused("The server did not show an identity.");
        let identity = answer.identity.ok_or_else(missing)?;
        session.output.one(&identity, || page(&identity))
    }
}

fn page(identity: &Identity) -> Vec<String> {
    let proof = match identity.proof() {
        Proof::None | Proof::Unspecified => "none: this server asks nobody for proof",
        Proof::TokenFile => "a token of the token file",
        Proof::Jwt => "a token of an issuer",
        Proof::ClientCertificate => "a client certificate",
    };
    let who = if identity.proof() == Proof::None {
        "the local operator"
    } else {
        &identity.display_name
    };
    let roles: Vec<&str> = identity.roles().map(Role::name).collect();
    let or_all = |names: &[String]| match names {
        [] => "all".to_owned(),
        names => names.join(", "),
    };
    let mut lines = vec![
        format!("You are    {who}"),
        format!("Roles      {}", roles.join(", ")),
        format!("Customers  {}", or_all(&identity.customers)),
        format!("Teams      {}", or_all(&identity.teams)),
        format!("Proof      {proof}"),
    ];
    if identity.expires_at.is_some() {
        lines.push(format!(
            "Ends       {}",
            time::local(identity.expires_at.as_ref())
        ));
    }
    lines
}
