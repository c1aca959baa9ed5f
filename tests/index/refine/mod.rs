//! Candidates that are compared again: `Refine`.

mod answers;
mod changes;
mod codes;
mod files;
mod refused;
mod signs;

use crate::support::rows;
use nearfield::{
    DType, Flat, Gpu, Hits, IdFilter, Index, IvfFlat, IvfPq, IvfSq, Metric, PreTransform,
    ProductQuantizer, QueryFilter, Refine, Rows, ScalarQuantizer, Search, SearchParams, SqType,
    VectorTransform,
};

const DIM: usize = 12;
const NLIST: usize = 6;

fn numbers(n: usize, metric: &Metric, seed: u64) -> Vec<f32> {
    rows(n, DIM, metric, DType::F32, seed).rows().to_f32()
}

/// A first stage.
#[derive(Clone, Copy, Debug)]
enum Base {
    Flat,
    Lists,
    Steps,
    Parts,
    /// Behind a rotation to fewer elements.
    Rotated,
}

impl Base {
    const ALL: [Base; 5] = [Base::Flat, Base::Lists, Base::Steps, Base::Parts, Base::Rotated];

    /// Without rows, of what it would learn from these; lists are all looked at, or some.
    fn index(self, gpu: &Gpu, metric: &Metric, sample: &[f32], nprobe: usize) -> Box<dyn Index> {
        let (metric, lists) = (metric.clone(), &sample[..NLIST * DIM]);
        match self {
            Base::Flat => Box::new(Flat::new(gpu, DIM, metric).unwrap()),
            Base::Lists => {
                let index = IvfFlat::with_centroids(gpu, DIM, metric, DType::F32, lists).unwrap();
                index.set_nprobe(nprobe).unwrap();
                Box::new(index)
            }
            Base::Steps => {
                let quantizer = ScalarQuantizer::new(DIM, SqType::Bits4).unwrap();
                let quantizer = quantizer.train(Rows::F32(sample)).unwrap();
                let index = IvfSq::with_centroids(gpu, metric, &quantizer, lists).unwrap();
                index.set_nprobe(nprobe).unwrap();
                Box::new(index)
            }
            Base::Parts => {
                let of_parts: Vec<f32> =
                    sample.iter().rev().cycle().take(DIM << 4).map(|x| 0.7 * x).collect();
                let quantizer = ProductQuantizer::new(DIM, 3, 4).unwrap();
                let quantizer = quantizer.with_centroids(&of_parts).unwrap();
                let index = IvfPq::with_centroids(gpu, metric, &quantizer, true, lists).unwrap();
                index.set_nprobe(nprobe).unwrap();
                Box::new(index)
            }
            Base::Rotated => {
                let rotation = VectorTransform::random_rotation(DIM, 5, 7).unwrap();
                let within = Box::new(Flat::new(gpu, 5, metric).unwrap());
                Box::new(PreTransform::new(gpu, vec![rotation], within).unwrap())
            }
        }
    }
}

fn flat(gpu: &Gpu, metric: &Metric, dtype: DType) -> Box<dyn Index> {
    Box::new(Flat::with_dtype(gpu, DIM, metric.clone(), dtype).unwrap())
}

fn refined(base: Box<dyn Index>, rows: Box<dyn Index>, k_factor: f32) -> Refine {
    let index = Refine::new(base, rows).unwrap();
    index.set_k_factor(k_factor).unwrap();
    index
}

/// What a flat index of the rows answers of these candidates.
fn of_candidates(flat: &dyn Search, candidates: &Hits, queries: Rows<'_>, k: usize) -> Hits {
    flat.search_with(queries, k, &SearchParams::new().query_filter(each(candidates))).unwrap()
}

/// Each query's own hits alone.
fn each(candidates: &Hits) -> QueryFilter {
    candidates
        .rows()
        .map(|row| IdFilter::batch(row.into_iter().map(|hit| hit.0).collect::<Vec<_>>()))
        .collect()
}

/// Ids, lims and the bits of the distances.
fn bits(hits: &Hits) -> (Vec<u64>, Vec<usize>, Vec<u32>) {
    let distances = hits.distances().iter().map(|d| d.to_bits()).collect();
    (hits.ids().to_vec(), hits.lims().to_vec(), distances)
}
