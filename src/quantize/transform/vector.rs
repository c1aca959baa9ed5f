//! A transform of vectors, whatever it does.

use super::hadamard;
use super::kinds::{Kind, State};
use super::linear::Linear;
use super::mean::{directions, normalize};
use crate::dtype::{DType, Rows};
use crate::error::{Error, Result};
use crate::metric::Metric;
use crate::parallel::each;
use crate::space::check;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Elements of rows that one thread transforms at a time.
const PIECE: usize = 64 << 10;

/// Rows made into other rows, before they are indexed or encoded: FAISS's `VectorTransform`.
///
/// | constructor | FAISS | learnt by | reverse |
/// |---|---|---|---|
/// | [`pca`](Self::pca), [`pca_with`](Self::pca_with) | `PCAMatrix` | [`train`](Self::train) | a projection; none where components are scaled |
/// | [`opq`](Self::opq) | `OPQMatrix` | [`train`](Self::train) | exact, of fewer elements a projection |
/// | [`itq`](Self::itq), [`itq_with_pca`](Self::itq_with_pca) | `ITQTransform` | [`train`](Self::train) | none |
/// | [`centering`](Self::centering) | `CenteringTransform` | [`train`](Self::train) | exact |
/// | [`random_rotation`](Self::random_rotation) | `RandomRotationMatrix` | nothing | exact, of fewer elements a projection |
/// | [`hadamard_rotation`](Self::hadamard_rotation) | `HadamardRotation` | nothing | exact |
/// | [`normalization`](Self::normalization) | `NormalizationTransform` | nothing | the row of length 1 |
/// | [`remap`](Self::remap), [`pad`](Self::pad) | `RemapDimensionsTransform` | nothing | zeros where elements are left out |
/// | [`linear`](Self::linear) | `LinearTransform` | nothing | where the matrix is orthonormal |
///
/// A value never changes: [`train`](Self::train) returns another. A [`PreTransform`](crate::PreTransform) is an index behind some of these.
///
/// Cost: rows are transformed on the host, in f32, by all of its cores: 128 elements to 128 take a core about 2 µs a row, 768 to 768 some 70.
/// A matrix takes 8 bytes an element of host memory, and 4 more once rows come back through it.
///
/// # Accuracy
/// Each element is a sum in f32, from the first column of the matrix to the last, whatever other rows there are: the same row becomes the same bits
/// in any batch, on every machine.
///
/// # Example
/// ```no_run
/// use nearfield::{Gpu, Rows, VectorTransform};
/// # let rows = vec![0.5; 128 * 20_000];
/// let components = VectorTransform::pca(128, 32)?.train(&Gpu::new()?, Rows::F32(&rows))?;
/// let short = components.apply(Rows::F32(&rows))?;
/// assert_eq!((short.len(), components.dim_in(), components.dim_out()), (32 * 20_000, 128, 32));
/// let near = components.reverse(Rows::F32(&short))?; // what 32 components say of the rows
/// # Ok::<(), nearfield::Error>(())
/// ```
#[doc(alias("PCAMatrix", "OPQMatrix", "LinearTransform", "PCA", "OPQ", "ITQ"))]
#[derive(Clone, PartialEq)]
pub struct VectorTransform {
    pub(super) dim_in: usize,
    pub(super) dim_out: usize,
    pub(super) kind: Kind,
    /// What is applied; `None` before training.
    pub(super) state: Option<Arc<State>>,
}

impl VectorTransform {
    /// Elements of the rows that it takes.
    pub fn dim_in(&self) -> usize {
        self.dim_in
    }

    /// Elements of the rows that it makes.
    pub fn dim_out(&self) -> usize {
        self.dim_out
    }

    /// Whether rows can be transformed.
    pub fn is_trained(&self) -> bool {
        self.state.is_some()
    }

    /// The matrix that rows are multiplied with, [`dim_out`](Self::dim_out) rows of [`dim_in`](Self::dim_in) elements; empty of a kind
    /// without one and before training.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Rows, VectorTransform};
    /// // the first two of three elements, exchanged, and one added to the second
    /// let exchange = [0.0, 1.0, 0.0, 1.0, 0.0, 0.0];
    /// let transform = VectorTransform::linear(3, 2, &exchange, &[0.0, 1.0])?;
    /// assert_eq!(transform.apply(Rows::F32(&[7.0, 8.0, 9.0]))?, [8.0, 8.0]);
    /// assert_eq!((transform.matrix(), transform.bias()), (&exchange[..], &[0.0, 1.0][..]));
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn matrix(&self) -> &[f32] {
        self.state.as_ref().and_then(|state| state.linear.as_ref()).map_or(&[], |of| of.matrix())
    }

    /// What is added to the products with the matrix, an element for each of its rows; empty where nothing is.
    pub fn bias(&self) -> &[f32] {
        self.state.as_ref().and_then(|state| state.linear.as_ref()).map_or(&[], |of| of.bias())
    }

    /// The mean of the sample that PCA, ITQ or centering was trained with; else empty.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Rows, VectorTransform};
    /// let rows = [1.0, 0.0, 3.0, 4.0];
    /// let centering = VectorTransform::centering(2)?.train(&Gpu::new()?, Rows::F32(&rows))?;
    /// assert_eq!(centering.mean(), [2.0, 2.0]);
    /// assert_eq!(centering.apply(Rows::F32(&rows))?, [-1.0, -2.0, 1.0, 2.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn mean(&self) -> &[f32] {
        self.state.as_ref().map_or(&[], |state| &state.mean)
    }

    /// The eigenvalues of a trained PCA, the largest first, as many as elements: those of the sum of the products of the sample's rows, less
    /// their mean (FAISS's); divided by the number of rows they are variances. Else empty.
    ///
    /// # Example
    /// ```no_run
    /// use nearfield::{Gpu, Rows, VectorTransform};
    /// # let sample = vec![0.5; 128 * 20_000];
    /// let components = VectorTransform::pca(128, 32)?.train(&Gpu::new()?, Rows::F32(&sample))?;
    /// let values = components.eigenvalues();
    /// let (kept, all): (f32, f32) = (values[..32].iter().sum(), values.iter().sum());
    /// println!("32 components explain {:.0} % of the variance", 100.0 * kept / all);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn eigenvalues(&self) -> &[f32] {
        self.state.as_ref().map_or(&[], |state| &state.eigenvalues)
    }

    /// What rows become, one after the other.
    ///
    /// # Errors
    /// `NotTrained`; `PartialRow`; `NonFinite`, and `InvalidValue` for a row so long that its square overflows; `Unsupported` for bits.
    ///
    /// # Example
    /// ```
    /// use nearfield::{Rows, VectorTransform};
    /// let padding = VectorTransform::pad(2, 4)?;
    /// let padded = padding.apply(Rows::F32(&[1.0, 2.0]))?;
    /// assert_eq!(padded, [1.0, 2.0, 0.0, 0.0]);
    /// assert_eq!(padding.reverse(Rows::F32(&padded))?, [1.0, 2.0]);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn apply(&self, rows: Rows<'_>) -> Result<Vec<f32>> {
        in_pieces(&checked(rows, self.dim_in, 0)?, self.dim_in, |rows| self.applied(rows))
    }

    /// Rows that the transform takes to these, or as near to these as it can, one after the other. Of several that is the one nearest to the origin,
    /// of PCA nearest to the mean, where FAISS takes the origin.
    ///
    /// # Errors
    /// As [`apply`](Self::apply); `Unsupported` for a transform that no row comes back from: PCA with scaled components, ITQ, and a
    /// matrix whose rows, or if these are more its columns, are not of length 1 and at right angles.
    ///
    /// # Example
    /// ```
    /// use nearfield::{PcaParams, Rows, VectorTransform};
    /// let turn = VectorTransform::random_rotation(3, 3, 12345)?;
    /// let turned = turn.apply(Rows::F32(&[1.0, 2.0, 3.0]))?;
    /// let back = turn.reverse(Rows::F32(&turned))?;
    /// assert!((back[0] - 1.0).abs() < 1e-5 && turn.is_reversible());
    /// assert!(!VectorTransform::linear(1, 1, &[2.0], &[])?.is_reversible());
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn reverse(&self, rows: Rows<'_>) -> Result<Vec<f32>> {
        in_pieces(&checked(rows, self.dim_out, 0)?, self.dim_out, |rows| self.reversed(rows))
    }

    /// Whether [`reverse`](Self::reverse) can answer; false before training.
    pub fn is_reversible(&self) -> bool {
        match (&self.kind, &self.state) {
            (_, None) | (Kind::Itq { .. }, _) => false,
            (_, Some(state)) => state.linear.as_ref().is_none_or(|linear| linear.is_orthonormal()),
        }
    }

    /// What a block of rows becomes that was checked.
    pub(in crate::quantize) fn applied(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let Some(state) = &self.state else { return Err(Error::NotTrained) };
        Ok(match (&self.kind, &state.linear) {
            (Kind::Itq { .. }, Some(linear)) => linear.apply(&directions(rows, &state.mean)),
            (_, Some(linear)) => linear.apply(rows),
            (Kind::Hadamard(seed), None) => {
                hadamard::apply(rows, (self.dim_in, self.dim_out), *seed)
            }
            (Kind::Center, None) => {
                let mut out = rows.to_vec();
                for row in out.chunks_exact_mut(self.dim_in) {
                    row.iter_mut().zip(&state.mean).for_each(|(x, mean)| *x -= mean);
                }
                out
            }
            (Kind::Remap(map), None) => {
                let place = |row: &[f32], at: i32| match usize::try_from(at) {
                    Ok(at) => row[at],
                    Err(_) => 0.0,
                };
                let rows = rows.chunks_exact(self.dim_in);
                rows.flat_map(|row| map.iter().map(move |&at| place(row, at))).collect()
            }
            // of length 1
            (_, None) => {
                let mut out = rows.to_vec();
                out.chunks_exact_mut(self.dim_in).for_each(normalize);
                out
            }
        })
    }

    /// The reverse.
    pub(in crate::quantize) fn reversed(&self, rows: &[f32]) -> Result<Vec<f32>> {
        let Some(state) = &self.state else { return Err(Error::NotTrained) };
        let refused = |why: &str| Err(Error::unsupported(self.to_string(), why));
        match (&self.kind, &state.linear) {
            (Kind::Itq { .. }, _) => refused("a way back: how far a row was from the mean is lost"),
            (_, Some(linear)) => match linear.reverse(rows) {
                Some(rows) => Ok(beside(rows, linear, &state.mean)),
                None => refused(
                    "a way back: the rows of its matrix are not of length 1 and at right angles to each other",
                ),
            },
            (Kind::Hadamard(seed), None) => {
                Ok(hadamard::reverse(rows, (self.dim_in, self.dim_out), *seed))
            }
            (Kind::Center, None) => {
                let mut out = rows.to_vec();
                for row in out.chunks_exact_mut(self.dim_in) {
                    row.iter_mut().zip(&state.mean).for_each(|(x, mean)| *x += mean);
                }
                Ok(out)
            }
            (Kind::Remap(map), None) => {
                let mut out = vec![0.0; rows.len() / self.dim_out * self.dim_in];
                let rows = rows.chunks_exact(self.dim_out);
                for (row, out) in rows.zip(out.chunks_exact_mut(self.dim_in)) {
                    for (x, at) in row.iter().zip(map) {
                        if let Ok(at) = usize::try_from(*at) {
                            out[at] = *x;
                        }
                    }
                }
                Ok(out)
            }
            (_, None) => Ok(rows.to_vec()),
        }
    }
}

/// Rows that came back through a matrix, with what it leaves out of the mean where there is one: rows are nearer to it than to the origin.
fn beside(mut rows: Vec<f32>, linear: &Linear, mean: &[f32]) -> Vec<f32> {
    let Some(along) = linear.reverse(&linear.apply(mean)).filter(|_| !mean.is_empty()) else {
        return rows;
    };
    let rest: Vec<f32> = mean.iter().zip(along).map(|(mean, along)| mean - along).collect();
    for row in rows.chunks_exact_mut(rest.len()) {
        row.iter_mut().zip(&rest).for_each(|(x, rest)| *x += rest);
    }
    rows
}

/// Rows as f32, once each element is known to be a number. `first` is the number of the first of them.
pub(in crate::quantize) fn checked(
    rows: Rows<'_>,
    dim: usize,
    first: u64,
) -> Result<Cow<'_, [f32]>> {
    if rows.dtype() == DType::Bits {
        return Err(Error::unsupported("a vector transform", "rows of bits"));
    }
    rows.count(dim)?;
    check::rows(&Metric::L2, rows, dim, first)?;
    Ok(match rows {
        Rows::F32(rows) => Cow::Borrowed(rows),
        other => Cow::Owned(other.to_f32()),
    })
}

/// Does the work of some rows at a time, on several threads.
pub(in crate::quantize) fn in_pieces<T: Clone + Send>(
    rows: &[f32],
    dim: usize,
    work: impl Fn(&[f32]) -> Result<Vec<T>> + Send + Sync,
) -> Result<Vec<T>> {
    let step = (PIECE / dim).max(1) * dim;
    if rows.len() <= step {
        return work(rows);
    }
    Ok(each(rows.chunks(step).collect(), work)?.concat())
}

impl fmt::Debug for VectorTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, trained) = (self.kind.name(), self.is_trained());
        write!(f, "VectorTransform({name} {} -> {}, trained: {trained})", self.dim_in, self.dim_out)
    }
}
