//! What a search did, so that nobody has to believe it.

/// Device time of one stage of a search, over all its submissions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StageTime {
    /// The stage: `scan`, `select`, `rescore`, ...
    pub stage: &'static str,
    /// Nanoseconds between the first and the last of its work, by the device's clock.
    pub nanoseconds: u64,
}

/// What a search did.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct SearchStats {
    /// Names of the kernel variants that ran, in order of their first dispatch.
    pub variants: Vec<String>,
    /// Queries asked.
    pub queries: u64,
    /// Rows each was compared with.
    pub rows: u64,
    /// Chunks in which rows were brought from the host for this search; 0 where they lie in device memory. What counts
    /// queries below counts each once a chunk.
    pub chunks: u64,
    /// Bytes of rows that were brought from the host for this search.
    pub streamed: u64,
    /// Queries answered by the binned scan; the others went through all exact distances.
    pub scanned: u64,
    /// Queries of the scan whose candidates did not fit and that ran again: after a scan of 8 bits from what loses less, else
    /// through all exact distances.
    pub rerun: u64,
    /// Bins of 64 rows that passed, over the scanned queries.
    pub bins_passed: u64,
    /// The most that passed for one query.
    pub bins_passed_max: u64,
    /// Whether the data's sums are exact in f32, so that no bin passed on the rounding's account.
    pub sums_exact: bool,
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

impl SearchStats {
    pub(crate) fn add_landed(&mut self, variants: &[String], times: &[(&'static str, u64)]) {
        self.submissions += 1;
        self.add_trace(variants, times.iter().copied());
    }

    /// Adds the work of another part of the same call or of another call: all but the numbers of queries, rows and chunks
    /// and what was streamed, which do not always add.
    pub fn add_work(&mut self, other: &SearchStats) {
        self.sums_exact = other.sums_exact && (self.submissions == 0 || self.sums_exact);
        self.scanned += other.scanned;
        self.rerun += other.rerun;
        self.bins_passed += other.bins_passed;
        self.bins_passed_max = self.bins_passed_max.max(other.bins_passed_max);
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
    pub fn device_nanoseconds(&self) -> u64 {
        self.times.iter().map(|t| t.nanoseconds).sum()
    }
}
