//! Parses an expression, and rejects parts that could run without a limit.

use cel::common::ast::{CallExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::parser::Parser;

use super::errors::ExpressionFault;
use super::unreadable::unreadable;
use crate::limits;

/// Our functions for `/` and `*`. If the result is not a number that a field can have, the
/// expression has no value.
pub(super) const DIVIDE: &str = "divide";
pub(super) const MULTIPLY: &str = "multiply";

/// The library's functions that convert a number: to a whole number, and to a number of fields.
pub(super) const WHOLE: &str = "int";
const NUMBER: &str = "double";

/// Reads an expression; the caller has checked its length.
pub(super) fn read(source: &str) -> Result<IdedExpr, ExpressionFault> {
    check_nesting(source)?;
    let parser = Parser::default().max_recursion_depth(limits::EXPRESSION_DEPTH_MAX);
    let mut tree = parser
        .parse(source)
        .map_err(|errors| unreadable(&errors, source))?;
    restrict(&mut tree, 0)?;
    Ok(tree)
}

/// The parser is recursive, so it must not get an expression that is nested too deeply.
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

/// Rejects loops and mappings. Converts whole numbers to the numbers of fields, because there is
/// only one kind of number. `%` uses the whole parts.
fn restrict(node: &mut IdedExpr, depth: usize) -> Result<(), ExpressionFault> {
    if depth > limits::EXPRESSION_TREE_DEPTH_MAX {
        let message = format!(
            "has a chain of more than {} parts",
            limits::EXPRESSION_TREE_DEPTH_MAX
        );
        return Err(ExpressionFault::new(message));
    }
    let is_whole = matches!(&node.expr, Expr::Call(call) if is_whole_function(&call.func_name));
    // Wrapping makes the tree up to two levels deeper.
    let restrict = |part: &mut IdedExpr| restrict(part, depth + if is_whole { 3 } else { 1 });
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
            parts.into_iter().try_for_each(restrict)?;
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
        Expr::List(list) => list.elements.iter_mut().try_for_each(restrict),
        Expr::Select(select) => restrict(&mut select.operand),
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

/// Whether the library's function returns a whole number, which it cannot add to a field.
fn is_whole_function(function: &str) -> bool {
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
