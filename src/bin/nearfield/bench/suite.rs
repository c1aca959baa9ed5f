//! What is measured.

use nearfield::Metric;

/// Rows in an index.
#[derive(Clone, PartialEq)]
pub struct Base {
    pub n: usize,
    pub d: usize,
    pub metric: Metric,
    /// Keep the f16 copy for matrix units, or not, or as the device profile says.
    pub copy: Option<bool>,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Plain,
    /// A filter that half of the rows pass.
    Half,
}

/// One line of the table.
pub struct Case {
    pub name: &'static str,
    pub base: Base,
    pub queries: usize,
    pub k: usize,
    pub kind: Kind,
}

pub const NAMES: [&str; 2] = ["quick", "exact"];

pub fn named(name: &str) -> Option<Vec<Case>> {
    match name {
        "quick" => Some(quick()),
        "exact" => Some(exact()),
        _ => None,
    }
}

fn base(n: usize, d: usize, metric: Metric, copy: Option<bool>) -> Base {
    Base { n, d, metric, copy }
}

fn case(name: &'static str, base: &Base, queries: usize, k: usize) -> Case {
    Case { name, base: base.clone(), queries, k, kind: Kind::Plain }
}

fn quick() -> Vec<Case> {
    let l2 = base(20_000, 64, Metric::L2, None);
    let l1 = base(20_000, 64, Metric::L1, None);
    vec![
        case("one query", &l2, 1, 10),
        case("100 queries", &l2, 100, 10),
        Case { kind: Kind::Half, ..case("100 queries half filtered", &l2, 100, 10) },
        case("100 queries", &l1, 100, 10),
    ]
}

fn exact() -> Vec<Case> {
    let million = |d, metric, copy| base(1_000_000, d, metric, copy);
    let f32_rows = million(128, Metric::L2, Some(false));
    let small = million(128, Metric::L2, None);
    let wide = million(768, Metric::L2, None);
    let (ip, cosine) =
        (million(128, Metric::InnerProduct, None), million(128, Metric::Cosine, None));
    let (l1, canberra) = (million(128, Metric::L1, None), million(128, Metric::Canberra, None));
    let large = base(10_000_000, 128, Metric::L2, None);
    vec![
        case("f32 tile", &f32_rows, 10_000, 10),
        case("f32 one query", &f32_rows, 1, 10),
        case("f32 100 queries", &f32_rows, 100, 10),
        case("f32 tile", &f32_rows, 10_000, 100),
        case("batch", &small, 10_000, 10),
        Case { kind: Kind::Half, ..case("batch half filtered", &small, 10_000, 10) },
        case("batch", &small, 10_000, 100),
        case("batch", &small, 10_000, 1000),
        case("100 queries", &small, 100, 10),
        case("10 queries", &small, 10, 10),
        case("one query", &small, 1, 10),
        case("batch", &ip, 10_000, 10),
        case("batch", &cosine, 10_000, 10),
        case("batch", &l1, 1_000, 10),
        case("batch", &canberra, 1_000, 10),
        case("batch", &wide, 10_000, 10),
        case("one query", &wide, 1, 10),
        case("batch", &large, 10_000, 10),
    ]
}
