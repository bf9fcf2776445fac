//! `aftercall workflow confirm-retention`: shows what a shorter retention would remove, and
//! confirms it.

use aftercall_proto::workflow::v1::{ConfirmRetentionRequest, ConfirmRetentionResponse};
use clap::Args;

use crate::connect;
use crate::errors::Failure;
use crate::session::Session;

#[derive(Debug, Args)]
pub(crate) struct Confirm {
    /// The workflow's name
    #[arg(value_name = "WORKFLOW")]
    name: String,
    /// Apply the retention of this version, which must be the newest
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    version: Option<u32>,
}

impl Confirm {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = ConfirmRetentionRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            workflow: self.name.clone(),
            version: self.version.unwrap_or(0),
            dry_run: self.version.is_none(),
        };
        let answer = session
            .to
            .operations()
            .await?
            .confirm_retention(request)
            .await?
            .into_inner();
        session.output.one(&answer, || {
            vec![match self.version {
                Some(version) => format!(
                    "Confirmed: the retention of version {version} of {} counts now.",
                    self.name
                ),
                None => waiting(&self.name, &answer),
            }]
        })
    }
}

fn waiting(name: &str, answer: &ConfirmRetentionResponse) -> String {
    if answer.retention_in_force.is_empty() {
        return format!("No shorter retention of {name} waits.");
    }
    format!(
        "{name} keeps what has ended for {}. Version {} says {}, which would remove up to {} ended instances of {} versions. To let it count: `aftercall workflow confirm-retention {name} --version {}`.",
        answer.retention_in_force,
        answer.version,
        answer.retention_newest,
        answer.instances,
        answer.versions,
        answer.version,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_retention_shows_how_to_confirm_it() {
        let answer = ConfirmRetentionResponse {
            version: 4,
            retention_in_force: "90d".to_owned(),
            retention_newest: "9d".to_owned(),
            instances: 1_200,
            versions: 2,
            ..ConfirmRetentionResponse::default()
        };
        let shown = waiting("refund", &answer);
        assert!(
            shown.contains("up to 1200") && shown.contains("confirm-retention refund --version 4"),
            "{shown}"
        );
        assert!(waiting("refund", &ConfirmRetentionResponse::default()).contains("No shorter"));
    }
}
