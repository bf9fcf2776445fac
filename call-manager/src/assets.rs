//! The style sheet and the scripts of the page: they are part of the program.
//!
//! Promise: the address of a file has a hash of its content, so that a browser keeps it for as long
//! as it likes, and a new version of the program is seen at once.

mod bundle;

use std::fmt::Write as _;
use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bundle::{bundle, modules};

/// A file: its name, its kind and its content.
type File = (&'static str, &'static str, &'static str);

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A script by its name.
macro_rules! script {
    ($name:literal) => {
        ($name, SCRIPT, include_str!(concat!("../assets/", $name)))
    };
}

const FILES: &[File] = &[
    (
        "style.css",
        "text/css; charset=utf-8",
        include_str!("../assets/style.css"),
    ),
    script!("batch.js"),
    script!("board.js"),
    script!("counts.js"),
    script!("dom.js"),
    script!("drafts.js"),
    script!("filter.js"),
    script!("forms.js"),
    script!("keys.js"),
    script!("later.js"),
    script!("line.js"),
    script!("live.js"),
    script!("looking.js"),
    script!("notices.js"),
    script!("next.js"),
    script!("offices.js"),
    script!("page.js"),
    script!("panel.js"),
    script!("person.js"),
    script!("pointer.js"),
    script!("return.js"),
    script!("rows.js"),
    script!("selection.js"),
    script!("settings.js"),
    script!("sound.js"),
    script!("team.js"),
    script!("session.js"),
    script!("signed_in.js"),
    script!("theme.js"),
    script!("times.js"),
    script!("undo.js"),
    script!("views.js"),
    script!("wall.js"),
    script!("wallboard.js"),
];

/// A type in a line of code is between these.
const TYPE_BEGIN: &str = "/** @type {";
const TYPE_END: &str = "} */ ";

/// The script of the board has all of its modules, and so has the one that it loads afterwards.
const BOARD: &str = "board.js";
const LATER: &str = "later.js";

/// What browsers get: scripts without their comments, which are a fifth of their bytes.
static SERVED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let plain: Vec<String> = FILES.iter().map(plain).collect();
    let source = |name: &str| {
        let place = FILES.iter().position(|(known, _, _)| *known == name);
        place.map_or("", |place| plain[place].as_str())
    };
    let (board, later) = (modules(BOARD, &source), modules(LATER, &source));
    let served = |(name, _, _): &File| match *name {
        BOARD => bundle(&board, &source, None),
        LATER => bundle(&later, &source, Some((BOARD, &board))),
        name => source(name).to_owned(),
    };
    FILES.iter().map(served).collect()
});

fn plain((_, kind, content): &File) -> String {
    match *kind == SCRIPT {
        true => without_comments(content),
        false => (*content).to_owned(),
    }
}

/// A script without indentation, types and the lines that are comments or empty. Other comments beside
/// code stay.
fn without_comments(script: &str) -> String {
    let mut code = String::new();
    let mut is_in_comment = false;
    for line in script.lines() {
        let text = line.trim();
        let is_comment = is_in_comment
            || text.is_empty()
            || text.starts_with("//")
            || (text.starts_with("/**") && (text.ends_with("*/") || !text.contains("*/")));
        let is_block = is_in_comment || text.starts_with("/**");
        is_in_comment = is_comment && is_block && !text.ends_with("*/");
        if !is_comment {
            code.push_str(&without_types(text));
            code.push('\n');
        }
    }
    code
}

/// A line without the types that only the type checker reads.
fn without_types(line: &str) -> String {
    let mut parts = line.split(TYPE_BEGIN);
    let mut code = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        code.push_str(part.split_once(TYPE_END).map_or(part, |(_, rest)| rest));
    }
    code
}

/// The hash of all files. Scripts name each other without it, so all have the same.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let hash = digest(&SHA256, SERVED.concat().as_bytes());
    hash.as_ref()[..8]
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
});

/// The version of all files. A page that stays open for weeks loads itself again when it changes.
pub(crate) fn version() -> &'static str {
    &VERSION
}

/// The address of a file.
pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *VERSION)
}

/// `GET /assets/VERSION/NAME`.
pub(crate) async fn asset(Path((version, name)): Path<(String, String)>) -> Response {
    let place = FILES.iter().position(|(known, _, _)| *known == name);
    match place {
        Some(place) if version == *VERSION => {
            let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
            let kind = HeaderValue::from_static(FILES[place].1);
            let content = SERVED[place].as_str();
            ([(CONTENT_TYPE, kind), (CACHE_CONTROL, kept)], content).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::routing::get;
    use tower::Service as _;
    use tower_http::compression::CompressionLayer;

    use super::*;

    /// Bytes of all scripts of the board, as a browser gets them.
    const SCRIPT_BYTES_MAX: usize = 20 * 1024;

    #[tokio::test]
    async fn the_scripts_of_the_board_are_small() {
        let sizes = sizes(&["theme.js", BOARD, LATER, "line.js"]).await;
        let all: usize = sizes.iter().map(|(bytes, _)| bytes).sum();
        assert!(all <= SCRIPT_BYTES_MAX, "{all} bytes: {sizes:?}");
    }

    /// The bytes of scripts as a browser gets them.
    async fn sizes(names: &[&'static str]) -> Vec<(usize, &'static str)> {
        let mut pages = Router::new()
            .route("/assets/{version}/{name}", get(asset))
            .layer(CompressionLayer::new().gzip(true));
        let mut sizes = Vec::new();
        for name in names.iter().copied() {
            let request = Request::get(address(name)).header("accept-encoding", "gzip");
            let request = request.body(Body::empty()).expect("a request");
            let answer = pages.call(request).await.expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK, "{name}");
            let bytes = to_bytes(answer.into_body(), usize::MAX).await;
            sizes.push((bytes.expect("a script").len(), name));
        }
        sizes
    }

    #[test]
    fn only_lines_that_are_comments_are_left_out() {
        let script = "// One.\n\n/** Two. */\nlet a = 1; // beside\n/**\n * Three.\n */\n/** @type {X} */ (a).b();\n  // Four.\nlet c = '//';\n";
        let code = "let a = 1; // beside\n(a).b();\nlet c = '//';\n";
        assert_eq!(without_comments(script), code);
        for (name, kind, content) in FILES {
            let code = without_comments(content);
            // A block that is never closed would swallow the rest.
            let last = content.lines().last().map(str::trim);
            assert!(*kind != SCRIPT || code.lines().last() == last, "{name}");
            // A text over several lines would lose its indentation.
            let is_whole = |line: &str| line.matches('`').count().is_multiple_of(2);
            assert!(*kind != SCRIPT || content.lines().all(is_whole), "{name}");
            assert!(*kind != SCRIPT || !code.contains("@type"), "{name}");
        }
    }

    #[test]
    fn scripts_name_only_files_that_there_are() {
        for (of, _, content) in FILES {
            for part in content.split("./").skip(1) {
                let name: String = part.chars().take_while(|c| !"'\"`".contains(*c)).collect();
                assert!(
                    FILES.iter().any(|(known, _, _)| *known == name),
                    "{of}: {name}"
                );
            }
        }
    }

    #[test]
    fn the_board_has_all_of_its_modules() {
        let served = |name: &str| {
            let place = FILES.iter().position(|(known, _, _)| *known == name);
            SERVED[place.expect("a file")].as_str()
        };
        let (board, later) = (served(BOARD), served(LATER));
        for module in ["$dom", "$rows", "$filter", "$times"] {
            let begin = format!("const {module} = (() => {{");
            assert_eq!(board.matches(&begin).count(), 1, "{module}");
            assert!(!later.contains(&begin), "{module}");
        }
        assert!(!board.contains("\nimport ") && !board.contains("showResults"));
        assert!(later.starts_with("import { $dom, $") && later.contains("showResults"));
        // A worker loads it alone.
        assert!(served("line.js").contains("export function connect"));
    }
}
