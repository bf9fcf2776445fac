//! Estimates the work of the layout of a picture before it begins, because the library cannot be
//! interrupted.
//!
//! The library puts the stages on levels, with a joint where an arrow passes a level. It then
//! compares every pair on a level with everything on the next level, fifty times. So the width of
//! the levels decides. The effort is the sum, over all levels, of the square of the width times the
//! width of the next level.

use super::Graph;

/// The largest effort of a layout. Measured over about 25 trees, chains and random graphs of 20 to
/// 149 stages, on a loaded machine: one unit took 0.25 to 5.6 µs, mostly about 1 µs. So a layout
/// takes at most a second or two.
pub(super) const EFFORT_MAX: u64 = 600_000;

/// The effort of laying out a graph.
pub(super) fn effort(graph: &Graph) -> u64 {
    let widths = widths(graph.nodes.len(), &downwards(graph));
    let of_pair = |pair: &[u64]| pair[0] * pair[0] * pair[1];
    widths.windows(2).map(of_pair).sum()
}

/// The arrows from the upper stage to the lower. An arrow that would close a cycle is reversed, as
/// in the library.
fn downwards(graph: &Graph) -> Vec<(usize, usize)> {
    let mut below: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    let mut arrows = Vec::new();
    for edge in graph.edges.iter().filter(|edge| edge.from != edge.to) {
        let is_back = is_reachable(&below, edge.to, edge.from);
        let (upper, lower) = if is_back {
            (edge.to, edge.from)
        } else {
            (edge.from, edge.to)
        };
        below[upper].push(lower);
        arrows.push((upper, lower));
    }
    arrows
}

fn is_reachable(below: &[Vec<usize>], from: usize, to: usize) -> bool {
    let (mut seen, mut open) = (vec![false; below.len()], vec![from]);
    while let Some(node) = open.pop() {
        if node == to {
            return true;
        }
        if !std::mem::replace(&mut seen[node], true) {
            open.extend(&below[node]);
        }
    }
    false
}

/// The number of stages and joints on each level. Between two connected stages there is one level
/// for the text of the arrow.
fn widths(nodes: usize, arrows: &[(usize, usize)]) -> Vec<u64> {
    let levels = levels(nodes, arrows);
    let mut widths = vec![0; levels.iter().max().map_or(0, |deepest| deepest + 1)];
    for level in &levels {
        widths[*level] += 1;
    }
    for (upper, lower) in arrows {
        for width in &mut widths[levels[*upper] + 1..levels[*lower]] {
            *width += 1;
        }
    }
    widths
}

/// The level of each stage: the length of the longest path to it.
fn levels(nodes: usize, arrows: &[(usize, usize)]) -> Vec<usize> {
    let mut levels = vec![0; nodes];
    // There is no cycle, so no path has more arrows than there are stages.
    for _ in 0..nodes {
        let mut is_settled = true;
        for (upper, lower) in arrows {
            if levels[*lower] < levels[*upper] + 2 {
                levels[*lower] = levels[*upper] + 2;
                is_settled = false;
            }
        }
        if is_settled {
            break;
        }
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Edge, EdgeKind, NoPicture, Node, svg};

    /// Stages in a tree with this many branches, and with this many arrows across it.
    fn graph(stages: usize, branches: usize, across: usize) -> Graph {
        let node = |at: usize| Node {
            stage: at as u32 + 1,
            title: format!("Stage {at}"),
            lines: Vec::new(),
            visits: 0,
            is_present: false,
            is_end: false,
        };
        let edge = |from: usize, to: usize| Edge {
            from,
            to,
            label: "Done".to_owned(),
            kind: EdgeKind::Button,
        };
        let tree = (1..stages).map(|at| edge((at - 1) / branches, at));
        let paths = (0..across).map(|at| edge(at * 37 % stages, (at * 61 + 5) % stages));
        Graph {
            title: "A workflow".to_owned(),
            nodes: (0..stages).map(node).collect(),
            edges: tree.chain(paths).collect(),
        }
    }

    #[test]
    fn a_picture_that_is_too_expensive_is_rejected() {
        // A picture of an attack. It was within the limits of stages and paths, and took 46 s of
        // CPU without an end.
        let attack = graph(145, 12, 192);
        assert!(effort(&attack) > 20 * EFFORT_MAX, "{}", effort(&attack));
        assert_eq!(svg(&attack), Err(NoPicture::TooLarge));
        assert!(svg(&graph(40, 3, 10)).is_ok());
    }

    #[test]
    fn effort_counts_the_joints_of_long_arrows_and_ignores_loops() {
        // One stage above two, with a level of two texts between them: 1² × 2 + 2² × 2.
        assert_eq!(effort(&graph(3, 2, 0)), 10);
        // A chain of three, and an arrow past the middle: 1² × 2, three times 2² × 2, and 2² × 1.
        let mut chain = graph(3, 1, 0);
        let loops = Edge {
            to: 1,
            from: 1,
            ..chain.edges[0].clone()
        };
        chain.edges.extend([
            Edge {
                to: 2,
                ..chain.edges[0].clone()
            },
            loops,
        ]);
        assert_eq!(effort(&chain), 2 + 8 + 8 + 4);
        // An upward arrow is laid out as a downward one.
        let back = Edge {
            from: 2,
            to: 0,
            ..chain.edges[0].clone()
        };
        chain.edges[2] = back;
        assert_eq!(effort(&chain), 22);
    }
}
