//! Calls of many queries, which go to the device in parts while the host checks and stages the next.

use crate::common::device::{Open as _, shared, subset};
use crate::flights::held;
use crate::support::{index, rows};
use nearfield::{
    DType, Error, Flat, Gpu, GpuBuilder, Hits, Index, Metric, Rows, Search, SearchParams,
};

/// Enough for three parts of at least 1024 queries, the first half as large as the others.
const QUERIES: usize = 5300;
/// Enough for two.
const FEWER: usize = 3200;
const ROWS: usize = 250;
const DIM: usize = 8;

/// A device that is given so many parts, has a use for the scan of any rows, and never has too much work at once. It is taken
/// for a slow one, whatever it is, since calls that take no time are not cut.
fn builder(parts: usize) -> GpuBuilder {
    let builder = Gpu::builder().poison(true).setting("submit.parts", parts);
    let builder = builder.setting("submit.gflops", 1).setting("kernel.matrix.gflops", 1);
    builder.setting("kernel.scan.min_rows", 0).setting("submit.max_ms", 100_000)
}

/// What was found, to the bit.
fn found(hits: &Hits) -> (Vec<usize>, Vec<u64>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.lims().to_vec(), hits.ids().to_vec(), distances)
}

/// What a call in so many parts finds of rows with ids of their own, held against calls too small to be cut.
fn in_parts(count: usize, asked: usize, metric: &Metric, dtype: DType) -> Hits {
    let gpu = shared(&format!("{count} parts"), || builder(count)).unwrap();
    let index = index(&gpu, DIM, metric, dtype);
    let ids: Vec<u64> = (0..ROWS as u64).map(|i| (i * 37) % 1009).collect();
    index.add_with_ids(rows(ROWS, DIM, metric, dtype, 1).rows(), &ids).unwrap();
    index.remove(&ids[100..120]).unwrap();
    let queries = rows(asked, DIM, metric, dtype, 2);
    let search = |queries| index.search_with(queries, 7, &SearchParams::new()).unwrap();
    let all = search(queries.rows());
    // within parts and across their ends
    for at in [0, 1000, 1100, 2999, asked - 90] {
        let few = search(queries.rows().slice(DIM, at..at + 90));
        assert_eq!(few.stats().submissions, 1);
        let same = (0..90).all(|i| few.row(i).eq(all.row(at + i)));
        assert!(same, "{metric} of {dtype} in {count} parts, queries from {at} on");
    }
    all
}

#[test]
fn answers_do_not_depend_on_the_number_of_parts() {
    let cases = [
        (Metric::L2, DType::F32),
        (Metric::Cosine, DType::F16),
        (Metric::InnerProduct, DType::I8),
        (Metric::Hellinger, DType::Bf16),
        (Metric::L1, DType::F32),
        (Metric::Hamming, DType::Bits),
    ];
    // parts are cut on the host: for drivers that compile for seconds a scan and all distances stand for the others
    let cases = if subset() { &cases[..2] } else { &cases };
    for (case, (metric, dtype)) in cases.iter().cloned().enumerate() {
        let (asked, counts) = match case {
            0 if subset() => (QUERIES, &[3][..]),
            0 => (QUERIES, &[2, 3][..]),
            _ => (FEWER, &[2][..]),
        };
        let one = in_parts(1, asked, &metric, dtype);
        assert_eq!(one.stats().submissions, 1, "{metric} of {dtype}");
        for &count in counts {
            let all = in_parts(count, asked, &metric, dtype);
            assert_eq!(found(&all), found(&one), "{metric} of {dtype} in {count} parts");
            let (stats, whole) = (all.stats(), one.stats());
            assert_eq!(stats.submissions, count as u64, "{metric} of {dtype}");
            // each part passes over the rows
            assert_eq!(stats.bytes, count as u64 * whole.bytes, "{metric} of {dtype}");
            assert_eq!((stats.queries, stats.exact.scanned), (whole.queries, whole.exact.scanned));
            assert_eq!(
                (stats.flops, stats.exact.sums_exact),
                (whole.flops, whole.exact.sums_exact)
            );
        }
    }
}

#[test]
fn a_bad_value_in_the_last_part_ends_the_call_and_nothing_else() {
    let gpu = builder(3).open().unwrap();
    let index = Flat::new(&gpu, DIM, Metric::L2).unwrap();
    let metric = Metric::L2;
    index.add_rows(rows(ROWS, DIM, &metric, DType::F32, 3).rows()).unwrap();
    let owned = rows(QUERIES, DIM, &metric, DType::F32, 4);
    let Rows::F32(good) = owned.rows() else { panic!("these rows are f32") };
    let search = |queries: &[f32]| index.search(queries, 5);
    let before = found(&search(good).unwrap());
    let memory = (index.memory(), held(&gpu));
    let places = [(QUERIES - 1, DIM - 1), (0, 0), (1200, 3)];
    for &(row, column) in &places[..if subset() { 1 } else { 3 }] {
        let mut bad = good.to_vec();
        bad[row * DIM + column] = f32::NAN;
        let refused = search(&bad).unwrap_err();
        let at = (row as u64, column);
        assert!(
            matches!(refused, Error::NonFinite { row, column } if (row, column) == at),
            "{refused}"
        );
        bad[row * DIM + column] = 1e30;
        // of two errors the first is told, whatever part the other is in
        bad[QUERIES * DIM - 1] = if row + 1 < QUERIES { f32::INFINITY } else { 1e30 };
        let refused = index.submit(Rows::F32(&bad), 5, &SearchParams::new()).err().unwrap();
        assert!(
            matches!(&refused, Error::InvalidValue { row, column, .. } if (*row, *column) == at),
            "{refused}"
        );
        assert_eq!((index.memory(), held(&gpu)), memory);
        assert_eq!(found(&search(good).unwrap()), before);
    }
}
