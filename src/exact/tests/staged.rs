//! Queries that go to staging memory while they are checked, against those that go by the call's own memory.

use super::{Once, random};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::Error;
use crate::exact::dataset::Dataset;
use crate::exact::queries::Queries;
use crate::exact::upload::Upload;
use crate::kernel::{Encoder, words};
use crate::metric::Metric;
use half::f16;
use std::ops::Range;

const NQ: usize = 700;

fn dataset(gpu: &Gpu, metric: &Metric, dim: usize) -> Dataset {
    let empty = Dataset::new(gpu, metric, crate::dtype::DType::F32, dim).unwrap();
    empty.append(&mut Once(Some(Rows::F32(&random(9 * dim, 3))), dim)).unwrap()
}

/// What the device has of some queries: their floats and their norms, and the bits of both.
fn on_device(dataset: &Dataset, queries: &Queries, range: Range<u32>) -> [Vec<u32>; 2] {
    let mut encoder = Encoder::new(dataset.gpu(), "queries", false).unwrap();
    let which: Vec<u32> = range.collect();
    let upload = queries.upload(dataset, &which, false, &mut encoder).unwrap();
    let Upload { floats: Some(floats), norms: Some(norms), .. } = upload else {
        panic!("no floats, or no norms")
    };
    let ranges = [(&floats, 0, floats.size()), (&norms, 0, norms.size())];
    let landed = encoder.submit(&ranges).unwrap().wait().unwrap();
    [0, 1].map(|part| words(&landed.parts[part]).into_owned())
}

#[test]
fn what_is_staged_is_what_would_be_uploaded_and_can_be_asked_again() {
    let Ok(gpu) = Gpu::builder().poison(true).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    // rows of which several threads take pieces, and rows that no upload takes as they lie
    for (metric, dim) in [
        (Metric::L2, 512),
        (Metric::L2, 4),
        (Metric::InnerProduct, 12),
        (Metric::Cosine, 512),
        (Metric::L2, 7),
    ] {
        let dataset = dataset(&gpu, &metric, dim);
        let mut values = random(NQ * dim, 5);
        values[3 * dim..4 * dim].fill(0.0);
        let halves: Vec<f16> = values.iter().map(|&x| f16::from_f32(x)).collect();
        for queries in [Rows::F32(&values), Rows::F16(&halves)] {
            let own = Queries::new(&dataset, queries).unwrap();
            let mut next = Queries::unchecked(&dataset, queries).unwrap();
            let parts = [0..500, 500..NQ as u32];
            for part in parts.clone() {
                next.check_next(&dataset, queries, part.end as usize, false).unwrap();
                let [is, should] = [&next, &own].map(|of| on_device(&dataset, of, part.clone()));
                assert_eq!(is, should, "{metric}, {dim}, {part:?}");
            }
            assert_eq!(next.facts, own.facts);
            next.keep(queries).unwrap();
            for part in [2..5, 499..501] {
                let [is, should] = [&next, &own].map(|of| on_device(&dataset, of, part.clone()));
                assert_eq!(is, should, "{metric}, {dim}, {part:?} again");
            }
            assert_eq!(next.row(699), own.row(699));
        }
    }
}

#[test]
fn queries_are_staged_one_part_at_a_time_and_none_is_asked_before_it_is_there() {
    let Ok(gpu) = Gpu::builder().poison(true).build() else {
        println!("skipped: no adapter (1)");
        return;
    };
    let (dataset, dim) = (dataset(&gpu, &Metric::L2, 8), 8);
    let mut values = random(NQ * dim, 6);
    let queries = Rows::F32(&values);
    let own = Queries::new(&dataset, queries).unwrap();
    let mut next = Queries::unchecked(&dataset, queries).unwrap();
    // the second part finds the first still waiting
    next.check_next(&dataset, queries, 100, false).unwrap();
    next.check_next(&dataset, queries, 300, false).unwrap();
    let mut encoder = Encoder::new(&gpu, "queries", false).unwrap();
    let refused = next.upload(&dataset, &[99, 100], false, &mut encoder);
    assert!(matches!(refused, Err(Error::Internal { .. })));
    for part in [100..300, 0..100] {
        assert_eq!(on_device(&dataset, &next, part.clone()), on_device(&dataset, &own, part));
    }
    // what is refused is refused by its number, and what was there before stays
    values[350 * dim + 2] = f32::NAN;
    let queries = Rows::F32(&values);
    let refused = next.check_next(&dataset, queries, NQ, false);
    assert!(matches!(refused, Err(Error::NonFinite { row: 350, column: 2 })));
    next.keep(queries).unwrap();
    assert_eq!(next.row(42), own.row(42));
}
