//! Rows of a scan in another order than they lie in, or some of them alone: tables say which row stands at each position, and what
//! the bound needs of each bin is computed once for the bins of positions.

use super::rounded::copies::Rounded;
use super::rows::measured::Measured;
use super::rows::stats::Stats;
use crate::buffer::{BIN, Buffer};
use crate::error::{Error, Result};
use crate::kernel::Encoder;

/// The positions of a scan. Bins are of 64 positions; biases and scales stay those of the rows.
pub(crate) struct Positions {
    segments: Vec<Listed>,
    /// The number of each position, by which it is reported and ties are ordered.
    order: Buffer,
    bin_norm: Buffer,
    f16_residual: Option<Buffer>,
    int8_residual: Option<Buffer>,
}

/// The positions whose rows are in one segment.
pub(crate) struct Listed {
    /// The row of each within the segment.
    pub table: Buffer,
    pub count: u32,
    /// The first among those of all segments: the first of a bin.
    pub first: u64,
}

impl Positions {
    /// Encodes what the scan needs of the positions that `tables` list for each segment of `rows`, with how many they are. Each
    /// segment's begin with a bin of their own, and `order` has the number of each position of whole bins.
    pub fn new(
        encoder: &mut Encoder,
        rows: &Measured,
        [f16, int8]: [Option<&Rounded>; 2],
        tables: Vec<(Buffer, u32)>,
        order: Buffer,
    ) -> Result<Positions> {
        let given = tables.len();
        let mut first = 0;
        let mut segments = Vec::with_capacity(given);
        for (table, count) in tables {
            segments.push(Listed { table, count, first });
            first += u64::from(count).next_multiple_of(BIN);
        }
        let expected = rows.matrix().segments().len();
        let short = |l: &Listed| l.table.size() < u64::from(l.count) * 4;
        if given != expected || order.size() < first * 4 || segments.iter().any(short) {
            let reason = format!("{given} tables of {first} positions for {expected} segments");
            return Err(Error::internal(reason));
        }
        let gpu = encoder.gpu().clone();
        let by_bin = |label: &str| gpu.scratch(label, (first / BIN).max(1) * 4);
        let bin_norm = by_bin("bin norms")?;
        let f16_residual = f16.map(|_| by_bin("residuals")).transpose()?;
        let int8_residual = int8.map(|_| by_bin("residuals")).transpose()?;
        for residual in [&f16_residual, &int8_residual].into_iter().flatten() {
            encoder.clear(residual);
        }
        // without a scan nothing is scored, and no bound is asked for
        let Some(family) = rows.scan() else {
            return Ok(Positions { segments, order, bin_norm, f16_residual, int8_residual });
        };
        for (at, (segment, numbers)) in rows.segments().enumerate() {
            let Listed { table, count, first } = &segments[at];
            if *count == 0 {
                continue;
            }
            let first_bin = (first / BIN) as u32;
            let stats = Stats {
                segment,
                dtype: rows.matrix().dtype(),
                dim: rows.dim(),
                elements: rows.elements(),
                ranges: rows.ranges(),
                least_norm: rows.least_norm(),
                family,
                bias: &numbers.bias,
                scale: numbers.scale.as_ref(),
                bin_norm: &bin_norm,
                count: *count,
                // the rows have their numbers
                first: 0,
                last: 0,
                first_bin,
                table: Some(table),
            };
            stats.encode(encoder, *count)?;
            for (rounded, out) in [(f16, &f16_residual), (int8, &int8_residual)] {
                if let (Some(rounded), Some(out)) = (rounded, out) {
                    rounded.measure(encoder, rows, at, (table, *count), (out, first_bin))?;
                }
            }
        }
        Ok(Positions { segments, order, bin_norm, f16_residual, int8_residual })
    }

    /// One past the last position.
    pub fn len(&self) -> u64 {
        self.segments.last().map_or(0, |last| last.first + u64::from(last.count))
    }

    /// Device memory.
    pub fn bytes(&self) -> u64 {
        let numbers = [&self.f16_residual, &self.int8_residual].into_iter().flatten();
        let tables = self.segments.iter().map(|listed| listed.table.size());
        let numbers = numbers.map(Buffer::size).sum::<u64>() + tables.sum::<u64>();
        self.order.size() + self.bin_norm.size() + numbers
    }

    pub fn segment(&self, at: usize) -> Option<&Listed> {
        self.segments.get(at)
    }

    pub fn order(&self) -> &Buffer {
        &self.order
    }

    pub fn bin_norm(&self) -> &Buffer {
        &self.bin_norm
    }

    /// What the f16 form of the rows lost, of each bin.
    pub fn f16_residual(&self) -> Option<&Buffer> {
        self.f16_residual.as_ref()
    }

    /// What their copy in 8 bits lost, of each bin.
    pub fn int8_residual(&self) -> Option<&Buffer> {
        self.int8_residual.as_ref()
    }
}
