//! Pairs the actions of a stage with those of another version of it. The comparison of versions and
//! the migration of instances both use these pairs, so they agree.
//!
//! Promise: each action has at most one counterpart, of the same kind.

use crate::model::Action;

/// For each newer action, the place of its counterpart in the older list. `None` if the action is
/// new.
#[must_use]
pub fn counterparts(older: &[Action], newer: &[Action]) -> Vec<Option<usize>> {
    let mut pairs = Pairs {
        older,
        newer,
        counterparts: vec![None; newer.len()],
        taken: vec![false; older.len()],
    };
    // An event identifies the action that adds it.
    pairs.put(|older, newer| {
        older.adds().is_some() && older.adds() == newer.adds() && is_same_kind(older, newer)
    });
    pairs.put(|older, newer| older.adds().is_none() && older == newer);
    pairs.put(|older, newer| {
        has_same_subject(older, newer) && has_same_team(older, newer) && older.when == newer.when
    });
    pairs.put(|older, newer| has_same_subject(older, newer) && has_same_team(older, newer));
    pairs.put(|older, newer| has_same_subject(older, newer) && older.when == newer.when);
    pairs.put(has_same_subject);
    pairs.put_only(is_alert_for_the_same_team);
    pairs.put_between();
    // Only their order distinguishes actions that link or finish.
    pairs.put(|older, newer| {
        older.alert().is_none() && older.adds().is_none() && is_same_kind(older, newer)
    });
    pairs.counterparts
}

struct Pairs<'a> {
    older: &'a [Action],
    newer: &'a [Action],
    counterparts: Vec<Option<usize>>,
    taken: Vec<bool>,
}

impl Pairs<'_> {
    /// Pairs each action with the first one that fits and has no counterpart yet.
    fn put(&mut self, fits: impl Fn(&Action, &Action) -> bool) {
        for (place, newer) in self.newer.iter().enumerate() {
            if self.counterparts[place].is_none() {
                let found = self.left().find(|at| fits(&self.older[*at], newer));
                self.pair(place, found);
            }
        }
    }

    /// Pairs actions that fit only each other.
    fn put_only(&mut self, fits: impl Fn(&Action, &Action) -> bool) {
        for (place, newer) in self.newer.iter().enumerate() {
            let open = |place: &usize| self.counterparts[*place].is_none();
            let mut all = self.left().filter(|at| fits(&self.older[*at], newer));
            let Some(found) = all.next().filter(|_| all.next().is_none() && open(&place)) else {
                continue;
            };
            drop(all);
            let others = (0..self.newer.len())
                .filter(open)
                .filter(|at| fits(&self.older[found], &self.newer[*at]));
            if others.count() == 1 {
                self.pair(place, Some(found));
            }
        }
    }

    /// Pairs alerts between the same neighbours, in their order. Nothing else identifies an alert
    /// with another text.
    fn put_between(&mut self) {
        let alerts: Vec<usize> = (0..self.newer.len())
            .filter(|at| self.newer[*at].alert().is_some())
            .collect();
        let mut at = 0;
        while at < alerts.len() {
            let run: Vec<usize> = alerts[at..]
                .iter()
                .copied()
                .take_while(|place| self.counterparts[*place].is_none())
                .collect();
            let before = alerts[..at]
                .last()
                .and_then(|place| self.counterparts[*place]);
            let after = alerts
                .get(at + run.len())
                .and_then(|place| self.counterparts[*place]);
            let is_between = |place: &usize| {
                before.is_none_or(|before| before < *place)
                    && after.is_none_or(|after| *place < after)
            };
            let open: Vec<usize> = self
                .left()
                .filter(|place| self.older[*place].alert().is_some())
                .filter(is_between)
                .collect();
            run.iter()
                .zip(open)
                .for_each(|(place, found)| self.pair(*place, Some(found)));
            at += run.len() + 1;
        }
    }

    /// The places of the older actions that have no counterpart yet.
    fn left(&self) -> impl Iterator<Item = usize> {
        self.taken
            .iter()
            .enumerate()
            .filter(|(_, taken)| !**taken)
            .map(|(place, _)| place)
    }

    fn pair(&mut self, place: usize, found: Option<usize>) {
        if let Some(found) = found {
            self.taken[found] = true;
            self.counterparts[place] = Some(found);
        }
    }
}

fn is_same_kind(older: &Action, newer: &Action) -> bool {
    std::mem::discriminant(&older.kind) == std::mem::discriminant(&newer.kind)
}

fn has_same_subject(older: &Action, newer: &Action) -> bool {
    is_same_kind(older, newer) && older.subject().is_some() && older.subject() == newer.subject()
}

/// For alerts, whether the team is the same. True for other actions.
fn has_same_team(older: &Action, newer: &Action) -> bool {
    older.alert().is_none() || is_alert_for_the_same_team(older, newer)
}

fn is_alert_for_the_same_team(older: &Action, newer: &Action) -> bool {
    older
        .alert()
        .zip(newer.alert())
        .is_some_and(|(older, newer)| older.team == newer.team)
}
