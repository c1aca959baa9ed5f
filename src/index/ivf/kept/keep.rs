//! Rows that come to be kept, block by block, when their codes are known.

use super::place::Kept;
use super::rows::Block;
use super::slack::Slack;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::index::codes::RowCodes;
use crate::metric::Metric;
use crate::parallel::each;
use crate::quantize::{Quantizer, RaBitQuantizer, ScalarQuantizer, SqType};
use crate::space::{self, Tree};
use half::f16;

/// Elements that one thread looks at at a time.
const PIECE: usize = 96 << 10;

/// How far rows may be from what their codes stand for.
pub fn slack(metric: &Metric, codes: &RowCodes) -> Result<Slack> {
    let (quantizer, dim) = (&codes.quantizer, codes.quantizer.dim());
    let tree = Tree::of(&space::pair(metric, DType::F32, DType::F32, dim));
    let tree = tree.ok_or_else(|| Error::internal("codes of no product"))?;
    let least = match quantizer.scalar().map(ScalarQuantizer::kind) {
        Some(SqType::Fp16) if !codes.residual => f16::MIN_POSITIVE.to_f32(),
        _ => f32::MIN_POSITIVE,
    };
    let slack = Slack::new(tree, dim, least);
    let sums = codes.residual || quantizer.rabitq().is_some();
    Ok(if sums { slack.of_sums(dim) } else { slack })
}

/// So many codes are asked for as neighbours, and some: measured of embeddings and of images, a few bits leave as many rows open.
pub fn times(quantizer: &Quantizer) -> usize {
    match quantizer.rabitq().map(RaBitQuantizer::bits) {
        Some(0..=4) => 4,
        _ => 2,
    }
}

/// Keeps rows, which are stored as these bytes.
pub fn keep(
    kept: &mut Kept,
    slack: &Slack,
    codes: &RowCodes,
    rows: &[f32],
    stored: &[u8],
) -> Result<()> {
    let dim = codes.quantizer.dim();
    let count = rows.len() / dim;
    let bytes = stored.len() / count.max(1);
    let step = (PIECE / dim).max(1);
    let parts = each((0..count).step_by(step).collect(), |start: usize| {
        let end = (start + step).min(count);
        let decoded = codes.decoded(stored[start * bytes..end * bytes].to_vec())?;
        let pairs = rows[start * dim..end * dim].chunks_exact(dim).zip(decoded.chunks_exact(dim));
        Ok(pairs.map(|(row, decoded)| slack.of(row, decoded)).collect::<Vec<_>>())
    })?;
    let (slack, lossless): (Vec<f32>, Vec<bool>) = parts.into_iter().flatten().unzip();
    let lossless = lossless.into_iter().all(|lossless| lossless);
    kept.push(Block { elements: rows, slack: &slack, lossless })
}
