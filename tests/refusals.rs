//! Bad input at the index's door: an error that names row and column, and an index that is as it was.

mod common;

use common::cases::{
    Bad, NEGATIVE, NON_FINITE, TOO_LARGE, float_metrics, good_rows, ids_given_twice,
};
use half::{bf16, f16};
use nearfield::{DType, Error, Flat, Gpu, Index, Metric, Order, Rows, Search, SearchParams};

const D: usize = 5;
const TYPES: [DType; 3] = [DType::F32, DType::F16, DType::Bf16];

/// Values of one of the floating types.
struct Typed(Vec<f32>, Vec<f16>, Vec<bf16>, DType);

impl Typed {
    fn new(values: &[f32], dtype: DType) -> Typed {
        let f16s = values.iter().map(|&x| f16::from_f32(x)).collect();
        Typed(values.to_vec(), f16s, values.iter().map(|&x| bf16::from_f32(x)).collect(), dtype)
    }

    fn rows(&self) -> Rows<'_> {
        match self.3 {
            DType::F16 => Rows::F16(&self.1),
            DType::Bf16 => Rows::Bf16(&self.2),
            _ => Rows::F32(&self.0),
        }
    }
}

/// What an index answers, to the bit.
fn state(index: &dyn Index) -> (usize, u64, Vec<u64>, Vec<u32>) {
    let hits = index.search(&good_rows()[..2 * D], 100).expect("a search");
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (index.len(), index.memory(), hits.ids().to_vec(), distances)
}

/// Whether an error is the one that the value deserves, at its place.
fn named(error: &Error, bad: &Bad, first_row: usize) -> bool {
    let place = ((bad.row - first_row) as u64, bad.column);
    match error {
        Error::NonFinite { row, column } => !bad.value.is_finite() && (*row, *column) == place,
        Error::InvalidValue { row, column, .. } => {
            bad.value.is_finite() && (*row, *column) == place
        }
        _ => false,
    }
}

/// Offers the value to every door of an index, which must refuse it and stay as it is.
fn refused(index: &dyn Index, bad: &Bad, dtype: DType) {
    let what = format!("{}, {dtype}, {}", index.metric(), bad.name);
    let rows = Typed::new(&bad.rows(), dtype);
    let before = state(index);
    let ids: Vec<u64> = (500..510).collect();
    let alone = rows.rows().slice(D, bad.row..bad.row + 1);
    let params = SearchParams::new();
    let errors = [
        (0, index.add_rows(rows.rows()).err()),
        (0, index.add_with_ids(rows.rows(), &ids).err()),
        (bad.row, index.update(3, alone).err()),
        (0, index.search_with(rows.rows(), 3, &params).err()),
        (0, index.search_with(rows.rows(), 3, &params.clone().exhaustive(true)).err()),
        (0, index.range_search_with(rows.rows(), 0.5, &params).err()),
    ];
    for (door, (first_row, error)) in errors.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("{what}: door {door} let it in"));
        assert!(named(&error, bad, first_row), "{what}, door {door}: {error}");
    }
    assert_eq!(state(index), before, "{what}");
}

fn gpu() -> Option<Gpu> {
    let gpu = Gpu::builder().poison(true).max_segment_bytes(1).build();
    gpu.map_err(|e| println!("skipped: {e} (1)")).ok()
}

fn filled(gpu: &Gpu, metric: &Metric, dtype: DType) -> Flat {
    let index = Flat::with_dtype(gpu, D, metric.clone(), dtype).expect("an index");
    // more than one segment
    for _ in 0..8 {
        index.add_rows(Typed::new(&good_rows(), dtype).rows()).expect("good rows");
    }
    index
}

#[test]
fn what_a_metric_does_not_take_is_refused_at_every_door() {
    let Some(gpu) = gpu() else { return };
    let custom = Metric::wgsl(
        "fn accumulate(acc: f32, q: f32, x: f32) -> f32 { return acc + abs(q - x); }
         fn finish(acc: f32, d: u32) -> f32 { return acc; }",
        0.0,
        Order::Ascending,
    );
    let metrics = float_metrics().into_iter().filter(|m| *m != Metric::Haversine);
    let mut refusals = 0;
    for metric in metrics.chain([custom]) {
        for dtype in TYPES {
            let index = filled(&gpu, &metric, dtype);
            let non_finite =
                NON_FINITE.iter().filter(|bad| !bad.value.is_nan() || !metric.allows_nan());
            let negative = NEGATIVE.iter().filter(|bad| {
                metric.needs_non_negative() && Typed::new(&[bad.value], dtype).rows().get(0) < 0.0
            });
            // beyond what f16 holds, which makes it infinite
            let large = TOO_LARGE.iter().filter(|_| dtype != DType::F16);
            for bad in non_finite.chain(negative).chain(large) {
                refused(&index, bad, dtype);
                refusals += 1;
            }
            // ids go on as if nothing had been tried
            let added = index.add_rows(Typed::new(&good_rows(), dtype).rows()).expect("good rows");
            assert_eq!(added, 80..90);
        }
    }
    println!("{refusals} values refused at six doors each");
}

#[test]
fn what_a_metric_takes_is_let_in() {
    let Some(gpu) = gpu() else { return };
    for metric in float_metrics().into_iter().filter(|m| *m != Metric::Haversine) {
        let index = Flat::new(&gpu, D, metric.clone()).expect("an index");
        let mut rows = good_rows();
        if metric.allows_nan() {
            rows[7] = f32::NAN;
        }
        if !metric.needs_non_negative() {
            rows[11] = -0.5;
        }
        // minus zero is not negative, and 2^59 not too large
        rows[13] = -0.0;
        if !metric.allows_nan() {
            rows[17] = 5.7e17;
        }
        index.add(&rows).unwrap_or_else(|e| panic!("{metric}: {e}"));
        index.search(&rows, 3).unwrap_or_else(|e| panic!("{metric}: {e}"));
    }
}

#[test]
fn haversine_takes_pairs_alone_and_they_are_finite() {
    let Some(gpu) = gpu() else { return };
    let index = Flat::new(&gpu, 2, Metric::Haversine).expect("an index");
    index.add(&[0.5, 1.0, -0.5, 2.0]).expect("rows");
    for bad in [f32::NAN, f32::INFINITY] {
        let error = index.add(&[0.1, 0.2, 0.3, bad]).expect_err("refused");
        assert!(matches!(error, Error::NonFinite { row: 1, column: 1 }), "{error}");
        let error = index.search(&[bad, 0.0], 1).expect_err("refused");
        assert!(matches!(error, Error::NonFinite { row: 0, column: 0 }), "{error}");
    }
    assert_eq!(index.search(&[0.5, 1.0], 5).expect("hits").ids(), [0, 1]);
}

#[test]
fn ids_are_given_once() {
    let Some(gpu) = gpu() else { return };
    let index = filled(&gpu, &Metric::L2, DType::F32);
    let before = state(&index);
    let (ids, twice) = ids_given_twice(10);
    let rows = good_rows();
    let error = index.add_with_ids(Rows::F32(&rows), &ids).expect_err("refused");
    assert!(matches!(error, Error::DuplicateId { id } if id == twice), "{error}");
    // one that is there already
    let mut ids: Vec<u64> = (200..210).collect();
    ids[6] = 17;
    let error = index.add_with_ids(Rows::F32(&rows), &ids).expect_err("refused");
    assert!(matches!(error, Error::DuplicateId { id: 17 }), "{error}");
    assert_eq!(state(&index), before);
}
