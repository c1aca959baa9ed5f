//! Lists of every shape: empty, of one row, around the bins of 64, one that holds everything, as many as rows, and such that are equal.

use super::oracle::{Twin, asked, bits, probing};
use crate::support::{gpu, rows};
use nearfield::{DType, Metric, Rows, Search};

const DIM: usize = 4;

/// Centroids on a line, far apart.
fn line(nlist: usize) -> Vec<f32> {
    (0..nlist).flat_map(|list| [1000.0 * list as f32, 0.0, 0.0, 0.0]).collect()
}

/// Whole numbers near a centroid, so that many distances are equal.
fn near(list: usize, row: usize) -> [f32; DIM] {
    let part = |shift: usize| (((row * 7919) >> shift) % 5) as f32 - 2.0;
    [1000.0 * list as f32 + part(0), part(2), part(4), part(6)]
}

/// Lists of these sizes, whose rows come in turns.
fn of_sizes(metric: &Metric, sizes: &[usize]) -> Twin {
    let mut twin = Twin::new(&gpu(), DIM, metric, DType::F32, &line(sizes.len()));
    let most = sizes.iter().max().copied().unwrap_or(0);
    let mut all = Vec::new();
    for row in 0..most {
        for (list, _) in sizes.iter().enumerate().filter(|(_, size)| row < **size) {
            all.extend(near(list, row));
        }
    }
    twin.add(Rows::F32(&all));
    let sizes: Vec<u64> = sizes.iter().map(|&size| size as u64).collect();
    assert_eq!(twin.ivf.list_sizes(), sizes);
    twin
}

#[test]
fn lists_around_the_bins_are_searched_to_their_ends() {
    let sizes = [63, 0, 64, 1, 65, 128, 0, 129, 2, 0];
    for metric in [Metric::L2, Metric::L1] {
        let twin = of_sizes(&metric, &sizes);
        let queries: Vec<f32> = (0..sizes.len()).flat_map(|list| near(list, 3)).collect();
        let queries = Rows::F32(&queries);
        twin.check_assigned(queries, sizes.len());
        for nprobe in [1, 2, 3, sizes.len() - 1, sizes.len()] {
            for k in if nprobe > 2 { [10, 1000] } else { [1, 65] } {
                twin.check(queries, asked(nprobe, k));
            }
        }
        // a query has its own list and nothing of the others
        let found = twin.ivf.search_with(queries, 1000, &probing(1)).unwrap();
        let counts: Vec<usize> = found.lims().windows(2).map(|at| at[1] - at[0]).collect();
        assert_eq!(counts, sizes);
        assert_eq!(found.stats().ivf.rows_probed, sizes.iter().sum::<usize>() as u64);
    }
}

#[test]
fn queries_whose_lists_are_empty_have_no_hits() {
    let twin = of_sizes(&Metric::L2, &[30, 0, 0, 0, 0, 40]);
    // between lists 2 and 3, and in list 2: the two nearest have nothing
    let queries = [2400.0, 0.0, 0.0, 0.0, 2001.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    let found = twin.check(Rows::F32(&queries), asked(2, 5));
    assert_eq!(found.lims(), [0, 0, 0, 5]);
    // alone in its call, so that no row is left at all
    let found = twin.check(Rows::F32(&queries[..4]), asked(2, 5));
    assert_eq!((found.lims(), found.stats().ivf.rows_probed), (&[0, 0][..], 0));
    let found = twin.check(Rows::F32(&queries), asked(5, 100));
    assert_eq!(found.lims().len(), 4);
}

#[test]
fn equal_distances_of_different_lists_stand_in_the_order_of_adding() {
    // rows at -1 and at 1 in turns, which are as near to 0 and in two lists
    let centroids = [-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 9.0, 0.0, 0.0];
    let mut twin = Twin::new(&gpu(), DIM, &Metric::L2, DType::F32, &centroids);
    let all: Vec<f32> = (0..300).flat_map(|row| [[-1.0, 1.0][row % 2], 0.0, 0.0, 0.0]).collect();
    twin.add(Rows::F32(&all));
    assert_eq!(twin.ivf.list_sizes(), [150, 150, 0]);
    let found = twin.check(Rows::F32(&[0.0; 3 * DIM]), asked(2, 200));
    for query in 0..3 {
        assert!(found.row(query).map(|hit| hit.0).eq(0..200));
    }
    // as near to both centroids: the first list it is
    let found = twin.check(Rows::F32(&[0.0; DIM]), asked(1, 3));
    assert_eq!(found.ids(), [0, 2, 4]);
}

#[test]
fn one_list_may_hold_everything() {
    let metric = Metric::L2;
    let mut far = vec![1.0e6; 7 * DIM];
    far[3 * DIM..4 * DIM].fill(0.0);
    let mut twin = Twin::new(&gpu(), DIM, &metric, DType::F32, &far);
    twin.add(rows(1000, DIM, &metric, DType::F32, 1).rows());
    assert_eq!(twin.ivf.list_sizes(), [0, 0, 0, 1000, 0, 0, 0]);
    let queries = rows(70, DIM, &metric, DType::F32, 2);
    let one = twin.check(queries.rows(), asked(1, 10));
    let all = twin.flat.search_with(queries.rows(), 10, &Default::default()).unwrap();
    assert_eq!(bits(&one), bits(&all));
    // six centroids are equal, and lists of equal ones are in the order of their numbers
    assert_eq!(twin.probes(Rows::F32(&[1.0e6; DIM]), 7)[0], [0, 1, 2, 4, 5, 6, 3]);
    twin.check(Rows::F32(&[1.0e6; DIM]), asked(6, 10));
}

#[test]
fn rows_that_are_all_equal_are_in_the_first_list() {
    let all = [2.5f32; 200 * DIM];
    let twin = Twin::trained(&gpu(), &Metric::L2, DIM, 5, Rows::F32(&all));
    assert_eq!(twin.ivf.list_sizes(), [200, 0, 0, 0, 0]);
    assert_eq!(twin.ivf.centroids().unwrap(), [2.5; 5 * DIM]);
    let queries = rows(6, DIM, &Metric::L2, DType::F32, 3);
    let found = twin.check(queries.rows(), asked(1, 70));
    assert!((0..6).all(|query| found.row(query).map(|hit| hit.0).eq(0..70)));
    assert_eq!(twin.probes(queries.rows(), 3)[0], [0, 1, 2]);
}

#[test]
fn there_may_be_as_many_lists_as_rows() {
    for metric in [Metric::L2, Metric::Cosine] {
        let base = rows(150, DIM, &metric, DType::F32, 4);
        let twin = Twin::trained(&gpu(), &metric, DIM, 150, base.rows());
        assert_eq!(twin.ivf.list_sizes().iter().sum::<u64>(), 150);
        let queries = rows(20, DIM, &metric, DType::F32, 5);
        for (nprobe, k) in [(1, 1), (1, 10), (10, 10), (149, 5)] {
            twin.check(queries.rows(), asked(nprobe, k));
        }
        if metric == Metric::L2 {
            // each row is a centroid, and its own nearest
            let own = twin.ivf.search_with(base.rows(), 1, &probing(1)).unwrap();
            assert!(own.ids().iter().copied().eq(0..150));
        }
    }
}

#[test]
fn more_lists_than_different_rows_leave_some_empty() {
    let different = rows(6, DIM, &Metric::L2, DType::F32, 6).rows().to_f32();
    let all: Vec<f32> =
        (0..240).flat_map(|row| different[row % 6 * DIM..][..DIM].to_vec()).collect();
    let twin = Twin::trained(&gpu(), &Metric::L2, DIM, 20, Rows::F32(&all));
    let used = twin.ivf.list_sizes().iter().filter(|&&size| size > 0).count();
    assert!(used <= 6, "{:?}", twin.ivf.list_sizes());
    for nprobe in [1, 4, 19] {
        twin.check(Rows::F32(&different), asked(nprobe, 50));
    }
}

#[test]
fn one_list_is_the_flat_index() {
    let base = rows(300, DIM, &Metric::InnerProduct, DType::F32, 7);
    let twin = Twin::trained(&gpu(), &Metric::InnerProduct, DIM, 1, base.rows());
    let queries = rows(5, DIM, &Metric::InnerProduct, DType::F32, 8);
    let found = twin.ivf.search(&queries.rows().to_f32(), 9).unwrap();
    let flat = twin.flat.search(&queries.rows().to_f32(), 9).unwrap();
    assert_eq!(bits(&found), bits(&flat));
    let empty = Twin::new(&gpu(), DIM, &Metric::L2, DType::F32, &line(3));
    empty.check(queries.rows(), asked(2, 3));
    empty.check(queries.rows(), asked(3, 3));
    assert!(empty.ivf.is_empty() && empty.ivf.is_trained());
}
