//! DOT, for Graphviz.

use std::fmt::Write as _;

use super::{EdgeKind, Graph};

/// The picture as DOT.
#[must_use]
pub fn dot(graph: &Graph) -> String {
    let mut out = String::from("digraph workflow {\n");
    let _ = writeln!(out, "    label={}; labelloc=t;", quoted(&graph.title));
    out.push_str("    node [shape=box, style=\"rounded,filled\", fillcolor=\"#f3f6fb\", fontname=\"sans-serif\"];\n");
    out.push_str("    edge [fontname=\"sans-serif\", fontsize=11];\n");
    for node in &graph.nodes {
        let mut lines = vec![format!("{} {}", node.stage, node.title)];
        lines.extend(node.lines.iter().cloned());
        let fill = match (node.is_present, node.visits) {
            (true, _) => ", fillcolor=\"#ffe9b8\", penwidth=3",
            (false, 0) => "",
            (false, _) => ", fillcolor=\"#e3f1e5\"",
        };
        let ends = if node.is_end { ", peripheries=2" } else { "" };
        let _ = writeln!(
            out,
            "    s{} [label={}{fill}{ends}];",
            node.stage,
            quoted(&lines.join("\n"))
        );
    }
    for edge in &graph.edges {
        let style = if edge.kind == EdgeKind::Timer {
            ", style=dashed"
        } else {
            ""
        };
        let (from, to) = (graph.nodes[edge.from].stage, graph.nodes[edge.to].stage);
        let _ = writeln!(
            out,
            "    s{from} -> s{to} [label={}{style}];",
            quoted(&edge.label)
        );
    }
    out.push_str("}\n");
    out
}

fn quoted(text: &str) -> String {
    format!(
        "\"{}\"",
        text.replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    )
}
