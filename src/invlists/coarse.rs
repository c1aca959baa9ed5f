//! The lists that are nearest to some queries, found on the device and left there for the search of their rows.

use super::lists::InvertedLists;
use crate::buffer::Buffer;
use crate::call::{Filter, Options};
use crate::error::{Error, Result};
use crate::exact::nearest;
use crate::exact::{Asked, Dataset, DeviceFilter, Nearest, Plan, Queries, Upload};
use crate::kernel::Encoder;

/// The search of the centroids, planned for one call.
pub(super) struct Coarse {
    centroids: Dataset,
    /// The queries as the plan knows them.
    queries: Queries,
    plan: Plan,
    nprobe: u32,
}

/// The lists of each query, and how many bins of centroids it chose, if that has to be looked at: above `room` they mean nothing.
pub(super) struct Probes {
    pub lists: Buffer,
    pub counts: Option<Buffer>,
    pub room: u32,
}

impl Coarse {
    pub fn new(
        lists: &InvertedLists,
        queries: &Queries,
        nprobe: usize,
        options: &Options,
    ) -> Result<Coarse> {
        let centroids = lists.centroids()?.clone();
        let queries = queries.planned_for(&centroids);
        let none = DeviceFilter::new(centroids.compared(), Filter::default(), queries.count)?;
        let probes = Asked::Nearest(nprobe as u64);
        let options = Options { cancel: options.cancel.clone(), ..Options::default() };
        let plan = Plan::new(centroids.gpu(), &centroids, &queries, &none, probes, &options)?;
        Ok(Coarse { centroids, queries, plan, nprobe: nprobe as u32 })
    }

    /// Queries of the submission that begins with number `start`.
    pub fn step(&self, start: usize) -> usize {
        self.plan.step(start).max(1)
    }

    /// Queries of a submission that finds lists by exact distances.
    pub fn rerun_queries(&self) -> usize {
        self.plan.rerun_queries.max(1)
    }

    /// Encodes which lists are nearest to uploaded queries of `queries`; `exactly` where scores could not tell the centroids apart.
    pub fn encode(
        &mut self,
        encoder: &mut Encoder,
        queries: &Queries,
        upload: &Upload,
        exactly: bool,
    ) -> Result<Probes> {
        self.queries.facts = queries.facts;
        let upload = upload.for_centroids(self.centroids.compared_dtype());
        let upload = upload.ok_or_else(|| Error::internal("no f32 queries"))?;
        let way = (&self.plan, exactly);
        let Nearest { hits, counts, room } =
            nearest(encoder, &self.centroids, &self.queries, upload, way, self.nprobe)?;
        Ok(Probes { lists: hits.rows, counts, room })
    }
}
