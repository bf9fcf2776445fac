//! Checking an expression against what is declared: its names by looking at them, its types by
//! trying every part of it on sample values.

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Context, ExecutionError, Value as CelValue};

use super::{Expression, Wrong, bare_context, call, cel, comparing, map, value};
use crate::facts::{CALL_FLAGS, CALL_TEXTS, Names, ROOTS};
use crate::rules;
use crate::time::Time;
use crate::value::{FieldDeclaration, FieldType, Value};

/// How many faults of one expression are told.
const FAULTS_MAX: usize = 3;

/// What an expression must give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// True or false.
    Condition,
    /// A value of this type.
    Field(FieldType),
}

impl Expression {
    /// Everything that is wrong with it, in sentences without a subject: "names the field …".
    #[must_use]
    pub fn check(&self, names: &Names<'_>, wanted: Wanted) -> Vec<Wrong> {
        // A stored one that this version does not read: the library would panic.
        if self.tree.expr == Expr::Unspecified {
            return vec![Wrong::from(
                "is not an expression that this version reads".to_owned(),
            )];
        }
        let mut found = Vec::new();
        check_names(&self.tree, names, &mut found);
        if found.is_empty() {
            let mut faults = Vec::new();
            let samples = names
                .samples
                .get_or_init(|| [true, false].map(|flag| samples(names, flag)));
            check_types(&self.tree, samples, wanted, &mut faults);
            if faults.is_empty() {
                comparing::check(&self.tree, names, samples, &mut faults);
            }
            found.extend(faults.into_iter().map(Wrong::from));
        }
        found.truncate(FAULTS_MAX);
        found
    }
}

/// The parts of a node.
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

fn check_names(node: &IdedExpr, names: &Names<'_>, faults: &mut Vec<Wrong>) {
    match path(node) {
        Some(path) => {
            let message = fault_of_path(&path, names);
            faults.extend(message.map(|message| Wrong {
                message,
                part: path.join("."),
            }));
        }
        None => parts(node)
            .into_iter()
            .for_each(|part| check_names(part, names, faults)),
    }
}

impl Expression {
    /// What it names of a root: of `fields.amount`, `amount`. Each once.
    pub(crate) fn names_of(&self, root: &str) -> Vec<&str> {
        let (mut names, mut open) = (Vec::new(), vec![&*self.tree]);
        while let Some(node) = open.pop() {
            match path(node).as_deref() {
                Some([first, name]) if *first == root && !names.contains(name) => names.push(*name),
                Some(_) => {}
                None => open.extend(parts(node)),
            }
        }
        names
    }
}

/// `call.caller.name` as its words.
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

fn fault_of_path(path: &[&str], names: &Names<'_>) -> Option<String> {
    let (root, rest) = path.split_first()?;
    match (*root, rest) {
        ("fields", [name]) => fault_of_field("fields", name, names),
        ("form", [name]) => fault_of_field("form", name, names),
        ("visit" | "now", []) | ("call", ["details" | "caller"] | ["details", _]) => None,
        ("fields" | "form", []) => Some(format!(
            "names `{root}` without a name after it: write `{root}.NAME`"
        )),
        ("call", rest) => {
            let written = rest.join(".");
            let known: Vec<&str> = CALL_TEXTS.iter().chain(&CALL_FLAGS).copied().collect();
            let fault = || {
                format!(
                    "names {}; a call has {}",
                    rules::quoted(&format!("call.{written}")),
                    known.join(", ")
                )
            };
            (!known.contains(&written.as_str())).then(fault)
        }
        ("fields" | "visit" | "now" | "form", _) => Some(format!(
            "names {}, which has nothing inside",
            rules::quoted(&path.join("."))
        )),
        _ => {
            let hint = rules::suggestion(root, ROOTS);
            let others = || {
                format!(
                    "; there is {}, and a text needs quotes of its own: '\"…\"'",
                    ROOTS.join(", ")
                )
            };
            let hint = if hint.is_empty() { others() } else { hint };
            Some(format!(
                "names {}, which is not known{hint}",
                rules::quoted(root)
            ))
        }
    }
}

/// Why a field that is named is not one of those that are declared; `what` is `fields` or `form`.
pub(crate) fn fault_of_field(what: &str, name: &str, names: &Names<'_>) -> Option<String> {
    if !names.declared(what, name).is_empty() {
        return None;
    }
    let hint = match what {
        "form" => names.suggestions.of(name, names.forms.keys().copied()),
        _ => names.suggestions.of(name, names.fields.keys().copied()),
    };
    let hint = match (hint.is_empty(), what) {
        (false, _) => hint,
        (true, "form") => "; no button of the workflow asks for it".to_owned(),
        (true, _) => "; declare it under `fields`".to_owned(),
    };
    Some(format!(
        "names the field {}, which is not declared{hint}",
        rules::quoted(&format!("{what}.{name}"))
    ))
}

/// Tries the whole, and each part that the whole might never come to (behind `&&`, `||` and `? :`),
/// on two sets of samples.
fn check_types(tree: &IdedExpr, contexts: &Samples, wanted: Wanted, faults: &mut Vec<String>) {
    let mut open = vec![(tree, Some(wanted), true)];
    while let Some((node, wanted, is_tried)) = open.pop() {
        let lazy = [
            operators::LOGICAL_AND,
            operators::LOGICAL_OR,
            operators::CONDITIONAL,
        ];
        let is_lazy =
            matches!(&node.expr, Expr::Call(call) if lazy.contains(&call.func_name.as_str()));
        open.extend(parts(node).into_iter().map(|part| (part, None, is_lazy)));
        if is_tried {
            let found = contexts
                .iter()
                .find_map(|context| fault_of_type(node, context, wanted));
            faults.extend(found.filter(|fault| !faults.contains(fault)));
        }
    }
}

fn fault_of_type(
    node: &IdedExpr,
    context: &Context<'_, '_>,
    wanted: Option<Wanted>,
) -> Option<String> {
    match (context.resolve(node), wanted) {
        (Ok(CelValue::Bool(_)), Some(Wanted::Condition)) | (Ok(_), None) => None,
        (Ok(_), Some(Wanted::Condition)) => Some("does not give true or false".to_owned()),
        (Ok(found), Some(Wanted::Field(wanted))) => {
            let fault = || format!("does not give a value of the type {}", wanted.word());
            value(found, wanted).is_none().then(fault)
        }
        (Err(error), _) => said_of(&error),
    }
}

/// What a sample does not have, or what is out of its range, the author's values may have.
fn said_of(error: &ExecutionError) -> Option<String> {
    match error {
        ExecutionError::NoSuchKey(_)
        | ExecutionError::DivisionByZero(_)
        | ExecutionError::RemainderByZero(_)
        | ExecutionError::Overflow(..)
        | ExecutionError::IndexOutOfBounds(_)
        | ExecutionError::FunctionError { .. } => None,
        ExecutionError::NoSuchOverload(error) => {
            let types: Vec<&str> = error
                .argument_types()
                .iter()
                .map(|word| plain(word))
                .collect();
            let function = error.function().trim_matches(['_', '@']);
            Some(format!(
                "cannot do `{function}` with {}",
                types.join(" and ")
            ))
        }
        ExecutionError::UnsupportedBinaryOperator(_, one, other) => Some(format!(
            "cannot combine {} with {}",
            type_of(one),
            type_of(other)
        )),
        ExecutionError::ValuesNotComparable(one, other) => Some(format!(
            "cannot compare {} with {}",
            type_of(one),
            type_of(other)
        )),
        ExecutionError::UndeclaredReference(name) => {
            Some(format!("names {}, which is not known", rules::quoted(name)))
        }
        ExecutionError::InvalidArgumentCount { expected, actual } => Some(format!(
            "gives a function {actual} values where it takes {expected}"
        )),
        _ => Some("compares or combines values of different types".to_owned()),
    }
}

pub(super) fn type_of(value: &CelValue) -> String {
    plain(&value.type_of().to_string()).to_owned()
}

/// The library's words for types, as files have them.
pub(super) fn plain(word: &str) -> &str {
    match word {
        "double" | "float" | "int" | "uint" => "number",
        "string" => "text",
        "timestamp" | "google.protobuf.Timestamp" => "time",
        "google.protobuf.Duration" => "duration",
        other => other,
    }
}

/// Two sets of values, so that what is only equal by chance is found.
pub(crate) type Samples = [Context<'static, 'static>; 2];

fn samples(names: &Names<'_>, flag: bool) -> Context<'static, 'static> {
    let of = |field: &FieldDeclaration| {
        cel(&match field.field_type {
            FieldType::Text => Value::Text(if flag { "a" } else { "b" }.into()),
            FieldType::Number => Value::Number(if flag { 1.0 } else { 2.0 }),
            FieldType::Bool => Value::Bool(flag),
            FieldType::Time => Value::Time(Time(if flag { 0 } else { 86_400_000 })),
        })
    };
    let mut context = bare_context();
    context.add_variable_from_value(
        "fields",
        map(names
            .fields
            .iter()
            .map(|(name, one)| (*name, of(one)))
            .collect()),
    );
    // What forms ask for in different types has no sample, and so is not tried.
    let of_forms = names.forms.iter().filter_map(|(name, all)| {
        let (first, rest) = all.split_first()?;
        rest.iter()
            .all(|other| other.field_type == first.field_type)
            .then(|| (*name, of(first)))
    });
    context.add_variable_from_value("form", map(of_forms.collect()));
    let texts = CALL_TEXTS
        .iter()
        .map(|name| (*name, CelValue::from("text")));
    let flags = CALL_FLAGS.iter().map(|name| (*name, CelValue::Bool(flag)));
    context.add_variable_from_value("call", call(texts.chain(flags), map(Vec::new())));
    context.add_variable_from_value("visit", CelValue::Float(1.0));
    context.add_variable_from_value("now", cel(&Value::Time(Time(0))));
    context
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Vec<FieldDeclaration> {
        let field = |name: &str, field_type| FieldDeclaration {
            name: name.to_owned(),
            field_type,
            required: false,
            ..FieldDeclaration::default()
        };
        vec![
            field("amount", FieldType::Number),
            field("name", FieldType::Text),
            field("vip", FieldType::Bool),
            field("at", FieldType::Time),
            FieldDeclaration {
                max: Some(5.0),
                ..field("few", FieldType::Number)
            },
            FieldDeclaration {
                values: vec![Value::Text("refund".into()), Value::Text("voucher".into())],
                ..field("kind", FieldType::Text)
            },
        ]
    }

    /// Two forms ask for each.
    fn of_forms() -> Vec<FieldDeclaration> {
        let field = |name: &str, field_type, value| FieldDeclaration {
            name: name.to_owned(),
            field_type,
            values: Vec::from_iter(value),
            ..FieldDeclaration::default()
        };
        vec![
            field("both", FieldType::Text, None),
            field("both", FieldType::Number, None),
            field("picked", FieldType::Text, Some(Value::Text("one".into()))),
            field("picked", FieldType::Text, Some(Value::Text("other".into()))),
        ]
    }

    fn faults(source: &str, wanted: Wanted) -> Vec<String> {
        let (fields, forms) = (declared(), of_forms());
        match Expression::parse(source) {
            Ok(read) => read
                .check(&Names::new(&fields, &forms), wanted)
                .into_iter()
                .map(|one| one.message)
                .collect(),
            Err(fault) => vec![fault.to_string()],
        }
    }

    #[test]
    fn what_is_right_has_no_faults() {
        for source in [
            "fields.amount < 50",
            "fields.amount * 2 + 1 >= 100.5 || fields.vip",
            "has(fields.name) && fields.name.startsWith('A')",
            "fields.at > now + duration('24h')",
            "call.customer in ['Northwind', 'Tailspin']",
            "call.chargeable && visit < 3 && call.details['x'] == '1'",
            "size(fields.name) > 3 ? fields.vip : !fields.vip",
            "now.getHours('Europe/Berlin') < 12",
            "fields.amount != 0 && 100 / fields.amount > 3",
            "visit % 2 == 1 && fields.amount % 2.5 + 1 < 3",
            "size(fields.name) + 1 > 3u && int(fields.name) + visit == 2",
            "now.getHours(call.caller.time_zone) + fields.amount < 12",
            "has(fields.name) == true && has(fields.kind) != fields.vip",
            "'x' in call.details && call.details.x != 'y'",
            "fields.kind == 'voucher' || fields.kind in ['refund'] || fields.few == 5",
            "timestamp(fields.name) == fields.at && duration(fields.name) == duration('5m')",
            "form.both == 'a' || form.both == 4 || form.both < 3",
            "form.picked == 'one' || form.picked == 'other'",
        ] {
            assert_eq!(
                faults(source, Wanted::Condition),
                Vec::<String>::new(),
                "{source}"
            );
        }
        assert_eq!(
            faults("fields.name + '!'", Wanted::Field(FieldType::Text)),
            Vec::<String>::new()
        );
        assert_eq!(
            faults("size(fields.name)", Wanted::Field(FieldType::Number)),
            Vec::<String>::new()
        );
    }

    fn check(source: &str, expected: &str) {
        assert_eq!(
            faults(source, Wanted::Condition).join("; "),
            expected,
            "{source}"
        );
    }

    #[test]
    fn what_is_wrong_is_said_in_plain_words() {
        check(
            "fields.amuont < 50",
            "names the field `fields.amuont`, which is not declared; did you mean `amount`?",
        );
        check(
            "amount < 50",
            "names `amount`, which is not known; there is fields, form, call, visit, now, and a text needs quotes of its own: '\"…\"'",
        );
        check("fields.amount", "does not give true or false");
        check(
            "fields.vip && fields.name < 5",
            "cannot do `<` with text and number",
        );
        check(
            "fields.vip || (fields.amount + 'x') == 'y'",
            "cannot combine number with text",
        );
        check(
            "[1, 2].all(x, x > 0)",
            "uses `all`, `exists`, `map` or `filter`: conditions have no loops",
        );
        check(
            "fields.amount == '4'",
            "compares number with text, which are never the same; a number stands without quotes",
        );
        check(
            "visit in ['4']",
            "compares number with text, which are never the same; a number stands without quotes",
        );
        check(
            "fields.at != '2026-01-01'",
            "compares time with text, which are never the same; write a moment as `timestamp(\"2026-01-31T12:00:00Z\")`",
        );
        check(
            "fields.amount == fields.vip",
            "compares number with bool, which are never the same",
        );
        check(
            "fields.vip || call.details['x'] == 4 && true",
            "compares text with number, which are never the same; a number stands without quotes",
        );
        check(
            "4 in call.details",
            "looks for number among the details of a call, whose names are text",
        );
        check(
            "fields.name == null",
            "compares with `null`; ask with `has(…)` whether there is a value",
        );
        check(
            "(fields.vip ? 1 : 2) == fields.vip",
            "compares number with bool, which are never the same",
        );
        check(
            "fields.kind == 'refnud'",
            "compares `fields.kind` with `refnud`, but it must be one of refund, voucher; did you mean `refund`?",
        );
        check(
            "'x' != fields.kind",
            "compares `fields.kind` with `x`, but it must be one of refund, voucher",
        );
        check(
            "fields.kind in ['refund', 'x']",
            "compares `fields.kind` with `x`, but it must be one of refund, voucher",
        );
        check(
            "fields.few == 9",
            "compares `fields.few` with `9`, but it must be at most 5",
        );
        check(
            "now > now + duration('1x')",
            "gives `duration` `1x`, which it does not read; write hours, minutes and seconds, such as `24h` or `1h30m`",
        );
        check(
            "timestamp('2026-13-01T00:00:00Z') < now",
            "gives `timestamp` `2026-13-01T00:00:00Z`, which it does not read; write it as `2026-01-31T12:00:00Z`",
        );
        check(
            "now.getHours('Europe/Berln') < 9",
            "gives `getHours` `Europe/Berln`, which it does not read",
        );
        check("fields.name % 2 == 1", "cannot do `%` with text");
        check(
            "frobnicate(fields.name)",
            "names `frobnicate`, which is not known",
        );
    }

    #[test]
    fn what_other_languages_write_is_told_in_ours() {
        for (source, hint) in [
            ("fields.amount = 5", "; equal is `==`"),
            ("fields.vip and fields.amount > 5", "; and is `&&`"),
            ("fields.vip or fields.amount > 5", "; or is `||`"),
            ("not fields.vip", "; not is `!`"),
            ("fields.amount <> 5", "; not equal is `!=`"),
        ] {
            let faults = faults(source, Wanted::Condition).join("");
            assert!(
                faults.starts_with("is not an expression") && faults.ends_with(hint),
                "{source}: {faults}"
            );
        }
    }

    #[test]
    fn a_literal_that_the_field_never_takes_is_a_fault() {
        let fields = declared();
        let names = Names::new(&fields, []);
        let told = |source: &str, name: &str| {
            let expression = Expression::parse(source).expect("an expression");
            let field = fields
                .iter()
                .find(|field| field.name == name)
                .expect("a field");
            assert_eq!(
                expression.check(&names, Wanted::Field(field.field_type)),
                Vec::<Wrong>::new()
            );
            expression.fault_of_literal(field, &names)
        };
        assert_eq!(
            told("'refnud'", "kind").as_deref(),
            Some(
                "gives `refnud`, but `fields.kind` must be one of refund, voucher; did you mean `refund`?"
            )
        );
        assert_eq!(
            told("9", "few").as_deref(),
            Some("gives `9`, but `fields.few` must be at most 5")
        );
        assert_eq!(told("'voucher'", "kind"), None);
        assert_eq!(told("fields.name", "kind"), None);
    }
}
