//! Any of the quantizers, for indexes whose rows may be codes of each.

use super::product::ProductQuantizer;
use super::scalar::ScalarQuantizer;
use crate::clustering::KMeansParams;
use crate::device::Gpu;
use crate::dtype::Rows;
use crate::error::Result;

/// A quantizer of rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Quantizer {
    Scalar(ScalarQuantizer),
    Product(ProductQuantizer),
}

impl Quantizer {
    pub fn dim(&self) -> usize {
        match self {
            Quantizer::Scalar(of) => of.dim(),
            Quantizer::Product(of) => of.dim(),
        }
    }

    pub fn is_trained(&self) -> bool {
        match self {
            Quantizer::Scalar(of) => of.is_trained(),
            Quantizer::Product(of) => of.is_trained(),
        }
    }

    /// Bytes of the packed code of a row.
    pub fn code_bytes(&self) -> usize {
        match self {
            Quantizer::Scalar(of) => of.code_bytes(),
            Quantizer::Product(of) => of.code_bytes(),
        }
    }

    /// As the factory spells it.
    pub fn name(&self) -> String {
        match self {
            Quantizer::Scalar(of) => of.kind().to_string(),
            Quantizer::Product(of) if of.bits() == 8 => format!("PQ{}", of.subspaces()),
            Quantizer::Product(of) => format!("PQ{}x{}", of.subspaces(), of.bits()),
        }
    }

    /// The numbers that it learnt.
    pub fn trained(&self) -> &[f32] {
        match self {
            Quantizer::Scalar(of) => of.trained(),
            Quantizer::Product(of) => of.centroids(),
        }
    }

    /// The scalar one, if it is that.
    pub fn scalar(&self) -> Option<&ScalarQuantizer> {
        match self {
            Quantizer::Scalar(of) => Some(of),
            Quantizer::Product(_) => None,
        }
    }

    /// The product quantizer, if it is that.
    pub fn product(&self) -> Option<&ProductQuantizer> {
        match self {
            Quantizer::Product(of) => Some(of),
            Quantizer::Scalar(_) => None,
        }
    }

    /// The same, trained on a sample.
    pub fn train(&self, gpu: &Gpu, sample: Rows<'_>, params: &KMeansParams) -> Result<Quantizer> {
        Ok(match self {
            Quantizer::Scalar(of) => Quantizer::Scalar(of.train(sample)?),
            Quantizer::Product(of) => Quantizer::Product(of.train(gpu, sample, params)?),
        })
    }
}
