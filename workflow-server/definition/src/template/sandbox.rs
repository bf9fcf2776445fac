//! Checks that a text uses only the allowed parts of the template language.

use std::ops::Range;

use minijinja::machinery::ast::{BinOp, BinOpKind, CallArg, Expr, Filter, IfExpr, Spanned, Stmt};
use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::claims::{self, Claims};
use super::errors::TemplateFault;
use super::library::FILTERS;
use super::program::Part;
use super::tree::path;
use crate::{limits, rules};

/// The tests that may follow `is`.
const TESTS: [&str; 2] = ["defined", "undefined"];

/// The contents of a template.
#[derive(Default)]
pub(super) struct Contents<'s> {
    source: &'s str,
    /// The places, each once.
    pub(super) places: Vec<String>,
    /// The names of time zones, each once.
    pub(super) zones: Vec<String>,
    /// What the template requires of its values.
    pub(super) claims: Claims,
    /// The pieces, if the template has only texts, plain places and places with a default.
    pub(super) plain: Option<Vec<Part>>,
}

type Checked = Result<(), TemplateFault>;

/// Limits the input of the recursive parser: the words in one place, the places and the conditions.
pub(super) fn check_tokens(source: &str) -> Result<(), TemplateFault> {
    let (mut words, mut places, mut conditions, mut in_statement) =
        (0_usize, 0_usize, 0_usize, false);
    // The parser reports a text that cannot be split into words.
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

/// Checks every part of a template, and collects its contents.
pub(super) fn inspect<'s>(tree: &Stmt<'_>, source: &'s str) -> Result<Contents<'s>, TemplateFault> {
    let mut contents = Contents {
        source,
        plain: Some(Vec::new()),
        ..Contents::default()
    };
    let Stmt::Template(template) = tree else {
        return Err(not_allowed("this"));
    };
    for child in &template.children {
        let part = match child {
            Stmt::EmitRaw(raw) => Some(Part::Text(raw.raw.to_owned())),
            Stmt::EmitExpr(emit) => place_part(&emit.expr),
            _ => None,
        };
        statement(child, &mut contents)?;
        match (part, &mut contents.plain) {
            (Some(part), Some(parts)) => parts.push(part),
            _ => contents.plain = None,
        }
    }
    Ok(contents)
}

/// The piece of a place that needs no library: it is plain, or has a default that is a text.
fn place_part(node: &Expr<'_>) -> Option<Part> {
    let Expr::Filter(filter) = node else {
        return path(node).map(Part::Place);
    };
    let ("default", [CallArg::Pos(Expr::Const(default))]) = (filter.name, filter.args.as_slice())
    else {
        return None;
    };
    let place = path(filter.expr.as_ref()?)?;
    Some(Part::Default(place, default.value.as_str()?.to_owned()))
}

fn not_allowed(what: &str) -> TemplateFault {
    TemplateFault::new(format!("texts do not have {what}"))
}

fn statement(node: &Stmt<'_>, contents: &mut Contents<'_>) -> Checked {
    match node {
        Stmt::EmitRaw(_) => Ok(()),
        Stmt::EmitExpr(emit) => expression(&emit.expr, contents),
        Stmt::IfCond(condition) => {
            note_test(&condition.expr, contents);
            expression(&condition.expr, contents)?;
            let both = condition.true_body.iter().chain(&condition.false_body);
            both.into_iter()
                .try_for_each(|node| statement(node, contents))
        }
        Stmt::ForLoop(node) => Err(not_allowed("loops").at(range(node.span()))),
        Stmt::Set(node) => Err(not_allowed("assignments").at(range(node.span()))),
        Stmt::SetBlock(_) | Stmt::WithBlock(_) => Err(not_allowed("assignments")),
        _ => Err(not_allowed("any statement but `{% if … %}`")),
    }
}

fn expression(node: &Expr<'_>, contents: &mut Contents<'_>) -> Checked {
    match node {
        Expr::Const(_) => Ok(()),
        Expr::Var(_) | Expr::GetAttr(_) => place(node, contents),
        Expr::UnaryOp(op) => {
            claims::add_sign(op, &mut contents.claims);
            note_test(&op.expr, contents);
            expression(&op.expr, contents)
        }
        Expr::BinOp(op) => check_operation(op, contents),
        Expr::Compare(compare) => {
            claims::add_chain(compare, &mut contents.claims);
            expression(&compare.expr, contents)?;
            compare
                .ops
                .iter()
                .try_for_each(|op| expression(&op.expr, contents))
        }
        Expr::IfExpr(choice) => check_choice(choice, contents),
        Expr::Filter(filter) => check_filter(filter, contents),
        Expr::Test(test) if TESTS.contains(&test.name) => {
            note_test(&test.expr, contents);
            expression(&test.expr, contents)
        }
        Expr::Test(test) => Err(
            not_allowed(&format!("the test {}", rules::quoted(test.name))).at(range(test.span())),
        ),
        Expr::List(list) => list
            .items
            .iter()
            .try_for_each(|item| expression(item, contents)),
        _ => Err(not_allowed("calls, slices and mappings")),
    }
}

fn check_operation(op: &Spanned<BinOp<'_>>, contents: &mut Contents<'_>) -> Checked {
    if matches!(op.op, BinOpKind::Mul | BinOpKind::Pow) {
        let error = not_allowed("`*` and `**`: compute it with `set-field`");
        return Err(error.at(range(op.span())));
    }
    claims::add_operation(op, &mut contents.claims);
    if matches!(op.op, BinOpKind::ScAnd | BinOpKind::ScOr) {
        note_test(&op.left, contents);
        note_test(&op.right, contents);
    }
    expression(&op.left, contents)?;
    expression(&op.right, contents)
}

fn check_choice(choice: &IfExpr<'_>, contents: &mut Contents<'_>) -> Checked {
    note_test(&choice.test_expr, contents);
    let all = [
        Some(&choice.test_expr),
        Some(&choice.true_expr),
        choice.false_expr.as_ref(),
    ];
    all.into_iter()
        .flatten()
        .try_for_each(|part| expression(part, contents))
}

fn check_filter(filter: &Spanned<Filter<'_>>, contents: &mut Contents<'_>) -> Checked {
    if !FILTERS.contains(&filter.name) {
        return Err(unknown_filter(filter, contents.source));
    }
    if let ("zone", [CallArg::Pos(Expr::Const(zone))]) = (filter.name, filter.args.as_slice())
        && let Some(zone) = zone
            .value
            .as_str()
            .filter(|zone| !contents.zones.iter().any(|known| known == zone))
    {
        contents.zones.push(zone.to_owned());
    }
    claims::add_filter(filter, &mut contents.claims);
    if let ("default", Some(expr)) = (filter.name, &filter.expr) {
        note_test(expr, contents);
    }
    filter
        .expr
        .iter()
        .try_for_each(|expr| expression(expr, contents))?;
    arguments(&filter.args, contents)
}

fn unknown_filter(filter: &Spanned<Filter<'_>>, source: &str) -> TemplateFault {
    let hint = rules::suggestion(filter.name, FILTERS);
    let hint = if hint.is_empty() {
        format!("; available: {}", FILTERS.join(", "))
    } else {
        hint
    };
    let place = filter_name(source, range(filter.span()), filter.name);
    not_allowed(&format!("the filter {}{hint}", rules::quoted(filter.name))).at(place)
}

fn range(span: Span) -> Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// The bytes of a filter's name: behind its `|`, within the bytes of the filter.
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

/// Notes that the text tests whether a place has a value.
fn note_test(node: &Expr<'_>, contents: &mut Contents<'_>) {
    if let Some(place) = path(node) {
        contents.claims.add_test(place);
    }
}

fn arguments(arguments: &[CallArg<'_>], contents: &mut Contents<'_>) -> Checked {
    arguments.iter().try_for_each(|argument| match argument {
        CallArg::Pos(expr) | CallArg::Kwarg(_, expr) => expression(expr, contents),
        CallArg::PosSplat(_) | CallArg::KwargSplat(_) => Err(not_allowed("`*` before an argument")),
    })
}

fn place(node: &Expr<'_>, contents: &mut Contents<'_>) -> Checked {
    let path = path(node)
        .ok_or_else(|| not_allowed("what is inside of anything but `fields`, `form` and `call`"))?;
    if !contents.places.contains(&path) {
        contents.places.push(path);
    }
    Ok(())
}
