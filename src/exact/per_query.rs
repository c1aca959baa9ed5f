//! What a submission takes of device memory for each of its queries: every buffer that a search makes is counted here.

use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::filter::DeviceFilter;
use crate::exact::queries::Queries;
use crate::exact::rounded::{f16, int8};

/// Of one query: all bytes, and those of the largest buffer that a kernel sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PerQuery {
    pub bytes: u64,
    widest: u64,
    /// What the widest is.
    name: &'static str,
}

impl PerQuery {
    /// What every search brings to the device: queries, and a filter for each where there is one.
    pub fn uploads(queries: &Queries, filter: &DeviceFilter) -> PerQuery {
        let (dim, none) = (queries.work_dim(), PerQuery { bytes: 0, widest: 0, name: "" });
        let packed = match queries.dtype() {
            dtype if dtype.is_integer() || dtype == DType::Bits => dtype.row_bytes(queries.dim()),
            _ => 0,
        };
        let uploads = none
            .upload("queries", dim.next_multiple_of(4) as u64 * 4)
            .upload("queries", packed.next_multiple_of(16) as u64)
            // norms, and what 8 bits lose
            .upload("norms", 8);
        match filter.bitmap_bytes() {
            (bitmap, true) => uploads.upload("filter", bitmap),
            // where it lies since before
            (bitmap, false) => uploads.seen("filter", bitmap),
        }
    }

    /// And what of the queries is rounded: to f16 and to 8 bits.
    pub fn rounded(self, queries: &Queries) -> PerQuery {
        let dim = queries.work_dim();
        self.buffer("queries in f16", f16::row_bytes(dim))
            .buffer("norms", 4)
            .upload("queries in 8 bits", 16 + 2 * int8::row_bytes(dim))
    }

    /// And a buffer that kernels see.
    pub fn buffer(self, name: &'static str, bytes: u64) -> PerQuery {
        self.seen(name, bytes).beside(bytes)
    }

    /// And bytes that kernels see and that nobody takes for this search.
    fn seen(self, name: &'static str, bytes: u64) -> PerQuery {
        let PerQuery { bytes: all, widest, name: old } = self;
        let name = if bytes > widest { name } else { old };
        PerQuery { bytes: all, widest: widest.max(bytes), name }
    }

    /// And one that is filled by the host: it lies in staging, too.
    pub fn upload(self, name: &'static str, bytes: u64) -> PerQuery {
        self.buffer(name, bytes).beside(bytes)
    }

    /// And keys and rows of `k` hits.
    pub fn hits(self, k: u64) -> PerQuery {
        self.buffer("hits", k.saturating_mul(4)).buffer("hits", k.saturating_mul(4))
    }

    /// And bytes that no kernel sees, as those that come back to the host.
    pub fn beside(self, bytes: u64) -> PerQuery {
        PerQuery { bytes: self.bytes.saturating_add(bytes), ..self }
    }

    /// How many queries `memory` has room for, with every buffer in one binding.
    pub fn fit(self, memory: u64, binding: u64) -> u64 {
        (memory / self.bytes.max(1)).min(binding / self.widest.max(1))
    }

    /// Whether there is room for one query at all, beside `more` bytes; `k` is for the error.
    pub fn check(self, gpu: &Gpu, more: u64, k: u64) -> Result<()> {
        let (limit, needed) = (gpu.caps().max_binding_bytes, self.widest);
        if needed > limit {
            let what = format!("bytes of the {} of one query, k = {k}", self.name);
            return Err(Error::LimitExceeded { what, needed, limit });
        }
        let needed = self.bytes.saturating_add(more);
        if needed > gpu.ledger().available() {
            return Err(gpu.ledger().exhausted(&format!("a search of one query, k = {k}"), needed));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_the_widest_buffer_bound_the_queries() {
        let none = PerQuery { bytes: 0, widest: 0, name: "" };
        let of = none.upload("queries", 100).buffer("scores", 300).hits(10).beside(80);
        assert_eq!((of.bytes, of.widest, of.name), (200 + 300 + 80 + 80, 300, "scores"));
        assert_eq!((of.fit(6600, 3000), of.fit(6600, 2999), of.fit(6599, u64::MAX)), (10, 9, 9));
        assert_eq!(of.fit(0, 300), 0);
        let most = none.hits(u64::MAX / 2).buffer("scores", 1);
        assert_eq!((most.bytes, most.name), (u64::MAX, "hits"));
    }
}
