//! A rotation of a row without a matrix, by additions: three times random signs and Hadamard's matrix, as FAISS's `HadamardRotation`.

/// Elements of what rows of so many elements become.
pub(super) fn dim_out(dim_in: usize) -> Option<usize> {
    dim_in.checked_next_power_of_two()
}

/// The signs of the three rounds for rows of so many elements: those of FAISS for that seed.
fn signs(dim_out: usize, seed: u32) -> Vec<f32> {
    // SplitMix64 (Steele, Lea, Flood 2014)
    let mut state = u64::from(seed);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..3 * dim_out).map(|_| if next() & 1 == 1 { 1.0 } else { -1.0 }).collect()
}

/// Of each row of `dim_in` elements, with zeros behind it.
pub(super) fn apply(rows: &[f32], (dim_in, dim_out): (usize, usize), seed: u32) -> Vec<f32> {
    let signs = signs(dim_out, seed);
    let mut out = vec![0.0; rows.len() / dim_in * dim_out];
    for (row, out) in rows.chunks_exact(dim_in).zip(out.chunks_exact_mut(dim_out)) {
        out[..dim_in].copy_from_slice(row);
        for signs in signs.chunks_exact(dim_out) {
            out.iter_mut().zip(signs).for_each(|(x, sign)| *x *= sign);
            hadamard(out);
        }
    }
    out
}

/// The reverse.
pub(super) fn reverse(rows: &[f32], (dim_in, dim_out): (usize, usize), seed: u32) -> Vec<f32> {
    let signs = signs(dim_out, seed);
    let mut out = Vec::with_capacity(rows.len() / dim_out * dim_in);
    for row in rows.chunks_exact(dim_out) {
        let mut row = row.to_vec();
        for signs in signs.chunks_exact(dim_out).rev() {
            hadamard(&mut row);
            row.iter_mut().zip(signs).for_each(|(x, sign)| *x *= sign);
        }
        out.extend_from_slice(&row[..dim_in]);
    }
    out
}

/// Sylvester's matrix over the root of its size, which is its own reverse, times a vector of a power of two elements.
fn hadamard(vector: &mut [f32]) {
    let mut half = 1;
    while half < vector.len() {
        for pair in vector.chunks_exact_mut(2 * half) {
            let (low, high) = pair.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = (1.0 / (vector.len() as f64).sqrt()) as f32;
    vector.iter_mut().for_each(|x| *x *= scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_those_of_faiss() {
        let text = |signs: &[f32]| -> String {
            signs.iter().map(|&x| if x > 0.0 { '+' } else { '-' }).collect()
        };
        // faiss.HadamardRotation(16, 12345).signs1, 2, 3
        let expected = "-++-+---+++--+-----++-++++++-----+-++++--+-----+";
        assert_eq!(text(&signs(16, 12345)), expected);
    }

    #[test]
    fn a_row_keeps_its_length_and_comes_back() {
        for dim_in in [1, 2, 3, 6, 8, 100] {
            let dim_out = dim_out(dim_in).unwrap();
            let rows: Vec<f32> = (0..2 * dim_in).map(|i| (i as f32 * 0.7).sin()).collect();
            let turned = apply(&rows, (dim_in, dim_out), 3);
            let square = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>();
            assert!((square(&turned) - square(&rows)).abs() < 1e-4);
            let back = reverse(&turned, (dim_in, dim_out), 3);
            assert!(back.iter().zip(&rows).all(|(a, b)| (a - b).abs() < 1e-5), "{dim_in}");
        }
        assert_eq!(dim_out(usize::MAX), None);
    }
}
