//! What a transform does, and what it has learnt.

use super::linear::Linear;

/// How a [`VectorTransform`](crate::VectorTransform) by principal components scales and turns them; each field has a setter of the same name.
///
/// # Example
/// ```
/// use nearfield::{PcaParams, VectorTransform};
/// let plain = PcaParams::new();
/// assert_eq!((plain.eigen_power, plain.epsilon, plain.random_rotation), (0.0, 0.0, false));
/// // each component of the same variance, none of which is amplified beyond reason
/// let params = PcaParams::new().whiten(true).epsilon(1e-3).random_rotation(true);
/// assert_eq!(params.eigen_power, -0.5);
/// assert_eq!(VectorTransform::pca_with(128, 32, &params)?.to_string(), "PCAWR32");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct PcaParams {
    /// Each component is multiplied by its eigenvalue to this power, where that is not 0. Eigenvalues are those of the sum of the products of
    /// the sample's rows, less their mean, and so in proportion to how many they are. Default: 0.
    pub eigen_power: f32,
    /// Added to the eigenvalues before that, so that small ones are amplified less. Default: 0.
    pub epsilon: f32,
    /// Whether the components are turned at random at last, so that each element of a row says as much: for codes that spend as many bits on one
    /// element as on another. Default: false.
    pub random_rotation: bool,
}

impl PcaParams {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets [`eigen_power`](Self#structfield.eigen_power) to -1/2, which gives all components the same variance, or to 0.
    #[must_use]
    pub fn whiten(self, on: bool) -> Self {
        self.eigen_power(if on { -0.5 } else { 0.0 })
    }

    /// Sets [`eigen_power`](Self#structfield.eigen_power).
    ///
    /// # Example
    /// ```
    /// use nearfield::{PcaParams, VectorTransform};
    /// // half of the way to whitening
    /// let params = PcaParams::new().eigen_power(-0.25);
    /// assert_eq!(VectorTransform::pca_with(128, 32, &params)?.dim_out(), 32);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    #[must_use]
    pub fn eigen_power(mut self, power: f32) -> Self {
        self.eigen_power = power;
        self
    }

    /// Sets [`epsilon`](Self#structfield.epsilon).
    #[must_use]
    pub fn epsilon(mut self, epsilon: f32) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Sets [`random_rotation`](Self#structfield.random_rotation).
    #[must_use]
    pub fn random_rotation(mut self, on: bool) -> Self {
        self.random_rotation = on;
        self
    }
}

/// What a transform does.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A matrix that was given.
    Linear,
    Pca(PcaParams),
    /// A rotation for a product quantizer of so many parts.
    Opq(usize),
    /// A rotation by iterative quantization, of components where that is said.
    Itq {
        pca: bool,
    },
    RandomRotation(u64),
    /// Random signs and Hadamard's matrix.
    Hadamard(u32),
    /// Length 1.
    Normalize,
    /// Less the mean.
    Center,
    /// Elements from elsewhere, 0 where the place is negative.
    Remap(Vec<i32>),
}

impl Kind {
    /// Its name in files of this crate.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Linear => "Linear",
            Kind::Pca(_) => "PCA",
            Kind::Opq(_) => "OPQ",
            Kind::Itq { .. } => "ITQ",
            Kind::RandomRotation(_) => "RR",
            Kind::Hadamard(_) => "HR",
            Kind::Normalize => "L2norm",
            Kind::Center => "Center",
            Kind::Remap(_) => "Remap",
        }
    }
}

/// What a transform applies. Each kind has some of this.
#[derive(Clone, Default, PartialEq)]
pub(super) struct State {
    pub linear: Option<Linear>,
    /// Of centering, ITQ and PCA, of which the matrix's bias takes care.
    pub mean: Vec<f32>,
    /// Of PCA, as files of FAISS's have them; nothing is computed from them again.
    pub eigenvalues: Vec<f32>,
    pub components: Vec<f32>,
    /// Of ITQ, the rotation alone, which FAISS's files have beside its product with the components.
    pub rotation: Vec<f32>,
}
