//! What is done to many follow-ups at once: a batch of the workflow-server.
//!
//! Promise: the server first shows what would come of each follow-up. The page starts no batch
//! before the person has seen that, and decides nothing about it.

use std::collections::HashMap;

use aftercall_proto::access::v1::Role;
use aftercall_proto::workflow::v1::batch_work::Kind;
use aftercall_proto::workflow::v1::{
    Batch, BatchItem, BatchItemState, BatchState, BatchWork, Button, CancelWork, ClaimWork,
    FieldDeclaration, GetBatchRequest, GetFollowUpRequest, HandOverWork, ListBatchItemsRequest,
    PauseWork, PushWork, ResumeWork, SnoozeWork, StartBatchRequest,
};
use askama::Template;
use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use prost_types::FieldMask;
use serde::Deserialize;

use crate::fields::FieldInput;
use crate::form::{Texts, invalid, values};
use crate::layout::html;
use crate::people::Person;
use crate::shared::Shared;
use crate::trouble::Trouble;
use crate::words::{Words, words};

/// Items that a person looks at; the others are counted.
const ITEMS_SHOWN: u32 = 200;

/// What can be done to many follow-ups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Push,
    Claim,
    Snooze,
    HandOver,
    Pause,
    Resume,
    Cancel,
}

impl Work {
    const ALL: [Self; 7] = [
        Self::Push,
        Self::Claim,
        Self::Snooze,
        Self::HandOver,
        Self::Pause,
        Self::Resume,
        Self::Cancel,
    ];

    /// What a person may do to many follow-ups.
    pub(crate) fn of(person: &Person) -> Vec<Self> {
        let (leads, is_at_desk) = (
            person.may(&[Role::Supervisor, Role::Operator]),
            person.may(&[Role::Agent, Role::Supervisor]),
        );
        let is_allowed = |work: &Self| match work {
            Self::Push | Self::Claim | Self::Snooze => is_at_desk,
            Self::HandOver | Self::Pause | Self::Resume => leads || is_at_desk,
            Self::Cancel => leads,
        };
        Self::ALL.into_iter().filter(is_allowed).collect()
    }

    /// The name in forms and scripts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Claim => "claim",
            Self::Snooze => "snooze",
            Self::HandOver => "hand-over",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel => "cancel",
        }
    }

    pub(crate) fn word(self, words: &Words) -> &str {
        match self {
            Self::Push => &words.desk.push,
            Self::Claim => &words.claim,
            Self::Snooze => &words.snooze,
            Self::HandOver => &words.hand_over,
            Self::Pause => &words.pause,
            Self::Resume => &words.resume,
            Self::Cancel => &words.desk.cancel,
        }
    }

    /// Whether it cannot be undone: its button is apart from the others.
    pub(crate) fn is_destructive(self) -> bool {
        self == Self::Cancel
    }
}

/// The form of a selection.
///
/// Its texts are `work`, the name of a work; `ids`, the follow-ups, one a line; `reason`,
/// `request_id`, and `step`: `check` shows what would come of it, and `start` does it. A work has
/// its own: `to`; `until` of a snooze, a moment; `button`, the number of the stage and the id of the button as
/// `1/approve`, with the values of its form.
struct Asked {
    work: Work,
    texts: Texts,
}

impl Asked {
    fn read(texts: Texts) -> Result<Self, Trouble> {
        let name = texts.get("work");
        let work = Work::ALL.into_iter().find(|work| work.name() == name);
        let work = work.ok_or_else(|| invalid("work", &name))?;
        Ok(Self { work, texts })
    }

    fn kind(&self) -> Result<Kind, Trouble> {
        Ok(match self.work {
            Work::Push => {
                let button = self.texts.get("button");
                let (stage, button_id) = button.split_once('/').unwrap_or_default();
                Kind::Push(PushWork {
                    // The server refuses a stage that none has.
                    stage: stage.parse().unwrap_or(0),
                    button_id: button_id.to_owned(),
                    form: values(&self.texts)?,
                })
            }
            Work::Snooze => {
                let until = self.texts.get("until");
                let until = until.parse().map_err(|_| invalid("until", &until))?;
                Kind::Snooze(SnoozeWork { until: Some(until) })
            }
            Work::Claim => Kind::Claim(ClaimWork::default()),
            Work::HandOver => Kind::HandOver(HandOverWork {
                to_person: self.texts.get("to"),
                ..HandOverWork::default()
            }),
            Work::Pause => Kind::Pause(PauseWork::default()),
            Work::Resume => Kind::Resume(ResumeWork::default()),
            Work::Cancel => Kind::Cancel(CancelWork::default()),
        })
    }

    fn request(&self, person: &Person) -> Result<StartBatchRequest, Trouble> {
        let kind = Some(self.kind()?);
        Ok(StartBatchRequest {
            request_id: self.texts.get("request_id"),
            actor: person.actor(),
            work: Some(BatchWork { kind }),
            instance_ids: self.texts.get("ids").lines().map(str::to_owned).collect(),
            reason: self.texts.get("reason"),
            dry_run: self.texts.get("step") != "start",
            ..StartBatchRequest::default()
        })
    }
}

/// What would come of each follow-up, or what has come of it.
#[derive(Template)]
#[template(path = "selection.html")]
struct Results<'a> {
    words: &'a Words,
    items: Vec<BatchItem>,
    /// All items, also those that are not shown.
    total: u32,
    done: u32,
    refused: u32,
    /// Absent for a check.
    batch: Option<Batch>,
}

impl<'a> Results<'a> {
    fn of_check(words: &'a Words, items: Vec<BatchItem>) -> Self {
        let count = |state| {
            let items = items.iter().filter(|item| item.state() == state);
            u32::try_from(items.count()).unwrap_or(u32::MAX)
        };
        let [done, refused] = [BatchItemState::Done, BatchItemState::Refused].map(count);
        let mut items = items;
        // What is refused is what the person must see.
        items.sort_by_key(|item| item.state() != BatchItemState::Refused);
        items.truncate(ITEMS_SHOWN as usize);
        Self {
            words,
            items,
            total: done + refused,
            done,
            refused,
            batch: None,
        }
    }

    fn of_batch(words: &'a Words, batch: Batch, items: Vec<BatchItem>) -> Self {
        Self {
            words,
            items,
            total: batch.items,
            done: batch.done,
            refused: batch.refused,
            batch: Some(batch),
        }
    }

    fn is_running(&self) -> bool {
        let batch = self.batch.as_ref();
        batch.is_some_and(|batch| batch.state() == BatchState::Running)
    }

    fn state(&self, item: &BatchItem) -> &str {
        match (item.state(), &self.batch) {
            (BatchItemState::Refused, _) => &self.words.desk.refused,
            (BatchItemState::Done, Some(_)) => &self.words.done,
            (BatchItemState::Done, None) => &self.words.desk.possible,
            _ => &self.words.desk.waits,
        }
    }

    /// Why it is refused: in words, or else by its stable word.
    fn why(&self, item: &BatchItem) -> String {
        // Items have a shorter word for what is invalid.
        let reason = match item.reason.as_str() {
            "INVALID" => "INVALID_REQUEST",
            reason => reason,
        };
        let why = self.words.refusal(reason, &item.detail);
        if why.is_empty() {
            item.reason.replace('_', " ").to_lowercase()
        } else {
            why
        }
    }
}

/// The addresses of a selection.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/selection", post(start))
        .route("/selection/form", get(form))
        .route("/selection/{batch}", get(progress))
}

/// `POST /selection`: what would come of it, or the batch that does it.
async fn start(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Form(texts): Form<HashMap<String, String>>,
) -> Response {
    let words = words(&headers);
    let answered = async {
        let person = shared.people.of_request(&headers).await?;
        let request = Asked::read(Texts(texts))?.request(&person)?;
        let started = person.operations().start_batch(request).await?.into_inner();
        let results = match started.batch {
            None => Results::of_check(words, started.items),
            Some(batch) => Results::of_batch(words, batch, Vec::new()),
        };
        Ok(html(&results))
    };
    let answered: Result<Response, Trouble> = answered.await;
    answered.unwrap_or_else(|trouble| trouble.answer(&headers, "/"))
}

/// A button of a follow-up.
#[derive(Debug, Deserialize)]
struct OfButton {
    id: String,
    button: String,
}

/// What a button asks before it is pushed on all.
#[derive(Template)]
#[template(path = "selection_form.html")]
struct Questions<'a> {
    words: &'a Words,
    button: Button,
    time_zone: String,
}

impl Questions<'_> {
    fn input(&self, field: &FieldDeclaration) -> String {
        let input = FieldInput {
            words: self.words,
            field,
            prefix: "",
            typed: "",
            time_zone: &self.time_zone,
        };
        input.render().unwrap_or_default()
    }
}

/// `GET /selection/form`: the form of a button, as one of the follow-ups has it.
async fn form(
    State(shared): State<Shared>,
    Query(of): Query<OfButton>,
    headers: HeaderMap,
) -> Response {
    let words = words(&headers);
    let answered = async {
        let person = shared.people.of_request(&headers).await?;
        let request = GetFollowUpRequest {
            instance_id: of.id,
            read_mask: Some(FieldMask {
                paths: vec!["buttons".to_owned()],
            }),
        };
        let read = person.desk().get_follow_up(request).await?.into_inner();
        let buttons = read.follow_up.unwrap_or_default().buttons;
        let mut buttons = buttons.into_iter();
        let button = buttons.find(|button| button.id == of.button);
        Ok(html(&Questions {
            words,
            button: button.ok_or(Trouble::NotFound)?,
            time_zone: read.time_zone,
        }))
    };
    let answered: Result<Response, Trouble> = answered.await;
    answered.unwrap_or_else(|trouble| trouble.answer(&headers, "/"))
}

/// `GET /selection/BATCH`: how far it is.
async fn progress(
    State(shared): State<Shared>,
    Path(batch_id): Path<u64>,
    headers: HeaderMap,
) -> Response {
    let words = words(&headers);
    let answered = async {
        let person = shared.people.of_request(&headers).await?;
        let mut operations = person.operations();
        let read = operations.get_batch(GetBatchRequest { batch_id }).await?;
        let batch = read.into_inner().batch.ok_or(Trouble::NotFound)?;
        let request = ListBatchItemsRequest {
            batch_id,
            page_size: ITEMS_SHOWN,
            ..ListBatchItemsRequest::default()
        };
        let items = operations.list_batch_items(request).await?.into_inner();
        Ok(html(&Results::of_batch(words, batch, items.items)))
    };
    let answered: Result<Response, Trouble> = answered.await;
    answered.unwrap_or_else(|trouble| trouble.answer(&headers, "/"))
}
