//! The addresses of the page, as its source has them, so that a test of all of them misses no new one.

use std::fs;

use aftercall_tests::workspace;

/// An address, and how browsers ask for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Route {
    /// Such as `/f/{id}/history`.
    pub(crate) path: String,
    /// Whether it answers GET.
    pub(crate) is_read: bool,
    /// Whether it answers POST.
    pub(crate) is_posted: bool,
}

/// All of them, sorted.
pub(crate) fn routes() -> Vec<Route> {
    let mut found = Vec::new();
    for file in sources() {
        let text = fs::read_to_string(&file).expect("a source file");
        // Its tests have routers of their own.
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        let routes = text.split(".route(").skip(1);
        found.extend(routes.map(|rest| route(rest, text)));
    }
    found.sort();
    assert!(found.len() > 50, "they are found: {found:#?}");
    found
}

fn sources() -> Vec<std::path::PathBuf> {
    let mut folders = vec![workspace().join("call-manager/src")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files
}

/// The route whose arguments begin here.
fn route(rest: &str, file: &str) -> Route {
    let (path, handlers) = rest.split_once(',').expect("two arguments");
    // It ends where the next call of the chain or the function does.
    let handlers = handlers.split("\n        .").next().unwrap_or_default();
    let handlers = handlers.split("\n}").next().unwrap_or_default();
    let path = match path.trim().strip_prefix('"') {
        Some(path) => path.trim_end_matches('"').to_owned(),
        None => constant(path.trim()),
    };
    let has = |method: &str| handlers.contains(method);
    // A router of its own has both.
    let is_own = has("::routes()");
    let route = Route {
        path,
        is_read: is_own || has("get("),
        is_posted: is_own || has("post("),
    };
    let is_whole = route.path.starts_with('/') && (route.is_read || route.is_posted);
    assert!(is_whole, "{route:?} of {file}");
    route
}

/// The address that a constant of another module has.
fn constant(name: &str) -> String {
    let (module, name) = name.split_once("::").expect("a module");
    let path = workspace().join(format!("call-manager/src/{module}.rs"));
    let text = fs::read_to_string(path).expect("a source file");
    let (_, value) = text
        .split_once(&format!("const {name}: &str = \""))
        .expect("the constant");
    value.split('"').next().expect("its end").to_owned()
}
