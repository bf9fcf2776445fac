//! Files from attackers, and files that are only too large. Each gets an error by name. Each limit
//! accepts the largest allowed value.

mod running_away;

use std::fmt::Write;

use aftercall_authoring::file::{DeclaredTeam, read, read_teams, write_yaml};
use aftercall_authoring::limits::{FILE_BYTES_MAX, FILE_DEPTH_MAX, FILE_NODES_MAX};
use aftercall_definition::limits::{
    ACTIONS_PER_STAGE_MAX, EVENTS_NESTED_MAX, FAULTS_MAX, LOGIC_BYTES_MAX, STAGES_MAX,
    TEXT_BYTES_MAX,
};
use aftercall_definition::validate::{Declared, validate};
use aftercall_definition::{Definition, Fault, FaultCode};

fn file(actions: &str) -> String {
    format!("format: 1\nworkflow: w\ntitle: T\non_new_call:{actions}")
}

fn faults(result: Result<Definition, Vec<Fault>>) -> Vec<(FaultCode, String)> {
    result
        .expect_err("a refused file")
        .into_iter()
        .map(|fault| (fault.code, fault.message))
        .collect()
}

fn check_refused(text: &str, code: FaultCode, message: &str) {
    let faults = faults(read(text, None));
    assert!(
        faults
            .iter()
            .any(|(found, words)| *found == code && words.contains(message)),
        "{faults:.400?}"
    );
    assert!(faults.len() <= FAULTS_MAX + 1);
}

/// Groups of buttons `b0`, `b1` and so on, as many in a stage as are allowed. `then` returns the
/// actions of each.
fn with_stages(count: usize, then: impl Fn(usize) -> String) -> String {
    let (mut actions, mut stages, mut next) = (String::new(), 1, 0);
    while stages < count {
        let size = ACTIONS_PER_STAGE_MAX.min(count - stages - 1);
        let leaves: String = (next..next + size)
            .map(|at| format!("{{button: b{at}, then: [{{{}}}]}},", then(at)))
            .collect();
        let leaves = if size == 0 {
            "{finish: x}".to_owned()
        } else {
            leaves
        };
        writeln!(actions, "  - {{ button: Group, then: [{leaves}] }}").expect("a string takes it");
        (stages, next) = (stages + size + 1, next + size);
    }
    file(&format!("\n{actions}"))
}

/// Nests each event inside the event before it.
fn nested(depth: usize) -> String {
    file(&format!(
        " {}[{{finish: x}}]{}\n",
        "[{button: a, then: ".repeat(depth),
        "}]".repeat(depth)
    ))
}

#[test]
fn deep_nesting_is_refused_by_name() {
    let levels = FILE_DEPTH_MAX;
    for text in [
        "[".repeat(1 << 20),
        "{a: ".repeat(1 << 18),
        "- ".repeat(1 << 19),
        "? ".repeat(1 << 19),
        nested(levels),
    ] {
        check_refused(&text, FaultCode::TooLarge, "nested deeper than 128 levels");
    }
}

#[test]
fn the_deepest_allowed_nesting_can_be_written_and_read() {
    let definition = read(&nested(EVENTS_NESTED_MAX), None).expect("the deepest allowed");
    assert!(
        validate(&definition, Declared::new(&|_| true, &|_| true))
            .iter()
            .all(|fault| fault.warning)
    );
    assert_eq!(read(&write_yaml(&definition), None), Ok(definition));
    let deeper =
        read(&nested(EVENTS_NESTED_MAX + 1), None).expect("a file can nest a little deeper");
    let faults = validate(&deeper, Declared::new(&|_| true, &|_| true));
    assert!(
        faults.iter().any(|fault| fault.code == FaultCode::TooLarge),
        "{faults:?}"
    );
}

#[test]
fn bombs_of_aliases_are_refused_early() {
    let level = |at: usize| format!("l{at}: &l{at} [{}]\n", format!("*l{},", at - 1).repeat(9));
    let bomb: String = "l0: &l0 [x]\n".to_owned() + &(1..40).map(level).collect::<String>();
    check_refused(&bomb, FaultCode::Syntax, "aliases");
    check_refused(&bomb, FaultCode::Syntax, "anchors");
}

#[test]
fn texts_of_a_mebibyte_and_files_over_it_are_refused() {
    let long = "x".repeat(FILE_BYTES_MAX - 300);
    check_refused(
        &file(&format!(" [ {{ finish: {long} }} ]\n")),
        FaultCode::TooLarge,
        "at most 64 are allowed",
    );
    check_refused(
        &file(&format!(" [ {{ button: {long} }} ]\n")),
        FaultCode::TooLarge,
        "at most 128 are allowed",
    );
    check_refused(
        &file(&format!(
            " [ {{ alert: {{ team: care, text: {long} }} }} ]\n"
        )),
        FaultCode::TooLarge,
        "at most 4096 are allowed",
    );
    check_refused(
        &file(&format!(" [ {{ {long}: 1 }} ]\n")),
        FaultCode::UnknownKey,
        "xxx…`; known here",
    );
    check_refused(
        &" ".repeat(FILE_BYTES_MAX + 1),
        FaultCode::TooLarge,
        "the file has 1048577 bytes",
    );
}

#[test]
fn a_thousand_stages_are_allowed_and_ten_thousand_are_not() {
    let finish = |_| "finish: x".to_owned();
    let definition = read(&with_stages(STAGES_MAX, finish), None).expect("a thousand stages");
    assert_eq!(definition.stages.len(), STAGES_MAX);
    assert_eq!(
        read(&write_yaml(&definition), None).as_ref(),
        Ok(&definition)
    );
    let no_alert = |fault: &Fault| fault.warning || fault.code == FaultCode::DuplicateLabel;
    assert!(
        validate(&definition, Declared::new(&|_| true, &|_| true))
            .iter()
            .all(no_alert),
        "the groups have the same title, which is the only warning"
    );
    check_refused(
        &with_stages(STAGES_MAX + 1, finish),
        FaultCode::TooLarge,
        "at most 1000 stages",
    );
    check_refused(
        &with_stages(2_400, finish),
        FaultCode::TooLarge,
        "at most 1000 stages",
    );
    check_refused(
        &with_stages(10_000, finish),
        FaultCode::TooLarge,
        "a workflow has at most 1000 stages",
    );
}

#[test]
fn ten_thousand_stages_in_one_list_are_refused() {
    let many: String = (0..10_000)
        .map(|at| format!("\n  - {{ button: b{at}, then: [ {{ finish: x }} ] }}"))
        .collect();
    check_refused(
        &file(&(many + "\n")),
        FaultCode::TooLarge,
        "a workflow has at most 1000 stages",
    );
    let many = "a,".repeat(FILE_NODES_MAX);
    check_refused(
        &format!("[{many}]"),
        FaultCode::TooLarge,
        "more than 60000 keys and values",
    );
}

#[test]
fn number_and_total_size_of_expressions_are_limited() {
    let with = |count: usize, when: &str| {
        let one = |at: usize| {
            format!(
                "\n  - button: b{at}\n    then: [ {{ finish: {{ outcome: x, when: '{when}' }} }} ]"
            )
        };
        let group = |nth: usize| {
            format!("\n  - button: g{nth}\n    then:")
                + &(0..40)
                    .map(|at| one(nth * 40 + at).replace('\n', "\n    "))
                    .collect::<String>()
        };
        file(&((0..count.div_ceil(40)).map(group).collect::<String>() + "\n"))
    };
    let long = format!("visit in [{}]", vec!["1"; 240].join(","));
    assert!(read(&with(200, "visit > 1"), None).is_ok());
    check_refused(
        &with(240, "visit > 1"),
        FaultCode::TooLarge,
        "at most 200 expressions",
    );
    check_refused(
        &with(40, &long),
        FaultCode::TooLarge,
        "at most 12288 bytes together",
    );
}

#[test]
fn only_the_first_hundred_errors_are_reported() {
    let text: String = (0..5_000).map(|at| format!("key{at}: 1\n")).collect();
    let faults = faults(read(&text, None));
    assert_eq!(faults.len(), FAULTS_MAX + 1);
    let last = faults.last().expect("the last");
    assert_eq!(
        last,
        &(
            FaultCode::TooLarge,
            "there are more errors; these are the first 100".to_owned()
        )
    );
}

#[test]
fn a_cycle_of_nearly_a_thousand_links_is_found() {
    let leaves = read(&with_stages(STAGES_MAX, |_| "finish: x".to_owned()), None)
        .expect("stages")
        .stages;
    let count = leaves
        .iter()
        .filter(|stage| stage.event.id.starts_with('b'))
        .count();
    let text = with_stages(STAGES_MAX, |at| format!("link: b{}", (at + 1) % count));
    let faults = validate(
        &read(&text, None).expect("cycles have a valid form"),
        Declared::new(&|_| true, &|_| true),
    );
    let circles: Vec<&str> = faults
        .iter()
        .filter(|fault| fault.code == FaultCode::CircleWithoutWait)
        .map(|fault| fault.message.as_str())
        .collect();
    assert_eq!(
        circles,
        [
            "the links form a circle in which nothing waits: b0 → b1 → b2 → b3 → b4 → b5 → … → b0; put a button in it, or a timer that counts from its stage"
        ]
    );
}

#[test]
fn only_a_hundred_of_a_thousand_unknown_links_are_reported() {
    let text = with_stages(STAGES_MAX, |at| format!("link: c{at}"));
    let faults = validate(
        &read(&text, None).expect("links to nowhere have a valid form"),
        Declared::new(&|_| true, &|_| true),
    );
    assert_eq!(faults.len(), FAULTS_MAX + 1);
    let unknown = faults
        .iter()
        .filter(|fault| fault.code == FaultCode::UnknownEvent)
        .count();
    let suggested = faults
        .iter()
        .filter(|fault| fault.message.contains("did you mean"))
        .count();
    assert!(
        unknown > 50 && suggested > 0 && suggested < unknown,
        "{unknown} unknown, {suggested} with a suggestion"
    );
}

#[test]
fn suggestions_for_many_long_names_share_one_budget() {
    // Finding a suggestion takes longest if all names are long and similar.
    let name = |at: usize| format!("{}{at:02}", "a".repeat(60));
    let fields: String = (0..64)
        .map(|at| format!("  {}: {{ type: number }}\n", name(at)))
        .collect();
    let texts: String = (0..48)
        .map(|at| {
            format!(
                "\n  - alert: {{ team: care, text: '{{{{ fields.b{} }}}}' }}",
                &name(at % 64)[1..]
            )
        })
        .collect();
    let text = format!(
        "format: 1\nworkflow: a\ntitle: A\nfields:\n{fields}on_new_call:{texts}\n  - button: Done\n    then: [ finish: done ]\n"
    );
    let definition = read(&text, None).expect("names are checked later");
    let faults = validate(&definition, Declared::new(&|_| true, &|_| true));
    let suggested = faults
        .iter()
        .filter(|fault| fault.message.contains("did you mean"))
        .count();
    assert_eq!(faults.len(), 48, "each is reported");
    assert!(
        (1..=8).contains(&suggested),
        "64 names were looked at {suggested} times"
    );
}

#[test]
fn files_of_teams_are_read_strictly_too() {
    let declared = |claim_next_only| DeclaredTeam {
        name: "care".to_owned(),
        title: "Customer care".to_owned(),
        claim_next_only,
    };
    for (more, claim_next_only) in [
        ("", false),
        (", claim-next-only: false", false),
        (", claim-next-only: true", true),
    ] {
        let text = format!("teams: [ {{ name: care, title: Customer care{more} }} ]\n");
        assert_eq!(read_teams(&text), Ok(vec![declared(claim_next_only)]));
    }
    assert!(read_teams("teams: [ { name: a, title: A, claim-next-only: perhaps } ]\n").is_err());
    let text = "teams:\n  - { name: care, title: A }\n  - { name: care, title: B }\n  - { name: No Name, titel: C }\n  - care\n";
    let found: Vec<(u32, u32, &str)> = read_teams(text)
        .expect_err("faults")
        .iter()
        .map(|fault| (fault.line, fault.column, fault.code.name()))
        .collect();
    let expected = [
        (3, 5, "DUPLICATE"),
        (4, 5, "MISSING_KEY"),
        (4, 13, "BAD_VALUE"),
        (4, 22, "UNKNOWN_KEY"),
        (5, 5, "BAD_VALUE"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn too_many_signs_are_refused_before_parsing() {
    let lists = [
        "a,",
        "a: b, ",
        "{}, ",
        "? a, : b, ",
        "'', ",
        "\"\" ",
        "&a ",
        "*a ",
        "!a ",
        "a,\n    ",
    ];
    for unit in lists {
        let text = file(&format!(
            "\n  - [{}]\n",
            unit.repeat(((1 << 20) - 200) / unit.len())
        ));
        check_refused(
            &text,
            FaultCode::TooLarge,
            "commas, colons and brackets, and at most 70000 are allowed",
        );
    }
}

#[test]
fn the_total_size_of_texts_with_conditions_is_limited() {
    let text = format!(
        "{{% if visit > 1 %}}{}{{% endif %}}",
        "x".repeat(TEXT_BYTES_MAX - 40)
    );
    let bytes = text.len();
    let of = |count: usize, text: &str| {
        let alert = format!("      - alert: {{ text: \"{text}\", team: care }}\n");
        let groups = count.div_ceil(ACTIONS_PER_STAGE_MAX);
        let group = |nth: usize| {
            let size = ACTIONS_PER_STAGE_MAX.min(count - nth * ACTIONS_PER_STAGE_MAX);
            format!("  - button: Group {nth}\n    then:\n{}", alert.repeat(size))
        };
        file(&format!("\n{}", (0..groups).map(group).collect::<String>()))
    };
    let within = LOGIC_BYTES_MAX / bytes;
    assert!(read(&of(within, &text), None).is_ok());
    check_refused(
        &of(within + 1, &text),
        FaultCode::TooLarge,
        "that have filters or conditions have at most 196608 bytes",
    );
    let plain = text
        .replace("{% if visit > 1 %}", "{{ visit }}")
        .replace("{% endif %}", "");
    assert!(
        read(&of(within * 2, &plain), None).is_ok(),
        "texts with plain placeholders do not count"
    );
}
