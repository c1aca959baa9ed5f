//! Metrics given as WGSL: against the same functions in f64, and their errors.

use crate::common::device::{shared, subset};
use nearfield::reference::{Block, Custom, Problem, check_search};
use nearfield::{Error, Flat, Gpu, Hits, Index, Metric, Order, Rows, Search, pairwise};

fn values(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn gpu() -> Option<Gpu> {
    let builder = || Gpu::builder().poison(true).setting("kernel.scan.min_rows", "0");
    let gpu = shared("as it comes", builder).ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

/// Searches with the text and holds the answer against the closures; dimensions that are no multiple of four end in
/// padding, which no function may see.
fn agree(
    gpu: &Gpu,
    text: &str,
    (initial, order): (f32, Order),
    accumulate: impl Fn(f64, f64, f64) -> f64,
    finish: impl Fn(f64, usize) -> f64,
) {
    let tau = |_: &[f64], _: &[f64], m: f64| 1e-5 * (1.0 + m.abs());
    let measure = Custom { order, initial: initial.into(), accumulate, finish, tau };
    for d in [1, 3, 4, 31, 66] {
        // the first query alone, and more than go through the rows one by one
        let (base, queries) = (values(300 * d, 1), values(70 * d, 2));
        let index = Flat::new(gpu, d, Metric::wgsl(text, initial, order)).expect("a metric");
        index.add(&base).expect("rows");
        let hits = index.search(&queries, 12).expect("hits");
        let alone = index.search(&queries[..d], 12).expect("hits");
        assert_eq!((alone.ids(), alone.distances()), (&hits.ids()[..12], &hits.distances()[..12]));
        let ran = |hits: &Hits| hits.stats().variants.iter().any(|v| v.starts_with("scan_key"));
        assert!(ran(&hits) && !ran(&alone));
        let block = |rows| Block::new(Rows::F32(rows), d).expect("a block");
        let (base, queries) = (block(&base), block(&queries));
        let problem =
            Problem { measure: &measure, queries: &queries, base: &base, eligible: &|_, _| true };
        let got: Vec<Vec<(u64, f32)>> = hits.rows().collect();
        check_search(&problem, 12, &got).expect("the closures agree");
    }
}

#[test]
fn distances_and_similarities_agree_with_closures() {
    let Some(gpu) = gpu() else { return };
    agree(
        &gpu,
        "fn weight(q: f32) -> f32 { return 1.0 + q * q; }
         fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + weight(q) * abs(q - x); }
         fn finish(acc: f32, d: u32) -> f32 { return acc / f32(d); }",
        (0.0, Order::Ascending),
        |acc, q, x| acc + (1.0 + q * q) * (q - x).abs(),
        |acc, d| acc / d as f64,
    );
    agree(
        &gpu,
        "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return min(acc, 2.0 - abs(q - x)); }
         fn finish(acc: f32, d: u32) -> f32 { return acc; }",
        (5.0, Order::Descending),
        |acc, q, x| f64::min(acc, 2.0 - (q - x).abs()),
        |acc, _| acc,
    );
}

/// Numbers of every size, zeros, and each row twice.
fn hostile(count: usize, d: usize, seed: u32) -> Vec<f32> {
    let own = values(count.div_ceil(2) * d, seed);
    let scaled = own.iter().enumerate().map(|(i, v)| match i % 11 {
        0 => 0.0,
        1 => v * 2f32.powi(-120),
        2 => v * 2f32.powi(57),
        3 => v.signum(),
        _ => *v,
    });
    let own: Vec<f32> = scaled.collect();
    own.iter().chain(&own).copied().take(count * d).collect()
}

#[test]
fn many_queries_get_the_distances_of_pairwise_to_the_bit() {
    let Some(gpu) = gpu() else { return };
    let (n, nq, k) = (777, 67, 9);
    // sums that overflow, quotients by 0, roots of negative numbers: infinities and NaN
    let steps = [
        ("return acc + abs(q - x);", Order::Ascending, 0.0),
        ("return acc + (q - x) * (q - x) * (q - x) * (q - x);", Order::Ascending, 1e-3),
        ("return acc * 0.99 + q * x;", Order::Descending, 5.0),
        ("return max(acc, x / q);", Order::Ascending, -1.0),
        ("if (x > 0.99) { return sqrt(-x); } return acc + q;", Order::Descending, 0.0),
        ("return acc + abs(q * q - x);", Order::Ascending, 0.0),
        ("return f32(i32(acc) % 5) + floor(4.0 * abs(x));", Order::Descending, 3.0),
    ];
    for (number, (step, order, initial)) in steps.into_iter().enumerate() {
        if subset() && number % 3 != 1 {
            continue;
        }
        let text = format!(
            "fn accumulate(acc: f32, q: f32, x: f32) -> f32 {{ {step} }}
             fn finish(acc: f32, d: u32) -> f32 {{ return acc - f32(d); }}"
        );
        let metric = Metric::wgsl(text, initial, order);
        for d in [2, 13] {
            let (base, queries) = (hostile(n, d, 5), hostile(nq, d, 6));
            let index = Flat::new(&gpu, d, metric.clone()).expect("a metric");
            index.add(&base).expect("rows");
            let hits = index.search(&queries, k).expect("hits");
            println!("{step} d = {d}: {} of {nq} queries ran again", hits.stats().exact.rerun);
            let all = pairwise(&gpu, &metric, Rows::F32(&queries), Rows::F32(&base), d);
            let all = all.expect("distances");
            for (q, all) in all.chunks_exact(n).enumerate() {
                let no_hit = order.no_hit();
                let mut rows: Vec<usize> = (0..n).filter(|&row| all[row] != no_hit).collect();
                let near =
                    |row: usize| if order == Order::Ascending { all[row] } else { -all[row] };
                rows.sort_by(|&a, &b| near(a).partial_cmp(&near(b)).expect("no NaN"));
                let expected: Vec<_> =
                    rows.iter().take(k).map(|&row| (row as u64, all[row].to_bits())).collect();
                let got: Vec<_> = hits.row(q).map(|(id, v)| (id, v.to_bits())).collect();
                assert_eq!(got, expected, "{step}, d = {d}, query {q}");
            }
        }
    }
}

/// Kernels are named by a checksum of the user's text, which two texts may share: these two do, whole as they are here.
#[test]
fn texts_of_one_checksum_are_two_metrics() {
    let Some(gpu) = gpu() else { return };
    let absolute = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }\n\
                    fn finish(acc: f32, d: u32) -> f32 { return acc; }\n";
    let squared = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + (q - x) * (q - x); }\n\
                   fn finish(acc: f32, d: u32) -> f32 { return acc; }\n\
                   // AaAAaaAaAaaAaaaaaaAAAAaAAAAAaaaAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n";
    let checksums = [absolute, squared].map(|text| crc32fast::hash(text.as_bytes()));
    assert_eq!(checksums[0], checksums[1]);
    let index = |text| {
        let index =
            Flat::new(&gpu, 2, Metric::wgsl(text, 0.0, Order::Ascending)).expect("a metric");
        index.add(&[3.0, 3.0, 0.0, 5.0]).expect("rows");
        index
    };
    let (sums, squares) = (index(absolute), index(squared));
    for _ in 0..2 {
        let hits = sums.search(&[0.0, 0.0], 2).expect("hits");
        assert_eq!((hits.ids(), hits.distances()), (&[1, 0][..], &[5.0, 6.0][..]));
        let hits = squares.search(&[0.0, 0.0], 2).expect("hits");
        assert_eq!((hits.ids(), hits.distances()), (&[0, 1][..], &[18.0, 25.0][..]));
    }
}

#[test]
fn a_nan_is_no_hit() {
    let Some(gpu) = gpu() else { return };
    // the root of a negative number is not a number
    let text = "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + x; }
                fn finish(acc: f32, d: u32) -> f32 { if (acc < 0.0) { return bitcast<f32>(0x7fc00000u); } return acc; }";
    let index = Flat::new(&gpu, 1, Metric::wgsl(text, 0.0, Order::Ascending)).expect("a metric");
    index.add(&[-1.0, 2.0, -3.0, 1.0]).expect("rows");
    let hits = index.search(&[0.0], 4).expect("hits");
    assert_eq!((hits.ids(), hits.distances()), (&[3, 1][..], &[1.0, 2.0][..]));
}

#[test]
fn errors_point_into_the_users_text() {
    let Some(gpu) = gpu() else { return };
    let broken = [
        ("fn accumulate(acc: f32, q: f32, x: f32) -> f32 {\n  return acc + wrong;\n}", 2, "wrong"),
        ("fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc; }", 0, "finish"),
        (
            "fn accumulate(acc: f32, q: f32) -> f32 { return acc; }\n\
             fn finish(acc: f32, d: u32) -> f32 { return acc; }",
            1,
            "accumulate",
        ),
        (
            "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc; }\n\
             fn finish(acc: f32, d: u32) -> f32 { return acc; }\n\
             var<private> memory: f32;",
            3,
            "memory",
        ),
        (
            "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + weight; }\n\
             fn finish(acc: f32, d: u32) -> f32 { return acc; }\n\
             override weight: f32 = 2.0;",
            3,
            "override `weight`",
        ),
        (
            "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return step(acc); }\n\
             fn finish(acc: f32, d: u32) -> f32 { return acc; }\n\
             fn step(x: f32) -> f32 { return x; }",
            3,
            "step",
        ),
        ("fn accumulate(", 1, ""),
        (
            "diagnostic(off, derivative_uniformity);\n\
             fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc; }\n\
             fn finish(acc: f32, d: u32) -> f32 { return acc; }",
            1,
            "directives",
        ),
        (
            "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc; }\n\
             fn finish(acc: f32, d: u32) -> f32 { return acc; }\n\
             @compute @workgroup_size(1) fn main() {}",
            0,
            "entry",
        ),
    ];
    for (text, expected, word) in broken {
        match Flat::new(&gpu, 3, Metric::wgsl(text, 0.0, Order::Ascending)) {
            Err(Error::Shader { line, message, .. }) => {
                assert_eq!(line, expected, "{message}");
                assert!(message.contains(word), "{message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    // names that are not taken are the user's
    let own = "fn before(x: f32) -> f32 { return x; }\n\
               fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + before(q * x); }\n\
               fn finish(acc: f32, d: u32) -> f32 { return acc; }";
    Flat::new(&gpu, 3, Metric::wgsl(own, 0.0, Order::Ascending)).unwrap();
}
