//! What an application has of a device is there: errors in scopes, indirect dispatches, timestamps, mapping, memory that runs
//! out, loss.

use crate::common::{Gpu, Kernel, open, options};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn gpu() -> Option<Gpu> {
    options().map(open)
}

const DOUBLE: &str = "
@group(0) @binding(0) var<storage, read> a: array<u32>;
@group(0) @binding(1) var<storage, read_write> b: array<u32>;
@compute @workgroup_size(4) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < arrayLength(&b) { b[id.x] = 2u * a[id.x] + arrayLength(&a); }
}";

#[test]
fn workgroups_and_sizes_of_arrays_are_what_was_bound() {
    let Some(gpu) = gpu() else { return };
    let input: Vec<u32> = (0..10).collect();
    let kernel = Kernel {
        wgsl: DOUBLE,
        checked: true,
        groups: 3,
        input: bytemuck::cast_slice(&input),
        output_bytes: 40,
    };
    let output: Vec<u32> = bytemuck::pod_collect_to_vec(&gpu.run(&kernel).unwrap());
    assert_eq!(output, input.iter().map(|x| 2 * x + 10).collect::<Vec<_>>());
}

#[test]
fn the_adapter_is_an_m1() {
    let Some(gpu) = gpu() else { return };
    let (info, limits) = (gpu.adapter.get_info(), gpu.adapter.limits());
    assert_eq!(info.backend, wgpu::Backend::Metal);
    assert!(info.name.starts_with("Apple M1"), "{}", info.name);
    assert_eq!((info.subgroup_min_size, info.subgroup_max_size), (4, 64));
    assert_eq!(limits.max_compute_workgroup_storage_size, 32 << 10);
    assert_eq!(limits.max_compute_invocations_per_workgroup, 1024);
    assert_eq!(limits.max_storage_buffers_per_shader_stage, 29);
    assert_eq!(gpu.adapter.cooperative_matrix_properties().len(), 3);
}

#[test]
fn an_error_of_validation_reaches_its_scope() {
    let Some(gpu) = gpu() else { return };
    let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let wrong = wgpu::ShaderSource::Wgsl(
        "@compute @workgroup_size(1) fn main() { undeclared = 1; }".into(),
    );
    let _ = gpu
        .device
        .create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source: wrong });
    let error = pollster::block_on(scope.pop()).expect("no error");
    assert!(error.to_string().contains("undeclared"), "{error}");
}

#[test]
fn a_buffer_beyond_memory_is_an_error() {
    let Some(gpu) = gpu() else { return };
    let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Validation);
    let _ = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 1 << 40,
        usage: wgpu::BufferUsages::STORAGE,
        mapped_at_creation: false,
    });
    assert!(pollster::block_on(scope.pop()).is_some());
}

#[test]
fn buffers_are_zero_until_they_are_written() {
    let Some(gpu) = gpu() else { return };
    let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size: 64,
        usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
        mapped_at_creation: false,
    });
    gpu.queue.write_buffer(&buffer, 16, &[7; 16]);
    gpu.queue.submit([]);
    buffer.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let bytes = buffer.get_mapped_range(..).unwrap().to_vec();
    assert_eq!(bytes[..16], [0; 16]);
    assert_eq!(bytes[16..32], [7; 16]);
    assert_eq!(bytes[32..], [0; 32]);
}

#[test]
fn timestamps_pass() {
    let Some(gpu) = gpu() else { return };
    let queries = gpu.device.create_query_set(&wgpu::QuerySetDescriptor {
        label: None,
        ty: wgpu::QueryType::Timestamp,
        count: 2,
    });
    let buffer = |usage| {
        gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 16,
            usage,
            mapped_at_creation: false,
        })
    };
    let resolved = buffer(wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC);
    let back = buffer(wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ);
    let mut encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    drop(encoder.begin_compute_pass(&wgpu::ComputePassDescriptor {
        label: None,
        timestamp_writes: Some(wgpu::ComputePassTimestampWrites {
            query_set: &queries,
            beginning_of_pass_write_index: Some(0),
            end_of_pass_write_index: Some(1),
        }),
    }));
    encoder.resolve_query_set(&queries, 0..2, &resolved, 0);
    encoder.copy_buffer_to_buffer(&resolved, 0, &back, 0, 16);
    gpu.queue.submit([encoder.finish()]);
    back.map_async(wgpu::MapMode::Read, .., |result| result.unwrap());
    gpu.device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
    let times: Vec<u64> = bytemuck::pod_collect_to_vec(&back.get_mapped_range(..).unwrap());
    assert!(0 < times[0] && times[0] <= times[1], "{times:?}");
}

#[test]
fn a_device_that_is_taken_away_is_lost() {
    let Some(options) = options() else { return };
    let loss = options.loss.clone();
    let gpu = open(options);
    let told = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&told);
    gpu.device.set_device_lost_callback(move |_, _| seen.store(true, Ordering::Relaxed));
    gpu.queue.submit([]);
    assert!(!told.load(Ordering::Relaxed));
    loss.lose();
    gpu.device.on_uncaptured_error(Arc::new(|_| {}));
    let encoder = gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
    gpu.queue.submit([encoder.finish()]);
    gpu.settle();
    assert!(told.load(Ordering::Relaxed), "nobody was told");
}

/// Limits that the translated code must keep to are wgpu's to check.
#[test]
fn more_workgroup_memory_than_an_m1_has_is_refused() {
    let Some(gpu) = gpu() else { return };
    let wgsl = "
var<workgroup> large: array<f32, 8193>;
@compute @workgroup_size(1) fn main() { large[0] = 1.0; }";
    let scope = gpu.device.push_error_scope(wgpu::ErrorFilter::Internal);
    let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: None,
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    let _ = gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: None,
        layout: None,
        module: &module,
        entry_point: None,
        compilation_options: wgpu::PipelineCompilationOptions::default(),
        cache: None,
    });
    let error = pollster::block_on(scope.pop()).expect("no error");
    assert!(error.to_string().contains("storage"), "{error}");
}
