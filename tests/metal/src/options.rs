//! What a run of kernels depends on.

use crate::watch::{Faults, Loss};
use std::env::VarError;
use std::num::ParseIntError;
use std::path::PathBuf;
use std::str::FromStr;

/// How kernels are compiled and run.
#[derive(Clone, Debug)]
pub struct Options {
    /// As Metal compiles by default: sums reassociated, products contracted, divisions by reciprocals, no NaN, infinity or
    /// signed zero honoured, subnormals flushed. Otherwise as written.
    pub fast_math: bool,
    /// Lanes of a SIMD group: 4, 8, 16, 32 or 64.
    pub lanes: u32,
    /// Decides the order in which threads and workgroups run, and which lane holds which element of a matrix.
    pub seed: u64,
    /// Whether two threads that touch one element of workgroup memory between two barriers are a fault.
    pub races: bool,
    /// The compiler: a clang++ that knows `_Float16`.
    pub clang: String,
    /// Where compiled kernels are kept.
    pub cache: PathBuf,
    /// The faults that kernels had.
    pub faults: Faults,
    /// Takes the GPU away.
    pub loss: Loss,
}

impl Options {
    /// Strict arithmetic on 32 lanes, with the first clang that is found and a cache in the folder of temporary files.
    ///
    /// # Errors
    /// There is no clang.
    pub fn new() -> Result<Options, String> {
        let clang = crate::clang()?;
        let cache = std::env::temp_dir().join("nearfield-metal");
        Ok(Options {
            fast_math: false,
            lanes: 32,
            seed: 0,
            races: false,
            clang,
            cache,
            faults: Faults::default(),
            loss: Loss::default(),
        })
    }

    /// As [`Options::new`], changed by the variables of the README; `None` where `NEARFIELD_TEST_METAL` is not set.
    ///
    /// # Errors
    /// A value that is none, or there is no clang.
    pub fn from_env() -> Result<Option<Options>, String> {
        let Some(mode) = value("NEARFIELD_TEST_METAL")? else { return Ok(None) };
        let mut options = Options::new()?;
        options.fast_math = match mode.as_str() {
            "strict" => false,
            "fast" => true,
            other => {
                return Err(format!(
                    "NEARFIELD_TEST_METAL is {other:?}, not \"strict\" or \"fast\""
                ));
            }
        };
        if let Some(lanes) = number("NEARFIELD_TEST_METAL_LANES")? {
            options.lanes = lanes;
        }
        if let Some(seed) = number("NEARFIELD_TEST_METAL_SEED")? {
            options.seed = seed;
        }
        if let Some(races) = value("NEARFIELD_TEST_METAL_RACES")? {
            options.races = match races.as_str() {
                "0" => false,
                "1" => true,
                other => {
                    return Err(format!("NEARFIELD_TEST_METAL_RACES is {other:?}, not 0 or 1"));
                }
            };
        }
        if let Some(cache) = std::env::var_os("NEARFIELD_TEST_METAL_CACHE")
            && !cache.is_empty()
        {
            options.cache = cache.into();
        }
        options.check()?;
        Ok(Some(options))
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        match self.lanes {
            4 | 8 | 16 | 32 | 64 => Ok(()),
            lanes => Err(format!("{lanes} lanes: a SIMD group has 4, 8, 16, 32 or 64")),
        }
    }
}

/// A variable; one that is empty is not set.
pub(crate) fn value(name: &str) -> Result<Option<String>, String> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(value)) => Err(format!("{name} is {value:?}, not a text")),
    }
}

fn number<T: FromStr<Err = ParseIntError>>(name: &str) -> Result<Option<T>, String> {
    let parse = |text: String| text.parse().map_err(|e| format!("{name} is {text:?}: {e}"));
    value(name)?.map(parse).transpose()
}
