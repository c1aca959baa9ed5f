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

profiles![
    "amd-cdna",
    "amd-rdna2",
    "amd-rdna3",
    "amd-rdna4",
    "apple-m1",
    "apple-m2",
    "apple-m3",
    "apple-m4",
    "apple-m5",
    "intel-xe",
    "lavapipe",
    "nvidia-ada",
    "nvidia-ampere",
    "nvidia-blackwell",
    "nvidia-hopper",
    "swiftshader",
];
