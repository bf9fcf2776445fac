//! The graph of imports between the files of a crate, as the compiler sees them: a name counts
//! where it is used, and it leads to the file that defines it, through every re-export.
//!
//! Promise: what is written in code counts, in macros too; tests and comments do not. Circles
//! between crates are refused by Cargo.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Item, UseTree, Visibility};

/// A path of modules from the root of the crate, and a name in it.
type Path = Vec<String>;

/// A file of a crate: its module path below the crate's root, and its text.
pub(crate) struct File<'a> {
    pub(crate) module: Path,
    pub(crate) path: &'a str,
    pub(crate) text: &'a str,
}

/// What a module names.
#[derive(Default)]
struct Module {
    /// The file that holds it.
    file: usize,
    /// What is defined here.
    items: BTreeSet<String>,
    /// What is imported here, by the name that it has here.
    imports: BTreeMap<String, Import>,
    /// Modules of which everything is imported.
    globs: Vec<Path>,
    /// Paths in the code that is neither import nor test.
    used: Vec<Path>,
}

struct Import {
    path: Path,
    /// It hands the name on. Only a use of it in this file is a use.
    is_public: bool,
}

/// What a path leads to.
enum Found {
    File(usize),
    Module(Path),
}

/// The imports of each file of one crate, by their places in `files`, with the names that are used.
pub(crate) fn of_crate(files: &[File<'_>]) -> Vec<BTreeMap<usize, BTreeSet<String>>> {
    let mut modules = HashMap::new();
    for (at, file) in files.iter().enumerate() {
        let parsed =
            syn::parse_file(file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
        read_module(&file.module, at, &parsed.items, &mut modules);
    }
    let mut graph = vec![BTreeMap::<usize, BTreeSet<String>>::new(); files.len()];
    for (path, module) in &modules {
        for used in uses(module) {
            let Some(Found::File(to)) = resolve(&modules, path, &used, &mut Vec::new()) else {
                continue;
            };
            if to != module.file {
                let name = used.last().cloned().unwrap_or_default();
                graph[module.file].entry(to).or_default().insert(name);
            }
        }
    }
    graph
}

/// The circles: sets of files each of which reaches the others. Sorted.
pub(crate) fn circles(graph: &[BTreeMap<usize, BTreeSet<String>>]) -> Vec<Vec<usize>> {
    let reached: Vec<BTreeSet<usize>> = (0..graph.len())
        .map(|from| reachable(graph, from))
        .collect();
    let mut circles = BTreeSet::new();
    for (at, others) in reached
        .iter()
        .enumerate()
        .filter(|(at, others)| others.contains(at))
    {
        let circle: Vec<usize> = others
            .iter()
            .copied()
            .filter(|other| reached[*other].contains(&at))
            .collect();
        circles.insert(circle);
    }
    circles.into_iter().collect()
}

fn reachable(graph: &[BTreeMap<usize, BTreeSet<String>>], from: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<usize> = graph[from].keys().copied().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(graph[next].keys());
        }
    }
    reached
}

fn read_module(path: &[String], file: usize, items: &[Item], modules: &mut HashMap<Path, Module>) {
    let mut module = Module {
        file,
        ..Module::default()
    };
    for item in items.iter().filter(|item| !is_test(item)) {
        match item {
            Item::Use(import) => {
                let is_public = !matches!(import.vis, Visibility::Inherited);
                read_use(&import.tree, Vec::new(), is_public, &mut module);
            }
            Item::Mod(inner) => {
                if let Some((_, items)) = &inner.content {
                    let path = [path, &[inner.ident.to_string()]].concat();
                    read_module(&path, file, items, modules);
                }
            }
            item => {
                module.items.extend(name_of(item));
                read_paths(item.to_token_stream(), &mut module.used);
            }
        }
    }
    modules.insert(path.to_vec(), module);
}

fn is_test(item: &Item) -> bool {
    let attributes = match item {
        Item::Mod(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        _ => return false,
    };
    attributes.iter().any(|attribute| {
        attribute
            .to_token_stream()
            .to_string()
            .contains("cfg (test)")
    })
}

fn name_of(item: &Item) -> Option<String> {
    Some(match item {
        Item::Const(item) => item.ident.to_string(),
        Item::Enum(item) => item.ident.to_string(),
        Item::Fn(item) => item.sig.ident.to_string(),
        Item::Macro(item) => item.ident.as_ref()?.to_string(),
        Item::Static(item) => item.ident.to_string(),
        Item::Struct(item) => item.ident.to_string(),
        Item::Trait(item) => item.ident.to_string(),
        Item::TraitAlias(item) => item.ident.to_string(),
        Item::Type(item) => item.ident.to_string(),
        Item::Union(item) => item.ident.to_string(),
        _ => return None,
    })
}

fn read_use(tree: &UseTree, mut before: Path, is_public: bool, module: &mut Module) {
    let (name, path) = match tree {
        UseTree::Path(path) => {
            before.push(path.ident.to_string());
            return read_use(&path.tree, before, is_public, module);
        }
        UseTree::Group(group) => {
            return group
                .items
                .iter()
                .for_each(|tree| read_use(tree, before.clone(), is_public, module));
        }
        UseTree::Glob(_) => return module.globs.push(before),
        UseTree::Name(name) if name.ident == "self" => {
            (before.last().cloned().unwrap_or_default(), before)
        }
        UseTree::Name(name) => {
            before.push(name.ident.to_string());
            (name.ident.to_string(), before)
        }
        UseTree::Rename(renamed) => {
            before.push(renamed.ident.to_string());
            (renamed.rename.to_string(), before)
        }
    };
    module.imports.insert(name, Import { path, is_public });
}

/// Every `a::b::c` and every name alone, also in macros.
fn read_paths(tokens: TokenStream, paths: &mut Vec<Path>) {
    let mut path: Path = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 && !path.is_empty() {
                    paths.push(std::mem::take(&mut path));
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => colons += 1,
            other => {
                if !path.is_empty() {
                    paths.push(std::mem::take(&mut path));
                }
                colons = 0;
                if let TokenTree::Group(group) = other {
                    read_paths(group.stream(), paths);
                }
            }
        }
    }
    if !path.is_empty() {
        paths.push(path);
    }
}

/// The paths that count as uses: those in code, and each private import. An import that is handed
/// on is found where its name is used.
fn uses(module: &Module) -> Vec<Path> {
    let private = module.imports.values().filter(|import| !import.is_public);
    module
        .used
        .iter()
        .cloned()
        .chain(private.map(|import| import.path.clone()))
        .collect()
}

/// Follows a path that is written in a module. `None`: it leads to another crate, or is no path of
/// modules.
fn resolve(
    modules: &HashMap<Path, Module>,
    at: &[String],
    path: &[String],
    seen: &mut Vec<(Path, String)>,
) -> Option<Found> {
    let (mut at, mut rest, mut is_start) = (at.to_vec(), path, true);
    while let Some((first, after)) = rest.split_first() {
        match first.as_str() {
            "crate" if is_start => at = Vec::new(),
            "self" if is_start => {}
            "super" => _ = at.pop()?,
            name => match member(modules, &at, name, seen)? {
                Found::File(file) => return Some(Found::File(file)),
                Found::Module(module) => at = module,
            },
        }
        (rest, is_start) = (after, false);
    }
    Some(Found::Module(at))
}

/// What a module calls by a name.
fn member(
    modules: &HashMap<Path, Module>,
    at: &[String],
    name: &str,
    seen: &mut Vec<(Path, String)>,
) -> Option<Found> {
    let key = (at.to_vec(), name.to_owned());
    if seen.contains(&key) {
        return None;
    }
    seen.push(key);
    let module = modules.get(at)?;
    if module.items.contains(name) {
        return Some(Found::File(module.file));
    }
    let child = [at, &[name.to_owned()]].concat();
    if modules.contains_key(&child) {
        return Some(Found::Module(child));
    }
    if let Some(import) = module.imports.get(name) {
        return resolve(modules, at, &import.path, seen);
    }
    let of_glob = |glob: &Path| {
        let Some(Found::Module(of)) = resolve(modules, at, glob, seen) else {
            return None;
        };
        member(modules, &of, name, seen)
    };
    module.globs.iter().find_map(of_glob)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<usize>> {
        let modules = |path: &str| {
            path.split("::")
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let root = ("", "mod a; mod b;");
        let files: Vec<File<'_>> = files
            .iter()
            .chain((!files.iter().any(|(path, _)| path.is_empty())).then_some(&root))
            .map(|(path, text)| File {
                module: modules(path),
                path,
                text,
            })
            .collect();
        circles(&of_crate(&files))
    }

    #[test]
    fn a_circle_is_found_through_what_is_handed_on() {
        let root = ("", "mod a; mod b; pub use b::B;");
        assert_eq!(
            circles_of(&[
                root,
                ("a", "use crate::B; pub struct A;"),
                ("b", "pub struct B(crate::a::A);")
            ]),
            [[1, 2]]
        );
        assert!(
            circles_of(&[
                root,
                ("a", "use crate::B; pub struct A;"),
                ("b", "pub struct B;")
            ])
            .is_empty()
        );
    }

    #[test]
    fn parent_and_child_using_each_other_form_a_circle() {
        let child = ("a::c", "use super::A; pub fn c(_: A) {}");
        assert_eq!(
            circles_of(&[("a", "mod c; pub struct A; fn f() { c::c(A) }"), child]),
            [[0, 1]]
        );
        assert!(circles_of(&[("a", "mod c; pub use c::c; pub struct A;"), child]).is_empty());
    }

    #[test]
    fn names_in_macros_count_and_names_in_tests_do_not() {
        let b = ("b", "use crate::a::A; pub struct B;");
        assert_eq!(
            circles_of(&[
                (
                    "a",
                    "pub struct A; fn f() { println!(\"{}\", crate::b::B) }"
                ),
                b
            ]),
            [[0, 1]]
        );
        assert!(
            circles_of(&[
                (
                    "a",
                    "pub struct A; #[cfg(test)] mod tests { use crate::b::B; }"
                ),
                b
            ])
            .is_empty()
        );
    }
}
