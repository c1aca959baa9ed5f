//! The public face of a `Gpu`, on whatever adapter the environment names.

use nearfield::{Backend, DType, Error, Gpu, Matrix, RowLayout, Rows, row_norms, wgpu};
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[test]
fn every_adapter_is_listed_and_opens_by_its_place_and_by_its_name() {
    let adapters = Gpu::adapters().unwrap();
    for (i, adapter) in adapters.iter().enumerate() {
        assert_eq!(adapter.index, i);
        let by_place = Gpu::builder().adapter(i.to_string()).build().unwrap();
        assert_eq!(by_place.caps().name, adapter.name);
        let by_name = Gpu::builder().adapter(adapter.name.to_uppercase()).build().unwrap();
        assert_eq!(by_name.caps().name, adapter.name);
    }
    let kinds: Vec<_> = adapters.iter().map(|a| a.device_type).collect();
    assert!(kinds.is_sorted(), "{kinds:?}");
}

#[test]
fn caps_are_plausible() {
    let gpu = Gpu::new().unwrap();
    let caps = gpu.caps();
    println!("{caps:#?}");
    assert!(caps.max_workgroup_threads >= 128 && caps.max_workgroup_memory >= 16 << 10);
    assert!(caps.max_storage_buffers >= 8 && caps.max_immediate_bytes >= 128);
    assert!(caps.max_binding_bytes <= caps.max_buffer_bytes);
    assert!(caps.heap_bytes.is_some_and(|b| b > 1 << 28));
    if let Some(size) = caps.subgroup_size {
        assert!(size.is_power_of_two());
        assert!((caps.subgroup_min..=caps.subgroup_max).contains(&size));
    }
    assert!(caps.coop.iter().all(|c| c.m == c.n && c.n == c.k));
    assert_eq!(gpu.memory().budget, caps.heap_bytes.unwrap() / 5 * 4);
}

#[test]
fn features_can_be_taken_away() {
    let gpu = Gpu::builder().disable("subgroup,f16,coop,timestamp,cache").build().unwrap();
    let caps = gpu.caps();
    assert!(caps.subgroup_size.is_none() && !caps.f16 && caps.coop.is_empty());
    assert!(!caps.timestamps && !caps.pipeline_cache);
    let gpu = Gpu::builder().disable("baseline").build().unwrap();
    let caps = gpu.caps();
    assert!(caps.subgroup_size.is_none() && !caps.f16 && caps.coop.is_empty());
    assert_eq!((caps.max_storage_buffers, caps.max_workgroup_memory), (8, 16 << 10));
    assert_eq!((caps.max_workgroup_threads, caps.max_immediate_bytes), (256, 128));
    assert!(caps.max_binding_bytes <= 128 << 20 && caps.max_buffer_bytes <= 256 << 20);
    assert!(matches!(
        Gpu::builder().disable("f17").build(),
        Err(Error::InvalidArgument { argument: "disable", .. })
    ));
}

#[test]
fn an_unknown_adapter_is_an_error_that_helps() {
    let error = Gpu::builder().adapter("no such card").build().unwrap_err();
    assert!(matches!(error, Error::NoAdapter { .. }));
    let text = error.to_string();
    for word in ["no such card", "driver is needed", &Gpu::adapters().unwrap()[0].name] {
        assert!(text.contains(word), "{word} is missing in: {text}");
    }
    // What there is, and in lines of their own what to do on this system.
    assert!(
        text.lines().count() >= 4 && text.lines().skip(2).all(|l| l.starts_with("  ")),
        "{text}"
    );
    let missing = if cfg!(windows) { Backend::Metal } else { Backend::Dx12 };
    assert!(matches!(Gpu::builder().backend(missing).build(), Err(Error::NoAdapter { .. })));
}

#[test]
fn a_request_over_the_budget_names_the_numbers() {
    let gpu = Gpu::builder().memory_budget(1 << 20).build().unwrap();
    let error = Matrix::from_rows(&gpu, 128, Rows::F32(&vec![0.0; 128 << 12])).unwrap_err();
    assert!(matches!(error, Error::OutOfDeviceMemory { requested: 2_097_152, .. }), "{error}");
    assert!(error.to_string().contains("2097152") && error.to_string().contains("1048576"));
    assert!(gpu.memory().in_use == 0 && gpu.memory().peak <= 1 << 20);
}

#[test]
fn the_memory_report_adds_up() {
    let gpu = Gpu::new().unwrap();
    let matrix = Matrix::from_rows(&gpu, 4, Rows::F32(&[1.0; 400])).unwrap();
    let report = gpu.memory();
    assert_eq!(report.labels.iter().map(|l| l.bytes).sum::<u64>(), report.in_use);
    assert_eq!(matrix.bytes(), report.in_use);
    assert!(report.peak >= report.in_use + report.pooled && report.pool_misses > 0);
    assert!(report.to_string().contains("matrix"), "{report}");
    let again = matrix.append(Rows::F32(&[1.0; 400])).unwrap();
    assert!(gpu.memory().pool_hits > report.pool_hits);
    drop((matrix, again));
    assert_eq!(gpu.memory().in_use, 0);
}

#[test]
fn profiles_and_settings_are_checked() {
    let gpu = Gpu::builder().setting("kernel.scan.bm", 32).build().unwrap();
    let entries: Vec<_> = gpu.profile().entries().collect();
    assert!(entries.contains(&("kernel.scan.bm".into(), "32".into())), "{entries:?}");
    for (section, key, value) in [("scan", "bogus", "1"), ("bogus", "bm", "1"), ("scan", "bm", "x")]
    {
        let outcome = Gpu::builder().setting(format!("{section}.{key}"), value).build();
        assert!(matches!(outcome, Err(Error::Profile { .. })), "{section}.{key}");
    }
    let former = Gpu::builder().setting("kernel.scan.few", 1).build().unwrap_err().to_string();
    assert!(former.contains("kernel.scan.few is now kernel.scan.max_row_queries"), "{former}");
    let missing = Gpu::builder().profile("/nowhere/at/all.toml").build();
    assert!(matches!(missing, Err(Error::Io { .. })));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.toml");
    std::fs::write(&file, "measured = true\n[kernel.scan]\nbm = 128\n").unwrap();
    let gpu = Gpu::builder().profile(&file).setting("kernel.scan.bn", 128).build().unwrap();
    assert_eq!(gpu.profile().name(), file.display().to_string());
    assert!(gpu.profile().is_measured());
    let entries: Vec<_> = gpu.profile().entries().collect();
    assert!(entries.contains(&("kernel.scan.bm".into(), "128".into())));
    assert!(entries.contains(&("kernel.scan.bn".into(), "128".into())));
}

fn application_device() -> (wgpu::Adapter, wgpu::Device, wgpu::Queue) {
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    let instance = wgpu::Instance::new(descriptor);
    let adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let name = Gpu::new().unwrap().caps().name.clone();
    let adapter = adapters.into_iter().find(|a| a.get_info().name == name).unwrap();
    let request = adapter.request_device(&wgpu::DeviceDescriptor {
        required_features: Gpu::required_features(&adapter),
        required_limits: Gpu::required_limits(&adapter),
        // SAFETY: nothing of it is used here.
        experimental_features: unsafe { wgpu::ExperimentalFeatures::enabled() },
        ..Default::default()
    });
    let (device, queue) = pollster::block_on(request).unwrap();
    (adapter, device, queue)
}

#[test]
fn a_device_of_the_application_is_adopted() {
    let (adapter, device, queue) = application_device();
    let gpu = Gpu::adopt(&adapter, device.clone(), queue).unwrap();
    let values: Vec<f32> = (0..300).map(|i| i as f32).collect();
    let matrix = Matrix::from_rows(&gpu, 3, Rows::F32(&values)).unwrap();
    assert_eq!(matrix.read(0..100).unwrap(), bytemuck::cast_slice::<f32, u8>(&values));
    assert_eq!(gpu.caps().subgroup_size, Gpu::new().unwrap().caps().subgroup_size);
    // The application's device outlives the Gpu.
    drop((gpu, matrix));
    device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
}

#[test]
fn a_device_without_immediates_is_not_adopted() {
    let (adapter, _, _) = application_device();
    let request = adapter.request_device(&wgpu::DeviceDescriptor::default());
    let (device, queue) = pollster::block_on(request).unwrap();
    let outcome = Gpu::adopt(&adapter, device, queue);
    let Err(error @ Error::MissingFeature { .. }) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("Gpu::required_features"), "{error}");
}

#[test]
fn an_adopted_device_that_is_destroyed_gives_errors() {
    let (adapter, device, queue) = application_device();
    let gpu = Gpu::adopt(&adapter, device.clone(), queue).unwrap();
    let matrix = Matrix::from_rows(&gpu, 3, Rows::F32(&[1.0; 300])).unwrap();
    device.destroy();
    assert!(matrix.read(0..100).is_err());
    assert!(matrix.append(Rows::F32(&[1.0; 300])).is_err());
}

#[test]
fn eight_threads_share_one_gpu() {
    let gpu = Gpu::builder().max_segment_bytes(64 * 64).build().unwrap();
    let root = Arc::new(Matrix::from_rows(&gpu, 16, Rows::F32(&[0.5; 16 * 10])).unwrap());
    let runs = std::thread::scope(|scope| {
        let spawn = |t: usize| {
            let root = Arc::clone(&root);
            scope.spawn(move || {
                let mut expected = vec![0.5f32; 16 * 10];
                let mut matrix = (*root).clone();
                for step in 0..20 {
                    let rows = vec![(t * 100 + step) as f32; 16 * (1 + (step * 7 + t) % 40)];
                    matrix = matrix.append(Rows::F32(&rows)).unwrap();
                    expected.extend_from_slice(&rows);
                    let bytes = match step % 2 {
                        0 => matrix.read(0..matrix.len()).unwrap(),
                        _ => pollster::block_on(matrix.read_async(0..matrix.len())).unwrap(),
                    };
                    assert_eq!(bytes, bytemuck::cast_slice::<f32, u8>(&expected));
                }
                matrix.len()
            })
        };
        let handles: Vec<_> = (0..8).map(spawn).collect();
        handles.into_iter().map(|h| h.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(runs.len(), 8);
    assert_eq!(root.read(0..10).unwrap(), bytemuck::cast_slice::<f32, u8>(&[0.5; 160]));
}

#[test]
fn a_gpu_and_its_matrices_cross_threads() {
    fn check<T: Send + Sync + Clone>(_: &T) {}
    fn future<T: Send>(_: &T) {}
    let gpu = Gpu::new().unwrap();
    let matrix = Matrix::empty(&gpu, DType::Bits, 64).unwrap();
    check(&gpu);
    check(&matrix);
    future(&matrix.read_async(0..0));
}

/// The files of pipelines in a folder.
fn kept(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|e| e == "pipelines")).collect()
}

#[test]
fn compiled_pipelines_are_kept_where_they_are_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("of/this test");
    let norms = |gpu: &Gpu| row_norms(gpu, Rows::F32(&[3.0, 4.0]), 2).unwrap();
    let gpu = Gpu::builder().cache_dir(&inner).build().unwrap();
    assert_eq!(norms(&gpu), [5.0]);
    if !gpu.caps().pipeline_cache {
        println!("skipped: the adapter keeps no pipelines (1)");
        return;
    }
    assert_eq!(gpu.cache_dir(), Some(&*inner));
    let files = kept(&inner);
    assert!(files.len() == 1 && std::fs::metadata(&files[0]).unwrap().len() > 0, "{files:?}");
    // another device reads it, one whose file was spoilt makes it anew
    for spoilt in [false, true] {
        if spoilt {
            std::fs::write(&files[0], b"no pipelines").unwrap();
        }
        assert_eq!(norms(&Gpu::builder().cache_dir(&inner).build().unwrap()), [5.0]);
        assert!(std::fs::metadata(&files[0]).unwrap().len() > 12);
    }
    let other = folder.path().join("other");
    let off = Gpu::builder().cache_dir(&other).disable("cache").build().unwrap();
    assert_eq!((norms(&off), off.cache_dir()), (vec![5.0], None));
    assert!(!other.exists());
}

#[test]
fn a_folder_for_pipelines_that_cannot_be_made_is_an_error() {
    if !Gpu::new().unwrap().caps().pipeline_cache {
        println!("skipped: the adapter keeps no pipelines (1)");
        return;
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    for bad in [file.path(), &file.path().join("below"), Path::new("")] {
        let error = Gpu::builder().cache_dir(bad).build().unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "cache_dir", .. }), "{error}");
        assert!(error.to_string().contains(&bad.display().to_string()), "{error}");
    }
}

/// Rows in a buffer of the application's, wherever they begin and however far apart they are.
#[test]
fn rows_of_an_application_buffer_become_a_matrix() {
    let (adapter, device, queue) = application_device();
    let builder = Gpu::builder().max_segment_bytes(1).poison(true);
    let gpu = builder.adopt(&adapter, device.clone(), queue.clone()).unwrap();
    let bytes: Vec<u8> = (0..40_000u32).map(|i| (i * 7 % 251) as u8).collect();
    let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
    let buffer = |usage, size| {
        let descriptor =
            wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        device.create_buffer(&descriptor)
    };
    let source = buffer(usage, bytes.len() as u64);
    queue.write_buffer(&source, 0, &bytes);
    for (dtype, dim, rows, offset, stride) in [
        (DType::F32, 4, 200, 0, 16),
        (DType::F32, 4, 200, 2, 16),
        (DType::F32, 3, 200, 0, 12),
        (DType::F32, 3, 200, 4, 32),
        (DType::F16, 5, 130, 6, 10),
        (DType::U8, 3, 199, 1, 3),
        (DType::U8, 1, 64, 39_936, 1),
        (DType::I8, 17, 65, 3, 19),
        (DType::U8, 33, 2, 5, 39_000),
        (DType::Bits, 24, 100, 0, 3),
        (DType::Bf16, 20, 0, 1 << 60, 40),
    ] {
        let layout = RowLayout::new(dtype, dim, rows).offset(offset).stride(stride);
        let matrix = Matrix::from_buffer(&gpu, &source, layout).unwrap();
        let row = |i: u64| &bytes[(offset + i * stride) as usize..][..dtype.row_bytes(dim)];
        let expected: Vec<u8> = (0..rows as u64).flat_map(row).copied().collect();
        assert_eq!(matrix.read(0..matrix.len()).unwrap(), expected, "{layout:?}");
        // between the rows lie zeros
        let pad = matrix.stride() as usize;
        for (segment, rows) in matrix.buffers() {
            let copy =
                buffer(wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST, segment.size());
            let mut encoder = device.create_command_encoder(&Default::default());
            encoder.copy_buffer_to_buffer(segment, 0, &copy, 0, segment.size());
            queue.submit([encoder.finish()]);
            copy.map_async(wgpu::MapMode::Read, .., |outcome| outcome.unwrap());
            device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
            let view = copy.get_mapped_range(..).unwrap();
            for (number, padded) in rows.zip(view.chunks_exact(pad)) {
                let (own, rest) = padded.split_at(dtype.row_bytes(dim));
                assert_eq!(own, row(number as u64), "{layout:?}");
                assert!(rest.iter().all(|&byte| byte == 0), "{layout:?}");
            }
        }
    }
    let refused = |buffer: &wgpu::Buffer, layout: RowLayout, what: &str, why: &str| {
        let error = Matrix::from_buffer(&gpu, buffer, layout).unwrap_err();
        let named = matches!(error, Error::InvalidArgument { argument, .. } if argument == what);
        assert!(named && error.to_string().contains(why), "{error}");
    };
    let layout = RowLayout::new(DType::F32, 4, 10);
    refused(&source, layout.stride(15), "stride", "15 bytes");
    refused(&source, layout.offset(40_000 - 159), "rows", "40001 of a buffer of 40000");
    refused(&source, layout.offset(u64::MAX), "rows", "2^64");
    refused(&source, layout.stride(u64::MAX), "rows", "2^64");
    refused(&source, RowLayout::new(DType::F32, 0, 10), "dim", "0");
    refused(&buffer(wgpu::BufferUsages::STORAGE, 160), layout, "buffer", "COPY_SRC");
    let odd = buffer(usage, 163);
    refused(&odd, RowLayout::new(DType::U8, 163, 1), "buffer", "multiple of 4");
    assert_eq!(Matrix::from_buffer(&gpu, &odd, layout).unwrap().len(), 10);
    let gone = buffer(usage, 160);
    gone.destroy();
    refused(&gone, layout, "buffer", "destroyed");
    let request = adapter.request_device(&wgpu::DeviceDescriptor::default());
    let (other, _) = pollster::block_on(request).unwrap();
    let descriptor =
        wgpu::BufferDescriptor { label: None, size: 160, usage, mapped_at_creation: false };
    refused(&other.create_buffer(&descriptor), layout, "buffer", "evice");
    let error = Matrix::from_buffer(&Gpu::new().unwrap(), &source, layout).unwrap_err();
    assert!(error.to_string().contains("Gpu::adopt"), "{error}");
    // and the device is as good as before
    assert_eq!(Matrix::from_buffer(&gpu, &source, layout).unwrap().len(), 10);
}
