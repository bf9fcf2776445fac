//! What a person sees at a terminal of a given size.

use crate::up::{SET, Up, with_refund};

/// Follow-ups with a long name, a name in wide characters and a text with line breaks; their ids.
async fn with_long_texts(up: &Up) -> Vec<String> {
    let mut ids = Vec::new();
    for (number, name) in [
        (1, "Augusta Ada King, Countess of Lovelace, of Ockham Park"),
        (2, "李小龙 李小龙 李小龙 李小龙"),
    ] {
        let set = SET
            .replace("demo/7", &format!("demo/{number}"))
            .replace("Ada", &format!("'{name}'"));
        let set = up
            .json(&format!(
                "{set} --field order=B-20981 --field reason=\"$(printf 'sent\\ntwice')\""
            ))
            .await;
        ids.push(
            set["follow_up"]["instance_id"]
                .as_str()
                .expect("an id")
                .to_owned(),
        );
    }
    ids
}

/// The lines that begin with one of the ids.
fn rows<'s>(shown: &'s str, ids: &[String]) -> Vec<&'s str> {
    shown
        .lines()
        .filter(|line| ids.iter().any(|id| line.starts_with(id.as_str())))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_fits_the_terminal_and_never_breaks_an_id() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let ids = with_long_texts(&up).await;
    for columns in [80_u16, 100, 200] {
        for command in ["calls", "instance list"] {
            let args: Vec<&str> = command.split(' ').collect();
            let (code, shown) = up.on_terminal(&args, columns, 24).ends();
            assert_eq!(code, 0, "{shown}");
            assert_eq!(
                rows(&shown, &ids).len(),
                2,
                "{command} in {columns} columns:\n{shown}"
            );
            let table = shown
                .lines()
                .filter(|line| !line.starts_with("The terminal has no room"));
            let widest = table.map(console_width).max().expect("lines");
            assert!(
                widest <= usize::from(columns),
                "{command} in {columns} columns has {widest}:\n{shown}"
            );
            assert_eq!(
                shown.contains("`--wide` shows all"),
                columns < 200,
                "{command} in {columns} columns:\n{shown}"
            );
        }
        let (_, history) = up.on_terminal(&["history", &ids[0]], columns, 24).ends();
        assert_eq!(
            history
                .lines()
                .filter(|line| line.contains("set on the call"))
                .count(),
            1,
            "{history}"
        );
    }
    let (_, narrow) = up.on_terminal(&["calls"], 80, 24).ends();
    for part in ["DUE", "ALERT", "BUTTONS", "CALLER"] {
        assert!(
            narrow.contains(part),
            "{part} is missing in 80 columns:\n{narrow}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_width_shows_everything() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    let ids = with_long_texts(&up).await;
    let (_, unknown) = up.on_terminal(&["calls"], 0, 0).ends();
    let (_, wide) = up.on_terminal(&["calls", "--wide"], 80, 24).ends();
    let piped = up.does("aftercall calls").await;
    for shown in [&unknown, &wide, &piped] {
        let rows = rows(shown, &ids);
        assert_eq!(rows.len(), 2, "{shown}");
        let reason = "Countess of Lovelace, of Ockham Park, order B-20981: sent ⏎ twice";
        assert!(rows.iter().any(|row| row.contains(reason)), "{shown}");
        assert!(
            shown.contains("TEAM") && shown.contains("HELD BY") && shown.contains("CUSTOMER"),
            "{shown}"
        );
    }
    assert_eq!(wide, unknown);
    let (_, without_lines) = up.on_terminal(&["calls"], 80, 0).ends();
    assert!(
        without_lines.contains("`--wide` shows all"),
        "`stty cols 80` sets no lines:\n{without_lines}"
    );
    assert!(
        rows(&without_lines, &ids)
            .iter()
            .all(|row| console_width(row) <= 80),
        "{without_lines}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn times_show_their_zone() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let up = with_refund(&dir.path().join("data")).await;
    for (command, said) in [
        ("calls", "Nothing waits for anybody here."),
        ("instance list", "No instance is like that."),
        ("instance stuck", "Nothing is stuck."),
        ("instance timers", "No timer is overdue."),
        ("open --phone 1", "Nothing is open."),
        ("caller --phone 1", "No call of this caller is known."),
        ("batch list", "There is no batch."),
        ("erase list", "No caller has been erased."),
    ] {
        let ended = up.shell(&format!("aftercall {command}")).await;
        assert_eq!(
            (ended.code, &*ended.out, &*ended.err),
            (0, "", &*format!("{said}\n")),
            "{command}"
        );
        assert_eq!(
            up.json(&format!("aftercall {command}")).await,
            serde_json::json!([]),
            "{command}"
        );
    }
    let ids = with_long_texts(&up).await;
    let history = up
        .does(&format!("TZ=Asia/Kolkata aftercall history {}", ids[0]))
        .await;
    assert!(history.contains("+05:30"), "{history}");
}

/// How many columns a line takes, as terminals count: the test's wide characters take two each.
fn console_width(line: &str) -> usize {
    line.chars()
        .map(|c| {
            if ('\u{4e00}'..='\u{9fff}').contains(&c) {
                2
            } else {
                1
            }
        })
        .sum()
}
