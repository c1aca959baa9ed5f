//! Rows that are added, replaced, removed, merged and given back, and thresholds that are learnt.

use super::answers::check;
use super::{Model, bits_of, index, numbers};
use crate::support::gpu;
use nearfield::{CancelToken, Error, Index, Lsh, Matrix, Rows, Search, SearchParams, TrainParams};

/// What the bits of a row stand for, in f64.
fn decoded(index: &Lsh, dim: usize, bits: &[bool]) -> Vec<f64> {
    let (matrix, thresholds) = (index.matrix(), index.thresholds());
    let values: Vec<f64> = (bits.iter().enumerate())
        .map(|(at, &is_set)| {
            let sign = if is_set { 1.0 } else { -1.0 };
            sign + thresholds.get(at).map_or(0.0, |&t| f64::from(t))
        })
        .collect();
    if matrix.is_empty() {
        return (0..dim).map(|at| values.get(at).copied().unwrap_or(0.0)).collect();
    }
    let column = |j: usize| {
        let terms = values.iter().zip(matrix.iter().skip(j).step_by(dim));
        terms.map(|(value, &a)| value * f64::from(a)).sum()
    };
    (0..dim).map(column).collect()
}

fn check_rows(index: &Lsh, model: &Model) {
    let dim = index.dim();
    assert_eq!(index.ids(), model.iter().map(|row| row.0).collect::<Vec<_>>());
    let mut ids = index.ids();
    ids.reverse();
    ids.extend(ids.first().copied());
    let rows = index.reconstruct_many(&ids).unwrap();
    for (id, row) in ids.iter().zip(rows.chunks_exact(dim)) {
        let bits = &model.iter().find(|row| row.0 == *id).unwrap().1;
        for (x, exact) in row.iter().zip(decoded(index, dim, bits)) {
            let largest = bits.len() as f64 * 1e15;
            assert!((f64::from(*x) - exact).abs() <= 1e-5 + 1e-6 * exact.abs().min(largest));
        }
        // what comes back becomes the same bits, where no threshold hides it
        if index.thresholds().is_empty() && index.nbits() <= dim {
            let again = bits_of(index, dim, row);
            assert!(again[0] == *bits);
        }
    }
}

#[test]
fn rows_are_changed_and_given_back() {
    for (dim, bits, rotated, thresholds) in
        [(6, 6, false, false), (10, 7, false, true), (5, 5, true, false), (9, 40, true, true)]
    {
        let index = index(dim, bits, rotated, thresholds);
        let (base, queries) = (numbers(120, dim, 9), numbers(4, dim, 10));
        let ids: Vec<u64> = (0..120).map(|i| 1000 - 3 * i).collect();
        index.add_with_ids(Rows::F32(&base), &ids).unwrap();
        let bits_of = |rows: &[f32]| bits_of(&index, dim, rows);
        let mut model: Model = ids.iter().copied().zip(bits_of(&base)).collect();
        check(&index, &model, &queries);
        check_rows(&index, &model);
        // a few are masked, then so many that the others are brought together
        for gone in [&ids[3..9], &ids[20..70]] {
            assert_eq!(index.remove(gone).unwrap(), gone.len());
            model.retain(|row| !gone.contains(&row.0));
            check(&index, &model, &queries);
            check_rows(&index, &model);
        }
        let other = numbers(5, dim, 11);
        let put = [ids[0], 5000, ids[80], 5001, ids[119]];
        assert_eq!(index.upsert(Rows::F32(&other), &put).unwrap(), 2);
        for (id, bits) in put.into_iter().zip(bits_of(&other)) {
            match model.iter_mut().find(|row| row.0 == id) {
                Some(row) => row.1 = bits,
                None => model.push((id, bits)),
            }
        }
        index.update(ids[90], Rows::F32(&queries[..dim])).unwrap();
        model.iter_mut().find(|row| row.0 == ids[90]).unwrap().1 =
            bits_of(&queries[..dim]).remove(0);
        let matrix = Matrix::from_rows(&gpu(), dim, Rows::F32(&base[..3 * dim])).unwrap();
        assert_eq!(index.add_matrix(&matrix).unwrap(), 5002..5005);
        model.extend((5002..).zip(bits_of(&base[..3 * dim])));
        check(&index, &model, &queries);
        check_rows(&index, &model);
        let (hits, rows) =
            index.search_and_reconstruct(Rows::F32(&queries), 3, &SearchParams::new()).unwrap();
        assert_eq!(rows, index.reconstruct_many(hits.ids()).unwrap());
        assert!(matches!(index.reconstruct(77_777), Err(Error::UnknownId { id: 77_777 })));
        // a row that is refused leaves all as it was
        let mut bad = other.clone();
        bad[2 * dim] = f32::NAN;
        let error = index.upsert(Rows::F32(&bad), &put).unwrap_err();
        assert!(matches!(error, Error::NonFinite { row: 2, column: 0 }), "{error}");
        check(&index, &model, &queries);
    }
}

#[test]
fn merging_takes_equal_rotations_and_thresholds() {
    for (rotated, thresholds) in [(false, false), (true, false), (true, true), (false, true)] {
        let made = || index(8, 8, rotated, thresholds);
        let (index, other) = (made(), made());
        let (base, more) = (numbers(30, 8, 12), numbers(25, 8, 13));
        index.add(&base).unwrap();
        let ids: Vec<u64> = (100..125).collect();
        other.add_with_ids(Rows::F32(&more), &ids).unwrap();
        other.remove(&[103, 110]).unwrap();
        assert_eq!(index.merge_from(&other).unwrap(), 23);
        let mut model: Model = (0..).zip(bits_of(&index, 8, &base)).collect();
        let added = (100..).zip(bits_of(&index, 8, &more));
        model.extend(added.filter(|row| row.0 != 103 && row.0 != 110));
        check(&index, &model, &numbers(3, 8, 14));
        assert_eq!(other.len(), 23);
    }
    let refused = |ours: &Lsh, theirs: &dyn Index, part: &str| {
        let said = ours.merge_from(theirs).unwrap_err().to_string();
        assert!(said.contains(part), "{said}");
        assert!(ours.is_empty());
    };
    let gpu = gpu();
    let made = |bits, rotated, thresholds| Lsh::new(&gpu, 8, bits, rotated, thresholds).unwrap();
    refused(&made(8, true, false), &made(8, false, false), "LSH8 into LSH8r");
    refused(&made(8, false, false), &made(7, false, false), "LSH7 into LSH8");
    refused(&made(8, false, true), &made(8, false, true), "not trained");
    let mut matrix = made(8, true, false).matrix();
    matrix[63] = f32::from_bits(matrix[63].to_bits() + 1);
    let other = Lsh::with_matrix(&gpu, 8, &matrix, &[]).unwrap();
    refused(&made(8, true, false), &other, "to the bit");
    let others = made(8, false, true);
    others.train(Rows::F32(&numbers(9, 8, 15))).unwrap();
    refused(&index(8, 8, false, true), &others, "to the bit");
    let flat = nearfield::Flat::new(&gpu, 8, nearfield::Metric::L2).unwrap();
    refused(&made(8, true, false), &flat, "one kind");
    // the same matrix, given
    let ours = made(8, true, false);
    let theirs = Lsh::with_matrix(&gpu, 8, &ours.matrix(), &[]).unwrap();
    theirs.add(&numbers(2, 8, 16)).unwrap();
    assert_eq!(ours.merge_from(&theirs).unwrap(), 2);
}

#[test]
fn thresholds_are_learnt_once_there_are_no_rows() {
    let index = Lsh::new(&gpu(), 4, 6, true, true).unwrap();
    assert!(!index.is_trained() && index.thresholds().is_empty());
    let rows = numbers(40, 4, 17);
    assert!(matches!(index.add(&rows), Err(Error::NotTrained)));
    assert!(matches!(index.search(&rows[..4], 1), Err(Error::NotTrained)));
    assert!(matches!(index.range_search(&rows[..4], 1.0), Err(Error::NotTrained)));
    assert!(matches!(index.encode(Rows::F32(&rows)), Err(Error::NotTrained)));
    assert!(matches!(index.update(0, Rows::F32(&rows[..4])), Err(Error::UnknownId { .. })));
    assert!(matches!(index.upsert(Rows::F32(&rows[..4]), &[1]), Err(Error::NotTrained)));
    assert!(index.training_rows() >= 10_000);
    assert!(index.train(Rows::F32(&[])).unwrap_err().to_string().contains("0 rows"));
    assert!(matches!(index.train(Rows::F32(&rows[..3])), Err(Error::PartialRow { .. })));
    let cancel = CancelToken::new();
    cancel.cancel();
    let params = TrainParams::new().cancel(&cancel);
    assert!(matches!(index.train_with(Rows::F32(&rows), &params), Err(Error::Cancelled)));
    assert!(!index.is_trained());
    index.train(Rows::F32(&rows)).unwrap();
    // half of the rows are at or above each
    let medians = index.thresholds();
    let plain = Lsh::with_matrix(&gpu(), 4, &index.matrix(), &medians).unwrap();
    assert!(plain.is_trained() && plain.description() == "LSH6rt");
    let sums = bits_of(&index, 4, &rows);
    for bit in 0..6 {
        let above = sums.iter().filter(|row| row[bit]).count();
        assert!((15..=30).contains(&above), "{above} of 40");
    }
    index.add(&rows).unwrap();
    let error = index.train(Rows::F32(&rows[..80])).unwrap_err();
    assert!(matches!(&error, Error::Unsupported { .. }), "{error}");
    assert_eq!(index.thresholds(), medians);
    index.remove(&index.ids()).unwrap();
    index.train(Rows::F32(&rows[..80])).unwrap();
    assert_ne!(index.thresholds(), medians);
    // without thresholds nothing is learnt, and a sample's shape is looked at
    let plain = super::index(4, 4, true, false);
    plain.add(&rows).unwrap();
    assert_eq!((plain.is_trained(), plain.training_rows()), (true, 0));
    plain.train(Rows::F32(&rows)).unwrap();
    assert!(matches!(plain.train(Rows::F32(&rows[..3])), Err(Error::PartialRow { .. })));
}

#[test]
fn the_same_bits_come_from_one_piece_and_from_a_thousand() {
    let (dim, rows) = (6, numbers(1000, 6, 18));
    let (whole, pieces) = (index(dim, 33, true, true), index(dim, 33, true, true));
    whole.add(&rows).unwrap();
    for (id, row) in (0..).zip(rows.chunks_exact(dim)) {
        assert_eq!(pieces.add(row).unwrap(), id..id + 1);
    }
    let ids: Vec<u64> = (0..1000).collect();
    assert_eq!(whole.reconstruct_many(&ids).unwrap(), pieces.reconstruct_many(&ids).unwrap());
    let queries = numbers(5, dim, 19);
    let (a, b) = (whole.search(&queries, 50).unwrap(), pieces.search(&queries, 50).unwrap());
    assert_eq!((a.ids(), a.distances()), (b.ids(), b.distances()));
}
