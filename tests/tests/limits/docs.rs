//! The table of limits in the documents is that of the code, and names what counts each refusal.

use std::collections::BTreeSet;

use alerter_server::config::AlerterServerConfig;
use workflow_server::config::WorkflowServerConfig;

use crate::counted::{ELSEWHERE, ROWS};

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

/// The last cell of the row of a setting: what counts its refusals.
fn counted_by(setting: &str) -> BTreeSet<&'static str> {
    let row = format!("| `{setting}` | ");
    let line = PAGE.lines().find(|line| line.starts_with(&row));
    let line = line.unwrap_or_else(|| panic!("docs/operations.md has no row {row}"));
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    assert_eq!(cells.len(), 5, "{line}");
    match cells[4] {
        "no refusal" => BTreeSet::new(),
        cell => cell.split("; ").collect(),
    }
}

#[test]
fn the_page_names_what_counts_each_limit() {
    let settings = WorkflowServerConfig::default().limits.all();
    let settings = settings.into_iter().map(|(name, _)| name);
    for setting in settings.chain(["import_bytes_max", "commands_waiting_max"]) {
        let tried = ROWS.iter().map(|row| (row.setting, row.counted_by));
        let of_setting = tried.chain(ELSEWHERE.iter().copied());
        let of_setting = of_setting.filter(|(name, _)| *name == setting);
        let expected: BTreeSet<&str> = of_setting.map(|(_, counted_by)| counted_by).collect();
        assert_eq!(counted_by(setting), expected, "{setting}");
    }
}
