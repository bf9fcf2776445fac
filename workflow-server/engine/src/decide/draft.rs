//! The draft of an entry. It collects the facts of one command, each instance once.

use std::sync::Arc;

use aftercall_definition::time::Time;

use crate::archive::ArchiveChange;
use crate::batch::BatchChange;
use crate::call::Call;
use crate::command::{KnownCall, Request};
use crate::decide::decision::Decision;
use crate::decide::{resume, texts};
use crate::desk_change::DeskChange;
use crate::entry::{
    After, AlertBefore, Answer, Before, CallChange, ChangeKind, DefinitionChange, Details, Entered,
    Entry, InstanceChange, Touched,
};
use crate::erasure::ErasureChange;
use crate::history::HistoryChange;
use crate::instance::{Alert, Instance, Status};
use crate::limits;
use crate::query::{has_places, is_waiting};
use crate::reach::Reach;
use crate::rejection::Rejection;
use crate::world::Root;

pub(super) struct EntryDraft<'w> {
    pub(super) root: &'w Root,
    pub(super) now: Time,
    /// What the archive contains of the command's call.
    pub(super) known: Option<&'w KnownCall>,
    /// The agent for whom a script engine acts.
    pub(super) acts_for: Option<&'w str>,
    /// What the sender may see and touch.
    pub(super) reach: Reach,
    pub(super) kind: ChangeKind,
    pub(super) details: Details,
    pub(super) answer: Answer,
    pub(super) definition: Option<DefinitionChange>,
    pub(super) batch: Option<BatchChange>,
    pub(super) archive: Option<ArchiveChange>,
    pub(super) erasure: Option<ErasureChange>,
    pub(super) history: Option<HistoryChange>,
    pub(super) desk: Option<DeskChange>,
    /// Whether this entry sets the time of the World.
    pub(super) sets_clock: bool,
    call: Option<CallChange>,
    pub(super) instances: Vec<InstanceChange>,
    /// The approximate number of bytes of the instances.
    instance_bytes: usize,
}

impl<'w> EntryDraft<'w> {
    pub(super) fn new(root: &'w Root, now: Time) -> Self {
        Self {
            root,
            now,
            known: None,
            acts_for: None,
            reach: Reach::EVERYTHING,
            kind: ChangeKind::CallUpdated,
            details: Details::default(),
            answer: Answer::Done,
            definition: None,
            batch: None,
            archive: None,
            erasure: None,
            history: None,
            desk: None,
            sets_clock: false,
            call: None,
            instances: Vec::new(),
            instance_bytes: 0,
        }
    }

    /// The sequence of the entry.
    pub(super) fn sequence(&self) -> u64 {
        self.root.sequence + 1
    }

    /// Returns the entry. Returns `Unchanged` if nothing changes and no request id must be
    /// remembered.
    pub(super) fn decided(self, request: &Request) -> Decision {
        let changes_nothing = self.definition.is_none()
            && self.batch.is_none()
            && self.archive.is_none()
            && self.erasure.is_none()
            && self.history.is_none()
            && self.desk.is_none()
            && !self.sets_clock
            && !matches!(self.answer, Answer::PurgeConfirmed(1..))
            && self.call.is_none()
            && self.instances.is_empty();
        if changes_nothing && request.mark.is_none() {
            return Decision::Unchanged(self.answer);
        }
        Decision::Commit(Box::new(Entry {
            sequence: self.sequence(),
            at: self.now,
            actor: request.actor.clone(),
            mark: request.mark,
            kind: self.kind,
            // An erasure finds details only through a call or an instance.
            details: if changes_nothing {
                Details::default()
            } else {
                self.details
            },
            answer: self.answer,
            definition: self.definition,
            batch: self.batch,
            archive: self.archive,
            erasure: self.erasure,
            history: self.history,
            desk: self.desk,
            call: self.call,
            instances: self.instances,
        }))
    }

    /// Adds the call after the change. `is_news` says that people should see the change.
    pub(super) fn put_call(&mut self, slot: u32, mut call: Call, is_news: bool) {
        let previous = call.sequence;
        call.sequence = self.sequence();
        call.revision += u64::from(is_news);
        self.call = Some(CallChange {
            slot,
            after: Arc::new(call),
            previous,
            is_news,
        });
    }

    /// Adds an existing instance after the change. Fills its texts in again if they show a changed
    /// value.
    pub(super) fn put_instance(
        &mut self,
        kind: ChangeKind,
        old: &Instance,
        mut new: Instance,
        entered: Entered,
    ) {
        let rewritten = if self.may_be_out_of_date(kind, (old, &new), &entered) {
            self.refresh(kind, &mut new)
        } else {
            Box::default()
        };
        self.put(kind, old, new, (entered, rewritten));
    }

    fn put(
        &mut self,
        kind: ChangeKind,
        old: &Instance,
        mut new: Instance,
        (entered, rewritten): (Entered, Box<[u16]>),
    ) {
        release_timers(old, &mut new, self.now);
        new = settle(self.root, new, self.now);
        new.revision += 1;
        new.sequence = self.sequence();
        new.whole_at = new.sequence;
        let before = before(self.root, old);
        self.add(InstanceChange {
            rewritten,
            ..change(kind, new, before, entered)
        });
    }

    /// Whether the texts of an instance may show a value that this entry changes.
    fn may_be_out_of_date(
        &self,
        kind: ChangeKind,
        (old, new): (&Instance, &Instance),
        entered: &Entered,
    ) -> bool {
        match kind {
            // An erasure must not fill erased values in again.
            ChangeKind::CallerErased => false,
            ChangeKind::PushUndone => true,
            // Entering a stage has already filled the texts in.
            _ if !entered.stages.is_empty() => false,
            _ => {
                !new.alerts.is_empty()
                    && (!texts::has_same_values(old, new) || !self.shows_same_call(new))
            }
        }
    }

    /// Whether this entry changes nothing that texts can show of an instance's call.
    fn shows_same_call(&self, instance: &Instance) -> bool {
        let new = self
            .call
            .as_ref()
            .filter(|change| change.slot == instance.call);
        let both = new.zip(self.root.call_of(instance));
        both.is_none_or(|(new, old)| texts::is_shown_alike(&new.after, old))
    }

    /// Fills the texts of an instance in again. An alert with a changed text counts as unseen.
    fn refresh(&self, kind: ChangeKind, new: &mut Instance) -> Box<[u16]> {
        let changed = self
            .call
            .as_ref()
            .filter(|change| change.slot == new.call)
            .map(|change| &change.after);
        let call = changed.or_else(|| self.root.call_of(new));
        let Some((definition, call)) = self.root.definition_of(new).zip(call) else {
            return Box::default();
        };
        let rewritten = texts::refresh(self.root, (definition, call), new);
        if !matches!(kind, ChangeKind::Migrated | ChangeKind::PushUndone) {
            let is_rewritten = |alert: &&mut Alert| rewritten.contains(&alert.action);
            new.alerts
                .iter_mut()
                .filter(is_rewritten)
                .for_each(|alert| alert.seen = None);
        }
        rewritten
    }

    /// Adds a new instance.
    pub(super) fn put_new_instance(&mut self, mut new: Instance, entered: Entered) {
        new = settle(self.root, new, self.now);
        new.revision = 1;
        new.sequence = self.sequence();
        new.whole_at = new.sequence;
        self.add(change(ChangeKind::Set, new, None, entered));
    }

    /// Adds all open instances of a changed call that are not in the entry yet.
    pub(super) fn touch_open_instances(&mut self, call: &Call) {
        self.touch_open_instances_as(ChangeKind::CallUpdated, call);
    }

    /// Like `touch_open_instances`, with another kind of change.
    pub(super) fn touch_open_instances_as(&mut self, kind: ChangeKind, call: &Call) {
        let root = self.root;
        for slot in &call.instances {
            let Some(old) = root
                .instance_at(*slot)
                .filter(|instance| !instance.status.is_ended())
            else {
                continue;
            };
            if self
                .instances
                .iter()
                .all(|change| change.after.id() != old.id)
            {
                self.touch(kind, old, old.release_at);
            }
        }
    }

    /// Adds an instance whose call changes. Only its release time and the texts that show the call
    /// change with it. If the entry has no room for the new texts, a timer that is due at once
    /// fills them in.
    pub(super) fn touch(&mut self, kind: ChangeKind, old: &Instance, release_at: Option<Time>) {
        let is_small =
            old.bytes() <= limits::TOUCHED_WHOLE_BYTES_MAX || !is_settled(self.root, old);
        let has_places = || {
            self.root
                .definition_of(old)
                .is_some_and(|definition| has_places(definition, old))
        };
        let shows_change =
            kind != ChangeKind::CallerErased && !self.shows_same_call(old) && has_places();
        let mut refresh_at = old.refresh_at();
        if shows_change && self.instance_bytes < limits::RELEASED_BYTES_MAX {
            let mut new = Instance {
                release_at,
                ..old.clone()
            };
            let rewritten = self.refresh(kind, &mut new);
            if is_small || !rewritten.is_empty() {
                self.put(kind, old, new, (Entered::default(), rewritten));
                return;
            }
            refresh_at = None;
        } else if shows_change {
            refresh_at = Some(self.now);
        } else if is_small {
            self.put(
                kind,
                old,
                Instance {
                    release_at,
                    ..old.clone()
                },
                (Entered::default(), Box::default()),
            );
            return;
        }
        let after = After::Touched(Touched::new(old, self.sequence(), release_at, refresh_at));
        let (before, nothing) = (before(self.root, old), Box::default());
        self.add(InstanceChange {
            kind,
            after,
            before,
            entered: Box::default(),
            warnings: nothing,
            rewritten: Box::default(),
        });
    }

    fn add(&mut self, change: InstanceChange) {
        let warnings = change
            .warnings
            .iter()
            .map(|one| 32 + one.name.len())
            .sum::<usize>();
        self.instance_bytes +=
            change.after.whole().map_or(0, |instance| instance.bytes()) + warnings;
        self.instances.push(change);
    }

    /// The approximate number of bytes of the instances in this entry.
    pub(super) fn instance_bytes(&self) -> usize {
        self.instance_bytes
    }
}

/// Makes an active or paused instance incomplete if no button and no timer can move it to another
/// stage. People look for stuck instances among the incomplete ones only. Every instance of an
/// entry passes through this function.
fn settle(root: &Root, new: Instance, now: Time) -> Instance {
    if is_settled(root, &new) {
        return new;
    }
    let resumed = if new.pause.is_some() {
        resume::resumed(root, &new, now)
    } else {
        new
    };
    Instance {
        status: Status::Incomplete,
        ..resumed
    }
}

/// Sets the due time of timers that waited for the end of a claim to that end.
fn release_timers(old: &Instance, new: &mut Instance, now: Time) {
    let is_same_visit = (old.stage, old.visit()) == (new.stage, new.visit());
    let Some(claim) = old
        .claim
        .as_ref()
        .filter(|_| new.claim.is_none() && is_same_visit)
    else {
        return;
    };
    let ended = old.clock(claim.until.min(now));
    for timer in new.timers.iter_mut().filter(|timer| timer.waits_for_claim) {
        timer.due = timer.due.max(ended);
    }
}

fn is_settled(root: &Root, instance: &Instance) -> bool {
    !matches!(instance.status, Status::Active | Status::Paused) || is_waiting(root, instance)
}

fn change(
    kind: ChangeKind,
    after: Instance,
    before: Option<Before>,
    entered: Entered,
) -> InstanceChange {
    let Entered { stages, warnings } = entered;
    InstanceChange {
        kind,
        after: After::Whole(Arc::new(after)),
        before,
        entered: stages.into(),
        warnings: warnings.into(),
        rewritten: Box::default(),
    }
}

fn before(root: &Root, old: &Instance) -> Option<Before> {
    let call = root.call_of(old)?;
    Some(Before {
        sequence: old.sequence,
        stage: old.stage,
        visible: old.is_listed(call),
        customer: call.customer.clone(),
        alerts: old
            .alerts
            .iter()
            .filter(|alert| alert.snooze.is_none())
            .flat_map(alerts_before)
            .collect(),
        holder: old
            .claim
            .as_ref()
            .map_or_else(Box::default, |claim| claim.by.clone()),
    })
}

fn alerts_before(alert: &Alert) -> impl Iterator<Item = AlertBefore> + '_ {
    alert.teams().map(|team| AlertBefore {
        team,
        priority: alert.priority,
    })
}

/// Refuses if the client saw another revision.
pub(super) fn check_revision(expected: Option<u64>, present: u64) -> Result<(), Rejection> {
    match expected {
        Some(expected) if expected != present => Err(Rejection::OtherRevision { present }),
        _ => Ok(()),
    }
}
