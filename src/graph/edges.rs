//! A graph over the rows of a dataset.

use super::kernels::{MOST_DEGREE, NEIGHBORS, SEGMENTS};
use super::layers::{Layers, MOST_LINKS, Upper};
use super::levels::Levels;
use super::starts::Starts;
use super::{lifted, links, neighbors};
use crate::buffer::Buffer;
use crate::call::{CancelToken, Made};
use crate::dtype::DType;
use crate::error::Result;
use crate::exact::{Dataset, Encoding, Form};
use crate::kernel::Encoder;
use crate::space::{Family, Pair, pair};
use std::sync::Arc;

/// Neighbours of a row, of which its edges are chosen: three for two edges. On an H100 twice as many take longer and find no more.
const KEPT: u32 = 3;
/// They are a multiple of so many.
const WHOLE: u32 = 32;
/// The top bit of a row's number says in a search that its edges were followed.
const MOST_ROWS: u64 = 1 << 31;

/// Bytes of links that are uploaded at a time.
const UPLOADED: usize = 64 << 20;

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
    /// The levels above, of a graph that has some.
    pub(super) upper: Option<Arc<Upper>>,
    /// Which copies of the rows a walk does not go by.
    pub(super) blurred: Made<Blurred>,
}

/// Which copies of the rows blur them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Blurred {
    pub f16: bool,
    pub bytes: bool,
}

impl Shape {
    /// Neighbours of a row.
    pub(super) fn width(self) -> u32 {
        (KEPT * self.degree / 2).next_multiple_of(WHOLE).min(MOST_DEGREE)
    }
}

/// What the distances of floats to such rows are sums of; `None` of those that have no graph.
pub(super) fn family(dataset: &Dataset) -> Option<(Family, bool)> {
    let of_elements = dataset.compared_dtype() != DType::Bits;
    let plain = of_elements && !dataset.transforms() && !dataset.compared().is_coded();
    let scans = dataset.compared().scan().is_some();
    match pair(dataset.metric(), dataset.compared_dtype(), DType::F32, dataset.dim()) {
        Pair::Tree { family, scaled } if plain && scans => Some((family, scaled)),
        _ => None,
    }
}

/// Whether a kernel binds this form of the rows of all segments, which are all of one size and scale but the last, beside the six buffers of a
/// search.
pub(super) fn binds(dataset: &Dataset, form: Form) -> bool {
    let segments = dataset.compared().matrix().segments();
    let scaled = matches!(family(dataset), Some((_, true)));
    let numbered = form == Form::Int8 || scaled && form == Form::Rows;
    let (count, each) = (segments.len(), if numbered { 2 } else { 1 });
    let most = dataset.gpu().caps().max_storage_buffers as usize;
    let size = segments.first().map_or(0, |segment| segment.rows());
    let whole = segments.iter().take(count.saturating_sub(1)).all(|segment| segment.rows() == size);
    let factors = (0..count).map(|at| dataset.scan_rows().operand(at, form));
    let factors: Vec<_> =
        factors.filter_map(|of| of.ok().map(|of| (of.factor, of.stride4))).collect();
    let alike = factors.len() == count && factors.windows(2).all(|pair| pair[0] == pair[1]);
    whole && alike && count <= SEGMENTS.len() && 6 + each * count <= most
}

/// As which form of the rows a search compares them that is told no other.
pub(super) fn form(dataset: &Dataset) -> Form {
    let copied = |operand: Encoding| matches!(operand, Encoding::F16Copy);
    match dataset.f16() {
        Some(f16) if copied(f16.operand) => Form::F16,
        _ => Form::Rows,
    }
}

/// What neighbours are looked for among instead of the rows, of those that are compared by products, and the squares of their lengths.
pub(super) fn lifted_of(dataset: &Dataset) -> Result<Option<(Dataset, Vec<f64>)>> {
    match family(dataset) {
        Some((Family::Dot, false)) => lifted::lifted(dataset).map(Some),
        _ => Ok(None),
    }
}

impl Edges {
    /// Why there is no graph of such rows.
    pub fn refused(dataset: &Dataset, shape: Shape) -> Option<&'static str> {
        let (n, most) = (dataset.len(), neighbors::largest_part(dataset.gpu()));
        match () {
            _ if family(dataset).is_none() => {
                Some("distances that are no sums of squares or products of numbers")
            }
            _ if !binds(dataset, form(dataset)) => Some("rows in more buffers than a kernel binds"),
            _ if n > NEIGHBORS.len() as u64 * (most / (u64::from(shape.width()) * 4)) => {
                Some("so many rows that four bindings do not hold the neighbours of all")
            }
            _ if n * u64::from(shape.degree) * 4 > most => {
                Some("so many edges that one binding does not hold them")
            }
            _ if n * u64::from(shape.degree) >= MOST_ROWS => Some("so many edges"),
            () => None,
        }
    }

    /// Of rows that [`refused`](Self::refused) has nothing against, with levels above if some are wanted; those in `gone`, a bit each, are nobody's hits.
    pub fn build(
        dataset: &Dataset,
        shape: Shape,
        levels: Option<&Levels>,
        gone: Option<&[u32]>,
        cancel: Option<&CancelToken>,
    ) -> Result<Edges> {
        let (gpu, n, width) = (dataset.gpu(), dataset.len(), shape.width());
        let begin = std::time::Instant::now();
        let lifted = lifted_of(dataset)?.map(|(lifted, _)| lifted);
        let of_neighbors = (width, neighbors::largest_part(gpu));
        let near = neighbors::neighbors(lifted.as_ref().unwrap_or(dataset), of_neighbors, cancel)?;
        let of_levels = levels.map(|levels| (levels, lifted.clone()));
        drop(lifted);
        let found = begin.elapsed();
        let of = (n as u32, shape.degree);
        let links = links::links(gpu, of, &near, cancel)?;
        drop(near);
        let linked = begin.elapsed();
        let upper = of_levels.map(|(levels, lifted)| {
            let compared = lifted.as_ref().unwrap_or(dataset);
            levels.over(compared, (&links, shape.degree), cancel)
        });
        if let Some(upper) = upper.transpose()? {
            let base = links::read(gpu, &links, 0, links.size() / 4)?;
            drop(links);
            let mut layers = Layers { degree: shape.degree, base, upper };
            layers.lead_out();
            return Edges::of_layers(dataset, &layers, gone);
        }
        let starts = Starts::new(dataset, (&links, shape.degree), gone, None)?;
        log::debug!(
            "a graph of {n} rows: neighbours {found:?}, edges {:?}, starts {:?}",
            linked - found,
            begin.elapsed() - linked
        );
        Ok(Edges { links, degree: shape.degree, starts, upper: None, blurred: Made::default() })
    }

    /// Why a search does not follow the links of such layers.
    pub fn refused_layers(dataset: &Dataset, degree: u32) -> Option<&'static str> {
        match () {
            () if degree > MOST_LINKS => {
                Some("lists of so many links that a step has no room for one")
            }
            () => Edges::refused(dataset, Shape { degree }),
        }
    }

    /// The graph that these layers are, of rows that [`refused_layers`](Self::refused_layers) has nothing against.
    pub fn of_layers(dataset: &Dataset, layers: &Layers, gone: Option<&[u32]>) -> Result<Edges> {
        let gpu = dataset.gpu();
        let bytes: &[u8] = bytemuck::cast_slice(&layers.base);
        let links = gpu.alloc("edges", bytes.len() as u64)?;
        for first in (0..bytes.len()).step_by(UPLOADED) {
            let part = &bytes[first..bytes.len().min(first + UPLOADED)];
            let mut encoder = Encoder::new(gpu, "edges", false)?;
            encoder.write(&links, first as u64, part)?;
            encoder.submit(&[])?.wait()?;
        }
        let upper = Arc::new(layers.upper.clone());
        let starts = Starts::new(dataset, (&links, layers.degree), gone, Some(&upper))?;
        Ok(Edges {
            links,
            degree: layers.degree,
            starts,
            upper: Some(upper),
            blurred: Made::default(),
        })
    }

    /// Links and levels, on the host; of a graph without levels such as these make over its rows.
    pub fn layers(&self, dataset: &Dataset, levels: &Levels) -> Result<Layers> {
        let base = links::read(dataset.gpu(), &self.links, 0, self.links.size() / 4)?;
        let degree = self.degree;
        if let Some(upper) = &self.upper {
            return Ok(Layers { degree, base, upper: (**upper).clone() });
        }
        let lifted = lifted_of(dataset)?.map(|(lifted, _)| lifted);
        let compared = lifted.as_ref().unwrap_or(dataset);
        let upper = levels.over(compared, (&self.links, degree), None)?;
        let mut layers = Layers { degree, base, upper };
        layers.lead_out();
        Ok(layers)
    }

    /// Bytes of device memory.
    pub fn bytes(&self) -> u64 {
        self.links.size() + self.starts.rows.size() + self.starts.dataset.bytes()
    }
}
