//! Every valid definition reads back after it was written. Any text is read without a panic.

use aftercall_authoring::file::{
    export_yaml, format_json, format_yaml, read, source_of, write_json, write_yaml,
};
use aftercall_definition::numbering::Numbering;
use aftercall_definition::source::SOURCE_BYTES_MAX;
use aftercall_definition::testing::{CALENDAR, TEAMS, definitions};
use aftercall_definition::validate::{Declared, validate};
use proptest::prelude::*;

proptest! {
    #[test]
    fn arbitrary_definitions_have_only_warnings(definition in definitions()) {
        let faults = validate(&definition, Declared::new(&|team| TEAMS.contains(&team), &|name| name == CALENDAR));
        prop_assert!(faults.iter().all(|fault| fault.warning), "{faults:?}");
    }

    #[test]
    fn yaml_reads_back_as_the_same_definition(definition in definitions()) {
        let written = write_yaml(&definition);
        let read_back = read(&written, None);
        prop_assert_eq!(read_back.as_ref(), Ok(&definition), "{}", written);
        prop_assert_eq!(read_back.map(|definition| write_yaml(&definition)), Ok(written));
    }

    #[test]
    fn json_reads_back_as_the_same_definition(definition in definitions()) {
        let written = write_json(&definition);
        let read_back = read(&written, None);
        prop_assert_eq!(read_back.as_ref(), Ok(&definition), "{}", written);
        prop_assert_eq!(read_back.map(|definition| write_json(&definition)), Ok(written));
    }

    #[test]
    fn a_version_read_after_itself_does_not_change(definition in definitions()) {
        let mut numbering = Numbering::default();
        numbering.absorb(&definition);
        prop_assert_eq!(read(&write_yaml(&definition), Some(&numbering)), Ok(definition));
    }

    #[test]
    fn any_text_is_read_or_refused_with_errors(text in "(\\PC|[ \n\t{}\\[\\]:,'\"#&*!|>%-]){0,120}") {
        if let Err(faults) = read(&text, None) {
            prop_assert!(!faults.is_empty());
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_with_errors(
        definition in definitions(),
        at in any::<prop::sample::Index>(),
        put in "[ \n{}\\[\\]:,'\"#&*!|>%a-]{1,3}",
    ) {
        let mut text = write_yaml(&definition);
        let at = text.floor_char_boundary(at.index(text.len()));
        text.insert_str(at, &put);
        if let Err(faults) = read(&text, None) {
            prop_assert!(!faults.is_empty());
        }
    }

    #[test]
    fn a_comment_stays_where_it_is(definition in definitions(), at in any::<prop::sample::Index>(), how in 0..3) {
        let written = write_yaml(&definition);
        let mut lines: Vec<String> = written.lines().map(str::to_owned).collect();
        let at = at.index(lines.len());
        let indent = " ".repeat(lines[at].len() - lines[at].trim_start().len());
        match how {
            0 => lines.insert(at, format!("{indent}# why")),
            1 => lines[at].push_str("  # why"),
            _ => lines.insert(at.max(1), String::new()),
        }
        let commented = lines.join("\n") + "\n";
        // Inside of a text it is not a comment.
        prop_assume!(read(&commented, None).as_ref() == Ok(&definition));
        // The same with line ends and byte order marks of other systems.
        for (end, mark) in [("\r\n", ""), ("\r", ""), ("\r\n", "\u{feff}")] {
            let dressed = |text: &str| format!("{mark}{}", text.replace('\n', end));
            prop_assert_eq!(format_yaml(&dressed(&commented)), format_yaml(&commented).map(|text| dressed(&text)));
        }
        let carried = format_yaml(&commented).expect("a workflow");
        prop_assert_eq!(read(&carried, None), Ok(definition.clone()));
        let again = format_yaml(&carried);
        prop_assert_eq!(again.as_ref(), Ok(&carried));
        let is_at_the_head_of_a_text = how == 1 && lines[at].contains(": |");
        // After a text that ends in spaces, the beginning of the empty lines is not known.
        let may_be_left_out = how == 2 && written.lines().any(|line| !line.is_empty() && line.trim().is_empty());
        if may_be_left_out {
            prop_assert!(carried == commented || carried == written, "{}", carried);
        } else if is_at_the_head_of_a_text {
            prop_assert!(carried.contains("# why"), "{}", carried);
        } else {
            prop_assert_eq!(carried, commented);
        }
    }
}

const FILE: &str = r#"# What it is for.

format: 1
workflow: w  # its name


title: W
# deadline: 5d
fields: { order: { type: text },   # of the shop
          price: { type: number } }
on_new_call:   # stage 1
  # Who looks at it.
  - alert: # urgent
      text: >-
        Look # at it

        now
      team: care # the team
      priority: normal # as always

  - { button: Done, then: [ finish: done ] }  # the end
# - button: Not done
# nothing more
"#;

#[test]
fn comments_and_empty_lines_stay_with_their_item() {
    let carried = format_yaml(FILE).expect("a workflow");
    assert_eq!(
        carried,
        r#"# What it is for.

format: 1
workflow: w  # its name

title: W
# deadline: 5d
fields:  # of the shop
  order: {type: text}
  price: {type: number}
on_new_call:   # stage 1
  # Who looks at it.
  # as always
  - alert:  # urgent
      text: |-
        Look # at it
        now
      team: care  # the team

  - button: Done  # the end
    id: done
    then:
      - finish: done
# - button: Not done
# nothing more
"#
    );
    assert_eq!(format_yaml(&carried).as_ref(), Ok(&carried));
}

#[test]
fn formatting_never_reuses_the_number_of_a_removed_event() {
    // An export of the stages 1 to 4, from which a person removed 2 and 4 and added one.
    let text = "format: 1
workflow: w
title: W
on_new_call:
  - alert: {text: Look at it, team: care}
  - button: Second look
    id: second-look
    then:
      - finish: seen
  - button: Reject
    id: reject
    stage: 3
    then:
      - finish: rejected
";
    assert_eq!(format_yaml(text).as_deref(), Ok(text));
    let definition = read(text, None).expect("a workflow");
    let numbers: Vec<(u32, &str)> = definition
        .stages
        .iter()
        .map(|stage| (stage.number, stage.event.id.as_str()))
        .collect();
    assert_eq!(
        numbers,
        [(1, "new-call"), (3, "reject"), (4, "second-look")],
        "above all written numbers"
    );
    let json = format_json(&write_json(&definition).replace("\"stage\": 4,", "")).expect("JSON");
    assert!(
        json.contains("\"stage\": 3") && !json.contains("\"stage\": 4"),
        "{json}"
    );
    let without = text.replace("    stage: 3\n", "");
    assert_eq!(
        format_yaml(&without).as_deref(),
        Ok(without.as_str()),
        "the server may have numbers for both"
    );
}

#[test]
fn lines_after_an_inline_mapping_stay_separate() {
    let text = "format: 1
workflow: w
title: W
on_new_call:
  - alert: {text: a, team: care, due: 2h, escalate: [{after: 1h, priority: high}]}
  - button: Go
    id: go
    form:
      how: {type: text, values: [well, badly]}
    then:
      - finish: x
";
    assert_eq!(format_yaml(text).as_deref(), Ok(text));
}

const MARKS: &str = "format: 1
# mark 1
workflow: c09
title: \"Comments\"  # mark 2
fields:  # mark 3
  amount:  # mark 4
    type: number
on_new_call:  # mark 5
  - alert: { text: \"Call\", team: care, due: 4h }  # mark 6
  - button: Done
    # mark 7
    then:
      - finish: done  # mark 8
";

#[test]
fn no_comment_is_lost_with_any_line_end() {
    for end in ["\n", "\r\n", "\r"] {
        let formatted = format_yaml(&MARKS.replace('\n', end)).expect("a workflow");
        assert_eq!(
            formatted.matches("# mark").count(),
            8,
            "{end:?}: {formatted}"
        );
        assert_eq!(
            formatted.matches(end).count(),
            formatted
                .replace("\r\n", "\n")
                .matches(['\n', '\r'])
                .count()
        );
    }
}

#[test]
fn formatting_keeps_comments_in_their_column() {
    let text = r#"format: 1
workflow: w           # its name
title: Something      # for people
on_new_call:          # actions
  - alert: {text: "Ask {{ call.caller.name }}", team: care}
  - alert: {text: '{{ call.script | default("a script") }}', team: care}
  - button: Done
    id: done
    then:
      - finish: done
"#;
    assert_eq!(format_yaml(text).as_deref(), Ok(text));
    let plain = text.replace(
        "\"Ask {{ call.caller.name }}\"",
        "'Ask {{ call.caller.name }}'",
    );
    assert_eq!(
        format_yaml(&plain).as_deref(),
        Ok(text),
        "one kind of quotes"
    );
}

#[test]
fn an_export_keeps_comments_and_contains_all_numbers() {
    let mut definition = read(MARKS, None).expect("a workflow");
    definition.source = source_of(MARKS, &definition);
    let exported = export_yaml(&definition);
    assert_eq!(exported.matches("# mark").count(), 8, "{exported}");
    assert!(exported.contains("stage: 2"), "{exported}");
    assert_eq!(read(&exported, None).as_ref(), Ok(&definition));
    // Comments that no longer belong to the definition are not exported.
    let bare = write_yaml(&definition);
    assert_eq!(
        source_of(&bare, &definition).text(),
        None,
        "a file without comments is not stored"
    );
    let huge = format!("# {}\n{MARKS}", "x".repeat(SOURCE_BYTES_MAX));
    assert_eq!(
        source_of(&huge, &definition).text(),
        None,
        "a file that is too large is not stored"
    );
}
