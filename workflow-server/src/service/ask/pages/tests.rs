//! How much a page takes.

use super::*;

fn rows(bytes: &[usize]) -> Vec<String> {
    bytes.iter().map(|bytes| "x".repeat(*bytes)).collect()
}

#[test]
fn a_page_holds_as_many_rows_as_fit() {
    let half = PAGE_BYTES_MAX / 2 - 100;
    let cases: [(&[usize], usize); 5] = [
        (&[], 0),
        (&[10, 10, 10], 3),
        (&[half, half, half], 2),
        (&[3 * PAGE_BYTES_MAX, 1], 1),
        (&[1, 3 * PAGE_BYTES_MAX, 1], 1),
    ];
    for (bytes, expected) in cases {
        let (page, left_out) = first_of(rows(bytes).into_iter());
        assert_eq!(
            (page.len(), left_out),
            (expected, expected < bytes.len()),
            "{bytes:?}"
        );
        assert_eq!(fitting(rows(bytes).into_iter()), page);
    }
}
