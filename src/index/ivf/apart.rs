//! Lists taken apart and put together, for files of other libraries.

use super::coded_rows::CodedRows;
use super::originals::Originals;
use super::rows::IvfRows;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::format::RowSource;
use crate::index::codes::{OfForeign, RowCodes, Unpacked};
use crate::index::ids::RowSet;
use crate::index::lists_apart::ListsApart;
use crate::index::state::{Stored, copied};
use crate::metric::Metric;

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
    /// As [`IvfRows::apart`].
    pub fn apart(&self, live: Option<&RowSet>) -> Result<ListsApart> {
        let codes = (self.codes.quantizer.clone(), self.codes.residual);
        Ok(ListsApart { codes: Some(codes), ..self.ivf.apart(live)? })
    }

    /// Bytes of the code of a row.
    pub fn code_bytes(&self) -> usize {
        self.codes.quantizer.foreign_bytes()
    }

    /// The codes of numbered rows, packed as files have them.
    pub fn read_codes(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        let (dtype, dim) = match self.originals {
            Originals::None | Originals::Host => self.codes.stored(),
            Originals::Device => (DType::F32, self.dim()),
        };
        let mut bytes = vec![0; rows.len() * dtype.row_bytes(dim)];
        self.ivf.read_rows(rows, &mut bytes)?;
        // rows that are there are encoded, which takes their lists where these leave something of them
        let labels = match self.codes.residual && self.originals == Originals::Device {
            true => {
                let all = self.ivf.lists.labels(0..self.len() as usize);
                rows.iter().map(|&row| all[row as usize]).collect()
            }
            false => Vec::new(),
        };
        let codes = match self.originals {
            Originals::Device => self.packed(bytes, &labels)?,
            Originals::None | Originals::Host => self.codes.foreign(bytes)?,
        };
        copied(&codes, out)
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
        let of = RowCodes::new(quantizer, residual)?;
        let centroids = (lists.nlist, lists.centroids.as_deref());
        let empty = CodedRows::new(gpu, metric, &of, centroids, Originals::None)?;
        // which know the centroids
        let of = empty.codes.clone();
        let mut codes = OfForeign::new(codes, &of, &lists.labels);
        let mut codes = Unpacked::new(&mut codes, &of, &lists.labels);
        Ok(CodedRows { ivf: empty.ivf.clone().filled(lists, &mut codes)?, ..empty })
    }
}
