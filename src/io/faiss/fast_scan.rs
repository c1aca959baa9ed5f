//! Codes of 4 bits as FAISS lays them out for fast scans.
//!
//! Rows stand in blocks, each of 32 rows or a multiple of that, the last one filled up. A block has the parts two by two; of a pair it has 32
//! bytes for each 32 rows: 16 of the first part, then 16 of the second. Byte j of 16 has the codes of two rows, that of row p(j) in its low
//! half and that of row p(j) + 16 in its high one, where p counts 0, 8, 1, 9, 2, 10 up to 7, 15.

use crate::error::Result;
use crate::io::reader::Reader;

/// Rows that stand together.
const GROUP: usize = 32;
/// Rows of a block, at most.
const MOST_ROWS: u64 = 1 << 16;

/// How codes lie in blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Blocks {
    /// Parts of a row, up to an even number.
    parts: usize,
    /// Rows of a block.
    rows: usize,
}

impl Blocks {
    /// Of rows of so many parts, by what stands at a place of the file.
    pub fn new(file: &Reader, at: u64, parts: usize, (rows, padded): (i32, u64)) -> Result<Blocks> {
        let even = parts.next_multiple_of(2);
        if rows <= 0 || rows as u64 > MOST_ROWS || !(rows as usize).is_multiple_of(GROUP) {
            return Err(file.fault(at, format!("blocks of {rows} rows")));
        }
        if padded != even as u64 {
            return Err(file.fault(at, format!("{padded} parts in blocks, for {parts}")));
        }
        Ok(Blocks { parts: even, rows: rows as usize })
    }

    /// Rows of a block.
    pub fn rows(self) -> u64 {
        self.rows as u64
    }

    /// Bytes of a block.
    pub fn bytes(self) -> u64 {
        (self.rows * self.parts / 2) as u64
    }

    /// Bytes of the blocks of so many rows; fewer than 2^32.
    pub fn bytes_of(self, rows: u64) -> u64 {
        rows.div_ceil(self.rows()) * self.bytes()
    }

    /// The packed codes, one after the other, of as many rows of a block from one on as there is room for.
    pub fn unpack(self, block: &[u8], first: usize, codes: &mut [u8]) {
        for (row, code) in codes.chunks_exact_mut(self.parts / 2).enumerate() {
            let (group, within) = ((first + row) / GROUP, (first + row) % GROUP);
            let low = within % 16;
            let byte = if low < 8 { 2 * low } else { 2 * (low - 8) + 1 };
            let shift = if within < 16 { 0 } else { 4 };
            for (pair, code) in code.iter_mut().enumerate() {
                let at = (pair * self.rows / GROUP + group) * GROUP + byte;
                let half = |byte: u8| (byte >> shift) & 15;
                *code = half(block[at]) | half(block[at + 16]) << 4;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, the other way: each code goes where it has to be.
    #[test]
    fn every_code_is_where_it_was_put() {
        for (parts, rows) in [(2, 32), (6, 64), (4, 96)] {
            let blocks = Blocks { parts, rows };
            let code = |row: usize, part: usize| ((row * 7 + part * 3 + row / 5) % 16) as u8;
            let mut block = vec![0u8; blocks.bytes() as usize];
            let mut at = 0;
            for pair in (0..parts).step_by(2) {
                for group in (0..rows).step_by(GROUP) {
                    for part in [pair, pair + 1] {
                        for row in [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15] {
                            let row = group + row;
                            block[at] = code(row, part) | code(row + 16, part) << 4;
                            at += 1;
                        }
                    }
                }
            }
            for first in [0, 1, 17] {
                let mut codes = vec![0; (rows - first) * parts / 2];
                blocks.unpack(&block, first, &mut codes);
                for (row, bytes) in codes.chunks_exact(parts / 2).enumerate() {
                    for part in 0..parts {
                        let half = bytes[part / 2] >> (4 * (part % 2)) & 15;
                        assert_eq!(half, code(first + row, part), "{parts} {rows} {row} {part}");
                    }
                }
            }
        }
    }
}
