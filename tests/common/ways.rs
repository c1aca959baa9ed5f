//! The ways a search can go, as settings of the device profile.

use super::device::shared;
use nearfield::{DType, Gpu, GpuBuilder};

/// Section, key and value of a device profile.
pub type Setting = (&'static str, &'static str, &'static str);

pub struct Way {
    pub name: &'static str,
    pub settings: &'static [Setting],
    /// What matrices it needs, if any.
    matrices_of: Option<DType>,
}

impl Way {
    const fn new(name: &'static str, settings: &'static [Setting]) -> Way {
        Way { name, settings, matrices_of: None }
    }

    const fn matrices(name: &'static str, of: DType, settings: &'static [Setting]) -> Way {
        Way { name, settings, matrices_of: Some(of) }
    }

    /// A builder with small scans allowed.
    pub fn builder(&self) -> GpuBuilder {
        let plain = Gpu::builder().poison(true).setting("kernel.scan.min_rows", "0");
        self.settings
            .iter()
            .fold(plain, |b, (section, key, value)| b.setting(format!("{section}.{key}"), value))
    }

    /// The program's device for this way, or why the adapter does not go it.
    pub fn open(&self) -> Result<Gpu, String> {
        let gpu = shared(self.name, || self.builder())?;
        match self.matrices_of {
            Some(input) if gpu.caps().matrix_edge(input).is_none() => {
                Err(format!("the adapter has no matrices of {input}"))
            }
            _ => Ok(gpu),
        }
    }
}

/// The rows one by one.
pub const ROWS: Way = Way::new(
    "rows",
    &[("scan", "max_row_queries", "1000"), ("matrix", "f16_copy", "0"), ("matrix", "use", "0")],
);
/// Register tiles in f32.
pub const TILES: Way = Way::new(
    "tiles",
    &[
        ("scan", "max_row_queries", "0"),
        ("select", "min_grouped_bins", "0"),
        ("matrix", "f16_copy", "0"),
        ("matrix", "use", "0"),
    ],
);
/// The f16 copy of the rows one by one.
pub const COPY: Way = Way::new(
    "copy",
    &[
        ("scan", "max_row_queries", "1000"),
        ("matrix", "max_row_queries", "1000"),
        ("matrix", "f16_copy", "1"),
        ("matrix", "use", "1"),
    ],
);
/// The 8-bit copy of the rows one by one, then, where that does not decide, the rows.
pub const BYTES: Way = Way::new(
    "bytes",
    &[
        ("scan", "max_row_queries", "1000"),
        ("scan", "int8_copy", "1"),
        ("matrix", "max_row_queries", "1000"),
        ("matrix", "f16_copy", "0"),
    ],
);
/// Matrices of f16, from the copy and from rows that are no wider.
pub const MATRIX: Way = Way::matrices(
    "matrix",
    DType::F16,
    &[
        ("scan", "max_row_queries", "0"),
        ("matrix", "f16_copy", "1"),
        ("matrix", "use", "1"),
        ("matrix", "input", "f16"),
    ],
);
/// Matrices of f32, from the rows.
pub const MATRIX_F32: Way = Way::matrices(
    "matrix of f32",
    DType::F32,
    &[
        ("scan", "max_row_queries", "0"),
        ("matrix", "f16_copy", "0"),
        ("matrix", "use", "1"),
        ("matrix", "input", "f32"),
    ],
);
/// Matrices of f32, where there is a copy in f16: of the logarithms of rows, which are there in no other form.
pub const MATRIX_F32_COPY: Way = Way::matrices(
    "matrix of f32, with a copy",
    DType::F32,
    &[
        ("scan", "max_row_queries", "0"),
        ("matrix", "f16_copy", "1"),
        ("matrix", "use", "1"),
        ("matrix", "input", "f32"),
    ],
);
/// The same kernels in other shapes.
pub const MATRIX_BIAS: Way = Way::matrices(
    "matrix, bias in the accumulator",
    DType::F16,
    &[
        ("scan", "max_row_queries", "0"),
        ("matrix", "f16_copy", "1"),
        ("matrix", "use", "1"),
        ("matrix", "bias", "accumulator"),
    ],
);
pub const MATRIX_FINE: Way = Way::matrices(
    "matrix, bins of 16 rows, 3 tiles a workgroup",
    DType::F16,
    &[
        ("scan", "max_row_queries", "0"),
        ("matrix", "f16_copy", "1"),
        ("matrix", "use", "1"),
        ("matrix", "max_k_bin64", "0"),
        ("matrix", "groups", "1"),
        ("matrix", "tiles", "3"),
    ],
);

/// Those of `ways` that the adapter can go; the others are counted as skipped, `count` each.
pub fn open(ways: &'static [Way], count: usize) -> Vec<(&'static Way, Gpu)> {
    let open = |way: &'static Way| match way.open() {
        Ok(gpu) => Some((way, gpu)),
        Err(e) => {
            println!("skipped: {}: {e} ({count})", way.name);
            None
        }
    };
    ways.iter().filter_map(open).collect()
}
