//! What the factory calls transforms: `PCA32`, `OPQ16_64`, `L2norm`.

use super::kinds::{Kind, PcaParams};
use super::vector::VectorTransform;
use crate::error::{Error, Result};
use std::fmt;

/// FAISS's seed, which a description does not name.
const SEED: u32 = 12345;

/// What descriptions may begin with, for messages.
pub(crate) const TOKENS: &str =
    "PCA32 (PCAR, PCAW, PCAWR), OPQ16_64, ITQ32, RR64, HR, L2norm, Center and Pad128";

/// The transform that a part of a description names, of rows of `dim` elements; `None` of what begins as none.
pub(crate) fn named(token: &str, dim: usize) -> Option<Result<VectorTransform>> {
    let made = match token {
        "L2norm" => VectorTransform::normalization(dim),
        "Center" => VectorTransform::centering(dim),
        _ => {
            // the longer before those that they begin with
            let words = ["PCAWR", "PCAW", "PCAR", "PCA", "OPQ", "ITQ", "RR", "HR", "Pad"];
            let word = words.into_iter().find(|word| token.starts_with(word))?;
            numbered(token, word, dim)
        }
    };
    Some(made.map_err(|e| match e {
        Error::InvalidArgument { reason, .. } => refused(token, dim, &reason),
        other => other,
    }))
}

fn refused(token: &str, dim: usize, reason: &str) -> Error {
    let item = format!("{token:?} of rows of {dim} elements: {reason}");
    Error::unsupported("index_factory", item)
}

fn numbered(token: &str, word: &str, dim: usize) -> Result<VectorTransform> {
    let rest = &token[word.len()..];
    let expected = |what: &str| {
        let reason = format!("{what} is expected behind {word}, and {rest:?} is there");
        Err(Error::argument("description", reason))
    };
    let number = |text: &str| -> Option<usize> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| plain)
    };
    // of those that need none
    let or = |default: usize| if rest.is_empty() { Some(default) } else { number(rest) };
    match word {
        "PCA" | "PCAR" | "PCAW" | "PCAWR" => {
            let Some(dim_out) = number(rest) else {
                return expected("a number of components, as PCA32,");
            };
            let params = PcaParams::new().whiten(word.contains('W'));
            VectorTransform::pca_with(dim, dim_out, &params.random_rotation(word.ends_with('R')))
        }
        "OPQ" => {
            let (parts, dim_out) = match rest.split_once('_') {
                Some((parts, dim_out)) => (number(parts), number(dim_out)),
                None => (number(rest), Some(dim)),
            };
            match (parts, dim_out) {
                (Some(parts), Some(dim_out)) => VectorTransform::opq(dim, parts, dim_out),
                _ => expected("a number of parts, as OPQ16 or OPQ16_64,"),
            }
        }
        "ITQ" => match (rest, number(rest)) {
            ("", _) => VectorTransform::itq(dim),
            (_, Some(dim_out)) => VectorTransform::itq_with_pca(dim, dim_out),
            _ => expected("nothing, or a number of components, as ITQ32,"),
        },
        "RR" => match or(dim) {
            Some(dim_out) => VectorTransform::random_rotation(dim, dim_out, SEED.into()),
            None => expected("nothing, or a number of elements, as RR64,"),
        },
        "HR" => match or(SEED as usize).and_then(|seed| u32::try_from(seed).ok()) {
            Some(seed) => VectorTransform::hadamard_rotation(dim, seed),
            None => expected("nothing, or a seed below 2^32, as HR7,"),
        },
        _ => match number(rest) {
            Some(dim_out) => VectorTransform::pad(dim, dim_out),
            None => expected("a number of elements, as Pad128,"),
        },
    }
}

/// The word by which [`index_factory`](crate::index_factory) makes such a transform; `Linear` and `Remap` of what was given, which no word
/// can tell.
impl fmt::Display for VectorTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dim_out = self.dim_out;
        match &self.kind {
            Kind::Pca(params) => {
                let white = if params.eigen_power == 0.0 { "" } else { "W" };
                let turned = if params.random_rotation { "R" } else { "" };
                write!(f, "PCA{white}{turned}{dim_out}")
            }
            Kind::Opq(parts) if dim_out == self.dim_in => write!(f, "OPQ{parts}"),
            Kind::Opq(parts) => write!(f, "OPQ{parts}_{dim_out}"),
            Kind::Itq { pca: false } => f.write_str("ITQ"),
            Kind::Itq { pca: true } => write!(f, "ITQ{dim_out}"),
            Kind::RandomRotation(_) if dim_out == self.dim_in => f.write_str("RR"),
            Kind::RandomRotation(_) => write!(f, "RR{dim_out}"),
            Kind::Hadamard(SEED) => f.write_str("HR"),
            Kind::Hadamard(seed) => write!(f, "HR{seed}"),
            Kind::Remap(map) if is_padding(map, self.dim_in) => write!(f, "Pad{dim_out}"),
            Kind::Linear | Kind::Remap(_) => write!(f, "{}{dim_out}", self.kind.name()),
            Kind::Normalize | Kind::Center => f.write_str(self.kind.name()),
        }
    }
}

fn is_padding(map: &[i32], dim_in: usize) -> bool {
    let place = |(at, &from): (usize, &i32)| if at < dim_in { from == at as i32 } else { from < 0 };
    map.len() >= dim_in && map.iter().enumerate().all(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_to_what_they_are_the_names_of() {
        for (text, dim_out) in [
            ("PCA32", 32),
            ("PCAR32", 32),
            ("PCAW7", 7),
            ("PCAWR40", 40),
            ("OPQ8", 40),
            ("OPQ16_64", 64),
            ("OPQ4_8", 8),
            ("ITQ", 40),
            ("ITQ32", 32),
            ("RR", 40),
            ("RR9", 9),
            ("RR64", 64),
            ("HR", 64),
            ("HR128", 64),
            ("L2norm", 40),
            ("Center", 40),
            ("Pad64", 64),
            ("Pad40", 40),
        ] {
            let made = named(text, 40).unwrap().unwrap();
            assert_eq!(
                (made.to_string(), made.dim_in(), made.dim_out()),
                (text.into(), 40, dim_out)
            );
            assert_eq!(named(&made.to_string(), 40).unwrap().unwrap(), made);
        }
        // the same things, said at length
        for (text, same) in [("OPQ8_40", "OPQ8"), ("RR40", "RR"), ("HR12345", "HR")] {
            assert_eq!(named(text, 40).unwrap().unwrap().to_string(), same);
        }
        assert!(
            ["Flat", "IVF16", "PQ8", "R", "RFlat", "RaBitQ", "", "l2norm"]
                .iter()
                .all(|other| named(other, 40).is_none())
        );
    }

    #[test]
    fn errors_name_the_token_and_what_is_expected() {
        for (text, expected) in [
            ("PCA", "number of components"),
            ("PCAx", "number of components"),
            ("PCARW32", "\"W32\""),
            ("PCA-3", "\"-3\""),
            ("PCA41", "41 components of 40"),
            ("PCA0", "0 elements"),
            ("OPQ", "OPQ16_64"),
            ("OPQ8_", "OPQ16_64"),
            ("OPQ7", "40 elements are not cut into 7"),
            ("OPQ16_40", "40 elements are not cut into 16"),
            ("OPQ0", "0 equal parts"),
            ("ITQ41", "41 components"),
            ("ITQx", "ITQ32"),
            ("RR0", "0 elements"),
            ("RR+3", "RR64"),
            ("HRx", "seed"),
            ("HR4294967296", "seed"),
            ("Pad39", "39 elements do not hold rows of 40"),
            ("Pad", "Pad128"),
        ] {
            let said = named(text, 40).unwrap().unwrap_err().to_string();
            assert!(said.contains(expected) && said.contains(&format!("{text:?}")), "{said}");
        }
        let huge = named("RR99999999999", 40).unwrap().unwrap_err();
        assert!(matches!(huge, Error::LimitExceeded { .. }), "{huge}");
    }
}
