//! Mermaid, which wikis and code hosts can draw.

use std::fmt::Write as _;

use super::{EdgeKind, Graph, Node};

const VISITED: &str = "fill:#e3f1e5,stroke:#3c7a4b";
const PRESENT: &str = "fill:#ffe9b8,stroke:#b26a00,stroke-width:3px";

/// The picture as a Mermaid flowchart.
#[must_use]
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart TD\n");
    for node in &graph.nodes {
        let mut lines = vec![format!("<b>{} {}</b>", node.stage, escaped(&node.title))];
        lines.extend(node.lines.iter().map(|line| escaped(line)));
        let (open, close) = if node.is_end {
            ("([\"", "\"])")
        } else {
            ("[\"", "\"]")
        };
        let _ = writeln!(
            out,
            "    s{}{open}{}{close}",
            node.stage,
            lines.join("<br/>")
        );
    }
    for edge in &graph.edges {
        let arrow = if edge.kind == EdgeKind::Timer {
            "-.->"
        } else {
            "-->"
        };
        let label = if edge.label.is_empty() {
            String::new()
        } else {
            format!("|\"{}\"|", escaped(&edge.label))
        };
        let (from, to) = (graph.nodes[edge.from].stage, graph.nodes[edge.to].stage);
        let _ = writeln!(out, "    s{from} {arrow}{label} s{to}");
    }
    let marked = |is_marked: &dyn Fn(&Node) -> bool| {
        let nodes = graph
            .nodes
            .iter()
            .filter(|node| is_marked(node))
            .map(|node| format!("s{}", node.stage));
        nodes.collect::<Vec<_>>().join(",")
    };
    let visited = marked(&|node| node.visits > 0 && !node.is_present);
    let present = marked(&|node| node.is_present);
    for (class, style, nodes) in [("visited", VISITED, visited), ("present", PRESENT, present)] {
        if !nodes.is_empty() {
            let _ = writeln!(
                out,
                "    classDef {class} {style}\n    class {nodes} {class}"
            );
        }
    }
    out
}

/// Writes characters with a meaning in Mermaid as numbered entities.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | '|' | '[' | ']' | '{' | '}' | '(' | ')' | '`' | '\\'
            | ';' | '*' | '_' | '~' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
