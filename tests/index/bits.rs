//! Rows of bits whose number is no multiple of 8.

use crate::support::gpu;
use nearfield::reference::{Block, Problem, check_search};
use nearfield::{BinaryFlat, Error, Index, Metric, Rows, Search, SearchParams, read_index};

/// 4 rows of 11 bits; the last has none.
const ROWS: [u8; 8] = [0b1010_1010, 0b101, 0b1111_1111, 0b111, 0b1, 0b100, 0, 0];

#[test]
fn every_metric_counts_the_bits_that_there_are() {
    let gpu = gpu();
    for metric in Metric::PLAIN.iter().filter(|metric| metric.is_binary()) {
        let index = BinaryFlat::new(&gpu, 11, metric.clone()).unwrap();
        index.add_rows(Rows::Bits(&ROWS)).unwrap();
        assert_eq!((index.len(), index.dim()), (4, 11));
        let queries = [0b1010_1011, 0b101, 0, 0b1];
        let hits = index.search_with(Rows::Bits(&queries), 4, &SearchParams::new()).unwrap();
        let block = |rows| Block::new(Rows::Bits(rows), 11).unwrap();
        let (base, queries) = (block(&ROWS), block(&queries));
        assert_eq!((base.len(), base.dim()), (4, 11));
        let problem =
            Problem { measure: metric, queries: &queries, base: &base, eligible: &|_, _| true };
        let found: Vec<Vec<_>> = (0..2).map(|query| hits.row(query).collect()).collect();
        check_search(&problem, 4, &found).unwrap_or_else(|why| panic!("{metric}: {why}"));
    }
    // 1 - 2 / 11: the number of bits is part of the metric.
    let index = BinaryFlat::new(&gpu, 11, Metric::RusselRao).unwrap();
    index.add_rows(Rows::Bits(&[0b11, 0b100])).unwrap();
    let hits = index.search_with(Rows::Bits(&[0b1, 0b110]), 1, &SearchParams::new()).unwrap();
    assert!((hits.distances()[0] - 9.0 / 11.0).abs() < 1e-6, "{:?}", hits.distances());
}

#[test]
fn bits_behind_the_last_are_refused_and_nothing_is_changed() {
    let gpu = gpu();
    let index = BinaryFlat::new(&gpu, 11, Metric::Hamming).unwrap();
    index.add_rows(Rows::Bits(&ROWS)).unwrap();
    let is_refused = |outcome: nearfield::Result<()>, at: (u64, usize)| {
        let Err(Error::InvalidValue { row, column, reason }) = outcome else { panic!("{at:?}") };
        assert_eq!((row, column), at);
        assert!(reason.contains("11"), "{reason}");
    };
    let bad = [0, 0b111, 0, 0b1000_0000];
    is_refused(index.add_rows(Rows::Bits(&bad)).map(|_| ()), (1, 15));
    is_refused(index.update(0, Rows::Bits(&[0, 0b1000])).map(|_| ()), (0, 11));
    let search = |query: &[u8]| index.search_with(Rows::Bits(query), 1, &SearchParams::new());
    is_refused(search(&bad).map(|_| ()), (1, 15));
    let params = SearchParams::new();
    is_refused(index.range_search_with(Rows::Bits(&bad), 3.0, &params).map(|_| ()), (1, 15));
    assert_eq!(index.len(), 4);
    assert_eq!(search(&ROWS[..2]).unwrap().ids(), [0]);
}

#[test]
fn they_are_written_and_read_again() {
    let (gpu, folder) = (gpu(), tempfile::tempdir().unwrap());
    let path = folder.path().join("bits.nf");
    let index = BinaryFlat::new(&gpu, 11, Metric::Hamming).unwrap();
    index.add_rows(Rows::Bits(&ROWS)).unwrap();
    index.write(&path).unwrap();
    let again = read_index(&gpu, &path).unwrap();
    assert_eq!((again.len(), again.dim()), (4, 11));
    let hits = again.search_with(Rows::Bits(&ROWS), 1, &SearchParams::new()).unwrap();
    assert_eq!(hits.ids(), [0, 1, 2, 3]);
}
