use super::*;
use crate::device::{Gpu, PassTimer};
use crate::error::{Error, Result};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Waker};

fn gpu() -> Gpu {
    Gpu::builder().poison(true).build().unwrap()
}

fn encoder(gpu: &Gpu) -> wgpu::CommandEncoder {
    gpu.device().create_command_encoder(&Default::default())
}

/// A pooled buffer with these bytes.
fn upload(gpu: &Gpu, label: &str, bytes: &[u8]) -> Result<Buffer> {
    let (buffer, staged) = (gpu.scratch(label, bytes.len() as u64)?, gpu.stage(bytes)?);
    gpu.scoped(label, || {
        let mut encoder = encoder(gpu);
        let padded = bytes.len().next_multiple_of(4) as u64;
        encoder.copy_buffer_to_buffer(staged.buffer().raw(), 0, buffer.raw(), 0, padded);
        gpu.queue().submit([encoder.finish()]);
    })?;
    staged.recycle(gpu)?;
    Ok(buffer)
}

fn read(gpu: &Gpu, buffer: &Buffer) -> Vec<u8> {
    let part = (buffer, 0, buffer.size());
    all(&gpu.readback(&[part], encoder(gpu)).unwrap().wait().unwrap()).remove(0)
}

fn all(parts: &[Bytes]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.to_vec()).collect()
}

#[test]
fn bytes_of_any_length_come_back() {
    let gpu = gpu();
    for n in [0usize, 1, 3, 4, 5, 1000, (8 << 20) + 7, 20 << 20] {
        let bytes: Vec<u8> = (0..n).map(|i| (i * 31 % 251) as u8).collect();
        let buffer = upload(&gpu, "bytes", &bytes).unwrap();
        assert_eq!((buffer.size(), buffer.label()), (n as u64, "bytes"));
        assert!(read(&gpu, &buffer) == bytes, "{n}");
    }
}

#[test]
fn parts_of_several_buffers_come_back_in_their_order() {
    let gpu = gpu();
    let a = upload(&gpu, "a", b"0123456789").unwrap();
    let b = upload(&gpu, "b", b"abcdef").unwrap();
    let parts = [(&b, 4, 1), (&a, 0, 0), (&a, 4, 6), (&b, 0, 3)];
    let read = gpu.readback(&parts, encoder(&gpu)).unwrap().wait().unwrap();
    assert_eq!(all(&read), [&b"e"[..], b"", b"456789", b"abc"]);
    assert!(gpu.readback(&[], encoder(&gpu)).unwrap().wait().unwrap().is_empty());
    assert!(gpu.readback(&[(&a, 2, 4)], encoder(&gpu)).is_err());
    assert!(gpu.readback(&[(&a, 8, 3)], encoder(&gpu)).is_err());
    assert!(gpu.readback(&[(&a, 4, u64::MAX)], encoder(&gpu)).is_err());
}

#[test]
fn new_and_reused_buffers_are_poisoned() {
    let gpu = gpu();
    let poisoned = |b: &Buffer| read(&gpu, b).chunks(4).all(|w| w == [0xEF, 0xBE, 0xAD, 0xDE]);
    assert!(poisoned(&gpu.alloc("x", 100_000).unwrap()));
    assert!(poisoned(&gpu.scratch("x", 5000).unwrap()));
    drop(upload(&gpu, "y", &[7; 5000]).unwrap());
    let hits = gpu.memory().pool_hits;
    assert!(poisoned(&gpu.scratch("z", 4992).unwrap()));
    assert!(gpu.memory().pool_hits > hits);
}

#[test]
fn the_pool_gives_way_to_what_stays() {
    let gpu = Gpu::builder().memory_budget(1 << 20).build().unwrap();
    drop(gpu.scratch("a", 700_000).unwrap());
    assert!(gpu.memory().pooled >= 700_000);
    let kept = gpu.alloc("b", 900_000).unwrap();
    assert_eq!((gpu.memory().pooled, gpu.memory().in_use), (0, 900_000));
    // Its class is larger than what is left, its size is not.
    let exact = gpu.scratch("c", 140_000).unwrap();
    assert!(matches!(gpu.scratch("d", 10_000), Err(Error::OutOfDeviceMemory { .. })));
    drop((kept, exact));
    assert!(gpu.memory().peak <= 1 << 20);
}

#[test]
fn a_buffer_over_the_limit_is_refused() {
    let gpu = Gpu::builder().memory_budget(u64::MAX).build().unwrap();
    for bytes in [gpu.caps().max_buffer_bytes + 1, 1 << 60, u64::MAX] {
        let outcome = gpu.alloc("x", bytes).map(|b| b.size());
        assert!(matches!(outcome, Err(Error::LimitExceeded { .. })), "{bytes}: {outcome:?}");
        assert!(gpu.scratch("x", bytes).is_err());
    }
    assert_eq!(gpu.memory().in_use, 0);
}

#[test]
fn a_dropped_readback_frees_its_staging() {
    let gpu = gpu();
    let buffer = upload(&gpu, "x", &[1; 1000]).unwrap();
    for polled in [false, true] {
        let mut readback = gpu.readback(&[(&buffer, 0, 1000)], encoder(&gpu)).unwrap();
        if polled {
            let mut cx = Context::from_waker(Waker::noop());
            let _ = std::pin::Pin::new(&mut readback).poll(&mut cx);
        }
        drop(readback);
        assert!(gpu.memory().labels.iter().all(|l| l.label != "readback"));
        assert_eq!(read(&gpu, &buffer), [1; 1000]);
    }
}

#[test]
fn futures_end_in_any_order_and_across_threads() {
    let gpu = gpu();
    let buffers: Vec<_> = (0..20u8).map(|i| upload(&gpu, "x", &[i; 64]).unwrap()).collect();
    let start = |b| gpu.readback(&[(b, 0, 64)], encoder(&gpu)).unwrap();
    let mut pending: Vec<_> = buffers.iter().map(start).enumerate().collect();
    pending.rotate_left(7);
    std::thread::scope(|scope| {
        for (i, readback) in pending {
            let task = move || match i % 3 {
                0 => readback.wait().unwrap(),
                _ => pollster::block_on(readback).unwrap(),
            };
            scope.spawn(move || assert_eq!(all(&task()), [[i as u8; 64]]));
        }
    });
}

#[test]
fn a_lost_device_is_an_error_everywhere() {
    let gpu = gpu();
    let buffer = upload(&gpu, "x", &[1; 64]).unwrap();
    let readback = gpu.readback(&[(&buffer, 0, 64)], encoder(&gpu)).unwrap();
    let encoder = encoder(&gpu);
    gpu.device().destroy();
    // What was submitted before may still come; nothing may hang.
    let _ = pollster::block_on(readback);
    // wgpu tells whichever thread polls, here or the polling one.
    for _ in 0..1000 {
        if gpu.tick().is_err() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let lost = |error: Option<Error>| {
        assert!(matches!(error, Some(Error::DeviceLost { .. })), "{error:?}")
    };
    lost(gpu.readback(&[(&buffer, 0, 64)], encoder).err());
    lost(gpu.alloc("x", 16).err());
    lost(gpu.scratch("x", 16).err());
    lost(upload(&gpu, "x", &[1]).err());
    lost(gpu.scoped("x", || ()).err());
    lost(gpu.check_alive().err());
}

#[test]
fn mistakes_are_errors_and_no_panics() {
    let gpu = gpu();
    let source = wgpu::ShaderSource::Wgsl("nonsense".into());
    let descriptor = wgpu::ShaderModuleDescriptor { label: Some("bad"), source };
    let outcome = gpu.scoped("bad shader", || gpu.device().create_shader_module(descriptor));
    assert!(matches!(&outcome, Err(Error::Internal { message }) if message.contains("bad shader")));
    // Outside of a scope it is logged.
    let source = wgpu::ShaderSource::Wgsl("nonsense".into());
    let _ = gpu.device().create_shader_module(wgpu::ShaderModuleDescriptor { label: None, source });
    assert!(gpu.check_alive().is_ok());
}

#[test]
fn passes_are_timed_where_the_adapter_can() {
    let gpu = gpu();
    let timer = PassTimer::new(&gpu, 2).unwrap();
    assert_eq!(timer.is_some(), gpu.caps().timestamps);
    let Some(timer) = timer else {
        println!("skipped: no timestamps on {}", gpu.caps().name);
        return;
    };
    let mut encoder = encoder(&gpu);
    for i in 0..3 {
        let timestamp_writes = timer.pass();
        assert_eq!(timestamp_writes.is_some(), i < 2);
        let descriptor = wgpu::ComputePassDescriptor { label: None, timestamp_writes };
        drop(encoder.begin_compute_pass(&descriptor));
    }
    timer.resolve(&mut encoder);
    let index = gpu.queue().submit([encoder.finish()]);
    let times = timer.read(&gpu, &index).unwrap();
    assert!(times.len() == 2 && times.iter().all(|&t| t < 1_000_000_000), "{times:?}");
}

#[test]
fn the_gpu_goes_when_its_last_owner_goes() {
    let gpu = gpu();
    let state: Arc<AtomicBool> = gpu.state().unwrap();
    let weak = Arc::downgrade(&state);
    assert!(Arc::ptr_eq(&state, &gpu.state().unwrap()));
    drop(state);
    let buffer = upload(&gpu, "x", &[1; 64]).unwrap();
    let pending = gpu.readback(&[(&buffer, 0, 64)], encoder(&gpu)).unwrap();
    drop(gpu);
    assert_eq!(all(&pollster::block_on(pending).unwrap()), [[1; 64]]);
    assert!(weak.upgrade().is_none());
    drop(buffer);
}

#[test]
fn parts_of_one_buffer_come_back_as_they_lie_and_stay_until_they_are_dropped() {
    let gpu = gpu();
    let bytes: Vec<u8> = (0..2000).map(|i| (i * 7 % 251) as u8).collect();
    let buffer = upload(&gpu, "x", &bytes).unwrap();
    let other = upload(&gpu, "y", b"another").unwrap();
    let (first, second) = (buffer.part(0, 300), buffer.part(256, 1257).part(256, 1001));
    // side by side, far apart, behind one another, over one another, and with another buffer's between
    let parts = [
        (&first, 8, 100),
        (&first, 200, 100),
        (&second, 0, 1001),
        (&second, 4, 8),
        (&other, 0, 7),
        (&second, 12, 3),
        (&second, 16, 0),
        (&second, 16, 5),
    ];
    let expected = parts.map(|(part, offset, n)| {
        if part.label() == "y" {
            return b"another".to_vec();
        }
        bytes[(part.offset() + offset) as usize..][..n as usize].to_vec()
    });
    let back = gpu.readback(&parts, encoder(&gpu)).unwrap().wait().unwrap();
    assert_eq!(all(&back), expected);
    let last = back.last().cloned().unwrap();
    drop(back);
    // no other readback gets the memory that it lies in
    let _again = gpu.readback(&parts[2..3], encoder(&gpu)).unwrap().wait().unwrap();
    assert_eq!(all(&[last]), expected[7..]);
    assert!(gpu.readback(&[(&first, 204, 100)], encoder(&gpu)).is_err());
}
