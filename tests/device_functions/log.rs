//! Logarithm, exponential and power against f64, in units in the last place.

use crate::harness::{Job, run};
use minijinja::context;

pub const KERNEL: &str = r#"
{% include library("log") %}
@group(0) @binding(0) var<storage, read> arguments: array<vec2<f32>>;
@group(0) @binding(1) var<storage, read_write> values: array<f32>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&arguments)) { return; }
  let a = arguments[id.x];
//% if function == "ln"
  values[id.x] = ln(a.x);
//% elif function == "ln_ratio"
  values[id.x] = ln_ratio(a.x, a.y);
//% elif function == "exp2_of"
  values[id.x] = exp2_of(a.x);
//% else
  values[id.x] = power(a.x, {{ exponent }}, a.y);
//% endif
}
"#;

/// Distances from the exact value that are allowed. Software drivers, which round each operation, come to 0.9 and 2.9;
/// what GPUs may do differently (division 2.5 units off in WGSL, products and sums in one) is within the rest.
const LN_ULPS: f64 = 3.0;
const EXP2_ULPS: f64 = 4.0;
/// Of `power`: a rounding of y = p log2(z) is worth |y| ln 2 of them, and there are a few.
fn power_ulps(y: f64) -> f64 {
    3.0 + 3.0 * y.abs()
}

fn ulp(value: f64) -> f64 {
    let exponent = value.abs().max(f64::from(f32::MIN_POSITIVE)).log2().floor();
    (exponent - 23.0).exp2()
}

/// Calls the function with each pair of arguments and holds it against `exact`: the value, and the ulps it may be off.
fn check(function: &str, arguments: &[[f32; 2]], exact: impl Fn(f64, f64) -> (f64, f64)) {
    check_scaled(function, 0, arguments, exact);
}

/// The same of a function of 2^`exponent` times its first argument.
fn check_scaled(
    function: &str,
    exponent: i32,
    arguments: &[[f32; 2]],
    exact: impl Fn(f64, f64) -> (f64, f64),
) {
    let job = Job {
        text: KERNEL,
        constants: context! { function, exponent },
        inputs: &[bytemuck::cast_slice(arguments)],
        output: arguments.len(),
        workgroups: arguments.len().div_ceil(256) as u32,
    };
    for (how, values) in run(&job) {
        let (mut most, mut at) = (0.0, [0.0; 2]);
        for (&[a, b], got) in arguments.iter().zip(values) {
            let (value, allowed) = exact(a.into(), b.into());
            let got = f32::from_bits(got);
            let off = (f64::from(got) - value).abs() / ulp(value);
            assert!(
                off <= allowed,
                "{how}: {function} of {a:e}, {b:e}: {got:e}, exactly {value:e}, {off} ulp"
            );
            if off / allowed > most {
                (most, at) = (off / allowed, [a, b]);
            }
        }
        println!("{function}, {how}: at most {most:.2} of what is allowed, at {at:?}");
    }
}

/// Positive normal numbers at a stride, the ends of every exponent, and all near 1 and near the root of 1/2, where the
/// exponent that is split off changes.
fn positives() -> impl Iterator<Item = f32> {
    let strided = (0x0080_0000..0x7f80_0000u32).step_by(10_007);
    let edges = (1..255u32).flat_map(|e| [e << 23, e << 23 | 1, e << 23 | 0x7f_ffff]);
    let near = |x: f32| x.to_bits() - 4096..=x.to_bits() + 4096;
    let dense = near(1.0).chain(near(0.5f32.sqrt())).chain(near(2f32.sqrt()));
    strided.chain(edges).chain(dense).map(f32::from_bits)
}

#[test]
fn ln_is_within_its_ulps() {
    let arguments: Vec<[f32; 2]> = positives().map(|x| [x, 0.0]).collect();
    check("ln", &arguments, |x, _| (x.ln(), LN_ULPS));
}

/// Of numbers whose quotient f32 does not hold, subnormal ones among them, and of neighbours, whose logarithm is small.
#[test]
fn ln_of_a_quotient_is_within_its_ulps() {
    let spread = |step: usize| (1..0x7f80_0000u32).step_by(step).map(f32::from_bits);
    let mut arguments: Vec<[f32; 2]> =
        spread(9_000_011).flat_map(|a| spread(7_000_003).map(move |b| [a, b])).collect();
    let near = |x: f32| (1..40).map(move |i| [x, f32::from_bits(x.to_bits() + i)]);
    for x in [1e-45, 1e-39, 1.1e-38, 0.999_999_9, 1.0, 1.999_999_9, 3.1e38] {
        arguments.extend(near(x).flat_map(|[a, b]| [[a, b], [b, a]]));
    }
    // a quotient may be 2.5 units off: that of itself, near 1, and as much of the logarithm far from it
    let absolute = |ln: f64| 2.5 * 2f64.powi(-23) / ulp(ln);
    check("ln_ratio", &arguments, |a, b| ((a / b).ln(), LN_ULPS + absolute((a / b).ln())));
}

/// Drivers differ in what they take a subnormal for, so that it counts as the smallest normal number everywhere.
#[test]
fn ln_of_a_subnormal_is_that_of_the_smallest_normal_number() {
    let subnormals = (0..0x0080_0000u32).step_by(4093).map(f32::from_bits);
    let arguments: Vec<[f32; 2]> = subnormals.map(|x| [x, 0.0]).collect();
    check("ln", &arguments, |_, _| (f64::from(f32::MIN_POSITIVE).ln(), LN_ULPS));
}

#[test]
fn exp2_is_within_its_ulps() {
    let halves = (-252..=255).map(|i| i as f32 / 2.0);
    let strided = (0..200_000).map(|i| (i as f32 - 99_000.0) * 1.272e-3);
    let small = (1..120).flat_map(|e| [1.0, -1.0].map(|s: f32| s * 2f32.powi(-e)));
    let all = halves.chain(strided).chain(small).filter(|y| (-126.0..128.0).contains(y));
    let arguments: Vec<[f32; 2]> = all.map(|y| [y, 0.0]).collect();
    check("exp2_of", &arguments, |y, _| (y.exp2(), EXP2_ULPS));
    // below, what is left is less than the smallest normal number
    let below = [-126.5f32, -130.0, -149.0, -151.0, -1e30].map(|y| [y, 0.0]);
    let units = |y: f64| (y.exp2(), f64::from(f32::MIN_POSITIVE) / ulp(0.0));
    check("exp2_of", &below, |y, _| units(y));
}

#[test]
fn powers_are_within_their_ulps() {
    let mut arguments = Vec::new();
    for p in [0.5f32, 1.0, 1.5, 2.0, 3.0, 7.25] {
        let inside = |z: &f32| (f64::from(*z).log2() * f64::from(p)).abs() < 125.0;
        arguments.extend(positives().step_by(3).filter(inside).map(|z| [z, p]));
    }
    check("power", &arguments, |z, p| (z.powf(p), power_ulps(p * z.log2())));
    let down = |z: f64| z * 2f64.powi(-40);
    let inside = |[z, p]: &[f32; 2]| (down((*z).into()).log2() * f64::from(*p)).abs() < 125.0;
    let scaled: Vec<[f32; 2]> = arguments.iter().copied().filter(inside).collect();
    check_scaled("power", -40, &scaled, |z, p| (down(z).powf(p), power_ulps(p * down(z).log2())));
    // zero, and what may be taken for it
    let zeros: Vec<[f32; 2]> = [0.0, 1e-45, 1e-39, 1.175_494_2e-38].map(|z| [z, 0.5]).into();
    check("power", &zeros, |_, _| (0.0, 0.0));
}
