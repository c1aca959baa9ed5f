//! What is measured: a search of some queries in an index of some rows.

use nearfield::{DType, Metric};
use serde::Deserialize;
use std::fmt;

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
}

impl Case {
    /// Whether both measure the same, under whatever names.
    pub fn same(&self, other: &Case) -> bool {
        let shape = |case: &Case| (case.queries, case.k, case.filter, case.within);
        self.base == other.base && shape(self) == shape(other)
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
        label.chain(filter).chain(within).map(|option| format!(", {option}")).collect()
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
