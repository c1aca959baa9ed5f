//! Rows that are compared in the place of their codes by the device alone: what makes bins open, and queries fail over, changes no answer.

use super::both::{NLIST, gpu};
use super::oracle::probing;
use super::rabitq::{Both, made};
use nearfield::{Hits, Index, Metric, Originals, Rows, Search};

const DEVICE: (u32, Originals) = (4, Originals::Device);

/// Both answers, which are the same; that of the codes.
fn searched(both: &Both, queries: &[f32], (nprobe, k): (usize, usize)) -> Hits {
    let params = probing(nprobe);
    let found = both.index.search_with(Rows::F32(queries), k, &params).unwrap();
    let expected = both.twin.ivf.search_with(Rows::F32(queries), k, &params).unwrap();
    both.same(&found, &expected, &format!("nprobe {nprobe}, k {k}"));
    assert_eq!(found.stats().ivf.rows_probed, expected.stats().ivf.rows_probed);
    found
}

/// More bins of equal rows than there is room for, of whose ties the first rows are hits.
#[test]
fn queries_with_too_many_open_bins_compare_all_rows_of_their_lists() {
    let (dim, n) = (5, 3400);
    for (rows, metric) in [(true, Metric::L2), (false, Metric::InnerProduct)] {
        let mut base = made(n, dim, &metric, 31);
        let (one, others) = base.split_at_mut(dim);
        // farther out than others, so that of no product either is nearer to it
        one.iter_mut().for_each(|x| *x *= 5.0);
        others.chunks_exact_mut(dim).skip(300).for_each(|row| row.copy_from_slice(one));
        let both = Both::new(&gpu(rows), &metric, DEVICE, dim, &base);
        let mut queries = base[..2 * dim].to_vec();
        queries.extend(made(2, dim, &metric, 32));
        let stats = searched(&both, &queries, (NLIST, 2)).stats().clone();
        assert!(stats.originals.again > 0 && stats.originals.again == stats.exact.rerun);
        // as many as all that are asked for bins of all rows, and no more
        assert!(stats.originals.compared <= 4 * 3 * n as u64, "{stats:?}");
        assert_eq!(searched(&both, &queries, (2, 7)).len(), 4);
    }
}

/// What is open is a matter of how far rows are from the query, and not of how long either is.
#[test]
fn rows_far_from_the_origin_leave_few_bins_open() {
    let (dim, n) = (24, 2000);
    for (rows, metric) in [(true, Metric::L2), (false, Metric::SqrtL2)] {
        let mut base = made(n, dim, &metric, 41);
        base.iter_mut().for_each(|x| *x += 100.0);
        let queries: Vec<f32> = base[..20 * dim].iter().map(|x| x + 0.02).collect();
        let both = Both::new(&gpu(rows), &metric, (8, Originals::Device), dim, &base);
        let found = searched(&both, &queries, (1, 3));
        let stats = found.stats();
        let counted = stats.originals.compared;
        assert!(counted > 0 && stats.originals.again == 0, "{stats:?}");
        // first those of seven bins and some, then of those that are open; products in f16 are of what stands far from the origin
        if !stats.variants.iter().any(|name| name.starts_with("scan_matrix")) {
            assert!(stats.exact.bins_passed < 20 * 15, "{stats:?}");
            assert!(counted < stats.ivf.rows_probed, "{stats:?}");
        }
        // the bins that come first hold most, and nothing more is looked at without a proof
        let params = probing(1).certify(false);
        let found = both.index.search_with(Rows::F32(&queries), 3, &params).unwrap();
        assert!(found.stats().originals.compared < counted && found.len() == 20);
        // rows that are their own query are the nearest
        let own = searched(&both, &base[..8 * dim], (2, 1));
        assert!((0..8).all(|i| own.row(i).next().is_some_and(|(id, _)| id == i as u64)));
    }
}

/// Fewer rows than are asked for, none, and rows of zeros, of huge and of tiny elements.
#[test]
fn few_rows_and_rows_of_any_length_are_found() {
    let dim = 7;
    for (rows, metric) in [(true, Metric::InnerProduct), (false, Metric::L2)] {
        let mut base = made(64, dim, &metric, 51);
        for (row, values) in base.chunks_exact_mut(dim).enumerate() {
            let by = [1.0, 0.0, 1e12, 1e-12, -3.0][row % 5];
            values.iter_mut().for_each(|x| *x *= by);
        }
        let both = Both::new(&gpu(rows), &metric, DEVICE, dim, &base);
        let mut queries = base[..10 * dim].to_vec();
        queries.extend(vec![0.0; dim]);
        for shape in [(NLIST, 64), (NLIST, 100), (1, 9), (2, 1)] {
            searched(&both, &queries, shape);
        }
        let all: Vec<u64> = (0..64).collect();
        both.index.remove(&all).unwrap();
        let found = both.index.search_with(Rows::F32(&queries), 3, &probing(2)).unwrap();
        assert!((0..11).all(|i| found.row(i).next().is_none()));
    }
}
