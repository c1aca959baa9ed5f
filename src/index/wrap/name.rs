//! What the factory calls transforms before an index: `L2norm,PCA32,` and so on.

use crate::error::{Error, Result};
use crate::quantize::{TOKENS, VectorTransform, named};

/// The transforms that a description of an index of rows of `dim` elements begins with, in their order, and what is left of it: the index
/// behind them.
pub(in crate::index) fn transforms_of(
    description: &str,
    dim: usize,
) -> Result<(Vec<VectorTransform>, &str)> {
    let (mut transforms, mut dim, mut rest) = (Vec::new(), dim, description);
    loop {
        let (token, behind) = match rest.split_once(',') {
            Some((token, behind)) => (token, Some(behind)),
            None => (rest, None),
        };
        let Some(made) = named(token, dim) else {
            return match suspicious(token) {
                true => Err(no_transform(description, token)),
                false => Ok((transforms, rest)),
            };
        };
        let made = made?;
        dim = made.dim_out();
        transforms.push(made);
        match behind {
            Some(behind) if !behind.is_empty() => rest = behind,
            _ => {
                let item = format!(
                    "{description:?}: an index is expected behind {token:?}, as {token},Flat"
                );
                return Err(Error::unsupported("index_factory", item));
            }
        }
    }
}

/// Whether a word is a transform's but for its case, or is the name of one that no description can make.
fn suspicious(token: &str) -> bool {
    let number = |letter: char| letter.is_ascii_digit() || letter == '_';
    let word = token.trim().trim_end_matches(number).to_ascii_lowercase();
    let words =
        ["pca", "pcar", "pcaw", "pcawr", "opq", "itq", "rr", "hr", "l2norm", "center", "pad"];
    words.contains(&&*word) || ["linear", "remap"].contains(&&*word)
}

fn no_transform(description: &str, token: &str) -> Error {
    let given = ["Linear", "Remap"].iter().any(|word| token.starts_with(word));
    let reason = match given {
        true => "is a transform whose numbers were given to it, which a description does not hold"
            .to_owned(),
        false => format!("is no transform; those that are known are {TOKENS}"),
    };
    Error::unsupported("index_factory", format!("{description:?}: {token:?} {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transforms_are_taken_from_the_left_until_the_index() {
        let of = |text: &str| -> (Vec<String>, String) {
            let (transforms, rest) = transforms_of(text, 40).unwrap();
            (transforms.iter().map(ToString::to_string).collect(), rest.to_owned())
        };
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        for (text, names, rest) in [
            ("Flat", &[][..], "Flat"),
            ("IVF64,SQ8", &[], "IVF64,SQ8"),
            ("PCA32,Flat", &["PCA32"], "Flat"),
            ("PCAR32,IVF64,SQ8", &["PCAR32"], "IVF64,SQ8"),
            ("OPQ16_64,IVF1024,PQ16x4fs", &["OPQ16_64"], "IVF1024,PQ16x4fs"),
            (
                "L2norm,Center,PCAWR8,HR3,Pad10,RR,IVF4_HNSW32,Flat,RFlat",
                &["L2norm", "Center", "PCAWR8", "HR3", "Pad10", "RR"],
                "IVF4_HNSW32,Flat,RFlat",
            ),
            ("RR,RaBitQ", &["RR"], "RaBitQ"),
            ("ITQ32,LSH", &["ITQ32"], "LSH"),
            ("", &[], ""),
        ] {
            assert_eq!(of(text), (list(names), rest.to_owned()), "{text}");
        }
        // each transform is of what the one before makes
        let (transforms, _) = transforms_of("PCA8,HR,RR4,Flat", 40).unwrap();
        let dims: Vec<_> = transforms.iter().map(|t| (t.dim_in(), t.dim_out())).collect();
        assert_eq!(dims, [(40, 8), (8, 8), (8, 4)]);
        assert!(transforms_of("RR,Flat", 0).unwrap_err().to_string().contains("0 elements"));
    }

    #[test]
    fn errors_name_the_token_and_what_is_expected() {
        for (text, parts) in [
            ("PCA32", &["\"PCA32\"", "PCA32,Flat"][..]),
            ("PCA32,", &["\"PCA32\"", "index"]),
            ("PCA64,Flat", &["\"PCA64\"", "64 components of 40"]),
            ("PCA8,PCA9,Flat", &["\"PCA9\"", "9 components of 8"]),
            ("pca32,Flat", &["\"pca32\"", "PCA32"]),
            ("l2norm,Flat", &["\"l2norm\"", "L2norm"]),
            ("L2Norm,Flat", &["\"L2Norm\"", "L2norm"]),
            (" PCA32,Flat", &["\" PCA32\"", "PCA32"]),
            ("Linear4,Flat", &["\"Linear4\"", "given"]),
            ("OPQ7,Flat", &["\"OPQ7\"", "7 equal parts"]),
        ] {
            let said = transforms_of(text, 40).unwrap_err().to_string();
            assert!(parts.iter().all(|part| said.contains(part)), "{text}: {said}");
        }
    }
}
