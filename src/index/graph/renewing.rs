//! The graph of rows: made of the one before where that is the shorter way, or of the rows alone.

use super::before::{Before, Built, Rest};
use super::rows::GraphRows;
use crate::call::Made;
use crate::error::Result;
use crate::graph::{Edges, Origin};
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

    /// Whether there is a graph, or one that it is made of.
    pub(super) fn is_made(&self) -> bool {
        let none = Edges::refused(&self.dataset, self.shape).is_some();
        !none && (self.built.known().is_some() || self.before.get().is_some())
    }

    /// The graph, which is made if nobody has.
    pub(super) fn graph(&self) -> Result<Built> {
        let built = self.built.get(|| {
            let gone = self.gone.as_deref();
            // rows that were removed before a graph was made of the rows alone take no place in it, others do
            let (graph, removed) = match self.before.get() {
                Some(Rest { graph, rows, origin }) => {
                    let origin = Origin { rows: rows as u32, of: origin.as_deref() };
                    (graph.renewed(&self.dataset, origin, gone, None)?, 0)
                }
                None => (Edges::build(&self.dataset, self.shape, gone, None)?, self.removed()),
            };
            Ok(Built { graph: Arc::new(graph), removed })
        })?;
        self.before.forget();
        Ok(built)
    }

    /// With a graph of the rows alone, whatever there was.
    pub(super) fn rebuilt(&self) -> Result<GraphRows> {
        let next = GraphRows { built: Made::default(), before: Before::default(), ..self.clone() };
        next.build()?;
        Ok(next)
    }
}
