//! What the factory calls the codes of rows: `SQ8`, `SQfp16`, `PQ16`, `PQ16x4`, `RaBitQ`, `RaBitQ4`; in lists also `SQ8_rows`.

use crate::quantize::SqType;

/// What rows become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::index) enum CodeName {
    Scalar(SqType),
    /// The same of what lists leave of rows.
    Residual(SqType),
    /// So many parts of so many bits.
    Product(usize, u32),
    /// So many bits an element.
    RaBitQ(u32),
}

/// Behind the word for a scalar code of lists: that it is of rows, or of what the lists leave of them.
const OF_ROWS: &str = "_rows";
const OF_RESIDUALS: &str = "_residual";

/// Whether a scalar code of lists is of what these leave of rows where nothing is said, as FAISS has it. Of whole numbers nothing whole is left.
const fn by_residual(kind: SqType) -> bool {
    !matches!(kind, SqType::Direct8 | SqType::Direct8Signed)
}

/// The word for a scalar code of lists.
pub(in crate::index) fn in_lists(kind: SqType, residual: bool) -> String {
    let said = if residual { OF_RESIDUALS } else { OF_ROWS };
    format!("{kind}{}", if residual == by_residual(kind) { "" } else { said })
}

impl CodeName {
    /// The codes of lists that a word of the factory's stands for.
    pub fn of_lists(token: &str) -> Option<CodeName> {
        let (word, said) = match (token.strip_suffix(OF_ROWS), token.strip_suffix(OF_RESIDUALS)) {
            (Some(word), _) => (word, Some(false)),
            (None, Some(word)) => (word, Some(true)),
            (None, None) => (token, None),
        };
        match (CodeName::of(word)?, said) {
            (CodeName::Scalar(kind), said) if said.unwrap_or(by_residual(kind)) => {
                Some(CodeName::Residual(kind))
            }
            (code @ CodeName::Scalar(_), _) | (code, None) => Some(code),
            _ => None,
        }
    }

    /// The type of a scalar code, and whether it is of what lists leave of rows.
    pub fn scalar(self) -> Option<(SqType, bool)> {
        match self {
            CodeName::Scalar(kind) => Some((kind, false)),
            CodeName::Residual(kind) => Some((kind, true)),
            CodeName::Product(..) | CodeName::RaBitQ(_) => None,
        }
    }

    /// The codes that a word of the factory's stands for.
    pub fn of(token: &str) -> Option<CodeName> {
        let scalar = token.parse().ok().map(CodeName::Scalar);
        let product = || product(token).map(|(parts, bits)| CodeName::Product(parts, bits));
        scalar.or_else(product).or_else(|| rabitq(token).map(CodeName::RaBitQ))
    }
}

/// The bits of `RaBitQ`, `RaBitQ4`.
fn rabitq(token: &str) -> Option<u32> {
    match token.strip_prefix("RaBitQ")?.as_bytes() {
        [] => Some(1),
        &[digit @ b'1'..=b'9'] => Some(u32::from(digit - b'0')),
        _ => None,
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
