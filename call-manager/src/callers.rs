//! All work of one caller: what is open, and what has ended.
//!
//! `/caller?phone=…` is an address for telephone systems: it opens the follow-up of the person who
//! rings.

use aftercall_proto::workflow::v1::{
    Call, Caller, FollowUp, ListCallsOfCallerRequest, ListCallsOfCallerResponse, Status,
};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse as _, Redirect, Response};
use prost_types::FieldMask;
use serde::Deserialize;

use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::people::Person;
use crate::shared::Shared;
use crate::shown;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// What a list of work shows of each follow-up.
const SHOWN: [&str; 13] = [
    "call",
    "workflow_title",
    "status",
    "stage",
    "last_stage",
    "alerts",
    "claim",
    "due",
    "started_at",
    "ended_at",
    "outcome",
    "reason",
    "priority",
];

/// A follow-up of a caller.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Work {
    pub(crate) call: Call,
    pub(crate) one: FollowUp,
}

impl Work {
    /// A follow-up with its call.
    pub(crate) fn of(mut one: FollowUp) -> Self {
        let call = one.call.take().unwrap_or_default();
        Self { call, one }
    }

    /// Who called; empty where nothing is known of them.
    fn caller(&self) -> &str {
        let caller = self.call.caller.as_ref();
        caller.map_or("", shown::caller)
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.one.status(), Status::Finished | Status::Cancelled)
    }

    /// Where it is shown: what has ended has only a history.
    fn path(&self) -> String {
        let id = &self.one.instance_id;
        match self.is_open() {
            true => format!("/f/{id}"),
            false => format!("/f/{id}/history"),
        }
    }

    fn status<'w>(&self, words: &'w Words) -> &'w str {
        let words = &words.callers;
        match self.one.status() {
            Status::Finished => &words.finished,
            Status::Cancelled => &words.cancelled,
            Status::Paused => &words.paused,
            Status::Incomplete => &words.incomplete,
            Status::WaitingForCallEnd | Status::Active | Status::Unspecified => &words.open,
        }
    }
}

/// A list of work.
#[derive(Template)]
#[template(path = "work.html")]
pub(crate) struct WorkList<'a> {
    pub(crate) words: &'a Words,
    pub(crate) work: Vec<&'a Work>,
    /// Whether it is the work of several callers.
    pub(crate) has_callers: bool,
}

/// The fields that [`WorkList`] shows.
pub(crate) fn shown_fields() -> FieldMask {
    FieldMask {
        paths: SHOWN.map(str::to_owned).to_vec(),
    }
}

/// All work of a caller, the open ones first.
#[derive(Debug, Default)]
pub(crate) struct WorkOfCaller {
    pub(crate) work: Vec<Work>,
    /// Whether older calls are left out.
    pub(crate) has_more: bool,
}

impl WorkOfCaller {
    /// # Errors
    /// [`Trouble`].
    pub(crate) async fn read(
        person: &Person,
        caller: Caller,
        customer: &str,
    ) -> Result<Self, Trouble> {
        let request = ListCallsOfCallerRequest {
            caller: Some(caller),
            customer: customer.to_owned(),
            read_mask: Some(shown_fields()),
        };
        let listed = person.desk().list_calls_of_caller(request).await?;
        Ok(Self::of_answer(listed.into_inner()))
    }

    fn of_answer(answer: ListCallsOfCallerResponse) -> Self {
        let mut work: Vec<Work> = Vec::new();
        let mut has_more = answer.more;
        for listed in answer.calls {
            let call = listed.call.unwrap_or_default();
            has_more |= listed.more_follow_ups;
            let ones = listed.follow_ups.into_iter();
            work.extend(ones.map(|one| Work {
                call: call.clone(),
                ..Work::of(one)
            }));
        }
        // The server lists the newest call first, which stays so within both groups.
        work.sort_by_key(|work| !work.is_open());
        Self { work, has_more }
    }

    fn open(&self) -> Vec<&Work> {
        self.work.iter().filter(|work| work.is_open()).collect()
    }

    fn ended(&self) -> Vec<&Work> {
        self.work.iter().filter(|work| !work.is_open()).collect()
    }
}

/// The caller in the address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AskedCaller {
    phone: String,
    reference: String,
    email: String,
    customer: String,
    /// Not empty: shows the list also where one follow-up is open.
    list: String,
}

impl AskedCaller {
    /// The caller to look for; `None` where the address names nobody.
    fn caller(&self) -> Option<Caller> {
        let caller = Caller {
            phone: self.phone(),
            reference: self.reference.trim().to_owned(),
            email: self.email.trim().to_owned(),
            ..Caller::default()
        };
        (caller != Caller::default()).then_some(caller)
    }

    /// Telephone systems put `+44…` into addresses as it is, which browsers read as ` 44…`.
    fn phone(&self) -> String {
        let is_plus = self.phone.starts_with(' ');
        let number = self.phone.trim();
        match is_plus && number.starts_with(|first: char| first.is_ascii_digit()) {
            true => format!("+{number}"),
            false => number.to_owned(),
        }
    }
}

/// The address of the page of a caller; empty where nothing names them.
pub(crate) fn address(caller: &Caller) -> String {
    let named = [
        ("reference", &caller.reference),
        ("phone", &caller.phone),
        ("email", &caller.email),
    ];
    let named = named.into_iter().find(|(_, text)| !text.is_empty());
    named.map_or_else(String::new, |(name, text)| {
        let text: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        format!("/caller?list=1&{name}={text}")
    })
}

#[derive(Template)]
#[template(path = "caller.html")]
struct CallerPage<'a> {
    frame: Frame<'a>,
    words: &'a Words,
    asked: &'a AskedCaller,
    /// Whether the address names a caller.
    is_asked: bool,
    found: &'a WorkOfCaller,
}

impl CallerPage<'_> {
    fn list(&self, work: Vec<&Work>) -> String {
        let words = self.words;
        let list = WorkList {
            words,
            work,
            has_callers: false,
        };
        list.render().unwrap_or_default()
    }

    /// Who it is, as the newest call has them.
    fn who(&self) -> Option<&Caller> {
        let newest = self.found.work.first();
        newest.and_then(|work| work.call.caller.as_ref())
    }
}

/// `GET /caller`.
pub(crate) async fn caller(
    State(shared): State<Shared>,
    Query(asked): Query<AskedCaller>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let words = words(&headers);
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        let wanted = asked.caller();
        let found = match &wanted {
            Some(caller) => {
                WorkOfCaller::read(&person, caller.clone(), asked.customer.trim()).await?
            }
            None => WorkOfCaller::default(),
        };
        if let ([only], true) = (&found.open()[..], asked.list.is_empty()) {
            return Ok(Redirect::to(&only.path()).into_response());
        }
        Ok(html(&CallerPage {
            frame: Frame {
                words,
                person: &person,
                here: Here::Board,
            },
            words,
            asked: &asked,
            is_asked: wanted.is_some(),
            found: &found,
        }))
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        trouble.answer(&headers, path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(phone: &str) -> AskedCaller {
        AskedCaller {
            phone: phone.to_owned(),
            ..AskedCaller::default()
        }
    }

    #[test]
    fn a_plus_in_an_address_stays_a_plus() {
        assert_eq!(asked(" 442079460001").phone(), "+442079460001");
        assert_eq!(asked("+44 20 7946 0001").phone(), "+44 20 7946 0001");
        assert_eq!(asked("020 7946 0001 ").phone(), "020 7946 0001");
        assert_eq!(asked("   ").caller(), None);
    }

    #[test]
    fn a_caller_is_named_by_what_is_surest() {
        let caller = |reference: &str, phone: &str| Caller {
            reference: reference.to_owned(),
            phone: phone.to_owned(),
            name: "Ada".to_owned(),
            ..Caller::default()
        };
        assert_eq!(
            address(&caller("C 7", "+44")),
            "/caller?list=1&reference=C+7"
        );
        assert_eq!(address(&caller("", "+44")), "/caller?list=1&phone=%2B44");
        assert_eq!(address(&caller("", "")), "");
    }
}
