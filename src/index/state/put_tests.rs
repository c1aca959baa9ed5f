//! Many rows cost one change: what is copied, dispatched and read is counted.

use super::Picked;
use crate::buffer::Copied;
use crate::device::Gpu;
use crate::dtype::{DType, Rows};
use crate::format::RowSource;
use crate::index::changing::Index;
use crate::index::flat::Flat;
use crate::kernel::Dispatched;
use crate::metric::Metric;

const DIM: usize = 4;
/// Rows of a segment.
const SEGMENT: usize = 256;

/// An index of four segments, the last of which is full but for 56 rows and has no free room, with ids from 0 on.
fn index() -> Option<(Gpu, Flat)> {
    let builder = Gpu::test_builder().poison(true).max_segment_bytes((SEGMENT * DIM * 4) as u64);
    let Ok(gpu) = builder.build() else {
        println!("skipped: no adapter (1)");
        return None;
    };
    let index = Flat::new(&gpu, DIM, Metric::L1).unwrap();
    index.add(&values(0..3 * SEGMENT as u64 + 192)).unwrap();
    counted(&gpu);
    Some((gpu, index))
}

fn values(ids: impl IntoIterator<Item = u64>) -> Vec<f32> {
    ids.into_iter().flat_map(|id| [id as f32; DIM]).collect()
}

/// Segments that were copied since the last call, and the kernels that ran.
fn counted(gpu: &Gpu) -> (u64, Vec<String>) {
    let kernels = gpu.state::<Dispatched>().unwrap().take().into_iter().map(|(name, _)| name);
    (gpu.state::<Copied>().unwrap().take(), kernels.collect())
}

fn named(name: &str, times: usize) -> Vec<String> {
    vec![name.to_owned(); times]
}

#[test]
fn an_update_of_many_rows_copies_each_touched_segment_once() {
    let Some((gpu, index)) = index() else { return };
    // every third row of the first, second and last segment, backwards
    let ids: Vec<u64> = (0..960).filter(|id| id % 3 == 0 && id / 256 != 2).rev().collect();
    index.update_rows(Rows::F32(&values(ids.iter().map(|id| id + 5000))), &ids).unwrap();
    // the new rows lie in a matrix of as few segments as they fill, of one each of its own
    let (copies, kernels) = counted(&gpu);
    assert_eq!(copies, 3);
    let scatters = kernels.len();
    assert!((3..=6).contains(&scatters), "{kernels:?}");
    assert_eq!(kernels, named("scatter_rows", scatters));
    let (untouched, touched) = ((256 * 2..256 * 3).collect::<Vec<u64>>(), &ids[..]);
    assert_eq!(index.reconstruct_many(&untouched).unwrap(), values(untouched.clone()));
    let new = values(touched.iter().map(|id| id + 5000));
    assert_eq!(index.reconstruct_many(touched).unwrap(), new);
}

#[test]
fn an_upsert_copies_a_segment_once_that_changes_and_grows() {
    let Some((gpu, index)) = index() else { return };
    // one row of the first segment, one of the last, and 50 behind it, for which that has no room yet
    let ids: Vec<u64> = [959, 7].into_iter().chain(2000..2050).collect();
    let new = values(ids.iter().map(|id| id + 1));
    assert_eq!(index.upsert(Rows::F32(&new), &ids).unwrap(), 50);
    assert_eq!(counted(&gpu).0, 2);
    assert_eq!(index.reconstruct_many(&ids).unwrap(), new);
    assert_eq!(index.ids(), (0..960).chain(2000..2050).collect::<Vec<_>>());
}

#[test]
fn many_rows_come_back_by_one_gather() {
    let Some((gpu, index)) = index() else { return };
    let ids: Vec<u64> = (0..960).rev().step_by(2).collect();
    assert_eq!(index.reconstruct_many(&ids).unwrap(), values(ids.iter().copied()));
    let (copies, kernels) = counted(&gpu);
    // of four segments one each
    assert_eq!((copies, kernels), (0, named("gather_rows", 4)));
    // those that stand side by side are read as they lie
    let ids: Vec<u64> = (200..700).collect();
    assert_eq!(index.reconstruct_many(&ids).unwrap(), values(ids.iter().copied()));
    assert_eq!(counted(&gpu), (0, vec![]));
}

#[test]
fn picked_rows_are_those_of_the_numbers() {
    let bytes: Vec<u8> = (0..60).collect();
    for (dtype, dim) in [(DType::U8, 3), (DType::Bits, 24)] {
        let rows = Rows::from_bytes(dtype, &bytes).unwrap();
        for numbers in [vec![], vec![4], vec![1, 2, 3], vec![0, 2, 3, 19], (0..20).collect()] {
            for step in [0, 1, 2, 50] {
                let mut source = Picked::new(rows, dim, &numbers);
                let mut found = Vec::new();
                assert_eq!(source.remaining(), Some(numbers.len() as u64));
                while let Some(block) = source.next_rows(step).unwrap() {
                    assert!(block.count(dim).unwrap() <= step.max(1));
                    found.extend_from_slice(block.bytes());
                }
                let expected = numbers.iter().flat_map(|&n| &bytes[3 * n..3 * n + 3]);
                assert_eq!(found, expected.copied().collect::<Vec<_>>());
            }
        }
    }
}
