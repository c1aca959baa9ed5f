//! The device profiles that are built in: add a file to device-profiles/ and its name here.

macro_rules! profiles {
    ($($name:literal),* $(,)?) => {
        /// (name, text) of every file of device-profiles/ but the baseline.
        pub(super) const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../device-profiles/", $name, ".toml")))),*];
    };
}

/// Every key with its default.
pub(super) const BASELINE: &str = include_str!("../../device-profiles/baseline.toml");

profiles![];
