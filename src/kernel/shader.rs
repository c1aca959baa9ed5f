//! A shader with an entry point, or a part of one, as the engine that owns it declares it.

/// A file below `shaders/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shader {
    /// What its variants' names begin with.
    pub name: &'static str,
    /// The path below `shaders/`, by which other shaders include it.
    pub file: &'static str,
    pub text: &'static str,
}

/// `shader!("exact", "rescore")` is `shaders/exact/rescore.wgsl`.
macro_rules! shader {
    ($folder:literal, $name:literal) => {
        $crate::kernel::Shader {
            name: $name,
            file: concat!($folder, "/", $name, ".wgsl"),
            text: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/shaders/",
                $folder,
                "/",
                $name,
                ".wgsl"
            )),
        }
    };
}
pub(crate) use shader;
