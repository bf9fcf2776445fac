//! SVG: a library lays out the boxes and arrows, and this module draws them.
//!
//! Promise: no `style` element or attribute. A page whose Content-Security-Policy refuses inline
//! styles can have the picture in its HTML, and its style sheet can restyle each class.

use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::{catch_unwind, set_hook, take_hook};

use layout::core::base::Orientation;
use layout::core::format::{ClipHandle, RenderBackend};
use layout::core::geometry::Point;
use layout::core::style::{LineStyleKind, StyleAttr};
use layout::std_shapes::shapes::{Arrow, Element, ShapeKind};
use layout::topo::layout::VisualGraph;
use thiserror::Error;
use unicode_width::UnicodeWidthStr;

use super::effort::{EFFORT_MAX, effort};
use super::{Edge, EdgeKind, Graph, Node};

/// The most stages in a picture, because people cannot read more.
const STAGES_MAX: usize = 150;
/// The most arrows in a picture.
const EDGES_MAX: usize = 400;

/// The width of a narrow character. Chinese characters and most emoji are twice as wide.
const CHAR_WIDTH: f64 = 7.4;
const LINE_HEIGHT: f64 = 18.0;
const PADDING: f64 = 14.0;
/// The look of a box until its text shows the right one.
const UNMARKED: &str = r#"class="unmarked""#;
/// The margin around the picture.
const MARGIN: f64 = 24.0;
/// The top of the picture, below the title.
const TOP: f64 = 44.0;

/// Why a workflow has no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NoPicture {
    /// The workflow has more stages or paths than a picture shows. Or so many of its paths cross
    /// that the layout takes too long.
    #[error(
        "the picture is too large: it shows at most {STAGES_MAX} stages and {EDGES_MAX} paths, and fewer where many paths cross: use the text form or Mermaid"
    )]
    TooLarge,
    /// The library cannot lay out the workflow.
    #[error("this workflow cannot be laid out as a picture: use the text form or Mermaid")]
    NoLayout,
}

/// Draws the picture.
///
/// # Errors
/// [`NoPicture`].
pub fn svg(graph: &Graph) -> Result<String, NoPicture> {
    if graph.nodes.len() > STAGES_MAX || graph.edges.len() > EDGES_MAX || effort(graph) > EFFORT_MAX
    {
        return Err(NoPicture::TooLarge);
    }
    // The library checks its work with panics, and sometimes panics while it straightens arrows.
    // The second try does not straighten them.
    LAYS_OUT.set(true);
    let drawn = [false, true]
        .into_iter()
        .find_map(|is_plain| catch_unwind(|| draw(graph, is_plain)).ok());
    LAYS_OUT.set(false);
    drawn.ok_or(NoPicture::NoLayout)
}

thread_local! {
    static LAYS_OUT: Cell<bool> = const { Cell::new(false) };
}

/// Keeps the layout panics of the library out of the log. [`svg`] handles them, and a reader of the
/// log should not have to look for their cause. All other panics are logged as before.
pub fn hush_layout_panics() {
    let usual = take_hook();
    set_hook(Box::new(move |panic| {
        if !LAYS_OUT.get() {
            usual(panic);
        }
    }));
}

fn draw(graph: &Graph, is_plain: bool) -> String {
    let mut laid = VisualGraph::new(Orientation::TopToBottom);
    let handles: Vec<_> = graph
        .nodes
        .iter()
        .enumerate()
        .map(|(at, node)| laid.add_node(element(at, node)))
        .collect();
    let (loops, arrows): (Vec<_>, Vec<_>) = graph
        .edges
        .iter()
        .enumerate()
        .partition(|(_, edge)| edge.from == edge.to);
    for (at, edge) in arrows {
        laid.add_edge(arrow(at, edge), handles[edge.from], handles[edge.to]);
    }
    let mut canvas = Canvas::new(graph);
    laid.do_it(false, false, is_plain, &mut canvas);
    let loops: Vec<&Edge> = loops.into_iter().map(|(_, edge)| edge).collect();
    canvas.finish(&loops)
}

/// Separates the index of an edge from its label, in the text that the library carries.
const SEPARATOR: char = '\u{1f}';

/// The library carries the index of a node or an edge as its text. An edge also has its label, so
/// that the library leaves room for it. This module draws the real text.
fn element(at: usize, node: &Node) -> Element {
    let width = box_width(node);
    let height = (node.lines.len() + 1) as f64 * LINE_HEIGHT + 2.0 * PADDING;
    let shape = ShapeKind::new_box(&format!("n{at}"));
    Element::create(
        shape,
        StyleAttr::simple(),
        Orientation::TopToBottom,
        Point::new(width.max(120.0), height),
    )
}

fn box_width(node: &Node) -> f64 {
    let widest = node
        .lines
        .iter()
        .map(|line| line.width())
        .chain([title(node).width() + 2])
        .max();
    widest.unwrap_or(0) as f64 * CHAR_WIDTH + 2.0 * PADDING
}

fn arrow(at: usize, edge: &Edge) -> Arrow {
    let mut arrow = Arrow::simple(&format!("e{at}{SEPARATOR}{}", edge.label));
    if edge.kind == EdgeKind::Timer {
        arrow.line_style = LineStyleKind::Dashed;
    }
    arrow
}

/// Signs beside the colors say which stages were entered, and which is the present one.
fn title(node: &Node) -> String {
    let visits = if node.visits > 1 {
        format!(" ×{}", node.visits)
    } else {
        String::new()
    };
    let sign = match (node.is_present, node.visits) {
        (true, _) => " ◀",
        (false, 0) => "",
        (false, _) => " ✓",
    };
    format!("{} {}{visits}{sign}", node.stage, node.title)
}

/// The class of a part and how it looks, as presentation attributes.
fn look(class: &str) -> String {
    let looks = match class {
        "name" => r#"font-size="17" font-weight="600""#,
        "stage" => r#"font-size="13" font-weight="600" text-anchor="middle""#,
        "line" => r#"font-size="12""#,
        "inside" => r##"font-size="12" text-anchor="middle" fill="#45566b""##,
        "way" => {
            r##"font-size="12" text-anchor="middle" dominant-baseline="middle" paint-order="stroke" stroke="#ffffff" stroke-width="5""##
        }
        "box" => r##"fill="#f3f6fb" stroke="#8fa3bd" stroke-width="1.5""##,
        "box end" => r##"fill="#eceff3" stroke="#5c6b7d" stroke-width="1.5""##,
        "box visited" => r##"fill="#e3f1e5" stroke="#3c7a4b" stroke-width="1.5""##,
        "box present" => r##"fill="#ffe9b8" stroke="#b26a00" stroke-width="3""##,
        "arrow" => r##"fill="none" stroke="#5c6b7d" stroke-width="1.5""##,
        "arrow timer" => {
            r##"fill="none" stroke="#5c6b7d" stroke-width="1.5" stroke-dasharray="6 4""##
        }
        "head" => r##"fill="#5c6b7d""##,
        _ => r##"fill="#ffffff""##,
    };
    format!(r#"class="{class}" {looks}"#)
}

struct Canvas<'g> {
    graph: &'g Graph,
    boxes: String,
    arrows: String,
    labels: String,
    left: f64,
    right: f64,
    bottom: f64,
}

impl<'g> Canvas<'g> {
    fn new(graph: &'g Graph) -> Self {
        Self {
            graph,
            boxes: String::new(),
            arrows: String::new(),
            labels: String::new(),
            left: MARGIN,
            right: 0.0,
            bottom: 0.0,
        }
    }

    fn reach(&mut self, x: f64, y: f64) {
        self.left = self.left.min(x);
        self.right = self.right.max(x);
        self.bottom = self.bottom.max(y);
    }

    fn label(&mut self, x: f64, y: f64, text: &str) {
        let half = text.width() as f64 * CHAR_WIDTH / 2.0;
        self.reach(x - half, y);
        self.reach(x + half, y);
        let _ = writeln!(
            self.labels,
            r#"<text {} x="{x:.1}" y="{y:.1}">{}</text>"#,
            look("way"),
            escaped(text)
        );
    }

    /// Draws the text in the box of the last rectangle.
    fn node(&mut self, xy: Point, at: usize) {
        let Some(node) = self.graph.nodes.get(at) else {
            return;
        };
        let class = match (node.is_present, node.visits, node.is_end) {
            (true, ..) => "box present",
            (false, 1.., _) => "box visited",
            (false, 0, true) => "box end",
            (false, 0, false) => "box",
        };
        self.boxes = self.boxes.replace(UNMARKED, &look(class));
        let top = xy.y - node.lines.len() as f64 * LINE_HEIGHT / 2.0 + 5.0;
        let _ = write!(
            self.boxes,
            r#"<text {} x="{:.1}" y="{top:.1}">{}</text>"#,
            look("stage"),
            xy.x,
            escaped(&title(node))
        );
        for (at, line) in node.lines.iter().enumerate() {
            let y = top + (at + 1) as f64 * LINE_HEIGHT;
            let _ = write!(
                self.boxes,
                r#"<text {} x="{:.1}" y="{y:.1}">{}</text>"#,
                look("inside"),
                xy.x,
                escaped(line)
            );
        }
        self.boxes.push('\n');
    }

    fn finish(self, loops: &[&Edge]) -> String {
        let title_width = self.graph.title.width() as f64 * 9.5;
        let shift = MARGIN - self.left;
        let (width, height) = (
            (self.right + shift).max(title_width) + MARGIN,
            self.bottom + MARGIN + TOP,
        );
        let mut notes = String::new();
        for (at, edge) in loops.iter().enumerate() {
            let node = &self.graph.nodes[edge.from];
            let y = height + at as f64 * LINE_HEIGHT;
            let words = format!("{} ⟲ {}", title(node), edge.label);
            let _ = writeln!(
                notes,
                r#"<text {} x="{MARGIN}" y="{y:.1}">{}</text>"#,
                look("line"),
                escaped(&words)
            );
        }
        let height = height + loops.len() as f64 * LINE_HEIGHT;
        let title = escaped(&self.graph.title);
        let (ground, head, name) = (look("ground"), look("head"), look("name"));
        format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" role="img" aria-label="{title}" font-family="system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif" fill="#1d2733">
<defs><marker id="arrow-head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path {head} d="M0 0 10 5 0 10z"/></marker></defs>
<rect {ground} width="100%" height="100%"/>
<text {name} x="{MARGIN}" y="30">{title}</text>
<g transform="translate({shift:.1} {TOP})">
{}{}{}</g>
{notes}</svg>
"##,
            self.arrows, self.boxes, self.labels
        )
    }
}

impl RenderBackend for Canvas<'_> {
    fn draw_rect(
        &mut self,
        xy: Point,
        size: Point,
        _: &StyleAttr,
        _: Option<String>,
        _: Option<ClipHandle>,
    ) {
        self.reach(xy.x + size.x, xy.y + size.y);
        let _ = write!(
            self.boxes,
            r#"<rect {UNMARKED} x="{:.1}" y="{:.1}" width="{:.1}" height="{:.1}" rx="9"/>"#,
            xy.x, xy.y, size.x, size.y
        );
    }

    fn draw_line(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    fn draw_circle(&mut self, _: Point, _: Point, _: &StyleAttr, _: Option<String>) {}

    /// Draws the text of a box or an arrow, centered.
    fn draw_text(&mut self, xy: Point, text: &str, _: &StyleAttr) {
        if let Some((edge, _)) = text
            .strip_prefix('e')
            .and_then(|text| text.split_once(SEPARATOR))
        {
            let edge = edge
                .parse()
                .ok()
                .and_then(|at: usize| self.graph.edges.get(at));
            if let Some(edge) = edge.filter(|edge| !edge.label.is_empty()) {
                self.label(xy.x, xy.y, &edge.label);
            }
        } else if let Some(at) = text.strip_prefix('n').and_then(|text| text.parse().ok()) {
            self.node(xy, at);
        }
    }

    fn draw_arrow(
        &mut self,
        path: &[(Point, Point)],
        dashed: bool,
        (is_backwards, is_forwards): (bool, bool),
        _: &StyleAttr,
        _: Option<String>,
        _: &str,
    ) {
        let [first, second, rest @ ..] = path else {
            return;
        };
        let mut d = format!(
            "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
            first.0.x,
            first.0.y,
            first.1.x,
            first.1.y,
            second.0.x,
            second.0.y,
            second.1.x,
            second.1.y
        );
        for point in rest {
            let _ = write!(
                d,
                "S{:.1} {:.1} {:.1} {:.1}",
                point.0.x, point.0.y, point.1.x, point.1.y
            );
        }
        path.iter()
            .flat_map(|point| [point.0, point.1])
            .for_each(|point| self.reach(point.x, point.y));
        let look = look(if dashed { "arrow timer" } else { "arrow" });
        // An upward arrow is laid out from its end to its beginning.
        let head = |is_there: bool, place: &str| {
            if is_there {
                format!(r#" marker-{place}="url(#arrow-head)""#)
            } else {
                String::new()
            }
        };
        let heads = head(is_backwards, "start") + &head(is_forwards, "end");
        let _ = writeln!(self.arrows, r#"<path {look} d="{d}"{heads}/>"#);
    }

    fn create_clip(&mut self, _: Point, _: Point, _: usize) -> ClipHandle {
        0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_character_is_twice_as_wide() {
        let width = |title: String| {
            box_width(&Node {
                stage: 2,
                title,
                lines: Vec::new(),
                visits: 0,
                is_present: false,
                is_end: false,
            })
        };
        let difference = width("漢".repeat(22)) - width("x".repeat(44));
        assert!(difference.abs() < 0.01, "{difference}");
    }
}
