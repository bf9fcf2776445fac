//! What a follow-up may do, written again without the server's code: acts in one order, each legal
//! or not.

use std::collections::BTreeMap;

/// The workflow that the crowd works on: round and round, until somebody is done.
pub(crate) const ROUNDS: &str = "
format: 1
workflow: rounds
title: Rounds
on_new_call:
  - alert: { text: Begin, team: billing }
  - button: Next
    then:
      - alert: { text: Continue, team: billing }
      - button: Back
        then: [ link: new-call ]
      - button: Over
        then:
          - alert: { text: Theirs, team: payments }
          - button: Return
            then: [ link: new-call ]
          - button: Done
            then: [ finish: done ]
";

/// Where a button of a stage leads to, stage by stage.
fn leads_to(stage: u32, button: &str) -> Option<&'static [u32]> {
    match (stage, button) {
        (1, "next") => Some(&[2]),
        (2, "back") => Some(&[3, 1]),
        (2, "over") => Some(&[4]),
        (4, "return") => Some(&[5, 1]),
        (4, "done") => Some(&[6]),
        _ => None,
    }
}

/// The team of a stage's alert.
fn team_of(stage: u32) -> Option<&'static str> {
    match stage {
        1 | 2 => Some("billing"),
        4 => Some("payments"),
        _ => None,
    }
}

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Claim,
    Release,
    TakeOver,
    GiveTo { person: String },
    GiveToTeam { team: &'static str },
    Push { button: &'static str, visit: u32 },
    Snooze { stage: u32, visit: u32 },
    Undo,
    Note,
}

/// A follow-up as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) stage: u32,
    pub(crate) visits: BTreeMap<u32, u32>,
    pub(crate) has_ended: bool,
    pub(crate) holder: Option<String>,
    pub(crate) team: Option<&'static str>,
    pub(crate) is_snoozed: bool,
    pub(crate) notes: u32,
    /// Who pushed, and its state before, where that was the newest change.
    pushed: Option<(String, Box<State>)>,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            stage: 1,
            visits: BTreeMap::from([(1, 1)]),
            has_ended: false,
            holder: None,
            team: team_of(1),
            is_snoozed: false,
            notes: 0,
            pushed: None,
        }
    }

    pub(crate) fn visit(&self) -> u32 {
        self.visits.get(&self.stage).copied().unwrap_or_default()
    }

    /// Why this is refused now; none where it is not.
    pub(crate) fn refusal(&self, who: &str, act: &Act) -> Option<&'static str> {
        let of_another = self.holder.as_ref().is_some_and(|holder| holder != who);
        let claimed = of_another.then_some("CLAIMED_BY_ANOTHER");
        match act {
            Act::Note => self.has_ended.then_some("NOT_VISIBLE"),
            Act::Undo => match &self.pushed {
                None => Some("NOTHING_TO_UNDO"),
                Some((by, _)) => (by != who).then_some("PUSHED_BY_ANOTHER"),
            },
            _ if self.has_ended => Some("INSTANCE_ENDED"),
            Act::Claim => claimed,
            Act::Release => claimed.or(self.holder.is_none().then_some("NOT_CLAIMED")),
            Act::TakeOver | Act::GiveTo { .. } | Act::GiveToTeam { .. } => None,
            Act::Push { button, visit } => match leads_to(self.stage, button) {
                None => Some("BUTTON_GONE"),
                Some(_) if *visit != self.visit() => Some("STALE_VISIT"),
                Some(_) => claimed,
            },
            Act::Snooze { stage, visit } => {
                claimed.or(((*stage, *visit) != (self.stage, self.visit())).then_some("ALERT_GONE"))
            }
        }
    }

    /// Does what is not refused; gives the stages that were entered.
    pub(crate) fn carry_out(&mut self, who: &str, act: &Act) -> Vec<u32> {
        let pushed = self.pushed.take();
        match act {
            Act::Claim | Act::TakeOver => self.holder = Some(who.to_owned()),
            Act::Release => self.holder = None,
            Act::GiveTo { person } => self.holder = Some(person.clone()),
            Act::GiveToTeam { team } => {
                self.holder = None;
                self.team = Some(*team);
            }
            Act::Note => self.notes += 1,
            Act::Snooze { .. } => self.is_snoozed = true,
            Act::Push { button, .. } => return self.push(who, button),
            Act::Undo => return self.undo(pushed),
        }
        Vec::new()
    }

    fn push(&mut self, who: &str, button: &str) -> Vec<u32> {
        let before = Box::new(self.clone());
        let entered = leads_to(self.stage, button).unwrap_or_default().to_vec();
        for stage in &entered {
            *self.visits.entry(*stage).or_default() += 1;
            self.stage = *stage;
        }
        self.has_ended = self.stage == 6;
        let team = team_of(self.stage);
        // A claim is kept where the next stage belongs to the same team.
        if team != self.team {
            self.holder = None;
        }
        self.team = team;
        self.is_snoozed = false;
        self.pushed = Some((who.to_owned(), before));
        entered
    }

    /// As it was before the push; but visits and notes are counted on.
    fn undo(&mut self, pushed: Option<(String, Box<State>)>) -> Vec<u32> {
        let Some((_, before)) = pushed else {
            return Vec::new();
        };
        let (visits, notes) = (std::mem::take(&mut self.visits), self.notes);
        *self = State {
            visits,
            notes,
            pushed: None,
            ..*before
        };
        *self.visits.entry(self.stage).or_default() += 1;
        vec![self.stage]
    }
}
