//! Whole numbers of up to 8 bits as FAISS packs them into bytes: a stream of bits, the lowest of the first number first.

/// Packs the numbers of one row behind others; the next row begins with a byte of its own.
pub(super) fn pack(numbers: &[u8], bits: u32, out: &mut Vec<u8>) {
    if bits == 8 {
        return out.extend_from_slice(numbers);
    }
    let (mut held, mut word) = (0, 0u32);
    for &number in numbers {
        word |= u32::from(number) << held;
        held += bits;
        if held >= 8 {
            out.push(word as u8);
            word >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.push(word as u8);
    }
}

/// The `dim` numbers of one packed row behind others; the bytes are as many as they were packed to.
pub(super) fn unpack(bytes: &[u8], bits: u32, dim: usize, out: &mut Vec<u8>) {
    if bits == 8 {
        return out.extend_from_slice(bytes);
    }
    let (mut held, mut word, mut bytes) = (0, 0u32, bytes.iter());
    for _ in 0..dim {
        if held < bits {
            word |= u32::from(bytes.next().copied().unwrap_or(0)) << held;
            held += 8;
        }
        out.push((word & ((1 << bits) - 1)) as u8);
        word >>= bits;
        held -= bits;
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
        // 1 | 31 << 5 | 2 << 10, and 127 | 1 << 7
        assert_eq!(packed(&[1, 31, 2], 5), [0xe1, 0x0b]);
        assert_eq!(packed(&[127, 1], 7), [0xff, 0x00]);
    }

    #[test]
    fn unpacking_is_the_reverse_for_every_length() {
        for (bits, most) in [(4, 15), (5, 31), (6, 63), (7, 127), (8, 255)] {
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
