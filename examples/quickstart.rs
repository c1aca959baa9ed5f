//! The twelve lines of the README.

use nearfield::{Flat, Gpu, Index, Metric, Search};

fn main() -> nearfield::Result<()> {
    let gpu = Gpu::new()?; // the best adapter of the machine
    let index = Flat::new(&gpu, 3, Metric::L2)?;
    index.add(&[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 2.0, 0.0])?; // three rows, ids 0, 1, 2
    let hits = index.search(&[0.5, 0.0, 0.0, 0.0, 4.0, 0.0], 2)?; // two queries, two neighbours
    let nearest: Vec<(u64, f32)> = hits.row(0).collect(); // squared distances; ties by id
    assert_eq!(nearest, [(0, 0.25), (1, 0.25)]);
    assert_eq!(hits.row(1).next(), Some((2, 4.0)));
    Ok(())
}
