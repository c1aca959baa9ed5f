//! The least reader of .npy that the fixtures need, so that they are judged by other code than the crate's own reader.

use std::path::Path;

/// Shape and raw little-endian elements of a .npy file of version 1 in C order.
pub struct Npy {
    pub shape: Vec<usize>,
    descr: String,
    data: Vec<u8>,
}

impl Npy {
    pub fn read(path: &Path) -> Npy {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00", "{}", path.display());
        let end = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
        let header = std::str::from_utf8(&bytes[10..end]).expect("an ASCII header");
        assert!(header.contains("'fortran_order': False"), "{header}");
        let after = |key: &str| header.split_once(key).expect(key).1;
        let descr = after("'descr': '").split('\'').next().expect("a closing quote").to_owned();
        let shape = after("'shape': (").split(')').next().expect("a closing bracket");
        let shape = shape.split(',').map(str::trim).filter(|s| !s.is_empty());
        let shape = shape.map(|s| s.parse().expect("a number")).collect();
        Npy { shape, descr, data: bytes[end..].to_vec() }
    }

    pub fn f32(&self) -> Vec<f32> {
        assert_eq!(self.descr, "<f4");
        bytemuck::pod_collect_to_vec(&self.data)
    }

    pub fn i32(&self) -> Vec<i32> {
        assert_eq!(self.descr, "<i4");
        bytemuck::pod_collect_to_vec(&self.data)
    }

    pub fn i64(&self) -> Vec<i64> {
        assert_eq!(self.descr, "<i8");
        bytemuck::pod_collect_to_vec(&self.data)
    }

    pub fn u64(&self) -> Vec<u64> {
        assert_eq!(self.descr, "<u8");
        bytemuck::pod_collect_to_vec(&self.data)
    }

    pub fn u8(&self) -> &[u8] {
        assert_eq!(self.descr, "|u1");
        &self.data
    }
}
