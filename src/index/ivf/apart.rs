//! Lists taken apart and put together, for files of other libraries; and codes as files have them.

use super::coded_rows::CodedRows;
use super::originals::Originals;
use super::rows::IvfRows;
use crate::device::Gpu;
use crate::dtype::{AlignedBlock, DType};
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::codes::{OfForeign, RowCodes, Unpacked};
use crate::index::ids::RowSet;
use crate::index::lists_apart::ListsApart;
use crate::index::state::{Stored, copied};
use crate::metric::Metric;
use std::ops::Range;

impl IvfRows {
    /// The lists, and of which one each row in `live`, or each of all, is in.
    pub fn apart(&self, live: Option<&RowSet>) -> Result<ListsApart> {
        let (mut centroids, mut bit_centroids) = (None, None);
        match (self.is_trained(), self.dtype()) {
            (false, _) => {}
            (true, DType::Bits) => bit_centroids = Some(self.centroid_bytes()?),
            (true, _) => centroids = Some(self.centroids()?),
        }
        Ok(ListsApart {
            nlist: self.lists.nlist(),
            nprobe: self.nprobe,
            centroids,
            bit_centroids,
            labels: self.labels(live),
            codes: None,
        })
    }

    /// The reverse, with the rows of a source.
    pub fn together(
        gpu: &Gpu,
        metric: &Metric,
        shape: (DType, usize),
        lists: &ListsApart,
        rows: &mut dyn RowSource,
    ) -> Result<IvfRows> {
        IvfRows::new(gpu, metric, shape, lists.nlist)?.filled(lists, rows)
    }

    /// With the centroids and the labels of `lists`, if there are centroids.
    fn filled(self, lists: &ListsApart, rows: &mut dyn RowSource) -> Result<IvfRows> {
        let empty = self.with_nprobe(lists.nprobe)?;
        let empty = match (&lists.centroids, &lists.bit_centroids) {
            (None, None) => return Ok(empty),
            _ if empty.is_trained() => empty,
            (Some(centroids), _) => empty.with_centroids(centroids)?,
            (None, Some(centroids)) => empty.with_bit_centroids(centroids)?,
        };
        Ok(empty.with(empty.lists.append_labelled(rows, &lists.labels)?))
    }
}

impl CodedRows {
    /// Whether codes as files have them are made of originals: where the device has none, or such as files have none of.
    fn encodes_for_files(&self) -> bool {
        self.in_lists() || self.codes.projects()
    }

    /// The bytes of originals in these lists as codes of files, as the device would store them.
    fn encoded_for_files(&self, bytes: &[u8], labels: &[u32]) -> Result<Vec<u8>> {
        let mut block = AlignedBlock::default();
        let rows = block.rows(DType::F32, bytes)?;
        self.codes.projecting(false).encode((self.gpu(), self.metric()), rows, 0, labels)
    }

    /// Codes of some rows as files have them.
    pub(super) fn packed(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        if !self.encodes_for_files() {
            return Ok(self.codes.packed(self.ivf.read(rows)?));
        }
        let labels = self.ivf.lists.labels(rows.start as usize..rows.end as usize);
        let codes = self.encoded_for_files(&self.read(rows)?, &labels)?;
        Ok(self.codes.projecting(false).packed(codes))
    }

    /// As [`IvfRows::apart`].
    pub fn apart(&self, live: Option<&RowSet>) -> Result<ListsApart> {
        let codes = (self.codes.projecting(false).quantizer, self.codes.residual);
        Ok(ListsApart { codes: Some(codes), ..self.ivf.apart(live)? })
    }

    /// Bytes of the code of a row.
    pub fn code_bytes(&self) -> usize {
        self.codes.quantizer.foreign_bytes()
    }

    /// The codes of numbered rows, packed as files have them.
    pub fn read_codes(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        if !self.encodes_for_files() {
            let (dtype, dim) = self.codes.stored();
            let mut bytes = vec![0; rows.len() * dtype.row_bytes(dim)];
            self.ivf.read_rows(rows, &mut bytes)?;
            return copied(&self.codes.foreign(bytes)?, out);
        }
        let mut bytes = vec![0; rows.len() * DType::F32.row_bytes(self.dim())];
        self.read_rows(rows, &mut bytes)?;
        // encoding takes the lists of rows where these leave something of them
        let labels = match self.codes.residual {
            true => {
                let all = self.ivf.lists.labels(0..self.len() as usize);
                rows.iter().map(|&row| all[row as usize]).collect()
            }
            false => Vec::new(),
        };
        let codes = self.encoded_for_files(&bytes, &labels)?;
        copied(&self.codes.projecting(false).foreign(codes)?, out)
    }

    /// The reverse of [`apart`](Self::apart), with the codes of a source.
    pub fn together(
        gpu: &Gpu,
        metric: &Metric,
        lists: &ListsApart,
        codes: &mut dyn RowSource,
    ) -> Result<CodedRows> {
        let Some((quantizer, residual)) = lists.codes.clone() else {
            return Err(Error::internal("codes of no quantizer"));
        };
        let of = RowCodes::new(quantizer, residual);
        let centroids = (lists.nlist, lists.centroids.as_deref());
        let empty = CodedRows::new(gpu, metric, &of, centroids, Originals::None)?;
        // which know the centroids
        let of = empty.codes.clone();
        let mut codes = OfForeign::new(codes, &of, &lists.labels);
        let mut codes = Unpacked::new(&mut codes, &of, &lists.labels);
        Ok(CodedRows { ivf: empty.ivf.clone().filled(lists, &mut codes)?, ..empty })
    }
}
