//! The best key of each bin by register tiles: the first pass of `exact_bins.rs` for a user's metric and more than a few queries.
//!
//! `distance.rs` gives a thread one row and four queries, and each element that it loads serves four steps; a tile of 128 x 128 loads an
//! element for 128. Both take the elements of a pair in their order and call the same two functions, and nothing is known of these: no
//! bound says how far a key may be off. So the keys of the tile choose bins and are never answers, and whether they are those
//! of `distance.rs` is asked on the device, in every search and for every bin that was chosen. A compiler may make a fused
//! multiply-add of a product that is used once and none where the tile shares it between eight pairs. Where that happens most keys
//! differ, so that the first submission tells; its queries are asked again by `distance.rs` alone, and so is every later search on
//! this device with that metric.
//!
//! The functions stand in the tile for each of a thread's results and four elements: only texts that are brief have one (`brief.rs`).

use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::error::Result;
use crate::exact::brief::is_brief;
use crate::exact::dataset::Dataset;
use crate::exact::distance::Block;
use crate::exact::encoding::Encoding;
use crate::exact::filter::Bitmap;
use crate::exact::scan::settings::ScanSettings;
use crate::exact::upload::Upload;
use crate::exact::{kernels, params};
use crate::kernel::{Encoder, Tile, fold};
use crate::metric::CustomMetric;
use crate::space::Pair;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The kernel of some metric.
pub(crate) struct KeyTile {
    metric: Arc<CustomMetric>,
    tile: Tile,
}

/// Of each text whether it has a tile on this device: it is brief, and nothing is known against it.
#[derive(Default)]
struct Texts(Mutex<HashMap<String, bool>>);

/// For tests alone: the tile leaves out the last element, since no driver of the tests has kernels that do not agree.
#[cfg(test)]
#[derive(Default)]
pub(crate) struct Spoiled(pub std::sync::atomic::AtomicBool);

impl KeyTile {
    /// `None` where so many queries go through `distance.rs`: few, whose tile would be empty for the most part; of another
    /// metric; or of one that is not brief or whose kernels do not agree.
    pub fn of(
        gpu: &Gpu,
        pair: &Pair,
        queries: u32,
        settings: &ScanSettings,
    ) -> Result<Option<KeyTile>> {
        let Pair::Custom(metric) = pair else { return Ok(None) };
        if queries <= settings.max_row_queries || !has_tile(gpu, metric)? {
            return Ok(None);
        }
        let room = gpu.caps().max_workgroup_memory;
        let fits = settings.tile.workgroup_bytes_of_keys() <= room;
        let tile = if fits { settings.tile } else { Tile::BASELINE };
        Ok(Some(KeyTile { metric: Arc::clone(metric), tile }))
    }

    /// The most rows of a block that is cut into whole tiles.
    pub fn whole(&self, rows: u32) -> u32 {
        (rows / self.tile.bn).max(1) * self.tile.bn
    }

    /// Encodes the best keys of the bins of a block, which begins with a whole tile, into `bin_best`.
    pub fn encode(
        &self,
        encoder: &mut Encoder,
        dataset: &Dataset,
        upload: &Upload,
        bitmap: Option<&Bitmap>,
        block: &Block<'_>,
        bin_best: &Buffer,
    ) -> Result<()> {
        let (compared, tile) = (dataset.compared(), self.tile);
        let (matrix, segment) = (compared.matrix(), block.segment);
        let (dtype, dim) = (matrix.dtype(), matrix.dim() as u32);
        #[cfg(test)]
        let dim = dim - u32::from(is_spoiled(encoder.gpu())?);
        let groups = fold(encoder.gpu(), block.rows.div_ceil(tile.bn).into())?;
        let params = params::Scan {
            nq: upload.count,
            n: block.first + block.rows,
            k4: dim.div_ceil(4),
            stride4: dtype.stride4(segment.stride_bytes()),
            q_stride4: upload.exact_stride4,
            first_bin: (block.first_row - block.first) / BIN,
            bin_stride: compared.bins() as u32,
            tiles_y: groups[0],
            words: bitmap.map_or(0, |bitmap| bitmap.words),
            first_tile: block.first / tile.bn,
            inverse: 1.0,
            dim,
            limit: 0.0,
        };
        let operand = Encoding::Rows(dtype).operand();
        let mut buffers = operand.bind(segment.buffer(), &[]);
        buffers.extend([("queries", &upload.exact), ("bias", block.bias), ("bin_best", bin_best)]);
        buffers.extend(bitmap.map(|bitmap| ("bitmap", &bitmap.bits)));
        let variant = kernels::scan_key(&operand, tile, &self.metric, bitmap.is_some());
        encoder.stage("scan");
        let queries = upload.count.div_ceil(tile.bm);
        encoder.dispatch(&variant, &buffers, &params, [queries, groups[0], groups[1]])
    }
}

const BIN: u32 = crate::buffer::BIN as u32;

/// Encodes whether the kernels agree: of each query k, or all ones where one of its k bins has another best key in `best`, by the tile,
/// than among its `keys`.
pub(crate) fn agreement(
    encoder: &mut Encoder,
    [keys, best]: [&Buffer; 2],
    (queries, k): (u32, u32),
) -> Result<Buffer> {
    let counts = encoder.gpu().scratch("agreement", u64::from(queries) * 4)?;
    let buffers = [("keys", keys), ("best", best), ("counts", &counts)];
    encoder.stage("select");
    encoder.dispatch(
        &kernels::bins_agree(),
        &buffers,
        &params::BinsAgree { k },
        [queries, 1, 1],
    )?;
    Ok(counts)
}

/// Leaves the metric to `distance.rs` from now on.
pub(crate) fn set_apart(gpu: &Gpu, pair: &Pair) -> Result<()> {
    let Pair::Custom(metric) = pair else { return Ok(()) };
    let texts = gpu.state::<Texts>()?;
    let mut texts = texts.0.lock().unwrap_or_else(PoisonError::into_inner);
    if texts.insert(metric.source.clone(), false) == Some(true) {
        log::info!("two kernels of a metric in WGSL round differently: the slower one serves it");
    }
    Ok(())
}

fn has_tile(gpu: &Gpu, metric: &CustomMetric) -> Result<bool> {
    let texts = gpu.state::<Texts>()?;
    let mut texts = texts.0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = texts.get(&metric.source) {
        return Ok(*known);
    }
    let brief = is_brief(&metric.source);
    texts.insert(metric.source.clone(), brief);
    Ok(brief)
}

#[cfg(test)]
fn is_spoiled(gpu: &Gpu) -> Result<bool> {
    Ok(gpu.state::<Spoiled>()?.0.load(std::sync::atomic::Ordering::Relaxed))
}
