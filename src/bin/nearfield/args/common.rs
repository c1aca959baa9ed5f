//! What both searches take.

use super::metric::MetricName;
use super::rounding::Rounding;
use clap::Args;
use nearfield::DType;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub struct Common {
    /// Rows to search: .npy, .fvecs, .bvecs, .ivecs, .fbin, .f16bin, .u8bin, .i8bin, .ibin
    #[arg(long, value_name = "FILE")]
    pub base: PathBuf,
    /// Queries, in any of the same formats
    #[arg(long, value_name = "FILE")]
    pub query: PathBuf,
    /// l2, sqrtl2, ip, cosine, l1, linf, lp:P, canberra, braycurtis, jensenshannon, jaccard, naneuclidean, gower,
    /// hellinger, kl, correlation, haversine; of bits hamming, jaccard, dice, russelrao; or wgsl:FILE
    ///
    /// wgsl:FILE defines `fn accumulate(acc: f32, q: f32, x: f32) -> f32` and `fn finish(acc: f32, d: u32) -> f32`. Comment
    /// lines at its top may say `// initial: NUMBER` (what acc starts at, default 0) and `// order: ascending` (a distance,
    /// the default) or `// order: descending` (a similarity). Below the first line that is no `//` comment they are an error.
    #[arg(long, value_name = "NAME", default_value = "l2")]
    pub metric: MetricName,
    /// Convert the base: f32, f16, bf16, i8, u8; `bits` takes u8 files as packed bits, `bf16` u16 files as bfloat16
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<DType>,
    #[command(flatten)]
    pub rounding: Rounding,
    /// The kind of index, by FAISS's name
    #[arg(long, value_name = "FACTORY", default_value = "Flat")]
    pub index: String,
    /// Search these rows alone: a file of row numbers
    #[arg(long, value_name = "FILE", conflicts_with = "deny")]
    pub allow: Option<PathBuf>,
    /// Search all rows but these: a file of row numbers
    #[arg(long, value_name = "FILE")]
    pub deny: Option<PathBuf>,
    /// Tell what the search did and how long device and host took: on stderr, or within the JSON
    #[arg(long)]
    pub stats: bool,
    /// Print a summary as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
    /// Begin the names of the output files with this, which is no folder: they appear together or not at all, also where two
    /// runs have the same; `search` removes PREFIX.lims.npy of a `range` before, whose hits it writes over
    #[arg(long, value_name = "PREFIX")]
    pub out: PathBuf,
}

impl Common {
    /// The files that are read.
    pub fn inputs(&self) -> Vec<&Path> {
        let wgsl = match &self.metric {
            MetricName::Wgsl(file) => Some(file),
            MetricName::Plain(_) => None,
        };
        let more = [self.allow.as_ref(), self.deny.as_ref(), wgsl];
        let all = [&self.base, &self.query].into_iter().chain(more.into_iter().flatten());
        all.map(|path| path.as_path()).collect()
    }
}
