//! What both searches take.

use super::hits::Printing;
use super::metric::MetricName;
use super::param::Param;
use super::reading::Reading;
use super::rounding::Rounding;
use clap::{ArgGroup, Args};
use nearfield::DType;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(group(ArgGroup::new("searched").required(true).args(["base", "load"])))]
#[command(group(ArgGroup::new("scaled").args(["scale"]).requires("dtype")))]
pub struct Common {
    /// Rows to search: .npy, .fvecs, .bvecs, .ivecs, .fbin, .f16bin, .u8bin, .i8bin, .ibin; a file, since it is mapped, and no pipe
    ///
    /// With --skip-nan one that does not fit in device memory is read once more before the search.
    #[arg(long, value_name = "FILE")]
    pub base: Option<PathBuf>,
    /// Search an index that `nearfield build`, FAISS or hnswlib wrote, in place of --base: metric and type are the file's, ids those it was given
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["index", "scale", "force"]
    )]
    pub load: Option<PathBuf>,
    /// Of an index of hnswlib, whose file says neither this nor the --metric: elements of a row
    #[arg(long, value_name = "D", requires = "load", value_parser = clap::value_parser!(u64).range(1..))]
    pub dim: Option<u64>,
    /// Queries, in any of the same formats
    ///
    /// With --skip-nan those that are skipped have no hits; with --bits they have as many bits as the base.
    #[arg(long, value_name = "FILE")]
    pub query: PathBuf,
    /// l2, sqrtl2, ip, cosine, cosine-distance, l1, linf, lp:P, canberra, braycurtis, jensenshannon, jaccard, naneuclidean, gower,
    /// hellinger, kl, correlation, haversine; of bits hamming, bit-jaccard (or jaccard), dice, russelrao; or wgsl:FILE. Other
    /// libraries' names are known, too, in any case: euclidean, dot, manhattan, chebyshev, ...
    ///
    /// wgsl:FILE defines `fn accumulate(acc: f32, q: f32, x: f32) -> f32` and `fn finish(acc: f32, d: u32) -> f32`. Comment
    /// lines at its top may say `// initial: NUMBER` (what acc starts at, default 0) and `// order: ascending` (a distance,
    /// the default) or `// order: descending` (a similarity). Below the first line that is no `//` comment they are an error.
    ///
    /// [default: l2, with --load the index's]
    #[arg(long, value_name = "NAME")]
    pub metric: Option<MetricName>,
    /// Convert the base: f32, f16, bf16, i8, u8; `bits` takes u8 files as packed bits, `bf16` u16 files as bfloat16
    ///
    /// With --scale the queries are multiplied, too, and distances are given back as those of the values in the files; a radius is one
    /// of them.
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<DType>,
    #[command(flatten)]
    pub rounding: Rounding,
    #[command(flatten)]
    pub reading: Reading,
    /// Ask the first N queries alone, or all where there are fewer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub first_queries: Option<u64>,
    /// The kind of index, by FAISS's name
    #[arg(long, value_name = "FACTORY", default_value = "Flat")]
    pub index: String,
    /// Set parameters of the search: certify=0 (as --fast), exhaustive=1, guarantee=index or exact; of an index with lists nprobe=32,
    /// the lists to look at for each query, fill=1, more where a query has fewer than k hits, and prove=1 (with --stats), to count the
    /// queries that provably miss nothing; of one that compares candidates again k_factor=4 (or k_factor_rf=4), the candidates for each neighbour;
    /// of one with a graph efSearch=128 (or ef=128), the rows that a query keeps, and path=graph, exact or auto
    #[arg(long, value_name = "NAME=VALUE", value_delimiter = ',')]
    pub param: Vec<Param>,
    /// Search these rows alone: a file of row numbers, with --load of ids
    ///
    /// An .npy, .ivecs or .ibin of whole numbers of 32 or 64 bits; a mask, which is an .npy of bool, u8 or i8 with a 0 or a 1 for each
    /// row; or a text by any other extension, an id a line, # beginning a comment. With --deny, too, rows are searched that this names and
    /// that does not.
    #[arg(long, value_name = "FILE")]
    pub allow: Option<PathBuf>,
    /// Search all rows but these, of a file as --allow takes it
    #[arg(long, value_name = "FILE")]
    pub deny: Option<PathBuf>,
    /// Leave each row out of its own hits: for the same rows as base and query, by row, so that its equals stay
    #[arg(long, conflicts_with = "load")]
    pub exclude_self: bool,
    /// Tell what the search did and how long device and host took: on stderr, or within the JSON
    #[arg(long)]
    pub stats: bool,
    /// Print a summary as one line of JSON on stdout; needs --out, since the hits are there otherwise
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub printing: Printing,
    /// Write the hits to files whose names begin with this, which is no folder, instead of printing them: PREFIX.ids.npy,
    /// PREFIX.dist.npy and of `range` PREFIX.lims.npy
    ///
    /// They appear together or not at all, also where two runs have the same PREFIX; `search` removes PREFIX.lims.npy of a `range`
    /// before, whose hits it writes over.
    #[arg(long, value_name = "PREFIX")]
    pub out: Option<PathBuf>,
}

impl Common {
    /// The files that are read.
    pub fn inputs(&self) -> Vec<&Path> {
        let wgsl = self.metric.as_ref().and_then(MetricName::file);
        let printed = self.printing.labels.as_ref();
        let all = [
            self.base.as_ref(),
            self.load.as_ref(),
            self.allow.as_ref(),
            self.deny.as_ref(),
            printed,
        ];
        let all = all.into_iter().flatten().chain([&self.query]);
        all.map(|path| path.as_path()).chain(wgsl).collect()
    }
}
