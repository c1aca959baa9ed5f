//! Rows that are codes, or that have some as their copy for the scan.

use super::coding::Codes;
use super::dataset::Dataset;
use super::tables::Tables;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::space::{Transform, scan_family};

impl Dataset {
    /// No rows yet, which will be codes that are looked up: bytes, as [`Tables`] has them.
    ///
    /// # Errors
    /// `Unsupported` for metrics that are no products.
    pub fn looked_up(gpu: &Gpu, metric: &Metric, tables: Tables) -> Result<Dataset> {
        if scan_family(metric).is_none() || Transform::of(metric) != Transform::None {
            return Err(Error::unsupported("rows that are codes", metric.to_string()));
        }
        let dataset = Dataset::new(gpu, metric, DType::U8, tables.row_bytes())?;
        let compared = dataset.compared().clone().looked_up(tables);
        Ok(dataset.with_compared(compared, None, None))
    }

    /// The same whose distances are of queries that are rounded to so many bits, or of 0 as they are: of RaBitQ.
    pub fn with_query_bits(&self, bits: u32) -> Dataset {
        let compared = self.compared().clone().with_query_bits(bits);
        self.clone().with_compared(compared, self.f16().cloned(), self.int8().cloned())
    }

    /// The same whose copy in fewer bits is of codes, of all rows: those that a mask leaves out stay so, where `live` says which others there
    /// are.
    pub fn copied_as(&self, codes: Option<Codes>, live: Option<&[u32]>) -> Result<Dataset> {
        let compared = self.compared().clone().copied_as(codes);
        if self.len() == 0 {
            return Ok(self.clone().with_compared(compared, None, None));
        }
        // searches of the old one read its numbers
        let measured = compared.with_matrix(compared.matrix().clone())?;
        let compared = match live {
            Some(live) => measured.masked(live)?,
            None => measured,
        };
        self.clone().with_compared(compared, None, None).rounded(None)
    }

    /// One like it, without rows.
    pub fn without_rows(&self) -> Result<Dataset> {
        let (gpu, metric, rows) = (self.gpu(), self.metric(), self.rows());
        match self.compared().tables() {
            Some(tables) => Dataset::looked_up(gpu, metric, tables.clone()),
            None => {
                let plain = Dataset::new(gpu, metric, rows.dtype(), rows.dim())?;
                plain.copied_as(self.compared().codes().cloned(), None)
            }
        }
    }
}
