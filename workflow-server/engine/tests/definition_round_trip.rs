//! What is written reads back as the same definition, for any valid one; and any text at all is read without a panic.

use aftercall_engine::definition::file::{read, write_json, write_yaml};
use aftercall_engine::definition::numbering::Numbering;
use aftercall_engine::definition::validate::{Declared, validate};
use aftercall_engine::testing::{CALENDAR, TEAMS, definitions};
use proptest::prelude::*;

proptest! {
    #[test]
    fn arbitrary_definitions_have_nothing_but_warnings(definition in definitions()) {
        let faults = validate(&definition, Declared { is_team: &|team| TEAMS.contains(&team), is_calendar: &|name| name == CALENDAR });
        prop_assert!(faults.iter().all(|fault| fault.warning), "{faults:?}");
    }

    #[test]
    fn what_is_written_as_yaml_reads_back_as_the_same_definition(definition in definitions()) {
        let written = write_yaml(&definition);
        let read_back = read(&written, None);
        prop_assert_eq!(read_back.as_ref(), Ok(&definition), "{}", written);
        prop_assert_eq!(read_back.map(|definition| write_yaml(&definition)), Ok(written));
    }

    #[test]
    fn what_is_written_as_json_reads_back_as_the_same_definition(definition in definitions()) {
        let written = write_json(&definition);
        let read_back = read(&written, None);
        prop_assert_eq!(read_back.as_ref(), Ok(&definition), "{}", written);
        prop_assert_eq!(read_back.map(|definition| write_json(&definition)), Ok(written));
    }

    #[test]
    fn a_version_read_against_itself_is_the_same(definition in definitions()) {
        let mut numbering = Numbering::default();
        numbering.absorb(&definition);
        prop_assert_eq!(read(&write_yaml(&definition), Some(&numbering)), Ok(definition));
    }

    #[test]
    fn any_text_is_read_or_refused_with_faults(text in "(\\PC|[ \n\t{}\\[\\]:,'\"#&*!|>%-]){0,120}") {
        if let Err(faults) = read(&text, None) {
            prop_assert!(!faults.is_empty());
        }
    }

    #[test]
    fn a_damaged_file_is_read_or_refused_with_faults(
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
}
