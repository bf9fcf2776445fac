//! Style that a program can check: lengths of files and functions, who may import whom, who may
//! name the store or make a status, and that every module says what it is.

mod folders;
mod imports;
mod marks;
mod rules;
mod style;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rules::{ALONE, FORBIDDEN};
use syn::visit::Visit;

/// No file is longer, tests included.
const FILE_LINES_MAX: usize = 500;
/// No function is longer.
const FUNCTION_LINES_MAX: usize = 60;
/// No function of a test is longer: it may show a scenario from its beginning to its end.
const TEST_LINES_MAX: usize = 100;
/// Half of the files outside tests are not longer than this. A ratchet: it may go down, never up.
const MEDIAN_FILE_LINES_MAX: usize = 170;

/// The folders with our code.
const ROOTS: &[&str] = &[
    "text",
    "scope",
    "proto",
    "identity",
    "serving",
    "workflow-server",
    "alerter-server",
    "call-manager",
    "cli",
    "client",
    "tests",
];

/// A file of ours.
struct Source {
    /// From the root of the workspace, with slashes.
    path: String,
    text: String,
}

impl Source {
    fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.ends_with("tests.rs")
            || self.path.starts_with("tests/")
    }

    /// The lines that are code, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self
            .text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .to_owned()
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for folder in ROOTS {
        collect(&root().join(folder), &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(dir: &Path, found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(dir) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() && !path.ends_with("target") && !path.ends_with("node_modules") {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).expect("a file of text");
            let relative = path.strip_prefix(root()).expect("below the workspace");
            found.push(Source {
                path: relative.to_string_lossy().replace('\\', "/"),
                text,
            });
        }
    }
}

fn long_files(sources: &[Source]) -> Vec<String> {
    let lengths = sources
        .iter()
        .map(|source| (&source.path, source.text.lines().count()));
    lengths
        .filter(|(_, lines)| *lines > FILE_LINES_MAX)
        .map(|(path, lines)| {
            format!("{path} has {lines} lines, at most {FILE_LINES_MAX} are read with pleasure")
        })
        .collect()
}

fn long_functions(source: &Source) -> Vec<String> {
    struct Functions<'s> {
        path: &'s str,
        is_test: bool,
        errors: Vec<String>,
    }
    impl Functions<'_> {
        fn check(&mut self, signature: &syn::Signature, body: &syn::Block) {
            let (first, last) = (
                signature.fn_token.span.start().line,
                body.brace_token.span.close().end().line,
            );
            let max = if self.is_test {
                TEST_LINES_MAX
            } else {
                FUNCTION_LINES_MAX
            };
            let (name, lines) = (&signature.ident, last - first + 1);
            if lines > max {
                let path = self.path;
                self.errors
                    .push(format!("{path}: {name} has {lines} lines, at most {max}"));
            }
        }
    }
    impl<'ast> Visit<'ast> for Functions<'_> {
        fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
            let was_test = self.is_test;
            self.is_test |= module.ident == "tests";
            syn::visit::visit_item_mod(self, module);
            self.is_test = was_test;
        }

        fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
            self.check(&function.sig, &function.block);
            syn::visit::visit_item_fn(self, function);
        }

        fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
            self.check(&function.sig, &function.block);
            syn::visit::visit_impl_item_fn(self, function);
        }
    }
    let file =
        syn::parse_file(&source.text).unwrap_or_else(|error| panic!("{}: {error}", source.path));
    let mut functions = Functions {
        path: &source.path,
        is_test: source.is_test(),
        errors: Vec::new(),
    };
    functions.visit_file(&file);
    functions.errors
}

fn forbidden_names(source: &Source) -> Vec<String> {
    let mut faults = Vec::new();
    for (at, line) in source.code() {
        for (folder, names) in FORBIDDEN {
            for name in names
                .iter()
                .filter(|name| source.path.starts_with(folder) && line.contains(**name))
            {
                if !source.is_test() {
                    faults.push(format!(
                        "{}:{at}: nothing in {folder} may use `{name}`",
                        source.path
                    ));
                }
            }
        }
        for (name, allowed) in ALONE {
            let may = source.is_test()
                || allowed
                    .iter()
                    .any(|allowed| source.path.starts_with(allowed));
            if line.contains(name) && !may {
                faults.push(format!(
                    "{}:{at}: `{name}` belongs to {} alone",
                    source.path, allowed[0]
                ));
            }
        }
    }
    faults
}

fn without_opening(source: &Source) -> Option<String> {
    let opens = source.text.starts_with("//!") || source.text.starts_with("#!");
    (!opens).then(|| format!("{} does not open with what it is", source.path))
}

fn unfinished(source: &Source) -> Vec<String> {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
        concat!("to", "do!("),
        concat!("unimpl", "emented!("),
    ];
    let named = |line: &str| words.iter().find(|word| line.contains(**word));
    let lines = source.text.lines().enumerate();
    lines
        .filter_map(|(at, line)| {
            named(line).map(|word| format!("{}:{}: {word}", source.path, at + 1))
        })
        .collect()
}

fn sleeps(source: &Source) -> Vec<String> {
    let sleep = concat!("sle", "ep(");
    let lines = source
        .code()
        .filter(|(_, line)| source.is_test() && line.contains(sleep));
    lines
        .map(|(at, _)| {
            format!(
                "{}:{at}: a test waits for a condition, not for time",
                source.path
            )
        })
        .collect()
}

#[test]
fn files_and_functions_are_short() {
    let sources = sources();
    assert!(sources.len() > 100, "the files are found");
    let mut faults = long_files(&sources);
    faults.extend(sources.iter().flat_map(long_functions));
    assert_eq!(faults, Vec::<String>::new());
    let mut lengths: Vec<usize> = sources
        .iter()
        .filter(|source| !source.is_test())
        .map(|source| source.text.lines().count())
        .collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(
        median <= MEDIAN_FILE_LINES_MAX,
        "half of the files have more than {median} lines"
    );
}

#[test]
fn everybody_uses_only_what_lies_below() {
    let faults: Vec<String> = sources().iter().flat_map(forbidden_names).collect();
    assert_eq!(faults, Vec::<String>::new());
}

/// The crates: each folder with a `src/` below the roots.
fn crates(sources: &[Source]) -> BTreeMap<&str, Vec<&Source>> {
    let mut crates: BTreeMap<&str, Vec<&Source>> = BTreeMap::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        if let Some((name, _)) = source.path.split_once("/src/") {
            crates.entry(name).or_default().push(source);
        }
    }
    crates
}

/// The modules that lead to a file of a crate, from its root. Beside a library, a program is a
/// crate of its own.
fn module_of(path: &str, has_library: bool) -> Vec<String> {
    let (_, inside) = path.split_once("/src/").expect("a file of a crate");
    match inside.strip_suffix(".rs").expect("a file of Rust") {
        "lib" => Vec::new(),
        "main" if !has_library => Vec::new(),
        modules => modules.split('/').map(str::to_owned).collect(),
    }
}

/// The circles of imports of each crate, with what ties them.
fn circles(sources: &[Source]) -> (usize, Vec<String>) {
    let (mut imports, mut found) = (0, Vec::new());
    for (name, sources) in crates(sources) {
        let has_library = sources
            .iter()
            .any(|source| source.path.ends_with("/src/lib.rs"));
        let files: Vec<imports::File<'_>> = sources
            .iter()
            .map(|source| imports::File {
                module: module_of(&source.path, has_library),
                path: &source.path,
                text: &source.text,
            })
            .collect();
        let graph = imports::of_crate(&files);
        imports += graph.iter().map(BTreeMap::len).sum::<usize>();
        for circle in imports::circles(&graph) {
            let mut lines = vec![format!("a circle in {name}:")];
            for &from in &circle {
                for (to, names) in graph[from].iter().filter(|(to, _)| circle.contains(to)) {
                    let names: Vec<&str> = names.iter().map(String::as_str).collect();
                    let (from, to) = (files[from].path, files[*to].path);
                    lines.push(format!("  {from} uses {} of {to}", names.join(", ")));
                }
            }
            found.push(lines.join("\n"));
        }
    }
    (imports, found)
}

#[test]
fn every_folder_of_code_is_known() {
    assert_eq!(folders::unknown(&root(), ROOTS), Vec::<String>::new());
}

#[test]
fn no_merge_is_left_unresolved() {
    assert_eq!(marks::left(&root()), Vec::<String>::new());
}

#[test]
fn imports_and_module_files_have_one_style() {
    let sources = sources();
    let errors = sources
        .iter()
        .flat_map(|source| style::errors(&source.path, &source.text));
    assert_eq!(errors.collect::<Vec<String>>(), Vec::<String>::new());
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let (imports, found) = circles(&sources());
    assert!(imports > 1_000, "the imports are found: {imports}");
    assert!(
        found.is_empty(),
        "{} circles:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn every_file_is_described_and_finished() {
    let sources = sources();
    let mut faults: Vec<String> = sources.iter().filter_map(without_opening).collect();
    faults.extend(sources.iter().flat_map(unfinished));
    faults.extend(sources.iter().flat_map(sleeps));
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn limits_are_named_once() {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for source in sources()
        .iter()
        .filter(|source| source.path.ends_with("limits.rs") && !source.is_test())
    {
        for line in source
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("pub const "))
        {
            let name = line.split(':').next().expect("a name").to_owned();
            let file = source.path.rsplit_once('/').expect("a folder").0.to_owned();
            names
                .entry(format!("{file}: {name}"))
                .or_default()
                .push(source.path.clone());
        }
    }
    assert!(names.len() > 10, "the limits are found");
    assert!(names.values().all(|places| places.len() == 1), "{names:?}");
}

#[test]
fn the_checks_find_what_they_look_for() {
    let source = |path: &str, text: String| Source {
        path: path.to_owned(),
        text,
    };
    let long = source("cli/src/a.rs", "//! Long.\n".repeat(FILE_LINES_MAX + 1));
    assert_eq!(long_files(&[long]).len(), 1);
    let body = "    let _ = 1;\n".repeat(FUNCTION_LINES_MAX);
    assert_eq!(
        long_functions(&source("cli/src/a.rs", format!("fn long() {{\n{body}}}\n"))).len(),
        1
    );
    assert_eq!(
        forbidden_names(&source(
            "workflow-server/engine/src/a.rs",
            "use tokio::time;".to_owned()
        ))
        .len(),
        1
    );
    assert!(
        !forbidden_names(&source(
            "cli/src/a.rs",
            "let db = sled::open(path);".to_owned()
        ))
        .is_empty()
    );
    assert!(
        forbidden_names(&source(
            "cli/src/a.rs",
            "// sled::open is not for us".to_owned()
        ))
        .is_empty()
    );
    assert!(without_opening(&source("cli/src/a.rs", "use std;".to_owned())).is_some());
    assert_eq!(
        unfinished(&source("cli/src/a.rs", concat!("// TO", "DO").to_owned())).len(),
        1
    );
    assert_eq!(
        sleeps(&source(
            "tests/tests/a.rs",
            concat!("sle", "ep(1)").to_owned()
        ))
        .len(),
        1
    );
}
