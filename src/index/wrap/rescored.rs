//! The index that has the rows of candidates: what re-scoring wants of it.

use crate::call::RowIds;
use crate::device::Gpu;
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::index::changing::Index;
use crate::index::flat::{Flat, FlatCodes, Pq, Sq};
use crate::index::persist::IndexReader;
use crate::index::state::{Backed, Core, Names, Stored};

/// An index of rows that candidates are compared by. A kind is one once it stands here: it has to say what rows it has as a dataset, which an
/// exact search can compare by their numbers.
pub(super) enum Rescored {
    Flat(Flat),
    /// Finer codes than those of the first stage, compared as what they stand for.
    Sq(Sq),
    Pq(Pq),
}

/// The rows of one state.
pub(in crate::index) struct Now {
    pub dataset: Dataset,
    /// What rows are called in answers.
    pub row_ids: RowIds,
    /// Which they are.
    pub names: Names,
}

impl Now {
    pub fn of<R: Stored>(core: &Core<R>, dataset: impl FnOnce(&R) -> Dataset) -> Now {
        let now = core.snapshot();
        let (dataset, row_ids) = (dataset(now.rows()), now.row_ids());
        Now { dataset, row_ids, names: now.names() }
    }
}

/// The rows as they are, without the copies that only a scan reads.
fn unscanned(rows: &Dataset, live: Option<&[u32]>) -> Result<Dataset> {
    let empty = Dataset::unscanned(rows.gpu(), rows.metric(), rows.rows().dtype(), rows.dim())?;
    let own = match rows.len() {
        0 => return Ok(empty),
        // they would go through the host, and there are no copies of most of these
        _ if rows.transforms() => return Ok(rows.clone()),
        _ => empty.append_matrix(rows.rows())?,
    };
    live.map_or(Ok(own.clone()), |live| own.mask(live))
}

impl Rescored {
    /// Of an index, if it is of such a kind.
    pub fn of(index: &dyn Index) -> Result<Rescored> {
        let any = index.as_any();
        if let Some(codes) = any.and_then(|any| any.downcast_ref::<Sq>()) {
            return Ok(Rescored::Sq(Sq::of(codes.core().forked(0).0)));
        }
        if let Some(codes) = any.and_then(|any| any.downcast_ref::<Pq>()) {
            return Ok(Rescored::Pq(Pq::of(codes.core().forked(0).0)));
        }
        let Some(flat) = any.and_then(|any| any.downcast_ref::<Flat>()) else {
            let name = index.description();
            let item = format!(
                "candidates compared by {name}: Flat, Sq and Pq compare them (RFlat, Refine(SQ8), Refine(PQ32)), and any other index may find them"
            );
            return Err(Error::unsupported("Refine", item));
        };
        let now = flat.core().snapshot();
        let live = now.live().map(|live| live.words());
        let core = flat.core().forked(0).0;
        core.rebuild(|rows| unscanned(rows, live))?;
        Ok(Rescored::Flat(Flat::of(core)))
    }

    /// Of rows that no scan will read.
    pub fn flat(core: Core<Dataset>) -> Rescored {
        Rescored::Flat(Flat::of(core))
    }

    /// Of codes.
    pub fn codes(core: Core<FlatCodes>) -> Rescored {
        let product = core.snapshot().rows().quantizer().product().is_some();
        match product {
            true => Rescored::Pq(Pq::of(core)),
            false => Rescored::Sq(Sq::of(core)),
        }
    }

    /// Reads the sections of one in a file.
    pub fn read(gpu: &Gpu, reader: &mut IndexReader) -> Result<Rescored> {
        match reader.kind() {
            kind if kind == Sq::KIND => return Ok(Rescored::Sq(Sq::of_reader(gpu, reader)?)),
            kind if kind == Pq::KIND => return Ok(Rescored::Pq(Pq::of_reader(gpu, reader)?)),
            _ => {}
        }
        if reader.kind() != Flat::KIND || reader.info.dtype == DType::Bits {
            let (kind, dtype) = (reader.kind(), reader.info.dtype);
            return Err(reader.fault(format!("candidates compared by a {kind} of {dtype}")));
        }
        let core =
            Core::read(reader, |info| Dataset::unscanned(gpu, &info.metric, info.dtype, info.dim))?;
        Ok(Rescored::Flat(Flat::of(core)))
    }

    pub fn index(&self) -> &dyn Index {
        match self {
            Rescored::Flat(index) => index,
            Rescored::Sq(index) => index,
            Rescored::Pq(index) => index,
        }
    }

    /// What the factory calls it behind the first stage.
    pub fn token(&self) -> String {
        match self {
            Rescored::Flat(_) => "RFlat".into(),
            codes => format!("Refine({})", codes.index().description()),
        }
    }

    /// Another of the same state, which changes alone, whose next id is at least `next_id`, and what that is.
    pub fn forked(&self, next_id: u64) -> (Rescored, u64) {
        match self {
            Rescored::Flat(index) => {
                let (core, next_id) = index.core().forked(next_id);
                (Rescored::Flat(Flat::of(core)), next_id)
            }
            Rescored::Sq(index) => {
                let (core, next_id) = index.core().forked(next_id);
                (Rescored::Sq(Sq::of(core)), next_id)
            }
            Rescored::Pq(index) => {
                let (core, next_id) = index.core().forked(next_id);
                (Rescored::Pq(Pq::of(core)), next_id)
            }
        }
    }

    pub fn now(&self) -> Now {
        match self {
            Rescored::Flat(index) => Now::of(index.core(), Dataset::clone),
            Rescored::Sq(index) => Now::of(index.core(), FlatCodes::dataset),
            Rescored::Pq(index) => Now::of(index.core(), FlatCodes::dataset),
        }
    }
}
