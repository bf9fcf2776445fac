//! `aftercall finish`: finishes an incomplete follow-up with an outcome.
//!
//! Promise: the follow-up's new state is shown, as the server answered. Must not: decide who may.

use aftercall_proto::workflow::v1::{FinishFollowUpRequest, GetFollowUpRequest};
use clap::Args;

use crate::connect;
use crate::errors::Failure;
use crate::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  aftercall finish ID settled
  aftercall finish ID settled --note 'called back, all is well'
  aftercall instance explain ID          # lists the outcomes that its workflow has")]
pub(crate) struct Finish {
    /// Which follow-up
    id: String,
    /// How it ended, as reports count it: lower-case letters, digits and hyphens
    outcome: String,
    /// A note
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
    /// The visit that you were looking at; another one is refused [default: as it is now]
    #[arg(long, value_name = "N", requires = "stage")]
    visit: Option<u32>,
    /// The number of the stage that you were looking at; another one is refused [default: as it is
    /// now]
    #[arg(long, value_name = "N", requires = "visit")]
    stage: Option<u32>,
}

impl Finish {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let mut client = session.to.calls().await?;
        let (stage, visit) = match (self.stage, self.visit) {
            (Some(stage), Some(visit)) => (stage, visit),
            _ => {
                let request = GetFollowUpRequest {
                    instance_id: self.id.clone(),
                    read_mask: None,
                };
                let read = client
                    .get_follow_up(request)
                    .await?
                    .into_inner()
                    .follow_up
                    .unwrap_or_default();
                (read.stage.map_or(0, |stage| stage.number), read.visit)
            }
        };
        let request = FinishFollowUpRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            stage,
            visit,
            outcome: self.outcome,
            note: self.note,
            expected_revision: None,
            read_mask: None,
        };
        let answer = client.finish_follow_up(request).await?.into_inner();
        session.output.one(&answer, || {
            let finished = answer.follow_up.clone().unwrap_or_default();
            vec![format!(
                "Finished: {} ended with the outcome {}.",
                finished.instance_id, finished.outcome
            )]
        })
    }
}
