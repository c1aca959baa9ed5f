//! Histograms, prefix sums and sorts of integers against std, at the ends of threads, tiles and blocks.

use super::kernels::{PRIVATE_BINS, SORT_BLOCK, SUM_TILE};
use super::sort::{Segments, gathered, segmented, stable, stable_with};
use super::{histogram, prefix_sum};
use crate::buffer::Buffer;
use crate::device::Gpu;
use crate::error::Result;
use crate::kernel::{Dispatched, Encoder, words};

/// A device whose new buffers hold what nobody wrote; `None`, and a skip that is counted, without an adapter.
fn device() -> Option<Gpu> {
    let gpu = Gpu::test_builder().poison(true).build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

/// The words of the buffers that `encode` gives for those that `inputs` become.
fn run(
    gpu: &Gpu,
    inputs: &[&[u32]],
    encode: impl Fn(&mut Encoder, &[Buffer]) -> Result<Vec<Buffer>>,
) -> Vec<Vec<u32>> {
    let mut encoder = Encoder::new(gpu, "integers", false).unwrap();
    let upload = |input: &&[u32]| encoder.upload("input", bytemuck::cast_slice(input)).unwrap();
    let buffers: Vec<Buffer> = inputs.iter().map(upload).collect();
    let outputs = encode(&mut encoder, &buffers).unwrap();
    let ranges: Vec<_> = outputs.iter().map(|buffer| (buffer, 0, buffer.size())).collect();
    let landed = encoder.submit(&ranges).unwrap().wait().unwrap();
    landed.parts.iter().map(|part| words(part).to_vec()).collect()
}

fn random(i: usize) -> u32 {
    let x = (i as u32).wrapping_mul(2_654_435_761).wrapping_add(974_711);
    let x = (x ^ x >> 15).wrapping_mul(0x2c1b_3c6d);
    x ^ x >> 13
}

/// Lengths at the ends of threads, of `edges`, and one of many blocks.
fn lengths(edges: &[u32]) -> Vec<usize> {
    let near = edges.iter().flat_map(|&edge| [edge - 1, edge, edge + 1]);
    [0, 1, 2, 255, 256, 257].into_iter().chain(near).chain([70_000]).map(|n| n as usize).collect()
}

#[test]
fn prefix_sums_are_those_of_std() {
    let Some(gpu) = device() else { return };
    let sums_of = |values: &[u32]| {
        let n = values.len() as u32;
        run(&gpu, &[values], |encoder, given| {
            Ok(vec![prefix_sum::exclusive(encoder, &given[0], n)?])
        })
    };
    // the last: blocks of two tiles, as many as may be
    for n in lengths(&[SUM_TILE, 4 * SUM_TILE, 5 * SUM_TILE]).into_iter().chain([4_300_000]) {
        // beyond 2^32 where there are a few
        for bits in [1, 12, 32] {
            if n > 70_000 && bits != 32 {
                continue;
            }
            let values: Vec<u32> = (0..n).map(|i| random(i) >> (32 - bits)).collect();
            let mut sum = 0u32;
            let mut expected = vec![0];
            expected.extend(values.iter().map(|&value| {
                sum = sum.wrapping_add(value);
                sum
            }));
            let got = sums_of(&values).remove(0);
            let wrong = (0..=n).find(|&i| got[i] != expected[i]);
            assert_eq!((got.len(), wrong), (n + 1, None), "{n} values of {bits} bits");
        }
    }
    // modulo 2^32: the total and what comes before it
    assert_eq!(sums_of(&[1 << 31, 1 << 31, 7])[0], [0, 1 << 31, 0, 7]);
}

#[test]
fn histograms_are_those_of_std_whatever_the_keys() {
    let Some(gpu) = device() else { return };
    type Keys = fn(usize, u32) -> u32;
    let kinds: [(&str, Keys); 5] = [
        ("random", |i, bins| random(i) % bins),
        ("out of bounds here and there", |i, bins| random(i) % (bins + bins / 4 + 1)),
        ("all equal", |_, bins| bins - 1),
        ("every second equal", |i, bins| if i % 2 == 0 { bins / 2 } else { random(i) % bins }),
        ("none below", |i, bins| if i % 2 == 0 { bins } else { u32::MAX }),
    ];
    for bins in [1, 2, 3, 255, 257, 2048, PRIVATE_BINS, PRIVATE_BINS + 1, 100_000] {
        for n in lengths(&[2048, 4096]) {
            for (kind, key) in kinds {
                let keys: Vec<u32> = (0..n).map(|i| key(i, bins)).collect();
                let mut expected = vec![0; bins as usize];
                for &key in keys.iter().filter(|&&key| key < bins) {
                    expected[key as usize] += 1;
                }
                let got = run(&gpu, &[&keys], |encoder, given| {
                    Ok(vec![histogram::counts(encoder, &given[0], n as u32, bins)?])
                });
                let wrong = (0..bins as usize).find(|&k| got[0][k] != expected[k]);
                assert_eq!(wrong, None, "{n} keys, {kind}, {bins} bins");
            }
        }
    }
    let none = run(&gpu, &[&[3, 4]], |encoder, given| {
        Ok(vec![histogram::counts(encoder, &given[0], 2, 0)?])
    });
    assert!(none[0].is_empty());
}

/// The keys and where they came from, as std sorts them.
fn sorted(keys: &[u32], bits: u32) -> [Vec<u32>; 2] {
    let mask = if bits == 32 { u32::MAX } else { (1 << bits) - 1 };
    let mut order: Vec<u32> = (0..keys.len() as u32).collect();
    order.sort_by_key(|&i| keys[i as usize] & mask);
    [order.iter().map(|&i| keys[i as usize]).collect(), order]
}

#[test]
fn sorts_are_stable_and_those_of_std() {
    let Some(gpu) = device() else { return };
    type Keys = fn(usize) -> u32;
    const OVER: u32 = SORT_BLOCK + 1;
    let kinds: [(&str, Keys); 5] = [
        ("random", random),
        ("all equal", |_| 0x89ab_cdef),
        ("descending", |i| u32::MAX - i as u32),
        ("ascending", |i| i as u32),
        ("few", |i| random(i) & 0x0300_0301),
    ];
    // the last: more blocks than a workgroup has threads
    for n in lengths(&[SORT_BLOCK]).into_iter().chain([800_000]) {
        for (kind, key) in kinds {
            if n == 800_000 && kind != "random" {
                continue;
            }
            let keys: Vec<u32> = (0..n).map(key).collect();
            let bits: &[u32] = match (kind, n as u32) {
                (_, 800_000) => &[8],
                // 17 bits: two digits of 6, one of 5
                (_, OVER) => &[7, 17, 32],
                ("random", _) => &[0, 1, 12, 32],
                _ => &[12],
            };
            for &bits in bits {
                let sort = || {
                    run(&gpu, &[&keys], |encoder, given| {
                        let sorted = stable(encoder, &given[0], n as u32, bits)?;
                        Ok(vec![sorted.keys, sorted.order])
                    })
                };
                let got = sort();
                let expected = sorted(&keys, bits);
                for (got, expected) in got.iter().zip(&expected) {
                    let wrong = (0..n).find(|&i| got[i] != expected[i]);
                    let what = format!("{n} keys, {kind}, by {bits} bits");
                    assert_eq!((got.len(), wrong), (n, None), "{what}");
                }
                if n == 70_000 && bits == 12 {
                    assert!(sort() == got, "{kind}: another order the second time");
                }
            }
        }
    }
}

#[test]
fn values_go_where_their_keys_go() {
    let Some(gpu) = device() else { return };
    for (n, bits) in [(1, 8), (5000, 8), (5000, 32), (0, 3)] {
        let keys: Vec<u32> = (0..n).map(random).collect();
        let values: Vec<u32> = (0..n).map(|i| random(i + 77)).collect();
        let got = run(&gpu, &[&keys, &values], |encoder, given| {
            let sorted = stable_with(encoder, &given[0], Some(&given[1]), n as u32, bits)?;
            Ok(vec![sorted.keys, sorted.order])
        });
        let [keys, order] = sorted(&keys, bits);
        let values: Vec<u32> = order.iter().map(|&i| values[i as usize]).collect();
        assert!(got == [keys, values], "{n} keys by {bits} bits");
    }
}

#[test]
fn segments_are_sorted_each_alone() {
    let Some(gpu) = device() else { return };
    // empty ones at both ends and in a row, one that holds most, one alone
    let offsets: [&[u32]; 5] = [
        &[0, 0, 3, 3, 3, 259, 260, 9000, 9000],
        &[0, 5000],
        &[0, 0, 0],
        &[0, 1, 2, 3, 4, 5, 6, 7],
        &[0, 1],
    ];
    for offsets in offsets {
        let count = offsets.len() as u32 - 1;
        let n = offsets[offsets.len() - 1];
        let of = |i: u32| offsets.partition_point(|&offset| offset <= i) as u32 - 1;
        let lying: Vec<u32> = (0..n).map(of).collect();
        let mixed: Vec<u32> = (0..n as usize).map(|i| random(i + 5) % count).collect();
        for bits in [3, 32] {
            let keys: Vec<u32> = (0..n as usize).map(|i| random(i) >> (32 - bits)).collect();
            for (numbers, given_by) in
                [(&lying, "offsets"), (&lying, "numbers"), (&mixed, "numbers")]
            {
                let beside = if given_by == "offsets" { offsets } else { numbers.as_slice() };
                let got = run(&gpu, &[&keys, beside], |encoder, given| {
                    let segments = match given_by {
                        "offsets" => Segments::Offsets(&given[1]),
                        _ => Segments::Numbers(&given[1]),
                    };
                    let sorted = segmented(encoder, &given[0], n, bits, segments, count)?;
                    Ok(vec![sorted.segments, sorted.keys, sorted.order])
                });
                let mut order: Vec<u32> = (0..n).collect();
                order.sort_by_key(|&i| (numbers[i as usize], keys[i as usize]));
                let at = |of: &[u32]| order.iter().map(|&i| of[i as usize]).collect::<Vec<u32>>();
                let what = format!("{n} elements, {count} segments by {given_by}, {bits} bits");
                assert!(got == [at(numbers), at(&keys), order.clone()], "{what}");
            }
        }
    }
}

#[test]
fn a_sort_takes_three_dispatches_a_digit_and_a_prefix_sum_one_or_three() {
    let Some(gpu) = device() else { return };
    let dispatched = || {
        let all = gpu.state::<Dispatched>().unwrap().take();
        all.into_iter().map(|(name, _)| name).filter(|name| name != "poison").count()
    };
    let keys: Vec<u32> = (0..70_000).map(random).collect();
    dispatched();
    for (bits, expected) in [(0, 3), (8, 3), (12, 6), (16, 6), (32, 12)] {
        run(&gpu, &[&keys], |encoder, given| {
            Ok(vec![stable(encoder, &given[0], 70_000, bits)?.order])
        });
        assert_eq!(dispatched(), expected, "by {bits} bits");
    }
    for (n, expected) in [(0, 0), (8191, 1), (8192, 3), (70_000, 3)] {
        run(&gpu, &[&keys], |encoder, given| {
            Ok(vec![prefix_sum::exclusive(encoder, &given[0], n)?])
        });
        assert_eq!(dispatched(), expected, "{n} values");
    }
}

#[test]
fn lists_longer_than_their_buffers_are_refused() {
    let Some(gpu) = device() else { return };
    let mut encoder = Encoder::new(&gpu, "integers", false).unwrap();
    let keys = encoder.upload("keys", &[0; 40]).unwrap();
    assert!(prefix_sum::exclusive(&mut encoder, &keys, 11).is_err());
    assert!(prefix_sum::exclusive(&mut encoder, &keys, u32::MAX).is_err());
    assert!(histogram::counts(&mut encoder, &keys, 11, 4).is_err());
    assert!(stable(&mut encoder, &keys, 11, 4).is_err());
    assert!(stable(&mut encoder, &keys, 10, 33).is_err());
    assert!(gathered(&mut encoder, &keys, &keys, 11).is_err());
    let segments = Segments::Offsets(&keys);
    assert!(segmented(&mut encoder, &keys, 10, 4, segments, 10).is_err());
    assert!(segmented(&mut encoder, &keys, 10, 4, Segments::Numbers(&keys), 0).is_err());
}
