//! Why a server refused an action: in the words of the page, from the facts of the refusal.
//!
//! Promise: times are parts of their own, which the browser shows in the zone of the viewer. The
//! sentence of the server, which is English, is shown only where the page has no words for the facts.

use std::collections::HashMap;

use tonic::Status;
use tonic_types::StatusExt as _;

use crate::sentence;
use crate::words::Words;

/// A part of the sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    /// How the browser shows it, and the time as `<time datetime>` has it.
    Time(&'static str, String),
}

type Facts = HashMap<String, String>;

/// The reason and its facts, in a sentence.
pub(crate) fn parts(words: &Words, status: &Status, sentence: &str) -> Vec<Part> {
    let info = status.get_details_error_info();
    let (reason, facts) = info.map_or_else(Default::default, |info| (info.reason, info.metadata));
    of_facts(words, &reason, &facts)
        .unwrap_or_else(|| of_sentence(&words.refusal(&reason, sentence)))
}

/// A sentence with the times that it names.
pub(crate) fn of_sentence(text: &str) -> Vec<Part> {
    let parts = sentence::parts(text).into_iter();
    let parts = parts.map(|part| match part {
        sentence::Part::Text(text) => Part::Text(text.to_owned()),
        sentence::Part::Time(at, _) => Part::Time("at", at),
    });
    parts.collect()
}

fn of_facts(words: &Words, reason: &str, facts: &Facts) -> Option<Vec<Part>> {
    let known = |name: &str| facts.get(name).filter(|fact| !fact.is_empty());
    let words_of = &words.follow_up;
    match reason {
        "CLAIMED_BY_ANOTHER" => {
            let (who, until) = (known("held_by")?, known("held_until")?);
            Some(filled(&words_of.held_by_another, |name| match name {
                "time" => Part::Time("at", until.clone()),
                _ => Part::Text(who.clone()),
            }))
        }
        "BUTTON_GONE" | "STALE_VISIT" | "INSTANCE_ENDED" => {
            let (change, at) = (change(words, facts)?, known("changed_at")?);
            let stage = format!("{} · {}", known("stage")?, known("stage_title")?);
            let pattern = match reason {
                "INSTANCE_ENDED" => &words_of.ended_since,
                _ => &words_of.moved_since,
            };
            Some(filled(pattern, |name| match name {
                "ago" => Part::Time("ago", at.clone()),
                "stage" => Part::Text(stage.clone()),
                _ => Part::Text(change.clone()),
            }))
        }
        _ => None,
    }
}

/// Who moved the follow-up, and with what.
fn change(words: &Words, facts: &Facts) -> Option<String> {
    let kind = facts.get("changed_kind")?;
    let kind = kind.trim_start_matches("CHANGE_KIND_").to_lowercase();
    let who = match kind.as_str() {
        "timer_elapsed" => &words.history.timer,
        _ => facts.get("changed_by")?,
    };
    let title = facts.get("changed_title").map_or("", String::as_str);
    let texts = words.history.kinds.get(&kind)?.split(['{', '}']);
    let texts = texts.enumerate().map(|(place, text)| match text {
        "title" if place % 2 == 1 => title,
        // The refusal names no other value.
        _ if place % 2 == 1 => "",
        text => text,
    });
    Some(format!("{who} {}", texts.collect::<String>()))
}

/// A pattern whose names in braces are replaced.
fn filled(pattern: &str, part_of: impl Fn(&str) -> Part) -> Vec<Part> {
    let texts = pattern.split(['{', '}']).enumerate();
    let parts = texts.map(|(place, text)| match place % 2 {
        0 => Part::Text(text.to_owned()),
        _ => part_of(text),
    });
    parts
        .filter(|part| *part != Part::Text(String::new()))
        .collect()
}

#[cfg(test)]
mod tests {
    use axum::http::header::ACCEPT_LANGUAGE;
    use axum::http::{HeaderMap, HeaderValue};
    use tonic::Code;
    use tonic_types::ErrorDetails;

    use super::*;
    use crate::words::words;

    fn in_language(code: &'static str) -> &'static Words {
        let language = HeaderValue::from_static(code);
        words(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, language)]))
    }

    /// The sentence as people read it, with the kinds of its times.
    fn read(language: &'static str, reason: &str, facts: &[(&str, &str)]) -> String {
        let facts = facts.iter();
        let facts = facts.map(|(name, fact)| ((*name).to_owned(), (*fact).to_owned()));
        let details = ErrorDetails::with_error_info(reason, "aftercall", facts.collect::<Facts>());
        let status = Status::with_error_details(Code::FailedPrecondition, "no", details);
        let parts = parts(in_language(language), &status, "the server says no");
        let texts = parts.into_iter().map(|part| match part {
            Part::Text(text) => text,
            Part::Time(kind, at) => format!("<{kind} {at}>"),
        });
        texts.collect()
    }

    const AT: &str = "2026-11-29T08:53:39Z";

    #[test]
    fn a_refused_push_names_who_was_faster() {
        let facts = [
            ("changed_by", "Ben"),
            ("changed_at", AT),
            ("changed_kind", "CHANGE_KIND_BUTTON_PUSHED"),
            ("changed_title", "Approve"),
            ("stage", "3"),
            ("stage_title", "Pay out"),
        ];
        for reason in ["BUTTON_GONE", "STALE_VISIT"] {
            assert_eq!(
                read("en", reason, &facts),
                format!("Ben pushed “Approve” <ago {AT}>. The stage is now 3 · Pay out.")
            );
        }
        assert_eq!(
            read("de", "STALE_VISIT", &facts),
            format!("Ben hat „Approve“ gedrückt, <ago {AT}>. Die Stufe ist jetzt 3 · Pay out.")
        );
        assert_eq!(
            read("en", "INSTANCE_ENDED", &facts),
            format!("Ben pushed “Approve” <ago {AT}>. The follow-up has ended.")
        );
        let by_timer = facts.map(|(name, fact)| match name {
            "changed_by" => (name, "a timer"),
            "changed_kind" => (name, "CHANGE_KIND_TIMER_ELAPSED"),
            _ => (name, fact),
        });
        let german = read("de", "BUTTON_GONE", &by_timer);
        assert!(german.starts_with("Eine Frist"), "{german}");
    }

    #[test]
    fn a_claim_of_another_has_name_and_time() {
        let facts = [("held_by", "Ben"), ("held_until", AT)];
        assert_eq!(
            read("en", "CLAIMED_BY_ANOTHER", &facts),
            format!("Ben holds it until <at {AT}>.")
        );
        let german = read("de", "CLAIMED_BY_ANOTHER", &facts);
        assert!(
            german.starts_with("Ben ") && german.contains(AT),
            "{german}"
        );
    }

    #[test]
    fn without_facts_the_sentence_of_the_server_is_shown() {
        let gone = read("en", "BUTTON_GONE", &[]);
        assert!(gone.ends_with(" · the server says no"), "{gone}");
        assert_eq!(read("en", "", &[]), "the server says no");
        assert_eq!(
            of_sentence("at 2026-11-29 08:53:39 UTC")[1],
            Part::Time("at", AT.to_owned())
        );
    }
}
