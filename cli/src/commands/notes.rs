//! `aftercall note`: writes a note on a follow-up.
//!
//! Promise: the note is durable when the command ends. Must not: change the stage.

use aftercall_proto::workflow::v1::AddNoteRequest;
use clap::Args;

use crate::connect;
use crate::errors::Failure;
use crate::session::Session;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  aftercall note ID 'Called twice, no answer'")]
pub(crate) struct Note {
    /// Which follow-up
    id: String,
    /// The note
    text: String,
}

impl Note {
    pub(crate) async fn run(self, session: &Session) -> Result<(), Failure> {
        let request = AddNoteRequest {
            request_id: connect::request_id(),
            actor: session.to.actor.clone(),
            instance_id: self.id,
            text: self.text,
            read_mask: None,
        };
        let answer = session
            .to
            .calls()
            .await?
            .add_note(request)
            .await?
            .into_inner();
        session.output.one(&answer, || {
            let count = answer
                .follow_up
                .as_ref()
                .map_or(0, |follow_up| follow_up.note_count);
            vec![format!(
                "Noted; {count} {} in all.",
                if count == 1 { "note" } else { "notes" }
            )]
        })
    }
}
