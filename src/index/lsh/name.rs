//! What the factory calls an index of signs: `LSH`, `LSH64`, `LSH64r`, `LSH64rt`.

use crate::error::{Error, Result};

/// What such a description says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::index) struct Signs {
    /// Bits, as many as elements where there is no number.
    pub bits: Option<usize>,
    pub rotated: bool,
    pub thresholds: bool,
}

/// What a description says of signs; `None` of one that is of none.
pub(in crate::index) fn signs_of(description: &str) -> Option<Result<Signs>> {
    description.strip_prefix("LSH").map(|rest| read(description, rest))
}

fn read(description: &str, rest: &str) -> Result<Signs> {
    let refused = |reason: &str| {
        Err(Error::unsupported("index_factory", format!("{description:?}: {reason}")))
    };
    let (token, behind) = match rest.split_once(',') {
        Some((token, behind)) => (token, Some(behind)),
        None => (rest, None),
    };
    let letters = token.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let digits = &token[..token.len() - letters.len()];
    let bits = match digits {
        "" => Ok(None),
        digits => digits.parse().map(Some),
    };
    match (bits, letters, behind) {
        (_, _, Some(behind)) => refused(&format!("{behind:?} where the end is expected")),
        (Ok(bits), "" | "r" | "t" | "rt", None) => {
            let (rotated, thresholds) = (letters.starts_with('r'), letters.ends_with('t'));
            Ok(Signs { bits, rotated, thresholds })
        }
        (Err(_), ..) => refused(&format!("{digits} bits are more than fit in memory")),
        _ => refused(
            "LSH is expected, a number of bits, r for a rotation and t for thresholds, as \"LSH64rt\"",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_rotation_and_thresholds_are_read() {
        for (text, bits, rotated, thresholds) in [
            ("LSH", None, false, false),
            ("LSHr", None, true, false),
            ("LSHt", None, false, true),
            ("LSHrt", None, true, true),
            ("LSH64", Some(64), false, false),
            ("LSH64r", Some(64), true, false),
            ("LSH7t", Some(7), false, true),
            ("LSH0100rt", Some(100), true, true),
        ] {
            let expected = Signs { bits, rotated, thresholds };
            assert_eq!(signs_of(text).map(|of| of.ok()), Some(Some(expected)), "{text}");
        }
        assert!(signs_of("Flat").is_none() && signs_of("lsh64").is_none());
    }

    #[test]
    fn errors_name_the_description_and_what_is_expected() {
        for (text, expected) in [
            ("LSH64tr", "\"LSH64rt\""),
            ("LSH64x", "\"LSH64rt\""),
            ("LSH-4", "\"LSH64rt\""),
            ("LSH64 r", "\"LSH64rt\""),
            ("LSHé", "\"LSH64rt\""),
            ("LSH64,Flat", "\"Flat\" where the end"),
            ("LSH,", "\"\" where the end"),
            ("LSH99999999999999999999999", "more than fit"),
        ] {
            let said = match signs_of(text) {
                Some(Err(error)) => error.to_string(),
                other => panic!("{text}: {other:?}"),
            };
            assert!(said.contains(expected) && said.contains(&format!("{text:?}")), "{said}");
        }
    }
}
