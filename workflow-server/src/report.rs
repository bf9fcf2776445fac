//! What happened in a period, in numbers: gathered entry by entry, in the order of everything.
//!
//! Promises: a push that was taken back ended nothing; what is late and still open counts as what
//! ended late does. Must not: read a store; the caller passes the entries in.

use std::collections::{BTreeMap, HashMap};

use aftercall_definition::time::Time;
use aftercall_engine::actor::ActorKind;
use aftercall_engine::entry::{Answer, ChangeKind, Entry, InstanceChange};
use aftercall_engine::instance::{Alert, Instance, InstanceId, Status};
use aftercall_engine::{Reach, Root};
use hdrhistogram::Histogram;

/// What a row counts. The order is that of the rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    All,
    /// By place.
    Workflow(u32),
    /// By place of the workflow, and number.
    Stage(u32, u32),
    /// By place.
    Team(u32),
    Person(Box<str>),
}

/// The numbers of a row.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) set: u64,
    pub(crate) finished: u64,
    pub(crate) cancelled: u64,
    pub(crate) stays: u64,
    pub(crate) with_due: u64,
    pub(crate) overdue: u64,
    pub(crate) promised: u64,
    pub(crate) kept: u64,
    /// Of those that are overdue, how many are still open.
    pub(crate) overdue_open: u64,
    /// Of those that were promised and not kept, how many are still open.
    pub(crate) broken_open: u64,
    /// In seconds.
    times: Histogram<u64>,
}

impl Default for Row {
    fn default() -> Self {
        // Two digits are exact enough for a time, and keep a row small.
        let times = Histogram::new(2).expect("two digits are within what a histogram takes");
        Self {
            set: 0,
            finished: 0,
            cancelled: 0,
            stays: 0,
            with_due: 0,
            overdue: 0,
            promised: 0,
            kept: 0,
            overdue_open: 0,
            broken_open: 0,
            times,
        }
    }
}

impl Row {
    /// The time that this share of all stayed below, in seconds; none where nothing ended.
    pub(crate) fn time(&self, share: f64) -> Option<u64> {
        (!self.times.is_empty()).then(|| self.times.value_at_quantile(share))
    }

    fn add_time(&mut self, millis: i64) {
        // It grows as it must: a time that no histogram takes does not come up in a lifetime.
        let _ = self.times.record(millis.max(0) as u64 / 1_000);
    }
}

/// What is known of an instance before a change of it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    stage: u32,
    started_at: Time,
    entered_at: Time,
    due: Option<Time>,
    teams: Vec<u32>,
    is_open: bool,
    /// Since when its clocks stand still.
    paused_since: Option<Time>,
}

impl Standing {
    pub(crate) fn of(instance: &Instance) -> Self {
        let mut teams: Vec<u32> = instance.alerts.iter().flat_map(Alert::teams).collect();
        teams.sort_unstable();
        teams.dedup();
        Self {
            stage: instance.stage,
            started_at: instance.started_at,
            entered_at: instance.entered_at,
            due: instance.alerts.iter().filter_map(|alert| alert.due).min(),
            teams,
            is_open: !instance.status.is_ended(),
            paused_since: instance.pause.as_ref().map(|pause| pause.since),
        }
    }
}

/// A stay in a stage that has ended, unless the push that ended it is taken back.
#[derive(Clone, Debug)]
struct Stay {
    was: Standing,
    ended_at: Time,
    person: Option<Box<str>>,
    /// How the instance ended with it.
    end: Option<End>,
}

#[derive(Clone, Debug)]
enum End {
    Finished(Box<str>),
    Cancelled,
}

#[derive(Clone, Debug)]
struct Tracked {
    workflow: u32,
    standing: Standing,
    promised: Option<Time>,
    stay: Option<Stay>,
}

/// What is needed of an instance that was there before the period.
pub(crate) struct Earlier {
    pub(crate) standing: Standing,
    pub(crate) promised: Option<Time>,
}

/// Gathers a report.
#[derive(Default)]
pub(crate) struct Report {
    tracked: HashMap<InstanceId, Tracked>,
    numbers: Numbers,
}

/// What has been gathered.
#[derive(Default)]
pub(crate) struct Numbers {
    pub(crate) rows: BTreeMap<Key, Row>,
    /// How often each workflow, by place, has come to an outcome.
    pub(crate) outcomes: BTreeMap<(u32, Box<str>), u64>,
}

/// What is left in and what is left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Only {
    pub(crate) workflows: Vec<Box<str>>,
    pub(crate) customers: Vec<Box<str>>,
    /// What the asker may see. The teams of an instance count as they are now, so that all of its
    /// changes are in the report, or none.
    pub(crate) reach: Reach,
}

impl Only {
    /// Whether an instance as it is now counts.
    pub(crate) fn lets_through_now(&self, root: &Root, instance: &Instance) -> bool {
        let workflow = root
            .workflow_of(instance)
            .map_or("", |workflow| &workflow.name);
        let customer = root.call_of(instance).map_or("", |call| &call.customer);
        self.has(workflow, customer) && self.reach.can_see(root, instance)
    }

    fn has(&self, workflow: &str, customer: &str) -> bool {
        (self.workflows.is_empty() || self.workflows.iter().any(|name| **name == *workflow))
            && (self.customers.is_empty() || self.customers.iter().any(|name| **name == *customer))
    }

    fn lets_through(&self, root: &Root, entry: &Entry, change: &InstanceChange) -> bool {
        let workflow = root
            .workflows
            .at(change.after.workflow())
            .map_or("", |workflow| &workflow.name);
        // The entry shows it, not the World: there the call's slot may be another's by now.
        let of_call = entry
            .call
            .as_ref()
            .filter(|call| call.slot == change.after.call())
            .map(|call| &call.after.customer);
        let customer = of_call
            .or(change.before.as_ref().map(|before| &before.customer))
            .map_or("", |name| name);
        self.has(workflow, customer)
            && self.reach.has_customer(customer)
            && self.has_teams(root, change)
    }

    /// By the instance in memory, or where it has left memory by its version.
    fn has_teams(&self, root: &Root, change: &InstanceChange) -> bool {
        let present = root.instance(change.after.id()).or(change.after.whole());
        self.reach.is_everything()
            || present.is_some_and(|instance| self.reach.has_teams_of(root, instance))
    }
}

impl Report {
    /// The changes of an entry that count.
    pub(crate) fn counted<'e>(
        root: &Root,
        only: &Only,
        entry: &'e Entry,
    ) -> Vec<&'e InstanceChange> {
        entry
            .instances
            .iter()
            .filter(|change| only.lets_through(root, entry, change))
            .collect()
    }

    /// Whether what went before a change must be looked up: it is not of this period.
    pub(crate) fn needs_earlier(&self, change: &InstanceChange) -> bool {
        change.after.whole().is_some()
            && change.before.is_some()
            && !self.tracked.contains_key(&change.after.id())
    }

    /// Whether it is known how an instance was at the end of the period.
    pub(crate) fn is_known(&self, id: InstanceId) -> bool {
        self.tracked.contains_key(&id)
    }

    /// Takes an instance with no change in the period, as it was at its end.
    pub(crate) fn take_unchanged(
        &mut self,
        id: InstanceId,
        workflow: u32,
        Earlier { standing, promised }: Earlier,
    ) {
        self.tracked.entry(id).or_insert(Tracked {
            workflow,
            standing,
            promised,
            stay: None,
        });
    }

    /// Takes a change, in the order of everything.
    pub(crate) fn take(
        &mut self,
        entry: &Entry,
        change: &InstanceChange,
        earlier: Option<Earlier>,
    ) {
        // Of one that was only touched nothing changed that counts.
        let Some(after) = change.after.whole() else {
            return;
        };
        let (id, workflow) = (after.id, after.workflow);
        let now = Standing::of(after);
        let Some(before) = &change.before else {
            let promised = match entry.answer {
                Answer::Set { promise_by, .. } => promise_by,
                _ => None,
            };
            self.track(id, workflow, now, promised);
            for key in [Key::All, Key::Workflow(workflow)] {
                self.numbers.rows.entry(key).or_default().set += 1;
            }
            return;
        };
        if let Some(Earlier { standing, promised }) = earlier {
            self.track(id, workflow, standing, promised);
        }
        let Some(tracked) = self.tracked.get_mut(&id) else {
            return;
        };
        let was = std::mem::replace(&mut tracked.standing, now);
        let ended = after.ended_at == Some(entry.at) && change.kind != ChangeKind::NoteAdded;
        let left = before.stage != 0 && (!change.entered.is_empty() || ended);
        let done = match change.kind {
            // As if it had not been pushed.
            ChangeKind::PushUndone => {
                tracked.stay = None;
                None
            }
            _ if left || ended => tracked.stay.replace(Stay {
                was,
                ended_at: entry.at,
                person: pusher(entry, change),
                end: ended.then(|| end_of(after)),
            }),
            _ => None,
        };
        if let Some(stay) = done {
            let (workflow, promised) = (tracked.workflow, tracked.promised);
            self.count(workflow, promised, stay);
        }
    }

    fn track(&mut self, id: InstanceId, workflow: u32, standing: Standing, promised: Option<Time>) {
        let tracked = Tracked {
            workflow,
            standing,
            promised,
            stay: None,
        };
        self.tracked.insert(id, tracked);
    }

    fn count(&mut self, workflow: u32, promised: Option<Time>, stay: Stay) {
        let was = &stay.was;
        if was.stage != 0 {
            let overdue = was.due.map(|due| stay.ended_at > due);
            let teams = was.teams.iter().map(|team| Key::Team(*team));
            let person = stay.person.clone().map(Key::Person);
            let timed = teams.chain([Key::Stage(workflow, was.stage)]).chain(person);
            for key in timed {
                self.numbers
                    .rows
                    .entry(key)
                    .or_default()
                    .add_stay(overdue, Some(stay.ended_at.0 - was.entered_at.0));
            }
            for key in [Key::All, Key::Workflow(workflow)] {
                self.numbers
                    .rows
                    .entry(key)
                    .or_default()
                    .add_stay(overdue, None);
            }
        }
        let Some(end) = stay.end else { return };
        let kept = promised.map(|promised| stay.ended_at <= promised);
        for key in [Key::All, Key::Workflow(workflow)] {
            let row = self.numbers.rows.entry(key).or_default();
            match end {
                End::Cancelled => row.cancelled += 1,
                End::Finished(_) => {
                    row.finished += 1;
                    row.promised += u64::from(kept.is_some());
                    row.kept += u64::from(kept == Some(true));
                    row.add_time(stay.ended_at.0 - was.started_at.0);
                }
            }
        }
        if let End::Finished(outcome) = end {
            *self
                .numbers
                .outcomes
                .entry((workflow, outcome))
                .or_default() += 1;
        }
    }

    /// Counts what is late at the end of the period and still open.
    fn count_open(
        &mut self,
        workflow: u32,
        promised: Option<Time>,
        standing: &Standing,
        end: Time,
    ) {
        let clock = standing.paused_since.map_or(end, |since| since.min(end));
        if standing.stage != 0 && standing.due.is_some_and(|due| due < clock) {
            let teams = standing.teams.iter().map(|team| Key::Team(*team));
            for key in teams.chain([
                Key::All,
                Key::Workflow(workflow),
                Key::Stage(workflow, standing.stage),
            ]) {
                let row = self.numbers.rows.entry(key).or_default();
                row.with_due += 1;
                row.overdue += 1;
                row.overdue_open += 1;
            }
        }
        // A promise to the caller does not wait for the end of a pause.
        if promised.is_some_and(|promised| promised < end) {
            for key in [Key::All, Key::Workflow(workflow)] {
                let row = self.numbers.rows.entry(key).or_default();
                row.promised += 1;
                row.broken_open += 1;
            }
        }
    }

    /// All that has been gathered; the period ends before `end`.
    pub(crate) fn finish(mut self, end: Time) -> Numbers {
        for tracked in std::mem::take(&mut self.tracked).into_values() {
            if let Some(stay) = tracked.stay {
                self.count(tracked.workflow, tracked.promised, stay);
            }
            if tracked.standing.is_open && tracked.standing.started_at < end {
                self.count_open(tracked.workflow, tracked.promised, &tracked.standing, end);
            }
        }
        self.numbers
    }
}

impl Row {
    fn add_stay(&mut self, overdue: Option<bool>, millis: Option<i64>) {
        self.stays += 1;
        self.with_due += u64::from(overdue.is_some());
        self.overdue += u64::from(overdue == Some(true));
        if let Some(millis) = millis {
            self.add_time(millis);
        }
    }
}

fn pusher(entry: &Entry, change: &InstanceChange) -> Option<Box<str>> {
    let is_by_hand = matches!(change.kind, ChangeKind::ButtonPushed | ChangeKind::Finished);
    (is_by_hand && entry.actor.kind == ActorKind::Person).then(|| entry.actor.name.clone())
}

fn end_of(ended: &Instance) -> End {
    if ended.status == Status::Finished {
        End::Finished(ended.ending.clone())
    } else {
        End::Cancelled
    }
}
