//! The pages of authors: workflows with their versions, an editor, try-outs, teams and calendars.
//!
//! Promise: what an author typed is shown again with each refusal. Must not: read a definition; the
//! server that will run it does.

mod calendars;
mod changes;
mod editor;
mod findings;
mod list;
mod one;
mod steps;
mod summaries;
mod teams;
mod trying;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

pub(crate) use one::description;
pub(crate) use summaries::named as summary;

use crate::shared::Shared;

/// A file has at most 1 MiB, and a form may have it twice: as it was, and as it was uploaded.
const FORM_BYTES_MAX: usize = 4 << 20;

/// The addresses of these pages.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/workflows", get(list::list))
        .route("/workflows/edit", get(editor::open).post(editor::work))
        .route("/workflows/teams", get(teams::list).post(teams::change))
        .route(
            "/workflows/calendars",
            get(calendars::list).post(calendars::change),
        )
        .route("/workflows/w/{name}", get(one::one))
        .route("/workflows/w/{name}/picture", get(one::picture))
        .route("/workflows/w/{name}/file", get(one::file))
        .route("/workflows/w/{name}/differences", get(one::differences))
        .route("/workflows/w/{name}/try", trying::routes())
        .route(
            "/workflows/w/{name}/publish",
            get(changes::ask_publish).post(changes::publish),
        )
        .route(
            "/workflows/w/{name}/archive",
            get(changes::ask_archive).post(changes::archive),
        )
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}
