//! Stage A of the binned scan: every score, of which the best of each bin is kept, by the kernel that
//! `method` chose.

use super::method::{Method, ScanKernel};
use super::piece::{Piece, Scores, missing};
use super::query_tables::{self, Layout};
use super::settings::ScanSettings;
use super::{bits, direct, matrix, rows, tile};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::exact::filter::Bitmap;
use crate::exact::operand::ScanRows;
use crate::exact::upload::Upload;
use crate::kernel::Encoder;
use crate::space::check::RowFacts;

/// A batch of queries on its way through the rows.
pub(crate) struct Scan {
    pub scores: Scores,
    pub method: Method,
    /// Where stage A goes on: segment, row within it.
    next: (usize, u32),
    /// What is looked up, where products are.
    products: Option<(Layout, Buffer)>,
}

impl Scan {
    /// Encodes what stage A needs of the queries, of which `facts` are known.
    ///
    /// # Errors
    /// `Unsupported` for a filter for each query over listed rows: its bits are by row.
    pub fn new(
        scanned: ScanRows<'_>,
        facts: RowFacts,
        upload: Upload,
        bitmap: Option<Bitmap>,
        settings: ScanSettings,
        encoder: &mut Encoder,
    ) -> Result<Scan> {
        if bitmap.is_some() && scanned.positions.is_some() {
            return Err(Error::unsupported("a scan of listed rows", "a filter for each query"));
        }
        let method = Method::choose(scanned, facts, &upload, settings, encoder)?;
        let upload = method.queries(&upload);
        let bin = method.bin();
        let bin_stride = scanned.len().div_ceil(bin.into()) as u32;
        let bytes = u64::from(upload.count) * u64::from(bin_stride) * 4;
        let bin_best = encoder.gpu().scratch("bin best", bytes)?;
        let (bitmap, words) = bitmap.map_or((None, 0), |bitmap| (Some(bitmap.bits), bitmap.words));
        let scores = Scores { upload, bitmap, words, bin_best, bin_stride, bin };
        let products = match &method.kernel {
            ScanKernel::Tables => {
                let layout = Layout::of(scanned.rows, 0).ok_or_else(|| missing("tables"))?;
                encoder.stage("scan");
                let of = (layout, None, 0, 0);
                let products = query_tables::encode(encoder, scanned.rows, &scores.upload, of)?;
                Some((layout, products))
            }
            _ => None,
        };
        Ok(Scan { scores, method, next: (0, 0), products })
    }

    /// Bytes of rows that stage A reads, if each is read once.
    pub fn bytes(&self, scanned: ScanRows<'_>) -> Result<u64> {
        let segments = 0..scanned.rows.matrix().segments().len();
        segments.map(|at| Ok(scanned.operand(at, self.method.form)?.bytes())).sum()
    }

    /// Encodes stage A for at most `pairs` pairs of query and row, and says whether all rows are done.
    pub fn score(
        &mut self,
        encoder: &mut Encoder,
        scanned: ScanRows<'_>,
        biases: Option<&[Buffer]>,
        pairs: u64,
    ) -> Result<bool> {
        let step = match &self.method.kernel {
            ScanKernel::Rows | ScanKernel::Direct(None, _) => rows::STEP,
            ScanKernel::Tables => query_tables::STEP,
            ScanKernel::Tile(tile) | ScanKernel::Direct(Some(tile), _) => tile.bn,
            ScanKernel::Bits(tile, bits) => bits.step(*tile, self.scores.upload.count),
            ScanKernel::Matrix(matrices) => matrices.tile.bn(),
        };
        let mut left = (pairs / u64::from(self.scores.upload.count)).max(u64::from(step));
        encoder.stage("scan");
        for (at, (_, part, span)) in scanned.spans().enumerate().skip(self.next.0) {
            let first = if at == self.next.0 { self.next.1 } else { 0 };
            let whole = u64::from(span.count - first);
            let count = whole.min(left / u64::from(step) * u64::from(step)) as u32;
            if whole == 0 {
                continue;
            }
            if count == 0 {
                self.next = (at, first);
                return Ok(false);
            }
            let bias = biases.map_or(&part.bias, |b| &b[at]);
            let rows_of = scanned.operand(at, self.method.form)?;
            let (end, dim) = (first + count, scanned.dim());
            let piece = Piece { rows: rows_of, bias, first, end, dim };
            match &self.method.kernel {
                ScanKernel::Rows => rows::encode(encoder, &self.scores, &piece)?,
                ScanKernel::Tables => {
                    let of = self.products.as_ref().ok_or_else(|| missing("products"))?;
                    query_tables::scan(encoder, &self.scores, &piece, (of.0, &of.1))?;
                }
                ScanKernel::Tile(of) => tile::encode(encoder, &self.scores, &piece, *of)?,
                ScanKernel::Direct(tile, direct) => {
                    direct::encode(encoder, &self.scores, &piece, (*tile, *direct))?;
                }
                ScanKernel::Bits(tile, of) => {
                    bits::encode(encoder, &self.scores, &piece, (*tile, *of))?;
                }
                ScanKernel::Matrix(of) => matrix::encode(encoder, &self.scores, &piece, of)?,
            }
            left -= u64::from(count).min(left);
            if u64::from(count) < whole {
                self.next = (at, end);
                return Ok(false);
            }
        }
        Ok(true)
    }
}
