//! What is measured: a search of some queries in an index of some rows.

use nearfield::{DType, Metric};
use serde::Deserialize;
use std::fmt;

/// Behind the name of an index that keeps the rows of its codes.
const WITH_ORIGINALS: &str = " with originals";

/// Rows in an index.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    pub n: usize,
    pub d: usize,
    pub metric: Metric,
    /// What its answers are held against in f64: itself, or of a metric in WGSL the one that the text spells.
    pub truth: Metric,
    pub dtype: DType,
    /// What the settings are for, where there are any: "f32 rows", "8-bit copy".
    pub label: Option<String>,
    /// Section, key and value of each setting of the device profile that is another than the profile's.
    pub settings: Vec<(String, String, String)>,
    pub data: Data,
    /// How many lists the rows are in, where they are in lists.
    pub lists: Option<usize>,
    /// The index that has them, by FAISS's name, where they are codes; with [`WITH_ORIGINALS`] behind it where the rows are kept on the device.
    pub index: Option<String>,
    /// Whether some case follows the edges of a graph, so that this is built before.
    pub walks: bool,
}

impl Base {
    /// The index that has the rows by FAISS's name, and whether it keeps them beside their codes.
    pub fn described(&self) -> Option<(&str, bool)> {
        let name = self.index.as_deref()?;
        Some(match name.strip_suffix(WITH_ORIGINALS) {
            Some(codes) => (codes, true),
            None => (name, false),
        })
    }

    /// Whether distances are those of codes.
    pub fn is_coded(&self) -> bool {
        self.described().is_some_and(|(_, originals)| !originals)
    }
}

/// How rows are made.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Data {
    /// Elements that know nothing of each other.
    #[default]
    Independent,
    /// Near a plane of 32 dimensions, as embeddings lie near one of few.
    LowRank,
    /// Around the centroids of the lists, which are given, not learnt: the longest list has so many times the rows of an average one.
    Clusters(f64),
}

/// Where the queries of a case lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub enum Asked {
    /// As the rows do.
    #[default]
    #[serde(rename = "rows")]
    Rows,
    /// All around one row, so that they ask the same lists.
    #[serde(rename = "one list")]
    OneList,
    /// Around rows of which the second is asked half as often as the first, the third a third, as Zipf has it.
    #[serde(rename = "zipf")]
    Zipf,
}

impl Asked {
    pub const ALL: [Asked; 3] = [Asked::Rows, Asked::OneList, Asked::Zipf];

    /// As suites call it.
    pub fn name(self) -> &'static str {
        match self {
            Asked::Rows => "rows",
            Asked::OneList => "one list",
            Asked::Zipf => "zipf",
        }
    }
}

/// Which rows a query may find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub enum Filter {
    #[default]
    #[serde(rename = "none")]
    All,
    /// The first half of the rows, by a filter that all queries share.
    #[serde(rename = "half")]
    Half,
    /// The same half, as a bitmap of every query's own.
    #[serde(rename = "half by query")]
    HalfByQuery,
    /// Both once more, on the device before the first search is timed.
    #[serde(rename = "half prepared")]
    HalfPrepared,
    #[serde(rename = "half by query prepared")]
    HalfByQueryPrepared,
}

impl Filter {
    /// Whether every query has one of its own.
    pub fn by_query(self) -> bool {
        matches!(self, Filter::HalfByQuery | Filter::HalfByQueryPrepared)
    }

    /// Whether it is on the device before the first search.
    pub fn is_prepared(self) -> bool {
        matches!(self, Filter::HalfPrepared | Filter::HalfByQueryPrepared)
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub base: Base,
    pub queries: usize,
    pub k: usize,
    pub filter: Filter,
    /// All rows within the distance at which half of the queries have so many neighbours.
    pub within: bool,
    /// Lists that each query looks at, of a base that has lists.
    pub nprobe: Option<usize>,
    /// Candidates for each neighbour, of an index that compares them again.
    pub k_factor: Option<f32>,
    /// Rows that a query keeps, of a graph.
    pub ef: Option<usize>,
    /// By the copy of the rows in 8 bits.
    pub bytes: bool,
    pub asked: Asked,
    /// The name of a case of as many queries, neighbours and probes whose time this one's is divided by.
    pub beside: Option<String>,
}

impl Case {
    /// Whether both measure the same, under whatever names.
    pub fn same(&self, other: &Case) -> bool {
        let shape =
            |case: &Case| (case.queries, case.k, case.filter, case.within, case.nprobe, case.asked);
        let more = |case: &Case| (case.k_factor, case.ef, case.bytes);
        self.base == other.base && shape(self) == shape(other) && more(self) == more(other)
    }

    /// Whether `other` is the case that this one is held beside.
    pub fn is_beside(&self, other: &Case) -> bool {
        let shape = |case: &Case| (case.queries, case.k, case.nprobe, case.base.d, case.base.n);
        self.beside.as_ref() == Some(&other.name) && shape(self) == shape(other)
    }

    /// What the columns do not tell: which copies were asked for or refused, and the filter.
    pub fn options(&self) -> String {
        let label = self.base.label.iter().map(String::as_str);
        let filter = match self.filter {
            Filter::All => None,
            Filter::Half => Some("half filtered"),
            Filter::HalfByQuery => Some("half filtered by query"),
            Filter::HalfPrepared => Some("half filtered, prepared"),
            Filter::HalfByQueryPrepared => Some("half filtered by query, prepared"),
        };
        let within = self.within.then_some("by radius");
        let mut options: String =
            label.chain(filter).chain(within).map(|option| format!(", {option}")).collect();
        options.extend(probes(self.base.lists, self.nprobe));
        options.extend(self.ef.map(|ef| format!(", {ef} rows kept")));
        options.extend(self.bytes.then(|| ", by bytes".to_owned()));
        options.extend(self.k_factor.map(|times| format!(", {times} k candidates")));
        options
    }

    /// How many rows the filter lets through: the first ones.
    pub fn eligible(&self) -> usize {
        if self.filter == Filter::All { self.base.n } else { self.base.n / 2 }
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Base { n, d, metric, dtype, .. } = &self.base;
        let (name, queries, k, options) = (&self.name, self.queries, self.k, self.options());
        write!(f, "{name} ({n} x {d} {dtype} {metric}, {queries} queries, k = {k}{options})")
    }
}

/// What the columns of other cases do not tell of a search of lists.
pub fn probes(lists: Option<usize>, nprobe: Option<usize>) -> Option<String> {
    let (lists, nprobe) = lists.zip(nprobe)?;
    Some(format!(", {nprobe} of {lists} lists"))
}

/// Each case once, under the first of its names, and those of one base together: so it is made and uploaded once.
pub fn once_each(cases: impl IntoIterator<Item = Case>) -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    for case in cases {
        if all.iter().any(|other| other.same(&case)) {
            continue;
        }
        let after = all.iter().rposition(|other| other.base == case.base);
        all.insert(after.map_or(all.len(), |at| at + 1), case);
    }
    all
}
