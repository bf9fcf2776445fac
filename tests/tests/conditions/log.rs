//! What the log says about conditions: the last line of each.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Mutex, Once};

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// By the name of the condition.
static LAST: Mutex<BTreeMap<String, Said>> = Mutex::new(BTreeMap::new());

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) level: Level,
    pub(crate) sentence: String,
}

/// Reads the log of this process from here on, and forgets what an earlier server has logged.
pub(crate) fn read() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        tracing_subscriber::registry()
            .with(LastLines.with_filter(LevelFilter::INFO))
            .init();
    });
    LAST.lock().expect("no panic holds it").clear();
}

/// The last line about a condition.
pub(crate) fn last(condition: &str) -> Option<Said> {
    LAST.lock()
        .expect("no panic holds it")
        .get(condition)
        .cloned()
}

struct LastLines;

impl<S: Subscriber> Layer<S> for LastLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::default();
        event.record(&mut line);
        if let Some(condition) = line.condition {
            let said = Said {
                level: *event.metadata().level(),
                sentence: line.message,
            };
            LAST.lock()
                .expect("no panic holds it")
                .insert(condition, said);
        }
    }
}

#[derive(Default)]
struct Line {
    condition: Option<String>,
    message: String,
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "condition" {
            self.condition = Some(value.to_owned());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
