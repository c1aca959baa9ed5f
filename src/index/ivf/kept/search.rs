//! The search of codes on the device whose rows are on the host: the codes say which rows may be hits, and these are compared exactly. So it is of
//! a radius wherever the rows lie; neighbours among rows that lie on the device are found and proved there (`invlists/originals.rs`).
//!
//! # The algorithm
//!
//! ```text
//! search(queries, k):                                                           nearest.rs
//!   the device finds the k' > k codes that are nearest to each query, by an exact search
//!   the host computes the distances of their rows; D = the k-th smallest
//!   every other row's code is as far as the last of the k' or farther: it can be a hit only if its slack is at least
//!     gap = what this distance exceeds D by, less all roundings                 slack.rs
//!   if no row has so much slack, the answer is proved
//!   if only rows have that are listed as those with most slack, the ones in the lists that the query looks at are compared, too    loose.rs
//!   otherwise the query is asked again with four times as many codes, in the end with all
//! range(queries, radius):                                                       range.rs
//!   the device finds the codes within the radius and the slack of all rows that are not listed
//!   the host keeps those whose rows are within the radius, and looks at the ones that are listed
//! ```
//!
//! Where every code stands for its row itself the device's answer is the answer.

use super::call::{Call, Done, Searched};
use super::queries::{Passes, Queries};
use crate::call::{
    CancelToken, Filter, Options, Pending, RowHits, SearchStats, SharedFilter, start_thread,
};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::exact::{ToPrepare, is_fused, prepared};
use crate::invlists::{Look, Probe, Proof};
use crate::space::{Decoder, Tree, pair};

/// Starts a search of the lists that are nearest to each query.
pub(in crate::index::ivf) fn submit(
    of: Searched,
    queries: Rows<'_>,
    look: Look,
    filter: Filter,
    options: Options,
) -> Result<Pending<RowHits>> {
    let (metric, dim) = (of.lists.dataset().metric().clone(), of.rows.dim());
    if let Probe::Within(radius) = look.probe
        && radius.is_nan()
    {
        return Err(Error::argument("radius", "not a number"));
    }
    // a proof that other lists have no nearer row is a matter of this thread
    if !of.rows.is_lossless()
        && !look.prove
        && let Some(found) = of.on_device(queries, look, &filter, &options)?
    {
        return Ok(found);
    }
    let queries = Queries::new(&metric, dim, queries)?;
    if of.rows.is_lossless() {
        return of.lists.submit(queries.all(), look, filter, options);
    }
    let pair = pair(&metric, DType::F32, DType::F32, dim);
    let decoder = Decoder::new(&metric, &pair, DType::F32, dim);
    let tree = Tree::of(&pair).ok_or_else(|| Error::internal("codes of no product"))?;
    let passes = Passes::new(&filter, of.rows.len() as u64);
    let cancel = options.cancel.clone();
    let mut call = Call { of, queries, passes, tree, decoder, options, filter, look };
    start_thread(cancel, move |stop| call.run(stop))
}

impl Call {
    fn run(&mut self, stop: &CancelToken) -> Result<RowHits> {
        let Look { probe, nprobe, fill, prove } = self.look;
        self.tree = self.tree.fused(is_fused(self.of.lists.dataset().gpu())?);
        let (lists, queries) = (&self.of.lists, self.queries.count as u64);
        let proof = match prove {
            false => None,
            true if nprobe >= lists.nlist() => Some(Proof::of_all(self.queries.count)),
            true => {
                let reach = || self.reach();
                let options = Options { cancel: Some(stop.clone()), ..Options::default() };
                Some(Proof::new(lists, reach, self.queries.all(), nprobe, &options)?)
            }
        };
        let alone = Look { prove: false, ..self.look };
        if let (Some(proof), Probe::Nearest(k)) = (&proof, probe)
            && let Some(found) =
                self.of.on_device(self.queries.all(), alone, &self.filter, &self.options)?
        {
            let mut found = found.wait()?;
            proof.tell(&mut found, Some(k), None);
            return Ok(found);
        }
        if let Some(SharedFilter::Words(words)) = &self.filter.shared {
            // once, and not in each of several searches
            let rows = lists.dataset().compared();
            self.filter.shared = prepared(rows, ToPrepare::Shared(words))?.shared;
        }
        let stats = SearchStats { queries, ..SearchStats::default() };
        let mut done = Done { stats, answered: 0, stop };
        let nprobe = nprobe.min(self.of.lists.nlist());
        let (hits, k, radius) = match probe {
            Probe::Nearest(k) => (self.nearest(k, (nprobe, fill), &mut done)?, Some(k), None),
            Probe::Within(radius) => (self.range(radius, nprobe, &mut done)?, None, Some(radius)),
        };
        done.stats.ivf.nprobe = nprobe as u64;
        let mut found = self.found(&hits, done.stats)?;
        if let Some(proof) = proof {
            proof.tell(&mut found, k, radius);
        }
        self.options.tell(1.0);
        Ok(found)
    }
}
