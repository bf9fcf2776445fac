//! `/livez`, `/readyz` and `/metrics`, over plain HTTP on the port of the server.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use crate::Readiness;

/// Upper bounds of the buckets of histograms, in seconds: from a tenth of a millisecond to an hour,
/// and fine between half a second and five, where a queue of timers ends.
const BUCKETS: [f64; 26] = [
    0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5,
    2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0,
];

/// How often the samples of histograms are counted.
const COUNT_EVERY: Duration = Duration::from_secs(5);

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
        let waiting = handle.clone();
        let counting = std::thread::Builder::new().name("metrics".to_owned());
        // Where nobody reads the metrics, the samples of histograms would pile up.
        let counted = counting.spawn(move || {
            loop {
                std::thread::sleep(COUNT_EVERY);
                waiting.run_upkeep();
            }
        });
        if let Err(error) = counted {
            tracing::warn!(%error, "the samples of metrics are counted only when they are read");
        }
        // Another recorder of this process stays: ours then shows nothing, and the rest works.
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("the process has another recorder of metrics: /metrics stays empty");
        }
        handle
    })
}

/// The routes of the probes.
pub(crate) const PATHS: [&str; 3] = ["/livez", "/readyz", FIGURES];

/// The figures of the server.
pub(crate) const FIGURES: &str = "/metrics";

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
