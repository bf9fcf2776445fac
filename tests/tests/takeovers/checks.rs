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

/// What the clients know.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answered {
    /// The answered changes, by request id.
    pub(crate) by_request: BTreeMap<String, Change>,
    /// What clients found wrong while they worked, in sentences.
    pub(crate) wrong: Vec<String>,
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
    /// The revisions that the alert stream has shown, by instance, in order.
    pub(crate) shown: BTreeMap<String, Vec<u64>>,
    /// The log, in the order of the database.
    pub(crate) log: Vec<Group>,
    /// The feed from its first entry.
    pub(crate) feed: Vec<FeedChange>,
}

/// What is wrong, in sentences.
pub(crate) fn check(findings: &Findings) -> Vec<String> {
    let mut wrong = findings.answered.wrong.clone();
    check_log(&findings.log, &mut wrong);
    check_feed(findings, &mut wrong);
    check_shown(findings, &mut wrong);
    wrong
}

/// The log has no gap, and no term writes after a higher one.
fn check_log(log: &[Group], wrong: &mut Vec<String>) {
    if log.is_empty() {
        wrong.push("the log is empty".to_owned());
    }
    let mut before = (0, 0);
    for group in log {
        let (last, term) = before;
        if group.first != last + 1 || group.last < group.first {
            wrong.push(format!("{group:?} follows the sequence {last}"));
        }
        if group.term < term {
            wrong.push(format!("{group:?} follows an entry of term {term}"));
        }
        before = (group.last, group.term);
    }
}

/// Each answered change is in the feed once, at its sequence. An instance has the changes that were
/// requested, and no others.
fn check_feed(findings: &Findings, wrong: &mut Vec<String>) {
    let mut revisions: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut by_sequence: BTreeMap<(u64, &str), Vec<u64>> = BTreeMap::new();
    for change in &findings.feed {
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
    for (request, change) in &findings.answered.by_request {
        let found = by_sequence.get(&(change.sequence, &change.instance));
        let found = found.map_or(&[][..], Vec::as_slice);
        if found != [change.revision] {
            wrong.push(format!(
                "{request} was answered with {change:?}, the feed has the revisions {found:?}"
            ));
        }
        let newest = expected.entry(&change.instance).or_default();
        *newest = change.revision.max(*newest);
    }
    for (instance, newest) in expected {
        let found = revisions.get(instance).cloned().unwrap_or_default();
        if found != (1..=newest).collect::<Vec<u64>>() {
            wrong.push(format!(
                "{instance} was answered up to revision {newest}, the feed has {found:?}"
            ));
        }
    }
}

/// The stream shows each revision once, in order.
fn check_shown(findings: &Findings, wrong: &mut Vec<String>) {
    for (instance, revisions) in &findings.shown {
        if *revisions != (1..=revisions.len() as u64).collect::<Vec<u64>>() {
            wrong.push(format!(
                "the stream showed {instance} at the revisions {revisions:?}"
            ));
        }
    }
}

/// Findings of a correct cluster: two instances, written by two terms.
fn sound() -> Findings {
    let change = |sequence, instance: &str, revision| Change {
        sequence,
        instance: instance.to_owned(),
        revision,
    };
    let feed = [(1, "a", 1), (2, "b", 1), (3, "a", 2)];
    Findings {
        answered: Answered {
            by_request: [
                ("set-a".to_owned(), change(1, "a", 1)),
                ("push-a".to_owned(), change(3, "a", 2)),
                ("set-b".to_owned(), change(2, "b", 1)),
            ]
            .into(),
            wrong: Vec::new(),
        },
        shown: [("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![1])].into(),
        log: vec![
            Group {
                first: 1,
                last: 2,
                term: 1,
            },
            Group {
                first: 3,
                last: 3,
                term: 2,
            },
        ],
        feed: feed
            .map(|(sequence, instance, revision)| FeedChange {
                sequence,
                instance: instance.to_owned(),
                revision,
            })
            .into(),
    }
}

#[test]
fn the_checker_accepts_a_correct_cluster() {
    assert_eq!(check(&sound()), Vec::<String>::new());
}

#[test]
fn the_checker_finds_each_kind_of_error() {
    type Spoil = fn(&mut Findings);
    let spoilt: [(&str, Spoil); 9] = [
        ("a lost entry", |it| {
            it.feed.pop();
        }),
        ("a doubled change", |it| {
            it.feed.push(FeedChange {
                sequence: 4,
                instance: "a".to_owned(),
                revision: 3,
            });
        }),
        ("another entry at the sequence", |it| {
            it.feed[1].instance = "c".to_owned();
        }),
        ("a gap in the log", |it| it.log[1].first = 4),
        ("an overlap in the log", |it| it.log[0].last = 3),
        ("two terms that are mixed", |it| it.log[0].term = 3),
        ("a gap in the stream", |it| {
            it.shown.insert("a".to_owned(), vec![1, 3]);
        }),
        ("a double in the stream", |it| {
            it.shown.insert("a".to_owned(), vec![1, 2, 2]);
        }),
        ("a read that went back", |it| {
            it.answered.wrong.push("a went back".to_owned());
        }),
    ];
    for (what, spoil) in spoilt {
        let mut findings = sound();
        spoil(&mut findings);
        assert_ne!(check(&findings), Vec::<String>::new(), "{what}");
    }
}
