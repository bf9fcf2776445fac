//! Tests which written telephone numbers are the same number, and which may be the same.

use aftercall_engine::phone::{Country, earlier_forms, read, sought_terms, terms};
use proptest::prelude::*;

/// The result of comparing two written numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Is {
    /// Certainly the same: a search for one finds the other, and an erasure of one erases the
    /// other.
    Same,
    /// Possibly the same: a search for one finds the other, but an erasure does not erase it.
    Possible,
    /// Not the same: a search for one does not find the other.
    Other,
}
use Is::{Other, Possible, Same};

fn country(code: &str) -> Country {
    Country::named(code).unwrap_or_default()
}

fn compare(one: &str, other: &str, country: Country) -> Is {
    let (Some(one), Some(other)) = (read(one, country), read(other, country)) else {
        return Other;
    };
    match (one.is_same(&other), one.may_be(&other)) {
        (true, true) => Same,
        (false, true) => Possible,
        (false, false) => Other,
        (true, false) => unreachable!("numbers that are the same may be the same"),
    }
}

/// A country (or `""` for none), two written forms, and the result of comparing them. Contains more
/// than the table of `docs/callers.md`.
const TABLE: &[(&str, &str, &str, Is)] = &[
    // United Kingdom, as people and telephone systems write it.
    ("", "+44 20 7946 0001", "442079460001", Same),
    ("", "+44 20 7946 0001", "0044 20 7946 0001", Same),
    ("", "+44 20 7946 0001", "+44 (0)20 7946-0001", Same),
    ("", "+44 20 7946 0001", "+44.20.7946.0001", Same),
    ("", "+44 20 7946 0001", "Tel.: +44 20 7946 0001", Same),
    (
        "",
        "+44 20 7946 0001",
        "+44 (London) 20 7946 0001 (office)",
        Same,
    ),
    (
        "",
        "+44 20 7946 0001",
        "\u{202d}+44\u{a0}20\u{a0}7946\u{200b}\u{a0}0001\u{202c}",
        Same,
    ),
    (
        "",
        "+44 20 7946 0001",
        "\u{ff0b}44 ２０ ７９４６ ０００１",
        Same,
    ),
    ("", "+44 20 7946 0001", "+٤٤ ٢٠ ٧٩٤٦ ٠٠٠١", Same),
    ("", "+44 20 7946 0001", "020 7946 0001", Other),
    ("GB", "+44 20 7946 0001", "020 7946 0001", Same),
    ("GB", "+44 20 7946 0001", "(020) 7946-0001", Same),
    ("GB", "+44 20 7946 0001", "٠٢٠٧٩٤٦٠٠٠١", Same),
    ("GB", "+44 20 7946 0001", "442079460001", Same),
    ("GB", "+44 20 7946 0001", "020 7946 0002", Other),
    ("GB", "+44 20 7946 0001", "7946 0001", Other),
    ("US", "+44 20 7946 0001", "011 44 20 7946 0001", Same),
    ("DE", "+44 20 7946 0001", "020 7946 0001", Other),
    // A spreadsheet removes the first zero.
    ("GB", "+44 20 7946 0001", "2079460001", Same),
    ("GB", "+44 20 7946 0001", "'02079460001", Same),
    // Germany: numbers of any length, an area code in brackets, and an extension after a hyphen.
    ("DE", "+49 30 901820", "030 901820", Same),
    ("DE", "+49 30 901820", "+49 (0)30 / 90 18 20", Same),
    ("DE", "+49 30 901820", "030/90182-0", Same),
    ("DE", "+49 30 901820", "4930901820", Same),
    ("DE", "+49 30 901820", "0049 30 901820", Same),
    ("DE", "+49 30 901820", "030 901821", Other),
    ("DE", "+49 171 1234567", "0171/1234567", Same),
    // United States: 1 for long distance, and no zero.
    ("US", "+1 212 736 5000", "(212) 736-5000", Same),
    ("US", "+1 212 736 5000", "1-212-736-5000", Same),
    ("", "+1 212 736 5000", "1-212-736-5000", Same),
    ("", "+1 212 736 5000", "212-736-5000", Other),
    // France.
    ("FR", "+33 1 40 20 53 17", "01 40 20 53 17", Same),
    ("FR", "+33 1 40 20 53 17", "01.40.20.53.17", Same),
    ("FR", "+33 1 40 20 53 17", "+33 (0)1 40 20 53 17", Same),
    // Italy: the zero belongs to the number.
    ("IT", "+39 06 6982", "06 6982", Same),
    ("IT", "+39 06 1234 5678", "06 1234 5678", Same),
    ("IT", "+39 06 1234 5678", "+39 6 1234 5678", Other),
    ("IT", "+39 347 123 4567", "347 1234567", Same),
    // China: a mobile number looks like a number of the United States without its `+`.
    ("CN", "+86 130 1234 5678", "13012345678", Same),
    ("CN", "+1 301 234 5678", "13012345678", Possible),
    ("US", "+1 301 234 5678", "13012345678", Same),
    // Another extension is another person. A number without an extension may be any person there.
    ("", "+44 20 7946 0001 ext. 12", "+44 20 7946 0001 x12", Same),
    (
        "",
        "+44 20 7946 0001 ext. 12",
        "tel:+44-20-7946-0001;ext=12",
        Same,
    ),
    ("", "+44 20 7946 0001 ext. 12", "+442079460001,12#", Same),
    (
        "",
        "+44 20 7946 0001 ext. 12",
        "+44 20 7946 0001 (Durchwahl 12)",
        Same,
    ),
    ("", "+44 20 7946 0001 ext. 12", "+44 20 7946 0001", Possible),
    (
        "",
        "+44 20 7946 0001 ext. 12",
        "+44 20 7946 0001 ext. 13",
        Other,
    ),
    // Addresses of telephone systems.
    (
        "",
        "+49 30 901820",
        "sip:+4930901820@gw.example;user=phone",
        Same,
    ),
    ("", "+49 30 901820", "sip:%2B4930901820@gw1.example", Same),
    (
        "",
        "+49 30 901820",
        "\"Ada 2\" <sips:+4930901820@10.0.0.1:5061>;tag=77",
        Same,
    ),
    ("", "+49 30 901820", "tel:+49-30-901820", Same),
    ("", "+49 30 901820", "tel:901820;phone-context=+49-30", Same),
    (
        "",
        "+49 30 901820",
        "tel:901820;phone-context=pbx.example",
        Other,
    ),
    (
        "",
        "+49 30 901820 x5",
        "sip:+4930901820;ext=5@gw1.example",
        Same,
    ),
    // Internal numbers stay as they are written.
    ("GB", "204", "204", Same),
    ("GB", "204", "sip:204@pbx.example", Same),
    ("GB", "204", "+44 204", Other),
    ("GB", "204", "0204", Other),
    ("DE", "112", "+49 112", Other),
    // Niue: a number is shorter than the indexed part.
    ("", "+683 4000", "00683 4000", Same),
    ("", "+683 4000", "6834000", Same),
    // A caller who withholds the number is not identified.
    ("", "anonymous", "anonymous", Other),
    ("", "", "", Other),
    ("", "0000", "0000", Other),
    ("", "+266696687", "+266696687", Other),
    (
        "",
        "sip:anonymous@anonymous.invalid",
        "sip:anonymous@anonymous.invalid",
        Other,
    ),
    ("", "sip:ada99@example.com", "99", Other),
];

#[test]
fn written_forms_compare_as_in_the_table() {
    for &(code, one, other, expected) in TABLE {
        for (one, other) in [(one, other), (other, one)] {
            let found = compare(one, other, country(code));
            let shown = (read(one, country(code)), read(other, country(code)));
            assert_eq!(
                found, expected,
                "{one:?} and {other:?} in {code:?}: {shown:?}"
            );
        }
    }
}

#[test]
fn the_table_of_the_guide_is_right() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/callers.md");
    let page = std::fs::read_to_string(page).expect("the guide");
    let rows = page.lines().filter(|line| line.contains("` | `"));
    let mut count = 0;
    for row in rows {
        let cells: Vec<&str> = row
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        let &[_, code, one, other, same, _] = cells.as_slice() else {
            panic!("{row}")
        };
        let expected = match same {
            "yes" => Same,
            "possible" => Possible,
            "no" => Other,
            _ => panic!("{row}"),
        };
        assert_eq!(compare(one, other, country(code)), expected, "{row}");
        count += 1;
    }
    assert!(count > 20, "{count} rows are read");
}

#[test]
fn possibly_equal_numbers_share_a_term_in_any_country() {
    for &(code, one, other, expected) in TABLE {
        for (stored, sought) in [(one, other), (other, one)] {
            let (stored, sought) = (terms(stored), sought_terms(sought, country(code)));
            let is_found = stored.iter().any(|term| sought.contains(term));
            assert!(
                is_found || expected == Other,
                "{one:?} and {other:?} in {code:?}: {stored:?} {sought:?}"
            );
        }
    }
}

#[test]
fn an_internal_number_is_kept_as_it_is_written() {
    let readings = read("204", country("GB")).expect("a number");
    assert_eq!(
        (readings.certain.as_str(), readings.others.as_slice()),
        ("204", &[][..])
    );
    assert_eq!(terms("204"), ["204"]);
    assert_eq!(terms("anonymous"), [""; 0]);
}

#[test]
fn a_country_is_named_by_its_code() {
    assert_eq!(
        Country::named("GB")
            .map(|country| country.to_string())
            .as_deref(),
        Some("GB")
    );
    assert_eq!(Country::NONE.to_string(), "");
    for wrong in ["", "gb", "UK", "XX", "GBR", "44", "ZZ"] {
        assert_eq!(Country::named(wrong), None, "{wrong}");
    }
}

#[test]
fn older_phone_number_formats_are_searched_in_the_archive() {
    let forms = earlier_forms("020 7946 0001", country("GB"));
    for form in [
        "+442079460001",
        "442079460001",
        "00442079460001",
        "+4402079460001",
        "02079460001",
    ] {
        assert!(forms.iter().any(|other| other == form), "{form}: {forms:?}");
    }
}

/// A number in one of many written forms.
fn written() -> impl Strategy<Value = String> {
    let national = prop_oneof![
        "2079460[0-9]{3}",
        "30[1-9][0-9]{3,7}",
        "212736[0-9]{4}",
        "[1-9][0-9]{3,11}",
        "06[0-9]{4,8}",
    ];
    let before = prop_oneof![
        Just(""),
        Just("0"),
        Just("+44"),
        Just("44"),
        Just("0044"),
        Just("+44 (0)"),
        Just("+49"),
        Just("0049 "),
        Just("+1 "),
        Just("1-"),
        Just("01144"),
        Just("+39"),
        Just("sip:+44"),
        Just("tel:+49-"),
        Just("+683"),
        Just("683"),
    ];
    let after = prop_oneof![
        Just(""),
        Just(" ext. 12"),
        Just(";ext=7"),
        Just("@gw1.example"),
        Just(" (office)"),
        Just("\u{202c}")
    ];
    (before, national, after)
        .prop_map(|(before, national, after)| format!("{before}{national}{after}"))
}

fn any_country() -> impl Strategy<Value = Country> {
    prop_oneof![
        Just(""),
        Just("GB"),
        Just("DE"),
        Just("US"),
        Just("FR"),
        Just("IT"),
        Just("CN")
    ]
    .prop_map(country)
}

/// The same number with a sign between its digits.
fn spaced(text: &str, at: usize, sign: char) -> String {
    let digits: Vec<usize> = text
        .char_indices()
        .filter(|(_, c)| c.is_ascii_digit())
        .map(|(at, _)| at)
        .collect();
    let at = digits[at % digits.len().min(4)];
    format!("{}{sign}{}", &text[..at], &text[at..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn numbers_that_may_be_the_same_are_found(one in written(), other in written(), country in any_country()) {
        if compare(&one, &other, country) != Other {
            let (stored, sought) = (terms(&one), sought_terms(&other, country));
            prop_assert!(stored.iter().any(|term| sought.contains(term)), "{} {} {:?} {:?}", one, other, stored, sought);
        }
    }

    #[test]
    fn signs_between_the_digits_change_nothing(
        text in written(), at in 0_usize..20, sign in prop::sample::select(vec![' ', '-', '.', '/', '\u{a0}', '\u{200b}', '\u{202c}']),
        country in any_country(),
    ) {
        prop_assert_eq!(read(&spaced(&text, at, sign), country), read(&text, country));
    }

    #[test]
    fn any_text_is_the_same_number_as_itself(text in any::<String>(), country in any_country()) {
        if let Some(readings) = read(&text, country) {
            prop_assert!(readings.is_same(&readings) && readings.may_be(&readings));
            prop_assert!(readings.certain.chars().all(|c| c.is_ascii_digit() || c == '+'));
            prop_assert!(!terms(&text).is_empty());
        } else {
            prop_assert!(terms(&text).is_empty());
        }
    }
}
