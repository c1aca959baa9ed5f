//! Whether an index of codes keeps the rows that these are of, and what a search reads of them then.

use crate::device::Gpu;
use crate::error::{Error, Result};
use crate::exact::{Codes, Coding};
use crate::index::codes::RowCodes;
use crate::metric::Metric;
use crate::quantize::{Quantizer, SqType};
use crate::space;
use std::fmt;
use std::str::FromStr;

/// Where an index of codes keeps the rows that were added, for distances that are theirs and not those of codes.
///
/// Of [`IvfSq::with_originals`](crate::IvfSq::with_originals) and [`IvfRaBitQ::with_originals`](crate::IvfRaBitQ::with_originals). Displayed and read as `none`, `device` and `host`.
///
/// # Example
/// ```
/// use nearfield::Originals;
/// assert_eq!("device".parse::<Originals>()?, Originals::Device);
/// assert_eq!(Originals::default().to_string(), "none");
/// # Ok::<(), nearfield::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Originals {
    /// Nowhere: distances are those of what the codes stand for.
    #[default]
    None,
    /// On the device, in f32, with a byte an element beside them that searches read first, of RaBitQ with the codes: distances are exact.
    Device,
    /// In host memory, in f32; on the device are codes alone, which say what rows a search compares on the host: distances are exact.
    Host,
}

impl Originals {
    /// All, for tables and tests.
    pub const ALL: &[Originals] = &[Originals::None, Originals::Device, Originals::Host];

    /// Its name.
    ///
    /// # Example
    /// ```
    /// assert_eq!(nearfield::Originals::Device.name(), "device");
    /// ```
    pub const fn name(self) -> &'static str {
        match self {
            Originals::None => "none",
            Originals::Device => "device",
            Originals::Host => "host",
        }
    }
}

impl fmt::Display for Originals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Originals {
    type Err = Error;

    fn from_str(text: &str) -> Result<Originals> {
        let found = Originals::ALL.iter().copied().find(|of| of.name() == text);
        found.ok_or_else(|| {
            let known: Vec<_> = Originals::ALL.iter().map(|of| of.name()).collect();
            Error::argument("originals", format!("{text:?} is none of {}", known.join(", ")))
        })
    }
}

/// Of RaBitQ beside originals: of two bits some thousand of ten thousand rows would be compared for ten neighbours, of four some forty.
const LEAST_BITS: u32 = 4;
/// How much of the largest element of all rows that of a row is, about: 0.55 to 0.6 of normal numbers in 128 to 768 dimensions.
const LARGEST_OF_ROW: f32 = 0.6;

/// Whether 8 bits of each row's own range have smaller steps than these of each dimension.
fn rows_lose_less(bits: u32, minima: &[f32], steps: &[f32]) -> bool {
    let ends =
        minima.iter().zip(steps).map(|(low, step)| (low, low + step * (1u32 << bits) as f32));
    let largest = ends.fold(0f32, |most, (low, high)| most.max(low.abs()).max(high.abs()));
    let square = steps.iter().map(|step| step * step).sum::<f32>() / steps.len() as f32;
    LARGEST_OF_ROW * largest / 127.0 < square.sqrt()
}

/// Refuses originals of codes that say too little of them.
pub(super) fn check(codes: &RowCodes, originals: Originals) -> Result<()> {
    let refused = |of: &str, item: String| Err(Error::unsupported(of, item));
    match &codes.quantizer {
        _ if originals == Originals::None => Ok(()),
        Quantizer::Product(_) => refused(
            "a product quantizer",
            "originals beside its codes: a Refine (IVF1024,PQ16,RFlat) compares its candidates by the rows".into(),
        ),
        Quantizer::RaBitQ(of) if of.bits() < LEAST_BITS => {
            let item = format!(
                "originals beside codes of {} bits, which leave open of nearly every row whether it is a hit: {LEAST_BITS} to 9 bits tell most apart, and a Refine compares candidates of fewer",
                of.bits()
            );
            refused("RaBitQ", item)
        }
        _ => Ok(()),
    }
}

/// Whether the lists have the originals themselves, and the codes as a copy that scans read.
pub(super) fn in_lists(codes: &RowCodes, originals: Originals) -> bool {
    originals == Originals::Device && codes.quantizer.scalar().is_some()
}

/// The copy that a scan reads of originals, a byte an element: the codes, or parts of each row's largest element where these lose less. Codes
/// of 16 bits are as wide as the copy in f16 that there is anyway, which of a bfloat16 keeps three bits more.
///
/// # Errors
/// `InvalidArgument` for ranges that rows of more than 2^60 may lie in.
pub(super) fn codes(gpu: &Gpu, metric: &Metric, codes: &RowCodes) -> Result<Option<Codes>> {
    let quantizer = match &codes.quantizer {
        // ranges are of what lists leave of rows, and not of these
        Quantizer::Scalar(_) if codes.residual => return Ok(Some(Codes::OfRows)),
        Quantizer::Scalar(quantizer) => quantizer,
        Quantizer::Product(_) | Quantizer::RaBitQ(_) => {
            return Err(Error::internal(
                "rows with codes as a copy, which are of no scalar quantizer",
            ));
        }
    };
    let (kind, dim) = (quantizer.kind(), quantizer.dim());
    // a step of 1, with a whole number in its middle
    let whole = |least: f32| Coding::new(gpu, 8, &vec![least - 0.5; dim], &vec![1.0; dim]);
    let coding = match (kind, kind.ranged_bits(), quantizer.steps()) {
        (SqType::Fp16 | SqType::Bf16, ..) => return Ok(None),
        // ranges are of rows, and what is compared is divided by their norms
        _ if space::is_scaled(metric) => return Ok(Some(Codes::OfRows)),
        // nobody adds rows before they are known
        _ if !quantizer.is_trained() => return Ok(None),
        (_, Some(bits), Some((minima, steps))) => match rows_lose_less(bits, &minima, &steps) {
            true => return Ok(Some(Codes::OfRows)),
            false => Coding::new(gpu, bits, &minima, &steps)?,
        },
        (SqType::Direct8Signed, ..) => whole(-128.0)?,
        _ => whole(0.0)?,
    };
    Ok(Some(Codes::Of(coding)))
}
