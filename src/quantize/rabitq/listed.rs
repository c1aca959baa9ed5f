//! Codes of rows in lists, each of what the center of its list leaves of a row.
//!
//! They are kept as kernels look them up: the factors of a row, then its numbers as a stream of bits. FAISS's codes hold the same.

use super::code::{Factors, Shape};
use crate::error::{Error, Result};
use crate::parallel::each;

/// Elements that one thread takes at a time.
const PIECE: usize = 16 << 10;

/// The centers of lists, and which of them each row has.
#[derive(Clone, Copy)]
pub(crate) struct Listed<'a> {
    /// `None` where all have the first.
    pub labels: Option<&'a [u32]>,
    pub centers: &'a [f32],
}

impl<'a> Listed<'a> {
    /// Of one center.
    pub fn one(center: &'a [f32]) -> Listed<'a> {
        Listed { labels: None, centers: center }
    }

    /// The center of a row.
    fn of(&self, row: usize, dim: usize) -> Result<&'a [f32]> {
        let label = self.labels.map_or(Some(0), |labels| labels.get(row).copied());
        let list = label.map(|list| list as usize * dim);
        let center = list.and_then(|start| self.centers.get(start..start + dim));
        center.ok_or_else(|| Error::internal(format!("row {row} is in no list")))
    }
}

impl Shape {
    /// The codes of what the centers of their lists leave of rows, as they are kept; the first of them is number `first` of the call.
    pub fn encode_listed(
        self,
        residuals: &[f32],
        lists: Listed<'_>,
        first: u64,
    ) -> Result<Vec<u8>> {
        let dim = self.dim;
        self.pieces(residuals.len() / dim, |rows, out| {
            let mut numbers = Vec::with_capacity(dim);
            for row in rows {
                let center = lists.of(row, dim)?;
                let residual = &residuals[row * dim..(row + 1) * dim];
                let factors = self.encode(residual, center, &mut numbers);
                // of projections, too: rows are refused or not whatever their codes stand for
                self.check(&factors, &numbers, center, first + row as u64)?;
                let factors = match self.projects {
                    true => self.projected(residual, &numbers),
                    false => factors,
                };
                self.put(&factors, &numbers, out);
            }
            Ok(())
        })
    }

    /// What codes that are kept stand for, to the bits that kernels look up: the factor in two parts, so that its products with half numbers
    /// of nine bits are exact, and fused sums the same as others.
    pub fn decode_listed(self, kept: &[u8], lists: Listed<'_>) -> Result<Vec<f32>> {
        let (dim, bytes) = (self.dim, self.bytes());
        self.pieces(kept.len() / bytes, |rows, out: &mut Vec<f32>| {
            let mut numbers = Vec::with_capacity(dim);
            for row in rows {
                let center = lists.of(row, dim)?;
                let scale = self.get(&kept[row * bytes..(row + 1) * bytes], &mut numbers).scale;
                let upper = f32::from_bits(scale.to_bits() & 0xffff_fe00);
                let lower = scale - upper;
                out.extend(numbers.iter().zip(center).map(|(&number, &c)| {
                    let y = self.middle(number);
                    y.mul_add(lower, y.mul_add(upper, c))
                }));
            }
            Ok(())
        })
    }

    /// Codes that are kept as FAISS has them.
    pub fn to_faiss(self, kept: &[u8], lists: Listed<'_>) -> Result<Vec<u8>> {
        let (dim, bytes) = (self.dim, self.bytes());
        self.pieces(kept.len() / bytes, |rows, out| {
            let mut numbers = Vec::with_capacity(dim);
            for row in rows {
                let factors = self.get(&kept[row * bytes..(row + 1) * bytes], &mut numbers);
                self.put_faiss(&factors, &numbers, lists.of(row, dim)?, out);
            }
            Ok(())
        })
    }

    /// The reverse.
    pub fn of_faiss(self, codes: &[u8], lists: Listed<'_>) -> Result<Vec<u8>> {
        let (dim, bytes) = (self.dim, self.faiss_bytes());
        if !codes.len().is_multiple_of(bytes) {
            let reason = format!("{} bytes are no whole codes of {bytes}", codes.len());
            return Err(Error::argument("codes", reason));
        }
        self.pieces(codes.len() / bytes, |rows, out| {
            let mut numbers = Vec::with_capacity(dim);
            for row in rows {
                let center = lists.of(row, dim)?;
                let code = &codes[row * bytes..(row + 1) * bytes];
                let factors = self.get_faiss(code, center, &mut numbers);
                self.check(&factors, &numbers, center, row as u64)?;
                self.put(&factors, &numbers, out);
            }
            Ok(())
        })
    }

    /// A number of each code as FAISS has it, of rows around one center.
    pub fn of_each(
        self,
        codes: &[u8],
        center: &[f32],
        number: impl Fn(&Factors, &[u16]) -> f64 + Sync + Send,
    ) -> Result<Vec<f32>> {
        let (dim, bytes) = (self.dim, self.bytes());
        let kept = self.of_faiss(codes, Listed::one(center))?;
        self.pieces(kept.len() / bytes, |rows, out: &mut Vec<f32>| {
            let mut numbers = Vec::with_capacity(dim);
            for row in rows {
                let factors = self.get(&kept[row * bytes..(row + 1) * bytes], &mut numbers);
                out.push(number(&factors, &numbers) as f32);
            }
            Ok(())
        })
    }

    /// What comes of rows, on several threads.
    fn pieces<T: Copy + Send>(
        self,
        count: usize,
        work: impl Fn(std::ops::Range<usize>, &mut Vec<T>) -> Result<()> + Send + Sync,
    ) -> Result<Vec<T>> {
        let step = (PIECE / self.dim).max(1);
        let starts: Vec<usize> = (0..count).step_by(step).collect();
        let parts = each(starts, |start: usize| {
            let mut out = Vec::new();
            work(start..(start + step).min(count), &mut out)?;
            Ok(out)
        })?;
        Ok(parts.concat())
    }
}
