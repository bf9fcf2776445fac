//! What a person does with a follow-up: each is a form that the page posts.
//!
//! Promise: a refused form comes back with all that the person typed and the reason. The same form
//! sent twice acts once, by its request id.

use std::collections::HashMap;

use aftercall_client::Connection;
use aftercall_proto::workflow::v1::call_manager_service_client::CallManagerServiceClient;
use aftercall_proto::workflow::v1::snooze_alert_request::When;
use aftercall_proto::workflow::v1::{
    AcknowledgeAlertRequest, AddNoteRequest, ClaimFollowUpRequest, ClaimNextRequest,
    ExtendClaimRequest, FinishFollowUpRequest, HandOverRequest, PauseFollowUpRequest,
    PushButtonRequest, ReleaseClaimRequest, ResumeFollowUpRequest, SnoozeAlertRequest,
    TakeOverRequest, UndoPushRequest,
};
use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use prost_types::Timestamp;
use serde::Deserialize;

use crate::asked::Asked;
use crate::board::with_panel;
use crate::follow_up::{Kept, Part, panel, read};
use crate::form::{Texts, invalid, moment, values};
use crate::layout::{html, is_fragment};
use crate::people::Person;
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::words::words;

/// For how long a push can be taken back.
const UNDO_SECONDS: HeaderName = HeaderName::from_static("x-undo-seconds");

/// What can be done with a follow-up, by the last part of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Action {
    Push,
    Note,
    Seen,
    Claim,
    Extend,
    Release,
    TakeOver,
    HandOver,
    Snooze,
    Pause,
    Resume,
    Undo,
    Finish,
}

impl Action {
    /// The name of its form, as in the page.
    fn form(self, texts: &Texts) -> String {
        match self {
            Self::Push => format!("push-{}", texts.get("button")),
            Self::Note => "note".to_owned(),
            Self::TakeOver => "take-over".to_owned(),
            Self::HandOver => "hand-over".to_owned(),
            Self::Pause => "pause".to_owned(),
            Self::Finish => "finish".to_owned(),
            Self::Snooze if texts.get("local").is_empty() => {
                format!("snooze-{}", texts.get("alert"))
            }
            Self::Snooze => format!("snooze-at-{}", texts.get("alert")),
            _ => String::new(),
        }
    }
}

/// `POST /f/ID/ACTION`.
pub(crate) async fn act(
    State(shared): State<Shared>,
    Path((id, action)): Path<(String, Action)>,
    headers: HeaderMap,
    Form(texts): Form<HashMap<String, String>>,
) -> Response {
    let texts = Texts(texts);
    let answered = async {
        let person = shared.people.of_request(&headers).await?;
        let done = done(&person, &id, action, &texts).await;
        if done.is_ok() && !is_fragment(&headers) {
            return Ok(Redirect::to(&format!("/f/{id}")).into_response());
        }
        let undo_until = done.as_ref().ok().and_then(|done| done.undo_until);
        let done = done.map(|done| done.warnings);
        let shown = shown(&person, &id, &headers, done, action.form(&texts), texts).await;
        shown.map(|mut response| {
            let seconds = undo_until.map(seconds_until);
            response
                .headers_mut()
                .extend(seconds.map(|seconds| (UNDO_SECONDS, seconds.into())));
            response
        })
    };
    let answered: Result<Response, Trouble> = answered.await;
    answered.unwrap_or_else(|trouble| trouble.answer(&headers, &format!("/f/{id}")))
}

/// The follow-up after the action, with what was typed where it was refused.
async fn shown(
    person: &Person,
    id: &str,
    headers: &HeaderMap,
    done: Result<String, Trouble>,
    form: String,
    texts: Texts,
) -> Result<Response, Trouble> {
    let words = words(headers);
    let (kept, said) = match done {
        Ok(warnings) => (None, format!("{}{warnings}", words.done)),
        Err(trouble @ (Trouble::Refused(_) | Trouble::Declined { .. } | Trouble::Form(_))) => {
            let why = trouble.why(words);
            let texts = texts.0;
            (Some(Kept { form, why, texts }), String::new())
        }
        Err(other) => return Err(other),
    };
    let is_refused = kept.is_some();
    let read = read(person, id).await?;
    let panel = panel(person, words, &read, &kept.unwrap_or_default(), &said)?;
    let mut response = if is_fragment(headers) {
        html(&Part { panel: &panel })
    } else {
        with_panel(person, &Asked::default(), words, panel).await?
    };
    if is_refused {
        *response.status_mut() = StatusCode::CONFLICT;
    }
    Ok(response)
}

/// The seconds until a time, as a browser counts them: its clock may be wrong.
fn seconds_until(time: Timestamp) -> u64 {
    let left = time.seconds - jiff::Timestamp::now().as_second();
    left.max(0).unsigned_abs()
}

/// `POST /claim-next`: claims the most urgent follow-up that nobody holds, and opens it. A script
/// gets the follow-up; no content where there is none.
pub(crate) async fn claim_next(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(asked): Form<Asked>,
) -> Response {
    let answered = async {
        let person = shared.people.of_request(&headers).await?;
        let request = ClaimNextRequest {
            request_id: asked.request_id.clone(),
            actor: person.actor(),
            filter: Some(asked.filter(&person)),
            ..ClaimNextRequest::default()
        };
        let claimed = person.desk().claim_next(request).await?.into_inner();
        let id = claimed.follow_up.map(|one| one.instance_id);
        if !is_fragment(&headers) {
            let path = id.map_or("/".to_owned(), |id| format!("/f/{id}"));
            return Ok(Redirect::to(&path).into_response());
        }
        let Some(id) = id else {
            return Ok(StatusCode::NO_CONTENT.into_response());
        };
        let read = read(&person, &id).await?;
        let panel = panel(&person, words(&headers), &read, &Kept::default(), "")?;
        Ok(html(&Part { panel: &panel }))
    };
    let answered: Result<Response, Trouble> = answered.await;
    answered.unwrap_or_else(|trouble| trouble.answer(&headers, "/"))
}

/// What the person should know about what was done.
#[derive(Debug, Default)]
struct Done {
    /// Each after a mark.
    warnings: String,
    /// Until when it can be taken back; absent where it cannot.
    undo_until: Option<Timestamp>,
}

async fn done(person: &Person, id: &str, action: Action, texts: &Texts) -> Result<Done, Trouble> {
    let mut doing = Doing {
        desk: person.desk(),
        request_id: texts.get("request_id"),
        actor: person.actor(),
        instance_id: id.to_owned(),
        texts,
        done: Done::default(),
    };
    let done = match action {
        Action::Push => doing.push().await,
        Action::Note => doing.note().await,
        Action::Seen => doing.note_as_seen().await,
        Action::Claim => doing.claim().await,
        Action::Extend => doing.extend().await,
        Action::Release => doing.release().await,
        Action::TakeOver => doing.take_over().await,
        Action::HandOver => doing.hand_over().await,
        Action::Snooze => doing.snooze().await,
        Action::Pause => doing.pause().await,
        Action::Resume => doing.resume().await,
        Action::Undo => doing.undo().await,
        Action::Finish => doing.finish().await,
    };
    done.map(|()| doing.done)
}

/// An action of a person, on its way to the server.
struct Doing<'a> {
    desk: CallManagerServiceClient<Connection>,
    request_id: String,
    actor: String,
    instance_id: String,
    texts: &'a Texts,
    done: Done,
}

/// The request of an action, with what every request has.
macro_rules! request {
    ($doing:ident, $type:ident { $($field:ident: $value:expr),* $(,)? }) => {
        $type {
            request_id: $doing.request_id.clone(),
            actor: $doing.actor.clone(),
            $($field: $value,)*
            ..$type::default()
        }
    };
}

impl Doing<'_> {
    fn id(&self) -> String {
        self.instance_id.clone()
    }

    async fn push(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            PushButtonRequest {
                instance_id: self.id(),
                button_id: self.texts.get("button"),
                visit: self.texts.number("visit")?,
                stage: self.texts.number("stage")?,
                note: self.texts.get("note"),
                form: values(self.texts)?,
            }
        );
        let pushed = self.desk.push_button(request).await?.into_inner();
        self.done.undo_until = pushed.undo_until;
        Ok(())
    }

    async fn note(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            AddNoteRequest {
                instance_id: self.id(),
                text: self.texts.get("text"),
            }
        );
        self.desk.add_note(request).await?;
        Ok(())
    }

    async fn note_as_seen(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            AcknowledgeAlertRequest {
                instance_id: self.id(),
                alert_id: self.texts.get("alert"),
                team: self.texts.get("team"),
                escalations: self.texts.number("escalations")?,
            }
        );
        self.desk.acknowledge_alert(request).await?;
        Ok(())
    }

    async fn claim(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            ClaimFollowUpRequest {
                instance_id: self.id()
            }
        );
        self.desk.claim_follow_up(request).await?;
        Ok(())
    }

    async fn extend(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            ExtendClaimRequest {
                instance_id: self.id()
            }
        );
        self.desk.extend_claim(request).await?;
        Ok(())
    }

    async fn release(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            ReleaseClaimRequest {
                instance_id: self.id()
            }
        );
        self.desk.release_claim(request).await?;
        Ok(())
    }

    async fn take_over(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            TakeOverRequest {
                instance_id: self.id(),
                reason: self.texts.get("reason"),
            }
        );
        self.desk.take_over(request).await?;
        Ok(())
    }

    async fn hand_over(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            HandOverRequest {
                instance_ids: vec![self.id()],
                to_person: self.texts.get("to"),
                to_team: self.texts.get("to_team"),
                reason: self.texts.get("reason"),
            }
        );
        let answer = self.desk.hand_over(request).await?.into_inner();
        let mut refused = answer.results.into_iter();
        let refused = refused.find(|one| !one.reason.is_empty());
        refused.map_or(Ok(()), |one| {
            Err(Trouble::Declined {
                reason: one.reason,
                sentence: one.message,
            })
        })
    }

    async fn snooze(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            SnoozeAlertRequest {
                instance_id: self.id(),
                alert_id: self.texts.get("alert"),
                team: self.texts.get("team"),
                escalations: self.texts.number("escalations")?,
                attempt_outcome: self.texts.get("outcome"),
                when: Some(self.when()?),
            }
        );
        let snoozed = self.desk.snooze_alert(request).await?.into_inner();
        for warning in snoozed.warnings {
            self.done.warnings.push_str(" · ");
            self.done.warnings.push_str(&warning);
        }
        Ok(())
    }

    /// When a snoozed alert comes back: at a moment, when the caller's clock shows a time, or now.
    fn when(&self) -> Result<When, Trouble> {
        let (moment, local) = (self.texts.get("until"), self.texts.get("local"));
        if !moment.is_empty() {
            let moment = moment.parse().map_err(|_| invalid("until", &moment))?;
            return Ok(When::Until(moment));
        }
        if !local.is_empty() {
            return Ok(When::LocalTime(local));
        }
        match self.texts.number("for")? {
            0 => Ok(When::EndNow(true)),
            seconds => Err(invalid("for", &seconds.to_string())),
        }
    }

    async fn pause(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            PauseFollowUpRequest {
                instance_id: self.id(),
                reason: self.texts.get("reason"),
                until: moment(self.texts, "until")?,
            }
        );
        self.desk.pause_follow_up(request).await?;
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            FinishFollowUpRequest {
                instance_id: self.id(),
                visit: self.texts.number("visit")?,
                stage: self.texts.number("stage")?,
                outcome: self.texts.get("outcome"),
                note: self.texts.get("note"),
            }
        );
        self.desk.finish_follow_up(request).await?;
        Ok(())
    }

    async fn resume(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            ResumeFollowUpRequest {
                instance_id: self.id()
            }
        );
        self.desk.resume_follow_up(request).await?;
        Ok(())
    }

    async fn undo(&mut self) -> Result<(), Trouble> {
        let request = request!(
            self,
            UndoPushRequest {
                instance_id: self.id()
            }
        );
        self.desk.undo_push(request).await?;
        Ok(())
    }
}
