//! What a profile's values may be. Kernels are written for these and would answer wrongly, or not at all, with others; how
//! the sizes of one tile fit together is its kernel's to say.

use toml::Value;

enum Bound {
    /// Whole numbers, from the first to the last.
    Whole(u32, u32),
    /// Powers of two, from the first to the last.
    PowerOfTwo(u32, u32),
    /// A number from 0 to 1.
    Share,
    /// One of these words.
    Word(&'static [&'static str]),
}

use Bound::{PowerOfTwo, Share, Whole, Word};

const SWITCH: Bound = Whole(0, 1);
const COUNT: Bound = Whole(0, u32::MAX);
const POSITIVE: Bound = Whole(1, u32::MAX);

/// (section, key, bound) of every key of the baseline.
const BOUNDS: &[(&str, &str, Bound)] = &[
    ("codes", "max_list_queries", COUNT),
    ("codes", "max_row_queries", COUNT),
    ("codes", "max_table_queries", COUNT),
    ("codes", "table_rows", COUNT),
    ("graph", "exact_rows", COUNT),
    ("graph", "few_queries", COUNT),
    ("graph", "few_threads", PowerOfTwo(64, 1024)),
    ("graph", "threads", PowerOfTwo(64, 256)),
    ("lists", "flat_share", Share),
    ("lists", "groups", POSITIVE),
    ("lists", "max_row_queries", COUNT),
    ("lists", "row_groups", POSITIVE),
    ("lists", "row_lanes", POSITIVE),
    ("matrix", "accumulation", POSITIVE),
    ("matrix", "bias", Word(&["accumulator", "epilogue"])),
    ("matrix", "bk", POSITIVE),
    ("matrix", "f16_copy", SWITCH),
    ("matrix", "gflops", POSITIVE),
    ("matrix", "groups", POSITIVE),
    ("matrix", "input", Word(&["f16", "f32"])),
    ("matrix", "max_k_bin64", COUNT),
    ("matrix", "max_row_queries", COUNT),
    ("matrix", "pad", COUNT),
    ("matrix", "sgm", POSITIVE),
    ("matrix", "sgn", PowerOfTwo(1, 4)),
    ("matrix", "sm", POSITIVE),
    ("matrix", "tiles", POSITIVE),
    ("matrix", "use", SWITCH),
    ("scan", "bk", POSITIVE),
    ("scan", "bm", POSITIVE),
    ("scan", "bn", POSITIVE),
    ("scan", "carry_save", SWITCH),
    ("scan", "int8_copy", SWITCH),
    ("scan", "max_row_queries", COUNT),
    ("scan", "min_rows", COUNT),
    ("scan", "rescore_groups", POSITIVE),
    ("scan", "tm", POSITIVE),
    ("scan", "tn", POSITIVE),
    ("select", "min_grouped_bins", COUNT),
    ("select", "threads", PowerOfTwo(64, 1024)),
    // `ranks` of them hold a maximum each, for at most 256 neighbours
    ("select", "threads_few_queries", PowerOfTwo(256, 1024)),
    ("submit", "gflops", POSITIVE),
    ("submit", "max_ms", POSITIVE),
    ("submit", "parts", POSITIVE),
    ("submit", "spin_us", COUNT),
];

/// What the key's value had to be, where this is none.
pub(super) fn wanted(section: &str, key: &str, value: &Value) -> Option<String> {
    let (_, _, bound) = BOUNDS.iter().find(|(s, k, _)| (*s, *k) == (section, key))?;
    let whole = value.as_integer().and_then(|n| u32::try_from(n).ok());
    let within = |least: u32, most: u32| whole.is_some_and(|n| (least..=most).contains(&n));
    match *bound {
        Whole(0, 1) => (!within(0, 1)).then(|| "0 or 1".to_owned()),
        Whole(least, most) => {
            (!within(least, most)).then(|| format!("a whole number from {least} to {most}"))
        }
        PowerOfTwo(least, most) => {
            let fits = within(least, most) && whole.is_some_and(u32::is_power_of_two);
            (!fits).then(|| format!("a power of two from {least} to {most}"))
        }
        Share => {
            let fits = value.as_float().is_some_and(|share| (0.0..=1.0).contains(&share));
            (!fits).then(|| "a number from 0 to 1".to_owned())
        }
        Word(words) => {
            let fits = value.as_str().is_some_and(|word| words.contains(&word));
            (!fits).then(|| format!("one of {}", words.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Profile;

    #[test]
    fn every_key_has_a_bound_and_every_bound_a_key() {
        let baseline = Profile::baseline().unwrap();
        assert_eq!(
            baseline.keys().collect::<Vec<_>>(),
            BOUNDS.iter().map(|&(s, k, _)| (s, k)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn values_out_of_bounds_are_refused() {
        let baseline = Profile::baseline().unwrap();
        for (section, key, value, reason) in [
            ("select", "threads", "96", "a power of two from 64 to 1024"),
            ("select", "threads", "2048", "a power of two from 64 to 1024"),
            ("select", "threads_few_queries", "128", "a power of two from 256 to 1024"),
            ("submit", "parts", "0", "a whole number from 1"),
            ("submit", "gflops", "0", "a whole number from 1"),
            ("matrix", "tiles", "-1", "a whole number from 1"),
            ("matrix", "use", "2", "0 or 1"),
            ("matrix", "bias", "later", "one of accumulator, epilogue"),
            ("lists", "flat_share", "1.5", "a number from 0 to 1"),
            ("lists", "flat_share", "nan", "a number from 0 to 1"),
        ] {
            let error = baseline.with(&format!("{section}.{key}"), value).unwrap_err().to_string();
            assert!(error.contains(reason), "{section}.{key} = {value}: {error}");
        }
        for (section, key, value) in
            [("select", "threads", "64"), ("submit", "parts", "1"), ("scan", "min_rows", "0")]
        {
            assert!(
                baseline.with(&format!("{section}.{key}"), value).is_ok(),
                "{section}.{key} = {value}"
            );
        }
    }
}
