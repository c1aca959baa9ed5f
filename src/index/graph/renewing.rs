//! The graph of rows: made of the one before where that is the shorter way, or of the rows alone.

use super::before::{Before, Built, Rest};
use super::rows::GraphRows;
use crate::call::{CancelToken, Made};
use crate::error::Result;
use crate::graph::{Edges, Levels, Origin};
use std::sync::Arc;

impl GraphRows {
    /// What the graph of other rows may be made of.
    pub(super) fn before(&self) -> Before {
        match self.built.known() {
            Some(built) => {
                let (graph, rows) = (built.graph, self.dataset.len());
                Before::of(Some(Rest { graph, rows, origin: None }))
            }
            None => self.before.own(),
        }
    }

    /// Whose graph has such levels above its edges.
    pub(super) fn with_levels(self, levels: Levels) -> GraphRows {
        GraphRows { levels: Some(levels), ..self }
    }

    /// The same rows with this graph of them.
    pub(super) fn with_graph(&self, graph: Edges) -> GraphRows {
        let built = Built { graph: Arc::new(graph), removed: self.removed() };
        GraphRows { built: Made::of(built), ..self.clone() }
    }

    /// The same rows, of which there is no graph yet, nor one to make it of.
    pub(super) fn without_graph(&self) -> GraphRows {
        GraphRows { built: Made::default(), before: Before::default(), ..self.clone() }
    }

    /// The graph, if it is there.
    pub(super) fn known_graph(&self) -> Option<Arc<Edges>> {
        self.built.known().map(|built| built.graph)
    }

    /// Whether there is a graph, or one that it is made of.
    pub(super) fn is_made(&self) -> bool {
        let none = Edges::refused(&self.dataset, self.shape).is_some();
        !none && (self.built.known().is_some() || self.before.get().is_some())
    }

    /// The graph, which is made if nobody has.
    pub(super) fn graph(&self, cancel: Option<&CancelToken>) -> Result<Built> {
        let built = self.built.get(|| {
            let gone = self.gone.as_deref();
            // rows that were removed before a graph was made of the rows alone take no place in it, others do
            let (graph, removed) = match self.before.get() {
                Some(Rest { graph, rows, origin }) => {
                    let origin = Origin { rows: rows as u32, of: origin.as_deref() };
                    (graph.renewed(&self.dataset, origin, gone, cancel)?, 0)
                }
                None => {
                    let levels = self.levels.as_ref();
                    let graph = Edges::build(&self.dataset, self.shape, levels, gone, cancel)?;
                    (graph, self.removed())
                }
            };
            Ok(Built { graph: Arc::new(graph), removed })
        })?;
        self.before.forget();
        Ok(built)
    }

    /// With a graph of the rows alone, whatever there was.
    pub(super) fn rebuilt(&self) -> Result<GraphRows> {
        let next = self.without_graph();
        next.build()?;
        Ok(next)
    }
}
