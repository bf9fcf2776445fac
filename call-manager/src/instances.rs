//! The pages of operators: instances, changes of one or many, erasures, and how the server is.
//!
//! Promise: a change of instances is shown before it is made. What is made is what was shown: the
//! instances are named, and one that has changed since is left alone.

mod batches;
mod erasures;
mod filter;
mod list;
mod one;
mod report;
mod server;
mod stages;
mod stuck;
mod work;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::shared::Shared;

/// The ids of 10,000 instances fit.
const FORM_BYTES_MAX: usize = 2 << 20;

/// The addresses of these pages.
pub(crate) fn routes() -> Router<Shared> {
    Router::new()
        .route("/instances", get(list::list))
        .route("/instances/stuck", get(stuck::stuck))
        .route("/instances/i/{id}", get(one::one))
        .route("/instances/work", get(work::choose).post(work::work))
        .route("/instances/batches", get(batches::list))
        .route("/instances/batches/{id}", get(batches::one))
        .route("/instances/batches/{id}/stop", post(batches::stop))
        .route(
            "/instances/erasures",
            get(erasures::list).post(erasures::erase),
        )
        .route("/instances/erasures/{id}", get(erasures::one))
        .route(
            "/instances/server",
            get(server::state).post(server::confirm),
        )
        .route("/instances/report", get(report::report))
        .layer(DefaultBodyLimit::max(FORM_BYTES_MAX))
}
