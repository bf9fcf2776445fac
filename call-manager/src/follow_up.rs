//! One follow-up, beside the board: what it is, and all that can be done with it.

mod history;
mod picture;
mod reading;
mod snooze;

use std::collections::HashMap;

use aftercall_proto::workflow::v1::value::Kind;
use aftercall_proto::workflow::v1::{Button, FieldDeclaration, FollowUp, NoteRule, Status, Value};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
pub(crate) use history::{beginning as history_of, change_name, changes, history};
use jiff::Timestamp;
use jiff::tz::TimeZone;
pub(crate) use picture::picture;
use reading::Read;
pub(crate) use reading::read;
use snooze::{Label, Preset, presets};
use uuid::Uuid;

use crate::asked::Asked;
use crate::board::with_panel;
use crate::callers::{self, WorkList};
use crate::fields::{FieldInput, input_name};
use crate::layout::{html, is_fragment};
use crate::people::Person;
use crate::refusal;
use crate::shared::Shared;
use crate::shown;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// What a person typed into a form that was refused, and why it was.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The form: the name of an action, with the id of the button.
    pub(crate) form: String,
    /// The sentence for the person; empty for no refusal.
    pub(crate) why: Vec<refusal::Part>,
    /// The texts by the names of their fields.
    pub(crate) texts: HashMap<String, String>,
}

/// A follow-up with its forms.
#[derive(Template)]
#[template(path = "follow_up.html")]
struct Panel<'a> {
    words: &'a Words,
    person: &'a Person,
    read: &'a Read,
    one: &'a FollowUp,
    /// The times at which a snoozed alert may come back.
    presets: Vec<Preset>,
    kept: &'a Kept,
    /// What has just been done; empty for nothing.
    done: &'a str,
}

impl Panel<'_> {
    fn is_mine(&self) -> bool {
        let claim = self.one.claim.as_ref();
        claim.is_some_and(|claim| claim.holder == self.person.name)
    }

    /// The seconds until the claim lapses: the clock of a browser may be wrong.
    fn claim_left(&self) -> i64 {
        let until = self.one.claim.as_ref().and_then(|claim| claim.until);
        let until = until.map_or(0, |until| until.seconds);
        (until - Timestamp::now().as_second()).max(0)
    }

    fn is_open(&self) -> bool {
        self.read.is_open()
    }

    /// Whether the person may not choose it: its team shares its work fairly.
    fn is_shared(&self) -> bool {
        self.is_open() && self.read.shares.has(self.one)
    }

    /// The request id of a form: new in each page, so that two notes are two, and a second click on
    /// the same form is one.
    fn request_id(&self) -> String {
        Uuid::new_v4().to_string()
    }

    /// What was typed into a field of a form that was refused, or the default of the field.
    fn kept(&self, form: &str, field: &str, default: &str) -> String {
        let texts = (self.kept.form == form).then_some(&self.kept.texts);
        let kept = texts.and_then(|texts| texts.get(field));
        kept.map_or(default, String::as_str).to_owned()
    }

    /// What was typed into a form that the follow-up no longer has.
    fn homeless(&self) -> Vec<&str> {
        if self.kept.why.is_empty() || self.has_form(&self.kept.form) {
            return Vec::new();
        }
        let is_typed = |name: &str| {
            ["note", "text", "reason", "to", "outcome"].contains(&name) || name.starts_with("form.")
        };
        let texts = self.kept.texts.iter();
        let texts = texts.filter(|(name, text)| is_typed(name) && !text.is_empty());
        texts.map(|(_, text)| text.as_str()).collect()
    }

    fn has_form(&self, name: &str) -> bool {
        let (is_open, is_choice) = (self.is_open(), !self.is_shared());
        match name {
            "note" => is_open,
            "hand-over" => is_open && is_choice,
            "pause" => is_open && self.one.pause.is_none(),
            "take-over" => is_open && is_choice && self.one.claim.is_some() && !self.is_mine(),
            "finish" => self.is_incomplete(),
            _ if name.starts_with("snooze-") => self.has_snooze(name),
            _ => {
                let mut buttons = self.buttons().into_iter();
                buttons.any(|button| self.form_name(button) == name)
            }
        }
    }

    /// What was typed into a form that snoozes an alert.
    fn kept_snooze(&self, form: &str, alert: &str, field: &str) -> String {
        self.kept(&format!("{form}{alert}"), field, "")
    }

    /// Whether one of the alerts can be snoozed by this form.
    fn has_snooze(&self, name: &str) -> bool {
        let mut alerts = self.one.alerts.iter();
        let is_of = |id: &str| {
            let name = name.strip_prefix("snooze-").unwrap_or_default();
            name == id || name.strip_prefix("at-") == Some(id)
        };
        self.is_open() && alerts.any(|alert| alert.snoozed_until.is_none() && is_of(&alert.id))
    }

    /// Whether what needs care is open: a form of it was refused, or one of it must be used.
    fn is_apart_open(&self) -> bool {
        let form = self.kept.form.as_str();
        ["take-over", "hand-over", "pause", "finish"].contains(&form) || self.is_incomplete()
    }

    /// The buttons that the person may push: those that ask a question first come last, away from the
    /// others.
    fn buttons(&self) -> Vec<&Button> {
        if self.is_shared() {
            return Vec::new();
        }
        let mut buttons: Vec<&Button> = self.one.buttons.iter().collect();
        buttons.sort_by_key(|button| !button.confirmation.is_empty());
        buttons
    }

    fn call_name(&self) -> String {
        let call = self.one.call.as_ref().and_then(|call| call.r#ref.as_ref());
        call.map(|named| format!("{}/{}", named.source, named.id))
            .unwrap_or_default()
    }

    /// The address of all work of the caller; empty where nothing names them.
    fn caller_address(&self) -> String {
        let call = self.one.call.as_ref();
        let caller = call.and_then(|call| call.caller.as_ref());
        caller.map(callers::address).unwrap_or_default()
    }

    fn others(&self) -> String {
        let (words, work) = (self.words, self.read.others.iter().collect());
        let list = WorkList {
            words,
            work,
            has_callers: false,
        };
        list.render().unwrap_or_default()
    }

    fn preset_name(&self, preset: &Preset) -> &str {
        let words = &self.words.follow_up;
        match preset.label {
            Label::Hour => &words.hour,
            Label::Afternoon => &words.afternoon,
            Label::Tomorrow => &words.tomorrow,
            Label::Monday => &words.monday,
        }
    }

    fn form_name(&self, button: &Button) -> String {
        format!("push-{}", button.id)
    }

    fn is_note_required(&self, button: &Button) -> bool {
        button.note() == NoteRule::Required
    }

    fn fields(&self) -> Vec<(&str, &Value)> {
        let fields = self.one.fields.iter();
        let mut fields: Vec<_> = fields.map(|(name, value)| (name.as_str(), value)).collect();
        fields.sort_by_key(|(name, _)| *name);
        fields
    }

    /// The moment of a value that is a time; empty for any other.
    fn moment(&self, value: &Value) -> String {
        match &value.kind {
            Some(Kind::Time(time)) => time.to_string(),
            _ => String::new(),
        }
    }

    /// A field of a button's form, with what was typed into it where the form was refused.
    fn input(&self, form: &str, field: &FieldDeclaration) -> String {
        let input = FieldInput {
            words: self.words,
            field,
            prefix: "",
            typed: &self.kept(form, &input_name(field), ""),
            time_zone: &self.read.time_zone,
        };
        input.render().unwrap_or_default()
    }

    /// Whether a value is shown only when the person wants to see it.
    fn is_sensitive(&self, field: &str) -> bool {
        self.one.sensitive_fields.iter().any(|name| name == field)
    }

    fn text(&self, value: &Value) -> String {
        shown::value(self.words, value)
    }

    fn is_incomplete(&self) -> bool {
        self.one.status() == Status::Incomplete
    }
}

/// The HTML of a follow-up.
pub(crate) fn panel(
    person: &Person,
    words: &Words,
    read: &Read,
    kept: &Kept,
    done: &str,
) -> Result<String, Trouble> {
    let zone = TimeZone::get(&read.time_zone).unwrap_or(TimeZone::UTC);
    let panel = Panel {
        words,
        person,
        read,
        one: &read.one,
        presets: presets(Timestamp::now(), &zone),
        kept,
        done,
    };
    panel
        .render()
        .map_err(|error| Trouble::Form(error.to_string()))
}

/// `GET /f/ID`: the board with the follow-up beside it, or the follow-up alone for the script.
pub(crate) async fn follow_up(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let read = read(&person, &id).await?;
        let panel = panel(&person, words, &read, &Kept::default(), "")?;
        if is_fragment(&headers) {
            return Ok(html(&Part { panel: &panel }));
        }
        with_panel(&person, &asked, words, panel).await
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        trouble.answer(&headers, path)
    })
}

/// A part of a page.
#[derive(Template)]
#[template(source = "{{ panel|safe }}", ext = "html")]
pub(crate) struct Part<'a> {
    pub(crate) panel: &'a str,
}
