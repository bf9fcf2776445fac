//! The library's parse errors in sentences for authors. The messages of the library use words such
//! as blocks and tokens.

use std::ops::Range;

use minijinja::Error;

use super::errors::TemplateFault;
use crate::rules;

/// Converts a parse error of the library.
pub(super) fn describe(error: &Error, source: &str) -> TemplateFault {
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    let found = error
        .range()
        .filter(|range| source.get(range.clone()).is_some());
    let (why, range) = match unclosed(&detail, source) {
        Some((why, range)) => (why, Some(range)),
        None => {
            let words = found
                .clone()
                .and_then(|range| source.get(range))
                .map(str::trim)
                .unwrap_or_default();
            (describe_words(&detail, words), found)
        }
    };
    TemplateFault {
        range,
        ..TemplateFault::new(format!("the text is not a template: {why}"))
    }
}

/// The last sign that is opened but not closed, with its place.
fn unclosed(detail: &str, source: &str) -> Option<(String, Range<usize>)> {
    let opened = |sign: &str| source.rfind(sign).map(|at| at..at + sign.len());
    let is_at_end = detail.contains("end of input");
    if is_at_end && detail.contains("variable block") {
        return Some((
            "`{{` is not closed: write `}}` after the value".to_owned(),
            opened("{{")?,
        ));
    }
    let is_open = || {
        source
            .rfind("{%")
            .is_some_and(|at| !source[at..].contains("%}"))
    };
    if is_at_end && is_open() {
        return Some((
            "`{%` is not closed: write `%}` after the condition".to_owned(),
            opened("{%")?,
        ));
    }
    if detail.contains("end of comment") {
        return Some((
            "`{#` is not closed: write `#}` after the comment".to_owned(),
            opened("{#")?,
        ));
    }
    if is_at_end && source.contains("{%") {
        return Some((
            "a condition is not ended: write `{% endif %}` at its end".to_owned(),
            opened("{%")?,
        ));
    }
    None
}

fn describe_words(detail: &str, words: &str) -> String {
    if detail.contains("end of string") {
        return "a quote is not closed".to_owned();
    }
    if let Some(name) = detail.strip_prefix("unknown statement ") {
        return format!(
            "there is no {}; texts have `{{% if … %}}`, `elif`, `else` and `endif`",
            rules::quoted(name)
        );
    }
    if detail.starts_with("invalid") || detail.contains("end of number") {
        return format!("{} is not a number", rules::quoted(words));
    }
    match words {
        "" => "it ends too early".to_owned(),
        "}}" | "%}" => format!("something is missing before `{words}`"),
        words => format!("{} does not belong here", rules::quoted(words)),
    }
}
