//! What the factory calls an index of lists: `IVF4096,Flat`, `IVF4k,Flat`, `IVF1024,SQ8`, `IVF1024,SQ8_rows`, `IVF1024,PQ16x4`, `IVF1024,RaBitQ4`; `IVF4096_HNSW32,Flat`,
//! whose graph over the centroids FAISS searches, is `IVF4096,Flat`: the exact search of them finds no worse lists.

use crate::error::{Error, Result};
use crate::index::codes::{CodeName, in_lists};
use crate::quantize::{Quantizer, SqType};

/// The number of lists of such a description, and what their rows become, if they do not stay as they are; `None` of one that is of no
/// lists.
pub(in crate::index) fn lists_of(description: &str) -> Option<Result<(usize, Option<CodeName>)>> {
    description.starts_with("IVF").then(|| read(description))
}

/// The number of lists of a description of lists of bits, `BIVF64`; `None` of one that is of no such lists.
pub(in crate::index) fn lists_of_bits(description: &str) -> Option<Result<usize>> {
    let number = description.strip_prefix("BIVF")?;
    let refused = |reason: String| {
        Err(Error::unsupported("index_factory", format!("{description:?}: {reason}")))
    };
    let number = match searched_exactly(number, "BIVF") {
        Ok(number) => number,
        Err(reason) => return Some(refused(reason)),
    };
    if let Some((_, more)) = number.split_once(',') {
        return Some(refused(format!("{more:?} where the end is expected")));
    }
    Some(number_of_lists(description, number, "BIVF").or_else(refused))
}

pub(super) fn of_bits(nlist: usize) -> String {
    format!("BIVF{nlist}")
}

/// `codes`: what rows are encoded by, and whether of what the lists leave of them.
pub(super) fn description(nlist: usize, codes: Option<(&Quantizer, bool)>) -> String {
    let codes = codes.map_or("Flat".into(), |(of, residual)| match of.scalar() {
        Some(scalar) => in_lists(scalar.kind(), residual),
        None => of.name(),
    });
    format!("IVF{nlist},{codes}")
}

/// The number of lists without the graph over the centroids, in whose place these are searched exactly; or why what finds the nearest of them
/// is none.
fn searched_exactly<'a>(number: &'a str, word: &str) -> Result<&'a str, String> {
    let Some((plain, quantizer)) = number.split_once(['_', '(']) else { return Ok(number) };
    let graph = number[plain.len()..].strip_prefix("_HNSW");
    let links = graph.filter(|links| links.bytes().all(|byte| byte.is_ascii_digit()));
    match links {
        // without a number FAISS takes its own
        Some("") => Ok(plain),
        Some(links) if links.bytes().any(|byte| byte != b'0') => Ok(plain),
        _ => Err(format!(
            "{quantizer:?} would search the centroids, which are searched exactly here: \"{word}{plain}\" or \"{word}{plain}_HNSW32\" is expected"
        )),
    }
}

/// A number of lists, behind `word` in `lists`, or why it is none.
fn number_of_lists(lists: &str, number: &str, word: &str) -> Result<usize, String> {
    let (digits, times) = match number.strip_suffix('k') {
        Some(digits) => (digits, 1 << 10),
        None => number.strip_suffix('M').map_or((number, 1), |digits| (digits, 1 << 20)),
    };
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let most = u64::from(u32::MAX);
    let nlist = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(times));
    match nlist.filter(|_| plain) {
        Some(nlist) if nlist > 0 && nlist <= most => Ok(nlist as usize),
        Some(0) => Err(format!("{lists:?} would be 0 lists; 1 or more are expected")),
        _ if plain => Err(format!("{lists:?} is more than {most} lists")),
        _ => Err(format!(
            "{lists:?} where {word} and a number of lists is expected, as {word}4096 or {word}4k"
        )),
    }
}

fn read(description: &str) -> Result<(usize, Option<CodeName>)> {
    let refused = |reason: String| {
        Err(Error::unsupported("index_factory", format!("{description:?}: {reason}")))
    };
    let mut tokens = description.split(',');
    let lists = tokens.next().unwrap_or_default();
    let number = &lists["IVF".len()..];
    let number = match searched_exactly(number, "IVF") {
        Ok(number) => number,
        Err(reason) => return refused(format!("in {lists:?} {reason}")),
    };
    let nlist = match number_of_lists(lists, number, "IVF") {
        Ok(nlist) => nlist,
        Err(reason) => return refused(reason),
    };
    let codes = match tokens.next() {
        Some("Flat") => None,
        Some(other) => match CodeName::of_lists(other) {
            Some(codes) => Some(codes),
            None => {
                let known: Vec<_> = SqType::ALL.iter().map(|kind| kind.name()).collect();
                let known = known.join(", ");
                return refused(format!(
                    "{other:?} where \"Flat\", one of {known} (with \"_rows\" or \"_residual\" behind, of rows or of what the lists leave of them), or \"PQ16\", \"PQ16x4\", \"RaBitQ\", \"RaBitQ4\" is expected"
                ));
            }
        },
        None => return refused(format!("\",Flat\" or \",SQ8\" is expected behind {lists:?}")),
    };
    match tokens.next() {
        None => Ok((nlist, codes)),
        Some(more) => refused(format!("{more:?} where the end is expected")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::ScalarQuantizer;

    #[test]
    fn lists_are_numbers_with_a_letter_for_their_thousands() {
        for (text, nlist) in [
            ("IVF1,Flat", 1),
            ("IVF4096,Flat", 4096),
            ("IVF4k,Flat", 4096),
            ("IVF65536,Flat", 65536),
            ("IVF1M,Flat", 1 << 20),
            ("IVF4k_HNSW32,Flat", 4096),
            ("IVF16_HNSW,Flat", 16),
        ] {
            assert_eq!(lists_of(text).map(|of| of.ok()), Some(Some((nlist, None))), "{text}");
        }
        assert_eq!(description(4096, None), "IVF4096,Flat");
        assert!(lists_of("Flat").is_none() && lists_of("BIVF8,Flat").is_none());
        for (text, parts, bits) in
            [("PQ16", 16, 8), ("PQ7x5", 7, 5), ("PQ16x4fs", 16, 4), ("PQ8np", 8, 8)]
        {
            let read = lists_of(&format!("IVF16,{text}")).map(|of| of.ok());
            assert_eq!(read, Some(Some((16, Some(CodeName::Product(parts, bits))))), "{text}");
        }
    }

    #[test]
    fn scalar_codes_are_of_residuals_as_faiss_has_them_or_as_is_said() {
        let read = |text: &str| {
            let (nlist, codes) = lists_of(text)?.ok()?;
            let (kind, residual) = codes?.scalar()?;
            Some((nlist, kind, residual))
        };
        for &kind in SqType::ALL {
            let whole = matches!(kind, SqType::Direct8 | SqType::Direct8Signed);
            for (word, residual) in [("", !whole), ("_rows", false), ("_residual", true)] {
                let text = format!("IVF16,{kind}{word}");
                assert_eq!(read(&text), Some((16, kind, residual)), "{text}");
                // of two words for the same the shorter one
                let quantizer = ScalarQuantizer::new(3, kind).map(Quantizer::Scalar);
                let again = description(16, Some((&quantizer.unwrap(), residual)));
                let short = if residual == whole { &*text } else { &format!("IVF16,{kind}") };
                assert_eq!(again, short);
            }
        }
        assert_eq!(CodeName::of("SQ8_rows"), None);
    }

    #[test]
    fn rabitq_is_of_one_digit() {
        for (text, bits) in [("RaBitQ", 1), ("RaBitQ1", 1), ("RaBitQ4", 4), ("RaBitQ9", 9)] {
            let read = lists_of(&format!("IVF16,{text}")).map(|of| of.ok());
            assert_eq!(read, Some(Some((16, Some(CodeName::RaBitQ(bits))))), "{text}");
        }
        for text in ["RaBitQ0", "RaBitQ10", "RaBitQfs", "RaBitQfs4_64", "RaBitQ "] {
            assert_eq!(CodeName::of(text), None, "{text}");
        }
    }

    #[test]
    fn errors_name_the_token_and_what_is_expected() {
        for (text, token, expected) in [
            ("IVF0,Flat", "\"IVF0\"", "1 or more"),
            ("IVF0k,Flat", "\"IVF0k\"", "1 or more"),
            ("IVFx,Flat", "\"IVFx\"", "IVF4096"),
            ("IVF,Flat", "\"IVF\"", "IVF4096"),
            ("IVF+4,Flat", "\"IVF+4\"", "IVF4096"),
            ("IVF4K,Flat", "\"IVF4K\"", "IVF4k"),
            ("IVF-1,Flat", "\"IVF-1\"", "IVF4096"),
            ("IVF4294967296,Flat", "\"IVF4294967296\"", "more than 4294967295"),
            ("IVF99999999999999999999M,Flat", "\"IVF99999999999999999999M\"", "more than"),
            ("IVF16_HNSW0,Flat", "\"HNSW0\"", "\"IVF16\""),
            ("IVF16_HNSW3x,Flat", "\"HNSW3x\"", "\"IVF16\""),
            ("IVF16_HNSW32_2,Flat", "\"HNSW32_2\"", "\"IVF16\""),
            ("IVF16_NSG32,Flat", "\"NSG32\"", "\"IVF16_HNSW32\""),
            ("IVF16(HNSW32),Flat", "\"HNSW32)\"", "\"IVF16\""),
            ("IVF_HNSW32,Flat", "\"IVF_HNSW32\"", "IVF4096"),
            ("IVF16(RCQ2x5),Flat", "\"RCQ2x5)\"", "\"IVF16\""),
            ("IVF16,SQ9", "\"SQ9\"", "SQ8"),
            ("IVF16,SQ8,Flat", "\"Flat\"", "the end"),
            ("IVF16,flat", "\"flat\"", "\"Flat\""),
            ("IVF16, Flat", "\" Flat\"", "\"Flat\""),
            ("IVF16,", "\"\"", "\"Flat\""),
            ("IVF16,PQ", "\"PQ\"", "\"PQ16\""),
            ("IVF16,PQ8_rows", "\"PQ8_rows\"", "SQ8"),
            ("IVF16,SQ8_rows_rows", "\"SQ8_rows_rows\"", "\"_rows\""),
            ("IVF16,Flat_rows", "\"Flat_rows\"", "\"Flat\""),
            ("IVF16,PQ4x", "\"PQ4x\"", "\"PQ16\""),
            ("IVF16,PQ+4", "\"PQ+4\"", "\"PQ16\""),
            ("IVF16,PQ4,RFlat", "\"RFlat\"", "the end"),
            ("IVF16", "\"IVF16\"", "\",Flat\""),
            ("IVF16,Flat,RFlat", "\"RFlat\"", "the end"),
        ] {
            let said = match lists_of(text) {
                Some(Err(error)) => error.to_string(),
                other => panic!("{text}: {other:?}"),
            };
            assert!(said.contains(token) && said.contains(expected), "{text}: {said}");
            assert!(said.contains(&format!("{text:?}")), "{said}");
        }
    }
}
