//! The history of a follow-up in words, page by page.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{
    Actor, ActorKind, Cause, ChangeKind, HistoryItem, ListHistoryRequest, Stage, Status, Value,
};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;

use crate::frame::{Frame, Here};
use crate::layout::{html, is_fragment};
use crate::people::Person;
use crate::shared::Shared;
use crate::shown;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// Changes on one page.
const PAGE_ITEMS: u32 = 50;

/// Where a page of the history begins.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct After {
    after: String,
}

/// A change in words.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    at: String,
    /// The follow-up, where the lines are of several; else empty.
    address: String,
    workflow: String,
    who: String,
    what: String,
    note: String,
    values: Vec<Named>,
    stages: Vec<String>,
    /// New texts of alerts.
    texts: Vec<String>,
    warnings: Vec<String>,
}

/// A value of a change.
#[derive(Debug, PartialEq, Eq)]
struct Named {
    name: String,
    text: String,
    /// The value, if it is a time; else empty.
    moment: String,
    /// Whether it is shown only when the person wants to see it.
    is_sensitive: bool,
}

/// A page of the history.
#[derive(Template)]
#[template(path = "history.html")]
struct Lines<'a> {
    words: &'a Words,
    lines: Vec<Line>,
    /// The address of the next page; empty on the last one.
    next: String,
}

/// The history on a page of its own.
#[derive(Template)]
#[template(path = "history_page.html")]
struct HistoryPage<'a> {
    frame: Frame<'a>,
    words: &'a Words,
    id: &'a str,
    lines: String,
}

/// `GET /f/ID/history`.
pub(crate) async fn history(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(After { after }): Query<After>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let lines = page(&person, words, &id, after).await?;
        if is_fragment(&headers) {
            return Ok(html(&lines));
        }
        let lines = lines
            .render()
            .map_err(|error| Trouble::Form(error.to_string()))?;
        Ok(html(&HistoryPage {
            frame: Frame {
                words,
                person: &person,
                here: Here::Board,
            },
            words,
            id: &id,
            lines,
        }))
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        trouble.answer(&headers, path)
    })
}

/// The beginning of the history of an instance as HTML, for another page.
///
/// # Errors
/// As the server answers.
pub(crate) async fn beginning(person: &Person, words: &Words, id: &str) -> Result<String, Trouble> {
    let lines = page(person, words, id, String::new()).await?;
    lines
        .render()
        .map_err(|error| Trouble::Form(error.to_string()))
}

async fn page<'a>(
    person: &Person,
    words: &'a Words,
    id: &str,
    after: String,
) -> Result<Lines<'a>, Trouble> {
    let request = ListHistoryRequest {
        instance_id: id.to_owned(),
        page_size: PAGE_ITEMS,
        page_token: after,
        ..ListHistoryRequest::default()
    };
    let listed = person
        .operations()
        .list_history(request)
        .await?
        .into_inner();
    let next = match listed.next_page_token.as_str() {
        "" => String::new(),
        token => {
            let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
            format!("/f/{id}/history?after={token}")
        }
    };
    let items = listed.items.iter();
    Ok(Lines {
        words,
        lines: items.map(|item| line(words, item)).collect(),
        next,
    })
}

/// Changes of several follow-ups in words, each with the address of its follow-up.
pub(crate) fn changes(words: &Words, items: &[HistoryItem]) -> String {
    let lines = items.iter().map(|item| Line {
        address: match item.instance_id.as_str() {
            "" => String::new(),
            id => format!("/f/{id}"),
        },
        ..line(words, item)
    });
    let lines = Lines {
        words,
        lines: lines.collect(),
        next: String::new(),
    };
    lines.render().unwrap_or_default()
}

/// A kind of change without what it was about.
pub(crate) fn change_name(words: &Words, kind: ChangeKind) -> String {
    let cause = Cause {
        kind: kind.into(),
        ..Cause::default()
    };
    let (text, _) = sentence(words, &cause);
    let words = text.split_whitespace();
    let words = words.filter(|word| word.chars().any(char::is_alphanumeric));
    let name = words.collect::<Vec<_>>().join(" ");
    name.trim_end_matches(':').to_owned()
}

fn line(words: &Words, item: &HistoryItem) -> Line {
    let cause = item.cause.clone().unwrap_or_default();
    let (mut what, rest) = sentence(words, &cause);
    if item.status() == Status::Finished && !item.outcome.is_empty() {
        what = format!("{what} · {}: {}", words.outcome, item.outcome);
    }
    let values = rest.iter();
    Line {
        at: shown::iso(&item.at),
        address: String::new(),
        workflow: item.workflow.clone(),
        who: who(words, item.actor.as_ref()),
        what,
        note: cause.note,
        values: values
            .map(|(name, value)| Named {
                is_sensitive: cause.sensitive_values.contains(name),
                ..named(words, name, value)
            })
            .collect(),
        stages: item.entered_stages.iter().map(stage).collect(),
        texts: item.rewritten_texts.clone(),
        warnings: item.warnings.clone(),
    }
}

fn named(words: &Words, name: &str, value: &Value) -> Named {
    let moment = match &value.kind {
        Some(Kind::Time(time)) => time.to_string(),
        _ => String::new(),
    };
    Named {
        name: name.to_owned(),
        text: shown::value(words, value),
        moment,
        is_sensitive: false,
    }
}

fn stage(stage: &Stage) -> String {
    format!("{} · {}", stage.number, stage.title)
}

/// Who acted, and as which identity, where that has another name.
fn who(words: &Words, actor: Option<&Actor>) -> String {
    let Some(actor) = actor else {
        return String::new();
    };
    let name = match actor.kind() {
        ActorKind::Timer => words.history.timer.clone(),
        ActorKind::Server => words.history.server.clone(),
        ActorKind::ScriptEngine => format!("{} {}", words.history.script, actor.name),
        _ => actor.name.clone(),
    };
    if actor.subject.is_empty() || actor.subject == actor.name {
        return name;
    }
    format!("{name} ({} {})", words.history.as_identity, actor.subject)
}

/// What happened, and the values that the sentence does not name.
fn sentence(words: &Words, cause: &Cause) -> (String, BTreeMap<String, Value>) {
    let mut rest: BTreeMap<String, Value> = cause.values.clone().into_iter().collect();
    let kind = kind(cause.kind());
    let pattern = words.history.kinds.get(&kind);
    // A newer server may have kinds that this page does not know.
    let Some(pattern) = pattern else {
        return (kind.replace('_', " "), rest);
    };
    let mut text = String::new();
    let mut parts = pattern.split(['{', '}']);
    text.push_str(parts.next().unwrap_or_default());
    while let Some(named) = parts.next() {
        // `{ from NAME}` is left out as a whole where there is no such value.
        let (before, name) = named
            .rsplit_once(' ')
            .map_or(("", named), |(before, name)| {
                (&named[..=before.len()], name)
            });
        let value = match name {
            "title" => Some(cause.title.clone()),
            name => rest.remove(name).map(|value| shown::value(words, &value)),
        };
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(before);
            text.push_str(&value);
        }
        text.push_str(parts.next().unwrap_or_default());
    }
    (text, rest)
}

/// CHANGE_KIND_CALL_ENDED is `call_ended`.
fn kind(kind: ChangeKind) -> String {
    let name = kind.as_str_name().trim_start_matches("CHANGE_KIND_");
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::http::header::ACCEPT_LANGUAGE;

    use super::*;

    fn german() -> &'static Words {
        let language = HeaderValue::from_static("de");
        words(&HeaderMap::from_iter([(ACCEPT_LANGUAGE, language)]))
    }

    fn text(text: &str) -> Value {
        Value {
            kind: Some(Kind::Text(text.to_owned())),
        }
    }

    fn cause(kind: ChangeKind, values: &[(&str, &str)]) -> Cause {
        let values = values.iter();
        Cause {
            kind: kind.into(),
            title: "Approve".to_owned(),
            values: values
                .map(|(name, value)| ((*name).to_owned(), text(value)))
                .collect(),
            ..Cause::default()
        }
    }

    #[test]
    fn each_kind_of_change_has_a_sentence_in_each_language() {
        let kinds = (0..200).filter_map(|number| ChangeKind::try_from(number).ok());
        for kind_of_change in kinds {
            for words in [words(&HeaderMap::new()), german()] {
                let name = kind(kind_of_change);
                assert!(
                    words.history.kinds.contains_key(&name),
                    "{}: {name}",
                    words.code
                );
                let (text, _) = sentence(words, &cause(kind_of_change, &[]));
                assert!(!text.contains(['{', '}']) && text == text.trim(), "{text}");
            }
        }
    }

    #[test]
    fn a_sentence_names_its_values_once() {
        let english = words(&HeaderMap::new());
        for (kind, values, expected) in [
            (ChangeKind::ButtonPushed, &[][..], "pushed “Approve”"),
            (
                ChangeKind::HandedOver,
                &[("person", "Ben")],
                "handed over to Ben",
            ),
            (
                ChangeKind::HandedOver,
                &[("team", "payments"), ("from", "Ann")],
                "handed over from Ann to the team payments",
            ),
            (
                ChangeKind::ClaimLapsed,
                &[("holder", "Ann")],
                "the claim of Ann ran out",
            ),
            (ChangeKind::ClaimLapsed, &[], "the claim ran out"),
        ] {
            let (text, rest) = sentence(english, &cause(kind, values));
            assert_eq!((text.as_str(), rest.len()), (expected, 0));
        }
        let (text, rest) = sentence(english, &cause(ChangeKind::Snoozed, &[("other", "x")]));
        assert_eq!((text.as_str(), rest.len()), ("snoozed", 1));
    }

    #[test]
    fn the_name_of_a_change_has_no_gaps() {
        let english = words(&HeaderMap::new());
        for (kind, expected) in [
            (ChangeKind::ButtonPushed, "pushed"),
            (ChangeKind::TimerElapsed, "elapsed"),
            (ChangeKind::HandedOver, "handed over"),
        ] {
            assert_eq!(change_name(english, kind), expected);
        }
        assert_eq!(
            change_name(german(), ChangeKind::ButtonPushed),
            "hat gedrückt"
        );
    }

    #[test]
    fn an_identity_with_another_name_is_shown() {
        let english = words(&HeaderMap::new());
        let actor = |subject: &str| Actor {
            kind: ActorKind::Person.into(),
            name: "Ann".to_owned(),
            subject: subject.to_owned(),
        };
        assert_eq!(who(english, Some(&actor("Ann"))), "Ann");
        assert_eq!(who(english, Some(&actor("idp#7"))), "Ann (as idp#7)");
        assert_eq!(who(english, None), "");
    }
}
