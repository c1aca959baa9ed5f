//! What an index with a graph stores: rows as they are, and the graph of them once a search asks for it.

use super::before::{Before, Built};
use super::completed::{Kept, completed};
use super::passing::Passing;
use crate::buffer::Matrix;
use crate::call::{Filter, Made, Options, Pending, RowHits, RowIds, mask_words};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Dataset, Rounded, ToPrepare};
use crate::format::RowSource;
use crate::graph::{Edges, Levels, Shape, Walk, most_ef};
use crate::index::flat;
use crate::index::ids::RowSet;
use crate::index::params::{Ask, Breadth, GraphParams, GraphPath, GraphTraversal, SearchParams};
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::Stored;
use crate::metric::Metric;
use std::ops::Range;
use std::sync::Arc;

/// Above every list that there is room for.
const MOST_ASKED: u64 = 1 << 24;

/// Rows, and how they are searched.
#[derive(Clone)]
pub(in crate::index) struct GraphRows {
    pub(super) dataset: Dataset,
    pub(super) shape: Shape,
    /// What its graph has above the edges, of an HNSW.
    pub(super) levels: Option<Levels>,
    pub(super) ef: usize,
    /// The rows that were removed, a bit each; `None` where none was.
    pub(super) gone: Option<Arc<[u32]>>,
    pub(super) built: Made<Built>,
    /// The graph of what the rows were, of which theirs is made.
    pub(super) before: Before,
    /// Their copy in 8 bits, once a search asks for it.
    pub(super) bytes: Made<Option<Rounded>>,
}

/// What a search does.
enum Way {
    Exact,
    Walk(Walk),
}

impl GraphRows {
    /// No rows yet.
    pub fn new(dataset: Dataset, shape: Shape, ef: usize) -> GraphRows {
        let (built, before) = (Made::default(), Before::default());
        let (levels, bytes) = (None, Made::default());
        GraphRows { dataset, shape, levels, ef, gone: None, built, before, bytes }
    }

    /// Edges of a row.
    pub fn degree(&self) -> u32 {
        self.shape.degree
    }

    /// The rows in the order in which they were added.
    pub fn dataset(&self) -> Dataset {
        self.dataset.clone()
    }

    /// Rows that a search keeps.
    pub fn ef(&self) -> usize {
        self.ef
    }

    /// Whose searches keep so many rows.
    pub fn with_ef(&self, ef: usize) -> Result<GraphRows> {
        Ok(GraphRows { ef: checked_ef(ef)?, ..self.clone() })
    }

    /// With the graph, if it is still to be made.
    ///
    /// # Errors
    /// `Unsupported` where there is none of such rows.
    pub fn build(&self) -> Result<()> {
        match Edges::refused(&self.dataset, self.shape) {
            _ if self.dataset.len() == 0 => Ok(()),
            None => self.graph(None).map(drop),
            Some(why) => Err(Error::unsupported("a graph", why)),
        }
    }

    /// With other rows behind them.
    fn of(&self, dataset: Dataset) -> Result<GraphRows> {
        let gone = self.gone.as_ref().map(|gone| {
            let mut words = gone.to_vec();
            words.resize(mask_words(dataset.len()), 0);
            words.into()
        });
        let before = self.before().grown(dataset.len());
        // a copy that is there grows with them
        let bytes = match self.bytes.known().flatten().filter(|_| dataset.int8().is_none()) {
            Some(copy) => Made::of(dataset.copied_to_bytes(Some((&copy, self.len())))?),
            None => Made::default(),
        };
        Ok(GraphRows { dataset, gone, built: Made::default(), before, bytes, ..self.clone() })
    }

    pub(super) fn removed(&self) -> u64 {
        let ones = |words: &Arc<[u32]>| words.iter().map(|word| u64::from(word.count_ones())).sum();
        self.gone.as_ref().map_or(0, ones)
    }

    /// Of them those that have a place in the graph, or in the one that is made of what is left of another.
    fn removed_since(&self) -> u64 {
        match self.built.known() {
            Some(built) => self.removed() - built.removed,
            None if self.before.get().is_some() => self.removed(),
            None => 0,
        }
    }

    /// Which way a search goes.
    fn way(
        &self,
        ask: Ask,
        asked: &GraphParams,
        passing: &Result<Option<Passing>, &'static str>,
        options: &Options,
    ) -> Result<Way> {
        let Some(k) = ask.k() else {
            if asked.ef.is_some() {
                let why =
                    "rows that a query keeps, beside a radius, within which all rows are found";
                return Err(Error::argument("ef", why));
            }
            return exactly(asked, "a range search");
        };
        let ef = asked.ef.map_or(Ok(self.ef), checked_ef)?.max(k);
        if asked.max_steps == Some(0) {
            return Err(Error::argument("max_steps", "0 steps lead nowhere"));
        }
        if asked.path == GraphPath::Exact {
            return Ok(Way::Exact);
        }
        match passing {
            Err(why) => return exactly(asked, why),
            // of no rows
            Ok(Some(passing)) if passing.count == 0 => return Ok(Way::Exact),
            _ => {}
        }
        // rows that were removed since it was made take places of the list
        let removed = self.removed_since();
        let rows = self.dataset.len();
        let ef = (ef as u64).min(MOST_ASKED);
        let longer = ef + (ef * removed).div_ceil((rows - removed).max(1));
        let least = self.dataset.gpu().profile().u32("graph", "exact_rows")?.into();
        // so do those that do not pass; a walk takes as long as its list, the exact search as long as without a filter
        let (longer, few) = match passing {
            Ok(Some(passing)) => {
                let list = passing.list((k, longer), rows - self.removed());
                (list, rows * longer < u64::saturating_mul(least, list))
            }
            _ => (longer, rows < least),
        };
        match () {
            _ if options.exhaustive => exactly(asked, "exhaustive"),
            _ if options.keys => exactly(asked, "an answer that is merged"),
            _ if longer > most_ef(self.dataset.gpu()).into() => {
                let most = most_ef(self.dataset.gpu());
                let why = match longer == ef {
                    true => format!("{ef} rows kept, where {most} are the most"),
                    false => format!(
                        "{longer} rows kept, where {most} are the most: {ef}, and room for those that a filter or their removal leaves out"
                    ),
                };
                exactly(asked, &why)
            }
            _ if rows == self.removed() => Ok(Way::Exact),
            _ if asked.path == GraphPath::Auto && few => Ok(Way::Exact),
            () => match Edges::refused(&self.dataset, self.shape) {
                Some(why) if asked.path == GraphPath::Graph => {
                    Err(Error::unsupported("a search along the edges of a graph", why))
                }
                Some(why) => {
                    log::debug!("searched exactly: {why}");
                    Ok(Way::Exact)
                }
                None => {
                    let most_steps = asked.max_steps.map(|most| most.min(1 << 30) as u32);
                    let bytes = asked.traversal == GraphTraversal::Bytes;
                    Ok(Way::Walk(Walk { ef: longer as u32, most_steps, bytes }))
                }
            },
        }
    }
}

/// A number of rows that a search may keep.
fn checked_ef(ef: usize) -> Result<usize> {
    match ef {
        0 => Err(Error::argument("ef", "of 0 rows that are kept there is none to go on from")),
        ef => Ok(ef),
    }
}

/// The exact search, unless the path has to be the graph's.
fn exactly(asked: &GraphParams, why: &str) -> Result<Way> {
    match asked.path {
        GraphPath::Graph => {
            Err(Error::argument("path", format!("graph beside {why}, which is answered exactly")))
        }
        _ => Ok(Way::Exact),
    }
}

impl Stored for GraphRows {
    fn metric(&self) -> &Metric {
        self.dataset.metric()
    }

    fn dtype(&self) -> DType {
        self.dataset.rows().dtype()
    }

    fn dim(&self) -> usize {
        self.dataset.rows().dim()
    }

    fn len(&self) -> u64 {
        self.dataset.len()
    }

    fn bytes(&self) -> u64 {
        let copy = self.bytes.known().flatten().filter(|_| self.dataset.int8().is_none());
        let graph = self.built.known().map_or(0, |built| built.graph.bytes());
        let copy = copy.map_or(0, |copy| copy.bytes());
        self.dataset.bytes() + graph + self.before.bytes() + copy
    }

    fn description(&self) -> String {
        format!("CAGRA{}", self.shape.degree)
    }

    fn breadth(&self) -> Option<Breadth> {
        let most = u64::from(most_ef(self.dataset.gpu()));
        // as long as a list is that has room for rows that were removed since
        let (removed, rows) = (self.removed_since(), self.dataset.len());
        let live = (rows - removed).max(1);
        Some(Breadth::Ef { most: (most * live / (live + removed)) as usize })
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<GraphRows> {
        self.of(self.dataset.append(source)?)
    }

    fn append_matrix(&self, matrix: &Matrix) -> Result<GraphRows> {
        self.of(self.dataset.append_matrix(matrix)?)
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<GraphRows> {
        let dataset = self.dataset.replace(rows, source, live, more)?;
        let before = self.before().without(rows, self.len());
        let (built, bytes) = (Made::default(), Made::default());
        Ok(GraphRows { dataset, built, before, bytes, ..self.clone() })
    }

    fn mask(&self, live: &[u32]) -> Result<GraphRows> {
        let rows = self.dataset.len();
        let mut gone: Vec<u32> = live.iter().map(|word| !word).collect();
        if let (Some(last), over @ 1..) = (gone.last_mut(), rows % 32) {
            *last &= (1 << over) - 1;
        }
        let (dataset, gone) = (self.dataset.mask(live)?, Some(gone.into()));
        // a graph leads through rows that are nobody's hits, and where they lie nothing changed
        let (built, before, bytes) = (self.built.own(), self.before.own(), self.bytes.own());
        Ok(GraphRows { dataset, gone, built, before, bytes, ..self.clone() })
    }

    fn gather(&self, keep: &[u32]) -> Result<GraphRows> {
        let dataset = Stored::gather(&self.dataset, keep)?;
        let before = self.before().gathered(keep);
        let (built, bytes) = (Made::default(), Made::default());
        Ok(GraphRows { dataset, gone: None, built, before, bytes, ..self.clone() })
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        Stored::read(&self.dataset, rows)
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        Stored::read_rows(&self.dataset, rows, out)
    }

    fn prepare(&self, filter: ToPrepare<'_>) -> Result<Filter> {
        Stored::prepare(&self.dataset, filter)
    }

    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>> {
        let (asked, options) = params.walking(ask)?;
        let options = Options { row_ids, ..options };
        let passing = Passing::of(&filter, self.len(), (self.gone.as_deref(), self.removed()));
        let way = self.way(ask, &asked, &passing, &options)?;
        let (Way::Walk(walk), Ask::Nearest(k)) = (way, ask) else {
            return self.exactly(queries, ask, filter, options);
        };
        let built = self.graph(options.cancel.as_ref())?;
        let dataset = match walk.bytes {
            true => self.dataset.with_bytes(self.bytes.get(|| self.dataset.copied_to_bytes(None))?),
            false => self.dataset.clone(),
        };
        let own = options.clone();
        let passing = passing.ok().flatten();
        let bits = passing.as_ref().map(|passing| &*passing.words);
        let walked = built.graph.submit(&dataset, queries, (k, walk), bits, options)?;
        let Some(walked) = walked else {
            return match asked.path {
                GraphPath::Graph => Err(Error::unsupported(
                    "a search along the edges of a graph",
                    format!("queries of {}, or too little memory", queries.dtype()),
                )),
                _ => self.exactly(queries, ask, filter, own),
            };
        };
        let all = passing.map_or(self.len() - self.removed(), |passing| passing.count) as usize;
        let (wanted, kept, dim) = (k.min(all), Kept::of(queries), self.dim());
        Ok(walked
            .map(move |found| completed(&dataset, found, (&kept, dim), (k, wanted), (filter, own))))
    }

    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        persist::write_graph(file, self.shape.degree, self.ef)?;
        self.write_edges(live, file)?;
        self.dataset.write_sections(live, file)
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<GraphRows> {
        let (degree, ef) = persist::read_graph(file)?;
        let empty = GraphRows { shape: Shape { degree }, ef, ..self.clone() };
        let arriving = empty.read_edges(rows, file)?;
        let all = empty.of(self.dataset.read_sections(rows, file)?)?;
        match arriving {
            Some(edges) => all.with_edges(edges),
            None => Ok(all),
        }
    }
}

impl GraphRows {
    fn exactly(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        options: Options,
    ) -> Result<Pending<RowHits>> {
        let found = flat::submit(&self.dataset, queries, ask, filter, options)?;
        Ok(found.map(|mut found| {
            found.stats.graph.exact = found.stats.queries;
            Ok(found)
        }))
    }
}
