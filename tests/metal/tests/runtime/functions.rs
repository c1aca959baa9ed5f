//! Functions of the header, through WGSL, against what they mean.

use crate::common::{Gpu, open, options};
use nearfield_metal::Options;

/// An expression of `a[t]`, and what it is.
type Case<T> = (&'static str, fn(T) -> T);

/// Runs `b[t] = EXPRESSION` on `a`, one thread for each element, and adds `enable` lines ahead.
fn map(gpu: &Gpu, element: &str, enable: &str, expression: &str, a: &[u32]) -> Vec<u32> {
    let wgsl = format!(
        "{enable}
@group(0) @binding(0) var<storage, read> a: array<{element}>;
@group(0) @binding(1) var<storage, read_write> b: array<{element}>;
@compute @workgroup_size(32)
fn main(@builtin(local_invocation_index) t: u32, @builtin(subgroup_size) size: u32) {{
    b[t] = {expression};
}}"
    );
    gpu.run_group(&wgsl, a).unwrap()
}

fn numbers() -> Vec<u32> {
    (0..32_u32).map(|i| i.wrapping_mul(0x9e37_79b9) >> (i % 7)).collect()
}

#[test]
fn integers() {
    let Some(gpu) = options().map(open) else { return };
    let a = numbers();
    let cases: [Case<u32>; 9] = [
        ("countOneBits(a[t])", u32::count_ones),
        ("countLeadingZeros(a[t])", u32::leading_zeros),
        ("countTrailingZeros(a[t])", u32::trailing_zeros),
        ("reverseBits(a[t])", u32::reverse_bits),
        ("extractBits(a[t], 3u, 9u)", |x| x >> 3 & 0x1ff),
        ("insertBits(a[t], 5u, 3u, 9u)", |x| x & !(0x1ff << 3) | 5 << 3),
        ("select(7u, a[t], a[t] > 1000u)", |x| if x > 1000 { x } else { 7 }),
        ("clamp(a[t], 100u, 5000u)", |x| x.clamp(100, 5000)),
        ("a[t] / 7u + a[t] % 5u", |x| x / 7 + x % 5),
    ];
    for (expression, expected) in cases {
        let expected: Vec<u32> = a.iter().map(|x| expected(*x)).collect();
        assert_eq!(map(&gpu, "u32", "", expression, &a), expected, "{expression}");
    }
}

#[test]
fn floats() {
    let Some(gpu) = options().map(open) else { return };
    let a: Vec<f32> = numbers().iter().map(|x| (*x as f32 - 3e8) / 7e6).collect();
    let bits: Vec<u32> = a.iter().map(|x| x.to_bits()).collect();
    let cases: [Case<f32>; 10] = [
        ("fma(a[t], 1.1f, 0.3f)", |x| x.mul_add(1.1, 0.3)),
        ("a[t] * 1.1f + 0.3f", |x| x * 1.1 + 0.3),
        ("round(a[t])", f32::round_ties_even),
        ("abs(a[t])", f32::abs),
        ("sqrt(abs(a[t]))", |x| x.abs().sqrt()),
        ("floor(a[t])", f32::floor),
        ("max(a[t], 2.0f)", |x| x.max(2.0)),
        ("min(a[t], 2.0f)", |x| x.min(2.0)),
        ("a[t] / 3.0f", |x| x / 3.0),
        ("dot(vec4<f32>(a[t], 1.0f, 2.0f, 3.0f), vec4<f32>(1.0f, 2.0f, 0.0f, 0.0f))", |x| x + 2.0),
    ];
    for (expression, expected) in cases {
        let expected: Vec<u32> = a.iter().map(|x| expected(*x).to_bits()).collect();
        assert_eq!(map(&gpu, "f32", "", expression, &bits), expected, "{expression}");
    }
}

/// Each operation on halves is rounded.
#[test]
fn halves() {
    let Some(gpu) = options().map(open) else { return };
    let a: Vec<u32> = (0..32_u32).map(|i| (1.0 + i as f32 / 1024.0).to_bits()).collect();
    let expected: Vec<u32> = (0..32_u32)
        .map(|i| {
            // In f16, 1 + i / 1024 is exact, its product with 1.0009766 is rounded to 11 bits, and so is the sum.
            let rounded = |x: f64| ((x * 1024.0).round_ties_even() / 1024.0) as f32;
            let product = rounded((1.0 + f64::from(i) / 1024.0) * (1.0 + 1.0 / 1024.0));
            let below = |x: f64| ((x * 2048.0).round_ties_even() / 2048.0) as f32;
            below(f64::from(product) - 0.75).to_bits()
        })
        .collect();
    let expression = "f32(f16(a[t]) * f16(1.0009765625) - f16(0.75))";
    assert_eq!(map(&gpu, "f32", "enable f16;", expression, &a), expected);
}

#[test]
fn lanes() {
    let Some(options) = options() else { return };
    let a: Vec<u32> = numbers().iter().map(|x| x & 0xffff).collect();
    for lanes in [4_usize, 8, 16, 32] {
        let gpu = open(Options { lanes: lanes as u32, seed: lanes as u64, ..options.clone() });
        let group = |t: usize| &a[t / lanes * lanes..][..lanes];
        let cases: [(&str, &dyn Fn(usize) -> u32); 9] = [
            ("size + (a[t] & 0u)", &|_| lanes as u32),
            ("subgroupAdd(a[t])", &|t| group(t).iter().sum()),
            ("subgroupMax(a[t])", &|t| *group(t).iter().max().unwrap()),
            ("subgroupMin(a[t])", &|t| *group(t).iter().min().unwrap()),
            ("subgroupExclusiveAdd(a[t])", &|t| group(t)[..t % lanes].iter().sum()),
            ("subgroupShuffleXor(a[t], 2u)", &|t| a[t ^ 2]),
            ("subgroupBroadcastFirst(a[t])", &|t| group(t)[0]),
            ("subgroupShuffle(a[t], 3u)", &|t| group(t)[3]),
            ("subgroupBallot(a[t] > 20000u).x", &|t| {
                group(t).iter().enumerate().map(|(lane, x)| u32::from(*x > 20000) << lane).sum()
            }),
        ];
        for (expression, expected) in cases {
            let expected: Vec<u32> = (0..32).map(expected).collect();
            assert_eq!(
                map(&gpu, "u32", "", expression, &a),
                expected,
                "{lanes} lanes: {expression}"
            );
        }
    }
}

/// A matrix of halves, and one that is stored transposed.
#[test]
fn matrices_of_halves() {
    let Some(options) = options() else { return };
    let wgsl = "enable wgpu_cooperative_matrix; enable f16;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
var<workgroup> halves: array<f16, 64>;
@compute @workgroup_size(32) fn main(@builtin(local_invocation_index) t: u32) {
    for (var i = t; i < 64u; i += 32u) { halves[i] = f16(a[i]); }
    workgroupBarrier();
    let m = coopLoadT<coop_mat8x8<f16, A>>(&halves[0], 8u);
    let n = coopLoad<coop_mat8x8<f16, B>>(&halves[0], 8u);
    let c = coopMultiplyAdd(m, n, coop_mat8x8<f32, C>());
    coopStore(c, &b[0], 8u);
}";
    let input: Vec<f32> = (0..64).map(|i| (i % 11) as f32).collect();
    // A matrix and its transpose: the product is symmetric but for the order in which it is stored.
    let row = |i: usize, k: usize| input[i * 8 + k];
    let expected: Vec<f32> =
        (0..64).map(|e| (0..8).map(|k| row(e % 8, k) * row(e / 8, k)).sum()).collect();
    for seed in 0..3 {
        let gpu = open(Options { seed, races: true, ..options.clone() });
        assert_eq!(gpu.run_group(wgsl, &input).as_ref(), Ok(&expected));
    }
}

/// A vector of three has a place of its own size in a struct, and one of four in an array.
#[test]
fn vectors_of_three_in_structs() {
    let Some(gpu) = options().map(open) else { return };
    let wgsl = "
struct Pair { v: vec3<f32>, w: f32, u: vec3<u32> }
@group(0) @binding(0) var<storage, read> a: array<Pair>;
@group(0) @binding(1) var<storage, read_write> b: array<Pair>;
var<workgroup> pairs: array<Pair, 2>;
@compute @workgroup_size(2) fn main(@builtin(local_invocation_index) t: u32) {
    pairs[t] = a[t];
    pairs[t].v.y += 1.0;
    pairs[t].u = pairs[t].u.zyx;
    workgroupBarrier();
    b[t] = pairs[1u - t];
}";
    let floats = |x: [f32; 4]| x.map(f32::to_bits);
    let pair = |v: [f32; 4], u: [u32; 3]| [&floats(v)[..], &u, &[0]].concat();
    let input = [pair([1.0, 2.0, 3.0, 4.0], [5, 6, 7]), pair([8.0, 9.0, 0.5, 11.0], [1, 2, 3])];
    let expected = [pair([8.0, 10.0, 0.5, 11.0], [3, 2, 1]), pair([1.0, 3.0, 3.0, 4.0], [7, 6, 5])];
    let output = gpu.run_group(wgsl, &input.concat()).unwrap();
    // What lies between the members is nobody's.
    let mut expected = expected.concat();
    (expected[7], expected[15]) = (output[7], output[15]);
    assert_eq!(output, expected);
}
