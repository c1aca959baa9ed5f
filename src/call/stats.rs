//! What a search did, so that nobody has to believe it.

use serde::Serialize;

/// Device time of one stage of a search, over all its submissions.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StageTime {
    /// The stage: `scan`, `select`, `rescore`, ...
    pub stage: &'static str,
    /// Nanoseconds between the first and the last of its work, by the device's clock.
    pub nanoseconds: u64,
}

/// What a search did: what every engine tells, and a struct for each engine, which stays zero where it took no part.
///
/// `Serialize` writes the fields under their names, as `--stats` of the program shows them.
///
/// # Example
/// ```no_run
/// # use nearfield::{Flat, Gpu, Metric, Search};
/// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
/// let hits = index.search(&[0.0; 200], 10)?;
/// let stats = hits.stats();
/// println!("{} queries against {} rows: {:?}", stats.queries, stats.rows, stats.variants);
/// println!("{} of them ran twice", stats.exact.rerun);
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SearchStats {
    /// Names of the kernel variants that ran, in order of their first dispatch.
    pub variants: Vec<String>,
    /// Queries asked.
    pub queries: u64,
    /// Rows each was compared with.
    pub rows: u64,
    /// What the exact search did.
    pub exact: ExactStats,
    /// What the inverted lists did.
    pub ivf: IvfStats,
    /// What the graph did.
    pub graph: GraphStats,
    /// What was compared with rows that lie beside their codes.
    pub originals: OriginalsStats,
    /// What was compared again.
    pub refine: RefineStats,
    /// What was brought from the host for this search.
    pub stream: StreamStats,
    /// Submissions made.
    pub submissions: u64,
    /// Multiplications and additions of the scan or of all exact distances, as 2 n d a query.
    pub flops: u64,
    /// Bytes of rows, or of their rounded copy where a scan reads that, times the number of passes over them; the rows that
    /// the scan's choice is decided by are not counted.
    pub bytes: u64,
    /// Device time by stage; empty unless asked for and supported.
    pub times: Vec<StageTime>,
}

/// What the exact search did: a scan scores all rows in bins of 64, and the exact distances are computed in the bins that
/// a score does not rule out. A search of a [`StreamedFlat`](crate::StreamedFlat) counts each query once a chunk.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExactStats {
    /// Queries answered through bins of rows, by the scan or, under a metric that it does not have, by the exact distances of
    /// each bin; the others had every exact distance selected from.
    pub scanned: u64,
    /// Queries of the scan whose candidates did not fit and that ran again: after a scan of 8 bits from what loses less, of a search by
    /// radius once more with room for more, else through all exact distances. Of a metric in WGSL, those for which two kernels did not
    /// agree ([`Metric::wgsl`](crate::Metric::wgsl)).
    pub rerun: u64,
    /// Bins of 64 rows that passed, over the scanned queries.
    pub bins_passed: u64,
    /// The most that passed for one query.
    pub bins_passed_max: u64,
    /// Whether the data's sums are exact in f32, so that no bin passed on the rounding's account.
    pub sums_exact: bool,
}

/// What the inverted lists did, of which a search looks at those that are nearest to a query.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IvfStats {
    /// Lists that were looked at for each query; 0 where the index has none. Of several calls the most.
    pub nprobe: u64,
    /// Rows of these lists, over the queries, filtered ones included.
    pub rows_probed: u64,
    /// Queries whose lists have so many of all rows that the flat scan went through all, others than theirs masked: where all lists
    /// were looked at or the profile's `kernel.lists.flat_share` says so. [`rows_probed`](Self::rows_probed) stays that of the lists.
    pub flat: u64,
    /// Queries that went on to more lists, since the first had fewer rows than were asked for
    /// ([`IvfParams::fill`](crate::IvfParams#structfield.fill)).
    pub filled: u64,
    /// Queries of which it is proved that no other list has a nearer row ([`Hits::proved`](crate::Hits::proved)).
    pub proved: u64,
}

/// What a graph did, of a [`Graph`](crate::Graph) or an [`Hnsw`](crate::Hnsw).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GraphStats {
    /// Queries that followed edges; the others were answered by the exact search, which [`exact`](Self::exact) counts.
    pub walked: u64,
    /// Queries of an index with a graph that the exact search answered.
    pub exact: u64,
    /// Steps of all queries that followed edges, in each of which they followed those of up to four rows.
    pub steps: u64,
    /// Queries that ended at [`GraphParams::max_steps`](crate::GraphParams#structfield.max_steps) before they were done.
    pub capped: u64,
    /// Queries that had met fewer hits than were asked for, and that the exact search answered after that.
    pub again: u64,
}

/// What was compared with the originals of codes where these lie beside the codes: in host memory
/// ([`Originals::Host`](crate::Originals::Host)), or on the device where codes are of RaBitQ
/// ([`IvfRaBitQ::with_originals`](crate::IvfRaBitQ::with_originals)).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OriginalsStats {
    /// Pairs of a query and a row that were compared exactly, by the host or the device.
    pub compared: u64,
    /// Queries that were asked again, each as often as it was: for more rows, since the codes of those that came back left open whether
    /// others are nearer; where the device compares by itself, for all rows of their lists, since their codes left too many open
    /// ([`ExactStats::rerun`](ExactStats#structfield.rerun) counts these, too).
    pub again: u64,
}

/// What was compared again of what a first stage found ([`Refine`](crate::Refine)).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RefineStats {
    /// Pairs of a query and a candidate whose exact distance was computed.
    pub candidates: u64,
    /// Queries whose candidates stayed on the device: what compares them again found them where the first stage had left them. Those of the
    /// others came to the host and went back.
    pub on_device: u64,
}

/// What was brought from the host for a search of rows that stay there.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StreamStats {
    /// Chunks of rows; 0 where the rows lie in device memory.
    pub chunks: u64,
    /// Bytes of rows.
    pub bytes: u64,
}

impl SearchStats {
    /// Adds the comparison of so many pairs with rows of so many elements that codes are of.
    pub(crate) fn add_originals(&mut self, pairs: u64, dim: u64) {
        self.originals.compared += pairs;
        self.flops += 2 * pairs * dim;
    }

    pub(crate) fn add_landed(&mut self, variants: &[String], times: &[(&'static str, u64)]) {
        self.submissions += 1;
        self.add_trace(variants, times.iter().copied());
    }

    /// Adds the work of another part of the same call or of another call: all but [`queries`](Self::queries),
    /// [`rows`](Self::rows) and [`stream`](Self::stream), which do not always add.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// let mut total = SearchStats::default();
    /// for queries in [[0.0; 20], [1.0; 20]] {
    ///     total.add_work(index.search(&queries, 10)?.stats());
    /// }
    /// println!("{} submissions, {} bytes of rows", total.submissions, total.bytes);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn add_work(&mut self, other: &SearchStats) {
        // all that was done so far decides whether the sums are exact, and before the first submission that is nothing
        let all_exact = self.submissions == 0 || self.exact.sums_exact;
        self.exact.add(&other.exact);
        self.exact.sums_exact &= all_exact;
        self.ivf.nprobe = self.ivf.nprobe.max(other.ivf.nprobe);
        self.ivf.rows_probed += other.ivf.rows_probed;
        self.ivf.flat += other.ivf.flat;
        self.ivf.filled += other.ivf.filled;
        self.ivf.proved += other.ivf.proved;
        self.graph.walked += other.graph.walked;
        self.graph.exact += other.graph.exact;
        self.graph.steps += other.graph.steps;
        self.graph.capped += other.graph.capped;
        self.graph.again += other.graph.again;
        self.originals.compared += other.originals.compared;
        self.originals.again += other.originals.again;
        self.refine.candidates += other.refine.candidates;
        self.refine.on_device += other.refine.on_device;
        self.submissions += other.submissions;
        self.flops += other.flops;
        self.bytes += other.bytes;
        let times = other.times.iter().map(|time| (time.stage, time.nanoseconds));
        self.add_trace(&other.variants, times);
    }

    fn add_trace(&mut self, variants: &[String], times: impl Iterator<Item = (&'static str, u64)>) {
        for name in variants {
            if !self.variants.contains(name) {
                self.variants.push(name.clone());
            }
        }
        for (stage, nanoseconds) in times {
            match self.times.iter_mut().find(|t| t.stage == stage) {
                Some(t) => t.nanoseconds += nanoseconds,
                None => self.times.push(StageTime { stage, nanoseconds }),
            }
        }
    }

    /// Device time of all stages in nanoseconds; 0 unless asked for and supported.
    ///
    /// # Example
    /// ```no_run
    /// # use nearfield::*;
    /// # let index = Flat::new(&Gpu::new()?, 2, Metric::L2)?;
    /// let params = SearchParams::new().timed(true);
    /// let hits = index.search_with(Rows::F32(&[0.0; 20]), 10, &params)?;
    /// println!("{} ms", hits.stats().device_nanoseconds() as f64 / 1e6);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn device_nanoseconds(&self) -> u64 {
        self.times.iter().map(|t| t.nanoseconds).sum()
    }
}

impl ExactStats {
    /// Adds counts; whether the sums are exact is what `other` says.
    fn add(&mut self, other: &ExactStats) {
        self.scanned += other.scanned;
        self.rerun += other.rerun;
        self.bins_passed += other.bins_passed;
        self.bins_passed_max = self.bins_passed_max.max(other.bins_passed_max);
        self.sums_exact = other.sums_exact;
    }
}
