//! What a text may use of the template library.

use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, CallArg, Expr, Stmt};
use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::claims::{self, Claims};
use super::filling::FILTERS;
use super::{Part, TemplateFault};
use crate::{limits, rules};

/// The tests that may follow `is`.
const TESTS: [&str; 2] = ["defined", "undefined"];

/// What was found in a template.
#[derive(Default)]
pub(super) struct Looked<'s> {
    source: &'s str,
    /// The places that it names, each once.
    pub(super) places: Vec<String>,
    /// The time zones that it names, each once.
    pub(super) zones: Vec<String>,
    /// What it takes for granted of their types.
    pub(super) claims: Claims,
    /// Its pieces, where it has nothing but texts and plain places.
    pub(super) plain: Option<Vec<Part>>,
}

type Checked = Result<(), TemplateFault>;

/// Bounds what the parser, which walks by recursion, is given: words in one place, and conditions.
pub(super) fn check_tokens(source: &str) -> Result<(), TemplateFault> {
    let (mut words, mut places, mut conditions, mut in_statement) =
        (0_usize, 0_usize, 0_usize, false);
    // What cannot be split into words, the parser says better.
    for (token, _) in tokenize(source, false, SyntaxConfig::default()).map_while(Result::ok) {
        words += 1;
        match token {
            Token::TemplateData(_) | Token::VariableEnd | Token::BlockEnd => words = 0,
            Token::VariableStart => places += 1,
            Token::Ident("if" | "elif") if in_statement => conditions += 1,
            _ => {}
        }
        in_statement = matches!(token, Token::BlockStart);
        if words > limits::PLACE_WORDS_MAX {
            let message = format!(
                "a place in a text has at most {} words and signs",
                limits::PLACE_WORDS_MAX
            );
            return Err(TemplateFault::new(message));
        }
        if places > limits::TEXT_PLACES_MAX {
            return Err(TemplateFault::new(format!(
                "a text has at most {} places",
                limits::TEXT_PLACES_MAX
            )));
        }
        if conditions > limits::TEXT_CONDITIONS_MAX {
            let message = format!(
                "a text has at most {} conditions",
                limits::TEXT_CONDITIONS_MAX
            );
            return Err(TemplateFault::new(message));
        }
    }
    Ok(())
}

/// Looks at every part of a template.
pub(super) fn look<'s>(tree: &Stmt<'_>, source: &'s str) -> Result<Looked<'s>, TemplateFault> {
    let mut looked = Looked {
        source,
        plain: Some(Vec::new()),
        ..Looked::default()
    };
    let Stmt::Template(template) = tree else {
        return Err(not_allowed("this"));
    };
    for child in &template.children {
        let part = match child {
            Stmt::EmitRaw(raw) => Some(Part::Text(raw.raw.to_owned())),
            Stmt::EmitExpr(emit) => path(&emit.expr).map(Part::Place),
            _ => None,
        };
        statement(child, &mut looked)?;
        match (part, &mut looked.plain) {
            (Some(part), Some(parts)) => parts.push(part),
            _ => looked.plain = None,
        }
    }
    Ok(looked)
}

fn not_allowed(what: &str) -> TemplateFault {
    TemplateFault::new(format!("texts do not have {what}"))
}

fn statement(node: &Stmt<'_>, looked: &mut Looked<'_>) -> Checked {
    match node {
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emit) => expression(&emit.expr, looked),
        Stmt::IfCond(condition) => {
            asked(&condition.expr, looked);
            expression(&condition.expr, looked)?;
            let both = condition.true_body.iter().chain(&condition.false_body);
            both.into_iter()
                .try_for_each(|node| statement(node, looked))
        }
        Stmt::ForLoop(node) => Err(not_allowed("loops").at(range(node.span()))),
        Stmt::Set(node) => Err(not_allowed("assignments").at(range(node.span()))),
        Stmt::SetBlock(_) | Stmt::WithBlock(_) => Err(not_allowed("assignments")),
        _ => Err(not_allowed("any statement but `{% if … %}`")),
    }
}

fn expression(node: &Expr<'_>, looked: &mut Looked<'_>) -> Checked {
    match node {
        Expr::Const(_) => Ok(()),
        Expr::Var(_) | Expr::GetAttr(_) => place(node, looked),
        Expr::UnaryOp(op) => {
            claims::of_sign(op, &mut looked.claims);
            asked(&op.expr, looked);
            expression(&op.expr, looked)
        }
        Expr::BinOp(op) => {
            if matches!(op.op, BinOpKind::Mul | BinOpKind::Pow) {
                return Err(
                    not_allowed("`*` and `**`: work it out with `set-field`").at(range(op.span()))
                );
            }
            claims::of_operation(op, &mut looked.claims);
            if matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) {
                asked(&op.left, looked);
                asked(&op.right, looked);
            }
            expression(&op.left, looked)?;
            expression(&op.right, looked)
        }
        Expr::Compare(compare) => {
            claims::of_chain(compare, &mut looked.claims);
            expression(&compare.expr, looked)?;
            compare
                .ops
                .iter()
                .try_for_each(|op| expression(&op.expr, looked))
        }
        Expr::IfExpr(choice) => {
            asked(&choice.test_expr, looked);
            let all = [
                Some(&choice.test_expr),
                Some(&choice.true_expr),
                choice.false_expr.as_ref(),
            ];
            all.into_iter()
                .flatten()
                .try_for_each(|part| expression(part, looked))
        }
        Expr::Filter(filter) => {
            if !FILTERS.contains(&filter.name) {
                let hint = rules::suggestion(filter.name, FILTERS);
                let hint = if hint.is_empty() {
                    format!("; there is {}", FILTERS.join(", "))
                } else {
                    hint
                };
                let place = filter_name(looked.source, range(filter.span()), filter.name);
                return Err(not_allowed(&format!(
                    "the filter {}{hint}",
                    rules::quoted(filter.name)
                ))
                .at(place));
            }
            if let ("zone", [CallArg::Pos(Expr::Const(zone))]) =
                (filter.name, filter.args.as_slice())
                && let Some(zone) = zone
                    .value
                    .as_str()
                    .filter(|zone| !looked.zones.iter().any(|known| known == zone))
            {
                looked.zones.push(zone.to_owned());
            }
            claims::of_arguments(filter, &mut looked.claims);
            if let ("default", Some(expr)) = (filter.name, &filter.expr) {
                asked(expr, looked);
            }
            filter
                .expr
                .iter()
                .try_for_each(|expr| expression(expr, looked))?;
            arguments(&filter.args, looked)
        }
        Expr::Test(test) if TESTS.contains(&test.name) => {
            asked(&test.expr, looked);
            expression(&test.expr, looked)
        }
        Expr::Test(test) => Err(
            not_allowed(&format!("the test {}", rules::quoted(test.name))).at(range(test.span())),
        ),
        Expr::List(list) => list
            .items
            .iter()
            .try_for_each(|item| expression(item, looked)),
        _ => Err(not_allowed("calls, slices and mappings")),
    }
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// Where the name of a filter is: behind its `|`, in what the filter spans.
fn filter_name(source: &str, spanned: Range<usize>, name: &str) -> Range<usize> {
    let Some(words) = source.get(spanned.clone()) else {
        return spanned;
    };
    let is_filter = |(at, _): &(usize, &str)| words[..*at].trim_end().ends_with('|');
    let found = words.match_indices(name).find(is_filter);
    found.map_or(spanned.clone(), |(at, _)| {
        spanned.start + at..spanned.start + at + name.len()
    })
}

/// A place that stands for whether it has a value.
fn asked(node: &Expr<'_>, looked: &mut Looked<'_>) {
    if let Some(place) = path(node) {
        looked.claims.ask(place);
    }
}

fn arguments(arguments: &[CallArg<'_>], looked: &mut Looked<'_>) -> Checked {
    arguments.iter().try_for_each(|argument| match argument {
        CallArg::Pos(expr) | CallArg::Kwarg(_, expr) => expression(expr, looked),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Err(not_allowed("`*` before an argument")),
    })
}

fn place(node: &Expr<'_>, looked: &mut Looked<'_>) -> Checked {
    let path = path(node)
        .ok_or_else(|| not_allowed("what is inside of anything but `fields`, `form` and `call`"))?;
    if !looked.places.contains(&path) {
        looked.places.push(path);
    }
    Ok(())
}

/// `call.caller.name`, if that is all it is.
pub(super) fn path(node: &Expr<'_>) -> Option<String> {
    match node {
        Expr::Var(var) => Some(var.id.to_owned()),
        Expr::GetAttr(attribute) => Some(format!("{}.{}", path(&attribute.expr)?, attribute.name)),
        _ => None,
    }
}
