//! What the factory calls the codes of rows: `SQ8`, `SQfp16`, `PQ16`, `PQ16x4`.

use crate::quantize::SqType;

/// What rows become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::index) enum CodeName {
    Scalar(SqType),
    /// So many parts of so many bits.
    Product(usize, u32),
}

impl CodeName {
    /// The codes that a word of the factory's stands for.
    pub fn of(token: &str) -> Option<CodeName> {
        let scalar = token.parse().ok().map(CodeName::Scalar);
        scalar.or_else(|| product(token).map(|(parts, bits)| CodeName::Product(parts, bits)))
    }
}

/// The parts and bits of `PQ16`, `PQ16x4`; FAISS's words for how it scans or trains them, `PQ16x4fs` and `PQ16np`, change no code.
fn product(token: &str) -> Option<(usize, u32)> {
    let plain = token.strip_prefix("PQ")?;
    let plain = plain.strip_suffix("np").or(plain.strip_suffix("fs")).unwrap_or(plain);
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u32>().ok().filter(|_| digits)
    };
    let (parts, bits) = match plain.split_once('x') {
        Some((parts, bits)) => (number(parts)?, number(bits)?),
        None => (number(plain)?, 8),
    };
    Some((parts as usize, bits))
}
