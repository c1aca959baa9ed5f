//! What only a card does in a moment: histories, pairs and lists as large as people have them. Without `NEARFIELD_TEST_CARD=1` the same
//! runs at small sizes, where answers are held to the same, and times and memory are printed.

use super::oracle::{bits, probing};
use super::sized::{Made, ask, at_size, check_some, equal, gpu, labels, own_gpu, sized, time};
use crate::common::device::subset;
use nearfield::{
    DType, Flat, Guarantee, IdFilter, Index, IvfFlat, Metric, QueryFilter, Rows, Search,
    SearchParams,
};
use std::time::Instant;

#[test]
fn rows_that_come_one_by_one_and_half_of_which_go_leave_nothing_behind() {
    let (n, dim, nlist) = sized((100_000, 64, 256), (200, 8, 8));
    let made = Made::new(&equal(n, nlist), dim, 0.8);
    let index = IvfFlat::new(&gpu(), dim, Metric::L2, nlist).unwrap();
    index.train(Rows::F32(&made.rows)).unwrap();
    let start = Instant::now();
    for row in made.rows.chunks(dim) {
        index.add(row).unwrap();
    }
    println!("{n} rows added one by one in {:.1?}", start.elapsed());
    let (gone, kept): (Vec<u64>, Vec<u64>) = (0..n as u64).partition(|id| id % 2 == 0);
    let start = Instant::now();
    for ids in gone.chunks(sized(500, 10)) {
        assert_eq!(index.remove(ids).unwrap(), ids.len());
    }
    println!("{} of them removed in {:.1?}", gone.len(), start.elapsed());

    let (metric, centroids) = (Metric::L2, index.centroids().unwrap());
    let fresh = IvfFlat::with_centroids(&gpu(), dim, metric, DType::F32, &centroids).unwrap();
    let rows: Vec<f32> =
        kept.iter().flat_map(|&id| made.rows[id as usize * dim..][..dim].to_vec()).collect();
    fresh.add_with_ids(Rows::F32(&rows), &kept).unwrap();
    assert_eq!(index.list_sizes(), fresh.list_sizes());
    let all: Vec<usize> = (0..nlist).collect();
    for (count, nprobe) in sized([(10_000, 8), (10, 32)], [(40, 2), (3, 4)]) {
        let queries = made.queries(count, 0.8, &all);
        let ours = ask(&index, &queries, 10, nprobe);
        let theirs = ask(&fresh, &queries, 10, nprobe);
        assert_eq!(bits(&ours.0), bits(&theirs.0));
        let ratio = ours.1.as_secs_f64() / theirs.1.as_secs_f64();
        println!("{count} queries: {:.3?}, {ratio:.2} times a fresh index's", ours.1);
        assert!(!at_size() || ratio <= 1.2, "{ratio}");
    }
    let ratio = index.memory() as f64 / fresh.memory() as f64;
    println!("memory {} bytes, {ratio:.2} times a fresh index's", index.memory());
    assert!(!at_size() || ratio <= 1.3, "{ratio}");
}

#[test]
fn all_lists_have_the_answers_of_a_flat_index_and_fewer_those_of_their_rows() {
    let (n, dim, nlist) = sized((1_000_000, 128, 4096), (500, 12, 12));
    let made = Made::new(&equal(n, nlist), dim, 1.2);
    let start = Instant::now();
    let index = if at_size() {
        let index = IvfFlat::new(&gpu(), dim, Metric::L2, nlist).unwrap();
        index.train(Rows::F32(&made.rows)).unwrap();
        println!("trained in {:.2?}", start.elapsed());
        index.add(&made.rows).unwrap();
        index
    } else {
        made.index(&gpu())
    };
    println!("rows there after {:.2?}", start.elapsed());
    let labels = labels(&index, &made.rows);
    let all = (&index, &made.rows[..], &labels[..]);
    let of_all: Vec<usize> = (0..nlist).collect();
    let queries = made.queries(sized(10_000, 30), 1.2, &of_all);
    let some = &queries[..sized(1000, 10) * dim];
    let few = &queries[..sized(8, 4) * dim];

    let flat = Flat::new(&gpu(), dim, Metric::L2).unwrap();
    flat.add(&made.rows).unwrap();
    let expected = bits(&flat.search(some, 10).unwrap());
    for params in [probing(nlist), SearchParams::new().guarantee(Guarantee::Exact)] {
        assert_eq!(bits(&index.search_with(Rows::F32(some), 10, &params).unwrap()), expected);
    }
    drop(flat);
    let (hits, took, pairs) = ask(&index, some, 10, nlist - 1);
    println!("{} lists: {pairs} pairs in {took:.2?}", nlist - 1);
    check_some(all, (some, nlist - 1, 10), &hits, sized(4, 8), &|_, _| true);

    let nprobe = sized(32, 3);
    let (hits, took, pairs) = ask(&index, &queries, 10, nprobe);
    println!("{nprobe} lists: {pairs} pairs in {took:.2?}");
    check_some(all, (&queries, nprobe, 10), &hits, 64, &|_, _| true);

    // for all queries, and for each on top
    let third = IdFilter::from_fn(|id| id % 3 == 0);
    let own = |query: usize| IdFilter::range(query as u64 * 5..n as u64 - query as u64);
    let filtered = probing(nprobe).filter(third.clone());
    let hits = index.search_with(Rows::F32(&queries), 10, &filtered).unwrap();
    check_some(all, (&queries, nprobe, 10), &hits, 16, &|_, id| third.is_member(id));
    let each = QueryFilter::Each((0..few.len() / dim).map(own).collect());
    let filtered = filtered.query_filter(each);
    let hits = index.search_with(Rows::F32(few), 10, &filtered).unwrap();
    let eligible = |query: usize, id| third.is_member(id) && own(query).is_member(id);
    check_some(all, (few, nprobe, 10), &hits, 8, &eligible);
}

#[test]
fn more_pairs_than_one_submission_takes_are_taken_in_parts() {
    let (n, dim, nlist) = sized((200_000, 32, 4096), (400, 6, 32));
    let (count, nprobe) = sized((100_000, 2048), (90, 16));
    let made = Made::new(&equal(n, nlist), dim, 0.9);
    let gpu = own_gpu(|builder| if at_size() { builder } else { builder.max_binding_bytes(1) });
    let index = made.index(&gpu);
    let all: Vec<usize> = (0..nlist).collect();
    let queries = made.queries(count, 0.9, &all);
    let start = Instant::now();
    let hits = index.search_with(Rows::F32(&queries), 10, &probing(nprobe)).unwrap();
    let (took, stats) = (start.elapsed(), hits.stats());
    println!(
        "{} pairs of rows, {} submissions, {took:.2?}",
        stats.ivf.rows_probed, stats.submissions
    );
    assert!(stats.submissions > 1);
    // as many rows as there are in the lists, which is more than 32 bits hold
    let (sizes, mut expected) = (index.list_sizes(), 0u64);
    for some in queries.chunks(10_000 * dim) {
        let lists = index.assign(Rows::F32(some), nprobe).unwrap();
        expected += lists.ids().iter().map(|&list| sizes[list as usize]).sum::<u64>();
    }
    assert_eq!(stats.ivf.rows_probed, expected);
    assert!(!at_size() || expected > u64::from(u32::MAX), "{expected}");
    let labels = labels(&index, &made.rows);
    let all = (&index, &made.rows[..], &labels[..]);
    check_some(all, (&queries, nprobe, 10), &hits, sized(64, 16), &|_, _| true);
    // a few alone, at the end of it
    let first = count - 7;
    let alone = index.search_with(Rows::F32(&queries[first * dim..]), 10, &probing(nprobe));
    let alone = alone.unwrap();
    for query in 0..7 {
        assert!(alone.row(query).eq(hits.row(first + query)), "query {}", first + query);
    }
}

#[test]
fn crowds_of_queries_and_of_rows_are_answered_like_any_others() {
    let (n, dim, nlist) = sized((1_000_000, 128, 4096), (400, 10, 20));
    let (count, nprobe) = sized((10_000, 32), (40, 4));
    // a list of fifty times the rows of an average one, and the rest of the rows in the others
    let long = n / nlist * sized(50, 8);
    let mut unequal = equal(n - long, nlist - 1);
    unequal.insert(nlist / 2, long);
    let everywhere: Vec<usize> = (0..nlist).collect();
    let mut balanced = None;
    let step = if subset() && !at_size() { 3 } else { 1 };
    let all = [
        ("equal lists", equal(n, nlist), &everywhere[..]),
        ("all queries in one list", equal(n, nlist), &[nlist / 2][..]),
        ("one long list", unequal.clone(), &everywhere[..]),
        ("all queries in the long list", unequal, &[nlist / 2][..]),
    ];
    for (what, sizes, lists) in all.into_iter().step_by(step) {
        let made = Made::new(&sizes, dim, 0.1);
        let index = made.index(&gpu());
        let labels = labels(&index, &made.rows);
        let queries = made.queries(count, 0.1, lists);
        let (hits, took, pairs) = ask(&index, &queries, 10, nprobe);
        let of_pair = took.as_secs_f64() / pairs as f64;
        let ratio = of_pair / *balanced.get_or_insert(of_pair);
        println!(
            "{what}: {pairs} pairs in {took:.2?}, each {ratio:.2} times as long as in equal lists"
        );
        let all = (&index, &made.rows[..], &labels[..]);
        check_some(all, (&queries, nprobe, 10), &hits, 16, &|_, _| true);
    }
}

#[test]
fn memory_stays_within_the_budget_when_all_lists_but_one_are_looked_at() {
    let (n, dim, nlist) = sized((1_000_000, 128, 4096), (400, 16, 20));
    let count = sized(10_000, 60);
    let made = Made::new(&equal(n, nlist), dim, 0.9);
    let own = made.index(&gpu());
    let all: Vec<usize> = (0..nlist).collect();
    let queries = made.queries(count, 0.9, &all);
    let expected = own.search_with(Rows::F32(&queries), 10, &probing(nlist - 1)).unwrap();
    // room for little more than the rows, and for the search of few queries at a time
    let budget = own.memory() * 2 + sized(256 << 20, 2 << 20);
    drop(own);
    let gpu = own_gpu(|builder| builder.memory_budget(budget));
    let index = made.index(&gpu);
    let hits = index.search_with(Rows::F32(&queries), 10, &probing(nlist - 1)).unwrap();
    assert_eq!(bits(&hits), bits(&expected));
    let took = time(&index, &queries, 10, &probing(nlist - 1));
    let memory = gpu.memory();
    println!("index {} bytes, {took:.2?} a search, {memory}", index.memory());
    assert_eq!(memory.budget, budget);
    assert!(memory.peak <= budget, "{memory}");
    // of all that was in use, the index alone remains
    assert!(memory.in_use <= index.memory() + (1 << 20), "{memory}");
}
