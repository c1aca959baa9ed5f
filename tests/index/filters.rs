//! Filters of every kind, on sequential ids, listed ids and what is left of both after removals.

use crate::support::{Model, gpu, index, rows};
use nearfield::{DType, Error, Gpu, IdFilter, Index, Metric, QueryFilter, SearchParams};
use std::sync::{Arc, Mutex};

/// As FAISS defines its selectors.
fn passes(filter: &IdFilter, id: u64) -> bool {
    match filter {
        IdFilter::All => true,
        IdFilter::Range(ids) => id >= ids.start && id < ids.end,
        IdFilter::Fn(_) => filter.is_member(id),
        IdFilter::Batch(ids) => ids.contains(&id),
        IdFilter::Bitmap(words) => {
            (id / 64) < words.len() as u64 && (words[(id / 64) as usize] >> (id % 64)) % 2 == 1
        }
        IdFilter::Not(f) => !passes(f, id),
        IdFilter::And(fs) => fs.iter().fold(true, |all, f| all & passes(f, id)),
        IdFilter::Or(fs) => fs.iter().fold(false, |any, f| any | passes(f, id)),
        IdFilter::Xor(fs) => fs.iter().fold(false, |odd, f| odd ^ passes(f, id)),
        other => panic!("no definition of {other:?}"),
    }
}

fn filters() -> Vec<IdFilter> {
    let range = |min: u64, max: u64| IdFilter::range(min..max);
    let batch = |ids: &[u64]| IdFilter::batch(ids);
    let words: Vec<u64> = (1..8u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let bits = IdFilter::bitmap(words);
    vec![
        IdFilter::All,
        !IdFilter::All,
        range(0, u64::MAX),
        range(100, 100),
        range(200, 100),
        range(131, 132),
        range(31, 197),
        batch(&[]),
        batch(&[64]),
        batch(&[5, 300, 64, 5, 999_999, u64::MAX]),
        IdFilter::bitmap(vec![]),
        IdFilter::bitmap(vec![u64::MAX; 2]),
        bits.clone(),
        !bits.clone(),
        !!bits.clone(),
        bits.clone() & range(50, 250) & !batch(&[77, 78, 79]),
        range(0, 10) | range(250, 260) | batch(&[100]),
        bits.clone() ^ range(100, 200) ^ range(150, 300),
        IdFilter::from_fn(|id| id % 3 == 1),
        IdFilter::from_fn(|id| id % 3 == 1) & !range(64, 128),
        (100..=131).into(),
        (200..).into(),
        (..=64).into(),
        (..).into(),
        (3..90).step_by(7).collect(),
        IdFilter::And(vec![]),
        IdFilter::Or(vec![]),
        IdFilter::Xor(vec![]),
        !(bits | range(0, 50)) & (range(10, 90) ^ !range(40, 60)),
    ]
}

/// An index of 300 rows, with sequential ids, or listed ones within the same bounds; some removed where asked.
fn filled(gpu: &Gpu, listed: bool, removed: u64) -> (Box<dyn Index>, Model) {
    let (metric, dtype, dim) = (Metric::L2, DType::F32, 4);
    let mut model = Model::new(&metric, dtype, dim);
    let index = index(gpu, dim, &metric, dtype);
    for (start, end) in [(0u64, 170), (170, 300)] {
        let new = rows((end - start) as usize, dim, &metric, dtype, start);
        let ids: Vec<u64> = match listed {
            true => (start..end).map(|i| i * 91 % 300).collect(),
            false => (start..end).collect(),
        };
        match listed {
            true => index.add_with_ids(new.rows(), &ids).unwrap(),
            false => drop(index.add_rows(new.rows()).unwrap()),
        }
        model.add(new.rows(), &ids);
    }
    let gone: Vec<u64> = (0..removed).map(|i| i * 7 % 300).collect();
    assert_eq!(index.remove(&gone).unwrap() as u64, removed);
    model.rows.retain(|row| !gone.contains(&row.0));
    (index, model)
}

#[test]
fn every_filter_finds_what_its_definition_passes() {
    let gpu = gpu();
    // Masked, then moved together.
    for (listed, removed) in [(false, 0), (false, 40), (true, 0), (true, 40), (true, 200)] {
        let (index, model) = filled(&gpu, listed, removed);
        let queries = rows(2, 4, &Metric::L2, DType::F32, 77);
        for filter in filters() {
            println!("{filter:?}, listed {listed}, removed {removed}");
            let params = SearchParams::new().filter(filter.clone());
            let hits = index.search_with(queries.rows(), 1000, &params).unwrap();
            let eligible = |_: usize, row: usize| passes(&filter, model.rows[row].0);
            model.check_hits(&hits, queries.rows(), 1000, &eligible);
            assert!((0..310).all(|id| filter.is_member(id) == passes(&filter, id)));
        }
    }
}

#[test]
fn every_query_has_its_own_filter() {
    let gpu = gpu();
    let filters = filters();
    let n = filters.len();
    for (listed, removed) in [(false, 0), (true, 40)] {
        let (index, model) = filled(&gpu, listed, removed);
        let queries = rows(n, 4, &Metric::L2, DType::F32, 78);
        let each = QueryFilter::Each(filters.clone());
        let words: Vec<u64> = filters.iter().flat_map(bitmap).collect();
        let bitmap = QueryFilter::Bitmap { words, words_per_query: 4 };
        for (own, limit) in [(each, 300), (bitmap, 256)] {
            let params = SearchParams::new().query_filter(own).filter(IdFilter::range(20..280));
            let hits = index.search_with(queries.rows(), 40, &params).unwrap();
            let eligible = |query: usize, row: usize| {
                let id = model.rows[row].0;
                passes(&filters[query], id) && (20..limit.min(280)).contains(&id)
            };
            model.check_hits(&hits, queries.rows(), 40, &eligible);
            let within = index.range_search_with(queries.rows(), 1e9, &params).unwrap();
            model.check_hits(&within, queries.rows(), 1000, &eligible);
        }
    }
}

/// The first 256 ids.
fn bitmap(filter: &IdFilter) -> Vec<u64> {
    let bit = |word: u64, i: u64| u64::from(passes(filter, word * 64 + i)) << i;
    (0..4).map(|word| (0..64).map(|i| bit(word, i)).sum()).collect()
}

#[test]
fn filters_that_do_not_fit_the_queries_are_refused() {
    let (index, _) = filled(&gpu(), false, 0);
    let queries = rows(3, 4, &Metric::L2, DType::F32, 79);
    for filter in [
        QueryFilter::Each(vec![IdFilter::All; 2]),
        QueryFilter::Each(vec![]),
        QueryFilter::Bitmap { words: vec![0; 7], words_per_query: 2 },
        QueryFilter::Bitmap { words: vec![], words_per_query: usize::MAX },
    ] {
        let params = SearchParams::new().query_filter(filter);
        let error = index.search_with(queries.rows(), 1, &params).unwrap_err();
        assert!(matches!(error, Error::InvalidArgument { argument: "query_filter", .. }));
        assert!(index.range_search_with(queries.rows(), 1.0, &params).is_err());
    }
    let none = QueryFilter::Bitmap { words: vec![], words_per_query: 0 };
    let hits =
        index.search_with(queries.rows(), 1, &SearchParams::new().query_filter(none)).unwrap();
    assert_eq!(hits.lims(), [0, 0, 0, 0]);
}

#[test]
fn a_filter_built_in_a_long_loop_is_no_deeper() {
    let any = (0..100_000).fold(IdFilter::Or(vec![]), |f, id| f | IdFilter::range(id..id + 1));
    let all = (0..100_000).fold(IdFilter::All, |f, id| f & !IdFilter::range(id..id + 1));
    let odd = (0..100_000).fold(IdFilter::All, |f, id| f ^ IdFilter::range(id..id + 1));
    assert!(any.is_member(99_999) && !any.is_member(100_000));
    assert!(!all.is_member(99_999) && all.is_member(100_000));
    assert!(!odd.is_member(99_999) && odd.is_member(100_000));
}

#[test]
fn ranges_of_every_kind_are_ranges_of_ids() {
    assert_eq!(IdFilter::range(..), IdFilter::All);
    assert_eq!(IdFilter::range(5..=9), IdFilter::Range(5..10));
    assert_eq!(IdFilter::range(..9), IdFilter::Range(0..9));
    assert_eq!(IdFilter::from(..=9), IdFilter::Range(0..10));
    assert_eq!(IdFilter::from(5..), IdFilter::Range(5..u64::MAX));
    let after = (std::ops::Bound::Excluded(5), std::ops::Bound::Included(u64::MAX));
    assert_eq!(IdFilter::range(after), IdFilter::Range(6..u64::MAX));
    let function = IdFilter::from_fn(|id| id == 3);
    assert_eq!(function, function.clone());
    assert_ne!(function, IdFilter::from_fn(|id| id == 3));
}

/// The host asks a function of every row and search, once, and never of what is no row.
#[test]
fn a_function_is_asked_once_a_row() {
    let (index, model) = filled(&gpu(), true, 40);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let by = Arc::clone(&asked);
    let filter = IdFilter::from_fn(move |id| {
        by.lock().unwrap().push(id);
        id % 2 == 0
    });
    let queries = rows(2, 4, &Metric::L2, DType::F32, 81);
    let params = SearchParams::new().filter(filter);
    let hits = index.search_with(queries.rows(), 1000, &params).unwrap();
    model.check_hits(&hits, queries.rows(), 1000, &|_, row| model.rows[row].0.is_multiple_of(2));
    let mut asked = asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, (0..300).collect::<Vec<u64>>());
}
