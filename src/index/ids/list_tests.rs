use super::*;

/// Grows a list by steps of a fixed pseudo-random pattern, beside a plain vector.
fn grown(steps: usize) -> (Ids, Vec<u64>) {
    let (mut ids, mut plain) = (Ids::default(), Vec::new());
    let mut seed = 12345u64;
    for step in 0..steps {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let first = (step as u64) * 1000;
        match seed >> 60 {
            0..6 => {
                ids = ids.with_run(first, 7);
                plain.extend(first..first + 7);
            }
            6..9 => {
                let list: Vec<u64> = (0..9).map(|i| first + (i * 5) % 9).collect();
                ids = ids.with_list(&list);
                plain.extend(list);
            }
            9..11 => ids = ids.with_list(&[]),
            _ => {
                // Far below all others, and some of them again and again.
                ids = ids.with_list(&[seed >> 60]);
                plain.push(seed >> 60);
            }
        }
    }
    (ids, plain)
}

#[test]
fn a_grown_list_is_a_plain_one() {
    let (ids, plain) = grown(200);
    assert_eq!(ids.len(), plain.len());
    assert!(ids.chunks.windows(2).all(|w| w[0].len > 2 * w[1].len), "{} chunks", ids.chunks.len());
    for (row, &id) in plain.iter().enumerate() {
        assert_eq!(ids.id(row), id);
        let mut rows: Vec<usize> = ids.rows_of(id).collect();
        rows.sort_unstable();
        assert!(rows.contains(&row) && rows.iter().all(|&r| plain[r] == id));
        assert_eq!(rows.len(), plain.iter().filter(|&&i| i == id).count());
    }
    assert_eq!(ids.rows_of(999_999_999).count(), 0);
    let mut part = Vec::new();
    ids.read(3..plain.len() - 3, &mut part);
    assert_eq!(part, plain[3..plain.len() - 3]);
    assert!(Ids::distinct(plain.clone()).is_err());
    assert_eq!(Ids::distinct(vec![7, 3, 9, 3]).unwrap_err(), 3);
    assert!(Ids::distinct(vec![7, 3, 9, 4]).is_ok() && Ids::distinct(vec![]).is_ok());
    let keep: Vec<u32> = (0..plain.len() as u32).step_by(3).collect();
    let kept = ids.gather(&keep);
    assert!(keep.iter().enumerate().all(|(i, &row)| kept.id(i) == plain[row as usize]));
}

#[test]
fn consecutive_ids_are_a_run_however_they_came() {
    let ids = Ids::default().with_run(5, 3).with_list(&[8, 9]).with_run(10, 1);
    assert_eq!((ids.as_run(), ids.len(), ids.chunks.len()), (Some(5), 6, 1));
    assert_eq!(ids.gather(&[1, 2, 3]).as_run(), Some(6));
    assert_eq!(ids.gather(&[1, 3]).as_run(), None);
}

#[test]
fn filters_agree_with_a_loop() {
    let (ids, plain) = grown(60);
    let rows = |passes: &dyn Fn(u64) -> bool| -> Vec<u32> {
        (0..plain.len() as u32).filter(|&r| passes(plain[r as usize])).collect()
    };
    for (min, max) in [(0, 0), (0, u64::MAX), (3, 4), (1003, 40_005), (50, 20), (7, 1_000_000)] {
        let mut set = RowSet::none(ids.len());
        ids.insert_range(min, max, &mut set);
        assert_eq!(set.iter().collect::<Vec<_>>(), rows(&|id| id >= min && id < max));
    }
    let words: Vec<u64> = (0..600u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).collect();
    let mut set = RowSet::none(ids.len());
    ids.insert_bits(&words, &mut set);
    let bit = |id: u64| words.get(id as usize / 64).is_some_and(|w| w >> (id % 64) & 1 != 0);
    assert_eq!(set.iter().collect::<Vec<_>>(), rows(&bit));
}
