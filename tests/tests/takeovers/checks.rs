//! The checker: what a correct cluster may not show.

use std::collections::BTreeMap;

/// A change that a client has requested and that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    /// The sequence of the answer.
    pub(crate) sequence: u64,
    /// The instance.
    pub(crate) instance: String,
    /// The revision of the instance after the change.
    pub(crate) revision: u64,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    /// A sentence.
    pub(crate) what: String,
}

/// A kind of what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A request was refused without a reason, or never answered.
    Service,
    /// A read did not show what was answered before.
    WentBack,
    /// An answered change is not there, or not as it was answered.
    Lost,
    /// A change that nobody requested, or the same one again.
    Doubled,
    /// The log has a gap or an overlap.
    Broken,
    /// Entries of an earlier term follow those of a later one.
    MixedTerms,
    /// The members show different histories.
    Disagree,
    /// An alert stream has a gap, a double, or a second beginning.
    Stream,
}

impl Finding {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        let what = what.into();
        Self { kind, what }
    }

    /// Whether data was wrong, and not only a request not answered.
    pub(crate) fn is_about_data(&self) -> bool {
        self.kind != Kind::Service
    }
}

/// What the clients know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    /// The answered changes, by request id.
    pub(crate) by_request: BTreeMap<String, Change>,
    /// What clients found wrong while they worked.
    pub(crate) wrong: Vec<Finding>,
}

impl Answered {
    /// The number of answered changes.
    pub(crate) fn changes(&self) -> usize {
        self.by_request.len()
    }
}

/// A group of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The sequence of its first entry.
    pub(crate) first: u64,
    /// The sequence of its last entry.
    pub(crate) last: u64,
    /// The term that wrote it.
    pub(crate) term: u64,
}

/// A change of an instance in the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FeedChange {
    /// The sequence of its entry.
    pub(crate) sequence: u64,
    /// The instance.
    pub(crate) instance: String,
    /// Its revision after the entry.
    pub(crate) revision: u64,
}

/// All that is known at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings {
    /// What was answered.
    pub(crate) answered: Answered,
    /// What each watching client has seen.
    pub(crate) shown: Vec<Shown>,
    /// The log, in the order of the database.
    pub(crate) log: Vec<Group>,
    /// The feed of each member from its first entry.
    pub(crate) feeds: Vec<Vec<FeedChange>>,
}

/// What a client of the alerters has seen.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// The revisions of each instance, in order.
    pub(crate) revisions: BTreeMap<String, Vec<u64>>,
    /// What was wrong with the stream itself.
    pub(crate) wrong: Vec<Finding>,
}

/// What is wrong.
pub(crate) fn check(findings: &Findings) -> Vec<Finding> {
    let mut wrong = findings.answered.wrong.clone();
    check_log(&findings.log, &mut wrong);
    check_feeds(&findings.feeds, &mut wrong);
    if let Some(feed) = findings.feeds.first() {
        check_feed(&findings.answered, feed, &mut wrong);
    }
    for shown in &findings.shown {
        check_shown(shown, &mut wrong);
    }
    wrong
}

/// The log has no gap, and no term writes after a higher one.
fn check_log(log: &[Group], wrong: &mut Vec<Finding>) {
    if log.is_empty() {
        wrong.push(Finding::new(Kind::Broken, "the log is empty"));
    }
    let mut before = (0, 0);
    for group in log {
        let (last, term) = before;
        if group.first != last + 1 || group.last < group.first {
            let what = format!("{group:?} follows the sequence {last}");
            wrong.push(Finding::new(Kind::Broken, what));
        }
        if group.term < term {
            let what = format!("{group:?} follows an entry of term {term}");
            wrong.push(Finding::new(Kind::MixedTerms, what));
        }
        before = (group.last, group.term);
    }
}

/// All members serve the same feed.
fn check_feeds(feeds: &[Vec<FeedChange>], wrong: &mut Vec<Finding>) {
    let Some((first, others)) = feeds.split_first() else {
        wrong.push(Finding::new(Kind::Disagree, "no member serves a feed"));
        return;
    };
    for (at, other) in others.iter().enumerate() {
        if first == other {
            continue;
        }
        let same = first.iter().zip(other).take_while(|(a, b)| a == b).count();
        let what = format!(
            "the feed of member {} differs at its change {same}: {:?} and {:?}",
            at + 1,
            first.get(same),
            other.get(same)
        );
        wrong.push(Finding::new(Kind::Disagree, what));
    }
}

/// Each answered change is in the feed once, at its sequence. An instance has the changes that were
/// requested, and no others.
fn check_feed(answered: &Answered, feed: &[FeedChange], wrong: &mut Vec<Finding>) {
    let mut revisions: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut by_sequence: BTreeMap<(u64, &str), Vec<u64>> = BTreeMap::new();
    for change in feed {
        by_sequence
            .entry((change.sequence, &change.instance))
            .or_default()
            .push(change.revision);
        revisions
            .entry(&change.instance)
            .or_default()
            .push(change.revision);
    }
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for (request, change) in &answered.by_request {
        let found = by_sequence.get(&(change.sequence, &change.instance));
        let found = found.map_or(&[][..], Vec::as_slice);
        if found != [change.revision] {
            let what = format!(
                "{request} was answered with {change:?}, the feed has the revisions {found:?}"
            );
            wrong.push(Finding::new(Kind::Lost, what));
        }
        let newest = expected.entry(&change.instance).or_default();
        *newest = change.revision.max(*newest);
    }
    for (instance, newest) in expected {
        let found = revisions.get(instance).cloned().unwrap_or_default();
        if found != (1..=newest).collect::<Vec<u64>>() {
            let what =
                format!("{instance} was answered up to revision {newest}, the feed has {found:?}");
            wrong.push(Finding::new(Kind::Doubled, what));
        }
    }
}

/// The stream shows each revision once, in order.
fn check_shown(shown: &Shown, wrong: &mut Vec<Finding>) {
    wrong.extend(shown.wrong.iter().cloned());
    for (instance, revisions) in &shown.revisions {
        if *revisions != (1..=revisions.len() as u64).collect::<Vec<u64>>() {
            let what = format!("the stream showed {instance} at the revisions {revisions:?}");
            wrong.push(Finding::new(Kind::Stream, what));
        }
    }
}
