//! The candidates: what is worth trying on an adapter.

use super::values::{Change, Values, number, word};
use nearfield::{Caps, DType, Gpu, Profile, check_scan_tile};

/// Tiles that device profiles have, or that won somewhere: bm, bn, bk, tm, tn.
const LIKELY: [[u32; 5]; 9] = [
    [64, 64, 16, 4, 4],
    [128, 128, 16, 8, 8],
    [128, 128, 32, 8, 8],
    [64, 64, 16, 8, 8],
    [64, 128, 8, 8, 16],
    [64, 64, 16, 8, 4],
    [64, 64, 8, 8, 4],
    [128, 64, 16, 8, 4],
    [256, 64, 32, 8, 8],
];
const TILE_KEYS: [&str; 5] = ["bm", "bn", "bk", "tm", "tn"];

/// Results of one thread beyond which every GPU spills its registers.
const MOST_RESULTS: u32 = 128;

/// Tiles of the f32 scan that the adapter runs, the likely ones first, and how many those are.
pub fn tiles(gpu: &Gpu) -> (Vec<Vec<Change>>, usize) {
    let change = |shape: [u32; 5]| -> Vec<Change> {
        TILE_KEYS.iter().zip(shape).map(|(key, value)| number("scan", key, value)).collect()
    };
    let mut all: Vec<Vec<Change>> = LIKELY.into_iter().map(change).collect();
    all.retain(|changes| runs(gpu, changes));
    let likely = all.len();
    for bm in [32, 64, 128, 256] {
        for bn in [64, 128, 256] {
            for bk in [8, 16, 32] {
                for (tm, tn) in [(4, 4), (4, 8), (8, 4), (8, 8), (4, 16), (16, 4), (8, 16), (16, 8)]
                {
                    let threads = bm / tm * (bn / tn);
                    let sensible = tm * tn <= MOST_RESULTS && threads >= 64 && threads % 64 == 0;
                    let changes = change([bm, bn, bk, tm, tn]);
                    if sensible && !all.contains(&changes) && runs(gpu, &changes) {
                        all.push(changes);
                    }
                }
            }
        }
    }
    (all, likely)
}

fn runs(gpu: &Gpu, changes: &[Change]) -> bool {
    let changed = changes.iter().try_fold(gpu.profile().clone(), |profile: Profile, c| {
        profile.with(&format!("{}.{}", c.section, c.key), c.text())
    });
    changed.and_then(|profile| check_scan_tile(gpu, &profile)).is_ok()
}

/// Tiles of the matrix units, those of the device profiles first, and how many those are; none without such units.
///
/// Slabs are at most 32 deep, which the copies of the rows are padded to.
pub fn matrix_tiles(caps: &Caps) -> (Vec<Vec<Change>>, usize) {
    let change = |input: &str, [sm, sgm, sgn, bk, pad]: [u32; 5], bias: &str| {
        let keys = [("sm", sm), ("sgm", sgm), ("sgn", sgn), ("bk", bk), ("pad", pad)];
        let mut changes: Vec<Change> =
            keys.iter().map(|(key, value)| number("matrix", key, *value)).collect();
        changes.push(word("matrix", "bias", bias));
        changes.push(word("matrix", "input", input));
        changes
    };
    let inputs = [(DType::F16, "f16"), (DType::F32, "f32")];
    let inputs =
        inputs.iter().filter(|(dtype, _)| caps.matrix_edge(*dtype).is_some()).map(|(_, name)| name);
    let likely = [[4, 2, 2, 32, 8], [4, 2, 1, 32, 8], [4, 2, 2, 16, 8], [4, 2, 4, 32, 8]];
    let biases = ["accumulator", "epilogue"];
    let mut all = Vec::new();
    for input in inputs.clone() {
        for bias in biases {
            all.extend(likely.iter().take(3).map(|&shape| change(input, shape, bias)));
        }
        all.extend(likely.iter().skip(3).map(|&shape| change(input, shape, "accumulator")));
    }
    let first = all.len();
    for input in inputs {
        for bias in biases {
            for (bk, pad) in [(32, 8), (32, 0), (16, 8), (16, 0)] {
                for sm in [4, 2, 8] {
                    for (sgm, sgn) in
                        [(2, 2), (2, 1), (1, 2), (4, 1), (1, 4), (4, 2), (2, 4), (1, 1)]
                    {
                        let changes = change(input, [sm, sgm, sgn, bk, pad], bias);
                        if !all.contains(&changes) {
                            all.push(changes);
                        }
                    }
                }
            }
        }
    }
    (all, first)
}

/// How many tiles of rows a workgroup of the matrix units takes one after the other.
pub fn walks() -> Vec<Vec<Change>> {
    [1, 2, 4, 8, 16, 32].map(|tiles| vec![number("matrix", "tiles", tiles)]).into()
}

/// Workgroups that multiply lists.
pub fn list_groups() -> Vec<Vec<Change>> {
    [256, 512, 1024, 2048, 4096, 8192].map(|groups| vec![number("lists", "groups", groups)]).into()
}

/// Workgroups that read lists for few queries, and the most for one list of one query.
pub fn list_rows() -> Vec<Vec<Change>> {
    let change = |groups, lanes| {
        vec![number("lists", "row_groups", groups), number("lists", "row_lanes", lanes)]
    };
    let groups = [1024, 2048, 4096, 8192, 16384];
    groups
        .into_iter()
        .flat_map(|groups| [4, 8, 16, 32].map(|lanes| change(groups, lanes)))
        .collect()
}

/// Whether the adapter multiplies matrices of f16 or f32.
pub fn matrix_units(caps: &Caps) -> bool {
    [DType::F16, DType::F32].iter().any(|&input| caps.matrix_edge(input).is_some())
}

/// Numbers of threads that select.
pub fn select_threads(caps: &Caps) -> Vec<Vec<Change>> {
    let fitting =
        [64, 128, 256, 512, 1024].into_iter().filter(|&t| t <= caps.max_workgroup_threads);
    fitting.map(|threads| vec![number("select", "threads", threads)]).collect()
}

/// Numbers of threads that follow the edges of a graph for a query.
pub fn walk_threads(caps: &Caps) -> Vec<Vec<Change>> {
    let fitting = [64, 128, 256].into_iter().filter(|&t| t <= caps.max_workgroup_threads);
    fitting.map(|threads| vec![number("graph", "threads", threads)]).collect()
}

/// How long a waiting thread may look for the end before it sleeps, in microseconds.
pub fn spins() -> Vec<Vec<Change>> {
    [0, 200, 1000, 2000, 5000].map(|us| vec![number("submit", "spin_us", us)]).into()
}

/// Whether the f16 copy of the rows is kept.
pub fn copies() -> Vec<Vec<Change>> {
    [0, 1].map(|copy| vec![number("matrix", "f16_copy", copy)]).into()
}

/// The candidate that changes least of `from`: most that is fast lies beside what is fast.
pub fn nearest(candidates: &[Vec<Change>], from: &[Change]) -> Option<usize> {
    let differing = |c: &&Vec<Change>| c.iter().zip(from).filter(|(a, b)| a != b).count();
    let all = candidates.iter().enumerate().map(|(i, c)| (i, differing(&c)));
    all.min_by_key(|&(_, count)| count).map(|(i, _)| i)
}

/// The candidates without the present values, which come first.
pub fn after_present(mut candidates: Vec<Vec<Change>>, values: &Values) -> Vec<Vec<Change>> {
    let Some(first) = candidates.first() else { return candidates };
    let present = values.present(first);
    candidates.retain(|c| *c != present);
    candidates.insert(0, present);
    candidates
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_present_comes_first_and_once() {
        let values = Values::of(&Profile::baseline().unwrap()).unwrap();
        let known = after_present(spins(), &values);
        assert_eq!((known.len(), known[0][0].number()), (spins().len(), Some(0)));
        let strange = values.with(&[number("submit", "spin_us", 7)]);
        let unknown = after_present(spins(), &strange);
        assert_eq!((unknown.len(), unknown[0][0].number()), (spins().len() + 1, Some(7)));
    }

    #[test]
    fn the_nearest_candidate_changes_least() {
        let shape = |bm, bn| vec![number("scan", "bm", bm), number("scan", "bn", bn)];
        let all = [shape(64, 64), shape(128, 64), shape(128, 256)];
        assert_eq!(nearest(&all, &shape(128, 128)), Some(1));
        assert_eq!(nearest(&[], &shape(128, 128)), None);
    }
}
