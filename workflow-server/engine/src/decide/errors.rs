//! Finds the invalid fields of a request. Every decision checks them first.

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

/// Refuses a request with invalid fields. The rejection includes the errors that depend on the
/// state.
pub(super) fn check(root: &Root, request: &Request, now: Time) -> Result<(), Rejection> {
    if request_errors(request).is_empty() {
        Ok(())
    } else {
        Err(Rejection::Invalid(request_errors_in(root, request, now)))
    }
}

/// All invalid fields of a request, including those that depend on the state that the sender may
/// see.
#[must_use]
pub fn request_errors_in(root: &Root, request: &Request, now: Time) -> Vec<FieldError> {
    let mut errors = request_errors(request);
    errors.extend(match &request.command {
        Command::Script(ScriptCommand::SetWorkflow(set))
            if root
                .call(&set.call)
                .is_none_or(|call| request.reach.has_call_in_memory(root, call)) =>
        {
            set::field_errors(root, set, now)
        }
        Command::Desk(DeskCommand::PushButton(push))
            if root
                .instance(push.instance)
                .is_some_and(|instance| request.reach.can_see(root, instance)) =>
        {
            instances::field_errors(root, push, now)
        }
        Command::Author(_)
        | Command::Script(_)
        | Command::Desk(_)
        | Command::Operations(_)
        | Command::Upkeep(_) => Vec::new(),
    });
    errors
}

/// The fields of a request that are invalid in any state.
#[must_use]
pub fn request_errors(request: &Request) -> Vec<FieldError> {
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
        // The server makes these commands itself.
        Command::Upkeep(_) => {}
    }
    check.errors
}
