//! `aftercall instance migrate`: moves an instance to another version of its workflow.
//!
//! Promise: nothing is migrated without a reason. Must not: guess where a stage that is gone goes.

use aftercall_proto::workflow::v1::MigrateInstanceRequest;
use clap::Args;

use crate::errors::Failure;
use crate::session::Session;
use crate::{connect, values, wording};

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    /// Which instance
    id: String,
    /// The version
    #[arg(long, value_name = "N")]
    to_version: u32,
    /// Map a stage that the version does not have to the stage to use instead; may be repeated
    #[arg(long = "map", value_name = "FROM=TO", value_parser = values::parse_mapping)]
    stages: Vec<(u32, u32)>,
    /// The reason, for the history
    #[arg(long)]
    reason: String,
}

impl Migrate {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let id = self.id;
        let request = MigrateInstanceRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: id.clone(),
            to_version: self.to_version,
            stages: values::mappings(&self.stages),
            reason: self.reason,
            expected_revision: None,
            read_mask: None,
        };
        let answer = session
            .to
            .operations()
            .await?
            .migrate_instance(request)
            .await?
            .into_inner();
        session.output.one(&answer, || {
            let after = answer.instance.clone().unwrap_or_default();
            let stage = wording::stage_of(&after);
            let state = wording::ending(after.status(), &after.outcome);
            vec![format!(
                "{id} is now on version {}: {state} in stage {stage}.",
                self.to_version
            )]
        })
    }
}
