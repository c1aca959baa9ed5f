//! What the parameters of a search mean for the engines, and which contradict each other.

use super::ask::{Ask, Guarantee, rising};
use super::graph::{GraphParams, GraphPath};
use super::ivf::IvfParams;
use super::refine::RefineParams;
use super::search::SearchParams;
use crate::call::Options;
use crate::error::{Error, Result};
use crate::invlists::{Look, Probe};

/// What a search does whose candidates are compared again.
pub(in crate::index) enum Refining {
    /// The first stage is told this, and asked for so many times what is wanted.
    Candidates(SearchParams, f32),
    /// Every row is compared, without a first stage.
    Every(SearchParams),
}

/// A factor by which there may be more candidates than neighbours.
pub(in crate::index) fn checked_k_factor(times: f32) -> Result<f32> {
    if times.is_finite() && times >= 1.0 {
        return Ok(times);
    }
    let reason = format!("{times} candidates for each neighbour; 1 or more are, and finitely many");
    Err(Error::argument("k_factor", reason))
}

impl SearchParams {
    /// How a search runs of an index that has no settings of its own.
    pub(in crate::index) fn exact(&self, ask: Ask) -> Result<Options> {
        self.unrefined()?;
        self.unrounded()?;
        self.unwalked()?;
        if self.ivf.is_some() {
            return Err(Error::argument(
                "ivf",
                "this index has no lists of which some are looked at",
            ));
        }
        self.certified(ask)
    }

    /// What a search of a graph is told, and how it runs.
    pub(in crate::index) fn walking(&self, ask: Ask) -> Result<(GraphParams, Options)> {
        let options = SearchParams { graph: None, ..self.clone() }.exact(ask)?;
        let asked = self.graph.clone().unwrap_or_default();
        if self.guarantee == Guarantee::Exact {
            let every = "beside a guarantee of exact answers, for which every row is compared";
            match asked {
                GraphParams { ef: Some(_), .. } => return Err(Error::argument("ef", every)),
                GraphParams { path: GraphPath::Graph, .. } => {
                    return Err(Error::argument("path", every));
                }
                _ => return Ok((GraphParams { path: GraphPath::Exact, ..asked }, options)),
            }
        }
        Ok((asked, options))
    }

    /// What a search does in `nlist` lists, of which it looks at `own` unless it says how many, and how it runs.
    pub(in crate::index) fn probing(
        &self,
        ask: Ask,
        own: usize,
        nlist: usize,
    ) -> Result<(Look, Options)> {
        self.unrefined()?;
        self.unrounded()?;
        self.unwalked()?;
        let IvfParams { nprobe, fill, prove } = self.ivf.clone().unwrap_or_default();
        let all = self.guarantee == Guarantee::Exact;
        let every = "beside a guarantee of exact answers, for which every list is looked at";
        let (field, why) = match (ask, nprobe) {
            (_, Some(0)) => ("nprobe", "0 lists hold no neighbour"),
            (_, Some(_)) if all => ("nprobe", every),
            _ if fill && all => ("fill", every),
            (Ask::Within(_), _) if fill => ("fill", "for a range search, which wants no number"),
            _ if prove && !self.certify => {
                ("prove", "beside certify = false, which proves nothing")
            }
            _ => {
                let probe = match ask {
                    Ask::Nearest(k) => Probe::Nearest(k),
                    Ask::Within(radius) => Probe::Within(radius),
                };
                let nprobe = if all { nlist } else { nprobe.unwrap_or(own).min(nlist) };
                return Ok((Look { probe, nprobe, fill, prove }, self.certified(ask)?));
            }
        };
        Err(Error::argument(field, why))
    }

    /// Refuses what only re-scoring has a use for.
    fn unrefined(&self) -> Result<()> {
        match self.refine {
            Some(_) => Err(Error::argument("refine", "this index compares no candidates again")),
            None => Ok(()),
        }
    }

    /// Refuses what only a graph has a use for.
    fn unwalked(&self) -> Result<()> {
        match self.graph {
            Some(_) => Err(Error::argument("graph", "this index has no graph")),
            None => Ok(()),
        }
    }

    /// Refuses what only estimates of RaBitQ have a use for.
    fn unrounded(&self) -> Result<()> {
        match self.query_bits {
            Some(_) => Err(Error::argument("query_bits", "this index reads queries as they are")),
            None => Ok(()),
        }
    }

    /// What a search does that compares candidates again, `own` times as many as neighbours unless it says how many.
    pub(in crate::index) fn refining(&self, ask: Ask, own: f32) -> Result<Refining> {
        let RefineParams { k_factor } = self.refine.clone().unwrap_or_default();
        let refused = |argument, why: &str| Err(Error::argument(argument, why));
        if self.ivf.as_ref().is_some_and(|ivf| ivf.prove) {
            return refused("prove", "what is compared again is nothing that a proof is about");
        }
        let mut within = SearchParams { refine: None, ..self.clone() };
        if self.guarantee == Guarantee::Exact {
            let every = "beside a guarantee of exact answers, for which every row is compared";
            return match () {
                _ if k_factor.is_some() => refused("k_factor", every),
                _ if self.ivf.is_some() => refused("ivf", every),
                _ if self.prepared.is_some() => refused(
                    "prepared",
                    "beside a guarantee of exact answers, which the first stage takes no part in: give the filter as it is",
                ),
                _ => {
                    self.certified(ask)?;
                    (within.exhaustive, within.guarantee) = (true, Guarantee::Index);
                    Ok(Refining::Every(within))
                }
            };
        }
        let times = match k_factor {
            Some(times) => checked_k_factor(times)?,
            None => own,
        };
        Ok(Refining::Candidates(within, times))
    }

    /// How the candidates are compared again.
    pub(in crate::index) fn comparing(&self) -> Options {
        Options { timed: self.timed, cancel: self.cancel.clone(), ..Options::default() }
    }

    /// How the exact search runs, of all rows or of some.
    fn certified(&self, ask: Ask) -> Result<Options> {
        let why = match ask {
            _ if self.certify => return Ok(self.options()),
            Ask::Within(_) => "false for a range search, which certifies every hit",
            _ if self.guarantee == Guarantee::Exact => "false beside a guarantee of exact answers",
            _ if self.exhaustive => "false where every exact distance is computed",
            Ask::Nearest(_) => return Ok(self.options()),
        };
        Err(Error::argument("certify", why))
    }

    /// How rows are brought to the device and not searched.
    pub(in crate::index) fn reading(&self) -> Result<Options> {
        let searching = [
            ("filter", self.filter.is_some()),
            ("query_filter", self.query_filter.is_some()),
            ("prepared", self.prepared.is_some()),
            ("exclude", self.exclude.is_some()),
            ("timed", self.timed),
            ("exhaustive", self.exhaustive),
            ("guarantee", self.guarantee != Guarantee::Index),
            ("certify", !self.certify),
            ("ivf", self.ivf.is_some()),
            ("graph", self.graph.is_some()),
            ("refine", self.refine.is_some()),
            ("query_bits", self.query_bits.is_some()),
        ];
        match searching.iter().find(|(_, set)| *set) {
            Some((field, _)) => Err(Error::argument(field, "rows are read and not searched")),
            None => Ok(self.options()),
        }
    }

    fn options(&self) -> Options {
        Options {
            timed: self.timed,
            exhaustive: self.exhaustive,
            fast: !self.certify,
            cancel: self.cancel.clone(),
            progress: self.progress.clone().map(rising),
            next: self.next.clone(),
            ..Options::default()
        }
    }
}
