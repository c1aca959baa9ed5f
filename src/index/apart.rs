//! Indexes taken apart and put together: what files of other libraries have of them.

use super::changing::Index;
use super::flat::{BinaryFlat, Flat, FlatCodes, Pq, RaBitQ, Sq};
use super::graph::{Graph, GraphRows, Hnsw, HnswRows, graph_layers};
use super::ids::{Ids, MAX_ID, RowSet};
use super::ivf::{BinaryIvf, CodedRows, IvfFlat, IvfPq, IvfRaBitQ, IvfRows, IvfSq};
use super::lists_apart::ListsApart;
use super::lsh::{Lsh, LshRows};
use super::state::{Backed, Core, Stored};
use super::wrap::{PreTransform, Refine};
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::format::RowSource;
use crate::graph::{Layers, Levels};
use crate::metric::Metric;
use crate::quantize::{Quantizer, SignQuantizer, VectorTransform};

/// One state of an index, without the rows that were removed. The others are known by number, from 0 on.
pub(crate) struct Apart {
    pub metric: Metric,
    /// Of the rows as [`read`](Self::read) gives them; of codes u8.
    pub dtype: DType,
    pub dim: usize,
    /// Bytes of a row, or of its code.
    pub row_bytes: usize,
    /// The id of each row.
    pub ids: Vec<u64>,
    /// What the rows are codes of that are in no lists.
    pub codes: Option<Quantizer>,
    pub lists: Option<ListsApart>,
    /// The graph that leads from row to row.
    pub graph: Option<GraphApart>,
    /// What made bits of rows, of an index of these.
    pub signs: Option<SignQuantizer>,
    /// What rows went through before the index got them, the first first.
    pub transforms: Vec<VectorTransform>,
    /// What compares the rows that this one finds again, and how many candidates there are for each neighbour.
    pub refine: Option<Box<(Apart, f32)>>,
    read: Box<ReadRows>,
}

/// A graph with levels.
pub(crate) struct GraphApart {
    /// `None` where there is none of such rows.
    pub layers: Option<Layers>,
    /// Rows that a search keeps.
    pub ef_search: Option<usize>,
}

/// What an index knows of its rows beside their bytes.
#[derive(Default)]
struct Parts {
    codes: Option<Quantizer>,
    lists: Option<ListsApart>,
    graph: Option<GraphApart>,
    signs: Option<SignQuantizer>,
}

/// Writes the bytes of numbered rows, one after the other.
type ReadRows = dyn Fn(&[u32], &mut [u8]) -> Result<()>;

impl Apart {
    /// What an index consists of now, if it is of a kind of this crate.
    pub fn of(index: &dyn Index) -> Option<Result<Apart>> {
        let any = index.as_any()?;
        if let Some(index) = any.downcast_ref::<Refine>() {
            return index.stages(|base, rows, k_factor| {
                let (base, rows) = (Apart::of(base)?, Apart::of(rows)?);
                let both = base.and_then(|base| Ok((base, Some(Box::new((rows?, k_factor))))));
                Some(both.map(|(base, refine)| Apart { refine, ..base }))
            });
        }
        if let Some(index) = any.downcast_ref::<PreTransform>() {
            // first the rows: where there are some, the transforms are those that they went through
            let within = Apart::of(index.index())?;
            return Some(within.map(|within| Apart { transforms: index.transforms(), ..within }));
        }
        let flat =
            |rows: &Dataset| (rows.rows().dtype(), rows.rows().dtype().row_bytes(rows.dim()));
        if let Some(index) = any.downcast_ref::<Flat>() {
            return Some(taken(index, flat, |_, _| Ok(Parts::default()), Stored::read_rows));
        }
        if let Some(index) = any.downcast_ref::<BinaryFlat>() {
            return Some(taken(index, flat, |_, _| Ok(Parts::default()), Stored::read_rows));
        }
        if let Some(index) = any.downcast_ref::<IvfFlat>() {
            return Some(of_lists(index));
        }
        if let Some(index) = any.downcast_ref::<BinaryIvf>() {
            return Some(of_lists(index));
        }
        if let Some(index) = any.downcast_ref::<Hnsw>() {
            let shape = |rows: &HnswRows| (rows.dtype(), rows.dtype().row_bytes(rows.dim()));
            let links = |rows: &HnswRows, live: Option<&_>| {
                Ok(Parts::graph(rows.layers(live)?, rows.params().ef_search))
            };
            return Some(taken(index, shape, links, Stored::read_rows));
        }
        if let Some(index) = any.downcast_ref::<Graph>() {
            let shape = |rows: &GraphRows| (rows.dtype(), rows.dtype().row_bytes(rows.dim()));
            let links = |rows: &GraphRows, live: Option<&_>| {
                let levels = Levels::of_degree(rows.degree());
                Ok(Parts::graph(graph_layers(rows, &levels, live)?, rows.ef()))
            };
            return Some(taken(index, shape, links, Stored::read_rows));
        }
        if let Some(index) = any.downcast_ref::<Lsh>() {
            let shape = |rows: &LshRows| (DType::Bits, rows.code_bytes());
            let signs = |rows: &LshRows, _: Option<&_>| {
                Ok(Parts { signs: Some(rows.quantizer().clone()), ..Parts::default() })
            };
            return Some(taken(index, shape, signs, LshRows::read_codes));
        }
        if let Some(index) = any.downcast_ref::<Sq>() {
            return Some(flat_codes(index));
        }
        if let Some(index) = any.downcast_ref::<Pq>() {
            return Some(flat_codes(index));
        }
        if let Some(index) = any.downcast_ref::<RaBitQ>() {
            return Some(flat_codes(index));
        }
        let shape = |rows: &CodedRows| (DType::U8, rows.code_bytes());
        let lists = |rows: &CodedRows, live: Option<&_>| rows.apart(live).map(Parts::lists);
        if let Some(index) = any.downcast_ref::<IvfSq>() {
            return Some(taken(index, shape, lists, CodedRows::read_codes));
        }
        if let Some(index) = any.downcast_ref::<IvfRaBitQ>() {
            return Some(taken(index, shape, lists, CodedRows::read_codes));
        }
        let index = any.downcast_ref::<IvfPq>()?;
        Some(taken(index, shape, lists, CodedRows::read_codes))
    }

    /// Whether rows are codes, in lists or not.
    pub fn has_codes(&self) -> bool {
        let in_lists = self.lists.as_ref().is_some_and(|lists| lists.codes.is_some());
        in_lists || self.codes.is_some()
    }

    /// The bytes of numbered rows, one after the other.
    pub fn read(&self, rows: &[u32]) -> Result<Vec<u8>> {
        let mut bytes = vec![0; rows.len() * self.row_bytes];
        (self.read)(rows, &mut bytes)?;
        Ok(bytes)
    }
}

impl Parts {
    fn lists(lists: ListsApart) -> Parts {
        Parts { lists: Some(lists), ..Parts::default() }
    }

    fn graph(layers: Option<Layers>, ef_search: usize) -> Parts {
        let graph = GraphApart { layers, ef_search: Some(ef_search) };
        Parts { graph: Some(graph), ..Parts::default() }
    }
}

/// Lists of rows as they are.
fn of_lists<T: Backed<Rows = IvfRows>>(index: &T) -> Result<Apart> {
    let shape = |rows: &IvfRows| (rows.dtype(), rows.dtype().row_bytes(rows.dim()));
    taken(index, shape, |rows, live| rows.apart(live).map(Parts::lists), Stored::read_rows)
}

/// A flat index of codes.
fn flat_codes<T: Backed<Rows = FlatCodes>>(index: &T) -> Result<Apart> {
    let shape = |rows: &FlatCodes| (DType::U8, rows.quantizer().foreign_bytes());
    let codes = |rows: &FlatCodes, _: Option<&_>| {
        Ok(Parts { codes: Some(rows.quantizer().clone()), ..Parts::default() })
    };
    taken(index, shape, codes, FlatCodes::read_foreign)
}

/// All of one snapshot, whatever becomes of the index meanwhile.
fn taken<T: Backed>(
    index: &T,
    shape: impl Fn(&T::Rows) -> (DType, usize),
    parts: impl Fn(&T::Rows, Option<&RowSet>) -> Result<Parts>,
    read: impl Fn(&T::Rows, &[u32], &mut [u8]) -> Result<()> + 'static,
) -> Result<Apart> {
    let now = index.core().snapshot();
    let (dtype, row_bytes) = shape(now.rows());
    let (metric, dim) = (now.rows().metric().clone(), now.rows().dim());
    let (ids, parts) = (now.live_ids(), parts(now.rows(), now.live())?);
    // rows that were removed have numbers, too
    let live: Option<Vec<u32>> = now.live().map(|live| live.iter().collect());
    let read = move |rows: &[u32], out: &mut [u8]| match &live {
        None => read(now.rows(), rows, out),
        Some(live) => {
            let rows: Vec<u32> = rows.iter().map(|&row| live[row as usize]).collect();
            read(now.rows(), &rows, out)
        }
    };
    let Parts { codes, lists, graph, signs } = parts;
    let (transforms, refine, read) = (Vec::new(), None, Box::new(read));
    #[rustfmt::skip]
    let apart =
        Apart { metric, dtype, dim, row_bytes, ids, codes, lists, graph, signs, transforms, refine, read };
    Ok(apart)
}

/// The ids of rows that are about to be read.
pub(crate) struct RowNames {
    ids: Ids,
    next_id: u64,
}

impl RowNames {
    /// Rows that are called by their numbers.
    pub fn numbers(rows: u64) -> RowNames {
        RowNames { ids: Ids::default().with_run(0, rows as usize), next_id: rows }
    }

    /// Rows of these ids, all of which lie below `next_id`, or one that is no id or is there twice.
    pub fn listed(ids: Vec<u64>, next_id: u64) -> Result<RowNames, u64> {
        if let Some(&id) = ids.iter().find(|&&id| id >= next_id.min(MAX_ID)) {
            return Err(id);
        }
        Ok(RowNames { ids: Ids::distinct(ids)?, next_id })
    }

    fn core<R: Stored>(self, rows: R) -> Result<Core<R>> {
        let (have, named) = (rows.len(), self.ids.len() as u64);
        if have != named {
            return Err(Error::internal(format!("{named} ids for {have} rows")));
        }
        Ok(Core::restored(rows, self.ids, self.next_id))
    }
}

/// An index of these rows, as they are: a [`BinaryFlat`] of bits, otherwise a [`Flat`].
pub(crate) fn flat_of(
    gpu: &Gpu,
    metric: &Metric,
    rows: &mut dyn RowSource,
    names: RowNames,
) -> Result<Box<dyn Index>> {
    let (dtype, dim) = (rows.dtype(), rows.dim());
    let core = names.core(Dataset::new(gpu, metric, dtype, dim)?.append(rows)?)?;
    Ok(match dtype {
        DType::Bits => Box::new(BinaryFlat::of(core)),
        _ => Box::new(Flat::of(core)),
    })
}

/// An index of these rows with a graph of a file, whose searches keep so many rows if that says how many: an [`Hnsw`].
pub(crate) fn hnsw_of_rows(
    gpu: &Gpu,
    metric: &Metric,
    (layers, ef_search): (&Layers, Option<usize>),
    rows: &mut dyn RowSource,
    names: RowNames,
) -> Result<Hnsw> {
    let (dtype, dim) = (rows.dtype(), rows.dim());
    let dataset = Dataset::new(gpu, metric, dtype, dim)?.append(rows)?;
    Ok(Hnsw::of(names.core(HnswRows::of_layers(dataset, layers, ef_search)?)?))
}

/// An index of these bits, which are what the quantizer made of rows: an [`Lsh`].
pub(crate) fn signs_of_rows(
    gpu: &Gpu,
    signs: &SignQuantizer,
    bits: &mut dyn RowSource,
    names: RowNames,
) -> Result<Box<dyn Index>> {
    let empty = LshRows::new(gpu, signs.clone())?;
    Ok(Box::new(Lsh::of(names.core(empty.with_codes(bits)?)?)))
}

/// An index of these codes, a u8 a byte: an [`Sq`], a [`Pq`] or a [`RaBitQ`]. None is encoded.
pub(crate) fn codes_of(
    gpu: &Gpu,
    metric: &Metric,
    quantizer: &Quantizer,
    codes: &mut dyn RowSource,
    names: RowNames,
) -> Result<Box<dyn Index>> {
    let empty = FlatCodes::new(gpu, metric, quantizer.clone())?;
    let core = names.core(empty.append_foreign(codes)?)?;
    Ok(match quantizer {
        Quantizer::Scalar(_) => Box::new(Sq::of(core)),
        Quantizer::Product(_) => Box::new(Pq::of(core)),
        Quantizer::RaBitQ(_) => Box::new(RaBitQ::of(core)),
    })
}

/// An index whose candidates are those of `base`, compared again by these rows, or codes of a quantizer, which have the same ids.
pub(crate) fn refined_by_rows(
    gpu: &Gpu,
    base: &dyn Index,
    (metric, quantizer, k_factor): (&Metric, Option<&Quantizer>, f32),
    rows: &mut dyn RowSource,
    names: RowNames,
) -> Result<Refine> {
    let made = match quantizer {
        Some(of) => {
            let codes = FlatCodes::new(gpu, metric, of.clone())?.append_foreign(rows)?;
            Refine::of_codes(base, names.core(codes)?)?
        }
        None => {
            let (dtype, dim) = (rows.dtype(), rows.dim());
            let dataset = Dataset::unscanned(gpu, metric, dtype, dim)?.append(rows)?;
            Refine::of_rows(base, names.core(dataset)?)?
        }
    };
    made.set_k_factor(k_factor)?;
    Ok(made)
}

/// An index of these lists, whose rows are codes where there is a quantizer, a u8 a byte: an [`IvfSq`], an [`IvfPq`] or an
/// [`IvfRaBitQ`], otherwise an [`IvfFlat`], of bits a [`BinaryIvf`]. No row is
/// assigned or encoded.
pub(crate) fn lists_of_rows(
    gpu: &Gpu,
    (metric, dim): (&Metric, usize),
    lists: &ListsApart,
    rows: &mut dyn RowSource,
    names: RowNames,
) -> Result<Box<dyn Index>> {
    Ok(match &lists.codes {
        Some((of, _)) => {
            let core = names.core(CodedRows::together(gpu, metric, lists, rows)?)?;
            match of {
                Quantizer::Scalar(_) => Box::new(IvfSq::of(core)),
                Quantizer::Product(_) => Box::new(IvfPq::of(core)),
                Quantizer::RaBitQ(_) => Box::new(IvfRaBitQ::of(core)),
            }
        }
        None => {
            let shape = (rows.dtype(), dim);
            let core = names.core(IvfRows::together(gpu, metric, shape, lists, rows)?)?;
            match shape.0 {
                DType::Bits => Box::new(BinaryIvf::of(core)),
                _ => Box::new(IvfFlat::of(core)),
            }
        }
    })
}
