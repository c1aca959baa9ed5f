//! Transforms that have yet to learn, or need not.

use super::hadamard;
use super::kinds::{Kind, PcaParams, State};
use super::linear::Linear;
use super::rotation::{random, to_f32};
use super::vector::VectorTransform;
use crate::error::{Error, Result};
use std::sync::Arc;

/// Elements of a matrix: 1 GiB of f32.
const MAX_ELEMENTS: usize = 1 << 28;

impl VectorTransform {
    /// The first `dim_out` principal components of rows of `dim_in` elements (Pearson 1901), which have yet to be learnt.
    ///
    /// # Errors
    /// As [`pca_with`](Self::pca_with).
    ///
    /// # Example
    /// ```
    /// use nearfield::VectorTransform;
    /// let components = VectorTransform::pca(128, 32)?;
    /// assert_eq!((components.to_string(), components.is_trained()), ("PCA32".into(), false));
    /// assert!(VectorTransform::pca(32, 128).is_err());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn pca(dim_in: usize, dim_out: usize) -> Result<VectorTransform> {
        VectorTransform::pca_with(dim_in, dim_out, &PcaParams::new())
    }

    /// The same, scaled or turned.
    ///
    /// # Errors
    /// `InvalidArgument` for dimensions of 0, for more components than elements, and for numbers that are not finite or, of epsilon, negative;
    /// `LimitExceeded` for a matrix of more than 2^28 elements.
    ///
    /// # Example
    /// ```
    /// use nearfield::{PcaParams, VectorTransform};
    /// let white = VectorTransform::pca_with(128, 32, &PcaParams::new().whiten(true))?;
    /// assert_eq!(white.to_string(), "PCAW32");
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn pca_with(dim_in: usize, dim_out: usize, params: &PcaParams) -> Result<VectorTransform> {
        if dim_out > dim_in {
            let reason = format!("{dim_out} components of {dim_in} elements");
            return Err(Error::argument("dim_out", reason));
        }
        if !params.eigen_power.is_finite() {
            return Err(Error::argument("eigen_power", format!("{}", params.eigen_power)));
        }
        if !(params.epsilon >= 0.0 && params.epsilon.is_finite()) {
            return Err(Error::argument("epsilon", format!("{}", params.epsilon)));
        }
        matrix_fits(dim_in, dim_in)?;
        VectorTransform::of(dim_in, dim_out, Kind::Pca(params.clone()), None)
    }

    /// A rotation of rows of `dim_in` elements to `dim_out` for a product quantizer of `subspaces` parts (FAISS's M), that has yet to be
    /// learnt (OPQ; Ge, He, Ke, Sun 2013). As in FAISS each part has 8 bits in training, whatever the index's own quantizer has.
    ///
    /// # Errors
    /// `InvalidArgument` for dimensions of 0 and for parts that `dim_out` is no multiple of; `LimitExceeded` for a matrix of more than 2^28
    /// elements.
    ///
    /// # Example
    /// ```
    /// use nearfield::VectorTransform;
    /// assert_eq!(VectorTransform::opq(128, 16, 64)?.to_string(), "OPQ16_64");
    /// assert!(VectorTransform::opq(128, 48, 128).is_err());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn opq(dim_in: usize, subspaces: usize, dim_out: usize) -> Result<VectorTransform> {
        if subspaces == 0 || !dim_out.is_multiple_of(subspaces) {
            let reason = format!("{dim_out} elements are not cut into {subspaces} equal parts");
            return Err(Error::argument("subspaces", reason));
        }
        let width = dim_in.max(dim_out);
        matrix_fits(width, width)?;
        VectorTransform::of(dim_in, dim_out, Kind::Opq(subspaces), None)
    }

    /// A rotation of what rows are beside their mean, brought to length 1, after which the signs of elements say most of them (ITQ; Gong,
    /// Lazebnik 2011). It has yet to be learnt.
    ///
    /// # Errors
    /// As [`itq_with_pca`](Self::itq_with_pca).
    ///
    /// # Example
    /// ```
    /// use nearfield::VectorTransform;
    /// assert_eq!(VectorTransform::itq(128)?.dim_out(), 128);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn itq(dim: usize) -> Result<VectorTransform> {
        matrix_fits(dim, dim)?;
        VectorTransform::of(dim, dim, Kind::Itq { pca: false }, None)
    }

    /// The same of the first `dim_out` principal components.
    ///
    /// # Errors
    /// As [`pca_with`](Self::pca_with).
    ///
    /// # Example
    /// ```
    /// use nearfield::VectorTransform;
    /// assert_eq!(VectorTransform::itq_with_pca(128, 32)?.to_string(), "ITQ32");
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn itq_with_pca(dim_in: usize, dim_out: usize) -> Result<VectorTransform> {
        let made = VectorTransform::pca(dim_in, dim_out)?;
        Ok(VectorTransform { kind: Kind::Itq { pca: true }, ..made })
    }

    /// A random rotation of rows of `dim_in` elements, or of fewer of their directions, or among more. A seed gives the same bits on every
    /// machine, but not FAISS's, whose own comes with its files.
    ///
    /// Cost: computes the matrix at once, of 1536 times 1536 elements in some seconds.
    ///
    /// # Errors
    /// `InvalidArgument` for dimensions of 0; `LimitExceeded` for a matrix of more than 2^28 elements.
    ///
    /// # Example
    /// ```
    /// use nearfield::VectorTransform;
    /// let rotation = VectorTransform::random_rotation(8, 4, 12345)?; // FAISS's seed, which RR4 has
    /// assert_eq!((rotation.to_string(), rotation.matrix().len()), ("RR4".into(), 32));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn random_rotation(dim_in: usize, dim_out: usize, seed: u64) -> Result<VectorTransform> {
        let mut made = VectorTransform::late_rotation(dim_in, dim_out, seed)?;
        made.set_linear(to_f32(&random(dim_in, dim_out, seed)), Vec::new());
        Ok(made)
    }

    /// The same, whose matrix is not computed before it is trained.
    pub(super) fn late_rotation(dim_in: usize, dim_out: usize, seed: u64) -> Result<Self> {
        matrix_fits(dim_in, dim_out)?;
        VectorTransform::of(dim_in, dim_out, Kind::RandomRotation(seed), None)
    }

    /// A rotation without a matrix, by additions: the row with zeros behind it up to a power of two of elements, three times with random signs and
    /// times Hadamard's matrix. The signs are FAISS's for the seed.
    ///
    /// # Errors
    /// `InvalidArgument` for a dimension of 0; `LimitExceeded` for one above 2^28.
    ///
    /// # Example
    /// ```
    /// use nearfield::VectorTransform;
    /// let rotation = VectorTransform::hadamard_rotation(100, 12345)?;
    /// assert_eq!((rotation.to_string(), rotation.dim_out()), ("HR".into(), 128));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn hadamard_rotation(dim_in: usize, seed: u32) -> Result<VectorTransform> {
        matrix_fits(dim_in, 1)?;
        let dim_out = hadamard::dim_out(dim_in).unwrap_or(dim_in);
        VectorTransform::of(dim_in, dim_out, Kind::Hadamard(seed), Some(State::default()))
    }

    /// Rows of length 1; one of zeros stays.
    ///
    /// # Errors
    /// `InvalidArgument` for a dimension of 0.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Rows, VectorTransform};
    /// let normalization = VectorTransform::normalization(2)?;
    /// assert_eq!(normalization.apply(Rows::F32(&[3.0, 4.0, 0.0, 0.0]))?, [0.6, 0.8, 0.0, 0.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn normalization(dim: usize) -> Result<VectorTransform> {
        VectorTransform::of(dim, dim, Kind::Normalize, Some(State::default()))
    }

    /// Rows less the mean, which has yet to be learnt.
    ///
    /// # Errors
    /// `InvalidArgument` for a dimension of 0.
    pub fn centering(dim: usize) -> Result<VectorTransform> {
        VectorTransform::of(dim, dim, Kind::Center, None)
    }

    /// Rows of elements from elsewhere: element i is the one at `map[i]`, or 0 where that is negative.
    ///
    /// # Errors
    /// `InvalidArgument` for dimensions of 0 and for a place that there is not.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Rows, VectorTransform};
    /// let picked = VectorTransform::remap(4, &[3, -1, 0])?;
    /// assert_eq!(picked.apply(Rows::F32(&[1.0, 2.0, 3.0, 4.0]))?, [4.0, 0.0, 1.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn remap(dim_in: usize, map: &[i32]) -> Result<VectorTransform> {
        if let Some(at) = map.iter().find(|&&at| at >= 0 && at as usize >= dim_in) {
            return Err(Error::argument("map", format!("element {at} of {dim_in}")));
        }
        let kind = Kind::Remap(map.to_vec());
        VectorTransform::of(dim_in, map.len(), kind, Some(State::default()))
    }

    /// Rows with zeros behind them.
    ///
    /// # Errors
    /// `InvalidArgument` for a dimension of 0 and for fewer elements than rows have; `LimitExceeded` for more than 2^28.
    pub fn pad(dim_in: usize, dim_out: usize) -> Result<VectorTransform> {
        if dim_out < dim_in {
            let reason = format!("{dim_out} elements do not hold rows of {dim_in}");
            return Err(Error::argument("dim_out", reason));
        }
        matrix_fits(dim_out, 1)?;
        let map: Vec<i32> =
            (0..dim_out).map(|at| if at < dim_in { at as i32 } else { -1 }).collect();
        VectorTransform::remap(dim_in, &map)
    }

    /// A matrix of `dim_out` rows of `dim_in` elements, and what is added to its products: an element for each of its rows, or nothing.
    ///
    /// # Errors
    /// `InvalidArgument` where there are not as many elements, or some that are not finite; `LimitExceeded` for more than 2^28.
    pub fn linear(
        dim_in: usize,
        dim_out: usize,
        matrix: &[f32],
        bias: &[f32],
    ) -> Result<VectorTransform> {
        matrix_fits(dim_in, dim_out)?;
        if matrix.len() != dim_in * dim_out {
            let reason = format!("{} elements of {dim_out} rows of {dim_in}", matrix.len());
            return Err(Error::argument("matrix", reason));
        }
        if !bias.is_empty() && bias.len() != dim_out {
            let reason = format!("{} elements for {dim_out} rows", bias.len());
            return Err(Error::argument("bias", reason));
        }
        finite("matrix", matrix)?;
        finite("bias", bias)?;
        let mut made = VectorTransform::of(dim_in, dim_out, Kind::Linear, None)?;
        made.set_linear(matrix.to_vec(), bias.to_vec());
        Ok(made)
    }

    pub(super) fn set_linear(&mut self, matrix: Vec<f32>, bias: Vec<f32>) {
        let linear = Linear::new((self.dim_in, self.dim_out), matrix, bias);
        self.state = Some(Arc::new(State { linear: Some(linear), ..State::default() }));
    }

    fn of(dim_in: usize, dim_out: usize, kind: Kind, state: Option<State>) -> Result<Self> {
        for (name, dim) in [("dim_in", dim_in), ("dim_out", dim_out)] {
            if dim == 0 {
                return Err(Error::argument(name, "0 elements are no row"));
            }
        }
        Ok(VectorTransform { dim_in, dim_out, kind, state: state.map(Arc::new) })
    }
}

/// Refuses a matrix that is larger than there is a use for, before anything is computed.
fn matrix_fits(columns: usize, rows: usize) -> Result<()> {
    match columns.checked_mul(rows) {
        Some(elements) if elements <= MAX_ELEMENTS => Ok(()),
        elements => {
            let what = "elements of the matrix of a vector transform".to_owned();
            let needed = elements.map_or(u64::MAX, |elements| elements as u64);
            Err(Error::LimitExceeded { what, needed, limit: MAX_ELEMENTS as u64 })
        }
    }
}

pub(super) fn finite(name: &'static str, numbers: &[f32]) -> Result<()> {
    match numbers.iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(at) => Err(Error::argument(name, format!("number {at} is {}", numbers[at]))),
    }
}
