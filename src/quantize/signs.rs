//! Rows as the signs of their elements, a bit each.

use super::transform::{TransformParts, VectorTransform, checked, in_pieces};
use crate::clustering::{KMeansParams, subset};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::parallel::each;
use std::borrow::Cow;
use std::sync::Arc;

/// By which the rotation is made, as in FAISS, whose random numbers are others.
const SEED: u64 = 5;
/// The most rows that medians are taken of: a bit is set of half of all rows, give or take one in 250.
const MOST_ROWS: usize = 1 << 16;
/// Medians that one thread takes at a time.
const STEP: usize = 8;

/// What makes bits of rows: an optional rotation, and an optional threshold for each of its elements. A bit is set where an element is not
/// below its threshold, which is 0 where there are none.
#[derive(Clone, Debug)]
pub(crate) struct SignQuantizer {
    dim: usize,
    bits: usize,
    rotation: Option<VectorTransform>,
    thresholds: Thresholds,
}

#[derive(Clone, Debug)]
enum Thresholds {
    /// There are none.
    Zero,
    /// They are still to be learnt.
    Unknown,
    Known(Arc<[f32]>),
}

impl SignQuantizer {
    /// Of so many bits of rows of `dim` elements, which are rotated at random or not, with thresholds that are to be learnt or without.
    ///
    /// # Errors
    /// `InvalidArgument` unless there are 1 to 32760 bits, without a rotation at most `dim`; as [`VectorTransform::random_rotation`].
    pub fn new(dim: usize, bits: usize, rotated: bool, thresholds: bool) -> Result<SignQuantizer> {
        check_bits(dim, bits, rotated)?;
        let rotation = match rotated {
            true => Some(VectorTransform::random_rotation(dim, bits, SEED)?),
            false => None,
        };
        let thresholds = if thresholds { Thresholds::Unknown } else { Thresholds::Zero };
        Ok(SignQuantizer { dim, bits, rotation, thresholds })
    }

    /// Of this rotation, whose matrix may be any, and of these thresholds: `None` where there are none, empty where they are still to be learnt.
    ///
    /// # Errors
    /// As [`new`](Self::new); `InvalidArgument` for another number of thresholds or one that is not finite.
    pub fn with_parts(
        (dim, bits): (usize, usize),
        rotation: Option<VectorTransform>,
        thresholds: Option<Vec<f32>>,
    ) -> Result<SignQuantizer> {
        check_bits(dim, bits, rotation.is_some())?;
        if let Some(rotation) = &rotation
            && (rotation.dim_in(), rotation.dim_out()) != (dim, bits)
        {
            let (from, to) = (rotation.dim_in(), rotation.dim_out());
            let reason = format!("a rotation of {from} elements to {to} for {bits} bits of {dim}");
            return Err(Error::argument("matrix", reason));
        }
        let thresholds = match thresholds {
            None => Thresholds::Zero,
            Some(none) if none.is_empty() => Thresholds::Unknown,
            Some(known) => {
                if known.len() != bits {
                    let reason = format!("{} for {bits} bits", known.len());
                    return Err(Error::argument("thresholds", reason));
                }
                if let Some(at) = known.iter().position(|x| !x.is_finite()) {
                    let reason = format!("that of bit {at} is {}", known[at]);
                    return Err(Error::argument("thresholds", reason));
                }
                Thresholds::Known(known.into())
            }
        };
        Ok(SignQuantizer { dim, bits, rotation, thresholds })
    }

    /// A rotation by this matrix of `bits` rows of `dim` elements, and by what is added to its products, which may be empty.
    ///
    /// # Errors
    /// As [`VectorTransform::linear`].
    pub fn rotation_of(
        (dim, bits): (usize, usize),
        matrix: &[f32],
        bias: &[f32],
    ) -> Result<VectorTransform> {
        check_bits(dim, bits, true)?;
        let parts = TransformParts {
            kind: "RR".into(),
            dim_in: dim,
            dim_out: bits,
            number: SEED,
            is_trained: true,
            matrix: matrix.to_vec(),
            bias: bias.to_vec(),
            ..TransformParts::default()
        };
        parts.build()
    }

    pub fn dim(&self) -> usize {
        self.dim
    }

    pub fn bits(&self) -> usize {
        self.bits
    }

    pub fn rotation(&self) -> Option<&VectorTransform> {
        self.rotation.as_ref()
    }

    /// `None` where there are none, empty where they are still to be learnt.
    pub fn thresholds(&self) -> Option<&[f32]> {
        match &self.thresholds {
            Thresholds::Zero => None,
            Thresholds::Unknown => Some(&[]),
            Thresholds::Known(known) => Some(known),
        }
    }

    pub fn is_trained(&self) -> bool {
        !matches!(self.thresholds, Thresholds::Unknown)
    }

    /// The most rows of a sample that training has a use for.
    pub fn training_rows(&self) -> usize {
        if self.thresholds().is_some() { MOST_ROWS } else { 0 }
    }

    /// As the factory spells it.
    pub fn name(&self) -> String {
        let rotated = if self.rotation.is_some() { "r" } else { "" };
        let thresholds = if self.thresholds().is_some() { "t" } else { "" };
        format!("LSH{}{rotated}{thresholds}", self.bits)
    }

    /// Whether both make the same bits of every row: equal matrices and thresholds, to the bit.
    pub fn is_as(&self, other: &SignQuantizer) -> bool {
        let bits = |numbers: &[f32]| -> Vec<u32> { numbers.iter().map(|x| x.to_bits()).collect() };
        let parts = |of: &SignQuantizer| {
            let rotation = of.rotation.as_ref().map(|r| (bits(r.matrix()), bits(r.bias())));
            (of.dim, of.bits, rotation, of.thresholds().map(bits))
        };
        parts(self) == parts(other)
    }

    /// With the median of each element of a sample, rotated, as its threshold, if there are thresholds.
    pub fn train(&self, sample: Rows<'_>) -> Result<SignQuantizer> {
        let count = sample.count(self.dim)?;
        if self.thresholds().is_none() {
            return Ok(self.clone());
        }
        let rows = self.checked(sample, 0)?;
        if count == 0 {
            return Err(Error::argument("sample", "0 rows have no medians; 1 is the least"));
        }
        let most = KMeansParams::new().max_points_per_centroid(MOST_ROWS);
        let rows = match subset(count, 1, &most.min_points_per_centroid(0))? {
            None => rows,
            Some(chosen) => {
                let row = |at: u32| &rows[at as usize * self.dim..][..self.dim];
                Cow::Owned(chosen.into_iter().flat_map(row).copied().collect())
            }
        };
        let values = in_pieces(&rows, self.dim, |rows| self.values(rows).map(Cow::into_owned))?;
        let columns = (0..self.bits).step_by(STEP).map(|at| at..(at + STEP).min(self.bits));
        let medians = each(columns.collect(), |columns| {
            Ok(columns.map(|at| median(&values, self.bits, at)).collect::<Vec<f32>>())
        })?;
        SignQuantizer::with_parts(
            (self.dim, self.bits),
            self.rotation.clone(),
            Some(medians.concat()),
        )
    }

    /// The bits of rows, eight to a byte; `first` is the number of the first row, for errors.
    ///
    /// # Errors
    /// `NotTrained`; `PartialRow`; `NonFinite`, and `InvalidValue` for a row so long that its square overflows; `Unsupported` for bits.
    pub fn encode(&self, rows: Rows<'_>, first: u64) -> Result<Vec<u8>> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        in_pieces(&self.checked(rows, first)?, self.dim, |rows| self.encoded(rows))
    }

    /// Rows for bits: 1 for one that is set and -1 for one that is not, above the threshold, turned back. Of elements that have no bit 0.
    ///
    /// # Errors
    /// `NotTrained`; `Unsupported` where the matrix is not that of a rotation.
    pub fn decode(&self, bytes: &[u8]) -> Result<Vec<f32>> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        let thresholds = self.thresholds().unwrap_or_default();
        let mut values = Vec::with_capacity(bytes.len() * 8);
        for code in bytes.chunks_exact(DType::Bits.row_bytes(self.bits)) {
            for bit in 0..self.bits {
                let sign = if code[bit / 8] >> (bit % 8) & 1 == 1 { 1.0 } else { -1.0 };
                values.push(sign + thresholds.get(bit).unwrap_or(&0.0));
            }
        }
        match &self.rotation {
            Some(rotation) => in_pieces(&values, self.bits, |values| rotation.reversed(values)),
            None if self.bits == self.dim => Ok(values),
            None => {
                let mut rows = vec![0.0; values.len() / self.bits * self.dim];
                let places = rows.chunks_exact_mut(self.dim);
                for (row, values) in places.zip(values.chunks_exact(self.bits)) {
                    row[..self.bits].copy_from_slice(values);
                }
                Ok(rows)
            }
        }
    }

    /// Rows as f32, once each element is known to be a number.
    fn checked<'a>(&self, rows: Rows<'a>, first: u64) -> Result<Cow<'a, [f32]>> {
        if rows.dtype() == DType::Bits {
            return Err(Error::unsupported("signs of numbers", "rows of bits"));
        }
        checked(rows, self.dim, first)
    }

    fn encoded(&self, rows: &[f32]) -> Result<Vec<u8>> {
        let values = self.values(rows)?;
        let row_bytes = DType::Bits.row_bytes(self.bits);
        let mut codes = vec![0; values.len() / self.bits * row_bytes];
        let thresholds = self.thresholds().unwrap_or_default();
        for (values, code) in values.chunks_exact(self.bits).zip(codes.chunks_exact_mut(row_bytes))
        {
            let bit = |at: usize, is_set: bool| u8::from(is_set) << (at % 8);
            match thresholds.is_empty() {
                true => (values.iter().enumerate())
                    .for_each(|(at, &x)| code[at / 8] |= bit(at, x >= 0.0)),
                // less the threshold, as FAISS has it: a difference of numbers that are not equal is not 0
                false => (values.iter().zip(thresholds).enumerate())
                    .for_each(|(at, (x, t))| code[at / 8] |= bit(at, x - t >= 0.0)),
            }
        }
        Ok(codes)
    }

    /// The numbers whose signs are taken.
    fn values<'a>(&self, rows: &'a [f32]) -> Result<Cow<'a, [f32]>> {
        match &self.rotation {
            Some(rotation) => rotation.applied(rows).map(Cow::Owned),
            None if self.bits == self.dim => Ok(Cow::Borrowed(rows)),
            None => {
                let first = rows.chunks_exact(self.dim).flat_map(|row| &row[..self.bits]);
                Ok(Cow::Owned(first.copied().collect()))
            }
        }
    }
}

/// The median of a column of a matrix, of an even number the mean of the two in the middle.
fn median(values: &[f32], columns: usize, column: usize) -> f32 {
    let mut values: Vec<f32> = values.iter().skip(column).step_by(columns).copied().collect();
    let middle = values.len() / 2;
    let is_even = values.len().is_multiple_of(2);
    let (below, &mut median, _) = values.select_nth_unstable_by(middle, f32::total_cmp);
    match below.iter().copied().max_by(f32::total_cmp).filter(|_| is_even) {
        Some(before) => (median + before) / 2.0,
        None => median,
    }
}

fn check_bits(dim: usize, bits: usize, rotated: bool) -> Result<()> {
    if dim == 0 {
        return Err(Error::argument("dim", "0 is no dimension"));
    }
    if let Err(Error::InvalidArgument { .. }) = Metric::Hamming.check(DType::Bits, bits) {
        return Err(Error::argument("nbits", format!("{bits} bits; 1 to 32760 can be had")));
    }
    if bits > dim && !rotated {
        let reason = format!("{bits} bits of {dim} elements, which takes a rotation: LSH{bits}r");
        return Err(Error::argument("nbits", reason));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits_of(quantizer: &SignQuantizer, row: &[f32]) -> Vec<u8> {
        quantizer.encode(Rows::F32(row), 0).unwrap()
    }

    #[test]
    fn a_bit_is_set_where_an_element_is_not_below_0() {
        let signs = SignQuantizer::new(10, 10, false, false).unwrap();
        let least = f32::from_bits(1);
        let row = [0.0, -0.0, least, -least, 1.0, -1.0, 1e17, -1e17, 3.0, -2.0];
        assert_eq!(bits_of(&signs, &row), [0b0101_0111, 0b01]);
        let back = signs.decode(&[0b0101_0111, 0b01]).unwrap();
        assert_eq!(back, [1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
        // of the first three elements alone
        let signs = SignQuantizer::new(10, 3, false, false).unwrap();
        assert_eq!(bits_of(&signs, &row), [0b111]);
        assert_eq!(signs.decode(&[0b101]).unwrap()[..5], [1.0, -1.0, 1.0, 0.0, 0.0]);
        for bad in [f32::NAN, f32::INFINITY, 1e30] {
            let mut rows = [0.5; 20];
            rows[17] = bad;
            let error = signs.encode(Rows::F32(&rows), 5).unwrap_err();
            let (Error::NonFinite { row, .. } | Error::InvalidValue { row, .. }) = error else {
                panic!("{error}")
            };
            assert_eq!(row, 6);
        }
    }

    #[test]
    fn thresholds_are_medians() {
        let signs = SignQuantizer::new(2, 2, false, true).unwrap();
        assert!(matches!(signs.encode(Rows::F32(&[1.0, 2.0]), 0), Err(Error::NotTrained)));
        let odd = signs.train(Rows::F32(&[5.0, 0.0, 1.0, -0.0, 3.0, -1.0])).unwrap();
        assert_eq!(odd.thresholds(), Some(&[3.0, -0.0][..]));
        let even = [1.0, 2.0, 2.0, 2.0, 9.0, 2.0, 5.0, 7.0];
        let even = signs.train(Rows::F32(&even)).unwrap();
        assert_eq!(even.thresholds(), Some(&[3.5, 2.0][..]));
        assert_eq!(bits_of(&even, &[3.5, 1.999_999_9]), [0b01]);
        assert_eq!(bits_of(&even, &[3.499_999_8, 2.0]), [0b10]);
        // the difference of neighbours is not 0, however small they are
        let tiny = [f32::MIN_POSITIVE, f32::from_bits(f32::MIN_POSITIVE.to_bits() + 1)];
        let tiny = SignQuantizer::with_parts((2, 2), None, Some(tiny.to_vec())).unwrap();
        assert_eq!(bits_of(&tiny, &[f32::MIN_POSITIVE; 2]), [0b01]);
        assert_eq!(even.decode(&[0b01]).unwrap(), [4.5, 1.0]);
        assert!(signs.train(Rows::F32(&[])).unwrap_err().to_string().contains("0 rows"));
        // of one row, and of a number that is not learnt anew
        let one = signs.train(Rows::F32(&[4.0, 8.0])).unwrap();
        assert_eq!(one.thresholds(), Some(&[4.0, 8.0][..]));
        let many: Vec<f32> = (0..2 * (MOST_ROWS + 1)).map(|x| (x % 1000) as f32).collect();
        let of_many = signs.train(Rows::F32(&many)).unwrap();
        let medians = of_many.thresholds().unwrap();
        assert!(medians.iter().all(|x| (490.0..510.0).contains(x)), "{medians:?}");
    }

    #[test]
    fn rotated_rows_come_back_from_their_bits() {
        for bits in [1, 5, 8, 20] {
            let signs = SignQuantizer::new(8, bits, true, false).unwrap();
            assert_eq!((signs.name(), signs.training_rows()), (format!("LSH{bits}r"), 0));
            let rows: Vec<f32> = (0..8 * 40).map(|x| ((x * x) as f32 * 0.37).sin()).collect();
            let codes = signs.encode(Rows::F32(&rows), 0).unwrap();
            let rotation = signs.rotation().unwrap();
            let turned = rotation.apply(Rows::F32(&rows)).unwrap();
            let row_bytes = bits.div_ceil(8);
            for (row, code) in turned.chunks_exact(bits).zip(codes.chunks_exact(row_bytes)) {
                for (at, &x) in row.iter().enumerate() {
                    assert_eq!(code[at / 8] >> (at % 8) & 1 == 1, x >= 0.0);
                }
                assert_eq!(u32::from(code[row_bytes - 1]) >> ((bits - 1) % 8 + 1), 0);
            }
            let back = signs.decode(&codes).unwrap();
            let signs_of: Vec<f32> =
                turned.iter().map(|x| if *x >= 0.0 { 1.0 } else { -1.0 }).collect();
            assert_eq!(back, rotation.reverse(Rows::F32(&signs_of)).unwrap());
            // the same bits of a row in any batch
            let last = signs.encode(Rows::F32(&rows[8 * 39..]), 0).unwrap();
            assert_eq!(last, codes[39 * row_bytes..]);
        }
    }

    #[test]
    fn parts_that_do_not_fit_are_refused() {
        let of = |dim, bits, rotated| SignQuantizer::new(dim, bits, rotated, false);
        for (dim, bits, rotated) in [(8, 0, false), (8, 9, false), (8, 32_761, true), (0, 1, true)]
        {
            let error = of(dim, bits, rotated).unwrap_err();
            assert!(matches!(error, Error::InvalidArgument { .. }), "{error}");
        }
        let with = |rotation, thresholds| SignQuantizer::with_parts((3, 2), rotation, thresholds);
        assert!(with(None, Some(vec![1.0])).unwrap_err().to_string().contains("1 for 2 bits"));
        assert!(with(None, Some(vec![1.0, f32::NAN])).unwrap_err().to_string().contains("bit 1"));
        let rotation = SignQuantizer::rotation_of((3, 1), &[1.0, 0.0, 0.0], &[]).unwrap();
        assert!(with(Some(rotation), None).unwrap_err().to_string().contains("3 elements to 1"));
        // any matrix takes signs, and only a rotation gives rows back
        let matrix = [2.0, 0.0, 0.0, 0.0, 1.0, 1.0];
        let rotation = SignQuantizer::rotation_of((3, 2), &matrix, &[0.0, -1.5]).unwrap();
        let any = with(Some(rotation), None).unwrap();
        assert_eq!(bits_of(&any, &[-1.0, 1.0, 0.25, 1.0, 1.0, 1.0]), [0b00, 0b11]);
        assert!(matches!(any.decode(&[0]), Err(Error::Unsupported { .. })));
        let other = SignQuantizer::rotation_of((3, 2), &matrix, &[]).unwrap();
        assert!(any.is_as(&any.clone()) && !any.is_as(&with(Some(other), None).unwrap()));
    }
}
