//! The board: the follow-ups that wait, most urgent first.

use std::collections::BTreeMap;

use aftercall_proto::workflow::v1::{FollowUp, ListFollowUpsRequest};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use futures::future::join4;
use uuid::Uuid;

use crate::asked::Asked;
use crate::country;
use crate::frame::{Frame, Here};
use crate::layout::html;
use crate::people::Person;
use crate::phone::Country;
use crate::selection::Work;
use crate::shared::Shared;
use crate::shares::Shares;
use crate::shown::{Row, iso};
use crate::trouble::Trouble;
use crate::views::{View, list, may_save_of_team};
use crate::words::{Words, words};

/// Rows of the first view; the others come with the stream.
const FIRST_ROWS: u32 = 50;

/// Rows of a part of the list, as its script makes them too.
const PART_ROWS: usize = 25;

/// The board, with a follow-up beside it where one is open.
#[derive(Template)]
#[template(path = "board.html")]
pub(crate) struct Board<'a> {
    frame: Frame<'a>,
    words: &'a Words,
    asked: &'a Asked,
    rows: Vec<FollowUp>,
    views: Vec<View>,
    shares: Shares,
    country: Country,
    as_of: String,
    /// The HTML of the open follow-up; empty for none.
    panel: String,
}

impl Board<'_> {
    /// The request id of "claim the next": a second click claims no second one.
    fn request_id(&self) -> String {
        Uuid::new_v4().to_string()
    }

    /// The stages to choose from: those of the first rows, and the chosen one. The script adds those
    /// of the other rows.
    fn stages(&self) -> BTreeMap<String, String> {
        let chosen = (self.asked.stage.clone(), self.asked.stage.clone());
        let mut stages = BTreeMap::from([chosen]);
        for one in &self.rows {
            let row = Row {
                words: self.words,
                one,
                country: self.country,
            };
            let name = format!("{} · {}", one.workflow_title, row.stage_title());
            stages.insert(row.stage(), name);
        }
        stages.remove("");
        stages
    }

    fn may_save_of_team(&self) -> bool {
        may_save_of_team(self.frame.person)
    }

    /// What the person may do to a selection.
    fn works(&self) -> Vec<Work> {
        Work::of(self.frame.person)
    }

    /// The priorities with a sound: the number, the name, and whether it is on at first.
    fn sounds(&self) -> [(u8, &str, bool); 4] {
        let words = self.words;
        [
            (4, &words.urgent, true),
            (3, &words.high, true),
            (2, &words.normal, false),
            (1, &words.low, false),
        ]
    }

    fn parts(&self) -> impl Iterator<Item = &[FollowUp]> {
        self.rows.chunks(PART_ROWS)
    }

    fn row(&self, one: &FollowUp) -> String {
        let row = Row {
            words: self.words,
            one,
            country: self.country,
        };
        row.render().unwrap_or_default()
    }
}

/// `GET /`.
pub(crate) async fn board(
    State(shared): State<Shared>,
    Query(asked): Query<Asked>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let shown = async {
        let person = shared.people.of_request(&headers).await?;
        with_panel(&person, &asked, words(&headers), String::new()).await
    };
    let shown: Result<Response, Trouble> = shown.await;
    shown.unwrap_or_else(|trouble| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        trouble.answer(&headers, path)
    })
}

/// The board with the HTML of a follow-up beside it.
pub(crate) async fn with_panel(
    person: &Person,
    asked: &Asked,
    words: &Words,
    panel: String,
) -> Result<Response, Trouble> {
    let request = ListFollowUpsRequest {
        filter: Some(asked.filter(person)),
        page_size: FIRST_ROWS,
        ..ListFollowUpsRequest::default()
    };
    let mut desk = person.desk();
    let listed = desk.list_follow_ups(request);
    let (listed, views, shares, country) = join4(
        listed,
        list(person),
        Shares::of(person),
        country::of(person),
    )
    .await;
    let listed = listed?.into_inner();
    let rows = listed.rows.into_iter();
    Ok(html(&Board {
        frame: Frame {
            words,
            person,
            here: Here::Board,
        },
        words,
        asked,
        rows: rows.filter_map(|row| row.follow_up).collect(),
        views,
        shares,
        country,
        as_of: iso(&listed.as_of),
        panel,
    }))
}
