//! The arguments, and what is wrong with them before any file is opened.

use clap::{Args, Parser, Subcommand, ValueEnum};
use nearfield::format::{Conversion, Losses, Scale};
use nearfield::{DType, Metric};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Exact nearest-neighbour search on every GPU.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0, 1 when the work failed or stdout could not be written (outputs that are in place by then are named), 2 when the arguments are wrong, 129, 130 and 143 after SIGHUP, SIGINT and SIGTERM, which leave no file behind. What a killed run left, .nearfield-*.tmp, may be deleted."
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// Run on the adapter at this place of `nearfield devices`, on the one with this PCI id (0000:41:00.0), or on the first
    /// whose name or driver contains the text; a number is a place and nothing else
    #[arg(long, global = true, value_name = "NAME")]
    pub adapter: Option<String>,
    /// Use at most this much device memory, such as 512M or 8G; a base that does not fit is streamed from its file
    /// [default: 80 % of the adapter's]
    #[arg(long, global = true, value_name = "BYTES", value_parser = bytes)]
    pub memory_budget: Option<u64>,
    /// Print nothing but errors, and what --json and --stats ask for
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

#[derive(Subcommand)]
pub enum Command {
    /// List the adapters, and what the chosen one can do
    Devices(DevicesArgs),
    /// Find the k nearest rows of each query
    Search(SearchArgs),
    /// Find all rows within a radius of each query
    Range(RangeArgs),
    /// Write a file of vectors in another format or type, by the extension
    Convert(ConvertArgs),
    /// Check exact search on generated rows against f64, and time it
    Bench(BenchArgs),
    /// Measure which kernel shapes are fastest here, and write them as a device profile
    Tune(TuneArgs),
}

#[derive(Args)]
pub struct DevicesArgs {
    /// Print them as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// What `bench` takes.
#[derive(Args)]
pub struct BenchArgs {
    /// quick, exact, batch, k, n, all, or a file of your own that ends in .toml
    ///
    /// `quick` runs anywhere in a minute. The others need a GPU, and 10 GB of its memory for 10 million rows in `exact` and
    /// `n`: `exact` compares metrics, dimensions and kernels, `batch` varies the number of queries, `k` that of neighbours,
    /// `n` that of rows, and `all` runs these four. A file says which rows are made and which searches of them are timed:
    /// [[base]] with n, d, metric ("l2"), perhaps dtype ("f32", "f16", "u8"), settings of the device profile with a label for
    /// them, and cases = [{ name = "a few", queries = [1, 100], k = 10, filter = "half" }]; benches/suites has the shipped ones.
    #[arg(long, value_name = "NAME|FILE", default_value = "quick")]
    pub suite: String,
    /// Only the cases whose description has this in it: "one query", "768 f32 l2", "k = 100)", ...
    #[arg(long, value_name = "TEXT")]
    pub only: Option<String>,
    /// Write the figures to this file: CSV, one line a measurement
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write them to this file as one JSON document: with the adapter, the date, and the device time of each stage
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw charts into this folder: rate by batch size and by k, time by rows, roofline (feature `charts`)
    #[arg(long, value_name = "DIR")]
    pub svg: Option<PathBuf>,
    /// Measure nothing, and draw what this document says, which --json of another run wrote
    #[arg(long, value_name = "FILE", requires = "svg", conflicts_with_all = ["suite", "only", "csv", "json"])]
    pub from: Option<PathBuf>,
    /// Draw other programs beside it, and of our cases those that they have: a table of benches/peers, with name, n, d, queries,
    /// k, ms and queries_per_s
    #[arg(long, value_name = "FILE.csv", requires = "svg")]
    pub peers: Option<PathBuf>,
    /// The device's memory bandwidth in GB/s, for the share of the roofline that a scan reaches
    #[arg(long, value_name = "GB/S", requires = "peak_tflops", value_parser = peak)]
    pub peak_gbs: Option<f64>,
    /// The device's peak in TFLOP/s, of the units that scan: f16 matrix units where a profile asks for the f16 copy
    #[arg(long, value_name = "TFLOP/S", requires = "peak_gbs", value_parser = peak)]
    pub peak_tflops: Option<f64>,
}

/// What `tune` takes.
#[derive(Args)]
pub struct TuneArgs {
    /// What to tune: any of the four, several with commas between them [default: all]
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    pub kernel: Vec<Tuned>,
    /// Rows to time with [default: 500000, on a software driver 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1024..))]
    pub rows: Option<u32>,
    /// Dimensions to time with: a choice has to pay over all of them [default: 128,768, on a software driver 64]
    #[arg(long, value_name = "D", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub dim: Vec<u32>,
    /// The profile to write
    #[arg(long, value_name = "FILE", default_value = "nearfield-profile.toml")]
    pub out: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    /// Begin no more candidates after so many minutes [default: 5, with --quick 1]
    #[arg(long, value_name = "M", value_parser = minutes)]
    pub minutes: Option<f64>,
    /// Try the likeliest shapes alone, and repeat less
    #[arg(long)]
    pub quick: bool,
    /// Print the candidates as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// Parts of a profile that `tune` measures.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Tuned {
    /// Tiles of the f32 scan, and up to how many queries the rows are read one by one
    Scan,
    /// Tiles of the matrix units, and whether the f16 copy pays
    Matrix,
    /// Threads that select
    Select,
    /// The rate that submissions are cut by, and how a thread waits
    Submit,
}

/// How values are rounded to another type.
#[derive(Args)]
pub struct Rounding {
    /// Multiply the values by S before they are rounded to the type; `auto` brings the largest to the end of i8 or u8, or near
    /// that of f16
    ///
    /// A search multiplies the queries, too, and gives distances back as those of the values in the files; a radius is one of
    /// them. What S is stands on stderr and in the JSON. A scale that takes distances out of f32 is refused, as lp:20 soon does.
    #[arg(long, value_name = "auto|S", requires = "dtype", allow_hyphen_values = true)]
    pub scale: Option<Scale>,
    /// Round although more than 1 % of the rows change by more than 1 % of their length, with --scale by more than 10 %, which is
    /// an error otherwise
    #[arg(long)]
    pub force: bool,
}

impl Rounding {
    pub fn to(&self, dtype: Option<DType>) -> Conversion {
        Conversion::from(dtype).scale(self.scale.unwrap_or_default()).force(self.force)
    }

    /// What of it had nothing to do, of a file of which so much became rows of a type.
    pub fn idle(&self, dtype: Option<DType>, losses: &Losses) -> Option<&'static str> {
        let rounded = losses.rows > 0;
        let wide = matches!(dtype, Some(DType::F32 | DType::Bf16));
        match self.scale {
            Some(Scale::Auto) if !rounded => {
                Some("--scale auto multiplied nothing: no row is rounded")
            }
            Some(Scale::Auto) if wide => Some(
                "--scale auto multiplied nothing: f32 and bf16 reach as far as values can; it is for i8, u8 and f16",
            ),
            _ if self.force && !rounded => Some("--force changed nothing: no row is rounded"),
            _ => None,
        }
    }
}

/// What both searches take.
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

#[derive(Args)]
pub struct SearchArgs {
    /// How many neighbours, also beyond the number of rows; at most 67108864, the longest row that a file here may have
    ///
    /// Places of the outputs without a hit have the id -1 and the distance 3.4028235e38, of similarities -3.4028235e38.
    #[arg(short, value_name = "K", display_order = 0, value_parser = clap::value_parser!(u64).range(1..=1 << 26))]
    pub k: u64,
    /// Leave out the certificate that no neighbour is missed; distances stay exact
    ///
    /// Which rows are missed depends on the data, the batch and the kernel. Where all rows lie close together and far from the
    /// origin that can be any of them.
    #[arg(long)]
    pub fast: bool,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Args)]
pub struct RangeArgs {
    /// Keep distances below, similarities above it; for l2 a squared distance. `inf` and `-inf` keep every row that is a hit, or none
    #[arg(
        long,
        value_name = "R",
        display_order = 0,
        allow_hyphen_values = true,
        value_parser = number
    )]
    pub radius: f64,
    #[command(flatten)]
    pub common: Common,
}

#[derive(Args)]
pub struct ConvertArgs {
    /// The file to read
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The file to write
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Type of the output's elements [default: the input's, or the only one that the output holds]
    #[arg(long, value_name = "TYPE")]
    pub dtype: Option<DType>,
    /// What the u16 of an .npy are: bfloat16, to make another type of them
    #[arg(long, value_name = "TYPE", value_enum)]
    pub from: Option<Untold>,
    #[command(flatten)]
    pub rounding: Rounding,
    /// Print a summary as one line of JSON on stdout
    #[arg(long)]
    pub json: bool,
}

/// What a file may hold that does not say so.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Untold {
    Bf16,
}

/// A metric's name, known to be one.
#[derive(Clone)]
pub enum MetricName {
    Plain(String),
    Wgsl(PathBuf),
}

impl FromStr for MetricName {
    type Err = nearfield::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if let Some(file) = name.strip_prefix("wgsl:") {
            return Ok(MetricName::Wgsl(file.into()));
        }
        // Every name is one of a metric on numbers or on bits alone; which of both jaccard is depends on --dtype.
        Metric::from_name(name, DType::F32).map(|_| MetricName::Plain(name.to_owned()))
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MetricName::Plain(name) => f.write_str(name),
            MetricName::Wgsl(file) => write!(f, "wgsl:{}", file.display()),
        }
    }
}

fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if !number.is_nan() => Ok(number),
        _ => Err("not a number".into()),
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|m| *m > 0.0 && *m <= 1e6);
    number.ok_or_else(|| "not a number of minutes such as 5 or 0.5".into())
}

/// What a device can do, in units in which that is some thousands at most: beyond a billion a chart has no scale.
fn peak(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| (1e-9..=1e9).contains(n));
    number.ok_or_else(|| "not a number from 1e-9 to 1e9".into())
}

/// Reads `123`, `512K`, `64M`, `8G`.
fn bytes(text: &str) -> Result<u64, String> {
    let units = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];
    let unit = units.iter().find(|(letter, _)| text.to_ascii_uppercase().ends_with(*letter));
    let (digits, shift) = unit.map_or((text, 0), |&(_, shift)| (&text[..text.len() - 1], shift));
    let number = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(1 << shift));
    number.filter(|&n| n > 0).ok_or_else(|| "not a number of bytes such as 512M or 8G".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn sizes_have_suffixes() {
        assert_eq!((bytes("123"), bytes("2k"), bytes("8G")), (Ok(123), Ok(2048), Ok(8 << 30)));
        for bad in ["", "0", "-0", "-1", "G", "1.5G", "inf", "nan", "1e39", "99999999999T", "8é"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn minutes_are_above_zero() {
        assert_eq!((minutes("5"), minutes("0.5")), (Ok(5.0), Ok(0.5)));
        assert!(
            ["0", "-0.0", "-1", "nan", "inf", "1e39", "soon"]
                .iter()
                .all(|bad| minutes(bad).is_err())
        );
    }

    #[test]
    fn a_radius_is_any_number() {
        assert_eq!((number("-0.5"), number("1e3")), (Ok(-0.5), Ok(1000.0)));
        assert_eq!((number("1e39"), number("-inf")), (Ok(1e39), Ok(f64::NEG_INFINITY)));
        assert!(number("1e-99").is_ok_and(|r| r > 0.0));
        for bad in ["nan", "-nan", "far", "", " 1"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_peak_is_above_0_and_within_reason() {
        assert_eq!((peak("4800"), peak("1e9")), (Ok(4800.0), Ok(1e9)));
        for bad in ["0", "-0.0", "-1", "1e-320", "1e39", "inf", "nan", "fast"] {
            assert!(peak(bad).is_err(), "{bad}");
        }
    }
}
