//! Whole numbers of 4, 6 and 8 bits as FAISS packs them into bytes: the first lowest, four of 6 bits in three bytes.

/// Packs the numbers of one row behind others.
pub(super) fn pack(numbers: &[u8], bits: u32, out: &mut Vec<u8>) {
    match bits {
        4 => out.extend(numbers.chunks(2).map(|two| two[0] | two.get(1).map_or(0, |c| c << 4))),
        6 => {
            for four in numbers.chunks(4) {
                let all = (0..).zip(four).fold(0u32, |all, (i, &c)| all | u32::from(c) << (6 * i));
                let bytes = (four.len() * 6).div_ceil(8);
                out.extend_from_slice(&all.to_le_bytes()[..bytes]);
            }
        }
        _ => out.extend_from_slice(numbers),
    }
}

/// The `dim` numbers of one packed row behind others; the bytes are as many as they were packed to.
pub(super) fn unpack(bytes: &[u8], bits: u32, dim: usize, out: &mut Vec<u8>) {
    match bits {
        4 => {
            let both = bytes.iter().flat_map(|byte| [byte & 15, byte >> 4]);
            out.extend(both.take(dim));
        }
        6 => {
            let four = |three: &[u8]| {
                let all = (0..).zip(three).fold(0u32, |all, (i, &b)| all | u32::from(b) << (8 * i));
                [0, 6, 12, 18].map(|shift| (all >> shift & 63) as u8)
            };
            out.extend(bytes.chunks(3).flat_map(four).take(dim));
        }
        _ => out.extend_from_slice(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_packed_as_written_by_hand() {
        let packed = |numbers: &[u8], bits| {
            let mut out = vec![];
            pack(numbers, bits, &mut out);
            out
        };
        assert_eq!(packed(&[1, 2, 15], 4), [0x21, 0x0f]);
        assert_eq!(packed(&[1, 2, 3], 8), [1, 2, 3]);
        // 63 | 0 << 6 | 63 << 12 | 1 << 18, and two more
        assert_eq!(packed(&[63, 0, 63, 1], 6), [0x3f, 0xf0, 0x07]);
        assert_eq!(packed(&[1, 1, 1, 1, 2], 6), [0x41, 0x10, 0x04, 2]);
        assert_eq!(packed(&[1, 63], 6), [0xc1, 0x0f]);
    }

    #[test]
    fn unpacking_is_the_reverse_for_every_length() {
        for (bits, most) in [(4, 15), (6, 63), (8, 255)] {
            for dim in 1..20 {
                let numbers: Vec<u8> =
                    (0..dim as u32).map(|i| (i * 37 % (most + 1)) as u8).collect();
                let (mut packed, mut again) = (vec![], vec![]);
                pack(&numbers, bits, &mut packed);
                assert_eq!(packed.len(), (dim * bits as usize).div_ceil(8));
                unpack(&packed, bits, dim, &mut again);
                assert_eq!(again, numbers, "{bits} bits, {dim}");
            }
        }
    }
}
