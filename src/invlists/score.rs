//! Stage A of the scan of lists: the best score of each bin of each query's lists. On matrix units the loop is turned round: a list is
//! multiplied by all queries that probe it, so that its rows are read once.

use super::asked::{Asked, Rows};
use super::kernels;
use super::params::{JoinWork, ListWork, PairsByList, ScanMatrix, ScanRow, ScanTable};
use crate::buffer::{BIN, Buffer};
use crate::error::{Error, Result};
use crate::exact::{Form, Layout, Matrices, Method, PER, SegmentOperand, depth, encode_products};
use crate::kernel::{Bind, Encoder, MatrixTile, fold};
use crate::ops::{histogram, prefix_sum};

/// Rows of a list, on average, from which a thread takes several: fewer would leave most of them none.
const LONG: u64 = 1024;

/// Where the scores go, and what they are of.
pub(super) struct Scores<'a> {
    pub nlist: u32,
    pub nprobe: u32,
    /// Bins from one query's to the next one's.
    pub bin_stride: u32,
    pub bin_best: &'a Buffer,
    /// By position, of each segment.
    pub biases: &'a [Buffer],
    /// Of each query and list the list, and the query's bins before it.
    pub pairs: &'a Buffer,
    pub asked: Asked<'a>,
}

impl Scores<'_> {
    fn words(&self) -> u32 {
        self.asked.bitmap.map_or(0, |bitmap| bitmap.words)
    }
}

/// Calls `each` with the number, the operand and the first row of each segment that has positions.
fn segments<'a>(
    rows: &'a Rows<'_>,
    form: Form,
    mut each: impl FnMut(usize, SegmentOperand<'a>, u32) -> Result<()>,
) -> Result<()> {
    let scanned = rows.table.scan_rows(rows.lists.dataset());
    for (at, (segment, _, span)) in scanned.spans().enumerate() {
        if span.count > 0 {
            each(at, scanned.operand(at, form)?, segment.first_row() as u32)?;
        }
    }
    Ok(())
}

/// What all kernels bind of a segment beside its rows and what these are multiplied by.
fn bound<'a>(
    rows: &'a Rows<'_>,
    scores: &'a Scores<'_>,
    operand: &SegmentOperand<'a>,
    at: usize,
) -> Result<Vec<Bind<'a>>> {
    let table = operand.span.table.ok_or_else(|| Error::internal("no positions"))?;
    let bias = scores.biases.get(at).ok_or_else(|| Error::internal("no biases"))?;
    let mut buffers = vec![
        ("bias", bias),
        ("bin_best", scores.bin_best),
        ("lists", &rows.table.lists),
        ("row_table", table),
    ];
    buffers.extend(operand.scale.map(|scale| ("scale", scale)));
    buffers.extend(scores.asked.bitmap.map(|bitmap| ("bitmap", &bitmap.bits)));
    Ok(buffers)
}

/// Encodes the scores of few queries, pair by pair.
pub(super) fn by_row(
    encoder: &mut Encoder,
    rows: &Rows<'_>,
    scores: &Scores<'_>,
    method: &Method,
) -> Result<()> {
    let upload = scores.asked.upload;
    let floats = upload.floats.as_ref().ok_or_else(|| Error::internal("no f32 queries"))?;
    let pairs = upload.count.saturating_mul(scores.nprobe);
    let lanes = lanes(encoder, rows, pairs, 1)?;
    encoder.stage("scan");
    segments(rows, method.form, |at, operand, first_row| {
        let params = ScanRow {
            nlist: scores.nlist,
            nprobe: scores.nprobe,
            k4: rows.lists.dataset().compared().dim().div_ceil(4) as u32,
            stride4: operand.stride4,
            q_stride4: upload.float_stride4,
            bin_stride: scores.bin_stride,
            first_page: (operand.span.first / BIN) as u32,
            first_list: at as u32 * scores.nlist,
            first_row,
            inverse: 1.0 / operand.factor,
            words: scores.words(),
            lanes,
        };
        let mut buffers = bound(rows, scores, &operand, at)?;
        buffers.extend(operand.bind());
        buffers.extend([("queries", floats), ("pairs", scores.pairs)]);
        let (scaled, bitmap) = (operand.scale.is_some(), scores.asked.bitmap.is_some());
        let variant = kernels::scan_row(operand.by_row(), scaled, method.bin(), bitmap);
        encoder.dispatch(&variant, &buffers, &params, [scores.nprobe, upload.count, lanes])
    })
}

/// Workgroups of a pair, of which each takes so many pages at a time.
fn lanes(encoder: &Encoder, rows: &Rows<'_>, pairs: u32, pages: u64) -> Result<u32> {
    let gpu = encoder.gpu();
    let [enough, most] = ["row_groups", "row_lanes"].map(|key| gpu.profile().u32("lists", key));
    let longest = rows.table.most_pages(1).div_ceil(pages).max(1);
    let longest = longest.min(u64::from(gpu.caps().max_dispatch)) as u32;
    Ok((enough? / pairs.max(1)).clamp(1, most?.min(longest)))
}

/// Encodes the scores of few queries, pair by pair, of products that are looked up.
pub(super) fn by_table(
    encoder: &mut Encoder,
    rows: &Rows<'_>,
    scores: &Scores<'_>,
    method: &Method,
) -> Result<()> {
    let (upload, compared) = (scores.asked.upload, rows.lists.dataset().compared());
    let layout = Layout::of(compared, scores.nprobe).ok_or_else(|| Error::internal("no parts"))?;
    encoder.stage("scan");
    let of = (layout, Some(scores.pairs), scores.nprobe, scores.nlist);
    let products = encode_products(encoder, compared, upload, of)?;
    let long = rows.table.rows() / u64::from(scores.nlist.max(1)) >= LONG;
    let per = if long { PER } else { 1 };
    let pairs = upload.count.saturating_mul(scores.nprobe);
    let lanes = lanes(encoder, rows, pairs, u64::from(per) * 4)?;
    segments(rows, method.form, |at, operand, first_row| {
        let params = ScanTable {
            nlist: scores.nlist,
            nprobe: scores.nprobe,
            stride4: operand.stride4,
            bin_stride: scores.bin_stride,
            first_page: (operand.span.first / BIN) as u32,
            first_list: at as u32 * scores.nlist,
            first_row,
            inverse: 1.0 / operand.factor,
            words: scores.words(),
            lanes,
            parts: layout.parts,
            table_stride: layout.stride,
            centers: layout.centers,
        };
        let mut buffers = bound(rows, scores, &operand, at)?;
        buffers.extend([
            ("rows", operand.buffer),
            ("products", &products),
            ("pairs", scores.pairs),
        ]);
        let (scaled, bitmap) = (operand.scale.is_some(), scores.asked.bitmap.is_some());
        let variant = kernels::scan_table((layout.bits, layout.listed, per), scaled, bitmap);
        encoder.dispatch(&variant, &buffers, &params, [scores.nprobe, upload.count, lanes])
    })
}

/// Encodes the scores of many queries, list by list.
pub(super) fn by_list(
    encoder: &mut Encoder,
    rows: &Rows<'_>,
    scores: &Scores<'_>,
    method: &Method,
    matrices: &Matrices,
) -> Result<()> {
    let (nlist, upload, tile) = (scores.nlist, scores.asked.upload, matrices.tile);
    let count = upload.count.checked_mul(scores.nprobe);
    let count = count.ok_or_else(|| Error::internal("more than 2^32 pairs"))?;
    let of_lists = histogram::counts(encoder, scores.asked.probes, count, nlist)?;
    let starts = prefix_sum::exclusive(encoder, &of_lists, nlist)?;
    let by_list = pairs_by_list(encoder, scores, &starts, count)?;
    let (queries, q_stride4, q_factor) = match &matrices.queries {
        Some(f16) => (&f16.part.buffer, f16.part.stride4, f16.part.factor),
        None => {
            let floats = upload.floats.as_ref();
            let floats = floats.ok_or_else(|| Error::internal("no f32 queries"))?;
            (floats, upload.float_stride4, 1.0)
        }
    };
    let dim = rows.lists.dataset().compared().dim();
    let groups = encoder.gpu().profile().u32("lists", "groups")?;
    segments(rows, method.form, |at, operand, first_row| {
        let first_list = at as u32 * nlist;
        let work = work(encoder, rows, [&of_lists, &starts], (nlist, first_list), tile)?;
        encoder.stage("scan");
        let groups = groups.min(encoder.gpu().caps().max_dispatch);
        let params = ScanMatrix {
            nlist,
            k: depth(dim),
            k4: dim.div_ceil(4) as u32,
            stride4: operand.stride4,
            q_stride4,
            first_page: (operand.span.first / BIN) as u32,
            first_list,
            first_row,
            inverse: 1.0 / (operand.factor * q_factor),
            words: scores.words(),
            groups,
        };
        let mut buffers = bound(rows, scores, &operand, at)?;
        buffers.push(("queries", queries));
        buffers.extend(operand.bind());
        buffers.extend([("work", &work), ("pairs", &by_list)]);
        let (scaled, bitmap) = (operand.scale.is_some(), scores.asked.bitmap.is_some());
        let stored = operand.stored.operand();
        let variant = kernels::scan_matrix(tile, &stored, scaled, method.bin(), bitmap);
        encoder.dispatch(&variant, &buffers, &params, [groups, 1, 1])
    })
}

/// Encodes the pairs in the order of their lists.
fn pairs_by_list(
    encoder: &mut Encoder,
    scores: &Scores<'_>,
    starts: &Buffer,
    count: u32,
) -> Result<Buffer> {
    let gpu = encoder.gpu().clone();
    let by_list = gpu.scratch("pairs by list", u64::from(count) * 8)?;
    let taken = gpu.scratch("pairs taken", u64::from(scores.nlist) * 4)?;
    encoder.clear(&taken);
    let groups = fold(&gpu, u64::from(count).div_ceil(256))?;
    let params = PairsByList {
        nlist: scores.nlist,
        nprobe: scores.nprobe,
        count,
        bin_stride: scores.bin_stride,
        groups_x: groups[0],
    };
    let buffers =
        [("pairs", scores.pairs), ("starts", starts), ("taken", &taken), ("by_list", &by_list)];
    let groups = [groups[0], groups[1], 1];
    encoder.dispatch(&kernels::pairs_by_list(), &buffers, &params, groups)?;
    Ok(by_list)
}

/// Encodes the items before those of each list of a segment, and the pairs before its own.
fn work(
    encoder: &mut Encoder,
    rows: &Rows<'_>,
    [of_lists, starts]: [&Buffer; 2],
    (nlist, first_list): (u32, u32),
    tile: MatrixTile,
) -> Result<Buffer> {
    encoder.stage("group");
    let gpu = encoder.gpu().clone();
    let items = gpu.scratch("list items", u64::from(nlist) * 4)?;
    let buffers = [("counts", of_lists), ("lists", &rows.table.lists), ("items", &items)];
    let groups = [nlist.div_ceil(256), 1, 1];
    let params = ListWork { nlist, first_list };
    encoder.dispatch(&kernels::list_work(tile), &buffers, &params, groups)?;
    let items = prefix_sum::exclusive(encoder, &items, nlist)?;
    let n = nlist + 1;
    let work = gpu.scratch("list work", u64::from(n) * 8)?;
    let buffers = [("items", &items), ("pair_starts", starts), ("work", &work)];
    encoder.dispatch(&kernels::join_work(), &buffers, &JoinWork { n }, [n.div_ceil(256), 1, 1])?;
    Ok(work)
}
