//! Exact search over more rows than the device may hold, beside the rate of the upload alone.
//!
//! `cargo run --release --example stream -- --rows 62900000 --dim 128 --budget 4096 --queries 1000 -k 10`
//!
//! Rows are one random block, moved a little further each time. `--budget` counts MiB. Each of `--repeat` rounds brings the
//! rows over without a search, then searches them; `--add` also times a resident index of as many rows as `--add` says.
//! `--check` queries are compared with f64.

use nearfield::format::HostRows;
use nearfield::{Flat, Gpu, Index, Metric, Result, Rows, Search, SearchParams, StreamedFlat};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Rows that are random; the others repeat them.
const BLOCK: usize = 1 << 16;
const GIB: f64 = (1u64 << 30) as f64;

fn main() -> Result<()> {
    let options = options();
    let get = |name: &str| options[name];
    let (n, dim, nq, k) = (get("rows"), get("dim"), get("queries"), get("k"));
    let gpu = Gpu::builder().memory_budget((get("budget") as u64) << 20).build()?;
    println!("{}, {n} x {dim} f32, {nq} queries, k = {k}", gpu.caps().name);

    let rows = Arc::new(rows(n, dim));
    let queries = random(nq * dim, 77);
    let gib = (rows.len() * 4) as f64 / GIB;
    if get("add") > 0 {
        let part = &rows[..get("add").min(n) * dim];
        for _ in 0..get("repeat") {
            let index = Flat::new(&gpu, dim, Metric::L2)?;
            let begin = Instant::now();
            index.add(part)?;
            // the search is behind all copies
            index.search(&queries[..dim], 1)?;
            let seconds = begin.elapsed().as_secs_f64();
            println!("add      {:8.3} GiB/s", (part.len() * 4) as f64 / GIB / seconds);
        }
    }
    let store = HostRows::new(Arc::clone(&rows), dim, |rows| Rows::F32(rows))?;
    let index = StreamedFlat::new(&gpu, store, Metric::L2)?;
    let mut last = None;
    for _ in 0..get("repeat") {
        let begin = Instant::now();
        let stats = index.read_through(&SearchParams::new())?;
        let upload = gib / begin.elapsed().as_secs_f64();
        let begin = Instant::now();
        let hits = index.search(&queries, k)?;
        let search = gib / begin.elapsed().as_secs_f64();
        println!(
            "upload   {upload:8.3} GiB/s in {} chunks; search {search:8.3} GiB/s in {}: {:.1} %",
            stats.stream.chunks,
            hits.stats().stream.chunks,
            100.0 * search / upload
        );
        last = Some(hits);
    }
    println!("memory   {}", gpu.memory());
    let Some(hits) = last else { return Ok(()) };
    for variant in &hits.stats().variants {
        println!("kernel   {variant}");
    }
    for query in 0..get("check").min(nq) {
        let q = &queries[query * dim..][..dim];
        let exact = nearest(&rows, q, k);
        let found: Vec<(u64, f32)> = hits.row(query).collect();
        assert_eq!(found.len(), exact.len());
        for (&(row, distance), &least) in found.iter().zip(&exact) {
            let own = square(q, &rows[row as usize * dim..][..dim]);
            let tau = |m: f64| (dim.div_ceil(32) + 12) as f64 * 2f64.powi(-24) * m + 1e-30;
            let distance = f64::from(distance);
            assert!((distance - own).abs() <= tau(own), "row {row}: {distance}, not {own}");
            assert!((distance - least).abs() <= tau(own) + tau(least), "{distance}, not {least}");
        }
    }
    println!("checked  {} queries against f64", get("check").min(nq));
    Ok(())
}

/// The options, or what each is without.
fn options() -> BTreeMap<String, usize> {
    let defaults = [
        ("rows", 1_000_000),
        ("dim", 128),
        ("budget", 256),
        ("queries", 100),
        ("k", 10),
        ("check", 2),
        ("repeat", 3),
        ("add", 0),
    ];
    let mut options: BTreeMap<String, usize> =
        defaults.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    for pair in arguments.chunks(2) {
        let name = pair[0].trim_start_matches('-');
        match (options.get_mut(name), pair.get(1).and_then(|value| value.parse().ok())) {
            (Some(place), Some(value)) => *place = value,
            _ => {
                eprintln!("{} is none of {:?} with a number behind", pair[0], options.keys());
                std::process::exit(2);
            }
        }
    }
    options
}

fn random(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    (0..count).map(|_| next() + next() + next()).collect()
}

fn rows(n: usize, dim: usize) -> Vec<f32> {
    let block = random(BLOCK * dim, 1);
    let mut rows = vec![0f32; n * dim];
    rows.par_chunks_mut(BLOCK * dim).enumerate().for_each(|(i, part)| {
        let offset = (i % 1009) as f32 / 512.0;
        part.iter_mut().zip(&block).for_each(|(to, &x)| *to = x + offset);
    });
    rows
}

fn square(q: &[f32], x: &[f32]) -> f64 {
    q.iter().zip(x).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum()
}

/// The k smallest distances.
fn nearest(rows: &[f32], q: &[f32], k: usize) -> Vec<f64> {
    let parts = rows.par_chunks(BLOCK * q.len()).map(|part| {
        let mut all: Vec<f64> = part.chunks_exact(q.len()).map(|x| square(q, x)).collect();
        all.sort_unstable_by(f64::total_cmp);
        all.truncate(k);
        all
    });
    let mut all: Vec<f64> = parts.flatten().collect();
    all.sort_unstable_by(f64::total_cmp);
    all.truncate(k);
    all
}
