//! What the factory calls an index whose candidates are compared again: `IVF1024,PQ16,RFlat`, `IVF1024,PQ16,Refine(Flat)`.

use crate::error::{Error, Result};

/// What a description says of both stages: the first, and the index by whose rows candidates are compared; none where there is but one stage. As in
/// FAISS the second is outermost: it has the rows before any transform.
pub(in crate::index) fn refined_by(description: &str) -> Result<Option<(&str, &str)>> {
    let refused = |reason: String| {
        Err(Error::unsupported("index_factory", format!("{description:?}: {reason}")))
    };
    let (base, token, refine) = if let Some((base, token)) = last(description)
        && token == "RFlat"
    {
        (base, token, "Flat")
    } else if let Some((base, token)) = refine(description) {
        let within = token.strip_prefix("Refine(").and_then(|rest| rest.strip_suffix(')'));
        match within {
            Some(within) => (base, token, within),
            None => return refused(format!("{token:?} where \"Refine(Flat)\" is expected")),
        }
    } else {
        return Ok(None);
    };
    if base.is_empty() {
        return refused(format!(
            "a first stage is expected before {token:?}, as IVF1024,PQ16,{token}"
        ));
    }
    if refine.is_empty() {
        return refused(format!("{token:?} where \"Refine(Flat)\" is expected"));
    }
    Ok(Some((base, refine)))
}

/// The last word and what stands before it, which may be nothing.
fn last(description: &str) -> Option<(&str, &str)> {
    Some(description.rsplit_once(',').unwrap_or(("", description)))
}

/// A last word that begins with `Refine`, which may hold a description with commas of its own, and what stands before it.
fn refine(description: &str) -> Option<(&str, &str)> {
    let whole = description.starts_with("Refine").then_some(("", description));
    let behind =
        description.rfind(",Refine").map(|at| (&description[..at], &description[at + 1..]));
    behind.or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_stage_is_the_outermost() {
        for (text, stages) in [
            ("Flat", None),
            ("IVF64,Flat", None),
            ("IVF64,Flat,RFlat", Some(("IVF64,Flat", "Flat"))),
            ("PCA32,IVF64,Flat,RFlat", Some(("PCA32,IVF64,Flat", "Flat"))),
            ("OPQ16_64,IVF1024,PQ16,RFlat", Some(("OPQ16_64,IVF1024,PQ16", "Flat"))),
            ("IVF64,PQ16,Refine(Flat)", Some(("IVF64,PQ16", "Flat"))),
            ("IVF64,PQ16,Refine(SQ8)", Some(("IVF64,PQ16", "SQ8"))),
            ("IVF64,PQ16,Refine(OPQ4,Flat)", Some(("IVF64,PQ16", "OPQ4,Flat"))),
            ("IVF64,PQ16,RFlat,RFlat", Some(("IVF64,PQ16,RFlat", "Flat"))),
            ("IVF64,PQ16,Refine(SQ8),RFlat", Some(("IVF64,PQ16,Refine(SQ8)", "Flat"))),
        ] {
            assert_eq!(refined_by(text).unwrap(), stages, "{text}");
        }
    }

    #[test]
    fn errors_name_the_word_and_what_is_expected() {
        for (text, parts) in [
            ("RFlat", &["\"RFlat\"", "first stage", "IVF1024,PQ16,RFlat"][..]),
            (",RFlat", &["first stage"]),
            ("Refine(Flat)", &["first stage", "IVF1024,PQ16,Refine(Flat)"]),
            ("IVF64,PQ16,Refine()", &["\"Refine()\"", "Refine(Flat)"]),
            ("IVF64,PQ16,Refine", &["\"Refine\"", "Refine(Flat)"]),
            ("IVF64,PQ16,Refine(Flat", &["\"Refine(Flat\"", "Refine(Flat)"]),
            ("IVF64,PQ16,RefineFlat", &["\"RefineFlat\"", "Refine(Flat)"]),
        ] {
            let said = refined_by(text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| said.contains(part)), "{text}: {said}");
            assert!(said.contains(&format!("{text:?}")), "{said}");
        }
    }
}
