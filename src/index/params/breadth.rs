//! By which number a search looks at more of an index.

use super::graph::GraphParams;
use super::ivf::IvfParams;
use super::search::SearchParams;
use std::fmt;

/// The parameter by which searches of an index look at more of it, and so find more and take longer
/// ([`Search::breadth`](crate::Search::breadth)). It prints as the parameter's name.
///
/// # Example
/// ```no_run
/// use nearfield::{Breadth, Gpu, Rows, Search, SearchParams, read_index};
/// let index = read_index(&Gpu::new()?, "rows.nf")?;
/// if let Some(breadth) = index.breadth() {
///     // lists or a graph: half of what there is to look at
///     let (name, half) = (breadth.to_string(), breadth.most().div_ceil(2));
///     let params = breadth.set(SearchParams::new(), half);
///     println!("{name} = {half}: {:?}", index.search_with(Rows::F32(&[0.5; 128]), 10, &params)?);
/// }
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Breadth {
    /// Of an index with lists how many of them are looked at: [`IvfParams::nprobe`](crate::IvfParams#structfield.nprobe).
    Nprobe {
        /// All lists.
        most: usize,
    },
    /// Of a graph how many rows a query keeps on its way: [`GraphParams::ef`](crate::GraphParams#structfield.ef).
    Ef {
        /// The longest list with which a search goes along the edges.
        most: usize,
    },
}

impl Breadth {
    /// The largest number that finds more than a smaller one may.
    pub fn most(self) -> usize {
        match self {
            Breadth::Nprobe { most } | Breadth::Ef { most } => most,
        }
    }

    /// The parameters with this one of them set, and all others as they are.
    #[must_use]
    pub fn set(self, params: SearchParams, number: usize) -> SearchParams {
        match self {
            Breadth::Nprobe { .. } => {
                let lists = params.ivf.clone().unwrap_or_default();
                params.ivf(IvfParams::nprobe(lists, number))
            }
            Breadth::Ef { .. } => {
                let graph = params.graph.clone().unwrap_or_default();
                params.graph(GraphParams::ef(graph, number))
            }
        }
    }

    /// What it is called as a parameter.
    pub(in crate::index) const fn name(self) -> &'static str {
        match self {
            Breadth::Nprobe { .. } => "nprobe",
            Breadth::Ef { .. } => "ef",
        }
    }
}

impl fmt::Display for Breadth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
