//! Which centroids move into the clusters of others: those without points, and of a balanced clustering those with few.

use super::random::{Random, Urn};

/// Of a cluster of less than this share of the mean size the centroid moves, where clusters are balanced (cuVS: 0.25).
const SMALL: f64 = 0.25;
/// What a centroid that has points weighs at most against the point that it moves towards, and what one of none weighs (cuVS: 7).
const MOST_WEIGHT: u64 = 7;

/// What one assignment found of a cluster.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cluster {
    /// Points.
    pub points: u64,
    /// Their weights.
    pub weight: f64,
    /// Of the distances of its points, each times its weight.
    pub objective: f64,
    /// Whether its points differ.
    pub differs: bool,
}

impl Cluster {
    /// Whether it has no mean: no points, or none that weigh anything.
    pub fn is_empty(&self) -> bool {
        self.weight == 0.0
    }
}

/// A centroid that moves to `donor + (x - donor) share`, x the donor's point number `point`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Move {
    pub to: usize,
    pub donor: usize,
    pub point: u64,
    pub share: f32,
}

/// The moves of empty clusters' centroids but the first `frozen`: each into a cluster drawn as FAISS draws it, with a probability of its
/// size less 1, which each halves. Clusters of equal points give nothing. The donor's centroid stays where it is, so that the objective
/// rises through no move.
pub(crate) fn split(clusters: &[Cluster], frozen: usize, random: &mut Random) -> Vec<Move> {
    let empty = |c: &Cluster| c.is_empty();
    let share = 1.0 / (MOST_WEIGHT + 1) as f32;
    moves(clusters, frozen, random, empty, |c| c.points.saturating_sub(1), |_| share)
}

/// The moves of clusters whose points are all equal to that point, which a sum divided by their number may miss by a bit; those whose
/// centroids move elsewhere stay with that.
pub(super) fn equal(clusters: &[Cluster], frozen: usize, moved: &[Move]) -> Vec<Move> {
    let whole = |c: &Cluster| c.points == 1 && c.weight == 1.0;
    let mut elsewhere = vec![false; clusters.len()];
    moved.iter().for_each(|m| elsewhere[m.to] = true);
    let equal = |&c: &usize| {
        let cluster = &clusters[c];
        !elsewhere[c] && !cluster.differs && !cluster.is_empty() && !whole(cluster)
    };
    let all = (frozen..clusters.len()).filter(equal);
    all.map(|c| Move { to: c, donor: c, point: 0, share: 1.0 }).collect()
}

/// As [`split`], of small clusters, into those of at least the mean size: of an empty one straight to a point.
pub(super) fn balance(clusters: &[Cluster], frozen: usize, random: &mut Random) -> Vec<Move> {
    let mean = clusters.iter().map(|c| c.points).sum::<u64>() as f64 / clusters.len() as f64;
    let small = |c: &Cluster| c.is_empty() || c.points as f64 <= mean * SMALL;
    let size = |c: &Cluster| if c.points as f64 >= mean { c.points.saturating_sub(1) } else { 0 };
    let share = |c: &Cluster| 1.0 / (c.points.min(MOST_WEIGHT) + 1) as f32;
    moves(clusters, frozen, random, small, size, share)
}

fn moves(
    clusters: &[Cluster],
    frozen: usize,
    random: &mut Random,
    is_moved: impl Fn(&Cluster) -> bool,
    size: impl Fn(&Cluster) -> u64,
    share: impl Fn(&Cluster) -> f32,
) -> Vec<Move> {
    let moved: Vec<usize> = (frozen..clusters.len()).filter(|&c| is_moved(&clusters[c])).collect();
    if moved.is_empty() {
        return Vec::new();
    }
    let gives = |c: &Cluster| c.differs && !is_moved(c);
    let mut sizes: Vec<u64> = clusters.iter().map(|c| if gives(c) { size(c) } else { 0 }).collect();
    let mut urn = Urn::new(sizes.iter().copied());
    let mut all = Vec::with_capacity(moved.len());
    for to in moved {
        let Some(donor) = urn.draw(random) else { break };
        let less = sizes[donor] / 2;
        urn.take(donor, less);
        sizes[donor] -= less;
        let point = random.below(clusters[donor].points);
        all.push(Move { to, donor, point, share: share(&clusters[to]) });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(points: u64, differs: bool) -> Cluster {
        Cluster { points, weight: points as f64, objective: 1.0, differs }
    }

    #[test]
    fn empty_clusters_go_to_large_ones_whose_points_differ() {
        let sizes = [(0, false), (100, true), (900, false), (1, false), (0, false), (300, true)];
        let clusters = sizes.map(|(points, differs)| cluster(points, differs));
        let mut often = [0; 6];
        for seed in 0..400 {
            let moves = split(&clusters, 0, &mut Random::new(seed));
            assert_eq!(moves.iter().map(|m| m.to).collect::<Vec<_>>(), [0, 4]);
            for m in moves {
                assert!(m.point < clusters[m.donor].points && m.share == 0.125);
                often[m.donor] += 1;
            }
        }
        assert!(often[1] > 100 && often[5] > 2 * often[1] - 200 && often[1] + often[5] == 800);
        assert_eq!(split(&clusters, 1, &mut Random::new(1)).len(), 1);
        assert!(split(&clusters[2..5], 0, &mut Random::new(1)).is_empty());
        assert!(split(&[cluster(7, true); 3], 0, &mut Random::new(1)).is_empty());
    }

    #[test]
    fn small_clusters_go_to_those_of_the_mean_size() {
        let clusters = [100, 20, 0, 480, 3].map(|points| cluster(points, points > 1));
        let moves = balance(&clusters, 0, &mut Random::new(1));
        let shares: Vec<_> = moves.iter().map(|m| (m.to, m.donor, m.share)).collect();
        assert_eq!(shares, [(1, 3, 0.125), (2, 3, 1.0), (4, 3, 0.25)]);
        assert!(
            balance(&[cluster(40, true), cluster(25, true)], 0, &mut Random::new(1)).is_empty()
        );
    }

    #[test]
    fn no_centroid_moves_twice() {
        // the second is small, and its points are equal
        let clusters =
            [(100, true), (3, false), (30, false), (1, false)].map(|(n, d)| cluster(n, d));
        let moves = balance(&clusters, 0, &mut Random::new(1));
        assert_eq!(moves.iter().map(|m| m.to).collect::<Vec<_>>(), [1, 3]);
        let of = |moves: &[Move]| -> Vec<usize> {
            equal(&clusters, 0, moves).iter().map(|m| m.to).collect()
        };
        assert_eq!((of(&moves), of(&[])), (vec![2], vec![1, 2]));
    }

    #[test]
    fn a_cluster_of_points_without_weight_is_empty() {
        let mut clusters = [cluster(50, true), cluster(20, true)];
        clusters[1].weight = 0.0;
        let moves = split(&clusters, 0, &mut Random::new(3));
        assert_eq!((moves.len(), moves[0].to, moves[0].donor), (1, 1, 0));
    }
}
