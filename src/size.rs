//! Sizes in bytes, as people write them.

use crate::error::{Error, Result};

/// The units, with how many bytes each is. K, M, G and T alone are those of memory.
const UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1000 * 1000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1000 * 1000 * 1000),
    ("t", 1 << 40),
    ("tib", 1 << 40),
    ("tb", 1000 * 1000 * 1000 * 1000),
];

/// Digits behind the point, more than which nobody needs to name a byte.
const MAX_FRACTION: usize = 18;

/// Reads a number of bytes: `123456`, `512M`, `1.5G`, `8GiB`, `8 GB`. The program, and the variables of the environment that are
/// sizes, read theirs with it.
///
/// K, M, G and T are 2^10, 2^20, 2^30 and 2^40 bytes, with `iB` behind them or nothing; with `B` alone they are powers of 1000. So
/// `8G` and `8GiB` are 8,589,934,592 bytes and `8GB` 8,000,000,000. Small letters will do, and a blank before the unit. Parts of a byte
/// are dropped.
///
/// # Errors
/// `InvalidArgument` for anything else, for less than one byte, and for 2^64 of them or more.
///
/// # Example
/// ```
/// use nearfield::parse_bytes;
/// assert_eq!(parse_bytes("1.5G")?, 3 << 29);
/// assert_eq!((parse_bytes("8GiB")?, parse_bytes("8 GB")?), (8 << 30, 8_000_000_000));
/// assert!(parse_bytes("-1").is_err() && parse_bytes("inf").is_err());
/// # Ok::<(), nearfield::Error>(())
/// ```
pub fn parse_bytes(text: &str) -> Result<u64> {
    read(text).ok_or_else(|| {
        Error::argument(
            "bytes",
            format!("{text:?} is no number of bytes such as 123456, 512M, 1.5G, 8GiB or 8GB"),
        )
    })
}

fn read(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit.trim_start())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    if whole.is_empty() || fraction.is_empty() || fraction.len() > MAX_FRACTION {
        return None;
    }
    // A second point is no digit. None of these products reaches 2^128: 2^64 x 2^40, and 10^18 x 2^40.
    let part = u128::from(fraction.parse::<u64>().ok()?) * u128::from(*unit);
    let part = part / 10u128.pow(fraction.len() as u32);
    let bytes = u128::from(whole.parse::<u64>().ok()?) * u128::from(*unit) + part;
    u64::try_from(bytes).ok().filter(|&bytes| bytes > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("123", 123),
            ("1b", 1),
            ("2k", 2048),
            ("2KiB", 2048),
            ("2KB", 2000),
            ("512M", 512 << 20),
            ("1.5G", 3 << 29),
            ("8 GiB", 8 << 30),
            (" 8GB ", 8_000_000_000),
            ("0.5t", 1 << 39),
            ("1TB", 1_000_000_000_000),
            ("1.9999", 1),
            ("16777215.999999999999999999T", u64::MAX),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(parse_bytes(text).ok(), Some(bytes), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for bad in [
            "",
            " ",
            "0",
            "0.0G",
            "-0",
            "-1",
            "+1",
            "G",
            ".5G",
            "5.G",
            "1.2.3",
            "1,5G",
            "inf",
            "nan",
            "1e3",
            "1e39",
            "8é",
            "8Gi",
            "8GBB",
            "8 G B",
            "0x10",
            "0.9",
            "16777216T",
            "99999999999999999999",
            "1.0000000000000000000",
        ] {
            let error = parse_bytes(bad).unwrap_err();
            assert!(matches!(error, Error::InvalidArgument { .. }), "{bad}");
        }
    }
}
