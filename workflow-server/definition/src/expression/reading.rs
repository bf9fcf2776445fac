//! From a text to an expression that may be used.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::Parser;

use super::ExpressionFault;
use super::unreadable::unreadable;
use crate::limits;

/// Our own functions for `/` and `*`: where the result is no number that a field could hold, the
/// expression has no value.
pub(super) const DIVIDE: &str = "divide";
pub(super) const MULTIPLY: &str = "multiply";

/// The library's functions to another kind of number: to a whole one, and to one such as fields
/// are.
pub(super) const WHOLE: &str = "int";
const NUMBER: &str = "double";

/// Reads an expression of a bounded length.
pub(super) fn read(source: &str) -> Result<IdedExpr, ExpressionFault> {
    check_nesting(source)?;
    let parser = Parser::default().max_recursion_depth(limits::EXPRESSION_DEPTH_MAX);
    let mut tree = parser
        .parse(source)
        .map_err(|errors| unreadable(&errors, source))?;
    tame(&mut tree, 0)?;
    Ok(tree)
}

/// The parser walks by recursion: what is nested deeper than anybody writes never reaches it.
fn check_nesting(source: &str) -> Result<(), ExpressionFault> {
    let mut depth = 0_usize;
    for byte in source.bytes() {
        match byte {
            b'(' | b'[' | b'{' | b'?' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > usize::from(limits::EXPRESSION_DEPTH_MAX) {
            let message = format!(
                "is nested deeper than {} levels",
                limits::EXPRESSION_DEPTH_MAX
            );
            return Err(ExpressionFault::new(message));
        }
    }
    Ok(())
}

/// Refuses what could run away or has no use, and lets whole numbers count as numbers, as fields
/// do: there is one kind of number, and `%` counts in its whole part.
fn tame(node: &mut IdedExpr, depth: usize) -> Result<(), ExpressionFault> {
    if depth > limits::EXPRESSION_TREE_DEPTH_MAX {
        let message = format!(
            "puts more than {} things into one another",
            limits::EXPRESSION_TREE_DEPTH_MAX
        );
        return Err(ExpressionFault::new(message));
    }
    let is_whole = matches!(&node.expr, Expr::Call(call) if gives_whole(&call.func_name));
    // What is wrapped stands up to two levels deeper.
    let tame = |part: &mut IdedExpr| tame(part, depth + if is_whole { 3 } else { 1 });
    match &mut node.expr {
        Expr::Comprehension(_) => Err(ExpressionFault::new(
            "uses `all`, `exists`, `map` or `filter`: conditions have no loops",
        )),
        Expr::Map(_) | Expr::Struct(_) => Err(ExpressionFault::new(
            "builds a mapping with `{ }`: conditions have no use for one",
        )),
        Expr::Call(call) => {
            let parts = call
                .target
                .iter_mut()
                .map(|target| &mut **target)
                .chain(&mut call.args);
            parts.into_iter().try_for_each(tame)?;
            if call.func_name == operators::MODULO {
                call.args.iter_mut().for_each(|part| wrap(part, WHOLE));
            }
            match call.func_name.as_str() {
                operators::DIVIDE => DIVIDE.clone_into(&mut call.func_name),
                operators::MULTIPLY => MULTIPLY.clone_into(&mut call.func_name),
                _ => {}
            }
            if is_whole {
                wrap(node, NUMBER);
            }
            Ok(())
        }
        Expr::List(list) => list.elements.iter_mut().try_for_each(tame),
        Expr::Select(select) => tame(&mut select.operand),
        Expr::Literal(literal) => {
            #[expect(clippy::cast_precision_loss, reason = "fields are such numbers too")]
            let number = match literal {
                LiteralValue::Int(whole) => *whole.inner() as f64,
                LiteralValue::UInt(whole) => *whole.inner() as f64,
                _ => return Ok(()),
            };
            *literal = LiteralValue::Double(number.into());
            Ok(())
        }
        Expr::Ident(_) | Expr::Unspecified => Ok(()),
    }
}

/// Whether the library gives a whole number for this function, which it would not add to a field.
fn gives_whole(function: &str) -> bool {
    ["size", "int", "uint", operators::MODULO].contains(&function) || function.starts_with("get")
}

fn wrap(node: &mut IdedExpr, function: &str) {
    let inner = std::mem::take(node);
    let call = CallExpr {
        func_name: function.to_owned(),
        target: None,
        args: vec![inner],
    };
    *node = IdedExpr {
        id: node.id,
        expr: Expr::Call(call),
    };
}
