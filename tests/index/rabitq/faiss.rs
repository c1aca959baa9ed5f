//! Queries in few bits, as FAISS reads them: estimates below 0, and elements in the middle of two steps.

use super::codes::{GPU, normal};
use crate::common::device::subset;
use nearfield::{Index, IvfRaBitQ, Metric, QueryBits, RaBitQ, RaBitQuantizer, Rows};

#[test]
fn estimates_of_squares_are_never_below_0() {
    let dim = 24;
    let (rows, center) = (normal(300, dim, 1), vec![0.0; dim]);
    let queries = rows[..20 * dim].to_vec();
    for bits in [1, 4] {
        let quantizer = RaBitQuantizer::new(dim, &Metric::L2, 1).unwrap();
        let quantizer = quantizer.with_center(&center).unwrap();
        let codes = quantizer.encode(Rows::F32(&rows)).unwrap();
        let flat = RaBitQ::with_quantizer(&GPU, Metric::L2, &quantizer).unwrap();
        let lists = IvfRaBitQ::with_centroids(&GPU, dim, Metric::L2, 1, &center).unwrap();
        flat.set_query_bits(bits).unwrap();
        lists.set_query_bits(bits).unwrap();
        for index in [&flat as &dyn Index, &lists] {
            index.add(&rows).unwrap();
            let hits = index.search(&queries, 300).unwrap();
            let mut zeros = 0;
            for (query, row) in queries.chunks_exact(dim).zip(hits.rows()) {
                let all = quantizer.estimate(query, &codes, QueryBits::Range(bits)).unwrap();
                for (id, far) in row {
                    let expected = all[id as usize];
                    assert!((far - expected).abs() < 1e-3, "{bits}: {far}, not {expected}");
                    zeros += usize::from(expected == 0.0);
                }
            }
            assert!(zeros > 5, "{bits}: {zeros}");
        }
    }
}

/// As tests/data/rabitq/steps.py makes it.
fn query(seed: usize, center: &[f32]) -> Vec<f32> {
    let dim = center.len();
    let number = |j: usize| ((seed * 37 + j * 101 + seed * seed * j * 7) % 251) as f32 - 125.0;
    let mut values: Vec<f32> = (0..dim).map(number).collect();
    values[seed % dim] = -125.0;
    values[(seed + 3) % dim] = 125.0;
    let scale = 1.0 / (seed + 3) as f32;
    values.iter().zip(center).map(|(x, c)| x * scale + c).collect()
}

/// The step of each element by estimates of rows that are 1 above the center in one element and 1 below in the others, and of one that is below in all.
fn steps(far: &[f32], query: &[f32], center: &[f32], bits: u32) -> Vec<u8> {
    let residual: Vec<f32> = query.iter().zip(center).map(|(q, c)| q - c).collect();
    let ends = |(low, high): (f32, f32), x: &f32| (low.min(*x), high.max(*x));
    let (low, high) = residual.iter().fold((f32::MAX, f32::MIN), ends);
    let delta = (high - low) / ((1 << bits) - 1) as f32;
    let last = far[far.len() - 1];
    let number = |far: &f32| ((last - far) / 4.0 - low) / delta;
    far[..query.len()]
        .iter()
        .map(|far| {
            let rounded = number(far).round();
            assert!((number(far) - rounded).abs() < 0.05, "{}", number(far));
            rounded as u8
        })
        .collect()
}

#[test]
fn elements_go_to_the_steps_that_faiss_takes() {
    let text = include_str!("../../data/rabitq/steps.txt");
    let (mut compared, mut others) = (0, 0);
    for line in text.lines().step_by(if subset() { 2 } else { 1 }) {
        let words: Vec<&str> = line.split(' ').collect();
        let (dim, bits): (usize, u32) = (words[0].parse().unwrap(), words[1].parse().unwrap());
        let byte = |at: usize| u8::from_str_radix(&words[2][2 * at..2 * at + 2], 16).unwrap();
        let expected: Vec<u8> = (0..words[2].len() / 2).map(byte).collect();
        let center: Vec<f32> = (0..dim).map(|j| ((j * 53 % 97) as f32 - 48.0) / 16.0).collect();
        let rows: Vec<f32> = (0..(dim + 1) * dim)
            .map(|at| center[at % dim] + if at / dim == at % dim { 1.0 } else { -1.0 })
            .collect();
        let queries: Vec<f32> = (0..expected.len() / dim).flat_map(|s| query(s, &center)).collect();
        let quantizer = RaBitQuantizer::new(dim, &Metric::L2, 1).unwrap();
        let quantizer = quantizer.with_center(&center).unwrap();
        let codes = quantizer.encode(Rows::F32(&rows)).unwrap();
        let flat = RaBitQ::with_quantizer(&GPU, Metric::L2, &quantizer).unwrap();
        let lists = IvfRaBitQ::with_centroids(&GPU, dim, Metric::L2, 1, &center).unwrap();
        flat.set_query_bits(bits).unwrap();
        lists.set_query_bits(bits).unwrap();
        let found = [&flat as &dyn Index, &lists].map(|index| {
            index.add(&rows).unwrap();
            index.search(&queries, dim + 1).unwrap()
        });
        for (seed, query) in queries.chunks_exact(dim).enumerate() {
            let expected = &expected[seed * dim..(seed + 1) * dim];
            let mut all = vec![quantizer.estimate(query, &codes, QueryBits::Range(bits)).unwrap()];
            for hits in &found {
                let mut far = vec![f32::NAN; dim + 1];
                hits.row(seed).for_each(|(id, its)| far[id as usize] = its);
                all.push(far);
            }
            for (which, far) in all.iter().enumerate() {
                let steps = steps(far, query, &center, bits);
                let name = format!("{dim} of {bits} bits, query {seed}, by {which}");
                if which == 0 {
                    assert_eq!(steps, expected, "{name}");
                }
                // drivers without fused products (llvmpipe) round once more, which an element in the middle of two steps may show
                let off = |(a, b): (&u8, &u8)| a.abs_diff(*b);
                assert!(steps.iter().zip(expected).all(|pair| off(pair) <= 1), "{name}");
                others += steps.iter().zip(expected).filter(|&pair| off(pair) > 0).count();
                compared += steps.len();
            }
        }
    }
    println!("{others} of {compared} elements on the other step");
    assert!(compared > 30_000 && others * 200 < compared, "{others} of {compared}");
}
