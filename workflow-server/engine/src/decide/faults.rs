//! Everything that is wrong with a request: what every decision looks at first.

use aftercall_definition::FieldError;
use aftercall_definition::limits::Length::Characters;
use aftercall_definition::time::Time;

use crate::actor::ActorKind;
use crate::command::{Command, DeskCommand, Request, ScriptCommand};
use crate::decide::check::Check;
use crate::decide::{author, desk, instances, operations, script, set};
use crate::limits;
use crate::rejection::Rejection;
use crate::world::Root;

/// Refuses a request with faults; with them, what only the present state shows to be at fault.
pub(super) fn request(root: &Root, request: &Request, now: Time) -> Result<(), Rejection> {
    if faults_of(request).is_empty() {
        Ok(())
    } else {
        Err(Rejection::Invalid(faults_in(root, request, now)))
    }
}

/// Every field of a request that is at fault, also those that only the present state shows to be.
#[must_use]
pub fn faults_in(root: &Root, request: &Request, now: Time) -> Vec<FieldError> {
    let mut faults = faults_of(request);
    faults.extend(match &request.command {
        Command::Script(ScriptCommand::SetWorkflow(set)) => set::field_faults(root, set, now),
        Command::Desk(DeskCommand::PushButton(push)) => instances::field_faults(root, push, now),
        Command::Author(_)
        | Command::Script(_)
        | Command::Desk(_)
        | Command::Operations(_)
        | Command::Upkeep(_) => Vec::new(),
    });
    faults
}

/// Every invalid field of a request, in any state.
#[must_use]
pub fn faults_of(request: &Request) -> Vec<FieldError> {
    let mut check = Check::default();
    let must_name_actor = matches!(
        request.actor.kind,
        ActorKind::Person | ActorKind::Operations
    );
    check.text(
        "actor",
        &request.actor.name,
        must_name_actor,
        Characters(limits::SHORT_CHARS_MAX),
    );
    match &request.command {
        Command::Author(command) => author::check(&mut check, command),
        Command::Script(command) => script::check(&mut check, command),
        Command::Desk(command) => desk::check(&mut check, command),
        Command::Operations(command) => operations::check(&mut check, command),
        // The server makes them itself.
        Command::Upkeep(_) => {}
    }
    check.faults
}
