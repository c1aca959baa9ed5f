//! Faults that were planted are found, and the kernels without them run.

use crate::common::{Kernel, open, options};
use nearfield_metal::Options;

const BINDINGS: &str = "
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
var<workgroup> shared_floats: array<f32, 64>;
";

/// 0 to 63.
fn numbers() -> Vec<f32> {
    (0..64).map(|i| i as f32).collect()
}

/// Runs 64 threads with 64 floats, unchecked.
fn run(options: Options, body: &str) -> Result<Vec<f32>, String> {
    run_text(options, &format!("{BINDINGS}\n{body}"))
}

fn run_text(options: Options, wgsl: &str) -> Result<Vec<f32>, String> {
    open(options).run_group(wgsl, &numbers())
}

fn strict() -> Option<Options> {
    options()
}

fn with_races() -> Option<Options> {
    options().map(|options| Options { races: true, ..options })
}

fn expect_fault(options: Option<Options>, body: &str, words: &[&str]) {
    let Some(options) = options else { return };
    let fault = run(options, body).expect_err("the fault is not found");
    for word in words {
        assert!(fault.contains(word), "{word:?} is not in: {fault}");
    }
    assert!(fault.contains("kernel planted"), "{fault}");
}

/// Reverses 64 floats by way of workgroup memory.
const REVERSE: &str = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    shared_floats[t] = a[t];
    workgroupBarrier();
    b[t] = shared_floats[63u - t];
}";

#[test]
fn a_kernel_without_faults_runs() {
    let Some(options) = with_races() else { return };
    let expected = numbers().into_iter().rev().collect();
    assert_eq!(run(options, REVERSE), Ok(expected));
}

#[test]
fn a_barrier_left_out_is_a_race() {
    let body = REVERSE.replace("workgroupBarrier();", "");
    expect_fault(with_races(), &body, &["a race", "workgroup variable 0"]);
}

/// Without the detector of races the order of the threads shows it: what is read is poison or a number, as the seed has it.
#[test]
fn a_barrier_left_out_shows_in_the_answer() {
    let Some(options) = strict() else { return };
    let body = REVERSE.replace("workgroupBarrier();", "");
    let answers: Vec<Vec<u32>> = (0..4)
        .map(|seed| run(Options { seed, ..options.clone() }, &body).unwrap())
        .map(|answer| answer.into_iter().map(f32::to_bits).collect())
        .collect();
    assert!(answers.iter().any(|answer| answer != &answers[0]));
}

#[test]
fn a_barrier_in_a_branch_is_found() {
    let body = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    if t < 40u { workgroupBarrier(); }
    b[t] = a[t];
}";
    expect_fault(
        strict(),
        body,
        &[
            "do not meet",
            "40 wait at a barrier: 0 to 39",
            "24 have ended: 40 to 63",
            "threadgroup_barrier",
        ],
    );
}

#[test]
fn barriers_in_two_branches_are_found() {
    let body = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    if t < 40u { workgroupBarrier(); b[t] = a[t]; } else { workgroupBarrier(); b[t] = 2.0 * a[t]; }
}";
    expect_fault(strict(), body, &["do not meet", "40 wait at a barrier", "24 wait at a barrier"]);
}

#[test]
fn a_shuffle_in_divergent_flow_is_found() {
    let body = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    var x = a[t];
    if t % 3u == 0u { x = subgroupShuffleXor(x, 1u); }
    b[t] = x;
}";
    expect_fault(strict(), body, &["do not meet", "wait at a shuffle", "simd_shuffle_xor"]);
}

#[test]
fn an_index_one_too_large_is_found() {
    let outside = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) { b[t] = a[t + 1u]; }";
    expect_fault(strict(), outside, &["thread 63 reads 4 bytes", "beyond the end of buffer", "a["]);
    let written = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) { b[t + 1u] = a[t]; }";
    expect_fault(
        strict(),
        written,
        &["thread 63 writes 4 bytes", "beyond the end of buffer", "b["],
    );
    let shared = REVERSE.replace("63u - t", "64u - t");
    expect_fault(
        strict(),
        &shared,
        &["thread 0 reads 4 bytes", "beyond the end of workgroup variable 0"],
    );
}

#[test]
fn an_index_below_zero_is_found() {
    let shared = REVERSE.replace("63u - t", "i32(t) - 1");
    expect_fault(
        strict(),
        &shared,
        &["thread 0 reads 4 bytes 4 bytes before workgroup variable 0"],
    );
}

#[test]
fn wgpus_own_checks_keep_an_index_inside() {
    let Some(options) = strict() else { return };
    let wgsl = format!(
        "{BINDINGS}
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {{ b[t] = a[t + 1u]; }}"
    );
    let input = vec![0_u8; 256];
    let kernel = Kernel { wgsl: &wgsl, checked: true, groups: 1, input: &input, output_bytes: 256 };
    open(options).run(&kernel).unwrap();
}

#[test]
fn a_race_on_one_word_is_found() {
    let body = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    shared_floats[t] = a[t];
    workgroupBarrier();
    if t % 32u == 0u { shared_floats[5] = f32(t); }
    workgroupBarrier();
    b[t] = shared_floats[t];
}";
    expect_fault(with_races(), body, &["a race", "byte 20 of workgroup variable 0"]);
}

/// Whatever its own SIMD group read and ordered meanwhile.
#[test]
fn a_read_of_another_simd_group_is_not_forgotten() {
    let body = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    shared_floats[t] = a[t];
    workgroupBarrier();
    if t < 4u || t >= 32u { b[t] = shared_floats[0]; }
    subgroupBarrier();
    if t == 40u { shared_floats[0] = 2.0; }
}";
    let Some(options) = with_races() else { return };
    // In each order that has the threads of the first group read first.
    for seed in 0..8 {
        let fault = run(Options { seed, ..options.clone() }, body).expect_err("it is forgotten");
        assert!(fault.contains("a race") && fault.contains("byte 0 of"), "{fault}");
    }
}

#[test]
fn a_barrier_of_device_memory_does_not_order_workgroup_memory() {
    let body = REVERSE.replace("workgroupBarrier", "storageBarrier");
    expect_fault(with_races(), &body, &["a race"]);
}

const MATRIX: &str = "enable wgpu_cooperative_matrix;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@compute @workgroup_size(32) fn main() {
    let m = coopLoadT<coop_mat8x8<f32, A>>(&a[0], 8u);
    let n = coopLoadT<coop_mat8x8<f32, B>>(&a[0], 8u);
    let c = coopMultiplyAdd(m, n, coop_mat8x8<f32, C>());
    coopStoreT(c, &b[0], 8u);
}";

#[test]
fn a_product_of_matrices_is_right_whatever_the_lanes_hold() {
    let Some(options) = strict() else { return };
    let a = |i: usize, j: usize| (i * 8 + j) as f32;
    let expected: Vec<f32> =
        (0..64).map(|e| (0..8).map(|k| a(e / 8, k) * a(k, e % 8)).sum()).collect();
    // A workgroup of 32 threads is half of a SIMD group of 64, which has no matrices.
    for (seed, lanes) in [(0, 32), (1, 32), (2, 8), (4, 4)] {
        let found = run_text(Options { seed, lanes, ..options.clone() }, MATRIX);
        assert_eq!(found.as_ref(), Ok(&expected));
    }
}

#[test]
fn a_matrix_with_a_wrong_stride_is_found() {
    let Some(options) = strict() else { return };
    let wrong = MATRIX.replace(
        "coopLoadT<coop_mat8x8<f32, B>>(&a[0], 8u)",
        "coopLoadT<coop_mat8x8<f32, B>>(&a[0], 9u)",
    );
    let fault = run_text(options, &wrong).expect_err("the stride is not found");
    assert!(
        fault.contains("reads 4 bytes") && fault.contains("beyond the end of buffer"),
        "{fault}"
    );
    assert!(fault.contains("NagaCooperativeLoad(&a[0]"), "{fault}");
}

/// naga writes what loads a matrix twice where both memories are loaded from, and one of the two is left out here.
#[test]
fn the_line_of_a_fault_is_the_one_that_was_compiled() {
    let Some(options) = strict() else { return };
    let body = "enable wgpu_cooperative_matrix;
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
var<workgroup> shared_floats: array<f32, 64>;
@compute @workgroup_size(32) fn main(@builtin(local_invocation_index) t: u32) {
    shared_floats[t] = a[t];
    shared_floats[t + 32u] = a[t + 32u];
    workgroupBarrier();
    let m = coopLoadT<coop_mat8x8<f32, A>>(&shared_floats[0], 8u);
    let n = coopLoadT<coop_mat8x8<f32, B>>(&a[0], 9u);
    let c = coopMultiplyAdd(m, n, coop_mat8x8<f32, C>());
    coopStoreT(c, &b[0], 8u);
}";
    let fault = run_text(options, body).expect_err("the stride is not found");
    assert!(fault.contains("NagaCooperativeLoad(&a[0]"), "{fault}");
}

#[test]
fn an_answer_that_depends_on_the_order_of_threads_shows() {
    let Some(options) = strict() else { return };
    let body = "
var<workgroup> next: atomic<u32>;
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    if t == 0u { atomicStore(&next, 0u); }
    workgroupBarrier();
    b[atomicAdd(&next, 1u)] = a[t];
}";
    let answers: Vec<Vec<f32>> =
        (0..3).map(|seed| run(Options { seed, ..options.clone() }, body).unwrap()).collect();
    assert!(answers.iter().any(|answer| answer != &answers[0]), "three seeds gave one order");
    for answer in answers {
        let mut sorted = answer.clone();
        sorted.sort_by(f32::total_cmp);
        assert_eq!(sorted, numbers());
    }
}

/// The workgroup memory that a kernel reads before it writes it is not zero.
#[test]
fn workgroup_memory_is_poisoned() {
    let Some(options) = strict() else { return };
    let body = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    b[t] = f32(bitcast<u32>(shared_floats[t]) == 0u);
    shared_floats[t] = a[t];
}";
    assert_eq!(run(options, body), Ok(vec![0.0; 64]));
}

/// What Metal's default removes: a test for NaN by comparison, an infinity, a subnormal.
#[test]
fn fast_math_does_what_metals_default_may_do() {
    let Some(options) = strict() else { return };
    let body = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    let x = bitcast<f32>(0x7fc00000u + u32(a[t]));
    b[t] = f32(x != x);
}";
    assert_eq!(run(options.clone(), body), Ok(vec![1.0; 64]));
    let fast = Options { fast_math: true, ..options.clone() };
    assert_eq!(run(fast.clone(), body), Ok(vec![0.0; 64]));
    let subnormal = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    let x = bitcast<f32>(1u + u32(a[t])) * 1.0000001;
    b[t] = f32(bitcast<u32>(x) != 0u);
}";
    assert_eq!(run(options.clone(), subnormal), Ok(vec![1.0; 64]));
    assert_eq!(run(fast.clone(), subnormal), Ok(vec![0.0; 64]));
    // (x + big) - big is x when sums are reassociated.
    let sum = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    let big = 1e20 + a[0];
    b[t] = (a[t] + big) - big;
}";
    assert_eq!(run(options, sum), Ok(vec![0.0; 64]));
    assert_eq!(run(fast, sum), Ok(numbers()));
}

#[test]
fn what_the_processor_stops_is_a_fault() {
    let large = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    var own: array<f32, 100000>;
    for (var i = 0u; i < 100000u; i++) { own[i] = a[(i + t) % 64u]; }
    b[t] = own[u32(a[t]) * 1000u];
}";
    expect_fault(strict(), large, &["leaves its stack"]);
    // Elsewhere the processor has an answer.
    if cfg!(target_arch = "x86_64") {
        let zero = "
@compute @workgroup_size(64) fn main(@builtin(local_invocation_index) t: u32) {
    b[t] = f32(bitcast<u32>(a[t]) / bitcast<u32>(a[0]));
}";
        expect_fault(strict(), zero, &["divides an integer by zero", "/"]);
    }
    a_kernel_without_faults_runs();
}
