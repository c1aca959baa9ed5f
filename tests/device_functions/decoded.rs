//! Codes of a scalar quantizer, decoded to the bits that the host decodes.

use crate::harness::{Job, run};
use minijinja::context;
use nearfield::{ScalarQuantizer, SqType};

/// Of a row the first group by `row4_at`, the second from its byte; with the ranges in a binding of their own, of which none is infinite.
pub const KERNEL: &str = r#"
{% include library("rows") %}
struct Shape { stride4: u32, k4: u32 }
@group(0) @binding(2) var<storage, read> p: Shape;
@group(0) @binding(3) var<storage, read_write> decoded_rows: array<vec4<f32>>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= arrayLength(&decoded_rows)) { return; }
  let k = id.x % p.k4;
  let x = id.x / p.k4;
  if (any(abs(range4(2u + k)) > vec4<f32>(3.4e38))) { return; }
  decoded_rows[id.x] = select(row4_at(x, k), decoded(rows[x * p.stride4 + k], k), k == 1u);
}
"#;

const DIM: usize = 8;

#[test]
fn every_number_of_every_width_is_decoded_as_by_the_host() {
    for (kind, name, bits) in
        [(SqType::Bits8, "sq8", 8), (SqType::Bits6, "sq6", 6), (SqType::Bits4, "sq4", 4)]
    {
        let most = (1u32 << bits) - 1;
        // ranges of any size, far from 0, around it, and of one number
        let minima = [0.0f32, -1.0, 1000.1, -3e-20, 7.7e15, 0.3, -123.456, 2.0];
        let widths = [1.0f32, 2.1, 0.7, 6.1e-20, 1.3e13, 0.0, 345.678, 1e-3];
        let trained = [minima, widths].concat();
        let quantizer = ScalarQuantizer::new(DIM, kind).unwrap().with_trained(&trained).unwrap();
        let steps = widths.map(|width| (f64::from(width) / f64::from(most)) as f32);
        // behind two groups of sizes, which these codes have no use for
        let ranges = [0.0; 8].iter().chain(&minima).chain(&steps);
        let ranges: Vec<u32> = ranges.map(|x: &f32| x.to_bits()).collect();
        let rows = most as usize + 1;
        // each row has one number throughout, and a group of padding
        let byte = |row: usize| (row as u8).wrapping_sub(1 << (bits - 1));
        let stored: Vec<u8> =
            (0..rows).flat_map(|row| [[byte(row); DIM].as_slice(), &[0; 4]].concat()).collect();
        let words: Vec<u32> = bytemuck::pod_collect_to_vec(&stored);
        let job = Job {
            text: KERNEL,
            constants: context! { dtype => name, groups => "p.k4", ranges_in => "ranges" },
            inputs: &[&ranges, &words, &[3, 2]],
            output: rows * DIM,
            workgroups: (rows * DIM).div_ceil(256) as u32,
        };
        // FAISS packs the same number into every place
        let codes: Vec<u8> = (0..rows as u32)
            .flat_map(|number| {
                let all = (0..DIM).fold(0u64, |all, i| all | u64::from(number) << (bits * i));
                all.to_le_bytes()[..quantizer.code_bytes()].to_vec()
            })
            .collect();
        let expected: Vec<u32> =
            quantizer.decode(&codes).unwrap().iter().map(|x| x.to_bits()).collect();
        for (how, got) in run(&job) {
            assert_eq!(got.len(), expected.len());
            let other = (0..got.len()).find(|&i| got[i] != expected[i]);
            assert_eq!(other.map(|i| (i, got[i], expected[i])), None, "{kind}, {how}");
        }
    }
}
