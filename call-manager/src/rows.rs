//! The rows that streams are sent: each is made once for a revision and a language, for everybody.

use std::convert::Infallible;
use std::sync::Arc;

use aftercall_proto::workflow::v1::FollowUp;
use askama::Template as _;
use axum::response::sse::Event;
use quick_cache::sync::Cache;
use serde_json::json;

use crate::phone::Country;
use crate::shown::Row;
use crate::words::Words;

/// Rows that are kept: those that change while many streams are sent them.
const ROWS_MAX: usize = 4_096;

/// A follow-up at a revision, in a language, with the country of telephone numbers that name none.
type RowKey = (String, u64, &'static str, Country);

/// The words of rows, and the country of telephone numbers that name none.
pub(crate) type Style = (&'static Words, Country);

/// Rows as JSON: each is made once, for all streams.
#[derive(Clone, Debug)]
pub(crate) struct Rows(Arc<Cache<RowKey, Arc<str>>>);

impl Default for Rows {
    fn default() -> Self {
        Self(Arc::new(Cache::new(ROWS_MAX)))
    }
}

impl Rows {
    fn html(&self, (words, country): Style, one: &FollowUp) -> Arc<str> {
        let make = || {
            let row = Row {
                words,
                one,
                country,
            };
            let html = row.render().unwrap_or_default();
            let json = serde_json::to_string(&html).unwrap_or_default();
            Ok::<_, Infallible>(json.into())
        };
        let code = words.code.as_str();
        let key = (one.instance_id.clone(), one.revision, code, country);
        let Ok(html) = self.0.get_or_insert_with(&key, make);
        html
    }

    /// The event of a row.
    pub(crate) fn event(&self, style: Style, one: &FollowUp, event: &str, by: &str) -> Event {
        let [id, by] = [one.instance_id.as_str(), by].map(|text| json!(text));
        let (rev, html) = (one.revision, self.html(style, one));
        let data = format!(r#"{{"id":{id},"rev":{rev},"by":{by},"html":{html}}}"#);
        Event::default().event(event).data(data)
    }
}
