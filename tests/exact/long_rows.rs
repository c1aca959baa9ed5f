//! Rows of so many elements that sums of their squares lose in f32: the norms that the certificate builds on are rounded up all
//! the same.

use crate::common::data::Random;
use crate::common::device::subset;
use crate::common::ways::{BYTES, COPY, MATRIX, MATRIX_F32, ROWS, TILES, open};
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{Flat, Index, Metric, Rows, Search, SearchParams};

#[test]
fn rows_of_140_000_elements_are_searched_exactly() {
    let ways = open(&[TILES, ROWS, COPY, BYTES, MATRIX, MATRIX_F32], 1);
    if ways.is_empty() {
        println!("skipped: no adapter (1)");
        return;
    }
    let (n, d, k) = (130, 140_000, 3);
    let mut random = Random::new(2);
    // every square is a little more than half a unit of a large sum's last place; rows differ in a few elements
    let mut rows = vec![0.1f32; n * d];
    for row in rows.chunks_exact_mut(d) {
        (0..50).for_each(|_| row[random.below(d as u64) as usize] = random.normal() as f32);
    }
    let queries = [&rows[7 * d..8 * d], &rows[90 * d..91 * d]].concat();
    let block = |rows| Block::new(Rows::F32(rows), d).expect("whole rows");
    let (base, asked) = (block(&rows[..]), block(&queries[..]));
    let metrics = [Metric::L2, Metric::InnerProduct, Metric::Cosine];
    for (m, metric) in metrics.into_iter().take(if subset() { 1 } else { 3 }).enumerate() {
        for (turn, (way, gpu)) in ways.iter().enumerate() {
            // every way with the first metric, the others with half of the ways each
            if m > 0 && turn > 0 && !(m + turn).is_multiple_of(2) {
                continue;
            }
            let index = Flat::new(gpu, d, metric.clone()).expect("an index");
            index.add(&rows).expect("rows");
            let search = |exhaustive| {
                let params = SearchParams::new().exhaustive(exhaustive);
                let hits = index.search_with(Rows::F32(&queries), k, &params).expect("hits");
                hits.rows().collect::<Vec<Vec<(u64, f32)>>>()
            };
            let all = search(true);
            assert_eq!(search(false), all, "{metric}, {}", way.name);
            if turn == 0 {
                let (measure, queries, base) = (&metric, &asked, &base);
                let problem = Problem { measure, queries, base, eligible: &|_, _| true };
                check_search(&problem, k, &all).expect("within tau");
            }
        }
    }
}
