//! Any of the quantizers, for indexes whose rows may be codes of each.

use super::product::ProductQuantizer;
use super::rabitq::RaBitQuantizer;
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
    RaBitQ(RaBitQuantizer),
}

impl Quantizer {
    pub fn dim(&self) -> usize {
        match self {
            Quantizer::Scalar(of) => of.dim(),
            Quantizer::Product(of) => of.dim(),
            Quantizer::RaBitQ(of) => of.dim(),
        }
    }

    pub fn is_trained(&self) -> bool {
        match self {
            Quantizer::Scalar(of) => of.is_trained(),
            Quantizer::Product(of) => of.is_trained(),
            Quantizer::RaBitQ(of) => of.is_trained(),
        }
    }

    /// Bytes of the packed code of a row; of RaBitQ as files of this crate keep it.
    pub fn code_bytes(&self) -> usize {
        match self {
            Quantizer::Scalar(of) => of.code_bytes(),
            Quantizer::Product(of) => of.code_bytes(),
            Quantizer::RaBitQ(of) => of.kept_bytes(),
        }
    }

    /// Bytes of the code of a row as FAISS has it.
    pub fn foreign_bytes(&self) -> usize {
        match self {
            Quantizer::RaBitQ(of) => of.code_bytes(),
            _ => self.code_bytes(),
        }
    }

    /// As the factory spells it.
    pub fn name(&self) -> String {
        match self {
            Quantizer::Scalar(of) => of.kind().to_string(),
            Quantizer::Product(of) if of.bits() == 8 => format!("PQ{}", of.subspaces()),
            Quantizer::Product(of) => format!("PQ{}x{}", of.subspaces(), of.bits()),
            Quantizer::RaBitQ(of) if of.bits() == 1 => "RaBitQ".to_owned(),
            Quantizer::RaBitQ(of) => format!("RaBitQ{}", of.bits()),
        }
    }

    /// The numbers that it learnt.
    pub fn trained(&self) -> &[f32] {
        match self {
            Quantizer::Scalar(of) => of.trained(),
            Quantizer::Product(of) => of.centroids(),
            Quantizer::RaBitQ(of) => of.center().unwrap_or_default(),
        }
    }

    /// The scalar one, if it is that.
    pub fn scalar(&self) -> Option<&ScalarQuantizer> {
        match self {
            Quantizer::Scalar(of) => Some(of),
            _ => None,
        }
    }

    /// The product quantizer, if it is that.
    pub fn product(&self) -> Option<&ProductQuantizer> {
        match self {
            Quantizer::Product(of) => Some(of),
            _ => None,
        }
    }

    /// RaBitQ, if it is that.
    pub fn rabitq(&self) -> Option<&RaBitQuantizer> {
        match self {
            Quantizer::RaBitQ(of) => Some(of),
            _ => None,
        }
    }

    /// The same whose codes of RaBitQ stand for projections of rows or for estimates; of others there is one kind.
    pub fn projecting(self, projects: bool) -> Quantizer {
        match self {
            Quantizer::RaBitQ(of) => Quantizer::RaBitQ(of.projecting(projects)),
            other => other,
        }
    }

    /// The same, trained on a sample.
    pub fn train(&self, gpu: &Gpu, sample: Rows<'_>, params: &KMeansParams) -> Result<Quantizer> {
        Ok(match self {
            Quantizer::Scalar(of) => Quantizer::Scalar(of.train(sample)?),
            Quantizer::Product(of) => Quantizer::Product(of.train(gpu, sample, params)?),
            Quantizer::RaBitQ(of) if of.is_of_lists() => self.clone(),
            Quantizer::RaBitQ(of) => Quantizer::RaBitQ(of.train(sample)?),
        })
    }
}
