//! `aftercall wallboard --watch` on a screen: drawn over, through restarts of the alerter.

use std::process::Command;

use aftercall_tests::{House, Terminal, binary, set, with_refund};

/// What is on the screen: what was drawn last.
fn screen(shown: &str) -> Vec<String> {
    let last = shown
        .rsplit("\u{1b}[H")
        .find(|frame| frame.contains("\u{1b}[J"))
        .unwrap_or_default();
    let text = last
        .split("\u{1b}[J")
        .next()
        .unwrap_or_default()
        .replace("\u{1b}[K", "");
    text.lines().map(str::to_owned).collect()
}

fn has_open(shown: &str, count: &str) -> bool {
    screen(shown)
        .iter()
        .any(|line| line.starts_with("all ") && line.split_whitespace().nth(1) == Some(count))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wallboard_survives_a_restart() {
    let mut house = House::start().await;
    let mut clients = with_refund(&house).await;
    set(&mut clients, "a", 5.0).await;
    let alerter = house.alerter_address().to_string();
    let mut watch = Command::new(binary("aftercall"));
    let mut watch = Terminal::start(watch.args(["watch", "--alerter", &alerter]), 80, 24);
    watch.shows("the snapshot", |shown| shown.contains("1 open"));
    let mut command = Command::new(binary("aftercall"));
    command.args([
        "wallboard",
        "--watch",
        "--updates",
        "10",
        "--alerter",
        &alerter,
    ]);
    command.env("NO_COLOR", "1");
    let mut terminal = Terminal::start(&mut command, 60, 6);
    let shown = terminal.shows("one follow-up", |shown| has_open(shown, "1"));
    let lines = screen(&shown);
    assert!(lines.len() <= 6 && lines[0].starts_with("20"), "{lines:?}");
    assert!(
        lines.last().is_some_and(|line| line.starts_with('…')),
        "{lines:?}"
    );
    let clock = lines[0].clone();
    terminal.shows("a clock that goes", |shown| {
        screen(shown).first().is_some_and(|line| *line != clock)
    });
    house.stop_alerter().await;
    terminal.shows("the loss", |shown| shown.contains("Connection lost ("));
    set(&mut clients, "b", 6.0).await;
    house.start_alerter().await;
    let shown = terminal.shows("both follow-ups", |shown| has_open(shown, "2"));
    assert!(!screen(&shown)[0].contains("lost"), "{shown}");
    watch.shows("that it continues", |shown| {
        shown.contains("Connection lost (") && shown.contains("Connected again.")
    });
    assert!(
        !shown.contains("\u{1b}[3"),
        "there is colour in spite of NO_COLOR: {shown:?}"
    );
}
