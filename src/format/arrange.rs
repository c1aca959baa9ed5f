//! Rows out of arrays that lie otherwise than rows do here: column after column, or with the bytes of elements swapped.

use super::layout::{Arrangement, Layout};
use std::ops::Range;

/// Rows and columns that are transposed together: what they touch of either order stays in the nearest cache.
const TILE: usize = 64;

/// Fills `out` with the elements of these rows, of `data` that holds all of the file's.
pub(super) fn rows(layout: &Layout, data: &[u8], rows: Range<u64>, out: &mut [u8]) {
    // Both are places within a mapped file.
    let rows = rows.start as usize..rows.end as usize;
    match layout.element.size() {
        1 => by_size::<1>(layout, data, rows, out),
        2 => by_size::<2>(layout, data, rows, out),
        4 => by_size::<4>(layout, data, rows, out),
        _ => by_size::<8>(layout, data, rows, out),
    }
}

fn by_size<const N: usize>(layout: &Layout, data: &[u8], rows: Range<usize>, out: &mut [u8]) {
    let (data, out) = (data.as_chunks::<N>().0, out.as_chunks_mut::<N>().0);
    let (width, all) = (layout.width(), layout.file_rows as usize);
    let Arrangement { by_columns, big_endian } = layout.arrangement;
    match (by_columns, big_endian) {
        (false, _) => {
            let from = &data[rows.start * width..rows.end * width];
            out.iter_mut().zip(from).for_each(|(out, from)| *out = swap(*from));
        }
        (true, false) => transpose(data, all, rows, width, out, |element| element),
        (true, true) => transpose(data, all, rows, width, out, swap),
    }
}

fn swap<const N: usize>(mut element: [u8; N]) -> [u8; N] {
    element.reverse();
    element
}

/// Copies rows out of columns of `all` elements each.
fn transpose<const N: usize>(
    columns: &[[u8; N]],
    all: usize,
    rows: Range<usize>,
    width: usize,
    out: &mut [[u8; N]],
    change: impl Fn([u8; N]) -> [u8; N],
) {
    for first_row in rows.clone().step_by(TILE) {
        let end_row = rows.end.min(first_row + TILE);
        for first_column in (0..width).step_by(TILE) {
            for column in first_column..width.min(first_column + TILE) {
                let from = &columns[column * all + first_row..column * all + end_row];
                let to = out[(first_row - rows.start) * width + column..].iter_mut().step_by(width);
                to.zip(from).for_each(|(to, from)| *to = change(*from));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::element::Element;
    use super::*;

    /// Whatever part is asked for, of tiles that are not full, too.
    #[test]
    fn every_part_has_its_own_elements() {
        let (all, width) = (150usize, 70usize);
        for (by_columns, big_endian) in [(false, true), (true, false), (true, true)] {
            for element in [Element::U8, Element::U16, Element::U32, Element::U64] {
                let size = element.size();
                let one = |row: usize, column: usize| {
                    let value = (row * width + column + 1) as u64 * 0x0101_0307;
                    let mut bytes = value.to_le_bytes()[..size].to_vec();
                    if big_endian && size > 1 {
                        bytes.reverse();
                    }
                    bytes
                };
                let data: Vec<u8> = match by_columns {
                    true => {
                        (0..width).flat_map(|c| (0..all).flat_map(move |r| one(r, c))).collect()
                    }
                    false => {
                        (0..all).flat_map(|r| (0..width).flat_map(move |c| one(r, c))).collect()
                    }
                };
                let layout = Layout {
                    element,
                    arrangement: Arrangement { by_columns, big_endian },
                    element_at: 0,
                    rows: all as u64,
                    file_rows: all as u64,
                    columns: Some(width),
                    shape_at: 0,
                    start: 0,
                    prefix: 0,
                };
                for part in [0..150, 0..1, 149..150, 63..66, 64..64, 7..140] {
                    let mut out = vec![0; part.clone().count() * width * size];
                    rows(&layout, &data, part.clone(), &mut out);
                    let little = |mut bytes: Vec<u8>| {
                        if big_endian && size > 1 {
                            bytes.reverse();
                        }
                        bytes
                    };
                    let expected: Vec<u8> = part
                        .flat_map(|r| (0..width).flat_map(move |c| little(one(r as usize, c))))
                        .collect();
                    assert_eq!(out, expected, "{by_columns} {big_endian} {element:?}");
                }
            }
        }
    }
}
