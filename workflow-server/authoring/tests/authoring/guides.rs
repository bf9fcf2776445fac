//! Checks everything in the authors' guides that can be checked. Workflows have no errors and no
//! warnings. Errors are those that the page shows. Expressions, texts and calendars are valid. No
//! block is left unchecked.

use std::path::{Path, PathBuf};

use aftercall_authoring::file::{read, read_calendars, read_teams, write_yaml};
use aftercall_definition::expression::{Expression, Wanted};
use aftercall_definition::facts::Names;
use aftercall_definition::template::Template;
use aftercall_definition::validate::{Declared, validate};
use aftercall_definition::value::FieldDeclaration;
use aftercall_definition::{Definition, Fault};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The guides for users, by their paths in `docs/`.
fn pages() -> Vec<String> {
    let mut names = Vec::new();
    for folder in ["", "authors/"] {
        let entries = std::fs::read_dir(root().join("docs").join(folder)).unwrap();
        names.extend(entries.map(|entry| {
            format!(
                "{folder}{}",
                entry.unwrap().file_name().into_string().unwrap()
            )
        }));
    }
    names.retain(|name| name.ends_with(".md"));
    names.sort();
    names
}

/// The fenced blocks of a page: the kind after the fence, and the text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            continue;
        };
        let text: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        blocks.push((kind.trim().to_owned(), text.join("\n") + "\n"));
    }
    blocks
}

fn faults_of(definition: &Definition) -> Vec<Fault> {
    let example = |name: &str| std::fs::read_to_string(root().join("examples").join(name)).unwrap();
    let teams = read_teams(&example("teams.yaml")).unwrap();
    let calendars = read_calendars(&example("calendars.yaml")).unwrap();
    let is_team = |team: &str| teams.iter().any(|declared| declared.name == team);
    let is_calendar = |name: &str| calendars.iter().any(|calendar| calendar.name == name);
    validate(definition, Declared::new(&is_team, &is_calendar))
}

/// The fields of the workflow on the page about fields. Its expressions and texts use them.
fn fields() -> Vec<FieldDeclaration> {
    let all = blocks(&page("authors/conditions.md"));
    let (_, text) = all
        .iter()
        .find(|(kind, _)| kind == "yaml workflow")
        .unwrap();
    read(text, None).unwrap().fields
}

fn check(name: &str, kind: &str, text: &str) {
    match kind {
        "yaml workflow" => {
            let definition =
                read(text, None).unwrap_or_else(|faults| panic!("{name}: {faults:#?}\n{text}"));
            assert_eq!(faults_of(&definition), [], "{name}:\n{text}");
            assert_eq!(
                read(&write_yaml(&definition), None).as_ref(),
                Ok(&definition),
                "{name}: an export does not change it"
            );
        }
        "yaml faults" => {
            let expected: Vec<&str> = text
                .lines()
                .filter_map(|line| line.strip_prefix("# "))
                .collect();
            let found = read(text, None).unwrap_err();
            let found = found
                .iter()
                .map(|fault| format!("{}:{} {}", fault.line, fault.column, fault.message));
            assert_eq!(found.collect::<Vec<_>>(), expected, "{name}");
        }
        "yaml calendars" => {
            assert!(
                read_calendars(text).is_ok_and(|calendars| !calendars.is_empty()),
                "{name}:\n{text}"
            );
        }
        "yaml teams" => {
            assert!(
                read_teams(text).is_ok_and(|teams| !teams.is_empty()),
                "{name}:\n{text}"
            );
        }
        "yaml manifest" => {
            for document in text.split("---\n") {
                let read: Result<serde_json::Value, _> = serde_saphyr::from_str(document);
                let read = read.unwrap_or_else(|error| panic!("{name}: {error}\n{document}"));
                assert!(read["kind"].is_string(), "{name}: {document}");
            }
        }
        "expressions" => {
            let fields = fields();
            let form = FieldDeclaration {
                name: "reference".to_owned(),
                ..FieldDeclaration::default()
            };
            for source in text.lines() {
                let expression = Expression::parse(source)
                    .unwrap_or_else(|fault| panic!("{name}: {source} {fault}"));
                let names = Names::new(&fields, [&form]);
                let wrong = expression.check(&names, Wanted::Condition);
                assert!(wrong.is_empty(), "{name}: {source}: {wrong:?}");
            }
        }
        "texts" => {
            for source in text.lines() {
                let template = Template::parse(source)
                    .unwrap_or_else(|fault| panic!("{name}: {source}: {fault}"));
                let fields = fields();
                let names = Names::new(&fields, []);
                assert_eq!(
                    template.faults(&names).collect::<Vec<_>>(),
                    Vec::<String>::new(),
                    "{name}: {source}"
                );
            }
        }
        // Tests of the command line run files of tests, and compare the clients with
        // `examples/clients/`. The examples in the documentation of the client library are compiled.
        // Tests of aftercall-identity read the access files.
        "sh" | "ini" | "sql" | "text" | "yaml tests" | "python" | "js" | "rust" | "toml" => {}
        other => panic!("{name} has a block of the kind `{other}`, which nothing checks"),
    }
}

#[test]
fn every_snippet_of_the_guides_is_valid() {
    let mut checked = 0;
    for name in pages() {
        for (kind, text) in blocks(&page(&name)) {
            check(&name, &kind, &text);
            checked += usize::from(kind != "sh");
        }
    }
    assert!(checked >= 14, "{checked} snippets were found");
}

#[test]
fn every_page_is_listed_and_no_link_is_broken() {
    let list = page("README.md");
    for name in pages().iter().filter(|name| *name != "README.md") {
        assert!(
            list.contains(&format!("]({name})")),
            "docs/README.md does not name {name}"
        );
    }
    for name in pages() {
        let text = page(&name);
        for target in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let file = target.split('#').next().unwrap();
            let folder = root().join("docs").join(&name).parent().unwrap().to_owned();
            let is_there =
                file.starts_with("http") || file.is_empty() || folder.join(file).exists();
            assert!(is_there, "{name} links to {target}");
        }
    }
}

#[test]
fn every_key_and_filter_is_on_a_page() {
    let all: String = pages().iter().map(|name| page(name)).collect();
    let words = [
        "`alert`",
        "`button`",
        "`timer`",
        "`link`",
        "`finish`",
        "`set-field`",
        "`wait-for-claim`",
        "`escalate`",
        "`seen-for`",
        "add-team",
        "`confirm`",
        "`note`",
        "`form`",
        "`from`",
        "`at`",
        "`default(",
        "`upper`",
        "`zone(",
        "`round(",
        "allow_unlinked_ends",
        "retention",
        "`values`",
        "`label`",
        "max",
    ];
    for word in words {
        assert!(
            all.contains(word) || all.contains(&format!("## {}", word.trim_matches('`'))),
            "{word} is not explained on any page"
        );
    }
}
