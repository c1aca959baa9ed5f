//! A graph over the rows of a dataset.

use super::kernels::{MOST_DEGREE, SEGMENTS};
use super::starts::Starts;
use super::{lifted, links, neighbors};
use crate::buffer::Buffer;
use crate::call::CancelToken;
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::{Dataset, Encoding, Form};
use crate::space::{Family, Pair, pair};

/// Neighbours of a row, of which its edges are chosen: three for two edges. On an H100 twice as many take longer and find no more.
const KEPT: u32 = 3;
/// They are a multiple of so many.
const WHOLE: u32 = 32;
/// The top bit of a row's number says in a search that its edges were followed.
const MOST_ROWS: u64 = 1 << 31;

/// How many edges a row has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub degree: u32,
}

/// Edges of each row, and from where a search sets out.
#[derive(Clone)]
pub(crate) struct Edges {
    pub(super) links: Buffer,
    pub(super) degree: u32,
    pub(super) starts: Starts,
}

impl Shape {
    /// Neighbours of a row.
    pub(super) fn width(self) -> u32 {
        (KEPT * self.degree / 2).next_multiple_of(WHOLE).min(MOST_DEGREE)
    }
}

/// What the distances of floats to such rows are sums of; `None` of those that have no graph.
pub(super) fn family(dataset: &Dataset) -> Option<(Family, bool)> {
    let floats = matches!(dataset.compared_dtype(), DType::F32 | DType::F16 | DType::Bf16);
    let plain = floats && !dataset.transforms() && !dataset.compared().is_coded();
    let scans = dataset.compared().scan().is_some();
    match pair(dataset.metric(), dataset.compared_dtype(), DType::F32, dataset.dim()) {
        Pair::Tree { family, scaled } if plain && scans => Some((family, scaled)),
        _ => None,
    }
}

/// Whether a kernel binds the rows of all segments, which are all of one size and scale but the last, beside the six buffers of a search.
fn binds(dataset: &Dataset) -> bool {
    let segments = dataset.compared().matrix().segments();
    let scaled = matches!(family(dataset), Some((_, true))) && form(dataset) == Form::Rows;
    let (count, each) = (segments.len(), if scaled { 2 } else { 1 });
    let most = dataset.gpu().caps().max_storage_buffers as usize;
    let size = segments.first().map_or(0, |segment| segment.rows());
    let whole = segments.iter().take(count.saturating_sub(1)).all(|segment| segment.rows() == size);
    let factors = (0..count).map(|at| dataset.scan_rows().operand(at, form(dataset)));
    let factors: Vec<_> =
        factors.filter_map(|of| of.ok().map(|of| (of.factor, of.stride4))).collect();
    let alike = factors.windows(2).all(|pair| pair[0] == pair[1]);
    whole && alike && count <= SEGMENTS.len() && 6 + each * count <= most
}

/// As which form of the rows a search compares them.
pub(super) fn form(dataset: &Dataset) -> Form {
    let copied = |operand: Encoding| matches!(operand, Encoding::F16Copy);
    match dataset.f16() {
        Some(f16) if copied(f16.operand) => Form::F16,
        _ => Form::Rows,
    }
}

impl Edges {
    /// Why there is no graph of such rows.
    pub fn refused(dataset: &Dataset, shape: Shape) -> Option<&'static str> {
        let (n, most) = (dataset.len(), dataset.gpu().caps().max_binding_bytes);
        match () {
            _ if family(dataset).is_none() => {
                Some("distances that are no sums of squares or products of floats")
            }
            _ if !binds(dataset) => Some("rows in more buffers than a kernel binds"),
            _ if n * u64::from(shape.width()) * 4 > most => {
                Some("so many rows that one binding does not hold the neighbours of all")
            }
            _ if n * u64::from(shape.degree) >= MOST_ROWS => Some("so many edges"),
            () => None,
        }
    }

    /// Of rows that [`refused`](Self::refused) has nothing against; those in `gone`, a bit each, are nobody's hits.
    pub fn build(
        dataset: &Dataset,
        shape: Shape,
        gone: Option<&[u32]>,
        cancel: Option<&CancelToken>,
    ) -> Result<Edges> {
        let (gpu, n, width) = (dataset.gpu(), dataset.len(), shape.width());
        let begin = std::time::Instant::now();
        let lifted = match family(dataset) {
            Some((Family::Dot, false)) => Some(lifted::lifted(dataset)?),
            _ => None,
        };
        let near = neighbors::neighbors(lifted.as_ref().unwrap_or(dataset), width, cancel)?;
        drop(lifted);
        let found = begin.elapsed();
        let of = (n as u32, shape.degree);
        let links = links::links(gpu, of, &near, width, cancel)?;
        drop(near);
        let linked = begin.elapsed();
        let starts = Starts::new(dataset, (&links, shape.degree), gone)?;
        log::debug!(
            "a graph of {n} rows: neighbours {found:?}, edges {:?}, starts {:?}",
            linked - found,
            begin.elapsed() - linked
        );
        Ok(Edges { links, degree: shape.degree, starts })
    }

    /// Bytes of device memory.
    pub fn bytes(&self) -> u64 {
        self.links.size() + self.starts.rows.size() + self.starts.dataset.bytes()
    }
}
