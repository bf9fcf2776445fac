//! The modules of a page as one script: a browser asks once, and their code compresses better
//! together, because modules repeat each other's words.
//!
//! A module becomes a function, whose result is what the module exports. Promise: modules run in the
//! order in which browsers would run them. Must not: read more of a script than its lines that begin
//! with `import` or `export`.

use std::fmt::Write as _;

/// A module as text, by the name of its file.
pub(super) type Source<'a> = &'a dyn Fn(&str) -> &'a str;

/// The modules that a script imports, those first that others need, and itself last.
pub(super) fn modules<'a>(entry: &'a str, source: Source<'a>) -> Vec<&'a str> {
    let mut found = Vec::new();
    collect(entry, source, &mut found);
    found
}

fn collect<'a>(name: &'a str, source: Source<'a>, found: &mut Vec<&'a str>) {
    for (_, import) in source(name).lines().filter_map(import) {
        if !found.contains(&import) {
            collect(import, source, found);
        }
    }
    if !found.contains(&name) {
        found.push(name);
    }
}

/// The modules as one module. It exports what each of them exports, by [`variable`]; `outer` is
/// another bundle with its modules, which are not in this one.
pub(super) fn bundle(
    modules: &[&str],
    source: Source<'_>,
    outer: Option<(&str, &[&str])>,
) -> String {
    let mut code = String::new();
    let is_outer = |name: &&str| outer.is_some_and(|(_, modules)| modules.contains(name));
    let inner = || modules.iter().copied().filter(|name| !is_outer(name));
    if let Some((file, outer)) = outer {
        let imports = inner().flat_map(|name| source(name).lines().filter_map(import));
        let mut needed: Vec<&str> = imports.map(|(_, name)| name).collect();
        needed.retain(|name| outer.contains(name));
        needed.sort_unstable();
        needed.dedup();
        _ = writeln!(code, "import {{ {} }} from './{file}';", variables(&needed));
    }
    let mut exporting = Vec::new();
    for name in inner() {
        let (body, exports) = function(source(name));
        if exports.is_empty() {
            _ = writeln!(code, "(() => {{\n{body}}})();");
        } else {
            let (variable, exports) = (variable(name), exports.join(", "));
            _ = writeln!(
                code,
                "const {variable} = (() => {{\n{body}return {{ {exports} }};\n}})();"
            );
            exporting.push(name);
        }
    }
    if outer.is_none() {
        _ = writeln!(code, "export {{ {} }};", variables(&exporting));
    }
    code
}

/// The variable with the exports of a module.
fn variable(name: &str) -> String {
    format!("${}", name.trim_end_matches(".js"))
}

fn variables(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|name| variable(name)).collect();
    names.join(", ")
}

/// The code of a module as that of a function, and the names that it exports.
fn function(module: &str) -> (String, Vec<&str>) {
    let (mut body, mut exports) = (String::new(), Vec::new());
    for line in module.lines() {
        if let Some((names, from)) = import(line) {
            if !names.is_empty() {
                // `{ a as b }` of an import is `{ a: b }` of an object.
                let names = names.replace(" as ", ": ");
                _ = writeln!(body, "const {names} = {};", variable(from));
            }
            continue;
        }
        let declared = line.strip_prefix("export ");
        exports.extend(declared.and_then(declared_name));
        body.push_str(declared.unwrap_or(line));
        body.push('\n');
    }
    (body, exports)
}

/// The names of an import in braces, empty for none, and the file.
fn import(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("import ")?;
    let (names, file) = rest.split_once("'./")?;
    let file = file.strip_suffix("';")?;
    Some((names.trim_end_matches("from ").trim(), file))
}

/// The name in a declaration.
fn declared_name(declaration: &str) -> Option<&str> {
    let rest = declaration.strip_prefix("async ").unwrap_or(declaration);
    let (_, rest) = rest.split_once(' ')?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str) -> &'static str {
        match name {
            "main.js" => "import './b.js';\nimport { one as first } from './a.js';\nfirst();\n",
            "b.js" => "import { one } from './a.js';\nexport const two = one();\nlet own = two;\n",
            "a.js" => "export function one() {\nreturn 1;\n}\nexport async function wait() {}\n",
            "later.js" => "import { two } from './b.js';\ntwo();\n",
            _ => "",
        }
    }

    #[test]
    fn modules_run_after_those_that_they_need() {
        assert_eq!(modules("main.js", &source), ["a.js", "b.js", "main.js"]);
        assert_eq!(modules("a.js", &source), ["a.js"]);
    }

    #[test]
    fn modules_become_functions_of_one_script() {
        let first = modules("main.js", &source);
        let code = "const $a = (() => {\nfunction one() {\nreturn 1;\n}\nasync function wait() {}\nreturn { one, wait };\n})();\n\
            const $b = (() => {\nconst { one } = $a;\nconst two = one();\nlet own = two;\nreturn { two };\n})();\n\
            (() => {\nconst { one: first } = $a;\nfirst();\n})();\nexport { $a, $b };\n";
        assert_eq!(bundle(&first, &source, None), code);
        let later = modules("later.js", &source);
        let code =
            "import { $b } from './main.js';\n(() => {\nconst { two } = $b;\ntwo();\n})();\n";
        let outer = Some(("main.js", &first[..]));
        assert_eq!(bundle(&later, &source, outer), code);
    }
}
