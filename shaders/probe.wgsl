// out[0] = subgroup size
//
// out: array<u32, 4>, read_write; only element 0 is written.
// One workgroup of 128 threads; thread 0 writes.
// Profile keys: none.

@group(0) @binding(0) var<storage, read_write> out: array<u32, 4>;

@compute @workgroup_size(128)
fn main(@builtin(local_invocation_index) thread: u32, @builtin(subgroup_size) size: u32) {
    if thread == 0u {
        out[0] = size;
    }
}
