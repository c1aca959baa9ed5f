//! An index whose candidates are compared again.

use super::rescored::{Now, Rescored};
use super::stages::{self, Matched, Stages};
use crate::dtype::DType;
use crate::error::{Error, Result};
use crate::exact::Dataset;
use crate::index::changing::Index;
use crate::index::flat::FlatCodes;
use crate::index::params::checked_k_factor;
use crate::index::state::Core;
use crate::index::traits::Search;
use crate::metric::Metric;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// An index of two stages: FAISS's `IndexRefine` and `IndexRefineFlat`. The first finds candidates, as an [`IvfPq`](crate::IvfPq) does by short
/// codes; the second has the rows as they are, or finer codes of them, by which the candidates are compared again on the device. What is answered
/// are its distances, in their order, of those that the first stage found.
///
/// From [`Refine::new`], [`Refine::read`] or [`index_factory`](crate::index_factory) (`IVF1024,PQ16,RFlat`; `IVF1024,PQ16,Refine(SQ8)`; `PCA32,IVF64,Flat,RFlat`,
/// whose second stage has the rows before the transforms). A search for k neighbours asks the first stage for [`k_factor`](Self::k_factor) times as
/// many. **It is 1 unless it is set**, as in FAISS, and then no row is found that the first stage would not have found: raise it to gain recall, for the
/// index ([`set_k_factor`](Self::set_k_factor)) or a search ([`RefineParams`](crate::RefineParams)). All else that a search is told, as
/// [`nprobe`](crate::IvfParams#structfield.nprobe) and filters, the first stage is told. Refused are
/// [`prove`](crate::IvfParams#structfield.prove), and a filter that is prepared beside a guarantee of exact answers: for that,
/// [`Guarantee::Exact`](crate::Guarantee::Exact), every row is compared, and the first stage takes no part.
///
/// A search by radius asks the first stage for what lies within a wider radius, `k_factor` times it, and answers what of that lies within the
/// radius itself by its exact distance. A similarity above 0 is divided by `k_factor`, which widens it, where FAISS multiplies it, which does not;
/// so is a distance below 0. A radius of 0 stays 0, whatever the factor. Over a first stage of signs ([`Lsh`](crate::Lsh): `ITQ32,LSH,RFlat`), whose
/// distances are numbers of bits, a search by radius is refused unless it is to be exact.
///
/// Both stages always have the same ids, whatever is added, replaced, removed or merged, and whatever of that fails or is cancelled: a change is made
/// on copies of both, which share what is equal, and then takes the place of both at once, so that a search sees one state. Filters,
/// ids and what becomes of bad rows are those of every index. Rows are given back as the second stage has them, and equal distances stand in its order.
/// Rows are of its type; where the first stage takes f32 alone (codes, transforms), it gets them so.
///
/// Cost: device memory of both stages, of the second that of the rows and 4 to 8 bytes a row; of time that of the first stage, and for each candidate that
/// of reading its row. The candidates of a search for neighbours stay on the device, so that only its hits come to the host; where the stages have
/// their rows in different orders, as of files of lists, a table of 4 bytes a row is made for that by the first search after a change. By way of the host, which
/// looks up the ids of candidates and gives their rows back, go searches by radius, those that
/// [`fill`](crate::IvfParams#structfield.fill) lists, those that [exclude](crate::SearchParams#structfield.exclude) an id from 1024 candidates or more, first stages
/// with [`Originals::Host`](crate::Originals::Host) or of another [`Gpu`](crate::Gpu), and what memory has no room for;
/// [`RefineStats::on_device`](crate::RefineStats#structfield.on_device) tells. No answer depends on it. A stream of rows that is added is copied once on the host,
/// since both stages read it.
///
/// # Accuracy
/// A distance is that which the second stage alone would report, to the bit: a [`Flat`](crate::Flat) the rows' own, an [`Sq`](crate::Sq) or a
/// [`Pq`](crate::Pq) that of the decoded row. Which rows are among the candidates is up to the first stage
/// and to `k_factor`.
///
/// # Example
/// ```no_run
/// use nearfield::{Flat, Gpu, Index, IvfPq, Metric, Refine, Rows, Search};
/// # let (rows, queries) = (vec![0.5; 128 << 20], vec![0.5; 1280]);
/// let gpu = Gpu::new()?;
/// let codes = IvfPq::new(&gpu, 128, Metric::L2, 4096, 32, 8)?;
/// let index = Refine::new(Box::new(codes), Box::new(Flat::new(&gpu, 128, Metric::L2)?))?;
/// index.set_k_factor(4.0)?;
/// index.train(Rows::F32(&rows[..128 * 200_000]))?;
/// index.add(&rows)?;
/// // the 10 nearest of 40
/// let hits = index.search(&queries, 10)?;
/// assert_eq!(index.description(), "IVF4096,PQ32,RFlat");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("IndexRefine", "IndexRefineFlat", "RFlat", "rerank"))]
pub struct Refine {
    pub(super) metric: Metric,
    pub(super) dtype: DType,
    pub(super) dim: usize,
    /// Swapped in whole.
    current: RwLock<Arc<Stages>>,
    /// Held while a change builds the next state; searches go on meanwhile.
    writer: Mutex<()>,
}

impl Refine {
    /// An index of a first stage, of any kind of this crate, and of a [`Flat`](crate::Flat) of any type, an [`Sq`](crate::Sq) or a [`Pq`](crate::Pq), by whose
    /// rows or codes candidates are compared. Both may have
    /// rows, of the same ids; the order of the second's counts. Of the second no copies are kept that only a scan would read. Both are of one metric, but for
    /// a first stage of signs ([`Lsh`](crate::Lsh)), which counts bits whatever the second's is.
    ///
    /// # Errors
    /// `Unsupported` for a first stage of a type of somebody else's or that is a `Refine` itself, for another second, and for types of which
    /// the first does not take the second's; `DimensionMismatch`; `InvalidArgument` where metrics or ids differ; `OutOfDeviceMemory`; `DeviceLost`.
    pub fn new(base: Box<dyn Index>, refine: Box<dyn Index>) -> Result<Refine> {
        let rows = Rescored::of(&*refine)?;
        drop(refine);
        Refine::of(&*base, rows)
    }

    /// The same of a second stage that is one already.
    pub(super) fn of(base: &dyn Index, rows: Rescored) -> Result<Refine> {
        let refine = rows.index();
        if base.as_any().is_some_and(|any| any.is::<Refine>()) {
            let item = "a first stage that compares candidates again itself: any other index of this crate may be one, as IVF1024,PQ16 is in IVF1024,PQ16,RFlat";
            return Err(Error::unsupported("Refine", item));
        }
        if base.dim() != refine.dim() {
            let (expected, actual) = (base.dim(), refine.dim());
            return Err(Error::DimensionMismatch { expected, actual });
        }
        if base.metric() != refine.metric() && !stages::is_of_signs(base) {
            let (first, second) = (base.metric(), refine.metric());
            let reason = format!(
                "candidates by {first} to be compared by {second}: both stages are of one metric, but for a first stage of signs (Lsh)"
            );
            return Err(Error::argument("refine", reason));
        }
        let (takes, has) = (base.dtype(), refine.dtype());
        if takes != has && takes != DType::F32 {
            let item = format!(
                "rows of {has} for a first stage of {takes}: it takes the type of the second stage, or f32"
            );
            return Err(Error::unsupported("Refine", item));
        }
        same_ids(base.ids(), refine.ids())?;
        // the next ids stay the same from here on
        let (next, own) = (stages::forked(base, 0)?.1, rows.forked(0).1);
        let next = next.max(own);
        let stages = Stages {
            base: stages::forked(base, next)?.0,
            rows: rows.forked(next).0,
            k_factor: 1.0,
            matched: Matched::default(),
        };
        let (metric, dtype, dim) = (refine.metric().clone(), has, refine.dim());
        let (current, writer) = (RwLock::new(Arc::new(stages)), Mutex::new(()));
        Ok(Refine { metric, dtype, dim, current, writer })
    }

    /// How many candidates a search that does not say so asks the first stage for, in neighbours: 1, unless
    /// [`set_k_factor`](Self::set_k_factor) or the file that the index was read from says otherwise.
    pub fn k_factor(&self) -> f32 {
        self.now().k_factor
    }

    /// Has searches ask for so many times as many candidates as neighbours unless they say how many; files keep the number.
    ///
    /// # Errors
    /// `InvalidArgument` for less than 1, and for what is no number or not finite.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = Refine::read(&Gpu::new()?, "refined.nf")?;
    /// index.set_k_factor(2.0 * index.k_factor())?;
    /// index.write("refined.nf".as_ref())?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn set_k_factor(&self, times: f32) -> Result<()> {
        let k_factor = checked_k_factor(times)?;
        // rows stay what they are
        let same = |old: &Stages| {
            let matched = old.matched.clone();
            Ok(Stages { k_factor, matched, ..old.forked()? })
        };
        self.swap(|old| Ok((same(old)?, ())))
    }

    /// The first stage as it is now, which stays as it is when this index changes: what candidates a search begins with.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = Refine::read(&Gpu::new()?, "refined.nf")?;
    /// // by codes alone, and what came of their candidates
    /// let (codes, query) = (index.base(), [0.5; 128]);
    /// println!("{:?}, {:?}", codes.search(&query, 10)?.ids(), index.search(&query, 10)?.ids());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn base(&self) -> Arc<dyn Search> {
        Arc::clone(&self.now().base) as Arc<dyn Search>
    }

    /// Of rows that no scan will read.
    pub(in crate::index) fn of_rows(base: &dyn Index, rows: Core<Dataset>) -> Result<Refine> {
        Refine::of(base, Rescored::flat(rows))
    }

    /// The same of codes.
    pub(in crate::index) fn of_codes(base: &dyn Index, codes: Core<FlatCodes>) -> Result<Refine> {
        Refine::of(base, Rescored::codes(codes))
    }

    /// Has `look` see both stages of one state.
    pub(in crate::index) fn stages<T>(
        &self,
        look: impl FnOnce(&dyn Index, &dyn Index, f32) -> T,
    ) -> T {
        let now = self.now();
        look(&*now.base, now.rows.index(), now.k_factor)
    }

    /// The rows that candidates are compared by, as they are now.
    pub(in crate::index) fn compared(&self) -> Now {
        self.now().rows.now()
    }

    // a state is swapped in whole, so what a panicking thread left behind both locks is sound
    pub(super) fn now(&self) -> Arc<Stages> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has both stages change together, or neither.
    pub(super) fn change<T>(&self, change: impl FnOnce(&Stages) -> Result<T>) -> Result<T> {
        self.swap(|old| {
            let new = old.forked()?;
            let value = change(&new)?;
            Ok((new, value))
        })
    }

    fn swap<T>(&self, next: impl FnOnce(&Stages) -> Result<(Stages, T)>) -> Result<T> {
        let _writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.now();
        let (new, value) = next(&old)?;
        let new = Arc::new(new);
        let replaced = {
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *current, new)
        };
        // what only the old state had is freed here, behind the lock that searches wait for
        drop((old, replaced));
        Ok(value)
    }
}

/// Refuses stages that do not have the same ids.
fn same_ids(mut base: Vec<u64>, mut refine: Vec<u64>) -> Result<()> {
    if base == refine {
        return Ok(());
    }
    base.sort_unstable();
    refine.sort_unstable();
    if base == refine {
        return Ok(());
    }
    let counts = format!("{} rows for the {} of the first stage", refine.len(), base.len());
    let missing = base.iter().find(|id| refine.binary_search(id).is_err());
    let reason = match missing {
        Some(id) => format!("{counts}, of which it lacks the id {id}"),
        None => counts,
    };
    Err(Error::argument("refine", reason))
}

impl fmt::Debug for Refine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stages { base, rows, k_factor, .. } = &*self.now();
        write!(f, "Refine({base:?}; {:?}; {k_factor})", rows.index())
    }
}
