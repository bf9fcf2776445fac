//! Walking over the tree of a template.

use minijinja::machinery::ast::Expr;

/// A path such as `call.caller.name`; `None` for anything else.
pub(super) fn path(node: &Expr<'_>) -> Option<String> {
    match node {
        Expr::Var(var) => Some(var.id.to_owned()),
        Expr::GetAttr(attribute) => Some(format!("{}.{}", path(&attribute.expr)?, attribute.name)),
        _ => None,
    }
}
