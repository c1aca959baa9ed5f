//! Transforms one after the other.

use super::vector::{VectorTransform, checked, in_pieces};
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::{Error, Result};
use std::borrow::Cow;

/// Transforms one after the other, of which there is at least one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Chain(Vec<VectorTransform>);

impl Chain {
    /// Refuses transforms that do not fit each other.
    pub fn new(transforms: Vec<VectorTransform>) -> Result<Chain> {
        if transforms.is_empty() {
            return Err(Error::argument("transforms", "none is there"));
        }
        for pair in transforms.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            if before.dim_out() != after.dim_in() {
                let (makes, takes) = (before.dim_out(), after.dim_in());
                let reason =
                    format!("{before} makes rows of {makes} elements, {after} takes {takes}");
                return Err(Error::argument("transforms", reason));
            }
        }
        Ok(Chain(transforms))
    }

    pub fn transforms(&self) -> &[VectorTransform] {
        &self.0
    }

    pub fn dim_in(&self) -> usize {
        self.0.first().map_or(0, VectorTransform::dim_in)
    }

    pub fn dim_out(&self) -> usize {
        self.0.last().map_or(0, VectorTransform::dim_out)
    }

    pub fn is_trained(&self) -> bool {
        self.0.iter().all(VectorTransform::is_trained)
    }

    pub fn training_rows(&self) -> usize {
        self.0.iter().map(VectorTransform::training_rows).max().unwrap_or(0)
    }

    /// The names of the transforms, one after the other, with a comma behind each.
    pub fn description(&self) -> String {
        self.0.iter().map(|transform| format!("{transform},")).collect()
    }

    /// What rows become; `first` is the number of the first of them, for errors.
    pub fn apply(&self, rows: Rows<'_>, first: u64) -> Result<Vec<f32>> {
        if !self.is_trained() {
            return Err(Error::NotTrained);
        }
        in_pieces(&checked(rows, self.dim_in(), first)?, self.dim_in(), |rows| {
            let (one, rest) = (self.0[0].applied(rows)?, &self.0[1..]);
            rest.iter().try_fold(one, |rows, transform| transform.applied(&rows))
        })
    }

    /// The rows that become these.
    pub fn reverse(&self, rows: &[f32]) -> Result<Vec<f32>> {
        in_pieces(rows, self.dim_out(), |rows| {
            let mut last_first = self.0.iter().rev();
            let one = last_first.next().map_or_else(|| Ok(rows.to_vec()), |t| t.reversed(rows))?;
            last_first.try_fold(one, |rows, transform| transform.reversed(&rows))
        })
    }

    /// The same whose transforms have all learnt, each from what those before it make of a sample; and what the last makes of it. `told` hears
    /// the share that is done and may end it.
    pub fn train(
        &self,
        gpu: &Gpu,
        sample: Rows<'_>,
        told: &dyn Fn(f64) -> Result<()>,
    ) -> Result<(Chain, Vec<f32>)> {
        let mut rows = checked(sample, self.dim_in(), 0)?;
        let mut trained = Vec::with_capacity(self.0.len());
        let all = self.0.len() as f64;
        for (at, transform) in self.0.iter().enumerate() {
            let transform = transform.fit(gpu, &rows, &|share| told((at as f64 + share) / all))?;
            let next = in_pieces(&rows, transform.dim_in(), |rows| transform.applied(rows))?;
            if let Some(at) = next.iter().position(|x| !x.is_finite()) {
                let (row, made) = (at / transform.dim_out().max(1), next[at]);
                let reason =
                    format!("row {row} becomes {made} by {transform}: its numbers are too large");
                return Err(Error::argument("sample", reason));
            }
            rows = Cow::Owned(next);
            told((at + 1) as f64 / all)?;
            trained.push(transform);
        }
        Ok((Chain(trained), rows.into_owned()))
    }
}
