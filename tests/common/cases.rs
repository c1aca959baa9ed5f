//! The one table of cases: shapes at the edges of tiles, kinds of data that are hard, filters, bad input. No GPU here.
//!
//! A test runs every case through its metric and types: `case.base(&metric, dtype)`, `case.queries(&metric, dtype)`,
//! and holds the answer against `nearfield::reference`. Each case stays below some 10^8 operations, since software
//! drivers do about 1 GFLOP/s.

use super::data::{Domain, Kind, Owned};
use nearfield::{DType, Metric};

/// A search of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub name: &'static str,
    /// Rows, queries, elements, neighbours.
    pub n: usize,
    pub nq: usize,
    pub d: usize,
    pub k: usize,
    pub kind: Kind,
    pub filter: Filter,
    /// Force segments this small, so that the data have more than one.
    pub segment_bytes: Option<u64>,
}

/// Which rows may be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    All,
    /// Nothing passes.
    Nothing,
    /// The row in the middle.
    One,
    /// Rows 0, 3, 6, ...
    Third,
    /// A different half for each query, as a per-query bitmap.
    PerQuery,
}

impl Filter {
    pub const ALL: [Filter; 5] =
        [Filter::All, Filter::Nothing, Filter::One, Filter::Third, Filter::PerQuery];

    /// Whether `row` of `n` passes for `query`.
    pub fn passes(self, query: usize, row: usize, n: usize) -> bool {
        match self {
            Filter::All => true,
            Filter::Nothing => false,
            Filter::One => row == n / 2,
            Filter::Third => row.is_multiple_of(3),
            Filter::PerQuery => (row.wrapping_mul(2_654_435_761) >> 7 ^ query).is_multiple_of(2),
        }
    }
}

const fn case(name: &'static str, n: usize, nq: usize, d: usize, k: usize) -> Case {
    let (kind, filter, segment_bytes) = (Kind::Normal, Filter::All, None);
    Case { name, n, nq, d, k, kind, filter, segment_bytes }
}

const fn kind(name: &'static str, kind: Kind) -> Case {
    Case { kind, ..case(name, 200, 6, 33, 12) }
}

const fn filter(name: &'static str, filter: Filter) -> Case {
    Case { filter, ..case(name, 150, 5, 20, 10) }
}

const fn segments(name: &'static str, n: usize, d: usize, k: usize, segment_bytes: u64) -> Case {
    Case { segment_bytes: Some(segment_bytes), ..case(name, n, 5, d, k) }
}

/// All of them.
pub const CASES: &[Case] = &[
    // Few rows.
    case("no rows", 0, 3, 12, 5),
    case("one row", 1, 3, 12, 5),
    case("k-1 rows", 9, 4, 24, 10),
    case("k rows", 10, 4, 24, 10),
    case("k+1 rows", 11, 4, 24, 10),
    case("k = n", 100, 4, 24, 100),
    case("k far above n", 20, 3, 8, 1000),
    // Few queries, many queries.
    case("no queries", 50, 0, 16, 5),
    case("one query", 200, 1, 24, 10),
    case("7 queries", 200, 7, 24, 10),
    case("63 queries", 150, 63, 16, 3),
    case("64 queries", 150, 64, 16, 3),
    case("65 queries", 150, 65, 16, 3),
    case("200 queries", 100, 200, 20, 2),
    case("140 queries, several tiles of rows", 700, 140, 40, 70),
    Case { filter: Filter::PerQuery, ..case("65 queries, a filter each", 300, 65, 20, 10) },
    // Dimensions.
    case("d = 1", 130, 5, 1, 10),
    case("d = 2", 130, 5, 2, 10),
    case("d = 3", 130, 5, 3, 10),
    case("d = 31", 130, 5, 31, 10),
    case("d = 32", 130, 5, 32, 10),
    case("d = 64", 130, 5, 64, 10),
    case("d = 100", 130, 5, 100, 10),
    case("d = 127", 130, 5, 127, 10),
    case("d = 128", 130, 5, 128, 10),
    case("d = 129", 130, 5, 129, 10),
    case("d = 784", 100, 3, 784, 10),
    case("d = 4096", 66, 2, 4096, 5),
    // Rows around the edges of bins and tiles.
    case("63 rows", 63, 3, 16, 5),
    case("64 rows", 64, 3, 16, 5),
    case("65 rows", 65, 3, 16, 5),
    case("127 rows", 127, 3, 16, 5),
    case("128 rows", 128, 3, 16, 5),
    case("129 rows", 129, 3, 16, 5),
    case("1023 rows", 1023, 3, 8, 5),
    case("1024 rows", 1024, 3, 8, 5),
    case("1025 rows", 1025, 3, 8, 5),
    case("4097 rows", 4097, 2, 5, 7),
    // Neighbours.
    case("k = 1", 300, 5, 16, 1),
    case("k = 16", 300, 5, 16, 16),
    case("k = 17", 300, 5, 16, 17),
    case("k = 33", 300, 5, 16, 33),
    case("k = 65", 300, 5, 16, 65),
    case("k = 129", 300, 5, 16, 129),
    case("k = 257", 300, 5, 16, 257),
    case("k = 2048", 2100, 2, 6, 2048),
    // Data.
    kind("duplicates", Kind::Duplicates),
    kind("all rows equal", Kind::AllEqual),
    kind("zero vectors", Kind::ZeroVectors),
    kind("equal norms far from the origin", Kind::FarShell),
    kind("near-duplicates", Kind::NearDuplicates),
    kind("norms 1e-15 to 1e15", Kind::WideNorms),
    kind("constant rows", Kind::ConstantRows),
    kind("one-hot", Kind::OneHot),
    kind("whole numbers", Kind::Integers),
    Case { kind: Kind::AllEqual, ..case("1500 equal rows", 1500, 2, 8, 100) },
    Case { kind: Kind::OneHot, ..case("1500 one-hot rows", 1500, 3, 40, 50) },
    Case { kind: Kind::Duplicates, ..case("700 rows of 8", 700, 4, 40, 200) },
    Case { kind: Kind::NearDuplicates, ..case("600 near-duplicates", 600, 3, 128, 20) },
    // Filters.
    filter("filter passes nothing", Filter::Nothing),
    filter("filter passes one row", Filter::One),
    filter("filter passes a third", Filter::Third),
    filter("filter differs by query", Filter::PerQuery),
    Case { kind: Kind::Duplicates, ..filter("filtered duplicates", Filter::Third) },
    // Segments.
    segments("segments of 64 rows", 300, 16, 10, 64 * 64),
    segments("segments of 128 rows", 1000, 7, 20, 128 * 32),
    segments("k across segments", 400, 8, 350, 64 * 32),
    Case { kind: Kind::AllEqual, ..segments("ties across segments", 400, 8, 150, 64 * 32) },
    Case { filter: Filter::One, ..segments("one row in segments", 400, 8, 5, 64 * 32) },
];

/// The metrics of the table for data that are not bits.
pub fn float_metrics() -> Vec<Metric> {
    let plain = Metric::PLAIN.iter().filter(|m| !m.is_binary()).cloned();
    plain.chain([Metric::Lp(3.0), Metric::Lp(0.5)]).collect()
}

/// Whether the binned scan knows the metric; the others compare every row at its exact distance.
pub fn is_scanned(metric: &Metric) -> bool {
    let by_product = [Metric::L2, Metric::SqrtL2, Metric::InnerProduct, Metric::Cosine];
    let transformed =
        [Metric::CosineDistance, Metric::Correlation, Metric::Hellinger, Metric::Haversine];
    by_product.contains(metric) || transformed.contains(metric)
}

/// The metrics of the table for bits.
pub fn bit_metrics() -> Vec<Metric> {
    Metric::PLAIN.iter().filter(|m| m.is_binary()).cloned().collect()
}

impl Case {
    /// The dimension under a metric: haversine takes 2.
    pub fn dim(&self, metric: &Metric) -> usize {
        match metric {
            Metric::Haversine => 2,
            _ => self.d,
        }
    }

    /// The rows to search in.
    pub fn base(&self, metric: &Metric, dtype: DType) -> Owned {
        self.data(metric, dtype, false)
    }

    /// The queries; their type may differ from that of the base.
    pub fn queries(&self, metric: &Metric, dtype: DType) -> Owned {
        self.data(metric, dtype, true)
    }

    /// Whether `row` passes the filter for `query`.
    pub fn passes(&self, query: usize, row: usize) -> bool {
        self.filter.passes(query, row, self.n)
    }

    fn data(&self, metric: &Metric, dtype: DType, queries: bool) -> Owned {
        let (n, d, domain) =
            (if queries { self.nq } else { self.n }, self.dim(metric), Domain::of(metric));
        // A seed a case, from its name, so that a new case does not change the others.
        let seed = self.name.bytes().fold(14_695_981_039_346_656_037, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(1_099_511_628_211)
        });
        let mut values = self.kind.rows(n, d, seed, queries, reach(metric, dtype));
        domain.apply(&mut values, d, seed ^ u64::from(queries));
        Owned::encode(&values, d, dtype, domain, self.kind)
    }
}

/// The largest decimal exponent of a norm that neither the type nor the metric's powers overflow.
fn reach(metric: &Metric, dtype: DType) -> f64 {
    match (metric, dtype) {
        (_, DType::F16) => 3.0,
        (_, DType::I8 | DType::U8) => 1.0,
        (Metric::Lp(p), _) => 15.0 / f64::from(p.max(1.0)),
        _ => 15.0,
    }
}

/// Input that must be refused, with row and column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bad {
    pub name: &'static str,
    pub value: f32,
    pub row: usize,
    pub column: usize,
}

/// Not finite: refused everywhere, NaN but where `Metric::allows_nan`.
pub const NON_FINITE: &[Bad] = &[
    Bad { name: "NaN", value: f32::NAN, row: 0, column: 0 },
    Bad { name: "NaN in the last element", value: f32::NAN, row: 9, column: 4 },
    Bad { name: "infinity", value: f32::INFINITY, row: 3, column: 2 },
    Bad { name: "minus infinity", value: f32::NEG_INFINITY, row: 7, column: 0 },
];

/// Negative: refused where `Metric::needs_non_negative`.
pub const NEGATIVE: &[Bad] = &[
    Bad { name: "minus one", value: -1.0, row: 2, column: 3 },
    Bad { name: "barely negative", value: -1e-30, row: 9, column: 4 },
];

/// |x|^2 above 2^120: refused.
pub const TOO_LARGE: &[Bad] = &[Bad { name: "2^61", value: 2.305_843e18, row: 5, column: 1 }];

impl Bad {
    /// 10 rows of 5 that every metric but haversine takes, with the bad value in its place.
    pub fn rows(&self) -> Vec<f32> {
        let mut rows = good_rows();
        rows[self.row * 5 + self.column] = self.value;
        rows
    }
}

/// 10 rows of 5 that every metric but haversine takes.
pub fn good_rows() -> Vec<f32> {
    (0..50).map(|i| (i * 7 % 50) as f32 / 50.0).collect()
}

/// Ids for `n` rows with one given twice: `DuplicateId` names it.
pub fn ids_given_twice(n: u64) -> (Vec<u64>, u64) {
    let mut ids: Vec<u64> = (0..n).map(|i| i * 3 + 100).collect();
    let twice = ids[ids.len() / 3];
    if let Some(last) = ids.last_mut() {
        *last = twice;
    }
    (ids, twice)
}
