//! The table of limits in the documents is that of the code.

use alerter_server::config::AlerterServerConfig;
use workflow_server::config::WorkflowServerConfig;

const PAGE: &str = include_str!("../../../docs/operations.md");

/// A default as people write it.
fn written(name: &str, value: u32) -> String {
    let of_unit = |bytes: u32| match (bytes % (1 << 20), bytes % (1 << 10)) {
        (0, _) => format!("{} MiB", bytes >> 20),
        (_, 0) => format!("{} KiB", bytes >> 10),
        _ => format!("{bytes} bytes"),
    };
    let grouped = match value {
        0..1_000 => value.to_string(),
        _ => format!("{},{:03}", value / 1_000, value % 1_000),
    };
    match name {
        name if name.contains("_bytes_") => of_unit(value),
        name if name.ends_with("_seconds") => format!("{grouped} s"),
        _ => grouped,
    }
}

#[test]
fn the_page_of_limits_has_every_limit() {
    let workflow = WorkflowServerConfig::default();
    let of_alerter = AlerterServerConfig::default().limits.all();
    let mut all: Vec<(&str, u32, u32)> = workflow
        .limits
        .all()
        .into_iter()
        .zip(of_alerter)
        .map(|((name, value), (_, of_alerter))| (name, value, of_alerter))
        .collect();
    for (name, value) in [
        ("import_bytes_max", workflow.import_bytes_max),
        ("commands_waiting_max", workflow.commands_waiting_max),
    ] {
        all.push((name, value, value));
    }
    for (name, value, of_alerter) in all {
        let mut default = written(name, value);
        if of_alerter != value {
            default += &format!(" (alerter {})", written(name, of_alerter));
        }
        let row = format!("| `{name}` | {default} |");
        assert!(PAGE.contains(&row), "docs/operations.md has no row {row}");
    }
}
