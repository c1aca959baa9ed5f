//! Rows with NaN or infinity, where they are skipped.

use super::element::Element;
use super::narrow::Origin;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

/// The rows that all readers of a file have skipped so far.
#[derive(Debug, Default)]
pub(super) struct Skipped(Mutex<BTreeSet<u64>>);

impl Skipped {
    /// Whether elements of this type can be NaN.
    pub fn concerns(element: Element) -> bool {
        exponent(element).is_some()
    }

    /// Whole rows with zeros in place of those that have NaN or infinity, which are noted.
    pub fn blank<'a>(&self, element: Element, bytes: &'a [u8], at: Origin) -> Cow<'a, [u8]> {
        let Some(exponent) = exponent(element).filter(|ones| has(*ones, element.size(), bytes))
        else {
            return Cow::Borrowed(bytes);
        };
        let mut rows = bytes.to_vec();
        let mut skipped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let each = rows.chunks_exact_mut(at.columns * element.size());
        for (row, elements) in (at.first_row..).zip(each) {
            if has(exponent, element.size(), elements) {
                // The bits of 0, whatever the type.
                elements.fill(0);
                skipped.insert(row);
            }
        }
        Cow::Owned(rows)
    }

    /// All of them.
    pub fn rows(&self) -> Vec<u64> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The rows of a range that are left, as ranges.
    pub fn rest(&self, rows: Range<u64>) -> Vec<Range<u64>> {
        let skipped = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rest = Vec::new();
        let mut from = rows.start;
        for &row in skipped.range(rows.clone()) {
            rest.push(from..row);
            from = row + 1;
        }
        rest.push(from..rows.end);
        rest.retain(|range| !range.is_empty());
        rest
    }
}

/// The bits that are all set in NaN and in infinity, and in nothing else.
fn exponent(element: Element) -> Option<u64> {
    match element {
        Element::F64 => Some(0x7ff << 52),
        Element::F32 => Some(0xff << 23),
        Element::F16 => Some(0x1f << 10),
        // bfloat16, if it is read at all.
        Element::U16 => Some(0xff << 7),
        _ => None,
    }
}

/// Whether some element of this size has all of these bits.
fn has(bits: u64, size: usize, bytes: &[u8]) -> bool {
    fn any<const N: usize>(bytes: &[u8], is: impl Fn([u8; N]) -> bool) -> bool {
        // Without a way out in the middle, so that the compiler makes vectors of it; and in parts, so that there is one.
        let parts = bytes.as_chunks::<N>().0.chunks(1024);
        parts.into_iter().any(|part| part.iter().fold(false, |any, &element| any | is(element)))
    }
    match size {
        2 => any(bytes, |b| u64::from(u16::from_le_bytes(b)) & bits == bits),
        4 => any(bytes, |b| u64::from(u32::from_le_bytes(b)) & bits == bits),
        _ => any(bytes, |b| u64::from_le_bytes(b) & bits == bits),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use half::{bf16, f16};

    #[test]
    fn rows_that_are_not_finite_become_zeros_and_no_others() {
        let values =
            [1.0f64, -2.0, f64::NAN, 3.0, 0.0, -0.0, f64::NEG_INFINITY, f64::NAN, 65504.0, 5.0];
        let blanked = [1.0, -2.0, 0.0, 0.0, 0.0, -0.0, 0.0, 0.0, 65504.0, 5.0];
        fn bytes<const N: usize>(values: &[f64], one: impl Fn(f64) -> [u8; N]) -> Vec<u8> {
            values.iter().flat_map(|&v| one(v)).collect()
        }
        let at = Origin { first_row: 10, columns: 2 };
        for element in [Element::F64, Element::F32, Element::F16, Element::U16] {
            let encode = |values: &[f64]| match element {
                Element::F64 => bytes(values, f64::to_le_bytes),
                Element::F32 => bytes(values, |v| (v as f32).to_le_bytes()),
                Element::F16 => bytes(values, |v| f16::from_f64(v).to_le_bytes()),
                _ => bytes(values, |v| bf16::from_f64(v).to_le_bytes()),
            };
            let skipped = Skipped::default();
            let (before, expected) = (encode(&values), encode(&blanked));
            assert_eq!(*skipped.blank(element, &before, at), expected[..], "{element:?}");
            assert_eq!(skipped.rows(), [11, 13], "{element:?}");
            assert!(matches!(
                skipped.blank(element, &before[..element.size() * 2], at),
                Cow::Borrowed(_)
            ));
            assert_eq!(skipped.rest(10..15), [10..11, 12..13, 14..15]);
            assert_eq!(skipped.rest(11..12), []);
            assert!(skipped.rest(0..11).into_iter().eq([Range { start: 0, end: 11 }]));
        }
        assert!(!Skipped::concerns(Element::I32) && !Skipped::concerns(Element::U8));
    }
}
