//! Which kinds of request a load sends, and in which order.
//!
//! Promise: the order is fixed, so that equal options send equal loads, and the kinds alternate as
//! evenly as their shares allow.

use std::str::FromStr;

/// More shares than this say nothing that fewer do not.
const SHARE_MAX: u32 = 1_000;

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The request of `Set` to a server that only answers.
    NoOp,
    /// Set Workflow on a new call.
    Set,
    /// A push on a follow-up that nobody has pushed.
    Push,
    /// The first page of a list of all that is open.
    List,
    /// One follow-up by its id.
    Get,
    /// The history of one follow-up.
    History,
}

impl Kind {
    /// Those that a mix may have, with the words of the command line.
    const MIXED: [(&'static str, Self); 5] = [
        ("set", Self::Set),
        ("push", Self::Push),
        ("list", Self::List),
        ("get", Self::Get),
        ("history", Self::History),
    ];

    /// Its name in tables and in JSON.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NoOp => "no-op",
            Self::Set => "set-workflow",
            Self::Push => "push",
            Self::List => "list",
            Self::Get => "get",
            Self::History => "history",
        }
    }

    /// The path of its RPC.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::NoOp | Self::Set => "/aftercall.workflow.v1.ScriptEngineService/SetWorkflow",
            Self::Push => "/aftercall.workflow.v1.CallManagerService/PushButton",
            Self::List => "/aftercall.workflow.v1.CallManagerService/ListFollowUps",
            Self::Get => "/aftercall.workflow.v1.CallManagerService/GetFollowUp",
            Self::History => "/aftercall.workflow.v1.OperationsService/ListHistory",
        }
    }
}

/// Kinds in the order in which they are sent, again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mix {
    order: Vec<Kind>,
}

impl Mix {
    /// One kind alone.
    pub(crate) fn only(kind: Kind) -> Self {
        Self { order: vec![kind] }
    }

    /// The kind of a request, by its number from 0.
    pub(crate) fn kind(&self, number: u64) -> Kind {
        let place = number % self.order.len() as u64;
        usize::try_from(place)
            .ok()
            .and_then(|place| self.order.get(place))
            .copied()
            .unwrap_or(Kind::Set)
    }

    /// The kinds, in the order in which they come first.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for kind in &self.order {
            if !kinds.contains(kind) {
                kinds.push(*kind);
            }
        }
        kinds
    }

    /// Whether it has a kind.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        self.order.contains(&kind)
    }

    /// How many of the first `requests` are of a kind.
    pub(crate) fn count(&self, kind: Kind, requests: u64) -> u64 {
        let length = self.order.len() as u64;
        let in_order = |length: u64| {
            let first = self
                .order
                .iter()
                .take(usize::try_from(length).unwrap_or(usize::MAX));
            first.filter(|one| **one == kind).count() as u64
        };
        requests / length * in_order(length) + in_order(requests % length)
    }

    /// The order of these shares: each turn every kind gains its share, and the kind that has most
    /// is sent and pays for all.
    fn of_shares(shares: &[(Kind, u32)]) -> Self {
        let divisor = shares
            .iter()
            .fold(0, |sum, (_, share)| divisor(sum, *share));
        let shares: Vec<(Kind, i64)> = shares
            .iter()
            .map(|(kind, share)| (*kind, i64::from(share / divisor.max(1))))
            .collect();
        let total: i64 = shares.iter().map(|(_, share)| share).sum();
        let mut gained = vec![0; shares.len()];
        let turn = |_| {
            let mut most = 0;
            for (at, (_, share)) in shares.iter().enumerate() {
                gained[at] += share;
                if gained[at] > gained[most] {
                    most = at;
                }
            }
            gained[most] -= total;
            shares[most].0
        };
        Self {
            order: (0..total).map(turn).collect(),
        }
    }
}

/// The greatest common divisor.
fn divisor(one: u32, other: u32) -> u32 {
    match other {
        0 => one,
        other => divisor(other, one % other),
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares: Vec<(Kind, u32)> = Vec::new();
        for part in text.split(',') {
            let (word, share) = part
                .split_once('=')
                .ok_or_else(|| format!("`{part}` has no share: write KIND=SHARE"))?;
            let kind = Kind::MIXED.iter().find(|(name, _)| *name == word.trim());
            let Some((_, kind)) = kind else {
                let words: Vec<_> = Kind::MIXED.iter().map(|(name, _)| *name).collect();
                return Err(format!("`{word}` is none of {}", words.join(", ")));
            };
            let share = share.trim().parse().ok();
            let share = share.filter(|share| (1..=SHARE_MAX).contains(share));
            let share =
                share.ok_or_else(|| format!("`{part}`: a share is from 1 to {SHARE_MAX}"))?;
            if shares.iter().any(|(known, _)| known == kind) {
                return Err(format!("`{word}` is there twice"));
            }
            shares.push((*kind, share));
        }
        Ok(Self::of_shares(&shares))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_alternates_by_its_shares() {
        let mix: Mix = "push=80, set=20".parse().unwrap();
        let first: Vec<_> = (0..10).map(|number| mix.kind(number)).collect();
        let (push, set) = (Kind::Push, Kind::Set);
        assert_eq!(
            first,
            [push, push, set, push, push, push, push, set, push, push]
        );
        assert_eq!((mix.count(push, 10), mix.count(set, 10)), (8, 2));
        assert_eq!((mix.count(push, 2), mix.count(set, 3)), (2, 1));
    }

    #[test]
    fn one_kind_alone_is_a_mix() {
        let mix = Mix::only(Kind::Get);
        assert_eq!((mix.kind(7), mix.count(Kind::Get, 9)), (Kind::Get, 9));
        assert_eq!(mix.count(Kind::List, 9), 0);
        assert_eq!("get=5".parse::<Mix>().unwrap(), mix);
    }

    #[test]
    fn a_wrong_mix_is_explained() {
        for (text, reason) in [
            ("push", "no share"),
            ("no-op=1", "none of set, push, list, get, history"),
            ("push=0", "from 1 to 1000"),
            ("push=1001", "from 1 to 1000"),
            ("push=1,push=2", "twice"),
            ("", "no share"),
        ] {
            let error = text.parse::<Mix>().unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
