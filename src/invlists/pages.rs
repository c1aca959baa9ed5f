//! The pages of the lists that queries probe.

use super::asked::{Asked, Rows};
use super::kernels;
use super::params::{AllBins, Pairs};
use super::scan::ListScan;
use crate::buffer::Buffer;
use crate::error::Result;
use crate::kernel::Encoder;

impl ListScan {
    /// Encodes the pairs of queries and lists, how many bins each query has, of which a page has `parts`, and how many rows.
    pub fn pairs(
        &self,
        encoder: &mut Encoder,
        rows: &Rows<'_>,
        asked: Asked<'_>,
        parts: u32,
    ) -> Result<(Buffer, Buffer, Buffer)> {
        let (gpu, nq) = (encoder.gpu().clone(), asked.upload.count);
        let pairs = gpu.scratch("pairs", u64::from(nq) * u64::from(self.nprobe) * 8)?;
        let counts = gpu.scratch("bin counts", u64::from(nq) * 4)?;
        let rows_probed = gpu.scratch("rows probed", u64::from(nq) * 4)?;
        let params = Pairs { nlist: self.nlist, nprobe: self.nprobe, parts };
        let buffers = [
            ("probes", asked.probes),
            ("lists", &rows.table.lists),
            ("sizes", &rows.table.sizes),
            ("pairs", &pairs),
            ("counts", &counts),
            ("rows_probed", &rows_probed),
        ];
        encoder.stage("group");
        encoder.dispatch(&kernels::pairs(), &buffers, &params, [nq, 1, 1])?;
        Ok((pairs, counts, rows_probed))
    }

    /// Encodes the numbers of all pages of each query.
    pub fn all_bins(
        &self,
        encoder: &mut Encoder,
        rows: &Rows<'_>,
        asked: Asked<'_>,
        [pairs, counts]: [&Buffer; 2],
    ) -> Result<Buffer> {
        let (nq, room) = (asked.upload.count, self.most_pages);
        let bytes = u64::from(nq) * u64::from(room) * 4;
        let chosen = encoder.gpu().scratch("chosen bins", bytes)?;
        let params = AllBins {
            nlist: self.nlist,
            nprobe: self.nprobe,
            segments: rows.lists.dataset().compared().matrix().segments().len() as u32,
            room,
        };
        let lists = &rows.table.lists;
        let buffers = [("pairs", pairs), ("lists", lists), ("chosen", &chosen), ("counts", counts)];
        encoder.dispatch(&kernels::all_bins(), &buffers, &params, [nq, 1, 1])?;
        Ok(chosen)
    }
}
