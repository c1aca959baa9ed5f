//! What an HNSW index stores: rows with a graph, which has levels, and which goes with the rows into files and out of them.

use super::rows::GraphRows;
use crate::buffer::Matrix;
use crate::call::{Filter, Pending, RowHits, RowIds};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{Dataset, ToPrepare};
use crate::format::RowSource;
use crate::graph::{Edges, Layers, Levels, MOST_DEGREE, Shape, Upper};
use crate::index::ids::RowSet;
use crate::index::params::{Ask, Breadth, HnswParams, SearchParams};
use crate::index::persist::{self, FileReader, FileWriter};
use crate::index::state::Stored;
use crate::metric::Metric;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// Rows, whose graph is made with levels.
#[derive(Clone)]
pub(in crate::index) struct HnswRows {
    rows: GraphRows,
    /// The graph of a file that no search here follows, since such rows are searched exactly: it goes into files again.
    unfollowed: Option<Arc<Layers>>,
}

impl HnswRows {
    fn of(rows: GraphRows) -> HnswRows {
        HnswRows { rows, unfollowed: None }
    }

    /// No rows yet.
    pub fn new(dataset: Dataset, params: &HnswParams) -> Result<HnswRows> {
        let levels = params.levels()?;
        HnswRows::made(dataset, (2 * levels.m, levels, params.ef_search))
    }

    fn made(dataset: Dataset, (degree, levels, ef): (u32, Levels, usize)) -> Result<HnswRows> {
        // files may have more links than a graph that is made here
        let shape = Shape { degree: degree.clamp(2, MOST_DEGREE) };
        let levels = Levels { m: levels.m.clamp(2, MOST_DEGREE / 2), ..levels };
        if ef == 0 {
            let why = "of 0 rows that are kept there is none to go on from";
            return Err(Error::argument("ef_search", why));
        }
        let rows = GraphRows::new(dataset, shape, ef);
        Ok(HnswRows::of(rows.with_levels(levels)))
    }

    /// Rows of a file with the graph that it has of them; without a number of rows that a search keeps, as many as by default.
    pub fn of_layers(dataset: Dataset, layers: &Layers, ef: Option<usize>) -> Result<HnswRows> {
        let upper = &layers.upper;
        let levels = Levels {
            m: upper.m,
            ef_construction: upper.ef_construction,
            ..HnswParams::new().levels()?
        };
        let ef = ef.unwrap_or(HnswParams::new().ef_search);
        HnswRows::made(dataset, (layers.degree, levels, ef))?.with_layers(layers)
    }

    /// The same rows with this graph, where there can be one of them.
    fn with_layers(&self, layers: &Layers) -> Result<HnswRows> {
        let dataset = &self.rows.dataset;
        if dataset.len() == 0 {
            return Ok(self.clone());
        }
        if let Some(why) = Edges::refused_layers(dataset, layers.degree) {
            log::debug!("the graph of a file is not followed: {why}");
            let unfollowed = Some(Arc::new(layers.clone()));
            return Ok(HnswRows { unfollowed, ..self.clone() });
        }
        let graph = Edges::of_layers(dataset, layers, None)?;
        Ok(HnswRows::of(self.rows.with_graph(graph)))
    }

    /// The rows in the order in which they were added.
    pub fn dataset(&self) -> Dataset {
        self.rows.dataset()
    }

    /// Whose searches keep so many rows.
    pub fn with_ef(&self, ef: usize) -> Result<HnswRows> {
        Ok(HnswRows { rows: self.rows.with_ef(ef)?, ..self.clone() })
    }

    pub fn build(&self) -> Result<()> {
        self.rows.build()
    }

    fn levels(&self) -> Levels {
        self.rows.levels.unwrap_or(Levels::of_degree(self.rows.shape.degree))
    }

    /// How its graph is made.
    pub fn params(&self) -> HnswParams {
        let Levels { m, ef_construction, most, multiplier, seed } = self.levels();
        let mut params = HnswParams::new();
        params.max_connections = m as usize;
        params.ef_construction = ef_construction as usize;
        params.ef_search = self.rows.ef;
        params.max_level = most as usize;
        params.level_multiplier = multiplier;
        params.seed = seed;
        params
    }

    /// The graph of the rows in `live`, or all, which is made if there is none; `None` where there can be none.
    pub fn layers(&self, live: Option<&RowSet>) -> Result<Option<Layers>> {
        match &self.unfollowed {
            Some(layers) => Ok(Some(kept(Cow::Borrowed(layers), live))),
            None => graph_layers(&self.rows, &self.levels(), live),
        }
    }
}

/// The graph of those rows that are in `live`, or all, with levels; `None` where there is none.
pub(in crate::index) fn graph_layers(
    rows: &GraphRows,
    levels: &Levels,
    live: Option<&RowSet>,
) -> Result<Option<Layers>> {
    if rows.len() == 0 {
        let degree = rows.shape.degree;
        let upper = Upper::new(levels.m, levels.ef_construction, None);
        return Ok(Some(Layers { degree, base: Vec::new(), upper }));
    }
    match rows.build() {
        // what is not there is made by the next search
        Err(Error::OutOfDeviceMemory { .. } | Error::Unsupported { .. }) => return Ok(None),
        other => other?,
    }
    let Some(graph) = rows.known_graph() else { return Ok(None) };
    Ok(Some(kept(Cow::Owned(graph.layers(&rows.dataset, levels)?), live)))
}

/// What is left of a graph of those nodes that are in `live`, or all.
fn kept(layers: Cow<'_, Layers>, live: Option<&RowSet>) -> Layers {
    match live {
        None => layers.into_owned(),
        Some(live) => layers.keep(&live.iter().collect::<Vec<u32>>()),
    }
}

impl Stored for HnswRows {
    fn metric(&self) -> &Metric {
        self.rows.metric()
    }

    fn dtype(&self) -> DType {
        self.rows.dtype()
    }

    fn dim(&self) -> usize {
        self.rows.dim()
    }

    fn len(&self) -> u64 {
        self.rows.len()
    }

    fn bytes(&self) -> u64 {
        self.rows.bytes()
    }

    fn description(&self) -> String {
        format!("HNSW{}", self.levels().m)
    }

    fn breadth(&self) -> Option<Breadth> {
        self.rows.breadth()
    }

    fn append(&self, source: &mut dyn RowSource) -> Result<HnswRows> {
        self.rows.without_graph().append(source).map(HnswRows::of)
    }

    fn append_matrix(&self, matrix: &Matrix) -> Result<HnswRows> {
        self.rows.without_graph().append_matrix(matrix).map(HnswRows::of)
    }

    fn replace(
        &self,
        rows: &[u32],
        source: &mut dyn RowSource,
        live: Option<&[u32]>,
        more: u64,
    ) -> Result<HnswRows> {
        self.rows.without_graph().replace(rows, source, live, more).map(HnswRows::of)
    }

    fn mask(&self, live: &[u32]) -> Result<HnswRows> {
        // until rows are copied together, the graph leads over those that were removed
        let rows = self.rows.mask(live)?;
        Ok(HnswRows { rows, ..self.clone() })
    }

    fn gather(&self, keep: &[u32]) -> Result<HnswRows> {
        let kept = HnswRows::of(self.rows.without_graph().gather(keep)?);
        match (self.rows.known_graph(), &self.unfollowed) {
            (Some(graph), _) => {
                let all = graph.layers(&self.rows.dataset, &self.levels())?;
                kept.with_layers(&all.keep(keep))
            }
            (None, Some(layers)) => kept.with_layers(&layers.keep(keep)),
            (None, None) => Ok(kept),
        }
    }

    fn read(&self, rows: Range<u64>) -> Result<Vec<u8>> {
        Stored::read(&self.rows, rows)
    }

    fn read_rows(&self, rows: &[u32], out: &mut [u8]) -> Result<()> {
        Stored::read_rows(&self.rows, rows, out)
    }

    fn prepare(&self, filter: ToPrepare<'_>) -> Result<Filter> {
        self.rows.prepare(filter)
    }

    fn submit(
        &self,
        queries: Rows<'_>,
        ask: Ask,
        filter: Filter,
        row_ids: RowIds,
        params: &SearchParams,
    ) -> Result<Pending<RowHits>> {
        self.rows.submit(queries, ask, filter, row_ids, params)
    }

    fn write_sections(&self, live: Option<&RowSet>, file: &mut FileWriter) -> Result<()> {
        let making = (self.rows.shape.degree, self.levels(), self.rows.ef);
        persist::write_hnsw(file, making, self.layers(live)?.as_ref())?;
        self.rows.dataset.write_sections(live, file)
    }

    fn read_sections(&self, rows: u64, file: &mut FileReader) -> Result<HnswRows> {
        let (making, layers) = persist::read_hnsw(file, rows)?;
        let read = HnswRows::made(self.rows.dataset.read_sections(rows, file)?, making)?;
        match layers {
            Some(layers) => read.with_layers(&layers),
            None => Ok(read),
        }
    }
}
