//! The wallboard: what Call Managers see, in numbers.
//!
//! Promise: each change updates the counts. So the cost of a read depends on the number of groups
//! and of follow-ups that became overdue since the last read, never on the number of all
//! follow-ups. The counts are those of a full count, also after time went back; a property checks
//! that.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::SystemTime;

use aftercall_proto::alert::v1::{Wallboard, WallboardCounts, WallboardRow};
use aftercall_proto::workflow::v1::Stage;
use aftercall_scope::Scope;

use crate::cache::{Cache, Moved};
use crate::link::Link;
use crate::shown::Shown;

/// The counts of all groups, of the follow-ups in a scope.
#[derive(Debug)]
pub(crate) struct Board {
    scope: Scope,
    generation: u64,
    sequence: u64,
    /// What was due at this time or earlier is overdue.
    now: SystemTime,
    groups: BTreeMap<Key, Group>,
}

/// A group; the order is that of the rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    All,
    Workflow(Box<str>),
    Stage(Box<str>, u32),
    Team(Box<str>),
    Priority(Reverse<i32>),
}

/// The counts of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Group {
    open: u64,
    /// How many were due by the board's time.
    overdue: u64,
    claimed: u64,
    /// How many are due when; the overdue ones too, because time may go back.
    due: BTreeMap<SystemTime, u64>,
    /// How many were started when.
    started: BTreeMap<SystemTime, u64>,
    /// What the stage is called, where the group is one.
    title: Box<str>,
}

impl Default for Board {
    fn default() -> Self {
        Self {
            scope: Scope::everything(),
            generation: 0,
            sequence: 0,
            now: SystemTime::UNIX_EPOCH,
            groups: BTreeMap::new(),
        }
    }
}

impl Board {
    /// Counts the follow-ups of a scope.
    pub(crate) fn count(scope: Scope, cache: &Cache) -> Self {
        let mut board = Self {
            scope,
            ..Self::default()
        };
        board.update(cache, &[]);
        board
    }

    /// What is counted.
    pub(crate) fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Updates the counts by what changed since the last call; counts everything if the cache is of
    /// another generation.
    pub(crate) fn update(&mut self, cache: &Cache, moved: &[Moved]) {
        if self.generation == cache.generation() {
            // It was counted from a state that has these changes already.
            if self.sequence >= cache.head().sequence {
                return;
            }
            for Moved { before, after } in moved {
                before.iter().for_each(|shown| self.take_out(shown));
                after.iter().for_each(|shown| self.put_in(shown));
            }
        } else {
            *self = Self {
                scope: self.scope.clone(),
                generation: cache.generation(),
                now: self.now,
                ..Self::default()
            };
            cache
                .instances_after(None)
                .for_each(|(_, shown)| self.put_in(shown));
        }
        self.sequence = cache.head().sequence;
    }

    /// The counts at a time, which may be before the one that was read last.
    pub(crate) fn read(&mut self, link: Link, now: SystemTime) -> Wallboard {
        let before = std::mem::replace(&mut self.now, now);
        let mut wallboard = Wallboard {
            counted_at: Some(now.into()),
            sequence: self.sequence,
            connected: link.connected,
            as_of: Some(link.as_of.into()),
            total: Some(WallboardCounts::default()),
            ..Wallboard::default()
        };
        for (key, group) in &mut self.groups {
            group.pass(before, now);
            let row = WallboardRow {
                counts: Some(group.counts()),
                ..WallboardRow::default()
            };
            match key {
                Key::All => wallboard.total = row.counts,
                Key::Workflow(name) => {
                    wallboard.workflows.push(WallboardRow {
                        workflow: name.to_string(),
                        ..row
                    });
                }
                Key::Stage(workflow, number) => {
                    let stage = Some(Stage {
                        number: *number,
                        title: group.title.to_string(),
                        ..Stage::default()
                    });
                    wallboard.stages.push(WallboardRow {
                        workflow: workflow.to_string(),
                        stage,
                        ..row
                    });
                }
                Key::Team(name) => wallboard.teams.push(WallboardRow {
                    team: name.to_string(),
                    ..row
                }),
                Key::Priority(Reverse(priority)) => {
                    wallboard.priorities.push(WallboardRow {
                        priority: *priority,
                        ..row
                    });
                }
            }
        }
        wallboard
    }

    fn put_in(&mut self, shown: &Shown) {
        if !self.has(shown) {
            return;
        }
        for key in keys(shown) {
            let is_stage = matches!(key, Key::Stage(..));
            let group = self.groups.entry(key).or_default();
            group.put_in(shown, self.now);
            if is_stage {
                group.title.clone_from(&shown.stage_title);
            }
        }
    }

    fn has(&self, shown: &Shown) -> bool {
        self.scope.is_everything() || shown.facts.is_in(&self.scope)
    }

    fn take_out(&mut self, shown: &Shown) {
        if !self.has(shown) {
            return;
        }
        for key in keys(shown) {
            let Some(group) = self.groups.get_mut(&key) else {
                continue;
            };
            group.take_out(shown, self.now);
            if group.open == 0 {
                self.groups.remove(&key);
            }
        }
    }
}

/// The groups that a follow-up is in, each once.
fn keys(shown: &Shown) -> Vec<Key> {
    let facts = &shown.facts;
    let mut teams: Vec<&Box<str>> = facts.alerts.iter().map(|(team, _)| team).collect();
    teams.sort_unstable();
    teams.dedup();
    let workflow = &facts.workflow;
    let mut keys = vec![
        Key::All,
        Key::Workflow(workflow.clone()),
        Key::Stage(workflow.clone(), facts.stage),
        // The proto counts priorities up from the least urgent; without an alert there is none.
        Key::Priority(Reverse(shown.priority)),
    ];
    keys.extend(teams.into_iter().cloned().map(Key::Team));
    keys
}

impl Group {
    fn put_in(&mut self, shown: &Shown, now: SystemTime) {
        self.open += 1;
        self.claimed += u64::from(!shown.facts.holder.is_empty());
        *self.started.entry(shown.started_at).or_default() += 1;
        if let Some(due) = shown.due {
            *self.due.entry(due).or_default() += 1;
            self.overdue += u64::from(due <= now);
        }
    }

    fn take_out(&mut self, shown: &Shown, now: SystemTime) {
        self.open -= 1;
        self.claimed -= u64::from(!shown.facts.holder.is_empty());
        one_less(&mut self.started, shown.started_at);
        if let Some(due) = shown.due {
            one_less(&mut self.due, due);
            self.overdue -= u64::from(due <= now);
        }
    }

    /// Counts what has become overdue, or is not overdue any more where time went back.
    fn pass(&mut self, before: SystemTime, now: SystemTime) {
        let between =
            |from: SystemTime, to: SystemTime| (Bound::Excluded(from), Bound::Included(to));
        if now > before {
            self.overdue += self
                .due
                .range(between(before, now))
                .map(|(_, count)| count)
                .sum::<u64>();
        } else if now < before {
            self.overdue -= self
                .due
                .range(between(now, before))
                .map(|(_, count)| count)
                .sum::<u64>();
        }
    }

    fn counts(&self) -> WallboardCounts {
        WallboardCounts {
            open: self.open,
            overdue: self.overdue,
            unclaimed: self.open - self.claimed,
            oldest_started_at: self
                .started
                .first_key_value()
                .map(|(started, _)| (*started).into()),
        }
    }
}

/// Counts one less at a time.
fn one_less(times: &mut BTreeMap<SystemTime, u64>, time: SystemTime) {
    let Some(count) = times.get_mut(&time) else {
        return;
    };
    *count -= 1;
    if *count == 0 {
        times.remove(&time);
    }
}

#[cfg(test)]
#[path = "wallboard/tests.rs"]
mod tests;
