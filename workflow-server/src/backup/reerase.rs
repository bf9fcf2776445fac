//! Erases again the calls that were erased since the backup, with new entries after the point. The
//! restored World then masks these calls in every read. The server scrubs its files when it runs.
//!
//! One erasure has a bounded number of calls, and each group is written before the next is made. So
//! any number of calls can be erased.

use aftercall_engine::actor::{Actor, ActorKind};
use aftercall_engine::command::{Command, EraseCaller, StepErasure};
use aftercall_engine::erasure::ErasedCall;
use aftercall_engine::limits::ERASED_CALLS_MAX;
use aftercall_engine::world::World;
use aftercall_engine::{Decision, Request, decide};

use super::replay::At;
use super::{BackupError, KnownErasure};
use crate::journal::{Group, LogWriter, Position};
use crate::records::GroupBytes;

/// The actor of the new entries.
const ACTOR: &str = "aftercall restore";
/// How many erasures the reason names at most.
const ERASURES_NAMED_MAX: usize = 20;

/// Decides the entries on the World at the point, applies them and appends them to the restored
/// journal.
pub(super) async fn apply(
    at: &mut At,
    calls: &[ErasedCall],
    erasures: &[KnownErasure],
    log: &dyn LogWriter,
) -> Result<(), BackupError> {
    let mut writer = Writer {
        end: at.position,
        open: GroupBytes::new(at.position.chain),
        log,
    };
    let ids: Vec<String> = erasures
        .iter()
        .take(ERASURES_NAMED_MAX)
        .map(|one| one.erasure.id.to_string())
        .collect();
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
            is_of_restore: true,
        };
        writer
            .carry_out(&mut at.world, Command::from(erase))
            .await?;
        let erasure = at.world.root().sequence;
        // The command takes as many calls as fit into an entry.
        let taken = at
            .world
            .root()
            .erasures
            .get(&erasure)
            .map_or(0, |one| one.calls.len());
        // A call with many large instances needs more than one step.
        while at
            .world
            .root()
            .erasures
            .get(&erasure)
            .is_some_and(|one| one.masked_at.len() < taken)
        {
            writer
                .carry_out(&mut at.world, Command::from(StepErasure { erasure }))
                .await?;
        }
        rest = &rest[taken.clamp(1, rest.len())..];
    }
    writer.close(at.world.root().sequence).await?;
    at.position = writer.end;
    Ok(())
}

/// Collects entries into groups, and appends each group.
struct Writer<'l> {
    end: Position,
    open: GroupBytes,
    log: &'l dyn LogWriter,
}

impl Writer<'_> {
    async fn carry_out(&mut self, world: &mut World, command: Command) -> Result<(), BackupError> {
        let actor = Actor {
            kind: ActorKind::Operations,
            name: ACTOR.into(),
            subject: None,
        };
        let request = Request {
            actor,
            mark: None,
            salt: 0,
            known: None,
            acts_for: None,
            reach: aftercall_engine::Reach::EVERYTHING,
            command,
        };
        let decided = decide(world, &request, world.root().at);
        let refused = |why: String| {
            BackupError::Unsound(format!(
                "the calls that were erased since the backup cannot be erased again: {why}"
            ))
        };
        match decided.map_err(|rejection| refused(rejection.to_string()))? {
            Decision::Commit(entry) => {
                self.open.push(&entry);
                world.apply(&entry)?;
                if self.open.len() > self.log.limits().group_bytes_soft() {
                    self.close(entry.sequence).await?;
                }
                Ok(())
            }
            Decision::Repeat { .. } | Decision::Unchanged(_) => {
                Err(refused("nothing changed".to_owned()))
            }
        }
    }

    async fn close(&mut self, last: u64) -> Result<(), BackupError> {
        if self.open.is_empty() {
            return Ok(());
        }
        let chain = self.open.chain();
        let bytes = std::mem::replace(&mut self.open, GroupBytes::new(chain)).into_bytes();
        let first = self.end.sequence + 1;
        let group = Group {
            first,
            last,
            chain_before: self.end.chain,
            chain,
            bytes: bytes.into(),
        };
        self.end = group.end();
        Ok(self.log.append(group).await?)
    }
}

#[cfg(test)]
mod tests {
    use aftercall_definition::time::Time;
    use aftercall_engine::call::CallKey;
    use aftercall_engine::world::Keeping;
    use aftercall_engine::world::erasing::Erasing;

    use super::*;
    use crate::journal::Storage as _;
    use crate::journal::memory::MemoryStore;
    use crate::ledger::recover;
    use crate::records::encode_world;

    /// More calls than a server erases at the same time, which is eight erasures of a thousand
    /// calls.
    const CALLS: usize = 8_000 + 500;

    #[tokio::test]
    async fn any_number_of_calls_can_be_erased_again() {
        let call = |number: usize| ErasedCall {
            key: CallKey {
                source: "scripts".into(),
                id: format!("call-{number}").into(),
            },
            created_at: Time(number as i64),
            instances: [].into(),
        };
        let calls: Vec<ErasedCall> = (0..CALLS).map(call).collect();
        let (store, mut at) = (MemoryStore::default(), At::beginning());
        let leading = store.take_over().await.unwrap();
        apply(&mut at, &calls, &[], leading.log()).await.unwrap();
        let recovered = recover(
            store.log().as_ref(),
            store.vault().as_ref(),
            Keeping::default(),
        )
        .await
        .unwrap();
        assert_eq!(recovered.newest, at.position);
        assert!(encode_world(&recovered.world) == encode_world(&at.world));
        let root = recovered.world.root();
        let masked: usize = root
            .erasures
            .values()
            .map(|erasure| erasure.masked_at.len())
            .sum();
        assert_eq!((masked, root.erasures.len()), (CALLS, 9));
        assert!(!Erasing::new(&root.erasures).is_empty());
    }
}
