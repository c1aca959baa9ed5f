//! How the graph of an HNSW index is made.

use crate::error::{Error, Result};
use crate::graph::{Levels, MOST_DEGREE, MOST_LEVEL};

/// How the graph of an [`Hnsw`](crate::Hnsw) is made, and searched unless a search says otherwise; each field has a setter of the same name.
///
/// # Example
/// ```
/// use nearfield::HnswParams;
/// let params = HnswParams::new().max_connections(16).ef_construction(100).ef_search(50);
/// assert_eq!((params.max_connections, params.ef_search), (16, 50));
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HnswParams {
    /// Links of a node on each level above 0, 2 to 64; on level 0 it has twice as many. FAISS's and hnswlib's M. Default: 32.
    pub max_connections: usize,
    /// Rows among which the links of a node are chosen, at least `max_connections`; the nearest by the exact search, on level 0 three for two links at
    /// most. FAISS's efConstruction. Files keep it for those who add to them. Default: 200.
    pub ef_construction: usize,
    /// How many of the best rows a search keeps that does not say so ([`GraphParams::ef`](crate::GraphParams#structfield.ef)). FAISS's efSearch. Default: 64.
    pub ef_search: usize,
    /// The highest level that a node may have, 0 to 254; with 0 there is level 0 alone, over which searches in other libraries set out from one
    /// node. Default: 16.
    pub max_level: usize,
    /// The mean level of a node: its level is this times -ln of a number between 0 and 1, rounded down. `None`, the default, is 1 / ln
    /// `max_connections`, by which each level has a node for `max_connections` of the one below.
    pub level_multiplier: Option<f64>,
    /// With the number of a row it decides the level of its node. Default: 0.
    pub seed: u64,
}

impl Default for HnswParams {
    fn default() -> Self {
        HnswParams {
            max_connections: 32,
            ef_construction: 200,
            ef_search: 64,
            max_level: 16,
            level_multiplier: None,
            seed: 0,
        }
    }
}

impl HnswParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`max_connections`](Self#structfield.max_connections).
    #[must_use]
    pub fn max_connections(mut self, links: usize) -> Self {
        self.max_connections = links;
        self
    }

    /// Sets [`ef_construction`](Self#structfield.ef_construction).
    #[must_use]
    pub fn ef_construction(mut self, rows: usize) -> Self {
        self.ef_construction = rows;
        self
    }

    /// Sets [`ef_search`](Self#structfield.ef_search).
    #[must_use]
    pub fn ef_search(mut self, rows: usize) -> Self {
        self.ef_search = rows;
        self
    }

    /// Sets [`max_level`](Self#structfield.max_level).
    ///
    /// # Example
    /// ```
    /// use nearfield::HnswParams;
    /// // few levels, of many nodes each
    /// let params = HnswParams::new().max_level(8).level_multiplier(0.5).seed(7);
    /// assert_eq!(params.level_multiplier, Some(0.5));
    /// ```
    #[must_use]
    pub fn max_level(mut self, level: usize) -> Self {
        self.max_level = level;
        self
    }

    /// Sets [`level_multiplier`](Self#structfield.level_multiplier).
    #[must_use]
    pub fn level_multiplier(mut self, mean: f64) -> Self {
        self.level_multiplier = Some(mean);
        self
    }

    /// Sets [`seed`](Self#structfield.seed).
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The same for the engine.
    ///
    /// # Errors
    /// `InvalidArgument` for what the fields do not allow.
    pub(in crate::index) fn levels(&self) -> Result<Levels> {
        let HnswParams {
            max_connections, ef_construction, max_level, level_multiplier, seed, ..
        } = *self;
        let most = MOST_DEGREE as usize / 2;
        if !(2..=most).contains(&max_connections) {
            let reason = format!("{max_connections} links; 2 to {most} can be");
            return Err(Error::argument("max_connections", reason));
        }
        if ef_construction < max_connections {
            let reason = format!("{ef_construction} rows to choose {max_connections} links among");
            return Err(Error::argument("ef_construction", reason));
        }
        if max_level > MOST_LEVEL as usize {
            let reason = format!("{max_level}; {MOST_LEVEL} is the highest");
            return Err(Error::argument("max_level", reason));
        }
        if level_multiplier.is_some_and(|mean| !(mean >= 0.0 && mean.is_finite())) {
            let reason = "it is 0 or more, and finite".to_owned();
            return Err(Error::argument("level_multiplier", reason));
        }
        Ok(Levels {
            m: max_connections as u32,
            ef_construction: ef_construction as u64,
            most: max_level as u32,
            multiplier: level_multiplier,
            seed,
        })
    }
}
