//! Learning from a sample.

use super::kinds::{Kind, State};
use super::linear::Linear;
use super::mean::mean;
use super::rotation::{random, to_f32};
use super::vector::{VectorTransform, checked};
#[cfg(feature = "transforms")]
use super::{itq, opq, pca};
use crate::clustering::{KMeansParams, subset};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use std::sync::Arc;

/// As FAISS: rows an element of PCA's sample, of OPQ's sample, and of ITQ's.
const PCA_ROWS: usize = 1000;
const OPQ_ROWS: usize = 1 << 16;
const ITQ_ROWS: usize = 10;
const ITQ_LEAST: usize = 1 << 15;

impl VectorTransform {
    /// The same that has learnt from a sample of [`dim_in`](Self::dim_in) elements a row. One that has nothing to learn, or has learnt, is
    /// returned as it is; of more rows than [`training_rows`](Self::training_rows) a random choice counts, which is always the same.
    ///
    /// Cost: of PCA a pass of `dim_in`² products a row on the host's cores, in f64, and the eigenvectors, of 1536 elements in some 4 seconds. Of
    /// ITQ 50 times two such passes. Of OPQ 50 times [`kmeans`](crate::kmeans) of every part, on the device, one pass and eigenvectors.
    ///
    /// # Errors
    /// `InvalidArgument` for fewer rows than there are components, of OPQ than 256; `PartialRow`; `NonFinite`; `Unsupported` for bits, and of
    /// PCA, OPQ and ITQ in a build without the feature `transforms`; of OPQ what [`kmeans`](crate::kmeans) says.
    pub fn train(&self, gpu: &Gpu, sample: Rows<'_>) -> Result<VectorTransform> {
        let rows = checked(sample, self.dim_in, 0)?;
        self.fit(gpu, &rows, &|_| Ok(()))
    }

    /// The most rows of a sample that [`train`](Self::train) has a use for: of PCA 1000 an element, of OPQ 65,536, of ITQ 10 an element and
    /// at least 32,768; 0 where there is nothing to learn.
    ///
    /// # Example
    /// ```
    /// use nearfield::VectorTransform;
    /// assert_eq!(VectorTransform::pca(128, 32)?.training_rows(), 128_000);
    /// assert_eq!(VectorTransform::normalization(128)?.training_rows(), 0);
    /// # Ok::<(), nearfield::Error>(())
    /// ```
    pub fn training_rows(&self) -> usize {
        match self.kind {
            _ if self.is_trained() => 0,
            Kind::Opq(_) => OPQ_ROWS,
            Kind::Itq { .. } => self.dim_in.saturating_mul(ITQ_ROWS).max(ITQ_LEAST),
            _ => self.dim_in.saturating_mul(PCA_ROWS),
        }
    }

    /// The same of rows that were checked; `told` hears the share that is done and may end it.
    pub(super) fn fit(
        &self,
        gpu: &Gpu,
        rows: &[f32],
        told: &dyn Fn(f64) -> Result<()>,
    ) -> Result<VectorTransform> {
        if self.is_trained() {
            return Ok(self.clone());
        }
        let count = rows.len() / self.dim_in;
        let least = match self.kind {
            Kind::Center | Kind::Itq { pca: false } | Kind::RandomRotation(_) => 1,
            #[cfg(feature = "transforms")]
            Kind::Opq(_) => opq::LEAST_ROWS,
            _ => self.dim_out,
        };
        if count < least {
            let reason = format!("{count} rows for {self}, for which {least} are the least");
            return Err(Error::argument("sample", reason));
        }
        let most = self.training_rows();
        let choice = KMeansParams::new().max_points_per_centroid(most).min_points_per_centroid(0);
        let state = match subset(count, 1, &choice)? {
            None => self.learnt(gpu, rows, told)?,
            Some(chosen) => {
                let rows: Vec<f32> = chosen
                    .into_iter()
                    .flat_map(|row| &rows[row as usize * self.dim_in..][..self.dim_in])
                    .copied()
                    .collect();
                self.learnt(gpu, &rows, told)?
            }
        };
        told(1.0)?;
        Ok(VectorTransform { state: Some(Arc::new(state)), ..self.clone() })
    }

    #[cfg_attr(not(feature = "transforms"), allow(unused_variables))]
    fn learnt(&self, gpu: &Gpu, rows: &[f32], told: &dyn Fn(f64) -> Result<()>) -> Result<State> {
        #[cfg(feature = "transforms")]
        let shape = (self.dim_in, self.dim_out);
        match &self.kind {
            Kind::Center => {
                let mean = to_f32(&mean(rows, self.dim_in)?);
                Ok(State { mean, ..State::default() })
            }
            Kind::RandomRotation(seed) => {
                let matrix = to_f32(&random(self.dim_in, self.dim_out, *seed));
                let linear = Linear::new((self.dim_in, self.dim_out), matrix, Vec::new());
                Ok(State { linear: Some(linear), ..State::default() })
            }
            #[cfg(feature = "transforms")]
            Kind::Pca(params) => pca::fit(rows, shape, params),
            #[cfg(feature = "transforms")]
            Kind::Opq(subspaces) => opq::fit(gpu, rows, shape, (*subspaces, opq::ITERATIONS), told),
            #[cfg(feature = "transforms")]
            Kind::Itq { pca } => itq::fit(rows, shape, *pca, told),
            #[cfg(not(feature = "transforms"))]
            Kind::Pca(_) | Kind::Opq(_) | Kind::Itq { .. } => {
                let item = format!("training {self}, which needs its feature `transforms`");
                Err(Error::unsupported("this build of nearfield", item))
            }
            // a matrix of a file, which says no more
            _ => Err(Error::unsupported(
                self.to_string(),
                "training: what its matrix is to be made by was not said",
            )),
        }
    }
}
