//! The controls of the checker: it accepts a correct cluster, and finds each kind of error.

use crate::checks::{Answered, Change, FeedChange, Finding, Findings, Group, Kind, Shown, check};

/// Findings of a correct cluster: two instances, written by two terms.
fn sound() -> Findings {
    let change = |sequence, instance: &str, revision| Change {
        sequence,
        instance: instance.to_owned(),
        revision,
    };
    let feed =
        [(1, "a", 1), (2, "b", 1), (3, "a", 2)].map(|(sequence, instance, revision)| FeedChange {
            sequence,
            instance: instance.to_owned(),
            revision,
        });
    let feed = feed.to_vec();
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
        shown: vec![
            Shown {
                revisions: [("a".to_owned(), vec![1, 2]), ("b".to_owned(), vec![1])].into(),
                wrong: Vec::new(),
            };
            2
        ],
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
        feeds: vec![feed; 3],
    }
}

#[test]
fn the_checker_accepts_a_correct_cluster() {
    assert_eq!(check(&sound()), []);
}

/// The feeds of all members are spoilt in the same way.
fn spoil_feeds(findings: &mut Findings, spoil: impl Fn(&mut Vec<FeedChange>)) {
    findings.feeds.iter_mut().for_each(spoil);
}

/// A way to spoil them, with the kind of its finding.
type Spoilt = (Kind, &'static str, fn(&mut Findings));

fn spoilt() -> [Spoilt; 14] {
    [
        (Kind::Lost, "a lost entry", |it| {
            spoil_feeds(it, |feed| drop(feed.pop()));
        }),
        (Kind::Doubled, "a doubled change", |it| {
            spoil_feeds(it, |feed| {
                feed.push(FeedChange {
                    sequence: 4,
                    instance: "a".to_owned(),
                    revision: 3,
                });
            });
        }),
        (Kind::Lost, "another entry at the sequence", |it| {
            spoil_feeds(it, |feed| feed[1].instance = "c".to_owned());
        }),
        (Kind::Disagree, "a member that lacks the end", |it| {
            it.feeds[2].pop();
        }),
        (Kind::Disagree, "a member with another change", |it| {
            it.feeds[1][0].revision = 2;
        }),
        (Kind::Disagree, "no feed", |it| it.feeds.clear()),
        (Kind::Broken, "a gap in the log", |it| it.log[1].first = 4),
        (Kind::Broken, "an overlap in the log", |it| {
            it.log[0].last = 3;
        }),
        (Kind::Broken, "an empty log", |it| it.log.clear()),
        (Kind::MixedTerms, "two terms that are mixed", |it| {
            it.log[0].term = 3;
        }),
        (Kind::Stream, "a gap in a stream", |it| {
            it.shown[0].revisions.insert("a".to_owned(), vec![1, 3]);
        }),
        (Kind::Stream, "a double in the other stream", |it| {
            it.shown[1].revisions.insert("a".to_owned(), vec![1, 2, 2]);
        }),
        (Kind::Stream, "a reset", |it| {
            let reset = Finding::new(Kind::Stream, "the stream was reset");
            it.shown[1].wrong.push(reset);
        }),
        (Kind::WentBack, "a read that went back", |it| {
            let back = Finding::new(Kind::WentBack, "a went back");
            it.answered.wrong.push(back);
        }),
    ]
}

#[test]
fn the_checker_finds_each_kind_of_error() {
    for (kind, what, spoil) in spoilt() {
        let mut findings = sound();
        spoil(&mut findings);
        let found = check(&findings);
        let has_kind = found.iter().any(|finding| finding.kind == kind);
        assert!(has_kind, "{what}: {found:?}");
    }
}

/// A service that refuses is no error of its data.
#[test]
fn refusals_are_not_about_data() {
    assert!(!Finding::new(Kind::Service, "a request was refused").is_about_data());
    assert!(Finding::new(Kind::MixedTerms, "two terms").is_about_data());
}
