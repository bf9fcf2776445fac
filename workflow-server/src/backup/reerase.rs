//! Erases again, in what is restored, the calls that were erased since: as entries that follow on the point. The World masks them from
//! then on, wherever they are read; the server scrubs its files when it runs.

use aftercall_engine::command::{Actor, ActorKind, Command};
use aftercall_engine::erasure::{EraseCaller, ErasedCall, ErasureState};
use aftercall_engine::limits::{ERASED_CALLS_MAX, ERASURES_RUNNING_MAX};
use aftercall_engine::world::World;
use aftercall_engine::{Decision, Request, decide};

use super::replay::At;
use super::{BackupError, KnownErasure};
use crate::journal::{Group, Position};
use crate::limits::GROUP_BYTES_SOFT;
use crate::records::GroupBytes;

/// Who erases.
const ACTOR: &str = "aftercall restore";

/// The entries, decided on the World at the point and applied to it.
pub(super) fn entries(at: &mut At, calls: &[ErasedCall], erasures: &[KnownErasure]) -> Result<Vec<Group>, BackupError> {
    let mut writer = Writer::after(at.position);
    let running = at.world.root().erasures.values().filter(|one| one.state != ErasureState::Done).count();
    let limit = ERASURES_RUNNING_MAX.saturating_sub(running) * ERASED_CALLS_MAX;
    if calls.len() > limit {
        return Err(BackupError::TooManyErased { calls: calls.len(), limit });
    }
    let ids: Vec<String> = erasures.iter().take(20).map(|one| one.erasure.id.to_string()).collect();
    let reason = format!(
        "restored from a backup that is older than these erasures, which are applied again: {}",
        ids.join(", ")
    );
    let mut rest = calls;
    while !rest.is_empty() {
        let some = &rest[..rest.len().min(ERASED_CALLS_MAX)];
        let erase = EraseCaller {
            customer: "".into(),
            reason: reason.as_str().into(),
            calls: some.to_vec(),
            look: None,
            newest_file: at.world.root().archive.newest_file,
        };
        writer.carry_out(&mut at.world, Command::EraseCaller(Box::new(erase)))?;
        let erasure = at.world.root().sequence;
        // It takes as many of them as fit into an entry.
        let taken = at.world.root().erasures.get(&erasure).map_or(0, |one| one.calls.len());
        for _ in 0..taken {
            writer.carry_out(&mut at.world, Command::StepErasure { erasure })?;
        }
        rest = &rest[taken.clamp(1, rest.len())..];
    }
    writer.close(at.world.root().sequence);
    at.position = writer.groups.last().map_or(at.position, Group::end);
    Ok(writer.groups)
}

/// Gathers entries into groups.
struct Writer {
    start: Position,
    groups: Vec<Group>,
    open: GroupBytes,
}

impl Writer {
    fn after(start: Position) -> Self {
        Self { start, groups: Vec::new(), open: GroupBytes::new(start.chain) }
    }

    fn carry_out(&mut self, world: &mut World, command: Command) -> Result<(), BackupError> {
        let actor = Actor { kind: ActorKind::Operations, name: ACTOR.into() };
        let request = Request { actor, mark: None, salt: 0, known: None, command };
        let decided = decide(world, &request, world.root().at);
        let refused =
            |why: String| BackupError::Unsound(format!("what was erased since cannot be erased again: {why}"));
        match decided.map_err(|rejection| refused(rejection.to_string()))? {
            Decision::Commit(entry) => {
                self.open.push(&entry);
                world.apply(&entry)?;
                if self.open.len() > GROUP_BYTES_SOFT {
                    self.close(entry.sequence);
                }
                Ok(())
            }
            Decision::Repeat { .. } | Decision::Unchanged(_) => Err(refused("nothing changed".to_owned())),
        }
    }

    fn close(&mut self, last: u64) {
        if self.open.is_empty() {
            return;
        }
        let chain = self.open.chain();
        let bytes = std::mem::replace(&mut self.open, GroupBytes::new(chain)).into_bytes();
        let before = self.groups.last().map_or(self.start, Group::end);
        self.groups.push(Group {
            first: before.sequence + 1,
            last,
            chain_before: before.chain,
            chain,
            bytes: bytes.into(),
        });
    }
}
