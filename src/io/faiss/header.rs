//! What every index of FAISS's begins with: dimension, rows, metric.

use crate::error::{Error, Result};
use crate::format::{LittleEndian as _, MAX_DIM};
use crate::io::reader::Reader;
use crate::metric::Metric;

/// No vector has more elements, and the bytes of so many overflow nothing.
const MOST_ELEMENTS: i32 = MAX_DIM as i32;
/// A word of the header that nobody reads.
const DUMMY: u64 = 1 << 20;
/// `IndexBinary`'s metric, which it has no use for.
const BINARY_METRIC: i32 = 1;

/// Metrics that both define alike, and FAISS's numbers. Lp has its power beside it.
const METRICS: &[(i32, Metric)] = &[
    (0, Metric::InnerProduct),
    (1, Metric::L2),
    (2, Metric::L1),
    (3, Metric::Linf),
    (LP, Metric::Lp(0.0)),
    (20, Metric::Canberra),
    (21, Metric::BrayCurtis),
    (22, Metric::JensenShannon),
    (23, Metric::Jaccard),
    (24, Metric::NanEuclidean),
    (25, Metric::Gower),
];
const LP: i32 = 4;

/// A header.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Header {
    pub dim: usize,
    /// Of rows, by FAISS's count.
    pub rows: u64,
    pub is_trained: bool,
    pub metric: Metric,
}

impl Header {
    pub fn read(file: &mut Reader) -> Result<Header> {
        let dim = dim(file)?;
        let rows = rows(file)?;
        file.skip(16)?;
        let is_trained = file.flag()?;
        let at = file.at();
        let number = file.i32()?;
        // only these two have no argument
        let argument = if number == 0 || number == 1 { 0.0 } else { file.f32()? };
        let found = METRICS.iter().find(|(known, _)| *known == number);
        let metric = match found {
            Some((LP, _)) => Metric::Lp(argument),
            Some((_, metric)) => metric.clone(),
            None => {
                let known: Vec<_> =
                    METRICS.iter().map(|(n, metric)| format!("{n} {}", name(metric))).collect();
                let reason = format!("no metric is {number}; known are {}", known.join(", "));
                return Err(file.fault(at, reason));
            }
        };
        metric.check(crate::dtype::DType::F32, dim).map_err(|e| file.refused(at, e))?;
        Ok(Header { dim, rows, is_trained, metric })
    }

    pub fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let (number, argument) = number(&self.metric)?;
        out.extend((self.dim as u32).to_le_bytes());
        out.extend(self.rows.to_le_bytes());
        out.extend([DUMMY, DUMMY].map(u64::to_le_bytes).concat());
        out.push(self.is_trained.into());
        out.extend(number.to_le_bytes());
        if number > 1 {
            out.extend(argument.to_le_bytes());
        }
        Ok(())
    }
}

fn name(metric: &Metric) -> String {
    match metric {
        Metric::Lp(_) => "lp".into(),
        other => other.to_string(),
    }
}

/// FAISS's number of a metric and the argument beside it. Distances have to be the same, not only their order.
pub(super) fn number(metric: &Metric) -> Result<(i32, f32)> {
    if let Metric::Lp(power) = metric {
        return Ok((LP, *power));
    }
    if let Some((number, _)) = METRICS.iter().find(|(_, known)| known == metric) {
        return Ok((*number, 0.0));
    }
    let instead = match metric {
        Metric::SqrtL2 => ": it is l2 there, which is squared and has the same neighbours",
        Metric::CosineDistance => {
            ": it is cosine there, of which it is 1 less and has the same neighbours"
        }
        _ => "",
    };
    let known: Vec<_> = METRICS.iter().map(|(_, metric)| name(metric)).collect();
    let item = format!(
        "{metric}, which FAISS does not have{instead}; what it has: {}, and cosine as ip of rows of length 1",
        known.join(", ")
    );
    Err(Error::unsupported("a file of FAISS", item))
}

/// A header of an index of bits.
pub(super) struct BinaryHeader {
    /// In bits.
    pub dim: usize,
    pub rows: u64,
    pub is_trained: bool,
}

impl BinaryHeader {
    pub fn read(file: &mut Reader) -> Result<BinaryHeader> {
        let dim = dim(file)?;
        let at = file.at();
        let code_size = file.i32()?;
        if !dim.is_multiple_of(8) || code_size as usize != dim / 8 {
            return Err(file.fault(at, format!("{code_size} bytes for {dim} bits")));
        }
        let rows = rows(file)?;
        let is_trained = file.flag()?;
        // bits have one metric, whatever the number is
        file.i32()?;
        Ok(BinaryHeader { dim, rows, is_trained })
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend((self.dim as u32).to_le_bytes());
        out.extend((self.dim as u32 / 8).to_le_bytes());
        out.extend(self.rows.to_le_bytes());
        out.push(self.is_trained.into());
        out.extend(BINARY_METRIC.to_le_bytes());
    }
}

fn dim(file: &mut Reader) -> Result<usize> {
    let at = file.at();
    match file.i32()? {
        dim @ 1..=MOST_ELEMENTS => Ok(dim as usize),
        dim => Err(file.fault(at, format!("a dimension of {dim}"))),
    }
}

fn rows(file: &mut Reader) -> Result<u64> {
    let at = file.at();
    let rows = file.u64()?;
    if rows > u64::from(u32::MAX) {
        return Err(file.fault(at, format!("{rows} rows, {} are the most", u32::MAX)));
    }
    Ok(rows)
}
