//! One style of imports, of module files, and of the names of tests.

use syn::spanned::Spanned as _;
use syn::visit::Visit;
use syn::{ItemFn, ItemUse, UseTree};

/// Words of the name of a test. A longer one says more than one thing.
const TEST_WORDS_MAX: usize = 10;

/// Imports of more than one module in one `use`, paths that climb twice, module files of the older
/// kind, and long names of tests.
pub(crate) fn errors(path: &str, text: &str) -> Vec<String> {
    struct Uses<'s>(&'s str, Vec<String>);
    impl<'ast> Visit<'ast> for Uses<'_> {
        fn visit_item_use(&mut self, item: &'ast ItemUse) {
            let line = item.span().start().line;
            if has_several_modules(&item.tree) {
                let message = "write one `use` for each module";
                self.1.push(format!("{}:{line}: {message}", self.0));
            }
        }

        fn visit_item_fn(&mut self, item: &'ast ItemFn) {
            let name = item.sig.ident.to_string();
            let has_test = |attribute: &syn::Attribute| {
                let path = attribute.path().segments.last();
                path.is_some_and(|last| last.ident == "test")
            };
            if item.attrs.iter().any(has_test) && name.split('_').count() > TEST_WORDS_MAX {
                let message = format!("{name} has more than {TEST_WORDS_MAX} words");
                self.1.push(format!("{}: {message}", self.0));
            }
            syn::visit::visit_item_fn(self, item);
        }
    }
    let file = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut uses = Uses(path, Vec::new());
    uses.visit_file(&file);
    let mut errors = uses.1;
    let climb = concat!("super::", "super");
    errors.extend(
        text.lines()
            .enumerate()
            .filter(|(_, line)| line.contains(climb))
            .map(|(at, _)| format!("{path}:{}: write the path from `crate`", at + 1)),
    );
    if path.ends_with("/mod.rs") {
        errors.push(format!("{path}: call it like its folder, beside it"));
    }
    errors
}

/// Whether braces hold a path of their own.
fn has_several_modules(tree: &UseTree) -> bool {
    match tree {
        UseTree::Path(path) => has_several_modules(&path.tree),
        UseTree::Group(group) => group
            .items
            .iter()
            .any(|item| matches!(item, UseTree::Path(_) | UseTree::Group(_))),
        UseTree::Name(_) | UseTree::Rename(_) | UseTree::Glob(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_departure_from_the_style_is_found() {
        let long =
            "#[tokio::test] async fn a_b_c_d_e_f_g_h_i_j_k() {} fn a_b_c_d_e_f_g_h_i_j_k() {}";
        assert_eq!(errors("x/src/a.rs", long).len(), 1);
        let several = concat!("use a::{b", "::c, d};");
        assert_eq!(errors("x/src/a.rs", several).len(), 1);
        assert!(errors("x/src/a.rs", "use a::{self, b, c as d};").is_empty());
        assert_eq!(
            errors("x/src/a.rs", concat!("use super::", "super::A;")).len(),
            1
        );
        assert_eq!(errors("x/src/a/mod.rs", "").len(), 1);
    }
}
