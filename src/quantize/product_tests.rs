use super::*;
use crate::kernel::Encoder;
use crate::quantize::encode::Lists;

/// Numbers from -1 to 1 that are no pattern.
fn numbers(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

fn segmented() -> Gpu {
    Gpu::test_builder().poison(true).max_segment_bytes(1).build().unwrap()
}

/// Holds codes against the nearest centroids in f64, as far as rounding leaves no doubt.
fn check(quantizer: &ProductQuantizer, rows: &[f32], codes: &[u8]) {
    let (dim, part, ksub) = (quantizer.dim, quantizer.part(), 1 << quantizer.bits);
    let bytes = quantizer.code_bytes();
    assert_eq!(codes.len(), rows.len() / dim * bytes);
    let mut found = Vec::new();
    for (row, code) in rows.chunks_exact(dim).zip(codes.chunks_exact(bytes)) {
        found.clear();
        unpack(code, quantizer.bits, quantizer.subspaces, &mut found);
        for (m, &number) in found.iter().enumerate() {
            let x = &row[m * part..][..part];
            let distance = |c: usize| -> f64 {
                let centroid = &quantizer.centroids[(m * ksub + c) * part..][..part];
                x.iter().zip(centroid).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum()
            };
            let own = distance(number.into());
            for c in 0..ksub {
                let other = distance(c);
                assert!(
                    own <= other * (1.0 + 1e-5) + 1e-12,
                    "part {m}: {number}, and {c} is nearer"
                );
                // of equal centroids the first
                assert!(other > 0.0 || c >= number.into(), "part {m}: {number} before {c}");
            }
        }
    }
}

#[test]
fn each_part_gets_its_nearest_centroid() {
    let gpu = segmented();
    for (dim, subspaces, bits, n) in [
        (1, 1, 4, 3),
        (6, 2, 8, 200),
        (35, 5, 5, 65),
        (34, 2, 6, 130),
        (33, 1, 7, 70),
        (40, 40, 4, 9),
    ] {
        let mut centroids = numbers(dim << bits, 7);
        // two equal ones
        let part = dim / subspaces;
        centroids.copy_within(3 * part..4 * part, 9 * part);
        let mut rows = numbers(n * dim, 8);
        rows[..part].copy_from_slice(&centroids[9 * part..10 * part]);
        let quantizer = ProductQuantizer::new(dim, subspaces, bits).unwrap();
        let quantizer = quantizer.with_centroids(&centroids).unwrap();
        let codes = quantizer.encode(&gpu, Rows::F32(&rows)).unwrap();
        check(&quantizer, &rows, &codes);
        // what is decoded is encoded to the same centroids
        let decoded = quantizer.decode(&codes).unwrap();
        let again = quantizer.encode(&gpu, Rows::F32(&decoded)).unwrap();
        assert_eq!(quantizer.decode(&again).unwrap(), decoded, "{dim} {subspaces} {bits}");
    }
}

#[test]
fn residuals_are_encoded_as_if_the_host_had_taken_them() {
    let gpu = segmented();
    let (dim, n, lists) = (12, 150, 5);
    let quantizer = ProductQuantizer::new(dim, 3, 4).unwrap();
    let quantizer = quantizer.with_centroids(&numbers(dim << 4, 1)).unwrap();
    let (rows, centroids) = (numbers(n * dim, 2), numbers(lists * dim, 3));
    let labels: Vec<u32> = (0..n as u32).map(|i| i * 7 % lists as u32).collect();
    let mut encoder = Encoder::new(&gpu, "lists", false).unwrap();
    let label_words = encoder.upload("labels", bytemuck::cast_slice(&labels)).unwrap();
    let list_words = encoder.upload("lists", bytemuck::cast_slice(&centroids)).unwrap();
    encoder.submit(&[]).unwrap();
    let of = Lists { labels: &label_words, centroids: &list_words, stride: dim as u32 };
    let matrix = Matrix::from_rows(&gpu, dim, Rows::F32(&rows)).unwrap();
    let codebook = quantizer.codebook(&gpu).unwrap();
    let found = encode::codes(&codebook, &matrix, Some(of)).unwrap();
    let found = found.read(0..n).unwrap();
    let mut residuals = rows.clone();
    for (row, &label) in residuals.chunks_exact_mut(dim).zip(&labels) {
        let centroid = &centroids[label as usize * dim..][..dim];
        row.iter_mut().zip(centroid).for_each(|(x, c)| *x -= c);
    }
    let mut packed = Vec::new();
    found.chunks_exact(3).for_each(|row| pack(row, 4, &mut packed));
    check(&quantizer, &residuals, &packed);
}

#[test]
fn training_learns_the_parts_and_says_how_far_it_is() {
    let gpu = Gpu::test_builder().poison(true).build().unwrap();
    // each part takes one of 16 values, which are to be found
    let values = numbers(3 * 32, 5);
    let picks = numbers(3 * 600, 6);
    let picks = picks.iter().map(|x| ((x + 1.0) * 8.0) as usize % 16);
    let of = |(i, pick): (usize, usize)| (i % 3 * 16 + pick) * 2;
    let rows: Vec<f32> =
        picks.enumerate().map(of).flat_map(|at| [values[at], values[at + 1]]).collect();
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let params = KMeansParams::new().init(crate::KMeansInit::KMeansPlusPlus);
    let params = params.progress(move |share| tell.lock().unwrap().push(share));
    let quantizer = ProductQuantizer::new(6, 3, 4).unwrap();
    assert!(matches!(quantizer.encode(&gpu, Rows::F32(&rows)), Err(Error::NotTrained)));
    let trained = quantizer.train(&gpu, Rows::F32(&rows), &params).unwrap();
    assert_eq!(trained, quantizer.train(&gpu, Rows::F32(&rows), &params).unwrap());
    let decoded = trained.decode(&trained.encode(&gpu, Rows::F32(&rows)).unwrap()).unwrap();
    for (x, y) in rows.iter().zip(&decoded) {
        assert!((x - y).abs() < 1e-6, "{x} {y}");
    }
    let told = told.lock().unwrap();
    assert!(told.windows(2).take(told.len() / 2 - 1).all(|pair| pair[0] <= pair[1]));
    assert!(told.last() == Some(&1.0));
}

/// The mean squared error of rows behind a quantizer.
fn lost(gpu: &Gpu, quantizer: &ProductQuantizer, rows: &[f32]) -> f64 {
    let codes = quantizer.encode(gpu, Rows::F32(rows)).unwrap();
    let decoded = quantizer.decode(&codes).unwrap();
    let squares = rows.iter().zip(&decoded).map(|(&x, &y)| (f64::from(x) - f64::from(y)).powi(2));
    squares.sum::<f64>() / rows.len() as f64
}

#[test]
fn parts_that_learn_at_once_lose_what_they_lose_one_by_one() {
    let gpu = Gpu::test_builder().poison(true).build().unwrap();
    let rows = numbers(800 * 10, 8);
    for (parts, bits) in [(2, 5), (10, 4)] {
        let quantizer = ProductQuantizer::new(10, parts, bits).unwrap();
        let train =
            |params: &KMeansParams| quantizer.train(&gpu, Rows::F32(&rows), params).unwrap();
        let at_once = train(&KMeansParams::new());
        assert!(
            at_once == train(&KMeansParams::new())
                && at_once != train(&KMeansParams::new().seed(9))
        );
        let one_by_one = train(&KMeansParams::new().nredo(2));
        let (ours, theirs) = (lost(&gpu, &at_once, &rows), lost(&gpu, &one_by_one, &rows));
        // the better of two trials
        assert!(ours < theirs * 1.2, "{parts} {bits}: {ours} {theirs}");
        let errors: Vec<f64> = [0, 1, 3, 25]
            .map(|niter| lost(&gpu, &train(&KMeansParams::new().niter(niter)), &rows))
            .to_vec();
        assert!(errors.windows(2).all(|two| two[1] < two[0] * 1.001), "{errors:?}");
        // trained again it starts anew
        let again = at_once.train(&gpu, Rows::F32(&rows), &KMeansParams::new()).unwrap();
        assert_eq!(again, at_once);
    }
    // as many rows as centroids are these, and centroids that find none go where some are
    let quantizer = ProductQuantizer::new(10, 5, 4).unwrap();
    let few = &rows[..16 * 10];
    let trained = quantizer.train(&gpu, Rows::F32(few), &KMeansParams::new()).unwrap();
    assert_eq!(lost(&gpu, &trained, few), 0.0);
    let mut random = fastrand::Rng::with_seed(4);
    let twelve: Vec<f32> = (0..900)
        .flat_map(|i| {
            // most rows are one and the same
            let row = if i % 50 == 0 { random.usize(0..12) } else { 0 };
            rows[row * 10..][..10].to_vec()
        })
        .collect();
    let params = KMeansParams::new().niter(40);
    let trained = quantizer.train(&gpu, Rows::F32(&twelve), &params).unwrap();
    assert!(lost(&gpu, &trained, &twelve) < 1e-12, "{}", lost(&gpu, &trained, &twelve));
    let cancel = crate::CancelToken::new();
    cancel.cancel();
    let cancelled = quantizer.train(&gpu, Rows::F32(&rows), &KMeansParams::new().cancel(&cancel));
    assert!(matches!(cancelled, Err(Error::Cancelled)));
}

#[test]
fn what_cannot_be_is_refused() {
    let gpu = Gpu::test_builder().build().unwrap();
    let quantizer = ProductQuantizer::new(4, 2, 4).unwrap();
    for (dim, subspaces, bits) in [(0, 1, 8), (4, 0, 8), (4, 3, 8), (4, 8, 8), (4, 2, 3), (4, 2, 9)]
    {
        assert!(ProductQuantizer::new(dim, subspaces, bits).is_err());
    }
    let train = |rows: &[f32], params: &KMeansParams| {
        quantizer.train(&gpu, Rows::F32(rows), params).unwrap_err().to_string()
    };
    let params = KMeansParams::new();
    assert!(train(&[0.0; 60], &params).contains("15 rows, of which 16 centroids"));
    let mut rows = numbers(80, 1);
    rows[41] = f32::NAN;
    assert!(train(&rows, &params).contains("row 10, column 1"));
    assert!(train(&numbers(80, 1), &params.clone().weights([1.0; 20])).contains("weights"));
    let trained = quantizer.clone().with_centroids(&[0.5; 64]).unwrap();
    assert!(quantizer.clone().with_centroids(&[0.5; 63]).is_err());
    assert!(quantizer.clone().with_centroids(&[f32::INFINITY; 64]).is_err());
    assert!(matches!(quantizer.decode(&[0]), Err(Error::NotTrained)));
    assert!(trained.decode(&[0; 3]).is_ok());
    let eight = ProductQuantizer::new(4, 2, 8).unwrap().with_centroids(&[0.5; 1024]).unwrap();
    assert!(eight.decode(&[0; 3]).unwrap_err().to_string().contains("no whole codes of 2"));
    let refused = trained.encode(&gpu, Rows::F32(&[0.0, f32::NAN, 0.0, 0.0])).unwrap_err();
    assert!(refused.to_string().contains("row 0, column 1"), "{refused}");
    assert!(trained.encode(&gpu, Rows::F32(&[])).unwrap().is_empty());
}
