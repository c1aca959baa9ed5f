//! What the tiles load is open: an operand that no engine has, against sums that the host knows.

use crate::device::Gpu;
use crate::dtype::DType;
use crate::exact::kernels;
use crate::exact::params::{Scan, ScanMatrix};
use crate::exact::rounded::f16::depth;
use crate::kernel::{
    Encoder, MatrixTile, Operand, RowMap, Shader, Tile, Variant, fold, matrix_tile, params, words,
};
use half::f16;

/// Rows stored negated, each with a factor: a group waits with the factor of its row.
const NEGATED: Shader = Shader {
    name: "negated",
    file: "test/negated.wgsl",
    text: "
@group(0) @binding({{ slot() }}) var<storage, read> rows: array<vec4<f32>>;
@group(0) @binding({{ slot() }}) var<storage, read> factors: array<f32>;
struct rows_Group { stored: vec4<f32>, factor: f32 }
fn rows_load(x: u32, k: u32) -> rows_Group { return rows_Group(rows[x * p.stride4 + k], factors[x]); }
fn rows_staged(g: rows_Group) -> vec4<{{ input }}> { return vec4<{{ input }}>(g.stored * g.factor * {{ sign }}); }
",
};

fn negated() -> Operand {
    let constants = vec![("sign", minijinja::Value::from(-1.0))];
    Operand { name: "negated", include: NEGATED, bindings: &["factors"], constants, padded: false }
}

const SENTINEL: f32 = -85_070_591_730_234_615_865_843_651_857_942_052_864.0;
const N: usize = 300;
const NQ: usize = 70;
const D: usize = 52;

/// Whole numbers, whose sums are exact in f32 and which are exact in f16.
struct Data {
    rows: Vec<f32>,
    factors: Vec<f32>,
    queries: Vec<f32>,
    bias: Vec<f32>,
}

impl Data {
    fn new() -> Data {
        let whole = |n: usize, step: usize| {
            (0..n).map(|i| ((i * step + i / 7) % 17) as f32 - 8.0).collect()
        };
        Data {
            rows: whole(N * D, 5),
            factors: (0..N).map(|i| 1.0 + (i % 3) as f32).collect(),
            queries: whole(NQ * D, 3),
            bias: whole(N, 11),
        }
    }

    /// The product of a query and what the operand makes of a row.
    fn product(&self, query: usize, row: usize) -> f32 {
        let pairs = self.queries[query * D..][..D].iter().zip(&self.rows[row * D..][..D]);
        -self.factors[row] * pairs.map(|(q, x)| q * x).sum::<f32>()
    }

    /// The best score of each bin of each query.
    fn best(&self) -> Vec<f32> {
        let score = |query, row| self.product(query, row) + self.bias[row];
        let bins = |query| {
            (0..N).step_by(64).map(move |bin| {
                let scores = (bin..(bin + 64).min(N)).map(|row| score(query, row));
                scores.fold(SENTINEL, f32::max)
            })
        };
        (0..NQ).flat_map(bins).collect()
    }
}

fn gpu() -> Option<Gpu> {
    let gpu = Gpu::test_builder().poison(true).setting("kernel.matrix.use", 1).build().ok();
    if gpu.is_none() {
        println!("skipped: no adapter (1)");
    }
    gpu
}

fn floats(landed: &crate::kernel::Landed) -> Vec<f32> {
    words(&landed.parts[0]).iter().map(|&bits| f32::from_bits(bits)).collect()
}

#[test]
fn a_register_tile_loads_what_the_operand_says() {
    let Some(gpu) = gpu() else { return };
    let (data, operand, tile) = (Data::new(), negated(), Tile::BASELINE);
    let mut encoder = Encoder::new(&gpu, "operand", false).unwrap();
    let mut up = |values: &[f32]| encoder.upload("side", bytemuck::cast_slice(values)).unwrap();
    let [rows, factors, queries, bias] =
        [&data.rows, &data.factors, &data.queries, &data.bias].map(|values| up(values));
    let bins = N.div_ceil(64) as u32;
    let out = gpu.scratch("bin best", u64::from(bins) * NQ as u64 * 4).unwrap();
    let params = Scan {
        nq: NQ as u32,
        n: N as u32,
        k4: D as u32 / 4,
        stride4: D as u32 / 4,
        q_stride4: D as u32 / 4,
        first_bin: 0,
        bin_stride: bins,
        tiles_y: (N as u32).div_ceil(tile.bn),
        words: 0,
        first_tile: 0,
        inverse: 1.0,
        dim: D as u32,
        limit: 0.0,
    };
    let mut buffers = operand.bind(&rows, &[&factors]);
    buffers.extend([("queries", &queries), ("bias", &bias), ("bin_best", &out)]);
    let variant = kernels::scan_tile(&operand, tile, false, false, RowMap::IDENTITY);
    assert!(variant.name().contains("negated"), "{}", variant.name());
    let groups = [(NQ as u32).div_ceil(tile.bm), params.tiles_y, 1];
    encoder.dispatch(&variant, &buffers, &params, groups).unwrap();
    let landed = encoder.submit(&[(&out, 0, out.size())]).unwrap().wait().unwrap();
    assert_eq!(floats(&landed)[..NQ * bins as usize], data.best());
}

/// The scores of the operand by a tile of the matrix units.
fn by_matrices(gpu: &Gpu, data: &Data, tile: MatrixTile) -> Vec<f32> {
    let (operand, k) = (negated(), depth(D) as usize);
    let mut encoder = Encoder::new(gpu, "operand", false).unwrap();
    let halves: Vec<f16> = (0..NQ.next_multiple_of(tile.bm() as usize) * k)
        .map(|i| {
            let inside = i / k < NQ && i % k < D;
            f16::from_f32(if inside { data.queries[i / k * D + i % k] } else { 0.0 })
        })
        .collect();
    let (queries, q_stride4) = match tile.input {
        DType::F16 => (bytemuck::cast_slice(&halves), k / 4),
        _ => (bytemuck::cast_slice(&data.queries), D / 4),
    };
    let mut bias = data.bias.clone();
    bias.resize(N.next_multiple_of(tile.bn() as usize), SENTINEL);
    let mut up = |bytes: &[u8]| encoder.upload("side", bytes).unwrap();
    let (rows, factors) =
        (up(bytemuck::cast_slice(&data.rows)), up(bytemuck::cast_slice(&data.factors)));
    let (queries, bias) = (up(queries), up(bytemuck::cast_slice(&bias)));
    let bins = N.div_ceil(64) as u32;
    let out = gpu.scratch("bin best", u64::from(bins) * NQ as u64 * 4).unwrap();
    // two tiles to a workgroup
    let groups = fold(gpu, (N as u64).div_ceil(u64::from(tile.bn()) * 2)).unwrap();
    let params = ScanMatrix {
        nq: NQ as u32,
        n: N as u32,
        k: k as u32,
        k4: D as u32 / 4,
        stride4: D as u32 / 4,
        q_stride4: q_stride4 as u32,
        first_bin: 0,
        bin_stride: bins,
        tiles_y: groups[0],
        first_tile: 0,
        inverse: 1.0,
        tiles: 2,
        words: 0,
    };
    let mut buffers = operand.bind(&rows, &[&factors]);
    buffers.extend([("queries", &queries), ("bias", &bias), ("bin_best", &out)]);
    let variant = kernels::scan_matrix(tile, &operand, false, 64, false, RowMap::IDENTITY);
    let groups = [(NQ as u32).div_ceil(tile.bm()), groups[0], groups[1]];
    encoder.dispatch(&variant, &buffers, &params, groups).unwrap();
    let landed = encoder.submit(&[(&out, 0, out.size())]).unwrap().wait().unwrap();
    floats(&landed)[..NQ * bins as usize].to_vec()
}

#[test]
fn a_tile_of_the_matrix_units_loads_what_the_operand_says() {
    let Some(gpu) = gpu() else { return };
    let data = Data::new();
    for input in [DType::F16, DType::F32] {
        let Some(tile) = matrix_tile(&gpu, input).unwrap() else {
            println!("skipped: no matrices of {input} (1)");
            continue;
        };
        for epilogue_bias in [false, true] {
            let tile = MatrixTile { epilogue_bias, ..tile };
            assert_eq!(by_matrices(&gpu, &data, tile), data.best(), "{tile:?}");
        }
        // on other subgroups than it was made for a tile leaves no bin out
        let other = MatrixTile { subgroup: tile.subgroup * 2, ..tile };
        assert!(by_matrices(&gpu, &data, other).iter().all(|&score| score == -SENTINEL));
    }
}

params! {
    struct Product {
        pub nq: u32,
        pub n: u32,
        pub k4: u32,
        pub stride4: u32,
    }
}

/// The smallest kernel that a register tile makes: which operand, which multiplication, which epilogue.
const PRODUCT: Shader = Shader {
    name: "product",
    file: "test/product.wgsl",
    text: r#"
{% import "lib/tile/register/shape.wgsl" as shape %}
{% import "lib/tile/register/multiply.wgsl" as tile %}
{% import "lib/tile/register/store.wgsl" as results %}
{% include operand %}
@group(0) @binding({{ slot() }}) var<storage, read> left: array<vec4<f32>>;
fn left_load(y: u32, k: u32) -> vec4<f32> { return left[y * p.stride4 + k]; }
fn left_staged(g: vec4<f32>) -> vec4<f32> { return g; }
@group(0) @binding({{ slot() }}) var<storage, read_write> out: array<f32>;
struct Params { nq: u32, n: u32, k4: u32, stride4: u32 }
var<immediate> p: Params;
var<workgroup> tile: array<vec4<f32>, {{ shape.slabs }}>;
{% macro write(y, x, value) %} out[{{ y }} * p.n + {{ x }}] = {{ value }}; {% endmacro %}
@compute @workgroup_size({{ shape.threads }})
fn main(@builtin(workgroup_id) wg: vec3<u32>, @builtin(local_invocation_index) t: u32) {
  let q0 = wg.x * {{ bm }}u;
  let x0 = wg.y * {{ bn }}u;
{{ tile.products("left", "rows", "") }}
{{ results.store(write) }}
}
"#,
};

#[test]
fn a_register_tile_stores_all_its_results() {
    let Some(gpu) = gpu() else { return };
    let (data, operand, tile) = (Data::new(), negated(), Tile::BASELINE);
    let mut encoder = Encoder::new(&gpu, "product", false).unwrap();
    let mut up = |values: &[f32]| encoder.upload("side", bytemuck::cast_slice(values)).unwrap();
    let [rows, factors, left] = [&data.rows, &data.factors, &data.queries].map(|values| up(values));
    let out = gpu.scratch("product", (NQ * N * 4) as u64).unwrap();
    let variant = Variant::new::<Product>(PRODUCT)
        .operand(&operand)
        .implied("input", "f32")
        .implied("unrolled", 2u32)
        .tile(tile);
    let (nq, n, k4) = (NQ as u32, N as u32, D as u32 / 4);
    let params = Product { nq, n, k4, stride4: k4 };
    let mut buffers = operand.bind(&rows, &[&factors]);
    buffers.extend([("left", &left), ("out", &out)]);
    let groups = [nq.div_ceil(tile.bm), n.div_ceil(tile.bn), 1];
    encoder.dispatch(&variant, &buffers, &params, groups).unwrap();
    let landed = encoder.submit(&[(&out, 0, (NQ * N * 4) as u64)]).unwrap().wait().unwrap();
    let products = floats(&landed);
    for query in 0..NQ {
        for row in 0..N {
            assert_eq!(products[query * N + row], data.product(query, row), "{query} {row}");
        }
    }
}
