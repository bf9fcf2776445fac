//! Every error of a file, with its line and column, and all errors in one response.

mod actions;
mod file;
mod inside;

use aftercall_authoring::file::read;
use aftercall_definition::Fault;
use aftercall_definition::numbering::Numbering;

fn shown(fault: &Fault) -> String {
    let Fault {
        line,
        column,
        stage,
        action,
        message,
        ..
    } = fault;
    let place = if *stage == 0 {
        String::new()
    } else {
        format!(" (stage {stage}, action {action})")
    };
    format!("{line}:{column}{place} {} {message}", fault.code.name())
}

fn check(text: &str, expected: &[&str]) {
    check_against(text, None, expected);
}

/// The actions of the new call. They begin on line 5.
fn check_actions(actions: &str, expected: &[&str]) {
    check_against(&with_actions(actions), None, expected);
}

fn with_actions(actions: &str) -> String {
    format!("format: 1\nworkflow: w\ntitle: T\non_new_call:{actions}")
}

/// Reads a new version. In the earlier version stage 2 was `a` and stage 3 was `b`.
fn check_amended(actions: &str, expected: &[&str]) {
    let earlier = "format: 1\nworkflow: w\ntitle: T\non_new_call: [ { button: A, then: [ { finish: x } ] }, { button: B } ]\n";
    let mut numbering = Numbering::default();
    numbering.absorb(&read(earlier, None).expect("the earlier version"));
    check_against(&with_actions(actions), Some(&numbering), expected);
}

fn check_against(text: &str, earlier: Option<&Numbering>, expected: &[&str]) {
    let faults = read(text, earlier).expect_err("a file with errors");
    let shown: Vec<String> = faults.iter().map(shown).collect();
    assert_eq!(shown, expected, "\n{text}");
}
