// out[0] = the subgroup size that a pipeline really gets; what a driver reports may be a range or a constant.
// Bindings: 0 out (4 words, of which the first is written).
// Threads: one workgroup of 128; the first writes.
// Profile keys: none.

@group(0) @binding(0) var<storage, read_write> out: array<u32, 4>;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(subgroup_size) size: u32) {
    if (thread == 0u) {
        out[0] = size;
    }
}
