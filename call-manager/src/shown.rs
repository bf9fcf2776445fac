//! Follow-ups as the templates show them.

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{Alert, Button, Caller, FollowUp, NoteRule, Priority, Value};
use askama::Template;
use prost_types::Timestamp;

use crate::phone::{self, Country};
use crate::words::Words;

/// A row of the board. It is the same for everybody who reads its language: times are shown by the
/// browser, and "mine" is a rule of the style sheet.
#[derive(Template)]
#[template(path = "row.html")]
pub(crate) struct Row<'a> {
    pub(crate) words: &'a Words,
    pub(crate) one: &'a FollowUp,
    /// Of telephone numbers that name none.
    pub(crate) country: Country,
}

impl Row<'_> {
    fn alert(&self) -> Option<&Alert> {
        self.one.alerts.first()
    }

    fn caller(&self) -> &str {
        let call = self.one.call.as_ref();
        let of_call = call.and_then(|call| call.caller.as_ref());
        of_call.map_or("", caller)
    }

    /// Names the most urgent alert: another key is new work.
    fn alert_key(&self) -> String {
        self.alert().map_or(String::new(), |alert| {
            let raised = epoch(&alert.raised_at);
            format!("{} {raised} {}", alert.id, alert.escalations)
        })
    }

    /// Who has seen the most urgent alert; empty for nobody.
    fn seen_by(&self) -> &str {
        self.alert().map_or("", |alert| &alert.acknowledged_by)
    }

    /// The workflow and the number of the stage, as the filter names it; empty before the first.
    pub(crate) fn stage(&self) -> String {
        let stage = self.one.stage.as_ref();
        stage.map_or(String::new(), |stage| {
            format!("{}/{}", self.one.workflow, stage.number)
        })
    }

    /// The number and the title of the stage.
    pub(crate) fn stage_title(&self) -> String {
        let stage = self.one.stage.as_ref();
        stage.map_or(String::new(), |stage| {
            format!("{} · {}", stage.number, stage.title)
        })
    }

    fn customer(&self) -> &str {
        self.one.call.as_ref().map_or("", |call| &call.customer)
    }

    fn teams(&self) -> String {
        let alerts = self.one.alerts.iter();
        let teams: Vec<&str> = alerts
            .flat_map(|alert| std::iter::once(&alert.team).chain(&alert.added_teams))
            .map(String::as_str)
            .collect();
        teams.join("\u{1f}")
    }

    /// What the search of the page looks at, in lower case: what the server searches too, except for
    /// details of the call, which a row does not have.
    fn search(&self) -> String {
        let caller = self.one.call.as_ref().and_then(|call| call.caller.as_ref());
        let digits = caller.map_or_else(String::new, |caller| {
            phone::digits(&caller.phone, self.country)
        });
        let caller = caller.map(|caller| {
            format!(
                "{}\n{}\n{}\n{}",
                caller.name, caller.phone, caller.email, caller.reference
            )
        });
        let sensitive = &self.one.sensitive_fields;
        let fields = self.one.fields.iter();
        let fields = fields
            .filter(|(name, _)| !sensitive.contains(name))
            .filter_map(|(_, value)| match &value.kind {
                Some(Kind::Text(text)) => Some(text.clone()),
                // Orders and invoices often have numbers.
                Some(Kind::Number(number)) => Some(number.to_string()),
                _ => None,
            });
        let fields: Vec<String> = fields.collect();
        let call = self.one.call.as_ref().and_then(|call| call.r#ref.as_ref());
        let call = call.map_or("", |call| &call.id);
        let alerts = self.one.alerts.iter().map(|alert| alert.text.as_str());
        let of_work = [self.customer(), &self.one.workflow, call];
        let of_work: Vec<&str> = of_work.into_iter().chain(alerts).collect();
        let caller = caller.unwrap_or_default();
        // A line end keeps the words of two texts apart, because nobody can type one.
        format!(
            "{caller}\n{digits}\n{}\n{}",
            fields.join("\n"),
            of_work.join("\n")
        )
        .to_lowercase()
    }

    fn priority(&self) -> &str {
        priority_word(self.words, self.one.priority())
    }
}

/// A caller in a word: the name, or else what is known; empty for nothing.
pub(crate) fn caller(caller: &Caller) -> &str {
    [
        &caller.name,
        &caller.phone,
        &caller.reference,
        &caller.email,
    ]
    .into_iter()
    .find(|text| !text.is_empty())
    .map_or("", String::as_str)
}

/// The zone of the caller's clock; empty where it is not known.
pub(crate) fn zone(one: &FollowUp) -> &str {
    let call = one.call.as_ref();
    let caller = call.and_then(|call| call.caller.as_ref());
    caller.map_or("", |caller| &caller.time_zone)
}

/// "2 of 4 · Pay out"; empty where it waits for the end of its call.
pub(crate) fn stage(words: &Words, one: &FollowUp) -> String {
    let Some(stage) = &one.stage else {
        return String::new();
    };
    match one.last_stage {
        0 => format!("{} · {}", stage.number, stage.title),
        last => format!("{} {} {last} · {}", stage.number, words.of, stage.title),
    }
}

/// The word for a priority; the template shows a sign beside it.
pub(crate) fn priority_word(words: &Words, priority: Priority) -> &str {
    match priority {
        Priority::Urgent => &words.urgent,
        Priority::High => &words.high,
        Priority::Low => &words.low,
        Priority::Normal | Priority::Unspecified => &words.normal,
    }
}

/// Seconds since 1970, for comparisons in the browser; empty for no time.
pub(crate) fn epoch(time: &Option<Timestamp>) -> String {
    time.map(|time| time.seconds.to_string())
        .unwrap_or_default()
}

/// A time as `<time datetime>` has it; empty for no time.
pub(crate) fn iso(time: &Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

/// A value for people. Times are as they are stored.
pub(crate) fn value(words: &Words, value: &Value) -> String {
    match &value.kind {
        Some(Kind::Text(text)) => text.clone(),
        Some(Kind::Number(number)) => number.to_string(),
        Some(Kind::Flag(true)) => words.yes.clone(),
        Some(Kind::Flag(false)) => words.no.clone(),
        Some(Kind::Time(time)) => time.to_string(),
        None => String::new(),
    }
}

/// Whether the button can be pushed without a form: no field, no required note, no question.
pub(crate) fn is_plain(button: &Button) -> bool {
    button.form.is_empty() && button.confirmation.is_empty() && button.note() != NoteRule::Required
}

/// What a button of a row sends. Its request id has the revision: a second click on the same row
/// repeats the first answer, and never pushes twice.
pub(crate) fn push(one: &FollowUp, button: &Button) -> String {
    let id = format!("row-{}-{}-{}", one.instance_id, one.revision, button.id);
    let stage = one.stage.as_ref().map(|stage| stage.number.to_string());
    form_urlencoded::Serializer::new(String::new())
        .append_pair("request_id", &id)
        .append_pair("button", &button.id)
        .append_pair("visit", &one.visit.to_string())
        .append_pair("stage", &stage.unwrap_or_default())
        .finish()
}

#[cfg(test)]
mod tests {
    use aftercall_proto::workflow::v1::{Call, Caller, Stage};
    use axum::http::HeaderMap;

    use super::*;
    use crate::words::words;

    fn hostile() -> FollowUp {
        let text = "<script>alert(1)</script>\"'&";
        FollowUp {
            instance_id: "i-1".to_owned(),
            revision: 3,
            workflow_title: text.to_owned(),
            call: Some(Call {
                customer: text.to_owned(),
                caller: Some(Caller {
                    name: text.to_owned(),
                    phone: "+44 (0)20 7946".to_owned(),
                    ..Caller::default()
                }),
                ..Call::default()
            }),
            alerts: vec![Alert {
                text: text.to_owned(),
                team: text.to_owned(),
                ..Alert::default()
            }],
            buttons: vec![Button {
                id: "b".to_owned(),
                label: text.to_owned(),
                ..Button::default()
            }],
            ..FollowUp::default()
        }
    }

    #[test]
    fn a_stage_is_shown_with_the_last_one() {
        let words = words(&HeaderMap::new());
        let mut one = FollowUp::default();
        assert_eq!(stage(words, &one), "");
        one.stage = Some(Stage {
            number: 2,
            title: "Pay out".to_owned(),
            ..Stage::default()
        });
        assert_eq!(stage(words, &one), "2 · Pay out");
        one.last_stage = 4;
        assert_eq!(stage(words, &one), "2 of 4 · Pay out");
    }

    #[test]
    fn a_caller_named_like_a_script_is_a_caller() {
        let words = words(&HeaderMap::new());
        let one = hostile();
        let country = Country::default();
        let row = Row {
            words,
            one: &one,
            country,
        };
        let row = row.render().expect("a row");
        assert!(!row.contains("<script>"), "{row}");
        assert!(row.matches("&#60;script&#62;").count() >= 5, "{row}");
        assert!(row.contains("020 7946") || row.contains("44020"), "{row}");
    }
}
