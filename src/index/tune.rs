//! How much of the exact answer an index finds by how much it looks at, and what it has to look at for a share of it.

use super::hits::Hits;
use super::params::{Breadth, GraphPath, Guarantee, SearchParams};
use super::traits::Search;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use crate::metric::Order;
use std::time::Instant;

/// What [`tune_search`] looks for; each field has a setter of the same name.
///
/// # Example
/// ```
/// use nearfield::TuneParams;
/// let params = TuneParams::new().recall(0.99).k(100);
/// assert_eq!((params.recall, params.k), (0.99, 100));
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TuneParams {
    /// The share of the k nearest rows that is to be found, over all queries; above 0, at most 1. Default: 0.95.
    pub recall: f64,
    /// Neighbours a query. Default: 10.
    pub k: usize,
    /// What every search is told beside how many lists it looks at or how many rows it keeps, as a filter. Default: nothing.
    pub search: SearchParams,
}

/// An index at one setting.
///
/// # Example
/// ```no_run
/// # use nearfield::*;
/// # let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
/// let curve = tune_search(&index, Rows::F32(&[0.5; 12_800]), &TuneParams::new())?;
/// let TunePoint { nprobe, recall, rows_probed, queries_per_second, .. } = curve.points[0];
/// println!("{nprobe} list: {recall}, {rows_probed} rows a query, {queries_per_second} queries/s");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct TunePoint {
    /// Lists that are looked at for each query; 0 of a graph.
    pub nprobe: usize,
    /// Rows that a query keeps on its way along the edges; 0 of lists.
    pub ef: usize,
    /// The share of the exact hits that is found. Of rows at the distance of the last exact hit any counts.
    pub recall: f64,
    /// Rows of these lists, a query; 0 of a graph.
    pub rows_probed: f64,
    /// Steps along the edges, a query; 0 of lists.
    pub steps: f64,
    /// All queries in one call, by the faster of two.
    pub queries_per_second: f64,
}

/// What [`tune_search`] found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct TuneCurve {
    /// What was set: how many lists, or how many rows on the way.
    pub breadth: Breadth,
    /// Every setting that was measured, from few lists or rows to many.
    pub points: Vec<TunePoint>,
    /// Which of them is the first to find what was asked for.
    reached: usize,
}

impl TuneParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`recall`](Self#structfield.recall).
    #[must_use]
    pub fn recall(mut self, recall: f64) -> Self {
        self.recall = recall;
        self
    }

    /// Sets [`k`](Self#structfield.k).
    #[must_use]
    pub fn k(mut self, k: usize) -> Self {
        self.k = k;
        self
    }

    /// Sets [`search`](Self#structfield.search).
    ///
    /// # Example
    /// ```
    /// use nearfield::{SearchParams, TuneParams};
    /// // of the ids that searches will be about
    /// let params = TuneParams::new().search(SearchParams::new().filter(0..1000));
    /// assert!(params.search.filter.is_some());
    /// ```
    #[must_use]
    pub fn search(mut self, params: SearchParams) -> Self {
        self.search = params;
        self
    }
}

impl Default for TuneParams {
    fn default() -> Self {
        TuneParams { recall: 0.95, k: 10, search: SearchParams::new() }
    }
}

impl TunePoint {
    /// What the parameter was set to: [`nprobe`](Self#structfield.nprobe) or [`ef`](Self#structfield.ef), whichever the index has.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = read_index(&Gpu::new()?, "graph.nf")?;
    /// let curve = tune_search(&*index, Rows::F32(&[0.5; 12_800]), &TuneParams::new())?;
    /// for point in &curve.points {
    ///     println!("{} = {} finds {:.4}", curve.breadth, point.number(), point.recall);
    /// }
    /// let params = curve.breadth.set(SearchParams::new(), curve.reached().number());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn number(&self) -> usize {
        self.nprobe.max(self.ef)
    }
}

impl TuneCurve {
    /// The fewest lists, or rows on the way, that find the recall that was asked for; the last point where none does.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
    /// let curve = tune_search(&index, Rows::F32(&[0.5; 12_800]), &TuneParams::new())?;
    /// index.set_nprobe(curve.reached().nprobe)?;
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn reached(&self) -> TunePoint {
        self.points[self.reached]
    }
}

/// Finds how many lists an index has to look at for a recall, or how many rows a search of a graph has to keep, by the index's own exact answers;
/// and what other numbers find.
///
/// Queries should be such as will be asked: some hundred tell the recall to a per cent or so. 1, 2, 4, ... lists are measured until every
/// exact hit is found, and the numbers between the last that finds too little and the first that does not. More lists never find less, but where
/// [`fill`](crate::IvfParams#structfield.fill) goes on to others for some.
///
/// Of a [`Graph`](crate::Graph) every search goes along the edges, also where so few rows are searched faster in full, and where that is no way for it the error
/// of the search says so. The first of its numbers is `k`, below which all are the same, and the last the longest list that there is
/// ([`Breadth::most`], beside a filter less): it may find too little, and is what the curve [ends](TuneCurve::reached) with then.
///
/// Of an [`IvfPq`](crate::IvfPq), and an [`IvfSq`](crate::IvfSq) that keeps codes alone, the exact answers are those of the decoded rows, of an
/// [`IvfRaBitQ`](crate::IvfRaBitQ) that does so those of its estimates: what encoding lost is not in this recall; of a [`Refine`](crate::Refine) they are those of the
/// rows. Compare with a [`Flat`](crate::Flat) of the rows to know both.
///
/// # Errors
/// `InvalidArgument` for no queries, an index without rows, a `recall` that is not above 0 and at most 1, an `nprobe`, an `ef`, an exact path or a guarantee
/// among the parameters of the search, and an index that has neither lists nor a graph; what a search says.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, IvfFlat, IvfParams, Rows, Search, SearchParams, TuneParams, tune_search};
/// let index = IvfFlat::read(&Gpu::new()?, "lists.nf")?;
/// # let queries = vec![0.5; 128_000];
/// let curve = tune_search(&index, Rows::F32(&queries), &TuneParams::new().recall(0.98))?;
/// for point in &curve.points {
///     println!("{} lists find {:.4} of {} rows", point.nprobe, point.recall, point.rows_probed);
/// }
/// let params = SearchParams::new().ivf(IvfParams::new().nprobe(curve.reached().nprobe));
/// let hits = index.search_with(Rows::F32(&queries), 10, &params)?;
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("autotune", "OperatingPoints", "ParameterSpace"))]
pub fn tune_search(
    index: &dyn Search,
    queries: Rows<'_>,
    params: &TuneParams,
) -> Result<TuneCurve> {
    let TuneParams { recall, k, search } = params;
    let refused = |argument, reason: &str| Err(Error::argument(argument, reason));
    if !(*recall > 0.0 && *recall <= 1.0) {
        return refused("recall", &format!("{recall} is not above 0, or above 1"));
    }
    if search.ivf.as_ref().is_some_and(|ivf| ivf.nprobe.is_some()) {
        return refused("nprobe", "how many lists are looked at is what is to be found");
    }
    if search.graph.as_ref().is_some_and(|graph| graph.ef.is_some()) {
        return refused("ef", "how many rows are kept is what is to be found");
    }
    if search.graph.as_ref().is_some_and(|graph| graph.path == GraphPath::Exact) {
        return refused("path", "exact, of searches that are measured against exact ones");
    }
    if search.guarantee != Guarantee::Index {
        return refused("guarantee", "of searches that are measured against exact ones");
    }
    let Some(breadth) = index.breadth() else {
        return refused("index", "it has neither lists nor a graph, and always looks at all rows");
    };
    let mut measure = Measure { index, queries, k: *k, search, breadth, exact: None };
    if measure.count()? == 0 {
        return refused("queries", "none, by which nothing can be told");
    }
    if index.is_empty() {
        return refused("index", "no rows, of which nothing can be found");
    }
    let first = match breadth {
        Breadth::Ef { .. } => (*k).max(1),
        Breadth::Nprobe { .. } => 1,
    };
    let mut points = vec![measure.point(first)?];
    // twice as many each time until every hit is found, or there are no more
    let mut most = breadth.most();
    while let Some(last) = points.last().filter(|last| last.recall < 1.0 && last.number() < most) {
        let (last, asked) = (last.number(), last.number().saturating_mul(2).min(most));
        match measure.point(asked) {
            // a list is longer for what does not pass
            Err(Error::InvalidArgument { argument: "path", .. }) if search.filter.is_some() => {
                most = last + (asked - last) / 2;
            }
            point => points.push(point?),
        }
    }
    loop {
        let first = points.partition_point(|point| point.recall < *recall);
        let (Some(low), Some(high)) = (points.get(first.wrapping_sub(1)), points.get(first)) else {
            break;
        };
        let (low, high) = (low.number(), high.number());
        if high - low <= 1 {
            break;
        }
        let point = measure.point(low + (high - low) / 2)?;
        points.insert(first, point);
    }
    let last = points.len() - 1;
    let reached = points.partition_point(|point| point.recall < *recall).min(last);
    Ok(TuneCurve { breadth, points, reached })
}

struct Measure<'a> {
    index: &'a dyn Search,
    queries: Rows<'a>,
    k: usize,
    search: &'a SearchParams,
    breadth: Breadth,
    /// The exact answer, once it is known.
    exact: Option<Hits>,
}

impl Measure<'_> {
    fn count(&self) -> Result<usize> {
        self.queries.count(self.index.dim())
    }

    fn point(&mut self, number: usize) -> Result<TunePoint> {
        let mut params = self.breadth.set(self.search.clone(), number);
        if let (Breadth::Ef { .. }, Some(graph)) = (self.breadth, &mut params.graph) {
            graph.path = GraphPath::Graph;
        }
        // the first call of a kind compiles kernels, and may make the graph; and it says whether the index has lists
        let found = self.index.search_with(self.queries, self.k, &params)?;
        let mut seconds = f64::INFINITY;
        for _ in 0..2 {
            let begin = Instant::now();
            self.index.search_with(self.queries, self.k, &params)?;
            seconds = seconds.min(begin.elapsed().as_secs_f64());
        }
        let exact = match self.exact.take() {
            Some(exact) => exact,
            None => {
                let exact =
                    SearchParams { ivf: None, graph: None, refine: None, ..self.search.clone() };
                let exact = exact.certify(true).guarantee(Guarantee::Exact);
                self.index.search_with(self.queries, self.k, &exact)?
            }
        };
        let recall = recall(&found, &exact, self.index.metric().order());
        self.exact = Some(exact);
        let (count, stats) = (self.count()? as f64, found.stats());
        let (nprobe, ef) = match self.breadth {
            Breadth::Nprobe { .. } => (stats.ivf.nprobe as usize, 0),
            Breadth::Ef { .. } => (0, number),
        };
        Ok(TunePoint {
            nprobe,
            ef,
            recall,
            rows_probed: stats.ivf.rows_probed as f64 / count,
            steps: stats.graph.steps as f64 / count,
            queries_per_second: count / seconds,
        })
    }
}

/// The share of exact hits that are found: rows no farther than the last of them.
fn recall(found: &Hits, exact: &Hits, order: Order) -> f64 {
    let (mut there, mut all) = (0, 0);
    for query in 0..exact.len() {
        let wanted = exact.row(query);
        let (count, Some((_, last))) = (wanted.len(), wanted.last()) else { continue };
        let near = |&(_, distance): &(u64, f32)| match order {
            Order::Ascending => distance <= last,
            Order::Descending => distance >= last,
        };
        all += count;
        there += found.row(query).filter(near).count().min(count);
    }
    if all == 0 { 1.0 } else { there as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::SearchStats;

    #[test]
    fn any_row_as_near_as_the_last_counts() {
        let hits = |lims: Vec<usize>, distances: Vec<f32>, order| {
            let ids = vec![0; distances.len()];
            Hits::new(lims, ids, distances, order, SearchStats::default())
        };
        let exact = hits(vec![0, 3, 3, 4], vec![1.0, 2.0, 2.0, 5.0], Order::Ascending);
        let found = hits(vec![0, 3, 4, 5], vec![1.0, 2.0, 3.0, 9.0, 5.0], Order::Ascending);
        assert_eq!(recall(&found, &exact, Order::Ascending), 0.75);
        let exact = hits(vec![0, 2], vec![4.0, 3.0], Order::Descending);
        let found = hits(vec![0, 2], vec![4.0, 2.5], Order::Descending);
        assert_eq!(recall(&found, &exact, Order::Descending), 0.5);
        let none = hits(vec![0, 0], Vec::new(), Order::Ascending);
        assert_eq!(recall(&found, &none, Order::Ascending), 1.0);
    }
}
