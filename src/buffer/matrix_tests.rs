use super::*;
use crate::device::GpuBuilder;
use crate::dtype::Rows;
use crate::format::RowSource;

/// Segments of 64 rows, every buffer poisoned.
fn tiny() -> GpuBuilder {
    Gpu::test_builder().max_segment_bytes(1).poison(true)
}

/// Rows as they lie in memory, aligned for every type.
struct Data {
    words: Vec<u32>,
    dtype: DType,
    dim: usize,
    rows: usize,
}

impl Data {
    fn new(dtype: DType, dim: usize, rows: usize, seed: u32) -> Data {
        let bytes = dtype.row_bytes(dim) * rows;
        let mut x = seed.wrapping_mul(0x9E37_79B9) | 1;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            x
        };
        let words = (0..bytes.div_ceil(4)).map(|_| next()).collect();
        Data { words, dtype, dim, rows }
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.dtype.row_bytes(self.dim) * self.rows]
    }

    fn rows(&self) -> Rows<'_> {
        Rows::from_bytes(self.dtype, self.bytes()).unwrap()
    }
}

/// A stream that gives blocks of at most `block` rows.
struct Stream<'a> {
    data: &'a Data,
    at: usize,
    block: usize,
    known: Option<u64>,
}

impl RowSource for Stream<'_> {
    fn dtype(&self) -> DType {
        self.data.dtype
    }
    fn dim(&self) -> usize {
        self.data.dim
    }
    fn remaining(&self) -> Option<u64> {
        self.known
    }
    fn next_rows(&mut self, max_rows: usize) -> Result<Option<Rows<'_>>> {
        let start = self.at;
        self.at = self.data.rows.min(start + self.block.min(max_rows));
        let rows = self.data.rows().slice(self.data.dim, start..self.at);
        Ok((self.at > start).then_some(rows))
    }
}

fn all(matrix: &Matrix) -> Vec<u8> {
    matrix.read(0..matrix.len()).unwrap()
}

/// What the device holds: row after row at the stride, zeros between.
fn check_layout(matrix: &Matrix, expected: &[u8]) {
    let (row, stride) = (matrix.row_bytes(), matrix.stride as usize);
    let mut rows = expected.chunks_exact(row);
    let mut first = 0;
    for segment in matrix.segments() {
        assert_eq!(segment.first_row(), first);
        assert!(segment.rows() <= segment.capacity());
        assert!(segment.capacity() <= matrix.rows_per_segment);
        assert_eq!(segment.buffer().size(), u64::from(segment.capacity()) * stride as u64);
        let encoder = matrix.gpu.device().create_command_encoder(&Default::default());
        let part = (segment.buffer(), 0, segment.bytes());
        let bytes = matrix.gpu.readback(&[part], encoder).unwrap().wait().unwrap().remove(0);
        for padded in bytes.chunks_exact(stride) {
            assert_eq!(&padded[..row], rows.next().unwrap());
            assert!(padded[row..].iter().all(|&b| b == 0));
        }
        first += u64::from(segment.rows());
    }
    assert!(rows.next().is_none());
    assert_eq!(first, matrix.row_count());
}

#[test]
fn every_type_and_shape_comes_back_as_it_went() {
    let gpu = tiny().build().unwrap();
    for &dtype in DType::ALL {
        for dim in [1, 3, 8, 31, 128, 136] {
            for rows in [1, 63, 64, 65, 200] {
                let data = Data::new(dtype, dim, rows, 7);
                let matrix = Matrix::from_rows(&gpu, dim, data.rows()).unwrap();
                assert_eq!(matrix.segments().len(), rows.div_ceil(64), "{dtype} {dim} {rows}");
                check_layout(&matrix, data.bytes());
                assert_eq!(all(&matrix), data.bytes());
            }
        }
    }
}

#[test]
fn any_range_can_be_read_blocking_and_as_a_future() {
    let gpu = tiny().build().unwrap();
    let data = Data::new(DType::F16, 5, 150, 3);
    let matrix = Matrix::from_rows(&gpu, 5, data.rows()).unwrap();
    for range in [0..0, 0..1, 63..65, 10..140, 149..150, 150..150] {
        let expected = &data.bytes()[range.start * 10..range.end * 10];
        assert_eq!(matrix.read(range.clone()).unwrap(), expected);
        assert_eq!(pollster::block_on(matrix.read_async(range)).unwrap(), expected);
    }
    #[expect(clippy::reversed_empty_ranges)]
    for range in [0..151, 151..151, 2..1, 0..usize::MAX] {
        assert!(matches!(matrix.read(range), Err(Error::InvalidArgument { .. })));
    }
}

#[test]
fn an_append_shares_full_segments_and_leaves_the_old_matrix_as_it_was() {
    let gpu = tiny().build().unwrap();
    let data = Data::new(DType::U8, 20, 300, 5);
    let mut matrix = Matrix::empty(&gpu, DType::U8, 20).unwrap();
    let mut olds = Vec::new();
    let mut at = 0;
    for step in [1, 2, 60, 1, 5, 130, 0, 1, 64, 36] {
        let part = data.rows().slice(20, at..at + step);
        let new = matrix.append(part).unwrap();
        let full = matrix.len() / 64;
        for (a, b) in matrix.segments().iter().zip(new.segments()).take(full) {
            assert_eq!(a.buffer().raw(), b.buffer().raw());
        }
        at += step;
        olds.push(std::mem::replace(&mut matrix, new));
    }
    olds.push(matrix);
    for old in olds {
        check_layout(&old, &data.bytes()[..old.len() * 20]);
    }
}

#[test]
fn siblings_do_not_write_over_each_other() {
    let gpu = Gpu::test_builder().poison(true).build().unwrap();
    let (a, b) = (Data::new(DType::F32, 3, 10, 1), Data::new(DType::F32, 3, 40, 2));
    let root = Matrix::from_rows(&gpu, 3, a.rows()).unwrap();
    let left = root.append(a.rows()).unwrap();
    let right = root.append(b.rows()).unwrap();
    assert_eq!(root.segments()[0].buffer().raw(), left.segments()[0].buffer().raw());
    assert_ne!(root.segments()[0].buffer().raw(), right.segments()[0].buffer().raw());
    check_layout(&root, a.bytes());
    check_layout(&left, &[a.bytes(), a.bytes()].concat());
    check_layout(&right, &[a.bytes(), b.bytes()].concat());
}

#[test]
fn a_stream_of_any_block_size_fills_the_same_matrix() {
    let gpu = tiny().build().unwrap();
    let data = Data::new(DType::I8, 33, 333, 9);
    for block in [1, 7, 64, 65, 1000] {
        for known in [None, Some(333), Some(0), Some(u64::MAX)] {
            let mut seen = 0;
            let mut source = Stream { data: &data, at: 0, block, known };
            let empty = Matrix::empty(&gpu, DType::I8, 33).unwrap();
            let matrix = empty.append_from(&mut source, &mut |rows, first| {
                assert_eq!(first, seen);
                seen += rows.count(33)? as u64;
                Ok(())
            });
            check_layout(&matrix.unwrap(), data.bytes());
            assert_eq!(seen, 333);
        }
    }
}

#[test]
fn a_failed_append_gives_its_room_back() {
    let gpu = Gpu::test_builder().max_segment_bytes(128 * 16).poison(true).build().unwrap();
    let data = Data::new(DType::F32, 4, 300, 4);
    let root = Matrix::from_rows(&gpu, 4, data.rows().slice(4, 0..10)).unwrap();
    let in_use = gpu.memory().in_use;
    for stop in [10, 40, 100, 250] {
        let mut source = Stream { data: &data, at: 10, block: 10, known: None };
        let outcome = root.append_from(&mut source, &mut |_, first| match first {
            f if f >= stop => Err(Error::NonFinite { row: f, column: 0 }),
            _ => Ok(()),
        });
        assert!(matches!(outcome, Err(Error::NonFinite { .. })));
    }
    assert_eq!(gpu.memory().in_use, in_use);
    let whole = root.append(data.rows().slice(4, 10..64)).unwrap();
    assert_eq!(root.segments()[0].buffer().raw(), whole.segments()[0].buffer().raw());
    check_layout(&root, &data.bytes()[..160]);
    check_layout(&whole, &data.bytes()[..64 * 16]);
}

#[test]
fn replaced_rows_are_seen_in_the_new_matrix_only() {
    let gpu = tiny().build().unwrap();
    for (dtype, dim) in [(DType::F32, 3), (DType::Bits, 72)] {
        let bytes = dtype.row_bytes(dim);
        let (old, new) = (Data::new(dtype, dim, 150, 1), Data::new(dtype, dim, 150, 2));
        let matrix = Matrix::from_rows(&gpu, dim, old.rows()).unwrap();
        for (row, count) in [(0, 1), (63, 2), (0, 150), (149, 1), (64, 64), (10, 0)] {
            let replaced = matrix.replace(row, new.rows().slice(dim, 0..count)).unwrap();
            let mut expected = old.bytes().to_vec();
            expected[row * bytes..(row + count) * bytes]
                .copy_from_slice(&new.bytes()[..count * bytes]);
            check_layout(&replaced, &expected);
            check_layout(&matrix, old.bytes());
        }
        assert!(matrix.replace(150, new.rows().slice(dim, 0..1)).is_err());
        assert!(matrix.replace(usize::MAX, new.rows().slice(dim, 0..1)).is_err());
    }
}

#[test]
fn wrong_shapes_are_refused() {
    let gpu = tiny().build().unwrap();
    assert!(Matrix::empty(&gpu, DType::F32, 0).is_err());
    assert!(matches!(Matrix::empty(&gpu, DType::F32, 1 << 40), Err(Error::LimitExceeded { .. })));
    assert!(Matrix::empty(&gpu, DType::F32, usize::MAX).is_err());
    let matrix = Matrix::empty(&gpu, DType::F32, 3).unwrap();
    assert!(matches!(
        matrix.append(Rows::F32(&[0.0; 4])),
        Err(Error::PartialRow { len: 4, dim: 3, .. })
    ));
    assert!(matches!(matrix.append(Rows::I8(&[0; 3])), Err(Error::InvalidArgument { .. })));
    let data = Data::new(DType::F32, 2, 1, 1);
    let mut source = Stream { data: &data, at: 0, block: 1, known: None };
    assert!(matrix.append_from(&mut source, &mut |_, _| Ok(())).is_err());
    assert!(matrix.read(0..0).unwrap().is_empty());
}

#[test]
fn a_matrix_over_the_budget_is_refused_and_nothing_is_kept() {
    let gpu = Gpu::builder().memory_budget(1 << 20).build().unwrap();
    let data = Data::new(DType::F32, 64, 5000, 1);
    let small = Matrix::from_rows(&gpu, 64, data.rows().slice(64, 0..100)).unwrap();
    let in_use = gpu.memory().in_use;
    match small.append(data.rows()) {
        Err(Error::OutOfDeviceMemory { requested, in_use, budget, .. }) => {
            assert!(requested + in_use > budget && budget == 1 << 20);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(gpu.memory().in_use, in_use);
    check_layout(&small, &data.bytes()[..100 * 256]);
}

#[test]
fn matrices_are_joined_on_the_device() {
    let gpu = Gpu::test_builder().max_segment_bytes(128 * 20).poison(true).build().unwrap();
    let data = Data::new(DType::U8, 17, 400, 6);
    let part = |from: usize, to: usize| {
        Matrix::from_rows(&gpu, 17, data.rows().slice(17, from..to)).unwrap()
    };
    for cuts in [[0, 10, 20], [0, 100, 400], [0, 64, 65], [0, 130, 131], [0, 0, 300], [0, 300, 300]]
    {
        let [a, b, c] = cuts;
        let (first, second) = (part(a, b), part(b, c));
        let joined = first.append_matrix(&second).unwrap();
        check_layout(&joined, &data.bytes()[..c * 17]);
        check_layout(&first, &data.bytes()[..b * 17]);
        check_layout(&second, &data.bytes()[b * 17..c * 17]);
    }
    // behind itself, in the room that its own buffer has left
    let ten = part(0, 10);
    let twice = ten.append_matrix(&ten).unwrap();
    assert_eq!(ten.segments()[0].buffer().raw(), twice.segments()[0].buffer().raw());
    check_layout(&twice, &[&data.bytes()[..170], &data.bytes()[..170]].concat());
    // one that was taken over is not written to by those that grow from it
    let empty = Matrix::empty(&gpu, DType::U8, 17).unwrap();
    let taken = empty.append_matrix(&ten).unwrap();
    let more = taken.append(data.rows().slice(17, 10..20)).unwrap();
    check_layout(&more, &data.bytes()[..340]);
    check_layout(&twice, &[&data.bytes()[..170], &data.bytes()[..170]].concat());
}

#[test]
fn a_matrix_that_does_not_fit_behind_another_is_refused() {
    let gpu = Gpu::builder().memory_budget(1 << 20).build().unwrap();
    let data = Data::new(DType::F32, 64, 1500, 1);
    let a = Matrix::from_rows(&gpu, 64, data.rows().slice(64, 0..1500)).unwrap();
    let b = Matrix::from_rows(&gpu, 64, data.rows().slice(64, 0..600)).unwrap();
    let in_use = gpu.memory().in_use;
    assert!(matches!(b.append_matrix(&a), Err(Error::OutOfDeviceMemory { .. })));
    assert_eq!(gpu.memory().in_use, in_use);
    check_layout(&b, &data.bytes()[..600 * 256]);
}
