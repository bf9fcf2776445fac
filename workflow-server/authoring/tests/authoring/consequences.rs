//! Tests which changes of a stage change its meaning for people.

use aftercall_authoring::file::read;
use aftercall_definition::consequences::has_same_meaning;

const FILE: &str = "
format: 1
workflow: w
title: T
on_new_call:
  - alert: { text: Ring, team: care, due: 1h }
  - button: Done
    then: [ link: { to: later, max: 2, else: closed } ]
  - button: Later
    then:
      - alert: { text: Ring again, team: care }
      - button: Closed
        then: [ finish: done ]
";

#[test]
fn only_changed_actions_change_the_meaning_of_a_stage() {
    let version = |file: &str| read(file, None).unwrap_or_else(|faults| panic!("{faults:#?}"));
    let before = version(FILE);
    let check = |from: &str, to: &str, expected: bool| {
        assert!(FILE.contains(from), "{from}");
        let after = version(&FILE.replacen(from, to, 1));
        let is_same = has_same_meaning((&before, &before.stages[0]), (&after, &after.stages[0]));
        assert_eq!(is_same, expected, "{from} -> {to}");
    };
    check("title: T", "title: Other", true);
    check("Ring again", "Ring once more", true);
    check("text: Ring,", "text: Write,", false);
    check("due: 1h", "due: 2h", false);
    check("button: Done", "button: Refund\n    id: done", false);
    check("max: 2", "max: 3", false);
    check("to: later", "to: new-call", false);
    check("finish: done", "finish: refunded", false);
}
