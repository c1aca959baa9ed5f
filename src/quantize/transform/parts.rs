//! Transforms taken apart and put together, for files.

use super::kinds::{Kind, PcaParams, State};
use super::linear::Linear;
use super::make::finite;
use super::vector::VectorTransform;
use crate::error::{Error, Result};
use std::sync::Arc;

/// All that a transform is: what kind it is of, its numbers, and what it has learnt.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TransformParts {
    /// `PCA`, `OPQ`, `ITQ`, `RR`, `HR`, `L2norm`, `Center`, `Remap` or `Linear`.
    pub kind: String,
    pub dim_in: usize,
    pub dim_out: usize,
    /// Of PCA.
    pub eigen_power: f32,
    pub epsilon: f32,
    /// Of PCA whether it is turned, of ITQ whether there are components before it.
    pub flag: bool,
    /// The seed of a rotation, the parts of OPQ.
    pub number: u64,
    pub is_trained: bool,
    pub matrix: Vec<f32>,
    pub bias: Vec<f32>,
    pub mean: Vec<f32>,
    pub eigenvalues: Vec<f32>,
    pub components: Vec<f32>,
    /// Of ITQ without its components.
    pub rotation: Vec<f32>,
    pub map: Vec<i32>,
}

impl TransformParts {
    pub fn of(transform: &VectorTransform) -> TransformParts {
        let state = transform.state.as_deref().cloned().unwrap_or_default();
        let mut parts = TransformParts {
            kind: transform.kind.name().to_owned(),
            dim_in: transform.dim_in,
            dim_out: transform.dim_out,
            is_trained: transform.is_trained(),
            matrix: transform.matrix().to_vec(),
            bias: transform.bias().to_vec(),
            mean: state.mean,
            eigenvalues: state.eigenvalues,
            components: state.components,
            rotation: state.rotation,
            ..TransformParts::default()
        };
        match &transform.kind {
            Kind::Pca(params) => {
                (parts.eigen_power, parts.epsilon) = (params.eigen_power, params.epsilon);
                parts.flag = params.random_rotation;
            }
            Kind::Opq(subspaces) => parts.number = *subspaces as u64,
            Kind::Itq { pca } => parts.flag = *pca,
            Kind::RandomRotation(seed) => parts.number = *seed,
            Kind::Hadamard(seed) => parts.number = (*seed).into(),
            Kind::Remap(map) => parts.map.clone_from(map),
            Kind::Linear | Kind::Normalize | Kind::Center => {}
        }
        parts
    }

    /// The reverse.
    ///
    /// # Errors
    /// `InvalidArgument` where the parts do not fit each other, or some number is not finite; what the constructors say.
    pub fn build(self) -> Result<VectorTransform> {
        let (d, e) = (self.dim_in, self.dim_out);
        let made = match &self.kind[..] {
            "PCA" => {
                let params = PcaParams {
                    eigen_power: self.eigen_power,
                    epsilon: self.epsilon,
                    random_rotation: self.flag,
                };
                VectorTransform::pca_with(d, e, &params)?
            }
            "OPQ" => VectorTransform::opq(d, usize::try_from(self.number).unwrap_or(0), e)?,
            "ITQ" if self.flag => VectorTransform::itq_with_pca(d, e)?,
            "ITQ" => VectorTransform::itq(d)?,
            "RR" => return self.with_rotation(),
            "HR" => match u32::try_from(self.number) {
                Ok(seed) => VectorTransform::hadamard_rotation(d, seed)?,
                Err(_) => return Err(Error::argument("seed", format!("{}", self.number))),
            },
            "L2norm" => VectorTransform::normalization(d)?,
            "Center" => VectorTransform::centering(d)?,
            "Remap" => VectorTransform::remap(d, &self.map)?,
            "Linear" if self.is_trained => {
                return VectorTransform::linear(d, e, &self.matrix, &self.bias);
            }
            "Linear" => {
                let reason =
                    "a matrix that is not there yet, and nothing says how it is to be made";
                return Err(Error::argument("matrix", reason));
            }
            other => return Err(Error::argument("kind", format!("no transform is {other:?}"))),
        };
        if made.dim_out != e {
            let reason = format!("{e} elements, where {made} makes {}", made.dim_out);
            return Err(Error::argument("dim_out", reason));
        }
        if made.is_trained() || !self.is_trained {
            return Ok(made);
        }
        self.with_state(made)
    }

    /// A rotation as it is, or where it is not there yet that of its seed, once it is trained.
    fn with_rotation(self) -> Result<VectorTransform> {
        if !self.is_trained {
            return VectorTransform::late_rotation(self.dim_in, self.dim_out, self.number);
        }
        let made = VectorTransform::linear(self.dim_in, self.dim_out, &self.matrix, &self.bias)?;
        Ok(VectorTransform { kind: Kind::RandomRotation(self.number), ..made })
    }

    fn with_state(self, made: VectorTransform) -> Result<VectorTransform> {
        let (d, e) = (self.dim_in, self.dim_out);
        let multiplies = !matches!(made.kind, Kind::Center);
        let sizes = [
            ("matrix", self.matrix.len(), if multiplies { d * e } else { 0 }),
            ("mean", self.mean.len(), if matches!(made.kind, Kind::Opq(_)) { 0 } else { d }),
        ];
        for (name, have, wanted) in sizes {
            if have != wanted {
                let reason = format!("{have} numbers, {wanted} are expected of {made}");
                return Err(Error::argument(name, reason));
            }
        }
        if !self.bias.is_empty() && (self.bias.len() != e || !multiplies) {
            let reason = format!("{} numbers for {e} elements", self.bias.len());
            return Err(Error::argument("bias", reason));
        }
        for (name, numbers) in [
            ("matrix", &self.matrix),
            ("bias", &self.bias),
            ("mean", &self.mean),
            ("eigenvalues", &self.eigenvalues),
            ("components", &self.components),
            ("rotation", &self.rotation),
        ] {
            finite(name, numbers)?;
        }
        let linear = multiplies.then(|| Linear::new((d, e), self.matrix, self.bias));
        let state = State {
            linear,
            mean: self.mean,
            eigenvalues: self.eigenvalues,
            components: self.components,
            rotation: self.rotation,
        };
        Ok(VectorTransform { state: Some(Arc::new(state)), ..made })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_build_what_they_are_of() {
        let all = [
            VectorTransform::pca(6, 3),
            VectorTransform::opq(6, 2, 4),
            VectorTransform::itq(6),
            VectorTransform::itq_with_pca(6, 2),
            VectorTransform::random_rotation(6, 4, 77),
            VectorTransform::hadamard_rotation(6, 9),
            VectorTransform::normalization(6),
            VectorTransform::centering(6),
            VectorTransform::pad(6, 9),
            VectorTransform::remap(6, &[5, -1, 0]),
            VectorTransform::linear(2, 1, &[1.0, 2.0], &[3.0]),
        ];
        for made in all.map(|made| made.unwrap()) {
            let parts = TransformParts::of(&made);
            assert_eq!(parts.clone().build().unwrap(), made);
            // and trained ones, whatever they have learnt
            if !made.is_trained() {
                let (d, e) = (made.dim_in(), made.dim_out());
                let mut parts = parts;
                parts.is_trained = true;
                if parts.kind != "Center" {
                    parts.matrix = (0..d * e).map(|i| i as f32).collect();
                }
                if parts.kind != "OPQ" {
                    parts.mean = vec![0.5; d];
                }
                let trained = parts.clone().build().unwrap();
                assert!(trained.is_trained() && trained != made);
                assert_eq!(TransformParts::of(&trained), parts);
                let short = TransformParts { mean: vec![0.5; d + 1], ..parts.clone() };
                assert!(short.build().unwrap_err().to_string().contains("mean"));
                let mut bad = parts;
                bad.eigenvalues = vec![f32::NAN];
                assert!(bad.build().unwrap_err().to_string().contains("eigenvalues"));
            }
        }
        let parts = |kind: &str| TransformParts {
            kind: kind.into(),
            dim_in: 3,
            dim_out: 3,
            ..TransformParts::default()
        };
        assert!(parts("Cosine").build().unwrap_err().to_string().contains("Cosine"));
        // three elements become four
        assert!(parts("HR").build().unwrap_err().to_string().contains("4"));
        assert!(parts("Linear").build().unwrap_err().to_string().contains("matrix"));
        let late = parts("RR").build().unwrap();
        assert!(!late.is_trained() && late != VectorTransform::random_rotation(3, 3, 0).unwrap());
    }
}
