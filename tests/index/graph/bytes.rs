//! Walks over 8 bits an element: rows of i8 and u8, and the copy of rows in other types.

use super::{Both, bits, made, walking};
use crate::common::device::Open as _;
use crate::support::{encode, rows, whole_gpu};
use nearfield::{
    DType, Gpu, GraphParams, GraphPath, GraphTraversal, Hits, IdFilter, Index as _, Metric, Rows,
    Search, SearchParams,
};

/// By the copy in 8 bits.
fn by_bytes(ef: usize) -> SearchParams {
    let graph = GraphParams::new().path(GraphPath::Graph).ef(ef);
    SearchParams::new().graph(graph.traversal(GraphTraversal::Bytes))
}

/// Whether the walk was one whose name has all of these in it.
fn walked(found: &Hits, words: &[&str]) -> bool {
    let of =
        |name: &String| name.starts_with("search_") && words.iter().all(|word| name.contains(word));
    found.stats().graph.walked == found.len() as u64 && found.stats().variants.iter().any(of)
}

#[test]
fn integers_are_walked_along_by_their_products() {
    let gpu = whole_gpu();
    for (dtype, metric, dim, n) in [
        (DType::I8, Metric::L2, 20, 400),
        (DType::U8, Metric::SqrtL2, 3, 200),
        (DType::I8, Metric::InnerProduct, 33, 300),
        (DType::U8, Metric::InnerProduct, 16, 200),
        (DType::U8, Metric::Cosine, 16, 300),
        (DType::I8, Metric::CosineDistance, 7, 150),
    ] {
        let name = format!("_{dtype}_");
        let base = rows(n, dim, &metric, dtype, 21);
        let both = Both::of(&gpu, dim, &metric, &base, 16);
        let queries = rows(15, dim, &metric, dtype, 22);
        let floats = queries.rows().to_f32();
        // queries of their type, and of another
        let scaled = matches!(metric, Metric::Cosine | Metric::CosineDistance);
        let as_floats: Vec<f32> = floats.iter().map(|x| x + 0.25).collect();
        for (asked, whole) in [(queries.rows(), !scaled), (Rows::F32(&as_floats), false)] {
            let found = both.graph.search_with(asked, 10, &walking(64)).unwrap();
            let words: &[&str] = if whole { &[&name, "whole"] } else { &[&name] };
            assert!(walked(&found, words), "{metric} {dtype}: {:?}", found.stats().variants);
            assert_eq!(found.stats().variants.iter().any(|v| v.contains("whole")), whole);
            for (k, ef) in [(10, 64), (1, 8), (30, 16)] {
                let share = both.check(asked, k, ef);
                assert!(share > 0.9 || ef < 64, "{metric} {dtype}, k {k}, ef {ef}: {share}");
            }
        }
    }
}

#[test]
fn the_largest_integers_and_many_equal_ones_are_found() {
    let gpu = whole_gpu();
    let (dim, n) = (40, 200);
    for dtype in [DType::I8, DType::U8] {
        let ends = if dtype == DType::I8 { [-128.0, 127.0] } else { [0.0, 255.0] };
        // corners, some of them twice
        let values: Vec<f64> = (0..n * dim)
            .map(|i| ends[(((i / dim % 150) * 2654435761) >> (i % dim % 29)) & 1])
            .collect();
        for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
            let base = encode(&values, dim, dtype, &metric);
            let both = Both::of(&gpu, dim, &metric, &base, 16);
            let few = base.rows().slice(dim, 0..20);
            let share = both.check(few, 5, 100);
            assert!(share > 0.9, "{metric} {dtype} {share}");
            // an island, or a filter, is answered by the exact search in integers, too
            let third = SearchParams::new().filter(0..50);
            let [ours, theirs] =
                both.each().map(|index| index.search_with(few, 9, &third).unwrap());
            assert_eq!(bits(&ours), bits(&theirs));
        }
    }
    // fewer rows than a list keeps, none and one
    for n in [0, 1, 9] {
        let base = rows(n, 5, &Metric::L2, DType::U8, 23);
        let both = Both::of(&gpu, 5, &Metric::L2, &base, 8);
        let query = rows(3, 5, &Metric::L2, DType::U8, 24);
        assert_eq!(both.check(query.rows(), 12, 64), if n == 0 { 0.0 } else { 1.0 });
    }
}

#[test]
fn the_copy_in_bytes_finds_nearly_what_the_rows_do() {
    let gpu = whole_gpu();
    for (dtype, metric, dim, n) in [
        (DType::F32, Metric::L2, 48, 500),
        (DType::F32, Metric::InnerProduct, 20, 300),
        (DType::F32, Metric::Cosine, 33, 300),
        (DType::F16, Metric::L2, 20, 300),
        (DType::Bf16, Metric::Cosine, 5, 300),
    ] {
        let base = rows(n, dim, &metric, dtype, 25);
        let both = Both::of(&gpu, dim, &metric, &base, 16);
        let queries = made(40, dim, &metric, 26);
        let (rows, memory) = (both.check(queries.rows(), 10, 64), both.graph.memory());
        let bytes = both.check_with(queries.rows(), 10, &by_bytes(64));
        assert!(bytes > 0.9 && bytes >= rows - 0.01, "{metric} {dtype}: {bytes} {rows}");
        let copied = both.graph.memory() - memory;
        let most = (n.next_multiple_of(256) * (dim.next_multiple_of(16) + 8)) as u64;
        assert!(copied >= (n * dim) as u64 && copied <= 2 * most, "{copied} {most}");
        let found = both.graph.search_with(queries.rows(), 10, &by_bytes(64)).unwrap();
        assert!(walked(&found, &["int8copy"]), "{:?}", found.stats().variants);
        // made once
        assert_eq!(both.graph.memory(), memory + copied);
        let again = both.graph.search_with(queries.rows(), 10, &walking(64)).unwrap();
        assert!(!walked(&again, &["int8copy"]));
    }
}

#[test]
fn the_copy_is_that_of_the_rows_whatever_changes() {
    let (gpu, dim, metric) = (whole_gpu(), 16, Metric::L2);
    let both = Both::of(&gpu, dim, &metric, &made(300, dim, &metric, 27), 16);
    assert!(both.check_with(made(10, dim, &metric, 28).rows(), 5, &by_bytes(64)) > 0.9);
    // removed: the copy stays, and so does the graph
    let memory = both.graph.memory();
    both.remove(&[1, 2, 3, 250]);
    assert_eq!(both.graph.memory(), memory);
    let more = made(100, dim, &metric, 29).rows().to_f32();
    assert!(both.check_with(Rows::F32(&more), 5, &by_bytes(64)) > 0.9);
    both.add(&more);
    assert_eq!(both.check_with(Rows::F32(&more), 1, &by_bytes(32)), 1.0);
    for index in both.each() {
        index.update(7, Rows::F32(&[5.0; 16])).unwrap();
    }
    assert_eq!(both.check_with(Rows::F32(&[5.0; 16]), 1, &by_bytes(32)), 1.0);
    // of bytes there is no copy, and nothing to choose
    let base = rows(200, dim, &metric, DType::U8, 30);
    let both = Both::of(&gpu, dim, &metric, &base, 16);
    let queries = base.rows().slice(dim, 0..9);
    let [one, other] = [walking(32), by_bytes(32)]
        .map(|params| both.graph.search_with(queries, 4, &params).unwrap());
    assert_eq!(bits(&one), bits(&other));
    assert!(walked(&other, &["_u8_", "whole"]));
}

#[test]
fn rows_that_eight_bits_say_little_of_are_found_all_the_same() {
    let (gpu, dim) = (whole_gpu(), 8);
    let base = made(240, dim, &Metric::L2, 31).rows().to_f32();
    // very long rows, very short ones, zeros, and some of one large element
    let mut base: Vec<f32> = base;
    base[..40 * dim].iter_mut().for_each(|x| *x *= 1e15);
    base[40 * dim..80 * dim].iter_mut().for_each(|x| *x *= 1e-12);
    base[80 * dim..90 * dim].fill(0.0);
    base[90 * dim..130 * dim].chunks_exact_mut(dim).for_each(|row| row[3] = 1e4);
    for metric in [Metric::L2, Metric::InnerProduct, Metric::Cosine] {
        let values: Vec<f64> = base.iter().map(|&x| x.into()).collect();
        let both = Both::of(&gpu, dim, &metric, &encode(&values, dim, DType::F32, &metric), 16);
        let share = both.check_with(Rows::F32(&base[..90 * dim]), 3, &by_bytes(250));
        assert!(share > 0.9 || metric != Metric::L2, "{metric} {share}");
        // all rows on the list: nothing is left to 8 bits
        let all = both.check_with(Rows::F32(&base[150 * dim..170 * dim]), 240, &by_bytes(256));
        assert_eq!(all, 1.0, "{metric}");
    }
}

#[test]
fn bytes_in_segments_and_by_any_threads_answer_alike() {
    let (metric, dim) = (Metric::Cosine, 16);
    let base = rows(300, dim, &metric, DType::I8, 32);
    let floats = made(300, dim, &metric, 33);
    let (queries, asked) = (rows(10, dim, &metric, DType::I8, 34), made(10, dim, &metric, 35));
    let mut first = [None, None];
    for (threads, segment) in [(64, 1 << 20), (256, 1 << 20), (128, 128 * 64)] {
        let builder = Gpu::builder().poison(true).max_segment_bytes(segment);
        let gpu = builder.setting("kernel.graph.threads", threads).open().unwrap();
        let both = [(&base, queries.rows(), walking(32)), (&floats, asked.rows(), by_bytes(32))];
        for (at, (base, queries, params)) in both.into_iter().enumerate() {
            let both = Both::of(&gpu, dim, &metric, base, 16);
            match both.graph.search_with(queries, 5, &params) {
                Ok(found) => assert_eq!(&bits(&found), first[at].get_or_insert(bits(&found))),
                // of eight storage buffers two are those of rows
                Err(error) => assert!(error.to_string().contains("buffers"), "{error}"),
            }
        }
    }
    assert!(first.iter().all(Option::is_some));
}

#[test]
fn graphs_of_integers_grow_heal_and_are_filtered() {
    let (gpu, dim) = (whole_gpu(), 16);
    for (dtype, metric) in
        [(DType::I8, Metric::L2), (DType::U8, Metric::InnerProduct), (DType::U8, Metric::Cosine)]
    {
        let of = |n: usize, seed: u64| rows(n, dim, &metric, dtype, seed);
        let both = Both::of(&gpu, dim, &metric, &of(300, 36), 16);
        both.graph.build().unwrap();
        for (part, seed) in [(0, 37), (1, 38)] {
            let ids = both.flat.ids();
            let some: Vec<u64> = ids.into_iter().filter(|id| id % 5 == part).collect();
            let more = of(60, seed);
            for index in both.each() {
                index.remove(&some).unwrap();
                index.add_rows(more.rows()).unwrap();
            }
            // along what was made of the graph before, by integers and floats
            let name = format!("{metric} {dtype} {part}");
            let asked = of(20, 39 + part);
            assert!(both.check(asked.rows(), 10, 48) > 0.93, "{name}");
            let floats: Vec<f32> = asked.rows().to_f32().iter().map(|x| x + 0.25).collect();
            assert!(both.check(Rows::F32(&floats), 10, 48) > 0.93, "{name}");
        }
        let own = both.check(of(40, 42).rows(), 10, 32);
        let asked = of(9, 43);
        let even = IdFilter::from_fn(|id| id % 2 == 0);
        let found = both.graph.search_with(asked.rows(), 5, &walking(48).filter(even.clone()));
        let found = found.unwrap();
        assert!(found.ids().iter().all(|id| id % 2 == 0) && found.ids().len() == 9 * 5);
        assert_eq!((found.stats().graph.walked, found.stats().graph.exact), (9, 0));
        let exact = SearchParams::new().filter(even);
        let exact = both.flat.search_with(asked.rows(), 5, &exact).unwrap();
        let same = found.ids().iter().filter(|id| exact.ids().contains(id)).count();
        assert!(same >= 40, "{metric} {dtype}: {same}");
        both.graph.rebuild().unwrap();
        let new = both.check(of(40, 42).rows(), 10, 32);
        assert!(own >= new - 0.02, "{metric} {dtype}: {own}, {new} of a new one");
    }
}

#[test]
fn a_copy_in_bytes_grows_with_the_rows_and_is_filtered() {
    let (gpu, dim) = (whole_gpu(), 20);
    for metric in [Metric::L2, Metric::Cosine] {
        let both = Both::of(&gpu, dim, &metric, &made(300, dim, &metric, 44), 16);
        let asked = made(30, dim, &metric, 45);
        both.check_with(asked.rows(), 5, &by_bytes(32));
        for seed in 46..49 {
            both.add(&made(70, dim, &metric, seed).rows().to_f32());
            let more = made(70, dim, &metric, seed);
            // the copy is there before a search asks for it
            both.graph.build().unwrap();
            let memory = both.graph.memory();
            assert!(both.check_with(more.rows(), 1, &by_bytes(32)) > 0.98, "{metric}");
            assert_eq!(both.graph.memory(), memory, "{metric}");
        }
        // it is that of the rows that a new copy is of
        let found = both.graph.search_with(asked.rows(), 10, &by_bytes(48)).unwrap();
        assert!(walked(&found, &["int8copy"]));
        both.remove(&(0..150).collect::<Vec<u64>>());
        assert!(both.check_with(asked.rows(), 5, &by_bytes(48)) > 0.93, "{metric}");
        let odd = IdFilter::from_fn(|id| id % 2 == 1);
        let found = both.graph.search_with(asked.rows(), 5, &by_bytes(48).filter(odd)).unwrap();
        assert!(found.ids().iter().all(|id| id % 2 == 1) && found.ids().len() == 30 * 5);
        assert!(walked(&found, &["int8copy"]));
    }
}
