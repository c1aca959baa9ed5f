//! Numbers of up to 9 bits as streams of bits, the lowest of the first number first.

/// Packs the numbers of one row behind others; the next row begins with a byte of its own.
pub(super) fn pack(numbers: &[u16], bits: u32, out: &mut Vec<u8>) {
    let (mut held, mut word) = (0, 0u32);
    for &number in numbers {
        word |= u32::from(number) << held;
        held += bits;
        while held >= 8 {
            out.push(word as u8);
            word >>= 8;
            held -= 8;
        }
    }
    if held > 0 {
        out.push(word as u8);
    }
}

/// The `count` numbers of one packed row behind others; bytes that are not there are zeros.
pub(super) fn unpack(bytes: &[u8], bits: u32, count: usize, out: &mut Vec<u16>) {
    let (mut held, mut word, mut bytes) = (0, 0u32, bytes.iter());
    for _ in 0..count {
        while held < bits {
            word |= u32::from(bytes.next().copied().unwrap_or(0)) << held;
            held += 8;
        }
        out.push((word & ((1 << bits) - 1)) as u16);
        word >>= bits;
        held -= bits;
    }
}

/// The f32 that begins at a byte.
pub(super) fn number(bytes: &[u8], at: usize) -> f32 {
    f32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacking_is_the_reverse_for_every_length() {
        for bits in 1..=9 {
            for dim in 1..20 {
                let numbers: Vec<u16> = (0..dim).map(|i| (i * 151 % (1 << bits)) as u16).collect();
                let (mut packed, mut again) = (vec![], vec![]);
                pack(&numbers, bits, &mut packed);
                assert_eq!(packed.len(), (dim * bits as usize).div_ceil(8));
                unpack(&packed, bits, dim, &mut again);
                assert_eq!(again, numbers, "{bits} bits, {dim}");
            }
        }
        let mut packed = vec![];
        pack(&[0x1ff, 0, 0x101], 9, &mut packed);
        // 511 | 257 << 18
        assert_eq!(packed, [0xff, 0x01, 0x04, 0x04]);
    }
}
