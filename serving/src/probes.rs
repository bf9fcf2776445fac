//! `/livez`, `/readyz` and `/metrics`, over plain HTTP on the port of the server.

use std::sync::OnceLock;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Readiness;

/// Buckets of histograms, in seconds: from a tenth of a millisecond to ten seconds.
const BUCKETS: [f64; 11] = [
    0.0001, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0,
];

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

/// The process's one recorder of metrics: two servers in one process share it.
pub fn metrics_handle() -> &'static PrometheusHandle {
    METRICS.get_or_init(|| {
        let builder = PrometheusBuilder::new();
        let builder = builder
            .set_buckets(&BUCKETS)
            .unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Another recorder of this process stays: ours then shows nothing, and the rest works.
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("the process has another recorder of metrics: /metrics stays empty");
        }
        handle
    })
}

/// The routes of the probes.
pub(crate) const PATHS: [&str; 3] = ["/livez", "/readyz", "/metrics"];

pub(crate) fn routes(readiness: Readiness) -> Router {
    let metrics = metrics_handle();
    Router::new()
        .route("/livez", get(|| async { "alive\n" }))
        .route(
            "/readyz",
            get(move || std::future::ready(ready(&readiness))),
        )
        .route(
            "/metrics",
            get(move || std::future::ready(metrics.render())),
        )
}

fn ready(readiness: &Readiness) -> (StatusCode, String) {
    let reasons = readiness.reasons();
    let warnings = readiness
        .warnings()
        .into_iter()
        .map(|warning| format!("warning: {warning}\n"));
    if reasons.is_empty() {
        return (
            StatusCode::OK,
            ["ready\n".to_owned()].into_iter().chain(warnings).collect(),
        );
    }
    let reasons = reasons.into_iter().map(|reason| format!("{reason}\n"));
    (
        StatusCode::SERVICE_UNAVAILABLE,
        reasons.chain(warnings).collect(),
    )
}
