//! Walking over the tree of an expression.

use cel::common::ast::{Expr, IdedExpr};

/// The operands of a node.
pub(super) fn parts(node: &IdedExpr) -> Vec<&IdedExpr> {
    match &node.expr {
        Expr::Call(call) => call
            .target
            .iter()
            .map(|target| &**target)
            .chain(&call.args)
            .collect(),
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        _ => Vec::new(),
    }
}

/// The words of a path such as `call.caller.name`; `None` for anything else.
pub(super) fn path(node: &IdedExpr) -> Option<Vec<&str>> {
    match &node.expr {
        Expr::Ident(name) => Some(vec![name]),
        Expr::Select(select) => {
            let mut path = path(&select.operand)?;
            path.push(&select.field);
            Some(path)
        }
        _ => None,
    }
}

/// The names below a root: `amount` for `fields.amount`. Each name is listed once.
pub(super) fn names_below<'t>(tree: &'t IdedExpr, root: &str) -> Vec<&'t str> {
    let (mut names, mut open) = (Vec::new(), vec![tree]);
    while let Some(node) = open.pop() {
        match path(node).as_deref() {
            Some([first, name]) if *first == root && !names.contains(name) => names.push(*name),
            Some(_) => {}
            None => open.extend(parts(node)),
        }
    }
    names
}
