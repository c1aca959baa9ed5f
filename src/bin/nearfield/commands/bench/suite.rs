//! What is measured.

use nearfield::{DType, Metric};
use std::fmt;

/// Rows in an index.
#[derive(Clone, PartialEq)]
pub struct Base {
    pub n: usize,
    pub d: usize,
    pub metric: Metric,
    pub dtype: DType,
    pub form: Form,
}

/// What is searched beside the rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// What the device profile says.
    Profile,
    /// Nothing, in f32.
    Rows,
    /// A copy in 8 bits for few queries.
    Bytes,
}

impl Form {
    pub const fn settings(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Form::Profile => &[],
            Form::Rows => &[("matrix", "copy", "0"), ("matrix", "use", "0")],
            Form::Bytes => &[("scan", "bytes", "1")],
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Plain,
    /// A filter that half of the rows pass.
    Half,
    /// The same as a bitmap for every query.
    Each,
}

/// One line of the table.
#[derive(Clone)]
pub struct Case {
    pub name: &'static str,
    pub base: Base,
    pub queries: usize,
    pub k: usize,
    pub kind: Kind,
}

impl Case {
    /// Whether both measure the same, under whatever names.
    fn same(&self, other: &Case) -> bool {
        let shape = |case: &Case| (case.queries, case.k, case.kind);
        self.base == other.base && shape(self) == shape(other)
    }

    /// What the columns do not tell: which copies were asked for or refused, and the filter.
    pub fn options(&self) -> String {
        let form = match self.base.form {
            Form::Profile => "",
            Form::Rows => ", f32 rows",
            Form::Bytes => ", 8-bit copy",
        };
        let kind = match self.kind {
            Kind::Plain => "",
            Kind::Half => ", half filtered",
            Kind::Each => ", half filtered by query",
        };
        format!("{form}{kind}")
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Base { n, d, metric, dtype, .. } = &self.base;
        let (name, queries, k, options) = (self.name, self.queries, self.k, self.options());
        write!(f, "{name} ({n} x {d} {dtype} {metric}, {queries} queries, k = {k}{options})")
    }
}

pub const NAMES: [&str; 6] = ["quick", "exact", "batch", "k", "n", "all"];

pub fn named(name: &str) -> Option<Vec<Case>> {
    match name {
        "quick" => Some(quick()),
        "exact" => Some(exact()),
        "batch" => Some(batch()),
        "k" => Some(neighbours()),
        "n" => Some(rows()),
        "all" => Some(joined(vec![exact(), batch(), neighbours(), rows()])),
        _ => None,
    }
}

fn base(n: usize, d: usize, metric: Metric, form: Form) -> Base {
    Base { n, d, metric, dtype: DType::F32, form }
}

fn case(name: &'static str, base: &Base, queries: usize, k: usize) -> Case {
    Case { name, base: base.clone(), queries, k, kind: Kind::Plain }
}

/// Each case once, those of one base together.
fn joined(suites: Vec<Vec<Case>>) -> Vec<Case> {
    let mut all: Vec<Case> = Vec::new();
    for case in suites.into_iter().flatten() {
        if all.iter().any(|other| other.same(&case)) {
            continue;
        }
        let after = all.iter().rposition(|other| other.base == case.base);
        all.insert(after.map_or(all.len(), |at| at + 1), case);
    }
    all
}

/// Small enough for software drivers, and with points for every chart.
fn quick() -> Vec<Case> {
    let l2 = base(10_000, 64, Metric::L2, Form::Profile);
    let fewer = base(2_000, 64, Metric::L2, Form::Profile);
    let l1 = base(10_000, 64, Metric::L1, Form::Profile);
    vec![
        case("one query", &l2, 1, 10),
        case("10 queries", &l2, 10, 10),
        case("100 queries", &l2, 100, 10),
        case("100 queries", &l2, 100, 100),
        Case { kind: Kind::Half, ..case("100 queries half filtered", &l2, 100, 10) },
        Case { kind: Kind::Each, ..case("100 queries half filtered each", &l2, 100, 10) },
        case("100 queries", &fewer, 100, 10),
        case("100 queries", &l1, 100, 10),
    ]
}

fn million(d: usize, metric: Metric, form: Form) -> Base {
    base(1_000_000, d, metric, form)
}

fn exact() -> Vec<Case> {
    let f32_rows = million(128, Metric::L2, Form::Rows);
    let small = million(128, Metric::L2, Form::Profile);
    let wide = million(768, Metric::L2, Form::Profile);
    let (ip, cosine) = (
        million(128, Metric::InnerProduct, Form::Profile),
        million(128, Metric::Cosine, Form::Profile),
    );
    let (l1, canberra) =
        (million(128, Metric::L1, Form::Profile), million(128, Metric::Canberra, Form::Profile));
    let bits = [128, 768].map(|d| million(d, Metric::L2, Form::Bytes));
    let large = base(10_000_000, 128, Metric::L2, Form::Profile);
    let halves = Base { dtype: DType::F16, ..small.clone() };
    let bytes = Base { dtype: DType::U8, ..small.clone() };
    vec![
        case("f32 tile", &f32_rows, 10_000, 10),
        case("f32 one query", &f32_rows, 1, 10),
        case("f32 100 queries", &f32_rows, 100, 10),
        case("f32 tile", &f32_rows, 10_000, 100),
        case("batch", &small, 10_000, 10),
        Case { kind: Kind::Half, ..case("batch half filtered", &small, 10_000, 10) },
        case("1000 queries", &small, 1_000, 10),
        Case { kind: Kind::Each, ..case("1000 queries half filtered each", &small, 1_000, 10) },
        case("batch", &small, 10_000, 100),
        case("batch", &small, 10_000, 1000),
        case("100 queries", &small, 100, 10),
        case("10 queries", &small, 10, 10),
        case("one query", &small, 1, 10),
        case("batch", &ip, 10_000, 10),
        case("batch", &cosine, 10_000, 10),
        case("f16 rows", &halves, 10_000, 10),
        case("f16 rows", &halves, 1, 10),
        case("u8 rows", &bytes, 10_000, 10),
        case("u8 rows", &bytes, 1, 10),
        case("batch", &l1, 1_000, 10),
        case("batch", &canberra, 1_000, 10),
        case("batch", &wide, 10_000, 10),
        case("one query", &wide, 1, 10),
        case("one query from 8 bits", &bits[0], 1, 10),
        case("one query from 8 bits", &bits[1], 1, 10),
        case("batch", &large, 10_000, 10),
    ]
}

fn batch() -> Vec<Case> {
    let bases = [
        million(128, Metric::L2, Form::Rows),
        million(128, Metric::L2, Form::Profile),
        million(768, Metric::L2, Form::Profile),
    ];
    let sizes = [1, 10, 100, 1_000, 10_000];
    bases.iter().flat_map(|base| sizes.map(|size| case("by batch size", base, size, 10))).collect()
}

fn neighbours() -> Vec<Case> {
    let small = million(128, Metric::L2, Form::Profile);
    let ks = [1, 10, 100, 1_000, 2_048];
    let shapes = [1, 10_000];
    shapes.iter().flat_map(|&queries| ks.map(|k| case("by k", &small, queries, k))).collect()
}

fn rows() -> Vec<Case> {
    let sizes = [10_000, 100_000, 1_000_000, 10_000_000];
    let bases = sizes.map(|n| base(n, 128, Metric::L2, Form::Profile));
    bases.iter().flat_map(|base| [1, 1_000].map(|q| case("by rows", base, q, 10))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_suites_have_each_case_once_and_each_base_in_one_piece() {
        for name in NAMES {
            let cases = named(name).unwrap();
            for (i, case) in cases.iter().enumerate() {
                assert!(!cases[..i].iter().any(|other| other.same(case)), "{name}: {case} twice");
                assert!(!case.name.contains(','), "{name}: {case} is a field of a table");
                // a base that was left is not come back to
                let seen = cases[..i].iter().any(|other| other.base == case.base);
                assert!(!seen || cases[i - 1].base == case.base, "{name}: {case} uploads again");
            }
        }
        assert!(named("slow").is_none());
    }
}
